//! Calls of the kernel.

use std::ffi::{CString, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::route::ioctl::{SIOCGIFAGENTIDS, UUID, agent_count, agent_ids};

/// How often a table is asked for anew that grew while it was read.
const ATTEMPTS: usize = 8;

pub(super) fn sysctl(mib: &[i32]) -> io::Result<Vec<u8>> {
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

/// The numbers of a sysctl.
pub(super) fn mib(name: &str) -> io::Result<Vec<i32>> {
    let name = CString::new(name)?;
    let mut mib = vec![0; 24];
    let mut size = mib.len();
    // SAFETY: `name` ends in a zero, and `mib` has room for `size` numbers.
    match unsafe { libc::sysctlnametomib(name.as_ptr(), mib.as_mut_ptr(), &mut size) } {
        0 => {
            mib.truncate(size);
            Ok(mib)
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether there is something to read within `limit`.
pub(super) fn is_ready(file: &File, limit: Duration) -> io::Result<bool> {
    let limit = PollTimeout::try_from(limit).map_err(io::Error::other)?;
    Ok(poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], limit)? > 0)
}

pub(super) fn ioctl(socket: &File, request: u32, argument: &mut [u8]) -> io::Result<()> {
    // IOCPARM_LEN of sys/ioccom.h.
    if argument.len() != (request >> 16 & 0x1fff) as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the kernel reads and writes as many bytes as the request says, and
    // `argument` has exactly those.
    match unsafe { libc::ioctl(socket.as_raw_fd(), request.into(), argument.as_mut_ptr()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

pub(super) fn agents(socket: &File, link: &str) -> io::Result<Vec<u8>> {
    // IF_MAXAGENTS of bsd/net/if.c: the kernel writes as many as there are, whatever
    // number it is told (`ifioctl_getnetagents`).
    const MOST: u32 = 64;
    let mut agents = vec![0_u8; MOST as usize * UUID];
    let place = agents.as_mut_ptr() as u64;
    let mut request = agent_ids(link, MOST, place).map_err(io::Error::other)?;
    ioctl(socket, SIOCGIFAGENTIDS, &mut request)?;
    agents.truncate(agent_count(&request) as usize * UUID);
    Ok(agents)
}

pub(super) fn descriptors(pid: i32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; 4096 * libc::PROC_PIDLISTFD_SIZE as usize];
    let size = i32::try_from(bytes.len()).map_err(io::Error::other)?;
    let buffer = bytes.as_mut_ptr().cast();
    // SAFETY: `buffer` has `size` bytes.
    let length = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDLISTFDS, 0, buffer, size) };
    filled(bytes, length)
}

pub(super) fn socket(pid: i32, descriptor: i32) -> io::Result<Vec<u8>> {
    /// PROC_PIDFDSOCKETINFO of sys/proc_info.h.
    const SOCKET_INFO: i32 = 3;
    let mut bytes = vec![0_u8; 1024];
    let size = i32::try_from(bytes.len()).map_err(io::Error::other)?;
    let buffer = bytes.as_mut_ptr().cast();
    // SAFETY: `buffer` has `size` bytes.
    let length = unsafe { libc::proc_pidfdinfo(pid, descriptor, SOCKET_INFO, buffer, size) };
    filled(bytes, length)
}

/// What libproc has put into `bytes`: it returns how much, or nothing and sets errno.
fn filled(mut bytes: Vec<u8>, length: i32) -> io::Result<Vec<u8>> {
    match usize::try_from(length) {
        Ok(length) if length > 0 => {
            bytes.truncate(length);
            Ok(bytes)
        }
        _ => Err(io::Error::last_os_error()),
    }
}
