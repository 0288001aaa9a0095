//! A netlink socket: requests out, whole answers in.
//!
//! What can go wrong between kernel and reader is dealt with here, so that nobody
//! above gets half an answer: a dump during which something changed
//! (NLM_F_DUMP_INTR) is read anew, at most [`ATTEMPTS`] times; a datagram larger
//! than the buffer is noticed (MSG_TRUNC) and read anew with a larger one; what
//! was dropped for lack of room (ENOBUFS) is an error or is read anew; answers of
//! others are passed over (port 0 is the kernel, and the sequence number is
//! checked); and nothing waits longer than [`PATIENCE`]. See netlink(7).

use std::convert::Infallible;
use std::io::{self, IoSliceMut};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::time::Duration;

use netlink_sys::{Socket as Descriptor, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, NetlinkAddr, recvmmsg, setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::Error;
use super::answer;
use super::numbers::*;
use super::wire::{Malformed, Message, Messages, Requests, Unwritable};

pub use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_XFRM};

/// How often a dump that was disturbed is read.
pub const ATTEMPTS: usize = 5;

/// How long to wait for one datagram.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The kernel fills datagrams of a dump up to 32 KiB (`netlink_dump`); a single
/// message that is longer is noticed, and then the buffer grows.
const BUFFER: usize = 64 * 1024;

/// Short answers, each a datagram, that are received by one call, and room for each of them:
/// the kernel says what it has to say of one route in some hundred bytes.
const AT_ONCE: usize = 32;
const SHORT: usize = BUFFER / AT_ONCE;

/// Room for the acknowledgements of one batch, each of which counts as about 1 KiB
/// however short it is.
const ROOM: usize = 4 << 20;

/// How many requests at least go out before their answers are read.
const LEAST: usize = 8;

/// A socket of one netlink protocol.
#[derive(Debug)]
pub struct Socket {
    descriptor: Descriptor,
    protocol: isize,
    sequence: u32,
    buffer: Vec<u8>,
    requests: Requests,
    /// An answer was not read to its end: the rest of it may still come.
    unfinished: bool,
    roomy: Option<usize>,
    /// Room for each of many answers that are received by one call; none where each is
    /// received by itself.
    pub(super) short: Option<usize>,
}

enum Dumped<B> {
    Whole,
    Disturbed,
    Broken(B),
}

impl Socket {
    /// Opens a socket.
    pub fn open(protocol: isize) -> Result<Self, Error> {
        Ok(Self {
            descriptor: descriptor(protocol).map_err(|source| Error::Open { source })?,
            protocol,
            sequence: 0,
            buffer: Vec::with_capacity(BUFFER),
            requests: Requests::default(),
            unfinished: false,
            roomy: None,
            short: Some(SHORT),
        })
    }

    /// How many requests may go out before their answers are read: as many as
    /// there is room for if every one is answered, on the socket that they go out on.
    pub fn window(&mut self) -> usize {
        // One that cannot be opened fails the send, too, where it is said.
        if self.refresh().is_err() {
            return LEAST;
        }
        let room = *self.roomy.get_or_insert_with(|| {
            // Beyond rmem_max only with CAP_NET_ADMIN; else as much as there is.
            if setsockopt(&self.descriptor, sockopt::RcvBufForce, &ROOM).is_err() {
                let _ = setsockopt(&self.descriptor, sockopt::RcvBuf, &ROOM);
            }
            self.descriptor.get_rx_buf_sz().unwrap_or(64 * 1024)
        });
        (room / 4096).clamp(LEAST, 1024)
    }

    /// The number of the next request.
    pub fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends requests.
    pub fn send(&mut self, requests: &Requests, operation: &'static str) -> Result<(), Error> {
        self.send_bytes(requests.bytes(), operation)
    }

