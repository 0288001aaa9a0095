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

/// Whether a route with so much of it may be that of a network that this host has no
/// address in: the kernel's or a router's word for it.
pub(crate) fn may_be_announced(dst: &IpNet, table: u32, protocol: Protocol) -> bool {
    table == MAIN && matches!(protocol, Protocol::KERNEL | Protocol::RA) && is_network(dst)
}

/// The link by which `route` is that of a network which this host is in, one of those that
/// are `home`: it leads to neighbours, where everybody looks, and is the kernel's or a
/// router's word, or that of a client that sets addresses up by itself (dhcpcd and iwd do)
/// and has one in it.
pub(crate) fn by_link<'a>(
    addresses: &[Address],
    route: &'a Route,
    home: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    let Route { key, spec, .. } = route;
    let is_direct =
        key.table == MAIN && spec.kind == RouteKind::Unicast && route.gateway().is_none();
    if !is_direct || !is_network(&key.dst) {
        return None;
    }
    let has_address = |dev: &str| {
        let mut own = addresses.iter().filter(|one| one.dev == dev);
        own.any(|one| {
            one.local.trunc() == key.dst
                || (key.dst.contains(&one.local.addr()) && spec.prefsrc == Some(one.local.addr()))
        })
    };
    let is_announced = may_be_announced(&key.dst, key.table, spec.protocol);
    let mut devices = route.devices();
    devices.find(|dev| home(dev) && (is_announced || has_address(dev)))
}
