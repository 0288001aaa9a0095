//! What is asked for is made, what is refused is named.

use std::net::IpAddr;
use std::time::Instant;

use netprof_engine::backend::{Backend, Mode, Refusal};
use netprof_linux::Linux;
use netprof_model::link::LinkId;
use netprof_model::plan::{Change, Reason, RouteAnswer, RouteProbe};
use netprof_model::resource::{AddressSpec, Lasts};
use netprof_model::route::{Hop, Protocol, RouteKey, RouteKind, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey, RuleSpec};
use netprof_model::{Owner, Resource, State};

use crate::namespace::{Test, json, list, sh, two_links};
use crate::observe::{all_routes, observe};

pub(crate) const TESTS: &[Test] = &[
    (
        "routes_and_rules_are_made_and_taken_away",
        made_and_taken_away,
    ),
    ("lo_gets_its_address_and_comes_up", lo_comes_up),
    ("sizes_of_packets_are_set_and_put_back", sizes),
    ("a_refused_change_is_named_in_the_kernels_words", refusals),
    ("what_is_taken_by_another_is_refused", taken),
    ("what_is_gone_is_no_error_on_the_way_back", gone),
    ("a_route_is_replaced_in_both_families", replaced),
    (
        "on_the_way_back_a_replaced_route_returns_though_ours_is_gone",
        replaced_and_gone,
    ),
    ("half_a_change_is_taken_back", half),
    (
        "a_change_of_which_one_half_cannot_be_written_is_not_begun",
        unwritable_half,
    ),
    (
        "a_rule_of_somebody_elses_is_not_removed_in_place_of_ours",
        twin_rules,
    ),
    (
        "a_route_with_a_metric_is_not_removed_in_place_of_ours",
        twin_routes,
    ),
    (
        "what_was_observed_is_old_once_something_was_written",
        written_since,
    ),
    (
        "a_route_with_a_source_is_not_removed_in_place_of_ours",
        twin_with_a_source,
    ),
    ("a_link_that_was_made_anew_is_refused", another_link),
    ("anothers_route_with_the_same_key_is_not_hit", same_key),
    (
        "ten_thousand_routes_go_in_one_call_and_one_bad_one_is_named",
        ten_thousand,
    ),
    ("look_ups_tell_table_link_gateway_and_source", look_ups),
];

fn change(resource: Resource, before: Option<State>, after: Option<State>) -> Change {
    Change {
        id: 1,
        resource,
        before,
        after,
        original: None,
        owner: Owner::Unknown,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: vec![Reason::plain("a test")],
    }
}

fn add(resource: Resource, state: State) -> Change {
    change(resource, None, Some(state))
}

fn key(dst: &str, metric: u32) -> Resource {
    Resource::Route(RouteKey {
        dst: dst.parse().unwrap(),
        table: 254,
        metric,
        tos: 0,
        ifscope: None,
    })
}

fn via(gateway: &str, dev: &str) -> State {
    State::Route(
        RouteSpec {
            protocol: Protocol::NETPROF,
            hops: vec![Hop::through(dev, Some(gateway.parse().unwrap()))],
            ..RouteSpec::default()
        }
        .into(),
    )
}

fn direct(dev: &str, src: &str, scope: u8) -> State {
    State::Route(
        RouteSpec {
            protocol: Protocol::NETPROF,
            scope,
            prefsrc: Some(src.parse().unwrap()),
            hops: vec![Hop::through(dev, None)],
            ..RouteSpec::default()
        }
        .into(),
    )
}

fn rule(priority: u32, to: &str) -> (Resource, State) {
    let mut key = RuleKey::new(Family::V4, priority, RuleAction::Lookup(254));
    key.to = Some(to.parse().unwrap());
    key.suppress_prefixlength = Some(23);
    let spec = RuleSpec {
        protocol: Protocol::NETPROF,
    };
    (Resource::Rule(Box::new(key)), State::Rule(spec))
}

fn forward(changes: &[Change]) {
    Linux::new()
        .apply(changes, Mode::Forward)
        .unwrap_or_else(|refused| panic!("{refused:#?}"));
}

fn back(changes: &[Change]) {
    let inverse: Vec<Change> = changes.iter().rev().map(Change::inverse).collect();
    Linux::new()
        .apply(&inverse, Mode::Back)
        .unwrap_or_else(|refused| panic!("{refused:#?}"));
}

