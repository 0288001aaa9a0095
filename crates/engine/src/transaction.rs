//! One transaction, step by step. Each step takes the one before it, so none can be
//! left out, done twice or done in another order: what is not journaled cannot be
//! applied, what is not verified cannot be committed, and what failed can only be
//! rolled back.

use std::collections::HashSet;

use netprof_model::plan::{Change, Expectation, Kept};
use netprof_model::resource::{Place, Resource};
use netprof_model::seeded::Seeded;

use crate::backend::{Backend, Mode};
use crate::error::Error;
use crate::journal::{self, Durable, Intent, Journal, Kind, Open, Remaining, Remains, Stage};
use crate::report::{Committed, RollbackIncomplete, RolledBack};
use crate::store::Store;
use crate::undo::{Doubts, NotUndone, Undone, undo};
use crate::verify;

/// What every step works on.
pub(crate) struct Run<'e> {
    pub(crate) store: &'e mut Store,
    pub(crate) backend: &'e mut dyn Backend,
    pub(crate) cancelled: &'e dyn Fn() -> bool,
}

/// Nothing has been changed, and nothing is on the disk.
#[must_use]
pub(crate) struct Planned<'e> {
    pub(crate) run: Run<'e>,
    pub(crate) intent: Intent,
    pub(crate) expectations: &'e [Expectation],
}

struct Begun<'e> {
    run: Run<'e>,
    journal: Open,
    intent: Intent,
    expectations: &'e [Expectation],
}

/// The intent is on the disk, and nothing has been changed.
#[must_use]
pub(crate) struct Journaled<'e>(Begun<'e>);

/// The system took all changes.
#[must_use]
pub(crate) struct Applied<'e>(Begun<'e>);

/// All changes show, and packets go where they should.
#[must_use]
pub(crate) struct Verified<'e>(Begun<'e>);

/// A step failed: any of the changes may have been made.
#[must_use]
pub(crate) struct Failed<'e> {
    begun: Begun<'e>,
    /// Where it is to be taken back: another place than where it was made after a
    /// crash.
    here: Place,
    why: Error,
    doubts: Doubts,
    /// Whether the journal may say that it is committed, and cannot be read.
    contested: bool,
    /// Whether the journal says already that it is taken back.
    marked: bool,
}

impl<'e> Planned<'e> {
    /// Puts the intent on the disk.
    ///
    /// # Errors
    ///
    /// Nothing has been changed then.
    pub(crate) fn journal(self) -> Result<Journaled<'e>, Error> {
        let Self {
            run,
            intent,
            expectations,
        } = self;
        let changes = intent.changes.len();
        let mut seen = HashSet::with_capacity_and_hasher(changes, Seeded::default());
        for change in &intent.changes {
            if !seen.insert(&change.resource) {
                return Err(Error::Repeated {
                    resource: Box::new(change.resource.clone()),
                });
            }
        }
        drop(seen);
        if (run.cancelled)() {
            return Err(Error::Cancelled);
        }
        let journal = run.store.begin(&intent)?;
        Ok(Journaled(Begun {
            run,
            journal,
            intent,
            expectations,
        }))
    }
}

impl<'e> Journaled<'e> {
    /// Makes the changes.
    pub(crate) fn apply(self) -> Result<Applied<'e>, Box<Failed<'e>>> {
        let mut begun = self.0;
        // What a rollback removes may be gone by itself, with the address or link
        // that it removed just before.
        let mode = match begun.intent.kind {
            Kind::Apply | Kind::Release => Mode::Forward,
            Kind::Rollback => Mode::Back,
        };
        if (begun.run.cancelled)() {
            return Err(begun.failed(Error::Cancelled));
        }
        if !begun.intent.changes.is_empty()
            && let Err(refusals) = begun.run.backend.apply(&begun.intent.changes, mode)
        {
            return Err(begun.failed(Error::Refused { refusals }));
        }
        // Not synced: a recovery does the same whether it finds this or the intent.
        match begun.journal.write(&Stage::Applied, Durable::Later) {
            Ok(()) => Ok(Applied(begun)),
            Err(error) => Err(begun.failed(error)),
        }
    }
}

impl<'e> Applied<'e> {
    /// Reads the changes back, and asks the kernel.
    pub(crate) fn verify(self) -> Result<Verified<'e>, Box<Failed<'e>>> {
        let mut begun = self.0;
        match begun.check() {
            Ok(()) => Ok(Verified(begun)),
            Err(why) => Err(begun.failed(why)),
        }
    }
}

