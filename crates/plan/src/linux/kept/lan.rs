//! `keep-lan`: which networks a LAN consists of, by what the connected routes in main say,
//! and what lies behind it.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::KeepLan;
use netprof_model::route::Route;

use super::{Home, Kept, Of};
use crate::draft::Draft;
use crate::lan;
use crate::lan::also::Behind;
use crate::lan::networks;
use crate::linux::{Ground, connected};

/// The links whose networks are kept, if the profile says so.
pub(super) fn links<'a>(ground: &Ground<'a>, draft: &mut Draft) -> Vec<&'a Link> {
    let node = ground.profile.routes.keep_lan.as_ref();
    node.map_or(Vec::new(), |node| {
        lan::kept_links(ground, node, &reason(node), draft)
    })
}

/// The networks of the LAN that are to be kept, and those behind it.
pub(super) fn of<'a>(home: &Home<'a, '_>, draft: &mut Draft) -> Vec<Kept<'a>> {
    let node = home.ground.profile.routes.keep_lan.as_ref();
    let Some(node) = node.filter(|_| !home.links.is_empty()) else {
        return Vec::new();
    };
    let mut all = networks_of(home, node, &reason(node), draft);
    let behind = lan::also::of(home, node, draft).into_iter();
    all.extend(behind.map(|behind| Kept::behind(home, behind)));
    all
}

fn reason(node: &KeepLan) -> Reason {
    Reason::line(&node.at, "keep-lan")
}

/// The networks that the kept links are in and that are to be kept; what is refused or
/// left out is said.
fn networks_of<'a>(
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
            of: Of::Lan,
            subject: format!("keep-lan {prefix}"),
            prefix,
            source: source(home.ground, link, best),
            links: routes.iter().map(|(link, _)| *link).collect(),
            via: None,
            metric: best.key.metric,
            is_new: false,
            overrides: false,
            is_live: true,
            reason: reason.clone(),
            what: None,
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

/// This host's address in the network of `route`, as the route has it.
pub(super) fn source(ground: &Ground, link: &Link, route: &Route) -> Option<IpAddr> {
    let mut addresses = ground.base.addresses.items().iter();
    route.spec.prefsrc.or_else(|| {
        addresses
            .find(|one| {
                one.dev == link.name && route.key.dst.contains(&one.local.addr()) && !one.secondary
            })
            .map(|one| one.local.addr())
    })
}

impl<'a> Kept<'a> {
    /// A prefix behind a gateway on the LAN.
    fn behind(home: &Home<'a, '_>, behind: Behind<'a>) -> Self {
        let Behind {
            subject,
            also,
            way,
            reason,
        } = behind;
        Self {
            of: Of::Lan,
            subject,
            prefix: also.prefix,
            source: way.via.and_then(|via| beside(home.ground, way.link, via)),
            links: vec![way.link],
            via: way.via,
            metric: way.live.map_or_else(
                || crate::linux::metric_or_default(&also.prefix, None),
                |live| live.key.metric,
            ),
            is_new: way.live.is_none(),
            overrides: way.overrides,
            is_live: true,
            reason,
            what: None,
            at: also.at,
        }
    }
}

/// The address of `link` that packets to `gateway` come from.
fn beside(ground: &Ground, link: &Link, gateway: IpAddr) -> Option<IpAddr> {
    let mut addresses = ground.base.addresses.items().iter();
    addresses
        .find(|one| one.dev == link.name && one.local.contains(&gateway) && !one.secondary)
        .map(|one| one.local.addr())
}
