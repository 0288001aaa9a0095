//! `route` and `unreachable`: single routes, for every socket.
//!
//! A Mac has one table and no metrics. A destination is there once for every socket, and
//! once more for each link that has one of its own; netprof's routes are always for every
//! socket. One whose key somebody else has is refused, unless the profile says to replace
//! it: a longer prefix would do the same without touching it.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::{RouteDecl, RouteTarget};
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteKind, RouteSpec, rtf};
use netprof_model::rule::Family;
use netprof_model::shared::{Alike, Shared};
use netprof_model::{Diagnostic, Owner, Resource, State};

use super::claim::taken_by;
use super::terrain::{is_link_local, own_route};
use super::{Ground, put_back};
use crate::claim::{Claim, Subject};
use crate::declared::{self, Way, Ways};
use crate::draft::{Draft, Wanted};
use crate::lan::Terrain;
use crate::prefixes::Prefixes;

mod stale;

pub(super) use stale::stale;

/// Wants each declared route.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let claimants = declared::claimants(ground.profile, ground.base);
    let mut alike = Alike::default();
    let count = ground.profile.routes.routes.len();
    draft.wanted.reserve_exact(count);
    draft.claims.reserve_exact(count);
    let mut seen: HashMap<IpNet, &RouteDecl> = HashMap::new();
    for part in declared::sorted(ground.profile) {
        let ways = Ways::of(ground, draft);
        for decl in part {
            let node = declared::node(decl);
            let route = Single {
                ground,
                claimants: &claimants,
                ways: &ways,
                decl,
                reason: Reason::line(&decl.at, node),
            };
            let first = *seen.entry(decl.prefix).or_insert(decl);
            let made = if std::ptr::eq(first, decl) {
                route.desire(&mut alike, draft)
            } else {
                Err(route.declared_before(first))
            };
            if let Err(error) = made {
                draft.refuse(route.subject().to_string(), &route.reason, error, &decl.at);
            }
        }
    }
}

/// One declared route.
struct Single<'a, 'b> {
    ground: &'b Ground<'a>,
    claimants: &'b Prefixes,
    ways: &'b Ways<'a>,
    decl: &'b RouteDecl,
    reason: Reason,
}

