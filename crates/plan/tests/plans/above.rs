//! What stands above routing: IPsec policies, firewalls, rules and routes that drop.

use insta::assert_snapshot;
use netprof_model::firewall::Rules;
use netprof_model::route::{Protocol, Route};
use netprof_model::snapshot::{BaseChain, XfrmPolicy};
use netprof_model::{Owner, Section, Severity, Snapshot};
use netprof_plan::{above, need};

use crate::carried_out;
use crate::machine;
use crate::planned::made;
use crate::{EXIT_NODE, KEEP_LAN, laptop, planned};

/// A road warrior's, without an address of its own.
fn policy_for_all() -> XfrmPolicy {
    XfrmPolicy {
        direction: "out".to_owned(),
        from: "0.0.0.0/0".parse().unwrap(),
        to: "0.0.0.0/0".parse().unwrap(),
        action: "allow".to_owned(),
        transforms: true,
        priority: 371_327,
        if_id: 0,
        selective: false,
        reqid: Some(1),
        owner: Owner::Strongswan,
        evidence: Vec::new(),
    }
}

/// One that lets packets within the LAN pass.
fn policy_that_passes_the_lan() -> XfrmPolicy {
    XfrmPolicy {
        from: "192.168.7.0/24".parse().unwrap(),
        to: "192.168.7.0/24".parse().unwrap(),
        transforms: false,
        priority: 175_423,
        ..policy_for_all()
    }
}

/// The codes of what is said of `KEEP_LAN` beside these policies.
fn said_of(policies: Vec<XfrmPolicy>) -> Vec<String> {
    let mut machine = laptop("");
    machine.xfrm = Section::Seen(policies);
    let text = planned(KEEP_LAN, &machine);
    let lines = text.lines().filter(|line| line.contains("plan::"));
    let code = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
    lines.map(code).collect()
}

#[test]
fn an_ipsec_policy_counts_for_the_packets_that_it_holds_for() {
    assert_eq!(said_of(vec![policy_for_all()]), ["plan::ipsec-policy"]);
    let none: [String; 0] = [];
    // Of a tunnel that is a link: what is not routed into it stays out.
    let of_a_link = XfrmPolicy {
        if_id: 42,
        ..policy_for_all()
    };
    assert_eq!(said_of(vec![of_a_link.clone()]), none);
    assert_eq!(
        said_of(vec![policy_for_all(), policy_that_passes_the_lan()]),
        none
    );
    // What passes in a link does not pass outside, and what passes in part does not
    // pass all.
    for passes in [
        XfrmPolicy {
            if_id: 42,
            ..policy_that_passes_the_lan()
        },
        XfrmPolicy {
            selective: true,
            ..policy_that_passes_the_lan()
        },
        XfrmPolicy {
            to: "192.168.7.0/25".parse().unwrap(),
            ..policy_that_passes_the_lan()
        },
    ] {
        assert_eq!(
            said_of(vec![passes, policy_for_all()]),
            ["plan::ipsec-policy"]
        );
    }
    // What takes a part is said, unless the rest is taken anyway, or all passes before.
    let part = XfrmPolicy {
        selective: true,
        ..policy_for_all()
    };
    assert_eq!(said_of(vec![part.clone()]), ["plan::selective-policy"]);
    assert_eq!(
        said_of(vec![part.clone(), policy_for_all()]),
        ["plan::ipsec-policy"]
    );
    assert_eq!(said_of(vec![part, policy_that_passes_the_lan()]), none);
}

#[test]
fn an_ipsec_policy_and_a_kill_switch_are_named() {
    let mut machine = laptop("");
    machine.xfrm = Section::Seen(vec![policy_for_all()]);
    machine.firewall = Section::Seen(vec![BaseChain {
        family: "inet".to_owned(),
        table: "mullvad".to_owned(),
        chain: "output".to_owned(),
        hook: "output".to_owned(),
        priority: 0,
        policy_drops: true,
        rules_drop: false,
        rules: None,
        owner: Owner::Mullvad,
        evidence: Vec::new(),
    }]);
    assert_snapshot!(planned(KEEP_LAN, &machine));
}

