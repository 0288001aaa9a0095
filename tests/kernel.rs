//! Beside what only a kernel of a distribution has: its own WireGuard, IPsec, and links
//! of kinds that kernels for containers lack. `tests/vm` boots one.

use serde_json::Value;

use crate::harness::{
    Bus, Ipsec, IpsecSettings, Lab, Office, Picture, Resolved, VpnSite, WireGuard,
};

const OFFICE: &str = r#"
profile "office" {
    link "vpn" optional=#true { match kind="wireguard" address="10.7.0.0/16"; }
    link "lan" { match name="lan0"; }
    dns {
        scope "corp" {
            domains "corp.example" "10.in-addr.arpa"
            search "corp.example"
            servers "10.99.0.1"
            link "vpn"
        }
    }
    routes {
        keep-localhost
        keep-lan "lan" { also "192.168.88.0/24"; }
        route "10.99.0.0/16" link="vpn"
    }
}
"#;

const LAN: &str = r#"
profile "lan" {
    link "lan" { match name="lan0"; }
    routes {
        keep-lan "lan" { also "192.168.88.0/24"; }
    }
}
"#;

/// Without what lies behind the LAN.
const NEAR: &str = r#"
profile "near" {
    link "lan" { match name="lan0"; }
    routes {
        keep-lan "lan"
    }
}
"#;

const XFRM: &str = r#"
profile "xfrm" {
    link "vpn" { match kind="xfrm"; }
    link "lan" { match name="lan0"; }
    routes {
        keep-lan "lan" { also "192.168.88.0/24"; }
        route "10.99.0.0/16" link="vpn"
    }
}
"#;

const VRF: &str = r#"
profile "vrf" {
    link "third" { match name="third0"; }
    link "lan" { match name="lan0"; }
    routes {
        keep-lan "third"
        route "10.50.0.0/16" link="third"
    }
}
"#;

const DUMMY: &str = r#"
profile "dummy" {
    link "dummy" { match kind="dummy"; }
    routes {
        keep-lan "dummy"
        route "10.50.0.0/16" link="dummy"
    }
}
"#;

/// Everything, and half of the LAN and of the network behind it once more: a longer
/// prefix, which wg-quick puts into main.
const GREEDY: &str = "0.0.0.0/0, ::/0, 192.168.77.0/25, 192.168.88.0/25";

/// All names, as wg-quick(8) suggests it for resolved.
const ALL_NAMES: &str = "PostUp = resolvectl dns %i 10.99.0.1; resolvectl domain %i '~.'";

fn kind_of(lab: &Lab, link: &str) -> Value {
    lab.ip(&format!("link show dev {link}"))[0]["linkinfo"]["info_kind"].clone()
}

fn link_to(lab: &Lab, address: &str) -> String {
    lab.way_to(address).unwrap().link
}

/// The LAN and its names, before netprof has done anything: gone.
fn assert_lan_is_lost(lab: &Lab) {
    assert!(!lab.reaches("192.168.77.50") && !lab.reaches("192.168.88.1"));
    lab.forget_names();
    assert!(lab.getent("nas.home.arpa").is_empty());
}

/// The LAN and its names are there, corp's names are corp's, and the rest takes `link`.
fn assert_all_have_their_own(lab: &Lab, site: &VpnSite<'_>, link: &str) {
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    assert!(lab.reaches("127.0.0.1") && lab.reaches("::1"));
    assert_eq!(link_to(lab, "203.0.113.80"), link);
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 10.7.0.2")
    );
    site.lan_dns.forget();
    site.corp_dns.forget();
    lab.forget_names();
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert!(site.corp_dns.saw("git.corp.example") && !site.lan_dns.saw("git.corp.example"));
    assert!(!site.corp_dns.saw("nas.home.arpa"));
}

