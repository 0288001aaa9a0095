//! Plans for Macs that people have: each pinned whole, with its refusals.
//!
//! A Mac is written in the words of ifconfig(8) and netstat(1), a profile in its own
//! language. What a plan says is pinned by a golden file of the test's name; look at a
//! changed one with `cargo insta review`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod mac;
mod planned;
mod wifi;

use carried_out::carried_out;
use insta::assert_snapshot;
use mac::{items, mac};
use netprof_model::{Section, Snapshot};
use netprof_plan::{Bearing, drift};
use planned::{described, made};
use wifi::wifi;

/// What the plan of `profile` on `snapshot` says.
fn planned(profile: &str, snapshot: &Snapshot) -> String {
    described(&made(profile, snapshot))
}

const LINKS: &str = r#"
    link "vpn" optional=#true { match name="utun*" address="10.8.0.0/16"; }
    link "lan" optional=#true { match name="en*"; }
"#;
const KEEP_LAN: &str = "routes { keep-lan; }";
const ALL: &str = "routes { keep-localhost; keep-lan; }";

/// What each VPN adds to a laptop on Wi-Fi.
const OPENVPN: &str = "
    utun4: owner openvpn
        inet 10.8.0.2/32 --> 10.8.0.1
    Internet:
    0/1                10.8.0.1           UGSc      utun4
    128.0/1            10.8.0.1           UGSc      utun4
    10.8.0.1           10.8.0.2           UH        utun4
    203.0.113.5/32     192.168.7.1        UGSc      en0
";

/// A laptop whose default route a VPN app has taken, with its own one scoped.
fn full_tunnel(owner: &str, more: &str) -> Snapshot {
    mac(&format!(
        "en0:
            inet 192.168.7.20/24
        utun3: owner {owner}
            inet 10.8.0.2/32 --> 10.8.0.2
        Internet:
        default            link#18            UCSg      utun3
        default            192.168.7.1        UGScIg    en0
        10.8.0.2           10.8.0.2           UH        utun3
        192.168.7          link#11            UCS       en0
        192.168.7.1/32     link#11            UCS       en0
        192.168.7.20/32    link#11            UCS       en0
        {more}"
    ))
}

#[test]
fn on_wifi_alone_all_is_well() {
    assert_snapshot!(planned(ALL, &wifi("")));
}

#[test]
fn openvpn_with_the_halves_of_everything_leaves_the_lan_alone() {
    assert_snapshot!(planned(ALL, &wifi(OPENVPN)));
}

#[test]
fn the_wireguard_app_leaves_the_lan_alone_as_far_as_can_be_told() {
    assert_snapshot!(planned(ALL, &full_tunnel("wireguard", "")));
}

#[test]
fn a_vpn_that_pushes_a_half_of_the_lan_is_outranked() {
    let cisco = full_tunnel("anyconnect", "192.168.7/25 link#18 UCS utun3");
    assert_snapshot!(planned(KEEP_LAN, &cisco));
}

#[test]
fn a_vpn_that_pushes_both_halves_of_the_lan_is_outranked() {
    let both = "192.168.7/25 10.8.0.1 UGSc utun4\n 192.168.7.128/25 10.8.0.1 UGSc utun4";
    assert_snapshot!(planned(KEEP_LAN, &wifi(&format!("{OPENVPN}{both}"))));
}

#[test]
fn a_vpn_that_pushes_a_single_address_of_the_lan_is_refused() {
    let host = "192.168.7.9/32 10.8.0.1 UGSc utun4";
    assert_snapshot!(planned(KEEP_LAN, &wifi(&format!("{OPENVPN}{host}"))));
}

