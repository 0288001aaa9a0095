//! A plan's changes as requests.
//!
//! One change is one request, or two: where the kernel cannot replace exactly, the
//! old is removed and the new is added right behind it, within the same send.

use std::collections::BTreeSet;

use netprof_engine::backend::Mode;
use netprof_model::plan::Change;
use netprof_model::route::RouteSpec;
use netprof_model::{Resource, State};

use super::Write;
use super::names::LinkNames;
use super::wire::{Requests, Unwritable};
use super::{address, link, route, rule};

/// One request of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// Which resource.
    pub resource: &'a Resource,
    /// How it is written.
    pub write: Write,
    /// What is written or removed.
    pub state: &'a State,
}

/// Whether a change is made by netlink.
#[must_use]
pub fn is_netlink(change: &Change) -> bool {
    match change.resource {
        Resource::LinkUp { .. }
        | Resource::Address { .. }
        | Resource::Rule(_)
        | Resource::Route(_) => true,
        Resource::DnsLink { .. } | Resource::DnsDelegate { .. } => false,
    }
}

/// The requests that make `change`.
#[must_use]
pub fn steps(change: &Change, mode: Mode) -> Vec<Step<'_>> {
    let step = |write, state| Step {
        resource: &change.resource,
        write,
        state,
    };
    match (&change.before, &change.after) {
        (None, None) => Vec::new(),
        // A link that is to be neither up nor down stays as it is.
        (_, None) if matches!(change.resource, Resource::LinkUp { .. }) => Vec::new(),
        (_, Some(after)) if matches!(change.resource, Resource::LinkUp { .. }) => {
            vec![step(Write::Put, after)]
        }
        (None, Some(after)) => vec![step(Write::Add, after)],
        (Some(before), None) => vec![step(Write::Delete, before)],
        (Some(_), Some(after)) if replaces_exactly(&change.resource) => {
            // On the way back the old may be gone by itself, and the new must be
            // there all the same.
            let write = match mode {
                Mode::Forward => Write::Replace,
                Mode::Back => Write::Put,
            };
            vec![step(write, after)]
        }
        (Some(before), Some(after)) => {
            vec![step(Write::Delete, before), step(Write::Add, after)]
        }
    }
}

/// Whether NLM_F_REPLACE puts the new exactly into the place of the old.
///
/// For IPv4 it does: the key picks the first of the routes that share it, the one
/// that the kernel uses and that a dump shows first (`fib_table_insert`). For IPv6
/// it depends on how many hops either side has (`fib6_add_rt2node`). Rules and
/// addresses know no replacing.
fn replaces_exactly(resource: &Resource) -> bool {
    matches!(resource, Resource::Route(key) if key.dst.addr().is_ipv4())
}

impl Step<'_> {
    /// Writes the request.
    pub fn encode(
        &self,
        requests: &mut Requests,
        sequence: u32,
        names: &LinkNames,
    ) -> Result<(), Unwritable> {
        match (self.resource, self.state) {
            (Resource::LinkUp { dev }, State::LinkUp { up }) => {
                link::set_up(requests, sequence, names.index(dev)?, *up)
            }
            (Resource::Address { dev, local }, State::Address(spec)) => address::encode(
                requests,
                sequence,
                self.write,
                names.index(dev)?,
                *local,
                spec.scope,
            ),
            (Resource::Rule(key), State::Rule(spec)) => {
                rule::encode(requests, sequence, self.write, key, spec)
            }
            (Resource::Route(key), State::Route(spec)) => {
                route::encode(requests, sequence, self.write, key, spec, names)
            }
            _ => Err(Unwritable::OtherState),
        }
    }

    /// The step that takes this one back, of a change with two.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let write = match self.write {
            Write::Delete => Write::Add,
            Write::Add | Write::Put | Write::Replace => Write::Delete,
        };
        Self { write, ..*self }
    }
}

/// The names of all links that `changes` speak of.
#[must_use]
pub fn devices<'a>(changes: &[&'a Change]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for change in changes {
        match &change.resource {
            Resource::LinkUp { dev } | Resource::Address { dev, .. } => {
                names.insert(dev.as_str());
            }
            _ => {}
        }
        names.extend(change.link.iter().map(|link| link.name.as_str()));
        for side in [&change.before, &change.after] {
            if let Some(State::Route(RouteSpec { hops, .. })) = side {
                names.extend(hops.iter().filter_map(|hop| hop.dev.as_deref()));
            }
        }
    }
    names
}

/// Refuses a change of a link that was made anew since: it has the old one's name,
/// but nothing of what the change is about.
pub fn same_link(change: &Change, names: &LinkNames) -> Result<(), Unwritable> {
    match &change.link {
        Some(id) if names.index(&id.name)? != id.index => {
            Err(Unwritable::OtherLink(id.name.clone()))
        }
        _ => Ok(()),
    }
}
