//! The machine as it would be without netprof.

use std::borrow::Cow;

use netprof_model::route::Protocol;
use netprof_model::snapshot::Index;
use netprof_model::{Resource, Snapshot, State};

use crate::after::{Turn, turned};
use crate::diff::without;
use crate::holdings::Holdings;
use crate::tables::Tables;

/// The snapshot of `live` with everything that netprof holds, and that nobody has
/// changed since, put back to its original; of settings that somebody has changed one of,
/// the others.
///
/// What must hold is planned on this, so that a second plan does not find its own
/// routes in the way, or take them for a reason.
pub(crate) fn base<'a>(live: &Index<'a>, holdings: &Holdings<'a>) -> Cow<'a, Snapshot> {
    let snapshot = live.snapshot();
    let given_back = holdings.all.iter();
    let given_back = given_back
        .filter(|entry| !snapshot.has_expired(entry))
        .filter_map(|entry| {
            let now = live.state(&entry.resource).ok()?;
            let original = without(entry, now.as_ref()).state;
            (now != original).then_some((Cow::Borrowed(&entry.resource), now, original))
        });
    // What an earlier state folder left is netprof's, too.
    let left_over = marked(snapshot).filter(|(resource, _)| holdings.place(resource).is_none());
    let left_over = left_over.map(|(resource, state)| (Cow::Owned(resource), Some(state), None));
    let back: Vec<(Cow<Resource>, Option<State>, Option<State>)> =
        given_back.chain(left_over).collect();
    let turns = back.iter().map(|(resource, now, original)| Turn {
        resource,
        before: now.as_ref(),
        after: original.as_ref(),
    });
    turned(snapshot, turns)
}

/// Everything that bears netprof's mark.
fn marked(snapshot: &Snapshot) -> impl Iterator<Item = (Resource, State)> {
    let rules = snapshot.rules.items().iter();
    let rules = rules
        .filter(|rule| rule.spec.protocol == Protocol::NETPROF)
        .map(|rule| {
            (
                Resource::Rule(Box::new(rule.key.clone())),
                State::Rule(rule.spec.clone()),
            )
        });
    let routes = snapshot.routes.items().iter();
    let tables = Tables::of(snapshot);
    let routes = routes
        .filter(move |route| {
            route.spec.protocol == Protocol::NETPROF && tables.has(route.key.table)
        })
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
    let written = store.chain(files).filter(|(_, state)| state.bears_mark());
    rules.chain(routes).chain(written)
}