#[test]
fn a_vpn_that_takes_the_place_of_the_lans_own_route_is_outranked() {
    let scoped = "
        en0:
            inet 192.168.7.20/24
        utun3: owner globalprotect
            inet 10.8.0.2/32 --> 10.8.0.2
        Internet:
        default            link#18            UCSg      utun3
        default            192.168.7.1        UGScIg    en0
        192.168.7          link#18            UCS       utun3
        192.168.7          link#11            UCSI      en0
        192.168.7.1/32     link#11            UCSI      en0
        192.168.7.20/32    link#11            UCS       en0
    ";
    let gone = scoped.replace("192.168.7          link#11            UCSI      en0", "");
    assert_snapshot!(format!(
        "--- the own route is for the link alone\n{}--- it is gone\n{}",
        planned(KEEP_LAN, &mac(scoped)),
        planned(KEEP_LAN, &mac(&gone))
    ));
}

#[test]
fn a_lan_whose_route_was_taken_away_gets_one() {
    let mut machine = full_tunnel("anyconnect", "");
    let lan = "192.168.7.0/24".parse().unwrap();
    items(&mut machine.routes).retain(|route| route.key.dst != lan);
    assert_snapshot!(planned(KEEP_LAN, &machine));
}

#[test]
fn a_split_tunnel_with_many_prefixes_is_no_concern_of_the_lans() {
    let many: String = (0..40)
        .map(|n| format!("10.{n}/16 link#25 UCS utun6\n"))
        .collect();
    let vpn = format!(
        "utun6: owner network-extension
            inet 10.200.0.7/32 --> 10.200.0.7
        Internet:
        default            link#25            UCSIg     utun6
        {many}"
    );
    let profile = r#"
        link "vpn" { match owner="network-extension"; }
        routes { keep-lan; route "10.0.0.0/8" link="vpn"; }
    "#;
    assert_snapshot!(planned(profile, &wifi(&vpn)));
}

#[test]
fn more_rivals_than_netprof_outranks_are_refused() {
    let many: String = (0..70)
        .map(|n| format!("192.168.7.{}/31 10.8.0.1 UGSc utun4\n", n * 2 + 100))
        .collect();
    assert_snapshot!(planned(KEEP_LAN, &wifi(&format!("{OPENVPN}{many}"))));
}

#[test]
fn halves_are_not_added_where_a_route_is_already() {
    let nested = "
        192.168.7/25       10.8.0.1           UGSc      utun4
        192.168.7.64/26    10.8.0.1           UGSc      utun4
        192.168.7.0/26     192.168.7.1        UGSc      en0
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(&format!("{OPENVPN}{nested}"))));
}

