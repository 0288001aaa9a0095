//! What is held, and which journal is next: read once when a command starts.
//!
//! `held.json` says up to which transaction it sums the journals up. As a rule that
//! is the newest one, and then no journal is opened at all: a command costs one
//! listing and one file however long the history is.

use std::io;

use netprof_model::held::{self, Committed, Held};
use serde::Deserialize;

use crate::disk::{Disk, unlisted};
use crate::error::Error;
use crate::fold::fold;
use crate::journal::{self, Journal, Open, Stage};
use crate::json::{self, Object, Unwritten, Written};
use crate::lock::Lock;
use crate::{runs, secrets};

/// The newest version of the format of `held.json`, in which neighbours that are alike are
/// written as one. Version 1 says everything of each resource.
const VERSION: u32 = 2;

/// The largest `held.json` that is read, in bytes.
const HELD_LIMIT: usize = 64 << 20;

/// The state folder of a command that changes something.
pub(crate) struct Store {
    pub(crate) disk: Box<dyn Disk>,
    _lock: Option<Lock>,
    held: Held,
    newest: u64,
    /// The newest transaction, if it has neither been committed nor taken back.
    unfinished: Option<Journal>,
    /// What went wrong and does no harm.
    pub(crate) warnings: Vec<Error>,
}

/// What the journals and `held.json` say together.
struct Sum {
    held: Held,
    newest: u64,
    unfinished: Option<Journal>,
    /// Whether `held.json` says all of it already.
    current: bool,
}

impl Store {
    pub(crate) fn open(disk: Box<dyn Disk>, lock: Option<Lock>) -> Result<Self, Error> {
        let numbers = disk
            .numbers()
            .map_err(|source| unlisted(disk.as_ref(), source))?;
        let mut sum = sum(disk.as_ref(), stored(disk.as_ref())?, &numbers)?;
        secrets::restore(disk.as_ref(), &mut sum.held, &numbers);
        let mut store = Self {
            disk,
            _lock: lock,
            held: sum.held,
            newest: sum.newest,
            unfinished: sum.unfinished,
            warnings: Vec::new(),
        };
        if !sum.current {
            store.save();
        }
        Ok(store)
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// What is held, for as long as somebody plans on it.
    pub(crate) fn lend(&mut self) -> Held {
        std::mem::take(&mut self.held)
    }

    /// Takes it back.
    pub(crate) fn take_back(&mut self, held: Held) {
        self.held = held;
    }

    /// The number of the next transaction.
    pub(crate) fn next(&self) -> u64 {
        self.newest.saturating_add(1)
    }

    /// Whether the newest transaction is neither committed nor taken back.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Takes the unfinished transaction out, to finish it.
    pub(crate) fn take_unfinished(&mut self) -> Option<Journal> {
        self.unfinished.take()
    }

    /// Notes that it could not be finished.
    pub(crate) fn put_unfinished(&mut self, journal: Journal) {
        self.unfinished = Some(journal);
    }

    /// Writes the journal of a new transaction.
    pub(crate) fn begin(&mut self, intent: &journal::Intent) -> Result<Open, Error> {
        let open = Open::create(self.disk.as_ref(), intent)?;
        self.newest = intent.transaction;
        Ok(open)
    }

    /// Notes that a transaction has been committed.
    pub(crate) fn committed(&mut self, intent: &journal::Intent) {
        fold(&mut self.held, intent);
        self.save();
    }

    /// Notes that a transaction has been taken back: nothing is held on its behalf.
    pub(crate) fn taken_back(&mut self, transaction: u64) {
        self.held.through = transaction;
        self.save();
    }

    /// Writes `held.json`. That it could not be written is no failure of anything: it
    /// is then seen to be old, and derived anew from the journals.
    fn save(&mut self) {
        if let Err(error) = self.write_held() {
            self.warnings.push(error);
        }
    }

    fn write_held(&self) -> Result<(), Error> {
        let path = self.disk.held_path();
        let failed = |operation| {
            let path = path.clone();
            move |source| Error::File {
                operation,
                path,
                source,
            }
        };
        let mut write = |to: &mut dyn io::Write| {
            write(to, &self.held).map_err(|error| match error {
                Unwritten::Disk(error) => error,
                Unwritten::Encode(error) => error.into(),
            })
        };
        self.disk.write_held(&mut write).map_err(failed("write"))?;
        self.disk.rename_held().map_err(failed("replace"))
    }
}

/// What is held, for a command that only reads.
pub(crate) fn read_held(disk: &dyn Disk) -> Result<Held, Error> {
    let stored = stored(disk)?;
    match disk.numbers() {
        Ok(numbers) => {
            let mut sum = sum(disk, stored, &numbers)?;
            secrets::restore(disk, &mut sum.held, &numbers);
            Ok(sum.held)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(match stored {
            Stored::Good(held) => held,
            Stored::Absent | Stored::Broken => Held::default(),
        }),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match stored {
            Stored::Good(held) => Ok(held),
            Stored::Absent | Stored::Broken => Err(Error::HeldNeedsRoot {
                path: disk.held_path(),
            }),
        },
        Err(source) => Err(unlisted(disk, source)),
    }
}

/// What `held.json` says.
enum Stored {
    Good(Held),
    Absent,
    /// Left so by a power cut: it is not synced.
    Broken,
}

fn stored(disk: &dyn Disk) -> Result<Stored, Error> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let bytes = match disk.read_held(HELD_LIMIT) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Stored::Absent),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Stored::Broken),
        Err(source) => {
            return Err(Error::File {
                operation: "read",
                path: disk.held_path(),
                source,
            });
        }
    };
    if let Some(held) = parse(&bytes) {
        return Ok(Stored::Good(held));
    }
    match json::read::<Version>(&bytes) {
        Ok(Version { version }) if version > VERSION => Err(Error::Newer {
            path: disk.held_path(),
            found: version,
            known: VERSION,
        }),
        _ => Ok(Stored::Broken),
    }
}

