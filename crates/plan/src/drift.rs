//! What of that which netprof holds is no longer as it was committed.

use netprof_model::held::HeldResource;
use netprof_model::snapshot::Index;
use netprof_model::{Owner, Snapshot, State};

use crate::footing::Footing;
use crate::holdings::Holding;
use crate::os;

/// How one held resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// As it was committed. Settings that netprof left alone are no matter.
    Holds,
    /// As it was committed, but the network that it was made for has gone: it may
    /// capture what it should not.
    Stale(String),
    /// Somebody has changed it; what it holds now, none if it is gone.
    Changed(Option<State>),
    /// Its link, boot or namespace is gone, and it with them: no fault of anybody.
    Expired,
    /// It could not be read.
    Unknown(String),
}

/// One held resource, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift<'a> {
    /// What is held.
    pub held: &'a HeldResource,
    /// How it stands.
    pub standing: Bearing,
    /// Who owns what is there now.
    pub owner: Owner,
}

impl Drift<'_> {
    /// Whether what was committed no longer is, through somebody's doing or a move.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        matches!(self.standing, Bearing::Changed(_) | Bearing::Stale(_))
    }
}

/// How everything that netprof holds stands in `snapshot`.
#[must_use]
pub fn drift(snapshot: &Snapshot) -> Vec<Drift<'_>> {
    let (live, footing) = (Index::new(snapshot), Footing::of(snapshot));
    let held = footing.held.all.iter();
    held.map(|one| Drift {
        held: one.entry,
        standing: standing(*one, &live, &footing),
        owner: live.owner(&one.entry.resource),
    })
    .collect()
}

fn standing(one: Holding, live: &Index, footing: &Footing) -> Bearing {
    let held = one.entry;
    if footing.snapshot.is_elsewhere(&held.place) {
        return Bearing::Unknown("it lives in another network namespace".to_owned());
    }
    if one.has_expired {
        return Bearing::Expired;
    }
    match live.state(&held.resource) {
        Err(unknown) => Bearing::Unknown(unknown.to_string()),
        Ok(state) if held.holds(state.as_ref()) => {
            os::stale(held, footing).map_or(Bearing::Holds, Bearing::Stale)
        }
        Ok(state) => Bearing::Changed(state),
    }
}
