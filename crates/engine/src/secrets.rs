//! Passwords that `held.json` leaves out, since any user may read it.
//!
//! The journals have them, which only root may read: what is held was committed by one of
//! them, and stands there whole. So whoever may read the journals gets what is held whole,
//! and whoever may not compares without the passwords
//! ([`HeldResource::without`](netprof_model::held::HeldResource::without)).

use std::borrow::Cow;

use netprof_model::held::{Held, HeldResource};
use netprof_model::plan::{Change, Plan};
use netprof_model::{Resource, State};

use crate::disk::Disk;
use crate::journal::{self, Intent};

/// What is held without its passwords.
pub(crate) fn redacted(all: &[HeldResource]) -> Cow<'_, [HeldResource]> {
    // There may be ten thousand, and as a rule there is none.
    let has_none = |one: &HeldResource| matches!(one.redacted(), Cow::Borrowed(_));
    if all.iter().all(has_none) {
        return Cow::Borrowed(all);
    }
    Cow::Owned(all.iter().map(|one| one.redacted().into_owned()).collect())
}

/// Puts the passwords back into what is held, as far as the journals may be read.
/// `numbers` are those of the journals that there are.
pub(crate) fn restore(disk: &dyn Disk, held: &mut Held, numbers: &[u64]) {
    for one in held.resources.iter_mut().filter(|one| one.left_out) {
        // As a rule it is the first that is looked at.
        let older = numbers.iter().rev().copied();
        let mut journals = std::iter::once(one.transaction).chain(older);
        if let Some((original, committed)) = journals.find_map(|number| whole(disk, number, one)) {
            (one.original, one.committed) = (original, committed);
            one.left_out = false;
        }
    }
}

/// The resource whose state `plan` would have from what is held, without the password that
/// was left out there.
pub(crate) fn missing<'p>(plan: &'p Plan, held: &Held) -> Option<&'p Resource> {
    let mut missing = redacted_by(plan, held, |change| change.after.as_ref());
    missing.next()
}

/// What `plan` changes without knowing the password of what was there before.
pub(crate) fn lost(plan: &Plan, held: &Held) -> Vec<Resource> {
    let lost = redacted_by(plan, held, |change| change.original.as_ref());
    lost.cloned().collect()
}

/// What is changed where `side` lacks a password because what is held does. A person may
/// have written `***` as well, and gets that back.
fn redacted_by<'p>(
    plan: &'p Plan,
    held: &Held,
    side: fn(&Change) -> Option<&State>,
) -> impl Iterator<Item = &'p Resource> {
    let is_redacted = move |change: &&Change| side(change).is_some_and(State::is_redacted);
    let changes = plan.changes.iter().filter(is_redacted);
    let resources = changes.map(|change| &change.resource);
    resources.filter(|resource| held.get(resource).is_some_and(|one| one.left_out))
}

/// What a journal says of a resource, if it says the same but for passwords.
fn whole(
    disk: &dyn Disk,
    number: u64,
    one: &HeldResource,
) -> Option<(Option<State>, Option<State>)> {
    let journal = journal::read::<Intent>(disk, number).ok()??;
    let Intent {
        changes,
        still_held,
        lost,
        ..
    } = journal.intent;
    if lost.contains(&one.resource) {
        return None;
    }
    let changes = changes.into_iter();
    let changes = changes.map(|change| (change.resource, change.original, change.after));
    let held = still_held.into_iter().filter(|held| !held.left_out);
    let held = held.map(|held| (held.resource, held.original, held.committed));
    let same = |state: &Option<State>, of: &Option<State>| {
        state.as_ref().map(State::redacted).as_deref() == of.as_ref()
    };
    held.chain(changes)
        .find(|(resource, original, committed)| {
            *resource == one.resource
                && same(original, &one.original)
                && same(committed, &one.committed)
        })
        .map(|(_, original, committed)| (original, committed))
}
