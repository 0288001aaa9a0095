//! `keep-lan` and `keep-local`: the networks of the LAN and those of container engines stay
//! reachable, whatever a VPN claims.
//!
//! Per prefix there is one rule before everybody else's, `to PREFIX lookup main
//! suppress_prefixlength LEN-1`: it finds the kernel's own connected route and nothing
//! shorter, so that it beats any table and rule of a VPN client, and lapses by itself
//! when the machine moves to another network, or the engine takes its bridge away, and the
//! connected route goes.
//!
//! That form asks main, so it cannot help where the VPN has put a route *into main*
//! that ties with or beats the network's: half of the prefix, or all of it with a better
//! metric. Only there the connected route is copied into netprof's own table and the
//! rule leads to the copy. A copy does not lapse; see [`super::stale`].
//!
//! All kept prefixes are found first, of the LAN ([`lan`]) and of containers
//! ([`containers`]), and their forms chosen together: one that lies in another that needs
//! a copy needs one, too, since the rule of the wider one may be asked first.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::RouteDecl;
use netprof_model::route::{Hop, Protocol, Route, RouteKind, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey};
use netprof_model::{Location, Resource, State};

use super::fib::Fib;
use super::priority::Priorities;
use super::{Ground, MAIN, TABLE, own_route};
use crate::declared;
use crate::draft::{Draft, Wanted};
use crate::lan::contradictions;
use crate::prefixes::Prefixes;

mod containers;
pub(super) mod filters;
mod lan;
mod probes;

/// Wants the networks to stay reachable that the profile says so of.
pub(super) fn desire(ground: &Ground, priorities: &Priorities, draft: &mut Draft) {
    let links = lan::links(ground, draft);
    let home = Home {
        ground,
        links: &links,
    };
    let mut all = lan::of(&home, draft);
    all.extend(containers::of(ground, &all, draft));
    all.retain(|one| is_consistent(&home, one, draft));
    all.sort_by_key(|one| (one.prefix.prefix_len(), one.prefix));
    draft.kept = all.iter().map(|one| one.prefix).collect();
    let rivals: Vec<Vec<&Route>> = all
        .iter()
        .map(|one| home.rivals(one.prefix, one.metric))
        .collect();
    let copied = copied(&all, &rivals);
    for ((one, rivals), copied) in all.iter().zip(&rivals).zip(&copied) {
        want(ground, priorities, one, *copied, rivals, draft);
    }
    // What keeps a prefix by itself is wanted before the copies of what main has.
    for (one, _) in all.iter().zip(&copied).filter(|(_, copied)| **copied) {
        want_inner(&home, one, draft);
    }
    containers::want_pools(ground.profile, priorities, draft);
    for (one, rivals) in all.iter().zip(&rivals) {
        probes::claim(&home, one, rivals, draft);
        filters::check(ground.base, one, draft);
    }
}

/// Which of the kept prefixes need a copy: those with rivals in main, those whose live
/// route the profile overrides, and, since the rule of the wider one may be asked first,
/// what lies in one that is copied, and what one that overrides lies in.
fn copied(all: &[Kept], rivals: &[Vec<&Route>]) -> Vec<bool> {
    let overriding = all.iter().filter(|one| one.overrides);
    let overriding: Prefixes = overriding.map(|one| one.prefix).collect();
    // All that overrides lies in itself.
    let holds_overriding = |one: &Kept| !overriding.within(one.prefix.into()).is_empty();
    let needing = all.iter().zip(rivals);
    let needing = needing.filter(|(one, rivals)| !rivals.is_empty() || holds_overriding(one));
    let needing: Prefixes = needing.map(|(one, _)| one.prefix).collect();
    let lies_in = |one: &Kept| needing.narrowest(one.prefix.into()).is_some();
    all.iter().map(lies_in).collect()
}

type Home<'a, 'b> = crate::lan::Home<'a, 'b, Fib<'a>>;

/// Whose network is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// It is the LAN, or lies behind it.
    Lan,
    /// It is a container engine's.
    Containers {
        /// Whether the rule of a declared pool keeps it, unless it needs a copy.
        pooled: bool,
    },
}

impl Of {
    /// Whose it is, for a person.
    fn whose(self) -> &'static str {
        match self {
            Self::Lan => "the LAN",
            Self::Containers { .. } => "containers",
        }
    }
}

/// One prefix to keep, and the way to it.
struct Kept<'a> {
    of: Of,
    /// In the words of the profile.
    subject: String,
    prefix: IpNet,
    /// The links that it may be reached through, the best one first; at least one.
    links: Vec<&'a Link>,
    /// The gateway; none for a network that the links are in.
    via: Option<IpAddr>,
    /// This host's address on the way there.
    source: Option<IpAddr>,
    /// The metric of the route to it in main, live or to be added.
    metric: u32,
    /// Whether that route is still to be added.
    is_new: bool,
    /// Whether a live route leads elsewhere, and the profile says better.
    overrides: bool,
    /// Whether packets to it leave now: the kernel may be told to pass routes by whose
    /// link has no carrier (`ignore_routes_with_linkdown`), as a bridge without containers
    /// has none.
    is_live: bool,
    reason: Reason,
    /// What it is, where the line of the profile does not tell.
    what: Option<Reason>,
    at: Location,
}

impl<'a> Kept<'a> {
    /// The best link; a kept prefix has at least one.
    fn link(&self) -> Option<&'a Link> {
        self.links.first().copied()
    }

    /// Netprof's own route to it. An IPv6 route names no source: the kernel chooses one
    /// by RFC 6724, and when a named one goes, it takes the name away and leaves the
    /// route (`fib6_remove_prefsrc` in net/ipv6/route.c).
    fn route(&self) -> Option<RouteSpec> {
        let hop = Hop::through(&self.link()?.name, self.via);
        let source = self.source.filter(IpAddr::is_ipv4);
        Some(own_route(
            self.prefix,
            RouteKind::Unicast,
            Some(hop),
            source,
        ))
    }
}

