use netprof_model::route::OpaqueAttribute;
use netprof_plan::macos::put_back::attribute;

use super::*;

#[test]
fn routes_are_added_changed_and_removed_in_their_order() {
    let mut bench = Bench::new();
    let theirs = spec(Some("192.168.1.1"), "en0");
    bench.fake.has_route(&key("0.0.0.0/0"), &theirs);
    bench.fake.has_route(&key("172.20.0.0/14"), &theirs);
    let changes = [
        route("10.0.0.0/8", None, Some(spec(None, "utun4"))),
        route(
            "0.0.0.0/0",
            Some(theirs.clone()),
            Some(spec(Some("192.168.1.2"), "en0")),
        ),
        route("172.20.0.0/14", Some(theirs.clone()), None),
    ];
    bench.forward(&changes).unwrap();
    assert_eq!(
        bench.fake.log(),
        [
            "add route4 10.0.0.0/8",
            "delete route4 0.0.0.0/0",
            "add route4 0.0.0.0/0",
            "delete route4 172.20.0.0/14",
        ]
    );
    assert_eq!(
        bench.fake.spec(&key("10.0.0.0/8")),
        Some(spec(None, "utun4"))
    );
    assert_eq!(
        bench.fake.spec(&key("0.0.0.0/0")),
        Some(spec(Some("192.168.1.2"), "en0"))
    );
    bench.back(&changes).unwrap();
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), None);
    assert_eq!(bench.fake.spec(&key("0.0.0.0/0")), Some(theirs.clone()));
    assert_eq!(bench.fake.spec(&key("172.20.0.0/14")), Some(theirs));
}

#[test]
fn scoped_and_unscoped_routes_of_one_prefix_are_two() {
    let mut bench = Bench::new();
    let scoped = RouteKey {
        ifscope: Some("en0".to_owned()),
        ..key("0.0.0.0/0")
    };
    let (ours, theirs) = (
        spec(Some("192.168.1.2"), "en0"),
        spec(Some("192.168.1.1"), "en0"),
    );
    bench.fake.has_route(&key("0.0.0.0/0"), &theirs);
    let add = change(
        Resource::Route(scoped.clone()),
        None,
        Some(State::Route(ours.clone().into())),
    );
    bench.forward(std::slice::from_ref(&add)).unwrap();
    assert_eq!(bench.fake.spec(&scoped), Some(ours));
    bench.back(&[add]).unwrap();
    assert_eq!(bench.fake.spec(&scoped), None);
    assert_eq!(bench.fake.spec(&key("0.0.0.0/0")), Some(theirs));
}

#[test]
fn a_route_that_is_not_what_it_was_is_neither_deleted_nor_replaced() {
    let mut bench = Bench::new();
    let theirs = spec(Some("192.168.1.1"), "en0");
    bench.fake.has_route(&key("10.0.0.0/8"), &theirs);
    let ours = || Some(spec(None, "utun4"));
    for after in [None, Some(spec(None, "en0"))] {
        let change = route("10.0.0.0/8", ours(), after);
        for mode in [Mode::Forward, Mode::Back] {
            let why = bench
                .apply(std::slice::from_ref(&change), mode)
                .unwrap_err();
            assert_eq!(
                why,
                ["route4 10.0.0.0/8: somebody else has changed it: via 192.168.1.1 dev en0"]
            );
        }
    }
    let taken = bench
        .forward(&[route("10.0.0.0/8", None, ours())])
        .unwrap_err();
    assert_eq!(
        taken,
        ["route4 10.0.0.0/8: somebody else has a route there: via 192.168.1.1 dev en0"]
    );
    assert_eq!(bench.fake.log(), Vec::<String>::new(), "nothing is sent");
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), Some(theirs));
}

