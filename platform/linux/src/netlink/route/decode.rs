//! RTM_NEWROUTE to the model.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::route::{
    Hop, OpaqueAttribute, Protocol, Route, RouteKey, RouteKind, RouteLive, RouteSpec,
};
use netprof_model::shared::Shared;

use super::super::address::ip;
use super::super::names::LinkNames;
use super::super::numbers::*;
use super::super::wire::{Attribute, Attributes, Malformed, to_hex, u16_at, u32_at};
use super::{HEADER, HEADER_RESIDUE, RouteFilter};

/// Flags that say how a link or a route does at the moment, or that the kernel
/// sets by itself: none of them can be written.
const VOLATILE_FLAGS: u32 = RTNH_F_DEAD
    | RTNH_F_LINKDOWN
    | RTNH_F_UNRESOLVED
    | RTNH_F_OFFLOAD
    | RTNH_F_TRAP
    | RTM_F_NOTIFY
    | RTM_F_LOOKUP_TABLE
    | RTM_F_OFFLOAD
    | RTM_F_TRAP
    | RTM_F_OFFLOAD_FAILED;

/// Clock ticks per second towards user space (USER_HZ).
const USER_HZ: u32 = 100;

/// The length of `struct rtnexthop`.
const NEXTHOP_HEADER: usize = 8;

/// A route goes through a link that has no name here: the links were read too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLink(pub u32);

/// One message of a route dump, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RouteView<'a> {
    message: &'a [u8],
    /// AF_INET or AF_INET6.
    pub family: u8,
    /// The length of the destination's prefix.
    pub dst_length: u8,
    /// The length of the source's prefix (IPv6).
    pub src_length: u8,
    /// The type of service (IPv4).
    pub tos: u8,
    /// The table.
    pub table: u32,
    /// Who put it there.
    pub protocol: u8,
    /// The scope.
    pub scope: u8,
    /// RTN_*.
    pub kind: u8,
    /// RTM_F_* and RTNH_F_*.
    pub flags: u32,
    /// The metric.
    pub metric: u32,
    /// The link of a route with one hop; 0 for none.
    pub oif: u32,
    /// Whether it goes by itself some time.
    pub expires: Option<u32>,
    dst: Option<&'a [u8]>,
    src: Option<&'a [u8]>,
    prefsrc: Option<&'a [u8]>,
    gateway: Option<Attribute<'a>>,
    multipath: Option<Attribute<'a>>,
    nexthop_id: Option<u32>,
}

