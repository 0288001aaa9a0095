use super::*;
use crate::fake::{Strange, address};

#[test]
fn a_snapshot_is_built_of_bytes() {
    let mut bench = Bench::new();
    {
        let mut world = bench.fake.0.borrow_mut();
        world.addresses = vec![
            address("en0", "192.168.1.20/24"),
            address("en0", "fd00::20/64"),
        ];
        world
            .store
            .insert(DNS.to_owned(), value(&dns("corp.example.com", "10.0.0.53")));
        world.programs = vec![("kernel_task", vec![]), ("openvpn", vec![5])];
    }
    bench.fake.has_route(
        &key("0.0.0.0/0"),
        &RouteSpec {
            protocol: Protocol::STATIC,
            ..spec(Some("192.168.1.1"), "en0")
        },
    );
    bench
        .fake
        .has_route(&key("10.0.0.0/8"), &spec(None, "utun4"));
    bench.fake.publish();
    let snapshot = bench.snapshot();
    assert_eq!(snapshot.os, Os::Macos);
    assert_eq!(
        &*snapshot.place.boot,
        "5C5E8E4B-0000-0000-0000-000000000001"
    );
    assert_eq!(snapshot.place.netns, 0);
    let owners: Vec<_> = snapshot
        .links
        .items()
        .iter()
        .map(|link| link.owner)
        .collect();
    assert_eq!(owners, [Owner::Kernel, Owner::Unknown, Owner::Openvpn]);
    assert!(!snapshot.link("en0").unwrap().carrier, "its medium says so");
    let addresses: Vec<_> = snapshot
        .addresses
        .items()
        .iter()
        .map(|one| (one.local.to_string(), one.dynamic, one.secondary))
        .collect();
    assert_eq!(
        addresses,
        [
            ("192.168.1.20/24".to_owned(), false, false),
            ("fd00::20/64".to_owned(), true, true),
        ]
    );
    let routes: Vec<_> = snapshot
        .routes
        .items()
        .iter()
        .map(|route| (route.key.dst.to_string(), route.owner))
        .collect();
    assert_eq!(
        routes,
        [
            ("0.0.0.0/0".to_owned(), Owner::Configd),
            ("10.0.0.0/8".to_owned(), Owner::Netprof),
        ]
    );
    assert_eq!(snapshot.store.seen().map(|store| store.0.len()), Some(3));
    assert_eq!(
        snapshot.resolvers.seen().map(|list| list.resolvers.len()),
        Some(2)
    );
    assert!(snapshot.files.items().is_empty());
    assert_eq!(snapshot.preferences, Section::Absent);
    for absent in [snapshot.rules.is_known(), snapshot.xfrm.is_known()] {
        assert!(absent, "there is none on macOS, and that is known");
    }
    assert_eq!(
        (&snapshot.resolved, &snapshot.nsswitch),
        (&Section::Absent, &Section::Absent)
    );
    assert_eq!(snapshot.firewall, Section::Absent);
}

#[test]
fn what_was_not_asked_for_is_not_read() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().broken = vec!["store", "resolvers", "processes"];
    let snapshot = bench.macos.observe(Need::default()).unwrap();
    assert_eq!(snapshot.store, Section::Unread);
    assert_eq!(snapshot.resolvers, Section::Unread);
    assert_eq!(snapshot.files, Section::Unread);
    assert_eq!(snapshot.preferences, Section::Unread);
    assert_eq!(snapshot.links.items().len(), 3);
}

#[test]
fn what_cannot_be_read_is_unreadable_and_no_error() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().broken = vec!["store", "resolvers", "processes"];
    let snapshot = bench.snapshot();
    assert!(matches!(snapshot.store, Section::Unreadable(_)));
    assert!(matches!(snapshot.resolvers, Section::Unreadable(_)));
    assert_eq!(snapshot.link("utun4").unwrap().owner, Owner::Unknown);
}

#[test]
fn without_links_routes_or_a_boot_there_is_no_snapshot() {
    for broken in ["links", "routes", "boot"] {
        let mut bench = Bench::new();
        bench.fake.0.borrow_mut().broken = vec![broken];
        assert!(bench.macos.observe(Need::default()).is_err(), "{broken}");
    }
}

/// A netmask with holes, which route(8) takes, and a scope whose link has gone: neither is
/// a reason to see nothing at all.
#[test]
fn a_route_that_cannot_be_read_leaves_the_others_readable() {
    for strange in [Strange::Netmask, Strange::Link] {
        let mut bench = Bench::new();
        bench
            .fake
            .has_route(&key("10.0.0.0/8"), &spec(None, "utun4"));
        bench.fake.has_strange_route(strange);
        let snapshot = bench.snapshot();
        let [route] = snapshot.routes.items() else {
            panic!("{:?}", snapshot.routes)
        };
        assert_eq!(route.key, key("10.0.0.0/8"));
        bench
            .forward(&[super::route(
                "192.0.2.0/24",
                None,
                Some(spec(None, "utun4")),
            )])
            .unwrap();
    }
}

