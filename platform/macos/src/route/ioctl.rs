//! The structures of ioctl(2) that no crate has, as bytes.
//!
//! Offsets are those of a 64-bit process (LP64), the only kind that macOS runs; they are
//! the same on arm64 and x86_64. Each request number holds the size of its structure, and
//! the kernel refuses another (xnu `bsd/sys/ioccom.h`), so the numbers check the sizes.
//!
//! Three structures hold a pointer. That of [`agent_ids`] is the address of memory that the
//! caller keeps; the others are null, since what they are for is not asked for
//! ([`is_contained`]).
//!
//! Sources: xnu `bsd/sys/sockio.h`, `bsd/net/if.h` (`ifreq`, `ifmediareq`),
//! `bsd/net/if_private.h` (`if_agentidsreq`), `bsd/net/network_agent.h` (`netagent_req`),
//! `bsd/netinet/in_var.h` (`in_aliasreq`), `bsd/netinet6/in6_var.h` (`in6_aliasreq`,
//! `in6_ifreq`). Those of network agents are in private headers and may change.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netprof_model::link::Address;

use super::error::Unwritable;
use super::sockaddr::{Zone, Zoned, push_ip, push_netmask};

/// How data goes, as the topmost bits of a request number: `_IOW`.
const IN: u32 = 0x8000_0000;
/// `_IOWR`.
const BOTH: u32 = 0xc000_0000;

/// The number of a request of group `i`.
const fn number(way: u32, number: u32, size: usize) -> u32 {
    way | ((size as u32 & 0x1fff) << 16) | ((b'i' as u32) << 8) | number
}

/// `IFNAMSIZ`.
const NAME: usize = 16;
/// `sizeof(struct ifreq)`.
pub const IFREQ: usize = 32;
/// `sizeof(struct ifmediareq)`; it is packed to four bytes.
pub const IFMEDIAREQ: usize = 44;
/// `sizeof(struct in_aliasreq)`.
pub const IN_ALIASREQ: usize = 64;
/// `sizeof(struct in6_aliasreq)`.
pub const IN6_ALIASREQ: usize = 128;
/// `sizeof(struct in6_ifreq)`: its largest member is `struct icmp6_ifstat`, 34 counters.
pub const IN6_IFREQ: usize = 288;
/// `sizeof(struct if_agentidsreq)`.
pub const IF_AGENTIDSREQ: usize = 32;
/// `sizeof(struct netagent_req)`.
pub const NETAGENT_REQ: usize = 224;
/// `sizeof(uuid_t)`.
pub const UUID: usize = 16;

/// Sets the flags of a link: [`ifreq_flags`].
pub const SIOCSIFFLAGS: u32 = number(IN, 16, IFREQ);
/// Asks for the flags of a link: [`ifreq`], [`flags_of`].
pub const SIOCGIFFLAGS: u32 = number(BOTH, 17, IFREQ);
/// Sets the largest packet of a link: [`ifreq_number`].
pub const SIOCSIFMTU: u32 = number(IN, 52, IFREQ);
/// Asks for the largest packet of a link: [`ifreq`], [`number_of`].
pub const SIOCGIFMTU: u32 = number(BOTH, 51, IFREQ);
/// Asks for the state of a link's medium: [`ifmediareq`], [`media_of`].
pub const SIOCGIFMEDIA: u32 = number(BOTH, 56, IFMEDIAREQ);
/// Adds an IPv4 address: [`in_aliasreq`].
pub const SIOCAIFADDR: u32 = number(IN, 26, IN_ALIASREQ);
/// Removes an IPv4 address: [`ifreq_address`].
pub const SIOCDIFADDR: u32 = number(IN, 25, IFREQ);
/// Adds an IPv6 address: [`in6_aliasreq`].
pub const SIOCAIFADDR_IN6: u32 = number(IN, 26, IN6_ALIASREQ);
/// Removes an IPv6 address: [`in6_ifreq`].
pub const SIOCDIFADDR_IN6: u32 = number(IN, 25, IN6_IFREQ);
/// Asks for the flags of an IPv6 address: [`in6_ifreq`], [`Lifetime::of`].
pub const SIOCGIFAFLAG_IN6: u32 = number(BOTH, 73, IN6_IFREQ);
/// Asks for the network agents of a link: [`agent_ids`].
pub const SIOCGIFAGENTIDS: u32 = number(BOTH, 167, IF_AGENTIDSREQ);
/// Asks what a network agent says of itself: [`agent_data`].
pub const SIOCGIFAGENTDATA: u32 = number(BOTH, 168, NETAGENT_REQ);

