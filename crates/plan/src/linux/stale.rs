//! When a route of netprof's own has outlived what it was made for.

use std::net::IpAddr;

use netprof_model::held::HeldResource;
use netprof_model::route::{Protocol, RouteKey, RouteKind};

use super::{MAIN, TABLE};
use crate::footing::{Footing, single_way};

/// Why a held resource that is still there no longer serves its purpose, if so: it was
/// made for a network that its link has left.
pub(crate) fn stale(held: &HeldResource, footing: &Footing) -> Option<String> {
    let (key, _, hop, dev) = single_way(held)?;
    let addresses = footing.snapshot.addresses.items().iter();
    let mut own = addresses.filter(|one| one.dev == dev);
    match hop.via {
        // A router's link-local address says nothing of the network.
        Some(IpAddr::V6(via)) if via.is_unicast_link_local() => None,
        Some(via) => (!own.any(|one| one.local.contains(&via)) && !is_routed(footing, dev, via))
            .then(|| format!("{dev} has left the network of the gateway {via}")),
        // A route without a gateway rests on nothing, unless it is a copy of main's.
        None => (is_kept(footing, key)
            && !own.any(|one| key.dst.contains(&one.local.addr()))
            && !is_connected(footing, dev, key))
        .then(|| {
            format!(
                "{dev} has left {}: packets to it are still captured",
                key.dst
            )
        }),
    }
}

/// Whether some route through `dev` makes a neighbour of `via`: a tunnel's gateway need
/// not be in a network of its own, nor its route in main.
fn is_routed(footing: &Footing, dev: &str, via: IpAddr) -> bool {
    footing
        .around(via.into(), dev)
        .any(|route| footing.tables.has(route.key.table) && route.spec.kind == RouteKind::Unicast)
}

/// Whether main still has somebody else's route to `key` on `dev` itself.
fn is_connected(footing: &Footing, dev: &str, key: &RouteKey) -> bool {
    footing
        .exact(key.dst, dev)
        .any(|route| route.key.table == MAIN && route.spec.protocol != Protocol::NETPROF)
}

/// Whether netprof holds a rule that leads to its copy of `key`.
fn is_kept(footing: &Footing, key: &RouteKey) -> bool {
    key.table == TABLE && footing.led_to_own.contains(&key.dst)
}
