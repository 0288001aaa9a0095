//! Taking changes back, by what is live.
//!
//! For each change, newest first: what is live is what it was before: done. What is
//! live is what netprof made: the inverse is written. Anything else was made by
//! somebody else, and stays. What the calls returned is of no interest: a refused
//! call may have been carried out all the same (a bus call that timed out), and a
//! crash leaves no return values. That is also why a change that was refused is
//! looked at like any other.

use std::collections::{HashMap, HashSet};

use netprof_model::Snapshot;
use netprof_model::plan::{Change, Kept};
use netprof_model::resource::{Lasts, Place, Resource};
use netprof_model::snapshot::Index;

use crate::backend::{Backend, Mode};
use crate::report::Left;
use crate::verify;

/// How often the inverse of a change is written, at most. Each time is followed by
/// an observation, also the last.
const ATTEMPTS: usize = 3;

/// Everything that was to be undone is as it was before.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    /// What somebody else has changed; the numbers of the changes beside.
    pub(crate) kept: Vec<(u32, Kept)>,
    /// What is gone with its link or boot.
    pub(crate) expired: Vec<(u32, Resource)>,
}

/// Not everything is.
#[derive(Debug)]
pub(crate) struct NotUndone {
    pub(crate) left: Vec<Left>,
    pub(crate) kept: Vec<(u32, Kept)>,
}

/// Whether what `change` made at `place` is gone by itself.
pub(crate) fn is_expired(snapshot: &Snapshot, place: &Place, change: &Change) -> bool {
    change.lasts != Lasts::Durable
        && snapshot.is_expired(&Place {
            link: change.link.clone(),
            ..place.clone()
        })
}

/// Undoes `changes`, which were made at `made` in their order, from `here`.
///
/// It succeeds only by an observation that finds nothing left to undo; where all of
/// it went with another boot, nothing needs to be observed.
pub(crate) fn undo(
    backend: &mut dyn Backend,
    here: &Place,
    made: &Place,
    changes: &[Change],
) -> Result<Undone, NotUndone> {
    let (lost, changes): (Vec<_>, Vec<_>) = changes
        .iter()
        .partition(|change| here.boot != made.boot && change.lasts != Lasts::Durable);
    let mut expired: Vec<_> = lost
        .into_iter()
        .map(|change| (change.id, change.resource.clone()))
        .collect();
    if changes.is_empty() {
        return Ok(Undone {
            kept: Vec::new(),
            expired,
        });
    }
    let mut written: HashSet<u32> = HashSet::new();
    let mut refused: HashMap<u32, String> = HashMap::new();
    let mut attempts = 0;
    loop {
        let looked = look(backend, here, made, &changes, &written);
        if looked.left.is_empty() {
            expired.extend(looked.expired);
            return Ok(Undone {
                kept: looked.kept,
                expired,
            });
        }
        if attempts == ATTEMPTS {
            return Err(looked.not_undone(&refused));
        }
        attempts += 1;
        let inverses: Vec<Change> = looked.ours.iter().map(|one| one.inverse()).collect();
        written.extend(inverses.iter().map(|inverse| inverse.id));
        refused.clear();
        if !inverses.is_empty()
            && let Err(refusals) = backend.apply(&inverses, Mode::Back)
        {
            refused.extend(refusals.into_iter().map(|one| (one.change.id, one.why)));
        }
    }
}

/// How the changes stand, newest first.
#[derive(Default)]
struct Looked<'a> {
    /// What is live is what netprof made of it.
    ours: Vec<&'a Change>,
    /// All that is not as it was and not somebody else's: `ours`, and what could not
    /// be seen.
    left: Vec<Left>,
    kept: Vec<(u32, Kept)>,
    expired: Vec<(u32, Resource)>,
}

impl Looked<'_> {
    fn not_undone(self, refused: &HashMap<u32, String>) -> NotUndone {
        let mut left = self.left;
        for one in &mut left {
            if let Some(why) = refused.get(&one.change) {
                one.why.clone_from(why);
            }
        }
        NotUndone {
            left,
            kept: self.kept,
        }
    }
}

fn look<'a>(
    backend: &mut dyn Backend,
    here: &Place,
    made: &Place,
    changes: &[&'a Change],
    written: &HashSet<u32>,
) -> Looked<'a> {
    let mut looked = Looked::default();
    let left = |change: &Change, found, why: String| Left {
        change: change.id,
        resource: change.resource.clone(),
        wanted: change.before.clone(),
        found,
        why,
    };
    let mut snapshot = match backend.observe(verify::need(changes.iter().copied())) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let why = error.to_string();
            looked.left = changes
                .iter()
                .rev()
                .map(|change| left(change, None, why.clone()))
                .collect();
            return looked;
        }
    };
    snapshot.place = here.clone();
    let index = Index::new(&snapshot);
    for change in changes.iter().rev() {
        if is_expired(&snapshot, made, change) {
            looked.expired.push((change.id, change.resource.clone()));
            continue;
        }
        match index.state(&change.resource) {
            Err(error) => looked.left.push(left(change, None, error.to_string())),
            Ok(live) if live == change.before => {}
            Ok(live) if live == change.after => {
                looked.ours.push(change);
                let why = "it is still as netprof made it".to_owned();
                looked.left.push(left(change, live, why));
            }
            // Its inverse was written, and something else came of it. Whether that is
            // netprof's doing cannot be told, so it is not called somebody else's.
            Ok(live) if written.contains(&change.id) => {
                let why = "it was written back, and holds something else".to_owned();
                looked.left.push(left(change, live, why));
            }
            Ok(live) => looked.kept.push((
                change.id,
                Kept {
                    resource: change.resource.clone(),
                    committed: change.after.clone(),
                    live,
                    owner: index.owner(&change.resource),
                },
            )),
        }
    }
    looked
}
