//! A socket to the bus: bytes out, messages in, and no wait without an end.
//!
//! Nothing is waited for before the first calls go out. A client may only say BEGIN when
//! the bus has said OK (D-Bus specification, 'Authentication state diagrams'), but who is
//! let in by the credentials of its socket is never refused for what it sent too early:
//! dbus-daemon and dbus-broker read on where the line ends, and libsystemd's own clients
//! have sent it so from the beginning (`bus_socket_start_auth_client`). So what a client
//! says of itself, Hello and the first calls are one write.
//!
//! File descriptors are not negotiated, so a bus passes on no message that carries any.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::address::Address;
use crate::dbus::{Kind, Malformed, Message};

/// The longest message that is kept. Each server and each domain of a link takes some
/// forty bytes of an answer, so this is room for tens of thousands, while D-Bus itself
/// would allow 128 MiB to whoever wants this process to run out of memory.
pub(super) const LONGEST: usize = 1 << 20;

/// The longest header. It holds six names, and names have 255 bytes at most; paths have
/// no limit of their own.
const LONGEST_HEADER: usize = 1 << 16;

/// The longest line that the bus may say before messages begin. It says 'OK' and 32
/// digits.
const LONGEST_LINE: usize = 1 << 12;

/// How much is read at once.
const CHUNK: usize = 1 << 14;

/// Why nothing comes any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The time is over. More may come.
    TimeOver,
    /// The other side has closed the connection.
    HungUp,
    /// It says what no bus says.
    Garbage(String),
}

/// What has come.
#[derive(Debug)]
pub(super) enum Incoming {
    Message(Message),
    /// A message that is too long to be kept: what it is, and its length.
    TooLong(Kind, usize),
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    /// What is to be sent.
    out: Vec<u8>,
    /// What has come, from `at` on.
    came: Vec<u8>,
    at: usize,
    /// How much of a message that is too long is still to come.
    to_skip: usize,
    /// The bus has asked who we are, or has not needed to.
    has_asked: bool,
    /// The bus has said that we may talk to it.
    let_in: bool,
}

impl Connection {
    /// Connects, and begins what is to be sent with who we are.
    ///
    /// # Errors
    ///
    /// Nobody listens there, or nobody accepts within `patience`.
    pub(super) fn open(address: &Address, patience: Duration) -> io::Result<Self> {
        let place = match address {
            Address::Path(path) => UnixAddr::new(path)?,
            Address::Abstract(name) => UnixAddr::new_abstract(name)?,
        };
        let socket = socket(
            AddressFamily::Unix,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        // Where too many wait to be accepted, connect(2) waits for as long as a write
        // may take (unix_stream_connect in net/unix/af_unix.c).
        let microseconds = i64::try_from(patience.as_micros()).unwrap_or(i64::MAX);
        setsockopt(
            &socket,
            sockopt::SendTimeout,
            &TimeVal::microseconds(microseconds.max(1)),
        )?;
        loop {
            match connect(socket.as_raw_fd(), &place) {
                Err(Errno::EINTR) => {}
                other => break other?,
            }
        }
        Ok(Self {
            socket,
            out: GREETING.to_vec(),
            came: Vec::new(),
            at: 0,
            to_skip: 0,
            has_asked: false,
            let_in: false,
        })
    }

    /// Adds to what is to be sent.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Sends as much as goes without waiting.
    pub(super) fn flush(&mut self) {
        while !self.out.is_empty() {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(self.socket.as_raw_fd(), &self.out, flags) {
                Ok(sent) => drop(self.out.drain(..sent)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                // It has hung up. What it said before that is still to be read.
                Err(_) => self.out.clear(),
            }
        }
    }

    /// Whether all has been sent and read, and the other side still listens. What has
    /// come meanwhile is dropped: nobody waits for it.
    pub(super) fn is_idle(&mut self) -> bool {
        let mut most = LONGEST;
        loop {
            match self.parse() {
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(_) => return false,
            }
            match self.read() {
                Ok(0) => return false,
                Ok(length) if length < most => most -= length,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    return self.let_in && self.out.is_empty() && self.at == self.came.len();
                }
                // More than a bus says to who listens to nothing.
                Ok(_) | Err(_) => return false,
            }
        }
    }

    /// The next message, waiting for it until `end`. What has come is looked at even
    /// when the time is over, unless somebody has `looked` since.
    pub(super) fn next(&mut self, end: Instant, looked: &mut bool) -> Result<Incoming, Broken> {
        loop {
            match self.parse() {
                Ok(Some(incoming)) => return Ok(incoming),
                Ok(None) => {}
                Err(why) => return Err(Broken::Garbage(why)),
            }
            self.flush();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() && std::mem::replace(looked, true) {
                return Err(Broken::TimeOver);
            }
            if !self.wait(left)? {
                continue;
            }
            match self.read() {
                Ok(0) | Err(Errno::ECONNRESET) => return Err(Broken::HungUp),
                Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(Broken::Garbage(error.desc().to_owned())),
            }
        }
    }

    /// Waits until there is something to read, or room to write what is left. Whether
    /// there is something to read.
    fn wait(&self, time: Duration) -> Result<bool, Broken> {
        let mut events = PollFlags::POLLIN;
        if !self.out.is_empty() {
            events |= PollFlags::POLLOUT;
        }
        // Rounded up: an end that is less than a millisecond away is not now.
        let time = time.saturating_add(Duration::from_micros(999));
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        let mut sockets = [PollFd::new(self.socket.as_fd(), events)];
        match poll(&mut sockets, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Broken::Garbage(error.desc().to_owned())),
        }
        let came = sockets.iter().filter_map(PollFd::revents);
        let to_read = PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR;
        Ok(came.into_iter().any(|flags| flags.intersects(to_read)))
    }

