//! The machine as it would be without netprof.

use std::borrow::Cow;
use std::collections::HashSet;

use netprof_model::plan::Change;
use netprof_model::resource::Lasts;
use netprof_model::route::Protocol;
use netprof_model::snapshot::Index;
use netprof_model::{Owner, Resource, Snapshot, State};

use crate::after::after;
use crate::diff::without;
use crate::tables::Tables;

/// The snapshot of `live` with everything that netprof holds, and that nobody has
/// changed since, put back to its original; of settings that somebody has changed one of,
/// the others.
///
/// What must hold is planned on this, so that a second plan does not find its own
/// routes in the way, or take them for a reason.
pub(crate) fn base<'a>(live: &Index<'a>) -> Cow<'a, Snapshot> {
    let snapshot = live.snapshot();
    let held = snapshot.held().map_or(&[][..], |held| &held.resources);
    let known: HashSet<&Resource> = held.iter().map(|entry| &entry.resource).collect();
    let given_back = held
        .iter()
        .filter(|entry| !snapshot.has_expired(entry))
        .filter_map(|entry| {
            let state = live.state(&entry.resource).ok()?;
            let original = without(entry, state.as_ref()).state;
            (state != original).then(|| back(&entry.resource, state, original))
        });
    let rules = snapshot.rules.items().iter();
    let rules = rules
        .filter(|rule| rule.spec.protocol == Protocol::NETPROF)
        .map(|rule| {
            (
                Resource::Rule(rule.key.clone()),
                State::Rule(rule.spec.clone()),
            )
        });
    let routes = snapshot.routes.items().iter();
    let tables = Tables::of(snapshot);
    let routes = routes
        .filter(|route| route.spec.protocol == Protocol::NETPROF && tables.has(route.key.table))
        .map(|route| {
            (
                Resource::Route(route.key.clone()),
                State::Route(route.spec.clone()),
            )
        });
    let store = snapshot.store.seen().map(|store| &store.0);
    let store = store.into_iter().flatten().filter_map(|(key, value)| {
        let state = State::Store(value.as_dictionary()?.clone());
        Some((Resource::Store { key: key.clone() }, state))
    });
    let files = snapshot.files.items().iter().map(|file| {
        let path = file.path.clone();
        (Resource::File { path }, State::File(file.state.clone()))
    });
    let marked = store.chain(files).filter(|(_, state)| state.bears_mark());
    // What an earlier state folder left is netprof's, too: where it can matter.
    let left_over = rules
        .chain(routes)
        .chain(marked)
        .filter(|(resource, _)| !known.contains(resource))
        .map(|(resource, state)| back(&resource, Some(state), None));
    let changes: Vec<Change> = given_back.chain(left_over).collect();
    if changes.is_empty() {
        return Cow::Borrowed(snapshot);
    }
    Cow::Owned(after(snapshot, &changes))
}

fn back(resource: &Resource, live: Option<State>, original: Option<State>) -> Change {
    Change {
        id: 0,
        resource: resource.clone(),
        before: live,
        after: original.clone(),
        original,
        owner: Owner::Netprof,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: Vec::new(),
    }
}
