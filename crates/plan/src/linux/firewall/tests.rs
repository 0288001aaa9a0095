//! Rules as kill switches have them, judged for a LAN of both families.

use netprof_model::firewall::{Bits, Condition, FirewallRule, Rules, Sets, Test, Verdict};
use netprof_model::link::Link;
use netprof_model::{Owner, Severity};

use super::*;

fn yes(test: Test) -> Condition {
    Condition { not: false, test }
}

fn no(test: Test) -> Condition {
    Condition { not: true, test }
}

fn to(text: &str) -> Condition {
    yes(Test::Destination(vec![text.parse().unwrap()]))
}

fn from(text: &str) -> Condition {
    yes(Test::Source(vec![text.parse().unwrap()]))
}

fn out(name: &str) -> Test {
    Test::Out(vec![name.to_owned()])
}

fn port() -> Condition {
    yes(Test::Selects("a port".to_owned()))
}

fn strange() -> Condition {
    yes(Test::Unknown("the moon".to_owned()))
}

fn mark(value: u32) -> Test {
    Test::Mark(Bits {
        mask: u32::MAX,
        among: vec![(value, value)],
    })
}

fn rule<const N: usize>(when: [Condition; N], verdict: Verdict) -> FirewallRule {
    FirewallRule {
        handle: 5,
        when: when.to_vec(),
        sets: Vec::new(),
        verdict,
        comment: None,
    }
}

fn chain(family: &str, hook: &str, rules: Vec<FirewallRule>) -> BaseChain {
    BaseChain {
        family: family.to_owned(),
        table: "t".to_owned(),
        chain: hook.to_owned(),
        hook: hook.to_owned(),
        priority: 0,
        policy_drops: false,
        rules_drop: true,
        rules: Some(Rules {
            own: rules,
            called: std::collections::BTreeMap::default(),
        }),
        owner: Owner::Unknown,
        evidence: Vec::new(),
    }
}

fn strict(hook: &str, rules: Vec<FirewallRule>) -> BaseChain {
    BaseChain {
        policy_drops: true,
        ..chain("inet", hook, rules)
    }
}

/// A judgement in one word.
fn judged_for(prefix: &str, source: &str, chains: &[BaseChain]) -> &'static str {
    let link = Link::new(3, "lan0");
    let lan = Lan {
        prefix: prefix.parse().unwrap(),
        link: &link,
        source: Some(source.parse().unwrap()),
    };
    match judge(chains, &lan) {
        Judgement::Passes => "passes",
        Judgement::Dropped(_) => "dropped",
        Judgement::MostlyDropped(_) => "mostly",
        Judgement::Unclear(..) => "unclear",
    }
}

fn judged(chains: &[BaseChain]) -> &'static str {
    judged_for("192.168.77.0/24", "192.168.77.2", chains)
}

fn judged6(chains: &[BaseChain]) -> &'static str {
    judged_for("fd00:77::/64", "fd00:77::2", chains)
}

#[test]
fn without_chains_everything_passes() {
    assert_eq!(judged(&[]), "passes");
    assert_eq!(judged(&[chain("inet", "output", vec![])]), "passes");
    assert_eq!(judged(&[strict("forward", vec![])]), "passes");
}

#[test]
fn a_policy_drops_what_no_rule_lets_through() {
    for hook in ["output", "postrouting", "prerouting", "input"] {
        assert_eq!(judged(&[strict(hook, vec![])]), "dropped", "{hook}");
        let all = vec![rule([], Verdict::Accept)];
        assert_eq!(judged(&[strict(hook, all)]), "passes", "{hook}");
    }
}

#[test]
fn a_chain_of_the_other_family_is_none_of_a_packets() {
    let v6 = BaseChain {
        family: "ip6".to_owned(),
        ..strict("output", vec![])
    };
    assert_eq!(judged(std::slice::from_ref(&v6)), "passes");
    assert_eq!(judged6(&[v6]), "dropped");
    let only_v4 = chain(
        "inet",
        "output",
        vec![rule([yes(Test::Family(4))], Verdict::Drop)],
    );
    assert_eq!(judged(std::slice::from_ref(&only_v4)), "dropped");
    assert_eq!(judged6(&[only_v4]), "passes");
}