fn refused(changes: &[Change], mode: Mode) -> Vec<Refusal> {
    Linux::new()
        .apply(changes, mode)
        .expect_err("it is refused")
}

fn everything() -> String {
    sh("ip -4 route show table all; ip -6 route show table all; ip rule; ip -6 rule; ip addr")
}

fn made_and_taken_away() {
    two_links();
    let before = everything();
    let (rule_110, spec_110) = rule(110, "10.1.0.0/24");
    let unreachable = RouteSpec {
        kind: RouteKind::Unreachable,
        protocol: Protocol::NETPROF,
        ..RouteSpec::default()
    };
    let changes = [
        add(rule_110, spec_110),
        add(key("10.20.0.0/16", 0), via("10.1.0.9", "one")),
        add(key("fd20::/16", 1024), via("fd01::9", "one")),
        add(key("10.22.0.0/16", 5), direct("one", "10.1.0.1", 253)),
        add(key("fd22::/16", 5), direct("one", "fd01::1", 0)),
        add(
            key("10.21.0.0/16", 0),
            State::Route(unreachable.clone().into()),
        ),
        add(key("fd21::/16", 1024), State::Route(unreachable.into())),
    ];
    forward(&changes);
    let seen = observe();
    for change in &changes {
        let index = netprof_model::snapshot::Index::new(&seen);
        assert_eq!(
            index.state(&change.resource).unwrap(),
            change.after,
            "{}",
            change.resource
        );
        assert_eq!(index.owner(&change.resource), Owner::Netprof);
    }
    let route = &list("ip -j route show 10.20.0.0/16")[0];
    assert_eq!(
        (&route["gateway"], &route["dev"]),
        (&"10.1.0.9".into(), &"one".into())
    );
    assert_eq!(route["protocol"].as_str(), Some("110"));
    assert_eq!(list("ip -j -6 route show fd20::/16")[0]["metric"], 1024);
    assert!(
        sh("ip rule").contains(
            "110:\tfrom all to 10.1.0.0/24 lookup main suppress_prefixlength 23 proto 110"
        )
    );
    back(&changes);
    assert_eq!(everything(), before);
}

fn lo_comes_up() {
    sh("ip link set lo down");
    sh("ip addr flush dev lo");
    let up = |up| Some(State::LinkUp { up });
    let dev = || "lo".to_owned();
    let local = |text: &str| Resource::Address {
        dev: dev(),
        local: text.parse().unwrap(),
    };
    let host = State::Address(AddressSpec { scope: 254 });
    let before = sh("ip -4 addr show dev lo");
    let changes = [
        add(local("127.0.0.1/8"), host.clone()),
        change(Resource::LinkUp { dev: dev() }, up(false), up(true)),
    ];
    forward(&changes);
    let lo = &list("ip -j addr show dev lo")[0];
    assert!(lo["flags"].as_array().unwrap().contains(&"UP".into()));
    let address = &lo["addr_info"][0];
    assert_eq!(address["local"], "127.0.0.1");
    assert_eq!(
        (&address["prefixlen"], &address["scope"]),
        (&8.into(), &"host".into())
    );
    sh("ip route get 127.0.0.1");
    let seen = observe();
    let index = netprof_model::snapshot::Index::new(&seen);
    assert_eq!(index.state(&local("127.0.0.1/8")).unwrap(), Some(host));
    back(&changes);
    assert_eq!(sh("ip -4 addr show dev lo"), before);
}

fn sizes() {
    two_links();
    let mtu = |mtu| Some(State::Mtu { mtu });
    let resource = |dev: &str| {
        let dev = dev.to_owned();
        Resource::Mtu { dev }
    };
    let shown = |dev: &str| json(&format!("ip -j link show {dev}"))[0]["mtu"].clone();
    let before = sh("ip -d link");
    let changes = [
        change(resource("one"), mtu(1500), mtu(1400)),
        change(resource("two"), mtu(1500), mtu(9000)),
    ];
    forward(&changes);
    assert_eq!((shown("one"), shown("two")), (1400.into(), 9000.into()));
    let seen = observe();
    let index = netprof_model::snapshot::Index::new(&seen);
    assert_eq!(index.state(&resource("two")).unwrap(), mtu(9000));
    back(&changes);
    assert_eq!(sh("ip -d link"), before);

    let refused = refused(
        &[change(resource("one"), mtu(1500), mtu(70_000))],
        Mode::Forward,
    );
    let why = &refused[0].why;
    assert!(why.contains("mtu greater than device maximum"), "{why}");
    let mut elsewhere = changes[0].clone();
    let name = "one".to_owned();
    elsewhere.link = Some(LinkId { index: 99, name }.into());
    let refused = self::refused(&[elsewhere], Mode::Forward);
    assert_eq!(refused[0].why, "link one was made anew since");
    assert_eq!(sh("ip -d link"), before);
}

