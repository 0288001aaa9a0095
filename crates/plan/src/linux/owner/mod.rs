//! Whose something is on Linux, as far as the marks tell that programs leave.
//!
//! The kernel keeps no author. What there is: protocol numbers, which most programs leave
//! at `boot` or `static`; tables, priorities and marks that only one program uses; the
//! process behind a tunnel; names. docs/owners.md has them all, with what each tells.
//!
//! Every function here tells a [`Trail`] what it goes by, and returns what that comes to:
//! so an owner and its evidence cannot disagree. Nothing is guessed; what cannot be told is
//! [`Owner::Unknown`](netprof_model::Owner::Unknown).

mod chain;
mod link;
mod program;
mod routing;
mod xfrm;

pub use chain::of_chain;
pub use link::{Clues, Holder, is_held, of_link, told_by};
pub use program::by_program;
pub(crate) use routing::tables_of_vpns;
pub use routing::{Marks, attribute, of_route, of_rule, partners};
pub use xfrm::of_policy;

use netprof_model::Resource;
use netprof_model::evidence::{Clue, ClueKind, Trail};
use netprof_model::link::Link;
use netprof_model::snapshot::Index;

/// How it was found out whose `resource` is; nothing where it is not there.
#[must_use]
pub fn trail(index: &Index<'_>, marks: &Marks<'_>, resource: &Resource) -> Vec<Clue> {
    let snapshot = index.snapshot();
    let mut trail = Vec::new();
    match resource {
        Resource::Rule(key) => {
            if let Some(rule) = index.rule(key) {
                of_rule(rule, marks, &mut trail);
            }
        }
        Resource::Route(key) => {
            if let Some(route) = index.route(key) {
                of_route(route, marks, &mut trail);
            }
        }
        Resource::LinkUp { dev } | Resource::DnsLink { dev } => {
            if let Some(link) = snapshot.link(dev) {
                trail.extend(of_managed(link));
            }
        }
        Resource::Address { dev, .. } | Resource::Mtu { dev } => {
            if let Some(link) = snapshot.link(dev) {
                trail.clone_from(&link.evidence);
            }
        }
        _ => {}
    }
    trail
}

/// Who sets `link` up: its manager, if it has one, else who made it.
fn of_managed(link: &Link) -> Vec<Clue> {
    let mut trail = Vec::new();
    if let Some(manager) = link.manager {
        let manager = netprof_model::Owner::from(manager);
        trail.clue(
            ClueKind::Bus,
            format_args!("{manager} says that it manages {}", link.name),
        );
        return trail;
    }
    link.evidence.clone()
}
