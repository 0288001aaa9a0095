//! Plans for machines that people have: each pinned whole, with its refusals.
//!
//! A machine is written in the words of ip(8) and resolvectl(1), a profile in its own
//! language. What a plan says is pinned by a golden file of the test's name; look at a
//! changed one with `cargo insta review`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod machine;
mod planned;

use insta::assert_snapshot;
use machine::machine;
use netprof_model::firewall::Rules;
use netprof_model::plan::Standing;
use netprof_model::resource::Lasts;
use netprof_model::route::{Protocol, Route};
use netprof_model::snapshot::{BaseChain, DnsGlobal, Networkd, XfrmPolicy};
use netprof_model::{Owner, Resource, Section, Severity, Snapshot};
use netprof_plan::{above, need};
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

const KEEP_LAN: &str = "routes { keep-lan; }";

#[test]
fn a_route_inside_the_lan_needs_a_copy() {
    let vpn = format!(
        "{OPENVPN} route 192.168.7.128/25 via 10.8.0.1 dev tun0 owner openvpn\n route 192.168.7.77/32 via 192.168.7.2 dev wlan0"
    );
    assert_snapshot!(planned(KEEP_LAN, &laptop(&vpn)));
}

#[test]
fn keep_lan_without_a_name_means_physical_links() {
    let more = "
        link enp1s0 master 7
        link team0 kind team
        link vlan5 kind vlan
        link bond0 kind bond index 7
        addr bond0 10.20.0.5/24
        link veth0 kind veth
        addr veth0 10.30.0.1/24
        link virbr0 kind bridge owner libvirt
        addr virbr0 192.168.122.1/24
    ";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

#[test]
fn a_network_of_a_router_advertisement_counts_beside_a_single_address() {
    let more = "
        addr wlan0 fd00:7::20/128
        route fd00:7::/64 dev wlan0 proto 9 metric 600 owner ra
        link tailscale0 kind tun owner tailscale
        addr tailscale0 100.101.102.103/32
        rule6 5270 lookup 52 owner tailscale
        route default6 dev tailscale0 table 52 owner tailscale
    ";
    let laptop = "link wlan0\n addr wlan0 192.168.7.20/24\n";
    assert_snapshot!(planned(KEEP_LAN, &machine(&format!("{laptop}{more}"))));
}

#[test]
fn two_links_in_one_lan_are_kept_as_one() {
    let dock = "
        link eth0
        addr eth0 192.168.7.30/24
        route default via 192.168.7.1 dev eth0 metric 100
    ";
    let profile = "routes { keep-lan { also \"192.168.50.0/24\"; also \"192.168.60.0/24\" via=\"192.168.7.9\"; }; }";
    let mut machine = laptop(dock);
    for route in machine::items(&mut machine.routes) {
        if route.key.dst.to_string() == "192.168.7.0/24" && route.key.table == 254 {
            route.key.metric = if route.goes_through("eth0") { 100 } else { 600 };
        }
    }
    assert_snapshot!(planned(profile, &machine));
}

#[test]
fn a_network_behind_an_ipv6_router_gets_no_source_of_its_own() {
    let more = "addr wlan0 fe80::20/64\n route default6 via fe80::1 dev wlan0 proto 9 owner ra";
    assert_snapshot!(planned(
        "routes { keep-lan { also \"fd99::/64\"; }; }",
        &laptop(more)
    ));
}

#[test]
fn a_network_that_a_client_set_up_by_itself_is_kept() {
    // As dhcpcd has it: the address without a route, and the route by itself.
    let more = format!(
        "link wlan0
        addr wlan0 192.168.7.20/24
        {OPENVPN}
        route 192.168.7.0/25 via 10.8.0.1 dev tun0 owner openvpn"
    );
    let mut machine = machine(&more);
    for route in machine::items(&mut machine.routes) {
        if route.key.dst.to_string() == "192.168.7.0/24" && route.key.table == 254 {
            route.spec.protocol = netprof_model::route::Protocol::DHCP;
            route.owner = Owner::Dhcp;
            route.key.metric = 3002;
        }
    }
    assert_snapshot!(planned(KEEP_LAN, &machine));
}

#[test]
fn a_better_way_within_a_wide_lan_is_taken() {
    let wide = "
        link wlan0
        addr wlan0 192.168.7.20/16
        route 192.168.50.0/24 via 192.168.7.1 dev wlan0
    ";
    let profile = "routes { keep-lan { also \"192.168.50.0/24\" via=\"192.168.7.254\"; }; }";
    let vpn = format!("{wide}{OPENVPN} route 192.168.99.0/24 via 10.8.0.1 dev tun0 owner openvpn");
    assert_snapshot!(format!(
        "--- alone\n{}--- beside a VPN\n{}",
        planned(profile, &machine(wide)),
        planned(profile, &machine(&vpn))
    ));
}

#[test]
fn other_networks_of_this_host_within_a_kept_one_keep_their_way() {
    let more = format!(
        "{OPENVPN}
        link eth0
        addr eth0 192.168.90.5/24
        link br-lab kind bridge
        addr br-lab 192.168.91.1/24
        route 192.168.92.0/24 via 10.8.0.1 dev tun0 owner openvpn"
    );
    let profile = format!("{LINKS} routes {{ keep-lan \"lan\" {{ also \"192.168.0.0/16\"; }}; }}");
    assert_snapshot!(planned(&profile, &laptop(&more)));
}

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
fn an_address_without_a_connected_route_makes_no_network() {
    let alone = "link wlan0\n addr wlan0 192.168.7.20/32\n link eth0\n addr eth0 10.77.0.1/32\n route 10.99.0.0/24 dev eth0 proto 2 src 10.77.0.1";
    let profile = "link \"w\" { match name=\"wlan0\"; }\n link \"e\" { match name=\"eth0\"; }\n routes { keep-lan \"w\" \"e\"; }";
    assert_snapshot!(planned(profile, &machine(alone)));
}

#[test]
fn a_rule_for_a_part_of_the_lan_is_named() {
    let more = "rule 100 to 192.168.7.128/25 lookup 77 owner strongswan
        link tun0 kind tun owner strongswan
        addr tun0 10.8.0.2/24
        route default dev tun0 table 77";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

#[test]
fn a_rule_that_takes_some_packets_first_is_warned_of() {
    let more = "rule 99 fwmark 7 lookup 77\n rule 98 to 10.0.0.0/8 fwmark 7 lookup 77";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

#[test]
fn a_network_of_two_addresses_is_asked_for_too() {
    let pair = "link eth0\n addr eth0 10.30.0.0/31\n rule 100 lookup 77\n route default dev eth9 table 77\n link eth9";
    assert_snapshot!(planned(KEEP_LAN, &machine(pair)));
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
fn what_is_kept_within_a_copied_network_is_copied_too() {
    let profile = "routes { keep-lan { also \"192.168.7.64/26\" via=\"192.168.7.9\"; }; }";
    let vpn = format!("{OPENVPN} route 192.168.7.128/25 via 10.8.0.1 dev tun0 owner openvpn");
    assert_snapshot!(planned(profile, &laptop(&vpn)));
}

#[test]
fn servers_that_resolved_would_not_ask_are_refused() {
    let scope = |name: &str, server: &str| {
        format!(
            "scope \"{name}\" {{ domains \"{name}.example\"; servers \"{server}\"; link \"vpn\"; }}\n"
        )
    };
    let many: Vec<String> = (0..257)
        .map(|n| format!("10.1.{}.{}", n / 250, n % 250))
        .collect();
    let scopes = [
        scope("stub", "127.0.0.53"),
        scope("tls", "10.0.0.1:853"),
        scope("many", &many.join("\" \"")),
    ]
    .concat();
    assert_snapshot!(planned(
        &format!("{LINKS} dns {{ {scopes} }}"),
        &laptop(OPENVPN)
    ));
}

#[test]
fn names_are_searched_in_the_order_of_the_profile() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"a.example\" \"b.example\" \"c.example\"; search \"b.example\" \"a.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
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
fn a_rule_before_netprofs_own_is_named() {
    let more = "rule 100 to 192.168.0.0/16 lookup 77 owner strongswan
        link tun0 kind tun owner strongswan
        addr tun0 10.8.0.2/24
        route 192.168.0.0/16 dev tun0 table 77";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

#[test]
fn a_public_or_too_wide_lan_is_refused() {
    let more = "
        link eth0
        addr eth0 198.51.100.7/24
        addr eth0 2001:db8:7::7/64
        link eth1
        addr eth1 10.0.0.9/8
    ";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

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
            "be dropped by rule4 100 unreachable of tailscale",
        ),
        (
            "rule 100 not fwmark 7 lookup 7 owner wg-quick
             route unreachable default table 7 owner wg-quick",
            "be dropped, by rule4 100 not fwmark 0x7/0xffffffff lookup 7 of wg-quick",
        ),
        (
            "rule 100 lookup 52 owner tailscale
             route blackhole 192.168.7.0/24 table 52 owner tailscale",
            "be dropped, by rule4 100 lookup 52 of tailscale",
        ),
        (
            "rule 100 to 192.168.0.0/16 unreachable owner mullvad",
            "be dropped by rule4 100 to 192.168.0.0/16 unreachable of mullvad",
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

#[test]
fn a_kept_network_with_a_server_or_route_of_another_link_is_refused() {
    let profile = format!(
        r#"{LINKS}
        dns {{ scope "corp" {{ domains "corp.example"; servers "192.168.7.53"; link "vpn"; }}; }}
        routes {{
            keep-lan "lan"
            route "192.168.7.64/26" link="vpn"
            route "192.168.0.0/16" link="vpn"
        }}"#
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn several_kept_links_and_no_gateway_named_is_refused() {
    let more =
        "link eth0\n addr eth0 10.20.0.5/24\n route default via 10.20.0.1 dev eth0 metric 100";
    let profile = "routes { keep-lan { also \"192.168.50.0/24\"; also \"192.168.51.0/24\" via=\"10.20.0.9\"; also \"192.168.52.0/24\" via=\"10.99.0.1\"; }; }";
    assert_snapshot!(planned(profile, &laptop(more)));
}

#[test]
fn a_route_goes_where_policy_routing_does_not_pass_it_by() {
    let more = format!("{OPENVPN}{EXIT_NODE}");
    let profile = format!("{LINKS} routes {{ route \"10.0.0.0/8\" link=\"vpn\"; }}");
    assert_snapshot!(planned(&profile, &laptop(&more)));
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
fn what_is_not_carried_out_yet_is_refused_on_its_line() {
    let profile = r#"
        link "lan" { match name="wl*"; }
        link "cafe" { match ssid="cafe"; }
        dns { scope "corp" { domains "corp.example"; servers from="dhcp"; link "lan"; }; }
        containers { keep-local; docker { bridge "172.30.0.1/24"; }; }
        proxy { http "http://me:s3cret@proxy.example:3128"; export "env"; }
        mtu "lan" 1400
        clamp-mss "lan"
    "#;
    assert_snapshot!(planned(profile, &laptop("")));
}

const ALONE: &str = r#"
    link "lan" { match name="wl*"; }
    dns {
        scope "home" {
            domains "home.arpa"
            servers "192.168.7.1"
            link "lan"
            default-route #true
        }
    }
"#;

#[test]
fn a_default_route_clears_what_takes_every_name_and_no_more() {
    let more = format!(
        "{OPENVPN} link third0\n addr third0 10.30.0.1/24\n dns third0 10.30.0.53 third.example default\n dns global 9.9.9.9"
    );
    assert_snapshot!(planned(ALONE, &laptop(&more)));
}

#[test]
fn a_global_configuration_that_takes_every_name_is_named() {
    let mut machine = laptop("");
    if let Section::Seen(resolved) = &mut machine.resolved {
        resolved.global = DnsGlobal {
            servers: vec![netprof_model::dns::DnsServer::at(
                "9.9.9.9".parse().unwrap(),
            )],
            domains: vec![netprof_model::dns::DnsDomain::route(".")],
            fallback: Vec::new(),
        };
    }
    assert_snapshot!(planned(ALONE, &machine));
}

#[test]
fn a_domain_that_another_link_claims_is_named() {
    let more = format!(
        "{OPENVPN} link third0 networkmanager\n addr third0 10.30.0.1/24\n dns third0 10.30.0.53 corp.example.com"
    );
    assert_snapshot!(planned(&format!("{LINKS}{OFFICE}"), &laptop(&more)));
}

#[test]
fn a_server_that_no_route_reaches_is_warned_of() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example\"; servers \"172.16.0.53\"; link \"vpn\"; }}; }}"
    );
    let vpn = "link tun0 kind tun owner openvpn\n addr tun0 10.8.0.2/24\n dns tun0 10.0.0.53 ~.";
    assert_snapshot!(planned(&profile, &laptop(vpn)));
}

#[test]
fn a_link_that_only_searches_is_told_not_to_take_the_rest() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example\"; search \"corp.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn names_that_nobody_is_left_for_are_warned_of() {
    let mut alone = laptop(OPENVPN);
    if let Section::Seen(resolved) = &mut alone.resolved {
        resolved.links.retain(|link| link.id.name == "tun0");
    }
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}; }}"
    );
    assert_snapshot!(planned(&profile, &alone));
}

#[test]
fn other_servers_on_one_link_need_a_delegate() {
    let profile = format!(
        "{LINKS} dns {{
            scope \"corp\" {{ domains \"corp.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}
            scope \"lab\" {{ domains \"lab.example\"; servers \"10.8.0.2\"; link \"vpn\"; }}
            scope \"dev\" {{ domains \"dev.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}
        }}"
    );
    let mut machine = laptop(OPENVPN);
    let without = planned(&profile, &machine);
    if let Section::Seen(resolved) = &mut machine.resolved {
        resolved.delegates = Some(Vec::new());
    }
    assert_snapshot!(format!(
        "--- 252\n{without}--- 258\n{}",
        planned(&profile, &machine)
    ));
}

