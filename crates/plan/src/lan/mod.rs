//! What a LAN is, on whatever operating system: which links are meant, which of their
//! networks may be kept, and what else in a profile contradicts it. How a network is
//! kept is each system's own matter.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::KeepLan;
use netprof_model::route::Route;
use netprof_model::rule::Family;

use crate::draft::Draft;
use crate::ground::Ground;

pub(crate) mod also;
pub(crate) mod contradictions;
pub(crate) mod networks;
pub(crate) mod probes;

/// What of finding LANs and the ways through them is each system's own.
pub(crate) trait Terrain<'a> {
    /// The link with the longest network of its own that holds `via`.
    fn neighbour(&self, via: IpAddr) -> Option<&'a Link>;
    /// The routes to exactly `prefix` that hold for every socket, the best one first.
    fn exact(&self, prefix: &IpNet) -> Vec<&'a Route>;
    /// Whether a route is that of a network which this host is in by hardware, or by a
    /// bridge or the like on it, and by no VPN's doing.
    fn is_local(&self, route: &Route) -> bool;
    /// The gateways of the default routes through `link`, the best first.
    fn gateways(&self, link: &Link, family: Family) -> Vec<IpAddr>;
}

/// The links that are kept, and what is known of the machine.
pub(crate) struct Home<'a, 'b, R> {
    pub(crate) ground: &'b Ground<'a, R>,
    pub(crate) links: &'b [&'a Link],
}

impl<'a, R> Home<'a, '_, R>
where
    Ground<'a, R>: Terrain<'a>,
{
    /// Whether the networks of `dev` are kept.
    pub(crate) fn is_kept(&self, dev: &str) -> bool {
        self.links.iter().any(|link| link.name == dev)
    }

    /// Whether a route goes through kept links alone.
    pub(crate) fn goes_home(&self, route: &Route) -> bool {
        let mut devices = route.devices().peekable();
        devices.peek().is_some() && devices.all(|dev| self.is_kept(dev))
    }

    /// Whether a route leads to where a kept network may lead: through kept links, or
    /// into a container network on this host.
    pub(crate) fn is_at_home(&self, route: &Route) -> bool {
        let home = |dev: &str| {
            self.is_kept(dev)
                || self
                    .ground
                    .link(dev)
                    .is_some_and(|link| link.owner.is_engine())
        };
        let mut devices = route.devices().peekable();
        devices.peek().is_some() && devices.all(home)
    }

    /// Whether a route within `prefix` is meant to win over keeping it: one that leads
    /// home, or to another network that this host is in, which is no VPN's doing.
    pub(crate) fn keeps_its_way(&self, route: &Route, prefix: IpNet) -> bool {
        self.is_at_home(route) || (route.key.dst != prefix && self.ground.is_local(route))
    }
}

/// The links whose networks are kept; what waits is said.
pub(crate) fn kept_links<'a, R>(
    ground: &Ground<'a, R>,
    node: &KeepLan,
    reason: &Reason,
    draft: &mut Draft,
) -> Vec<&'a Link> {
    if node.links.is_empty() {
        let physical = networks::physical(ground.base.links.items());
        if physical.is_empty() {
            let detail = format!(
                "waits for a physical link that is up ({})",
                networks::PHYSICAL
            );
            draft.row(Standing::Waiting, "keep-lan", detail, reason);
        }
        return physical;
    }
    let mut kept: Vec<&Link> = Vec::new();
    for name in &node.links {
        let subject = format!("keep-lan {}", name.value);
        match ground.links.or_row(name, &subject, reason) {
            Ok(links) => kept.extend(links),
            Err(row) => draft.rows.push(*row),
        }
    }
    kept
}
