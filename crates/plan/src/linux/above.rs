//! What stands above the rules and routes that netprof holds.
//!
//! A kill switch that comes later changes neither routes nor rules, and nothing that is
//! held has drifted; but the LAN is cut off all the same. So every network that netprof
//! keeps is put to the firewall and to the IPsec policies once more.

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::rule::{RuleAction, RuleKey};
use netprof_model::{Diagnostic, Resource, Severity, Snapshot, State};

use super::fib::Fib;
use super::firewall::{Lan, said};
use super::lan::filters::{taken, taking, unread};
use super::{MAIN, TABLE, own_key, stale};
use crate::footing::Footing;
use crate::lan::probes;

/// What takes packets of the networks that `snapshot` holds rules for, though the rules are
/// as they were made. Where that cannot be read, it is noted once.
pub(crate) fn above(snapshot: &Snapshot) -> Vec<Diagnostic> {
    let held = snapshot.held().map_or(&[][..], |held| &held.resources);
    let (fib, footing) = (Fib::new(snapshot), Footing::of(snapshot));
    let mut all = Vec::new();
    let mut is_kept = false;
    for one in held {
        if snapshot.is_elsewhere(&one.place) || snapshot.has_expired(one) {
            continue;
        }
        let (Resource::Rule(key), Some(State::Rule(_))) = (&one.resource, &one.committed) else {
            continue;
        };
        let Some((prefix, link)) = kept(&footing, &fib, key) else {
            continue;
        };
        is_kept = true;
        let mut own = snapshot.addresses.items().iter();
        let source = own
            .find(|one| {
                one.dev == link.name && prefix.contains(&one.local.addr()) && !one.secondary
            })
            .map(|one| one.local.addr());
        let lan = Lan {
            prefix,
            link,
            source,
        };
        if let Some(source) = source
            && let Some(policy) = taking(snapshot.xfrm.items(), &prefix, source)
        {
            all.push(taken(policy, &prefix, source));
        }
        all.extend(said(snapshot.firewall.items(), &lan));
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

/// The network that a rule keeps, and the link that its packets leave by now; none where
/// the rule has lapsed, or leads nowhere that they go.
fn kept<'a>(footing: &Footing<'a>, fib: &Fib<'a>, key: &RuleKey) -> Option<(IpNet, &'a Link)> {
    let snapshot = footing.snapshot;
    let (prefix, table) = kept_by(key)?;
    if table == TABLE && !has_fresh_copy(footing, prefix) {
        return None;
    }
    let is_free = |to| {
        let mut own = snapshot.addresses.items().iter();
        !own.any(|one| one.local.addr() == to)
    };
    let to = probes::address(prefix, None, is_free)?;
    let led_to = fib.in_table(table, to, None)?;
    let length = u32::from(led_to.key.dst.prefix_len());
    if key.suppress_prefixlength.is_some_and(|most| length <= most) {
        return None;
    }
    let found = fib.look_up(to, None).route()?;
    if found != led_to {
        return None;
    }
    Some((prefix, snapshot.link(found.devices().next()?)?))
}

/// Whether a copy of the route to `prefix` is held, and its link still in that network.
fn has_fresh_copy(footing: &Footing, prefix: IpNet) -> bool {
    let copy = Resource::Route(own_key(prefix, TABLE, None));
    let held = footing.held.get(&copy);
    held.is_some_and(|copy| stale(copy.entry, footing).is_none())
}
