//! Which priorities netprof's rules take.
//!
//! 110 keeps the LAN, 111 container networks, 112 the pools that those are cut from, 118
//! and 119 lead into netprof's own table. All of them come before the rules of VPN clients (strongSwan 220, Tailscale
//! 5210 to 5270, wg-quick 32764) and after those that administrators put first. Where
//! somebody else sits on one, the next free one below 120 is taken.
//!
//! A rule that is added without a priority gets one less than the first after the local
//! table's (`fib_default_rule_pref` in net/core/fib_rules.c), so what wg-quick adds while
//! netprof's rules are there comes before them. Where that does harm, netprof's go right
//! before it: all of what wg-quick put there, and only if nobody else sits among it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use netprof_model::route::Protocol;
use netprof_model::rule::Family;
use netprof_model::{Diagnostic, Owner, Snapshot};

/// The first priority of netprof's.
pub(crate) const KEEP_LAN: u32 = 110;
/// The last priority of netprof's: of the rule that leads into its own table.
pub(crate) const ROUTE: u32 = 119;

/// The priorities that are free for netprof's rules.
#[derive(Debug)]
pub(crate) struct Priorities {
    taken: HashSet<(Family, u32)>,
    /// What is free right before the rules of wg-quick's that came before netprof's.
    room: HashMap<Family, Range<u32>>,
}

impl Priorities {
    /// Those that nobody else has taken in `base`.
    pub(crate) fn of(base: &Snapshot) -> Self {
        // What an earlier state folder left is netprof's all the same.
        let others = base.rules.items().iter();
        let others: Vec<_> = others
            .filter(|rule| rule.spec.protocol != Protocol::NETPROF)
            .collect();
        let room = [Family::V4, Family::V6].into_iter().filter_map(|family| {
            let mut before: Vec<(u32, Owner)> = others
                .iter()
                .filter(|rule| rule.key.family == family)
                .map(|rule| (rule.key.priority, rule.owner))
                .filter(|(priority, _)| (1..KEEP_LAN).contains(priority))
                .collect();
            before.sort_unstable();
            let first = before.iter().position(|one| one.1 == Owner::WgQuick)?;
            let (earlier, those) = before.split_at(first);
            let floor = earlier.last().map_or(1, |(priority, _)| priority + 1);
            let alone = those.iter().all(|one| one.1 == Owner::WgQuick);
            alone.then_some((family, floor..those[0].0))
        });
        Self {
            room: room.collect(),
            taken: others
                .iter()
                .map(|rule| (rule.key.family, rule.key.priority))
                .collect(),
        }
    }

    /// The priority of the rules that keep the LAN: 110, or the next free one that
    /// still comes before [`Priorities::route`].
    pub(crate) fn keep_lan(&self, family: Family) -> Option<u32> {
        self.keep(family, 0)
    }

    /// That of the rules that keep networks of containers: 111, or the next free one.
    pub(crate) fn keep_local(&self, family: Family) -> Option<u32> {
        self.keep(family, 1)
    }

    /// That of the rules that keep what such networks are cut from: 112, or the next free
    /// one.
    pub(crate) fn keep_pools(&self, family: Family) -> Option<u32> {
        self.keep(family, 2)
    }

    /// The same as [`Priorities::keep_lan`] for rules that must come before those that
    /// nobody numbered.
    pub(crate) fn keep_lan_first(&self, family: Family) -> Option<u32> {
        match self.room.get(&family) {
            None => self.keep_lan(family),
            // The last two are for routes.
            Some(room) => room.clone().rev().nth(2),
        }
    }

    /// The same as [`Priorities::keep_local`]. Both lead to copies in one table, in which
    /// the longer prefix wins: it does not matter which is asked first.
    pub(crate) fn keep_local_first(&self, family: Family) -> Option<u32> {
        match self.room.get(&family) {
            None => self.keep_local(family),
            Some(_) => self.keep_lan_first(family),
        }
    }

    /// The free priority of the rules that keep networks of some `rank`; those of a lower
    /// one come before.
    fn keep(&self, family: Family, rank: u32) -> Option<u32> {
        let (last, _) = self.usual_route(family)?;
        let mut free = (KEEP_LAN..last).filter(|one| !self.taken.contains(&(family, *one)));
        let mut found = free.next()?;
        for rank in 1..=rank {
            let usual = KEEP_LAN + rank;
            found = free.find(|one| *one >= usual.max(found))?;
        }
        Some(found)
    }

    /// Who put rules before the usual priorities without numbering them, and the first
    /// of those: what is to win must come before it.
    pub(crate) fn first_unnumbered(&self, family: Family) -> Option<(Owner, u32)> {
        let room = self.room.get(&family)?;
        Some((Owner::WgQuick, room.end))
    }

    /// That what `needs` priorities finds none, and what helps.
    pub(crate) fn none_free(&self, family: Family, needs: &str) -> Diagnostic {
        let (message, help) = match self.first_unnumbered(family) {
            Some((owner, first)) => (
                format!(
                    "{needs} is free for IPv{family} before rule {first} of {}",
                    owner.who()
                ),
                format!(
                    "apply while {owner} is down: its rules have no numbers, and go before what is there"
                ),
            ),
            None => (
                format!("{needs} is free for IPv{family} from {KEEP_LAN} to {ROUTE}"),
                "see who takes them: ip rule show".to_owned(),
            ),
        };
        Diagnostic::error("plan::no-priority", message).help(help)
    }

    /// What netprof's rules outrank, for who lost to a rule before them.
    pub(crate) fn outranked(&self, family: Family) -> String {
        match self.first_unnumbered(family) {
            Some((owner, first)) => format!(
                "netprof's rules go right before rule {first} of {}, and outrank only what comes after; apply while {owner} is down",
                owner.who()
            ),
            None => format!("netprof only outranks rules after its own ({KEEP_LAN} to {ROUTE})"),
        }
    }

    /// The priorities of the rules that lead longer prefixes to main, and the rest into
    /// netprof's table: 118 and 119, or the next free ones before them; or right before
    /// those that nobody numbered.
    pub(crate) fn route(&self, family: Family) -> Option<(u32, u32)> {
        let Some(room) = self.room.get(&family) else {
            return self.usual_route(family);
        };
        let mut last = room.clone().rev();
        let then = last.next()?;
        Some((last.next()?, then))
    }

    fn usual_route(&self, family: Family) -> Option<(u32, u32)> {
        let mut free = (KEEP_LAN + 1..=ROUTE)
            .rev()
            .filter(|priority| !self.taken.contains(&(family, *priority)));
        let last = free.next()?;
        Some((free.next()?, last))
    }
}
