//! Which addresses stand for a kept prefix, when it is asked whether it is kept.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::declared;

/// At most this many parts of one prefix are asked for: a VPN may push thousands of
/// routes.
pub(crate) const PARTS: usize = 64;
/// So many addresses of a part are tried, to miss this host's own and single hosts that
/// have a way of their own.
const TRIES: usize = 16;

/// An address that stands for `part`: one that `is_free`, `first` before others.
pub(crate) fn address(
    part: IpNet,
    first: Option<IpAddr>,
    is_free: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut candidates = first
        .filter(|via| part.contains(via))
        .into_iter()
        .chain(part.hosts().take(TRIES));
    candidates.find(|to| is_free(*to) && !is_network_itself(&part, *to))
}

/// The same, from all over `part`: the first ones of it may be of another.
pub(crate) fn anywhere(part: IpNet, is_free: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    declared::spread(part).find(|to| is_free(*to) && !is_network_itself(&part, *to))
}

/// The first address of a network with more than two is the network itself, and in
/// IPv6 that of any router on it (RFC 4291, 2.6.1).
fn is_network_itself(part: &IpNet, to: IpAddr) -> bool {
    part.max_prefix_len() - part.prefix_len() > 1 && to == part.network()
}