#[test]
fn an_agent_of_a_vpn_app_names_its_tunnel() {
    let mut bench = Bench::new();
    let mut agent = ioctl::agent_data([7; 16]);
    agent[16..32].copy_from_slice(b"NetworkExtension");
    agent[48..51].copy_from_slice(b"VPN");
    agent[80..89].copy_from_slice(b"VPN: Work");
    bench
        .fake
        .0
        .borrow_mut()
        .agents
        .insert("utun4".to_owned(), vec![agent]);
    let owner = |bench: &mut Bench| bench.snapshot().link("utun4").unwrap().owner;
    assert_eq!(owner(&mut bench), Owner::NetworkExtension);
    // Who sets it up for the app holds it, and so does the app.
    bench.fake.0.borrow_mut().programs =
        vec![("nesessionmanager", vec![5]), ("io.tailscale.ipn", vec![5])];
    assert_eq!(owner(&mut bench), Owner::Tailscale);
}

#[test]
fn the_files_of_the_folder_and_the_preferences_are_read() {
    let mut bench = Bench::new();
    bench
        .forward(&[file(None, Some(own_file("10.0.0.53")))])
        .unwrap();
    bench.fake.0.borrow_mut().preferences = super::settings::preferences();
    bench.fake.save();
    let snapshot = bench.snapshot();
    let [only] = snapshot.files.items() else {
        panic!()
    };
    assert_eq!(
        (only.path.as_str(), only.state.lossy().lines().last()),
        (FILE, Some("nameserver 10.0.0.53"))
    );
    let preferences = snapshot.preferences.seen().unwrap();
    assert_eq!(preferences.location.as_deref(), Some("Automatic"));
}

#[test]
fn look_ups_are_answered_by_the_kernel() {
    let mut bench = Bench::new();
    bench
        .fake
        .has_route(&key("10.0.0.0/8"), &spec(None, "utun4"));
    bench
        .fake
        .has_route(&key("10.1.0.0/16"), &spec(Some("192.168.1.1"), "en0"));
    let probe = |to: &str, oif: Option<&str>| RouteProbe {
        to: to.parse().unwrap(),
        oif: oif.map(str::to_owned),
    };
    // Messages of others, and two answers that are lost.
    bench.fake.0.borrow_mut().lost = 2;
    let probes = [
        probe("10.1.2.3", None),
        probe("10.2.0.1", None),
        probe("192.0.2.1", None),
        probe("10.1.2.3", Some("en7")),
    ];
    let answers = bench.macos.look_up(&probes).unwrap();
    let shown: Vec<_> = answers
        .iter()
        .map(|one| {
            (
                one.dev.as_deref(),
                one.via.map(|via| via.to_string()),
                one.unreachable,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (Some("en0"), Some("192.168.1.1".to_owned()), false),
            (Some("utun4"), None, false),
            (None, None, true),
            (None, None, true),
        ]
    );
    assert_eq!(
        bench.fake.log(),
        [
            "get 10.1.2.3",
            "get 10.1.2.3",
            "get 10.1.2.3",
            "get 10.2.0.1",
            "get 192.0.2.1"
        ]
    );
    bench.fake.0.borrow_mut().lost = 9;
    assert!(
        bench.macos.look_up(&probes[..1]).is_err(),
        "no answer is no answer"
    );
}

#[test]
fn a_scoped_route_answers_sockets_of_its_link() {
    let mut bench = Bench::new();
    let scoped = RouteKey {
        ifscope: Some("en0".to_owned()),
        ..key("10.1.0.0/16")
    };
    bench
        .fake
        .has_route(&key("10.0.0.0/8"), &spec(None, "utun4"));
    bench
        .fake
        .has_route(&scoped, &spec(Some("192.168.1.1"), "en0"));
    let probe = |oif: Option<&str>| RouteProbe {
        to: "10.1.2.3".parse().unwrap(),
        oif: oif.map(str::to_owned),
    };
    let probes = [probe(None), probe(Some("en0")), probe(Some("utun4"))];
    let answers = bench.macos.look_up(&probes).unwrap();
    let devices: Vec<_> = answers.iter().map(|one| one.dev.as_deref()).collect();
    assert_eq!(devices, [Some("utun4"), Some("en0"), Some("utun4")]);
}

/// The kernel answers with what it knows of them, and that of one is "rejected".
#[test]
fn neighbours_are_on_their_link_and_no_routes() {
    let mut bench = Bench::new();
    bench
        .fake
        .has_route(&key("192.168.1.0/24"), &spec(None, "en0"));
    bench.fake.has_neighbour("192.168.1.7", "en0", false);
    bench.fake.has_neighbour("192.168.1.8", "en0", true);
    assert_eq!(bench.snapshot().routes.items().len(), 1);
    let probes = ["192.168.1.7", "192.168.1.8", "192.168.1.9"].map(|to| RouteProbe {
        to: to.parse().unwrap(),
        oif: None,
    });
    let answers = bench.macos.look_up(&probes).unwrap();
    for answer in answers {
        assert_eq!(
            (answer.dev.as_deref(), answer.via, answer.unreachable),
            (Some("en0"), None, false)
        );
    }
}
