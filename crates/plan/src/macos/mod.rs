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
mod mtu;
pub mod phantom;
mod proxies;
pub mod put_back;
pub mod resolver;
pub mod rib;
mod routes;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use netprof_model::held::HeldResource;
use netprof_model::link::Link;
use netprof_model::profile::Profile;
use netprof_model::{Diagnostic, Snapshot};

use crate::draft::Draft;
use crate::links::Links;
use rib::Rib;

/// What everything below looks at: the profile, the machine without netprof, and how it
/// routes.
struct Ground<'a> {
    profile: &'a Profile,
    base: &'a Snapshot,
    rib: Rib<'a>,
    links: Links<'a>,
    by_name: HashMap<&'a str, &'a Link>,
    own: HashSet<IpAddr>,
}

impl<'a> Ground<'a> {
    /// The live link of that name.
    fn link(&self, name: &str) -> Option<&'a Link> {
        self.by_name.get(name).copied()
    }

    /// Whether it is an address of this host.
    fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }
}

/// Writes down in `draft` what `profile` wants of the machine of `base`.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    let unknown: Vec<_> = [
        ("links", base.links.standing(), base.links.is_known()),
        (
            "addresses",
            base.addresses.standing(),
            base.addresses.is_known(),
        ),
        ("routes", base.routes.standing(), base.routes.is_known()),
    ]
    .into_iter()
    .filter(|(_, _, known)| !known)
    .collect();
    if !unknown.is_empty() {
        for (section, standing, _) in unknown {
            draft.diagnostics.push(
                Diagnostic::error(
                    "plan::not-known",
                    format!("{section} of the snapshot are {standing}: nothing can be planned"),
                )
                .help("take the snapshot anew"),
            );
        }
        return;
    }
    let ground = Ground {
        profile,
        base,
        rib: Rib::new(base),
        links: Links::find(profile, base, &mut draft.diagnostics),
        by_name: base
            .links
            .items()
            .iter()
            .map(|link| (link.name.as_str(), link))
            .collect(),
        own: base
            .addresses
            .items()
            .iter()
            .map(|one| one.local.addr())
            .collect(),
    };
    localhost::desire(&ground, draft);
    lan::desire(&ground, draft);
    routes::desire(&ground, draft);
    dns::desire(&ground, draft);
    mtu::desire(&ground, draft);
    proxies::desire(&ground, draft);
}

/// Looks at the machine as it will be: whatever is claimed must win there.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    claim::check(after, draft);
    dns::check(after, draft);
}

/// Why a held resource that is still there no longer serves its purpose, if so: it was
/// made for a network or a link that has gone.
pub(crate) fn stale(held: &HeldResource, snapshot: &Snapshot) -> Option<String> {
    routes::stale(held, snapshot).or_else(|| dns::stale(held, snapshot))
}
