//! Which routes of a machine can matter to what is to be done.
//!
//! A machine may have a million routes that are no business of a profile's, and what is
//! read must not grow with them. So there is a question before each reading: where does the
//! plan look? It looks at the way to single addresses (gateways, servers, its own probes),
//! which the routes *around* them decide; at everything *within* a network that is kept; and
//! at single keys. All else, and whole tables that no rule leads to, is passed by while it
//! streams in.
//!
//! That no plan changes by it is a law: what is planned on the routes that a sieve lets
//! through is what is planned on all of them (`tests/law`). A sieve may let too much
//! through, and never too little.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_model::block::Block;
use netprof_model::finger::Finger;
use netprof_model::link::{Address, Link};
use netprof_model::profile::LinkMatch;
use netprof_model::route::{Protocol, Route, RouteKey};
use netprof_model::rule::{Family, Rule};

use crate::lan::networks;
use crate::linux::{MAIN, connected, owner};
use crate::prefixes::Prefixes;
use crate::{containers, declared, links, tables};

/// What is asked of the routes, as far as profile and held tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Routes of these tables alone.
    pub(crate) tables: BTreeSet<u32>,
    /// And of those that the machine's rules lead to.
    pub(crate) follows_rules: bool,
    /// And of all others: addresses are in use also where only some packets are led.
    pub(crate) everywhere: bool,
    /// All routes around these matter.
    pub(crate) around: Vec<IpNet>,
    /// All routes within these matter.
    pub(crate) within: Vec<IpNet>,
    /// In each of these an address will be looked for that nobody has a longer route to.
    pub(crate) probed: Vec<IpNet>,
    /// The networks of these links matter.
    pub(crate) networks: Vec<Networks>,
}

/// Networks that are kept, or looked at as if they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Networks {
    pub(crate) of: Links,
    /// Whether those with public addresses count.
    pub(crate) public: bool,
}

/// Which links, as far as is known before their owners are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// All that are hardware.
    Hardware,
    /// Those that fit one of these.
    Fitting(Vec<LinkMatch>),
    /// Those that may be bridges of container engines.
    Bridges,
}

impl Question {
    /// What is asked about the routes with `keys`, and about no others.
    pub fn of_keys<'a>(keys: impl IntoIterator<Item = &'a RouteKey>) -> Self {
        let mut question = Self::default();
        for key in keys {
            question.tables.insert(key.table);
            question.around.push(key.dst);
        }
        question
    }

    /// Whether there is any table to look into.
    pub(crate) fn asks_for_any(&self) -> bool {
        self.follows_rules || self.everywhere || !self.tables.is_empty()
    }

    /// What is asked where nothing but the default routes of links matters.
    #[must_use]
    pub fn of_defaults() -> Self {
        Self {
            tables: BTreeSet::from([MAIN]),
            follows_rules: true,
            around: Family::BOTH.map(|family| family.everything()).to_vec(),
            ..Self::default()
        }
    }
}

/// What lets through the routes that can matter.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    /// Whether it lets all of them through.
    open: bool,
    /// None for all.
    tables: Option<BTreeSet<u32>>,
    /// Sorted; a route to one of these, or around it, matters.
    addresses: Vec<Block>,
    near: Finger,
    within: Vec<IpNet>,
    holding: Prefixes,
    probed: Prefixes,
    homes: Vec<Home>,
    /// Tables of VPNs: the links that their routes go through are theirs.
    telling: BTreeSet<u32>,
}

/// The kept links, as far as can be told without routes.
#[derive(Clone, Debug)]
struct Home {
    links: HashSet<String>,
    addresses: Vec<Address>,
    public: bool,
}

impl Sieve {
    /// One that lets every route through.
    #[must_use]
    pub fn open() -> Self {
        Self {
            open: true,
            ..Self::default()
        }
    }

    /// One for `question`, on a machine with these links, addresses and rules.
    pub(crate) fn of(
        question: &Question,
        all: &[Link],
        addresses: &[Address],
        rules: &[Rule],
    ) -> Self {
        let mut these = question.tables.clone();
        let address = |net: &IpNet| Block::from(net.network());
        let mut around: Vec<Block> = question.around.iter().map(address).collect();
        around.extend(question.probed.iter().map(address));
        if question.follows_rules {
            these.extend(tables::asked(rules));
            around.extend(addresses.iter().map(|one| Block::from(one.local.addr())));
        }
        let homes = question.networks.iter();
        let homes: Vec<Home> = homes.map(|one| Home::of(one, all, addresses)).collect();
        let networks = homes.iter().flat_map(Home::networks);
        let mut sieve = Self {
            open: false,
            tables: (!question.everywhere).then_some(these),
            addresses: around,
            near: Finger::default(),
            within: question.within.iter().copied().chain(networks).collect(),
            holding: Prefixes::default(),
            probed: question.probed.iter().copied().collect(),
            homes,
            telling: BTreeSet::new(),
        };
        sieve.lay_out();
        sieve
    }

    /// The same, through which it also shows whose links are: a VPN's table tells that,
    /// whatever its routes lead to.
    pub(crate) fn and_owners(mut self, rules: &[Rule]) -> Self {
        self.telling = owner::tables_of_vpns(rules);
        if let Some(tables) = &mut self.tables {
            tables.extend(&self.telling);
        }
        self
    }

    /// Whether a route of `table` matters for the links that it goes through, where none of
    /// that table was seen through them yet, though the sieve takes it for nothing else.
    #[must_use]
    pub fn tells_owners(&self, table: u32, protocol: Protocol) -> bool {
        protocol != Protocol::NETPROF && self.telling.contains(&table)
    }

