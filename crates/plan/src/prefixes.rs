//! Which of many prefixes an address or a prefix lies within.
//!
//! A profile may declare ten thousand routes, and each of them is asked what lies around
//! or within it: a look at all the others would take a hundred million steps. Sorted by
//! address and then by length, what lies within a prefix follows it. So each prefix keeps
//! the place of the narrowest one around it, and what is around anything is found by one
//! binary search and a few steps outwards, at most as many as an address has bits.

use ipnet::IpNet;

/// A set of prefixes, of both families.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    /// Without host bits, sorted, each once.
    sorted: Vec<IpNet>,
    /// For each, the place of the narrowest other one that it lies within.
    around: Vec<Option<u32>>,
}

impl FromIterator<IpNet> for Prefixes {
    fn from_iter<I: IntoIterator<Item = IpNet>>(all: I) -> Self {
        let mut sorted: Vec<IpNet> = all.into_iter().map(|net| net.trunc()).collect();
        // What comes in is sorted as a rule, or two lists that are: a sort that looks for
        // such runs takes a step for each, and any other takes a comparison for each bit.
        sorted.sort();
        sorted.dedup();
        sorted.shrink_to_fit();
        let mut around = Vec::with_capacity(sorted.len());
        // Those that the last one lies within, and itself: the widest first.
        let mut open: Vec<u32> = Vec::new();
        for (at, net) in (0_u32..).zip(&sorted) {
            while open
                .last()
                .is_some_and(|last| !sorted[*last as usize].contains(net))
            {
                open.pop();
            }
            around.push(open.last().copied());
            open.push(at);
        }
        Self { sorted, around }
    }
}

impl Prefixes {
    /// The prefixes that `net` is or lies within, the narrowest first.
    pub(crate) fn holding(&self, net: IpNet) -> impl Iterator<Item = IpNet> {
        // Each of a million routes is asked about; where there is nothing, for nothing.
        let net = if self.sorted.is_empty() {
            net
        } else {
            net.trunc()
        };
        // All that lies between a prefix around `net` and `net` lies within the former:
        // the steps outwards from there meet every one.
        let behind = self.sorted.partition_point(|other| *other <= net);
        let first = behind.checked_sub(1);
        std::iter::successors(first, |at| self.around[*at].map(|around| around as usize))
            .map(|at| self.sorted[at])
            .skip_while(move |other| !other.contains(&net))
    }

    /// The narrowest prefix that `net` is or lies within.
    pub(crate) fn narrowest(&self, net: IpNet) -> Option<IpNet> {
        self.holding(net).next()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    /// Prefixes that lie in each other often: few bits are drawn, of both families.
    fn net() -> impl Strategy<Value = IpNet> {
        let v4 = (0_u32..64, 0_u8..=32).prop_map(|(bits, length)| {
            let address = IpAddr::V4(((bits << 26) | (bits & 3)).into());
            IpNet::new(address, length).expect("a length of IPv4")
        });
        let v6 = (0_u128..64, 0_u8..=128).prop_map(|(bits, length)| {
            let address = IpAddr::V6(((bits << 122) | (bits & 3)).into());
            IpNet::new(address, length).expect("a length of IPv6")
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn a_search_finds_what_a_look_at_all_of_them_finds(
            all in prop::collection::vec(net(), 0..60),
            asked in prop::collection::vec(net(), 1..20),
        ) {
            let prefixes: Prefixes = all.iter().copied().collect();
            for net in asked.into_iter().chain(all.clone()) {
                let mut expected: Vec<IpNet> = all
                    .iter()
                    .map(IpNet::trunc)
                    .filter(|other| other.contains(&net))
                    .collect();
                expected.sort_unstable_by_key(|other| std::cmp::Reverse(other.prefix_len()));
                expected.dedup();
                let found: Vec<IpNet> = prefixes.holding(net).collect();
                prop_assert_eq!(&found, &expected);
                prop_assert_eq!(prefixes.narrowest(net), expected.first().copied());
            }
        }
    }
}
