//! Socket addresses, as they follow the header of a message.
//!
//! Each begins with its own length and family and is padded to four bytes, whatever the
//! machine: one of length 0 takes four (`ROUNDUP32`, xnu `bsd/net/rtsock.c`). Three things
//! are not what `struct sockaddr` promises:
//!
//! - A *netmask* ends with its last byte that is not zero, its family is whatever the radix
//!   tree left there (0, 0xff), and one of length 0 is that of the default route
//!   (`rtm_scrub`, `sa_trim`, `bsd/net/route.c`). Where it is the last of a message, its
//!   padding may be missing, for a length of 0 even all of it (`rt_msg1`).
//! - A *link-local* IPv6 address holds the number of its link in its third and fourth byte
//!   (KAME), in the kernel's output always, in its input where it is a gateway.
//! - A *destination* of length 0 is the default route, too; golang/go issue 70528 met one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::Malformed;
use super::numbers::{AF_INET, AF_INET6, AF_LINK, RTA_BRD, RTA_NETMASK};

/// `offsetof(struct sockaddr_in, sin_addr)`, and the end of the address.
const INET: (usize, usize) = (4, 8);
/// `offsetof(struct sockaddr_in6, sin6_addr)`, and the end of the address.
const INET6: (usize, usize) = (8, 24);
/// The lengths of `struct sockaddr_in`, `sockaddr_in6` and of the smallest `sockaddr_dl`.
const INET_LENGTH: u8 = 16;
const INET6_LENGTH: u8 = 28;
const LINK_LENGTH: u8 = 20;
/// Where the data of a `struct sockaddr_dl` begins: name, then hardware address.
const LINK_DATA: usize = 8;

/// The length with padding.
const fn padded(length: usize) -> usize {
    if length == 0 { 4 } else { (length + 3) & !3 }
}

/// Whether the kernel embeds the number of a link in such an address: those of
/// `IN6_IS_SCOPE_EMBED` without unicast-based multicast, in which a prefix stands there
/// (`IN6_IS_ADDR_UNICAST_BASED_MULTICAST`, xnu `bsd/netinet6/in6.h`, and `route_output`).
#[must_use]
pub fn has_zone(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    // fe80::/10, and multicast of the interface (1) or of the link (2).
    let multicast = first & 0xff00 == 0xff00 && first & 0x00f0 != 0x0030;
    first & 0xffc0 == 0xfe80 || (multicast && matches!(first & 15, 1 | 2))
}

/// One socket address, borrowed, its padding left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockaddr<'a>(&'a [u8]);

/// An address of IPv4 or IPv6, and the number of the link that a link-local one is of (0
/// for none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zoned {
    /// The address, without the number of a link inside.
    pub ip: IpAddr,
    /// The link.
    pub zone: u32,
}

/// A link, by `struct sockaddr_dl` (xnu `bsd/net/if_dl.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAddress<'a> {
    /// Its number, or 0.
    pub index: u16,
    /// Its name, where it is said.
    pub name: &'a [u8],
    /// A hardware address, where it is said.
    pub hardware: &'a [u8],
}

impl<'a> Sockaddr<'a> {
    /// The bytes, from the length on.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether its length is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.first().is_none_or(|length| *length == 0)
    }

    /// Its family; means nothing in a netmask.
    #[must_use]
    pub fn family(&self) -> u8 {
        self.0.get(1).copied().unwrap_or_default()
    }

    /// The address of IPv4 or IPv6; none for another family.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where it is too short to hold one.
    pub fn ip(&self) -> Result<Option<Zoned>, Malformed> {
        match self.family() {
            AF_INET => {
                let bytes = self.0.get(INET.0..INET.1);
                let bytes: [u8; 4] = bytes
                    .and_then(|bytes| bytes.try_into().ok())
                    .ok_or(Malformed::Form("IPv4 address"))?;
                Ok(Some(Zoned {
                    ip: bytes.into(),
                    zone: 0,
                }))
            }
            AF_INET6 => {
                let wrong = Malformed::Form("IPv6 address");
                let bytes = self.0.get(INET6.0..INET6.1);
                let bytes: [u8; 16] = bytes.and_then(|b| b.try_into().ok()).ok_or(wrong)?;
                let scope = self.0.get(INET6.1..usize::from(INET6_LENGTH));
                let scope: [u8; 4] = scope.and_then(|b| b.try_into().ok()).ok_or(wrong)?;
                Ok(Some(zoned(
                    Ipv6Addr::from(bytes),
                    u32::from_le_bytes(scope),
                )))
            }
            _ => Ok(None),
        }
    }

    /// The link; none for another family.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where name or hardware address do not fit into it.
    pub fn link(&self) -> Result<Option<LinkAddress<'a>>, Malformed> {
        if self.family() != AF_LINK {
            return Ok(None);
        }
        let wrong = Malformed::Form("link address");
        let [_, _, low, high, _, name, hardware, _] = self.0.get(..LINK_DATA).ok_or(wrong)? else {
            return Err(wrong);
        };
        let middle = LINK_DATA + usize::from(*name);
        let end = middle + usize::from(*hardware);
        Ok(Some(LinkAddress {
            index: u16::from_le_bytes([*low, *high]),
            name: self.0.get(LINK_DATA..middle).ok_or(wrong)?,
            hardware: self.0.get(middle..end).ok_or(wrong)?,
        }))
    }

    /// The length of the prefix, where it is the netmask of an address of `family`.
    ///
    /// # Errors
    ///
    /// [`Malformed::Netmask`] where it is none.
    pub fn prefix(&self, family: u8) -> Result<u8, Malformed> {
        let (start, end) = if family == AF_INET { INET } else { INET6 };
        let end = end.min(self.0.len());
        let bytes = self.0.get(start..end).unwrap_or_default();
        let mut length = 0;
        let mut over = false;
        for byte in bytes {
            let ones = byte.leading_ones();
            if byte.count_ones() != ones || (over && ones > 0) {
                return Err(Malformed::Netmask);
            }
            over |= ones < 8;
            length += ones;
        }
        u8::try_from(length).map_err(|_| Malformed::Netmask)
    }
}

