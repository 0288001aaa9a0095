//! What became of a command, as plain data: the command line puts it into words.

use std::path::{Path, PathBuf};

use netprof_model::plan::{Kept, Plan};
use netprof_model::resource::{Resource, State};

use crate::error::Error;

/// What became of an apply, a release or a rollback.
#[derive(Debug)]
#[must_use = "it says whether anything was done"]
pub struct Report {
    /// What it came to.
    pub outcome: Outcome,
    /// What was planned. Empty where an older transaction stood in the way.
    pub plan: Plan,
    /// What an earlier crash had left, and was finished first.
    pub recovered: Option<Recovered>,
    /// What went wrong on the side and does not change the outcome: `held.json` could
    /// not be written, say, and will be derived anew.
    pub warnings: Vec<Error>,
}

impl Report {
    /// What somebody else changed, and was left as it is.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        match &self.outcome {
            Outcome::RolledBack(back) => &back.kept,
            Outcome::RollbackIncomplete(incomplete) => &incomplete.kept,
            Outcome::Committed(_) | Outcome::Unchanged | Outcome::Refused => &self.plan.kept,
        }
    }
}

/// What a transaction came to.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, verified, and on the disk.
    Committed(Committed),
    /// There was nothing to do: no journal was written.
    Unchanged,
    /// The plan says why it cannot be carried out: nothing was changed.
    Refused,
    /// It failed; everything is as it was, which was read back.
    RolledBack(RolledBack),
    /// It failed, and not everything could be taken back. The next command that
    /// changes something tries again first.
    RollbackIncomplete(RollbackIncomplete),
}

impl Outcome {
    /// The name, as it stands in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Committed(_) => "committed",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::RolledBack(_) => "rolled-back",
            Self::RollbackIncomplete(_) => "rollback-incomplete",
        }
    }

    /// The exit code: 0 done, 1 refused, 3 rolled back, 4 rollback incomplete.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Committed(_) | Self::Unchanged => 0,
            Self::Refused => 1,
            Self::RolledBack(_) => 3,
            Self::RollbackIncomplete(_) => 4,
        }
    }

    /// The transaction, where one was begun.
    #[must_use]
    pub fn transaction(&self) -> Option<u64> {
        match self {
            Self::Committed(done) => Some(done.transaction),
            Self::RolledBack(back) => Some(back.transaction),
            Self::RollbackIncomplete(incomplete) => Some(incomplete.transaction),
            Self::Unchanged | Self::Refused => None,
        }
    }

    /// Its journal, where one was begun.
    #[must_use]
    pub fn journal(&self) -> Option<&Path> {
        match self {
            Self::Committed(done) => Some(&done.journal),
            Self::RolledBack(back) => Some(&back.journal),
            Self::RollbackIncomplete(incomplete) => Some(&incomplete.journal),
            Self::Unchanged | Self::Refused => None,
        }
    }
}

/// A transaction that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its number, from 1.
    pub transaction: u64,
    /// Its journal.
    pub journal: PathBuf,
}

/// A transaction that was taken back. Only an observation that found nothing left
/// to undo makes one of these.
#[derive(Debug)]
pub struct RolledBack {
    /// Its number, from 1.
    pub transaction: u64,
    /// Its journal.
    pub journal: PathBuf,
    /// Why it was taken back.
    pub why: Error,
    /// What somebody else has changed since, and was left as it is.
    pub kept: Vec<Kept>,
    /// What went away with its link or its boot.
    pub expired: Vec<Resource>,
    /// Why the journal could not be told, where it could not: the next command that
    /// changes something looks again whether all is as it was.
    pub unrecorded: Option<Error>,
}

/// A transaction that could not be taken back whole.
#[derive(Debug)]
pub struct RollbackIncomplete {
    /// Its number, from 1.
    pub transaction: u64,
    /// Its journal, which has all that is needed to undo it by hand.
    pub journal: PathBuf,
    /// Why it was to be taken back.
    pub why: Error,
    /// What is left of it. Nothing, where only the journal could not be told that it is
    /// taken back, and may say that it is committed.
    pub left: Vec<Left>,
    /// What somebody else has changed since, and was left as it is.
    pub kept: Vec<Kept>,
    /// Why the journal could not be told, where it could not.
    pub unrecorded: Option<Error>,
}

/// A change that could not be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The number of the change within its plan, from 1.
    pub change: u32,
    /// Of which resource.
    pub resource: Resource,
    /// What should be there again; none for absent.
    pub wanted: Option<State>,
    /// What is there; none for absent, or where it could not be read.
    pub found: Option<State>,
    /// Why it is left, in the system's words.
    pub why: String,
}

/// An unfinished transaction that was finished now.
#[derive(Debug)]
pub enum Recovered {
    /// It is as if it had never been.
    RolledBack(RolledBack),
    /// It still is not.
    Incomplete(RollbackIncomplete),
}
