//! The profiles of `profiles/`, on a machine that they fit: each holds once applied,
//! shows when any one thing of it goes, and comes off without a trace.
//!
//! One thing cannot be had here: a link without a kind, as hardware has it. `keep-lan`
//! without a name waits for one; `cli.rs` plans the examples for machines that have it.

use std::fs;

use serde_json::Value;

use crate::harness::{Bus, Lab, Peer, Picture, Resolved, Tun, until};

/// Where a test's root has them.
const EXAMPLES: &str = "/usr/local/share/netprof/profiles";

/// A laptop at home on Wi-Fi, with a corporate tunnel that takes all names, and a
/// tunnel to a lab.
struct Laptop<'lab> {
    _router: Peer<'lab>,
    _tunnels: [Tun; 2],
    _resolved: Resolved,
    _bus: Bus,
}

impl<'lab> Laptop<'lab> {
    fn new(lab: &'lab Lab) -> Self {
        lab.run_each(
            "ip link set lo up
             sysctl -qw net.ipv6.conf.default.accept_dad=0
             sysctl -qw net.ipv6.conf.default.accept_ra=0
             sysctl -qw net.ipv6.conf.default.router_solicitations=0",
        );
        let router = Peer::new(lab, "router");
        router.cable("wlan0");
        router.run("ip addr add 192.168.178.1/24 dev eth0");
        let tunnels = ["tun0", "wg0"].map(|name| Tun::new(lab, name));
        lab.run_each(
            "ip addr add 192.168.178.23/24 dev wlan0
             ip addr add 192.168.1.23/24 dev wlan0
             ip addr add fd00:1::23/64 dev wlan0
             ip route add default via 192.168.178.1 metric 600
             ip addr add 10.8.0.2/16 dev tun0
             ip link set tun0 up
             ip addr add 172.20.0.2/24 dev wg0
             ip addr add fd00:20::2/64 dev wg0
             ip link set wg0 up",
        );
        for link in ["wlan0", "tun0", "wg0"] {
            until(&format!("{link} is settled"), || {
                lab.run(&format!("ip -6 route show dev {link}"))
                    .contains("fe80::/64")
                    && !lab
                        .run(&format!("ip -6 addr show dev {link}"))
                        .contains("tentative")
            });
        }
        let bus = Bus::start(lab);
        let resolved = Resolved::start(lab);
        tell_resolver(lab);
        Self {
            _router: router,
            _tunnels: tunnels,
            _resolved: resolved,
            _bus: bus,
        }
    }
}

/// What the clients of these links tell it.
fn tell_resolver(lab: &Lab) {
    lab.run_each(
        "resolvectl dns wlan0 192.168.178.1
         resolvectl dns tun0 10.8.0.1
         resolvectl domain tun0 ~.",
    );
}

fn examples() -> Vec<String> {
    let paths = fs::read_dir(EXAMPLES).unwrap();
    let mut paths: Vec<String> = paths
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no examples in {EXAMPLES}");
    paths
}

/// The command by which somebody takes a resource away. It is written as `plan` and
/// `status` name it: `route4 DST table N ...`, `rule6 PRIORITY SELECTOR ...`.
fn taken_away(resource: &Value) -> String {
    let name = resource["resource"].as_str().unwrap();
    let (what, rest) = name.split_once(' ').unwrap();
    match what {
        "route4" | "route6" => {
            let kind = resource["committed"]["kind"].as_str().unwrap();
            let (rest, _tos) = rest.split_once(" tos").unwrap_or((rest, ""));
            format!("ip -{} route del {kind} {rest}", &what[5..])
        }
        "rule4" | "rule6" => format!("ip -{} rule del pref {rest}", &what[4..]),
        "dns" => format!("resolvectl revert {}", rest.trim_start_matches("link ")),
        other => panic!("{other}: {name}"),
    }
}

pub(crate) fn an_applied_example_holds_and_comes_off(lab: &Lab) {
    let _laptop = Laptop::new(lab);
    let before = Picture::take(lab);
    for example in examples() {
        let applied = lab.netprof(&format!("apply {example} --json")).exits(0);
        let planned = lab.netprof(&format!("plan {example} --exit-code"));
        planned.exits(0);
        lab.netprof("status --exit-code").exits(0);
        let blocked = &applied.json()["summary"]["blocked"];
        assert_eq!(blocked, 0, "{example}");
        lab.netprof("release").exits(0);
        before.assert_same(&Picture::take(lab));
    }
}

pub(crate) fn an_example_shows_when_any_one_thing_of_it_goes(lab: &Lab) {
    let _laptop = Laptop::new(lab);
    let before = Picture::take(lab);
    let mut tried = 0;
    for example in examples() {
        lab.netprof(&format!("apply {example}")).exits(0);
        let status = lab.netprof("status --json").exits(0).json();
        for resource in status["resources"].as_array().unwrap() {
            tried += 1;
            let gone = taken_away(resource);
            lab.run(&gone);
            let planned = lab.netprof(&format!("plan {example} --exit-code --json"));
            let planned = planned.exits(5).json();
            let changes = planned["changes"].as_array().unwrap();
            assert_eq!(changes.len(), 1, "{example}: {gone}: {changes:#?}");
            assert_eq!(changes[0]["resource"], resource["resource"], "{gone}");
            lab.netprof("status --exit-code").exits(5);
            lab.netprof(&format!("apply {example}")).exits(0);
            lab.netprof("status --exit-code").exits(0);
        }
        lab.netprof("release").exits(0);
        // Who resets a link has the last word: that is what a release goes back to.
        tell_resolver(lab);
        before.assert_same(&Picture::take(lab));
    }
    assert!(tried > 10, "only {tried} resources");
}