#[test]
fn localhost_is_mended() {
    let mut machine = laptop("");
    machine::items(&mut machine.rules).retain(|rule| rule.key.priority != 0);
    machine::items(&mut machine.addresses).retain(|one| one.dev != "lo");
    for link in machine::items(&mut machine.links) {
        link.up = link.name != "lo";
    }
    assert_snapshot!(planned("routes { keep-localhost; }", &machine));
}

/// `machine` with the profile applied.
fn applied(profile: &str, machine: &Snapshot) -> Snapshot {
    let plan = made(profile, machine);
    assert!(!plan.is_refused(), "{}", described(&plan));
    carried_out::carried_out(machine, &plan)
}

#[test]
fn what_was_just_made_is_never_stale() {
    let wg = "link wg0 kind wireguard owner wg-quick
        addr wg0 10.66.0.2/32
        rule 32765 not fwmark 51820 lookup 51820
        route default dev wg0 table 51820";
    let wg_profile = "link \"vpn\" { match name=\"wg0\"; }
        routes { route \"10.20.0.0/16\" via=\"10.66.0.1\" link=\"vpn\"; keep-lan; }";
    let on_link = "route 192.168.50.0/24 dev wlan0
        link tun0 kind tun owner openvpn
        addr tun0 10.8.0.2/24
        route 192.168.50.0/25 dev tun0
        route 192.168.7.0/25 dev tun0
        route fd00:7::/65 dev tun0";
    let on_link_profile = "link \"lan\" { match name=\"wl*\"; }
        routes { keep-lan \"lan\" { also \"192.168.50.0/24\"; }; }";
    for (more, profile) in [(wg, wg_profile), (on_link, on_link_profile)] {
        let done = applied(profile, &laptop(more));
        for one in netprof_plan::drift(&done) {
            assert!(!one.is_drift(), "{one:?}");
        }
    }
}

#[test]
fn a_lost_state_folder_leaves_nothing_in_the_way() {
    let more = format!("{OPENVPN}{EXIT_NODE}");
    let profile =
        format!("{LINKS} routes {{ route \"10.0.0.0/8\" link=\"vpn\"; keep-lan \"lan\"; }}");
    let mut done = applied(&profile, &laptop(&more));
    done.held = Section::Absent;
    assert_snapshot!(planned(&profile, &done));
}

#[test]
fn a_longer_domain_on_another_link_is_told() {
    let more = format!(
        "{OPENVPN} link dock0\n addr dock0 10.40.0.2/24\n dns dock0 10.40.0.1 git.corp.example.com"
    );
    let says = |profile: &str| {
        let text = planned(&format!("{LINKS}{profile}"), &laptop(&more));
        text.contains("scope corp: names under git.corp.example.com go to link dock0")
    };
    assert!(says(OFFICE));
    // Where the profile means it so, there is nothing to say.
    let both = OFFICE.replacen(
        "dns {",
        r#"link "dock" { match name="dock0"; }
        dns { scope "git" { domains "git.corp.example.com"; servers "10.40.0.1"; link "dock"; }"#,
        1,
    );
    assert!(!says(&both), "{both}");
}

#[test]
fn a_scope_that_is_to_outlive_the_boot_is_refused() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example.com\"; servers \"10.8.0.1\"; link \"vpn\"; durable #true; }}; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

/// wg-quick as it comes up once netprof's rules are there: nobody numbers its rules, so
/// the kernel puts them before the first that is not the local table's.
const WG_QUICK_FIRST: &str = "
    link wg0 kind wireguard owner wg-quick
    addr wg0 10.66.0.2/32
    rule 108 lookup 254 suppress 0 owner wg-quick
    rule 109 not fwmark 51820 lookup 51820 owner wg-quick
    route default dev wg0 table 51820 owner wg-quick
";

#[test]
fn rules_that_nobody_numbered_are_gone_before() {
    let more = format!("{WG_QUICK_FIRST} route 192.168.7.0/25 dev wg0 owner wg-quick");
    let machine = laptop(&more);
    assert_snapshot!(planned(KEEP_LAN, &machine));
    let done = applied(KEEP_LAN, &machine);
    assert!(made(KEEP_LAN, &done).changes.is_empty());
    // Once they are gone, the usual place is right again.
    let mut alone = done.clone();
    machine::items(&mut alone.rules).retain(|rule| rule.owner != Owner::WgQuick);
    machine::items(&mut alone.routes).retain(|route| route.owner != Owner::WgQuick);
    let back = applied(KEEP_LAN, &alone);
    let ours = |rule: &&netprof_model::rule::Rule| rule.owner == Owner::Netprof;
    let rules = back.rules.items().iter().filter(ours);
    assert!(rules.clone().count() > 0);
    assert!(rules.clone().all(|rule| rule.key.priority == 110));
}

/// Each time that wg-quick connects while rules are there, its own come before them.
#[test]
fn where_nothing_is_free_before_them_the_plan_says_why() {
    let early = |first: u32| {
        let text = WG_QUICK_FIRST.replace("rule 108", &format!("rule {first}"));
        text.replace("rule 109", &format!("rule {}", first + 1))
    };
    let inside = "route 192.168.7.0/25 dev wg0 owner wg-quick";
    let all = r#"link "lan" { match name="wl*"; }
        routes { route "0.0.0.0/0" link="lan" via="192.168.7.1"; }"#;
    for (profile, text, what) in [
        (
            KEEP_LAN,
            format!("{}{inside}", early(2)),
            "no rule priority",
        ),
        (all, early(2), "no pair of rule priorities"),
    ] {
        let plan = made(profile, &laptop(&text));
        let error = plan
            .diagnostics
            .iter()
            .find(|one| one.code == "plan::no-priority");
        let error = error.unwrap_or_else(|| panic!("{}", described(&plan)));
        assert_eq!(
            error.message,
            format!("{what} is free for IPv4 before rule 2 of wg-quick")
        );
        let help = error.help.as_deref().unwrap_or_default();
        assert!(help.starts_with("apply while wg-quick is down"), "{help}");
    }
}

#[test]
fn rules_that_nobody_numbered_are_left_before_where_they_do_no_harm() {
    assert_snapshot!(planned(KEEP_LAN, &laptop(WG_QUICK_FIRST)));
}

#[test]
fn a_route_that_main_is_passed_by_for_goes_before_them_too() {
    let profile = "link \"lan\" { match name=\"wl*\"; }
        routes { route \"0.0.0.0/0\" link=\"lan\" via=\"192.168.7.1\"; }";
    let usual = WG_QUICK_FIRST.replace("rule 108", "rule 32764");
    let usual = usual.replace("rule 109", "rule 32765");
    for (more, longer, then) in [(usual.as_str(), 118, 119), (WG_QUICK_FIRST, 106, 107)] {
        let done = applied(profile, &laptop(more));
        let rules = done.rules.items().iter();
        let ours: Vec<u32> = rules
            .filter(|rule| rule.owner == Owner::Netprof)
            .map(|rule| rule.key.priority)
            .collect();
        assert_eq!(ours, [longer, then]);
    }
}

#[test]
fn a_rule_of_an_administrators_among_those_is_not_gone_before() {
    let more = format!(
        "{WG_QUICK_FIRST} route 192.168.7.0/25 dev wg0 owner wg-quick\n rule 109 from 10.1.1.1/32 lookup 77"
    );
    let plan = made(KEEP_LAN, &laptop(&more));
    assert!(plan.is_refused(), "{}", described(&plan));
}
/// A laptop between networkd's wired link and NetworkManager's wireless one.
const MANAGED: &str = "
    link eth0 networkd
    addr eth0 192.168.7.20/24
    route default via 192.168.7.1 dev eth0
    dns eth0 192.168.7.1 ~.
    link wlan0 networkmanager
    addr wlan0 10.30.0.20/24
    dns wlan0 10.30.0.1 corp.example.com
    link free0
    addr free0 172.20.0.1/24
";

const BETWEEN: &str = r#"
    link "wired" { match name="eth0"; }
    link "wireless" { match name="wlan0"; }
    link "free" { match name="free0"; }
    dns {
        scope "home" { domains "home.arpa"; servers "192.168.7.1"; link "wired"; }
        scope "corp" { domains "corp.example.com"; servers "10.30.0.1"; link "wireless"; }
    }
    routes {
        keep-lan "wired"
        route "198.18.0.0/16" via="192.168.7.1"
        route "10.0.0.0/8" via="10.30.0.1"
        route "172.21.0.0/16" via="172.20.0.9"
        unreachable "203.0.113.0/24"
    }
"#;

#[test]
fn what_a_manager_of_links_will_delete_says_so() {
    assert_snapshot!(planned(BETWEEN, &machine(MANAGED)));
}

#[test]
fn a_networkd_that_leaves_foreign_routes_and_rules_ends_none() {
    for (routes, rules) in [(false, true), (true, false), (false, false)] {
        let snapshot = Snapshot {
            networkd: Section::Seen(Networkd {
                foreign_routes: routes,
                foreign_rules: rules,
            }),
            ..machine(MANAGED)
        };
        let plan = made(BETWEEN, &snapshot);
        let deleted = |is: fn(&Resource) -> bool| {
            let all = plan.changes.iter().filter(|change| is(&change.resource));
            all.filter(|change| change.lasts == Lasts::Reconfigure)
                .count()
        };
        // A route through its link may still go with the addresses of the link.
        let count = deleted(|one| matches!(one, Resource::Route(_)));
        assert_eq!(count, if routes { 2 } else { 1 });
        let count = deleted(|one| matches!(one, Resource::Rule(_)));
        assert_eq!(count, usize::from(rules));
        let says = |code: &str| plan.diagnostics.iter().any(|said| said.code == code);
        assert_eq!(says("plan::networkd-deletes"), routes || rules);
    }
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