/// The state of a medium is known (xnu `bsd/net/if_media.h`).
const IFM_AVALID: u32 = 1;
/// There is a carrier.
const IFM_ACTIVE: u32 = 2;

/// `IN6_IFF_DEPRECATED`, `_AUTOCONF`, `_TEMPORARY`, `_DYNAMIC`.
const DEPRECATED: u32 = 0x10;
const AUTOCONF: u32 = 0x40;
const TEMPORARY: u32 = 0x80;
const DYNAMIC: u32 = 0x100;

/// `ND6_INFINITE_LIFETIME`.
const FOREVER: u32 = u32::MAX;

/// Whether a request is one of those above, and the kernel reads and writes nothing for it
/// but `argument` itself: it is as long as the number says, and holds no address.
#[must_use]
pub fn is_contained(request: u32, argument: &[u8]) -> bool {
    let is_null = |at: usize| {
        let pointer = argument.get(at..at + 8);
        pointer.is_some_and(|pointer| pointer.iter().all(|byte| *byte == 0))
    };
    let contained = match request {
        SIOCSIFFLAGS | SIOCGIFFLAGS | SIOCSIFMTU | SIOCGIFMTU | SIOCAIFADDR | SIOCDIFADDR
        | SIOCAIFADDR_IN6 | SIOCDIFADDR_IN6 | SIOCGIFAFLAG_IN6 => true,
        // ifm_ulist, netagent_data.
        SIOCGIFMEDIA => is_null(36),
        SIOCGIFAGENTDATA => is_null(216),
        _ => false,
    };
    // IOCPARM_LEN of bsd/sys/ioccom.h.
    contained && argument.len() == (request >> 16 & 0x1fff) as usize
}

/// A structure that begins with the name of a link.
fn named<const N: usize>(link: &str) -> Result<[u8; N], Unwritable> {
    let mut bytes = [0; N];
    let wrong = || Unwritable::Name(link.to_owned());
    if link.is_empty() || link.len() >= NAME || link.contains('\0') {
        return Err(wrong());
    }
    let place = bytes.get_mut(..link.len()).ok_or_else(wrong)?;
    place.copy_from_slice(link.as_bytes());
    Ok(bytes)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    super::message::u32_at(bytes, at).unwrap_or_default()
}

/// Text that ends at its first zero.
fn text_at(bytes: &[u8], at: usize, size: usize) -> String {
    let bytes = bytes.get(at..at + size).unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(bytes.get(..end.unwrap_or(size)).unwrap_or_default()).into_owned()
}

/// `struct ifreq` with nothing but a name.
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn ifreq(link: &str) -> Result<[u8; IFREQ], Unwritable> {
    named(link)
}

/// `struct ifreq` with a number (`ifr_mtu`).
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn ifreq_number(link: &str, number: u32) -> Result<[u8; IFREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, NAME, &number.to_le_bytes());
    Ok(bytes)
}

/// `struct ifreq` with flags (`ifr_flags`, two bytes).
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn ifreq_flags(link: &str, flags: u16) -> Result<[u8; IFREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, NAME, &flags.to_le_bytes());
    Ok(bytes)
}

/// `struct ifreq` with an address (`ifr_addr`).
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn ifreq_address(link: &str, address: Ipv4Addr) -> Result<[u8; IFREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, NAME, &sockaddr(address.into(), 0));
    Ok(bytes)
}