#[test]
fn what_is_replaced_between_the_look_and_the_delete_is_put_back() {
    let mut bench = Bench::new();
    let (ours, theirs) = (spec(None, "utun4"), spec(Some("192.168.1.1"), "en0"));
    bench.fake.has_route(&key("10.0.0.0/8"), &ours);
    bench.fake.0.borrow_mut().raced = [theirs.clone()].into();
    let why = bench
        .forward(&[route("10.0.0.0/8", Some(ours.clone()), None)])
        .unwrap_err();
    assert_eq!(
        why,
        ["route4 10.0.0.0/8: somebody else has changed it: via 192.168.1.1 dev en0"]
    );
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), Some(theirs.clone()));
    // And where even that fails, it is said.
    bench
        .back(&[route("10.0.0.0/8", None, Some(theirs.clone()))])
        .unwrap();
    bench.fake.has_route(&key("10.0.0.0/8"), &ours);
    let mut world = bench.fake.0.borrow_mut();
    (world.raced, world.refuses_to_add) = ([theirs].into(), Some(12));
    drop(world);
    let why = bench
        .forward(&[route("10.0.0.0/8", Some(ours), None)])
        .unwrap_err();
    assert!(why[0].contains("it cannot be put back"), "{why:?}");
}

#[test]
fn all_that_is_replaced_at_the_last_moment_is_put_back() {
    let mut bench = Bench::new();
    let (ours, theirs) = (spec(None, "utun4"), spec(Some("192.168.1.1"), "en0"));
    let nets = ["10.0.0.0/8", "192.0.2.0/24"];
    bench.fake.0.borrow_mut().raced = [theirs.clone(), theirs.clone()].into();
    let changes = nets.map(|net| {
        bench.fake.has_route(&key(net), &ours);
        route(net, None, Some(ours.clone()))
    });
    let why = bench.back(&changes).unwrap_err();
    assert_eq!(why.len(), 2, "{why:?}");
    for net in nets {
        assert_eq!(
            bench.fake.specs(&key(net)),
            std::slice::from_ref(&theirs),
            "{net}"
        );
    }
}

/// Each request comes back to its own socket, too, and what does not fit there any more is
/// lost: the answer to the delete, if nobody reads.
#[test]
fn after_many_changes_a_replaced_route_is_still_found_out() {
    let mut bench = Bench::new();
    let (ours, theirs) = (spec(None, "utun4"), spec(Some("192.168.1.1"), "en0"));
    bench.fake.has_route(&key("192.0.2.0/24"), &ours);
    bench.fake.0.borrow_mut().raced = [theirs.clone()].into();
    let mut changes: Vec<Change> = (0..100)
        .map(|n| route(&format!("10.{n}.0.0/16"), None, Some(ours.clone())))
        .collect();
    changes.push(route("192.0.2.0/24", Some(ours), None));
    let why = bench.forward(&changes).unwrap_err();
    assert_eq!(
        why,
        ["route4 192.0.2.0/24: somebody else has changed it: via 192.168.1.1 dev en0"]
    );
    assert_eq!(bench.fake.spec(&key("192.0.2.0/24")), Some(theirs));
}

/// A route to one address without a netmask.
fn host(via: &str) -> RouteSpec {
    RouteSpec {
        opaque: vec![OpaqueAttribute {
            kind: attribute::NETMASK,
            value: attribute::BY_HOST.to_owned(),
        }],
        protocol: Protocol::STATIC,
        ..spec(Some(via), "en0")
    }
}

#[test]
fn a_hosts_route_gives_way_to_a_networks_and_comes_back_as_one() {
    let mut bench = Bench::new();
    let one = "198.51.100.7/32";
    let (theirs, ours) = (host("192.168.1.1"), spec(None, "utun4"));
    bench.fake.has_route(&key(one), &theirs);
    let replace = route(one, Some(theirs.clone()), Some(ours.clone()));
    bench.forward(std::slice::from_ref(&replace)).unwrap();
    assert_eq!(bench.fake.specs(&key(one)), [ours]);
    bench.back(&[replace]).unwrap();
    assert_eq!(bench.fake.specs(&key(one)), [theirs]);
}