#[test]
fn other_networks_of_this_host_within_a_kept_one_keep_their_way() {
    let more = "
        en7:
            inet 192.168.90.5/24
        vmenet0:
        bridge100: owner docker
            inet 192.168.91.1/24
        Internet:
        192.168.90         link#14            UCS       en7
        192.168.91         link#20            UC        bridge100
        192.168.91.128/25  10.8.0.1           UGSc      utun4
        192.168.92         10.8.0.1           UGSc      utun4
        192.168.93         192.168.7.2        UGSc      en0
        192.168.93.128/25  10.8.0.1           UGSc      utun4
    ";
    let profile = r#"
        link "lan" { match name="en0"; }
        routes { keep-lan "lan" { also "192.168.0.0/16"; }; }
    "#;
    assert_snapshot!(planned(profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn an_own_address_within_the_lan_keeps_its_way() {
    let more = "
        utun5:
            inet 192.168.7.77/32 --> 192.168.7.77
        Internet:
        192.168.7.77       192.168.7.77       UH        utun5
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(more)));
}

#[test]
fn what_lies_behind_the_lan_goes_by_its_gateway() {
    let more = "
        192.168.50         192.168.7.9        UGSc      en0
        192.168.51         10.8.0.1           UGSc      utun4
        192.168.52.128/25  10.8.0.1           UGSc      utun4
        192.168.53         192.168.7.9        UGSc      en0
    ";
    let profile = "routes { keep-lan {
        also \"192.168.50.0/24\"
        also \"192.168.51.0/24\" via=\"192.168.7.254\"
        also \"192.168.52.0/24\" via=\"192.168.7.254\"
        also \"192.168.53.0/24\" via=\"192.168.7.254\"
        also \"192.168.54.0/24\"
        also \"192.168.55.0/24\" via=\"192.168.99.1\"
        also \"fd00:50::/48\"
    }; }";
    assert_snapshot!(planned(profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn one_line_may_keep_the_half_of_what_another_keeps() {
    let more = "192.168.50 10.8.0.1 UGSc utun4";
    let profile = "routes { keep-lan {
        also \"192.168.50.0/24\" via=\"192.168.7.254\"
        also \"192.168.50.0/25\" via=\"192.168.7.253\"
    }; }";
    assert_snapshot!(planned(profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn a_link_that_is_not_the_primary_one_has_a_gateway_all_the_same() {
    let profile = "routes { keep-lan { also \"192.168.50.0/24\"; }; }";
    assert_snapshot!(planned(profile, &full_tunnel("anyconnect", "")));
}

const TWO: &str = "
    en7:
        inet 10.20.0.5/24
    Internet:
    default            10.20.0.1          UGScIg    en7
    10.20/24           link#14            UCS       en7
    10.20.0.1/32       link#14            UCS       en7
    10.20.0.5/32       link#14            UCS       en7
";

#[test]
fn two_physical_links_are_both_kept() {
    assert_snapshot!(planned(KEEP_LAN, &wifi(TWO)));
}

#[test]
fn two_links_in_one_lan_are_kept_as_one() {
    let both = "
        en7:
            inet 192.168.7.30/24
        utun4: owner openvpn
            inet 10.8.0.2/32 --> 10.8.0.1
        Internet:
        192.168.7          link#14            UCSI      en7
        192.168.7/25       10.8.0.1           UGSc      utun4
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(both)));
}

#[test]
fn several_kept_links_and_no_gateway_named_is_refused() {
    let profile = "routes { keep-lan {
        also \"192.168.50.0/24\"
        also \"192.168.51.0/24\" via=\"10.20.0.9\"
        also \"fd00:51::/48\" via=\"fe80::9\"
        also \"0.0.0.0/0\"
        also \"192.168.52.0/24\" via=\"192.168.7.20\"
    }; }";
    assert_snapshot!(planned(profile, &wifi(TWO)));
}

#[test]
fn an_ipv6_network_of_ones_own_is_kept_and_outranked_for() {
    let vpn = "
        utun4: owner openvpn
            inet6 fd00:8::2/64
        Internet6:
        fd00:7::/65        fe80::8%utun4      UGSc      utun4
        2001:db8:7::/64    link#11            UC        en0
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(vpn)));
}

#[test]
fn a_public_or_too_wide_lan_is_refused() {
    let more = "
        en7:
            inet 198.51.100.7/24
            inet 10.0.0.9/8
            inet 100.64.0.9/24
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(more)));
}

#[test]
fn without_a_lan_it_waits() {
    let bare = mac("en0:\n inet6 fe80::20/64\n en7: down");
    let named = "link \"lan\" { match name=\"en0\"; }\n routes { keep-lan \"lan\"; }";
    assert_snapshot!(format!(
        "--- all\n{}--- named\n{}--- none\n{}",
        planned(KEEP_LAN, &bare),
        planned(named, &bare),
        planned(KEEP_LAN, &mac("en0: down"))
    ));
}

#[test]
fn a_kept_network_with_a_server_or_route_of_another_link_is_refused() {
    let profile = format!(
        r#"{LINKS}
        dns {{ scope "corp" {{ domains "corp.example"; servers "192.168.7.53"; link "vpn"; }}; }}
        routes {{
            keep-lan "lan"
            route "192.168.7.64/26" link="vpn"
            route "192.168.0.0/16" link="vpn"
            unreachable "192.168.7.128/25"
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(OPENVPN)));
}

#[test]
fn a_vpn_app_of_its_own_kind_is_said_once() {
    let apps = "
        utun5: owner network-extension
            inet 10.9.0.2/32 --> 10.9.0.2
        utun6: owner network-extension
            inet 10.10.0.2/32 --> 10.10.0.2
        utun7: owner tailscale
            inet 100.101.102.103/32 --> 100.101.102.103
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(apps)));
}

