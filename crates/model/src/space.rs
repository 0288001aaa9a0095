//! The private address space, and what of it is still free.
//!
//! Who takes addresses for a network of his own takes private ones (RFC 1918, RFC 4193), and
//! should take none that somebody else has. What is proposed is the same for the same
//! question: a plan that is made anew says what it said before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), length))
}

const fn v6(first: u16, length: u8) -> IpNet {
    let address = Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0);
    IpNet::V6(Ipv6Net::new_assert(address, length))
}

/// All private addresses, those first that are used least.
pub const PRIVATE: [IpNet; 4] = [
    v4(172, 16, 12),
    v4(10, 0, 8),
    v4(192, 168, 16),
    v6(0xfc00, 7),
];

/// Those of IPv6 that anybody may give himself (RFC 4193, 3.1).
const LOCAL: IpNet = v6(0xfd00, 8);
/// The length of the prefix that a site has (RFC 4193, 3.1).
const SITE: u8 = 48;

/// Whether all of `net` is private.
#[must_use]
pub fn is_private(net: &IpNet) -> bool {
    PRIVATE.iter().any(|private| private.contains(net))
}

/// Whether `net` is so wide that it stands for the way out, and for no network: wider than
/// all private ones. Such are default routes, the halves of one, and the pieces that are left
/// where a client leaves something out.
#[must_use]
pub fn is_way_out(net: &IpNet) -> bool {
    let widest = match net {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 7,
    };
    net.prefix_len() < widest
}

/// Whether two prefixes have addresses in common.
#[must_use]
pub fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// The first private prefix of the length of `like`, and of its family, that has no address in
/// common with any of `taken`.
#[must_use]
pub fn free(like: IpNet, taken: impl IntoIterator<Item = IpNet>) -> Option<IpNet> {
    let mut taken: Vec<(u128, u128)> = taken
        .into_iter()
        .filter(|net| net.addr().is_ipv4() == like.addr().is_ipv4())
        .map(|net| bounds(&net))
        .collect();
    taken.sort_unstable();
    let length = like.prefix_len();
    let ranges = ranges(like);
    let mut ranges = ranges.iter().filter(|range| range.prefix_len() <= length);
    ranges.find_map(|range| first_gap(range, length, &taken))
}

/// Where a prefix like this one may lie: of IPv6, beside it in its own site, or in one that
/// is derived from it.
fn ranges(like: IpNet) -> Vec<IpNet> {
    if like.addr().is_ipv4() {
        return PRIVATE[..3].to_vec();
    }
    if like.prefix_len() < SITE {
        return vec![LOCAL];
    }
    let own = IpNet::new(like.addr(), SITE).map(|site| site.trunc());
    let own = own.ok().filter(is_private);
    let derived = derived(like);
    own.into_iter().chain(derived).collect()
}

/// A site with a number that depends on the whole of `like`. Chance would be better (RFC 4193,
/// 3.2.2), but then no two plans were the same.
fn derived(like: IpNet) -> Option<IpNet> {
    let (first, _) = bounds(&like);
    // The golden ratio, as so many 2^128ths: odd, and without a pattern.
    const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let number = (first ^ u128::from(like.prefix_len())).wrapping_mul(FACTOR) >> 88;
    let (local, _) = bounds(&LOCAL);
    let address = Ipv6Addr::from(local | (number << 80));
    Some(Ipv6Net::new(address, SITE).ok()?.into())
}

/// The first prefix of a length within `range` that none of `taken`, which are sorted, meets.
fn first_gap(range: &IpNet, length: u8, taken: &[(u128, u128)]) -> Option<IpNet> {
    let bits = u32::from(range.max_prefix_len() - length);
    let last = 1_u128.checked_shl(bits)? - 1;
    let (mut at, end) = bounds(range);
    for (first, behind) in taken {
        if at.checked_add(last)? < *first {
            break;
        }
        if *behind >= at {
            // The next one that begins behind it.
            at = (behind | last).checked_add(1)?;
        }
    }
    if at.checked_add(last)? > end {
        return None;
    }
    let address = match range {
        IpNet::V4(_) => IpAddr::V4(u32::try_from(at).ok()?.into()),
        IpNet::V6(_) => IpAddr::V6(at.into()),
    };
    IpNet::new(address, length).ok()
}

/// The first and the last address.
fn bounds(net: &IpNet) -> (u128, u128) {
    let number = |address| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => address.into(),
    };
    (number(net.network()), number(net.broadcast()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("a prefix")
    }

    fn free_of(like: &str, taken: &[&str]) -> Option<String> {
        let taken = taken.iter().map(|text| net(text));
        free(net(like), taken).map(|net| net.to_string())
    }

    #[test]
    fn the_first_gap_that_is_large_enough_is_free() {
        for (like, taken, expected) in [
            ("10.1.0.0/16", &[][..], "172.16.0.0/16"),
            ("10.1.0.0/16", &["172.16.9.0/24"], "172.17.0.0/16"),
            (
                "10.1.0.0/24",
                &["172.16.0.0/24", "172.16.2.0/23"],
                "172.16.1.0/24",
            ),
            // What lies in another, and what begins before the range.
            (
                "10.1.0.0/16",
                &["172.0.0.0/10", "172.1.0.0/16"],
                "10.0.0.0/16",
            ),
            (
                "10.1.0.0/16",
                &["172.16.0.0/12", "10.0.0.0/9"],
                "10.128.0.0/16",
            ),
            (
                "10.1.0.0/16",
                &["172.16.0.0/12", "10.0.0.0/8"],
                "192.168.0.0/16",
            ),
            ("10.1.0.0/8", &["172.16.0.0/12"], "10.0.0.0/8"),
            ("10.1.0.0/12", &["172.31.255.255/32"], "10.0.0.0/12"),
            // Another family is in nobody's way.
            ("10.1.0.0/16", &["fd00::/8", "::/0"], "172.16.0.0/16"),
            ("fd00:1:2:3::/64", &["fd00:1:2::/63"], "fd00:1:2:2::/64"),
            ("fd00:1::/40", &["fd00::/30"], "fd00:4::/40"),
        ] {
            assert_eq!(
                free_of(like, taken).as_deref(),
                Some(expected),
                "{like} {taken:?}"
            );
        }
        let all = ["172.16.0.0/12", "10.0.0.0/8", "192.168.128.0/17"];
        assert_eq!(free_of("10.1.0.0/16", &all), None);
        assert_eq!(free_of("0.0.0.0/0", &[]), None);
        assert_eq!(free_of("::/0", &[]), None);
    }

    #[test]
    fn where_a_site_is_full_or_public_another_one_is_derived_from_it() {
        let one = free_of("2001:db8::/64", &[]).expect("there is one");
        assert!(net("fd00::/8").contains(&net(&one)), "{one}");
        assert_eq!(free_of("2001:db8::/64", &[]), Some(one.clone()));
        assert_ne!(free_of("2001:db8:1::/64", &[]), Some(one));
        let other = free_of("fd00:1:2:3::/64", &["fd00:1:2::/48"]).expect("there is one");
        assert!(!net("fd00:1:2::/48").contains(&net(&other)), "{other}");
    }
}
