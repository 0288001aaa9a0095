//! What is written to the kernel.

use netprof_macos::route::{Names, Reply, Request, Unwritable, read_routes};
use netprof_model::plan::{Change, RouteProbe};
use netprof_model::resource::Lasts;
use netprof_model::route::{Hop, OpaqueAttribute, Protocol, RouteKey, RouteKind, RouteSpec, rtf};
use netprof_model::{Owner, Resource, State};
use netprof_plan::macos::put_back::attribute;

use crate::Test;
use crate::kernel::{
    DST, GATE, GATEWAY, HOST, IFP, IFSCOPE, Kernel, MASK, STATIC, Slots, UP, kame, sdl, sin, sin6,
    slots_of,
};

pub(crate) const TESTS: &[Test] = &[
    ("a_route_by_a_gateway_names_its_link_beside_it", by_gateway),
    ("a_route_to_a_link_names_it_once", by_link),
    (
        "a_single_address_has_a_netmask_unless_it_is_a_hosts",
        single,
    ),
    ("a_scoped_route_says_its_link_as_the_scope", scoped),
    ("a_link_local_gateway_holds_its_link", link_local_gateway),
    (
        "a_link_local_destination_says_its_link",
        link_local_destination,
    ),
    ("what_drops_is_written_with_its_hop", drops),
    ("a_locked_metric_is_set_and_locked", metrics),
    ("a_delete_says_nothing_but_the_key", delete),
    ("a_look_up_asks_for_link_and_source", look_up),
    ("the_inverse_of_a_change_brings_back_what_was", inverse),
    ("a_delete_spares_what_only_looks_alike", spares),
    (
        "a_delete_of_a_host_that_is_gone_takes_a_network_and_says_so",
        mistaken,
    ),
    ("what_macos_cannot_say_is_refused", refused),
];

fn names() -> Names {
    let mut names = Names::default();
    for (index, name) in [(1, "lo0"), (11, "en0"), (25, "utun4"), (70_000, "utun9")] {
        names.insert(index, name);
    }
    names
}

fn key(dst: &str) -> RouteKey {
    RouteKey::unscoped(dst.parse().unwrap())
}

fn through(dev: &str, via: Option<&str>) -> RouteSpec {
    RouteSpec {
        protocol: Protocol::NETPROF,
        hops: vec![Hop::through(dev, via.map(|via| via.parse().unwrap()))],
        flags: rtf::STATIC,
        ..RouteSpec::default()
    }
}

fn added(key: &RouteKey, spec: &RouteSpec) -> (u32, u16, Slots) {
    read(&Request::add(key, spec, &names(), 7).unwrap(), 1)
}

/// Flags, number of the link, and socket addresses of a request of `kind`.
fn read(request: &Request, kind: u8) -> (u32, u16, Slots) {
    let bytes = request.bytes();
    assert_eq!(bytes[3], kind);
    assert_eq!(request.sequence(), 7);
    assert_eq!(bytes[16..24], [0, 0, 0, 0, 7, 0, 0, 0]);
    let flags = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
    let index = u16::from_le_bytes(bytes[4..6].try_into().unwrap());
    (flags, index, slots_of(bytes))
}

fn ip4(text: &str) -> Vec<u8> {
    sin(text.parse().unwrap())
}

fn ip6(text: &str) -> Vec<u8> {
    sin6(text.parse().unwrap(), 0)
}

const MARK: u32 = 0x8000;

fn by_gateway() {
    let spec = through("en0", Some("192.168.7.254"));
    let (flags, index, slots) = added(&key("172.20.0.0/14"), &spec);
    assert_eq!(flags, UP | GATEWAY | STATIC | MARK);
    assert_eq!(index, 0);
    let expected = [
        (DST, ip4("172.20.0.0")),
        (GATE, ip4("192.168.7.254")),
        (MASK, ip4("255.252.0.0")),
        (IFP, sdl(11, "", &[])),
    ];
    let kinds: Vec<_> = slots.iter().map(|(place, _)| *place).collect();
    assert_eq!(kinds, [DST, GATE, MASK, IFP]);
    assert_eq!(slots[..3], expected[..3]);
    // Number and family; the kernel looks at nothing else.
    assert_eq!(slots[3].1[..4], expected[3].1[..4]);
}

