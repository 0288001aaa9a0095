//! Transactions: one plan carried out whole, or not at all.
//!
//! A command that changes the network opens the [`StateFolder`], takes its lock as
//! an [`Engine`], and hands over a planner. The engine finishes what an earlier
//! crash left, observes, plans, writes the whole intent to a journal, and only then
//! touches the system. It reads back what it did and asks the kernel which way
//! packets go now. If all of that holds, the transaction is committed; if any of it
//! does not, every change is taken back, newest first, and *that* is read back too.
//!
//! What decides is always the live state, never what a call returned, and undoing
//! starts from what the journal says was changed, never from what was wanted. So a
//! kill at any instruction, a full disk or a power cut end in the old state or in
//! the new one: `docs/journal.md` has the table of all crash points.
//!
//! Nothing here knows an operating system: it is reached through [`Backend`].

pub mod backend;
mod compose;
mod disk;
mod engine;
mod error;
mod files;
mod fold;
mod folder;
mod history;
mod journal;
mod json;
mod lock;
mod record;
mod recover;
mod report;
mod runs;
mod secrets;
mod store;
mod transaction;
mod undo;
mod verify;

pub use backend::{Backend, BackendError, Mode, Refusal};
pub use engine::{Caller, Engine};
pub use error::{Difference, Error, Missed, OffStack, Unsafe};
pub use fold::{STACK_LIMIT, fold};
pub use folder::StateFolder;
pub use history::{About, Ending, Entry};
pub use journal::{Intent, Kind};
pub use record::VERSION as JOURNAL_VERSION;
pub use report::{Committed, Left, Outcome, Recovered, Report, RollbackIncomplete, RolledBack};

#[cfg(test)]
mod tests;