    fn lay_out(&mut self) {
        let within = self.within.iter();
        self.addresses
            .extend(within.map(|net| Block::from(net.network())));
        self.addresses.sort();
        self.addresses.dedup();
        self.holding = self.within.iter().copied().collect();
    }

    /// The tables that it lets routes of through; none for all of them.
    #[must_use]
    pub fn tables(&self) -> Option<&BTreeSet<u32>> {
        self.tables.as_ref()
    }

    /// Whether it lets through any route of `table`.
    #[must_use]
    pub fn has_table(&self, table: u32) -> bool {
        self.tables
            .as_ref()
            .is_none_or(|tables| tables.contains(&table))
    }

    /// Whether it lets through a route to `dst` in `table` with `protocol`.
    #[must_use]
    pub fn takes(&self, dst: IpNet, table: u32, protocol: Protocol) -> bool {
        // As numbers: each of a million routes is looked at.
        let block = Block::from(dst).trunc();
        let is_probed = || {
            let mut around = self.probed.holding(block);
            around.any(|(prefix, _)| declared::may_meet(prefix.into(), dst))
        };
        self.open
            || self.has_table(table)
                // What an earlier state folder left is seen wherever it is looked.
                && (protocol == Protocol::NETPROF
                    || self.is_around(block)
                    || self.may_be_connected(&dst, table, protocol)
                    || self.holding.narrowest(block).is_some()
                    || is_probed())
    }

    /// Whether an address that matters is in `block`: the first one that follows is.
    fn is_around(&self, block: Block) -> bool {
        let near = &self.near;
        let at = near.partition_point(&self.addresses, |one| *one < block);
        let next = self.addresses.get(at);
        next.is_some_and(|one| block.contains(one))
    }

    /// Whether it may be the route of a network that is kept, though this host has no
    /// address in it.
    fn may_be_connected(&self, dst: &IpNet, table: u32, protocol: Protocol) -> bool {
        !self.homes.is_empty() && connected::may_be_announced(dst, table, protocol)
    }

    /// Reads routes by `read`, which is given the sieve, until they ask for no more: a
    /// network that is kept may show in no address, and then what lies within it matters
    /// only once its route was seen.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn read<E>(
        mut self,
        mut read: impl FnMut(&Self) -> Result<Vec<Route>, E>,
    ) -> Result<Vec<Route>, E> {
        loop {
            let routes = read(&self)?;
            if !self.widen(&routes) {
                return Ok(routes);
            }
        }
    }

    /// Lets more through where `routes` show networks that are kept and that no address
    /// told of; whether it does.
    fn widen(&mut self, routes: &[Route]) -> bool {
        if self.homes.is_empty() {
            return false;
        }
        let new: Vec<IpNet> = routes
            .iter()
            .filter(|route| self.homes.iter().any(|home| home.may_keep(route)))
            .map(|route| route.key.dst)
            .filter(|dst| self.holding.narrowest((*dst).into()).is_none())
            .collect();
        if new.is_empty() {
            return false;
        }
        self.within.extend(new);
        self.lay_out();
        true
    }
}

impl Home {
    fn of(networks: &Networks, all: &[Link], addresses: &[Address]) -> Self {
        let links: Vec<&Link> = match &networks.of {
            Links::Hardware => networks::physical(all),
            Links::Fitting(these) => {
                let fits = |link: &&Link| {
                    let mut these = these.iter();
                    these.any(|wanted| links::may_fit(wanted, link, addresses))
                };
                all.iter().filter(fits).collect()
            }
            Links::Bridges => all
                .iter()
                .filter(|link| containers::is_bridge(link))
                .collect(),
        };
        let links: HashSet<String> = links.iter().map(|link| link.name.clone()).collect();
        let own = addresses.iter().filter(|one| links.contains(&one.dev));
        Self {
            addresses: own.cloned().collect(),
            links,
            public: networks.public,
        }
    }

    /// The networks that its addresses tell of.
    fn networks(&self) -> impl Iterator<Item = IpNet> {
        let networks = self.addresses.iter().map(|one| one.local.trunc());
        networks.filter(|network| self.may_keep_network(network))
    }

    fn may_keep_network(&self, network: &IpNet) -> bool {
        connected::is_network(network) && networks::may_be_kept(network, self.public)
    }

    /// Whether `route` is that of a network which may be kept.
    fn may_keep(&self, route: &Route) -> bool {
        let home = |dev: &str| self.links.contains(dev);
        self.may_keep_network(&route.key.dst)
            && connected::by_link(&self.addresses, route, home).is_some()
    }
}

/// What every plan looks up: this host itself.
pub(crate) const ITSELF: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::new(127, 255, 255, 254)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_thousand_routes_in_a_declared_prefix_few_matter() {
        let question = Question {
            tables: BTreeSet::from([MAIN]),
            probed: vec!["0.0.0.0/1".parse().unwrap()],
            ..Question::default()
        };
        let sieve = Sieve::of(&question, &[], &[], &[]);
        let taken = |table: u32| {
            let nets = (0..100_000_u32).map(|n| Ipv4Addr::from(0x1000_0000 + (n << 8)));
            let nets = nets.map(|net| IpNet::new(net.into(), 24).unwrap());
            nets.filter(|net| sieve.takes(*net, table, Protocol::STATIC))
                .count()
        };
        assert!((1..=64).contains(&taken(MAIN)), "{}", taken(MAIN));
        assert_eq!(taken(100), 0);
    }
}
