//! What holds for all routes and all bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_macos::route::message::Messages;
use netprof_macos::route::sockaddr::{Sockaddrs, has_zone};
use netprof_macos::route::{Names, Reply, Request, read_links, read_routes};
use netprof_model::Owner;
use netprof_model::route::{
    Hop, OpaqueAttribute, Protocol, Route, RouteKey, RouteKind, RouteLive, RouteSpec, rtf,
};
use netprof_plan::macos::put_back::{self, attribute};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};

use crate::Test;
use crate::kernel::{self, Kernel};

pub(crate) const TESTS: &[Test] = &[
    ("what_is_written_is_read_back_as_it_was", written_and_read),
    ("what_is_deleted_is_gone_and_nothing_else", deleted),
    ("no_bytes_make_a_reader_panic", any_bytes),
    ("no_change_to_a_message_makes_a_reader_panic", damaged),
    ("a_walk_over_messages_ends", walk_ends),
];

const LINKS: [(u16, &str); 4] = [(1, "lo0"), (11, "en0"), (25, "utun4"), (0x1234, "utun4000")];

fn names() -> Names {
    let mut names = Names::default();
    for (index, name) in LINKS {
        names.insert(index.into(), name);
    }
    names
}

/// As many cases as PROPTEST_CASES says, or enough for every change.
fn law<S: Strategy>(cases: S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let cases_asked = asked.and_then(|cases| cases.parse().ok());
    let mut runner = TestRunner::new(Config {
        cases: cases_asked.unwrap_or(512),
        failure_persistence: None,
        ..Config::default()
    });
    if let Err(why) = runner.run(&cases, holds) {
        panic!("{why}");
    }
}

fn ip(v4: bool) -> BoxedStrategy<IpAddr> {
    if v4 {
        return any::<u32>()
            .prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits)))
            .boxed();
    }
    let local = any::<u64>().prop_map(|bits| Ipv6Addr::from(0xfe80 << 112 | u128::from(bits)));
    prop_oneof![
        1 => local,
        2 => any::<u128>().prop_map(Ipv6Addr::from),
    ]
    .prop_map(|ip| {
        let mut segments = ip.segments();
        // Where the kernel puts the number of a link there is nothing else.
        if has_zone(ip) {
            segments[1] = 0;
        }
        IpAddr::V6(segments.into())
    })
    .boxed()
}

prop_compose! {
    /// The route of an ordinary writer, with what the kernel keeps of it.
    fn route_of(v4: bool)(
        dst in ip(v4),
        length in 0..=if v4 { 32u8 } else { 128 },
        kind in prop_oneof![
            4 => Just(RouteKind::Unicast),
            1 => Just(RouteKind::Unreachable),
            1 => Just(RouteKind::Blackhole),
        ],
        dev in select(&LINKS[..]),
        via in option::of(ip(v4)),
        scoped in any::<bool>(),
        protocol in prop_oneof![Just(Some(Protocol::NETPROF)), Just(None)],
        flags in subsequence(
            vec![rtf::CLONING, rtf::XRESOLVE, rtf::STATIC, rtf::NOIFREF, rtf::PROTO2], 0..=5),
        metrics in subsequence(vec![1u16, 2, 8, 0x10, 0x20, 0x40, 0x80], 0..=2),
        value in any::<u32>(),
        host in any::<bool>(),
    ) -> Route {
        let mut dst = IpNet::new(dst, length).unwrap().trunc();
        let local = matches!(dst.addr(), IpAddr::V6(ip) if has_zone(ip));
        // A mask that cuts the link off leaves no link-local network.
        if local && length < 32 {
            dst = IpNet::new(dst.addr(), 64).unwrap().trunc();
        }
        let ifscope = (scoped || local).then(|| dev.1.to_owned());
        let flags = flags.into_iter().sum::<u32>();
        let by_flags = if flags & rtf::STATIC == 0 { Protocol::KERNEL } else { Protocol::STATIC };
        let key = RouteKey { ifscope, ..RouteKey::unscoped(dst) };
        let mut spec = RouteSpec {
            kind,
            protocol: protocol.unwrap_or(by_flags),
            hops: vec![Hop::through(dev.1, via)],
            flags,
            opaque: metrics.into_iter().map(|kind| OpaqueAttribute {
                kind,
                value: put_back::of_number(value.wrapping_mul(u32::from(kind))),
            }).collect(),
            ..RouteSpec::default()
        };
        if host && dst.prefix_len() == dst.max_prefix_len() {
            spec.opaque.push(OpaqueAttribute {
                kind: attribute::NETMASK,
                value: attribute::BY_HOST.to_owned(),
            });
        }
        Route { key, spec: spec.into(), live: RouteLive::default(), owner: Owner::Unknown }
    }
}

