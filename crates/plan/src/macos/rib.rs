//! How the kernel of macOS finds the route of a packet, over plain data.
//!
//! There are no policy rules, no tables and no metrics. But a route may be *scoped* to a
//! link (RTF_IFSCOPE), and then it is told apart from an unscoped one with the same
//! destination. A look-up (`rt_lookup_common` in xnu, `bsd/net/route.c`) goes like this:
//!
//! 1. The longest unscoped prefix is found. If it leads to the loopback link without a
//!    gateway, that is the answer.
//! 2. The longest prefix is found among the routes scoped to the link of that route, or
//!    to the link that the socket is bound to. A bound socket does not take an unscoped
//!    route through another link.
//! 3. The scoped one is the answer, but for two cases: its destination begins at the
//!    address 0 and the other's does not, or it is a network's and the other a host's
//!    (`RTF_HOST`; a network's may be of one address).
//! 4. If there is none, it is the unscoped default, if that leads through the link of
//!    the look-up.
//!
//! So who has the longer unscoped prefix decides through which link a packet leaves, and
//! a scoped route only where on that link it goes. That is all the ground that netprof
//! stands on here: a route wins by a longer prefix or not at all.
//!
//! To one address there may be a host's route and a network's. Both match in full, and
//! the host's stands first (`rn_addroute`, `rn_match_args` in `bsd/net/radix.c`).
//!
//! What the kernel clones for one destination is not seen here. It leads where its parent
//! leads, but in one case: a clone of a *scoped* route, made for a socket that is bound to
//! its link, is not taken away when a longer unscoped route is added (`rt_fixchange`
//! compares the masks, which hold the scope). Through that link it takes the packets to its
//! one address until it expires. The kernel is asked after a change, and would tell.
//!
//! The kernel takes any route whose destination begins at 0 for a default route,
//! `0.0.0.0/1` among them (`SA_DEFAULT`), and so does this.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_model::Snapshot;
use netprof_model::plan::RouteAnswer;
use netprof_model::route::{Route, RouteKey, RouteKind};
use netprof_model::rule::Family;

use super::put_back::is_host;

/// The routes of a snapshot, laid out for look-up.
#[derive(Debug)]
pub struct Rib<'a> {
    families: HashMap<Family, Table<'a>>,
    loopback: HashSet<&'a str>,
    /// Links whose neighbours are asked for by ARP or neighbour discovery.
    shared: HashSet<&'a str>,
    own: HashSet<(IpAddr, &'a str)>,
}

/// The routes of one family.
#[derive(Debug, Default)]
struct Table<'a> {
    unscoped: Tree<'a>,
    scoped: HashMap<&'a str, Tree<'a>>,
}

/// Routes by length of prefix, then by prefix; to one address, a host's first.
#[derive(Debug, Default)]
struct Tree<'a> {
    lengths: BTreeMap<u8, BTreeMap<IpNet, Vec<&'a Route>>>,
}

impl<'a> Tree<'a> {
    fn exact(&self, prefix: &IpNet) -> &[&'a Route] {
        self.lengths
            .get(&prefix.prefix_len())
            .and_then(|routes| routes.get(prefix))
            .map_or(&[], Vec::as_slice)
    }

    /// The longest prefix that is `prefix` or contains it.
    fn covering(&self, prefix: &IpNet) -> Option<&'a Route> {
        let mut shorter = self.lengths.range(..=prefix.prefix_len()).rev();
        shorter.find_map(|(length, routes)| {
            let around = IpNet::new(prefix.addr(), *length).ok()?.trunc();
            routes.get(&around)?.first().copied()
        })
    }
}

/// What a look-up finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found<'a> {
    /// This route: it carries the packet on, or drops it.
    Route(&'a Route),
    /// An address of this host, by way of the network that it is in: the kernel turns
    /// the packet back to the loopback link when it would ask for the neighbour
    /// (`arp_rtrequest` in xnu, `bsd/netinet/in_arp.c`).
    Here(&'a Route),
    /// No route leads anywhere.
    Nothing,
}

impl<'a> Found<'a> {
    /// The route that carries the packet on, if one does.
    #[must_use]
    pub fn route(self) -> Option<&'a Route> {
        match self {
            Self::Route(route) | Self::Here(route) if delivers(route.spec.kind) => Some(route),
            _ => None,
        }
    }

    /// The same as the kernel's answer to a look-up would be. For an address of this host
    /// it depends on whether somebody has sent a packet there before, so no link is named.
    #[must_use]
    pub fn answer(self) -> RouteAnswer {
        match self {
            Self::Here(_) => RouteAnswer::default(),
            Self::Route(route) if delivers(route.spec.kind) => RouteAnswer {
                dev: device(route).map(str::to_owned),
                via: route.gateway(),
                ..RouteAnswer::default()
            },
            Self::Route(_) | Self::Nothing => RouteAnswer {
                unreachable: true,
                ..RouteAnswer::default()
            },
        }
    }
}

fn delivers(kind: RouteKind) -> bool {
    !matches!(kind, RouteKind::Unreachable | RouteKind::Blackhole)
}

fn device(route: &Route) -> Option<&str> {
    route.devices().next()
}

