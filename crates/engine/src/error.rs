//! What can go wrong, each with what was tried and on what.

use std::fmt;
use std::io;
use std::path::PathBuf;

use netprof_model::plan::{Expectation, RouteAnswer};
use netprof_model::resource::{Resource, State};
use netprof_model::snapshot::NotKnown;

use crate::backend::{BackendError, Refusal};
use crate::fold::STACK_LIMIT;

/// A failure of the engine. The text names the operation and its subject; why it
/// failed is the source, where there is one.
///
/// Returned from a call of [`Engine`](crate::Engine), it means that the call itself
/// has changed nothing. As the reason of a rollback it stands in the report, beside
/// what became of the rollback.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state folder cannot be trusted.
    #[error("the folder {} {why}", path.display())]
    UnsafeFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        why: Unsafe,
    },
    /// A file of the state folder is a symbolic link, a device or the like.
    #[error("{} is not a plain file", path.display())]
    NotPlain {
        /// The file.
        path: PathBuf,
    },
    /// A call on a file failed.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried, as in 'cannot ...'.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("another netprof is at work: {holder}")]
    Locked {
        /// The lock.
        path: PathBuf,
        /// Its process number and command, as it wrote them down.
        holder: String,
    },
    /// A journal or `held.json` holds what no netprof wrote.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A journal or `held.json` was written by a newer netprof.
    #[error("{} has format version {found}, and this netprof knows versions up to {known}: a newer netprof wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// A journal that is needed is not there.
    #[error("the journal {} is missing", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// `held.json` cannot be read, and only root can derive it anew.
    #[error("{} cannot be read, and only root can derive it anew from the journals", path.display())]
    HeldNeedsRoot {
        /// The file.
        path: PathBuf,
    },
    /// The plan or its states could not be turned into a journal.
    #[error("cannot put transaction {transaction} into a journal")]
    Encode {
        /// The transaction.
        transaction: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A plan does not fit into a journal.
    #[error("the plan does not fit into a journal, of {limit} bytes at most")]
    TooLarge {
        /// The most, in bytes.
        limit: usize,
    },
    /// A plan names a resource twice: its inverse would be ambiguous.
    #[error("the plan changes {resource} twice")]
    Repeated {
        /// Which.
        resource: Box<Resource>,
    },
    /// The kernel does not say which boot and network namespace this is.
    #[error("cannot tell this boot and network namespace")]
    Place {
        /// The system's words.
        source: BackendError,
    },
    /// The live state could not be read.
    #[error("cannot read the live state")]
    Observe {
        /// The system's words.
        source: BackendError,
    },
    /// The part of the live state that would tell was not read.
    #[error("cannot tell what {resource} holds")]
    NotKnown {
        /// Of which resource.
        resource: Box<Resource>,
        /// Which part.
        source: NotKnown,
    },
    /// A password that is to be put back is in no journal any more.
    #[error("the password in {resource} is not known any more: its journal is gone")]
    PasswordGone {
        /// Of which resource.
        resource: Box<Resource>,
    },
    /// The system refused changes.
    #[error("the system refused {}", list(refusals))]
    Refused {
        /// Each of them, with the system's words.
        refusals: Vec<Refusal>,
    },
    /// What was read back is not what was planned.
    #[error("read back: {}", list(differences))]
    Differs {
        /// Each resource that differs.
        differences: Vec<Difference>,
    },
    /// The kernel could not be asked which way packets would take.
    #[error("cannot look routes up")]
    LookUp {
        /// The system's words.
        source: BackendError,
    },
    /// The backend gave another number of answers than it was asked for.
    #[error("{asked} route look-ups got {given} answers")]
    Answers {
        /// How many were asked.
        asked: usize,
        /// How many came back.
        given: usize,
    },
    /// Packets would take another way than the plan promises.
    #[error("asked the kernel: {}", list(missed))]
    WrongWay {
        /// Each look-up that was answered otherwise.
        missed: Vec<Missed>,
    },
    /// A signal came.
    #[error("interrupted")]
    Cancelled,
    /// The transaction was interrupted, and is taken back now.
    #[error("it was interrupted before it was committed")]
    Interrupted,
    /// It was being taken back already when it was interrupted.
    #[error("taken back because {why}")]
    Resumed {
        /// Why it was, as its journal has it.
        why: String,
    },
    /// The transaction was made in another network namespace of this boot.
    #[error("transaction {transaction} belongs to another network namespace")]
    Elsewhere {
        /// Which.
        transaction: u64,
    },
    /// An unfinished transaction was made in another network namespace of this boot, and
    /// can be judged only there.
    #[error(
        "transaction {transaction} was interrupted in another network namespace (inode {netns}): \
         `netprof recover` takes it back there; if that namespace is gone, what it changed \
         went with it, and {} can be moved away",
        journal.display()
    )]
    UnfinishedElsewhere {
        /// Which.
        transaction: u64,
        /// The inode number of its network namespace.
        netns: u64,
        /// Its journal.
        journal: PathBuf,
    },
    /// No committed transaction is left to undo.
    #[error("there is no transaction to roll back")]
    NothingToRollBack,
    /// The transaction is not one that can be undone.
    #[error("transaction {transaction} {why}")]
    NotOnStack {
        /// Which.
        transaction: u64,
        /// Why not.
        why: OffStack,
    },
}

