//! What must win once the changes are made: looked at beforehand, by the planner's own
//! look-up, and afterwards, by asking the kernel.

use netprof_model::Snapshot;

use crate::draft::Draft;

/// Looks at each claim of `draft` on the machine as it will be.
pub(crate) fn check(_after: &Snapshot, _draft: &mut Draft) {}
