//! Policy routing rules: RTM_NEWRULE to [`Rule`] and back.
//!
//! Kernel: `net/core/fib_rules.c` (`fib_nl_fill_rule`, `fib_nl2rule`).

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::route::{OpaqueAttribute, Protocol};
use netprof_model::rule::{Family, Rule, RuleAction, RuleKey, RuleSpec};

use super::Write;
use super::address::{ip, put};
use super::numbers::*;
use super::route::HEADER_RESIDUE;
use super::wire::{
    Attribute, Attributes, Body, Malformed, Requests, Unwritable, from_hex, to_hex, u16_at, u32_at,
};

/// The length of `struct fib_rule_hdr`.
const HEADER: usize = 12;

/// Flags that say how a rule does at the moment; PERMANENT is the kernel's own.
const VOLATILE_FLAGS: u32 =
    FIB_RULE_PERMANENT | FIB_RULE_UNRESOLVED | FIB_RULE_IIF_DETACHED | FIB_RULE_OIF_DETACHED;

/// A suppressor that was not set.
const UNSET: u32 = u32::MAX;

/// Asks for the rules of all families.
pub fn dump(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    requests.add(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
        body.header(&[0; HEADER]);
        Ok(())
    })
}

/// Reads one rule; none for one of a family that is neither IPv4 nor IPv6. Its
/// owner is not in the bytes alone.
pub fn decode(payload: &[u8]) -> Result<Option<Rule>, Malformed> {
    let attributes = Attributes::behind(payload, HEADER)?;
    let &[family, to_length, from_length, tos, table, _, _, action, ..] = payload else {
        return Err(Malformed("rule"));
    };
    let kind = match family {
        AF_INET => Family::V4,
        AF_INET6 => Family::V6,
        _ => return Ok(None),
    };
    let flags = u32_at(payload, 8).unwrap_or_default();
    let mut table = u32::from(table);
    let mut target = 0;
    let mut mark = None;
    let mut mask = None;
    let (mut from, mut to) = (None, None);
    let mut spec = RuleSpec::default();
    let mut key = RuleKey::new(kind, 0, RuleAction::Nop);
    key.not = flags & FIB_RULE_INVERT != 0;
    key.tos = (tos != 0).then_some(tos);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.number() {
            FRA_PRIORITY => key.priority = attribute.u32()?,
            FRA_TABLE => table = attribute.u32()?,
            FRA_GOTO => target = attribute.u32()?,
            FRA_SRC => from = Some(ip(family, attribute.value)?),
            FRA_DST => to = Some(ip(family, attribute.value)?),
            FRA_FWMARK => mark = Some(attribute.u32()?),
            FRA_FWMASK => mask = Some(attribute.u32()?),
            FRA_IIFNAME => key.iif = Some(attribute.text()),
            FRA_OIFNAME => key.oif = Some(attribute.text()),
            FRA_UID_RANGE => {
                let first = attribute.u32()?;
                let last = u32_at(attribute.value, 4).ok_or(Malformed("rule"))?;
                key.uids = Some((first, last));
            }
            FRA_IP_PROTO => key.ipproto = Some(attribute.u8()?),
            FRA_SPORT_RANGE => key.sport = Some(ports(attribute)?),
            FRA_DPORT_RANGE => key.dport = Some(ports(attribute)?),
            FRA_PROTOCOL => spec.protocol = Protocol(attribute.u8()?),
            FRA_SUPPRESS_PREFIXLEN => {
                key.suppress_prefixlength = Some(attribute.u32()?).filter(|len| *len != UNSET);
            }
            FRA_SUPPRESS_IFGROUP if attribute.u32()? == UNSET => {}
            // Since Linux 6.15; all bits is what a port without a mask means.
            FRA_SPORT_MASK | FRA_DPORT_MASK if attribute.u16()? == u16::MAX => {}
            FRA_PAD => {}
            _ => key.opaque.push(keep(attribute.kind, attribute.value)),
        }
    }
    let net = |address: Option<std::net::IpAddr>, length: u8| {
        if address.is_none() && length == 0 {
            return Ok(None);
        }
        let address = address.unwrap_or_else(|| kind.everything().addr());
        IpNet::new(address, length)
            .map(|net| Some(net.trunc()))
            .map_err(|_| Malformed("rule"))
    };
    key.from = net(from, from_length)?;
    key.to = net(to, to_length)?;
    // A mask without a mark is a mark of 0, and without a mask it is all of it.
    if mark.is_some() || mask.is_some() {
        let pair = (mark.unwrap_or(0), mask.unwrap_or(u32::MAX));
        key.fwmark = Some(pair).filter(|pair| *pair != (0, 0));
    }
    key.action = match action {
        FR_ACT_TO_TBL => RuleAction::Lookup(table),
        FR_ACT_GOTO => RuleAction::Goto(target),
        FR_ACT_NOP => RuleAction::Nop,
        FR_ACT_BLACKHOLE => RuleAction::Blackhole,
        FR_ACT_UNREACHABLE => RuleAction::Unreachable,
        FR_ACT_PROHIBIT => RuleAction::Prohibit,
        other => RuleAction::Other(other),
    };
    // Only a look-up has a table in the model; elsewhere it is without effect, but
    // it is there.
    if action != FR_ACT_TO_TBL && table != 0 {
        key.opaque.push(keep(FRA_TABLE, &table.to_ne_bytes()));
    }
    let residue = flags & !(VOLATILE_FLAGS | FIB_RULE_INVERT);
    if residue != 0 {
        key.opaque
            .push(keep(HEADER_RESIDUE, &residue.to_ne_bytes()));
    }
    Ok(Some(Rule {
        key,
        spec,
        owner: Owner::Unknown,
    }))
}

