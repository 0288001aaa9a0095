//! The journal of one transaction: what was meant, and how far it came.

use std::io;
use std::path::Path;

use netprof_model::held::HeldResource;
use netprof_model::plan::{Change, Dropped, Kept, ProfileRef};
use netprof_model::resource::{Place, Resource};
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, JournalFile};
use crate::error::Error;
use crate::json::{self, Object, Unwritten, Written};
use crate::record::{self, Content, Fault, Position, STATE_LIMIT, Tag};
use crate::runs;

/// What sort of transaction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A profile was applied.
    Apply,
    /// Everything held was taken back.
    Release,
    /// Committed transactions were undone.
    Rollback,
}

impl Kind {
    /// The name, as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Release => "release",
            Self::Rollback => "rollback",
        }
    }
}

/// All that is needed to undo a transaction, and to know what it was for. It is on
/// the disk before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The number of the transaction, from 1.
    pub transaction: u64,
    /// What sort it is.
    pub kind: Kind,
    /// The profile that is active once it is committed; none for a release.
    pub profile: Option<ProfileRef>,
    /// The boot and the network namespace.
    pub place: Place,
    /// When it was started, in seconds since the start of 1970 (UTC).
    pub started: u64,
    /// The transactions that it undoes, newest first.
    pub undone: Vec<u64>,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// What is held and not written: a rollback found it as an older transaction left it,
    /// or it is what was wanted by somebody else's doing.
    pub still_held: Vec<HeldResource>,
    /// What is no longer held although it is not written.
    pub dropped: Vec<Dropped>,
    /// What somebody else changed, and stays so.
    pub kept: Vec<Kept>,
    /// What is changed and lacks a password in its `original`, since the journal that had it
    /// is gone.
    pub lost: Vec<Resource>,
}

/// What a reader of a journal wants of its intent.
pub(crate) trait Outline: Sized {
    fn read(payload: &[u8]) -> serde_json::Result<Self>;
}

impl Outline for Intent {
    fn read(payload: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct IntentFile<'a> {
            transaction: u64,
            kind: Kind,
            profile: Option<ProfileRef>,
            place: Place,
            started: u64,
            #[serde(default)]
            undone: Vec<u64>,
            #[serde(borrow)]
            changes: Vec<runs::changes::Read<'a>>,
            #[serde(default)]
            still_held: Vec<HeldResource>,
            #[serde(default)]
            dropped: Vec<Dropped>,
            #[serde(default)]
            kept: Vec<Kept>,
            #[serde(default)]
            lost: Vec<Resource>,
        }
        let text = json::text(payload)?;
        json::read_runs(text, runs::changes::One::take, |runs| {
            let file: IntentFile = serde_json::from_str(runs.text)?;
            Ok(Self {
                transaction: file.transaction,
                kind: file.kind,
                profile: file.profile,
                place: file.place,
                started: file.started,
                undone: file.undone,
                changes: runs::changes::whole(file.changes, runs)?,
                still_held: file.still_held,
                dropped: file.dropped,
                kept: file.kept,
                lost: file.lost,
            })
        })
    }
}

impl Intent {
    /// Writes it as it is read.
    fn write(&self, to: &mut dyn io::Write) -> Written {
        let Self {
            transaction,
            kind,
            profile,
            place,
            started,
            undone,
            changes,
            still_held,
            dropped,
            kept,
            lost,
        } = self;
        let mut object = Object::new(to);
        object.field("transaction", transaction)?;
        object.field("kind", kind)?;
        object.field("profile", profile)?;
        object.field("place", place)?;
        object.field("started", started)?;
        object.list("undone", undone)?;
        runs::changes::write(object.name("changes")?, changes)?;
        object.list("still_held", still_held)?;
        object.list("dropped", dropped)?;
        object.list("kept", kept)?;
        object.list("lost", lost)?;
        object.end()
    }
}

/// How far a transaction came: the last whole record of its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The intent is there. Any of the changes may have been made.
    Intent,
    /// All changes were written, and not yet verified.
    Applied,
    /// It holds.
    Committed,
    /// It is being taken back.
    RollingBack(Failed),
    /// It was taken back, and that was read back.
    RolledBack(TakenBack),
    /// It could not be taken back whole.
    Incomplete(Remains),
}