/// The number that the kernel put into a `struct ifreq`.
#[must_use]
pub fn number_of(ifreq: &[u8; IFREQ]) -> u32 {
    number_at(ifreq, NAME)
}

/// The flags that the kernel put into a `struct ifreq`.
#[must_use]
pub fn flags_of(ifreq: &[u8; IFREQ]) -> u16 {
    super::message::u16_at(ifreq, NAME).unwrap_or_default()
}

/// `flags` of a link with IFF_UP set or cleared.
#[must_use]
pub fn flags_with_up(flags: u16, up: bool) -> u16 {
    if up { flags | 1 } else { flags & !1 }
}

/// `struct ifmediareq` with nothing but a name.
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn ifmediareq(link: &str) -> Result<[u8; IFMEDIAREQ], Unwritable> {
    named(link)
}

/// Whether there is a carrier; none where the link does not know (`ifm_status`).
#[must_use]
pub fn media_of(ifmediareq: &[u8; IFMEDIAREQ]) -> Option<bool> {
    let status = number_at(ifmediareq, 24);
    (status & IFM_AVALID != 0).then_some(status & IFM_ACTIVE != 0)
}

/// `struct in_aliasreq`: an address of a link that has no broadcast and no other end.
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn in_aliasreq(
    link: &str,
    address: Ipv4Addr,
    prefix: u8,
) -> Result<[u8; IN_ALIASREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, 16, &sockaddr(address.into(), 0));
    put(&mut bytes, 48, &netmask(true, prefix));
    Ok(bytes)
}

/// `struct in6_aliasreq`: an address for ever.
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn in6_aliasreq(
    link: &str,
    address: Ipv6Addr,
    prefix: u8,
) -> Result<[u8; IN6_ALIASREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, 16, &sockaddr(address.into(), 0));
    put(&mut bytes, 72, &netmask(false, prefix));
    // ia6t_vltime and ia6t_pltime, behind flags and two times of eight bytes.
    put(&mut bytes, 120, &FOREVER.to_le_bytes());
    put(&mut bytes, 124, &FOREVER.to_le_bytes());
    Ok(bytes)
}

/// `struct in6_ifreq` with an address; `zone` is the number of the link of a link-local
/// one.
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn in6_ifreq(link: &str, address: Ipv6Addr, zone: u32) -> Result<[u8; IN6_IFREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, NAME, &sockaddr(address.into(), zone));
    Ok(bytes)
}

/// What the kernel says of how long an IPv6 address stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// Whether it has an end (`IN6_IFF_AUTOCONF`, `_DYNAMIC`, `_TEMPORARY`).
    pub dynamic: bool,
    /// Whether it is not the one that a connection is begun with: temporary or
    /// deprecated.
    pub secondary: bool,
}

impl Lifetime {
    /// Reads what `SIOCGIFAFLAG_IN6` put into a `struct in6_ifreq` (`ifru_flags6`).
    #[must_use]
    pub fn of(in6_ifreq: &[u8; IN6_IFREQ]) -> Self {
        let flags = number_at(in6_ifreq, NAME);
        Self {
            dynamic: flags & (AUTOCONF | DYNAMIC | TEMPORARY) != 0,
            secondary: flags & (TEMPORARY | DEPRECATED) != 0,
        }
    }

    /// Writes it down.
    pub fn tell(self, address: &mut Address) {
        address.dynamic = self.dynamic;
        address.secondary = self.secondary;
    }
}

/// `struct if_agentidsreq`: room for `count` identifiers of [`UUID`] bytes at `memory`,
/// or how many there are, with 0 and 0.
///
/// # Errors
///
/// [`Unwritable::Name`].
pub fn agent_ids(link: &str, count: u32, memory: u64) -> Result<[u8; IF_AGENTIDSREQ], Unwritable> {
    let mut bytes = named(link)?;
    put(&mut bytes, 16, &count.to_le_bytes());
    put(&mut bytes, 24, &memory.to_le_bytes());
    Ok(bytes)
}

