//! Route look-ups: which way would the kernel send a packet?
//!
//! RTM_GETROUTE without NLM_F_DUMP runs the kernel's own look-up, rules and all;
//! with RTM_F_LOOKUP_TABLE it also tells the table. It costs some 2 µs, however
//! many routes there are.

use netprof_model::plan::{RouteAnswer, RouteProbe};

use super::address::{family, ip, put};
use super::answer::KernelError;
use super::names::LinkNames;
use super::numbers::*;
use super::route::RouteView;
use super::wire::{Attributes, Malformed, Requests, Unwritable};

/// The length of `struct rtmsg`.
const HEADER: usize = 12;

/// Asks for the way to `probe.to`.
pub fn encode(
    requests: &mut Requests,
    sequence: u32,
    probe: &RouteProbe,
    names: &LinkNames,
) -> Result<(), Unwritable> {
    requests.add(RTM_GETROUTE, NLM_F_REQUEST, sequence, |body| {
        let bits = if probe.to.is_ipv4() { 32 } else { 128 };
        let mut header = [0; HEADER];
        header[0] = family(probe.to);
        header[1] = bits;
        header[8..].copy_from_slice(&RTM_F_LOOKUP_TABLE.to_ne_bytes());
        body.header(&header);
        put(body, RTA_DST, probe.to)?;
        match &probe.oif {
            Some(oif) => body.u32(RTA_OIF, names.index(oif)?),
            None => Ok(()),
        }
    })
}

/// Reads the answer.
pub fn decode(payload: &[u8], names: &LinkNames) -> Result<RouteAnswer, Malformed> {
    let &[family, _, _, _, table, _, _, kind, ..] = payload else {
        return Err(Malformed("route"));
    };
    let mut answer = RouteAnswer {
        table: Some(u32::from(table)),
        // IPv6 answers with a route that drops, where IPv4 answers with an error.
        unreachable: RouteView::drops(kind),
        ..RouteAnswer::default()
    };
    for attribute in Attributes::behind(payload, HEADER)? {
        let attribute = attribute?;
        match attribute.number() {
            RTA_TABLE => answer.table = Some(attribute.u32()?),
            RTA_OIF => answer.dev = names.name(attribute.u32()?).map(str::to_owned),
            RTA_GATEWAY | RTA_VIA => {
                answer.via = Some(super::route::gateway(family, attribute)?);
            }
            RTA_PREFSRC => answer.src = Some(ip(family, attribute.value)?),
            _ => {}
        }
    }
    if answer.unreachable {
        answer.dev = None;
        answer.src = None;
    }
    Ok(answer)
}

/// The answer that there is no way.
#[must_use]
pub fn no_way() -> RouteAnswer {
    RouteAnswer {
        unreachable: true,
        ..RouteAnswer::default()
    }
}

/// What an error means: that there is no way, or that the question was not answered.
/// A route that drops answers with its own error: `fib_props` in
/// `net/ipv4/fib_semantics.c`; ENODEV is a link that went away.
pub fn decode_error(error: KernelError) -> Result<RouteAnswer, KernelError> {
    match error.errno {
        ENETUNREACH | EHOSTUNREACH | EACCES | EINVAL | ENODEV => Ok(no_way()),
        _ => Err(error),
    }
}