fn refusals() {
    two_links();
    let changes = [
        add(key("10.20.0.0/16", 0), via("10.1.0.9", "one")),
        add(key("10.21.0.0/16", 0), via("192.0.2.1", "one")),
        add(key("10.22.0.0/16", 0), via("10.1.0.9", "nowhere")),
        change(key("10.23.0.0/16", 0), Some(via("10.1.0.9", "one")), None),
        add(key("10.24.0.0/16", 0), via("10.1.0.9", "one")),
    ];
    let refused = refused(&changes, Mode::Forward);
    let said: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "route4 10.21.0.0/16 table 254 metric 0 tos 0: Nexthop has invalid gateway (Network is unreachable)",
            "route4 10.22.0.0/16 table 254 metric 0 tos 0: there is no link nowhere",
            "route4 10.23.0.0/16 table 254 metric 0 tos 0: No such process",
        ]
    );
    // The kernel went on behind each of them.
    sh("ip route get 10.24.1.1 | grep -q 10.1.0.9");
}

fn taken() {
    two_links();
    sh("ip route add 10.20.0.0/16 via 10.2.0.9");
    sh("ip rule add pref 110 to 10.1.0.0/24 lookup main suppress_prefixlength 23 protocol 110");
    let (rule, spec) = rule(110, "10.1.0.0/24");
    let changes = [
        add(key("10.20.0.0/16", 0), via("10.1.0.9", "one")),
        add(rule, spec),
    ];
    for mode in [Mode::Forward, Mode::Back] {
        let refused = refused(&changes, mode);
        assert_eq!(refused.len(), 2);
        assert!(
            refused.iter().all(|one| one.why.contains("File exists")),
            "{refused:?}"
        );
    }
    assert_eq!(
        list("ip -j route show 10.20.0.0/16")[0]["gateway"],
        "10.2.0.9"
    );
}

fn gone() {
    two_links();
    let (rule, spec) = rule(110, "10.1.0.0/24");
    let address = Resource::Address {
        dev: "one".to_owned(),
        local: "10.99.0.1/24".parse().unwrap(),
    };
    let changes = [
        change(rule, Some(spec), None),
        change(key("10.20.0.0/16", 0), Some(via("10.1.0.9", "one")), None),
        change(key("fd20::/16", 1024), Some(via("fd01::9", "one")), None),
        change(
            key("10.21.0.0/16", 0),
            Some(via("10.1.0.9", "nowhere")),
            None,
        ),
        change(address, Some(State::Address(AddressSpec::default())), None),
    ];
    assert_eq!(refused(&changes, Mode::Forward).len(), changes.len());
    Linux::new()
        .apply(&changes, Mode::Back)
        .expect("it is gone");
}

fn replaced() {
    two_links();
    for (dst, metric, old, new) in [
        ("10.20.0.0/16", 0, "10.1.0.9", "10.2.0.9"),
        ("fd20::/16", 1024, "fd01::9", "fd02::9"),
    ] {
        let changes = [change(
            key(dst, metric),
            Some(via(old, "one")),
            Some(via(new, "two")),
        )];
        assert_eq!(
            refused(&changes, Mode::Forward).len(),
            1,
            "there is none to replace"
        );
        assert!(!everything().contains(dst));
        forward(&[add(key(dst, metric), via(old, "one"))]);
        forward(&changes);
        let family = if dst.contains(':') { "-6" } else { "-4" };
        let shown = || list(&format!("ip -j {family} route show {dst}"));
        assert_eq!((shown().len(), &shown()[0]["gateway"]), (1, &new.into()));
        back(&changes);
        assert_eq!((shown().len(), &shown()[0]["gateway"]), (1, &old.into()));
    }
}

