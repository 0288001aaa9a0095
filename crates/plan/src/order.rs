//! The order in which changes are made.
//!
//! First what others rest on: addresses and links, then the tables that rules will
//! name, then the rules, so that no rule ever leads into a table that is not filled
//! yet; then main routes, then the resolver. What is taken away goes after what is
//! added, and in reverse, so that there is no moment with neither the old nor the
//! new.
//!
//! A route within a wider one is an exception from it and comes before it, so that its
//! packets never follow the wider one for a moment; unless its gateway is reached by the
//! wider one alone.

use std::net::IpAddr;

use netprof_model::plan::Change;
use netprof_model::{Resource, State};

use crate::prefixes::Prefixes;

/// Sorts `changes` into the order in which they are made.
pub(crate) fn sort(changes: &mut [Change]) {
    let (gone, made): (Vec<usize>, Vec<usize>) =
        (0..changes.len()).partition(|at| changes[*at].after.is_none());
    let mut order = laid(changes, made);
    order.extend(laid(changes, gone).into_iter().rev());
    // Where each goes: then they are moved by swaps, and none is copied.
    let mut to = vec![0; order.len()];
    for (new, old) in order.into_iter().enumerate() {
        to[old] = new;
    }
    for at in 0..to.len() {
        while to[at] != at {
            let new = to[at];
            changes.swap(at, new);
            to.swap(at, new);
        }
    }
}

/// The places of some of `changes`, in the order in which they would be made, were all of
/// these made.
fn laid(changes: &[Change], mut places: Vec<usize>) -> Vec<usize> {
    places.sort_by_cached_key(|at| place(&changes[*at]));
    let sorted: Vec<&Change> = places.iter().map(|at| &changes[*at]).collect();
    let mut order = Order::of(&sorted);
    for at in 0..sorted.len() {
        order.take(at);
    }
    order.taken.into_iter().map(|at| places[at]).collect()
}

fn place(change: &Change) -> (u8, bool, &Resource) {
    let rank = rank(&change.resource);
    // A route to a gateway may rest on one without that is added beside it.
    let has_gateway = gateways(change).next().is_some();
    (rank, has_gateway, &change.resource)
}

fn rank(resource: &Resource) -> u8 {
    match resource {
        // Before the link goes up: the kernel gives a loopback link that goes up
        // without an address one of its own accord (devinet.c, inetdev_event).
        Resource::Address { .. } => 0,
        Resource::LinkUp { .. } | Resource::Mtu { .. } => 1,
        Resource::Route(key) if !key.is_plain() => 2,
        Resource::Rule(_) => 3,
        Resource::Route(_) => 4,
        Resource::DnsLink { .. } => 5,
        Resource::DnsDelegate { .. } | Resource::Store { .. } => 6,
        Resource::NftTable => 7,
        Resource::File { .. } | Resource::Settings(_) => 8,
        Resource::Proxies { .. } => 9,
    }
}

/// The gateways of a route, before and after.
fn gateways(change: &Change) -> impl Iterator<Item = IpAddr> {
    let sides = [&change.after, &change.before].into_iter().flatten();
    let routes = sides.filter_map(|state| match state {
        State::Route(spec) => Some(spec),
        _ => None,
    });
    routes.flat_map(|spec| spec.hops.iter().filter_map(|hop| hop.via))
}

/// What must come before what, by the places of the changes in a list.
struct Order {
    /// The routes without a gateway that lead to the gateways of each.
    grounds: Vec<Vec<usize>>,
    /// The routes that lie within each, with no other between.
    within: Vec<Vec<usize>>,
    begun: Vec<bool>,
    taken: Vec<usize>,
}

impl Order {
    fn of(changes: &[&Change]) -> Self {
        let none = vec![Vec::new(); changes.len()];
        let (mut grounds, mut within) = (none.clone(), none);
        // By rank: tables do not stand beside main.
        let same = |one: &&Change, other: &&Change| rank(&one.resource) == rank(&other.resource);
        let mut first = 0;
        for part in changes.chunk_by(same) {
            let routes = by_prefix(first, part);
            for (at, change) in (first..).zip(part) {
                let Resource::Route(key) = &change.resource else {
                    continue;
                };
                let length = key.dst.prefix_len();
                let mut around = routes.holding(key.dst.into());
                let wider = around.find(|(net, _)| net.length() < length);
                for wider in wider.into_iter().flat_map(|(_, routes)| routes) {
                    within[*wider].push(at);
                }
            }
            // By themselves, since many have the same: what is looked up in order is near.
            for (at, change) in (first..).zip(part) {
                for via in gateways(change) {
                    let direct = |ground: &&usize| gateways(changes[**ground]).next().is_none();
                    let mut around = routes.holding(via.into()).flat_map(|(_, routes)| routes);
                    grounds[at].extend(around.find(direct));
                }
            }
            first += part.len();
        }
        Self {
            grounds,
            within,
            begun: vec![false; changes.len()],
            taken: Vec::with_capacity(changes.len()),
        }
    }

