//! A route that was read can be written back as it was, or is refused.

use netprof_engine::backend::{Backend, Mode};
use netprof_linux::Linux;
use netprof_model::plan::{Change, Reason};
use netprof_model::resource::Lasts;
use netprof_model::route::Route;
use netprof_model::{Owner, Resource, State};
use serde_json::Value;

use crate::namespace::{Test, list, not_run, sh, try_sh, two_links, wait_until};
use crate::observe::observe;
use netprof_plan::linux::put_back::{NotExact, can_put_back};

pub(crate) const TESTS: &[Test] = &[
    ("every_sort_of_route_comes_back_as_it_was", every_sort),
    (
        "a_route_without_carrier_comes_back_as_it_was",
        without_carrier,
    ),
    ("a_route_by_nexthop_id_comes_back_as_it_was", by_nexthop_id),
    (
        "a_route_that_drops_by_its_nexthop_is_refused",
        nexthop_drops,
    ),
    ("a_multipath_with_a_dead_leg_is_refused", dead_leg),
    ("a_route_with_a_lifetime_is_refused", expiring),
    ("an_encapsulating_route_comes_back_as_it_was", encapsulating),
];

/// The change that takes `route` away.
fn removal(route: &Route) -> Change {
    Change {
        id: 1,
        resource: Resource::Route(route.key.clone()),
        before: Some(State::Route(route.spec.clone())),
        after: None,
        original: None,
        owner: Owner::Unknown,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: vec![Reason::plain("a test")],
    }
}

/// All routes, without what changes by itself.
fn shown() -> Vec<Value> {
    let mut all = list("ip -j -d -4 route show table all");
    all.extend(list("ip -j -d -6 route show table all"));
    for route in &mut all {
        let map = route.as_object_mut().unwrap();
        map.retain(|key, _| !matches!(key.as_str(), "expires" | "cache"));
    }
    let mut all: Vec<Value> = all;
    all.sort_by_key(Value::to_string);
    all
}

fn the_route(dst: &str) -> Route {
    let snapshot = observe();
    let all = snapshot.routes.items().iter();
    let mut found = all.filter(|route| route.key.dst.to_string() == dst);
    let route = found.next().expect("it is there").clone();
    assert_eq!(found.next(), None);
    route
}

/// Takes away the route to `dst`, sees that it is gone, puts it back, and sees that
/// everything is as before.
fn goes_and_comes(dst: &str) {
    let route = the_route(dst);
    assert_eq!(can_put_back(&route), Ok(()), "{route:?}");
    let before = shown();
    let change = removal(&route);
    let mut linux = Linux::new();
    linux
        .apply(std::slice::from_ref(&change), Mode::Forward)
        .unwrap_or_else(|refused| panic!("{route:?}: {refused:?}"));
    assert_eq!(
        shown().len() + 1,
        before.len(),
        "{dst} is gone, and only it"
    );
    linux
        .apply(&[change.inverse()], Mode::Back)
        .unwrap_or_else(|refused| panic!("{route:?}: {refused:?}"));
    let now = shown();
    let lost: Vec<_> = before.iter().filter(|one| !now.contains(one)).collect();
    let new: Vec<_> = now.iter().filter(|one| !before.contains(one)).collect();
    assert!(
        lost.is_empty() && new.is_empty(),
        "lost {lost:#?}, new {new:#?}"
    );
    assert_eq!(the_route(dst), route);
}

fn every_sort() {
    two_links();
    let sorts = [
        ("10.20.0.0/16", "10.20.0.0/16 via 10.1.0.9 dev one"),
        (
            "10.21.0.0/16",
            "10.21.0.0/16 dev one scope link src 10.1.0.1 proto static metric 50",
        ),
        ("10.22.0.0/16", "10.22.0.0/16 via 192.0.2.1 dev one onlink"),
        (
            "10.23.0.0/16",
            "10.23.0.0/16 via 10.1.0.9 mtu lock 1400 advmss 1300 quickack 1",
        ),
        (
            "10.24.0.0/16",
            "10.24.0.0/16 via 10.1.0.9 congctl reno initcwnd 20",
        ),
        (
            "10.25.0.0/16",
            "10.25.0.0/16 nexthop via 10.1.0.9 weight 3 nexthop via 10.2.0.9 weight 256",
        ),
        (
            "10.26.0.0/16",
            "10.26.0.0/16 nexthop via 192.0.2.1 dev one onlink nexthop dev two",
        ),
        ("10.27.0.0/16", "10.27.0.0/16 via inet6 fd01::9 dev one"),
        (
            "10.28.0.0/16",
            "10.28.0.0/16 nexthop via inet6 fd01::9 dev one nexthop via 10.2.0.9",
        ),
        ("10.29.0.0/16", "10.29.0.0/16 tos 0x10 via 10.1.0.9"),
        ("10.30.0.0/16", "10.30.0.0/16 via 10.1.0.9 table 70000"),
        ("10.31.0.0/16", "10.31.0.0/16 via 10.1.0.9 table 4294967295"),
        ("10.32.0.0/16", "unreachable 10.32.0.0/16"),
        ("10.33.0.0/16", "blackhole 10.33.0.0/16 metric 9"),
        ("10.34.0.0/16", "prohibit 10.34.0.0/16"),
        ("10.35.0.0/16", "throw 10.35.0.0/16 table 100"),
        ("10.36.0.0/16", "local 10.36.0.0/16 dev lo"),
        (
            "10.37.255.255/32",
            "broadcast 10.37.255.255 dev one table local scope link",
        ),
        (
            "0.0.0.0/0",
            "default via 10.1.0.9 proto dhcp src 10.1.0.1 metric 600",
        ),
        ("fd20::/16", "fd20::/16 via fd01::9 dev one"),
        ("fd21::/16", "fd21::/16 dev one metric 77 proto static"),
        (
            "fd22::/16",
            "fd22::/16 nexthop via fd01::9 weight 2 nexthop via fd02::9",
        ),
        ("fd23::/16", "fd23::/16 from fd01::/64 via fd01::9 dev one"),
        (
            "fd24::/16",
            "fd24::/16 via fd01::9 src fd01::1 mtu lock 1300",
        ),
        ("fd25::/16", "unreachable fd25::/16"),
        ("fd26::/16", "blackhole fd26::/16"),
        ("fd27::/16", "prohibit fd27::/16 metric 5"),
        ("fd28::/16", "throw fd28::/16 table 70001"),
        ("fd29::/16", "fd29::/16 via fd01::9 pref high"),
        ("fd2a::/16", "fd2a::/16 via fe80::9 dev one onlink"),
        ("fd2b::/16", "local fd2b::/16 dev lo"),
        ("ff2c::/16", "multicast ff2c::/16 dev one table local"),
        ("::/0", "default via fd01::9 dev one metric 1024"),
    ];
    for (_, line) in sorts {
        let family = if line.contains("fd") || line.contains("ff2c") {
            "-6"
        } else {
            "-4"
        };
        let family = if line.starts_with("10.") {
            "-4"
        } else {
            family
        };
        sh(&format!("ip {family} route add {line}"));
    }
    for (dst, _) in sorts {
        goes_and_comes(dst);
    }
}

