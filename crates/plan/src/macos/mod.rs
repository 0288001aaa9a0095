//! What a profile means on macOS: the kernel's routing table, configd and its dynamic
//! store.
//!
//! There are no policy rules and no metrics there, so a route wins by a longer prefix or
//! not at all ([`rib`]); and nobody asks a link's servers for names, but the resolvers
//! that configd makes of all services ([`configd`], [`resolver`]). `docs/macos.md` says
//! where each rule is from.

mod claim;
pub mod configd;
mod dns;
mod lan;
mod localhost;
mod outrank;
pub mod owner;
pub mod phantom;
mod proxies;
pub mod put_back;
mod refused;
pub mod resolver;
pub mod rib;
mod routes;
mod terrain;

use netprof_model::Snapshot;
use netprof_model::held::HeldResource;
use netprof_model::profile::Profile;

pub use owner::trail;

use crate::draft::Draft;
use crate::footing::Footing;
use crate::ground::{is_known, standing};
use crate::mtu;
use crate::proxy;
use rib::Rib;

/// What everything below looks at.
type Ground<'a> = crate::ground::Ground<'a, Rib<'a>>;

/// Writes down in `draft` what `profile` wants of the machine of `base`.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    refused::desire(profile, draft);
    let sections = [
        ("links", standing(&base.links)),
        ("addresses", standing(&base.addresses)),
        ("routes", standing(&base.routes)),
    ];
    if !is_known(&sections, draft) {
        return;
    }
    let ground = Ground::new(profile, base, Rib::new(base), draft);
    localhost::desire(&ground, draft);
    lan::desire(&ground, draft);
    routes::desire(&ground, draft);
    dns::desire(&ground, draft);
    mtu::desire(profile, base, &ground.links, |_, _| None, draft);
    proxies::desire(&ground, draft);
    proxy::desire(profile, base, draft);
}

/// Looks at the machine as it will be: whatever is claimed must win there.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    claim::check(after, draft);
    dns::check(after, draft);
}

/// Why a held resource that is still there no longer serves its purpose, if so: it was
/// made for a network or a link that has gone.
pub(crate) fn stale(held: &HeldResource, footing: &Footing) -> Option<String> {
    routes::stale(held, footing).or_else(|| dns::stale(held, footing.snapshot))
}
