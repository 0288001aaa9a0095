//! Whose routes would win over a kept prefix.

use std::net::IpAddr;

use netprof_model::link::Link;
use netprof_model::route::Route;

use super::{Home, Kept, keeps};

/// A route that would win, and the way that packets to its destination should go.
pub(super) struct Rival<'a> {
    pub(super) route: &'a Route,
    pub(super) way: (&'a Link, Option<IpAddr>),
}

/// For each of `all`, sorted by length, what would win over it. A route that lies in
/// several of them is of the longest.
pub(super) fn of<'a>(home: &Home<'a, '_>, all: &[Kept<'a>]) -> Vec<Vec<Rival<'a>>> {
    let of_one = |(at, one): (usize, &Kept<'a>)| {
        let is_of_longer = |route: &Route| {
            let mut longer = all[at + 1..].iter();
            longer.any(|other| {
                one.prefix.contains(&other.prefix)
                    && other.prefix != one.prefix
                    && other.prefix.contains(&route.key.dst)
            })
        };
        home.ground
            .routing
            .within(one.prefix)
            .filter(|route| !is_of_longer(route))
            .filter_map(|route| rival(home, one, route))
            .collect()
    };
    all.iter().enumerate().map(of_one).collect()
}

fn rival<'a>(home: &Home<'a, '_>, one: &Kept<'a>, route: &'a Route) -> Option<Rival<'a>> {
    let own = (*one.links.first()?, one.via);
    if route.key.dst == one.prefix {
        return (one.overrides || !keeps(home, route, one.prefix))
            .then_some(Rival { route, way: own });
    }
    if keeps(home, route, one.prefix) {
        return None;
    }
    // Within a longer route that keeps its way, it is that one's rival: netprof's, where
    // the longer one leads home, and nobody's where it leads to another network.
    let around = home
        .ground
        .routing
        .within(one.prefix)
        .filter(|wider| wider.key.dst != one.prefix && wider.key.dst != route.key.dst)
        .filter(|wider| wider.key.dst.contains(&route.key.dst))
        .filter(|wider| keeps(home, wider, one.prefix))
        .max_by_key(|wider| wider.key.dst.prefix_len());
    let way = match around {
        None => own,
        Some(wider) => {
            let link = wider.devices().next().and_then(|dev| home.ground.link(dev));
            let link = link.filter(|link| home.is_kept(&link.name))?;
            (link, wider.gateway())
        }
    };
    Some(Rival { route, way })
}
