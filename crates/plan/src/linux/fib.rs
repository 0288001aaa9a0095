//! How Linux finds the route of a packet, over plain data.
//!
//! The kernel asks the policy rules in the order of their priorities; a rule that
//! matches names a table, in which the longest matching prefix wins and, of equal
//! prefixes, the lowest metric (ip-rule(8), ip-route(8); `net/core/fib_rules.c`,
//! `net/ipv4/fib_trie.c`, `net/ipv6/ip6_fib.c`). A plan must know beforehand who
//! will win: that a route is there says little while a rule of somebody else is
//! asked first.
//!
//! The packet looked up here is one that this host sends itself, without a firewall
//! mark and before it has a source address, which is what a program's `connect(2)`
//! looks up. Rules that ask for more (a mark, a port, a user, an input link) do not
//! match it.

#[cfg(test)]
use std::cell::Cell;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Snapshot;
use netprof_model::plan::RouteAnswer;
use netprof_model::route::{Route, RouteKey, RouteKind};
use netprof_model::rule::{Family, Rule, RuleAction, RuleKey};

use crate::prefixes::Prefixes;

/// The table of local and broadcast addresses (RT_TABLE_LOCAL).
pub const LOCAL: u32 = 255;
/// The table that plain routes are in (RT_TABLE_MAIN).
pub const MAIN: u32 = RouteKey::MAIN;

/// The rules and tables of a snapshot, laid out for look-up.
///
/// Netprof itself adds a rule for each route that policy routing would pass main by for:
/// there may be ten thousand of both.
#[derive(Debug)]
pub struct Fib<'a> {
    /// In the order in which they are asked.
    rules: Vec<&'a Rule>,
    /// The places of the rules that a packet may match, by the prefix that it goes to.
    by_destination: Prefixes<usize>,
    /// Sorted, each by prefix, and of one prefix the best route first.
    tables: Vec<((Family, u32), Prefixes<&'a Route>)>,
    /// How many rules were looked at.
    #[cfg(test)]
    looks: Cell<usize>,
}

/// What a look-up finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found<'a> {
    /// This rule leads to this route.
    Route(&'a Rule, &'a Route),
    /// This rule itself drops.
    Dropped(&'a Rule),
    /// No rule leads anywhere.
    Nothing,
}

impl<'a> Found<'a> {
    /// The route that carries the packet on, if one does.
    #[must_use]
    pub fn route(self) -> Option<&'a Route> {
        match self {
            Self::Route(_, route) if delivers(route.spec.kind) => Some(route),
            _ => None,
        }
    }

    /// Whether it leads where `other` does, and so has the same [answer](Self::answer).
    pub(crate) fn leads_alike(self, other: Self) -> bool {
        match (self.route(), other.route()) {
            (Some(one), Some(other)) => one.key.table == other.key.table && one.spec == other.spec,
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// The rule that decided.
    #[must_use]
    pub fn rule(self) -> Option<&'a Rule> {
        match self {
            Self::Route(rule, _) | Self::Dropped(rule) => Some(rule),
            Self::Nothing => None,
        }
    }

    /// The same as the kernel's answer to a look-up would be. The source address is
    /// left open where the route names none: the kernel chooses it. So is the table of
    /// a local route: until somebody adds a rule, IPv4's local table is part of main,
    /// and the kernel says so (fib_trie_unmerge in `net/ipv4/fib_trie.c`).
    #[must_use]
    pub fn answer(self) -> RouteAnswer {
        match self.route() {
            Some(route) => RouteAnswer {
                table: (route.spec.kind != RouteKind::Local).then_some(route.key.table),
                dev: match route.spec.hops.as_slice() {
                    [only] => only.dev.clone(),
                    _ => None,
                },
                via: route.gateway(),
                src: route.spec.prefsrc,
                unreachable: false,
            },
            None => RouteAnswer {
                unreachable: true,
                ..RouteAnswer::default()
            },
        }
    }
}

fn delivers(kind: RouteKind) -> bool {
    !matches!(
        kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
    )
}

