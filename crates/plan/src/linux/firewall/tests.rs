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
    let link = ethernet();
    let lan = Lan {
        prefix: prefix.parse().unwrap(),
        link: &link,
        source: Some(source.parse().unwrap()),
    };
    match judge(chains, &lan) {
        Judgement::Passes => "passes",
        Judgement::Unclear(..) => "unclear",
        Judgement::Dropped(loss) => match (loss.of, loss.exceptions) {
            (Lost::All, false) => "dropped",
            (Lost::All, true) => "mostly",
            (Lost::Protocol("TCP"), _) => "TCP",
            (Lost::Protocol(_), _) => "UDP",
            (Lost::Neighbours, false) => "neighbours",
            (Lost::Neighbours, true) => "some neighbours",
            (Lost::Found, _) => "found",
            (Lost::Part(_, 0), _) => "a part",
            (Lost::Part(..), _) => "parts",
        },
    }
}

fn ethernet() -> Link {
    Link {
        mac: Some("02:00:00:00:00:01".to_owned()),
        ..Link::new(3, "lan0")
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
    assert_eq!(judged(&switch(&[], &lan)), "dropped");
    assert_eq!(judged(&switch(&lan, &[])), "dropped");
    // An IPv6 LAN needs the groups as well that neighbours are asked in.
    let v6 = ["fc00::/7", "ff02::1:ff00:0/104"];
    assert_eq!(judged6(&switch(&v6, &v6)), "passes");
    assert_eq!(judged6(&switch(&v6[..1], &v6)), "neighbours");
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
    // One protocol of two.
    let tcp = chain(
        "inet",
        "output",
        vec![rule([yes(Test::Protocol(vec![(6, 6)]))], Verdict::Drop)],
    );
    assert_eq!(judged(std::slice::from_ref(&tcp)), "TCP");
    // What is certain is said, also where there is a doubt.
    let odd = rule(
        [yes(Test::Protocol(vec![(17, 17)])), strange()],
        Verdict::Drop,
    );
    assert_eq!(judged(&[tcp, chain("inet", "output", vec![odd])]), "TCP");
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
    let link = ethernet();
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
            "packets to 192.168.77.0/24 would be dropped by nft rule inet mullvad output handle 5 of mullvad".to_owned(),
            "let it share the local network: mullvad lan set allow".to_owned()
        )
    );
    let (_, message, help) = said(strict("input", vec![]), "fd00:77::/64");
    assert_eq!(
        message,
        "answers from fd00:77::/64 would be dropped by the policy of nft chain inet t input"
    );
    assert!(
        help.ends_with(
            "here: nft insert rule inet t input ct state established,related accept; \
             nft insert rule inet t input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
        ),
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
        "whether 192.168.77.0/24 stays reachable cannot be told: nft rule inet t output handle 5 depends on the moon"
    );
}

fn called(mut base: BaseChain, name: &str, rules: Vec<FirewallRule>) -> BaseChain {
    if let Some(all) = &mut base.rules {
        all.called.insert(name.to_owned(), rules);
    }
    base
}

fn writes<const N: usize>(when: [Condition; N], sets: Sets, verdict: Verdict) -> FirewallRule {
    FirewallRule {
        sets: vec![sets],
        ..rule(when, verdict)
    }
}

fn connection_mark(value: u32) -> Test {
    Test::ConnectionMark(Bits {
        mask: u32::MAX,
        among: vec![(value, value)],
    })
}

fn jump() -> Verdict {
    Verdict::Jump("m".to_owned())
}

fn raw(base: BaseChain) -> BaseChain {
    BaseChain {
        priority: -300,
        ..base
    }
}

#[test]
fn an_answer_has_the_mark_of_its_connection() {
    let there = |sets| strict("output", vec![writes([], sets, Verdict::Accept)]);
    let back = strict(
        "input",
        vec![rule([yes(connection_mark(0xf41))], Verdict::Accept)],
    );
    let set = there(Sets::ConnectionMark(Some(0xf41)));
    assert_eq!(judged(&[set, back.clone()]), "passes");
    assert_eq!(judged(std::slice::from_ref(&back)), "dropped");
    let unknown = there(Sets::ConnectionMark(None));
    assert_eq!(judged(&[unknown, back.clone()]), "unclear");
    // The packet's own is gone.
    let set = there(Sets::Mark(Some(0xf41)));
    let asks = strict("input", vec![rule([yes(mark(0xf41))], Verdict::Accept)]);
    assert_eq!(judged(&[set.clone(), asks.clone()]), "dropped");
    // Unless it is saved and restored.
    let saves = chain(
        "inet",
        "postrouting",
        vec![writes(
            [],
            Sets::ConnectionMarkFromPacket,
            Verdict::Continue,
        )],
    );
    let restores = chain(
        "inet",
        "prerouting",
        vec![writes([], Sets::MarkFromConnection, Verdict::Continue)],
    );
    assert_eq!(judged(&[set, saves, restores, asks]), "passes");
}