fn ports(attribute: Attribute<'_>) -> Result<(u16, u16), Malformed> {
    let last = u16_at(attribute.value, 2).ok_or(Malformed("rule"))?;
    Ok((attribute.u16()?, last))
}

fn keep(kind: u16, value: &[u8]) -> OpaqueAttribute {
    OpaqueAttribute {
        kind,
        value: to_hex(value),
    }
}

/// Adds or removes a rule.
///
/// An addition fails where the same rule is there already; one that differs only in
/// its protocol counts as another rule (`rule_exists`). A removal names all that the
/// rule says; the kernel takes what is not named for anything (`rule_find`), so a rule
/// that says more than this one, has the same protocol and stands before it would be
/// taken in its place: see [`super::standing`].
pub fn encode(
    requests: &mut Requests,
    sequence: u32,
    write: Write,
    key: &RuleKey,
    spec: &RuleSpec,
) -> Result<(), Unwritable> {
    let message = write.message(RTM_NEWRULE, RTM_DELRULE);
    requests.add(message, write.flags(), sequence, |body| {
        let mut flags = if key.not { FIB_RULE_INVERT } else { 0 };
        let mut opaque = Vec::new();
        for attribute in &key.opaque {
            let value =
                from_hex(&attribute.value).ok_or(Unwritable::NotHexadecimal(attribute.kind))?;
            if attribute.kind == HEADER_RESIDUE {
                flags |= u32_at(&value, 0).unwrap_or(0);
            } else {
                opaque.push((attribute.kind, value));
            }
        }
        let length = |net: Option<IpNet>| net.map_or(0, |net| net.prefix_len());
        let mut header = [
            match key.family {
                Family::V4 => AF_INET,
                Family::V6 => AF_INET6,
            },
            length(key.to),
            length(key.from),
            key.tos.unwrap_or(0),
            0,
            0,
            0,
            action(key.action),
            0,
            0,
            0,
            0,
        ];
        if let RuleAction::Lookup(table) = key.action {
            header[4] = u8::try_from(table).unwrap_or(0);
        }
        header[8..].copy_from_slice(&flags.to_ne_bytes());
        body.header(&header);
        selector(body, key)?;
        match key.action {
            // Table 0 is that of the link's own VRF (FRA_L3MDEV).
            RuleAction::Lookup(table) if table != 0 => body.u32(FRA_TABLE, table)?,
            RuleAction::Goto(target) => body.u32(FRA_GOTO, target)?,
            _ => {}
        }
        if let Some(length) = key.suppress_prefixlength {
            body.u32(FRA_SUPPRESS_PREFIXLEN, length)?;
        }
        body.attribute(FRA_PROTOCOL, &[spec.protocol.0])?;
        for (kind, value) in opaque {
            body.attribute(kind, &value)?;
        }
        Ok(())
    })
}

fn selector(body: &mut Body<'_>, key: &RuleKey) -> Result<(), Unwritable> {
    body.u32(FRA_PRIORITY, key.priority)?;
    for (kind, what, net) in [(FRA_SRC, "from", key.from), (FRA_DST, "to", key.to)] {
        let Some(net) = net else { continue };
        if Family::of(&net) != key.family {
            return Err(Unwritable::OtherFamily(what));
        }
        if net.prefix_len() > 0 {
            put(body, kind, net.network())?;
        }
    }
    if let Some((mark, mask)) = key.fwmark {
        body.u32(FRA_FWMARK, mark)?;
        body.u32(FRA_FWMASK, mask)?;
    }
    for (kind, name) in [(FRA_IIFNAME, &key.iif), (FRA_OIFNAME, &key.oif)] {
        if let Some(name) = name {
            body.text(kind, name)?;
        }
    }
    if let Some((first, last)) = key.uids {
        body.attribute(
            FRA_UID_RANGE,
            &pair(first.to_ne_bytes(), last.to_ne_bytes()),
        )?;
    }
    if let Some(protocol) = key.ipproto {
        body.attribute(FRA_IP_PROTO, &[protocol])?;
    }
    for (kind, ports) in [(FRA_SPORT_RANGE, key.sport), (FRA_DPORT_RANGE, key.dport)] {
        if let Some((first, last)) = ports {
            body.attribute(kind, &pair(first.to_ne_bytes(), last.to_ne_bytes()))?;
        }
    }
    Ok(())
}

fn pair<const N: usize>(first: [u8; N], last: [u8; N]) -> Vec<u8> {
    [first, last].concat()
}

fn action(action: RuleAction) -> u8 {
    match action {
        RuleAction::Lookup(_) => FR_ACT_TO_TBL,
        RuleAction::Goto(_) => FR_ACT_GOTO,
        RuleAction::Nop => FR_ACT_NOP,
        RuleAction::Blackhole => FR_ACT_BLACKHOLE,
        RuleAction::Unreachable => FR_ACT_UNREACHABLE,
        RuleAction::Prohibit => FR_ACT_PROHIBIT,
        RuleAction::Other(number) => number,
    }
}
