//! What iptables-nft keeps of xtables: matches and targets as the structures of the old
//! kernel interface (`linux/netfilter/xt_*.h`), inside expressions of nft.
//!
//! Only those are read that kill switches are written with; what is left is not understood,
//! and says so by its name.

use netprof_model::firewall::Bits;
use netprof_model::firewall::{Condition, Sets, Test, Verdict};

use super::super::wire::{Malformed, u16_at, u32_at};
use super::expression::Expression;

/// NFTA_MATCH_*, and NFTA_TARGET_* alike.
const NAME: u16 = 1;
const REVISION: u16 = 2;
const INFO: u16 = 3;

/// What a target does.
pub(super) enum Target {
    Nothing,
    Writes(Sets),
    Verdict(Verdict),
}

fn parts<'a>(one: &Expression<'a>) -> Result<(String, u32, &'a [u8]), Malformed> {
    let name = one.get(NAME)?.map(|name| name.text()).unwrap_or_default();
    let revision = one.number(REVISION)?.unwrap_or_default();
    let info = one.get(INFO)?.map_or(&[][..], |info| info.value);
    Ok((name, revision, info))
}

/// What somebody noted.
pub(super) fn comment(one: &Expression<'_>) -> Result<Option<String>, Malformed> {
    let (name, _, info) = parts(one)?;
    let end = info.iter().position(|byte| *byte == 0);
    Ok((name == "comment")
        .then(|| String::from_utf8_lossy(&info[..end.unwrap_or(info.len())]).into_owned()))
}

/// What a match asks; none if nothing.
pub(super) fn condition(one: &Expression<'_>) -> Result<Option<Condition>, Malformed> {
    let (name, revision, info) = parts(one)?;
    let read = match (name.as_str(), revision) {
        ("comment", _) => return Ok(None),
        ("mark", 1) => mark(info).map(|(not, bits)| Condition {
            not,
            test: Test::Mark(bits),
        }),
        ("connmark", 1) => mark(info).map(|(not, bits)| Condition {
            not,
            test: Test::ConnectionMark(bits),
        }),
        ("addrtype", 1) => address_type(info),
        ("conntrack", 2 | 3) => state(info),
        ("icmp6", 0) => icmp(info),
        ("hl", 0) => hop_limit(info),
        ("limit", 0) => Some(Condition {
            not: false,
            test: Test::Rate,
        }),
        (
            "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "multiport" | "icmp" | "owner"
            | "hashlimit" | "connlimit" | "length" | "dscp" | "tos" | "ttl" | "cgroup"
            | "statistic" | "time" | "quota" | "pkttype" | "string",
            _,
        ) => Some(Condition {
            not: false,
            test: Test::Selects(format!("`-m {name}` of iptables")),
        }),
        _ => None,
    };
    Ok(Some(read.unwrap_or_else(|| Condition {
        not: false,
        test: Test::Unknown(format!("`-m {name}` of iptables")),
    })))
}

/// struct xt_mark_mtinfo1: mark, mask, invert.
fn mark(info: &[u8]) -> Option<(bool, Bits)> {
    let (mark, mask) = (u32_at(info, 0)?, u32_at(info, 4)?);
    let not = *info.get(8)? != 0;
    let among = vec![(mark, mark)];
    Some((not, Bits { mask, among }))
}

/// struct xt_addrtype_info_v1: bits of the types of source and destination, flags.
fn address_type(info: &[u8]) -> Option<Condition> {
    const NOT_SOURCE: u32 = 0x1;
    const NOT_DESTINATION: u32 = 0x2;
    let (source, destination) = (u16_at(info, 0)?, u16_at(info, 2)?);
    let flags = u32_at(info, 4)?;
    // XT_ADDRTYPE_*: one bit for each RTN_* number.
    let types = |bits: u16| (0..16).filter(|at| bits & (1 << at) != 0).collect();
    // To look at one link only makes no difference for what is no address of this host's.
    match (source, destination) {
        (0, bits) => Some(Condition {
            not: flags & NOT_DESTINATION != 0,
            test: Test::DestinationType(types(bits)),
        }),
        (bits, 0) => Some(Condition {
            not: flags & NOT_SOURCE != 0,
            test: Test::SourceType(types(bits)),
        }),
        _ => None,
    }
}

