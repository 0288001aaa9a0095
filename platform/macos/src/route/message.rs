//! The outer form: messages in a buffer, and the header of each.
//!
//! All numbers are little-endian, and every field stands at the same place on arm64 and
//! x86_64: no field of a header is wider than four bytes but the counters of
//! `struct if_data64`, which stands under `#pragma pack(4)` for that very reason, so four
//! is the only alignment there is (xnu `bsd/net/route.h`, `if.h`, `if_var.h`).
//!
//! Every message says its own length, so that one of a kind that is not known can be
//! passed over. Lengths come from outside and are checked.

use super::error::Malformed;
use super::numbers::RTM_VERSION;
use super::sockaddr::Sockaddrs;

/// `sizeof(struct rt_msghdr)`.
pub(super) const ROUTE_HEADER: usize = 92;
/// `sizeof(struct if_msghdr)`.
const LINK_HEADER: usize = 112;
/// `sizeof(struct if_msghdr2)`.
const LINK2_HEADER: usize = 160;
/// `sizeof(struct ifa_msghdr)`.
const ADDRESS_HEADER: usize = 20;
/// `rtm_rmx.rmx_locks`; the metrics follow in the order of their `RTV_*` bits.
pub(super) const LOCKS: usize = 36;

/// Two bytes at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    two.try_into().ok().map(u16::from_le_bytes)
}

/// Four bytes at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is (`RTM_*`).
    pub kind: u8,
    /// All of it, from its length on.
    pub bytes: &'a [u8],
}

/// The messages of a buffer.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages in `buffer`.
    #[must_use]
    pub fn new(buffer: &'a [u8]) -> Self {
        Self { rest: buffer }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let length = usize::from(u16_at(rest, 0).unwrap_or_default());
        let (Some(bytes @ [_, _, version, kind, ..]), Some(behind)) =
            (rest.get(..length), rest.get(length..))
        else {
            return Some(Err(Malformed::Form("message")));
        };
        if *version != RTM_VERSION {
            return Some(Err(Malformed::Version(*version)));
        }
        self.rest = behind;
        Some(Ok(Message { kind: *kind, bytes }))
    }
}

/// What `struct rt_msghdr` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteHeader {
    /// The number of the link.
    pub index: u16,
    /// `RTF_*`.
    pub flags: u32,
    /// Which process asked; 0 for the kernel itself, and in a dump.
    pub pid: u32,
    /// The number of the request.
    pub sequence: u32,
    /// Why it failed; 0 where it did not.
    pub errno: i32,
    /// Which metrics are locked (`RTV_*`).
    pub locks: u32,
    /// When the route goes by itself, in seconds since 1970; 0 for never.
    pub expire: i32,
}

/// What `struct if_msghdr` and `struct if_msghdr2` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkHeader {
    /// The number of the link.
    pub index: u16,
    /// `IFF_*`.
    pub flags: u32,
    /// `IFT_*`.
    pub kind: u8,
    /// The largest packet.
    pub mtu: u32,
}

/// What `struct ifa_msghdr` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressHeader {
    /// The number of the link.
    pub index: u16,
}

impl<'a> Message<'a> {
    /// The only message of `bytes`, as one read from the socket has it.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where there is none, or something behind it.
    pub fn only(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut messages = Messages::new(bytes);
        let first = messages.next().ok_or(Malformed::Form("message"))??;
        match messages.next() {
            None => Ok(first),
            Some(_) => Err(Malformed::Form("message")),
        }
    }

    /// Which process asked, and by which number, where it is about a route (`rtm_pid`,
    /// `rtm_seq`).
    #[must_use]
    pub fn asked_by(&self) -> Option<(u32, u32)> {
        Some((u32_at(self.bytes, 16)?, u32_at(self.bytes, 20)?))
    }

    /// Reads it as one about a route.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where it is too short, or a socket address does not fit.
    pub fn route(&self) -> Result<(RouteHeader, Sockaddrs<'a>), Malformed> {
        let wrong = Malformed::Form("message about a route");
        let u32 = |at| u32_at(self.bytes, at).ok_or(wrong);
        let header = RouteHeader {
            index: u16_at(self.bytes, 4).ok_or(wrong)?,
            flags: u32(8)?,
            pid: u32(16)?,
            sequence: u32(20)?,
            errno: u32(24)?.cast_signed(),
            locks: u32(LOCKS)?,
            expire: u32(LOCKS + 12)?.cast_signed(),
        };
        let behind = self.bytes.get(ROUTE_HEADER..).ok_or(wrong)?;
        Ok((header, Sockaddrs::read(u32(12)?, behind)?))
    }

    /// The metric of `RTV_*` bit number `place`.
    #[must_use]
    pub fn metric(&self, place: usize) -> Option<u32> {
        u32_at(self.bytes, LOCKS + 4 + 4 * place)
    }

    /// Reads it as `RTM_IFINFO` (`long` false) or `RTM_IFINFO2` (`long` true).
    ///
    /// # Errors
    ///
    /// [`Malformed`] where it is too short, or a socket address does not fit.
    pub fn link(&self, long: bool) -> Result<(LinkHeader, Sockaddrs<'a>), Malformed> {
        let wrong = Malformed::Form("message about a link");
        let u32 = |at| u32_at(self.bytes, at).ok_or(wrong);
        let (data, length) = if long {
            (32, LINK2_HEADER)
        } else {
            (16, LINK_HEADER)
        };
        let behind = self.bytes.get(length..).ok_or(wrong)?;
        let header = LinkHeader {
            flags: u32(8)?,
            index: u16_at(self.bytes, 12).ok_or(wrong)?,
            kind: self.bytes.get(data).copied().ok_or(wrong)?,
            mtu: u32(data + 8)?,
        };
        Ok((header, Sockaddrs::read(u32(4)?, behind)?))
    }

    /// Reads it as `RTM_NEWADDR`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where it is too short, or a socket address does not fit.
    pub fn address(&self) -> Result<(AddressHeader, Sockaddrs<'a>), Malformed> {
        let wrong = Malformed::Form("message about an address");
        let behind = self.bytes.get(ADDRESS_HEADER..).ok_or(wrong)?;
        let header = AddressHeader {
            index: u16_at(self.bytes, 12).ok_or(wrong)?,
        };
        let bits = u32_at(self.bytes, 4).ok_or(wrong)?;
        Ok((header, Sockaddrs::read(bits, behind)?))
    }
}
