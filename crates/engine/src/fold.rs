//! What is held, as a sum over the journals of what was committed.

use std::collections::HashSet;

use netprof_model::held::{Committed, Held, HeldResource};
use netprof_model::plan::Reason;
use netprof_model::positions::Positions;
use netprof_model::resource::{Place, Resource};

use crate::journal::{Intent, Kind};

/// How many committed transactions can be undone. A machine that switches profiles
/// ten times a day would else carry the list of all of them in every command.
pub const STACK_LIMIT: usize = 256;

/// Adds one committed transaction to what is held.
///
/// A change makes its resource held, or not held any more where it put back what was
/// there before netprof came. It is a pure function, and the only place that says
/// what is held, so that `held.json` can be derived anew at any time.
pub fn fold(held: &mut Held, intent: &Intent) {
    let mut sum = Sum::of(std::mem::take(&mut held.resources));
    let kept = intent.changes.iter();
    let kept = kept.filter(|change| change.after != change.original);
    sum.reserve(kept.count());
    for change in &intent.changes {
        if change.after == change.original {
            sum.drop(&change.resource);
            continue;
        }
        let held = HeldResource {
            resource: change.resource.clone(),
            original: change.original.clone(),
            committed: change.after.clone(),
            transaction: intent.transaction,
            place: Place {
                link: change.link.clone(),
                ..intent.place.clone()
            },
            lasts: change.lasts.clone(),
            of_network: Reason::are_of_network(&change.reasons),
            left_out: intent.lost.contains(&change.resource),
        };
        sum.hold(match held.left_out {
            // What is compared with the one side is so with the other.
            true => held.redacted().into_owned(),
            false => held,
        });
    }
    for still in &intent.still_held {
        sum.hold(still.clone());
    }
    for dropped in &intent.dropped {
        sum.drop(&dropped.resource);
    }
    held.resources = sum.end();
    match intent.kind {
        Kind::Apply | Kind::Release => held.stack.push(Committed {
            transaction: intent.transaction,
            profile: intent.profile.clone(),
        }),
        Kind::Rollback => {
            let undone: HashSet<u64> = intent.undone.iter().copied().collect();
            held.stack.retain(|one| !undone.contains(&one.transaction));
        }
    }
    let surplus = held.stack.len().saturating_sub(STACK_LIMIT);
    held.stack.drain(..surplus);
    held.through = intent.transaction;
}

/// The resources in the order in which they were first taken, which of them are gone, and
/// where each of them stands: a plan may change ten thousand of them.
struct Sum {
    resources: Vec<HeldResource>,
    is_gone: Vec<bool>,
    at: Positions,
}

impl Sum {
    fn of(resources: Vec<HeldResource>) -> Self {
        let mut at = Positions::default();
        at.reserve(resources.len());
        for (position, held) in resources.iter().enumerate() {
            at.insert(&held.resource, position);
        }
        Self {
            is_gone: vec![false; resources.len()],
            resources,
            at,
        }
    }

    /// Makes room for `more`, and not for twice as many.
    fn reserve(&mut self, more: usize) {
        self.resources.reserve_exact(more);
        self.is_gone.reserve_exact(more);
        self.at.reserve(more);
    }

    /// What is left, in its place: there may be too much of it for two copies.
    fn end(self) -> Vec<HeldResource> {
        let Self {
            mut resources,
            is_gone,
            ..
        } = self;
        let mut is_gone = is_gone.into_iter();
        resources.retain(|_| is_gone.next() == Some(false));
        resources
    }

    fn find(&self, resource: &Resource) -> Option<usize> {
        self.at.find(resource, |position| {
            let held = self.resources.get(position)?;
            Some(&held.resource)
        })
    }

    fn hold(&mut self, held: HeldResource) {
        if let Some(at) = self.find(&held.resource) {
            self.resources[at] = held;
            return;
        }
        self.at.insert(&held.resource, self.resources.len());
        self.resources.push(held);
        self.is_gone.push(false);
    }

    fn drop(&mut self, resource: &Resource) {
        if let Some(at) = self.find(resource) {
            self.at.remove(resource, at);
            self.is_gone[at] = true;
        }
    }
}