/// struct xt_conntrack_mtinfo2 and 3, where they ask for the state alone.
fn state(info: &[u8]) -> Option<Condition> {
    const STATE: u16 = 1;
    // Behind eight addresses, two times, the protocol and four ports.
    const FLAGS: usize = 8 * 16 + 2 * 4 + 2 + 4 * 2;
    let (flags, inverted) = (u16_at(info, FLAGS)?, u16_at(info, FLAGS + 2)?);
    let bits = u16_at(info, FLAGS + 4)?;
    (flags == STATE).then(|| Condition {
        not: inverted & STATE != 0,
        // XT_CONNTRACK_STATE_BIT counts as NF_CT_STATE_BIT does.
        test: Test::State(u32::from(bits)),
    })
}

/// struct ip6t_icmp: the type, the first and the last code, IP6T_ICMP_INV.
fn icmp(info: &[u8]) -> Option<Condition> {
    let [kind, first, last, flags] = *info.first_chunk()?;
    let with = |code: u8| u32::from(u16::from_be_bytes([kind, code]));
    Some(Condition {
        not: flags & 1 != 0,
        test: Test::Icmp(Bits {
            mask: 0xffff,
            among: vec![(with(first), with(last))],
        }),
    })
}

/// struct ip6t_hl_info: IP6T_HL_*, the hop limit.
fn hop_limit(info: &[u8]) -> Option<Condition> {
    let [mode, limit] = *info.first_chunk()?;
    let (not, among) = match mode {
        0 => (false, (limit, limit)),
        1 => (true, (limit, limit)),
        2 => (true, (limit, u8::MAX)),
        3 => (true, (0, limit)),
        _ => return None,
    };
    Some(Condition {
        not,
        test: Test::HopLimit(vec![among]),
    })
}

/// struct xt_mark_tginfo2: mark, mask; what is known where it writes all of it.
fn set_mark(revision: u32, info: &[u8]) -> Option<u32> {
    let (mark, mask) = (u32_at(info, 0)?, u32_at(info, 4)?);
    (revision == 2 && mask == u32::MAX).then_some(mark)
}

/// struct xt_connmark_tginfo1 and 2: mark, its mask, the mask of the packet's, XT_CONNMARK_*,
/// and in the second one how far it is shifted.
fn connection_mark(revision: u32, info: &[u8]) -> Sets {
    const SET: u8 = 0;
    const SAVE: u8 = 1;
    const RESTORE: u8 = 2;
    let read = || {
        let (mark, mask, packet) = (u32_at(info, 0)?, u32_at(info, 4)?, u32_at(info, 8)?);
        let shifted = revision > 1 && *info.get(14)? != 0;
        let all = mask == u32::MAX && !shifted;
        Some((mark, all, all && packet == u32::MAX, *info.get(12)?))
    };
    match read() {
        Some((mark, true, _, SET)) => Sets::ConnectionMark(Some(mark)),
        Some((_, _, true, SAVE)) => Sets::ConnectionMarkFromPacket,
        Some((_, _, true, RESTORE)) => Sets::MarkFromConnection,
        Some((_, _, _, RESTORE)) => Sets::Mark(None),
        _ => Sets::ConnectionMark(None),
    }
}

/// What a target does.
pub(super) fn target(one: &Expression<'_>) -> Result<Target, Malformed> {
    let (name, revision, info) = parts(one)?;
    Ok(match name.as_str() {
        "REJECT" => Target::Verdict(Verdict::Reject),
        "DROP" => Target::Verdict(Verdict::Drop),
        "ACCEPT" | "MASQUERADE" | "SNAT" | "DNAT" | "REDIRECT" | "NETMAP" => {
            Target::Verdict(Verdict::Accept)
        }
        "MARK" => Target::Writes(Sets::Mark(set_mark(revision, info))),
        "CONNMARK" => Target::Writes(connection_mark(revision, info)),
        "NOTRACK" => Target::Writes(Sets::Untracked),
        // struct xt_ct_target_info: flags first; XT_CT_NOTRACK.
        "CT" => match u16_at(info, 0) {
            Some(flags) if flags & 1 != 0 => Target::Writes(Sets::Untracked),
            _ => Target::Nothing,
        },
        "LOG" | "NFLOG" | "TRACE" | "TCPMSS" | "CHECKSUM" | "CLASSIFY" | "TTL" | "HL" | "TOS"
        | "DSCP" | "SET" => Target::Nothing,
        _ => Target::Verdict(Verdict::Unknown(format!("`-j {name}` of iptables"))),
    })
}