impl<'a> Fib<'a> {
    /// Lays out the rules and routes of `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut rules: Vec<&Rule> = snapshot.rules.items().iter().collect();
        rules.sort_by_key(|rule| rule.key.priority);
        let by_destination = rules.iter().zip(0..).map(|(rule, at)| {
            let key = &rule.key;
            // What is not to a prefix may be to anything.
            let to = key.to.filter(|_| !key.not);
            (to.unwrap_or_else(|| key.family.everything()), at)
        });
        let table = |route: &&Route| (Family::of(&route.key.dst), route.key.table);
        let mut routes: Vec<&Route> = snapshot.routes.items().iter().collect();
        routes.sort_by_key(|route| (table(route), route.key.metric));
        let tables = routes.chunk_by(|one, other| table(one) == table(other));
        let tables = tables.map(|routes| {
            let by_prefix = routes.iter().map(|route| (route.key.dst, *route));
            (table(&routes[0]), by_prefix.collect())
        });
        Self {
            by_destination: by_destination.collect(),
            rules,
            tables: tables.collect(),
            #[cfg(test)]
            looks: Cell::new(0),
        }
    }

    /// The rules that take packets to all of `to`, in the order in which they are asked, with
    /// jumps followed; `oif` is the link that the socket is bound to.
    fn asked(&self, to: IpNet, oif: Option<&str>) -> impl Iterator<Item = &'a Rule> {
        let around = self.by_destination.holding(to.into());
        let mut places: Vec<usize> = around.flat_map(|(_, places)| places).copied().collect();
        places.sort_unstable();
        // A jump never leads backwards (`fib_nl2rule` in net/core/fib_rules.c).
        let mut from = 0;
        places.into_iter().filter_map(move |at| {
            #[cfg(test)]
            self.looks.set(self.looks.get() + 1);
            let rule = self.rules[at];
            let key = &rule.key;
            let there = key.to.is_none_or(|prefix| prefix.contains(&to));
            if key.priority < from || !selects(key, there, oif) {
                return None;
            }
            if let RuleAction::Goto(target) = key.action {
                from = from.max(target);
                return None;
            }
            Some(rule)
        })
    }

    /// Which route a packet to `to` takes; `oif` is the link that its socket is bound
    /// to.
    #[must_use]
    pub fn look_up(&self, to: IpAddr, oif: Option<&str>) -> Found<'a> {
        for rule in self.asked(to.into(), oif) {
            match rule.key.action {
                RuleAction::Lookup(table) => {
                    if let Some(route) = self.in_table(table, to, oif)
                        && !is_suppressed(rule, route)
                        && route.spec.kind != RouteKind::Throw
                    {
                        return Found::Route(rule, route);
                    }
                }
                RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {
                    return Found::Dropped(rule);
                }
                RuleAction::Nop | RuleAction::Goto(_) | RuleAction::Other(_) => {}
            }
        }
        Found::Nothing
    }

    /// Which route of `table` a packet to `to` takes.
    #[must_use]
    pub fn in_table(&self, table: u32, to: IpAddr, oif: Option<&str>) -> Option<&'a Route> {
        self.covering(table, to.into(), oif)
    }

    /// The table of that number, for the family of `prefix`.
    fn table(&self, table: u32, prefix: &IpNet) -> Option<&Prefixes<&'a Route>> {
        let key = (Family::of(prefix), table);
        let found = self.tables.binary_search_by_key(&key, |(key, _)| *key);
        found.ok().map(|at| &self.tables[at].1)
    }

    /// The longest usable route of `table` to `prefix` or something around it.
    fn covering(&self, table: u32, prefix: IpNet, oif: Option<&str>) -> Option<&'a Route> {
        self.table(table, &prefix)?
            .holding(prefix.into())
            .find_map(|(_, routes)| {
                let mut routes = routes.iter().copied();
                routes.find(|route| is_usable(route, oif))
            })
    }

    /// The usable routes of `table` to exactly `prefix`, the best one first.
    #[must_use]
    pub fn exact(&self, table: u32, prefix: &IpNet) -> &[&'a Route] {
        let table = self.table(table, prefix);
        table.map_or(&[], |table| table.exact((*prefix).into()))
    }

    /// The routes of `table` to `prefix` and to what lies within it, the widest first.
    pub fn within(&self, table: u32, prefix: IpNet) -> impl Iterator<Item = &'a Route> {
        let table = self.table(table, &prefix);
        let mut within = table.map_or(Vec::new(), |table| table.within(prefix.into()).to_vec());
        within.sort_by_key(|route| route.key.dst.prefix_len());
        within.into_iter()
    }

    /// What takes the whole of `prefix` before a route of main to it is found, when
    /// such a route is there. Rules and routes for a part of `prefix` are not named.
    #[must_use]
    pub fn taken_before_main(&self, prefix: &IpNet) -> Option<Found<'a>> {
        for rule in self.asked(*prefix, None) {
            match rule.key.action {
                RuleAction::Lookup(MAIN) => {
                    let suppressed = rule
                        .key
                        .suppress_prefixlength
                        .is_some_and(|length| u32::from(prefix.prefix_len()) <= length);
                    if !suppressed {
                        return None;
                    }
                }
                RuleAction::Lookup(table) => {
                    if let Some(route) = self.covering(table, *prefix, None)
                        && !is_suppressed(rule, route)
                        && route.spec.kind != RouteKind::Throw
                    {
                        return Some(Found::Route(rule, route));
                    }
                }
                RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {
                    return Some(Found::Dropped(rule));
                }
                RuleAction::Nop | RuleAction::Goto(_) | RuleAction::Other(_) => {}
            }
        }
        Some(Found::Nothing)
    }

    /// The rules of `family` before `priority` that take only some packets of this host:
    /// of a user, to a port, with a mark. Those for packets that came in are left out.
    pub fn selective_before(
        &self,
        family: Family,
        priority: u32,
    ) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().copied().filter(move |rule| {
            let key = &rule.key;
            key.family == family
                && key.priority < priority
                && !matches!(key.action, RuleAction::Nop | RuleAction::Goto(_))
                && key.iif.as_deref().is_none_or(|iif| iif == "lo")
                && !selects(key, true, None)
        })
    }
}

