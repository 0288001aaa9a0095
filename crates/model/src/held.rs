//! What netprof holds: what it made, and what was there before.

use serde::{Deserialize, Serialize};

use crate::plan::ProfileRef;
use crate::resource::{Lasts, Place, Resource, State};

/// The version of the format of `held.json`.
pub const VERSION: u32 = 1;

/// What netprof holds at the moment: a summary of its journals, from which it can
/// be derived anew at any time. It holds no secrets: any user may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The version of the format.
    pub version: u32,
    /// The newest transaction that is summed up here; 0 for none.
    pub through: u64,
    /// Committed transactions that can be undone, oldest first.
    pub stack: Vec<Committed>,
    /// What is held, in the order in which it was first taken.
    pub resources: Vec<HeldResource>,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            version: VERSION,
            through: 0,
            stack: Vec::new(),
            resources: Vec::new(),
        }
    }
}

impl Held {
    /// The profile of the newest transaction that was not undone; none after a release.
    #[must_use]
    pub fn active(&self) -> Option<&ProfileRef> {
        self.stack.last().and_then(|newest| newest.profile.as_ref())
    }

    /// What is held of `resource`.
    #[must_use]
    pub fn get(&self, resource: &Resource) -> Option<&HeldResource> {
        self.resources
            .iter()
            .find(|held| &held.resource == resource)
    }
}

/// One committed transaction that was not undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Its number, from 1.
    pub transaction: u64,
    /// The profile that it made so; none for a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileRef>,
}

/// One resource that netprof holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldResource {
    /// Which.
    pub resource: Resource,
    /// What was there before netprof first touched it; none if it was absent.
    #[serde(default)]
    pub original: Option<State>,
    /// What netprof made of it; none if it removed it.
    #[serde(default)]
    pub committed: Option<State>,
    /// The transaction that committed this.
    pub transaction: u64,
    /// Where it lives.
    pub place: Place,
    /// How long it lasts.
    pub lasts: Lasts,
}
