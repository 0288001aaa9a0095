//! What an operating system must offer: read it, change it, ask it.

use netprof_model::Snapshot;
use netprof_model::plan::{Change, RouteAnswer, RouteProbe};
use netprof_model::resource::Place;
use netprof_plan::Need;

/// The code that observes and changes one operating system.
///
/// A backend decides nothing: what to write is in the change, whether to write it is
/// the engine's business.
pub trait Backend {
    /// Which boot and which network namespace this is. `link` is none.
    ///
    /// # Errors
    ///
    /// [`BackendError`] where the kernel does not tell.
    fn place(&mut self) -> Result<Place, BackendError>;

    /// Reads what `need` asks for. A section that could not be read is
    /// `Unreadable` in the snapshot, and no error; `held` is left `Unread`.
    ///
    /// # Errors
    ///
    /// [`BackendError`] where links, addresses, routes or rules could not be read:
    /// nothing can be planned without them.
    fn observe(&mut self, need: Need) -> Result<Snapshot, BackendError>;

    /// Makes `changes`, in their order. Each is made whole or not at all, but the
    /// list is not: after an error any of them may have been made, also later ones.
    ///
    /// What is durable is on the disk when this returns, with the names that lead to it: a
    /// journal that says that it is committed or taken back is not looked at again after a
    /// power cut.
    ///
    /// # Errors
    ///
    /// Each change that the system refused, with its words.
    fn apply(&mut self, changes: &[Change], mode: Mode) -> Result<(), Vec<Refusal>>;

    /// Asks the kernel which way packets would take. One answer for each probe.
    ///
    /// # Errors
    ///
    /// [`BackendError`] where the kernel could not be asked.
    fn look_up(&mut self, probes: &[RouteProbe]) -> Result<Vec<RouteAnswer>, BackendError>;
}

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Towards what was planned. What must be absent and is there, or must be there
    /// and is absent, was changed by somebody else: an error.
    Forward,
    /// Back. What is gone by itself needs no removing: no error. Where both sides of a
    /// change are alike, what shows is as it should be, and who goes by it may not have been
    /// told: it is written and told all the same. Of a file, what a kill has left beside it is
    /// taken away then, and that is never refused.
    Back,
}

/// A change that the system refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", change.resource)]
pub struct Refusal {
    /// Which change.
    pub change: Box<Change>,
    /// The system's words.
    pub why: String,
}

/// The operating system could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}: {why}")]
pub struct BackendError {
    /// What was tried, as in 'cannot ...'.
    pub operation: String,
    /// Why it failed.
    pub why: String,
}
