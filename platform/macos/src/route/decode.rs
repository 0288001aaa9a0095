//! A message about a route to the model.
//!
//! What the model has no field for is kept under the numbers of
//! [`netprof_plan::macos::put_back::attribute`]; there it is also said what of it can be
//! written again. Flags that the kernel sets anew by itself are dropped ([`VOLATILE`]).
//!
//! A route's lifetime stands in `rmx_expire` as seconds since 1970, so that whoever reads
//! one must know what time it is. A route that clones (`RTF_CLONING`, every connected
//! network) has the moment of its making there: it is what the clones inherit, and the
//! route itself never goes (`arp_rtrequest`, xnu `bsd/netinet/in_arp.c`; netstat(1) shows
//! it as `!`).

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::route::{
    Hop, OpaqueAttribute, Protocol, Route, RouteKey, RouteKind, RouteLive, RouteSpec, rtf,
};
use netprof_plan::macos::put_back::{attribute, of_number};

use super::error::Malformed;
use super::message::{Message, RouteHeader};
use super::names::Names;
use super::numbers::*;
use super::sockaddr::{Sockaddr, Sockaddrs};

/// The destination of a message, and the number of the link that it is of.
struct Destination {
    net: IpNet,
    zone: u32,
    /// How it is written where not by a netmask, as [`attribute::NETMASK`] has it.
    form: Option<&'static str>,
}

/// How a route to a single address is written that has no netmask.
pub(crate) fn by(form: &str) -> OpaqueAttribute {
    OpaqueAttribute {
        kind: attribute::NETMASK,
        value: form.to_owned(),
    }
}

/// Reads where a route leads to; none for a family that is neither IPv4 nor IPv6.
fn destination(flags: u32, all: &Sockaddrs<'_>) -> Result<Option<Destination>, Malformed> {
    let dst = all.get(RTA_DST).ok_or(Malformed::Form("route"))?;
    let of_gateway = all.get(RTA_GATEWAY).map_or(0, |gateway| gateway.family());
    let family = match dst.family() {
        0 if dst.is_empty() => of_gateway,
        family => family,
    };
    let unspecified = match family {
        AF_INET => IpAddr::from([0; 4]),
        AF_INET6 => IpAddr::from([0; 16]),
        _ => return Ok(None),
    };
    let (ip, zone) = if dst.is_empty() {
        (unspecified, 0)
    } else {
        let zoned = dst.ip()?.ok_or(Malformed::Form("destination"))?;
        (zoned.ip, zoned.zone)
    };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let (prefix, form) = match all.get(RTA_NETMASK) {
        _ if flags & rtf::HOST != 0 => (longest, Some(attribute::BY_HOST)),
        Some(mask) => (mask.prefix(family)?, None),
        None if dst.is_empty() => (0, None),
        // The radix tree takes such a one for a single address.
        None => (longest, Some("00")),
    };
    let net = IpNet::new(ip, prefix).map_err(|_| Malformed::Netmask)?;
    Ok(Some(Destination {
        net: net.trunc(),
        zone,
        form,
    }))
}

