//! Whose things are, and how that was found out.

use serde_json::Value;

use crate::harness::{Lab, Office, Tailscale, Tun, WgQuick};

fn found<'a>(snapshot: &'a Value, section: &str, is: impl Fn(&Value) -> bool) -> &'a Value {
    let all = snapshot["snapshot"][section]["value"].as_array().unwrap();
    all.iter()
        .find(|one| is(one))
        .unwrap_or_else(|| panic!("none in {section}: {all:#?}"))
}

fn link<'a>(snapshot: &'a Value, name: &str) -> &'a Value {
    found(snapshot, "links", |link| link["name"] == name)
}

/// The kinds of the clues that told whose something is, in order.
fn kinds(of: &Value) -> Vec<&str> {
    let clues = of["evidence"].as_array();
    let kinds = clues.into_iter().flatten();
    kinds.filter_map(|clue| clue["kind"].as_str()).collect()
}

pub(crate) fn owners_are_told_by_what_programs_leave(lab: &Lab) {
    let _office = Office::new(lab);
    let _wg = WgQuick::up(lab);
    let _tailscale = Tailscale::up(lab);
    let _nobodys = Tun::new(lab, "tun7");
    let snapshot = lab.netprof("--json snapshot").exits(0).json();
    for (name, owner, by) in [
        ("lo", "kernel", &["kind"][..]),
        ("wg0", "wg-quick", &["partner"]),
        ("tailscale0", "tailscale", &["partner"]),
        ("tun7", "unknown", &[]),
        ("lan0", "unknown", &[]),
    ] {
        let link = link(&snapshot, name);
        assert_eq!(link["owner"], owner, "{link:#}");
        assert_eq!(kinds(link), by, "{link:#}");
    }
    for (priority, owner, by) in [
        (0, "kernel", "protocol"),
        (32764, "wg-quick", "partner"),
        (32765, "wg-quick", "mark"),
        (5270, "tailscale", "priority"),
    ] {
        let rule = found(&snapshot, "rules", |rule| rule["priority"] == priority);
        assert_eq!(rule["owner"], owner, "{rule:#}");
        assert_eq!(kinds(rule), [by], "{rule:#}");
    }
    let route = found(&snapshot, "routes", |route| {
        route["dst"] == "192.168.88.0/24"
    });
    assert_eq!(
        (&route["owner"], kinds(route)),
        (&Value::from("user"), vec!["protocol"])
    );
}

pub(crate) fn a_bridge_by_hand_is_not_dockers(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run_each(
        "ip link add docker0 type bridge
         ip link set docker0 address 9e:00:00:00:00:01 up",
    );
    let owner = || {
        let snapshot = lab.netprof("--json snapshot").exits(0).json();
        link(&snapshot, "docker0").clone()
    };
    assert_eq!(owner()["owner"], "unknown");
    lab.feed(
        "nft -f -",
        "table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; }
            chain DOCKER-USER { }; }",
    );
    let link = owner();
    assert_eq!(link["owner"], "docker");
    assert_eq!(kinds(&link), ["name", "chain"], "{link:#}");
}

pub(crate) fn a_bridge_that_dockers_chains_name_is_dockers(lab: &Lab) {
    let _office = Office::new(lab);
    for bridge in ["office", "office6", "named", "mine", "br-0123456789ab"] {
        lab.run(&format!("ip link add {bridge} type bridge"));
        lab.run(&format!(
            "ip link set {bridge} address 9e:00:00:00:00:01 up"
        ));
    }
    lab.feed(
        "nft -f -",
        r#"table ip filter {
            chain FORWARD { type filter hook forward priority filter; policy drop;
                jump DOCKER-USER; jump DOCKER-BRIDGE; jump DOCKER-CT; }
            chain INPUT { type filter hook input priority filter; jump ts-input; iifname "mine" drop; }
            chain ts-input { iifname "tailscale0" accept; }
            chain DOCKER-USER { iifname "mine" accept; }
            chain DOCKER { }
            chain DOCKER-BRIDGE { oifname "office" jump DOCKER; }
            chain DOCKER-CT { oifname "office" ct state established,related accept; }
        }
        table ip6 filter { chain DOCKER { }; chain DOCKER-BRIDGE { oifname "office6" jump DOCKER; }; }
        table ip docker-bridges { chain filter-forward-in__named { }; }"#,
    );
    let snapshot = lab.netprof("--json snapshot").exits(0).json();
    for (name, owner, by) in [
        ("office", "docker", &["chain"][..]),
        ("office6", "docker", &["chain"]),
        ("named", "docker", &["chain"]),
        // In a chain that is for others.
        ("mine", "unknown", &[]),
        ("br-0123456789ab", "docker", &["name", "chain"]),
    ] {
        let link = link(&snapshot, name);
        assert_eq!(link["owner"], owner, "{link:#}");
        assert_eq!(kinds(link), by, "{link:#}");
    }
    // What drops in a chain that many share is not whose chain it leads to beside.
    for (chain, owner) in [("FORWARD", "docker"), ("INPUT", "unknown")] {
        let chain = found(&snapshot, "firewall", |one| one["chain"] == chain);
        assert_eq!(chain["owner"], owner, "{chain:#}");
    }
}

pub(crate) fn a_plan_says_how_owners_were_found(lab: &Lab) {
    let _office = Office::new(lab);
    let _wg = WgQuick::up(lab);
    lab.run("ip route add 198.51.100.0/24 dev wg0");
    lab.write_profile(
        "take",
        r#"profile "take" {
            link "lan" { match name="lan0"; }
            routes { route "198.51.100.0/24" link="lan" replace=#true; }
        }"#,
    );
    let plan = lab.netprof("--json plan take").exits(0).json();
    let change = &plan["changes"][0];
    assert_eq!(change["owner"], "wg-quick", "{plan:#}");
    assert_eq!(kinds(change), ["link"], "{plan:#}");
    assert_eq!(
        change["evidence"][0]["says"],
        "it goes through wg0, which is wg-quick's, and nobody signed it"
    );
    let applied = lab.netprof("--json apply take").exits(0).json();
    assert_eq!(kinds(&applied["changes"][0]), ["link"], "{applied:#}");
    let status = lab.netprof("--json status").exits(0).json();
    assert_eq!(kinds(&status["resources"][0]), ["protocol"], "{status:#}");
    lab.netprof("release").exits(0);
}
