//! Routes, their gateways and sources, and the links that they go through.

use insta::assert_snapshot;
use netprof_model::Resource;
use netprof_model::rule::{Family, RuleAction, RuleKey};

use crate::planned::made;
use crate::{EXIT_NODE, LINKS, OPENVPN, laptop, planned};

#[test]
fn a_gateway_behind_a_route_in_netprofs_table_is_reached() {
    let more = format!("{OPENVPN}{EXIT_NODE}");
    let profile = format!(
        "{LINKS} routes {{
            route \"10.9.0.0/24\" link=\"vpn\"
            route \"10.20.0.0/16\" via=\"10.9.0.1\" link=\"vpn\"
        }}"
    );
    assert_snapshot!(planned(&profile, &laptop(&more)));
}

#[test]
fn longer_prefixes_of_main_keep_their_way_beside_netprofs_table() {
    let more = format!(
        "{OPENVPN}{EXIT_NODE}
        route 10.88.0.0/16 dev docker0
        route throw 10.5.0.0/16 table 52"
    );
    let profile = format!(
        "{LINKS} routes {{ route \"10.0.0.0/8\" link=\"vpn\"; route \"10.5.0.0/16\" link=\"vpn\"; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(&more)));
}

#[test]
fn a_gateway_may_be_reached_by_a_route_of_the_profile() {
    let profile = format!(
        "{LINKS} routes {{
            route \"10.200.0.0/16\" via=\"10.150.0.1\"
            route \"10.150.0.1/32\" link=\"vpn\"
        }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn a_route_goes_where_policy_routing_does_not_pass_it_by() {
    let more = format!("{OPENVPN}{EXIT_NODE}");
    let profile = format!("{LINKS} routes {{ route \"10.0.0.0/8\" link=\"vpn\"; }}");
    assert_snapshot!(planned(&profile, &laptop(&more)));
}

/// The kernel's rule leads to both routes: it is the other line of the profile that wins.
#[test]
fn a_route_that_another_of_the_profile_wins_over_is_refused_with_that() {
    let profile = format!(
        "{LINKS} routes {{
            unreachable \"10.0.0.0/8\"
            route \"10.0.0.0/8\" link=\"vpn\" metric=3
        }}"
    );
    let text = planned(&profile, &laptop(OPENVPN));
    let lost = "route 10.0.0.0/8: packets to 10.0.0.1 would still be dropped, by the unreachable route to 10.0.0.0/8 of netprof, in main\n";
    assert!(text.contains(lost), "{text}");
}

/// Each has a rule of its own; the one behind those is for all, and does not say why for each.
#[test]
fn of_many_routes_into_netprofs_table_the_rule_for_all_names_few() {
    let routes: String = (0..100)
        .map(|n| format!("route \"10.20.{n}.0/24\" link=\"vpn\"\n"))
        .collect();
    let profile = format!("{LINKS} routes {{ {routes} route \"fd00:9::/48\" link=\"vpn\"; }}");
    let more = "rule6 5270 lookup 52 owner tailscale
        route default6 dev tailscale0 table 52 owner tailscale";
    let plan = made(&profile, &laptop(&format!("{OPENVPN}{EXIT_NODE}{more}")));
    let for_all = |family| {
        let rule = RuleKey::new(family, 119, RuleAction::Lookup(28272));
        let rule = Resource::Rule(Box::new(rule));
        let mut changes = plan.changes.iter().filter(|one| one.resource == rule);
        let reasons = &changes.next().unwrap().reasons;
        assert_eq!(changes.next(), None);
        let reasons = reasons.iter().map(|reason| reason.text.as_ref());
        reasons.collect::<Vec<_>>()
    };
    let taken = |net: &str, all: &str| {
        format!(
            "in main, packets to {net} would go through tailscale0, by the route to {all} of tailscale, led to by rule 5270: from all lookup 52"
        )
    };
    assert_eq!(
        for_all(Family::V4),
        [
            "route",
            &taken("10.20.0.0/24", "0.0.0.0/0"),
            "route",
            &taken("10.20.1.0/24", "0.0.0.0/0"),
            "and for 98 more routes",
        ]
    );
    assert_eq!(
        for_all(Family::V6),
        ["route", &taken("fd00:9::/48", "::/0")]
    );
}

#[test]
fn a_route_through_a_vrf_is_warned_of() {
    let more = "link vrf0 kind vrf index 7
        link eth1 master 7
        addr eth1 172.20.0.2/24
        link eth2
        addr eth2 172.21.0.2/24";
    let warned = |name: &str| {
        let profile = format!(
            "link \"out\" {{ match name=\"{name}\"; }}
             routes {{ route \"10.50.0.1/32\" link=\"out\"; }}"
        );
        planned(&profile, &laptop(more)).contains("warning plan::vrf")
    };
    assert!(warned("eth1") && warned("vrf0"));
    assert!(!warned("eth2") && !warned("wlan0"));
}

#[test]
fn a_taken_key_is_refused_or_replaced() {
    let more = format!(
        "{OPENVPN}
        route 10.1.0.0/16 via 192.168.7.9 dev wlan0
        route 10.2.0.0/16 via 192.168.7.9 dev wlan0
        route 10.3.0.0/16 dev tun0"
    );
    let profile = format!(
        "{LINKS} routes {{
            route \"10.1.0.0/16\" link=\"vpn\"
            route \"10.2.0.0/16\" link=\"vpn\" replace=#true
            route \"10.3.0.0/16\" link=\"vpn\"
            route \"172.17.0.0/16\" link=\"vpn\" replace=#true
        }}"
    );
    assert_snapshot!(planned(&profile, &laptop(&more)));
}

#[test]
fn gateways_and_sources_that_are_not_there_are_refused() {
    let profile = format!(
        "{LINKS} routes {{
            route \"10.1.0.0/16\" via=\"10.77.0.1\"
            route \"10.2.0.0/16\" via=\"192.168.7.1\" link=\"vpn\"
            route \"10.3.0.0/16\" via=\"192.168.7.20\"
            route \"10.4.0.0/16\" link=\"vpn\" src=\"10.8.0.77\"
            route \"fd00:9::/48\" via=\"fe80::1\" link=\"lan\"
        }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn a_link_that_matches_nothing_or_twice_is_refused() {
    let profile = r#"
        link "gone" { match name="wwan*"; }
        link "any" { match kind="tun"; }
        routes {
            route "10.1.0.0/16" link="gone"
            route "10.2.0.0/16" link="any"
            unreachable "10.3.0.0/16"
        }"#;
    let more = format!("{OPENVPN} link tun1 kind tun\n addr tun1 10.9.0.2/24");
    assert_snapshot!(planned(profile, &laptop(&more)));
}

#[test]
fn a_route_into_the_network_of_containers_names_both_owners() {
    let shadowing = format!(
        "{LINKS} routes {{
            route \"172.17.128.0/17\" link=\"vpn\"
            route \"172.17.0.0/16\" link=\"vpn\"
            route \"172.16.0.0/12\" link=\"vpn\"
        }}"
    );
    assert_snapshot!(planned(&shadowing, &laptop(OPENVPN)));
}