fn by_link() {
    let (flags, index, slots) = added(&key("10.0.0.0/8"), &through("utun4", None));
    assert_eq!(flags, UP | STATIC | MARK);
    assert_eq!(index, 0);
    let kinds: Vec<_> = slots.iter().map(|(place, _)| *place).collect();
    assert_eq!(kinds, [DST, GATE, MASK]);
    assert_eq!(slots[1].1[..4], [20, 18, 25, 0]);
}

fn single() {
    for (spec, said) in [
        (through("utun4", None), 0),
        (through("en0", Some("192.168.7.1")), GATEWAY),
    ] {
        let (flags, _, slots) = added(&key("10.1.2.3/32"), &spec);
        assert_eq!(flags, UP | STATIC | MARK | said);
        assert_eq!(slots[2], (MASK, ip4("255.255.255.255")));
        let (flags, _, slots) = added(&key("10.1.2.3/32"), &by_host(spec));
        assert_eq!(flags, UP | HOST | STATIC | MARK | said);
        assert!(slots.iter().all(|(place, _)| *place != MASK));
    }
    let (_, _, slots) = added(&key("fd00::1/128"), &through("utun4", None));
    let ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_eq!(slots[2], (MASK, ip6(ones)));
}

/// The same to a host, without a netmask.
fn by_host(spec: RouteSpec) -> RouteSpec {
    RouteSpec {
        opaque: vec![OpaqueAttribute {
            kind: attribute::NETMASK,
            value: attribute::BY_HOST.to_owned(),
        }],
        ..spec
    }
}

fn scoped() {
    let key = RouteKey {
        ifscope: Some("en0".to_owned()),
        ..key("0.0.0.0/0")
    };
    let (flags, index, slots) = added(&key, &through("en0", Some("192.168.7.1")));
    assert_eq!(flags, UP | GATEWAY | STATIC | MARK | IFSCOPE);
    assert_eq!(index, 11);
    // At its full length: one of length 0 would hide what follows.
    assert_eq!(slots[2], (MASK, ip4("0.0.0.0")));
}

fn link_local_gateway() {
    let (_, _, slots) = added(&key("fd00::/8"), &through("utun4", Some("fe80::1")));
    assert_eq!(slots[0], (DST, ip6("fd00::")));
    assert_eq!(slots[1], (GATE, kame("fe80::1".parse().unwrap(), 25)));
    assert_eq!(slots[2], (MASK, ip6("ff00::")));
}

fn link_local_destination() {
    let mut local = key("fe80:0:0:1::/64");
    local.ifscope = Some("utun4".to_owned());
    let (flags, index, slots) = added(&local, &through("utun4", None));
    assert_ne!(flags & IFSCOPE, 0);
    assert_eq!(index, 25);
    assert_eq!(slots[0], (DST, sin6("fe80:0:0:1::".parse().unwrap(), 25)));
    local.ifscope = None;
    let nowhere = Request::add(&local, &through("utun4", None), &names(), 7);
    assert_eq!(nowhere, Err(Unwritable::NoZone));
}

