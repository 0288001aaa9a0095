//! What must win once the changes are made. Each operating system looks at it on the
//! machine as it will be; what wins there becomes a question to the real one.

use std::net::IpAddr;

use netprof_model::plan::Reason;
use netprof_model::route::Route;
use netprof_model::{Location, Name, Resource};

/// Packets to some address must leave through some link.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// What is claimed, in the words of the profile.
    pub(crate) subject: String,
    /// An address that stands for what is claimed.
    pub(crate) to: IpAddr,
    /// The links that they may leave through; none for 'nowhere'.
    pub(crate) devs: Vec<String>,
    /// The gateway, where there must be one.
    pub(crate) via: Option<IpAddr>,
    /// Whether there must be none.
    pub(crate) direct: bool,
    /// Why.
    pub(crate) reason: Reason,
    /// The line that claims it.
    pub(crate) at: Location,
}

impl Claim {
    /// Whether it holds where packets to its address take `route`, or go nowhere.
    pub(crate) fn holds(&self, route: Option<&Route>) -> bool {
        match (self.devs.as_slice(), route) {
            ([], route) => route.is_none(),
            (_, None) => false,
            (devs, Some(route)) => {
                devs.iter().any(|dev| route.goes_through(dev))
                    && !(self.direct && route.gateway().is_some())
                    && self
                        .via
                        .is_none_or(|via| route.spec.hops.iter().any(|hop| hop.via == Some(via)))
            }
        }
    }
}

/// A name must be answered by a scope, and by nobody else.
#[derive(Clone, Debug)]
pub(crate) struct DnsClaim {
    /// The scope's name.
    pub(crate) scope: Name,
    /// The name that is asked.
    pub(crate) name: String,
    /// Who alone must answer.
    pub(crate) by: Place,
    /// Why.
    pub(crate) reason: Reason,
    /// The line that claims it.
    pub(crate) at: Location,
}

/// Where a scope lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    /// On a link, by systemd-resolved.
    Link(String),
    /// In a delegate of systemd-resolved's.
    Delegate(Name),
    /// In configd's resolvers.
    Configd {
        /// The services of netprof's own in the dynamic store, or the files of
        /// `/etc/resolver`.
        kept_in: Vec<Resource>,
        /// The link that its servers are behind, where it names one.
        link: Option<String>,
    },
}
