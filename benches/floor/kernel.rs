//! netlink(7) by hand: dumps that the kernel filters and that are counted as they come,
//! requests of which only the last one is acknowledged, and look-ups of which a
//! thousand are under way.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::libc;

use super::datagrams::{Answers, messages, u16_at, u32_at};
use super::requests::{ACK, DUMP, OURS, Requests, look_up};

const DONE: u16 = libc::NLMSG_DONE as u16;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
/// What may lie unread: more than the answers to a batch.
const ROOM: i32 = 4 << 20;
/// A send of more would be refused by a socket with the default of room.
const BATCH: usize = 64 << 10;

pub(crate) struct Socket {
    descriptor: OwnedFd,
    buffer: Vec<u8>,
}

impl Socket {
    pub(crate) fn open(protocol: i32) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let raw = unsafe { libc::socket(libc::AF_NETLINK, kind, protocol) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = Self {
            // SAFETY: it was opened just now, and nobody else has it.
            descriptor: unsafe { OwnedFd::from_raw_fd(raw) },
            // The kernel fills datagrams of a dump up to 32 KiB.
            buffer: vec![0; 32 * 1024],
        };
        if protocol == libc::NETLINK_ROUTE {
            // Without it the kernel takes no filter of a dump for one.
            socket.set(libc::SOL_NETLINK, libc::NETLINK_GET_STRICT_CHK, 1)?;
        }
        Ok(socket)
    }

    /// Makes room for many answers; without the privilege, as much as anyone has.
    pub(crate) fn widen(&self) -> io::Result<()> {
        self.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, ROOM)
            .or_else(|_| self.set(libc::SOL_SOCKET, libc::SO_RCVBUF, ROOM))
    }

    fn set(&self, level: i32, option: i32, value: i32) -> io::Result<()> {
        let fd = self.descriptor.as_raw_fd();
        // SAFETY: the length is that of the value.
        let set = unsafe {
            libc::setsockopt(
                fd,
                level,
                option,
                (&raw const value).cast(),
                size_of::<i32>() as u32,
            )
        };
        match set {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
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
        each: impl FnMut(u16, u32, &[u8]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let fd = self.descriptor.as_raw_fd();
        let room = self.buffer.len();
        // SAFETY: the length is that of the buffer.
        let length = unsafe { libc::recv(fd, self.buffer.as_mut_ptr().cast(), room, 0) };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        messages(&self.buffer[..length], each)
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

    /// How many routes of main are netprof's, of both families; by reading all of them,
    /// or only what the kernel says is netprof's.
    pub(crate) fn routes(&mut self, protocol: Option<u8>) -> io::Result<usize> {
        let mut header = [0; 12];
        (header[4], header[5]) = (libc::RT_TABLE_MAIN, protocol.unwrap_or_default());
        let mut ours = 0;
        self.dump(libc::RTM_GETROUTE, &header, |body| {
            ours += usize::from(body[5] == OURS);
        })?;
        Ok(ours)
    }

    /// What can undo a route: chains that drop, and IPsec policies.
    pub(crate) fn obstacles() -> io::Result<()> {
        const GET_CHAINS: u16 = (libc::NFNL_SUBSYS_NFTABLES << 8 | libc::NFT_MSG_GETCHAIN) as u16;
        const GET_POLICIES: u16 = 0x15;
        Self::open(libc::NETLINK_NETFILTER)?.dump(GET_CHAINS, &[0; 4], |_| ())?;
        Self::open(libc::NETLINK_XFRM)?.dump(GET_POLICIES, &[], |_| ())
    }

    /// Sends all that `write` is called for, in as few sends as there is room for. Only
    /// the last request is acknowledged, but each that fails says so.
    pub(crate) fn change<T>(
        &mut self,
        all: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Requests, T),
    ) -> io::Result<()> {
        let mut requests = Requests::default();
        for one in all {
            if requests.bytes.len() > BATCH {
                self.send(&requests.bytes)?;
                requests.bytes.clear();
            }
            write(&mut requests, one);
        }
        requests.flag_last(ACK);
        self.send(&requests.bytes)?;
        while !self.receive(|_, sequence, body| {
            refused(body)?;
            Ok(sequence == requests.count)
        })? {}
        Ok(())
    }

    /// Asks for the ways to some addresses, and compares the links they leave by.
    pub(crate) fn ask<'a>(
        &mut self,
        ways: impl IntoIterator<Item = (&'a [u8], u32)>,
    ) -> io::Result<()> {
        const UNDER_WAY: usize = 1024;
        let mut requests = Requests::default();
        let mut links = Vec::with_capacity(UNDER_WAY);
        let mut answers = Answers::new();
        let mut ways = ways.into_iter().peekable();
        while ways.peek().is_some() {
            requests.clear();
            links.clear();
            for (to, link) in ways.by_ref().take(UNDER_WAY) {
                look_up(&mut requests, to);
                links.push(link);
            }
            self.send(&requests.bytes)?;
            let mut left = links.len();
            while left > 0 {
                left -= answers.receive(&self.descriptor, |kind, sequence, body| {
                    if kind == ERROR {
                        refused(body)?;
                    }
                    let by = attribute(body, 12, libc::RTA_OIF).map(|value| u32_at(value, 0));
                    match by == links.get(sequence as usize - 1).copied() {
                        true => Ok(false),
                        false => Err(io::Error::other("a packet would take another way")),
                    }
                })?;
            }
        }
        Ok(())
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
