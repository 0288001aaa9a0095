//! All links and their addresses, as sysctl(3) gives them: `{CTL_NET, PF_ROUTE, 0, 0,
//! NET_RT_IFLIST2, 0}` (xnu, `sysctl_iflist2`, `bsd/net/rtsock.c`). Each link is followed
//! by its addresses and its multicast groups; the latter are passed over.
//!
//! What these bytes do not say, and a caller may fill in:
//!
//! - whether an address has a lifetime, is temporary or deprecated: for IPv6 that is
//!   `SIOCGIFAFLAG_IN6` ([`super::ioctl`]), for IPv4 configd alone knows;
//! - whether there is a carrier: `IFF_RUNNING` is taken for it, which an Ethernet port
//!   without a cable has, too. `SIOCGIFMEDIA` says more ([`super::ioctl`]);
//! - the members of a bridge, what a vlan lies over, who made a link.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::{Address, Link};

use super::error::Malformed;
use super::message::Messages;
use super::names::Names;
use super::numbers::*;
use super::sockaddr::{Sockaddrs, Zoned};

/// Links and addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The links, in the kernel's order.
    pub links: Vec<Link>,
    /// Their addresses.
    pub addresses: Vec<Address>,
    /// Messages of another kind: multicast groups, addresses of another family.
    pub others: usize,
}

impl Links {
    /// Which number belongs to which name.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::of(&self.links)
    }
}

/// Reads the bytes of `NET_RT_IFLIST2`, or of `NET_RT_IFLIST`.
///
/// # Errors
///
/// [`Malformed`].
pub fn read_links(dump: &[u8]) -> Result<Links, Malformed> {
    let mut all = Links::default();
    let mut flags = 0;
    for message in Messages::new(dump) {
        let message = message?;
        match message.kind {
            RTM_IFINFO | RTM_IFINFO2 => {
                let (header, sockaddrs) = message.link(message.kind == RTM_IFINFO2)?;
                let wrong = Malformed::Form("message about a link");
                let name = sockaddrs.get(RTA_IFP).ok_or(wrong)?.link()?.ok_or(wrong)?;
                let text = std::str::from_utf8(name.name).map_err(|_| wrong)?;
                if text.is_empty() {
                    return Err(wrong);
                }
                flags = header.flags;
                all.links.push(Link {
                    kind: driver(text).map(str::to_owned),
                    up: flags & IFF_UP != 0,
                    carrier: flags & IFF_RUNNING != 0,
                    loopback: flags & IFF_LOOPBACK != 0,
                    mtu: header.mtu,
                    mac: mac(name.hardware),
                    ..Link::new(header.index.into(), text)
                });
            }
            RTM_NEWADDR => {
                let (header, sockaddrs) = message.address()?;
                let index = u32::from(header.index);
                let link = all.links.last().filter(|link| link.index == index);
                let link = link.ok_or(Malformed::UnknownLink(index))?;
                match address(&link.name, flags, &sockaddrs)? {
                    Some(address) => all.addresses.push(address),
                    None => all.others += 1,
                }
            }
            _ => all.others += 1,
        }
    }
    Ok(all)
}

/// The address of a message, of a link with `flags`; none for another family.
fn address(dev: &str, flags: u32, all: &Sockaddrs<'_>) -> Result<Option<Address>, Malformed> {
    let wrong = Malformed::Form("message about an address");
    let own = all.get(RTA_IFA).ok_or(wrong)?;
    let Some(Zoned { ip, .. }) = own.ip()? else {
        return Ok(None);
    };
    let prefix = match all.get(RTA_NETMASK) {
        Some(mask) => mask.prefix(own.family())?,
        None if ip.is_ipv4() => 32,
        None => 128,
    };
    // Where there is no other end, the same place holds the broadcast address, or for a
    // loopback link the address itself.
    let other = match all.get(RTA_BRD) {
        Some(other) if flags & IFF_POINTOPOINT != 0 && !other.is_empty() => other.ip()?,
        _ => None,
    };
    let peer = other.map(|other| other.ip);
    Ok(Some(Address {
        dev: dev.to_owned(),
        local: IpNet::new(ip, prefix).map_err(|_| wrong)?,
        peer: peer.filter(|peer| !peer.is_unspecified() && *peer != ip),
        scope: scope(ip),
        dynamic: false,
        secondary: false,
    }))
}

/// The scope by the kind of address, as rtnetlink(7) numbers it.
#[must_use]
pub fn scope(ip: IpAddr) -> u8 {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    if ip.is_loopback() {
        254
    } else if link_local {
        253
    } else {
        0
    }
}

/// The driver of a link: its name without the number. None for `en`, which is hardware,
/// and for `lo`.
#[must_use]
pub fn driver(name: &str) -> Option<&str> {
    let driver = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (!matches!(driver, "en" | "lo" | "")).then_some(driver)
}

/// The hardware address. A process that may not know it is told 02:00:00:00:00:00
/// (`dlil_ifaddr_bytes`, xnu `bsd/net/dlil.c`), which is none.
pub(crate) fn mac(hardware: &[u8]) -> Option<String> {
    let bytes: [u8; 6] = hardware.try_into().ok()?;
    if matches!(bytes, [0 | 2, 0, 0, 0, 0, 0]) {
        return None;
    }
    let [a, b, c, d, e, f] = bytes;
    Some(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"))
}