impl<'e> Verified<'e> {
    /// Puts on the disk that it holds. From then on a signal comes too late. Gives the
    /// changes back.
    pub(crate) fn commit(self) -> Result<(Committed, Vec<Change>), Box<Failed<'e>>> {
        let mut begun = self.0;
        if let Err(why) = begun.journal.write(&Stage::Committed, Durable::Now) {
            // The record may be there all the same. Before anything is undone, the disk
            // must not say any more that it is committed; where it cannot be told so,
            // what it says is what the next command believes, and that goes.
            match begun.contest(&why) {
                Contest::Won { marked } => {
                    let mut failed = begun.failed(why);
                    failed.marked = marked;
                    return Err(failed);
                }
                Contest::Lost => begun.run.store.warnings.push(why),
                Contest::Open => return Err(begun.failed(why).contested()),
            }
        }
        begun.run.store.committed(&begun.intent);
        let committed = Committed {
            transaction: begun.intent.transaction,
            journal: begun.journal.path().to_owned(),
        };
        Ok((committed, begun.intent.changes))
    }
}

/// What the disk says after the record of the commit failed.
enum Contest {
    /// Not that it is committed; `marked` if it says that it is taken back.
    Won { marked: bool },
    /// That it is committed.
    Lost,
    /// It cannot be read.
    Open,
}

impl<'e> Begun<'e> {
    fn contest(&mut self, why: &Error) -> Contest {
        let stage = Stage::RollingBack(journal::Failed {
            why: why.to_string(),
            doubted: Vec::new(),
        });
        if self.journal.write(&stage, Durable::Now).is_ok() {
            return Contest::Won { marked: true };
        }
        let disk = self.run.store.disk.as_ref();
        match journal::read::<Intent>(disk, self.intent.transaction) {
            Ok(Some(journal)) if journal.stage == Stage::Committed => Contest::Lost,
            Ok(Some(_)) => Contest::Won { marked: false },
            Ok(None) | Err(_) => Contest::Open,
        }
    }

    fn check(&mut self) -> Result<(), Error> {
        let Run {
            backend, cancelled, ..
        } = &mut self.run;
        if cancelled() {
            return Err(Error::Cancelled);
        }
        verify::read_back(*backend, &self.intent.changes)?;
        verify::ask(*backend, self.expectations)?;
        if cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    fn failed(self, why: Error) -> Box<Failed<'e>> {
        Box::new(Failed {
            here: self.intent.place.clone(),
            doubts: doubted(&why, &self.intent.changes),
            begun: self,
            why,
            contested: false,
            marked: false,
        })
    }
}

/// The changes that may hold, because of `why`, what is neither before nor after.
///
/// The kernel makes a request whole or not at all: what it refused and holds something
/// else was changed by somebody. The DNS settings of a link take several calls, and a
/// delegate is a file and what the resolver makes of it.
fn doubted(why: &Error, changes: &[Change]) -> Doubts {
    match why {
        Error::Refused { refusals } => refusals
            .iter()
            .filter(|one| {
                matches!(
                    one.change.resource,
                    Resource::DnsLink { .. } | Resource::DnsDelegate { .. }
                )
            })
            .map(|one| (one.change.id, None))
            .collect(),
        Error::Differs { differences } => {
            let differs: HashSet<&Resource> = differences.iter().map(|one| &one.resource).collect();
            changes
                .iter()
                .filter(|change| differs.contains(&change.resource))
                .map(|change| (change.id, None))
                .collect()
        }
        _ => Doubts::new(),
    }
}

impl<'e> Failed<'e> {
    /// A transaction that a crash, or a rollback that was incomplete, left behind.
    ///
    /// # Errors
    ///
    /// Where its journal cannot be opened: nothing has been changed then.
    pub(crate) fn earlier(run: Run<'e>, here: Place, journal: Journal) -> Result<Self, Error> {
        let open = match Open::reopen(run.store.disk.as_ref(), &journal) {
            Ok(open) => open,
            Err(error) => {
                run.store.put_unfinished(journal);
                return Err(error);
            }
        };
        // An incomplete rollback is marked anew before it is tried again: what it says
        // of the changes that it left is true only until then.
        let marked = matches!(journal.stage, Stage::RollingBack(_));
        let (earlier, doubts) = match journal.stage {
            Stage::RollingBack(journal::Failed { why, doubted }) => (
                Some(why),
                doubted.into_iter().map(|id| (id, None)).collect(),
            ),
            Stage::Incomplete(Remains { why, doubted, .. }) => {
                (Some(why), doubted.into_iter().collect())
            }
            _ => (None, Doubts::new()),
        };
        Ok(Self {
            begun: Begun {
                run,
                journal: open,
                intent: journal.intent,
                expectations: &[],
            },
            here,
            doubts,
            contested: false,
            marked,
            why: earlier.map_or(Error::Interrupted, |why| Error::Resumed { why }),
        })
    }

