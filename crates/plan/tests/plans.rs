//! Plans for machines that people have: each pinned whole, with its refusals.
//!
//! A machine is written in the words of ip(8) and resolvectl(1), a profile in its own
//! language. What a plan says is pinned by a golden file of the test's name; look at a
//! changed one with `cargo insta review`.
//!
//! - `plans/keep_lan.rs`: what is kept of the LAN, and of which links.
//! - `plans/keep_local.rs`: what is kept of the networks of containers.
//! - `plans/collisions.rs`: addresses that containers and somebody else have.
//! - `plans/routes.rs`: routes, their gateways and sources, the links that they go through.
//! - `plans/rules.rs`: rules of others that are asked before netprof's own.
//! - `plans/above.rs`: what stands above routing.
//! - `plans/names.rs`: scopes of names.
//! - `plans/sizes.rs`: sizes of packets.
//! - `plans/pools.rs`: where container engines cut their networks from.
//! - `plans/desktops.rs`: what GNOME and KDE are told of proxies.
//! - `plans/lasting.rs`: how long what is made lasts, and what becomes of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod machine;
mod planned;

#[path = "plans/above.rs"]
mod above;
#[path = "plans/collisions.rs"]
mod collisions;
#[path = "plans/desktops.rs"]
mod desktops;
#[path = "plans/keep_lan.rs"]
mod keep_lan;
#[path = "plans/keep_local.rs"]
mod keep_local;
#[path = "plans/lasting.rs"]
mod lasting;
#[path = "plans/names.rs"]
mod names;
#[path = "plans/pools.rs"]
mod pools;
#[path = "plans/programs.rs"]
mod programs;
#[path = "plans/routes.rs"]
mod routes;
#[path = "plans/rules.rs"]
mod rules;
#[path = "plans/sizes.rs"]
mod sizes;

use insta::assert_snapshot;
use machine::machine;
use netprof_model::plan::Standing;
use netprof_model::{Section, Snapshot};
use planned::{described, made};

/// What the plan of `profile` on `snapshot` says.
fn planned(profile: &str, snapshot: &Snapshot) -> String {
    described(&made(profile, snapshot))
}

const LAPTOP: &str = "
    link wlan0
    addr wlan0 192.168.7.20/24
    addr wlan0 fd00:7::20/64
    route default via 192.168.7.1 dev wlan0 metric 600 proto 16
    link docker0 kind bridge owner docker
    addr docker0 172.17.0.1/16
    dns wlan0 192.168.7.1 home.arpa
";

const OPENVPN: &str = "
    link tun0 kind tun owner openvpn
    addr tun0 10.8.0.2/24
    route 0.0.0.0/1 via 10.8.0.1 dev tun0 owner openvpn
    route 128.0.0.0/1 via 10.8.0.1 dev tun0 owner openvpn
    route 10.99.0.0/16 via 10.8.0.1 dev tun0 owner openvpn
    dns tun0 10.0.0.53 ~.
";

/// A mesh that takes all traffic, in a table of its own.
const EXIT_NODE: &str = "
    link tailscale0 kind tun owner tailscale
    addr tailscale0 100.101.102.103/32
    rule 5270 lookup 52 owner tailscale
    route default dev tailscale0 table 52 owner tailscale
";

const LINKS: &str = r#"
    link "vpn" optional=#true { match name="tun*" address="10.8.0.0/16"; }
    link "lan" optional=#true { match name="wl*"; }
"#;

const OFFICE: &str = r#"
    dns {
        scope "corp" {
            domains "corp.example.com" "10.in-addr.arpa"
            search "corp.example.com"
            servers "10.0.0.53" "10.0.0.54:5353"
            link "vpn"
        }
    }
    routes {
        keep-localhost
        keep-lan "lan" { also "192.168.50.0/24" via="192.168.7.254"; }
        route "10.0.0.0/8" link="vpn"
        route "172.20.0.0/14" via="192.168.7.254" metric=50
        unreachable "10.66.0.0/16"
    }
"#;

fn laptop(more: &str) -> Snapshot {
    machine(&format!("{LAPTOP}{more}"))
}

#[test]
fn the_office_with_openvpn_up() {
    assert_snapshot!(planned(&format!("{LINKS}{OFFICE}"), &laptop(OPENVPN)));
}

#[test]
fn the_office_with_no_vpn_waits() {
    assert_snapshot!(planned(&format!("{LINKS}{OFFICE}"), &laptop("")));
}

#[test]
fn a_link_that_is_waited_for_is_named_as_the_profile_matches_it() {
    let waits = |more: &str, link: &str| {
        let link = format!("link \"vpn\" optional=#true {{ match {link}; }}");
        let route = "routes { route \"10.0.0.0/8\" link=\"vpn\"; }";
        let plan = made(&format!("{link}\n{route}"), &laptop(more));
        let row = plan.rows.into_iter().next().unwrap();
        assert_eq!(row.standing, Standing::Waiting);
        row.detail
    };
    let tuns = "link tun0 kind tun\n addr tun0 10.9.0.2/24";
    let one = r#"name="tun*" address="10.8.0.0/16""#;
    assert_eq!(
        waits(tuns, one),
        "waits for link vpn: tun0 has no address in 10.8.0.0/16"
    );
    // Of several, none is the one that was meant.
    let tuns = format!("{tuns}\n link tun1 kind tun\n addr tun1 10.7.0.2/24");
    assert_eq!(
        waits(&tuns, one),
        r#"waits for link vpn: none matches name="tun*" address="10.8.0.0/16""#
    );
    assert_eq!(waits("", one), "waits for link vpn: none is named tun*");
    let all = r#"kind="tun" owner="openvpn" gateway="10.8.0.1" mac="02:00:00:00:00:01" default-route=#true"#;
    assert_eq!(
        waits(&tuns, all),
        format!("waits for link vpn: none matches {all}")
    );
}

#[test]
fn the_office_without_a_resolver_is_refused() {
    let mut machine = laptop(OPENVPN);
    machine.resolved = Section::Absent;
    assert_snapshot!(planned(&format!("{LINKS}{OFFICE}"), &machine));
}

/// `machine` with the profile applied.
fn applied(profile: &str, machine: &Snapshot) -> Snapshot {
    let plan = made(profile, machine);
    assert!(!plan.is_refused(), "{}", described(&plan));
    carried_out::carried_out(machine, &plan)
}

const KEEP_LAN: &str = "routes { keep-lan; }";

#[test]
fn what_contradicts_itself_is_refused() {
    let profile = format!(
        "{LINKS} routes {{
            keep-lan \"lan\" {{ also \"192.168.50.0/24\" via=\"192.168.7.254\"; }}
            route \"192.168.50.0/24\" via=\"192.168.7.254\"
            route \"192.168.7.128/25\" via=\"10.8.0.1\"
        }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn what_is_not_carried_out_yet_is_refused_on_its_line() {
    let profile = r#"
        link "lan" { match name="wl*"; }
        link "cafe" { match ssid="cafe"; }
        dns { scope "corp" { domains "corp.example"; servers from="dhcp"; link "lan"; }; }
        containers { keep-local; }
        proxy { http "http://me:s3cret@proxy.example:3128"; export "env"; }
    "#;
    assert_snapshot!(planned(profile, &laptop("")));
}
