//! Taking changes back, by what is live.
//!
//! For each change, newest first: what is live is what it was before: done. What is
//! live is what netprof made, or half of it: what was before is written over what is
//! live. Anything else was made by somebody else, and stays, unless it may be netprof's
//! all the same: then nothing says that all is as it was. That a call was refused does
//! not say that nothing came of it (one of several calls about a link, a bus call that
//! timed out), and a crash leaves no return values: a change that was refused is looked
//! at like any other.

use std::collections::{BTreeMap, HashMap};

use netprof_model::Snapshot;
use netprof_model::dns::DnsLink;
use netprof_model::plan::{Change, Kept};
use netprof_model::resource::{Lasts, Place, Resource, State};
use netprof_model::snapshot::Index;

use crate::backend::{Backend, Mode};
use crate::report::Left;
use crate::verify;

/// How often the inverse of a change is written, at most. Each time is followed by
/// an observation, also the last.
const ATTEMPTS: usize = 3;

/// The changes, by their numbers, of which something may have come that is neither what
/// was there before nor what was wanted: those that were refused on their way, that
/// read back as something else, or whose inverse was written. With each, the [`mark`]
/// of what it held when netprof last looked, if it has looked: what differs from that
/// was changed by somebody else since.
pub(crate) type Doubts = BTreeMap<u32, Option<u32>>;

