//! `keep-lan`: the networks of the LAN stay reachable, whatever a VPN claims.
//!
//! A Mac asks no rules. The route that configd makes to the network of a link is longer
//! than a VPN's default route, or the halves of one, and wins by itself; for that there is
//! nothing to do but to ask the kernel afterwards. Three things can be wrong:
//!
//! - A VPN has a route to the LAN's prefix or to a part of it. It is outranked by routes
//!   of netprof's own to its two halves ([`super::outrank`]).
//! - The route to the network is there for sockets of the link alone, since the same
//!   network is on another link that configd prefers, or a VPN has taken its place. Then
//!   what is there for every socket is outranked, or, where nothing is, the route is added.
//! - A VPN has a route to a single address of the LAN. Nothing is longer than that, and it
//!   is refused, with its owner.
//!
//! What a VPN does above the routing table cannot be seen here, and is said; see
//! [`above`].

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::RouteDecl;
use netprof_model::route::{Route, RouteKey, RouteKind};
use netprof_model::{Diagnostic, Location, Resource, State};

use super::Ground;
use super::claim::named;
use super::outrank::{self, Unbeatable};
use super::rib::Rib;
use super::terrain::{is_link_local, own_route};
use crate::claim::{Claim, Subject};
use crate::declared;
use crate::draft::{Draft, Wanted};
use crate::lan;
use crate::lan::{contradictions, probes};

mod above;
mod networks;
mod rivals;

type Home<'a, 'b> = lan::Home<'a, 'b, Rib<'a>>;

/// One prefix to keep, and the way to it.
struct Kept<'a> {
    /// In the words of the profile.
    subject: String,
    prefix: IpNet,
    /// The links that it may be reached through, the best one first; at least one.
    links: Vec<&'a Link>,
    /// The gateway; none for a network that the links are in.
    via: Option<IpAddr>,
    /// Whether a live route leads home by another way, and the profile says better.
    overrides: bool,
    reason: Reason,
    at: Location,
}

/// Wants the LAN to stay reachable, if the profile does.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let Some(node) = &ground.profile.routes.keep_lan else {
        return;
    };
    let reason = Reason::line(&node.at, "keep-lan");
    let links = lan::kept_links(ground, node, &reason, draft);
    if links.is_empty() {
        return;
    }
    let home = Home {
        ground,
        links: &links,
    };
    let mut all = networks::of(&home, node, &reason, draft);
    let behind = lan::also::of(&home, node, draft).into_iter();
    all.extend(behind.map(|behind| Kept {
        subject: behind.subject,
        prefix: behind.also.prefix,
        links: vec![behind.way.link],
        via: behind.way.via,
        overrides: behind.way.overrides,
        reason: behind.reason,
        at: behind.also.at,
    }));
    all.retain(|one| is_consistent(&home, one, draft));
    all.sort_by_key(|one| (one.prefix.prefix_len(), one.prefix));
    draft.kept = all.iter().map(|one| one.prefix).collect();
    for (one, rivals) in all.iter().zip(rivals::of(&home, &all)) {
        keep(&home, &all, one, &rivals, draft);
    }
    if let Some(first) = all.first() {
        above::warn(ground.base, &first.at, draft);
    }
}

