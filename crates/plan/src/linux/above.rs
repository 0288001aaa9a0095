//! What stands above the rules and routes that netprof holds.
//!
//! A kill switch that comes later changes neither routes nor rules, and nothing that is
//! held has drifted; but the LAN is cut off all the same, or containers are. So every network
//! that netprof keeps is put to the firewall and to the IPsec policies once more. Of a pool
//! that is kept whole, these are the networks that engines have in it by now.

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::rule::{RuleAction, RuleKey};
use netprof_model::{Diagnostic, Resource, Severity, Snapshot, State};

use super::fib::Fib;
use super::firewall::{Lan, said};
use super::kept::filters::{taken, taking, unread};
use super::{MAIN, TABLE, own_key, stale};
use crate::containers::{self, Network};
use crate::footing::Footing;
use crate::lan::probes;

/// What takes packets of the networks that `snapshot` holds rules for, though the rules are
/// as they were made. Where that cannot be read, it is noted once.
pub(crate) fn above(snapshot: &Snapshot) -> Vec<Diagnostic> {
    let held = snapshot.held().map_or(&[][..], |held| &held.resources);
    let (fib, footing) = (Fib::new(snapshot), Footing::of(snapshot));
    let containers = containers::networks(snapshot);
    let mut all = Vec::new();
    let mut is_kept = false;
    for one in held {
        if snapshot.is_elsewhere(&one.place) || snapshot.has_expired(one) {
            continue;
        }
        let (Resource::Rule(key), Some(State::Rule(_))) = (&one.resource, &one.committed) else {
            continue;
        };
        let kept = kept_by(key).into_iter().flat_map(|(prefix, table)| {
            let networks = match table {
                MAIN if fib.exact(MAIN, &prefix).is_empty() => in_pool(&containers, prefix),
                _ => vec![prefix],
            };
            networks.into_iter().map(move |prefix| (prefix, table))
        });
        for (prefix, table) in kept {
            if let Some(link) = link(&footing, &fib, prefix, table) {
                is_kept = true;
                all.extend(on_the_way(snapshot, prefix, link));
            }
        }
    }
    if is_kept && let Some(note) = unread(snapshot) {
        all.push(if snapshot.privileged {
            note
        } else {
            note.help("ask as root to see them")
        });
    }
    // The rules hold: what is said here is no error of this command.
    for one in &mut all {
        one.severity = one.severity.min(Severity::Warning);
    }
    all
}

/// The network that a rule of this form keeps, and the table that it leads to. Rules that
/// make way for a single `route` have another one.
pub(crate) fn kept_by(key: &RuleKey) -> Option<(IpNet, u32)> {
    let prefix = key.to?;
    let shorter = u32::from(prefix.prefix_len()).saturating_sub(1);
    match (&key.action, key.suppress_prefixlength) {
        (RuleAction::Lookup(MAIN), Some(length)) if length == shorter => Some((prefix, MAIN)),
        (RuleAction::Lookup(TABLE), None) => Some((prefix, TABLE)),
        _ => None,
    }
}

/// The networks that engines have in a pool which is kept whole.
fn in_pool(containers: &[Network], pool: IpNet) -> Vec<IpNet> {
    let networks = containers.iter().map(|one| one.prefix);
    networks.filter(|network| pool.contains(network)).collect()
}

/// What takes packets that leave for `prefix` by `link`.
fn on_the_way(snapshot: &Snapshot, prefix: IpNet, link: &Link) -> Vec<Diagnostic> {
    let mut own = snapshot.addresses.items().iter();
    let source = own
        .find(|one| one.dev == link.name && prefix.contains(&one.local.addr()) && !one.secondary)
        .map(|one| one.local.addr());
    let lan = Lan {
        prefix,
        link,
        source,
    };
    let policy = source.and_then(|source| {
        let policy = taking(snapshot.xfrm.items(), &prefix, source)?;
        Some(taken(policy, &prefix, source))
    });
    policy
        .into_iter()
        .chain(said(snapshot.firewall.items(), &lan))
        .collect()
}

/// The link that packets to a network leave by now, which a rule keeps by leading to `table`;
/// none where the rule has lapsed, or leads nowhere that they go.
fn link<'a>(footing: &Footing<'a>, fib: &Fib<'a>, prefix: IpNet, table: u32) -> Option<&'a Link> {
    let snapshot = footing.snapshot;
    if table == TABLE && !has_fresh_copy(footing, prefix) {
        return None;
    }
    let is_free = |to| {
        let mut own = snapshot.addresses.items().iter();
        !own.any(|one| one.local.addr() == to)
    };
    let to = probes::address(prefix, None, is_free)?;
    let led_to = fib.in_table(table, to, None)?;
    // What is shorter is passed over in main, and not in netprof's own table.
    if table == MAIN && led_to.key.dst.prefix_len() < prefix.prefix_len() {
        return None;
    }
    let found = fib.look_up(to, None).route()?;
    if found != led_to {
        return None;
    }
    snapshot.link(found.devices().next()?)
}

/// Whether a copy of the route to `prefix` is held, and its link still in that network.
fn has_fresh_copy(footing: &Footing, prefix: IpNet) -> bool {
    let copy = Resource::Route(own_key(prefix, TABLE, None));
    let held = footing.held.get(&copy);
    held.is_some_and(|copy| stale(copy.entry, footing).is_none())
}
