//! What a profile means is a matter of the operating system that the snapshot is of, and
//! never of the one that the planner runs on.

use netprof_model::held::HeldResource;
use netprof_model::link::Link;
use netprof_model::profile::Profile;
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Snapshot};

use crate::draft::Draft;
use crate::footing::Footing;
use crate::{linux, macos};

/// Writes down in `draft` what `profile` wants of the machine of `base`.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    match base.os {
        Os::Linux => linux::desire(profile, base, draft),
        Os::Macos => macos::desire(profile, base, draft),
    }
}

/// Looks at the machine as it will be: whatever is claimed must win there.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    match after.os {
        Os::Linux => linux::check(after, draft),
        Os::Macos => macos::check(after, draft),
    }
}

/// Why a held resource that is still there no longer serves its purpose, if so: it was
/// made for a network that its link has left.
pub(crate) fn stale(held: &HeldResource, footing: &Footing) -> Option<String> {
    match footing.snapshot.os {
        Os::Linux => linux::stale(held, footing),
        Os::Macos => macos::stale(held, footing),
    }
}

/// What takes packets of the networks that are held, though what is held is as it was made.
#[must_use]
pub fn above(snapshot: &Snapshot) -> Vec<Diagnostic> {
    match snapshot.os {
        Os::Linux => linux::above(snapshot),
        // What a VPN does above the table cannot be looked at there; a plan says so.
        Os::Macos => Vec::new(),
    }
}

/// Whether `link` is a tunnel that carries nothing of a person's.
pub(crate) fn is_idle(link: &Link, snapshot: &Snapshot) -> bool {
    match snapshot.os {
        // A tunnel is there because somebody has made it.
        Os::Linux => false,
        Os::Macos => macos::phantom::is_phantom(link, snapshot),
    }
}
