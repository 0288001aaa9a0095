//! What makes a route that of a network which this host is in.

use ipnet::IpNet;
use netprof_model::link::Address;
use netprof_model::route::{Protocol, Route, RouteKind};

use super::MAIN;
use crate::lan::networks;

/// Whether a prefix may be that of a network: more than one address, and not looked up with
/// a link.
pub(crate) fn is_network(prefix: &IpNet) -> bool {
    prefix.prefix_len() < prefix.max_prefix_len() && !networks::is_link_local(prefix)
}

/// Whether a route leads to neighbours, where everybody looks.
pub(crate) fn is_direct(route: &Route) -> bool {
    route.key.table == MAIN && route.spec.kind == RouteKind::Unicast && route.gateway().is_none()
}

/// Whether a route without a gateway is that of a network which the link `dev` is in: the
/// kernel's or a router's word for it, or that of a client that sets addresses up by
/// itself (dhcpcd and iwd do) and has one in it.
pub(crate) fn is_connected(addresses: &[Address], dev: &str, route: &Route) -> bool {
    if matches!(route.spec.protocol, Protocol::KERNEL | Protocol::RA) {
        return true;
    }
    let mut own = addresses.iter().filter(|one| one.dev == dev);
    own.any(|one| {
        one.local.trunc() == route.key.dst
            || (route.key.dst.contains(&one.local.addr())
                && route.spec.prefsrc == Some(one.local.addr()))
    })
}