/// Takes the number of a link out of `address`, where the kernel put one in.
fn zoned(address: Ipv6Addr, scope: u32) -> Zoned {
    let mut segments = address.segments();
    if !has_zone(address) {
        return Zoned {
            ip: address.into(),
            zone: 0,
        };
    }
    let embedded = u32::from(segments[1]);
    segments[1] = 0;
    Zoned {
        ip: Ipv6Addr::from(segments).into(),
        zone: if embedded == 0 { scope } else { embedded },
    }
}

/// The socket addresses of one message, by their bits of `RTA_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sockaddrs<'a> {
    slots: [Option<Sockaddr<'a>>; 8],
}

impl<'a> Sockaddrs<'a> {
    /// Reads those that `bits` announces.
    ///
    /// A bit without bytes is one that a writer set only to ask for it, or the netmask of
    /// length 0 at the end of a message.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where one does not fit.
    pub fn read(bits: u32, bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bits >= RTA_BRD << 1 {
            return Err(Malformed::Form("list of socket addresses"));
        }
        let mut all = Self::default();
        let mut rest = bytes;
        for (place, slot) in all.slots.iter_mut().enumerate() {
            let bit = 1 << place;
            if bits & bit == 0 {
                continue;
            }
            let Some(length) = rest.first().copied().map(usize::from) else {
                *slot = (bit == RTA_NETMASK).then_some(Sockaddr(&[]));
                continue;
            };
            if length == 1 || length > rest.len() {
                return Err(Malformed::Form("socket address"));
            }
            let until = padded(length).min(rest.len());
            // Of one without length, the family may still stand there.
            let taken = if length == 0 { until.min(2) } else { length };
            *slot = Some(Sockaddr(rest.get(..taken).unwrap_or_default()));
            rest = rest.get(until..).unwrap_or_default();
        }
        Ok(all)
    }

    /// The one of `bit`.
    #[must_use]
    pub fn get(&self, bit: u32) -> Option<Sockaddr<'a>> {
        let place = bit.trailing_zeros() as usize;
        self.slots.get(place).copied().flatten()
    }
}

/// How the link of a link-local address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// In `sin6_scope_id`: what the kernel turns into its own form for a destination
    /// (`route_output`, `sa_copy`).
    Scope,
    /// Within the address: a gateway is stored as it comes (`rt_setgate`), so it must
    /// come as the kernel itself writes it; route(8) and configd do the same.
    Embedded,
}

/// Writes an address of IPv4 or IPv6.
pub(super) fn push_ip(bytes: &mut Vec<u8>, address: Zoned, form: Zone) {
    match address.ip {
        IpAddr::V4(ip) => {
            bytes.extend_from_slice(&[INET_LENGTH, AF_INET, 0, 0]);
            bytes.extend_from_slice(&ip.octets());
            bytes.extend_from_slice(&[0; 8]);
        }
        IpAddr::V6(ip) => {
            let mut segments = ip.segments();
            let mut scope = if has_zone(ip) { address.zone } else { 0 };
            if let (Zone::Embedded, Ok(zone)) = (form, u16::try_from(scope))
                && zone > 0
            {
                segments[1] = zone;
                scope = 0;
            }
            bytes.extend_from_slice(&[INET6_LENGTH, AF_INET6, 0, 0, 0, 0, 0, 0]);
            bytes.extend_from_slice(&Ipv6Addr::from(segments).octets());
            bytes.extend_from_slice(&scope.to_le_bytes());
        }
    }
}

/// Writes the netmask of a prefix, at its full length: the kernel takes the trailing
/// zeros off by itself, and one of length 0 would end what it reads (`rt_xaddrs`).
pub(super) fn push_netmask(bytes: &mut Vec<u8>, v4: bool, prefix: u8) {
    let ip: IpAddr = if v4 {
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32)));
        Ipv4Addr::from(mask.unwrap_or(0)).into()
    } else {
        let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128)));
        Ipv6Addr::from(mask.unwrap_or(0)).into()
    };
    // A mask such as ffc0:: is no link-local address.
    push_ip(bytes, Zoned { ip, zone: 0 }, Zone::Scope);
}

/// Writes a link; number 0 and no name is the empty one that asks for an answer.
pub(super) fn push_link(bytes: &mut Vec<u8>, index: u16) {
    bytes.extend_from_slice(&[LINK_LENGTH, AF_LINK]);
    bytes.extend_from_slice(&index.to_le_bytes());
    bytes.extend_from_slice(&[0; 16]);
}
