//! The machine as it would be without netprof.

use std::borrow::Cow;

use netprof_model::held::HeldResource;
use netprof_model::route::{Protocol, Route};
use netprof_model::snapshot::Index;
use netprof_model::{Resource, Snapshot, State};

use crate::after::{Turn, turned};
use crate::diff::without;
use crate::holdings::{Holding, Holdings};
use crate::tables::Tables;

/// The snapshot of `live` with everything that netprof holds, and that nobody has
/// changed since, put back to its original; of settings that somebody has changed one of,
/// the others.
///
/// What must hold is planned on this, so that a second plan does not find its own
/// routes in the way, or take them for a reason.
pub(crate) fn base<'a>(live: &Index<'a>, holdings: &Holdings<'a>) -> Cow<'a, Snapshot> {
    let snapshot = live.snapshot();
    let tables = Tables::of(snapshot);
    // What an earlier state folder left is netprof's, too.
    let is_own = |route: &Route| {
        route.spec.protocol == Protocol::NETPROF
            && match holdings.get(&Resource::Route(route.key.clone())) {
                Some(held) => !held.has_expired,
                None => tables.has(route.key.table),
            }
    };
    let held = holdings.all.iter();
    let held = held.filter(|one| !one.has_expired && !is_new_route(one.entry));
    let given_back = held.filter_map(|Holding { entry, .. }| {
        let now = live.state(&entry.resource).ok()?;
        let original = without(entry, now.as_ref()).state;
        (now != original).then_some((Cow::Borrowed(&entry.resource), now, original))
    });
    let left_over = marked(snapshot).filter(|(resource, _)| holdings.get(resource).is_none());
    let left_over = left_over.map(|(resource, state)| (Cow::Owned(resource), Some(state), None));
    let back: Vec<(Cow<Resource>, Option<State>, Option<State>)> =
        given_back.chain(left_over).collect();
    let turns = back.iter().map(|(resource, now, original)| Turn {
        resource,
        before: now.as_ref(),
        after: original.as_ref(),
    });
    turned(snapshot, |route| !is_own(route), turns)
}

/// Whether it is a route that was not there before: what is left of it bears netprof's
/// number, or is somebody else's.
fn is_new_route(entry: &HeldResource) -> bool {
    matches!(entry.resource, Resource::Route(_))
        && entry.original.is_none()
        && entry.committed.as_ref().is_some_and(State::bears_mark)
}

/// Everything but routes that bears netprof's mark.
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
    let store = snapshot.store.seen().map(|store| &store.0);
    let store = store.into_iter().flatten().filter_map(|(key, value)| {
        let state = State::Store(value.as_dictionary()?.clone());
        Some((Resource::Store { key: key.clone() }, state))
    });
    let files = snapshot.files.items().iter().map(|file| {
        let path = file.path.clone();
        (Resource::File { path }, State::File(file.state.clone()))
    });
    let table = snapshot.nft_table.seen();
    let table = table.map(|table| (Resource::NftTable, State::NftTable(Box::new(table.clone()))));
    let others = store.chain(files).chain(table);
    let written = others.filter(|(_, state)| state.bears_mark());
    rules.chain(written)
}