#[test]
fn the_answer_to_what_is_not_tracked_belongs_to_no_connection() {
    const ESTABLISHED: u32 = 2;
    let untracked = || writes([], Sets::Untracked, Verdict::Continue);
    let notrack = raw(chain("inet", "output", vec![untracked()]));
    let answers = strict(
        "input",
        vec![rule([yes(Test::State(ESTABLISHED))], Verdict::Accept)],
    );
    assert_eq!(judged(std::slice::from_ref(&answers)), "passes");
    assert_eq!(judged(&[notrack.clone(), answers.clone()]), "dropped");
    // Behind the look-up of connections it comes too late.
    let late = chain("inet", "output", vec![untracked()]);
    assert_eq!(judged(&[late, answers.clone()]), "passes");
    // To the kernel the answer of UDP is the first packet, and that of TCP fits nothing.
    let new = strict("input", vec![rule([yes(Test::State(8))], Verdict::Accept)]);
    assert_eq!(judged(&[notrack.clone(), new]), "TCP");
    // What has no connection has no mark of one, not even another.
    let other = strict(
        "output",
        vec![rule([no(connection_mark(7))], Verdict::Accept)],
    );
    assert_eq!(judged(std::slice::from_ref(&other)), "passes");
    assert_eq!(judged(&[notrack, other]), "dropped");
    let perhaps = raw(chain(
        "inet",
        "output",
        vec![writes([strange()], Sets::Untracked, Verdict::Continue)],
    ));
    assert_eq!(judged(&[perhaps, answers]), "unclear");
}

#[test]
fn what_is_written_to_some_packets_is_not_written_to_the_ordinary_one() {
    let marks = || vec![writes([], Sets::Mark(Some(7)), Verdict::Continue)];
    let asks = |base: fn(&str, Vec<FirewallRule>) -> BaseChain, verdict| {
        let rules = vec![rule([port()], jump()), rule([yes(mark(7))], verdict)];
        called(base("output", rules), "m", marks())
    };
    // Those of that port have the mark, and pass.
    assert_eq!(judged(&[asks(strict, Verdict::Accept)]), "mostly");
    let open = |hook: &str, rules| chain("inet", hook, rules);
    assert_eq!(judged(&[asks(open, Verdict::Drop)]), "passes");
    // What goes to a chain that ends misses what drops here.
    let goes = vec![
        rule([port()], Verdict::Goto("m".to_owned())),
        rule([], Verdict::Drop),
    ];
    assert_eq!(
        judged(&[called(open("output", goes), "m", vec![])]),
        "mostly"
    );
}

#[test]
fn what_is_written_behind_a_doubt_is_doubted() {
    let marks = || writes([], Sets::Mark(Some(7)), Verdict::Continue);
    let asks = || rule([yes(mark(7))], Verdict::Accept);
    let by_jump = strict("output", vec![rule([strange()], jump()), asks()]);
    assert_eq!(judged(&[called(by_jump, "m", vec![marks()])]), "unclear");
    // Some may have left the chain before they were marked.
    let left = || vec![rule([strange()], Verdict::Return), marks()];
    let by_return = strict("output", vec![rule([], jump()), asks()]);
    assert_eq!(judged(&[called(by_return, "m", left())]), "unclear");
    let accepts = vec![rule([strange()], Verdict::Accept), marks()];
    let before = BaseChain {
        priority: -1,
        ..chain("inet", "output", accepts)
    };
    assert_eq!(judged(&[before, strict("output", vec![asks()])]), "unclear");
    // What is dropped needs no mark.
    let drops = vec![rule([strange()], Verdict::Drop), marks()];
    let later = chain(
        "inet",
        "postrouting",
        vec![rule([no(mark(7))], Verdict::Drop)],
    );
    let drops = chain("inet", "output", drops);
    assert_eq!(judged(&[drops, later]), "unclear");
}