#[test]
fn what_somebody_has_brought_back_beside_netprofs_own_is_not_added_again() {
    let one = "198.51.100.7/32";
    let (theirs, ours) = (host("192.168.1.1"), spec(None, "utun4"));
    let release = route(one, Some(ours.clone()), Some(theirs.clone()));
    for mode in [Mode::Forward, Mode::Back] {
        let mut bench = Bench::new();
        bench.fake.has_route(&key(one), &ours);
        bench.fake.has_route(&key(one), &theirs);
        bench.apply(std::slice::from_ref(&release), mode).unwrap();
        assert_eq!(bench.fake.specs(&key(one)), std::slice::from_ref(&theirs));
    }
    // But nothing is put beside what somebody else has there: it would not be found.
    let mut bench = Bench::new();
    bench.fake.has_route(&key(one), &theirs);
    let taken = bench.forward(&[route(one, None, Some(ours))]).unwrap_err();
    assert_eq!(
        taken,
        ["route4 198.51.100.7/32: somebody else has a route there: via 192.168.1.1 dev en0"]
    );
}

#[test]
fn a_networks_route_that_a_delete_of_a_hosts_takes_is_put_back() {
    let theirs = host("192.168.1.1");
    for other in ["198.51.100.0/32", "198.51.100.0/24"] {
        let network = spec(Some("192.168.1.2"), "en0");
        let one = "198.51.100.0/32";
        for (mode, told) in [
            (Mode::Forward, Some("it is not there any more")),
            (Mode::Back, None),
        ] {
            let mut bench = Bench::new();
            bench.fake.has_route(&key(one), &theirs);
            bench.fake.has_route(&key(other), &network);
            bench.fake.0.borrow_mut().vanishes = true;
            let gone = route(one, Some(theirs.clone()), None);
            let done = bench.apply(&[gone], mode);
            let told = told.map(|why| vec![format!("route4 {one}: {why}")]);
            assert_eq!(done.err(), told);
            assert_eq!(
                bench.fake.specs(&key(other)),
                std::slice::from_ref(&network)
            );
        }
    }
    let mut bench = Bench::new();
    bench.fake.has_route(&key("198.51.100.0/32"), &theirs);
    bench
        .fake
        .has_route(&key("198.51.100.0/24"), &spec(None, "en0"));
    let mut world = bench.fake.0.borrow_mut();
    (world.vanishes, world.refuses_to_add) = (true, Some(12));
    drop(world);
    let why = bench
        .forward(&[route("198.51.100.0/32", Some(theirs), None)])
        .unwrap_err();
    assert!(
        why[0].contains("route4 198.51.100.0/24 was deleted in its place"),
        "{why:?}"
    );
}

#[test]
fn what_is_gone_is_no_error_on_the_way_back_and_one_forward() {
    let mut bench = Bench::new();
    let ours = Some(spec(None, "utun4"));
    let add = route("10.0.0.0/8", None, ours.clone());
    bench.back(std::slice::from_ref(&add)).unwrap();
    let gone = bench
        .forward(&[route("10.0.0.0/8", ours.clone(), None)])
        .unwrap_err();
    assert_eq!(gone, ["route4 10.0.0.0/8: it is not there any more"]);
    // Put back all the same, though netprof's own went by itself.
    let theirs = Some(spec(Some("192.168.1.1"), "en0"));
    bench
        .back(&[route("10.0.0.0/8", theirs.clone(), ours)])
        .unwrap();
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), theirs);
    // And what is as it was already stays.
    for made in [None, Some(spec(None, "utun4"))] {
        bench
            .back(&[route("10.0.0.0/8", theirs.clone(), made)])
            .unwrap();
    }
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), theirs);
}

#[test]
fn a_change_whose_second_half_is_refused_puts_the_first_back() {
    let mut bench = Bench::new();
    let before = spec(Some("192.168.1.1"), "en0");
    bench.fake.has_route(&key("10.0.0.0/8"), &before);
    let mut world = bench.fake.0.borrow_mut();
    world.addresses.retain(|one| one.dev != "utun4");
    drop(world);
    let change = route(
        "10.0.0.0/8",
        Some(before.clone()),
        Some(spec(None, "utun4")),
    );
    let why = bench.forward(&[change]).unwrap_err();
    assert_eq!(
        why,
        ["route4 10.0.0.0/8: the kernel finds no link with an address of its family for it"]
    );
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), Some(before));
}

