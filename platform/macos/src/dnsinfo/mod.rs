//! The resolver list, as libSystem lays it out in memory.
//!
//! `dns_configuration_copy()` hands out what `scutil --dns` prints, as structures full of
//! pointers. No SDK has their header; it is configd's `dnsinfo/dnsinfo.h`: packed to four
//! bytes, each pointer in a union of eight, so the offsets below hold on both
//! architectures. The last field of the head is the layout's own version. Where it is
//! another than that which this module knows, nothing is read at all: the list can still
//! be had from `scutil --dns`, and a wrong guess would be a lie or a crash.
//!
//! The pointers are followed through [`Memory`], so all of this is tested anywhere, on
//! memory that checks every address. This process's own cannot be asked whether an address
//! is there, so who reads a list vouches for it.

mod sockaddr;

use netprof_model::configd::{Resolver, ResolverList};

/// `DNSINFO_VERSION` of the layout that is known here.
pub const VERSION: u32 = 20_170_629;

/// Memory that may be read.
pub trait Memory {
    /// Fills `buffer` from `address`; says no where not all of it can be read.
    ///
    /// # Safety
    ///
    /// Where this memory checks no address, all of those bytes are of one object that is
    /// alive.
    unsafe fn read(&self, address: u64, buffer: &mut [u8]) -> bool;
}

/// Why the list was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The layout is another one.
    #[error("the layout of the resolver list is version {0}; only version 20170629 is known")]
    Version(u32),
    /// A pointer leads nowhere.
    #[error("the {what} of the resolver list cannot be read at {address:#x}")]
    Unreadable {
        /// What of it.
        what: &'static str,
        /// Where that should be.
        address: u64,
    },
    /// There are so many that it can be no list.
    #[error("the resolver list has {count} {what}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many, as it stands there.
        count: i32,
    },
    /// A text has no end, or is no UTF-8.
    #[error("the {0} of the resolver list is no text")]
    Text(&'static str),
    /// The address of a server is neither IPv4 nor IPv6.
    #[error("a server of the resolver list has an address of family {family}, {length} bytes long")]
    Address {
        /// `sa_family`.
        family: u8,
        /// `sa_len`.
        length: u8,
    },
    /// It is too long to be true.
    #[error("the resolver list is longer than {} bytes", Reader::<'_>::MOST)]
    TooLong,
}

/// The list whose head is at `address`.
///
/// # Errors
///
/// [`Error`]: what of it could not be read. A part of a list is no list.
///
/// # Safety
///
/// Where `memory` checks no address, at this one is a `dns_config_t` of libSystem, and it
/// and all that it points to are alive. Its version is looked at before anything that it
/// points to.
pub unsafe fn read(memory: &dyn Memory, address: u64) -> Result<ResolverList, Error> {
    let mut reader = Reader {
        memory,
        left: Reader::MOST,
    };
    let head: Bytes<48> = reader.bytes(address, "head")?;
    let version = head.u32(44);
    if version != VERSION {
        return Err(Error::Version(version));
    }
    Ok(ResolverList {
        resolvers: reader.resolvers(head.i32(0), head.pointer(4), "resolvers")?,
        scoped: reader.resolvers(head.i32(12), head.pointer(16), "scoped resolvers")?,
        service_specific: reader.resolvers(
            head.i32(32),
            head.pointer(36),
            "service-specific resolvers",
        )?,
    })
}

/// Bytes that were read, in the byte order of every Mac.
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Bytes<N> {
    fn at<const M: usize>(&self, offset: usize) -> [u8; M] {
        let mut bytes = [0; M];
        bytes.copy_from_slice(&self.0[offset..offset + M]);
        bytes
    }

    fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.at(offset))
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.at(offset))
    }

    fn i32(&self, offset: usize) -> i32 {
        i32::from_le_bytes(self.at(offset))
    }

    fn pointer(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.at(offset))
    }
}

struct Reader<'a> {
    memory: &'a dyn Memory,
    /// How many bytes may still be read. It bounds the whole walk, whatever the pointers
    /// and counts say.
    left: usize,
}

