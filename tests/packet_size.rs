//! Packets that are too large for the way, where nobody is told so: the connection is made, a
//! greeting passes, and two hundred kilobytes hang. Each test shows that first.

use crate::harness::{
    Bus, Lab, NarrowBeyond, NarrowLink, NetworkManager, Networkd, Office, Picture, Ran, Transfer,
    until,
};

use Transfer::{Stuck, Whole};

const SIZED: &str = r#"
profile "sized" {
    link "lan" { match name="lan0"; }
    mtu "lan" 1280
}
"#;

const CLAMPED: &str = r#"
profile "clamped" {
    link "vpn" { match name="vpn*"; }
    clamp-mss "vpn"
}
"#;

/// Tables of others: a firewall of the same family, and one of the same name.
const STRANGERS: &str = "
    table inet filter {
        set known { type ipv4_addr; elements = { 192.0.2.1 }; }
        chain forward { type filter hook forward priority filter; policy accept; ip saddr @known drop; }
    }
    table ip netprof {
        chain forward { type filter hook forward priority mangle; policy accept; }
    }
";

pub(crate) fn a_smaller_link_leads_through_a_black_hole(lab: &Lab) {
    let way = NarrowBeyond::new(lab);
    lab.write_profile("sized", SIZED);
    assert_eq!(way.transfers(), [Stuck; 4]);
    let before = Picture::take(lab);

    lab.netprof("apply sized").exits(0);
    let picture = Picture::take(lab);
    assert!(before.differs_in(&picture).contains(&"links"));
    assert_eq!(way.transfers(), [Whole; 4]);

    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
    assert_eq!(way.transfers(), [Stuck; 4]);
}

pub(crate) fn clamping_helps_what_is_forwarded_into_a_smaller_link(lab: &Lab) {
    let way = NarrowLink::new(lab);
    lab.write_profile("clamped", CLAMPED);
    lab.feed("nft -f -", STRANGERS);
    assert_eq!(way.forwarded(), [Stuck; 4]);
    // The workstation's own connections know the size of its link.
    assert_eq!(way.local(), [Whole; 4]);
    let before = Picture::take(lab);
    let strangers = lab.run("nft -a list ruleset");

    lab.netprof("apply clamped").exits(0);
    assert_eq!(way.forwarded(), [Whole; 4]);
    assert_eq!(way.local(), [Whole; 4]);
    let tables = "table inet filter\ntable ip netprof\n";
    let with_own = format!("{tables}table inet netprof\n");
    assert_eq!(lab.run("nft list tables"), with_own);
    let own = lab.run("nft -a list table inet netprof");
    let all = lab.run("nft -a list ruleset");
    assert_eq!(all.replace(&own, ""), strangers);

    lab.netprof("release").exits(0);
    assert_eq!(lab.run("nft list tables"), tables);
    assert_eq!(lab.run("nft -a list ruleset"), strangers);
    before.assert_same(&Picture::take(lab));
    assert_eq!(way.forwarded(), [Stuck; 4]);
}

pub(crate) fn clamping_helps_own_packets_that_are_led_elsewhere(lab: &Lab) {
    let way = NarrowLink::new(lab);
    way.lead_marked_ones_through();
    lab.write_profile("clamped", CLAMPED);
    assert_eq!(way.local_down(), [Stuck; 2]);
    lab.netprof("apply clamped").exits(0);
    assert_eq!(way.local_down(), [Whole; 2]);
    lab.netprof("release").exits(0);
    assert_eq!(way.local_down(), [Stuck; 2]);
}

/// Rules name links, and so they outlive them.
pub(crate) fn a_link_that_comes_again_is_clamped_at_once(lab: &Lab) {
    let way = NarrowLink::new(lab);
    lab.write_profile("clamped", CLAMPED);
    lab.netprof("apply clamped").exits(0);
    let own = lab.run("nft list table inet netprof");
    lab.run_each(
        "ip link set vpn0 down
         ip link set vpn0 name gone0",
    );
    assert_eq!(lab.run("nft list table inet netprof"), own);
    let status = lab.netprof("status --json").exits(0).json();
    assert_eq!(status["resources"][0]["standing"], "holds", "{status:#}");
    lab.run_each(
        "ip link set gone0 name vpn0
         ip link set vpn0 up
         ip addr add fd00:50::2/64 dev vpn0
         ip route add 198.51.100.0/24 via 10.50.0.1
         ip route add fd00:51::/64 via fd00:50::1",
    );
    assert_eq!(way.forwarded(), [Whole; 4]);
    lab.netprof("release").exits(0);
    assert_eq!(lab.run("nft list tables"), "");
}

pub(crate) fn what_somebody_puts_into_the_table_is_named_and_stays(lab: &Lab) {
    let _way = NarrowLink::new(lab);
    lab.write_profile("clamped", CLAMPED);
    lab.netprof("apply clamped").exits(0);
    lab.run("nft add rule inet netprof forward counter");
    let mine = lab.run("nft -a list table inet netprof");
    let named = "rule 5 of chain forward";

    let status = lab.netprof("status --exit-code").exits(5);
    assert!(status.stdout.contains(named), "{}", status.stdout);
    let refused = lab.netprof("apply clamped").exits(1);
    assert!(refused.stderr.contains(named), "{}", refused.stderr);
    let released = lab.netprof("release").exits(0);
    assert!(released.stdout.contains(named), "{}", released.stdout);
    assert_eq!(lab.run("nft -a list table inet netprof"), mine);

    // It is nobody's but theirs now.
    let refused = lab.netprof("apply clamped").exits(1);
    assert!(refused.stderr.contains(named), "{}", refused.stderr);
    assert_eq!(lab.run("nft -a list table inet netprof"), mine);
    lab.run("nft delete table inet netprof");
    lab.netprof("apply clamped").exits(0);
    lab.netprof("release").exits(0);
    assert_eq!(lab.run("nft list tables"), "");
}

