//! What of a machine must be read for a plan.

use netprof_model::Resource;
use netprof_model::held::Held;
use netprof_model::profile::Profile;

/// What of a machine must be read. Links, addresses, routes and rules always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// systemd-resolved, `/etc/resolv.conf` and nsswitch; configd's dynamic store and
    /// `/etc/resolver`.
    pub resolver: bool,
    /// nft chains that drop, and IPsec policies: what can undo a route.
    pub filters: bool,
    /// Which process holds which tunnel: costs a walk through all processes.
    pub owners: bool,
    /// The preferences of network services, with their proxies (macOS).
    pub preferences: bool,
}

impl Need {
    /// Everything: what `netprof snapshot` reads.
    pub const EVERYTHING: Self = Self {
        resolver: true,
        filters: true,
        owners: true,
        preferences: true,
    };
}

/// What must be read to plan `profile` where `held` is held.
#[must_use]
pub fn need(profile: Option<&Profile>, held: Option<&Held>) -> Need {
    let holds = |is: fn(&Resource) -> bool| {
        held.is_some_and(|held| held.resources.iter().any(|one| is(&one.resource)))
    };
    Need {
        // Whose proxies programs are told is in the dynamic store as well (macOS).
        resolver: holds(Resource::is_of_resolver)
            || profile.is_some_and(|profile| !profile.scopes.is_empty() || profile.proxy.is_some()),
        filters: profile.is_some_and(|profile| profile.routes.keep_lan.is_some()),
        // Every row of a plan names an owner, and a tunnel's is its process.
        owners: true,
        preferences: holds(Resource::is_of_preferences)
            || profile.is_some_and(|profile| profile.proxy.is_some()),
    }
}
