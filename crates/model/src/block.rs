//! Prefixes as numbers.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::rule::Family;

/// A prefix as numbers, in the same order as prefixes: what lies within one follows it.
///
/// Whoever sorts or searches ten thousand prefixes compares each of them a dozen times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    family: Family,
    // From the left, also of IPv4. In halves: nothing is aligned to more than they are.
    high: u64,
    low: u64,
    length: u8,
}

impl From<IpNet> for Block {
    #[inline]
    fn from(net: IpNet) -> Self {
        let number = match net.addr() {
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => address.into(),
        };
        Self::new(Family::of(&net), number, net.prefix_len())
    }
}

impl From<IpAddr> for Block {
    #[inline]
    fn from(address: IpAddr) -> Self {
        IpNet::from(address).into()
    }
}

impl From<Block> for IpNet {
    fn from(block: Block) -> Self {
        match block.family {
            Family::V4 => Ipv4Net::new_assert(block.v4().into(), block.length).into(),
            Family::V6 => Ipv6Net::new_assert(block.number().into(), block.length).into(),
        }
    }
}

impl Block {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the lower half is what is left"
    )]
    #[inline]
    fn new(family: Family, number: u128, length: u8) -> Self {
        Self {
            family,
            high: (number >> 64) as u64,
            low: number as u64,
            length,
        }
    }

    #[inline]
    fn number(&self) -> u128 {
        (u128::from(self.high) << 64) | u128::from(self.low)
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "32 of 64 bits were moved out of it"
    )]
    fn v4(&self) -> u32 {
        (self.high >> 32) as u32
    }

    /// The bits of an address that a prefix of this length is about.
    #[inline]
    fn mask(&self) -> u128 {
        let hosts = u128::MAX.checked_shr(self.length.into());
        !hosts.unwrap_or(0)
    }

    /// The length of the prefix.
    #[inline]
    #[must_use]
    pub fn length(&self) -> u8 {
        self.length
    }

    /// The same without host bits.
    #[inline]
    #[must_use]
    pub fn trunc(&self) -> Self {
        Self::new(self.family, self.number() & self.mask(), self.length)
    }

    /// Whether `other` is or lies within it.
    #[inline]
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.family == other.family
            && self.length <= other.length
            && (self.number() ^ other.number()) & self.mask() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_what_prefixes_say() {
        let all: Vec<IpNet> = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.1/8",
            "10.64.0.0/10",
            "10.64.0.0/32",
            "255.255.255.255/32",
            "255.255.255.255/0",
            "::/0",
            "::/128",
            "::a00:0/104",
            "fd00:7::/32",
            "fd00:7::1:0:0:1/64",
            "fd00:7:0:0:1::/65",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/1",
        ]
        .iter()
        .map(|net| net.parse().expect("a prefix"))
        .collect();
        for one in &all {
            let block = Block::from(*one);
            assert_eq!(block.trunc(), Block::from(one.trunc()), "{one}");
            assert_eq!(IpNet::from(block), *one);
            assert_eq!(block.length(), one.prefix_len(), "{one}");
            for other in &all {
                let beside = Block::from(*other);
                assert_eq!(block.cmp(&beside), one.cmp(other), "{one} {other}");
                let within = one.contains(other);
                assert_eq!(block.contains(&beside), within, "{one} {other}");
            }
        }
    }
}