/// How many network agents a link has.
#[must_use]
pub fn agent_count(request: &[u8; IF_AGENTIDSREQ]) -> u32 {
    number_at(request, 16)
}

/// `struct netagent_req`: asks for everything but the agent's own data, for which there
/// is no room (`netagent_data_size` 0).
#[must_use]
pub fn agent_data(id: [u8; UUID]) -> [u8; NETAGENT_REQ] {
    let mut bytes = [0; NETAGENT_REQ];
    put(&mut bytes, 0, &id);
    bytes
}

/// What a network agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Who registered it, as `NetworkExtension`.
    pub domain: String,
    /// What it is, as `VPN`.
    pub kind: String,
    /// Words for a person.
    pub description: String,
    /// `NETAGENT_FLAG_*`.
    pub flags: u32,
}

impl Agent {
    /// Reads what the kernel put into a `struct netagent_req`.
    #[must_use]
    pub fn of(request: &[u8; NETAGENT_REQ]) -> Self {
        Self {
            domain: text_at(request, 16, 32),
            kind: text_at(request, 48, 32),
            description: text_at(request, 80, 128),
            flags: number_at(request, 208),
        }
    }
}

fn sockaddr(ip: IpAddr, zone: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_ip(&mut bytes, Zoned { ip, zone }, Zone::Scope);
    bytes
}

