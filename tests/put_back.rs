//! A route that is in the way is put back exactly, or not touched at all.
//!
//! A route that the kernel shows is not always one that it takes back. So each sort
//! is taken away and put back here, and the whole machine compared: a route that came
//! back with another flag, metric or lifetime shows.

use crate::harness::{Lab, Office, Picture, until};

/// What becomes of the route that is in the way.
enum Then {
    /// It is replaced, and a rollback puts it back.
    PutBack,
    /// The plan refuses to touch it, and says this.
    Refused(&'static str),
}
use Then::{PutBack, Refused};

/// In the place of a route for this prefix, one by way of the LAN's second router.
pub(crate) fn profile(prefix: &str) -> String {
    let via = if prefix.contains(':') {
        "fd00:77::50"
    } else {
        "192.168.77.50"
    };
    format!(
        "profile \"mine\" {{\n routes {{ route \"{prefix}\" via=\"{via}\" replace=#true; }}\n}}\n"
    )
}

/// Tries one route in the way, and takes it off again.
#[track_caller]
fn try_one(lab: &Lab, family: &str, route: &str, then: &Then) {
    lab.run(&format!("ip {family} route add {route}"));
    try_what_is_there(lab, route, then);
    // The kind, where it is not unicast, and the destination.
    let (named, _) = route.split_once('/').expect("a route has a prefix");
    let length = prefix_of(route).split_once('/').expect("so it has").1;
    lab.run(&format!("ip {family} route del {named}/{length}"));
}

fn prefix_of(route: &str) -> &str {
    let mut words = route.split_whitespace();
    words
        .find(|word| word.contains('/'))
        .expect("a route has a prefix")
}

#[track_caller]
fn try_what_is_there(lab: &Lab, route: &str, then: &Then) {
    let prefix = prefix_of(route);
    lab.write_profile("mine", &profile(prefix));
    let before = Picture::take(lab);
    match then {
        Refused(why) => {
            for command in ["plan mine", "apply mine"] {
                let refused = lab.netprof(command).exits(1);
                let said = &refused.stderr;
                assert!(said.contains(why), "{route}: {said}");
            }
            before.assert_same(&Picture::take(lab));
        }
        PutBack => {
            for back in ["rollback", "release"] {
                lab.netprof("apply mine").exits(0);
                let gateway = lab.way_to(inside(prefix)).unwrap().gateway;
                assert!(gateway.is_some_and(|via| via.ends_with("50")), "{route}");
                lab.netprof(back).exits(0);
                before.assert_same(&Picture::take(lab));
            }
        }
    }
}

/// An address of the prefixes that these tests use.
pub(crate) fn inside(prefix: &str) -> &'static str {
    if prefix.contains(':') {
        "fd00:5::1"
    } else {
        "198.18.0.1"
    }
}

pub(crate) fn an_ordinary_route_is_put_back(lab: &Lab) {
    let _office = Office::new(lab);
    for (family, route) in [
        ("-4", "198.18.0.0/15 via 192.168.77.1"),
        ("-4", "198.18.0.0/15 dev corp0 scope link"),
        ("-4", "198.18.0.0/15 via 10.99.0.1 proto 42 src 10.99.0.2"),
        ("-4", "blackhole 198.18.0.0/15 proto static"),
        ("-4", "prohibit 198.18.0.0/15"),
        (
            "-6",
            "fd00:5::/48 via fd00:77::1 metric 1024 pref high proto 42",
        ),
        ("-6", "unreachable fd00:5::/48"),
        ("-6", "fd00:5::/48 dev corp0 src fd00:99::2"),
    ] {
        try_one(lab, family, route, &PutBack);
    }
}

pub(crate) fn a_route_with_metrics_and_onlink_is_put_back(lab: &Lab) {
    let _office = Office::new(lab);
    for (family, route) in [
        (
            "-4",
            "198.18.0.0/15 via 203.0.113.7 dev lan0 onlink mtu lock 1400 advmss 1360",
        ),
        (
            "-4",
            "198.18.0.0/15 via 192.168.77.1 rto_min 300ms initcwnd 20 congctl reno quickack 1",
        ),
        ("-4", "198.18.0.0/15 via 192.168.77.1 realms 7"),
        (
            "-6",
            "fd00:5::/48 via fd00:abcd::7 dev lan0 onlink mtu lock 1400 hoplimit 9",
        ),
    ] {
        try_one(lab, family, route, &PutBack);
    }
}

pub(crate) fn a_route_over_several_ways_is_put_back_or_refused(lab: &Lab) {
    let office = Office::new(lab);
    let _third = office.add_third();
    let over = |first: &str, second: &str| {
        format!("198.18.0.0/15 nexthop via {first} weight 3 nexthop via {second} weight 1")
    };
    let four = over("192.168.77.1", "10.99.0.1");
    try_one(lab, "-4", &four, &PutBack);
    try_one(
        lab,
        "-6",
        "fd00:5::/48 nexthop via fd00:77::1 nexthop via fd00:99::1",
        &PutBack,
    );

    // One link has lost its carrier.
    lab.run(&format!("ip route add {four}"));
    office.corp.run("ip link set eth0 down");
    until("corp's link is down", || {
        lab.run("ip -d route show 198.18.0.0/15")
            .contains("linkdown")
    });
    try_what_is_there(lab, &four, &PutBack);
    lab.run("ip route del 198.18.0.0/15");

    // One is switched off: the kernel keeps the route and would not take it again.
    let spare = over("192.168.77.1", "172.20.0.1");
    lab.run(&format!("ip route add {spare}"));
    lab.run("ip link set third0 down");
    assert!(lab.run("ip -d route show 198.18.0.0/15").contains("dead"));
    try_what_is_there(lab, &spare, &Refused("one of its links is down"));
}

pub(crate) fn a_route_by_a_nexthop_object_is_put_back(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run_each(
        "ip nexthop add id 7 via 192.168.77.1 dev lan0
         ip nexthop add id 8 via 10.99.0.1 dev corp0
         ip nexthop add id 9 group 7,3/8,1
         ip -6 nexthop add id 17 via fd00:77::1 dev lan0
         ip nexthop add id 10 blackhole",
    );
    try_one(lab, "-4", "198.18.0.0/15 nhid 7", &PutBack);
    try_one(lab, "-4", "198.18.0.0/15 nhid 9", &PutBack);
    try_one(lab, "-6", "fd00:5::/48 nhid 17", &PutBack);
    try_one(
        lab,
        "-4",
        "198.18.0.0/15 nhid 10",
        &Refused("its nexthop object does"),
    );
}

pub(crate) fn what_would_come_back_as_something_else_is_refused(lab: &Lab) {
    let _office = Office::new(lab);
    try_one(
        lab,
        "-6",
        "fd00:5::/48 via fd00:77::1 expires 600",
        &Refused("it goes by itself"),
    );
    try_one(
        lab,
        "-6",
        "fd00:5::/48 via fd00:77::1 proto ra",
        &Refused("never replaces such a route"),
    );
    try_one(
        lab,
        "-4",
        "198.18.0.0/15 via 192.168.77.1 proto dhcp",
        &Refused("never replaces such a route"),
    );
}

pub(crate) fn a_route_for_some_sources_only_is_put_back(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run("ip -6 route add fd00:5::/48 from fd00:77::/64 via fd00:77::1");
    try_what_is_there(lab, "fd00:5::/48", &PutBack);
}
