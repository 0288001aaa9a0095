//! Addresses: RTM_NEWADDR to [`Address`] and back.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Address;

use super::Write;
use super::names::LinkNames;
use super::numbers::*;
use super::wire::{Attributes, Body, Malformed, Requests, Unwritable, u32_at};

/// The length of `struct ifaddrmsg`.
const HEADER: usize = 8;

/// Asks for the addresses of both families.
pub fn dump(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    requests.add(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
        body.header(&[0; HEADER]);
        Ok(())
    })
}

/// What one message says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An address.
    Address(Address),
    /// An address of a link that has no name here: the links were read too early.
    UnknownLink(u32),
    /// An address of a family that is neither IPv4 nor IPv6.
    OtherFamily,
}

/// Reads one address.
pub fn decode(payload: &[u8], names: &LinkNames) -> Result<Decoded, Malformed> {
    let attributes = Attributes::behind(payload, HEADER)?;
    let &[family, length, flags, scope, ..] = payload else {
        return Err(Malformed("address"));
    };
    if family != AF_INET && family != AF_INET6 {
        return Ok(Decoded::OtherFamily);
    }
    let index = u32_at(payload, 4).unwrap_or_default();
    let mut flags = u32::from(flags);
    let mut local = None;
    let mut other = None;
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.number() {
            IFA_LOCAL => local = Some(ip(family, attribute.value)?),
            IFA_ADDRESS => other = Some(ip(family, attribute.value)?),
            // All flags; the header has room for the first eight only.
            IFA_FLAGS => flags = attribute.u32()?,
            _ => {}
        }
    }
    // IFA_ADDRESS is the address itself, or the other end of a point-to-point link.
    let own = local.or(other).ok_or(Malformed("address"))?;
    let Some(dev) = names.name(index) else {
        return Ok(Decoded::UnknownLink(index));
    };
    Ok(Decoded::Address(Address {
        dev: dev.to_owned(),
        local: IpNet::new(own, length).map_err(|_| Malformed("address"))?,
        peer: other.filter(|other| *other != own),
        scope,
        dynamic: flags & IFA_F_PERMANENT == 0,
        secondary: flags & IFA_F_SECONDARY != 0,
    }))
}

/// An address of `family`.
pub(super) fn ip(family: u8, bytes: &[u8]) -> Result<IpAddr, Malformed> {
    let ip = match family {
        AF_INET => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        AF_INET6 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    };
    ip.ok_or(Malformed("address"))
}

/// The family's number.
pub(super) fn family(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

/// Calls `with` on the bytes of an address.
pub(super) fn bytes<T>(ip: IpAddr, with: impl FnOnce(&[u8]) -> T) -> T {
    match ip {
        IpAddr::V4(ip) => with(&ip.octets()),
        IpAddr::V6(ip) => with(&ip.octets()),
    }
}

/// Adds an attribute that holds an address.
pub(super) fn put(body: &mut Body<'_>, kind: u16, ip: IpAddr) -> Result<(), Unwritable> {
    bytes(ip, |bytes| body.attribute(kind, bytes))
}

/// Adds or removes an address, as ip-address(8) does: both IFA_LOCAL and
/// IFA_ADDRESS, no broadcast address unless somebody asks for one.
pub fn encode(
    requests: &mut Requests,
    sequence: u32,
    write: Write,
    index: u32,
    local: IpNet,
    scope: u8,
) -> Result<(), Unwritable> {
    let message = write.message(RTM_NEWADDR, RTM_DELADDR);
    requests.add(message, write.flags(), sequence, |body| {
        let mut header = [
            family(local.addr()),
            local.prefix_len(),
            0,
            scope,
            0,
            0,
            0,
            0,
        ];
        header[4..8].copy_from_slice(&index.to_ne_bytes());
        body.header(&header);
        put(body, IFA_LOCAL, local.addr())?;
        put(body, IFA_ADDRESS, local.addr())
    })
}
