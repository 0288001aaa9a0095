//! D-Bus by hand: who we are, Hello and all calls in one write, and as many replies as
//! there were calls.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use super::datagrams::u32_at;

const RESOLVED: [&str; 2] = ["org.freedesktop.resolve1", "/org/freedesktop/resolve1"];
const MANAGER: &str = "org.freedesktop.resolve1.Manager";
const BUS: [&str; 2] = ["org.freedesktop.DBus", "/org/freedesktop/DBus"];
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Calls that go out together.
#[derive(Default)]
pub(crate) struct Calls {
    bytes: Vec<u8>,
    count: u32,
}

/// A body, whose alignment is that of the message's, because the body begins on 8.
#[derive(Default)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn u32(mut self, value: u32) -> Self {
        self.align(4);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        let mut body = self.u32(text.len() as u32);
        body.0.extend(text.as_bytes());
        body.0.push(0);
        body
    }

    /// An array of structs, whose length is known only afterwards.
    fn structs<T>(self, all: &[T], mut each: impl FnMut(Self, &T) -> Self) -> Self {
        let mut body = self.u32(0);
        let at = body.0.len() - 4;
        body.align(8);
        let start = body.0.len();
        for one in all {
            body.align(8);
            body = each(body, one);
        }
        let length = (body.0.len() - start) as u32;
        body.0[at..at + 4].copy_from_slice(&length.to_le_bytes());
        body
    }
}

impl Calls {
    fn call(&mut self, object: [&str; 2], interface: &str, member: &str, kind: &str, body: &Body) {
        const NO_AUTO_START: u8 = 2;
        let mut all = Body(vec![b'l', 1, NO_AUTO_START, 1]);
        self.count += 1;
        all = all.u32(body.0.len() as u32).u32(self.count);
        let fields = [
            (1, "o", object[1]),
            (6, "s", object[0]),
            (2, "s", interface),
            (3, "s", member),
            (8, "g", kind),
        ];
        let used = if kind.is_empty() {
            &fields[..4]
        } else {
            &fields
        };
        all = all.structs(used, |mut all, (code, of, value)| {
            all.0.extend([*code, 1, of.as_bytes()[0], 0]);
            if *of == "g" {
                all.0.push(value.len() as u8);
                all.0.extend(value.as_bytes());
                all.0.push(0);
                return all;
            }
            all.text(value)
        });
        all.align(8);
        self.bytes.extend(all.0);
        self.bytes.extend(&body.0);
    }

    /// Who answers, and who else may own links.
    pub(crate) fn who(&mut self) {
        for (member, name) in [
            ("GetConnectionUnixProcessID", RESOLVED[0]),
            ("NameHasOwner", "org.freedesktop.network1"),
            ("NameHasOwner", "org.freedesktop.NetworkManager"),
        ] {
            self.call(BUS, BUS[0], member, "s", &Body::default().text(name));
        }
    }

    pub(crate) fn read_manager(&mut self) {
        let body = Body::default().text(MANAGER);
        self.call(RESOLVED, PROPERTIES, "GetAll", "s", &body);
    }

    pub(crate) fn read_link(&mut self, link: u32) {
        // sd_bus_path_encode(3): a digit at the beginning is written in hexadecimal.
        let number = link.to_string();
        let path = format!("{}/link/_3{number}", RESOLVED[1]);
        let body = Body::default().text("org.freedesktop.resolve1.Link");
        self.call([RESOLVED[0], &path], PROPERTIES, "GetAll", "s", &body);
    }

    pub(crate) fn set_servers(&mut self, link: u32, servers: &[[u8; 4]]) {
        const INET: u32 = 2;
        let body = Body::default().u32(link).structs(servers, |body, address| {
            let mut body = body.u32(INET).u32(4);
            body.0.extend(address);
            body
        });
        self.call(RESOLVED, MANAGER, "SetLinkDNS", "ia(iay)", &body);
    }

    pub(crate) fn set_domains(&mut self, link: u32, domains: &[(&str, bool)]) {
        let body = Body::default()
            .u32(link)
            .structs(domains, |body, (name, routes_only)| {
                body.text(name).u32(u32::from(*routes_only))
            });
        self.call(RESOLVED, MANAGER, "SetLinkDomains", "ia(sb)", &body);
    }

    pub(crate) fn forget_names(&mut self) {
        self.call(RESOLVED, MANAGER, "FlushCaches", "", &Body::default());
    }
}

/// A connection on which answers are still to come.
pub(crate) struct Bus {
    stream: UnixStream,
    came: Vec<u8>,
    left: u32,
    serial: u32,
}

impl Bus {
    /// Connects, and sends all that is to be asked without waiting for anything.
    pub(crate) fn open(calls: impl FnOnce(&mut Calls)) -> io::Result<Self> {
        let mut stream = UnixStream::connect("/run/dbus/system_bus_socket")?;
        let uid: String = nix::unistd::geteuid()
            .to_string()
            .bytes()
            .map(|digit| format!("{digit:02x}"))
            .collect();
        let mut all = Calls {
            bytes: format!("\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n").into_bytes(),
            count: 0,
        };
        all.call(BUS, BUS[0], "Hello", "", &Body::default());
        calls(&mut all);
        stream.write_all(&all.bytes)?;
        let mut bus = Self {
            stream,
            came: Vec::with_capacity(16 * 1024),
            left: all.count,
            serial: all.count,
        };
        let end = loop {
            if let Some(end) = bus.came.windows(2).position(|two| two == b"\r\n") {
                break end + 2;
            }
            bus.read()?;
        };
        if !bus.came.starts_with(b"OK") {
            return Err(io::Error::other("the bus does not let us in"));
        }
        bus.came.drain(..end);
        Ok(bus)
    }

    pub(crate) fn send(&mut self, calls: impl FnOnce(&mut Calls)) -> io::Result<()> {
        let mut all = Calls {
            count: self.serial,
            ..Calls::default()
        };
        calls(&mut all);
        self.left += all.count - self.serial;
        self.serial = all.count;
        self.stream.write_all(&all.bytes)
    }

    /// Waits for all answers; an error is one. Returns what came.
    pub(crate) fn wait(&mut self) -> io::Result<Vec<u8>> {
        let mut at = 0;
        loop {
            let rest = &self.came[at..];
            let size = match rest.len() {
                0..16 => 16,
                _ => {
                    let fields = 16 + u32_at(rest, 12) as usize;
                    fields.next_multiple_of(8) + u32_at(rest, 4) as usize
                }
            };
            if rest.len() < size || rest.len() < 16 {
                self.read()?;
                continue;
            }
            match rest[1] {
                // A reply.
                2 => self.left -= 1,
                3 => return Err(io::Error::other(String::from_utf8_lossy(&rest[..size]))),
                // NameAcquired, and what else is told to everybody.
                _ => {}
            }
            at += size;
            if self.left == 0 {
                return Ok(std::mem::take(&mut self.came));
            }
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 8192];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::Error::other("the bus has hung up")),
            length => {
                self.came.extend(&buffer[..length]);
                Ok(())
            }
        }
    }
}