    /// The same, of a journal that may say that it is committed, and cannot be read.
    fn contested(mut self: Box<Self>) -> Box<Self> {
        self.contested = true;
        self
    }

    /// Undoes what was done, newest first, and looks whether that is so. Gives the changes
    /// back.
    pub(crate) fn roll_back(self) -> (Result<RolledBack, RollbackIncomplete>, Vec<Change>) {
        let Self {
            mut begun,
            here,
            why,
            doubts,
            contested,
            marked,
        } = self;
        let words = match &why {
            Error::Resumed { why } => why.clone(),
            other => other.to_string(),
        };
        if !marked {
            // Not synced: a recovery does the same without it. That it could not be
            // written stops nothing: undoing comes first, and the record that tells of
            // it is written below.
            let stage = Stage::RollingBack(journal::Failed {
                why: words.clone(),
                doubted: doubts.keys().copied().collect(),
            });
            let _ = begun.journal.write(&stage, Durable::Later);
        }
        let transaction = begun.intent.transaction;
        let path = begun.journal.path().to_owned();
        match undo(
            begun.run.backend,
            &here,
            &begun.intent.place,
            &begun.intent.changes,
            doubts,
        ) {
            Ok(undone) => {
                let (written, changes) = begun.close(Stage::rolled_back(&words, &undone));
                let unrecorded = written.err();
                if contested && unrecorded.is_some() {
                    // The system is as it was, and the journal may say the opposite.
                    let incomplete = RollbackIncomplete {
                        transaction,
                        journal: path,
                        why,
                        left: Vec::new(),
                        kept: without_numbers(undone.kept),
                        unrecorded,
                    };
                    return (Err(incomplete), changes);
                }
                let back = RolledBack {
                    transaction,
                    journal: path,
                    why,
                    kept: without_numbers(undone.kept),
                    expired: undone.expired.into_iter().map(|(_, one)| one).collect(),
                    unrecorded,
                };
                (Ok(back), changes)
            }
            Err(not) => {
                let (written, changes) = begun.close(Stage::incomplete(&words, &not));
                let incomplete = RollbackIncomplete {
                    transaction,
                    journal: path,
                    why,
                    left: not.left,
                    kept: without_numbers(not.kept),
                    unrecorded: written.err(),
                };
                (Err(incomplete), changes)
            }
        }
    }
}

impl Begun<'_> {
    /// Writes how it ended. What the disk does not know to be over is tried again by
    /// the next command, also if that is one of the same process. Gives the changes back.
    fn close(mut self, stage: Stage) -> (Result<(), Error>, Vec<Change>) {
        let written = self.journal.write(&stage, Durable::Now);
        if written.is_ok() && stage.is_final() {
            self.run.store.taken_back(self.intent.transaction);
            return (written, self.intent.changes);
        }
        let changes = self.intent.changes.clone();
        let journal = self.journal.close(self.intent, stage);
        self.run.store.put_unfinished(journal);
        (written, changes)
    }
}

impl Stage {
    fn rolled_back(why: &str, undone: &Undone) -> Self {
        Self::RolledBack(journal::TakenBack {
            why: why.to_owned(),
            kept: undone.kept.iter().map(|(id, _)| *id).collect(),
            expired: undone.expired.iter().map(|(id, _)| *id).collect(),
        })
    }

    fn incomplete(why: &str, not: &NotUndone) -> Self {
        Self::Incomplete(Remains {
            why: why.to_owned(),
            left: not
                .left
                .iter()
                .map(|left| Remaining {
                    change: left.change,
                    why: left.why.clone(),
                })
                .collect(),
            doubted: not.doubts.iter().map(|(id, mark)| (*id, *mark)).collect(),
        })
    }
}

fn without_numbers(kept: Vec<(u32, Kept)>) -> Vec<Kept> {
    kept.into_iter().map(|(_, kept)| kept).collect()
}
