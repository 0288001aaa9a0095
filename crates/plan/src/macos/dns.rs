//! `dns` on macOS.

use netprof_model::Snapshot;
use netprof_model::held::HeldResource;

use super::Ground;
use crate::draft::Draft;

pub(super) fn desire(_ground: &Ground, _draft: &mut Draft) {}

pub(super) fn check(_after: &Snapshot, _draft: &mut Draft) {}

pub(super) fn stale(_held: &HeldResource, _snapshot: &Snapshot) -> Option<String> {
    None
}
