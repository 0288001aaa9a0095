//! The laws of the netlink codec, and a second opinion on it.
//!
//! - What is written is read back as it was, for any route and rule.
//! - No bytes whatever make the reader panic.
//! - netlink-packet-route reads what we write, and we read what it writes.
//!
//! Nothing here makes a system call.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{DefaultNla, Emitable, Parseable};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteNextHop, RouteNextHopFlags, RouteVia,
};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use netprof_linux::netlink::changes::Step;
use netprof_linux::netlink::route::{RouteReader, RouteView};
use netprof_linux::netlink::wire::{Messages, Requests, to_hex};
use netprof_linux::netlink::{
    LinkNames, Write, address, answer, link, look_up, nftables, route, rule, xfrm,
};
use netprof_model::route::{
    Hop, OpaqueAttribute, Protocol, Route, RouteKey, RouteKind, RouteLive, RouteSpec,
};
use netprof_model::rule::{Family, Rule, RuleAction, RuleKey, RuleSpec};
use netprof_model::{Owner, Resource, State};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const LINKS: [&str; 3] = ["eth0", "wlan0", "tun0"];

fn names() -> LinkNames {
    let mut names = LinkNames::default();
    for (index, name) in (7..).zip(LINKS) {
        names.insert(index, name);
    }
    names
}

/// The one message of `requests`.
fn payload(requests: &Requests) -> &[u8] {
    let mut messages = Messages::new(requests.bytes());
    let message = messages.next().unwrap().unwrap();
    assert!(messages.next().is_none());
    message.payload
}

fn ip(v4: bool) -> BoxedStrategy<IpAddr> {
    if v4 {
        any::<u32>()
            .prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits)))
            .boxed()
    } else {
        any::<u128>()
            .prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))
            .boxed()
    }
}

fn net(v4: bool) -> impl Strategy<Value = IpNet> {
    let longest: u8 = if v4 { 32 } else { 128 };
    (ip(v4), 0..=longest).prop_map(|(ip, length)| IpNet::new(ip, length).unwrap().trunc())
}

fn hop(v4: bool, weights: std::ops::RangeInclusive<u16>) -> impl Strategy<Value = Hop> {
    let via = prop_oneof![3 => ip(v4), 1 => ip(!v4)];
    let dev = proptest::sample::select(&LINKS[..]);
    (option::of(via), dev, weights, any::<bool>()).prop_map(|(via, dev, weight, onlink)| Hop {
        via,
        dev: Some(dev.to_owned()),
        weight,
        onlink,
    })
}

/// Attributes that nobody knows yet.
fn opaque() -> impl Strategy<Value = Vec<OpaqueAttribute>> {
    let one = (60u16..90, vec(any::<u8>(), 0..20)).prop_map(|(kind, value)| OpaqueAttribute {
        kind,
        value: to_hex(&value),
    });
    vec(one, 0..3)
}

/// Routes of which most differ from the one before in nothing but the destination, and the
/// others in one thing more.
fn a_row() -> impl Strategy<Value = Vec<Route>> {
    let change = (any::<u128>(), 0..24_u8);
    (any_route(), any_route(), vec(change, 0..12)).prop_map(|(first, other, changes)| {
        let mut all = vec![first];
        for (bits, which) in changes {
            let mut next = all[all.len() - 1].clone();
            let dst = next.key.dst;
            let to = match dst {
                IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from((bits >> 64) as u32)),
                IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(bits)),
            };
            next.key.dst = IpNet::new(to, dst.prefix_len()).unwrap().trunc();
            match which {
                0 => next.key.dst = IpNet::new(to, dst.prefix_len() / 2).unwrap().trunc(),
                1 => next.key.table ^= 1,
                2 => next.key.metric ^= 1,
                3 => next.key.tos ^= 4,
                4 => next.spec.protocol.0 ^= 1,
                5 => next.spec.scope ^= 1,
                6 if dst.addr().is_ipv4() == other.key.dst.addr().is_ipv4() => {
                    next.spec = other.spec.clone();
                }
                7 => next = other.clone(),
                8 => next.spec = RouteSpec::clone(&next.spec).into(),
                _ => {}
            }
            all.push(next);
        }
        all
    })
}

/// Most are as the one before.
fn any_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        6 => Just(Write::Add),
        2 => Just(Write::Delete),
        1 => Just(Write::Put),
    ]
}

