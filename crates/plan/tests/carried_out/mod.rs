//! What a machine is once a plan was carried out on it.

use netprof_model::held::{Committed, HeldResource};
use netprof_model::plan::{Plan, Reason};
use netprof_model::{Section, Snapshot};
use netprof_plan::after;

/// `snapshot` with `plan` carried out, and held.
pub(crate) fn carried_out(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let mut next = after(snapshot, &plan.changes);
    let mut held = snapshot.held().cloned().unwrap_or_default();
    held.resources.retain(|one| {
        !plan
            .dropped
            .iter()
            .any(|gone| gone.resource == one.resource)
    });
    for change in &plan.changes {
        held.resources.retain(|one| one.resource != change.resource);
        if change.after != change.original {
            held.resources.push(HeldResource {
                resource: change.resource.clone(),
                original: change.original.clone(),
                committed: change.after.clone(),
                transaction: 1,
                place: snapshot.place_on(change.link.clone()),
                lasts: change.lasts.clone(),
                of_network: Reason::are_of_network(&change.reasons),
                left_out: false,
            });
        }
    }
    for still in &plan.still_held {
        held.resources.retain(|one| one.resource != still.resource);
        held.resources.push(still.clone());
    }
    held.stack.push(Committed {
        transaction: 1,
        profile: plan.profile.clone(),
    });
    next.held = Section::Seen(held);
    next
}