impl<'a> Rib<'a> {
    /// Lays out the routes of `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut families: HashMap<Family, Table> = HashMap::new();
        for route in snapshot.routes.items() {
            let dst = route.key.dst;
            let table = families.entry(Family::of(&dst)).or_default();
            let tree = match &route.key.ifscope {
                None => &mut table.unscoped,
                Some(dev) => table.scoped.entry(dev).or_default(),
            };
            let length = tree.lengths.entry(dst.prefix_len()).or_default();
            let routes = length.entry(dst).or_default();
            let at = if is_host(&route.spec) {
                0
            } else {
                routes.len()
            };
            routes.insert(at, route);
        }
        let links = snapshot.links.items().iter();
        let named = links.map(|link| (link, link.name.as_str()));
        let addresses = snapshot.addresses.items().iter();
        Self {
            families,
            loopback: named
                .clone()
                .filter(|(link, _)| link.loopback)
                .map(|(_, name)| name)
                .collect(),
            shared: named
                .filter(|(link, _)| link.mac.is_some())
                .map(|(_, name)| name)
                .collect(),
            own: addresses
                .map(|one| (one.local.addr(), one.dev.as_str()))
                .collect(),
        }
    }

    /// Which route a packet to `to` takes; `oif` is the link that its socket is bound to.
    #[must_use]
    pub fn look_up(&self, to: IpAddr, oif: Option<&str>) -> Found<'a> {
        match self.find(to, oif) {
            None => Found::Nothing,
            Some(route) if self.turns_back(route, to) => Found::Here(route),
            Some(route) => Found::Route(route),
        }
    }

    /// `rt_lookup_common`; the comments name its variables.
    fn find(&self, to: IpAddr, oif: Option<&str>) -> Option<&'a Route> {
        let zero = match to {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let unscoped = self.longest(to, None);
        let mut fallback = unscoped; // rn0
        let mut scope = match oif {
            Some(oif) => Some(oif),
            // get_primary_ifscope: the link of the default route.
            None => self.longest(zero, None).and_then(device),
        };
        if let Some(route) = unscoped {
            let dev = device(route);
            let is_loopback = dev.is_some_and(|dev| self.loopback.contains(dev));
            if is_loopback && route.gateway().is_none() {
                return Some(route);
            }
            if dev != scope {
                match oif {
                    None => scope = dev,
                    // rt_ifa_is_dst: who is bound to the loopback link reaches the
                    // addresses of this host.
                    Some(oif) if self.loopback.contains(oif) && self.is_own(to, dev) => {}
                    Some(_) => fallback = None,
                }
            }
        }
        let scoped = scope.and_then(|scope| self.longest(to, Some(scope)));
        let better = scoped.filter(|scoped| {
            !fallback.is_some_and(|plain| {
                (begins_at_zero(scoped) && !begins_at_zero(plain))
                    || (!is_host(&scoped.spec) && is_host(&plain.spec))
            })
        });
        better
            .or(fallback)
            // node_lookup_default is a look-up of the address 0, and no exact match.
            .or_else(|| {
                self.longest(zero, None)
                    .filter(|route| device(route) == scope)
            })
    }

    fn longest(&self, to: IpAddr, scope: Option<&str>) -> Option<&'a Route> {
        self.tree(Family::of_address(to), scope)?
            .covering(&IpNet::from(to))
    }

    fn tree(&self, family: Family, scope: Option<&str>) -> Option<&Tree<'a>> {
        let table = self.families.get(&family)?;
        match scope {
            None => Some(&table.unscoped),
            Some(dev) => table.scoped.get(dev),
        }
    }

    /// Whether a packet to `to` is turned back on its way out by `route`.
    fn turns_back(&self, route: &Route, to: IpAddr) -> bool {
        let dev = device(route);
        delivers(route.spec.kind)
            && route.gateway().is_none()
            && dev.is_some_and(|dev| self.shared.contains(dev))
            && self.is_own(to, dev)
    }

    fn is_own(&self, address: IpAddr, dev: Option<&str>) -> bool {
        dev.is_some_and(|dev| self.own.contains(&(address, dev)))
    }

    /// The unscoped routes to exactly `prefix`: none or one, as the kernel has it, and to
    /// a single address up to two, of which the first is found.
    #[must_use]
    pub fn exact(&self, prefix: &IpNet) -> &[&'a Route] {
        self.tree(Family::of(prefix), None)
            .map_or(&[], |tree| tree.exact(prefix))
    }

    /// The unscoped routes to `prefix` and to what lies within it.
    pub fn within(&self, prefix: IpNet) -> impl Iterator<Item = &'a Route> {
        self.tree(Family::of(&prefix), None)
            .into_iter()
            .flat_map(move |tree| tree.lengths.range(prefix.prefix_len()..))
            .flat_map(|(_, routes)| routes.values().flatten().copied())
            .filter(move |route| prefix.contains(&route.key.dst))
    }

    /// The unscoped route with the longest prefix that is `prefix` or contains it.
    #[must_use]
    pub fn covering(&self, prefix: &IpNet) -> Option<&'a Route> {
        self.tree(Family::of(prefix), None)?.covering(prefix)
    }

    /// The route of `key`; of two to a single address, the one that is found. A deletion of
    /// `key` takes it away, whatever its gateway and its link: the kernel looks at
    /// destination, mask and scope alone (`RTM_DELETE` in `rtrequest_common_locked`).
    #[must_use]
    pub fn at(&self, key: &RouteKey) -> Option<&'a Route> {
        self.tree(Family::of(&key.dst), key.ifscope.as_deref())?
            .exact(&key.dst)
            .first()
            .copied()
    }
}

/// `SA_DEFAULT`.
fn begins_at_zero(route: &Route) -> bool {
    route.key.dst.network().is_unspecified()
}