prop_compose! {
    fn spec(v4: bool)(
        kind in prop_oneof![
            6 => Just(RouteKind::Unicast),
            1 => proptest::sample::select(&[
                RouteKind::Local, RouteKind::Broadcast, RouteKind::Multicast,
                RouteKind::Blackhole, RouteKind::Unreachable, RouteKind::Prohibit,
                RouteKind::Throw,
            ][..]),
        ],
        protocol in any::<u8>(),
        scope in any::<u8>(),
        prefsrc in option::of(ip(v4)),
        from in option::of(net(v4).prop_filter("a source", |net| net.prefix_len() > 0)),
        hops in prop_oneof![
            1 => Just(Vec::new()),
            4 => vec(hop(v4, 1..=1), 1),
            3 => vec(hop(v4, 1..=256), 2..5),
        ],
        nexthop_id in option::weighted(0.1, any::<u32>()),
        opaque in opaque(),
    ) -> RouteSpec {
        let drops = matches!(
            kind,
            RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
        );
        RouteSpec {
            kind,
            protocol: Protocol(protocol),
            scope,
            prefsrc,
            from,
            hops: if drops || nexthop_id.is_some() { Vec::new() } else { hops },
            flags: 0,
            nexthop_id,
            opaque,
        }
    }
}

fn any_route() -> impl Strategy<Value = Route> {
    any::<bool>().prop_flat_map(|v4| {
        (net(v4), any::<u32>(), any::<u32>(), any::<u8>(), spec(v4)).prop_map(
            |(dst, table, metric, tos, spec)| Route {
                key: RouteKey {
                    dst,
                    table,
                    metric,
                    tos,
                    ifscope: None,
                },
                spec: spec.into(),
                live: RouteLive::default(),
                owner: Owner::Unknown,
            },
        )
    })
}

