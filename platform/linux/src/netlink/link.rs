//! Links: RTM_NEWLINK to [`Link`], and IFF_UP and the largest packet back.

use netprof_model::Owner;
use netprof_model::link::Link;

use super::numbers::*;
use super::wire::{Attribute, Attributes, Malformed, Requests, Unwritable, u16_at, u32_at};

/// The length of `struct ifinfomsg`.
const HEADER: usize = 16;
/// Which of the settings of IPv6 is `disable_ipv6` (`linux/ipv6.h`).
const DEVCONF_DISABLE_IPV6: usize = 26;

/// Asks for all links, without their counters: those are most of the bytes.
pub fn dump(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    requests.add(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
        body.header(&[0; HEADER]);
        body.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
    })
}

/// Reads one link. Its owner and manager are not in the bytes.
pub fn decode(payload: &[u8]) -> Result<Link, Malformed> {
    let attributes = Attributes::behind(payload, HEADER)?;
    let hardware = u16_at(payload, 2).unwrap_or_default();
    let index = u32_at(payload, 4).unwrap_or_default();
    let flags = u32_at(payload, 8).unwrap_or_default();
    let mut link = Link {
        index,
        name: String::new(),
        kind: None,
        master: None,
        lower: None,
        up: flags & IFF_UP != 0,
        carrier: flags & IFF_LOWER_UP != 0,
        loopback: flags & IFF_LOOPBACK != 0,
        mtu: 0,
        min_mtu: None,
        max_mtu: None,
        ipv6: None,
        mac: None,
        owner: Owner::Unknown,
        evidence: Vec::new(),
        manager: None,
    };
    let mut elsewhere = false;
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.number() {
            IFLA_IFNAME => link.name = attribute.text(),
            IFLA_MTU => link.mtu = attribute.u32()?,
            IFLA_MIN_MTU => link.min_mtu = Some(attribute.u32()?).filter(|least| *least > 0),
            // A device without a limit says 0 (`dev_validate_mtu`).
            IFLA_MAX_MTU => link.max_mtu = Some(attribute.u32()?).filter(|most| *most > 0),
            IFLA_AF_SPEC => link.ipv6 = ipv6(attribute)?,
            IFLA_MASTER => link.master = Some(attribute.u32()?).filter(|index| *index != 0),
            IFLA_LINK => link.lower = Some(attribute.u32()?),
            IFLA_LINK_NETNSID => elsewhere = true,
            IFLA_ADDRESS => link.mac = mac(hardware, attribute.value),
            IFLA_LINKINFO => {
                let kind = attribute.nested().find(IFLA_INFO_KIND)?;
                link.kind = kind.map(|kind| kind.text());
            }
            _ => {}
        }
    }
    // IFLA_LINK is the other end of a veth pair, and may be a number in another
    // namespace: neither is a link that this one lies over.
    if elsewhere || link.kind.as_deref() == Some("veth") {
        link.lower = None;
    }
    link.lower = link.lower.filter(|lower| *lower != 0 && *lower != index);
    Ok(link)
}

/// Whether IPv6 may be used on the link, which its settings say (`inet6_fill_link_af`).
fn ipv6(of_families: Attribute<'_>) -> Result<Option<bool>, Malformed> {
    let Some(settings) = of_families.nested().find(u16::from(AF_INET6))? else {
        return Ok(None);
    };
    let Some(all) = settings.nested().find(IFLA_INET6_CONF)? else {
        return Ok(None);
    };
    Ok(u32_at(all.value, 4 * DEVCONF_DISABLE_IPV6).map(|disabled| disabled == 0))
}

/// Tunnels give an IP address in the place of a hardware address.
fn mac(hardware: u16, bytes: &[u8]) -> Option<String> {
    let real = matches!(hardware, ARPHRD_ETHER | ARPHRD_IEEE1394 | ARPHRD_INFINIBAND);
    if !real || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(bytes.join(":"))
}

/// Sets a link up or down, and nothing else of it (`ifi_change`).
pub fn set_up(
    requests: &mut Requests,
    sequence: u32,
    index: u32,
    up: bool,
) -> Result<(), Unwritable> {
    requests.add(RTM_NEWLINK, NLM_F_REQUEST, sequence, |body| {
        let mut header = header(index);
        header[8..12].copy_from_slice(&(if up { IFF_UP } else { 0 }).to_ne_bytes());
        header[12..16].copy_from_slice(&IFF_UP.to_ne_bytes());
        body.header(&header);
        Ok(())
    })
}

/// Sets the largest packet of a link, and nothing else of it.
pub fn set_mtu(
    requests: &mut Requests,
    sequence: u32,
    index: u32,
    mtu: u32,
) -> Result<(), Unwritable> {
    requests.add(RTM_NEWLINK, NLM_F_REQUEST, sequence, |body| {
        body.header(&header(index));
        body.u32(IFLA_MTU, mtu)
    })
}

/// `struct ifinfomsg` of the link with that number, which changes no flag.
fn header(index: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}
