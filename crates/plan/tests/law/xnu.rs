//! The look-up of xnu by the words of its comments, over a plain list: what the planner's
//! own is held against (`rt_lookup_common` in `bsd/net/route.c`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netprof_model::Snapshot;
use netprof_model::route::Route;
use netprof_plan::macos::put_back::is_host;

/// A host's route matches at full length, before a network's of one address.
pub(crate) fn full(route: &Route) -> (u8, bool) {
    (route.key.dst.prefix_len(), is_host(&route.spec))
}

fn dev(route: &Route) -> Option<&str> {
    route.spec.hops.first().and_then(|hop| hop.dev.as_deref())
}

/// The route that a packet to `to` takes, also one that drops it; `bound` is the link that
/// its socket is bound to. An address of this host is like any other.
pub(crate) fn look_up<'a>(
    snapshot: &'a Snapshot,
    to: IpAddr,
    bound: Option<&str>,
) -> Option<&'a Route> {
    let routes = snapshot.routes.items();
    let zero = match to {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let best = |scope: Option<&str>, to: IpAddr| {
        let fitting = routes
            .iter()
            .filter(|route| route.key.ifscope.as_deref() == scope && route.key.dst.contains(&to));
        fitting.max_by_key(|route| full(route))
    };
    let is_zero = |route: &Route| route.key.dst.addr() == zero;
    let is_loopback = |route: &Route| {
        let link = dev(route).and_then(|dev| snapshot.link(dev));
        link.is_some_and(|link| link.loopback) && route.gateway().is_none()
    };
    let original = best(None, to);
    let default = best(None, zero);
    if let Some(route) = original
        && is_loopback(route)
    {
        return Some(route);
    }
    let (scope, original) = match (bound, original) {
        (None, Some(route)) => (dev(route), Some(route)),
        (None, None) => (default.and_then(dev), None),
        (Some(link), Some(route)) if dev(route) != Some(link) => (Some(link), None),
        (Some(link), route) => (Some(link), route),
    };
    let specific = scope.and_then(|scope| best(Some(scope), to));
    let result = match (specific, original) {
        (Some(net), Some(host)) if is_host(&host.spec) && !is_host(&net.spec) => Some(host),
        (Some(wide), Some(narrow)) if is_zero(wide) && !is_zero(narrow) => Some(narrow),
        (Some(specific), _) => Some(specific),
        (None, original) => original,
    };
    result.or(default.filter(|route| dev(route) == scope))
}
