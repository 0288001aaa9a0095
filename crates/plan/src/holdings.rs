//! What netprof holds, laid out for look-up: a plan asks for thousands.

use netprof_model::finger::Finger;
use netprof_model::held::HeldResource;
use netprof_model::{Resource, Snapshot};

/// What is held, by resource.
pub(crate) struct Holdings<'a> {
    /// In the order in which it was first taken.
    pub(crate) all: &'a [HeldResource],
    /// The places of all of them, sorted by resource.
    sorted: Vec<usize>,
    near: Finger,
}

impl<'a> Holdings<'a> {
    /// What is held in `snapshot`.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let all = snapshot.held().map_or(&[][..], |held| &held.resources);
        let mut sorted: Vec<usize> = (0..all.len()).collect();
        sorted.sort_by(|one, other| all[*one].resource.cmp(&all[*other].resource));
        Self {
            all,
            sorted,
            near: Finger::default(),
        }
    }

    /// Where in all that is held `resource` is.
    pub(crate) fn place(&self, resource: &Resource) -> Option<usize> {
        let before = |at: &usize| self.all[*at].resource < *resource;
        let found = self.near.partition_point(&self.sorted, before);
        let at = *self.sorted.get(found)?;
        (self.all[at].resource == *resource).then_some(at)
    }
}
