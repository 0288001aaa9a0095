//! What a profile is planned on, as far as it is the same on every operating system.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use netprof_model::link::Link;
use netprof_model::profile::Profile;
use netprof_model::{Diagnostic, Section, Snapshot};

use crate::draft::Draft;
use crate::links::Links;

/// The profile, the machine without netprof, and how it routes: `R` is a system's look-up.
pub(crate) struct Ground<'a, R> {
    pub(crate) profile: &'a Profile,
    pub(crate) base: &'a Snapshot,
    pub(crate) routing: R,
    pub(crate) links: Links<'a>,
    by_name: HashMap<&'a str, &'a Link>,
    own: BTreeSet<IpAddr>,
}

impl<'a, R> Ground<'a, R> {
    /// Lays it out. What is wrong with a link of the profile is said in `draft`.
    pub(crate) fn new(
        profile: &'a Profile,
        base: &'a Snapshot,
        routing: R,
        draft: &mut Draft,
    ) -> Self {
        let links = base.links.items().iter();
        let addresses = base.addresses.items().iter();
        Self {
            profile,
            base,
            routing,
            links: Links::find(profile, base, &mut draft.diagnostics),
            by_name: links.map(|link| (link.name.as_str(), link)).collect(),
            own: addresses.map(|one| one.local.addr()).collect(),
        }
    }

    /// The live link of that name.
    pub(crate) fn link(&self, name: &str) -> Option<&'a Link> {
        self.by_name.get(name).copied()
    }

    /// Whether it is an address of this host.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }
}

/// How a section stands, and whether that tells what is there.
pub(crate) fn standing<T>(section: &Section<T>) -> (&'static str, bool) {
    (section.standing(), section.is_known())
}

/// Whether each of `sections` is known. Without any of them nothing can be planned, which
/// is said.
pub(crate) fn is_known(sections: &[(&str, (&str, bool))], draft: &mut Draft) -> bool {
    let unknown = sections.iter().filter(|(_, (_, known))| !known);
    let said = unknown.map(|(section, (standing, _))| {
        let message = format!("{section} of the snapshot are {standing}: nothing can be planned");
        Diagnostic::error("plan::not-known", message).help("take the snapshot anew")
    });
    let before = draft.diagnostics.len();
    draft.diagnostics.extend(said);
    draft.diagnostics.len() == before
}