/// Builds the model's route; none for a family that is neither IPv4 nor IPv6. `now` is the
/// time in seconds since 1970. Its owner is not in the bytes alone.
pub(super) fn route(
    message: &Message<'_>,
    header: &RouteHeader,
    all: &Sockaddrs<'_>,
    names: &Names,
    now: i64,
) -> Result<Option<Route>, Malformed> {
    let flags = header.flags;
    let Some(destination) = destination(flags, all)? else {
        return Ok(None);
    };
    let index = u32::from(header.index);
    let ifscope = match (destination.zone, flags & rtf::IFSCOPE) {
        (0, 0) => None,
        (0, _) => Some(names.name(index)?.to_owned()),
        (zone, _) => Some(names.name(zone)?.to_owned()),
    };
    let dev = names.name(index)?;
    let v4 = destination.net.addr().is_ipv4();
    let mut opaque = metrics(message, header.locks);
    let via = match all.get(RTA_GATEWAY) {
        Some(gateway) => match said(gateway, flags, v4, index, dev)? {
            Said::Link => None,
            Said::Gateway(via) => Some(via),
            Said::Otherwise => {
                opaque.push(kept(attribute::GATEWAY, gateway.bytes()));
                None
            }
        },
        None if flags & rtf::GATEWAY != 0 => {
            opaque.push(kept(attribute::GATEWAY, &[]));
            None
        }
        None => None,
    };
    if let Some(mask) = all.get(RTA_GENMASK).filter(|mask| !mask.is_empty()) {
        opaque.push(kept(attribute::GENMASK, mask.bytes()));
    }
    let kind = kind(flags);
    let mut residue = flags & !(SAID | VOLATILE);
    if kind == RouteKind::Unreachable {
        residue |= flags & rtf::BLACKHOLE;
    }
    if residue != 0 {
        opaque.push(OpaqueAttribute {
            kind: attribute::FLAGS,
            value: of_number(residue),
        });
    }
    opaque.extend(destination.form.map(by));
    Ok(Some(Route {
        key: RouteKey {
            ifscope,
            ..RouteKey::unscoped(destination.net)
        },
        spec: RouteSpec {
            kind,
            protocol: protocol(flags),
            hops: vec![Hop::through(dev, via)],
            flags: flags & rtf::WRITABLE,
            opaque,
            ..RouteSpec::default()
        }
        .into(),
        live: RouteLive {
            expires: expires(header, now),
            ..RouteLive::default()
        },
        owner: Owner::Unknown,
    }))
}

/// What happens to a packet; who is told of it, where both flags are set.
pub(crate) fn kind(flags: u32) -> RouteKind {
    match (flags & rtf::REJECT, flags & rtf::BLACKHOLE) {
        (0, 0) => RouteKind::Unicast,
        (0, _) => RouteKind::Blackhole,
        _ => RouteKind::Unreachable,
    }
}

/// Who put a route there, as far as its flags say it: netprof by its mark, somebody by
/// `RTF_STATIC`, else the kernel.
pub(crate) fn protocol(flags: u32) -> Protocol {
    if flags & rtf::PROTO1 != 0 {
        Protocol::NETPROF
    } else if flags & rtf::STATIC != 0 {
        Protocol::STATIC
    } else {
        Protocol::KERNEL
    }
}

/// What a gateway says.
enum Said {
    /// The route's link is where it leads.
    Link,
    /// Packets are sent to it, through the route's link.
    Gateway(IpAddr),
    /// Something that no hop can say.
    Otherwise,
}

/// What `gateway` says of a route with `flags` through link `index` with the name `dev`.
fn said(
    gateway: Sockaddr<'_>,
    flags: u32,
    v4: bool,
    index: u32,
    dev: &str,
) -> Result<Said, Malformed> {
    let indirect = flags & rtf::GATEWAY != 0;
    if let Some(link) = gateway.link()? {
        let same = match u32::from(link.index) {
            0 => link.name == dev.as_bytes(),
            other => other == index,
        };
        let plain = same && !indirect && link.hardware.is_empty();
        return Ok(if plain { Said::Link } else { Said::Otherwise });
    }
    if gateway.is_empty() {
        return Ok(Said::Otherwise);
    }
    Ok(match gateway.ip()? {
        Some(address)
            if indirect
                && address.ip.is_ipv4() == v4
                && (address.zone == 0 || address.zone == index) =>
        {
            Said::Gateway(address.ip)
        }
        _ => Said::Otherwise,
    })
}

/// The metrics that are locked.
fn metrics(message: &Message<'_>, locks: u32) -> Vec<OpaqueAttribute> {
    (0..8u16)
        .map(|place| (place, 1u16 << place))
        .filter(|(_, bit)| locks & u32::from(*bit) != 0 && *bit != attribute::EXPIRE)
        .filter_map(|(place, kind)| {
            Some(OpaqueAttribute {
                kind,
                value: of_number(message.metric(place.into())?),
            })
        })
        .collect()
}

/// Seconds until it goes by itself.
fn expires(header: &RouteHeader, now: i64) -> Option<u32> {
    if header.expire == 0 || header.flags & rtf::CLONING != 0 {
        return None;
    }
    let left = i64::from(header.expire).saturating_sub(now);
    Some(u32::try_from(left.max(0)).unwrap_or(u32::MAX))
}

fn kept(kind: u16, value: &[u8]) -> OpaqueAttribute {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(value.len() * 2);
    for byte in value {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    OpaqueAttribute { kind, value: text }
}