fn netmask(v4: bool, prefix: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_netmask(&mut bytes, v4, prefix);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_numbers_are_those_of_the_headers() {
        // As compilers for macOS give them.
        for (ours, theirs) in [
            (SIOCSIFFLAGS, 0x8020_6910),
            (SIOCGIFFLAGS, 0xc020_6911),
            (SIOCSIFMTU, 0x8020_6934),
            (SIOCGIFMTU, 0xc020_6933),
            (SIOCGIFMEDIA, 0xc02c_6938),
            (SIOCAIFADDR, 0x8040_691a),
            (SIOCDIFADDR, 0x8020_6919),
            (SIOCAIFADDR_IN6, 0x8080_691a),
            (SIOCDIFADDR_IN6, 0x8120_6919),
            (SIOCGIFAFLAG_IN6, 0xc120_6949),
            (SIOCGIFAGENTIDS, 0xc020_69a7),
            (SIOCGIFAGENTDATA, 0xc0e0_69a8),
        ] {
            assert_eq!(ours, theirs, "{ours:#x}");
        }
    }

    #[test]
    fn numbers_flags_and_addresses_stand_behind_the_name() {
        let mtu = ifreq_number("utun4", 1380).unwrap();
        assert_eq!(&mtu[..20], b"utun4\0\0\0\0\0\0\0\0\0\0\0\x64\x05\0\0");
        assert_eq!(number_of(&mtu), 1380);
        let flags = ifreq_flags("utun4", flags_with_up(0x8050, true)).unwrap();
        assert_eq!(flags_of(&flags), 0x8051);
        assert_eq!(flags_with_up(0x8051, false), 0x8050);
        let gone = ifreq_address("lo0", Ipv4Addr::new(127, 0, 2, 1)).unwrap();
        assert_eq!(gone[16..24], [16, 2, 0, 0, 127, 0, 2, 1]);
    }

    #[test]
    fn an_address_of_lo0_is_written_as_ifconfig_writes_it() {
        let four = in_aliasreq("lo0", Ipv4Addr::new(127, 0, 2, 1), 32).unwrap();
        assert_eq!(four[16..24], [16, 2, 0, 0, 127, 0, 2, 1]);
        assert_eq!(four[32..48], [0; 16]);
        assert_eq!(four[48..56], [16, 2, 0, 0, 255, 255, 255, 255]);
        let six = in6_aliasreq("lo0", "fd00::1".parse().unwrap(), 64).unwrap();
        assert_eq!(six[16..18], [28, 30]);
        assert_eq!(six[24..40], "fd00::1".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(six[44..72], [0; 28]);
        assert_eq!(six[72..74], [28, 30]);
        assert_eq!(six[80..88], [0xff; 8]);
        assert_eq!(six[88..120], [0; 32]);
        assert_eq!(six[120..128], [0xff; 8]);
    }

    #[test]
    fn a_link_without_a_cable_has_no_carrier_and_a_tunnel_knows_of_none() {
        let mut media = ifmediareq("en0").unwrap();
        assert_eq!(media_of(&media), None);
        media[24] = 1;
        assert_eq!(media_of(&media), Some(false));
        media[24] = 3;
        assert_eq!(media_of(&media), Some(true));
    }

    #[test]
    fn the_flags_of_an_address_say_how_long_it_stays() {
        let mut request = in6_ifreq("en0", "fe80::1".parse().unwrap(), 7).unwrap();
        assert_eq!(request[40..44], [7, 0, 0, 0]);
        let mut lifetime = |flags: u32| {
            request[16..20].copy_from_slice(&flags.to_le_bytes());
            let Lifetime { dynamic, secondary } = Lifetime::of(&request);
            (dynamic, secondary)
        };
        assert_eq!(lifetime(0x400), (false, false));
        assert_eq!(lifetime(0x440), (true, false));
        assert_eq!(lifetime(0xc0), (true, true));
        assert_eq!(lifetime(0x100), (true, false));
        assert_eq!(lifetime(0x50), (true, true));
    }

    #[test]
    fn an_agent_is_read_where_the_kernel_writes_it() {
        let asked = agent_ids("utun4", 2, 0x1122_3344_5566).unwrap();
        assert_eq!(agent_count(&asked), 2);
        assert_eq!(asked[24..32], 0x1122_3344_5566u64.to_le_bytes());
        let mut request = agent_data([9; 16]);
        assert_eq!(request[..16], [9; 16]);
        put(&mut request, 16, b"NetworkExtension");
        put(&mut request, 48, b"VPN");
        put(&mut request, 80, b"VPN: office");
        put(&mut request, 208, &[0xf]);
        let agent = Agent::of(&request);
        assert_eq!(agent.domain, "NetworkExtension");
        assert_eq!(agent.kind, "VPN");
        assert_eq!(agent.description, "VPN: office");
        assert_eq!(agent.flags, 0xf);
        put(&mut request, 48, &[b'x'; 32]);
        assert_eq!(Agent::of(&request).kind, "x".repeat(32));
    }

    #[test]
    fn what_holds_an_address_of_memory_is_told_from_what_does_not() {
        let media = ifmediareq("en0").unwrap();
        let agent = agent_data([9; UUID]);
        for (request, argument) in [(SIOCGIFMEDIA, &media[..]), (SIOCGIFAGENTDATA, &agent)] {
            assert!(is_contained(request, argument));
            for at in 1..=8 {
                let mut pointing = argument.to_vec();
                *pointing.iter_mut().nth_back(at - 1).unwrap() = 1;
                assert!(!is_contained(request, &pointing), "{request:#x} {at}");
            }
        }
        let plain = ifreq("en0").unwrap();
        assert!(is_contained(SIOCGIFMTU, &plain));
        assert!(!is_contained(SIOCGIFMTU, &plain[..31]));
        assert!(!is_contained(SIOCGIFMEDIA, &plain));
        let agents = agent_ids("en0", 0, 0).unwrap();
        assert!(!is_contained(SIOCGIFAGENTIDS, &agents));
        // SIOCGIFCONF: a length, and the address of a buffer.
        assert!(!is_contained(number(BOTH, 36, 12), &[0; 12]));
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        assert!(ifreq("abcdefghijklmno").is_ok());
        for name in ["", "abcdefghijklmnop", "e\0n"] {
            assert_eq!(ifreq(name), Err(Unwritable::Name(name.to_owned())));
        }
    }
}
