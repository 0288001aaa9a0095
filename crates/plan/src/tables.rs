//! Which of a machine's routing tables can matter.

use std::collections::BTreeSet;

use netprof_model::held::Held;
use netprof_model::rule::{Rule, RuleAction, RuleKey};
use netprof_model::snapshot::Os;
use netprof_model::{Resource, Snapshot};

use crate::linux::{LOCAL, MAIN, TABLE};

/// The tables that packets may be led to. None meets a route of any other: it is nobody's
/// rival and in nobody's way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    /// None where there are no tables.
    these: Option<BTreeSet<u32>>,
}

impl Tables {
    /// Those of the machine of `snapshot`.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        match snapshot.os {
            Os::Linux => Self {
                these: Some(asked(snapshot.rules.items()).collect()),
            },
            Os::Macos => Self::default(),
        }
    }

    /// Whether the table of that number is one of them.
    pub(crate) fn has(&self, table: u32) -> bool {
        self.these
            .as_ref()
            .is_none_or(|these| these.contains(&table))
    }
}

/// The tables that `rules`, and those that netprof may add, lead to.
pub(crate) fn asked(rules: &[Rule]) -> impl Iterator<Item = u32> {
    let all = rules.iter().filter_map(|rule| led_to(&rule.key));
    [LOCAL, MAIN, TABLE].into_iter().chain(all)
}

/// The tables of what is held, and those that rules lead to which a release puts back.
pub(crate) fn of_held(held: Option<&Held>) -> BTreeSet<u32> {
    let held = held.map_or(&[][..], |held| &held.resources).iter();
    held.filter_map(|one| match &one.resource {
        Resource::Route(key) => Some(key.table),
        Resource::Rule(key) => led_to(key),
        _ => None,
    })
    .collect()
}

/// The table that a rule leads to. 0 is the one that a link's own VRF says.
fn led_to(rule: &RuleKey) -> Option<u32> {
    match rule.action {
        RuleAction::Lookup(table) if table > 0 => Some(table),
        _ => None,
    }
}