#[test]
fn what_does_not_leave_by_the_tunnel_is_dropped() {
    let switch = |more: Vec<Condition>| {
        let mut when = vec![no(out("wg0")), no(mark(0xca6c))];
        when.extend(more);
        let rule = FirewallRule {
            when,
            ..rule([], Verdict::Reject)
        };
        [chain("ip", "output", vec![rule])]
    };
    // wg-quick(8)'s example.
    let not_local = no(Test::DestinationType(vec![2]));
    assert_eq!(judged(&switch(vec![not_local.clone()])), "dropped");
    let but_for = |net: &str| no(Test::Destination(vec![net.parse().unwrap()]));
    assert_eq!(
        judged(&switch(vec![not_local.clone(), but_for("192.168.0.0/16")])),
        "passes"
    );
    assert_eq!(
        judged(&switch(vec![not_local, but_for("10.0.0.0/8")])),
        "dropped"
    );
    let by_wildcard = [chain(
        "ip",
        "output",
        vec![rule([no(out("lan*"))], Verdict::Drop)],
    )];
    assert_eq!(judged(&by_wildcard), "passes");
    let by_number = [chain(
        "ip",
        "output",
        vec![rule([no(Test::OutIndex(vec![3]))], Verdict::Drop)],
    )];
    assert_eq!(judged(&by_number), "passes");
}

#[test]
fn a_switch_that_may_share_the_lan_lets_it_pass_both_ways() {
    let switch = |lan: &[&str], answers: &[&str]| {
        let accept = |ends: &[&str], end: fn(&str) -> Condition| {
            let rules = ends.iter();
            rules
                .map(|net| rule([end(net)], Verdict::Accept))
                .collect::<Vec<_>>()
        };
        let mut there = vec![rule([yes(out("lo"))], Verdict::Accept)];
        there.extend(accept(lan, to));
        there.push(rule([], Verdict::Reject));
        [
            strict("output", there),
            strict("input", accept(answers, from)),
        ]
    };
    let lan = ["10.0.0.0/8", "192.168.0.0/16", "fc00::/7"];
    assert_eq!(judged(&switch(&lan, &lan)), "passes");
    assert_eq!(judged6(&switch(&lan, &lan)), "passes");
    assert_eq!(judged(&switch(&[], &lan)), "dropped");
    assert_eq!(judged(&switch(&lan, &[])), "dropped");
    assert_eq!(judged6(&switch(&lan[..2], &lan)), "unclear");
}

#[test]
fn answers_belong_to_connections() {
    const ESTABLISHED: u32 = 2;
    const NEW: u32 = 8;
    let usual = vec![
        rule([yes(Test::State(ESTABLISHED | 4))], Verdict::Accept),
        rule([yes(Test::In(vec!["lo".to_owned()]))], Verdict::Accept),
        rule([port()], Verdict::Accept),
    ];
    assert_eq!(judged(&[strict("input", usual.clone())]), "passes");
    // On the way there the connection is new.
    assert_eq!(judged(&[strict("output", usual)]), "mostly");
    let new = vec![rule([yes(Test::State(NEW))], Verdict::Drop)];
    assert_eq!(judged(&[chain("inet", "output", new.clone())]), "dropped");
    assert_eq!(judged(&[chain("inet", "input", new)]), "passes");
}

