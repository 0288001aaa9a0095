//! Calls of the kernel.

use std::ffi::{CString, c_void};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recv, setsockopt, socket, sockopt,
};

use super::Here;
use crate::mac::{Family, Kernel};
use crate::route::ioctl::{SIOCGIFAGENTIDS, UUID, agent_count, agent_ids, is_contained};

/// How often a table is asked for anew that grew while it was read.
const ATTEMPTS: usize = 8;

/// How many bytes of messages a routing socket is to hold: everybody's come to it, and
/// 8192 of them (RAWRCVQ of bsd/net/raw_cb.h) are some forty.
const MESSAGES: usize = 256 * 1024;

impl Kernel for Here {
    fn sysctl(&mut self, mib: &[i32]) -> io::Result<Vec<u8>> {
        let mut mib = mib.to_vec();
        let count = u32::try_from(mib.len()).map_err(io::Error::other)?;
        let mut call = |buffer: *mut c_void, size: &mut usize| {
            // SAFETY: `mib` has `count` numbers, and `buffer` is null or has `size` bytes.
            match unsafe { libc::sysctl(mib.as_mut_ptr(), count, buffer, size, null_mut(), 0) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        for _ in 0..ATTEMPTS {
            let mut size = 0;
            call(null_mut(), &mut size)?;
            // What is added until the next call must fit, too.
            size += size / 8 + 512;
            let mut bytes = vec![0_u8; size];
            match call(bytes.as_mut_ptr().cast(), &mut size) {
                Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    bytes.truncate(size);
                    return Ok(bytes);
                }
            }
        }
        Err(io::Error::other("it grows faster than it can be read"))
    }

    fn sysctl_named(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let name = CString::new(name)?;
        let mut mib = [0; 24];
        let mut size = mib.len();
        // SAFETY: `name` ends in a zero, and `mib` has room for `size` numbers.
        match unsafe { libc::sysctlnametomib(name.as_ptr(), mib.as_mut_ptr(), &mut size) } {
            0 => self.sysctl(mib.get(..size).unwrap_or_default()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn route_open(&mut self) -> io::Result<()> {
        let family = AddressFamily::Route;
        let made = socket(family, SockType::Raw, SockFlag::empty(), None)?;
        // One that holds less loses an answer sooner, and is asked anew.
        let _ = setsockopt(&made, sockopt::RcvBuf, &MESSAGES);
        self.routing = Some(made.into());
        Ok(())
    }

    fn route_write(&mut self, message: &[u8]) -> io::Result<()> {
        let mut socket = self.routing.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        socket.write(message).map(drop)
    }

    fn route_read(&mut self) -> io::Result<Vec<u8>> {
        let socket = self.routing.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let mut message = vec![0; 8192];
        let length = recv(socket.as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT)?;
        message.truncate(length);
        Ok(message)
    }

    fn ioctl(&mut self, family: Family, request: u32, argument: &mut [u8]) -> io::Result<()> {
        if !is_contained(request, argument) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: nothing but `argument` is read or written.
        unsafe { self.control(family, request, argument) }
    }

    fn agents(&mut self, link: &str) -> io::Result<Vec<u8>> {
        // IF_MAXAGENTS of bsd/net/if.c: the kernel writes as many as there are, whatever
        // number it is told (`ifioctl_getnetagents`).
        const MOST: u32 = 64;
        let mut agents = vec![0_u8; MOST as usize * UUID];
        let place = agents.as_mut_ptr() as u64;
        let mut request = agent_ids(link, MOST, place).map_err(io::Error::other)?;
        // SAFETY: the request is as long as its number says, and points to room for as many
        // identifiers as there can be.
        unsafe { self.control(Family::V4, SIOCGIFAGENTIDS, &mut request) }?;
        agents.truncate(agent_count(&request) as usize * UUID);
        Ok(agents)
    }

    fn descriptors(&mut self, pid: i32) -> io::Result<Vec<u8>> {
        filled(4096 * libc::PROC_PIDLISTFD_SIZE as usize, |buffer, size| {
            // SAFETY: `buffer` has `size` bytes.
            unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDLISTFDS, 0, buffer, size) }
        })
    }

    fn socket(&mut self, pid: i32, descriptor: i32) -> io::Result<Vec<u8>> {
        /// PROC_PIDFDSOCKETINFO of sys/proc_info.h.
        const SOCKET_INFO: i32 = 3;
        filled(1024, |buffer, size| {
            // SAFETY: `buffer` has `size` bytes.
            unsafe { libc::proc_pidfdinfo(pid, descriptor, SOCKET_INFO, buffer, size) }
        })
    }
}

impl Here {
    /// ioctl(2).
    ///
    /// # Safety
    ///
    /// `argument` is as long as the request says, and the kernel may read and write what it
    /// points to as the request does.
    unsafe fn control(
        &mut self,
        family: Family,
        request: u32,
        argument: &mut [u8],
    ) -> io::Result<()> {
        let socket = self.datagrams(family)?.as_raw_fd();
        // SAFETY: the caller's.
        match unsafe { libc::ioctl(socket, request.into(), argument.as_mut_ptr()) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

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

/// Whether there is something to read within `limit`.
pub(super) fn is_ready(file: &File, limit: Duration) -> io::Result<bool> {
    let limit = PollTimeout::try_from(limit).map_err(io::Error::other)?;
    Ok(poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], limit)? > 0)
}

/// What libproc puts into a buffer of so many bytes: it returns how much that is, or
/// nothing and sets errno.
fn filled(size: usize, call: impl FnOnce(*mut c_void, i32) -> i32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; size];
    let length = call(
        bytes.as_mut_ptr().cast(),
        i32::try_from(size).unwrap_or(i32::MAX),
    );
    match usize::try_from(length) {
        Ok(length) if length > 0 => {
            bytes.truncate(length);
            Ok(bytes)
        }
        _ => Err(io::Error::last_os_error()),
    }
}
