//! A hash of a few instructions.
//!
//! A plan of ten thousand routes looks each of them up a dozen times, and the hash of the
//! standard library takes longer than all the rest of a look-up. This one is a multiplication
//! for each number: the upper half of the product is folded onto the lower half, so that the
//! low bits, which say where in a table something stands, depend on the high ones, too.
//! Somebody else may say which routes there are, so it begins with a number that nobody can
//! know.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashes that begin with a number of their own.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folded;

    #[inline]
    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// A hash in the making.
#[derive(Clone, Debug)]
pub struct Folded(u64);

/// The golden ratio, as so many 2^64ths: odd, and without a pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Folded {
    #[inline]
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * u128::from(FACTOR);
        #[allow(clippy::cast_possible_truncation, reason = "these are the halves")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        // What is 0 here would forget all that was before it.
        self.0 = (low ^ high).wrapping_add(FACTOR);
    }

    #[inline]
    fn write_u128(&mut self, number: u128) {
        #[allow(clippy::cast_possible_truncation, reason = "these are the halves")]
        let (low, high) = (number as u64, (number >> 64) as u64);
        self.write_u64(low);
        self.write_u64(high);
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last));
        self.write_usize(bytes.len());
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    use ipnet::Ipv4Net;

    use super::*;
    use crate::Resource;
    use crate::route::RouteKey;

    /// Routes as a profile has them: in a row, and in far fewer bits than a hash has.
    fn resources() -> impl Iterator<Item = Resource> {
        (0..10_000_u32).map(|n| {
            let dst = Ipv4Net::new(Ipv4Addr::from(0x1000_0000 + (n << 8)), 24);
            Resource::Route(RouteKey::unscoped(dst.expect("a prefix").into()))
        })
    }

    #[test]
    fn neighbours_are_spread_over_all_bits() {
        let seeded = Seeded::default();
        let hashes: Vec<u64> = resources().map(|one| seeded.hash_one(&one)).collect();
        // A table goes by the lowest bits, and by the seven uppermost.
        for (bits, least) in [(64, 10_000), (14, 7_000)] {
            let low: HashSet<u64> = hashes.iter().map(|hash| hash << (64 - bits)).collect();
            let high: HashSet<u64> = hashes.iter().map(|hash| hash >> (64 - bits)).collect();
            assert!(low.len() >= least, "{} of {bits} bits", low.len());
            assert!(high.len() >= least, "{} of {bits} bits", high.len());
        }
    }

    #[test]
    fn texts_that_differ_in_length_alone_differ() {
        let seeded = Seeded::default();
        let texts = ["", "\0", "\0\0", "tun", "tun0", "tun00000", "tun000000"];
        let hashes: HashSet<u64> = texts.iter().map(|text| seeded.hash_one(text)).collect();
        assert_eq!(hashes.len(), texts.len());
    }

    #[test]
    fn each_begins_with_a_number_of_its_own() {
        let (one, other) = (Seeded::default(), Seeded::default());
        assert!((0..8).any(|n: u64| one.hash_one(n) != other.hash_one(n)));
    }
}