fn route() -> impl Strategy<Value = Route> {
    any::<bool>().prop_flat_map(route_of)
}

fn add(kernel: &mut Kernel, route: &Route) -> bool {
    let request = Request::add(&route.key, &route.spec, &names(), 1).unwrap();
    let answer = kernel.write(request.bytes(), 9);
    answer[24] == 0
}

fn written_and_read() {
    law(route(), |route| {
        let mut kernel = Kernel::default();
        prop_assert!(add(&mut kernel, &route));
        let read = read_routes(&kernel.dump(), &names(), 0).unwrap().routes;
        prop_assert_eq!(read, vec![route]);
        Ok(())
    });
}

fn deleted() {
    law(
        (vec(route(), 1..6), any::<prop::sample::Index>()),
        |(routes, at)| {
            let mut kernel = Kernel::default();
            let mut there: Vec<&Route> = Vec::new();
            for route in &routes {
                if add(&mut kernel, route) {
                    there.push(route);
                }
            }
            let gone = there.remove(at.index(there.len()));
            let request = Request::delete(&gone.key, &gone.spec, &names(), 2).unwrap();
            let answer = kernel.write(request.bytes(), 9);
            // The answer shows what is gone; it is the same to the last attribute.
            let reply = Reply::read(&answer, 9, 2, &names(), 0).unwrap().unwrap();
            prop_assert_eq!(reply.errno, 0);
            prop_assert_eq!(reply.route.as_ref(), Some(gone));
            let read = read_routes(&kernel.dump(), &names(), 0).unwrap().routes;
            prop_assert_eq!(read.len(), there.len());
            for route in there {
                prop_assert!(read.contains(route));
            }
            Ok(())
        },
    );
}

fn read_all(bytes: &[u8]) {
    let names = names();
    let _ = read_routes(bytes, &names, 0);
    let _ = read_links(bytes);
    let _ = Reply::read(bytes, 0, 0, &names, 0);
    for bits in [0x01, 0x07, 0x34, 0xb4, 0xff] {
        let Ok(all) = Sockaddrs::read(bits, bytes) else {
            continue;
        };
        for place in 0..8 {
            if let Some(one) = all.get(1 << place) {
                let _ = one.ip();
                let _ = one.link();
                let _ = one.prefix(2);
                let _ = one.prefix(30);
            }
        }
    }
}

fn any_bytes() {
    law(vec(any::<u8>(), 0..300), |bytes| {
        read_all(&bytes);
        Ok(())
    });
    // With a frame that lets them in.
    let kinds = select(vec![1u8, 2, 3, 4, 6, 12, 13, 14, 18, 20, 99]);
    law((kinds, vec(any::<u8>(), 4..300)), |(kind, mut bytes)| {
        let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        bytes[..4].copy_from_slice(&[length[0], length[1], 5, kind]);
        read_all(&bytes);
        Ok(())
    });
}

fn damaged() {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    let kinds = select(vec![1u8, 2, 3, 4, 6, 20]);
    law((route(), kinds, damage), |(route, kind, damage)| {
        let mut kernel = Kernel::default();
        add(&mut kernel, &route);
        let mut bytes = kernel.dump();
        bytes[3] = kind;
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read_all(&bytes);
        Ok(())
    });
    let links = [
        kernel::link(true, 11, 0x8863, 1500, "en0", &[2, 0, 0x5e, 0, 0x53, 2]),
        kernel::address(
            12,
            11,
            &vec![
                (kernel::MASK, kernel::mask(true, 24, 0)),
                (kernel::IFA, kernel::sin([192, 168, 7, 20].into())),
                (kernel::BRD, kernel::sin([192, 168, 7, 255].into())),
            ],
        ),
    ]
    .concat();
    for at in 0..links.len() {
        for value in 0..=255 {
            let mut bytes = links.clone();
            bytes[at] = value;
            read_all(&bytes);
        }
    }
}

fn walk_ends() {
    law(
        vec(
            prop_oneof![Just(0u8), Just(4), Just(5), any::<u8>()],
            0..400,
        ),
        |bytes| {
            let steps = Messages::new(&bytes).take(bytes.len() + 1).count();
            prop_assert!(steps <= bytes.len() / 4 + 1);
            Ok(())
        },
    );
}