fn replaced_and_gone() {
    two_links();
    for (dst, metric, old, new) in [
        ("10.20.0.0/16", 0, "10.1.0.9", "10.2.0.9"),
        ("fd20::/16", 1024, "fd01::9", "fd02::9"),
    ] {
        back(&[change(
            key(dst, metric),
            Some(via(old, "one")),
            Some(via(new, "two")),
        )]);
        let family = if dst.contains(':') { "-6" } else { "-4" };
        assert_eq!(
            list(&format!("ip -j {family} route show {dst}"))[0]["gateway"],
            old
        );
    }
}

fn half() {
    two_links();
    forward(&[add(key("fd20::/16", 1024), via("fd01::9", "one"))]);
    let before = everything();
    // The old goes, the new has a gateway that no link reaches.
    let changes = [change(
        key("fd20::/16", 1024),
        Some(via("fd01::9", "one")),
        Some(via("fd99::9", "two")),
    )];
    let refused = refused(&changes, Mode::Forward);
    assert_eq!(refused.len(), 1);
    assert_eq!(everything(), before);
    // The old is not there, the new could be added.
    let (rule_111, spec) = rule(111, "10.1.0.0/24");
    let other = State::Rule(RuleSpec::default());
    let changes = [change(rule_111, Some(spec), Some(other))];
    assert_eq!(self::refused(&changes, Mode::Forward).len(), 1);
    assert_eq!(everything(), before);
}

fn another_link() {
    two_links();
    let index = json("ip -j link show one")[0]["ifindex"].as_u64().unwrap();
    let mut one = add(key("10.20.0.0/16", 0), via("10.1.0.9", "one"));
    let other = LinkId {
        index: u32::try_from(index).unwrap() + 100,
        name: "one".to_owned(),
    };
    one.link = Some(other.into());
    let refused = refused(&[one.clone()], Mode::Forward);
    assert_eq!(refused[0].why, "link one was made anew since");
    back(&[one]);
}

fn same_key() {
    two_links();
    // Same destination and metric, other hop: the kernel keeps both.
    sh("ip route add 10.20.0.0/16 via 10.2.0.9");
    sh("ip route append 10.20.0.0/16 via 10.1.0.9 proto 110");
    sh("ip rule add pref 110 to 10.1.0.0/24 lookup main");
    let before = everything();
    forward(&[change(
        key("10.20.0.0/16", 0),
        Some(via("10.1.0.9", "one")),
        None,
    )]);
    let left = list("ip -j route show 10.20.0.0/16");
    assert_eq!((left.len(), &left[0]["gateway"]), (1, &"10.2.0.9".into()));
    let (rule, spec) = rule(110, "10.1.0.0/24");
    assert_eq!(
        refused(&[change(rule, Some(spec), None)], Mode::Forward).len(),
        1
    );
    sh("ip route append 10.20.0.0/16 via 10.1.0.9 proto 110");
    assert_eq!(everything(), before);
}

fn ten_thousand() {
    two_links();
    let route = |n: u32| {
        let dst = std::net::Ipv4Addr::from(0x1000_0000 + n * 256);
        add(key(&format!("{dst}/24"), 0), via("10.1.0.9", "one"))
    };
    let mut changes: Vec<Change> = (0..10_000).map(route).collect();
    changes[5_000].after = Some(via("192.0.2.1", "one"));
    let start = Instant::now();
    let refused = Linux::new().apply(&changes, Mode::Forward).unwrap_err();
    println!("10,000 routes: {:?}", start.elapsed());
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].change.resource, changes[5_000].resource);
    assert_eq!(list("ip -j route show proto 110").len(), 9_999);
    // All are there already: each refusal finds its change.
    let refused = Linux::new().apply(&changes, Mode::Forward).unwrap_err();
    assert_eq!(refused.len(), 10_000);
    for (refused, change) in refused.iter().zip(&changes) {
        assert_eq!(refused.change.resource, change.resource);
    }
    let seen = observe();
    let ours = seen.routes.items().iter();
    let ours = ours.filter(|route| route.owner == Owner::Netprof);
    assert_eq!(ours.count(), 9_999);
    back(&changes);
    assert!(list("ip -j route show proto 110").is_empty());
}