#[test]
fn a_chain_that_only_marks_cannot_drop_but_is_followed() {
    let marks = BaseChain {
        rules_drop: false,
        priority: -150,
        ..chain(
            "inet",
            "output",
            vec![
                writes([], Sets::Mark(Some(7)), Verdict::Continue),
                rule([], Verdict::Unknown("`-j XY` of iptables".to_owned())),
            ],
        )
    };
    assert_eq!(judged(std::slice::from_ref(&marks)), "passes");
    let asks = strict("output", vec![rule([yes(mark(7))], Verdict::Accept)]);
    assert_eq!(judged(&[marks.clone(), asks.clone()]), "passes");
    let unread = BaseChain {
        rules: None,
        ..marks
    };
    assert_eq!(judged(&[unread, asks]), "unclear");
}

fn icmp(kind: u8) -> Condition {
    yes(Test::Icmp(Bits {
        mask: 0xff00,
        among: vec![(u32::from(kind) << 8, u32::from(kind) << 8)],
    }))
}

fn icmpv6() -> Condition {
    yes(Test::Protocol(vec![(58, 58)]))
}

#[test]
fn an_ipv6_lan_needs_neighbour_discovery() {
    let accept = |when: Vec<Condition>| FirewallRule {
        when,
        ..rule([], Verdict::Accept)
    };
    let net = || accept(vec![to("fd00:77::/64")]);
    assert_eq!(judged6(&[strict("output", vec![net()])]), "neighbours");
    let groups = || accept(vec![to("ff02::1:ff00:0/104"), icmpv6(), icmp(135)]);
    assert_eq!(
        judged6(&[strict("output", vec![net(), groups()])]),
        "passes"
    );
    let all = |more: Vec<Condition>| {
        let when = [vec![icmpv6()], more].concat();
        judged6(&[strict("output", vec![net(), accept(when)])])
    };
    assert_eq!(all(vec![]), "passes");
    assert_eq!(all(vec![icmp(128)]), "neighbours");
    assert_eq!(all(vec![yes(Test::HopLimit(vec![(255, 255)]))]), "passes");
    assert_eq!(all(vec![yes(Test::HopLimit(vec![(1, 1)]))]), "neighbours");
    assert_eq!(all(vec![yes(Test::Rate)]), "passes");
    assert_eq!(all(vec![strange()]), "unclear");
    assert_eq!(all(vec![port()]), "some neighbours");
    let drops = |hook: &str, kind: u8| {
        judged6(&[chain(
            "ip6",
            hook,
            vec![rule([icmpv6(), icmp(kind)], Verdict::Drop)],
        )])
    };
    assert_eq!(drops("output", 135), "neighbours");
    assert_eq!(drops("input", 136), "neighbours");
    // Those there also learn of this host from what it asks.
    assert_eq!(drops("input", 135), "found");
    assert_eq!(drops("output", 136), "found");
    assert_eq!(drops("output", 128), "passes");
    // They belong to no connection (RFC 4861; conntrack leaves them alone).
    let usual = strict("input", vec![rule([yes(Test::State(6))], Verdict::Accept)]);
    assert_eq!(judged(std::slice::from_ref(&usual)), "passes");
    assert_eq!(judged6(&[usual]), "neighbours");
    let invalid = rule([yes(Test::State(1))], Verdict::Drop);
    assert_eq!(judged6(&[chain("ip6", "input", vec![invalid])]), "passes");
}

#[test]
fn a_link_without_addresses_of_hardware_has_no_neighbours() {
    let link = Link::new(3, "lan0");
    let lan = Lan {
        prefix: "fd00:77::/64".parse().unwrap(),
        link: &link,
        source: Some("fd00:77::2".parse().unwrap()),
    };
    let only_lan = strict("output", vec![rule([to("fd00:77::/64")], Verdict::Accept)]);
    assert_eq!(judge(&[only_lan], &lan), Judgement::Passes);
}

