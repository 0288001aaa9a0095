//! Whether packets go where they must, by the rules and tables of Linux, and who takes them
//! if not.

use netprof_model::plan::RouteAnswer;
use netprof_model::rule::Rule;
use netprof_model::shared::Shared;
use netprof_model::{Owner, Snapshot};

use super::fib::{Fib, Found};
use crate::claim::{self, Answer};
use crate::draft::Draft;

/// Looks at each claim of `draft` on the machine as it will be.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    if draft.claims.is_empty() {
        return;
    }
    let fib = Fib::new(after);
    let mut last: Option<(Found, Shared<RouteAnswer>)> = None;
    claim::check(draft, |claim| {
        let found = fib.look_up(claim.to, None);
        if claim.holds(found.route()) {
            let answer = match &last {
                Some((before, answer)) if found.leads_alike(*before) => answer,
                _ => &last.insert((found, found.answer().into())).1,
            };
            return Answer::Holds(answer.clone());
        }
        Answer::Lost {
            message: format!(
                "{}: packets to {} would still {}",
                claim.subject(),
                claim.to,
                taken_by(found)
            ),
            help: help(found),
            owner: owner(found),
        }
    });
}

fn owner(found: Found) -> Owner {
    match found {
        Found::Nothing => Owner::Unknown,
        Found::Dropped(rule) => rule.owner,
        Found::Route(rule, route) if route.owner == Owner::Unknown => rule.owner,
        Found::Route(_, route) => route.owner,
    }
}

fn help(found: Found) -> String {
    match found {
        Found::Route(_, route) if route.owner == Owner::Netprof => {
            "another line of this profile wins here: take one of the two away".to_owned()
        }
        Found::Route(_, route) if route.key.table == super::MAIN => format!(
            "the route to {} there has metric {}: outrank it by a lower `metric=` or a longer prefix",
            route.key.dst, route.key.metric
        ),
        _ => "netprof only outranks rules after its own; take that rule away, or give it a priority above 119".to_owned(),
    }
}

/// Who takes a packet, in words.
pub(crate) fn taken_by(found: Found) -> String {
    match found {
        Found::Nothing => "find no route".to_owned(),
        Found::Dropped(rule) => format!("be dropped by {}", rule_of(rule)),
        Found::Route(rule, route) => {
            let way = match route.devices().next() {
                Some(dev) if found.route().is_some() => format!("go through {dev}"),
                _ => "be dropped".to_owned(),
            };
            let owner = if route.owner == rule.owner {
                String::new()
            } else {
                owned(route.owner)
            };
            format!("{way}, by {}{owner}", rule_of(rule))
        }
    }
}

fn rule_of(rule: &Rule) -> String {
    format!("{}{}", rule.key, owned(rule.owner))
}

fn owned(owner: Owner) -> String {
    match owner {
        Owner::Unknown | Owner::Kernel => String::new(),
        owner => format!(" of {}", owner.who()),
    }
}
