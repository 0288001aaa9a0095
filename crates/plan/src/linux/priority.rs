//! Which priorities netprof's rules take.
//!
//! 110 keeps the LAN, 111 keeps container networks, 118 and 119 lead into netprof's own
//! table. All of them come before the rules of VPN clients (strongSwan 220, Tailscale
//! 5210 to 5270, wg-quick 32764) and after those that administrators put first. Where
//! somebody else sits on one, the next free one below 120 is taken.

use std::collections::HashSet;

use netprof_model::Snapshot;
use netprof_model::route::Protocol;
use netprof_model::rule::Family;

/// The first priority of netprof's.
pub(crate) const KEEP_LAN: u32 = 110;
/// The last priority of netprof's: of the rule that leads into its own table.
pub(crate) const ROUTE: u32 = 119;

/// The priorities that are free for netprof's rules.
#[derive(Debug)]
pub(crate) struct Priorities {
    taken: HashSet<(Family, u32)>,
}

impl Priorities {
    /// Those that nobody else has taken in `base`.
    pub(crate) fn of(base: &Snapshot) -> Self {
        Self {
            taken: base
                .rules
                .items()
                .iter()
                // What an earlier state folder left is netprof's all the same.
                .filter(|rule| rule.spec.protocol != Protocol::NETPROF)
                .map(|rule| (rule.key.family, rule.key.priority))
                .collect(),
        }
    }

    /// The priority of the rules that keep the LAN: 110, or the next free one that
    /// still comes before [`Priorities::route`].
    pub(crate) fn keep_lan(&self, family: Family) -> Option<u32> {
        let (last, _) = self.route(family)?;
        (KEEP_LAN..last).find(|priority| !self.taken.contains(&(family, *priority)))
    }

    /// The priorities of the rules that lead longer prefixes to main, and the rest into
    /// netprof's table: 118 and 119, or the next free ones before them.
    pub(crate) fn route(&self, family: Family) -> Option<(u32, u32)> {
        let mut free = (KEEP_LAN + 1..=ROUTE)
            .rev()
            .filter(|priority| !self.taken.contains(&(family, *priority)));
        let last = free.next()?;
        Some((free.next()?, last))
    }
}
