//! What comes from netlink(7): datagrams of one or more messages.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;

const HEADER: usize = 16;
/// Answers that are taken by one call, each of at most so many bytes.
const AT_ONCE: usize = 64;
const ANSWER: usize = 512;

/// Where short datagrams are received, many by one call.
pub(crate) struct Answers {
    bytes: Vec<u8>,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; AT_ONCE * ANSWER],
        }
    }

    /// Waits for one, takes all that are there, and says how many.
    pub(crate) fn receive(
        &mut self,
        from: &OwnedFd,
        mut each: impl FnMut(u16, u32, &[u8]) -> io::Result<bool>,
    ) -> io::Result<usize> {
        // SAFETY: all of it zero is valid for both: no name, no control data, no buffer.
        let (mut parts, mut heads): ([libc::iovec; AT_ONCE], [libc::mmsghdr; AT_ONCE]) =
            unsafe { std::mem::zeroed() };
        let room = self.bytes.chunks_exact_mut(ANSWER);
        for ((part, head), room) in parts.iter_mut().zip(&mut heads).zip(room) {
            part.iov_base = room.as_mut_ptr().cast();
            part.iov_len = ANSWER;
            head.msg_hdr.msg_iov = part;
            head.msg_hdr.msg_iovlen = 1;
        }
        let (fd, flags) = (from.as_raw_fd(), libc::MSG_WAITFORONE);
        let no_limit = std::ptr::null_mut();
        // SAFETY: each head points to a part, each part to room of its own in `bytes`,
        // and all of it lives to the end of this function.
        let came =
            unsafe { libc::recvmmsg(fd, heads.as_mut_ptr(), AT_ONCE as u32, flags as _, no_limit) };
        let came = usize::try_from(came).map_err(|_| io::Error::last_os_error())?;
        for (head, bytes) in heads.iter().zip(self.bytes.chunks_exact(ANSWER)).take(came) {
            messages(&bytes[..head.msg_len as usize], &mut each)?;
        }
        Ok(came)
    }
}

/// Calls `each` on the kind, the number and the body of each, until it says that one was
/// the last.
pub(crate) fn messages(
    bytes: &[u8],
    mut each: impl FnMut(u16, u32, &[u8]) -> io::Result<bool>,
) -> io::Result<bool> {
    let mut rest = bytes;
    while rest.len() >= HEADER {
        let size = u32_at(rest, 0) as usize;
        if each(u16_at(rest, 4), u32_at(rest, 8), &rest[HEADER..size])? {
            return Ok(true);
        }
        rest = &rest[size.next_multiple_of(4).min(rest.len())..];
    }
    Ok(false)
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
