//! What Tailscale, wg-quick and strongSwan do to a LAN.

use crate::harness::{Lab, Office, StrongSwan, Tailscale, WgQuick};

fn link_to(lab: &Lab, address: &str) -> String {
    lab.way_to(address).unwrap().link
}

pub(crate) fn tailscale_takes_a_subnet_that_equals_the_lan(lab: &Lab) {
    let _office = Office::new(lab);
    let tailscale = Tailscale::up(lab);
    assert!(lab.reaches("192.168.77.1") && lab.reaches("192.168.88.50"));
    assert_eq!(link_to(lab, "100.70.1.1"), "tailscale0");

    tailscale.accept_route(lab, "192.168.77.0/24");
    assert_eq!(link_to(lab, "192.168.77.1"), "tailscale0");
    assert!(!lab.reaches("192.168.77.1"));

    tailscale.use_exit_node(lab);
    let way = lab.way_to("192.168.88.50").unwrap();
    assert_eq!(
        (way.link.as_str(), way.table.as_deref()),
        ("tailscale0", Some("52"))
    );
    assert_eq!(lab.rules(6).as_array().unwrap().len(), 6);
}

pub(crate) fn tailscale_takes_all_names(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.run("resolvectl domain corp0 ~corp.example");
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    let tailscale = Tailscale::up(lab);
    tailscale.claim_names(lab);
    lab.forget_names();
    office.lan_dns.forget();
    // Its server is not there, so that a program would wait for very long.
    assert!(lab.dig("A", "nas.home.arpa").is_empty());
    assert!(office.lan_dns.names_seen().is_empty());
    // A longer domain still wins.
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
}

pub(crate) fn wg_quick_takes_all_but_the_lan(lab: &Lab) {
    let office = Office::new(lab);
    office.lan.serve_tcp("192.168.77.50:8080");
    let _wg = WgQuick::up(lab);
    assert_eq!(link_to(lab, "203.0.113.80"), "wg0");
    assert_eq!(link_to(lab, "fd00:88::1"), "wg0");
    // Routes that main holds stay: only its default route is passed by.
    assert_eq!(link_to(lab, "192.168.88.50"), "lan0");
    assert_eq!(
        lab.greeting("192.168.77.50:8080").as_deref(),
        Some("lan 192.168.77.2")
    );
}

pub(crate) fn strongswan_takes_the_lan_too(lab: &Lab) {
    let _office = Office::new(lab);
    let swan = StrongSwan::up(lab);
    let way = lab.way_to("192.168.77.1").unwrap();
    assert_eq!(way.link, "ipsec0");
    assert_eq!(way.source.as_deref(), Some("10.6.0.1"));
    assert_eq!(way.gateway, None);
    // Its rule is still there when its link is gone.
    drop(swan);
    assert!(lab.rules(4).to_string().contains("220"));
    assert_eq!(link_to(lab, "192.168.77.1"), "lan0");
}
