//! Whether packets go where they must, by the rules and tables of Linux, and who takes them
//! if not.

use netprof_model::plan::RouteAnswer;
use netprof_model::route::RouteKind;
use netprof_model::rule::Rule;
use netprof_model::shared::Shared;
use netprof_model::{Owner, Snapshot};

use super::fib::{Fib, Found};
use super::{LOCAL, MAIN};
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
        Found::Route(_, route) if route.key.table == MAIN => format!(
            "the route to {} there has metric {}: outrank it by a lower `metric=` or a longer prefix",
            route.key.dst, route.key.metric
        ),
        _ => "netprof only outranks rules after its own; take that rule away, or give it a priority above 119".to_owned(),
    }
}

/// Who takes a packet, in words: the rule where that itself drops it, and else the route. Only
/// where that is in a table of somebody's own does it win by the rule that leads there.
pub(crate) fn taken_by(found: Found) -> String {
    match found {
        Found::Nothing => "find no route".to_owned(),
        Found::Dropped(rule) => format!("be dropped by {}", named(rule, Owner::Unknown)),
        Found::Route(rule, route) => {
            let way = match route.devices().next() {
                Some(dev) if found.route().is_some() => format!("go through {dev}"),
                _ => "be dropped".to_owned(),
            };
            let kind = match route.spec.kind {
                RouteKind::Unicast => "",
                kind => &format!("{} ", kind.as_str()),
            };
            let to = route.key.dst;
            let owner = owned(route.owner);
            let through = match route.key.table {
                MAIN => "in main".to_owned(),
                LOCAL => "in local".to_owned(),
                _ => format!("led to by {}", named(rule, route.owner)),
            };
            format!("{way}, by the {kind}route to {to}{owner}, {through}")
        }
    }
}

/// A rule, in the words of ip-rule(8), and its owner where that is not `known`.
fn named(rule: &Rule, known: Owner) -> String {
    let Rule { key, owner, .. } = rule;
    let owner = match *owner == known {
        true => String::new(),
        false => owned(*owner),
    };
    let selector = match key.selector() {
        all if all.is_empty() => "from all".to_owned(),
        some => some,
    };
    format!("rule {}{owner}: {selector} {}", key.priority, key.verdict())
}

fn owned(owner: Owner) -> String {
    match owner {
        Owner::Unknown | Owner::Kernel => String::new(),
        owner => format!(" of {}", owner.who()),
    }
}