#[test]
fn what_some_packets_are_let_through_for_is_told_apart_from_what_all_are() {
    let dns = rule([port()], Verdict::Accept);
    assert_eq!(judged(&[strict("output", vec![dns.clone()])]), "mostly");
    // One port that is shut cuts nobody off.
    let smtp = chain("inet", "output", vec![rule([port()], Verdict::Reject)]);
    assert_eq!(judged(&[smtp]), "passes");
    // A part of the LAN.
    let router = rule([to("192.168.77.1")], Verdict::Accept);
    assert_eq!(judged(&[strict("output", vec![router])]), "mostly");
    let printer = chain(
        "inet",
        "output",
        vec![rule([to("192.168.77.9")], Verdict::Drop)],
    );
    assert_eq!(judged(&[printer]), "passes");
    // One protocol of two.
    let tcp = chain(
        "inet",
        "output",
        vec![rule([yes(Test::Protocol(vec![(6, 6)]))], Verdict::Drop)],
    );
    assert_eq!(judged(&[tcp]), "mostly");
    let pings = chain(
        "inet",
        "output",
        vec![rule([yes(Test::Protocol(vec![(1, 1)]))], Verdict::Drop)],
    );
    assert_eq!(judged(&[pings]), "passes");
    // A user whose packets pass, and one whose do not.
    let but_one = rule([no(Test::Selects("a user".to_owned()))], Verdict::Drop);
    assert_eq!(judged(&[chain("inet", "output", vec![but_one])]), "mostly");
}

#[test]
fn two_halves_of_a_lan_are_all_of_it() {
    let both = Test::Destination(vec![
        "192.168.77.128/25".parse().unwrap(),
        "192.168.77.0/25".parse().unwrap(),
    ]);
    let strict_but = |test: &Test| {
        [strict(
            "output",
            vec![rule([yes(test.clone())], Verdict::Accept)],
        )]
    };
    assert_eq!(judged(&strict_but(&both)), "passes");
    let gap = Test::Destination(vec![
        "192.168.77.0-192.168.77.126".parse().unwrap(),
        "192.168.77.128/25".parse().unwrap(),
    ]);
    assert_eq!(judged(&strict_but(&gap)), "mostly");
}

#[test]
fn what_is_not_understood_matters_only_where_it_decides() {
    let odd = rule([strange()], Verdict::Accept);
    assert_eq!(judged(&[strict("output", vec![odd.clone()])]), "unclear");
    assert_eq!(judged(&[chain("inet", "output", vec![odd])]), "passes");
    let odd = rule([strange()], Verdict::Drop);
    assert_eq!(judged(&[strict("output", vec![odd.clone()])]), "dropped");
    assert_eq!(
        judged(&[chain("inet", "output", vec![odd.clone()])]),
        "unclear"
    );
    // Another address, whatever else.
    let elsewhere = rule([strange(), to("10.0.0.0/8")], Verdict::Drop);
    assert_eq!(
        judged(&[chain("inet", "output", vec![elsewhere])]),
        "passes"
    );
    // Another chain drops it for certain.
    assert_eq!(
        judged(&[chain("inet", "output", vec![odd]), strict("input", vec![])]),
        "dropped"
    );
    let asked = rule([], Verdict::Unknown("a program".to_owned()));
    assert_eq!(judged(&[chain("inet", "output", vec![asked])]), "unclear");
    let unread = BaseChain {
        rules: None,
        ..chain("inet", "output", vec![])
    };
    assert_eq!(judged(&[unread]), "unclear");
}

#[test]
fn chains_are_called_and_returned_from() {
    let calls = |verdict: fn(String) -> Verdict, called: Vec<FirewallRule>, more| {
        let mut own = vec![rule([], verdict("lan".to_owned()))];
        own.extend(more);
        let mut base = chain("inet", "output", own);
        if let Some(rules) = &mut base.rules {
            rules.called.insert("lan".to_owned(), called);
        }
        [base]
    };
    let drop = || vec![rule([], Verdict::Drop)];
    let back = || {
        vec![
            rule([to("192.168.0.0/16")], Verdict::Return),
            rule([], Verdict::Drop),
        ]
    };
    let pass = || vec![rule([to("192.168.0.0/16")], Verdict::Accept)];
    assert_eq!(judged(&calls(Verdict::Jump, drop(), vec![])), "dropped");
    assert_eq!(judged(&calls(Verdict::Jump, back(), vec![])), "passes");
    assert_eq!(judged(&calls(Verdict::Jump, back(), drop())), "dropped");
    assert_eq!(judged(&calls(Verdict::Jump, pass(), drop())), "passes");
    assert_eq!(judged(&calls(Verdict::Goto, back(), drop())), "passes");
    // It calls itself: the kernel would refuse it.
    let round = vec![rule([], Verdict::Jump("lan".to_owned()))];
    assert_eq!(judged(&calls(Verdict::Jump, round, vec![])), "unclear");
}

