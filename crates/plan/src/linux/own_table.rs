//! The way into netprof's own table, for routes that policy routing passes main by for.
//!
//! Each such route has a rule of its own: within its prefix, whatever main knows better
//! still wins, as containers, other networks of this host, the way to the VPN's own server.
//! The rule behind those, which leads all the rest into the table, is one for a whole family.
//! It is wanted once, and says why by the first few of what may be ten thousand routes.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::plan::Reason;
use netprof_model::rule::{Family, RuleAction, RuleKey};

use super::claim::taken_by;
use super::fib::Found;
use super::priority::Priorities;
use super::{MAIN, TABLE};
use crate::draft::{Draft, Wanted};

/// Of so many routes a rule says that it is there for them; of the others, how many.
const NAMED: usize = 2;

/// The routes that are led into netprof's own table.
pub(super) struct OwnTable<'a> {
    priorities: &'a Priorities,
    led: BTreeMap<Family, Led>,
}

/// Those of one family.
struct Led {
    priority: u32,
    /// Two for each that is named.
    reasons: Vec<Reason>,
    others: usize,
}

impl<'a> OwnTable<'a> {
    /// None yet.
    pub(super) fn new(priorities: &'a Priorities) -> Self {
        Self {
            priorities,
            led: BTreeMap::new(),
        }
    }

    /// Leads packets to `prefix` there, which `taken` takes before main is asked.
    pub(super) fn lead(
        &mut self,
        prefix: &IpNet,
        taken: Found,
        reason: &Reason,
        draft: &mut Draft,
    ) -> Result<(), Diagnostic> {
        let family = Family::of(prefix);
        let Some((longer, priority)) = self.priorities.route(family) else {
            let needs = "no pair of rule priorities";
            return Err(self.priorities.none_free(family, needs));
        };
        if taken
            .rule()
            .is_some_and(|rule| rule.key.priority <= priority)
        {
            let message = format!(
                "{} {prefix}: packets would still {}",
                reason.text,
                taken_by(taken)
            );
            return Err(Diagnostic::error("plan::would-lose", message)
                .label("this would not hold")
                .help(self.priorities.outranked(family)));
        }
        let length = u32::from(prefix.prefix_len());
        let rule = RuleKey {
            to: Some(*prefix),
            suppress_prefixlength: Some(length),
            ..RuleKey::new(family, longer, RuleAction::Lookup(MAIN))
        };
        let why = format!("what main has longer prefixes for within {prefix} stays there");
        let reasons = vec![reason.clone(), Reason::plain(why)];
        draft.want(Wanted::rule(rule, reasons));

        let led = self.led.entry(family).or_insert(Led {
            priority,
            reasons: Vec::new(),
            others: 0,
        });
        if led.reasons.len() < 2 * NAMED {
            let why = format!("in main, packets to {prefix} would {}", taken_by(taken));
            led.reasons.extend([reason.clone(), Reason::plain(why)]);
        } else {
            led.others += 1;
        }
        Ok(())
    }

    /// Wants the rules behind those, now that all routes are known.
    pub(super) fn want(self, draft: &mut Draft) {
        for (family, led) in self.led {
            let rule = RuleKey::new(family, led.priority, RuleAction::Lookup(TABLE));
            let mut reasons = led.reasons;
            match led.others {
                0 => {}
                1 => reasons.push(Reason::plain("and for one more route")),
                others => reasons.push(Reason::plain(format!("and for {others} more routes"))),
            }
            draft.want(Wanted::rule(rule, reasons));
        }
    }
}