pub(crate) fn wg_quick_over_the_kernels_wireguard_leaves_the_lan(lab: &Lab) {
    let site = VpnSite::new(lab);
    let wireguard = WireGuard::serve(lab, &site);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    site.server.serve_tcp("10.99.5.5:80");
    wireguard.write(GREEDY, ALL_NAMES);
    lab.write_profile("office", OFFICE);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    wireguard.up();
    wireguard.down();
    let left_by_the_client = Picture::take(lab);

    wireguard.up();
    assert_eq!(kind_of(lab, "wg0"), "wireguard");
    assert_lan_is_lost(lab);
    let claimed = Picture::take(lab);
    let planned = lab.netprof("plan office").exits(0);
    assert!(planned.stdout.contains("wg-quick"), "{}", planned.stdout);
    lab.netprof("apply office").exits(0);
    assert_all_have_their_own(lab, &site, "wg0");
    lab.netprof("plan office --exit-code").exits(0);
    lab.netprof("release").exits(0);
    claimed.assert_same(&Picture::take(lab));

    wireguard.down();
    left_by_the_client.assert_same(&Picture::take(lab));

    // All traffic, and nothing of the LAN's: what a new connection claims is mended.
    wireguard.write("0.0.0.0/0, ::/0", ALL_NAMES);
    let left_by_the_client = Picture::take(lab);
    wireguard.up();
    lab.netprof("apply office").exits(0);
    wireguard.down();
    wireguard.up();
    lab.forget_names();
    assert!(lab.getent("nas.home.arpa").is_empty());
    lab.netprof("plan office --exit-code").exits(5);
    lab.netprof("apply office").exits(0);
    assert_all_have_their_own(lab, &site, "wg0");

    wireguard.down();
    lab.netprof("release").exits(0);
    left_by_the_client.assert_same(&Picture::take(lab));
}

/// ip-rule(8) without a priority goes before all rules that are there
/// (`fib_default_rule_pref` in net/core/fib_rules.c), and wg-quick says none: whoever
/// comes last comes first. What main then has for it in the LAN wins.
pub(crate) fn rules_that_come_before_netprofs_own_are_gone_before(lab: &Lab) {
    let site = VpnSite::new(lab);
    let wireguard = WireGuard::serve(lab, &site);
    wireguard.write(GREEDY, "");
    lab.write_profile("lan", LAN);
    let alone = {
        wireguard.up();
        wireguard.down();
        Picture::take(lab)
    };
    wireguard.up();
    assert!(!lab.reaches("192.168.77.50") && !lab.reaches("192.168.88.1"));
    lab.netprof("apply lan").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));

    wireguard.down();
    wireguard.up();
    assert!(!lab.reaches("192.168.77.50"));
    lab.netprof("plan lan --exit-code").exits(5);
    lab.netprof("apply lan").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    lab.netprof("plan lan --exit-code").exits(0);

    // Once they are gone, its own are where they were.
    wireguard.down();
    lab.netprof("apply lan").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    lab.netprof("release").exits(0);
    alone.assert_same(&Picture::take(lab));
}

pub(crate) fn a_link_that_wg_quick_lost_is_no_obstacle(lab: &Lab) {
    let site = VpnSite::new(lab);
    let wireguard = WireGuard::serve(lab, &site);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    wireguard.write(GREEDY, ALL_NAMES);
    lab.write_profile("office", OFFICE);
    // What wg-quick alone leaves: its rules, which nobody takes away.
    wireguard.up();
    wireguard.delete_link();
    let rules = [lab.rules(4), lab.rules(6)];
    let left_by_the_client = Picture::take(lab);
    wireguard.forget_rules();

    wireguard.up();
    assert_lan_is_lost(lab);
    lab.netprof("apply office").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    wireguard.delete_link();
    // A link that is gone took its routes and names along: neither drift nor work.
    let status = lab.netprof("status --exit-code").exits(0);
    assert!(
        status.stdout.contains("gone with its link"),
        "{}",
        status.stdout
    );
    lab.netprof("apply office").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    lab.netprof("release").exits(0);
    assert_eq!([lab.rules(4), lab.rules(6)], rules);
    left_by_the_client.assert_same(&Picture::take(lab));
}

