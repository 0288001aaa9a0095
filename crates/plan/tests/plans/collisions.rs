//! Addresses that containers and somebody else have.

use std::collections::BTreeMap;
use std::fmt::Write;

use insta::assert_snapshot;
use netprof_model::engine::{Engine, EngineDaemon, EngineKind, EngineNetworks, EnginePool};
use netprof_model::{Section, Snapshot};

use crate::machine::machine;
use crate::planned::made;
use crate::{OPENVPN, laptop};

/// A mesh with a subnet and a machine in its own table, which nothing but its rule leads to.
const TAILSCALE: &str = "
    link tailscale0 kind tun owner tailscale
    addr tailscale0 100.101.102.103/32
    rule 5270 lookup 52 owner tailscale
    route 100.64.0.0/10 dev tailscale0 table 52 owner tailscale
    route 172.17.4.0/24 dev tailscale0 table 52 owner tailscale
    route 10.88.3.3/32 dev tailscale0 table 52 owner tailscale
";

const PODMAN: &str = "link podman0 kind bridge owner podman\n addr podman0 10.88.0.1/16\n";

/// What is said of collisions.
fn said(profile: &str, snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for one in made(profile, snapshot).diagnostics {
        if matches!(
            &*one.code,
            "plan::collision" | "plan::takes-from-containers"
        ) {
            let line = one.location.map_or(0, |at| at.line);
            let _ = writeln!(
                text,
                "{} (line {line}, owner {}): {}",
                one.severity,
                one.owner.unwrap_or_default(),
                one.message
            );
            let _ = writeln!(text, "    {}", one.help.unwrap_or_default());
        }
    }
    text
}

#[test]
fn what_lies_over_live_networks_is_told_with_both_owners() {
    let vpn = format!(
        "{OPENVPN} {TAILSCALE} {PODMAN}
        route 172.16.0.0/12 via 10.8.0.1 dev tun0 owner openvpn
        route 10.88.3.0/24 dev tun0 table 4711 owner openvpn
        link lxdbr0 kind bridge owner lxd
        addr lxdbr0 fd42:1:2:3::1/64
        route fd42:1::/32 dev tun0 owner openvpn
        link virbr0 kind bridge owner libvirt
        addr virbr0 192.168.122.1/24
        link br-0123456789ab kind bridge owner docker
        addr br-0123456789ab 192.168.0.1/20"
    );
    assert_snapshot!(said("containers { keep-local; }", &laptop(&vpn)));
}

#[test]
fn the_way_out_is_no_collision() {
    let vpn = format!(
        "{OPENVPN}\n route 128.0.0.0/2 dev tun0\n route 172.0.0.0/6 dev tun0\n route default6 dev tun0\n route 8000::/1 dev tun0"
    );
    let profile = r#"containers { keep-local; docker { pool "10.200.0.0/16" size=24; }; }"#;
    assert_eq!(said(profile, &laptop(&vpn)), "");
}

#[test]
fn nothing_is_said_where_a_profile_says_nothing_of_containers() {
    let vpn = format!("{OPENVPN} route 172.16.0.0/12 via 10.8.0.1 dev tun0 owner openvpn");
    assert_eq!(said("routes { keep-lan; }", &laptop(&vpn)), "");
}

#[test]
fn what_is_declared_is_told_at_its_line() {
    let profile = r#"containers {
        docker { bridge "100.64.9.1/24"; pool "10.88.0.0/15" size=24; }
        podman { pool "172.17.0.0/24" size=26; subnet "192.168.7.128/25"; }
    }"#;
    let more = format!("{OPENVPN} {TAILSCALE} {PODMAN}");
    assert_snapshot!(said(profile, &laptop(&more)));
}

#[test]
fn what_the_profile_asks_for_twice_is_an_error() {
    let profile = r#"
        link "vpn" { match name="tun*"; }
        link "engine" { match name="docker0"; }
        dns {
            scope "corp" { domains "corp.example"; servers "172.31.0.53"; link "vpn"; }
            scope "box" { domains "box.example"; servers "172.31.0.54"; link "engine"; }
            scope "any" { domains "any.example"; servers "172.31.0.55"; }
        }
        routes {
            keep-lan { also "192.168.50.0/24"; }
            route "10.99.7.0/24" link="vpn"
            route "10.98.0.0/15" link="vpn"
            route "10.60.5.0/24" via="10.60.0.9"
        }
        containers {
            docker {
                pool "172.31.0.0/16" size=24
                pool "10.99.0.0/16" size=24
                pool "10.60.0.0/16" size=24
            }
            podman { pool "192.168.0.0/16" size=24; }
        }
    "#;
    let vpn = format!(
        "{OPENVPN} link br-0123456789ab kind bridge owner docker\n addr br-0123456789ab 10.60.0.1/24"
    );
    assert_snapshot!(said(profile, &laptop(&vpn)));
}

