//! The model to RTM_NEWROUTE and RTM_DELROUTE.

use std::net::IpAddr;

use netprof_model::route::{Hop, OpaqueAttribute, RouteKey, RouteKind, RouteSpec};

use super::super::Write;
use super::super::address::{bytes, family, put};
use super::super::names::LinkNames;
use super::super::numbers::*;
use super::super::wire::{Body, Requests, Unwritable, from_hex, u32_at};
use super::{HEADER, HEADER_RESIDUE};

/// The length of an attribute's header (`struct rtattr`), and that of the table's attribute.
const ATTRIBUTE_HEADER: usize = 4;
const TABLE: usize = 8;

/// Writes a route, or removes exactly this one: a removal names every attribute,
/// so that a route of somebody else with the same key is not hit. (IPv4 takes a
/// metric of 0 in a removal for any metric; protocol, scope, type and hops still
/// have to fit. [`super::super::standing`] looks for that first.)
pub fn encode(
    requests: &mut Requests,
    sequence: u32,
    write: Write,
    key: &RouteKey,
    spec: &RouteSpec,
    names: &LinkNames,
) -> Result<(), Unwritable> {
    let message = write.message(RTM_NEWROUTE, RTM_DELROUTE);
    requests.add(message, write.flags(), sequence, |body| {
        Message {
            key,
            spec,
            names,
            family: family(key.dst.addr()),
        }
        .write(body)
    })
}

/// Writes the last message of `requests` once more, which is of a route with a key that
/// [`is_alike`], for `key`: of ten thousand routes that lead the same way each but the first
/// is written so. None if there is no last message.
pub fn again(requests: &mut Requests, sequence: u32, key: &RouteKey) -> Option<()> {
    requests.add_again(sequence, |body| {
        if key.dst.prefix_len() > 0 {
            let at = HEADER + TABLE + ATTRIBUTE_HEADER;
            bytes(key.dst.network(), |dst| {
                body[at..at + dst.len()].copy_from_slice(dst);
            });
        }
    })
}

/// Whether what is written of routes with these keys differs in the destination alone.
pub fn is_alike(one: &RouteKey, other: &RouteKey) -> bool {
    // Taken apart, so that nothing that is new is forgotten here.
    let RouteKey {
        dst,
        table,
        metric,
        tos,
        ifscope: _,
    } = one;
    (table, metric, tos) == (&other.table, &other.metric, &other.tos)
        && dst.prefix_len() == other.dst.prefix_len()
        && family(dst.addr()) == family(other.dst.addr())
}

struct Message<'a> {
    key: &'a RouteKey,
    spec: &'a RouteSpec,
    names: &'a LinkNames,
    family: u8,
}

