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

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::plan::Change;
use netprof_model::{Resource, State};

/// Sorts `changes` into the order in which they are made.
pub(crate) fn sort(changes: &mut Vec<Change>) {
    let all = std::mem::take(changes).into_iter();
    let (gone, made): (Vec<Change>, Vec<Change>) = all.partition(|change| change.after.is_none());
    changes.extend(laid(made));
    changes.extend(laid(gone).into_iter().rev());
}

/// `changes` in the order in which they would be made, were all of them made.
fn laid(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by(|a, b| place(a).cmp(&place(b)));
    let mut order = Order::of(&changes);
    for at in 0..changes.len() {
        order.take(at);
    }
    let mut left: Vec<Option<Change>> = changes.into_iter().map(Some).collect();
    let taken = order.taken.into_iter();
    taken.filter_map(|at| left[at].take()).collect()
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
        Resource::File { .. } => 7,
        Resource::Proxies { .. } => 8,
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
    fn of(changes: &[Change]) -> Self {
        // By rank as well: tables do not stand beside main.
        let mut by_prefix: HashMap<(u8, IpNet), Vec<usize>> = HashMap::new();
        let routes: Vec<(usize, u8, IpNet)> = changes
            .iter()
            .enumerate()
            .filter_map(|(at, change)| match &change.resource {
                Resource::Route(key) => Some((at, rank(&change.resource), key.dst)),
                _ => None,
            })
            .collect();
        for (at, rank, dst) in &routes {
            by_prefix.entry((*rank, *dst)).or_default().push(*at);
        }
        let none = vec![Vec::new(); changes.len()];
        let (mut grounds, mut within) = (none.clone(), none);
        for (at, rank, dst) in routes {
            let wider = supernets(dst).find_map(|net| by_prefix.get(&(rank, net)));
            for wider in wider.into_iter().flatten() {
                within[*wider].push(at);
            }
            for via in gateways(&changes[at]) {
                let direct = |ground: &&usize| gateways(&changes[**ground]).next().is_none();
                let ground = std::iter::once(IpNet::from(via))
                    .chain(supernets(via.into()))
                    .filter_map(|net| by_prefix.get(&(rank, net)))
                    .find_map(|all| all.iter().find(direct));
                grounds[at].extend(ground);
            }
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

/// The networks that `net` lies within, the narrowest first.
fn supernets(net: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(net.supernet(), IpNet::supernet)
}

#[cfg(test)]
mod tests {
    use netprof_model::Owner;
    use netprof_model::resource::Lasts;
    use netprof_model::route::{Hop, RouteKey, RouteSpec};

    use super::*;

    fn change(text: &str, via: Option<&str>, adds: bool) -> Change {
        let via = via.map(|via| via.parse().expect("an address"));
        let state = Some(State::Route(RouteSpec {
            hops: vec![Hop::through("utun4", via)],
            ..RouteSpec::default()
        }));
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
