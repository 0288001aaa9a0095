//! What of a machine must be read for a plan.

use netprof_model::Resource;
use netprof_model::held::Held;
use netprof_model::profile::Profile;

/// What of a machine must be read. Links, addresses, routes and rules always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// systemd-resolved, `/etc/resolv.conf` and nsswitch.
    pub resolver: bool,
    /// nft chains that drop, and IPsec policies: what can undo a route.
    pub filters: bool,
    /// Which process holds which tunnel: costs a walk through `/proc`.
    pub owners: bool,
}

impl Need {
    /// Everything: what `netprof snapshot` reads.
    pub const EVERYTHING: Self = Self {
        resolver: true,
        filters: true,
        owners: true,
    };
}

/// What must be read to plan `profile` where `held` is held.
#[must_use]
pub fn need(profile: Option<&Profile>, held: Option<&Held>) -> Need {
    let holds_dns = held.is_some_and(|held| {
        held.resources.iter().any(|one| {
            matches!(
                one.resource,
                Resource::DnsLink { .. } | Resource::DnsDelegate { .. }
            )
        })
    });
    Need {
        resolver: holds_dns || profile.is_some_and(|profile| !profile.scopes.is_empty()),
        filters: profile.is_some_and(|profile| profile.routes.keep_lan.is_some()),
        // Every row of a plan names an owner, and a tunnel's is its process.
        owners: true,
    }
}
