//! How the kernel of macOS finds the route of a packet, over plain data.

use netprof_model::Snapshot;

/// The routes of a snapshot, laid out for look-up.
#[derive(Debug)]
pub struct Rib<'a> {
    _snapshot: &'a Snapshot,
}

impl<'a> Rib<'a> {
    /// Lays out the routes of `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            _snapshot: snapshot,
        }
    }
}