#[test]
fn a_refusal_stops_the_way_forward_and_not_the_way_back() {
    let changes = [
        route("10.0.0.0/8", None, Some(spec(None, "utun4"))),
        store(None, Some(dns("corp.example.com", "10.0.0.53"))),
    ];
    let mut bench = Bench::new();
    let mut world = bench.fake.0.borrow_mut();
    world.addresses.retain(|one| one.dev != "utun4");
    drop(world);
    assert_eq!(bench.forward(&changes).unwrap_err().len(), 1);
    assert!(!bench.fake.has_key(DNS));
    let mut bench = Bench::new();
    bench.forward(&changes).unwrap();
    bench
        .fake
        .0
        .borrow_mut()
        .store
        .insert(DNS.to_owned(), value(&dns("other.example", "192.0.2.1")));
    assert_eq!(bench.back(&changes).unwrap_err().len(), 1);
    assert_eq!(
        bench.fake.spec(&key("10.0.0.0/8")),
        None,
        "the rest is taken back"
    );
}

#[test]
fn a_link_that_was_made_anew_is_another_one() {
    let mut bench = Bench::new();
    let id = |index| {
        let name = "utun4".to_owned();
        Some(LinkId { index, name }.into())
    };
    let add = |index| Change {
        link: id(index),
        ..route("10.0.0.0/8", None, Some(spec(None, "utun4")))
    };
    let why = bench.forward(&[add(8)]).unwrap_err();
    assert!(why[0].contains("link utun4 is another one"), "{why:?}");
    bench.forward(&[add(9)]).unwrap();
}

#[test]
fn a_route_through_a_link_that_is_gone_is_refused_forward() {
    let mut bench = Bench::new();
    let add = route("10.0.0.0/8", None, Some(spec(None, "utun9")));
    assert_eq!(
        bench.forward(std::slice::from_ref(&add)).unwrap_err(),
        ["route4 10.0.0.0/8: there is no link utun9"]
    );
    bench.back(&[add]).unwrap();
}

#[test]
fn a_delete_counts_though_its_answer_is_lost() {
    let mut bench = Bench::new();
    let ours = spec(None, "utun4");
    bench.fake.has_route(&key("10.0.0.0/8"), &ours);
    bench.fake.0.borrow_mut().lost = 1;
    bench
        .forward(&[route("10.0.0.0/8", Some(ours), None)])
        .unwrap();
    assert_eq!(bench.fake.spec(&key("10.0.0.0/8")), None);
}

/// What is deleted is gone, whatever is read of it: the change goes on to its end.
#[test]
fn a_delete_counts_though_its_answer_cannot_be_read() {
    let mut bench = Bench::new();
    let (theirs, ours) = (spec(Some("192.168.1.1"), "en0"), spec(None, "utun4"));
    bench.fake.has_route(&key("10.0.0.0/8"), &theirs);
    bench.fake.0.borrow_mut().broken = vec!["route_read"];
    let replace = route("10.0.0.0/8", Some(theirs), Some(ours.clone()));
    bench.forward(&[replace]).unwrap();
    assert_eq!(bench.fake.specs(&key("10.0.0.0/8")), [ours]);
}

#[test]
fn what_macos_does_not_have_is_refused() {
    let mut bench = Bench::new();
    let link = || Resource::DnsLink {
        dev: "en0".to_owned(),
    };
    let why = bench.forward(&[change(link(), None, None)]).unwrap_err();
    assert_eq!(why, ["dns link en0: macOS has no dns-link"]);
    let wrong = change(
        Resource::Route(key("10.0.0.0/8")),
        None,
        Some(State::Mtu { mtu: 1400 }),
    );
    bench.forward(&[wrong]).unwrap_err();
}
