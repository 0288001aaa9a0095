//! Two hundred kilobytes over TCP, from or to a peer: enough that packets of the largest
//! size must pass, where a greeting of a few bytes passes anywhere.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use super::{Lab, Peer};

const BYTES: usize = 200_000;
const GREETING: &[u8; 3] = b"hi\n";
/// How long nothing may move before it counts as stuck. The kernel sends a lost segment again
/// after 0.2 s, and after twice that each further time (RFC 6298).
const PATIENCE: Duration = Duration::from_secs(4);

/// Which way the bytes go, as whoever connects sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Up,
    Down,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// All of it arrived.
    Whole,
    /// The connection was made and the greeting came; of the rest not all did, and then
    /// nothing moved any more.
    Stuck,
    /// There was no connection.
    Refused,
}

impl Peer<'_> {
    /// A service that greets, and then takes or sends the bytes.
    pub(crate) fn exchange_tcp(&self, address: &str) {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let namespace = self.own_namespace();
        let name = self.name();
        let (ready, is_ready) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let listener = enter(&namespace).and_then(|()| TcpListener::bind(address));
            let _ = ready.send(listener.as_ref().map(drop).map_err(ToString::to_string));
            for stream in listener.iter().flat_map(TcpListener::incoming).flatten() {
                // One that is stuck does not hold up the next.
                thread::spawn(move || serve(stream));
            }
        });
        let result = is_ready.recv().expect("the thread answers");
        result.unwrap_or_else(|error| panic!("{name}: {address}: {error}"));
    }

    /// Moves the bytes between this peer and such a service.
    pub(crate) fn transfer(&self, load: Load, to: &str) -> Transfer {
        run(Some(self.own_namespace()), load, to)
    }

    fn own_namespace(&self) -> File {
        File::open(format!("/run/netns/{}", self.name())).expect("the peer is there")
    }
}

impl Lab {
    /// Moves the bytes between the workstation and such a service.
    pub(crate) fn transfer(&self, load: Load, to: &str) -> Transfer {
        run(None, load, to)
    }
}

fn enter(namespace: &File) -> io::Result<()> {
    Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(GREETING)?;
    let mut load = [0];
    stream.read_exact(&mut load)?;
    match load {
        [b'u'] => {
            take(&mut stream)?;
            stream.write_all(GREETING)
        }
        _ => stream.write_all(&[b'x'; BYTES]),
    }
}

fn take(stream: &mut TcpStream) -> io::Result<()> {
    let mut all = vec![0; BYTES];
    stream.read_exact(&mut all)
}

/// In a thread, whose namespace is its own.
fn run(namespace: Option<File>, load: Load, to: &str) -> Transfer {
    let to: SocketAddr = to.parse().expect("an address and a port");
    let client = move || {
        if let Some(namespace) = &namespace {
            enter(namespace).expect("the namespace can be entered");
        }
        let greeted = TcpStream::connect_timeout(&to, PATIENCE).and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            let mut greeting = [0; GREETING.len()];
            stream.read_exact(&mut greeting).map(|()| stream)
        });
        let Ok(mut stream) = greeted else {
            return Transfer::Refused;
        };
        match move_bytes(&mut stream, load) {
            Ok(()) => Transfer::Whole,
            Err(error) if is_timeout(&error) => Transfer::Stuck,
            Err(error) => panic!("{load:?} {to}: {error}"),
        }
    };
    thread::spawn(client).join().expect("it does not panic")
}

fn move_bytes(stream: &mut TcpStream, load: Load) -> io::Result<()> {
    match load {
        Load::Up => {
            stream.write_all(b"u")?;
            stream.write_all(&[b'x'; BYTES])?;
            stream.read_exact(&mut [0; GREETING.len()])
        }
        Load::Down => {
            stream.write_all(b"d")?;
            take(stream)
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