#[test]
fn marks_that_are_written_are_asked_for_later() {
    let marks = |when: Vec<Condition>| {
        let rule = FirewallRule {
            when,
            sets: vec![Sets::Mark(Some(7))],
            ..rule([], Verdict::Continue)
        };
        BaseChain {
            priority: -150,
            ..chain("inet", "output", vec![rule])
        }
    };
    let asks = strict("output", vec![rule([yes(mark(7))], Verdict::Accept)]);
    assert_eq!(judged(std::slice::from_ref(&asks)), "dropped");
    // In the order of their priorities, not of their names.
    assert_eq!(judged(&[asks.clone(), marks(vec![])]), "passes");
    assert_eq!(
        judged(&[marks(vec![to("10.0.0.0/8")]), asks.clone()]),
        "dropped"
    );
    assert_eq!(judged(&[marks(vec![strange()]), asks]), "unclear");
    // The way back begins without a mark.
    let input = strict("input", vec![rule([yes(mark(7))], Verdict::Accept)]);
    assert_eq!(judged(&[marks(vec![]), input]), "dropped");
}

#[test]
fn chains_that_call_each_other_in_many_ways_end() {
    let mut base = chain(
        "inet",
        "output",
        vec![rule([], Verdict::Jump("0".to_owned()))],
    );
    if let Some(rules) = &mut base.rules {
        for at in 0..15 {
            let next = || rule([], Verdict::Jump((at + 1).to_string()));
            rules
                .called
                .insert(at.to_string(), (0..30).map(|_| next()).collect());
        }
        rules
            .called
            .insert("15".to_owned(), vec![rule([port()], Verdict::Accept)]);
    }
    assert_eq!(judged(&[base]), "unclear");
}

#[test]
fn what_is_said_names_rule_owner_and_help() {
    let link = Link::new(3, "lan0");
    let lan = |prefix: &str| Lan {
        prefix: prefix.parse().unwrap(),
        link: &link,
        source: None,
    };
    let said = |chain: BaseChain, prefix: &str| {
        let said = said(&[chain], &lan(prefix)).expect("it is said");
        (said.severity, said.message, said.help.unwrap_or_default())
    };
    let mole = BaseChain {
        table: "mullvad".to_owned(),
        ..strict("output", vec![rule([], Verdict::Reject)])
    };
    assert_eq!(
        said(mole, "192.168.77.0/24"),
        (
            Severity::Error,
            "packets to 192.168.77.0/24 would be dropped by rule 5 of chain output in nft table inet mullvad of mullvad".to_owned(),
            "let it share the local network: mullvad lan set allow".to_owned()
        )
    );
    let (_, message, help) = said(strict("input", vec![]), "fd00:77::/64");
    assert_eq!(
        message,
        "answers from fd00:77::/64 would be dropped by the policy of chain input in nft table inet t"
    );
    assert!(
        help.ends_with("nft insert rule inet t input ip6 saddr fd00:77::/64 accept"),
        "{help}"
    );
    let by_iptables = BaseChain {
        family: "ip".to_owned(),
        table: "filter".to_owned(),
        chain: "OUTPUT".to_owned(),
        ..chain(
            "ip",
            "output",
            vec![rule([no(out("wg0"))], Verdict::Reject)],
        )
    };
    let (_, _, help) = said(by_iptables, "192.168.77.0/24");
    assert!(
        help.ends_with("iptables -t filter -I OUTPUT -d 192.168.77.0/24 -j ACCEPT"),
        "{help}"
    );
    let (severity, message, _) = said(
        chain("inet", "output", vec![rule([strange()], Verdict::Drop)]),
        "192.168.77.0/24",
    );
    assert_eq!(severity, Severity::Warning);
    assert_eq!(
        message,
        "whether 192.168.77.0/24 stays reachable cannot be told: rule 5 of chain output in nft table inet t depends on the moon"
    );
}
