//! Whether a route that was read can be written back exactly as it was.
//!
//! A change takes a route away only if it can be put back, and not everything that
//! the kernel shows can be written. The backend's codec has already dropped what is
//! no part of the route (link state, counters); what is left here is what would come
//! back as something else. Each case was tried on a kernel: the tests of
//! `platform/linux` dump, delete and add again, and look at it with ip-route(8).
//!
//! Kernel: `net/ipv4/fib_semantics.c`, `net/ipv6/route.c`.

use netprof_model::route::{Protocol, Route, RouteKind};

/// Why a route cannot be put back as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExact {
    /// It has a lifetime: written back it would stay for ever.
    #[error("it goes by itself after a while, and would come back for good")]
    Expires,
    /// A hop's link is down: the kernel takes no such hop.
    #[error("one of its links is down, and the kernel would not take it back")]
    Dead,
    /// The kernel remembers that a router told of it, and that cannot be written.
    #[error("it was learned from a router, and would come back as one that was not")]
    Learned,
    /// The kernel shows the kind of the nexthop object in its place.
    #[error("it drops because its nexthop object does")]
    NexthopDrops,
    /// The kernel sets up such routes with the addresses of a link.
    #[error("an {} route belongs to an address of a link", .0.as_str())]
    Kind(RouteKind),
    /// It says something that netprof does not know how to write.
    #[error("it has an attribute (number {0}) that netprof cannot write")]
    Attribute(u16),
}

/// The flag bits of an attribute's number (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
const FLAGS: u16 = 0xc000;

/// RTA_METRICS, RTA_MULTIPATH, RTA_FLOW, RTA_PREF, RTA_ENCAP_TYPE, RTA_ENCAP,
/// RTA_TTL_PROPAGATE: unread, but written as they were read.
const WRITABLE: [u16; 7] = [8, 9, 11, 20, 21, 22, 26];

/// Whether `route` comes back as it is once it was taken away.
///
/// # Errors
///
/// What would be different.
pub fn can_put_back(route: &Route) -> Result<(), NotExact> {
    let spec = &route.spec;
    if route.live.expires.is_some() {
        return Err(NotExact::Expires);
    }
    if route.live.dead {
        return Err(NotExact::Dead);
    }
    if spec.protocol == Protocol::RA {
        return Err(NotExact::Learned);
    }
    if spec.kind == RouteKind::Anycast {
        return Err(NotExact::Kind(spec.kind));
    }
    if spec.nexthop_id.is_some() && spec.kind != RouteKind::Unicast {
        return Err(NotExact::NexthopDrops);
    }
    for attribute in &spec.opaque {
        let number = attribute.kind & !FLAGS;
        if !WRITABLE.contains(&number) {
            return Err(NotExact::Attribute(number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use netprof_model::Owner;
    use netprof_model::route::{Hop, OpaqueAttribute, RouteKey, RouteLive, RouteSpec};
    use netprof_model::shared::Shared;

    use super::*;

    fn route() -> Route {
        Route {
            key: RouteKey {
                dst: "10.0.0.0/8".parse().unwrap(),
                table: 254,
                metric: 0,
                tos: 0,
                ifscope: None,
            },
            spec: Shared::from(RouteSpec {
                hops: vec![Hop::through("eth0", None)],
                ..RouteSpec::default()
            }),
            live: RouteLive::default(),
            owner: Owner::Unknown,
        }
    }

    fn opaque(kind: u16) -> Vec<OpaqueAttribute> {
        vec![OpaqueAttribute {
            kind,
            value: "00".to_owned(),
        }]
    }

    #[test]
    fn a_plain_route_and_one_without_carrier_can_be_put_back() {
        let mut route = route();
        assert_eq!(can_put_back(&route), Ok(()));
        route.live.linkdown = true;
        route.spec.opaque = opaque(8 | 0x8000);
        assert_eq!(can_put_back(&route), Ok(()));
    }

    #[test]
    fn what_goes_by_itself_or_stands_on_a_dead_link_is_refused() {
        let mut expiring = route();
        expiring.live.expires = Some(0);
        assert_eq!(can_put_back(&expiring), Err(NotExact::Expires));
        let mut dead = route();
        dead.live.dead = true;
        assert_eq!(can_put_back(&dead), Err(NotExact::Dead));
        let mut learned = route();
        learned.spec.protocol = Protocol::RA;
        assert_eq!(can_put_back(&learned), Err(NotExact::Learned));
    }

    #[test]
    fn what_netprof_cannot_write_is_refused() {
        let mut residue = route();
        residue.spec.opaque = opaque(0);
        assert_eq!(can_put_back(&residue), Err(NotExact::Attribute(0)));
        let mut unknown = route();
        unknown.spec.opaque = opaque(99);
        let why = can_put_back(&unknown).unwrap_err();
        assert_eq!(
            why.to_string(),
            "it has an attribute (number 99) that netprof cannot write"
        );
    }

    #[test]
    fn a_route_that_drops_by_its_nexthop_object_is_refused() {
        let mut route = route();
        route.spec.nexthop_id = Some(7);
        assert_eq!(can_put_back(&route), Ok(()));
        route.spec.kind = RouteKind::Blackhole;
        assert_eq!(can_put_back(&route), Err(NotExact::NexthopDrops));
    }
}