/// Payload: why a transaction is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    #[serde(default)]
    pub(crate) why: String,
    /// The changes of which something may have been made that is neither what was
    /// there before nor what was wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) doubted: Vec<u32>,
}

/// Payload: what became of the changes that were not undone, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenBack {
    #[serde(default)]
    pub(crate) why: String,
    /// Somebody else has changed them since.
    #[serde(default)]
    pub(crate) kept: Vec<u32>,
    /// Their link or boot is gone.
    #[serde(default)]
    pub(crate) expired: Vec<u32>,
}

/// Payload: what could not be undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remains {
    #[serde(default)]
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) left: Vec<Remaining>,
    /// The changes that netprof may have made something else of, each with the mark
    /// of what it held in the end, where that could be seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) doubted: Vec<(u32, Option<u32>)>,
}

/// One change that could not be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remaining {
    pub(crate) change: u32,
    pub(crate) why: String,
}

impl Stage {
    /// Whether nothing more is to be done about the transaction.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Committed | Self::RolledBack(_))
    }

    fn tag(&self) -> Tag {
        match self {
            Self::Intent => Tag::Intent,
            Self::Applied => Tag::Applied,
            Self::Committed => Tag::Committed,
            Self::RollingBack(_) => Tag::RollingBack,
            Self::RolledBack(_) => Tag::RolledBack,
            Self::Incomplete(_) => Tag::Incomplete,
        }
    }

    /// The payload, short enough for a record. What is cut off of the rows is for
    /// people only: a recovery looks at the live state, not at them.
    fn payload(&self) -> serde_json::Result<Vec<u8>> {
        // In JSON a character takes at most six bytes: all of it stays under the limit.
        const NUMBERS: usize = 500;
        const ROWS: usize = 8;
        const MARKS: usize = 400;
        let cut = |text: &str| text.chars().take(100).collect::<String>();
        let few = |all: &[u32]| all.iter().copied().take(NUMBERS).collect();
        match self {
            Self::Intent | Self::Applied | Self::Committed => Ok(b"{}".to_vec()),
            Self::RollingBack(failed) => serde_json::to_vec(&Failed {
                why: cut(&failed.why),
                doubted: few(&failed.doubted),
            }),
            Self::RolledBack(back) => serde_json::to_vec(&TakenBack {
                why: cut(&back.why),
                kept: few(&back.kept),
                expired: few(&back.expired),
            }),
            Self::Incomplete(remains) => serde_json::to_vec(&Remains {
                why: cut(&remains.why),
                left: remains
                    .left
                    .iter()
                    .take(ROWS)
                    .map(|one| Remaining {
                        change: one.change,
                        why: cut(&one.why),
                    })
                    .collect(),
                doubted: remains.doubted.iter().copied().take(MARKS).collect(),
            }),
        }
    }

    fn read(last: Option<(Tag, &[u8])>) -> serde_json::Result<Self> {
        Ok(match last {
            None | Some((Tag::Intent, _)) => Self::Intent,
            Some((Tag::Applied, _)) => Self::Applied,
            Some((Tag::Committed, _)) => Self::Committed,
            Some((Tag::RollingBack, payload)) => Self::RollingBack(json::read(payload)?),
            Some((Tag::RolledBack, payload)) => Self::RolledBack(json::read(payload)?),
            Some((Tag::Incomplete, payload)) => Self::Incomplete(json::read(payload)?),
        })
    }
}

/// A journal as it was read. `I` is what of the intent was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journal<I = Intent> {
    pub(crate) intent: I,
    pub(crate) stage: Stage,
    next: Position,
}

/// Reads the journal of transaction `number`; none if it was never begun.
pub(crate) fn read<I: Outline>(disk: &dyn Disk, number: u64) -> Result<Option<Journal<I>>, Error> {
    let path = || disk.journal_path(number);
    let bytes = disk
        .read_journal(number, record::LIMIT)
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path() },
            _ => Error::File {
                operation: "read",
                path: path(),
                source,
            },
        })?;
    let damaged = |why: String| Error::Damaged { path: path(), why };
    match record::read(number, &bytes) {
        Ok(Content::NeverBegun) => Ok(None),
        Ok(Content::Begun { intent, last, next }) => Ok(Some(Journal {
            intent: I::read(intent)
                .map_err(|error| damaged(format!("its intent says nothing: {error}")))?,
            stage: Stage::read(last)
                .map_err(|error| damaged(format!("its last record says nothing: {error}")))?,
            next,
        })),
        Err(Fault::Damaged(why)) => Err(damaged(why.to_owned())),
        Err(Fault::Newer(found)) => Err(Error::Newer {
            path: path(),
            found,
            known: record::VERSION,
        }),
    }
}