pub(crate) fn wireguard_without_wg_quick_has_its_scope_and_routes(lab: &Lab) {
    let site = VpnSite::new(lab);
    let wireguard = WireGuard::serve(lab, &site);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    site.server.serve_tcp("10.99.5.5:80");
    lab.write_profile("office", OFFICE);
    wireguard.up_by_hand("mesh1", "10.99.0.0/16,fd00:99::/48");
    assert_eq!(kind_of(lab, "mesh1"), "wireguard");
    assert_eq!(lab.greeting("10.99.5.5:80"), None);
    let before = Picture::take(lab);
    lab.netprof("apply office").exits(0);
    assert_all_have_their_own(lab, &site, "lan0");
    lab.netprof("plan office --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn strongswan_with_an_address_of_its_own_leaves_the_lan(lab: &Lab) {
    let site = VpnSite::new(lab);
    site.server.serve_tcp("10.99.5.5:80");
    lab.write_profile("lan", LAN);
    let settings = IpsecSettings {
        own_address: true,
        ..IpsecSettings::default()
    };
    let ipsec = Ipsec::connect(lab, &site, settings);
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 10.6.0.1")
    );
    // Table 220 has packets to the LAN come from the tunnel's address, and go there.
    let way = lab.way_to("192.168.77.50").unwrap();
    assert_eq!(way.source.as_deref(), Some("10.6.0.1"));
    assert_eq!(way.table.as_deref(), Some("220"));
    assert!(!lab.reaches("192.168.77.50") && !lab.reaches("192.168.88.1"));

    let claimed = Picture::take(lab);
    lab.netprof("apply lan").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    let way = lab.way_to("192.168.77.50").unwrap();
    assert_eq!(way.source.as_deref(), Some("192.168.77.2"));
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 10.6.0.1")
    );
    lab.netprof("plan lan --exit-code").exits(0);
    lab.netprof("release").exits(0);
    claimed.assert_same(&Picture::take(lab));
    ipsec.disconnect(lab);
}

pub(crate) fn a_policy_that_takes_the_lan_is_refused(lab: &Lab) {
    let site = VpnSite::new(lab);
    site.server.serve_tcp("10.99.5.5:80");
    lab.write_profile("lan", LAN);
    lab.write_profile("near", NEAR);
    let ipsec = Ipsec::connect(lab, &site, IpsecSettings::default());
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 192.168.77.2")
    );
    assert!(!lab.reaches("192.168.77.50") && !lab.reaches("192.168.88.1"));
    // No route or rule helps against a policy: nothing is done.
    let claimed = Picture::take(lab);
    let refused = lab.netprof("apply lan").exits(1);
    for text in ["plan::ipsec-policy", "192.168.77.0/24", "192.168.88.0/24"] {
        assert!(refused.stderr.contains(text), "{}", refused.stderr);
    }
    claimed.assert_same(&Picture::take(lab));
    ipsec.disconnect(lab);

    // With the LAN passed by, there is nothing to refuse but what lies behind it.
    let settings = IpsecSettings {
        bypass_lan: true,
        ..IpsecSettings::default()
    };
    let ipsec = Ipsec::connect(lab, &site, settings);
    assert!(lab.reaches("192.168.77.50") && !lab.reaches("192.168.88.1"));
    let claimed = Picture::take(lab);
    let refused = lab.netprof("plan lan").exits(1);
    assert!(
        refused.stderr.contains("192.168.88.0/24"),
        "{}",
        refused.stderr
    );
    assert!(
        !refused.stderr.contains("192.168.77.0/24"),
        "{}",
        refused.stderr
    );
    lab.netprof("apply near").exits(0);
    assert!(lab.reaches("192.168.77.50"));
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 192.168.77.2")
    );
    lab.netprof("release").exits(0);
    claimed.assert_same(&Picture::take(lab));
    ipsec.disconnect(lab);
}