#[test]
fn routes_go_through_a_tunnel_a_gateway_or_nowhere() {
    let profile = format!(
        r#"{LINKS} routes {{
            route "10.0.0.0/8" link="vpn"
            route "10.77.0.0/16" via="10.8.0.1"
            route "172.20.0.0/14" via="192.168.7.254" metric=50
            route "172.24.0.7/32" link="lan"
            route "192.168.60.0/24" link="lan"
            route "fd00:20::/48" via="fe80::9" link="lan"
            unreachable "10.66.0.0/16"
            unreachable "fd00:66::/48"
            route "198.51.100.0/24" via="192.168.60.1"
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(OPENVPN)));
}

#[test]
fn a_route_that_is_there_already_is_left_alone() {
    let more = "
        10                 10.8.0.1           UGSc      utun4
        10.77/16           10.8.0.1           UGSc      utun4
        10.66/16           127.0.0.1          UGRS      lo0
    ";
    let profile = format!(
        r#"{LINKS} routes {{
            route "10.0.0.0/8" link="vpn"
            route "10.77.0.0/16" via="10.8.0.1"
            unreachable "10.66.0.0/16"
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn a_taken_key_is_refused_or_replaced() {
    let more = "
        10.1/16            192.168.7.9        UGSc      en0       owner user
        10.2/16            192.168.7.9        UGSc      en0       owner user
        10.3.0.1/32        192.168.7.9        UGSc      en0       owner user
        10.4.0.1           192.168.7.9        UGHS      en0       owner user
    ";
    let profile = format!(
        r#"{LINKS} routes {{
            route "10.1.0.0/16" link="vpn"
            route "10.2.0.0/16" link="vpn" replace=#true
            route "10.3.0.1/32" link="vpn" replace=#true
            route "10.4.0.1/32" link="vpn" replace=#true
            route "192.168.7.0/24" link="vpn" replace=#true
            route "0.0.0.0/0" link="vpn" replace=#true
            route "127.0.0.0/8" link="vpn" replace=#true
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn of_a_host_and_a_network_of_one_address_the_host_wins_and_neither_is_replaced() {
    let more = "
        10.1.0.1           192.168.7.9        UGHS      en0       owner user
        10.2.0.1           192.168.7.9        UGHS      en0       owner user
        10.2.0.1/32        link#18            USc       utun4     owner user
        10.3.0.1           192.168.7.9        UGHS      en0       owner user
        10.3.0.1/32        192.168.7.8        UGSc      en0       owner user
    ";
    let profile = format!(
        r#"{LINKS} routes {{
            route "10.1.0.1/32" via="192.168.7.9"
            route "10.2.0.1/32" link="vpn"
            route "10.3.0.1/32" link="vpn" replace=#true
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn a_single_address_that_the_profile_puts_in_its_place_is_kept() {
    let host = "192.168.7.9 link#18 UHS utun4";
    let profile = format!(
        r#"{LINKS} routes {{
            keep-lan "lan"
            route "192.168.7.9/32" link="lan" replace=#true
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(&format!("{OPENVPN}{host}"))));
}

#[test]
fn what_a_mac_does_not_have_is_refused_or_said() {
    let profile = format!(
        r#"{LINKS} routes {{
            route "10.1.0.0/16" link="vpn" metric=10
            route "10.1.0.0/16" link="lan" metric=20
            route "10.2.0.0/16" link="vpn" src="10.8.0.2"
            route "fd00:3::/48" link="vpn"
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(OPENVPN)));
}

#[test]
fn gateways_that_are_not_there_are_refused() {
    let profile = format!(
        r#"{LINKS} routes {{
            route "10.1.0.0/16" via="10.77.0.1"
            route "10.2.0.0/16" via="192.168.7.1" link="vpn"
            route "10.3.0.0/16" via="192.168.7.20"
        }}"#
    );
    assert_snapshot!(planned(&profile, &wifi(OPENVPN)));
}

#[test]
fn a_gateway_that_a_vpn_has_taken_is_refused() {
    let more = "192.168.7.0/25 10.8.0.1 UGSc utun4";
    let profile = "routes { route \"172.20.0.0/14\" via=\"192.168.7.9\"; }";
    assert_snapshot!(planned(profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn a_link_that_matches_nothing_or_twice_is_refused() {
    let profile = r#"
        link "gone" { match name="ppp*"; }
        link "any" { match kind="utun"; }
        routes {
            route "10.1.0.0/16" link="gone"
            route "10.2.0.0/16" link="any"
        }"#;
    let more = format!("{OPENVPN} utun5:\n inet 10.9.0.2/32 --> 10.9.0.2");
    assert_snapshot!(planned(profile, &wifi(&more)));
}

/// What daemons of macOS keep.
const IDLE: &str = "
    utun0: mtu 1380
        inet6 fe80::b0/64
    utun1: mtu 2000 owner apple
        inet6 fe80::b1/64
    Internet6:
    default            fe80::%utun0       UGcIg     utun0
    default            fe80::%utun1       UGcIg     utun1
    fe80::%utun0/64    fe80::b0%utun0     UcI       utun0
    ff00::/8           fe80::b0%utun0     UmCI      utun0
    Internet:
";

#[test]
fn idle_tunnels_are_never_meant() {
    let profile = r#"
        link "vpn" { match name="utun*"; }
        routes { route "10.0.0.0/8" link="vpn"; }
    "#;
    let waiting = r#"
        link "vpn" optional=#true { match name="utun*" address="10.8.0.0/16"; }
        routes { route "10.0.0.0/8" link="vpn"; }
    "#;
    assert_snapshot!(format!(
        "--- with a VPN\n{}--- without one\n{}--- optional\n{}",
        planned(profile, &wifi(&format!("{IDLE}{OPENVPN}"))),
        planned(profile, &wifi(IDLE)),
        planned(waiting, &wifi(IDLE))
    ));
}

#[test]
fn localhost_is_mended() {
    let mut machine = wifi("");
    items(&mut machine.addresses).retain(|one| one.dev != "lo0");
    for link in items(&mut machine.links) {
        link.up = !link.loopback;
    }
    let mut bare = wifi("");
    items(&mut bare.routes).retain(|route| !route.goes_through("lo0"));
    let taken = wifi("127.0.0.0/9 10.8.0.1 UGSc en0 owner user");
    let profile = "routes { keep-localhost; }";
    assert_snapshot!(format!(
        "--- down\n{}--- without routes\n{}--- a half taken\n{}",
        planned(profile, &machine),
        planned(profile, &bare),
        planned(profile, &taken)
    ));
}

#[test]
fn localhost_that_cannot_be_had_is_refused() {
    let mut elsewhere = wifi("127.0.0.1 10.8.0.1 UGHS en0 owner user");
    items(&mut elsewhere.routes)
        .retain(|route| !(route.key.dst.prefix_len() == 32 && route.goes_through("lo0")));
    let dropped = wifi("127.0.0.9 127.0.0.1 UGHRS lo0");
    let mut without = wifi("");
    items(&mut without.links).retain(|link| !link.loopback);
    let profile = "routes { keep-localhost; }";
    assert_snapshot!(format!(
        "--- elsewhere\n{}--- dropped\n{}--- without lo0\n{}",
        planned(profile, &elsewhere),
        planned(profile, &dropped),
        planned(profile, &without)
    ));
}

#[test]
fn packets_have_the_size_that_was_asked_for() {
    let profile = r#"
        link "vpn" { match name="utun4"; }
        link "ports" many=#true { match name="en*"; }
        link "gone" optional=#true { match name="ppp*"; }
        mtu "vpn" 1200
        mtu "ports" 1500
        mtu "gone" 1400
    "#;
    let too_small = "link \"lan\" { match name=\"en0\"; }\n mtu \"lan\" 1200";
    assert_snapshot!(format!(
        "--- well\n{}--- too small\n{}",
        planned(profile, &wifi(&format!("{OPENVPN} en7: mtu 9000"))),
        planned(too_small, &wifi(""))
    ));
}

/// `machine` with the profile applied.
fn applied(profile: &str, machine: &Snapshot) -> Snapshot {
    let plan = made(profile, machine);
    assert!(!plan.is_refused(), "{}", described(&plan));
    carried_out(machine, &plan)
}

const WHOLE: &str = r#"
    link "vpn" { match name="utun4"; }
    routes {
        keep-localhost
        keep-lan { also "192.168.50.0/24" via="192.168.7.254"; }
        route "10.0.0.0/8" link="vpn"
        route "172.20.0.0/14" via="10.8.0.1"
        route "192.168.60.0/24" via="192.168.7.9"
        unreachable "10.66.0.0/16"
    }
    mtu "vpn" 1400
"#;
const PUSHED: &str = "192.168.7/25 10.8.0.1 UGSc utun4\n 192.168.50 10.8.0.1 UGSc utun4";

#[test]
fn what_was_just_made_is_neither_stale_nor_planned_again() {
    let done = applied(WHOLE, &wifi(&format!("{OPENVPN}{PUSHED}")));
    for one in drift(&done) {
        assert!(!one.is_drift(), "{one:?}");
    }
    let again = made(WHOLE, &done);
    assert!(again.changes.is_empty(), "{}", described(&again));
}

#[test]
fn a_declared_route_over_the_lan_is_never_stale() {
    let profile = r#"
        link "lan" { match name="en0"; }
        routes { route "192.168.60.0/24" link="lan"; }
    "#;
    let done = applied(profile, &wifi(""));
    for one in drift(&done) {
        assert!(!one.is_drift(), "{one:?}");
    }
}

#[test]
fn after_a_move_what_was_made_for_the_old_network_is_stale_and_goes() {
    let mut moved = applied(WHOLE, &wifi(&format!("{OPENVPN}{PUSHED}")));
    let there = mac("
        en0:
            inet 10.33.0.20/24
        Internet:
        default            10.33.0.1          UGScg     en0
        10.33/24           link#11            UCS       en0
        10.33.0.1/32       link#11            UCS       en0
        10.33.0.20/32      link#11            UCS       en0
    ");
    items(&mut moved.addresses).retain(|one| one.dev != "en0");
    items(&mut moved.addresses).extend(
        there
            .addresses
            .items()
            .iter()
            .filter(|one| one.dev == "en0")
            .cloned(),
    );
    items(&mut moved.routes).retain(|route| {
        !route.goes_through("en0") || route.spec.protocol == netprof_model::route::Protocol::NETPROF
    });
    items(&mut moved.routes).extend(
        there
            .routes
            .items()
            .iter()
            .filter(|route| route.goes_through("en0"))
            .cloned(),
    );
    let stale: String = drift(&moved)
        .iter()
        .filter(|one| one.is_drift())
        .map(|one| format!("{}: {:?}\n", one.held.resource, one.standing))
        .collect();
    assert_snapshot!(format!("{stale}---\n{}", planned(WHOLE, &moved)));
}

/// A Mac whose VPN has taken the LAN's own route away.
const TAKEN_AWAY: &str = "
    en0:
        inet 192.168.7.20/24
    utun3: owner anyconnect
        inet 10.8.0.2/32 --> 10.8.0.2
    Internet:
    default            link#18            UCSg      utun3
    default            192.168.7.1        UGScIg    en0
    192.168.7.1/32     link#11            UCS       en0
    192.168.7.20/32    link#11            UCS       en0
";

/// `done` after en0 went to another network. What bears netprof's mark stays.
fn moved(mut done: Snapshot) -> Snapshot {
    items(&mut done.addresses).retain(|one| one.dev != "en0");
    items(&mut done.routes).retain(|route| {
        !route.goes_through("en0") || route.spec.protocol == netprof_model::route::Protocol::NETPROF
    });
    let there = mac("en0:\n inet 10.20.0.5/24\n Internet:\n 10.20.0/24 link#11 UCS en0");
    items(&mut done.addresses).extend(
        there
            .addresses
            .items()
            .iter()
            .filter(|one| one.dev == "en0")
            .cloned(),
    );
    items(&mut done.routes).extend(
        there
            .routes
            .items()
            .iter()
            .filter(|route| route.goes_through("en0"))
            .cloned(),
    );
    done
}

fn standings(snapshot: &Snapshot) -> Vec<(String, Bearing)> {
    let all = drift(snapshot).into_iter();
    all.map(|one| (one.held.resource.to_string(), one.standing))
        .collect()
}

#[test]
fn a_route_to_a_whole_lan_is_stale_once_its_link_has_left() {
    let done = applied(KEEP_LAN, &mac(TAKEN_AWAY));
    let lan = "route4 192.168.7.0/24".to_owned();
    assert_eq!(standings(&done), [(lan.clone(), Bearing::Holds)]);
    let why = "en0 has left the network of 192.168.7.0/24: packets to it are still captured";
    let stale = Bearing::Stale(why.to_owned());
    assert_eq!(standings(&moved(done)), [(lan, stale)]);
}

#[test]
fn the_same_route_stands_for_itself_or_for_its_network_as_the_last_profile_has_it() {
    let declared = r#"
        link "lan" { match name="en0"; }
        routes { route "192.168.7.0/24" link="lan"; }
    "#;
    let mut done = mac(TAKEN_AWAY);
    for (profile, is_stale) in [(declared, false), (KEEP_LAN, true), (declared, false)] {
        let plan = made(profile, &done);
        assert!(!plan.is_refused(), "{}", described(&plan));
        done = carried_out(&done, &plan);
        assert_eq!(made(profile, &done).still_held, []);
        let away = standings(&moved(done.clone()));
        assert_eq!(away.len(), 1);
        let stale = matches!(away[0].1, Bearing::Stale(_));
        assert_eq!(stale, is_stale, "{profile}");
    }
}

#[test]
fn a_half_that_the_profile_routes_itself_is_left_to_it() {
    let pushed = wifi(&format!("{OPENVPN}\n192.168.7/25 10.8.0.1 UGSc utun4"));
    let behind = wifi(&format!("{OPENVPN}\n192.168.50/24 10.8.0.1 UGSc utun4"));
    let waits = r#"link "gone" optional=#true { match name="en9"; }"#;
    let of = |more: &str, routes: &str, snapshot: &Snapshot| {
        planned(&format!("{LINKS}{more}\n routes {{ {routes} }}"), snapshot)
    };
    assert_snapshot!(format!(
        "--- in the LAN\n{}--- behind it\n{}--- by a link that is not there\n{}",
        of(
            "",
            r#"keep-lan; route "192.168.7.0/26" via="192.168.7.254""#,
            &pushed
        ),
        of(
            "",
            r#"keep-lan { also "192.168.50.0/24" via="192.168.7.254"; }
               route "192.168.50.0/25" via="192.168.7.253""#,
            &behind
        ),
        of(
            waits,
            r#"keep-lan; route "192.168.7.0/26" link="gone""#,
            &pushed
        ),
    ));
}

#[test]
fn a_route_to_neighbours_that_a_scoped_one_sends_to_a_gateway_is_refused() {
    let profile = r#"
        link "lan" { match name="en0"; }
        routes { route "10.1.2.3/32" link="lan"; route "10.64.0.0/16" link="lan"; }
    "#;
    assert_snapshot!(planned(profile, &wifi("10.0.0.0/8 192.168.7.1 UGScI en0")));
}

#[test]
fn a_gateway_is_on_the_link_that_the_profile_itself_leads_it_through() {
    let two = wifi(
        "
        en5:
            inet 192.168.7.30/24
        Internet:
        192.168.7          link#6             UCSI      en5
    ",
    );
    assert_snapshot!(planned(
        r#"
            link "cable" { match name="en5"; }
            routes { keep-lan "cable"; route "172.20.0.0/14" via="192.168.7.254"; }
        "#,
        &two
    ));
    // Its own network is more than a wide route.
    let wide = made(
        r#"
            link "vpn" { match name="utun4"; }
            routes { route "192.168.0.0/16" link="vpn"; route "172.20.0.0/14" via="192.168.7.254"; }
        "#,
        &wifi(OPENVPN),
    );
    let through: Vec<_> = wide
        .changes
        .iter()
        .filter_map(|one| one.link.as_ref())
        .collect();
    let through: Vec<&str> = through.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(through, ["utun4", "en0"], "{}", described(&wide));
}

#[test]
fn a_lost_state_folder_leaves_nothing_in_the_way() {
    let mut done = applied(WHOLE, &wifi(&format!("{OPENVPN}{PUSHED}")));
    done.held = Section::Absent;
    let again = made(WHOLE, &done);
    assert!(!again.is_refused(), "{}", described(&again));
    assert!(
        again
            .changes
            .iter()
            .all(|change| matches!(change.resource, netprof_model::Resource::Mtu { .. })),
        "{}",
        described(&again)
    );
}

#[test]
fn the_other_end_of_a_tunnel_keeps_its_way_within_what_is_kept() {
    let profile = "routes { keep-lan { also \"10.0.0.0/8\" via=\"192.168.7.254\"; }; }";
    let more = "10.8/24 10.8.0.1 UGSc utun4";
    assert_snapshot!(planned(profile, &wifi(&format!("{OPENVPN}{more}"))));
}

#[test]
fn a_kill_switch_in_the_table_is_outranked() {
    let more = "
        192.168.7.128/25   127.0.0.1          UGSBc     lo0       owner mullvad
        192.168.7.64/26    link#11            URS       en0       owner mullvad
    ";
    assert_snapshot!(planned(KEEP_LAN, &wifi(more)));
}

#[test]
fn a_gateway_that_lies_behind_itself_is_refused() {
    let profile = "routes {
        keep-lan { also \"192.168.7.128/25\" via=\"192.168.7.254\"; }
        route \"192.168.7.0/26\" via=\"192.168.7.9\"
    }";
    assert_snapshot!(planned(profile, &wifi("")));
}

#[test]
fn networks_of_virtual_machines_keep_their_way() {
    let more = "
        vmnet8:
            inet 192.168.71.1/24
        Internet:
        192.168.71         link#20            UC        vmnet8
    ";
    let profile = "routes { keep-lan { also \"192.168.0.0/16\" via=\"192.168.7.254\"; }; }";
    assert_snapshot!(planned(profile, &wifi(more)));
}

#[test]
fn a_link_is_matched_by_its_gateway_also_while_a_vpn_is_the_primary_one() {
    let profile = r#"
        link "office" { match gateway="192.168.7.1"; }
        link "primary" { match default-route=#true; }
        routes { keep-lan "office"; route "10.0.0.0/8" link="primary"; }
    "#;
    assert_snapshot!(planned(profile, &full_tunnel("mullvad", "")));
}

#[test]
fn a_port_that_nothing_is_plugged_into_is_missed_by_nobody() {
    let profile = r#"
        link "lan" many=#true { match name="en*"; }
        routes { keep-lan "lan"; }
    "#;
    let mut laptop = wifi("en1:\nen2:\n");
    for link in items(&mut laptop.links) {
        link.carrier = link.name != "en1";
    }
    // en2 has a cable and no address yet.
    let text = planned(profile, &laptop);
    assert!(text.contains("waits for en2"), "{text}");
    assert!(!text.contains("waits for en1"), "{text}");
    items(&mut laptop.addresses).retain(|one| one.dev != "en0");
    items(&mut laptop.routes).retain(|one| !one.goes_through("en0"));
    let alone = planned(profile, &laptop);
    assert!(alone.contains("waits for en1"), "{alone}");
}
