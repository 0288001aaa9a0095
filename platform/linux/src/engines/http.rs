//! One question over HTTP to a daemon behind a Unix socket, with an end to every wait.
//!
//! HTTP/1.0 (RFC 1945): the answer has no chunks, and ends where the connection does.
//! Nothing is asked through a proxy, redirected or kept open, so there is nothing here
//! that a library would be needed for.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The longest answer that is read: a container takes some two kilobytes of a list.
const LONGEST: usize = 4 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its status, such as 200.
    pub(super) status: u16,
    /// The version of the interface, which Docker says in each answer.
    pub(super) api_version: Option<(u32, u32)>,
    /// What it says.
    pub(super) body: Vec<u8>,
}

/// Asks who listens at `path` for `what`, and has the answer before `end`.
///
/// # Errors
///
/// Nobody listens, nothing comes in time, or it is no HTTP.
pub(super) fn get(path: &Path, what: &str, end: Instant) -> io::Result<Answer> {
    let mut stream = open(path, left(end)?)?;
    stream.set_write_timeout(Some(left(end)?))?;
    let asked = format!("GET {what} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(asked.as_bytes())?;
    let mut bytes = Vec::new();
    let mut room = [0; 1 << 14];
    loop {
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut room) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&room[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(too_late()),
            Err(error) => return Err(error),
        }
        if bytes.len() > LONGEST {
            return Err(io::Error::other(format!(
                "it answers with more than {LONGEST} bytes"
            )));
        }
    }
    parse(&bytes).ok_or_else(|| io::Error::other("it answers with what is no HTTP"))
}

/// The time until `end`, which a socket must not be told to be none: that means for ever
/// (socket(7), SO_RCVTIMEO).
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left < Duration::from_micros(1) {
        return Err(too_late());
    }
    Ok(left)
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time")
}

/// A connection. Where too many wait to be accepted, connect(2) waits for as long as a write
/// may take (unix_stream_connect in net/unix/af_unix.c).
fn open(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let place = UnixAddr::new(path)?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let microseconds = i64::try_from(patience.as_micros()).unwrap_or(i64::MAX);
    let patience = TimeVal::microseconds(microseconds);
    setsockopt(&socket, sockopt::SendTimeout, &patience)?;
    loop {
        match connect(socket.as_raw_fd(), &place) {
            Ok(()) => return Ok(socket.into()),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Err(too_late()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    first.next()?.strip_prefix("HTTP/1.")?;
    let status = first.next()?.parse().ok()?;
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let version = fields.find(|(name, _)| name.eq_ignore_ascii_case("Api-Version"));
    let api_version = version.and_then(|(_, version)| {
        let (major, minor) = version.trim().split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    Some(Answer {
        status,
        api_version,
        body: bytes[end + 4..].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// What is read of a server that says `said` and closes, once it was asked.
    fn answer(said: &[u8]) -> io::Result<Answer> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let said = said.to_vec();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            let _ = stream.write_all(&said);
            String::from_utf8(asked).unwrap()
        });
        let answer = get(&path, "/info", Instant::now() + Duration::from_secs(20));
        assert!(server.join().unwrap().starts_with("GET /info HTTP/1.0\r\n"));
        answer
    }

    #[test]
    fn an_answer_ends_with_its_connection() {
        let said = b"HTTP/1.0 200 OK\r\nApi-version: 1.41\r\nServer: x\r\n\r\n{\"a\":1}\n";
        let read = answer(said).unwrap();
        assert_eq!((read.status, read.api_version), (200, Some((1, 41))));
        assert_eq!(read.body, b"{\"a\":1}\n");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for said in [
            &b""[..],
            b"HTTP/1.0 200 OK\r\n",
            b"SSH-2.0-x\r\n\r\n",
            b"HTTP/1.1 ok\r\n\r\n",
        ] {
            assert!(answer(said).is_err());
        }
        let too_long = [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), vec![b' '; LONGEST]].concat();
        assert!(
            answer(&too_long)
                .unwrap_err()
                .to_string()
                .contains("more than")
        );
    }

    #[test]
    fn who_does_not_answer_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let late = get(&path, "/info", Instant::now() + Duration::from_millis(20));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let late = get(&path, "/info", Instant::now());
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(
            get(
                &folder.path().join("nobody"),
                "/info",
                Instant::now() + Duration::from_secs(20)
            )
            .is_err()
        );
    }
}
