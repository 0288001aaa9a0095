//! Who else has addresses.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::profile::{Also, Profile, RouteDecl, RouteTarget, Scope, Servers};
use netprof_model::route::{Protocol, Route, RouteKind};
use netprof_model::{Name, Owner, space};

use super::Ground;
use super::tract::{Form, Tract};
use crate::declared;
use crate::lan::networks;
use crate::links::Meant;
use crate::linux::{LOCAL, MAIN, connected};

/// Addresses of somebody else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other<'a> {
    pub(super) prefix: IpNet,
    who: Who<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Who<'a> {
    /// The network of a LAN.
    Lan(&'a Link),
    /// A server of a scope on this link of the profile.
    Server(&'a Scope, &'a Name),
    /// A declared route.
    Declared(&'a RouteDecl),
    /// A network that is kept behind the LAN.
    Also(&'a Also),
    /// Other containers, by their place among all.
    Containers(usize, Tract<'a>),
    /// A live route, and the link that it leads through.
    Route(&'a Route, Option<&'a Link>),
}

/// Everybody who has addresses that may be in the way of containers. A scope without a link
/// may well be answered from a container: its servers are nobody's.
pub(super) fn all<'a>(
    neighbourhood: &Neighbourhood<'a, '_>,
    tracts: &[Tract<'a>],
) -> impl Iterator<Item = Other<'a>> {
    let ground = neighbourhood.ground;
    let containers = (0..).zip(tracts).map(|(at, tract)| Other {
        prefix: tract.prefix,
        who: Who::Containers(at, *tract),
    });
    let routes = ground.base.routes.items().iter();
    let routes = routes.filter_map(|route| neighbourhood.live(route));
    declared_by(ground.profile).chain(containers).chain(routes)
}

fn declared_by(profile: &Profile) -> impl Iterator<Item = Other<'_>> {
    let servers = profile.scopes.iter().flat_map(|scope| {
        let (Servers::Listed(servers), Some(link)) = (&scope.servers, &scope.link) else {
            return Vec::new();
        };
        let servers = servers.iter().map(|server| Other {
            prefix: server.value.address.into(),
            who: Who::Server(scope, &link.value),
        });
        servers.collect()
    });
    let routes = profile.routes.routes.iter().map(|route| Other {
        prefix: route.prefix,
        who: Who::Declared(route),
    });
    let also = profile.routes.keep_lan.iter().flat_map(|lan| &lan.also);
    let also = also.map(|also| Other {
        prefix: also.prefix,
        who: Who::Also(also),
    });
    let all = servers.chain(routes).chain(also);
    all.filter(|one| !space::is_way_out(&one.prefix))
}

/// The machine, and which of its links are in LANs.
pub(super) struct Neighbourhood<'a, 'b> {
    ground: &'b Ground<'a>,
    /// Those of hardware.
    physical: HashSet<&'a str>,
    /// Those that the profile keeps the networks of.
    kept: HashSet<&'a str>,
}

impl<'a, 'b> Neighbourhood<'a, 'b> {
    pub(super) fn of(ground: &'b Ground<'a>) -> Self {
        let physical = networks::physical(ground.base.links.items()).into_iter();
        let physical: HashSet<&str> = physical.map(|link| link.name.as_str()).collect();
        let kept = match &ground.profile.routes.keep_lan {
            None => HashSet::new(),
            Some(keep_lan) if keep_lan.links.is_empty() => physical.clone(),
            Some(keep_lan) => {
                let links = keep_lan
                    .links
                    .iter()
                    .map(|name| ground.links.meant(&name.value));
                let links = links.flat_map(|meant| match meant {
                    Meant::Links(links) => links,
                    _ => Vec::new(),
                });
                links.map(|link| link.name.as_str()).collect()
            }
        };
        Self {
            ground,
            physical,
            kept,
        }
    }

    /// The one that has the addresses which `route` leads to, unless that is nobody, this
    /// host itself, or a container engine.
    fn live(&self, route: &'a Route) -> Option<Other<'a>> {
        let prefix = route.key.dst;
        let drops = matches!(
            route.spec.kind,
            RouteKind::Unreachable | RouteKind::Blackhole | RouteKind::Prohibit
        );
        if !(drops || route.spec.kind == RouteKind::Unicast)
            || route.key.table == LOCAL
            || route.spec.protocol == Protocol::NETPROF
            || space::is_way_out(&prefix)
            || networks::is_link_local(&prefix)
        {
            return None;
        }
        let link = route.devices().next();
        let link = link.and_then(|dev| self.ground.link(dev));
        if link.is_some_and(|link| link.owner.is_engine() || (link.loopback && !drops)) {
            return None;
        }
        let who = match link.filter(|link| self.is_lan(link, route)) {
            Some(link) => Who::Lan(link),
            None => Who::Route(route, link),
        };
        Some(Other { prefix, who })
    }

    /// Whether `route` is that of a network which `link` is in, and that a LAN: one of
    /// hardware is, and what the profile calls one.
    fn is_lan(&self, link: &Link, route: &Route) -> bool {
        let name = link.name.as_str();
        let addresses = self.ground.base.addresses.items();
        (self.physical.contains(name) || self.kept.contains(name))
            && connected::by_link(addresses, route, |dev| dev == name).is_some()
    }

    /// Whether `other` is in the way of the tract at that place: what the profile itself
    /// says of both is not, where the longer one is meant to win.
    pub(super) fn is_met(&self, other: &Other, at: usize, tract: &Tract) -> bool {
        let lies_within = tract.prefix.contains(&other.prefix);
        match (other.who, tract.form) {
            // One of both says it. What the profile gives to two engines is refused before.
            (Who::Containers(other, _), _) if other <= at => false,
            (Who::Containers(_, other), _) => {
                other.engine != tract.engine && !(other.is_declared() && tract.is_declared())
            }
            // Where the network is kept, they are refused by themselves.
            (Who::Server(_, link), Form::Declared(_)) => self.leads_away(link),
            (Who::Server(_, link), Form::Told(_)) => self.leads_away(link),
            (Who::Server(_, link), Form::Live(_)) => {
                self.ground.profile.containers.keep_local.is_none() && self.leads_away(link)
            }
            (Who::Declared(route), Form::Declared(_)) => lies_within && self.leaves(tract, route),
            (Who::Declared(route), Form::Told(_)) => self.leaves(tract, route),
            // One that takes a part of a network is told of by itself.
            (Who::Declared(route), Form::Live(_)) => !lies_within && self.leaves(tract, route),
            (Who::Also(_), Form::Declared(_)) => lies_within,
            (Who::Also(_) | Who::Lan(_) | Who::Route(..), _) => true,
        }
    }

    /// Whether the profile asks for it beside `tract`, and so contradicts itself.
    pub(super) fn is_asked_for(&self, other: &Other, tract: &Tract) -> bool {
        tract.is_declared()
            && match other.who {
                Who::Lan(link) => self.kept.contains(link.name.as_str()),
                Who::Server(..) | Who::Declared(_) | Who::Also(_) => true,
                Who::Containers(..) | Who::Route(..) => false,
            }
    }

    /// Whether the link of that name is there, and is no bridge of an engine's.
    fn leads_away(&self, name: &Name) -> bool {
        match self.ground.links.meant(name) {
            Meant::Links(links) => !links.iter().all(|link| link.owner.is_engine()),
            _ => false,
        }
    }

    /// Whether packets to a declared route leave for elsewhere than the containers of
    /// `tract`.
    fn leaves(&self, tract: &Tract, route: &RouteDecl) -> bool {
        match route.target {
            RouteTarget::Unreachable => true,
            RouteTarget::Through { via, .. } => {
                let is_container = |via: IpAddr| tract.prefix.contains(&via);
                let link = declared::way_out(self.ground, route);
                !via.is_some_and(is_container) && link.is_some_and(|link| !link.owner.is_engine())
            }
        }
    }
}

impl<'a> Other<'a> {
    /// Of two with one prefix, and in a list, the lower one comes first.
    pub(super) fn rank(&self) -> u8 {
        match self.who {
            Who::Lan(_) => 0,
            Who::Server(..) => 1,
            Who::Declared(_) => 2,
            Who::Also(_) => 3,
            Who::Containers(..) => 4,
            Who::Route(..) => 5,
        }
    }

    /// The link that packets to it leave by, where its routes alone tell of it.
    pub(super) fn dev(&self) -> Option<&'a str> {
        match self.who {
            Who::Lan(link) | Who::Route(_, Some(link)) => Some(&link.name),
            _ => None,
        }
    }

    pub(super) fn owner(&self) -> Owner {
        match self.who {
            Who::Containers(_, tract) => tract.engine,
            Who::Route(route, link) => owner(route, link),
            _ => Owner::Unknown,
        }
    }
}

/// Whose a route is: the kernel makes those of links, which are their owners'.
fn owner(route: &Route, link: Option<&Link>) -> Owner {
    match (route.owner, link) {
        (Owner::Kernel | Owner::Unknown, Some(link)) if link.owner != Owner::Unknown => link.owner,
        (owner, _) => owner,
    }
}

/// Short, as one of several in a sentence.
impl fmt::Display for Other<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.prefix;
        match self.who {
            Who::Lan(link) => write!(f, "{prefix} (the LAN on {})", link.name),
            Who::Server(scope, link) => write!(
                f,
                "{} (a server of scope {} on link {link})",
                prefix.addr(),
                scope.name
            ),
            Who::Declared(route) => write!(
                f,
                "{prefix} (`{}` in line {})",
                declared::node(route),
                route.at.line
            ),
            Who::Also(also) => write!(f, "{prefix} (`also` in line {})", also.at.line),
            Who::Containers(_, tract) => match tract.form {
                Form::Declared(one) => {
                    write!(f, "{prefix} (`{}` in line {})", one.node(), tract.at.line)
                }
                Form::Told(_) => write!(f, "{prefix} (by the daemon of {})", tract.engine),
                Form::Live(one) => {
                    write!(
                        f,
                        "{prefix} ({}'s network on {})",
                        tract.engine, one.link.name
                    )
                }
            },
            Who::Route(route, link) => {
                write!(f, "{prefix} ({}", who(owner(route, link)))?;
                match (route.spec.kind, link) {
                    (RouteKind::Unicast, Some(link)) => write!(f, " through {}", link.name)?,
                    (RouteKind::Unicast, None) => {}
                    (kind, _) => write!(f, ", {}", kind.as_str())?,
                }
                if route.key.table != MAIN {
                    write!(f, " in table {}", route.key.table)?;
                }
                f.write_str(")")
            }
        }
    }
}

fn who(owner: Owner) -> &'static str {
    match owner {
        Owner::Unknown => "somebody's route",
        owner => owner.who(),
    }
}
