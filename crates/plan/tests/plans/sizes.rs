//! Sizes of packets.

use insta::assert_snapshot;
use netprof_model::Section;

use crate::machine::machine;
use crate::planned::made;
use crate::{OPENVPN, applied, carried_out, laptop, planned};

/// A wired link with limits of its own, and what lies over and beside it.
const DESK: &str = "
    link eth0 minmtu 68 maxmtu 9216 ipv6 on
    addr eth0 192.168.7.20/24
    addr eth0 fd00:7::20/64
    link eth0.5 kind vlan over 2
    link tun0 kind tun minmtu 68 maxmtu 65535 ipv6 on
    addr tun0 10.8.0.2/24
    link tun1 kind tun minmtu 68 maxmtu 65535 ipv6 off
    addr tun1 10.9.0.2/24
    link br0 kind bridge ipv6 on
    link port0 master 6 ipv6 on
";

/// The plan for packets of `bytes` on `link`.
fn sized(link: &str, bytes: u32) -> String {
    let profile = format!("link \"it\" {{ match name=\"{link}\"; }}\nmtu \"it\" {bytes}");
    format!(
        "--- {link} {bytes}\n{}",
        planned(&profile, &machine(DESK)).trim_start()
    )
}

#[test]
fn packets_have_the_size_that_was_asked_for() {
    let profile = r#"
        link "vpn" { match name="tun*"; }
        link "lan" { match name="wl*"; }
        link "gone" optional=#true { match name="ppp*"; }
        mtu "vpn" 1400
        mtu "lan" 1500
        mtu "gone" 1400
    "#;
    assert_snapshot!(planned(profile, &laptop(OPENVPN)));
}

#[test]
fn a_size_that_a_device_or_ipv6_cannot_have_is_refused() {
    let all = [("eth0", 9400), ("eth0", 1279), ("tun1", 1200)];
    assert_snapshot!(all.map(|(link, bytes)| sized(link, bytes)).join("\n"));
}

#[test]
fn a_size_that_would_change_others_for_good_is_refused() {
    let all = [("eth0", 1400), ("eth0.5", 1600)];
    assert_snapshot!(all.map(|(link, bytes)| sized(link, bytes)).join("\n"));
}

#[test]
fn what_a_size_changes_elsewhere_is_said() {
    let all = [("tun0", 1200), ("br0", 1400), ("port0", 1400)];
    assert_snapshot!(all.map(|(link, bytes)| sized(link, bytes)).join("\n"));
}

#[test]
fn a_size_that_is_there_already_is_nobodys_trouble() {
    for link in ["eth0", "eth0.5", "br0", "port0"] {
        let profile = format!("link \"it\" {{ match name=\"{link}\"; }}\nmtu \"it\" 1500");
        let plan = made(&profile, &machine(DESK));
        assert_eq!(plan.changes, []);
        assert_eq!(plan.diagnostics, []);
    }
}

#[test]
fn what_lies_over_a_link_and_is_smaller_already_stays_as_it_is() {
    let desk = DESK.replace("over 2", "over 2 mtu 1400");
    let profile = "link \"it\" { match name=\"eth0\"; }\nmtu \"it\" 1400";
    let plan = made(profile, &machine(&desk));
    assert!(!plan.is_refused(), "{:?}", plan.diagnostics);
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn a_manager_of_links_may_set_the_size_anew() {
    let more = "link eth1 networkd\n link wlan1 networkmanager";
    let profile = r#"
        link "wired" { match name="eth1"; }
        link "wireless" { match name="wlan1"; }
        mtu "wired" 1400
        mtu "wireless" 1400
    "#;
    assert_snapshot!(planned(profile, &machine(more)));
}

#[test]
fn a_size_that_a_client_set_anew_is_drift_and_outlives_a_release() {
    let profile = "link \"vpn\" { match name=\"tun*\"; }\nmtu \"vpn\" 1400";
    let mut done = applied(profile, &laptop(OPENVPN));
    if let Section::Seen(links) = &mut done.links {
        let tunnels = links.iter_mut().filter(|link| link.name == "tun0");
        tunnels.for_each(|link| link.mtu = 1420);
    }
    let drifted = netprof_plan::drift(&done);
    assert!(drifted.iter().all(netprof_plan::Drift::is_drift));
    let release = netprof_plan::plan(None, &done);
    assert_eq!(release.changes, []);
    assert_eq!(release.kept.len(), 1);
    let back = carried_out::carried_out(&done, &release);
    assert_eq!(back.link("tun0").unwrap().mtu, 1420);
}