fn look_ups() {
    two_links();
    sh("ip route add 10.20.0.0/16 via 10.1.0.9 table 700");
    sh("ip rule add pref 100 lookup 700");
    sh("ip route add 10.30.0.0/16 via 10.2.0.9 src 10.2.0.1");
    sh("ip route add unreachable 10.40.0.0/16");
    sh("ip route add blackhole 10.41.0.0/16");
    sh("ip route add prohibit 10.42.0.0/16");
    sh("ip -6 route add unreachable fd40::/16");
    sh("ip -6 route add blackhole fd41::/16");
    sh("ip -6 route add fd30::/16 via fd02::9");
    let probe = |to: &str, oif: Option<&str>| RouteProbe {
        to: to.parse().unwrap(),
        oif: oif.map(str::to_owned),
    };
    let probes = [
        probe("10.20.1.1", None),
        probe("10.30.1.1", None),
        probe("10.30.1.1", Some("one")),
        probe("127.0.0.1", None),
        probe("fd30::1", None),
        probe("10.40.1.1", None),
        probe("10.41.1.1", None),
        probe("10.42.1.1", None),
        probe("192.0.2.1", None),
        probe("fd40::1", None),
        probe("fd41::1", None),
        probe("2001:db8::1", None),
        probe("10.30.1.1", Some("nowhere")),
    ];
    let answers = Linux::new().look_up(&probes).unwrap();
    assert_eq!(answers.len(), probes.len());
    let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    let answer = |table, dev: &str, via, src: &str| RouteAnswer {
        table: Some(table),
        dev: Some(dev.to_owned()),
        via,
        src: ip(src),
        unreachable: false,
    };
    assert_eq!(answers[0], answer(700, "one", ip("10.1.0.9"), "10.1.0.1"));
    assert_eq!(answers[1], answer(254, "two", ip("10.2.0.9"), "10.2.0.1"));
    assert_ne!(answers[2].dev.as_deref(), Some("two"));
    assert_eq!(answers[3], answer(255, "lo", None, "127.0.0.1"));
    assert_eq!(answers[4], answer(254, "two", ip("fd02::9"), "fd02::1"));
    for (probe, answer) in probes.iter().zip(&answers).skip(5) {
        assert!(answer.unreachable, "{probe:?}: {answer:?}");
    }
    // More at once than there is room for in one go.
    let many: Vec<RouteProbe> = (0..5_000).map(|_| probes[0].clone()).collect();
    let answers = Linux::new().look_up(&many).unwrap();
    assert!(answers.iter().all(|one| one.table == Some(700)));
    assert_eq!(answers.len(), 5_000);
    // And each is the answer to its own question.
    let known = Linux::new().look_up(&probes).unwrap();
    let answers = Linux::new()
        .look_up(&vec![probes.as_slice(); 400].concat())
        .unwrap();
    assert_eq!(answers.len(), 400 * probes.len());
    for some in answers.chunks(probes.len()) {
        assert_eq!(some, known);
    }
}

/// It is not even removed for a moment, and what goes with it in one send is made.
fn unwritable_half() {
    two_links();
    forward(&[add(key("fd20::/16", 1024), via("fd01::9", "one"))]);
    let bad = change(
        key("fd20::/16", 1024),
        Some(via("fd01::9", "one")),
        Some(via("fd02::9", "nowhere")),
    );
    let good = |dst| add(key(dst, 1024), via("fd01::9", "one"));
    for changes in [
        [good("fd21::/16"), bad.clone()],
        [bad.clone(), good("fd22::/16")],
    ] {
        let begun = Instant::now();
        for mode in [Mode::Forward, Mode::Back] {
            let refused = refused(&changes, mode);
            assert!(
                refused
                    .iter()
                    .any(|one| one.why == "there is no link nowhere")
            );
        }
        assert!(begun.elapsed().as_secs() < 1, "every send is answered");
    }
    let shown = everything();
    for dst in ["fd20::/16", "fd21::/16", "fd22::/16"] {
        assert!(shown.contains(dst), "{dst}: {shown}");
    }
}

