//! Which addresses stand for a kept prefix, when it is asked whether it is kept.
//!
//! One address of a network says nothing of the others: a rule or a route of somebody
//! else may take just a part. So each such part has an address of its own.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::route::Route;
use netprof_model::rule::{Family, RuleAction};

use super::also::gateways;
use super::{Home, Kept};
use crate::claim::Claim;
use crate::draft::Draft;
use crate::linux::priority::ROUTE;
use crate::linux::{LOCAL, MAIN};

/// At most this many parts of one prefix are asked for: a VPN may push thousands of
/// routes, and all of those through one link are outranked by one rule.
const PARTS: usize = 64;
/// So many addresses of a part are tried, to miss this host's own and single hosts that
/// have a way of their own.
const TRIES: usize = 16;

/// Claims that packets to all of `one` leave through its links.
pub(super) fn claim(home: &Home, one: &Kept, rivals: &[&Route], draft: &mut Draft) {
    let Some(best) = one.link() else { return };
    let family = Family::of(&one.prefix);
    let gateway = gateways(home, best, family).find(|via| one.prefix.contains(via));
    let inner: Vec<IpNet> = home.inner(one.prefix).map(|route| route.key.dst).collect();
    // Rules that are asked before netprof's, and what their tables lead to.
    let rules = home.ground.base.rules.items().iter();
    let earlier = rules.filter(|rule| rule.key.family == family && rule.key.priority < ROUTE);
    let ruled = earlier.flat_map(|rule| {
        let table = match rule.key.action {
            RuleAction::Lookup(table) if table != MAIN && table != LOCAL => Some(table),
            _ => None,
        };
        let routes = table
            .into_iter()
            .flat_map(|table| home.ground.fib.within(table, one.prefix));
        rule.key
            .to
            .into_iter()
            .chain(routes.map(|route| route.key.dst))
    });
    let parts = std::iter::once(one.prefix)
        .chain(ruled.filter(|to| one.prefix.contains(to) && *to != one.prefix))
        .chain(rivals.iter().map(|route| route.key.dst))
        .take(PARTS);
    let mut claimed: Vec<IpAddr> = Vec::new();
    for part in parts {
        let is_free = |to: &IpAddr| {
            !home.ground.is_own(*to)
                && !is_network_itself(&part, *to)
                && !inner.iter().any(|inner| inner.contains(to))
        };
        let mut candidates = gateway
            .filter(|via| part.contains(via))
            .into_iter()
            .chain(part.hosts().take(TRIES));
        let Some(to) = candidates.find(is_free) else {
            continue;
        };
        if claimed.contains(&to) {
            continue;
        }
        claimed.push(to);
        draft.claims.push(Claim {
            subject: one.subject.clone(),
            to,
            devs: one.links.iter().map(|link| link.name.clone()).collect(),
            via: one.via,
            reason: one.reason.clone(),
            at: one.at.clone(),
        });
    }
}

/// The first address of a network with more than two is the network itself, and in
/// IPv6 that of any router on it (RFC 4291, 2.6.1).
fn is_network_itself(part: &IpNet, to: IpAddr) -> bool {
    part.max_prefix_len() - part.prefix_len() > 1 && to == part.network()
}
