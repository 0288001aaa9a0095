//! Which networks a LAN consists of: what the connected routes in main say.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::KeepLan;
use netprof_model::route::Route;

use super::{Home, Kept};
use crate::draft::Draft;
use crate::lan::networks;
use crate::linux::connected;

/// The networks that the kept links are in and that are to be kept; what is refused or
/// left out is said.
pub(super) fn of<'a>(
    home: &Home<'a, '_>,
    node: &KeepLan,
    reason: &Reason,
    draft: &mut Draft,
) -> Vec<Kept<'a>> {
    let networks = of_links(home);
    let members: HashSet<&str> = networks
        .values()
        .flatten()
        .map(|(link, _)| link.name.as_str())
        .collect();
    networks::waiting(home.links, &members, node, reason, draft);
    let keepable = networks::keepable(networks, |(link, _)| *link, node, reason, draft);
    let kept = keepable.into_iter().filter_map(|(prefix, routes)| {
        let (link, best) = *routes.first()?;
        Some(Kept {
            subject: format!("keep-lan {prefix}"),
            prefix,
            source: source(home, link, best, &prefix),
            links: routes.iter().map(|(link, _)| *link).collect(),
            via: None,
            metric: best.key.metric,
            is_new: false,
            overrides: false,
            reason: reason.clone(),
            at: node.at.clone(),
        })
    });
    kept.collect()
}

/// The connected routes of the kept links, by prefix, each list with the best first. A
/// network is what a connected route says: an address alone may be without one, where a
/// network forbids its hosts to talk to each other.
fn of_links<'a>(home: &Home<'a, '_>) -> BTreeMap<IpNet, Vec<(&'a Link, &'a Route)>> {
    let mut networks: BTreeMap<IpNet, Vec<(&Link, &Route)>> = BTreeMap::new();
    for route in home.ground.base.routes.items() {
        let addresses = home.ground.base.addresses.items();
        let dev = connected::by_link(addresses, route, |_| home.goes_home(route));
        if let Some(link) = dev.and_then(|dev| home.ground.link(dev)) {
            networks
                .entry(route.key.dst)
                .or_default()
                .push((link, route));
        }
    }
    for routes in networks.values_mut() {
        routes.sort_by_key(|(_, route)| route.key.metric);
    }
    networks
}

/// This host's address in `prefix`, as the connected route has it.
fn source(home: &Home, link: &Link, route: &Route, prefix: &IpNet) -> Option<IpAddr> {
    let mut addresses = home.ground.base.addresses.items().iter();
    route.spec.prefsrc.or_else(|| {
        addresses
            .find(|one| {
                one.dev == link.name && prefix.contains(&one.local.addr()) && !one.secondary
            })
            .map(|one| one.local.addr())
    })
}