/// Somebody's rule with the same words and `iif` more stands before ours.
fn twin_rules() {
    two_links();
    let twin = "ip rule add pref 110 to 192.168.77.0/24 iif two lookup main \
                suppress_prefixlength 23 protocol 110";
    sh(twin);
    let (resource, state) = rule(110, "192.168.77.0/24");
    let ours = add(resource, state);
    forward(std::slice::from_ref(&ours));
    let rules = || list("ip -j rule show pref 110").len();
    assert_eq!(rules(), 2);
    // The kernel would take theirs: this is what it is about.
    let before = sh("ip rule");
    for mode in [Mode::Forward, Mode::Back] {
        let refused = Linux::new().apply(&[ours.inverse()], mode).unwrap_err();
        assert!(refused[0].why.contains("iif two"), "{}", refused[0].why);
        assert_eq!(sh("ip rule"), before);
    }
    // Ours is gone already: nothing is left to do, and theirs stays.
    sh("ip rule del pref 110 to 192.168.77.0/24 iif two protocol 110");
    back(std::slice::from_ref(&ours));
    sh(twin);
    back(std::slice::from_ref(&ours));
    assert_eq!(rules(), 1);
    let refused = Linux::new().apply(&[ours.inverse()], Mode::Forward);
    assert!(refused.is_err());
    assert_eq!(rules(), 1);
}

/// To a removal a metric of 0 is any metric.
fn twin_routes() {
    two_links();
    sh("ip route add 198.18.0.0/16 via 10.1.0.9 metric 50 proto 110");
    let ours = add(key("198.18.0.0/16", 0), via("10.1.0.9", "one"));
    let routes = || list("ip -j route show 198.18.0.0/16");
    assert!(
        Linux::new()
            .apply(&[ours.inverse()], Mode::Forward)
            .is_err()
    );
    back(std::slice::from_ref(&ours));
    assert_eq!(routes().len(), 1, "theirs stays");
    forward(std::slice::from_ref(&ours));
    assert_eq!(routes().len(), 2);
    back(std::slice::from_ref(&ours));
    assert_eq!(routes().len(), 1);
    assert_eq!(routes()[0]["metric"], 50);
    // Also if all routes were read just before.
    let looked = || {
        let mut linux = Linux::new();
        linux.observe(all_routes()).expect("it can be observed");
        linux
    };
    let removal = [ours.inverse()];
    assert!(looked().apply(&removal, Mode::Forward).is_err());
    assert_eq!(routes()[0]["metric"], 50);
    // And where there is nothing else, ours goes, and once.
    sh("ip route del 198.18.0.0/16 metric 50");
    forward(std::slice::from_ref(&ours));
    looked().apply(&removal, Mode::Forward).expect("it is ours");
    assert!(routes().is_empty());
    assert!(looked().apply(&removal, Mode::Forward).is_err());
    looked().apply(&removal, Mode::Back).expect("it is gone");
}

/// An observation says what a removal may hit, and says nothing of what came with it or
/// behind it.
fn written_since() {
    two_links();
    let ours = add(key("198.18.0.0/16", 0), via("10.1.0.9", "one"));
    let twin = add(key("198.18.0.0/16", 50), via("10.1.0.9", "one"));
    let routes = || list("ip -j route show 198.18.0.0/16");
    let stays = |refused: Result<(), Vec<Refusal>>| {
        let refused = refused.expect_err("ours is gone");
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].change.resource, ours.resource);
        assert_eq!((routes().len(), &routes()[0]["metric"]), (1, &50.into()));
    };
    let removal = ours.inverse();
    // With it.
    let mut linux = Linux::new();
    linux.observe(all_routes()).expect("it can be observed");
    stays(linux.apply(&[twin.clone(), removal.clone()], Mode::Forward));
    back(std::slice::from_ref(&twin));
    // Behind it.
    let mut linux = Linux::new();
    linux.observe(all_routes()).expect("it can be observed");
    let both = [ours.clone(), twin];
    linux.apply(&both, Mode::Forward).expect("both are added");
    sh("ip route del 198.18.0.0/16 via 10.1.0.9 metric 0");
    stays(linux.apply(&[removal], Mode::Forward));
}

/// To a removal no source is any source.
fn twin_with_a_source() {
    two_links();
    sh("ip route add 198.18.0.0/16 via 10.1.0.9 src 10.1.0.1 proto 110");
    let ours = add(key("198.18.0.0/16", 0), via("10.1.0.9", "one"));
    let mut linux = Linux::new();
    linux.observe(all_routes()).expect("it can be observed");
    let refused = linux.apply(&[ours.inverse()], Mode::Forward);
    assert!(refused.is_err());
    assert_eq!(list("ip -j route show 198.18.0.0/16").len(), 1);
}
