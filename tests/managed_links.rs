//! Links that another program manages, and what it does about others.

use crate::harness::{Bus, Lab, NetworkManager, Networkd, Office, Resolved, until, until_sees};

const LAN: &str = "\
[Match]
Name=lan0
[Network]
Address=192.168.77.2/24
Gateway=192.168.77.1
DNS=192.168.77.1
Domains=~. home.arpa
LinkLocalAddressing=no
IPv6AcceptRA=no
";

/// The cable stays, what was set on it goes: the manager starts from nothing.
fn clear(lab: &Lab, link: &str) {
    lab.run(&format!("ip addr flush dev {link}"));
}

pub(crate) fn networkd_configures_a_link(lab: &Lab) {
    let office = Office::new(lab);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    clear(lab, "lan0");
    let mut networkd = Networkd::start(lab, &[("10-lan.network", LAN)]);
    networkd.until_configured(lab, "lan0");
    assert!(lab.reaches("192.168.77.1"));
    assert!(
        lab.routes(4)
            .to_string()
            .contains("\"protocol\":\"static\"")
    );
    until_sees(
        "LAN names are answered",
        &["192.168.77.50", "fd00:77::50"],
        || lab.getent("nas.home.arpa"),
    );
    assert!(office.lan_dns.saw("nas.home.arpa"));

    // What it set in resolved goes with it.
    networkd.daemon().stop();
    until("resolved forgets the link's server", || {
        lab.resolved_link("lan0")["DNS"]
            .as_array()
            .unwrap()
            .is_empty()
    });
}

pub(crate) fn networkd_refuses_what_resolved_is_told(lab: &Lab) {
    let _office = Office::new(lab);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    clear(lab, "lan0");
    let mut networkd = Networkd::start(lab, &[("10-lan.network", LAN)]);
    networkd.until_configured(lab, "lan0");
    let index = lab.ip("link show lan0")[0]["ifindex"].to_string();
    let call =
        format!("org.freedesktop.resolve1.Manager SetLinkDNS ia(iay) {index} 1 2 4 10 0 0 9");
    let answer = lab.bus_call("org.freedesktop.resolve1 /org/freedesktop/resolve1", &call);
    assert!(answer.is_err_and(|error| error.contains("is managed")));
    let call =
        format!("org.freedesktop.network1.Manager SetLinkDNS ia(iay) {index} 1 2 4 10 0 0 9");
    let answer = lab.bus_call("org.freedesktop.network1 /org/freedesktop/network1", &call);
    assert!(answer.is_ok(), "{answer:?}");
    until("resolved has the server", || {
        lab.resolved_link("lan0")["DNS"]
            .to_string()
            .contains("[10,0,0,9]")
    });
}

pub(crate) fn networkmanager_configures_a_link(lab: &Lab) {
    let office = Office::new(lab);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    clear(lab, "lan0");
    clear(lab, "corp0");
    let mut manager = NetworkManager::start(lab);
    manager.connect(
        lab,
        "lan0",
        "ip4 192.168.77.2/24 gw4 192.168.77.1 ipv4.dns 192.168.77.1 ipv4.dns-search ~.,home.arpa ipv6.method disabled",
    );
    manager.connect(
        lab,
        "corp0",
        "ip4 10.99.0.2/24 ipv4.never-default yes ipv4.dns 10.99.0.1 ipv4.dns-search ~corp.example ipv6.method disabled",
    );
    assert!(lab.reaches("192.168.77.1"));
    // Only this family: it has switched IPv6 off on both links.
    until_sees("corp names are answered", &["10.99.5.5"], || {
        lab.getent("git.corp.example")
    });
    assert_eq!(lab.getent("nas.home.arpa"), ["192.168.77.50"]);
    assert!(!office.corp_dns.saw("nas.home.arpa"));
    assert!(manager.daemon().is_running());
}
