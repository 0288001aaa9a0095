//! The machine as it would be without netprof.

use std::borrow::Cow;

use netprof_model::Snapshot;
use netprof_model::plan::{Change, Reason};
use netprof_model::snapshot::Index;

use crate::after::after;

/// The snapshot of `live` with everything that netprof holds, and that nobody has
/// changed since, put back to its original.
///
/// What must hold is planned on this, so that a second plan does not find its own
/// routes in the way, or take them for a reason.
pub(crate) fn base<'a>(live: &Index<'a>) -> Cow<'a, Snapshot> {
    let snapshot = live.snapshot();
    let held = snapshot.held().map_or(&[][..], |held| &held.resources);
    let back: Vec<Change> = held
        .iter()
        .filter(|entry| !snapshot.is_expired(&entry.place))
        .filter(|entry| live.state(&entry.resource).as_ref() == Ok(&entry.committed))
        .map(|entry| Change {
            id: 0,
            resource: entry.resource.clone(),
            before: entry.committed.clone(),
            after: entry.original.clone(),
            original: entry.original.clone(),
            owner: live.owner(&entry.resource),
            lasts: entry.lasts.clone(),
            link: None,
            manager: None,
            reasons: vec![Reason::plain("the original")],
        })
        .collect();
    if back.is_empty() {
        return Cow::Borrowed(snapshot);
    }
    Cow::Owned(after(snapshot, &back))
}
