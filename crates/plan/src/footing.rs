//! What held routes rest on, laid out for look-up: ten thousand of them are looked at, on a
//! machine with as many routes.

#[cfg(test)]
use std::cell::Cell;
use std::collections::BTreeSet;

use ipnet::IpNet;
use netprof_model::held::HeldResource;
use netprof_model::route::{Hop, Route, RouteKey, RouteSpec};
use netprof_model::rule::RuleAction;
use netprof_model::{Resource, Snapshot, State};

use crate::holdings::Holdings;
use crate::linux::TABLE;
use crate::prefixes::Prefixes;
use crate::tables::Tables;

/// A machine, as far as a held route may rest on it.
pub(crate) struct Footing<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) held: Holdings<'a>,
    pub(crate) tables: Tables,
    /// The destinations that held rules lead into netprof's own table for.
    pub(crate) led_to_own: BTreeSet<IpNet>,
    /// The routes without a gateway: what they lead to is a neighbour.
    direct: Prefixes<&'a Route>,
    /// How many of these were looked at.
    #[cfg(test)]
    looks: Cell<usize>,
}

impl<'a> Footing<'a> {
    /// That of the machine of `snapshot`.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let held = Holdings::of(snapshot);
        let led_to_own = held.all.iter().filter_map(|one| match &one.entry.resource {
            Resource::Rule(rule) if rule.action == RuleAction::Lookup(TABLE) => rule.to,
            _ => None,
        });
        let direct = snapshot.routes.items().iter();
        let direct = direct.filter(|route| route.gateway().is_none());
        Self {
            snapshot,
            led_to_own: led_to_own.collect(),
            held,
            tables: Tables::of(snapshot),
            direct: direct.map(|route| (route.key.dst, route)).collect(),
            #[cfg(test)]
            looks: Cell::new(0),
        }
    }

    /// The routes without a gateway through `dev` that `net` lies in the destination of.
    pub(crate) fn around(&self, net: IpNet, dev: &str) -> impl Iterator<Item = &'a Route> {
        let around = self.direct.holding(net.into());
        let around = around.flat_map(|(_, routes)| routes).copied();
        around.filter(move |route| self.leads_through(route, dev))
    }

    /// Those to exactly `net`.
    pub(crate) fn exact(&self, net: IpNet, dev: &str) -> impl Iterator<Item = &'a Route> {
        let exact = self.direct.exact(net.into()).iter().copied();
        exact.filter(move |route| self.leads_through(route, dev))
    }

    fn leads_through(&self, route: &Route, dev: &str) -> bool {
        #[cfg(test)]
        self.looks.set(self.looks.get() + 1);
        route.goes_through(dev)
    }
}