/// Whether a record must be on the disk before anything else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    Now,
    Later,
}

/// Writes header and intent, and the zeros for what comes later. Also where the next
/// record goes.
fn begin(file: &mut dyn JournalFile, intent: &Intent, path: &Path) -> Result<Position, Error> {
    let transaction = intent.transaction;
    let mut begun = record::Begin::new(transaction, |bytes, offset| file.write_at(bytes, offset));
    let failed = |source| Error::File {
        operation: "write",
        path: path.to_owned(),
        source,
    };
    match intent.write(&mut begun) {
        Ok(()) => begun.finish().map_err(failed),
        Err(_) if begun.is_too_large() => Err(Error::TooLarge {
            limit: record::LIMIT,
        }),
        Err(Unwritten::Disk(source)) => Err(failed(source)),
        Err(Unwritten::Encode(source)) => Err(Error::Encode {
            transaction,
            source,
        }),
    }
}

/// The journal of a transaction that is under way.
pub(crate) struct Open {
    number: u64,
    file: Box<dyn JournalFile>,
    next: Position,
    path: std::path::PathBuf,
}

impl Open {
    /// Writes the journal of a new transaction. When this returns, the intent is on
    /// the disk; when it fails, there is nothing of which an undo could come.
    pub(crate) fn create(disk: &dyn Disk, intent: &Intent) -> Result<Self, Error> {
        let number = intent.transaction;
        let path = disk.journal_path(number);
        let failed = |operation| {
            let path = path.clone();
            move |source| Error::File {
                operation,
                path,
                source,
            }
        };
        let mut file = disk.create_journal(number).map_err(failed("create"))?;
        let written = begin(file.as_mut(), intent, &path).and_then(|next| {
            file.sync().map_err(failed("sync"))?;
            disk.sync_journals().map_err(failed("sync the folder of"))?;
            Ok(next)
        });
        match written {
            Ok(next) => Ok(Self {
                number,
                file,
                next,
                path,
            }),
            Err(error) => {
                // A full disk must not collect one of these for each attempt. If it stays
                // all the same, it does no harm: nothing was changed on its behalf, which
                // is what a recovery will find.
                let _ = disk.remove_journal(number);
                Err(error)
            }
        }
    }

    /// Opens the journal of an unfinished transaction, to write how it ended.
    pub(crate) fn reopen(disk: &dyn Disk, journal: &Journal) -> Result<Self, Error> {
        let number = journal.intent.transaction;
        let path = disk.journal_path(number);
        let file = disk.open_journal(number).map_err(|source| Error::File {
            operation: "open",
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            number,
            file,
            next: journal.next,
            path,
        })
    }

    /// Adds a record.
    pub(crate) fn write(&mut self, stage: &Stage, durable: Durable) -> Result<(), Error> {
        let failed = |operation| {
            let path = self.path.clone();
            move |source| Error::File {
                operation,
                path,
                source,
            }
        };
        let payload = stage.payload().map_err(|source| Error::Encode {
            transaction: self.number,
            source,
        })?;
        debug_assert!(payload.len() <= STATE_LIMIT, "a record has a bound");
        let (bytes, next) = record::record(self.number, self.next, stage.tag(), &payload);
        // Whatever becomes of this write, the next record goes behind it, with a
        // higher number: so it counts, also if both turn out to be on the disk.
        let at = std::mem::replace(&mut self.next, next);
        self.file
            .write_at(&bytes, at.offset)
            .map_err(failed("write"))?;
        if durable == Durable::Now {
            self.file.sync().map_err(failed("sync"))?;
        }
        Ok(())
    }

    /// The journal, as it would be read now.
    pub(crate) fn close(self, intent: Intent, stage: Stage) -> Journal {
        Journal {
            intent,
            stage,
            next: self.next,
        }
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}