/// Whether a rule takes packets without a mark that this host sends, where `there`
/// says whether its destination fits; `oif` is the link that the socket is bound to.
fn selects(key: &RuleKey, there: bool, oif: Option<&str>) -> bool {
    let selected = there
        && key.from.is_none_or(|from| from.prefix_len() == 0)
        && key.tos.is_none_or(|tos| tos == 0)
        && key.fwmark.is_none_or(|(mark, mask)| mark & mask == 0)
        && key.iif.as_deref().is_none_or(|iif| iif == "lo")
        && key.oif.as_deref().is_none_or(|wanted| oif == Some(wanted))
        && key
            .uids
            .is_none_or(|(first, last)| first == 0 && last >= u32::MAX - 1)
        && key.ipproto.is_none()
        && key.sport.is_none()
        && key.dport.is_none()
        && key.opaque.is_empty();
    selected != key.not
}

fn is_suppressed(rule: &Rule, route: &Route) -> bool {
    // A route that drops is an error to the kernel, and errors are not suppressed.
    delivers(route.spec.kind)
        && rule
            .key
            .suppress_prefixlength
            .is_some_and(|length| u32::from(route.key.dst.prefix_len()) <= length)
}

fn is_usable(route: &Route, oif: Option<&str>) -> bool {
    let bound = oif.is_none_or(|oif| {
        !delivers(route.spec.kind)
            || route.goes_through(oif)
            // The hops of a nexthop object are not in the route.
            || route.spec.nexthop_id.is_some()
    });
    bound && !(route.live.dead && route.spec.hops.len() < 2) && route.spec.from.is_none()
}

#[cfg(test)]
mod tests;
