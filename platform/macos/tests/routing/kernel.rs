//! What the kernel of macOS writes and takes, by the offsets of its headers.
//!
//! Sources: xnu `bsd/net/route.h`, `if.h`, `if_var.h`, `if_dl.h`, `bsd/netinet/in.h`,
//! `bsd/netinet6/in6.h` for the layouts; `bsd/net/rtsock.c` and `bsd/net/route.c` for what
//! happens to a request.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) const UP: u32 = 0x1;
pub(crate) const GATEWAY: u32 = 0x2;
pub(crate) const HOST: u32 = 0x4;
pub(crate) const REJECT: u32 = 0x8;
pub(crate) const DONE: u32 = 0x40;
pub(crate) const CLONING: u32 = 0x100;
pub(crate) const LLINFO: u32 = 0x400;
pub(crate) const STATIC: u32 = 0x800;
pub(crate) const PRCLONING: u32 = 0x1_0000;
pub(crate) const WASCLONED: u32 = 0x2_0000;
pub(crate) const IFSCOPE: u32 = 0x100_0000;
pub(crate) const GLOBAL: u32 = 0x4000_0000;

/// The places of socket addresses (`RTAX_*`).
pub(crate) const DST: usize = 0;
pub(crate) const GATE: usize = 1;
pub(crate) const MASK: usize = 2;
pub(crate) const IFP: usize = 4;
pub(crate) const IFA: usize = 5;
pub(crate) const BRD: usize = 7;

/// Socket addresses by their place.
pub(crate) type Slots = Vec<(usize, Vec<u8>)>;

/// A structure of C, filled by offset.
pub(crate) fn structure(size: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; size];
    for (at, value) in fields {
        bytes[*at..at + value.len()].copy_from_slice(value);
    }
    bytes
}

/// `struct sockaddr_in`.
pub(crate) fn sin(ip: Ipv4Addr) -> Vec<u8> {
    structure(16, &[(0, &[16, 2]), (4, &ip.octets())])
}

/// `struct sockaddr_in6`, with a link in `sin6_scope_id`.
pub(crate) fn sin6(ip: Ipv6Addr, scope: u32) -> Vec<u8> {
    structure(
        28,
        &[
            (0, &[28, 30]),
            (8, &ip.octets()),
            (24, &scope.to_le_bytes()),
        ],
    )
}

/// The same with a link within the address, as KAME has it.
pub(crate) fn kame(ip: Ipv6Addr, link: u16) -> Vec<u8> {
    let mut bytes = sin6(ip, 0);
    bytes[10..12].copy_from_slice(&link.to_be_bytes());
    bytes
}

/// `struct sockaddr_dl`.
pub(crate) fn sdl(index: u16, name: &str, mac: &[u8]) -> Vec<u8> {
    let data = [name.as_bytes(), mac].concat();
    let size = 20.max(8 + data.len());
    let [size_byte, name_byte, mac_byte] =
        [size, name.len(), mac.len()].map(|n| u8::try_from(n).unwrap());
    structure(
        size,
        &[
            (0, &[size_byte, 18]),
            (2, &index.to_le_bytes()),
            (4, &[6, name_byte, mac_byte]),
            (8, &data),
        ],
    )
}

/// A netmask as a dump shows it (`sa_trim`): what the radix tree left before the mask,
/// and no trailing zeros.
pub(crate) fn mask(v4: bool, prefix: u8, left: u8) -> Vec<u8> {
    let skip = if v4 { 4 } else { 8 };
    let bits = if v4 { 32u32 } else { 128 };
    let ones = u128::MAX << (128 - u32::from(prefix)).min(127);
    let ones = if prefix == 0 { 0 } else { ones };
    let mut bytes = vec![left; skip];
    bytes.extend_from_slice(&ones.to_be_bytes()[..usize::try_from(bits / 8).unwrap()]);
    while bytes.len() > skip && bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.len() == skip {
        bytes = vec![0, left, 0, 0];
    } else {
        bytes[0] = u8::try_from(bytes.len()).unwrap();
    }
    bytes
}