fn drops() {
    for (kind, flag) in [(RouteKind::Unreachable, 8), (RouteKind::Blackhole, 0x1000)] {
        let of = |via| RouteSpec {
            kind,
            ..through("lo0", Some(via))
        };
        let (flags, _, slots) = added(&key("10.0.0.0/8"), &of("127.0.0.1"));
        assert_eq!(flags, UP | GATEWAY | STATIC | MARK | flag);
        assert_eq!(slots[1], (GATE, ip4("127.0.0.1")));
        let (_, _, slots) = added(&key("fd00::/8"), &of("::1"));
        assert_eq!(slots[1], (GATE, ip6("::1")));
        assert_eq!(slots[3].1[..4], [20, 18, 1, 0]);
        let mut bare = of("127.0.0.1");
        bare.hops.clear();
        let nowhere = Request::add(&key("10.0.0.0/8"), &bare, &names(), 7);
        assert_eq!(nowhere, Err(Unwritable::NoWay));
    }
}

fn metrics() {
    let mut spec = through("utun4", None);
    spec.opaque = vec![
        OpaqueAttribute {
            kind: attribute::MTU,
            value: "64050000".to_owned(),
        },
        OpaqueAttribute {
            kind: 0x40,
            value: "0b0a0000".to_owned(),
        },
    ];
    let request = Request::add(&key("10.0.0.0/8"), &spec, &names(), 7).unwrap();
    let bytes = request.bytes();
    assert_eq!(bytes[32..36], [0x41, 0, 0, 0]);
    assert_eq!(bytes[36..40], [0x41, 0, 0, 0]);
    assert_eq!(bytes[40..44], 1380u32.to_le_bytes());
    assert_eq!(bytes[64..68], [0x0b, 0x0a, 0, 0]);
}

fn delete() {
    let spec = through("en0", Some("192.168.7.254"));
    let request = Request::delete(&key("172.20.0.0/14"), &spec, &names(), 7).unwrap();
    let (flags, index, slots) = read(&request, 2);
    assert_eq!((flags, index), (0, 0));
    assert_eq!(
        slots,
        [(DST, ip4("172.20.0.0")), (MASK, ip4("255.252.0.0"))]
    );
    let scoped = RouteKey {
        ifscope: Some("en0".to_owned()),
        ..key("10.1.2.3/32")
    };
    let request = Request::delete(&scoped, &spec, &names(), 7).unwrap();
    let (flags, index, slots) = read(&request, 2);
    assert_eq!((flags, index), (IFSCOPE, 11));
    let full = (MASK, ip4("255.255.255.255"));
    assert_eq!(slots, [(DST, ip4("10.1.2.3")), full]);
    let request = Request::delete(&scoped, &by_host(spec), &names(), 7).unwrap();
    let (flags, index, slots) = read(&request, 2);
    assert_eq!((flags, index), (IFSCOPE | HOST, 11));
    assert_eq!(slots, [(DST, ip4("10.1.2.3"))]);
}

fn look_up() {
    let mut probe = RouteProbe {
        to: "10.1.2.3".parse().unwrap(),
        oif: None,
    };
    let request = Request::look_up(&probe, &names(), 7).unwrap();
    let (flags, index, slots) = read(&request, 4);
    assert_eq!((flags & IFSCOPE, index), (0, 0));
    let kinds: Vec<_> = slots.iter().map(|(place, _)| *place).collect();
    // Without a netmask it is the best match that is asked for.
    assert_eq!(kinds, [DST, IFP]);
    assert_eq!(
        slots[1].1,
        sdl(0, "", &[])
            .iter()
            .enumerate()
            .map(|(at, byte)| {
                // The kind of link is nothing that is asked for.
                if at == 4 { 0 } else { *byte }
            })
            .collect::<Vec<u8>>()
    );
    probe.oif = Some("utun4".to_owned());
    let request = Request::look_up(&probe, &names(), 7).unwrap();
    let (flags, index, _) = read(&request, 4);
    assert_eq!((flags & IFSCOPE, index), (IFSCOPE, 25));
    probe.to = "fe80::1".parse().unwrap();
    let request = Request::look_up(&probe, &names(), 7).unwrap();
    let (_, _, slots) = read(&request, 4);
    assert_eq!(slots[0], (DST, sin6("fe80::1".parse().unwrap(), 25)));
    probe.oif = None;
    assert_eq!(
        Request::look_up(&probe, &names(), 7),
        Err(Unwritable::NoZone)
    );
}

