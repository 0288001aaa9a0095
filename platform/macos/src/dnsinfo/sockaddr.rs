//! The address of a server: `sockaddr_in` and `sockaddr_in6` of macOS.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Which of the two it is.
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// AF_INET is 2, AF_INET6 is 30 (xnu, `bsd/sys/socket.h`).
    pub(super) fn of(family: u8, length: u8) -> Option<Self> {
        match (family, length) {
            (2, 16..) => Some(Self::V4),
            (30, 28..) => Some(Self::V6),
            _ => None,
        }
    }
}

pub(super) fn v4(bytes: &[u8; 16]) -> String {
    let [_, _, _, _, a, b, c, d, ..] = *bytes;
    Ipv4Addr::new(a, b, c, d).to_string()
}

/// The address, with its link behind it where it means nothing without.
///
/// The structure has the link's number, and programs write its name. The resolver names
/// the link that it is bound to, and that is nearly always the same one; any other is
/// written as its number, which getaddrinfo(3) takes as well.
pub(super) fn v6(bytes: &[u8; 28], link: Option<&(u32, Option<String>)>) -> String {
    let mut octets = [0; 16];
    octets.copy_from_slice(&bytes[8..24]);
    let mut scope = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
    if is_of_a_link(&octets) {
        // The kernel's own form has the number within the address, and other code of
        // Apple's passes that form on (xnu, `bsd/netinet6/in6.h`, IN6_IS_SCOPE_EMBED).
        let embedded = u32::from(u16::from_be_bytes([octets[2], octets[3]]));
        if embedded != 0 {
            octets[2..4].fill(0);
            if scope == 0 {
                scope = embedded;
            }
        }
    }
    let address = Ipv6Addr::from(octets);
    match (scope, link) {
        (0, _) => address.to_string(),
        (_, Some((index, Some(name)))) if *index == scope => format!("{address}%{name}"),
        _ => format!("{address}%{scope}"),
    }
}

/// fe80::/10, and the multicast groups of a node and of a link.
fn is_of_a_link(octets: &[u8; 16]) -> bool {
    match octets[..2] {
        [0xfe, second] => second & 0xc0 == 0x80,
        [0xff, second] => matches!(second & 0x0f, 1 | 2),
        _ => false,
    }
}