/// `machine` with a firewall that lets nothing out.
fn shut(machine: &Snapshot) -> Snapshot {
    let chain = BaseChain {
        family: "inet".to_owned(),
        table: "mullvad".to_owned(),
        chain: "output".to_owned(),
        hook: "output".to_owned(),
        priority: 0,
        policy_drops: true,
        rules_drop: false,
        rules: Some(Rules::default()),
        owner: Owner::Mullvad,
        evidence: Vec::new(),
    };
    Snapshot {
        firewall: Section::Seen(vec![chain]),
        ..machine.clone()
    }
}

/// What stands above what is held: each as its code and the network in its message.
fn stands_above(machine: &Snapshot) -> Vec<String> {
    above(machine).into_iter().map(|one| one.message).collect()
}

const CUT_OFF: [&str; 2] = [
    "packets to 192.168.7.0/24 would be dropped by the policy of nft chain inet mullvad output of mullvad",
    "packets to fd00:7::/64 would be dropped by the policy of nft chain inet mullvad output of mullvad",
];

/// The profile is not needed: what is held tells which networks are kept.
#[test]
fn a_kill_switch_that_came_later_is_seen_without_the_profile() {
    // As a rule alone, and as a copy of what main has.
    for more in [
        "",
        "route 192.168.7.0/25 dev tun0\nroute fd00:7::/65 dev tun0",
    ] {
        let base = laptop(&format!(
            "link tun0 kind tun\naddr tun0 10.8.0.2/24\n{more}"
        ));
        let done = shut(&carried_out::carried_out(&base, &made(KEEP_LAN, &base)));
        assert_eq!(stands_above(&done), CUT_OFF, "{more}");
        let need = need(None, done.held());
        let (links, addresses) = (done.links.items(), done.addresses.items());
        let read = need
            .sieve(links, addresses, done.rules.items())
            .read(|sieve| {
                let mut routes = done.routes.items().to_vec();
                routes.retain(|route| {
                    sieve.takes(route.key.dst, route.key.table, route.spec.protocol)
                });
                Ok::<_, std::convert::Infallible>(routes)
            });
        let seen = Snapshot {
            routes: Section::Seen(read.unwrap()),
            ..done.clone()
        };
        assert_eq!(stands_above(&seen), CUT_OFF, "{more}");
    }
}

/// Of a pool, those are cut off that are in it by then.
#[test]
fn a_kill_switch_before_containers_is_seen_too() {
    let base = laptop("link podman0 kind bridge owner podman\naddr podman0 10.88.0.1/16");
    let profile = r#"containers { keep-local; docker { pool "172.16.0.0/12" size=24; }; }"#;
    let mut plan = made(profile, &base);
    plan.diagnostics.clear();
    let done = carried_out::carried_out(&base, &plan);
    let cut_off = |network: &str| {
        format!(
            "packets to {network} would be dropped by the policy of nft chain inet mullvad output of mullvad"
        )
    };
    let (podman, docker) = (cut_off("10.88.0.0/16"), cut_off("172.17.0.0/16"));
    assert_eq!(stands_above(&shut(&done)), [podman.clone(), docker.clone()]);
    let mut later = done.clone();
    let more = machine::machine(
        "link br-0123456789ab kind bridge owner docker index 30\naddr br-0123456789ab 172.29.0.1/24",
    );
    machine::items(&mut later.links).push(more.link("br-0123456789ab").unwrap().clone());
    let addresses = more.addresses.items().iter();
    let addresses = addresses
        .filter(|one| one.dev == "br-0123456789ab")
        .cloned();
    machine::items(&mut later.addresses).extend(addresses);
    let is_new = |route: &&Route| route.goes_through("br-0123456789ab");
    let routes = more.routes.items().iter().filter(is_new).cloned();
    machine::items(&mut later.routes).extend(routes);
    let new = cut_off("172.29.0.0/24");
    assert_eq!(stands_above(&shut(&later)), [podman, docker, new]);
}

#[test]
fn of_a_network_that_was_left_no_kill_switch_is_named() {
    for more in [
        "",
        "route 192.168.7.0/25 dev tun0\nroute fd00:7::/65 dev tun0",
    ] {
        let base = laptop(&format!(
            "link tun0 kind tun\naddr tun0 10.8.0.2/24\n{more}"
        ));
        let mut done = shut(&carried_out::carried_out(&base, &made(KEEP_LAN, &base)));
        machine::items(&mut done.addresses).retain(|one| one.dev != "wlan0");
        let is_left =
            |route: &Route| route.spec.protocol == Protocol::KERNEL && route.goes_through("wlan0");
        machine::items(&mut done.routes).retain(|route| !is_left(route));
        assert_eq!(stands_above(&done), [""; 0], "{more}");
    }
}

