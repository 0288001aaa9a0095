//! What a profile means on Linux: policy routing and systemd-resolved.

mod above;
mod claim;
mod clamp;
mod collisions;
pub(crate) mod connected;
pub mod desktop;
mod dns;
pub mod fib;
pub mod firewall;
mod kept;
mod localhost;
mod managers;
mod mtu;
mod own_table;
pub mod owner;
mod pools;
mod priority;
pub mod put_back;
pub mod resolver;
mod routes;
mod stale;

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Snapshot;
use netprof_model::link::Link;
use netprof_model::profile::Profile;
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteKind, RouteSpec};
use netprof_model::rule::Family;

use crate::draft::Draft;
use crate::ground::{is_known, standing};
use crate::lan::Terrain;
use crate::proxy;
use fib::Fib;

pub(crate) use above::{above, kept_by};
pub use fib::{LOCAL, MAIN};
pub(crate) use stale::stale;

/// netprof's own routing table. Tables from 256 on are nobody's by convention; no
/// tool that was looked at uses this one.
pub const TABLE: u32 = 28272;

/// A route is on the link itself (RT_SCOPE_LINK).
const SCOPE_LINK: u8 = 253;
/// An address or route is valid on this host alone (RT_SCOPE_HOST).
const SCOPE_HOST: u8 = 254;

/// What everything below looks at.
type Ground<'a> = crate::ground::Ground<'a, Fib<'a>>;

impl<'a> Terrain<'a> for Ground<'a> {
    /// The link with the longest network of its own that holds `via`; of equals, the one
    /// whose connected route is the best.
    fn neighbour(&self, via: IpAddr) -> Option<&'a Link> {
        let networks = self.base.addresses.items().iter().filter(|one| {
            one.local.contains(&via)
                && one.local.addr() != via
                && self.link(&one.dev).is_some_and(|link| link.up)
        });
        let best = networks.min_by_key(|one| {
            let connected = self.routing.exact(MAIN, &one.local.trunc()).iter();
            let metric = connected
                .filter(|route| route.goes_through(&one.dev))
                .map(|route| route.key.metric)
                .min();
            (u8::MAX - one.local.prefix_len(), metric.unwrap_or(u32::MAX))
        })?;
        self.link(&best.dev)
    }

    fn exact(&self, prefix: &IpNet) -> Vec<&'a Route> {
        self.routing.exact(MAIN, prefix).to_vec()
    }

    fn is_local(&self, route: &Route) -> bool {
        let link = route.devices().next().and_then(|dev| self.link(dev));
        route.spec.protocol == Protocol::KERNEL
            && route.gateway().is_none()
            && link.is_some_and(|link| {
                link.kind.as_deref().is_none_or(|kind| kind == "bridge") && !link.loopback
            })
    }

    fn gateways(&self, link: &Link, family: Family) -> Vec<IpAddr> {
        let defaults = self.routing.exact(MAIN, &family.everything()).iter();
        let hops = defaults.flat_map(|route| &route.spec.hops);
        hops.filter(|hop| hop.dev.as_ref() == Some(&link.name))
            .filter_map(|hop| hop.via)
            .collect()
    }
}

/// Writes down in `draft` what `profile` wants of the machine of `base`.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    let sections = [
        ("links", standing(&base.links)),
        ("addresses", standing(&base.addresses)),
        ("routes", standing(&base.routes)),
        ("rules", standing(&base.rules)),
    ];
    if !is_known(&sections, draft) {
        return;
    }
    let ground = Ground::new(profile, base, Fib::new(base), draft);
    let priorities = priority::Priorities::of(base);
    localhost::desire(&ground, draft);
    kept::desire(&ground, &priorities, draft);
    routes::desire(&ground, &priorities, draft);
    mtu::desire(&ground, draft);
    clamp::desire(&ground, draft);
    managers::shorten(base, draft);
    collisions::warn(&ground, draft);
    dns::desire(&ground, draft);
    proxy::desire(profile, base, draft);
    pools::desire(profile, base, draft);
}

/// Looks at the machine as it will be: whatever is claimed must win there.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    claim::check(after, draft);
    dns::check(after, draft);
}

/// A route of netprof's own.
fn own_route(
    prefix: IpNet,
    kind: RouteKind,
    hop: Option<Hop>,
    prefsrc: Option<IpAddr>,
) -> RouteSpec {
    let direct = hop.as_ref().is_some_and(|hop| hop.via.is_none());
    RouteSpec {
        kind,
        protocol: Protocol::NETPROF,
        // IPv6 has no scopes: the kernel reports universe for every route.
        scope: if direct && prefix.addr().is_ipv4() {
            SCOPE_LINK
        } else {
            0
        },
        prefsrc,
        hops: hop.into_iter().collect(),
        ..RouteSpec::default()
    }
}

/// The key of a route of netprof's own.
fn own_key(prefix: IpNet, table: u32, metric: Option<u32>) -> RouteKey {
    RouteKey {
        dst: prefix,
        table,
        metric: metric_or_default(&prefix, metric),
        tos: 0,
        ifscope: None,
    }
}

/// The metric that the kernel gives a route where none is named: IPv6 has
/// IP6_RT_PRIO_USER, IPv4 has 0.
fn metric_or_default(prefix: &IpNet, metric: Option<u32>) -> u32 {
    match metric {
        Some(metric) if metric > 0 => metric,
        _ if prefix.addr().is_ipv4() => 0,
        _ => 1024,
    }
}