/// Puts socket addresses behind a header (`rt_msg2`) and writes its length.
pub(crate) fn message(mut header: Vec<u8>, addrs_at: usize, slots: &Slots) -> Vec<u8> {
    let mut bits = 0u32;
    let mut slots = slots.clone();
    slots.sort_by_key(|(place, _)| *place);
    for (place, sockaddr) in slots {
        bits |= 1 << place;
        header.extend_from_slice(&sockaddr);
        header.resize(header.len().next_multiple_of(4), 0);
    }
    header[addrs_at..addrs_at + 4].copy_from_slice(&bits.to_le_bytes());
    let length = u16::try_from(header.len()).unwrap();
    header[..2].copy_from_slice(&length.to_le_bytes());
    header[2] = 5;
    header
}

/// `struct rt_msghdr` with what follows it.
pub(crate) fn rt(kind: u8, index: u16, flags: u32, slots: &Slots) -> Vec<u8> {
    let header = structure(
        92,
        &[
            (3, &[kind]),
            (4, &index.to_le_bytes()),
            (8, &flags.to_le_bytes()),
        ],
    );
    message(header, 12, slots)
}

/// The same with `rtm_pid`, `rtm_seq`, `rtm_errno`.
pub(crate) fn answered(mut message: Vec<u8>, pid: u32, sequence: u32, errno: i32) -> Vec<u8> {
    message[16..20].copy_from_slice(&pid.to_le_bytes());
    message[20..24].copy_from_slice(&sequence.to_le_bytes());
    message[24..28].copy_from_slice(&errno.to_le_bytes());
    message
}

/// The same with `rmx_locks` and the metric of one bit of `RTV_*`.
pub(crate) fn locked(mut message: Vec<u8>, place: usize, value: u32) -> Vec<u8> {
    let locks = u32::from_le_bytes(message[36..40].try_into().unwrap()) | 1 << place;
    message[36..40].copy_from_slice(&locks.to_le_bytes());
    let at = 40 + 4 * place;
    message[at..at + 4].copy_from_slice(&value.to_le_bytes());
    message
}

/// The same with `rmx_expire`.
pub(crate) fn expiring(mut message: Vec<u8>, at: i32) -> Vec<u8> {
    message[48..52].copy_from_slice(&at.to_le_bytes());
    message
}

/// `struct if_msghdr2` (`long`) or `struct if_msghdr` with its name and hardware address.
pub(crate) fn link(
    long: bool,
    index: u16,
    flags: u32,
    mtu: u32,
    name: &str,
    mac: &[u8],
) -> Vec<u8> {
    let (kind, size, data) = if long { (18, 160, 32) } else { (14, 112, 16) };
    let header = structure(
        size,
        &[
            (3, &[kind]),
            (8, &flags.to_le_bytes()),
            (12, &index.to_le_bytes()),
            (data, &[6]),
            (data + 8, &mtu.to_le_bytes()),
        ],
    );
    message(header, 4, &vec![(IFP, sdl(index, name, mac))])
}

/// `struct ifa_msghdr` with what follows it.
pub(crate) fn address(kind: u8, index: u16, slots: &Slots) -> Vec<u8> {
    let header = structure(20, &[(3, &[kind]), (12, &index.to_le_bytes())]);
    message(header, 4, slots)
}

