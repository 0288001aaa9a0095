//! Which priorities netprof's rules take.
//!
//! 110 keeps the LAN, 111 keeps container networks, 119 leads into netprof's own
//! table. All of them come before the rules of VPN clients (strongSwan 220, Tailscale
//! 5210 to 5270, wg-quick 32764) and after those that administrators put first. Where
//! somebody else sits on one, the next free one below 120 is taken.

use std::collections::HashSet;

use netprof_model::Snapshot;
use netprof_model::rule::Family;

/// The first priority of netprof's.
pub(crate) const KEEP_LAN: u32 = 110;
/// The priority of the rule that leads into netprof's own table.
pub(crate) const ROUTE: u32 = 119;

/// The priorities that are free for netprof's rules.
#[derive(Debug)]
pub(crate) struct Priorities {
    taken: HashSet<(Family, u32)>,
}

impl Priorities {
    /// Those that nobody has taken in `base`, a machine without netprof.
    pub(crate) fn of(base: &Snapshot) -> Self {
        Self {
            taken: base
                .rules
                .items()
                .iter()
                .map(|rule| (rule.key.family, rule.key.priority))
                .collect(),
        }
    }

    /// The priority of the rules that keep the LAN: 110, or the next free one that
    /// still comes before [`Priorities::route`].
    pub(crate) fn keep_lan(&self, family: Family) -> Option<u32> {
        let last = self.route(family)?;
        (KEEP_LAN..last).find(|priority| !self.taken.contains(&(family, *priority)))
    }

    /// The priority of the rule that leads into netprof's table: 119, or the next
    /// free one before it.
    pub(crate) fn route(&self, family: Family) -> Option<u32> {
        (KEEP_LAN + 1..=ROUTE)
            .rev()
            .find(|priority| !self.taken.contains(&(family, *priority)))
    }
}