/// Why a transaction is not one that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffStack {
    /// There is no such transaction.
    #[error("is none of those that were made")]
    Unknown,
    /// Another transaction has undone it.
    #[error("is undone already, by transaction {by}")]
    Undone {
        /// Which.
        by: u64,
    },
    /// It has undone others.
    #[error("is a rollback itself, which is not undone")]
    Rollback,
    /// It failed, and was taken back then.
    #[error("was never committed: it failed, and was taken back")]
    Failed,
    /// It was stopped before it changed anything.
    #[error("was never committed: it was stopped before anything was changed")]
    NeverBegun,
    /// So many came after it that it is no longer known how to undo it.
    #[error("is too old: the newest {STACK_LIMIT} can be undone")]
    TooOld,
}

/// Why a folder cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsafe {
    /// It is a symbolic link.
    Symlink,
    /// It is something else than a folder.
    NotAFolder,
    /// It belongs to this user, and not to the one who runs netprof.
    Owner {
        /// Its owner.
        owner: u32,
        /// The effective user.
        user: u32,
    },
    /// Its group or everybody may write to it; the permission bits.
    Writable(u32),
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symlink => f.write_str("is a symbolic link"),
            Self::NotAFolder => f.write_str("is not a folder"),
            Self::Owner { owner, user } => {
                write!(
                    f,
                    "belongs to user {owner}, and netprof runs as user {user}"
                )
            }
            Self::Writable(mode) => {
                write!(
                    f,
                    "may be written to by others (mode {:04o})",
                    mode & 0o7777
                )
            }
        }
    }
}

/// A resource that does not hold what was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub resource: Resource,
    /// What it must hold; none for absent.
    pub wanted: Option<State>,
    /// What it holds; none for absent.
    pub found: Option<State>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = &self.resource;
        match (&self.wanted, &self.found) {
            (Some(_), None) => write!(f, "{resource} is absent"),
            (None, Some(_)) => write!(f, "{resource} is still there"),
            _ => write!(f, "{resource} holds something else"),
        }
    }
}

/// A look-up that was answered otherwise than the plan promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What was asked and expected, and why.
    pub expectation: Expectation,
    /// What the kernel answered.
    pub answer: RouteAnswer,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expectation { probe, answer, .. } = &self.expectation;
        write!(
            f,
            "{} goes {}, not {}",
            probe.to,
            Way(&self.answer),
            Way(answer)
        )
    }
}

/// A way, in the words of ip-route(8).
struct Way<'a>(&'a RouteAnswer);

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if self.0.unreachable {
            words.push("nowhere".to_owned());
        }
        words.extend(self.0.via.map(|via| format!("via {via}")));
        words.extend(self.0.dev.as_ref().map(|dev| format!("dev {dev}")));
        words.extend(self.0.table.map(|table| format!("table {table}")));
        words.extend(self.0.src.map(|src| format!("src {src}")));
        f.write_str(&words.join(" "))
    }
}

/// The first few of a list, and how many more there are.
fn list<T: fmt::Display>(all: &[T]) -> String {
    const SHOWN: usize = 3;
    let mut text = all
        .iter()
        .take(SHOWN)
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if all.len() > SHOWN {
        text.push_str(&format!("; and {} more", all.len() - SHOWN));
    }
    text
}