/// Wants what keeps one prefix, and claims that it is kept.
fn keep(home: &Home, all: &[Kept], one: &Kept, rivals: &[rivals::Rival], draft: &mut Draft) {
    let rib = &home.ground.routing;
    let Some(link) = one.links.first().copied() else {
        return;
    };
    let routes: Vec<&Route> = rivals.iter().map(|rival| rival.route).collect();
    let halves = match outrank::halves(rib, &routes) {
        Ok(halves) => halves,
        Err(unbeatable) => {
            return draft.refuse(&one.subject, &one.reason, lost(one, unbeatable), &one.at);
        }
    };
    let is_there = !rib.exact(&one.prefix).is_empty();
    if is_there && halves.is_empty() {
        let detail = format!("already through {}", link.name);
        draft.row(Standing::Unchanged, &one.subject, detail, &one.reason);
    }
    if !is_there {
        want(draft, one.prefix, link, one.via, vec![one.reason.clone()]);
    }
    let mut parts = vec![Part {
        prefix: one.prefix,
        links: one.links.clone(),
        via: one.via,
    }];
    for (half, outranked) in halves {
        // Another line keeps just this half, by a way of its own.
        if all.iter().any(|other| other.prefix == half) || is_declared(home, half) {
            continue;
        }
        let rival = rivals.iter().find(|rival| rival.route == outranked);
        let (link, via) = rival.map_or((link, one.via), |rival| rival.way);
        let why = format!(
            "{} has {} through {}, and this is longer",
            outranked.owner.who(),
            outranked.key.dst,
            outranked.devices().next().unwrap_or("no link"),
        );
        let reasons = vec![one.reason.clone(), Reason::plain(why)];
        want(draft, half, link, via, reasons);
        parts.push(Part {
            prefix: half,
            links: vec![link],
            via,
        });
    }
    claim(home, all, one, &parts, draft);
    claim_gateway(one, link, draft);
}

/// Whether the profile declares a route to `prefix` that leads home. One whose link is not
/// there is not made.
fn is_declared(home: &Home, prefix: IpNet) -> bool {
    let mut routes = home.ground.profile.routes.routes.iter();
    routes.any(|decl| decl.prefix == prefix && leads_home(home, decl))
}

fn leads_home(home: &Home, decl: &RouteDecl) -> bool {
    declared::way_out(home.ground, decl).is_some_and(|link| home.is_kept(&link.name))
}

/// A part of a kept prefix that is asked for by itself, and the way to it.
struct Part<'a> {
    prefix: IpNet,
    links: Vec<&'a Link>,
    via: Option<IpAddr>,
}

/// Wants a route through `link`. One without a gateway is for nothing once the link has
/// left the network.
fn want(
    draft: &mut Draft,
    prefix: IpNet,
    link: &Link,
    via: Option<IpAddr>,
    mut reasons: Vec<Reason>,
) {
    if via.is_none() {
        reasons = reasons.into_iter().map(Reason::of_network).collect();
    }
    let resource = Resource::Route(RouteKey::unscoped(prefix));
    let state = State::Route(own_route(link, via).into());
    draft.want(Wanted::new(resource, state, Some(link), reasons));
}

/// Claims that packets to all of `one` leave through its links.
fn claim(home: &Home, all: &[Kept], one: &Kept, parts: &[Part], draft: &mut Draft) {
    let within = home
        .ground
        .routing
        .within(one.prefix)
        .map(|route| route.key.dst);
    let declared = home.ground.profile.routes.routes.iter();
    // What has a longer route of its own that stays, or has one by another line.
    let inner: Vec<IpNet> = within
        .filter(|dst| !parts.iter().any(|part| dst.contains(&part.prefix)))
        .chain(all.iter().map(|other| other.prefix))
        .chain(declared.map(|decl| decl.prefix))
        .filter(|dst| *dst != one.prefix && one.prefix.contains(dst))
        .collect();
    for part in parts.iter().take(probes::PARTS) {
        // Each part has an address of its own.
        let others = parts.iter().map(|other| other.prefix);
        let smaller: Vec<IpNet> = others
            .filter(|other| *other != part.prefix && part.prefix.contains(other))
            .collect();
        let is_free = |to: IpAddr| {
            let mut others = inner.iter().chain(&smaller);
            !home.ground.is_own(to) && !others.any(|other| other.contains(&to))
        };
        let Some(to) = probes::anywhere(part.prefix, is_free) else {
            continue;
        };
        let devs: Vec<String> = part.links.iter().map(|link| link.name.clone()).collect();
        draft.claims.push(Claim {
            subject: Subject::Words(one.subject.clone()),
            to,
            devs: devs.into(),
            via: part.via,
            direct: part.via.is_none(),
            reason: one.reason.clone(),
        });
    }
}