fn without_carrier() {
    two_links();
    sh("ip route add 10.20.0.0/16 nexthop via 10.1.0.9 nexthop via 10.2.0.9");
    sh("ip route add 10.21.0.0/16 via 10.2.0.9");
    sh("ip route add 10.22.0.0/16 via 10.2.0.9");
    sh("ip -6 route add fd20::/16 nexthop via fd01::9 nexthop via fd02::9");
    sh("ip link set two-end down");
    wait_until("two is without carrier", || {
        sh("ip -6 route show fd20::/16").contains("linkdown")
            && sh("ip route show 10.20.0.0/16").contains("linkdown")
    });
    for dst in ["10.20.0.0/16", "10.21.0.0/16", "10.22.0.0/16", "fd20::/16"] {
        assert!(the_route(dst).live.linkdown, "{dst}");
        goes_and_comes(dst);
    }
}

fn by_nexthop_id() {
    two_links();
    sh("ip nexthop add id 7 via 10.1.0.9 dev one");
    sh("ip nexthop add id 8 via 10.2.0.9 dev two");
    sh("ip nexthop add id 9 group 7,3/8");
    sh("ip -6 nexthop add id 10 via fd01::9 dev one");
    sh("ip route add 10.20.0.0/16 nhid 7");
    sh("ip route add 10.21.0.0/16 nhid 9 metric 5");
    sh("ip route add 10.22.0.0/16 nhid 10");
    sh("ip -6 route add fd20::/16 nhid 10");
    let route = the_route("10.21.0.0/16");
    assert_eq!(route.spec.nexthop_id, Some(9));
    assert!(
        route.goes_through("two"),
        "the planner sees which links it takes"
    );
    for dst in ["10.20.0.0/16", "10.21.0.0/16", "10.22.0.0/16", "fd20::/16"] {
        goes_and_comes(dst);
    }
}

fn nexthop_drops() {
    two_links();
    sh("ip nexthop add id 11 blackhole");
    sh("ip route add 10.20.0.0/16 nhid 11");
    let route = the_route("10.20.0.0/16");
    assert_eq!(can_put_back(&route), Err(NotExact::NexthopDrops));
}

fn dead_leg() {
    two_links();
    sh("ip route add 10.20.0.0/16 nexthop via 10.1.0.9 nexthop via 10.2.0.9");
    sh("ip link set two down");
    let route = the_route("10.20.0.0/16");
    assert!(route.live.dead);
    assert_eq!(can_put_back(&route), Err(NotExact::Dead));
}

fn expiring() {
    two_links();
    sh("ip -6 route add fd20::/16 via fd01::9 expires 100");
    let route = the_route("fd20::/16");
    let left = route.live.expires.expect("it has a lifetime");
    assert!((90..=100).contains(&left), "{left}");
    assert_eq!(can_put_back(&route), Err(NotExact::Expires));
}

fn encapsulating() {
    two_links();
    let sorts = [
        (
            "10.20.0.0/16",
            "10.20.0.0/16 encap ip id 5 dst 10.1.0.9 dev one",
        ),
        ("10.21.0.0/16", "10.21.0.0/16 encap mpls 100 via 10.1.0.9"),
        (
            "fd20::/16",
            "fd20::/16 encap seg6 mode encap segs fd01::9 dev one",
        ),
        (
            "fd21::/16",
            "fd21::/16 nexthop encap seg6 mode encap segs fd01::9 dev one nexthop via fd02::9",
        ),
    ];
    // A kernel need not know any of these.
    let mut known = 0;
    for (dst, line) in sorts {
        if try_sh(&format!("ip route add {line}")).0 {
            known += 1;
            goes_and_comes(dst);
        }
    }
    if known == 0 {
        not_run("this kernel knows no encapsulation");
    }
}
