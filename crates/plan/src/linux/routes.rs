//! `route` and `unreachable`: single routes, put where they win.
//!
//! A route normally goes into main. Where policy routing passes main by for its
//! prefix (a VPN client's rule leads into a table with a default route, say), it goes
//! into netprof's own table instead, and a rule before everybody else's leads there.

use std::fmt;
use std::net::IpAddr;

use netprof_model::link::Link;
use netprof_model::plan::{Reason, Row};
use netprof_model::profile::{RouteDecl, RouteTarget};
use netprof_model::route::{Hop, Route, RouteKey, RouteKind, RouteSpec};
use netprof_model::rule::Family;
use netprof_model::shared::Shared;
use netprof_model::{Diagnostic, Owner, Resource, State};

use super::own_table::OwnTable;
use super::priority::Priorities;
use super::{Ground, MAIN, TABLE, own_key, own_route, put_back};
use crate::claim::{Claim, Subject};
use crate::declared::{self, Ways};
use crate::draft::{Draft, Wanted};
use crate::lan::Terrain;
use crate::prefixes::Prefixes;

/// Wants each declared route.
pub(super) fn desire(ground: &Ground, priorities: &Priorities, draft: &mut Draft) {
    let claimants = declared::claimants(ground.profile, ground.base);
    let mut own_table = OwnTable::new(priorities);
    let count = ground.profile.routes.routes.len();
    draft.wanted.reserve_exact(count);
    draft.claims.reserve_exact(count);
    for part in declared::sorted(ground.profile) {
        let ways = Ways::of(ground, draft);
        let mut last: Option<(&RouteDecl, WayOut)> = None;
        for decl in part {
            let node = declared::node(decl);
            let route = Single {
                ground,
                claimants: &claimants,
                ways: &ways,
                decl,
                reason: Reason::line(&decl.at, node),
            };
            let way = match &last {
                Some((before, way)) if leads(before) == leads(decl) => way,
                _ => match route.way_out() {
                    Ok(way) => &last.insert((decl, way)).1,
                    Err(Lost::Waits(row)) => {
                        draft.rows.push(*row);
                        continue;
                    }
                    Err(Lost::Refused(error)) => {
                        route.refuse(*error, draft);
                        continue;
                    }
                },
            };
            if let Err(error) = route.desire(way, &mut own_table, draft) {
                route.refuse(error, draft);
            }
        }
    }
    own_table.want(draft);
}

/// The way of a declared route. Of ten thousand by one gateway it is found once: those that
/// are declared one behind the other share it.
struct WayOut<'a> {
    /// None for a route that drops.
    link: Option<&'a Link>,
    via: Option<IpAddr>,
    spec: Shared<RouteSpec>,
    devs: Shared<Vec<String>>,
}

/// Why there is none.
enum Lost {
    /// Its link is not there.
    Waits(Box<Row>),
    Refused(Box<Diagnostic>),
}

impl From<Diagnostic> for Lost {
    fn from(error: Diagnostic) -> Self {
        Self::Refused(Box::new(error))
    }
}

