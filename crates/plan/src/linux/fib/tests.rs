//! That a look-up finds what the kernel's walk over all rules finds, and takes few looks.

use std::net::Ipv4Addr;

use netprof_model::route::Protocol;
use netprof_model::rule::RuleSpec;
use netprof_model::snapshot::Os;
use netprof_model::{Owner, Section};
use proptest::prelude::*;

use super::*;
use crate::linux::TABLE;

const COUNT: u32 = 1_000;

fn machine(rules: impl Iterator<Item = RuleKey>) -> Snapshot {
    let rules = rules.map(|key| Rule {
        key,
        spec: RuleSpec {
            protocol: Protocol::STATIC,
        },
        owner: Owner::Unknown,
    });
    Snapshot {
        rules: Section::Seen(rules.collect()),
        ..Snapshot::empty(Os::Linux)
    }
}

fn net(n: u32) -> IpNet {
    let address = Ipv4Addr::from((20 << 24) | (n << 8));
    IpNet::new(address.into(), 24).expect("a prefix")
}

#[test]
fn of_as_many_rules_as_there_are_routes_each_route_has_few_looked_at() {
    let new = |priority, table| RuleKey::new(Family::V4, priority, RuleAction::Lookup(table));
    let longer = (0..COUNT).map(|n| RuleKey {
        to: Some(net(n)),
        suppress_prefixlength: Some(24),
        ..new(118, MAIN)
    });
    let usual = [new(0, LOCAL), new(119, TABLE), new(5270, 52)];
    let machine = machine(longer.chain(usual));
    let fib = Fib::new(&machine);
    for n in 0..COUNT {
        assert_eq!(fib.look_up(net(n).addr(), None), Found::Nothing);
        assert_eq!(fib.taken_before_main(&net(n)), Some(Found::Nothing));
    }
    // Of each those to it, and the three that are for all.
    assert_eq!(fib.looks.get(), 2 * 4 * COUNT as usize);
}

/// Rules that drop or jump, for prefixes that lie in each other.
fn rule() -> impl Strategy<Value = RuleKey> {
    let to = prop::sample::select(vec![
        None,
        Some("0.0.0.0/0"),
        Some("10.0.0.0/8"),
        Some("10.64.0.0/10"),
        Some("10.64.0.0/16"),
        Some("10.64.0.1/32"),
        Some("fd00::/8"),
    ]);
    let jump = prop::option::of(0_u32..12);
    (to, 0_u32..10, any::<bool>(), jump).prop_map(|(to, priority, not, jump)| {
        let to: Option<IpNet> = to.map(|to| to.parse().expect("a prefix"));
        let family = to.map_or(Family::V4, |to| Family::of(&to));
        let action = jump.map_or(RuleAction::Prohibit, RuleAction::Goto);
        RuleKey {
            to,
            not: not && to.is_some(),
            ..RuleKey::new(family, priority, action)
        }
    })
}

/// The first rule that drops packets to `to`, by a walk over all of `rules`.
fn walked(rules: &[Rule], to: &IpNet) -> Option<RuleKey> {
    let mut rules: Vec<&RuleKey> = rules.iter().map(|rule| &rule.key).collect();
    rules.sort_by_key(|key| key.priority);
    let mut from = 0;
    for key in rules {
        let is_to = key.to.is_none_or(|prefix| prefix.contains(to));
        if key.priority < from || key.family != Family::of(to) || is_to == key.not {
            continue;
        }
        match key.action {
            RuleAction::Goto(target) => from = target.max(from),
            _ => return Some(key.clone()),
        }
    }
    None
}

proptest! {
    #[test]
    fn a_look_up_finds_what_a_walk_over_all_rules_finds(
        rules in prop::collection::vec(rule(), 0..20),
    ) {
        let machine = machine(rules.into_iter());
        let fib = Fib::new(&machine);
        for to in ["10.64.0.1/32", "10.64.0.0/16", "10.0.0.0/8", "9.9.9.9/32", "fd00::1/128"] {
            let to: IpNet = to.parse().expect("a prefix");
            let walked = walked(machine.rules.items(), &to);
            let found = fib.taken_before_main(&to).and_then(Found::rule);
            prop_assert_eq!(found.map(|rule| &rule.key), walked.as_ref());
            if to.prefix_len() == to.max_prefix_len() {
                let found = fib.look_up(to.addr(), None).rule();
                prop_assert_eq!(found.map(|rule| &rule.key), walked.as_ref());
            }
        }
    }
}