impl<'a> Single<'a, '_> {
    /// What it is called. Of ten thousand routes few are ever named.
    fn subject(&self) -> impl fmt::Display {
        fmt::from_fn(|f| write!(f, "{} {}", self.reason.text, self.decl.prefix))
    }

    fn desire(&self, alike: &mut Alike<RouteSpec>, draft: &mut Draft) -> Result<(), Diagnostic> {
        if let Some(src) = self.decl.src {
            return Err(Diagnostic::error(
                "plan::not-carried-out",
                format!(
                    "{}: `src={src}` cannot be carried out on macOS, where packets have an address of the link that they leave through",
                    self.subject()
                ),
            )
            .label("a route names no source address here")
            .help("leave `src=` out, or put the route in an `os` block of another system"));
        }
        let (link, via, spec) = match &self.decl.target {
            RouteTarget::Unreachable => (None, None, self.unreachable()?),
            RouteTarget::Through { via, link } => {
                let link = match link {
                    None => None,
                    Some(name) => {
                        match self.ground.links.or_row(name, self.subject(), &self.reason) {
                            Ok(links) => Some(declared::only(&links, self.subject())?),
                            Err(row) => {
                                draft.rows.push(*row);
                                return Ok(());
                            }
                        }
                    }
                };
                let link = self.leaving(link, *via)?;
                (Some(link), *via, own_route(link, *via))
            }
        };
        let spec = alike.share(spec.into());
        self.warn(link, via, draft);
        let key = RouteKey::unscoped(self.decl.prefix);
        let there = self.there(&spec)?;
        // Whoever has set the link up may have its packets go by a gateway. Those of a route
        // of netprof's own do not, where there are neighbours to send them to.
        let direct =
            there.is_none() && via.is_none() && link.is_some_and(|link| link.mac.is_some());
        if let Some(there) = there {
            draft.is_there(there, &self.reason);
        } else {
            draft.want(Wanted {
                replace: self.decl.replace,
                ..Wanted::new(
                    Resource::Route(key),
                    State::Route(spec),
                    link,
                    vec![self.reason.clone()],
                )
            });
        }
        self.claim(link, via, direct, draft);
        Ok(())
    }

    /// A route that drops: it leads to the loopback link, as route(8) has it with
    /// `-reject`.
    fn unreachable(&self) -> Result<RouteSpec, Diagnostic> {
        let mut links = self.ground.base.links.items().iter();
        let lo = links.find(|link| link.loopback).ok_or_else(|| {
            Diagnostic::error("plan::no-loopback", "there is no loopback link")
                .help("packets that are dropped are sent there")
        })?;
        let via = match self.decl.prefix {
            IpNet::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            IpNet::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        };
        Ok(RouteSpec {
            kind: RouteKind::Unreachable,
            protocol: Protocol::NETPROF,
            hops: vec![Hop::through(&lo.name, Some(via))],
            flags: rtf::STATIC,
            ..RouteSpec::default()
        })
    }

    /// The link that packets leave through: the named one, if the gateway is on it, or
    /// the one that the gateway is on.
    fn leaving(&self, link: Option<&'a Link>, via: Option<IpAddr>) -> Result<&'a Link, Diagnostic> {
        let Some(via) = via else {
            let link = link.ok_or_else(|| {
                Diagnostic::error("plan::no-way", "a route needs a gateway or a link")
                    .help("add `via=` or `link=`")
            })?;
            return self.has_family(link).map(|()| link);
        };
        if self.ground.is_own(via) {
            return Err(declared::no_gateway(format!(
                "{via} is an address of this host"
            )));
        }
        // Without a link, the one that this profile leads the gateway through, or else the
        // one whose own network it is in: a longer prefix that somebody has routed elsewhere
        // does not move the gateway there.
        let link = link
            .or_else(|| self.moved_to(via))
            .or_else(|| self.ground.neighbour(via));
        let oif = link.map(|link| link.name.as_str());
        let direct = self
            .ground
            .routing
            .look_up(via, oif)
            .route()
            .filter(|route| route.spec.kind == RouteKind::Unicast && route.gateway().is_none());
        let found = direct
            .and_then(|route| self.ground.link(route.devices().next()?))
            .filter(|found| !found.loopback && link.is_none_or(|link| link.name == found.name))
            .or_else(|| self.wanted_neighbour(link, via))
            // The other end of a tunnel, and a link-local address on whatever link is
            // named, need no route of their own.
            .or_else(|| link.filter(|link| is_link_local(via) || self.is_peer(link, via)));
        found.ok_or_else(|| self.no_gateway(link, via))
    }

    /// Why a gateway cannot be one. Somebody may have taken it from the link whose
    /// neighbour it is.
    fn no_gateway(&self, link: Option<&Link>, via: IpAddr) -> Diagnostic {
        let Some(link) = link else {
            return declared::no_gateway(format!("no link reaches the gateway {via} directly"));
        };
        let mut addresses = self.ground.base.addresses.items().iter();
        if !addresses.any(|one| one.dev == link.name && one.local.contains(&via)) {
            let dev = &link.name;
            return declared::no_gateway(format!(
                "{dev} does not reach the gateway {via} directly"
            ));
        }
        let message = format!(
            "the gateway {via} is in a network of {}, but packets to it would {}",
            link.name,
            taken_by(self.ground.routing.look_up(via, None))
        );
        Diagnostic::error("plan::gateway-unreachable", message)
            .label("this gateway is out of reach")
            .help("`keep-lan` keeps the networks of a link, with their gateways")
    }

    /// The kernel takes no route through a link that has no address of the family to send
    /// from (`ifa_ifwithroute_common_locked` in xnu, `bsd/net/route.c`).
    fn has_family(&self, link: &Link) -> Result<(), Diagnostic> {
        let family = Family::of(&self.decl.prefix);
        let mut addresses = self.ground.base.addresses.items().iter();
        if addresses.any(|one| one.dev == link.name && Family::of(&one.local) == family) {
            return Ok(());
        }
        let dev = &link.name;
        Err(Diagnostic::error(
            "plan::no-address",
            format!("{}: {dev} has no IPv{family} address", self.subject()),
        )
        .label("macOS takes no such route")
        .help("give the link an address first, or take another link"))
    }

    fn is_peer(&self, link: &Link, via: IpAddr) -> bool {
        let mut addresses = self.ground.base.addresses.items().iter();
        addresses.any(|one| one.dev == link.name && one.peer == Some(via))
    }

    /// The link that a route of this profile makes a neighbour of `via`.
    fn wanted_neighbour(&self, link: Option<&'a Link>, via: IpAddr) -> Option<&'a Link> {
        let mut found = self.wanted_ways(via).map(|way| way.link);
        found.find(|found| link.is_none_or(|link| link.name == found.name))
    }

    /// The same, where that route is the one that will be found.
    fn moved_to(&self, via: IpAddr) -> Option<&'a Link> {
        let live = self.ground.routing.covering(&IpNet::from(via));
        let live = live.map_or(0, |route| route.key.dst.prefix_len());
        let best = self.wanted_ways(via).max_by_key(|way| way.length)?;
        (best.length >= live).then_some(best.link)
    }

    /// The routes of this profile without a gateway that carry packets to `via`.
    fn wanted_ways(&self, via: IpAddr) -> impl Iterator<Item = Way<'a>> {
        let ways = self.ways.to(via);
        ways.filter(|way| way.kind == RouteKind::Unicast)
    }

    /// Two routes to one destination have but one key.
    fn declared_before(&self, other: &RouteDecl) -> Diagnostic {
        Diagnostic::error(
            "plan::no-metrics",
            format!(
                "{}: line {} has a route to the same destination, and macOS has no metrics to tell them apart",
                self.subject(), other.at.line
            ),
        )
        .label("this destination is there twice")
        .help("leave one of them out, or put each in an `os` block")
    }

    fn warn(&self, link: Option<&Link>, via: Option<IpAddr>, draft: &mut Draft) {
        if let Some(metric) = self.decl.metric {
            draft.diagnostics.push(
                Diagnostic::warning(
                    "plan::no-metrics",
                    format!(
                        "{}: macOS has no metrics, so `metric={metric}` is left out",
                        self.subject()
                    ),
                )
                .at(self.decl.at.clone())
                .help("of two routes, the one with the longer prefix wins"),
            );
        }
        let is_host = self.decl.prefix.prefix_len() == self.decl.prefix.max_prefix_len();
        if let (Some(link), None) = (link, via)
            && link.mac.is_some()
            && !is_host
        {
            let warning = declared::takes_for_neighbours(self.decl, self.subject(), link);
            draft.diagnostics.push(warning);
        }
    }

    /// Whether such a route is there already, whoever put it there; refused where
    /// somebody else holds its key.
    fn there(&self, spec: &RouteSpec) -> Result<Option<&'a Route>, Diagnostic> {
        let there = self.ground.routing.exact(&self.decl.prefix);
        let Some(other) = there
            .iter()
            .find(|route| self.is_same(route, spec))
            .or(there.first())
        else {
            return Ok(None);
        };
        if self.is_same(other, spec) {
            return Ok(Some(other));
        }
        let way = match other.devices().next() {
            Some(dev) if other.spec.kind == RouteKind::Unicast => format!("through {dev}"),
            _ => other.spec.kind.as_str().to_owned(),
        };
        let subject = self.subject();
        let taken = |help: &str| {
            let who = other.owner.who();
            let message = format!("{subject}: {who} has a route to the same destination ({way})");
            Diagnostic::error("plan::key-taken", message)
                .label("this would replace it")
                .help(help)
                .whose(other.owner)
        };
        if is_connected(self.ground, other) {
            return Err(taken(
                "netprof never replaces such a route: outrank it by longer prefixes, such as its two halves",
            ));
        }
        if !self.decl.replace {
            return Err(taken(
                "`replace=#true` puts this one in its place; longer prefixes, such as its two halves, outrank it",
            ));
        }
        if there.len() > 1 {
            let message = format!("{subject}: {} routes share this destination", there.len());
            return Err(Diagnostic::error("plan::key-taken", message)
                .help("take all but one of them away: which one is meant cannot be told"));
        }
        put_back::can_put_back(other).map_err(|why| {
            Diagnostic::error(
                "plan::cannot-put-back",
                format!(
                    "{subject}: the route that it replaces could not be put back exactly: {why}"
                ),
            )
            .help("outrank it by longer prefixes, or take it away by hand")
        })?;
        Ok(None)
    }

    /// Whether a live route leads where the profile wants. One that names only a link
    /// leaves the gateway to whoever set the link up.
    fn is_same(&self, live: &Route, wanted: &RouteSpec) -> bool {
        if live.spec.kind != wanted.kind {
            return false;
        }
        match self.decl.target {
            RouteTarget::Unreachable => true,
            RouteTarget::Through { via: Some(_), .. } => live.spec.hops == wanted.hops,
            RouteTarget::Through { via: None, .. } => {
                let mut wanted = wanted.hops.iter();
                wanted.all(|hop| hop.dev.as_deref().is_some_and(|dev| live.goes_through(dev)))
            }
        }
    }

    /// Claims an address of the prefix that nobody has a longer prefix for, and the way to
    /// the gateway: the kernel takes a route whose gateway is elsewhere, and packets then
    /// go nowhere (`rt_setgate` in xnu, `bsd/net/route.c`).
    fn claim(&self, link: Option<&Link>, via: Option<IpAddr>, direct: bool, draft: &mut Draft) {
        let devs: Vec<String> = link.map(|link| link.name.clone()).into_iter().collect();
        let devs = Shared::from(devs);
        let mut claim = |subject, to, via, direct| {
            draft.claims.push(Claim {
                subject,
                to,
                devs: devs.clone(),
                via,
                direct,
                reason: self.reason.clone(),
            });
        };
        if let Some(to) = declared::probe(self.ground, self.claimants, self.decl.prefix) {
            claim(Subject::Route(self.decl.prefix), to, via, direct);
        }
        if let Some(via) = via.filter(|via| !is_link_local(*via)) {
            let words = format!("{}, its gateway", self.subject());
            claim(Subject::Words(words), via, None, true);
        }
    }
}

/// Whether a route is one that the kernel or configd made, or that stands for a network
/// which a link is in: without it, the link is cut off from its own neighbours.
fn is_connected(ground: &Ground, route: &Route) -> bool {
    let mut addresses = ground.base.addresses.items().iter();
    matches!(
        route.owner,
        Owner::Kernel | Owner::Configd | Owner::Ra | Owner::Dhcp
    ) || route.spec.protocol == Protocol::KERNEL
        || (route.gateway().is_none()
            && addresses
                .any(|one| one.local.trunc() == route.key.dst && route.goes_through(&one.dev)))
}