pub(crate) fn a_table_of_that_name_is_refused(lab: &Lab) {
    let _way = NarrowLink::new(lab);
    lab.write_profile("clamped", CLAMPED);
    lab.run("nft add table inet netprof");
    let before = Picture::take(lab);
    let refused = lab.netprof("plan clamped").exits(1);
    assert!(
        refused.stderr.contains("chain forward is not there"),
        "{}",
        refused.stderr
    );
    lab.netprof("apply clamped").exits(1);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_table_that_was_flushed_is_missed_and_made_anew(lab: &Lab) {
    let way = NarrowLink::new(lab);
    lab.write_profile("clamped", CLAMPED);
    let before = Picture::take(lab);
    lab.netprof("apply clamped").exits(0);
    // As nftables.service does when it is started anew.
    lab.run("nft flush ruleset");
    lab.netprof("status --exit-code").exits(5);
    lab.netprof("apply clamped").exits(0);
    assert_eq!(way.forwarded(), [Whole; 4]);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_size_that_would_take_more_with_it_is_refused(lab: &Lab) {
    let _way = NarrowBeyond::new(lab);
    lab.run_each(
        "ip link add over0 link lan0 type macvlan mode bridge
         ip link set over0 up",
    );
    lab.write_profile("sized", SIZED);
    lab.write_profile(
        "small",
        &SIZED.replace("sized", "small").replace("1280", "1279"),
    );
    lab.write_profile(
        "large",
        &SIZED.replace("sized", "large").replace("1280", "65535"),
    );
    let before = Picture::take(lab);
    for (profile, says) in [
        ("sized", "over0 lies over lan0"),
        ("small", "IPv6 needs packets of 1280 bytes"),
    ] {
        let refused = lab.netprof(&format!("apply {profile}")).exits(1);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        before.assert_same(&Picture::take(lab));
    }
    // The largest that the device takes.
    lab.netprof("apply large").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

const CORP: &str = r#"
profile "corp" {
    link "corp" { match name="corp0"; }
    mtu "corp" 1400
}
"#;

pub(crate) fn networkmanager_sets_the_size_of_its_link_anew(lab: &Lab) {
    let _office = Office::new(lab);
    let _bus = Bus::start(lab);
    lab.run("ip addr flush dev corp0");
    let manager = NetworkManager::start(lab);
    let settings = "ip4 10.99.0.2/24 802-3-ethernet.mtu 1450 ipv6.method disabled";
    manager.connect(lab, "corp0", settings);
    is_set_anew(lab, "NetworkManager", "activation", || {
        lab.run("nmcli --wait 15 connection up corp0");
    });
}

pub(crate) fn networkd_sets_the_size_of_its_link_anew(lab: &Lab) {
    let _office = Office::new(lab);
    let _bus = Bus::start(lab);
    lab.run("ip addr flush dev corp0");
    let file = "[Match]\nName=corp0\n[Link]\nMTUBytes=1450\n[Network]\nAddress=10.99.0.2/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n";
    let mut networkd = Networkd::start(lab, &[("10-corp.network", file)]);
    networkd.until_configured(lab, "corp0");
    is_set_anew(lab, "networkd", "reconfigure", || {
        lab.run("networkctl reconfigure corp0");
    });
}

/// A manager that has a size for the link sets it at its next `event`; the plan said so.
fn is_set_anew(lab: &Lab, manager: &str, event: &str, happens: impl Fn()) {
    let has = |size: u64| lab.ip("link show corp0")[0]["mtu"] == size;
    until("the manager has set the size", || has(1450));
    lab.write_profile("corp", CORP);
    let plan = lab.netprof("plan corp --json").exits(0).json();
    let lasts = format!("until {manager}'s next {event}");
    assert_eq!(plan["changes"][0]["lasts"], lasts.as_str());
    lab.netprof("apply corp").exits(0);
    assert!(has(1400));

    happens();
    until("the manager has set the size anew", || has(1450));
    let status = lab.netprof("status --exit-code --json").exits(5).json();
    assert_eq!(status["resources"][0]["standing"], "changed");
    assert_eq!(status["resources"][0]["suspect"], manager);
    lab.netprof("apply corp").exits(0);
    assert!(has(1400));
    lab.netprof("release").exits(0);
    assert!(has(1450));
}

pub(crate) fn without_root_a_plan_says_what_it_could_not_see(lab: &Lab) {
    let _way = NarrowLink::new(lab);
    lab.write("/tmp/clamped.kdl", CLAMPED);
    let plan = "plan /tmp/clamped.kdl";
    let output = lab.netprof_command_as_person(plan).output().unwrap();
    let refused = Ran::new(plan, output).exits(1);
    for says in ["Operation not permitted", "try again as root"] {
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}