/// What stands in a `held.json`, of a version that is known.
pub(crate) fn parse(bytes: &[u8]) -> Option<Held> {
    let text = json::text(bytes).ok()?;
    let read = json::read_runs(text, runs::take, |runs| {
        let read: HeldFile<'_> = serde_json::from_str(runs.text)?;
        let held = Held {
            version: held::VERSION,
            through: read.through,
            stack: read.stack,
            resources: runs::held::whole(read.resources, runs)?,
        };
        let is_known = (1..=VERSION).contains(&read.version);
        Ok(is_known.then_some(held))
    });
    read.ok()?
}

/// `held.json`, as it is read.
#[derive(Deserialize)]
struct HeldFile<'a> {
    version: u32,
    through: u64,
    stack: Vec<Committed>,
    #[serde(borrow)]
    resources: Vec<runs::held::Read<'a>>,
}

/// Writes `held.json`.
fn write(to: &mut dyn io::Write, held: &Held) -> Written {
    let Held {
        version: _,
        through,
        stack,
        resources,
    } = held;
    let mut object = Object::new(to);
    object.field("version", &VERSION)?;
    object.field("through", through)?;
    object.field("stack", stack)?;
    runs::held::write(object.name("resources")?, &secrets::redacted(resources))?;
    object.end()
}

/// Sums up what the journals say beyond `stored`.
fn sum(disk: &dyn Disk, stored: Stored, numbers: &[u64]) -> Result<Sum, Error> {
    let (mut held, mut current) = match stored {
        Stored::Good(held) => (held, true),
        Stored::Absent | Stored::Broken => (Held::default(), false),
    };
    // Where `held.json` is ahead, somebody has removed journals. It is then all that
    // is left of the originals, so it is believed.
    let newest = numbers.last().copied().unwrap_or(0).max(held.through);
    let mut unfinished = None;
    for number in held.through.saturating_add(1)..=newest {
        let Some(journal) = journal::read::<journal::Intent>(disk, number)? else {
            held.through = number;
            current = false;
            continue;
        };
        match journal.stage {
            Stage::Committed => fold(&mut held, &journal.intent),
            Stage::RolledBack(_) => held.through = number,
            _ if number == newest => {
                unfinished = Some(journal);
                break;
            }
            _ => {
                return Err(Error::Damaged {
                    path: disk.journal_path(number),
                    why: "it does not say how it ended, and a later one was begun".to_owned(),
                });
            }
        }
        current = false;
    }
    Ok(Sum {
        held,
        newest,
        unfinished,
        current,
    })
}