fn of_route(key: RouteKey, before: Option<RouteSpec>, after: Option<RouteSpec>) -> Change {
    Change {
        id: 1,
        resource: Resource::Route(key),
        before: before.map(|spec| State::Route(spec.into())),
        after: after.map(|spec| State::Route(spec.into())),
        original: None,
        owner: Owner::Unknown,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: Vec::new(),
    }
}

/// The requests that make a change: RTM_CHANGE is none of them.
fn requests(change: &Change) -> Vec<Request> {
    let Resource::Route(key) = &change.resource else {
        panic!("{change:?}")
    };
    let sides = [(false, &change.before), (true, &change.after)];
    let requests = sides.iter().filter_map(|(adds, side)| match side {
        None => None,
        Some(State::Route(spec)) if *adds => Some(Request::add(key, spec, &names(), 1)),
        Some(State::Route(spec)) => Some(Request::delete(key, spec, &names(), 1)),
        Some(other) => panic!("{other:?}"),
    });
    requests.map(Result::unwrap).collect()
}

fn write(kernel: &mut Kernel, change: &Change) {
    for request in requests(change) {
        let answer = kernel.write(request.bytes(), 9);
        assert_eq!(answer[24..28], [0; 4], "{change:?}");
    }
}

fn inverse() {
    let mut kernel = Kernel::default();
    let first = of_route(key("10.0.0.0/8"), None, Some(through("utun4", None)));
    write(&mut kernel, &first);
    let before = kernel.clone();
    let second = of_route(
        key("10.0.0.0/8"),
        Some(through("utun4", None)),
        Some(through("en0", Some("192.168.7.1"))),
    );
    write(&mut kernel, &second);
    assert_ne!(kernel, before);
    write(&mut kernel, &second.inverse());
    assert_eq!(kernel, before);
    write(&mut kernel, &first.inverse());
    assert_eq!(kernel, Kernel::default());
    // What is taken is refused, and what has gone is said to have.
    write(&mut kernel, &first);
    let again = &requests(&first)[0];
    assert_eq!(kernel.write(again.bytes(), 9)[24], 17);
    let gone = &requests(&first.inverse())[0];
    kernel.write(gone.bytes(), 9);
    assert_eq!(kernel.write(gone.bytes(), 9)[24], 3);
}

fn spares() {
    let mut kernel = Kernel::default();
    let spec = through("en0", Some("192.168.7.1"));
    let host = by_host(spec.clone());
    let scoped = RouteKey {
        ifscope: Some("en0".to_owned()),
        ..key("10.1.2.3/32")
    };
    for (key, spec) in [
        (key("10.1.2.3/32"), &spec),
        (key("10.1.2.3/32"), &host),
        (scoped, &spec),
        (key("10.1.2.0/24"), &spec),
    ] {
        write(&mut kernel, &of_route(key, None, Some(spec.clone())));
    }
    let left = |kernel: &Kernel| read_routes(&kernel.dump(), &names(), 0).unwrap().routes;
    assert_eq!(left(&kernel).len(), 4);
    let mut other = kernel.clone();
    let gone = of_route(key("10.1.2.3/32"), Some(host.clone()), None);
    write(&mut kernel, &gone);
    assert_eq!(left(&kernel).len(), 3);
    assert!(left(&kernel).iter().all(|route| route.spec != host));
    let gone = of_route(key("10.1.2.3/32"), Some(spec), None);
    write(&mut other, &gone);
    assert_eq!(left(&other).len(), 3);
    assert!(left(&other).iter().any(|route| route.spec == host));
}

