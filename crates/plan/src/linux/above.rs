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
use super::lan::filters::{taken, taking};
use super::{MAIN, TABLE};
use crate::lan::probes;

/// What takes packets of the networks that `snapshot` holds rules for, though the rules are
/// as they were made. Nothing is said of what cannot be read.
#[must_use]
pub fn above(snapshot: &Snapshot) -> Vec<Diagnostic> {
    let held = snapshot.held().map_or(&[][..], |held| &held.resources);
    let fib = Fib::new(snapshot);
    let mut all = Vec::new();
    for one in held {
        let (Resource::Rule(key), Some(State::Rule(_))) = (&one.resource, &one.committed) else {
            continue;
        };
        let Some((prefix, link)) = kept(snapshot, &fib, key) else {
            continue;
        };
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
    // The rules hold: what is said here is no error of this command.
    for one in &mut all {
        one.severity = one.severity.min(Severity::Warning);
    }
    all
}

/// The network that a rule keeps, and the link that its packets leave by now.
fn kept<'a>(snapshot: &'a Snapshot, fib: &Fib<'a>, key: &RuleKey) -> Option<(IpNet, &'a Link)> {
    let prefix = key.to?;
    if !matches!(key.action, RuleAction::Lookup(MAIN | TABLE)) {
        return None;
    }
    let is_free = |to| {
        let mut own = snapshot.addresses.items().iter();
        !own.any(|one| one.local.addr() == to)
    };
    let to = probes::address(prefix, None, is_free)?;
    let dev = fib.look_up(to, None).route()?.devices().next()?;
    Some((prefix, snapshot.link(dev)?))
}