impl Reader<'_> {
    /// configd's own limit for the list is 1 MiB (`DNS_CONFIG_BUF_MAX`); the walk reads
    /// no byte of it twice.
    const MOST: usize = 4 << 20;
    /// How many entries a list may have. A Tailscale network has a resolver for each of
    /// some seventy reverse zones.
    const ENTRIES: i32 = 1 << 14;
    /// How long a text may be: a domain as DNS spells it has at most 1009 characters, and
    /// options may be a few words.
    const TEXT: usize = 4096;

    fn bytes<const N: usize>(
        &mut self,
        address: u64,
        what: &'static str,
    ) -> Result<Bytes<N>, Error> {
        self.left = self.left.checked_sub(N).ok_or(Error::TooLong)?;
        let mut bytes = [0; N];
        // The first page is never mapped, and what is beyond the end does not wrap.
        let within = address >= 4096 && address.checked_add(N as u64).is_some();
        // SAFETY: an address is that of the head, which the caller of `read` vouches for,
        // or stands in what was read there, and as many bytes are asked for as the
        // structure of that place has: of a text, one by one until its end.
        if within && unsafe { self.memory.read(address, &mut bytes) } {
            Ok(Bytes(bytes))
        } else {
            Err(Error::Unreadable { what, address })
        }
    }

    /// The pointers of a list.
    fn list(&mut self, count: i32, address: u64, what: &'static str) -> Result<Vec<u64>, Error> {
        if !(0..=Self::ENTRIES).contains(&count) {
            return Err(Error::Count { what, count });
        }
        (0..u64::from(count.unsigned_abs()))
            .map(|place| {
                let address = address.wrapping_add(place * 8);
                Ok(self.bytes::<8>(address, what)?.pointer(0))
            })
            .collect()
    }

    fn resolvers(
        &mut self,
        count: i32,
        address: u64,
        what: &'static str,
    ) -> Result<Vec<Resolver>, Error> {
        let all = self.list(count, address, what)?;
        all.into_iter().map(|one| self.resolver(one)).collect()
    }

    fn resolver(&mut self, address: u64) -> Result<Resolver, Error> {
        let fixed: Bytes<96> = self.bytes(address, "resolver")?;
        let nonzero = |offset| Some(fixed.u32(offset)).filter(|number| *number != 0);
        let nameservers = self.list(fixed.i32(8), fixed.pointer(12), "nameservers")?;
        let search = self.list(fixed.i32(24), fixed.pointer(28), "search domains")?;
        let sort = self.list(fixed.i32(36), fixed.pointer(40), "sort addresses")?;
        let flags = fixed.u32(68);
        let link = match nonzero(64) {
            Some(index) => Some((index, self.text_or_none(fixed.pointer(88), "link name")?)),
            None => None,
        };
        Ok(Resolver {
            domain: self.text_or_none(fixed.pointer(0), "domain")?,
            search: search
                .into_iter()
                .map(|one| self.text(one, "search domain"))
                .collect::<Result<_, _>>()?,
            nameservers: nameservers
                .into_iter()
                .map(|one| self.nameserver(one, link.as_ref()))
                .collect::<Result<_, _>>()?,
            sort: sort
                .into_iter()
                .map(|one| self.sort_address(one))
                .collect::<Result<_, _>>()?,
            options: self.text_or_none(fixed.pointer(48), "options")?,
            port: Some(fixed.u16(20)).filter(|port| *port != 0),
            timeout: nonzero(56),
            link,
            service_identifier: nonzero(76),
            scoped: flags & 0x1000 != 0,
            service_specific: flags & 0x2000 != 0,
            supplemental: flags & 0x4000 != 0,
            requests_a: flags & 0x2 != 0,
            requests_aaaa: flags & 0x4 != 0,
            reach: Some(fixed.u32(72)),
            order: fixed.u32(60),
        })
    }

    fn text_or_none(&mut self, address: u64, what: &'static str) -> Result<Option<String>, Error> {
        match address {
            0 => Ok(None),
            there => self.text(there, what).map(Some),
        }
    }

    fn text(&mut self, address: u64, what: &'static str) -> Result<String, Error> {
        let mut text = Vec::new();
        for place in 0..=Self::TEXT as u64 {
            let address = address.wrapping_add(place);
            match self.bytes::<1>(address, what)?.0 {
                [0] => return String::from_utf8(text).map_err(|_| Error::Text(what)),
                [byte] => text.push(byte),
            }
        }
        Err(Error::Text(what))
    }

    /// An address and its mask, each of four bytes in the order of the network.
    fn sort_address(&mut self, address: u64) -> Result<String, Error> {
        let both: Bytes<8> = self.bytes(address, "sort address")?;
        let address = std::net::Ipv4Addr::from(both.at::<4>(0));
        let mask = std::net::Ipv4Addr::from(both.at::<4>(4));
        Ok(format!("{address}/{mask}"))
    }

    fn nameserver(
        &mut self,
        address: u64,
        link: Option<&(u32, Option<String>)>,
    ) -> Result<String, Error> {
        let head: Bytes<2> = self.bytes(address, "nameserver")?;
        let [length, family] = head.0;
        match sockaddr::Family::of(family, length) {
            Some(sockaddr::Family::V4) => {
                let whole: Bytes<16> = self.bytes(address, "nameserver")?;
                Ok(sockaddr::v4(&whole.0))
            }
            Some(sockaddr::Family::V6) => {
                let whole: Bytes<28> = self.bytes(address, "nameserver")?;
                Ok(sockaddr::v6(&whole.0, link))
            }
            None => Err(Error::Address { family, length }),
        }
    }
}

#[cfg(test)]
mod tests;
