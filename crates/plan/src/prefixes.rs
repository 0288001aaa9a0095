//! Things by prefix: what stands under those that an address or a prefix lies within.
//!
//! A profile may declare ten thousand routes, and each of them is asked what lies around
//! or within it: a look at all the others would take a hundred million steps. Sorted by
//! address and then by length, what lies within a prefix follows it. So each prefix keeps
//! the place of the narrowest one around it, and what is around anything is found by one
//! search and a few steps outwards, at most as many as an address has bits. A search begins
//! where the last one ended ([`Finger`]): what asks in order walks along.

use ipnet::IpNet;
use netprof_model::block::Block;
use netprof_model::finger::Finger;

/// Things by prefix, of both families; without things, a set of prefixes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes<T = ()> {
    /// Each prefix once, sorted.
    nets: Vec<Net>,
    /// What stands under them, in their order; of one prefix in the order in which it came.
    all: Vec<T>,
    near: Finger,
}

/// One prefix.
#[derive(Clone, Copy, Debug)]
struct Net {
    /// Without host bits.
    block: Block,
    /// The place of the narrowest other one that it lies within, or [`NOWHERE`].
    around: u32,
    /// Where that which stands under it begins.
    first: u32,
}

/// No place: there are not so many prefixes.
const NOWHERE: u32 = u32::MAX;

/// The prefixes of `sorted`, each of which is there as often as something stands under it.
fn nets(sorted: &[(Block, u32)]) -> Vec<Net> {
    let mut nets: Vec<Net> = Vec::with_capacity(sorted.len());
    for (first, (block, _)) in (0..).zip(sorted) {
        if nets.last().is_some_and(|last| last.block == *block) {
            continue;
        }
        let around = outwards(&nets, nets.len().wrapping_sub(1), *block);
        nets.push(Net {
            block: *block,
            around: u32::try_from(around).unwrap_or(NOWHERE),
            first,
        });
    }
    nets.shrink_to_fit();
    nets
}

/// The place of the first that holds `block`, from the one at `at` outwards.
///
/// All that lies between a prefix around `block` and `block` lies within the former: from the
/// last one before `block`, the steps outwards meet every one around it.
fn outwards(nets: &[Net], mut at: usize, block: Block) -> usize {
    while let Some(net) = nets.get(at)
        && !net.block.contains(&block)
    {
        at = net.around as usize;
    }
    at
}

impl<T: Copy> FromIterator<(IpNet, T)> for Prefixes<T> {
    fn from_iter<I: IntoIterator<Item = (IpNet, T)>>(all: I) -> Self {
        let all = all.into_iter();
        let mut sorted: Vec<(Block, u32)> = Vec::with_capacity(all.size_hint().0);
        let mut came: Vec<T> = Vec::with_capacity(all.size_hint().0);
        for (at, (net, it)) in (0..).zip(all) {
            sorted.push((Block::from(net).trunc(), at));
            came.push(it);
        }
        // What comes in is sorted as a rule, or two lists that are: a sort that looks for
        // such runs takes a step for each, and any other takes a comparison for each bit.
        sorted.sort();
        Self {
            nets: nets(&sorted),
            all: sorted.iter().map(|(_, at)| came[*at as usize]).collect(),
            near: Finger::default(),
        }
    }
}

impl FromIterator<IpNet> for Prefixes {
    fn from_iter<I: IntoIterator<Item = IpNet>>(all: I) -> Self {
        all.into_iter().map(|net| (net, ())).collect()
    }
}

impl<T> Prefixes<T> {
    /// The prefixes that `block` is or lies within, the narrowest first, and what stands under
    /// each.
    pub(crate) fn holding(&self, block: Block) -> Holding<'_, T> {
        let block = block.trunc();
        let nets = &self.nets;
        let behind = self.near.partition_point(nets, |net| net.block <= block);
        Holding {
            these: self,
            at: outwards(nets, behind.wrapping_sub(1), block),
        }
    }

    /// The narrowest prefix that `block` is or lies within.
    pub(crate) fn narrowest(&self, block: Block) -> Option<Block> {
        self.holding(block).map(|(block, _)| block).next()
    }

    /// What stands under exactly `block`.
    pub(crate) fn exact(&self, block: Block) -> &[T] {
        let block = block.trunc();
        let found = self.near.search(&self.nets, |net| net.block.cmp(&block));
        found.map_or(&[], |at| self.under(at))
    }

    /// What stands under `block` and under the prefixes within it, in their order.
    pub(crate) fn within(&self, block: Block) -> &[T] {
        let block = block.trunc();
        let from = self
            .near
            .partition_point(&self.nets, |net| net.block < block);
        let inner = self.nets[from..].partition_point(|net| block.contains(&net.block));
        &self.all[self.first(from)..self.first(from + inner)]
    }

    fn under(&self, at: usize) -> &[T] {
        &self.all[self.first(at)..self.first(at + 1)]
    }

    /// Where that begins which stands under the prefix at a place, or behind the last one.
    fn first(&self, at: usize) -> usize {
        let net = self.nets.get(at);
        net.map_or(self.all.len(), |net| net.first as usize)
    }
}

/// The prefixes around one, from within.
pub(crate) struct Holding<'a, T> {
    these: &'a Prefixes<T>,
    at: usize,
}

impl<'a, T> Iterator for Holding<'a, T> {
    type Item = (Block, &'a [T]);

    fn next(&mut self) -> Option<Self::Item> {
        let net = self.these.nets.get(self.at)?;
        let under = self.these.under(self.at);
        self.at = net.around as usize;
        Some((net.block, under))
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
            let things = || all.iter().map(IpNet::trunc).zip(0_usize..);
            let prefixes: Prefixes<usize> = things().collect();
            for net in asked.into_iter().chain(all.clone()) {
                let under = |these: &dyn Fn(&IpNet) -> bool| {
                    let mut under: Vec<(IpNet, usize)> =
                        things().filter(|(other, _)| these(other)).collect();
                    under.sort_unstable();
                    under
                };
                let mut around = under(&|other| other.contains(&net));
                around.sort_by_key(|(other, _)| std::cmp::Reverse(other.prefix_len()));
                let found: Vec<(IpNet, usize)> = prefixes
                    .holding(net.into())
                    .flat_map(|(block, under)| under.iter().map(move |at| (block.into(), *at)))
                    .collect();
                prop_assert_eq!(&found, &around);
                let narrowest = around.first().map(|(other, _)| Block::from(*other));
                prop_assert_eq!(prefixes.narrowest(net.into()), narrowest);

                let places = |under: Vec<(IpNet, usize)>| -> Vec<usize> {
                    under.into_iter().map(|(_, at)| at).collect()
                };
                let exact = places(under(&|other| *other == net.trunc()));
                prop_assert_eq!(prefixes.exact(net.into()), exact);
                let within = places(under(&|other| net.contains(other)));
                prop_assert_eq!(prefixes.within(net.into()), within);
            }
        }
    }
}