/// All of a declaration that decides on its way.
fn leads(decl: &RouteDecl) -> impl PartialEq {
    let through = match &decl.target {
        RouteTarget::Unreachable => None,
        RouteTarget::Through { via, link } => Some((via, link.as_ref().map(|link| &link.value))),
    };
    (Family::of(&decl.prefix), decl.src, through)
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

    fn refuse(&self, error: Diagnostic, draft: &mut Draft) {
        let subject = self.subject().to_string();
        draft.refuse(subject, &self.reason, error, &self.decl.at);
    }

    fn way_out(&self) -> Result<WayOut<'a>, Lost> {
        let (kind, link, via) = match &self.decl.target {
            RouteTarget::Unreachable => (RouteKind::Unreachable, None, None),
            RouteTarget::Through { via, link } => {
                let link = match link {
                    None => None,
                    Some(name) => {
                        let links = &self.ground.links;
                        let links = links.or_row(name, self.subject(), &self.reason);
                        Some(declared::only(
                            &links.map_err(Lost::Waits)?,
                            self.subject(),
                        )?)
                    }
                };
                (RouteKind::Unicast, Some(self.leaving(link, *via)?), *via)
            }
        };
        self.check_source(link)?;
        let hop = link.map(|link| Hop::through(&link.name, via));
        let devs: Vec<String> = link.map(|link| link.name.clone()).into_iter().collect();
        Ok(WayOut {
            link,
            via,
            spec: own_route(self.decl.prefix, kind, hop, self.decl.src).into(),
            devs: devs.into(),
        })
    }

    fn desire(
        &self,
        way: &WayOut<'a>,
        own_table: &mut OwnTable,
        draft: &mut Draft,
    ) -> Result<(), Diagnostic> {
        if let Some(link) = way.link {
            if way.via.is_none() {
                self.warn_of_neighbours(link, draft);
            }
            self.warn_of_vrf(link, draft);
        }
        let table = self.table(own_table, draft)?;
        let key = own_key(self.decl.prefix, table, self.decl.metric);
        if let Some(there) = self.there(&key, &way.spec)? {
            draft.is_there(there, &self.reason);
        } else {
            draft.want(Wanted {
                replace: self.decl.replace,
                ..Wanted::new(
                    Resource::Route(key),
                    State::Route(way.spec.clone()),
                    way.link,
                    vec![self.reason.clone()],
                )
            });
        }
        self.claim(way, draft);
        Ok(())
    }

    /// The link that packets leave through: the named one, if the gateway is on it,
    /// or the one that the gateway is on.
    fn leaving(&self, link: Option<&'a Link>, via: Option<IpAddr>) -> Result<&'a Link, Diagnostic> {
        let Some(via) = via else {
            return link.ok_or_else(|| {
                Diagnostic::error("plan::no-way", "a route needs a gateway or a link")
                    .help("add `via=` or `link=`")
            });
        };
        // Without a link, the one whose own network the gateway is in: a longer prefix
        // that somebody has routed elsewhere does not move the gateway there.
        let link = link.or_else(|| self.ground.neighbour(via));
        let oif = link.map(|link| link.name.as_str());
        // As the kernel checks it (fib_check_nh): the gateway must be reached without
        // another gateway.
        let direct = self
            .ground
            .routing
            .look_up(via, oif)
            .route()
            .filter(|route| route.spec.kind == RouteKind::Unicast && route.gateway().is_none());
        let found = direct
            .and_then(|route| match oif {
                Some(_) => link,
                None => route.devices().next().and_then(|dev| self.ground.link(dev)),
            })
            .or_else(|| self.wanted_neighbour(link, via))
            // A link-local gateway is on whatever link is named.
            .or(link.filter(|_| matches!(via, IpAddr::V6(via) if via.is_unicast_link_local())));
        found.ok_or_else(|| {
            let what = match self.ground.routing.look_up(via, oif).route() {
                Some(route) if route.spec.kind == RouteKind::Local => {
                    format!("{via} is an address of this host")
                }
                _ => match link {
                    Some(link) => {
                        format!("{} does not reach the gateway {via} directly", link.name)
                    }
                    None => format!("no link reaches the gateway {via} directly"),
                },
            };
            declared::no_gateway(what)
        })
    }

    /// The link that a route of this profile makes a neighbour of `via`.
    fn wanted_neighbour(&self, link: Option<&'a Link>, via: IpAddr) -> Option<&'a Link> {
        let mut found = self.ways.to(via).map(|way| way.link);
        found.find(|found| link.is_none_or(|link| link.name == found.name))
    }

    fn check_source(&self, link: Option<&Link>) -> Result<(), Diagnostic> {
        let Some(src) = self.decl.src else {
            return Ok(());
        };
        let mut addresses = self.ground.base.addresses.items().iter();
        if addresses.any(|one| one.local.addr() == src) {
            return Ok(());
        }
        let own = self.ground.base.addresses.items().iter();
        let candidates: Vec<String> = own
            .filter(|one| link.is_none_or(|link| link.name == one.dev))
            .map(|one| one.local.addr().to_string())
            .collect();
        Err(Diagnostic::error(
            "plan::no-source",
            format!("{src} is not an address of this host"),
        )
        .label("no link has this source address")
        .help(format!("addresses: {}", candidates.join(", "))))
    }

    /// A link with neighbours and a route without a gateway: every address of the
    /// prefix is asked for on the wire.
    fn warn_of_neighbours(&self, link: &Link, draft: &mut Draft) {
        let tunnel = matches!(
            link.kind.as_deref(),
            Some("tun" | "wireguard" | "ppp" | "xfrm" | "gre" | "sit" | "ipip")
        );
        let is_host = self.decl.prefix.prefix_len() == self.decl.prefix.max_prefix_len();
        if tunnel || is_host || link.loopback || link.mac.is_none() {
            return;
        }
        let warning = declared::takes_for_neighbours(self.decl, self.subject(), link);
        draft.diagnostics.push(warning);
    }

    /// Warns of a link that belongs to a vrf: packets leave through it, and what comes
    /// back is for the programs of that vrf (`inet_sk_bound_dev_eq` in
    /// include/net/inet_sock.h; `tcp_l3mdev_accept` in Documentation/networking/vrf.rst).
    fn warn_of_vrf(&self, link: &Link, draft: &mut Draft) {
        let is_vrf = |link: &&Link| link.kind.as_deref() == Some("vrf");
        let links = self.ground.base.links.items();
        let master = links.iter().find(|one| Some(one.index) == link.master);
        let Some(vrf) = Some(link).filter(is_vrf).or(master.filter(is_vrf)) else {
            return;
        };
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::vrf",
                format!(
                    "{} is in the vrf {}: what comes back there is heard by programs of that vrf only",
                    link.name, vrf.name
                ),
            )
            .at(self.decl.at.clone())
            .help("run what needs it in there: ip vrf exec; or see net.ipv4.tcp_l3mdev_accept"),
        );
    }

    /// The table in which the route wins: netprof's own, where main is passed by.
    fn table(&self, own_table: &mut OwnTable, draft: &mut Draft) -> Result<u32, Diagnostic> {
        let prefix = &self.decl.prefix;
        let Some(taken) = self.ground.routing.taken_before_main(prefix) else {
            return Ok(MAIN);
        };
        own_table.lead(prefix, taken, &self.reason, draft)?;
        Ok(TABLE)
    }

    /// Whether such a route is there already, whoever put it there; refused where
    /// somebody else holds its key.
    fn there(&self, key: &RouteKey, spec: &RouteSpec) -> Result<Option<&'a Route>, Diagnostic> {
        let same = |route: &&Route| {
            let other = &route.spec;
            other.kind == spec.kind
                && self.is_same_way(other, spec)
                && spec.prefsrc.is_none_or(|src| other.prefsrc == Some(src))
        };
        let there: Vec<&Route> = self
            .ground
            .routing
            .exact(key.table, &key.dst)
            .iter()
            .copied()
            .filter(|route| route.key == *key)
            .collect();
        if let Some(route) = there.iter().find(|route| same(route)) {
            return Ok(Some(route));
        }
        let Some(other) = there.first() else {
            return Ok(None);
        };
        let way = match other.devices().next() {
            Some(dev) => match self.ground.link(dev).map(|link| link.owner) {
                Some(owner) if owner.is_engine() => format!("through {dev} of {owner}"),
                _ => format!("through {dev}"),
            },
            None => other.spec.kind.as_str().to_owned(),
        };
        let taken =
            |message: String| Diagnostic::error("plan::key-taken", message).whose(other.owner);
        let subject = self.subject();
        if matches!(other.owner, Owner::Kernel | Owner::Ra | Owner::Dhcp) {
            return Err(taken(format!(
                    "{subject}: {} has a route with the same destination and metric ({way})",
                    other.owner.who()
                ))
                .label("this would replace it")
                .help("netprof never replaces such a route: outrank it by a lower `metric=`, or by longer prefixes"));
        }
        if !self.decl.replace {
            return Err(taken(format!(
                "{subject}: {} has a route with the same destination and metric ({way})",
                other.owner.who()
            ))
            .label("this would replace it")
            .help(way_round(key)));
        }
        if there.len() > 1 {
            return Err(taken(format!(
                "{subject}: {} routes share this destination and metric",
                there.len()
            ))
            .help("take all but one of them away: which one is meant cannot be told"));
        }
        put_back::can_put_back(other).map_err(|why| {
            Diagnostic::error(
                "plan::cannot-put-back",
                format!(
                    "{subject}: the route that it replaces could not be put back exactly: {why}"
                ),
            )
            .help("give another `metric=` instead of `replace=#true`")
        })?;
        Ok(None)
    }

    /// Whether a live route leads where the profile wants. One that names only a link
    /// leaves the gateway to whoever set the link up.
    fn is_same_way(&self, live: &RouteSpec, wanted: &RouteSpec) -> bool {
        let names_gateway = declared::has_gateway(self.decl);
        match (live.hops.as_slice(), wanted.hops.as_slice()) {
            ([live], [wanted]) if !names_gateway => live.dev == wanted.dev,
            (live, wanted) => live == wanted,
        }
    }

    /// Claims an address of the prefix that nobody has a longer prefix for.
    fn claim(&self, way: &WayOut, draft: &mut Draft) {
        if let Some(to) = declared::probe(self.ground, self.claimants, self.decl.prefix) {
            draft.claims.push(Claim {
                subject: Subject::Route(self.decl.prefix),
                to,
                devs: way.devs.clone(),
                via: way.via,
                direct: false,
                reason: self.reason.clone(),
            });
        }
    }
}

/// What helps where a key is taken.
fn way_round(key: &RouteKey) -> String {
    if key.metric == 0 {
        return "`replace=#true` puts this one in its place; no metric is lower than 0".to_owned();
    }
    format!(
        "a `metric=` below {} outranks it; `replace=#true` puts this one in its place",
        key.metric
    )
}
