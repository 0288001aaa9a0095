//! Sizes of packets, and of the segments that connections are told.

use insta::assert_snapshot;
use netprof_model::nft_table::NftTable;
use netprof_model::{Section, Snapshot};

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
    link tun2 kind tun mtu 1200
    link eth1 ipv6 on
    link ipvl0 kind ipvlan over 9 mtu 1300
    link eth2 ipv6 on
    link ipvl1 kind ipvlan over 11
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
    let all = [
        ("eth0", 1400),
        ("eth0.5", 1600),
        ("br0", 1400),
        ("eth1", 1400),
        // An ipvlan that has the size of its link gets that back, too.
        ("eth2", 1400),
    ];
    assert_snapshot!(all.map(|(link, bytes)| sized(link, bytes)).join("\n"));
}

#[test]
fn what_a_size_changes_elsewhere_is_said() {
    let all = [("tun0", 1200), ("tun2", 1400), ("port0", 1400)];
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

const CLAMPED: &str = r#"
    link "vpn" { match name="tun*"; }
    link "far" optional=#true { match name="ppp*"; }
    mtu "vpn" 1400
    clamp-mss "vpn"
    clamp-mss "far"
"#;

fn table(clamped: &[&str], others: &[&str]) -> Section<NftTable> {
    let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    Section::Seen(NftTable {
        clamped: owned(clamped),
        others: owned(others),
    })
}

#[test]
fn connections_are_told_what_fits() {
    let more = format!("{OPENVPN} link ppp0\n addr ppp0 10.7.0.2/32");
    assert_snapshot!(format!(
        "--- one waits\n{}--- both\n{}",
        planned(CLAMPED, &laptop(OPENVPN)),
        planned(CLAMPED, &laptop(&more)),
    ));
}

#[test]
fn a_link_more_or_less_is_a_change_of_the_same_table() {
    let more = format!("{OPENVPN} link ppp0\n addr ppp0 10.7.0.2/32");
    let mut done = applied(CLAMPED, &laptop(&more));
    if let Section::Seen(links) = &mut done.links {
        links.retain(|link| link.name != "ppp0");
    }
    assert_snapshot!(planned(CLAMPED, &done));
}

#[test]
fn a_table_that_is_not_netprofs_is_never_taken() {
    let with = |nft_table, privileged| Snapshot {
        nft_table,
        privileged,
        ..laptop(OPENVPN)
    };
    let mine = table(&["tun0"], &["rule 6 of chain forward"]);
    let refused = "cannot read the nft ruleset: Operation not permitted".to_owned();
    let none = "this kernel has no nf_tables".to_owned();
    let all = [
        with(mine, true),
        with(Section::Unreadable(refused), false),
        with(Section::Unreadable(none), true),
    ];
    assert_snapshot!(all.map(|machine| planned(CLAMPED, &machine)).join("\n"));
}

#[test]
fn what_somebody_put_into_the_table_stays_whatever_is_done() {
    let mut done = applied(CLAMPED, &laptop(OPENVPN));
    let edited = table(&["tun0"], &["rule 6 of chain forward"]);
    done.nft_table = edited.clone();
    assert!(made(CLAMPED, &done).is_refused());
    let release = netprof_plan::plan(None, &done);
    let named: Vec<String> = release
        .kept
        .iter()
        .map(|one| one.resource.to_string())
        .collect();
    assert_eq!(named, ["nft table inet netprof"]);
    assert_eq!(carried_out::carried_out(&done, &release).nft_table, edited);
}

#[test]
fn where_nothing_takes_more_there_is_nothing_to_lower() {
    let profile = "link \"it\" { match name=\"eth0\"; }\nclamp-mss \"it\"";
    let smaller = format!("{profile}\nmtu \"it\" 1400");
    let says = |profile: &str, more: &str| {
        let plan = made(profile, &machine(&format!("link eth0\n{more}")));
        assert!(!plan.is_refused(), "{:?}", plan.diagnostics);
        let mut all = plan.diagnostics.iter();
        all.any(|said| said.code == "plan::clamp-lowers-nothing")
    };
    assert!(says(profile, "link wlan0"));
    assert!(!says(profile, "link eth1 mtu 9000"));
    assert!(says(profile, "link eth1 mtu 9000 down"));
    assert!(!says(&smaller, "link wlan0"));
}