#[test]
fn a_part_of_the_lan_that_is_dropped_is_said() {
    let drops = |end: fn(&str) -> Condition, hook: &str, part: &str| {
        judged(&[chain("inet", hook, vec![rule([end(part)], Verdict::Drop)])])
    };
    assert_eq!(drops(to, "output", "192.168.77.9"), "a part");
    assert_eq!(drops(to, "output", "192.168.77.128/25"), "a part");
    assert_eq!(drops(to, "output", "192.168.77.200-192.168.78.3"), "a part");
    assert_eq!(drops(from, "input", "192.168.77.9"), "a part");
    assert_eq!(drops(to, "input", "192.168.77.9"), "passes");
    assert_eq!(drops(to, "output", "192.168.78.9"), "passes");
    // Nobody has these: the host itself, and what stands for all.
    assert_eq!(drops(to, "output", "192.168.77.2"), "passes");
    assert_eq!(drops(to, "output", "192.168.77.0"), "passes");
    assert_eq!(drops(to, "output", "192.168.77.255"), "passes");
    // Ports of a part are as little worth a word as those of all.
    let of = |rules| judged(&[chain("inet", "output", rules)]);
    assert_eq!(
        of(vec![rule([to("192.168.77.9"), port()], Verdict::Drop)]),
        "passes"
    );
    let two = vec![
        rule([to("192.168.77.9")], Verdict::Drop),
        rule([to("192.168.77.7")], Verdict::Reject),
    ];
    assert_eq!(of(two), "parts");
    // Another rule lets it pass before.
    let before = vec![
        rule([to("192.168.77.8/30")], Verdict::Accept),
        rule([to("192.168.77.9")], Verdict::Drop),
    ];
    assert_eq!(of(before), "passes");
    let deep = called(
        chain("inet", "output", vec![rule([], jump())]),
        "m",
        vec![rule([to("192.168.77.9")], Verdict::Drop)],
    );
    assert_eq!(judged(&[deep]), "a part");
}

#[test]
fn what_is_lost_is_named() {
    let link = ethernet();
    let told = |prefix: &str, chain: BaseChain| {
        let lan = Lan {
            prefix: prefix.parse().unwrap(),
            link: &link,
            source: None,
        };
        let said = said(&[chain], &lan).expect("it is said");
        (said.severity, said.message, said.help.unwrap_or_default())
    };
    let drops = |hook: &str, when: Vec<Condition>| {
        let rule = FirewallRule {
            when,
            ..rule([], Verdict::Drop)
        };
        chain("inet", hook, vec![rule])
    };
    let by = |hook: &str| format!("nft rule inet t {hook} handle 5");
    let (severity, message, _) = told(
        "192.168.77.0/24",
        drops("output", vec![yes(Test::Protocol(vec![(6, 6)]))]),
    );
    assert_eq!(severity, Severity::Warning);
    let there = by("output");
    assert_eq!(
        message,
        format!("TCP packets to 192.168.77.0/24 would be dropped by {there}")
    );
    let (severity, message, help) =
        told("192.168.77.0/24", drops("output", vec![to("192.168.77.9")]));
    assert_eq!(severity, Severity::Warning);
    assert_eq!(
        message,
        format!("packets to 192.168.77.9, a part of 192.168.77.0/24, would be dropped by {there}")
    );
    assert!(
        help.ends_with("nft insert rule inet t output ip daddr 192.168.77.9 accept"),
        "{help}"
    );
    let (severity, message, help) = told("fd00:77::/64", drops("output", vec![icmpv6()]));
    assert_eq!(severity, Severity::Error);
    assert_eq!(
        message,
        format!(
            "neighbour solicitations for fd00:77::/64 would be dropped by {there}: without them this host finds nobody there"
        )
    );
    assert!(
        help.ends_with("nft insert rule inet t output icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"),
        "{help}"
    );
}

#[test]
fn nobody_is_told_to_open_the_host_for_answers() {
    let link = ethernet();
    let lan = Lan {
        prefix: "192.168.77.0/24".parse().unwrap(),
        link: &link,
        source: None,
    };
    let help = |table: &str, chain: &str, priority: i32, hook: &str| {
        let base = BaseChain {
            table: table.to_owned(),
            chain: chain.to_owned(),
            priority,
            ..strict(hook, vec![])
        };
        said(&[base], &lan)
            .and_then(|said| said.help)
            .unwrap_or_default()
    };
    for (table, chain, hook, wanted) in [
        (
            "t",
            "c",
            "input",
            "nft insert rule inet t c ct state established,related accept",
        ),
        (
            "filter",
            "INPUT",
            "input",
            "iptables -t filter -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        ),
        (
            "filter",
            "ufw-before-input",
            "input",
            "/etc/ufw/before.rules: -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        ),
        (
            "firewalld",
            "filter_INPUT",
            "input",
            "allow answers from 192.168.77.0/24 in its zone: see firewall-cmd --list-all-zones",
        ),
    ] {
        let help = help(table, chain, 0, hook);
        assert!(help.ends_with(wanted), "{help}");
        assert!(!help.contains("trusted"), "{help}");
    }
    // Before connections are known only an address can be asked for; later chains of the
    // host still decide.
    let help = help("t", "c", -300, "prerouting");
    assert!(
        help.ends_with("c ip saddr 192.168.77.0/24 accept"),
        "{help}"
    );
}