    fn read(&mut self) -> Result<usize, Errno> {
        if self.at > 0 {
            self.came.drain(..self.at);
            self.at = 0;
        }
        let start = self.came.len();
        self.came.resize(start + CHUNK, 0);
        let room = self.came.get_mut(start..).unwrap_or_default();
        let read = recv(self.socket.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT);
        self.came.truncate(start + read.unwrap_or(0));
        read
    }

    /// The next message of what has come; none where more must come.
    fn parse(&mut self) -> Result<Option<Incoming>, String> {
        if !self.let_in && !self.read_lines()? {
            return Ok(None);
        }
        let here = self.came.len() - self.at;
        let skipped = self.to_skip.min(here);
        self.at += skipped;
        self.to_skip -= skipped;
        let rest = self.came.get(self.at..).unwrap_or_default();
        let garbled = |error: Malformed| format!("what it sent is no message: {error}");
        let Some((length, header)) = Message::lengths(rest).map_err(garbled)? else {
            return Ok(None);
        };
        if header > LONGEST_HEADER {
            return Err(format!("it sent a header of {header} bytes"));
        }
        let kept = if length > LONGEST { header } else { length };
        let Some(kept) = rest.get(..kept) else {
            return Ok(None);
        };
        let message = Message::parse(kept.to_vec()).map_err(garbled)?;
        self.at += kept.len();
        self.to_skip = length - kept.len();
        Ok(Some(if length > LONGEST {
            Incoming::TooLong(message.kind(), length)
        } else {
            Incoming::Message(message)
        }))
    }

    /// What the bus says before messages begin. Whether it has said it.
    fn read_lines(&mut self) -> Result<bool, String> {
        loop {
            let said = self.came.get(self.at..).unwrap_or_default();
            let Some(length) = said.windows(2).position(|two| two == b"\r\n") else {
                if said.len() > LONGEST_LINE {
                    return Err("it is no bus".to_owned());
                }
                return Ok(false);
            };
            let line = said.get(..length).unwrap_or_default();
            self.let_in = line.starts_with(b"OK ");
            // To AUTH without a name, before it has read on.
            let asks = !self.has_asked && matches!(line, b"DATA" | b"DATA ");
            if !self.let_in && !asks {
                let line = String::from_utf8_lossy(line);
                let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
                return Err(format!("it does not let us in: {line}"));
            }
            self.at += length + 2;
            self.has_asked = true;
            if self.let_in {
                return Ok(true);
            }
        }
    }
}

/// That the bus shall go by the credentials of the socket, and that messages follow
/// (D-Bus specification, 'Authentication Mechanisms', EXTERNAL). No user is named: in a
/// user namespace we have another number here than the bus has for us, which then
/// refuses the one that we know (user_namespaces(7)). sd-bus says the same.
const GREETING: &[u8] = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