impl<'a> RouteView<'a> {
    /// Reads a message. None for a route that is not one of the tables: a cached
    /// clone, or of a family that is neither IPv4 nor IPv6.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let (Some(header), Some(attributes)) = (payload.get(..HEADER), payload.get(HEADER..))
        else {
            return Err(Malformed("route"));
        };
        let flags = u32_at(header, 8).unwrap_or_default();
        if (header[0] != AF_INET && header[0] != AF_INET6) || flags & RTM_F_CLONED != 0 {
            return Ok(None);
        }
        let mut view = Self {
            message: payload,
            family: header[0],
            dst_length: header[1],
            src_length: header[2],
            tos: header[3],
            table: u32::from(header[4]),
            protocol: header[5],
            scope: header[6],
            kind: header[7],
            flags,
            metric: 0,
            oif: 0,
            expires: None,
            dst: None,
            src: None,
            prefsrc: None,
            gateway: None,
            multipath: None,
            nexthop_id: None,
        };
        for attribute in Attributes::new(attributes) {
            let attribute = attribute?;
            match attribute.number() {
                RTA_DST => view.dst = Some(attribute.value),
                RTA_SRC => view.src = Some(attribute.value),
                RTA_PREFSRC => view.prefsrc = Some(attribute.value),
                RTA_OIF => view.oif = attribute.u32()?,
                RTA_GATEWAY | RTA_VIA => view.gateway = Some(attribute),
                RTA_PRIORITY => view.metric = attribute.u32()?,
                RTA_TABLE => view.table = attribute.u32()?,
                RTA_MULTIPATH => view.multipath = Some(attribute),
                RTA_NH_ID => view.nexthop_id = Some(attribute.u32()?),
                // struct rta_cacheinfo: rta_expires is the third number, in ticks;
                // 0 for never, negative once it is past and not yet collected.
                RTA_CACHEINFO => {
                    let ticks = u32_at(attribute.value, 8).ok_or(Malformed("attribute"))?;
                    if ticks != 0 {
                        let left = u32::try_from(ticks.cast_signed()).unwrap_or(0);
                        view.expires = Some(left / USER_HZ);
                    }
                }
                _ => {}
            }
        }
        Ok(Some(view))
    }

    /// Whether `filter` lets it through.
    #[must_use]
    pub fn passes(&self, filter: RouteFilter) -> bool {
        filter.table.is_none_or(|table| table == self.table)
            && filter
                .protocol
                .is_none_or(|protocol| protocol == self.protocol)
    }

    /// Whether a route of that type (RTN_*) has no way on.
    #[must_use]
    pub fn drops(number: u8) -> bool {
        kind(number).is_some_and(has_no_way_on)
    }

    /// The destination.
    pub fn destination(&self) -> Result<IpNet, Malformed> {
        self.net(self.dst, self.dst_length)
    }

    fn net(&self, address: Option<&[u8]>, length: u8) -> Result<IpNet, Malformed> {
        let address = match (address, self.family) {
            (Some(bytes), family) => ip(family, bytes)?,
            (None, AF_INET) => IpAddr::from([0; 4]),
            (None, _) => IpAddr::from([0; 16]),
        };
        let net = IpNet::new(address, length).map_err(|_| Malformed("route"))?;
        Ok(net.trunc())
    }

    /// All that it says but where it leads to: the header, and the attributes before and
    /// behind the destination. Two routes that say the same differ in nothing but their key.
    pub(super) fn but_destination(&self) -> ([u8; HEADER], &'a [u8], &'a [u8]) {
        let (bytes, attributes) = self.message.split_at(HEADER);
        let mut header = [0; HEADER];
        header.copy_from_slice(bytes);
        header[1] = 0;
        let Some(dst) = self.dst else {
            return (header, attributes, &[]);
        };
        let at = dst.as_ptr().addr() - attributes.as_ptr().addr();
        (header, &attributes[..at], &attributes[at + dst.len()..])
    }

    /// The route that holds `spec`.
    pub(super) fn holding(
        &self,
        spec: Shared<RouteSpec>,
        live: RouteLive,
    ) -> Result<Route, Malformed> {
        Ok(Route {
            key: RouteKey {
                dst: self.destination()?,
                table: self.table,
                metric: self.metric,
                tos: self.tos,
                ifscope: None,
            },
            spec,
            live,
            owner: Owner::Unknown,
        })
    }

    /// Builds the model's route. Its owner is not in the bytes alone.
    pub fn to_route(&self, names: &LinkNames) -> Result<Result<Route, UnknownLink>, Malformed> {
        let known = kind(self.kind);
        let mut flags = self.flags;
        let mut opaque = Vec::new();
        let hops = match self.hops(names, &mut flags, &mut opaque)? {
            Ok(hops) => hops,
            Err(unknown) => return Ok(Err(unknown)),
        };
        let residue = self.flags & !(VOLATILE_FLAGS | RTNH_F_ONLINK);
        if residue != 0 || known.is_none() {
            let mut value = residue.to_ne_bytes().to_vec();
            value.push(if known.is_none() { self.kind } else { 0 });
            opaque.push(keep(HEADER_RESIDUE, &value));
        }
        for attribute in Attributes::new(&self.message[HEADER..]) {
            let attribute = attribute?;
            match attribute.number() {
                RTA_DST | RTA_SRC | RTA_PREFSRC | RTA_OIF | RTA_GATEWAY | RTA_VIA
                | RTA_PRIORITY | RTA_TABLE | RTA_MULTIPATH | RTA_NH_ID | RTA_CACHEINFO
                | RTA_EXPIRES | RTA_PAD => {}
                // IPv6 always says its router preference; 0 is medium, the default.
                RTA_PREF if attribute.value == [0] => {}
                _ => opaque.push(keep(attribute.kind, attribute.value)),
            }
        }
        let prefsrc = self.prefsrc.map(|bytes| ip(self.family, bytes));
        let from = (self.src_length > 0 || self.src.is_some())
            .then(|| self.net(self.src, self.src_length));
        let spec = RouteSpec {
            kind: known.unwrap_or_default(),
            protocol: Protocol(self.protocol),
            scope: self.scope,
            prefsrc: prefsrc.transpose()?,
            from: from.transpose()?,
            hops,
            nexthop_id: self.nexthop_id,
            flags: 0,
            opaque,
        };
        let live = RouteLive {
            dead: flags & RTNH_F_DEAD != 0,
            linkdown: flags & RTNH_F_LINKDOWN != 0,
            expires: self.expires,
        };
        Ok(Ok(self.holding(spec.into(), live)?))
    }

    /// The hops; the flags of each are added to `flags`.
    fn hops(
        &self,
        names: &LinkNames,
        flags: &mut u32,
        opaque: &mut Vec<OpaqueAttribute>,
    ) -> Result<Result<Vec<Hop>, UnknownLink>, Malformed> {
        let name = |index| match (index, names.name(index)) {
            (0, _) => Ok(None),
            (_, Some(name)) => Ok(Some(name.to_owned())),
            (_, None) => Err(UnknownLink(index)),
        };
        if let Some(multipath) = self.multipath {
            let mut hops = Vec::new();
            let mut strange = false;
            for nexthop in Nexthops::new(multipath.value) {
                let nexthop = nexthop?;
                let mut via = None;
                for attribute in nexthop.attributes {
                    let attribute = attribute?;
                    match attribute.number() {
                        RTA_GATEWAY | RTA_VIA => via = Some(gateway(self.family, attribute)?),
                        _ => strange = true,
                    }
                }
                *flags |= nexthop.flags;
                strange |= nexthop.flags & !(VOLATILE_FLAGS | RTNH_F_ONLINK) != 0;
                let dev = match name(nexthop.index) {
                    Ok(dev) => dev,
                    Err(unknown) => return Ok(Err(unknown)),
                };
                hops.push(Hop {
                    via,
                    dev,
                    weight: nexthop.weight,
                    onlink: nexthop.flags & RTNH_F_ONLINK != 0,
                });
            }
            // A hop of the model has no room for attributes of its own (a realm, an
            // encapsulation): the kernel's bytes are kept beside the hops, and are
            // what is written back.
            if strange {
                opaque.push(keep(multipath.kind, &without_link_state(multipath.value)));
            }
            return Ok(Ok(hops));
        }
        // IPv6 says `dev lo` for a route that drops, as it has no route without a
        // link; it is set anew by itself (ip6_route_info_create).
        let drops = Self::drops(self.kind);
        let dev = match name(self.oif) {
            Ok(dev) => dev.filter(|_| !drops),
            Err(unknown) => return Ok(Err(unknown)),
        };
        let via = self.gateway.map(|via| gateway(self.family, via));
        let via = via.transpose()?;
        if dev.is_none() && via.is_none() {
            return Ok(Ok(Vec::new()));
        }
        Ok(Ok(vec![Hop {
            via,
            dev,
            weight: 1,
            onlink: self.flags & RTNH_F_ONLINK != 0,
        }]))
    }
}