/// Claims that the gateway of `one` is reached through its link: the kernel takes a route
/// whose gateway is elsewhere, and packets then go nowhere.
fn claim_gateway(one: &Kept, link: &Link, draft: &mut Draft) {
    let Some(via) = one.via.filter(|via| !is_link_local(*via)) else {
        return;
    };
    let devs = vec![link.name.clone()];
    let mut claims = draft.claims.iter();
    if claims.any(|claim| claim.to == via && *claim.devs == devs) {
        return;
    }
    draft.claims.push(Claim {
        subject: Subject::Words(format!("{}, its gateway", one.subject)),
        to: via,
        devs: devs.into(),
        via: None,
        direct: true,
        reason: one.reason.clone(),
    });
}

/// Whether nothing else in the profile contradicts keeping `one`.
fn is_consistent(home: &Home, one: &Kept, draft: &mut Draft) -> bool {
    let kept = contradictions::Kept {
        subject: &one.subject,
        prefix: one.prefix,
        links: &one.links,
        reason: &one.reason,
        help: contradictions::LAN,
    };
    let ground = home.ground;
    let has_own_way = |address| {
        let route = ground.routing.covering(&IpNet::from(address));
        route.is_some_and(|route| {
            route.key.dst.prefix_len() > one.prefix.prefix_len() && keeps(home, route, one.prefix)
        })
    };
    let way_out = |route: &RouteDecl| declared::way_out(ground, route);
    let profile = (ground.profile, &ground.links);
    contradictions::check(profile, &kept, has_own_way, way_out, draft)
}

/// Whether a route within `prefix` is meant to win over keeping it. So is what leads to an
/// address of this host or to the other end of a tunnel, which no LAN has besides, and
/// what the profile puts in its place itself.
fn keeps(home: &Home, route: &Route, prefix: IpNet) -> bool {
    let dst = route.key.dst;
    let is_single = dst.prefix_len() == dst.max_prefix_len();
    let is_replaced = || {
        let mut routes = home.ground.profile.routes.routes.iter();
        routes.any(|decl| decl.replace && decl.prefix == dst && leads_home(home, decl))
    };
    let is_end = || {
        let mut addresses = home.ground.base.addresses.items().iter();
        addresses.any(|one| one.local.addr() == dst.addr() || one.peer == Some(dst.addr()))
    };
    (route.spec.kind == RouteKind::Unicast && home.keeps_its_way(route, prefix))
        || (is_single && is_end())
        || is_replaced()
}

/// Why a prefix cannot be kept.
fn lost(one: &Kept, unbeatable: Unbeatable) -> Diagnostic {
    let dev = |route: &Route| route.devices().next().unwrap_or("no link").to_owned();
    match unbeatable {
        Unbeatable::Single(route) => Diagnostic::error(
            "plan::would-lose",
            format!(
                "{}: packets to {} would still go through {}, by {}: no route is longer than one to a single address",
                one.subject,
                route.key.dst.addr(),
                dev(route),
                named(route)
            ),
        )
        .label("a part of this cannot be kept")
        .help(format!(
            "have {} leave that address out, or declare `route \"{}\"` through the LAN with `replace=#true`",
            route.owner.who(),
            route.key.dst
        ))
        .whose(route.owner),
        Unbeatable::Many(count, first) => Diagnostic::error(
            "plan::would-lose",
            format!(
                "{}: {count} routes lie in it that lead elsewhere, and netprof outranks at most {}: {} through {} is one",
                one.subject,
                outrank::MOST,
                named(first),
                dev(first)
            ),
        )
        .label("this cannot be kept")
        .help(format!(
            "have {} leave {} out of what it routes",
            first.owner.who(),
            one.prefix
        )),
    }
}
