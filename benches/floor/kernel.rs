//! netlink(7) by hand: dumps that are counted, and requests of which only the last one
//! is acknowledged.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::libc;

pub(crate) const RTM_NEWROUTE: u16 = libc::RTM_NEWROUTE;
pub(crate) const RTM_DELROUTE: u16 = libc::RTM_DELROUTE;
pub(crate) const RTM_NEWRULE: u16 = libc::RTM_NEWRULE;
pub(crate) const RTM_DELRULE: u16 = libc::RTM_DELRULE;
/// CREATE and EXCL: what is there already is an error.
pub(crate) const ADD: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;

const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const DUMP: u16 = REQUEST | libc::NLM_F_DUMP as u16;
const ACK: u16 = libc::NLM_F_ACK as u16;
const DONE: u16 = libc::NLMSG_DONE as u16;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
const HEADER: usize = 16;
/// netprof's own number on routes and rules.
const OURS: u8 = 110;

pub(crate) struct Socket {
    descriptor: OwnedFd,
    buffer: Vec<u8>,
}

/// Requests that go out in one send.
#[derive(Default)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    last: usize,
    count: u32,
}

impl Requests {
    /// Adds a request: its kind, its flags, its fixed header, its attributes.
    pub(crate) fn add(&mut self, kind: u16, flags: u16, header: &[u8], rest: &[(u16, &[u8])]) {
        self.last = self.bytes.len();
        self.count += 1;
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((REQUEST | flags).to_ne_bytes());
        self.bytes.extend(self.count.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(header);
        for (number, value) in rest {
            let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
            self.bytes.extend(length.to_ne_bytes());
            self.bytes.extend(number.to_ne_bytes());
            self.bytes.extend(*value);
            self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        }
        let length = u32::try_from(self.bytes.len() - self.last).unwrap_or(u32::MAX);
        self.bytes[self.last..self.last + 4].copy_from_slice(&length.to_ne_bytes());
    }
}

impl Socket {
    pub(crate) fn open(protocol: i32) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let raw = unsafe { libc::socket(libc::AF_NETLINK, kind, protocol) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: it was opened just now, and nobody else has it.
            descriptor: unsafe { OwnedFd::from_raw_fd(raw) },
            // The kernel fills datagrams of a dump up to 32 KiB.
            buffer: vec![0; 32 * 1024],
        })
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let fd = self.descriptor.as_raw_fd();
        // SAFETY: the length is that of the slice.
        let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Receives a datagram, and calls `each` on its messages until it says that it was
    /// the last one.
    fn receive(
        &mut self,
        mut each: impl FnMut(u16, u32, &[u8]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let fd = self.descriptor.as_raw_fd();
        let room = self.buffer.len();
        // SAFETY: the length is that of the buffer.
        let length = unsafe { libc::recv(fd, self.buffer.as_mut_ptr().cast(), room, 0) };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        let mut rest = &self.buffer[..length];
        while rest.len() >= HEADER {
            let size = u32_at(rest, 0) as usize;
            if each(u16_at(rest, 4), u32_at(rest, 8), &rest[HEADER..size])? {
                return Ok(true);
            }
            rest = &rest[size.next_multiple_of(4).min(rest.len())..];
        }
        Ok(false)
    }

    /// Dumps, and calls `each` on the body of every message.
    pub(crate) fn dump(
        &mut self,
        kind: u16,
        header: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        // The counters of links are most of their bytes, and nobody wants them.
        let skip_counters = (libc::IFLA_EXT_MASK, &8_u32.to_ne_bytes()[..]);
        let rest = [skip_counters];
        let of_links = kind == libc::RTM_GETLINK;
        let mut requests = Requests::default();
        requests.add(kind, DUMP, header, &rest[..usize::from(of_links)]);
        self.send(&requests.bytes)?;
        while !self.receive(|kind, _, body| match kind {
            DONE => Ok(true),
            ERROR => refused(body).map(|()| true),
            _ => {
                each(body);
                Ok(false)
            }
        })? {}
        Ok(())
    }

    /// The links: which number a name has.
    pub(crate) fn links(&mut self) -> io::Result<HashMap<String, u32>> {
        let mut links = HashMap::new();
        self.dump(libc::RTM_GETLINK, &[0; 16], |body| {
            if let Some(name) = attribute(body, 16, libc::IFLA_IFNAME) {
                let name = String::from_utf8_lossy(name);
                links.insert(name.trim_end_matches('\0').to_owned(), u32_at(body, 4));
            }
        })?;
        Ok(links)
    }

    pub(crate) fn addresses(&mut self) -> io::Result<usize> {
        let mut count = 0;
        self.dump(libc::RTM_GETADDR, &[0; 8], |_| count += 1)?;
        Ok(count)
    }

    /// How many rules are netprof's.
    pub(crate) fn rules(&mut self) -> io::Result<usize> {
        const FRA_PROTOCOL: u16 = 21;
        let mut ours = 0;
        self.dump(libc::RTM_GETRULE, &[0; 12], |body| {
            ours += usize::from(attribute(body, 12, FRA_PROTOCOL) == Some(&[OURS]));
        })?;
        Ok(ours)
    }

    /// How many routes are netprof's.
    pub(crate) fn routes(&mut self) -> io::Result<usize> {
        let mut ours = 0;
        self.dump(libc::RTM_GETROUTE, &[0; 12], |body| {
            ours += usize::from(body[5] == OURS);
        })?;
        Ok(ours)
    }

    /// Sends all requests; only the last one is acknowledged, but each that fails says so.
    pub(crate) fn change(&mut self, mut requests: Requests) -> io::Result<()> {
        let flags = requests.last + 6;
        requests.bytes[flags] |= ACK as u8;
        self.send(&requests.bytes)?;
        while !self.receive(|_, sequence, body| {
            refused(body)?;
            Ok(sequence == requests.count)
        })? {}
        Ok(())
    }

    /// Asks for the ways to some addresses, and compares the links they leave by.
    pub(crate) fn ask(&mut self, ways: &[(&[u8], u32)]) -> io::Result<()> {
        let mut requests = Requests::default();
        for (to, _) in ways {
            let mut header = [0; 12];
            header[0] = family(to);
            header[1] = (to.len() * 8) as u8;
            requests.add(libc::RTM_GETROUTE, 0, &header, &[(libc::RTA_DST, to)]);
        }
        self.send(&requests.bytes)?;
        let mut left = ways.len();
        while left > 0 {
            self.receive(|kind, sequence, body| {
                if kind == ERROR {
                    refused(body)?;
                }
                let by = attribute(body, 12, libc::RTA_OIF).map(|value| u32_at(value, 0));
                let wanted = ways.get(sequence as usize - 1).map(|(_, link)| *link);
                if by != wanted {
                    return Err(io::Error::other("a packet would take another way"));
                }
                left -= 1;
                Ok(false)
            })?;
        }
        Ok(())
    }
}

/// A rule `to PREFIX lookup main suppress_prefixlength LENGTH-1` at 110.
pub(crate) fn rule(requests: &mut Requests, kind: u16, flags: u16, to: &[u8], length: u8) {
    const TO_TABLE: u8 = 1;
    let header = [
        family(to),
        length,
        0,
        0,
        libc::RT_TABLE_MAIN,
        0,
        0,
        TO_TABLE,
        0,
        0,
        0,
        0,
    ];
    let suppress = u32::from(length - 1).to_ne_bytes();
    let priority = 110_u32.to_ne_bytes();
    // FRA_DST, FRA_PRIORITY, FRA_SUPPRESS_PREFIXLEN, FRA_PROTOCOL of linux/fib_rules.h
    let rest: [(u16, &[u8]); 4] = [(1, to), (6, &priority), (14, &suppress), (21, &[OURS])];
    requests.add(kind, flags, &header, &rest);
}

/// A route in main.
pub(crate) fn route(
    requests: &mut Requests,
    (kind, flags): (u16, u16),
    (to, length): ([u8; 4], u8),
    (via, link): ([u8; 4], u32),
    metric: u32,
) {
    let header = [
        family(&to),
        length,
        0,
        0,
        libc::RT_TABLE_MAIN,
        OURS,
        0,
        libc::RTN_UNICAST,
        0,
        0,
        0,
        0,
    ];
    let (link, metric) = (link.to_ne_bytes(), metric.to_ne_bytes());
    let rest: [(u16, &[u8]); 4] = [
        (libc::RTA_DST, &to),
        (libc::RTA_GATEWAY, &via),
        (libc::RTA_OIF, &link),
        (libc::RTA_PRIORITY, &metric),
    ];
    requests.add(kind, flags, &header, &rest);
}

fn family(address: &[u8]) -> u8 {
    match address.len() {
        4 => libc::AF_INET as u8,
        _ => libc::AF_INET6 as u8,
    }
}

/// The body of an NLMSG_ERROR begins with an errno; 0 is an acknowledgement.
fn refused(body: &[u8]) -> io::Result<()> {
    match u32_at(body, 0).cast_signed() {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(-errno)),
    }
}

fn attribute(body: &[u8], header: usize, wanted: u16) -> Option<&[u8]> {
    let mut rest = body.get(header..)?;
    while rest.len() >= 4 {
        let size = usize::from(u16_at(rest, 0));
        if u16_at(rest, 2) == wanted {
            return rest.get(4..size);
        }
        rest = rest.get(size.max(4).next_multiple_of(4)..)?;
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