/// Whether a route of that kind has no way on.
fn has_no_way_on(kind: RouteKind) -> bool {
    matches!(
        kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
    )
}

/// RTN_*.
fn kind(number: u8) -> Option<RouteKind> {
    Some(match number {
        1 => RouteKind::Unicast,
        2 => RouteKind::Local,
        3 => RouteKind::Broadcast,
        4 => RouteKind::Anycast,
        5 => RouteKind::Multicast,
        6 => RouteKind::Blackhole,
        7 => RouteKind::Unreachable,
        8 => RouteKind::Prohibit,
        9 => RouteKind::Throw,
        _ => return None,
    })
}

fn keep(kind: u16, value: &[u8]) -> OpaqueAttribute {
    OpaqueAttribute {
        kind,
        value: to_hex(value),
    }
}

/// RTA_GATEWAY, or RTA_VIA: a gateway of the other family behind two bytes that
/// say which (`struct rtvia`).
pub(in super::super) fn gateway(family: u8, attribute: Attribute<'_>) -> Result<IpAddr, Malformed> {
    if attribute.number() == RTA_GATEWAY {
        return ip(family, attribute.value);
    }
    let says = u16_at(attribute.value, 0).and_then(|family| u8::try_from(family).ok());
    ip(
        says.ok_or(Malformed("gateway"))?,
        attribute.value.get(2..).unwrap_or_default(),
    )
}

struct Nexthop<'a> {
    flags: u32,
    weight: u16,
    index: u32,
    attributes: Attributes<'a>,
}

/// The `struct rtnexthop`s of RTA_MULTIPATH.
struct Nexthops<'a> {
    rest: &'a [u8],
}

impl<'a> Nexthops<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Nexthops<'a> {
    type Item = Result<Nexthop<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let length = usize::from(u16_at(rest, 0).unwrap_or_default());
        if length < NEXTHOP_HEADER || length > rest.len() {
            return Some(Err(Malformed("nexthop")));
        }
        self.rest = rest.get((length + 3) & !3..).unwrap_or_default();
        Some(Ok(Nexthop {
            flags: u32::from(rest[2]),
            // The kernel says one less than the weight.
            weight: u16::from(rest[3]) + 1,
            index: u32_at(rest, 4).unwrap_or_default(),
            attributes: Attributes::new(&rest[NEXTHOP_HEADER..length]),
        }))
    }
}

/// The bytes of RTA_MULTIPATH with the flags cleared that cannot be written.
fn without_link_state(multipath: &[u8]) -> Vec<u8> {
    let mut bytes = multipath.to_vec();
    let mut at = 0;
    while let Some(length) = u16_at(&bytes, at).map(usize::from) {
        if length < NEXTHOP_HEADER || at + length > bytes.len() {
            break;
        }
        bytes[at + 2] &= !VOLATILE_FLAGS.to_le_bytes()[0];
        at += (length + 3) & !3;
    }
    bytes
}
