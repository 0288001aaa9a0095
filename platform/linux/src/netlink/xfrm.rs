//! IPsec policies: XFRM_MSG_GETPOLICY to [`XfrmPolicy`].
//!
//! They stand above routing: what a policy matches is transformed whatever route
//! it takes. Kernel: `net/xfrm/xfrm_user.c`, `linux/xfrm.h`.

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::snapshot::XfrmPolicy;

use super::address::ip;
use super::numbers::*;
use super::wire::{Attributes, Malformed, Requests, Unwritable, u16_at, u32_at};

/// The length of `struct xfrm_userpolicy_info`.
const HEADER: usize = 168;

/// The templates of a policy, and where the first one's request number stands in its
/// `struct xfrm_user_tmpl`: behind xfrm_id (24 bytes), family (4) and source (16).
const XFRMA_TMPL: u16 = 5;
/// `struct xfrm_mark`: a value, and the mask that a packet's mark is read by.
const XFRMA_MARK: u16 = 21;
/// The xfrm link that a policy belongs to.
const XFRMA_IF_ID: u16 = 31;
const REQID: usize = 44;

/// Asks for all policies.
pub fn dump(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    requests.add(XFRM_MSG_GETPOLICY, flags, sequence, |_| Ok(()))
}

/// Reads one policy; none for one of a single socket.
pub fn decode(kind: u16, payload: &[u8]) -> Result<Option<XfrmPolicy>, Malformed> {
    if kind != XFRM_MSG_NEWPOLICY {
        return Ok(None);
    }
    let attributes = Attributes::behind(payload, HEADER)?;
    let malformed = || Malformed("policy");
    // struct xfrm_selector: daddr, saddr (16 bytes each), four ports and masks,
    // family, prefixlen_d, prefixlen_s; behind it lifetimes, then priority, index,
    // dir, action.
    let family = u16_at(payload, 40).ok_or_else(malformed)?;
    let net = |at: usize, length: usize| {
        let family = u8::try_from(family).map_err(|_| malformed())?;
        // A policy for everything may leave the family open.
        let family = if family == AF_UNSPEC { AF_INET } else { family };
        let bytes = if family == AF_INET { 4 } else { 16 };
        let address = ip(family, payload.get(at..at + bytes).unwrap_or_default())?;
        let length = payload.get(length).copied().unwrap_or_default();
        IpNet::new(address, length)
            .map(|net| net.trunc())
            .map_err(|_| malformed())
    };
    let direction = match payload.get(160) {
        Some(0) => "in",
        Some(1) => "out",
        Some(2) => "forward",
        // 3 and above: policies that sockets made for themselves.
        _ => return Ok(None),
    };
    let if_id = match attributes.clone().find(XFRMA_IF_ID)? {
        Some(id) => id.u32()?,
        None => 0,
    };
    // A packet that nobody has marked has mark 0.
    let marked = attributes.clone().find(XFRMA_MARK)?.is_some_and(|mark| {
        let half = |at| u32_at(mark.value, at).unwrap_or_default();
        half(0) != 0 && half(4) != 0
    });
    // Masks of destination and source port, protocol, link.
    let narrowed = [34..36, 38..40, 44..45, 48..52].into_iter().any(|field| {
        payload
            .get(field)
            .is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
    });
    let templates = attributes.find(XFRMA_TMPL)?;
    let templates = templates.map_or(&[][..], |templates| templates.value);
    let reqid = u32_at(templates, REQID);
    Ok(Some(XfrmPolicy {
        direction: direction.to_owned(),
        to: net(0, 42)?,
        from: net(16, 43)?,
        action: if payload.get(161) == Some(&0) {
            "allow".to_owned()
        } else {
            "block".to_owned()
        },
        transforms: !templates.is_empty(),
        priority: u32_at(payload, 152).ok_or_else(malformed)?,
        if_id,
        selective: marked || narrowed,
        reqid,
        owner: Owner::Unknown,
        evidence: Vec::new(),
    }))
}
