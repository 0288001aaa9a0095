//! configd's IP monitor: the resolvers that it makes of the dynamic store and of
//! `/etc/resolver`, over plain data.

use netprof_model::Snapshot;
use netprof_model::configd::ResolverList;

/// The resolvers that configd makes of what `snapshot` says. None where it publishes no
/// configuration at all.
#[must_use]
pub fn resolvers(_snapshot: &Snapshot) -> Option<ResolverList> {
    None
}