prop_compose! {
    fn rule_key(family: Family)(
        priority in any::<u32>(),
        from in option::of(net(family == Family::V4).prop_filter("some", |n| n.prefix_len() > 0)),
        to in option::of(net(family == Family::V4).prop_filter("some", |n| n.prefix_len() > 0)),
        not in any::<bool>(),
        tos in option::of(1..=255u8),
        fwmark in option::of((1..=u32::MAX, any::<u32>())),
        iif in option::of("[a-z]{1,15}"),
        oif in option::of("[a-z]{1,15}"),
        uids in option::of(any::<(u32, u32)>()),
        ipproto in option::of(any::<u8>()),
        sport in option::of(any::<(u16, u16)>()),
        dport in option::of(any::<(u16, u16)>()),
        action in prop_oneof![
            any::<u32>().prop_map(RuleAction::Lookup),
            any::<u32>().prop_map(RuleAction::Goto),
            Just(RuleAction::Nop),
            Just(RuleAction::Blackhole),
            Just(RuleAction::Unreachable),
            Just(RuleAction::Prohibit),
            (9..=255u8).prop_map(RuleAction::Other),
        ],
        suppress_prefixlength in option::of(0..129u32),
        opaque in opaque(),
    ) -> RuleKey {
        RuleKey {
            family, priority, from, to, not, tos, fwmark, iif, oif, uids, ipproto, sport,
            dport, action, suppress_prefixlength, opaque,
        }
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let key = prop_oneof![rule_key(Family::V4), rule_key(Family::V6)];
    (key, any::<u8>()).prop_map(|(key, protocol)| Rule {
        key,
        spec: RuleSpec {
            protocol: Protocol(protocol),
        },
        owner: Owner::Unknown,
    })
}

fn encoded_route(route: &Route) -> Requests {
    let mut requests = Requests::default();
    route::encode(
        &mut requests,
        1,
        Write::Add,
        &route.key,
        &route.spec,
        &names(),
    )
    .unwrap();
    requests
}

fn decoded_route(payload: &[u8]) -> Route {
    let view = route::RouteView::parse(payload).unwrap().unwrap();
    view.to_route(&names()).unwrap().unwrap()
}

fn encoded_rule(rule: &Rule) -> Requests {
    let mut requests = Requests::default();
    rule::encode(&mut requests, 1, Write::Add, &rule.key, &rule.spec).unwrap();
    requests
}

fn emitted(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

/// What netlink-packet-route must find in what we write for `route`.
fn attributes_of(route: &Route) -> Vec<RouteAttribute> {
    let (key, spec) = (&route.key, &route.spec);
    let v4 = key.dst.addr().is_ipv4();
    let gateway = |via: IpAddr| match via {
        via if via.is_ipv4() == v4 => RouteAttribute::Gateway(via.into()),
        IpAddr::V4(via) => RouteAttribute::Via(RouteVia::Inet(via)),
        IpAddr::V6(via) => RouteAttribute::Via(RouteVia::Inet6(via)),
    };
    let index = |hop: &Hop| names().index(hop.dev.as_deref().unwrap()).unwrap();
    let mut all = vec![RouteAttribute::Table(key.table)];
    if key.dst.prefix_len() > 0 {
        all.push(RouteAttribute::Destination(RouteAddress::from(
            key.dst.network(),
        )));
    }
    if key.metric > 0 {
        all.push(RouteAttribute::Priority(key.metric));
    }
    all.extend(spec.prefsrc.map(|ip| RouteAttribute::PrefSource(ip.into())));
    all.extend(
        spec.from
            .map(|net| RouteAttribute::Source(net.network().into())),
    );
    all.extend(spec.nexthop_id.map(RouteAttribute::NhId));
    match spec.hops.as_slice() {
        [] => {}
        [only] => {
            all.push(RouteAttribute::Oif(index(only)));
            all.extend(only.via.map(gateway));
        }
        several => all.push(RouteAttribute::MultiPath(
            several
                .iter()
                .map(|hop| {
                    let mut next = RouteNextHop::default();
                    next.hops = u8::try_from(hop.weight - 1).unwrap();
                    next.interface_index = index(hop);
                    next.attributes = hop.via.map(gateway).into_iter().collect();
                    if hop.onlink {
                        next.flags = RouteNextHopFlags::Onlink;
                    }
                    next
                })
                .collect(),
        )),
    }
    for attribute in &spec.opaque {
        let value = netprof_linux::netlink::wire::from_hex(&attribute.value).unwrap();
        all.push(RouteAttribute::Other(DefaultNla::new(
            attribute.kind,
            value,
        )));
    }
    all.sort_by_key(|attribute| format!("{attribute:?}"));
    all
}

/// Every reader there is, on any bytes.
fn read_as_everything(bytes: &[u8]) {
    let names = names();
    for message in Messages::new(bytes).flatten() {
        let _ = answer::decode(&message);
        let _ = answer::decode_done(&message);
    }
    let _ = link::decode(bytes);
    let _ = address::decode(bytes, &names);
    let _ = rule::decode(bytes);
    let _ = look_up::decode(bytes, &names);
    let _ = xfrm::decode(0x13, bytes);
    let _ = nftables::decode_chain(0x0a03, bytes);
    let _ = nftables::decode_rule(0x0a06, bytes);
    if let Ok(Some(view)) = route::RouteView::parse(bytes) {
        let _ = view.destination();
        let _ = view.to_route(&names);
    }
}

proptest! {
    #[test]
    fn a_route_is_read_back_as_it_was_written(route in any_route()) {
        let requests = encoded_route(&route);
        prop_assert_eq!(decoded_route(payload(&requests)), route);
    }

    #[test]
    fn routes_one_behind_the_other_are_as_each_by_itself(
        routes in a_row(),
        writes in vec(any_write(), 13),
    ) {
        let (mut together, mut apart) = (Requests::default(), Requests::default());
        let states: Vec<(Resource, State)> = routes
            .iter()
            .map(|route| (Resource::Route(route.key.clone()), State::Route(route.spec.clone())))
            .collect();
        let steps: Vec<Step<'_>> = states
            .iter()
            .zip(writes)
            .map(|((resource, state), write)| Step { resource, write, state })
            .collect();
        let mut last = None;
        for (sequence, step) in (1..).zip(&steps) {
            step.encode_behind(last, &mut together, sequence, &names()).unwrap();
            step.encode(&mut apart, sequence, &names()).unwrap();
            last = Some(step);
        }
        prop_assert_eq!(together.bytes(), apart.bytes());
        prop_assert_eq!(Messages::new(together.bytes()).count(), routes.len());
        let mut reader = RouteReader::default();
        for (message, route) in Messages::new(together.bytes()).zip(&routes) {
            let view = RouteView::parse(message.unwrap().payload).unwrap().unwrap();
            let read = reader.read(&view, &names()).unwrap().unwrap();
            prop_assert_eq!(&read, &view.to_route(&names()).unwrap().unwrap());
            prop_assert_eq!(&read, route);
        }
    }

    #[test]
    fn a_rule_is_read_back_as_it_was_written(rule in any_rule()) {
        let requests = encoded_rule(&rule);
        prop_assert_eq!(rule::decode(payload(&requests)), Ok(Some(rule)));
    }

    #[test]
    fn the_other_codec_reads_the_routes_that_we_write(route in any_route()) {
        let requests = encoded_route(&route);
        let mut message = RouteMessage::parse(payload(&requests)).unwrap();
        message.attributes.sort_by_key(|attribute| format!("{attribute:?}"));
        prop_assert_eq!(&message.attributes, &attributes_of(&route));
        let header = &message.header;
        prop_assert_eq!(header.destination_prefix_length, route.key.dst.prefix_len());
        prop_assert_eq!(u8::from(header.protocol), route.spec.protocol.0);
        prop_assert_eq!(u8::from(header.scope), route.spec.scope);
        prop_assert_eq!(header.tos, route.key.tos);
        prop_assert_eq!(
            format!("{:?}", header.kind).to_lowercase(),
            route.spec.kind.as_str()
        );
        // And we read what it writes.
        prop_assert_eq!(decoded_route(&emitted(&message)).key, route.key);
    }

    #[test]
    fn the_other_codec_reads_the_rules_that_we_write(rule in any_rule()) {
        let requests = encoded_rule(&rule);
        let message = RuleMessage::parse(payload(&requests)).unwrap();
        prop_assert!(message.attributes.contains(&RuleAttribute::Priority(rule.key.priority)));
        if let Some((mark, mask)) = rule.key.fwmark {
            prop_assert!(message.attributes.contains(&RuleAttribute::FwMark(mark)));
            prop_assert!(message.attributes.contains(&RuleAttribute::FwMask(mask)));
        }
        if let Some(to) = rule.key.to {
            prop_assert_eq!(message.header.dst_len, to.prefix_len());
            prop_assert!(message.attributes.contains(&RuleAttribute::Destination(to.network())));
        }
        if let Some(name) = &rule.key.iif {
            prop_assert!(message.attributes.contains(&RuleAttribute::Iifname(name.clone())));
        }
        // It writes the same in another order.
        let mut again = rule::decode(&emitted(&message)).unwrap().unwrap();
        let mut rule = rule;
        again.key.opaque.sort();
        rule.key.opaque.sort();
        prop_assert_eq!(again, rule);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn no_damage_to_a_message_makes_the_reader_panic(
        route in any_route(),
        rule in any_rule(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for requests in [encoded_route(&route), encoded_rule(&rule)] {
            let mut bytes = requests.bytes().to_vec();
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            read_as_everything(&bytes);
            read_as_everything(&bytes[16..]);
            read_as_everything(&bytes[16..][..cut.index(bytes.len() - 16)]);
        }
    }
}

#[test]
fn what_nobody_knows_of_a_header_is_kept_and_written_again() {
    // An unknown type (RTN 12) and RTNH_F_PERVASIVE; RTNH_F_LINKDOWN is dropped.
    let mut bytes = [2, 0, 0, 0, 254, 3, 0, 12, 0, 0, 0, 0];
    bytes[8..].copy_from_slice(&0x12u32.to_ne_bytes());
    let route = decoded_route(&bytes);
    assert_eq!(route.spec.opaque[0].kind, route::HEADER_RESIDUE);
    assert!(route.live.linkdown);
    let requests = encoded_route(&route);
    assert_eq!(payload(&requests)[7], 12);
    assert_eq!(payload(&requests)[8..12], 0x2u32.to_ne_bytes());
}

#[test]
fn cached_clones_and_other_families_are_no_routes() {
    let mut bytes = [2, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    bytes[8..].copy_from_slice(&0x200u32.to_ne_bytes());
    assert!(route::RouteView::parse(&bytes).unwrap().is_none());
    let mpls = [28, 20, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    assert!(route::RouteView::parse(&mpls).unwrap().is_none());
}

#[test]
fn a_gateway_of_a_link_that_is_not_there_is_refused() {
    let spec = RouteSpec {
        hops: vec![Hop::through("gone0", None)],
        ..RouteSpec::default()
    };
    let key = RouteKey {
        dst: "10.0.0.0/8".parse().unwrap(),
        table: 254,
        metric: 0,
        tos: 0,
        ifscope: None,
    };
    let mut requests = Requests::default();
    let refused = route::encode(&mut requests, 1, Write::Add, &key, &spec, &names());
    assert_eq!(refused.unwrap_err().to_string(), "there is no link gone0");
    assert!(requests.bytes().is_empty());
}
