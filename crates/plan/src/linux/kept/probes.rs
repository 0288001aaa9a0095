//! Which addresses stand for a kept prefix, when it is asked whether it is kept.
//!
//! One address of a network says nothing of the others: a rule or a route of somebody
//! else may take just a part. So each such part has an address of its own.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::route::Route;
use netprof_model::rule::{Family, RuleAction};
use netprof_model::shared::Shared;

use super::{Home, Kept};
use crate::claim::{Claim, Subject};
use crate::draft::Draft;
use crate::lan::{Terrain, probes};
use crate::linux::priority::ROUTE;
use crate::linux::{LOCAL, MAIN};

/// Claims that packets to all of `one` leave through its links.
pub(super) fn claim(home: &Home, one: &Kept, rivals: &[&Route], draft: &mut Draft) {
    let Some(best) = one.link().filter(|_| one.is_live) else {
        return;
    };
    let family = Family::of(&one.prefix);
    let gateways = home.ground.gateways(best, family);
    let gateway = gateways.into_iter().find(|via| one.prefix.contains(via));
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
            .flat_map(|table| home.ground.routing.within(table, one.prefix));
        rule.key
            .to
            .into_iter()
            .chain(routes.map(|route| route.key.dst))
    });
    let parts = std::iter::once(one.prefix)
        .chain(ruled.filter(|to| one.prefix.contains(to) && *to != one.prefix))
        .chain(rivals.iter().map(|route| route.key.dst))
        .take(probes::PARTS);
    let mut claimed: Vec<IpAddr> = Vec::new();
    let links = one.links.iter().map(|link| link.name.clone());
    let links = Shared::from(links.collect::<Vec<String>>());
    for part in parts {
        let is_free =
            |to: IpAddr| !home.ground.is_own(to) && !inner.iter().any(|inner| inner.contains(&to));
        let Some(to) = probes::address(part, gateway, is_free) else {
            continue;
        };
        if claimed.contains(&to) {
            continue;
        }
        claimed.push(to);
        draft.claims.push(Claim {
            subject: Subject::Words(one.subject.clone()),
            to,
            devs: links.clone(),
            via: one.via,
            direct: false,
            reason: one.reason.clone(),
        });
    }
}
