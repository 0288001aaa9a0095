//! Which networks a Mac's LAN consists of.

use std::collections::{BTreeMap, HashSet};

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::KeepLan;
use netprof_model::route::{Protocol, Route, RouteKind};

use super::{Home, Kept};
use crate::draft::Draft;
use crate::lan::networks;

/// The networks that the kept links are in and that are to be kept; what is refused or
/// left out is said.
pub(super) fn of<'a>(
    home: &Home<'a, '_>,
    node: &KeepLan,
    reason: &Reason,
    draft: &mut Draft,
) -> Vec<Kept<'a>> {
    let all = connected(home);
    let members: HashSet<&str> = all
        .values()
        .flatten()
        .map(|link| link.name.as_str())
        .collect();
    networks::waiting(home.links, &members, node, reason, draft);
    let keepable = networks::keepable(all, |link| *link, node, reason, draft);
    let kept = keepable.into_iter().map(|(prefix, links)| Kept {
        subject: format!("keep-lan {prefix}"),
        prefix,
        links,
        via: None,
        overrides: false,
        reason: reason.clone(),
        at: node.at.clone(),
    });
    kept.collect()
}

/// The networks of the kept links, each with the links that are in it, the one first
/// whose route is for every socket.
fn connected<'a>(home: &Home<'a, '_>) -> BTreeMap<IpNet, Vec<&'a Link>> {
    let mut networks: BTreeMap<IpNet, Vec<&Link>> = BTreeMap::new();
    let mut add = |prefix: IpNet, link: &'a Link| {
        let links = networks.entry(prefix).or_default();
        if !links.iter().any(|other| other.name == link.name) {
            links.push(link);
        }
    };
    let mut routes: Vec<&Route> = home.ground.base.routes.items().iter().collect();
    routes.sort_by_key(|route| route.key.ifscope.is_some());
    for route in routes {
        let link = route.devices().next().and_then(|dev| home.ground.link(dev));
        if let Some(link) = link
            && home.is_kept(&link.name)
            && is_network(route.key.dst)
            && is_connected(home, link, route)
        {
            add(route.key.dst, link);
        }
    }
    // configd makes a route of every IPv4 address that it sets, so where there is none,
    // somebody has taken it away. A network of IPv6 may forbid its hosts to talk to each
    // other, and then there never was one (RFC 4861, 4.6.2).
    for one in home.ground.base.addresses.items() {
        let link = home.ground.link(&one.dev);
        if let Some(link) = link
            && home.is_kept(&link.name)
            && one.local.addr().is_ipv4()
            && is_network(one.local.trunc())
        {
            add(one.local.trunc(), link);
        }
    }
    networks
}

/// Whether a prefix can be that of a network with neighbours.
fn is_network(prefix: IpNet) -> bool {
    prefix.prefix_len() < prefix.max_prefix_len()
        && prefix.prefix_len() > 0
        && !prefix.addr().is_multicast()
        && !networks::is_link_local(&prefix)
}

/// Whether a route is that of a network which `link` is in: the kernel's word for it, as
/// for a prefix that a router announces, or configd's, of an address that the link has.
fn is_connected(home: &Home, link: &Link, route: &Route) -> bool {
    if route.spec.kind != RouteKind::Unicast || route.gateway().is_some() {
        return false;
    }
    let mut addresses = home.ground.base.addresses.items().iter();
    route.spec.protocol == Protocol::KERNEL
        || addresses.any(|one| one.dev == link.name && one.local.trunc() == route.key.dst)
}