/// Whether nothing else in the profile contradicts keeping `one`.
fn is_consistent(home: &Home, one: &Kept, draft: &mut Draft) -> bool {
    let kept = contradictions::Kept {
        subject: &one.subject,
        prefix: one.prefix,
        links: &one.links,
        reason: &one.reason,
        help: one.of.renumbered(),
    };
    let ground = home.ground;
    let has_own_way = |address| {
        let route = ground.routing.in_table(MAIN, address, None);
        route.is_some_and(|route| {
            route.key.dst.prefix_len() > one.prefix.prefix_len()
                && home.keeps_its_way(route, one.prefix)
        })
    };
    let way_out = |route: &RouteDecl| declared::way_out(ground, route);
    let profile = (ground.profile, &ground.links);
    contradictions::check(profile, &kept, has_own_way, way_out, draft)
}

impl<'a> Home<'a, '_> {
    /// Routes of main that would win over a kept route to `prefix` with `metric`.
    fn rivals(&self, prefix: IpNet, metric: u32) -> Vec<&'a Route> {
        self.ground
            .routing
            .within(MAIN, prefix)
            .filter(|route| !self.keeps_its_way(route, prefix) && !route.live.dead)
            .filter(|route| route.key.dst != prefix || route.key.metric <= metric)
            .collect()
    }

    /// Longer routes within `prefix` that are meant to win over it.
    fn inner(&self, prefix: IpNet) -> impl Iterator<Item = &'a Route> {
        self.ground
            .routing
            .within(MAIN, prefix)
            .filter(move |route| route.key.dst != prefix && self.keeps_its_way(route, prefix))
    }
}

impl Of {
    /// What helps where two networks overlap.
    fn renumbered(self) -> contradictions::Help {
        match self {
            Self::Lan => contradictions::LAN,
            Self::Containers { .. } => contradictions::CONTAINERS,
        }
    }
}

/// Wants the rule for one prefix, and the routes that it rests on.
fn want(
    ground: &Ground,
    priorities: &Priorities,
    one: &Kept,
    needs_copy: bool,
    rivals: &[&Route],
    draft: &mut Draft,
) {
    let (Some(link), Some(spec)) = (one.link(), one.route()) else {
        return;
    };
    let family = Family::of(&one.prefix);
    // The usual form finds the network where rules before it find it, too: in main. What
    // needs a copy must come before all that looks there.
    let free = match (one.of, needs_copy) {
        (Of::Lan, true) => priorities.keep_lan_first(family),
        (Of::Lan, false) => priorities.keep_lan(family),
        (Of::Containers { .. }, true) => priorities.keep_local_first(family),
        (Of::Containers { pooled: true }, false) => return,
        (Of::Containers { pooled: false }, false) => priorities.keep_local(family),
    };
    let Some(priority) = free else {
        let error = priorities.none_free(family, "no rule priority");
        return draft.refuse(&one.subject, &one.reason, error, &one.at);
    };
    filters::warn_of_selective(ground, priority, one, draft);
    let mut rule = RuleKey::new(family, priority, RuleAction::Lookup(MAIN));
    rule.to = Some(one.prefix);
    let mut reasons = vec![one.reason.clone()];
    reasons.extend(one.what.clone());
    if needs_copy {
        rule.action = RuleAction::Lookup(TABLE);
        want_route(draft, one.prefix, TABLE, spec, Some(link), &one.reason);
        if let Some(rival) = rivals.first() {
            reasons.push(Reason::plain(format!(
                "in a table of its own, since {} has {} through {} in main",
                rival.owner.who(),
                rival.key.dst,
                rival.devices().next().unwrap_or("no link"),
            )));
        }
        if let Some((owner, first)) = priorities.first_unnumbered(family) {
            reasons.push(Reason::plain(format!(
                "before rule {first} of {}, which looks into main first",
                owner.who()
            )));
        }
    } else {
        rule.suppress_prefixlength = Some(u32::from(one.prefix.prefix_len()).saturating_sub(1));
        if one.is_new {
            want_route(draft, one.prefix, MAIN, spec, Some(link), &one.reason);
        }
    }
    draft.want(Wanted::rule(rule, reasons));
}

/// Wants copies of the longer routes within a copied prefix that keep their own way.
fn want_inner(home: &Home, one: &Kept, draft: &mut Draft) {
    for inner in home.inner(one.prefix) {
        let copy = RouteSpec {
            protocol: Protocol::NETPROF,
            ..RouteSpec::clone(&inner.spec)
        };
        let mut devices = inner.devices();
        let link = devices.next().and_then(|dev| home.ground.link(dev));
        let link = link.filter(|_| devices.next().is_none());
        want_route(draft, inner.key.dst, TABLE, copy, link, &one.reason);
    }
}

fn want_route(
    draft: &mut Draft,
    prefix: IpNet,
    table: u32,
    spec: RouteSpec,
    link: Option<&Link>,
    reason: &Reason,
) {
    let resource = Resource::Route(super::own_key(prefix, table, None));
    // Of a copy of main's route to a prefix that is kept by itself, and the one that
    // keeps it, the latter counts.
    if table == TABLE && draft.wants(&resource).is_some() {
        return;
    }
    let reasons = vec![reason.clone()];
    draft.want(Wanted::new(
        resource,
        State::Route(spec.into()),
        link,
        reasons,
    ));
}