/// Stands for a state; none for absent.
pub(crate) fn mark(state: Option<&State>) -> u32 {
    // A state is plain data with names for keys: there is nothing that JSON cannot hold.
    crc32fast::hash(&serde_json::to_vec(&state).unwrap_or_default())
}

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
    pub(crate) doubts: Doubts,
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
    mut doubts: Doubts,
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
    let mut refused: HashMap<u32, String> = HashMap::new();
    let mut attempts = 0;
    loop {
        let mut looked = look(backend, here, made, &changes, &doubts);
        if attempts > 0 {
            looked.leave_refused(&refused);
        }
        looked.inverses.append(&mut looked.unseen);
        if looked.left.is_empty() && looked.inverses.is_empty() {
            expired.extend(looked.expired);
            return Ok(Undone {
                kept: looked.kept,
                expired,
            });
        }
        if attempts == ATTEMPTS {
            return Err(looked.not_undone(&refused, &doubts));
        }
        attempts += 1;
        let inverses = looked.inverses;
        doubts.extend(inverses.iter().map(|inverse| (inverse.id, None)));
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
struct Looked {
    /// What turns into what it was before that which netprof made, whole or half.
    inverses: Vec<Change>,
    /// What shows as it was, and may not be all: see [`is_told_apart`] and [`is_beside`]. It
    /// is written once more, and again where that was refused.
    unseen: Vec<Change>,
    /// All that is not as it was and not somebody else's: what `inverses` are for, what
    /// may be netprof's, and what could not be seen.
    left: Vec<Left>,
    /// What each of `left` that could be seen holds.
    marks: Doubts,
    kept: Vec<(u32, Kept)>,
    expired: Vec<(u32, Resource)>,
}

impl Looked {
    /// Of `unseen`, leaves to do what was refused: it does not show whether it is done, so
    /// that a call says so is all that there is.
    fn leave_refused(&mut self, refused: &HashMap<u32, String>) {
        self.unseen.retain(|one| refused.contains_key(&one.id));
        for one in &self.unseen {
            self.marks.insert(one.id, Some(mark(one.before.as_ref())));
            self.left.push(Left {
                change: one.id,
                resource: one.resource.clone(),
                wanted: one.after.clone(),
                found: one.before.clone(),
                why: "nobody could be told of it".to_owned(),
            });
        }
    }

    fn not_undone(self, refused: &HashMap<u32, String>, doubts: &Doubts) -> NotUndone {
        let mut left = self.left;
        for one in &mut left {
            if let Some(why) = refused.get(&one.change) {
                one.why.clone_from(why);
            }
        }
        let doubts = left
            .iter()
            .filter_map(|left| {
                let before = doubts.get(&left.change)?;
                let now = self.marks.get(&left.change).unwrap_or(before);
                Some((left.change, *now))
            })
            .collect();
        NotUndone {
            left,
            kept: self.kept,
            doubts,
        }
    }
}

fn look(
    backend: &mut dyn Backend,
    here: &Place,
    made: &Place,
    changes: &[&Change],
    doubts: &Doubts,
) -> Looked {
    let mut looked = Looked::default();
    let left = |change: &Change, found, why: String| Left {
        change: change.id,
        resource: change.resource.clone(),
        wanted: change.before.clone(),
        found,
        why,
    };
    let mut snapshot = match backend.observe(verify::need_to_undo(changes.iter().copied())) {
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
        let live = match index.state(&change.resource) {
            Ok(live) => live,
            Err(error) => {
                looked.left.push(left(change, None, error.to_string()));
                // What a delegate is lies in a file that carries netprof's mark: it is
                // put right for the resolver's next start.
                if matches!(change.resource, Resource::DnsDelegate { .. }) {
                    looked.inverses.push(change.inverse());
                }
                continue;
            }
        };
        if live == change.before {
            let is_same_boot = here.boot == made.boot;
            if is_same_boot && is_told_apart(&change.resource) || is_beside(&change.resource) {
                looked.unseen.push(Change {
                    before: live,
                    ..change.inverse()
                });
            }
            continue;
        }
        let doubt = doubts.get(&change.id);
        let changed_since =
            doubt.is_some_and(|then| then.is_some_and(|then| then != mark(live.as_ref())));
        let why = if live == change.after {
            Some("it is still as netprof made it")
        } else if changed_since {
            None
        } else if is_half_made(change, live.as_ref()) {
            Some("it holds a part of what netprof made")
        } else if doubt.is_some() {
            // Whether that is netprof's doing cannot be told: it is neither called
            // somebody else's nor written over.
            looked.marks.insert(change.id, Some(mark(live.as_ref())));
            let why = "netprof has written to it, and it holds something else";
            looked.left.push(left(change, live, why.to_owned()));
            continue;
        } else {
            None
        };
        match why {
            Some(why) => {
                looked.inverses.push(Change {
                    before: live.clone(),
                    ..change.inverse()
                });
                looked.marks.insert(change.id, Some(mark(live.as_ref())));
                looked.left.push(left(change, live, why.to_owned()));
            }
            None => looked.kept.push((
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

/// Whether it is written in one place and a daemon that goes by it is told in a second
/// step, so that a kill between the two leaves what shows and what holds apart. It is then
/// written once more, whatever shows.
///
/// A resolver shows what it read of the file of a delegate, not what stands in it. The
/// preferences are the other way round: they read as they were, and configd goes by what
/// they were when it was told last (SCPreferencesApplyChanges after
/// SCPreferencesCommitChanges). A daemon that was started in another boot has read both.
fn is_told_apart(resource: &Resource) -> bool {
    matches!(
        resource,
        Resource::DnsDelegate { .. } | Resource::Proxies { .. }
    )
}

/// Whether something may lie beside it that does not show: a file is written under another
/// name first, in folders that are made for it. It is told once more that nothing is to be
/// there, in any boot.
fn is_beside(resource: &Resource) -> bool {
    match resource {
        Resource::File { .. } => true,
        Resource::Settings(settings) => settings.path().is_some(),
        _ => false,
    }
}

/// Whether `live`, which is neither what `change` found nor what it makes, is what a stop
/// on the way from one to the other leaves.
///
/// Where the kernel cannot replace, the old is removed before the new is added. A link's
/// DNS settings take a call for each attribute, some of them behind a revert to nothing.
/// And a delegate has a name of netprof's own, and a file with its mark, which is looked
/// at again before it is touched: a resolver may make something else of it. A file, the
/// preferences and a key of the dynamic store are replaced in one step: where they are
/// gone, it was somebody else, or configd that started anew.
fn is_half_made(change: &Change, live: Option<&State>) -> bool {
    match (&change.before, live, &change.after) {
        (Some(_), None, Some(_)) => !matches!(
            change.resource,
            Resource::Store { .. }
                | Resource::File { .. }
                | Resource::Proxies { .. }
                | Resource::Settings(_)
                | Resource::NftTable
        ),
        (_, Some(State::DnsDelegate(_)), _) => true,
        (before, Some(State::DnsLink(live)), after) => {
            let unset = DnsLink::default();
            let mut sides = vec![&unset];
            for side in [before, after, &change.original] {
                if let Some(State::DnsLink(side)) = side {
                    sides.push(side);
                }
            }
            is_mixed_of(live, &sides)
        }
        _ => false,
    }
}

/// Whether each attribute of `live` is that of one of `sides`.
fn is_mixed_of(live: &DnsLink, sides: &[&DnsLink]) -> bool {
    // Taken apart, so that an attribute that is new cannot be forgotten here.
    let DnsLink {
        servers,
        domains,
        default_route,
        llmnr,
        mdns,
        dns_over_tls,
        dnssec,
        negative_trust_anchors,
    } = live;
    let any = |same: &dyn Fn(&DnsLink) -> bool| sides.iter().any(|side| same(side));
    any(&|side| side.servers == *servers)
        && any(&|side| side.domains == *domains)
        && any(&|side| side.default_route == *default_route)
        && any(&|side| side.llmnr == *llmnr)
        && any(&|side| side.mdns == *mdns)
        && any(&|side| side.dns_over_tls == *dns_over_tls)
        && any(&|side| side.dnssec == *dnssec)
        && any(&|side| side.negative_trust_anchors == *negative_trust_anchors)
}
