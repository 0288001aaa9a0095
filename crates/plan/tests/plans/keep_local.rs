//! What is kept of the networks of container engines, and of the pools that they are cut
//! from.

use insta::assert_snapshot;
use netprof_model::Snapshot;
use netprof_model::plan::Standing;
use netprof_model::resource::Resource;
use netprof_model::route::{Protocol, Route};
use netprof_plan::{Bearing, drift};

use crate::carried_out::carried_out;
use crate::machine;
use crate::planned::{described, made};
use crate::{EXIT_NODE, OPENVPN, laptop};

const KEEP_LOCAL: &str = "containers { keep-local; }";

/// The plan of `profile` on `snapshot`, as far as it is about routes: what becomes of the
/// engines themselves, and what collides, is told elsewhere.
fn planned(profile: &str, snapshot: &Snapshot) -> String {
    let mut plan = made(profile, snapshot);
    plan.changes
        .retain(|one| matches!(one.resource, Resource::Route(_) | Resource::Rule(_)));
    plan.rows
        .retain(|row| row.subject.starts_with("keep-") || row.standing == Standing::Unchanged);
    plan.diagnostics.retain(|one| {
        let elsewhere = ["not-carried-out", "collision", "takes-from-containers"];
        let code = one.code.trim_start_matches("plan::");
        !elsewhere.contains(&code)
    });
    described(&plan)
}

/// A network of each engine, one of them of IPv6 as well.
const ENGINES: &str = "
    link podman0 kind bridge owner podman
    addr podman0 10.88.0.1/16
    link virbr0 kind bridge owner libvirt
    addr virbr0 192.168.122.1/24
    link lxdbr0 kind bridge owner lxd
    addr lxdbr0 10.171.5.1/24
    addr lxdbr0 fd42:1:2:3::1/64
    link br-lab kind bridge
    addr br-lab 10.172.0.1/24
";

#[test]
fn every_engines_network_is_kept() {
    assert_snapshot!(planned(
        KEEP_LOCAL,
        &laptop(&format!("{ENGINES} {EXIT_NODE}"))
    ));
}

#[test]
fn a_route_in_main_that_ties_or_beats_needs_a_copy() {
    let vpn = format!(
        "{OPENVPN} {ENGINES}
        route 172.17.0.0/24 via 10.8.0.1 dev tun0 owner openvpn
        route 10.171.5.0/24 via 10.8.0.1 dev tun0 owner openvpn"
    );
    assert_snapshot!(planned(KEEP_LOCAL, &laptop(&vpn)));
}

#[test]
fn a_pool_is_kept_for_what_appears_in_it_later() {
    let profile = r#"containers {
        keep-local
        docker { bridge "172.30.0.1/24"; pool "172.31.0.0/16" size=24; pool "172.17.0.0/16" size=24; }
        podman { subnet "fd00:50::/64"; }
    }"#;
    // One network is in a pool, and needs no rule of its own; another one is in none.
    let more = format!(
        "{EXIT_NODE} link br-0123456789ab kind bridge owner docker\n addr br-0123456789ab 10.60.0.1/24"
    );
    assert_snapshot!(planned(profile, &laptop(&more)));
}

#[test]
fn a_network_in_a_pool_that_needs_a_copy_is_asked_for_before_the_pool() {
    let profile = r#"containers { keep-local; docker { pool "172.16.0.0/12" size=24; }; }"#;
    let vpn = format!("{OPENVPN} route 172.17.128.0/17 via 10.8.0.1 dev tun0 owner openvpn");
    assert_snapshot!(planned(profile, &laptop(&vpn)));
}

#[test]
fn without_any_network_it_waits() {
    assert_snapshot!(planned(KEEP_LOCAL, &machine::machine("link wlan0")));
}

#[test]
fn beside_a_lan_each_keeps_its_own() {
    // The LAN lies in the engine's network, and a bridge is both.
    let more = "
        link br-0123456789ab kind bridge owner docker
        addr br-0123456789ab 192.168.0.1/20
        link virbr1 kind bridge owner libvirt index 40
        addr virbr1 10.77.0.1/24
        link enp1s0 master 40
    ";
    let vpn = format!("{OPENVPN} {more} route 192.168.7.0/25 via 10.8.0.1 dev tun0 owner openvpn");
    let profile = "routes { keep-lan; }\n containers { keep-local; }";
    assert_snapshot!(planned(profile, &laptop(&vpn)));
}

#[test]
fn public_and_wide_networks_are_the_hosts_own_choice() {
    let more = "
        link podman1 kind bridge owner podman
        addr podman1 198.51.100.1/24
        addr podman1 2001:db8:5::1/64
        addr podman1 10.0.0.1/8
    ";
    assert_snapshot!(planned(KEEP_LOCAL, &laptop(more)));
}

#[test]
fn a_bridge_whose_route_is_passed_by_is_kept_and_promises_nothing() {
    // As with net.ipv4.conf.all.ignore_routes_with_linkdown, while no container runs.
    let mut laptop = laptop(EXIT_NODE);
    for route in machine::items(&mut laptop.routes) {
        if route.goes_through("docker0") {
            route.live.dead = true;
        }
    }
    assert_snapshot!(planned(KEEP_LOCAL, &laptop));
}

#[test]
fn a_server_or_a_route_of_another_link_in_a_kept_network_is_refused() {
    let profile = r#"
        link "vpn" { match name="tun*"; }
        link "engine" { match name="docker0"; }
        dns {
            scope "corp" { domains "corp.example"; servers "172.17.0.53"; link "vpn"; }
            scope "box" { domains "box.example"; servers "172.17.0.54"; link "engine"; }
        }
        routes {
            route "172.17.64.0/18" link="vpn"
            route "172.16.0.0/12" link="vpn"
        }
        containers { keep-local; }
    "#;
    assert_snapshot!(planned(profile, &laptop(OPENVPN)));
}

#[test]
fn a_copy_whose_bridge_has_left_is_stale() {
    let vpn = format!("{OPENVPN} route 172.17.128.0/17 via 10.8.0.1 dev tun0 owner openvpn");
    let base = laptop(&vpn);
    let mut done = carried_out(&base, &made(KEEP_LOCAL, &base));
    let stale = |machine: &Snapshot| -> Vec<String> {
        let all = drift(machine).into_iter();
        all.filter_map(|one| match one.standing {
            Bearing::Stale(why) => Some(why),
            _ => None,
        })
        .collect()
    };
    assert_eq!(stale(&done), [""; 0]);
    // Docker has given its bridge another network.
    machine::items(&mut done.addresses).retain(|one| one.dev != "docker0");
    let is_left =
        |route: &Route| route.spec.protocol == Protocol::KERNEL && route.goes_through("docker0");
    machine::items(&mut done.routes).retain(|route| !is_left(route));
    assert_eq!(
        stale(&done),
        ["docker0 has left 172.17.0.0/16: packets to it are still captured"]
    );
}
