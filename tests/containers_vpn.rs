//! Containers beside a VPN that has their addresses, too: kept where the profile says so, and
//! told with what is free in any case.

use ipnet::IpNet;
use serde_json::Value;

use crate::harness::{
    Docker, Lab, OpenVpn, Picture, PodmanContainer, Settings, Tailscale, VpnSite, until,
};

const KEEP_LOCAL: &str = r#"profile "keep" { containers { keep-local; }; }"#;

/// The tree of the engines has the client, too, if it is recent.
fn needs_openvpn(lab: &Lab) {
    if !std::fs::exists("/usr/sbin/openvpn").unwrap() {
        lab.not_run("the engines tree has no openvpn");
    }
}

/// What a plan says of collisions: each message, and the subnet that its help begins with.
fn collisions(plan: &Value) -> Vec<(String, IpNet)> {
    let said = plan["diagnostics"].as_array().unwrap().iter();
    let said = said.filter(|one| one["code"] == "plan::collision");
    let free = |one: &Value| one["help"].as_str()?.split_once(' ')?.0.parse().ok();
    said.map(|one| {
        let message = one["message"].as_str().unwrap().to_owned();
        (message, free(one).expect("a subnet is proposed"))
    })
    .collect()
}

/// That nobody has an address of `net`, by what ip shows: no route of any table leads into it,
/// and none around it is narrower than half of all there is.
fn assert_free(lab: &Lab, net: IpNet) {
    let routes = |how: &str| {
        let routes = lab.ip(&format!("-4 route show table all {how} {net}"));
        let dst = |route: &Value| route["dst"].as_str().unwrap().to_owned();
        let routes: Vec<String> = routes.as_array().unwrap().iter().map(dst).collect();
        routes
    };
    assert_eq!(routes("root"), Vec::<String>::new());
    let around = routes("match");
    let is_way_out = |dst: &String| dst == "default" || dst.ends_with("/1");
    assert!(around.iter().all(is_way_out), "{around:?}");
}

/// Keeps `container`, which a VPN has taken; as before once that is taken back.
fn keeps(lab: &Lab, container: &str, bridge: &str) {
    assert!(!lab.reaches(container), "{:?}", lab.way_to(container));
    assert_eq!(lab.way_to(container).unwrap().link, "tun0");
    lab.write_profile("keep", KEEP_LOCAL);
    let before = Picture::take(lab);
    lab.netprof("apply keep").exits(0);
    assert!(lab.reaches(container), "{:?}", lab.way_to(container));
    assert_eq!(lab.way_to(container).unwrap().link, bridge);
    // What the VPN has beside the containers, it keeps.
    assert_eq!(lab.way_to("10.99.0.1").unwrap().link, "tun0");
    lab.netprof("plan keep --exit-code").exits(0);
    lab.netprof("status --exit-code").exits(0);
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    assert!(!lab.reaches(container));
}

pub(crate) fn dockers_networks_are_kept_from_what_openvpn_pushes(lab: &Lab) {
    needs_openvpn(lab);
    let site = VpnSite::new(lab);
    let docker = Docker::start_as_it_comes(lab);
    lab.run("docker network create --subnet 172.20.0.0/16 --gateway 172.20.0.1 one");
    let _box = docker.container(lab, "box", "docker0", "172.17.200.2/16", "172.17.0.1");
    assert!(lab.reaches("172.17.200.2"));
    // All of what Docker takes its networks from; and in main a part of one, or as much.
    for beats in [
        None,
        Some("172.17.128.0 255.255.128.0"),
        Some("172.17.0.0 255.255.0.0"),
    ] {
        let mut settings = Settings::split_tunnel().push("route 172.16.0.0 255.240.0.0");
        if let Some(route) = beats {
            settings = settings.push(&format!("route {route}"));
        }
        let vpn = OpenVpn::connect(lab, &site, &settings);
        if beats.is_none() {
            // As a client with a table of its own has it, which is asked before main.
            lab.run_each(
                "ip route add 172.16.0.0/12 dev tun0 table 4711
                 ip rule add pref 5300 lookup 4711",
            );
        }
        keeps(lab, "172.17.200.2", "docker0");

        let said = collisions(&lab.netprof("plan keep --json").exits(0).json());
        let messages: Vec<&str> = said.iter().map(|(message, _)| message.as_str()).collect();
        let [one, other] = messages.as_slice() else {
            panic!("{messages:?}");
        };
        assert!(
            one.starts_with("docker's network 172.17.0.0/16 on docker0 overlaps "),
            "{one}"
        );
        assert!(
            other.starts_with("docker's network 172.20.0.0/16 on br-"),
            "{other}"
        );
        for message in [one, other] {
            assert!(
                message.contains("172.16.0.0/12 (openvpn through tun0"),
                "{message}"
            );
        }
        // What is proposed is free, and Docker agrees.
        for (number, (_, free)) in said.iter().enumerate() {
            assert_free(lab, *free);
            lab.run(&format!(
                "docker network create --subnet {free} free{number}"
            ));
        }
        lab.run("docker network rm free0 free1");
        if beats.is_none() {
            lab.run("ip rule del pref 5300");
        }
        vpn.disconnect();
        until("tun0 is gone", || !lab.succeeds("ip link show tun0"));
        assert!(lab.reaches("172.17.200.2"));
    }
}