    fn send_bytes(&self, bytes: &[u8], operation: &'static str) -> Result<(), Error> {
        match self.descriptor.send(bytes, 0) {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Send { operation, source }),
        }
    }

    /// Throws away what may still come of an answer that was not read to its end.
    pub fn refresh(&mut self) -> Result<(), Error> {
        if self.unfinished {
            self.descriptor = descriptor(self.protocol).map_err(|source| Error::Open { source })?;
            self.roomy = None;
            self.unfinished = false;
        }
        Ok(())
    }

    /// Marks that an answer is on its way, or was given up.
    pub fn give_up(&mut self) {
        self.unfinished = true;
    }

    /// Marks that an answer was read to its end.
    pub fn finished(&mut self) {
        self.unfinished = false;
    }

    /// Receives one datagram of the kernel's.
    pub fn receive(&mut self, operation: &'static str) -> Result<&[u8], Error> {
        loop {
            self.buffer.clear();
            let received = self
                .descriptor
                .recv_from(&mut self.buffer, MsgFlags::MSG_TRUNC.bits());
            match received {
                Ok((_, sender)) if sender.port_number() != 0 => {}
                Ok((length, _)) if length > self.buffer.len() => {
                    self.buffer.clear();
                    self.buffer.reserve(length);
                    return Err(Error::Overrun { operation });
                }
                Ok(_) => return Ok(&self.buffer),
                Err(source) => unless_interrupted(source, operation)?,
            }
        }
    }

    /// Receives datagrams of the kernel's that are short: waits for one, and takes all that
    /// are there, or many of them. Where one is too long, a part of it is lost.
    pub fn receive_short(
        &mut self,
        operation: &'static str,
    ) -> Result<impl Iterator<Item = &[u8]>, Error> {
        let (room, lengths) = match self.receive_many(operation)? {
            Some(received) => received,
            None => {
                let length = self.receive(operation)?.len();
                (length.max(1), vec![length])
            }
        };
        let rooms = self.buffer.chunks_exact(room).zip(lengths);
        Ok(rooms.map(|(room, length)| &room[..length]))
    }

    /// Receives each answer by itself from now on, however long it is. Whether it was
    /// otherwise until now.
    pub fn receive_one_by_one(&mut self) -> bool {
        self.short.take().is_some()
    }

    /// The room for each datagram in the buffer, and how long each is; none where each is
    /// to be received by itself.
    fn receive_many(
        &mut self,
        operation: &'static str,
    ) -> Result<Option<(usize, Vec<usize>)>, Error> {
        while let Some(room) = self.short {
            self.buffer.resize(AT_ONCE * room, 0);
            let rooms = self.buffer.chunks_exact_mut(room);
            let mut rooms: Vec<_> = rooms.map(|room| [IoSliceMut::new(room)]).collect();
            let mut heads = MultiHeaders::<NetlinkAddr>::preallocate(AT_ONCE, None);
            let socket = self.descriptor.as_raw_fd();
            let wait = MsgFlags::MSG_WAITFORONE;
            match recvmmsg(socket, &mut heads, rooms.iter_mut(), wait, None) {
                Ok(all) => {
                    let mut lengths = Vec::with_capacity(AT_ONCE);
                    for one in all {
                        if one.flags.contains(MsgFlags::MSG_TRUNC) {
                            return Err(Error::Overrun { operation });
                        }
                        let is_kernels = one.address.is_some_and(|sender| sender.pid() == 0);
                        lengths.push(if is_kernels { one.bytes } else { 0 });
                    }
                    return Ok(Some((room, lengths)));
                }
                // A kernel without the call, or a seccomp(2) that does not know it.
                Err(Errno::ENOSYS | Errno::EPERM) => self.short = None,
                Err(errno) => unless_interrupted(errno.into(), operation)?,
            }
        }
        Ok(None)
    }

    /// Dumps, and calls `each` on every message. A dump that was disturbed begins
    /// anew with a `fresh` collection.
    pub fn dump<T>(
        &mut self,
        operation: &'static str,
        request: impl Fn(&mut Requests, u32) -> Result<(), Unwritable>,
        fresh: impl Fn() -> T,
        mut each: impl FnMut(&mut T, &Message<'_>) -> Result<(), Malformed>,
    ) -> Result<T, Error> {
        let goes_on = |collection: &mut T, message: &Message<'_>| {
            each(collection, message).map(ControlFlow::Continue)
        };
        let read = self.dump_until::<T, Infallible>(operation, request, fresh, goes_on)?;
        let ControlFlow::Continue(all) = read;
        Ok(all)
    }

    /// The same, which ends with what `each` breaks off with, where it does: the rest is
    /// not waited for.
    pub fn dump_until<T, B>(
        &mut self,
        operation: &'static str,
        request: impl Fn(&mut Requests, u32) -> Result<(), Unwritable>,
        fresh: impl Fn() -> T,
        mut each: impl FnMut(&mut T, &Message<'_>) -> Result<ControlFlow<B>, Malformed>,
    ) -> Result<ControlFlow<B, T>, Error> {
        for attempt in 0..ATTEMPTS {
            pause_before(attempt);
            let mut collection = fresh();
            self.refresh()?;
            let sequence = self.next_sequence();
            let mut requests = std::mem::take(&mut self.requests);
            requests.clear();
            request(&mut requests, sequence)
                .map_err(|source| Error::Encode { operation, source })?;
            let sent = self.send_bytes(requests.bytes(), operation);
            self.requests = requests;
            sent?;
            self.unfinished = true;
            match self.read_dump(operation, sequence, &mut |message| {
                each(&mut collection, message)
            }) {
                Ok(Dumped::Whole) => {
                    self.unfinished = false;
                    return Ok(ControlFlow::Continue(collection));
                }
                Ok(Dumped::Broken(with)) => return Ok(ControlFlow::Break(with)),
                Ok(Dumped::Disturbed) => self.unfinished = false,
                Err(Error::Overrun { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(Error::Unsteady { operation })
    }

    /// Asks for what the kernel answers with one message. What `each` finds is it.
    pub fn ask<T>(
        &mut self,
        operation: &'static str,
        request: impl Fn(&mut Requests, u32) -> Result<(), Unwritable>,
        each: impl Fn(&Message<'_>) -> Result<Option<T>, Malformed>,
    ) -> Result<T, Error> {
        let answer = |(): &mut (), message: &Message<'_>| {
            Ok(each(message)?.map_or(ControlFlow::Continue(()), ControlFlow::Break))
        };
        match self.dump_until(operation, request, || (), answer)? {
            ControlFlow::Break(found) => {
                // Nothing comes behind it.
                self.unfinished = false;
                Ok(found)
            }
            ControlFlow::Continue(()) => Err(Error::Decode {
                operation,
                source: Malformed("answer"),
            }),
        }
    }

    fn read_dump<B>(
        &mut self,
        operation: &'static str,
        sequence: u32,
        each: &mut impl FnMut(&Message<'_>) -> Result<ControlFlow<B>, Malformed>,
    ) -> Result<Dumped<B>, Error> {
        let mut end = Dumped::Whole;
        let malformed = |source| Error::Decode { operation, source };
        loop {
            for message in Messages::new(self.receive(operation)?) {
                let message = message.map_err(malformed)?;
                if message.sequence != sequence {
                    continue;
                }
                if message.flags & NLM_F_DUMP_INTR != 0 {
                    end = Dumped::Disturbed;
                }
                let refused = match message.kind {
                    NLMSG_DONE => answer::decode_done(&message),
                    NLMSG_ERROR => answer::decode(&message).map_err(malformed)?,
                    _ => match each(&message).map_err(malformed)? {
                        ControlFlow::Continue(()) => continue,
                        ControlFlow::Break(with) => return Ok(Dumped::Broken(with)),
                    },
                };
                return match refused {
                    Ok(()) => Ok(end),
                    Err(source) => {
                        self.unfinished = false;
                        Err(Error::Refused { operation, source })
                    }
                };
            }
        }
    }
}

/// Why nothing could be received; nothing, if it can be tried again.
fn unless_interrupted(source: io::Error, operation: &'static str) -> Result<(), Error> {
    match Errno::from_raw(source.raw_os_error().unwrap_or(0)) {
        Errno::EINTR => Ok(()),
        Errno::EAGAIN => Err(Error::TimedOut { operation }),
        Errno::ENOBUFS => Err(Error::Overrun { operation }),
        _ => Err(Error::Receive { operation, source }),
    }
}

/// Lets what disturbs a dump come to its end: 1, 2, 4 and 8 ms before each further
/// attempt.
pub(super) fn pause_before(attempt: usize) {
    if let Some(further) = attempt.checked_sub(1) {
        std::thread::sleep(Duration::from_millis(1 << further.min(10)));
    }
}

/// The kernel binds the socket at its first send (`netlink_autobind`). The options
/// are refinements: a kernel that lacks one is read without it.
fn descriptor(protocol: isize) -> io::Result<Descriptor> {
    let descriptor = Descriptor::new(protocol)?;
    let _ = descriptor.set_ext_ack(true);
    let _ = descriptor.set_cap_ack(true);
    if protocol == NETLINK_ROUTE {
        let _ = descriptor.set_netlink_get_strict_chk(true);
    }
    let patience = TimeVal::new(PATIENCE.as_secs().cast_signed(), 0);
    setsockopt(&descriptor, sockopt::ReceiveTimeout, &patience)?;
    // Only the kernel is talked to.
    descriptor.connect(&SocketAddr::new(0, 0))?;
    Ok(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::link;

    fn links(socket: &mut Socket) -> Vec<String> {
        let read = socket.dump("read the links", link::dump, Vec::new, |names, message| {
            if message.kind == RTM_NEWLINK {
                names.push(link::decode(message.payload)?.name);
            }
            Ok(())
        });
        read.expect("links can be read")
    }

    #[test]
    fn a_datagram_larger_than_the_buffer_is_read_anew() {
        let mut socket = Socket::open(NETLINK_ROUTE).unwrap();
        socket.buffer = Vec::with_capacity(100);
        assert!(links(&mut socket).contains(&"lo".to_owned()));
        assert!(socket.buffer.capacity() > 100);
    }

    #[test]
    fn an_answer_that_was_given_up_does_not_mix_with_the_next() {
        let mut socket = Socket::open(NETLINK_ROUTE).unwrap();
        let failed = socket.dump(
            "read the links",
            link::dump,
            || (),
            |(), _| Err(Malformed("test")),
        );
        assert!(matches!(failed, Err(Error::Decode { .. })));
        let names = links(&mut socket);
        assert_eq!(names.iter().filter(|name| *name == "lo").count(), 1);
    }

    #[test]
    fn a_new_socket_has_the_room_that_is_counted_on() {
        let mut socket = Socket::open(NETLINK_ROUTE).unwrap();
        let before = socket.window();
        socket.give_up();
        let window = socket.window();
        socket.refresh().unwrap();
        let room = socket.descriptor.get_rx_buf_sz().unwrap();
        assert_eq!(window, before);
        assert!(room / 4096 >= window, "{room} bytes for {window} answers");
    }

    #[test]
    fn nothing_waits_longer_than_two_seconds() {
        let mut socket = Socket::open(NETLINK_ROUTE).unwrap();
        let start = std::time::Instant::now();
        let silence = socket.receive("hear something").unwrap_err();
        assert!(matches!(silence, Error::TimedOut { .. }));
        assert!(start.elapsed() < PATIENCE * 2);
        assert_eq!(
            silence.to_string(),
            "cannot hear something: no answer within 2 seconds"
        );
    }
}
