//! What must win once the changes are made: looked at beforehand, by a system's own look-up
//! on the machine as it will be, and afterwards, by asking the real kernel.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::plan::{Expectation, Reason, RouteAnswer, RouteProbe, Standing};
use netprof_model::profile::Scope;
use netprof_model::route::Route;
use netprof_model::shared::Shared;
use netprof_model::{Diagnostic, Location, Name, Owner, Resource};

use crate::draft::Draft;

/// Packets to some address must leave through some link.
///
/// A profile may make ten thousand of these: what they have in common is shared.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// What is claimed.
    pub(crate) subject: Subject,
    /// An address that stands for what is claimed.
    pub(crate) to: IpAddr,
    /// The links that they may leave through; none for 'nowhere'.
    pub(crate) devs: Shared<Vec<String>>,
    /// The gateway, where there must be one.
    pub(crate) via: Option<IpAddr>,
    /// Whether there must be none.
    pub(crate) direct: bool,
    /// Why: the line that claims it.
    pub(crate) reason: Reason,
}

/// What is claimed, in the words of the profile.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// In these.
    Words(String),
    /// The declared route to this prefix, by the node that is the reason. Its words are
    /// made where somebody asks for them, which is where it would be lost.
    Route(IpNet),
}

impl Claim {
    /// What is claimed, in words.
    pub(crate) fn subject(&self) -> impl fmt::Display {
        fmt::from_fn(|f| match &self.subject {
            Subject::Words(words) => f.write_str(words),
            Subject::Route(prefix) => write!(f, "{} {prefix}", self.reason.text),
        })
    }

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

/// How a system answers a claim on the machine as it will be.
pub(crate) enum Answer {
    /// It holds: the kernel must answer this.
    Holds(Shared<RouteAnswer>),
    /// It does not: who wins, and what would help.
    Lost {
        /// The whole of it, in words.
        message: String,
        /// What would help.
        help: String,
        /// Whose that is which wins.
        owner: Owner,
    },
}

/// Puts each claim of `draft` to `ask`. What holds becomes something to ask the kernel
/// afterwards; what does not is refused, with the one who wins.
pub(crate) fn check(draft: &mut Draft, mut ask: impl FnMut(&Claim) -> Answer) {
    let claims = std::mem::take(&mut draft.claims);
    draft.expectations.reserve_exact(claims.len());
    for claim in claims {
        match ask(&claim) {
            Answer::Holds(answer) => draft.expectations.push(Expectation {
                probe: RouteProbe {
                    to: claim.to,
                    oif: None,
                },
                answer,
                reason: claim.reason,
            }),
            Answer::Lost {
                message,
                help,
                owner,
            } => {
                let subject = claim.subject().to_string();
                draft.row(Standing::Blocked, subject, &message, &claim.reason);
                draft.diagnostics.push(
                    Diagnostic::error("plan::would-lose", message)
                        .at(claim.reason.at)
                        .label("this would not hold")
                        .help(help)
                        .whose(owner),
                );
            }
        }
    }
}

/// What stands before a scope's domain in the name that is asked for to see who answers.
const ASKS: &str = "netprof-asks.";

/// A name that no scope can claim (RFC 6761): who answers it answers all the rest.
pub(crate) const UNCLAIMED: &str = "unclaimed.invalid";

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

impl DnsClaim {
    /// What `scope` promises: a name under each of its domains, and one that nobody claims
    /// if it takes the rest.
    pub(crate) fn of<'a>(
        scope: &'a Scope,
        by: &'a Place,
        reason: &'a Reason,
    ) -> impl Iterator<Item = Self> + 'a {
        let domains = scope.domains.iter();
        let names = domains.map(|domain| format!("{ASKS}{}", domain.value));
        let rest = scope.default_route.then(|| UNCLAIMED.to_owned());
        names.chain(rest).map(|name| Self {
            scope: scope.name.clone(),
            name,
            by: by.clone(),
            reason: reason.clone(),
            at: scope.at.clone(),
        })
    }

    /// The domain that it is about; none for the names that no scope claims.
    pub(crate) fn domain(&self) -> Option<&str> {
        self.name.strip_prefix(ASKS)
    }
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
