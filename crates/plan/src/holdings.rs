//! What netprof holds, laid out for look-up: a plan asks for thousands.

use netprof_model::finger::Finger;
use netprof_model::held::HeldResource;
use netprof_model::{Resource, Snapshot};

/// What is held, by resource.
pub(crate) struct Holdings<'a> {
    /// In the order in which it was first taken.
    pub(crate) all: Vec<Holding<'a>>,
    /// The places of all of them, sorted by resource.
    sorted: Vec<usize>,
    near: Finger,
}

/// One held resource.
#[derive(Clone, Copy)]
pub(crate) struct Holding<'a> {
    pub(crate) entry: &'a HeldResource,
    /// Whether it is gone by itself.
    pub(crate) has_expired: bool,
}

impl<'a> Holdings<'a> {
    /// What is held in `snapshot`.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let held = snapshot.held().map_or(&[][..], |held| &held.resources);
        let all: Vec<Holding> = held
            .iter()
            .map(|entry| Holding {
                entry,
                has_expired: snapshot.has_expired(entry),
            })
            .collect();
        let resource = |at: &usize| &all[*at].entry.resource;
        let mut sorted: Vec<usize> = (0..all.len()).collect();
        sorted.sort_by(|one, other| resource(one).cmp(resource(other)));
        Self {
            all,
            sorted,
            near: Finger::default(),
        }
    }

    /// What is held of `resource`.
    pub(crate) fn get(&self, resource: &Resource) -> Option<&Holding<'a>> {
        self.place(resource).map(|at| &self.all[at])
    }

    /// Where in all that is held `resource` is.
    pub(crate) fn place(&self, resource: &Resource) -> Option<usize> {
        let compare = |at: &usize| self.all[*at].entry.resource.cmp(resource);
        let found = self.near.search(&self.sorted, compare).ok()?;
        Some(self.sorted[found])
    }
}