    /// Takes what must come before the change at `at`, then that one.
    fn take(&mut self, at: usize) {
        if std::mem::replace(&mut self.begun[at], true) {
            return;
        }
        for ground in self.grounds[at].clone() {
            self.take(ground);
        }
        // What rests on this one cannot come before it, but what lies within that can.
        let mut exceptions = self.within[at].clone();
        while let Some(exception) = exceptions.pop() {
            if self.grounds[exception].contains(&at) {
                exceptions.extend(&self.within[exception]);
            } else {
                self.take(exception);
            }
        }
        self.taken.push(at);
    }
}

/// The places of the routes among changes of one rank, the first of which is at `first`.
fn by_prefix(first: usize, changes: &[&Change]) -> Prefixes<usize> {
    let routes = (first..).zip(changes);
    let routes = routes.filter_map(|(at, change)| match &change.resource {
        Resource::Route(key) => Some((key.dst, at)),
        _ => None,
    });
    routes.collect()
}

#[cfg(test)]
mod tests {
    use netprof_model::Owner;
    use netprof_model::resource::Lasts;
    use netprof_model::route::{Hop, RouteKey, RouteSpec};

    use super::*;

    fn change(text: &str, via: Option<&str>, adds: bool) -> Change {
        let via = via.map(|via| via.parse().expect("an address"));
        let spec = RouteSpec {
            hops: vec![Hop::through("utun4", via)],
            ..RouteSpec::default()
        };
        let state = Some(State::Route(spec.into()));
        let (before, after) = if adds { (None, state) } else { (state, None) };
        let dst = text.parse().expect("a prefix");
        Change {
            id: 0,
            resource: Resource::Route(RouteKey::unscoped(dst)),
            before,
            after,
            original: None,
            owner: Owner::Netprof,
            lasts: Lasts::Link,
            link: None,
            manager: None,
            reasons: Vec::new(),
        }
    }

    fn sorted(routes: &[(&str, Option<&str>)], adds: bool) -> Vec<String> {
        let of = |(dst, via): &(&str, Option<&str>)| change(dst, *via, adds);
        let mut changes: Vec<Change> = routes.iter().map(of).collect();
        sort(&mut changes);
        let names = changes.iter().map(|change| change.resource.to_string());
        names.map(|name| name.replace("route4 ", "")).collect()
    }

    #[test]
    fn an_exception_comes_before_the_wider_route_and_goes_after_it() {
        let routes = [
            ("10.0.0.0/8", None),
            ("10.64.0.0/16", Some("192.168.7.1")),
            ("10.64.7.0/24", None),
            ("172.20.0.0/14", None),
        ];
        let order = [
            "10.64.7.0/24",
            "10.64.0.0/16",
            "10.0.0.0/8",
            "172.20.0.0/14",
        ];
        assert_eq!(sorted(&routes, true), order);
        let back: Vec<&str> = order.iter().rev().copied().collect();
        assert_eq!(sorted(&routes, false), back);
    }

    #[test]
    fn what_a_gateway_rests_on_comes_first_however_wide() {
        let routes = [
            ("10.0.0.0/8", None),
            ("10.64.0.0/16", Some("10.8.0.1")),
            ("10.64.7.0/24", Some("192.168.7.1")),
        ];
        let order = ["10.64.7.0/24", "10.0.0.0/8", "10.64.0.0/16"];
        assert_eq!(sorted(&routes, true), order);
    }

    #[test]
    fn routes_that_rest_on_each_other_are_all_made() {
        // A gateway within the route that it is of.
        let routes = [
            ("10.0.0.0/8", Some("10.8.0.1")),
            ("10.8.0.0/24", None),
            ("10.8.0.1/32", Some("10.0.0.1")),
        ];
        let mut made = sorted(&routes, true);
        made.sort_unstable();
        assert_eq!(made, ["10.0.0.0/8", "10.8.0.0/24", "10.8.0.1/32"]);
    }
}
