//! The order in which changes are made.
//!
//! First what others rest on: addresses and links, then the tables that rules will
//! name, then the rules, so that no rule ever leads into a table that is not filled
//! yet; then main routes, then the resolver. What is taken away goes after what is
//! added, and in reverse, so that there is no moment with neither the old nor the
//! new.

use std::cmp::Ordering;

use netprof_model::Resource;
use netprof_model::plan::Change;

/// Sorts `changes` into the order in which they are made.
pub(crate) fn sort(changes: &mut [Change]) {
    changes.sort_by(|a, b| {
        let removes = |change: &Change| change.after.is_none();
        match (removes(a), removes(b)) {
            (false, true) => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, false) => place(a).cmp(&place(b)),
            (true, true) => place(b).cmp(&place(a)),
        }
    });
}

fn place(change: &Change) -> (u8, bool, &Resource) {
    let rank = match &change.resource {
        // Before the link goes up: the kernel gives a loopback link that goes up
        // without an address one of its own accord (devinet.c, inetdev_event).
        Resource::Address { .. } => 0,
        Resource::LinkUp { .. } | Resource::Mtu { .. } => 1,
        Resource::Route(key) if !key.is_plain() => 2,
        Resource::Rule(_) => 3,
        Resource::Route(_) => 4,
        Resource::DnsLink { .. } => 5,
        Resource::DnsDelegate { .. } | Resource::Store { .. } => 6,
        Resource::File { .. } => 7,
        Resource::Proxies { .. } => 8,
    };
    (rank, has_gateway(change), &change.resource)
}

/// A route to a gateway may rest on one without that is added beside it.
fn has_gateway(change: &Change) -> bool {
    use netprof_model::State;
    [&change.after, &change.before].into_iter().flatten().any(|state| {
        matches!(state, State::Route(spec) if spec.hops.iter().any(|hop| hop.via.is_some()))
    })
}
