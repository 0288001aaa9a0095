//! How long what is made lasts, and what becomes of it.

use insta::assert_snapshot;
use netprof_model::resource::Lasts;
use netprof_model::snapshot::Networkd;
use netprof_model::{Resource, Section, Snapshot};

use crate::machine::machine;
use crate::planned::made;
use crate::{EXIT_NODE, LINKS, OPENVPN, applied, laptop, planned};

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