/// A held route that is there and has just one way, which alone may be left behind; with
/// that way and its link.
pub(crate) fn single_way(held: &HeldResource) -> Option<(&RouteKey, &RouteSpec, &Hop, &str)> {
    let (Resource::Route(key), Some(State::Route(spec))) = (&held.resource, &held.committed) else {
        return None;
    };
    let [hop] = spec.hops.as_slice() else {
        return None;
    };
    Some((key, spec, hop, hop.dev.as_deref()?))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use netprof_model::held::{Held, HeldResource};
    use netprof_model::resource::{Lasts, Place};
    use netprof_model::route::{Hop, Protocol, RouteKey, RouteLive, RouteSpec};
    use netprof_model::rule::{Family, RuleKey, RuleSpec};
    use netprof_model::snapshot::Os;
    use netprof_model::{Owner, Section, State};

    use super::*;
    use crate::os;

    const COUNT: u32 = 1_000;

    fn net(first: u8, n: u32, length: u8) -> IpNet {
        let address = Ipv4Addr::from((u32::from(first) << 24) | (n << (32 - length)));
        IpNet::new(address.into(), length).expect("a prefix")
    }

    fn key(dst: IpNet, table: u32) -> RouteKey {
        RouteKey {
            table,
            ..RouteKey::unscoped(dst)
        }
    }

    fn spec(protocol: Protocol, via: Option<IpAddr>) -> RouteSpec {
        RouteSpec {
            protocol,
            hops: vec![Hop::through("tun0", via)],
            ..RouteSpec::default()
        }
    }

    fn held(resource: Resource, committed: State) -> HeldResource {
        HeldResource {
            resource,
            original: None,
            committed: Some(committed),
            transaction: 1,
            place: Place::default(),
            lasts: Lasts::Boot,
            of_network: true,
            left_out: false,
        }
    }

    /// A thousand routes by as many gateways, each of which another route makes a neighbour
    /// of this host; and a thousand for networks that it is in by a route alone.
    fn machine(os: Os) -> Snapshot {
        let main = match os {
            Os::Linux => RouteKey::MAIN,
            Os::Macos => 0,
        };
        let mut routes = Vec::new();
        let mut resources = Vec::new();
        for n in 0..COUNT {
            let gateway = net(10, n, 32);
            for dst in [gateway, net(20, n, 24)] {
                routes.push(Route {
                    key: key(dst, main),
                    spec: spec(Protocol::STATIC, None).into(),
                    live: RouteLive::default(),
                    owner: Owner::Unknown,
                });
            }
            let behind = spec(Protocol::NETPROF, Some(gateway.addr()));
            let behind = held(
                Resource::Route(key(net(30, n, 24), main)),
                State::Route(behind.into()),
            );
            let table = if os == Os::Linux { TABLE } else { main };
            let copy = spec(Protocol::NETPROF, None);
            let copy = held(
                Resource::Route(key(net(20, n, 24), table)),
                State::Route(copy.into()),
            );
            let mut rule = RuleKey::new(Family::V4, 110, RuleAction::Lookup(TABLE));
            rule.to = Some(net(20, n, 24));
            let protocol = Protocol::NETPROF;
            let rule = held(
                Resource::Rule(Box::new(rule)),
                State::Rule(RuleSpec { protocol }),
            );
            resources.extend([behind, copy, rule]);
        }
        Snapshot {
            routes: Section::Seen(routes),
            held: Section::Seen(Held {
                resources,
                ..Held::default()
            }),
            ..Snapshot::empty(os)
        }
    }

    #[test]
    fn each_held_route_has_few_others_looked_at() {
        for os in [Os::Linux, Os::Macos] {
            let machine = machine(os);
            let footing = Footing::of(&machine);
            for one in &footing.held.all {
                assert_eq!(os::stale(one.entry, &footing), None, "{:?}", one.entry);
            }
            let looks = footing.looks.get();
            let least = 2 * COUNT as usize;
            assert!((least..=2 * least).contains(&looks), "{looks} on {os:?}");
        }
    }

    #[test]
    fn what_rests_on_nothing_is_found_out_by_few_looks_too() {
        for os in [Os::Linux, Os::Macos] {
            let mut machine = machine(os);
            if let Section::Seen(routes) = &mut machine.routes {
                for route in routes {
                    route.spec.hops[0].dev = Some("tun1".to_owned());
                }
            }
            let footing = Footing::of(&machine);
            let stale = footing.held.all.iter();
            let stale = stale.filter(|one| os::stale(one.entry, &footing).is_some());
            assert_eq!(stale.count(), 2 * COUNT as usize, "{os:?}");
            assert!(footing.looks.get() <= 4 * COUNT as usize, "{os:?}");
        }
    }

    #[test]
    fn what_a_copy_is_of_is_found_without_a_look_at_the_wider_ones_around_it() {
        let mut machine = machine(Os::Linux);
        if let Section::Seen(routes) = &mut machine.routes {
            let all = routes[1].clone();
            routes.extend((1..=8).map(|length| Route {
                key: key(net(20 & (0xff << (8 - length)), 0, length), RouteKey::MAIN),
                ..all.clone()
            }));
        }
        let footing = Footing::of(&machine);
        for one in &footing.held.all {
            assert_eq!(os::stale(one.entry, &footing), None, "{:?}", one.entry);
        }
        assert_eq!(footing.looks.get(), 2 * COUNT as usize);
    }
}