#[test]
fn a_thousand_routes_are_one_warning() {
    let mut vpn = OPENVPN.to_owned();
    for n in 0..1000 {
        let dev = n % 7;
        let _ = writeln!(
            vpn,
            "route 172.17.{}.{}/30 dev tun{dev} table {}",
            n / 60,
            n % 60 * 4,
            n % 3 + 100
        );
    }
    assert_snapshot!(said("containers { keep-local; }", &laptop(&vpn)));
}

#[test]
fn where_nothing_is_free_a_smaller_one_is_asked_for() {
    let vpn = format!(
        "{OPENVPN} route 10.0.0.0/8 dev tun0\n route 172.16.0.0/12 dev tun0\n route 192.168.0.0/17 dev tun0\n route 192.168.128.0/18 dev tun0"
    );
    let profile = r#"containers { docker { pool "172.20.0.0/16" size=24; pool "10.7.0.0/18" size=24; pool "10.8.0.0/18" size=24; }; }"#;
    assert_snapshot!(said(profile, &laptop(&vpn)));
}

#[test]
fn what_is_proposed_is_proposed_once() {
    let more =
        "link tun0 kind tun owner openvpn\n addr tun0 10.8.0.2/24\n route 172.16.0.0/12 dev tun0";
    let bridges = "
        link docker0 kind bridge owner docker
        addr docker0 172.17.0.1/16
        link br-0123456789ab kind bridge owner docker
        addr br-0123456789ab 172.18.0.1/16";
    assert_snapshot!(said(
        "containers { keep-local; }",
        &machine(&format!("{more}{bridges}"))
    ));
}

#[test]
fn a_wider_route_of_the_profile_hides_what_it_leads_to() {
    let profile = r#"
        link "vpn" { match name="tun*"; }
        routes { route "172.16.0.0/12" link="vpn"; route "172.17.128.0/17" link="vpn"; }
        containers { docker { pool "172.31.0.0/16" size=24; }; }
    "#;
    assert_snapshot!(said(profile, &laptop(OPENVPN)));
}

/// Docker as somebody else has told it, and one of a user's.
fn docker(user: Option<&str>, pools: &[&str]) -> Engine {
    let pool = |base: &&str| EnginePool {
        base: base.parse().unwrap(),
        size: 24,
    };
    Engine {
        kind: EngineKind::Docker,
        user: user.map(str::to_owned),
        file: "/etc/docker/daemon.json".to_owned(),
        unreachable: None,
        beside: BTreeMap::new(),
        later: Vec::new(),
        daemon: Section::Seen(EngineDaemon {
            pid: 7,
            flags: Vec::new(),
            networks: Section::Seen(EngineNetworks {
                bridge: Some("10.8.0.129/25".parse().unwrap()),
                pools: pools.iter().map(pool).collect(),
            }),
            containers: Section::Unread,
        }),
    }
}

#[test]
fn a_daemon_that_somebody_has_told_its_pools_is_told_of_too() {
    // One of its pools has become a network by now.
    let vpn = format!("{OPENVPN} route 172.17.0.0/24 dev tun0 owner openvpn");
    let mut laptop = laptop(&vpn);
    laptop.engines = Section::Seen(vec![
        docker(None, &["172.17.0.0/16", "10.99.128.0/17"]),
        docker(Some("anna"), &["10.99.0.0/17"]),
    ]);
    let profile = r#"
        link "vpn" { match name="tun*"; }
        routes { route "10.99.129.0/24" link="vpn"; }
        containers { keep-local; }
    "#;
    // What the profile says in its place is another matter, and so is a user's.
    let told = r#"containers { keep-local; docker { pool "10.55.0.0/16" size=24; }; }"#;
    assert_snapshot!(format!(
        "{}--- told anew\n{}",
        said(profile, &laptop),
        said(told, &laptop)
    ));
}
