//! Rules of others that are asked before netprof's own.

use insta::assert_snapshot;
use netprof_model::Owner;

use crate::machine;
use crate::planned::{described, made};
use crate::{KEEP_LAN, applied, laptop, planned};

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
fn a_rule_before_netprofs_own_is_named() {
    let more = "rule 100 to 192.168.0.0/16 lookup 77 owner strongswan
        link tun0 kind tun owner strongswan
        addr tun0 10.8.0.2/24
        route 192.168.0.0/16 dev tun0 table 77";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
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