/// `rn_delete` takes the first of a chain where it is told no mask.
fn mistaken() {
    let mut kernel = Kernel::default();
    let network = through("en0", Some("192.168.7.1"));
    for wide in ["10.1.2.0/24", "10.1.2.0/25"] {
        write(
            &mut kernel,
            &of_route(key(wide), None, Some(network.clone())),
        );
    }
    let host = by_host(network.clone());
    let request = Request::delete(&key("10.1.2.0/32"), &host, &names(), 1).unwrap();
    let answer = kernel.write(request.bytes(), 9);
    let reply = Reply::read(&answer, 9, 1, &names(), 0).unwrap().unwrap();
    let taken = reply.route.unwrap();
    assert_eq!(
        (taken.key, taken.spec),
        (key("10.1.2.0/25"), network.into())
    );
}

fn refused() {
    let good = through("en0", Some("192.168.7.1"));
    let no = |key: RouteKey, spec: RouteSpec| {
        Request::add(&key, &spec, &names(), 1).expect_err("it is none of macOS")
    };
    let net = || key("10.0.0.0/8");
    let foreign = |what| Unwritable::Foreign(what);
    let in_table = RouteKey {
        table: 254,
        ..net()
    };
    assert_eq!(no(in_table, good.clone()), foreign("table"));
    let ranked = RouteKey { metric: 1, ..net() };
    assert_eq!(no(ranked, good.clone()), foreign("metric"));
    let typed = RouteKey { tos: 1, ..net() };
    assert_eq!(no(typed, good.clone()), foreign("type of service"));
    let with = |change: fn(&mut RouteSpec)| {
        let mut spec = good.clone();
        change(&mut spec);
        no(net(), spec)
    };
    assert_eq!(with(|spec| spec.scope = 253), foreign("scope of its own"));
    assert_eq!(
        with(|spec| spec.prefsrc = Some("10.0.0.1".parse().unwrap())),
        foreign("preferred source")
    );
    assert_eq!(
        with(|spec| spec.from = Some("10.0.0.0/8".parse().unwrap())),
        foreign("source prefix")
    );
    assert_eq!(
        with(|spec| spec.nexthop_id = Some(1)),
        foreign("nexthop object")
    );
    assert_eq!(with(|spec| spec.kind = RouteKind::Throw), foreign("throw"));
    assert_eq!(with(|spec| spec.hops[0].weight = 2), foreign("weight"));
    for protocol in [Protocol::KERNEL, Protocol::RA] {
        let mut spec = good.clone();
        spec.protocol = protocol;
        let why = foreign("protocol number but its flags");
        assert_eq!(no(net(), spec), why);
    }
    assert_eq!(
        with(|spec| spec.flags |= rtf::PROTO1),
        Unwritable::Flags(0x8000)
    );
    assert_eq!(with(|spec| spec.hops.clear()), Unwritable::NoWay);
    assert_eq!(with(|spec| spec.hops[0].dev = None), Unwritable::NoWay);
    assert_eq!(
        with(|spec| spec.hops.push(Hop::through("en0", None))),
        Unwritable::NoWay
    );
    assert_eq!(
        with(|spec| spec.hops[0].via = Some("fd00::1".parse().unwrap())),
        Unwritable::OtherFamily("gateway")
    );
    let to = |dev: &str| no(net(), through(dev, None));
    assert_eq!(to("en7"), Unwritable::NoLink("en7".to_owned()));
    assert_eq!(to("utun9"), Unwritable::LinkNumber("utun9".to_owned()));
    for kind in [
        attribute::GATEWAY,
        attribute::GENMASK,
        attribute::FLAGS,
        3,
        4,
    ] {
        let mut spec = good.clone();
        spec.opaque = vec![OpaqueAttribute {
            kind,
            value: "10000000".to_owned(),
        }];
        assert_eq!(no(net(), spec), Unwritable::Attribute(kind));
    }
    let host = no(net(), by_host(good));
    assert_eq!(host, Unwritable::Attribute(attribute::NETMASK));
}
