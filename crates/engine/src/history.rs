//! What netprof did, transaction by transaction.
//!
//! Of each journal no more is kept than what is shown, so that a long history costs
//! no memory. One that cannot be read does not hide the others.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use netprof_model::plan::ProfileRef;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::disk::{Disk, unlisted};
use crate::error::{Error, OffStack};
use crate::journal::{self, Kind, Stage};
use crate::json;

/// One transaction.
#[derive(Debug)]
pub struct Entry {
    /// Its number, from 1.
    pub transaction: u64,
    /// Its journal.
    pub journal: PathBuf,
    /// What is known of it; none if it was never begun or cannot be read.
    pub about: Option<About>,
    /// How it ended.
    pub ending: Ending,
}

/// What a journal says of its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What sort it is.
    pub kind: Kind,
    /// The profile that it made active; none for a release.
    pub profile: Option<ProfileRef>,
    /// When it was started, in seconds since the start of 1970 (UTC).
    pub started: u64,
    /// How many changes it makes.
    pub changes: usize,
    /// The transactions that it undid, newest first.
    pub undone: Vec<u64>,
}

/// How a transaction ended.
#[derive(Debug)]
pub enum Ending {
    /// It was committed, and undone later by the transaction of that number, if any.
    Committed {
        /// Which undid it.
        undone_by: Option<u64>,
    },
    /// It was taken back: why, in the words of then.
    RolledBack(String),
    /// It could not be taken back whole: why it was to be.
    Incomplete(String),
    /// It is under way, or a crash stopped it.
    Unfinished,
    /// A crash came before anything was changed.
    NeverBegun,
    /// Its journal cannot be read.
    Unreadable(Error),
}

impl Ending {
    /// The name, as it stands in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Committed { undone_by: None } => "committed",
            Self::Committed { undone_by: Some(_) } => "undone",
            Self::RolledBack(_) => "rolled-back",
            Self::Incomplete(_) => "rollback-incomplete",
            Self::Unfinished => "unfinished",
            Self::NeverBegun => "never-begun",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// An intent without its changes.
#[derive(Deserialize)]
struct Outline {
    kind: Kind,
    #[serde(default)]
    profile: Option<ProfileRef>,
    started: u64,
    #[serde(default)]
    undone: Vec<u64>,
    changes: Vec<Counted>,
}

impl journal::Outline for Outline {
    fn read(payload: &[u8]) -> serde_json::Result<Self> {
        json::read(payload)
    }
}

/// A change, or a run of them, as far as they are counted.
#[derive(Deserialize)]
struct Counted {
    each: Option<Vec<IgnoredAny>>,
}

/// Reads all journals, oldest first.
pub(crate) fn read(disk: &dyn Disk) -> Result<Vec<Entry>, Error> {
    let numbers = match disk.numbers() {
        Ok(numbers) => numbers,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(unlisted(disk, source)),
    };
    let mut entries: Vec<Entry> = numbers.iter().map(|number| entry(disk, *number)).collect();
    let mut undone_by = HashMap::new();
    for entry in &entries {
        if let (Some(about), Ending::Committed { .. }) = (&entry.about, &entry.ending) {
            undone_by.extend(about.undone.iter().map(|one| (*one, entry.transaction)));
        }
    }
    for entry in &mut entries {
        if let Ending::Committed { undone_by: by } = &mut entry.ending {
            *by = undone_by.get(&entry.transaction).copied();
        }
    }
    Ok(entries)
}

/// Why `transaction` is not one that can be undone.
pub(crate) fn off_stack(disk: &dyn Disk, transaction: u64) -> Error {
    let entries = match read(disk) {
        Ok(entries) => entries,
        Err(error) => return error,
    };
    let mut entries = entries.into_iter();
    let found = entries.find(|entry| entry.transaction == transaction);
    let is_rollback = |about: About| about.kind == Kind::Rollback;
    let why = match found.map(|entry| (entry.ending, entry.about)) {
        None => OffStack::Unknown,
        Some((Ending::Committed { undone_by }, about)) => match undone_by {
            Some(by) => OffStack::Undone { by },
            None if about.is_some_and(is_rollback) => OffStack::Rollback,
            None => OffStack::TooOld,
        },
        Some((Ending::RolledBack(_) | Ending::Incomplete(_) | Ending::Unfinished, _)) => {
            OffStack::Failed
        }
        Some((Ending::NeverBegun, _)) => OffStack::NeverBegun,
        Some((Ending::Unreadable(error), _)) => return error,
    };
    Error::NotOnStack { transaction, why }
}

fn entry(disk: &dyn Disk, number: u64) -> Entry {
    let (about, ending) = match journal::read::<Outline>(disk, number) {
        Err(error) => (None, Ending::Unreadable(error)),
        Ok(None) => (None, Ending::NeverBegun),
        Ok(Some(journal)) => {
            let outline = journal.intent;
            let about = About {
                kind: outline.kind,
                profile: outline.profile,
                started: outline.started,
                changes: outline
                    .changes
                    .iter()
                    .map(|one| one.each.as_ref().map_or(1, Vec::len))
                    .sum(),
                undone: outline.undone,
            };
            let ending = match journal.stage {
                Stage::Committed => Ending::Committed { undone_by: None },
                Stage::RolledBack(back) => Ending::RolledBack(back.why),
                Stage::Incomplete(remains) => Ending::Incomplete(remains.why),
                Stage::Intent | Stage::Applied | Stage::RollingBack(_) => Ending::Unfinished,
            };
            (Some(about), ending)
        }
    };
    Entry {
        transaction: number,
        journal: disk.journal_path(number),
        about,
        ending,
    }
}