impl Message<'_> {
    fn write(&self, body: &mut Body<'_>) -> Result<(), Unwritable> {
        let (key, spec) = (self.key, self.spec);
        let residue = residue(&spec.opaque)?;
        let mut flags = u32_at(&residue, 0).unwrap_or(0);
        let known = residue.get(4).copied().filter(|kind| *kind != 0);
        let single = match spec.hops.as_slice() {
            // A nexthop object brings its own hops: the kernel refuses both at once.
            [only] if spec.nexthop_id.is_none() => Some(only),
            _ => None,
        };
        if single.is_some_and(|hop| hop.onlink) {
            flags |= RTNH_F_ONLINK;
        }
        let mut header = [
            self.family,
            key.dst.prefix_len(),
            spec.from.map_or(0, |from| from.prefix_len()),
            key.tos,
            // Tables that do not fit are named by RTA_TABLE alone.
            u8::try_from(key.table).unwrap_or(0),
            spec.protocol.0,
            spec.scope,
            known.unwrap_or_else(|| number(spec.kind)),
            0,
            0,
            0,
            0,
        ];
        header[8..HEADER].copy_from_slice(&flags.to_ne_bytes());
        body.header(&header);
        // These two first: see `again`.
        body.u32(RTA_TABLE, key.table)?;
        if key.dst.prefix_len() > 0 {
            put(body, RTA_DST, key.dst.network())?;
        }
        if let Some(from) = spec.from {
            self.same_family("from", from.addr())?;
            put(body, RTA_SRC, from.network())?;
        }
        if let Some(prefsrc) = spec.prefsrc {
            self.same_family("src", prefsrc)?;
            put(body, RTA_PREFSRC, prefsrc)?;
        }
        if key.metric > 0 {
            body.u32(RTA_PRIORITY, key.metric)?;
        }
        if let Some(id) = spec.nexthop_id {
            body.u32(RTA_NH_ID, id)?;
        } else {
            self.hops(body, single)?;
        }
        for attribute in &spec.opaque {
            let number = attribute.kind & NLA_TYPE_MASK;
            let of_nexthop = matches!(
                number,
                RTA_MULTIPATH | RTA_FLOW | RTA_ENCAP | RTA_ENCAP_TYPE
            );
            if number == HEADER_RESIDUE || (of_nexthop && spec.nexthop_id.is_some()) {
                continue;
            }
            body.attribute(attribute.kind, &payload(attribute)?)?;
        }
        Ok(())
    }

    fn same_family(&self, what: &'static str, ip: IpAddr) -> Result<(), Unwritable> {
        if family(ip) == self.family {
            return Ok(());
        }
        Err(Unwritable::OtherFamily(what))
    }

    fn hops(&self, body: &mut Body<'_>, single: Option<&Hop>) -> Result<(), Unwritable> {
        // Hops with attributes that the model does not know stand there in the
        // kernel's own bytes.
        let verbatim = |one: &OpaqueAttribute| one.kind & NLA_TYPE_MASK == RTA_MULTIPATH;
        if self.spec.hops.is_empty() || self.spec.opaque.iter().any(verbatim) {
            return Ok(());
        }
        if let Some(hop) = single.filter(|hop| hop.weight == 1) {
            if let Some(dev) = &hop.dev {
                body.u32(RTA_OIF, self.names.index(dev)?)?;
            }
            return self.gateway(body, hop);
        }
        body.nest_raw(RTA_MULTIPATH, |body| {
            for hop in &self.spec.hops {
                let start = body.position();
                let weight = hop.weight.checked_sub(1).map(u8::try_from);
                let Some(Ok(less)) = weight else {
                    return Err(Unwritable::Weight(hop.weight));
                };
                let onlink = if hop.onlink { RTNH_F_ONLINK } else { 0 };
                let index = hop.dev.as_deref().map(|dev| self.names.index(dev));
                let index = index.transpose()?.unwrap_or(0);
                body.header(&[0, 0, onlink.to_le_bytes()[0], less]);
                body.header(&index.to_ne_bytes());
                self.gateway(body, hop)?;
                body.put_length(start, RTA_MULTIPATH)?;
            }
            Ok(())
        })
    }

    fn gateway(&self, body: &mut Body<'_>, hop: &Hop) -> Result<(), Unwritable> {
        match hop.via {
            None => Ok(()),
            Some(via) if family(via) == self.family => put(body, RTA_GATEWAY, via),
            Some(via) => body.nest_raw(RTA_VIA, |body| {
                body.raw(&u16::from(family(via)).to_ne_bytes());
                bytes(via, |bytes| body.raw(bytes));
                Ok(())
            }),
        }
    }
}

fn payload(attribute: &OpaqueAttribute) -> Result<Vec<u8>, Unwritable> {
    from_hex(&attribute.value).ok_or(Unwritable::NotHexadecimal(attribute.kind))
}

fn residue(opaque: &[OpaqueAttribute]) -> Result<Vec<u8>, Unwritable> {
    opaque
        .iter()
        .find(|attribute| attribute.kind == HEADER_RESIDUE)
        .map_or(Ok(Vec::new()), payload)
}

/// RTN_*.
fn number(kind: RouteKind) -> u8 {
    match kind {
        RouteKind::Unicast => 1,
        RouteKind::Local => 2,
        RouteKind::Broadcast => 3,
        RouteKind::Anycast => 4,
        RouteKind::Multicast => 5,
        RouteKind::Blackhole => 6,
        RouteKind::Unreachable => 7,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
    }
}
