//! When a route of netprof's own has outlived what it was made for.
//!
//! A route outlives the address that it was made with. Where one is deleted, the kernel
//! takes its own route to that address's network away and no other (`in_ifscrub` in xnu,
//! `bsd/netinet/in.c`; `in6_purgeaddr` in `bsd/netinet6/in6.c`), so a machine that has
//! moved still has netprof's, and they may capture packets of the network that it has
//! moved to.
//!
//! It takes routes away, whoever has written them, with their link or the protocol on it
//! (`if_rtproto_del` in `bsd/net/if.c`), and those of an IPv4 address where the link is
//! set down while the kernel has a route of its own for that address (`rip_ctlinput` in
//! `bsd/netinet/raw_ip.c`, `in_ifadownkill` in `bsd/netinet/in_rmx.c`).

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::held::HeldResource;
use netprof_model::route::{Protocol, Route, RouteKind};
use netprof_model::{Resource, Snapshot};

use crate::footing::{Footing, single_way};

/// Why a held route that is still there no longer serves its purpose, if so.
pub(in crate::macos) fn stale(held: &HeldResource, footing: &Footing) -> Option<String> {
    let (key, spec, hop, dev) = single_way(held)?;
    if spec.kind != RouteKind::Unicast {
        return None;
    }
    match hop.via {
        // A router's link-local address says nothing of the network.
        Some(IpAddr::V6(via)) if via.is_unicast_link_local() => None,
        Some(via) => (!is_neighbour(footing.snapshot, dev, via) && !is_routed(footing, dev, via))
            .then(|| format!("{dev} has left the network of the gateway {via}")),
        None => is_left_behind(held, dev, key.dst, footing).then(|| {
            format!(
                "{dev} has left the network of {}: packets to it are still captured",
                key.dst
            )
        }),
    }
}

/// Whether a route was made for a network that `dev` is no longer in. One that a profile
/// declares stands for itself.
fn is_left_behind(held: &HeldResource, dev: &str, dst: IpNet, footing: &Footing) -> bool {
    held.of_network && !overlaps_own(footing, dev, dst)
}

fn is_neighbour(snapshot: &Snapshot, dev: &str, via: IpAddr) -> bool {
    let mut own = snapshot.addresses.items().iter();
    own.any(|one| one.dev == dev && (one.local.contains(&via) || one.peer == Some(via)))
}

/// Whether some route through `dev` makes a neighbour of `via`: a tunnel's gateway need
/// not be in a network of its own.
fn is_routed(footing: &Footing, dev: &str, via: IpAddr) -> bool {
    let is_left_behind = |route: &Route| {
        route.spec.protocol == Protocol::NETPROF
            && footing
                .held
                .get(&Resource::Route(route.key.clone()))
                .is_some_and(|held| is_left_behind(held.entry, dev, route.key.dst, footing))
    };
    footing
        .around(via.into(), dev)
        .any(|route| route.spec.kind == RouteKind::Unicast && !is_left_behind(route))
}

/// Whether `dev` is in a network that has to do with `prefix`: by an address, or by a
/// route of somebody else's.
fn overlaps_own(footing: &Footing, dev: &str, prefix: IpNet) -> bool {
    let overlaps = |other: IpNet| other.contains(&prefix) || prefix.contains(&other);
    let mut addresses = footing.snapshot.addresses.items().iter();
    addresses.any(|one| one.dev == dev && overlaps(one.local.trunc()))
        || footing
            .around(prefix, dev)
            .any(|route| route.key.dst.prefix_len() > 0 && route.spec.protocol != Protocol::NETPROF)
}
