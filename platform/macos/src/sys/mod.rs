//! The calls themselves: the only code that is compiled on macOS alone, so that no test
//! elsewhere reaches it. It carries bytes and looks into none of them.

mod configd;
mod kernel;

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

use netprof_model::configd::ResolverList;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::backend::Macos;
use crate::mac::{Edit, Family, Found, Mac, Status};

/// How long the kernel may take to answer on the routing socket. It answers before
/// write(2) returns, so this is for the case that the answer was dropped.
const ANSWER: Duration = Duration::from_secs(2);

/// This Mac. What a call needs open is opened for the first one.
#[derive(Debug, Default)]
pub struct Here {
    routing: Option<File>,
    v4: Option<File>,
    v6: Option<File>,
    notices: Option<File>,
}

impl Macos<Here> {
    /// The Mac that this runs on. Nothing is opened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Here::default(), "/")
    }
}

impl Here {
    /// A socket that can be asked about links and addresses.
    fn datagrams(&mut self, family: Family) -> io::Result<&File> {
        let (place, family) = match family {
            Family::V4 => (&mut self.v4, AddressFamily::Inet),
            Family::V6 => (&mut self.v6, AddressFamily::Inet6),
        };
        match place {
            Some(open) => Ok(open),
            none => {
                let made = socket(family, SockType::Datagram, SockFlag::empty(), None)?;
                Ok(none.insert(made.into()))
            }
        }
    }
}

impl Mac for Here {
    fn sysctl(&mut self, mib: &[i32]) -> io::Result<Vec<u8>> {
        kernel::sysctl(mib)
    }

    fn sysctl_named(&mut self, name: &str) -> io::Result<Vec<u8>> {
        kernel::sysctl(&kernel::mib(name)?)
    }

    fn route_open(&mut self) -> io::Result<()> {
        let family = AddressFamily::Route;
        self.routing = Some(socket(family, SockType::Raw, SockFlag::empty(), None)?.into());
        Ok(())
    }

    fn route_write(&mut self, message: &[u8]) -> io::Result<()> {
        let mut socket = self.routing.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        socket.write(message).map(drop)
    }

    fn route_read(&mut self) -> io::Result<Vec<u8>> {
        let mut socket = self.routing.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        if !kernel::is_ready(socket, ANSWER)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut message = vec![0; 8192];
        let length = socket.read(&mut message)?;
        message.truncate(length);
        Ok(message)
    }

    fn ioctl(&mut self, family: Family, request: u32, argument: &mut [u8]) -> io::Result<()> {
        kernel::ioctl(self.datagrams(family)?, request, argument)
    }

    fn agents(&mut self, link: &str) -> io::Result<Vec<u8>> {
        kernel::agents(self.datagrams(Family::V4)?, link)
    }

    fn descriptors(&mut self, pid: i32) -> io::Result<Vec<u8>> {
        kernel::descriptors(pid)
    }

    fn socket(&mut self, pid: i32, descriptor: i32) -> io::Result<Vec<u8>> {
        kernel::socket(pid, descriptor)
    }

    fn store(&mut self, patterns: &[&str]) -> Result<Vec<u8>, Status> {
        configd::store(patterns)
    }

    fn store_set(&mut self, key: &str, value: &[u8]) -> Result<(), Status> {
        configd::store_set(key, value)
    }

    fn store_remove(&mut self, key: &str) -> Result<(), Status> {
        configd::store_remove(key)
    }

    fn resolvers(&mut self) -> io::Result<Option<ResolverList>> {
        configd::resolvers()
    }

    fn listen(&mut self) -> io::Result<()> {
        if self.notices.is_none() {
            self.notices = Some(configd::notices()?);
        }
        Ok(())
    }

    fn hear(&mut self, limit: Duration) -> io::Result<bool> {
        let Some(notices) = &mut self.notices else {
            return Ok(false);
        };
        if !kernel::is_ready(notices, limit)? {
            return Ok(false);
        }
        // One number for each notice; that there was one is all that counts.
        notices.read(&mut [0; 256]).map(|_| true)
    }

    fn edit_preferences(
        &mut self,
        path: &str,
        edit: &mut dyn FnMut(Found<'_>) -> Edit,
    ) -> Result<(), Status> {
        configd::edit_preferences(path, edit)
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
