//! Plans for Macs that people have: each pinned whole, with its refusals.
//!
//! A Mac is written in the words of ifconfig(8) and netstat(1), a profile in its own
//! language. What a plan says is pinned by a golden file of the test's name; look at a
//! changed one with `cargo insta review`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod mac;
mod planned;

use carried_out::carried_out;
use insta::assert_snapshot;
use mac::{items, mac, wifi};
use netprof_model::{Section, Snapshot};
use netprof_plan::drift;
use planned::{described, made, planned};

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
