//! A Mac as routes are laid over it: who is whose neighbour, and what netprof's own
//! routes look like.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::link::{Address, Link};
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteKind, RouteSpec, rtf};
use netprof_model::rule::Family;

use super::Ground;
use crate::lan::Terrain;

impl<'a> Terrain<'a> for Ground<'a> {
    /// The link with the longest network of its own that holds `via`, or that leads to
    /// it as to its other end; of equals, the one whose connected route is unscoped.
    fn neighbour(&self, via: IpAddr) -> Option<&'a Link> {
        let length = |one: &Address| {
            if one.peer == Some(via) {
                return Some(one.local.max_prefix_len());
            }
            let holds = one.local.contains(&via) && one.local.addr() != via;
            holds.then(|| one.local.prefix_len())
        };
        let networks = self.base.addresses.items().iter();
        let best = networks
            .filter(|one| self.link(&one.dev).is_some_and(|link| link.up))
            .filter_map(|one| Some((length(one)?, one)))
            .min_by_key(|(length, one)| {
                let mut connected = self.routing.exact(&one.local.trunc()).iter();
                let is_first = connected.any(|route| route.goes_through(&one.dev));
                (u8::MAX - length, !is_first)
            })?;
        self.link(&best.1.dev)
    }

    /// What drops is a route through a link here, and no way on.
    fn exact(&self, prefix: &IpNet) -> Vec<&'a Route> {
        let all = self.routing.exact(prefix).iter().copied();
        all.filter(|route| route.spec.kind == RouteKind::Unicast)
            .collect()
    }

    /// Virtual machines are on bridges of macOS's own, or on links of VMware's.
    fn is_local(&self, route: &Route) -> bool {
        let link = route.devices().next().and_then(|dev| self.link(dev));
        let is_of_system = route.spec.protocol == Protocol::KERNEL
            || matches!(route.owner, Owner::Kernel | Owner::Configd);
        is_of_system
            && route.gateway().is_none()
            && link.is_some_and(|link| {
                let kind = link.kind.as_deref();
                !link.loopback
                    && kind.is_none_or(|kind| matches!(kind, "bridge" | "vlan" | "bond" | "vmnet"))
            })
    }

    /// A link that is not the primary one has its default route scoped.
    fn gateways(&self, link: &Link, family: Family) -> Vec<IpAddr> {
        let everything = family.everything();
        let scoped = RouteKey {
            ifscope: Some(link.name.clone()),
            ..RouteKey::unscoped(everything)
        };
        let plain = self.routing.exact(&everything).iter().copied();
        plain
            .filter(|route| route.goes_through(&link.name))
            .chain(self.routing.at(&scoped))
            .filter_map(Route::gateway)
            .collect()
    }
}

/// A route of netprof's own through `link`. Without a gateway over a link with
/// neighbours, each destination must get an entry of its own for its hardware address,
/// as configd's routes to the networks of a link do.
pub(super) fn own_route(link: &Link, via: Option<IpAddr>) -> RouteSpec {
    let clones = via.is_none() && link.mac.is_some();
    RouteSpec {
        protocol: Protocol::NETPROF,
        hops: vec![Hop::through(&link.name, via)],
        flags: rtf::STATIC | if clones { rtf::CLONING } else { 0 },
        ..RouteSpec::default()
    }
}

/// A link-local address is looked up with a link.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