/// Rule 118 has a `to` as well, and makes way for what main has longer prefixes for.
#[test]
fn a_single_route_is_no_network_that_is_kept() {
    let vpn =
        "link tun0 kind tun owner openvpn\naddr tun0 10.8.0.2/24\nroute 10.64.0.0/24 dev wlan0";
    let base = laptop(&format!("{EXIT_NODE}{vpn}"));
    let plan = made(
        r#"link "vpn" { match name="tun*"; }
        routes { route "10.64.0.0/16" link="vpn"; }"#,
        &base,
    );
    let rules = plan
        .changes
        .iter()
        .map(|change| change.resource.to_string());
    assert!(
        rules
            .clone()
            .any(|rule| rule.contains("118 to 10.64.0.0/16")),
        "{:?}",
        rules.collect::<Vec<_>>()
    );
    let done = shut(&carried_out::carried_out(&base, &plan));
    assert_eq!(stands_above(&done), [""; 0]);
}

#[test]
fn a_firewall_that_cannot_be_read_is_noted_once() {
    let base = laptop("");
    let mut done = carried_out::carried_out(&base, &made(KEEP_LAN, &base));
    done.privileged = false;
    done.firewall = Section::Unreadable("needs root".to_owned());
    let said = above(&done);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(
        (said[0].code.as_ref(), said[0].severity),
        ("plan::unreadable", Severity::Note)
    );
    done.held = Section::Absent;
    assert_eq!(above(&done), []);
}

/// Kill switches that are rules and routes instead of chains.
#[test]
fn rules_and_routes_that_drop_are_named_with_their_owner() {
    for (machine, taken) in [
        (
            "rule 100 unreachable owner tailscale",
            "be dropped by rule 100 of tailscale: from all unreachable",
        ),
        (
            "rule 100 not fwmark 7 lookup 7 owner wg-quick
             route unreachable default table 7 owner wg-quick",
            "be dropped, by the unreachable route to 0.0.0.0/0 of wg-quick, led to by rule 100: not fwmark 0x7/0xffffffff lookup 7",
        ),
        (
            "rule 100 lookup 52 owner tailscale
             route blackhole 192.168.7.0/24 table 52 owner tailscale",
            "be dropped, by the blackhole route to 192.168.7.0/24 of tailscale, led to by rule 100: from all lookup 52",
        ),
        (
            "rule 100 to 192.168.0.0/16 unreachable owner mullvad",
            "be dropped by rule 100 of mullvad: to 192.168.0.0/16 unreachable",
        ),
    ] {
        let text = planned(KEEP_LAN, &laptop(machine));
        assert!(text.contains(taken), "{machine}: {text}");
    }
    // Those are asked for the VPN's own packets alone, or after netprof's rules.
    for machine in [
        "rule 5250 fwmark 524288 unreachable owner tailscale",
        "rule 32000 unreachable owner mullvad",
        "route unreachable default metric 5 owner mullvad",
    ] {
        let text = planned(KEEP_LAN, &laptop(machine));
        assert!(!text.contains("error"), "{machine}: {text}");
    }
}

#[test]
fn without_root_the_plan_says_what_it_could_not_see() {
    let mut machine = laptop("");
    machine.privileged = false;
    machine.xfrm = Section::Unreadable("Operation not permitted".to_owned());
    machine.firewall = Section::Unreadable("Operation not permitted".to_owned());
    assert_snapshot!(planned(KEEP_LAN, &machine));
}

#[test]
fn as_root_the_plan_says_why_filters_could_not_be_read() {
    let mut machine = laptop("");
    let changed = "cannot read the nft ruleset: it changed each time while it was read";
    machine.firewall = Section::Unreadable(changed.to_owned());
    let text = planned(KEEP_LAN, &machine);
    let warning = format!("a kill switch of nft would not be seen: {changed}");
    assert!(text.contains("warning plan::unreadable"), "{text}");
    assert!(text.contains(&warning), "{text}");
    assert!(!text.contains("root") && !text.contains("IPsec"), "{text}");
}
