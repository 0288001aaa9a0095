//! A picture sees what changes, and only that.

use crate::harness::{Lab, Office, Picture};

pub(crate) fn the_same_state_makes_the_same_picture(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    let before = Picture::take(lab);
    // Use is not change: questions, packets, and a route that comes and goes.
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    assert!(lab.reaches("192.168.88.50"));
    office.corp.serve_tcp("10.99.0.1:80");
    let greeting = lab.greeting("10.99.0.1:80");
    assert_eq!(greeting.as_deref(), Some("corp 10.99.0.2"));
    lab.run("ip route add 10.0.0.0/8 via 10.99.0.1");
    lab.run("ip route del 10.0.0.0/8 via 10.99.0.1");
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn each_kind_of_change_shows(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    let before = Picture::take(lab);
    for (make, take_back, sections) in [
        (
            "ip link set corp0 mtu 1400",
            "ip link set corp0 mtu 1500",
            &["addresses", "links", "sysctls"][..],
        ),
        (
            "ip addr add 192.0.2.9/32 dev lan0",
            "ip addr del 192.0.2.9/32 dev lan0",
            &["addresses", "routes, IPv4"],
        ),
        (
            "ip route add 10.0.0.0/8 via 10.99.0.1 table 28272",
            "ip route flush table 28272",
            &["routes, IPv4"],
        ),
        (
            "ip -6 route add fd01::/48 dev corp0",
            "ip -6 route del fd01::/48 dev corp0",
            &["routes, IPv6"],
        ),
        (
            "ip rule add pref 110 lookup 28272",
            "ip rule del pref 110",
            &["rules, IPv4"],
        ),
        (
            "ip -6 rule add pref 110 lookup 28272",
            "ip -6 rule del pref 110",
            &["rules, IPv6"],
        ),
        (
            "ip nexthop add id 7 dev corp0",
            "ip nexthop del id 7",
            &["next hops"],
        ),
        (
            "nft add table inet netprof",
            "nft delete table inet netprof",
            &["packet filter"],
        ),
        (
            "resolvectl domain corp0 corp.example",
            "resolvectl domain corp0 ~.",
            &["resolved"],
        ),
        (
            "sysctl -qw net.ipv4.ip_forward=1",
            "sysctl -qw net.ipv4.ip_forward=0",
            &["sysctls"],
        ),
        ("chmod 600 /etc/hosts", "chmod 644 /etc/hosts", &["files"]),
    ] {
        lab.run(make);
        let after = Picture::take(lab);
        let differs = before.differs_in(&after);
        // Forwarding is copied to each link; MTU shows in more than one place.
        assert!(
            differs.iter().all(|section| sections.contains(section)),
            "{make}: {differs:?}"
        );
        assert!(
            differs.contains(sections.last().unwrap()) || differs.contains(&sections[0]),
            "{make}: {differs:?}"
        );
        assert!(before.diff(&after).contains("\n+"), "{make}");
        lab.run(take_back);
        before.assert_same(&Picture::take(lab));
    }
}
