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
        // IPv6 tells the table anyway, and with NETLINK_GET_STRICT_CHK refuses the flag.
        if probe.to.is_ipv4() {
            header[8..].copy_from_slice(&RTM_F_LOOKUP_TABLE.to_ne_bytes());
        }
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
///
/// A route that drops answers with an error of its own (`fib_props` in
/// `net/ipv4/fib_semantics.c`). That of a blackhole is EINVAL, which is also the
/// answer to a question that is not understood; but that one comes with words.
pub fn decode_error(error: KernelError) -> Result<RouteAnswer, KernelError> {
    match error.errno {
        ENETUNREACH | EHOSTUNREACH | EACCES => Ok(no_way()),
        EINVAL if error.says.is_none() => Ok(no_way()),
        // The link went away between being named and being asked about.
        ENODEV => Ok(no_way()),
        _ => Err(error),
    }
}