pub(crate) fn podmans_network_is_kept_from_what_openvpn_pushes(lab: &Lab) {
    needs_openvpn(lab);
    let site = VpnSite::new(lab);
    let container = PodmanContainer::start(lab);
    let address = container.address();
    assert!(lab.reaches(&address));
    let settings = Settings::split_tunnel().push("route 10.203.0.0 255.255.255.128");
    let _vpn = OpenVpn::connect(lab, &site, &settings);
    keeps(lab, &address, "podman0");
    let said = collisions(&lab.netprof("plan keep --json").exits(0).json());
    let message =
        "podman's network 10.203.0.0/24 on podman0 overlaps 10.203.0.0/25 (openvpn through tun0)";
    assert_eq!(said[0].0, message);
    assert_free(lab, said[0].1);

    // The bridge goes with its last container, and with it what is kept.
    lab.netprof("apply keep").exits(0);
    container.end();
    lab.netprof("status --exit-code").exits(0);
    let waits = lab.netprof("plan keep").exits(0).stdout;
    assert!(
        waits.contains("waits for a network of a container engine"),
        "{waits}"
    );
    lab.netprof("release").exits(0);
}

pub(crate) fn a_bridge_that_appears_in_a_pool_is_reached_at_once(lab: &Lab) {
    let _site = VpnSite::new(lab);
    let docker = Docker::start_as_it_comes(lab);
    let mesh = Tailscale::up(lab);
    mesh.accept_route(lab, "172.16.0.0/12");
    let appears = |name: &'static str, subnet: &str| {
        let number = lab.run(&format!("docker network create --subnet {subnet} {name}"));
        format!("br-{}", &number[..12])
    };
    lab.write_profile(
        "keep",
        r#"profile "keep" { containers { keep-local; docker { pool "172.28.0.0/16" size=24; }; }; }"#,
    );
    lab.netprof("apply keep").exits(0);
    let bridge = appears("inside", "172.28.9.0/24");
    let _box = docker.container(lab, "box", &bridge, "172.28.9.2/24", "172.28.9.1");
    assert!(lab.reaches("172.28.9.2"));
    assert_eq!(lab.way_to("172.28.9.2").unwrap().link, bridge);
    // Nothing is left to do, and what is elsewhere is the VPN's as before.
    lab.netprof("plan keep --exit-code").exits(0);
    lab.netprof("status --exit-code").exits(0);
    appears("outside", "172.29.9.0/24");
    for address in ["172.29.9.2", "172.28.77.2"] {
        assert_eq!(lab.way_to(address).unwrap().link, "tailscale0");
    }
    lab.netprof("release").exits(0);
    assert!(!lab.reaches("172.28.9.2"));
}

/// A bridge without containers has no carrier. Its route is used all the same, unless the
/// kernel is told otherwise; then the VPN has the addresses, which nobody else does.
pub(crate) fn a_bridge_without_containers_is_kept_too(lab: &Lab) {
    let _site = VpnSite::new(lab);
    let _docker = Docker::start_as_it_comes(lab);
    assert_eq!(lab.ip("link show docker0")[0]["operstate"], "DOWN");
    let mesh = Tailscale::up(lab);
    mesh.accept_route(lab, "172.16.0.0/12");
    lab.write_profile("keep", KEEP_LOCAL);
    for (ignored, link) in [(0, "docker0"), (1, "tailscale0")] {
        lab.run(&format!(
            "sysctl -q net.ipv4.conf.all.ignore_routes_with_linkdown={ignored}"
        ));
        assert_eq!(lab.way_to("172.17.0.9").unwrap().link, "tailscale0");
        lab.netprof("apply keep").exits(0);
        assert_eq!(lab.way_to("172.17.0.9").unwrap().link, link);
        lab.netprof("status --exit-code").exits(0);
        lab.netprof("release").exits(0);
    }
}
