//! Passwords that `held.json` leaves out, since any user may read it.
//!
//! The journals have them, which only root may read: what is held was committed by one of
//! them, and stands there whole. So whoever may read the journals gets what is held whole,
//! and whoever may not compares without the passwords
//! ([`HeldResource::without`](netprof_model::held::HeldResource::without)).

use std::borrow::Cow;

use netprof_model::State;
use netprof_model::held::{Held, HeldResource};

use crate::disk::Disk;
use crate::journal::{self, Intent};

/// What is held without its passwords.
pub(crate) fn redacted(all: &[HeldResource]) -> Cow<'_, [HeldResource]> {
    let has_none = |state: &State| matches!(state.redacted(), Cow::Borrowed(_));
    let mut sides = all
        .iter()
        .flat_map(|one| [&one.original, &one.committed])
        .flatten();
    // There may be ten thousand, and as a rule there is none.
    if sides.all(has_none) {
        return Cow::Borrowed(all);
    }
    let redacted = |state: &Option<State>| state.as_ref().map(|one| one.redacted().into_owned());
    let all = all.iter().map(|one| HeldResource {
        original: redacted(&one.original),
        committed: redacted(&one.committed),
        ..one.clone()
    });
    Cow::Owned(all.collect())
}

/// Puts the passwords back into what is held, as far as the journals may be read.
/// `numbers` are those of the journals that there are.
pub(crate) fn restore(disk: &dyn Disk, held: &mut Held, numbers: &[u64]) {
    for one in held.resources.iter_mut().filter(|one| is_redacted(one)) {
        // As a rule it is the first that is looked at.
        let older = numbers.iter().rev().copied();
        let mut journals = std::iter::once(one.transaction).chain(older);
        if let Some((original, committed)) = journals.find_map(|number| whole(disk, number, one)) {
            (one.original, one.committed) = (original, committed);
        }
    }
}

/// Whether a password was left out of either side.
pub(crate) fn is_redacted(one: &HeldResource) -> bool {
    let mut sides = [&one.original, &one.committed].into_iter().flatten();
    sides.any(State::is_redacted)
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
        ..
    } = journal.intent;
    let changes = changes.into_iter();
    let changes = changes.map(|change| (change.resource, change.original, change.after));
    let held = still_held.into_iter();
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