/// A tunnel that is a link: policies for everything, which hold for what is routed
/// into the link, and for nothing else.
pub(crate) fn policies_of_an_xfrm_link_take_what_is_routed_into_it(lab: &Lab) {
    lab.needs_links_of("xfrm", "if_id 7");
    lab.needs_esp();
    let site = VpnSite::new(lab);
    site.server.serve_tcp("10.99.5.5:80");
    let states = |ends: [&str; 2], spi: u32| {
        let [from, to] = ends;
        format!(
            "ip xfrm state add src {from} dst {to} proto esp spi {spi} reqid 1 mode tunnel if_id 42 \
             enc cbc(aes) 0x{} auth-trunc hmac(sha256) 0x{} 128",
            "2a".repeat(16),
            "2b".repeat(32)
        )
    };
    let policy = |direction: &str, ends: [&str; 2]| {
        let [from, to] = ends;
        format!(
            "ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir {direction} if_id 42 \
             tmpl src {from} dst {to} proto esp reqid 1 mode tunnel"
        )
    };
    let (here, there) = ("192.168.77.2", VpnSite::SERVER);
    for line in [
        states([here, there], 0x101),
        states([there, here], 0x102),
        policy("out", [here, there]),
        policy("in", [there, here]),
        "ip link add xfrm0 type xfrm dev lan0 if_id 42".to_owned(),
        "ip addr add 10.6.0.1/32 dev xfrm0".to_owned(),
        "ip link set xfrm0 up".to_owned(),
        "ip route add 192.168.77.0/25 dev xfrm0".to_owned(),
        "ip route add 192.168.88.0/25 dev xfrm0".to_owned(),
    ] {
        lab.run(&line);
    }
    for line in [
        states([here, there], 0x101),
        states([there, here], 0x102),
        policy("out", [there, here]),
        policy("in", [here, there]),
        policy("fwd", [here, there]),
        "ip link add xfrm0 type xfrm dev wan0 if_id 42".to_owned(),
        "ip link set xfrm0 up".to_owned(),
        "ip route add 10.6.0.1/32 dev xfrm0".to_owned(),
    ] {
        site.server.run(&line);
    }
    lab.write_profile("xfrm", XFRM);
    assert_eq!(kind_of(lab, "xfrm0"), "xfrm");
    assert!(!lab.reaches("192.168.77.50") && !lab.reaches("192.168.88.1"));
    assert_eq!(lab.greeting("10.99.5.5:80"), None);
    let before = Picture::take(lab);
    lab.netprof("apply xfrm").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 10.6.0.1")
    );
    lab.netprof("plan xfrm --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

/// The table of a vrf is asked by rule 1000 for its own links' packets only; the rest of
/// the machine does not see it.
pub(crate) fn a_link_in_a_vrf_is_not_in_a_network_of_main(lab: &Lab) {
    lab.needs_links_of("vrf", "table 10");
    lab.needs_links_of("dummy", "");
    let office = Office::new(lab);
    let (third, _server) = office.add_third();
    third.run("ip addr add 10.50.0.1/16 dev lo");
    third.serve_tcp("10.50.0.1:80");
    lab.run_each(
        "ip link add vrf0 type vrf table 10
         ip link set vrf0 up
         ip link set third0 master vrf0
         ip route add default via 172.20.0.1 dev third0 table 10
         ip link add dum0 type dummy
         ip link set dum0 up
         ip route add 192.168.77.0/25 dev dum0",
    );
    let in_vrf = |address: &str| lab.succeeds(&format!("ping -n -q -c 1 -W 1 -I vrf0 {address}"));
    assert!(in_vrf("172.20.0.1") && in_vrf("10.50.0.1"));
    assert!(!lab.reaches("172.20.0.1") && !lab.reaches("192.168.77.50"));
    let vrfs_table = || lab.ip("-4 route show table 10");
    lab.write_profile("lan", LAN);
    lab.write_profile("vrf", VRF);
    let (before, table) = (Picture::take(lab), vrfs_table());

    lab.netprof("apply lan").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.50"));
    assert!(in_vrf("172.20.0.1") && in_vrf("10.50.0.1"));
    assert_eq!(vrfs_table(), table);
    lab.netprof("plan lan --exit-code").exits(0);
    // Nothing is promised of a network that main does not have; and what comes back from
    // a route through such a link is not for programs outside of the vrf.
    let applied = lab.netprof("apply vrf").exits(0);
    assert!(
        applied.stdout.contains("waits for third0"),
        "{}",
        applied.stdout
    );
    assert!(applied.stderr.contains("plan::vrf"), "{}", applied.stderr);
    assert_eq!(link_to(lab, "10.50.0.1"), "third0");
    assert_eq!(lab.greeting("10.50.0.1:80"), None);
    assert_eq!(vrfs_table(), table);
    assert!(!lab.rules(4).to_string().contains("172.20.0.0"));
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn dummy_links_are_matched_by_their_kind(lab: &Lab) {
    lab.needs_links_of("dummy", "");
    let _office = Office::new(lab);
    lab.run_each(
        "ip link add dum0 type dummy
         ip addr add 172.21.0.2/24 dev dum0
         ip link set dum0 up",
    );
    lab.write_profile("dummy", DUMMY);
    let before = Picture::take(lab);
    lab.netprof("apply dummy").exits(0);
    assert_eq!(link_to(lab, "10.50.0.1"), "dum0");
    assert_eq!(link_to(lab, "10.51.0.1"), "lan0");
    assert!(lab.rules(4).to_string().contains("172.21.0.0"));
    lab.netprof("plan dummy --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}