fn u16_of(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_of(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The socket addresses of a request (`rt_xaddrs`), which must fill it to its end.
pub(crate) fn slots_of(request: &[u8]) -> Slots {
    assert_eq!(usize::from(u16_of(request, 0)), request.len());
    assert_eq!(request[2], 5);
    let bits = u32_of(request, 12);
    let mut rest = &request[92..];
    let mut slots = Vec::new();
    for place in (0..8).filter(|place| bits & (1 << place) != 0) {
        let length = usize::from(rest[0]);
        assert!((4..=128).contains(&length), "{rest:?}");
        slots.push((place, rest[..length].to_vec()));
        rest = &rest[length.next_multiple_of(4)..];
    }
    assert!(rest.is_empty(), "{rest:?}");
    slots
}

/// What a route is told apart by: destination, mask, scope.
type Key = (Vec<u8>, Option<Vec<u8>>, u16);

/// A routing table, as far as requests can see it. It finds no links: who writes to it
/// says them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kernel {
    routes: BTreeMap<Key, Vec<u8>>,
}

impl Kernel {
    /// What `write` does with a request: the message that comes back.
    pub(crate) fn write(&mut self, request: &[u8], pid: u32) -> Vec<u8> {
        let slots = slots_of(request);
        let find = |place| slots.iter().find(|(at, _)| *at == place).map(|(_, s)| s);
        let flags = u32_of(request, 8);
        let scope = if flags & IFSCOPE == 0 {
            0
        } else {
            u16_of(request, 4)
        };
        let mut dst = find(DST).unwrap().clone();
        let v4 = dst[1] == 2;
        // route_output and sa_copy: whichever form the link of a destination has, it
        // ends up within the address, and the route is scoped to it.
        let mut scope = scope;
        let local = !v4 && dst[8] == 0xfe && dst[9] & 0xc0 == 0x80;
        if local {
            let said = u16_of(&dst, 24).max(u16::from_be_bytes([dst[10], dst[11]]));
            scope = scope.max(said);
            dst[10..12].copy_from_slice(&scope.to_be_bytes());
        }
        if !v4 {
            dst[24..28].fill(0);
        }
        let full = if flags & HOST == 0 { find(MASK) } else { None };
        if let Some(full) = full {
            let start = if v4 { 4 } else { 8 };
            for (byte, mask) in dst.iter_mut().zip(full).skip(start) {
                *byte &= mask;
            }
        }
        let key = (dst.clone(), full.cloned(), scope);
        let echo = |errno: i32| {
            let mut echo = request.to_vec();
            let done = flags | if errno == 0 { DONE } else { 0 };
            echo[8..12].copy_from_slice(&done.to_le_bytes());
            answered(echo, pid, u32_of(request, 20), errno)
        };
        match request[3] {
            1 if self.routes.contains_key(&key) => echo(17),
            1 => {
                let gateway = find(GATE).unwrap().clone();
                let said = find(IFP).unwrap_or(&gateway);
                // rt_setif takes the link of RTA_IFP, or of the gateway that is a link.
                assert_eq!(said[1], 18, "no link is said");
                let index = u16_of(said, 2);
                let mut now = flags | UP;
                if now & (HOST | CLONING) == 0 {
                    now |= PRCLONING;
                }
                if scope != 0 {
                    now |= IFSCOPE;
                }
                let mut slots = vec![(DST, dst), (GATE, gateway)];
                if let Some(full) = full {
                    let start = if v4 { 4 } else { 8 };
                    let bits = full[start..]
                        .iter()
                        .map(|byte| byte.count_ones())
                        .sum::<u32>();
                    slots.push((MASK, mask(v4, u8::try_from(bits).unwrap(), 0xff)));
                    if bits == 0 {
                        now |= GLOBAL;
                    }
                }
                let mut entry = rt(4, index, now, &slots);
                let inits = u32_of(request, 32);
                for place in (0..8).filter(|place| inits & (1 << place) != 0) {
                    assert_ne!(u32_of(request, 36) & (1 << place), 0, "set and not locked");
                    entry = locked(entry, place, u32_of(request, 40 + 4 * place));
                }
                self.routes.insert(key, entry);
                echo(0)
            }
            2 => match self.taken(key) {
                None => echo(3),
                Some(mut gone) => {
                    // The label `report`: the route itself, condemned.
                    gone[3] = 2;
                    let was = u32_of(&gone, 8);
                    let now = (was & !UP) | 0x200_0000 | DONE;
                    gone[8..12].copy_from_slice(&now.to_le_bytes());
                    answered(gone, pid, u32_of(request, 20), 0)
                }
            },
            other => panic!("kind {other}"),
        }
    }

    /// What a delete of `key` takes: without a mask the first of the entries that begin at
    /// the address, which is the host's, or the one with the longest mask (`rn_delete`).
    fn taken(&mut self, key: Key) -> Option<Vec<u8>> {
        let (dst, mask, scope) = &key;
        let mut chain: Vec<&Key> = self.routes.keys().collect();
        chain.retain(|(other, _, of)| mask.is_none() && other == dst && of == scope);
        chain.sort_by_key(|(_, mask, _)| {
            let ones = mask.iter().flat_map(|mask| mask.get(4..)).flatten();
            let ones: u32 = ones.map(|byte| byte.count_ones()).sum();
            (mask.is_some(), u32::MAX - ones)
        });
        let first = chain.first().map(|first| (*first).clone());
        self.routes.remove(&first.unwrap_or(key))
    }

    /// `NET_RT_DUMP`.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.routes.values().flatten().copied().collect()
    }
}
