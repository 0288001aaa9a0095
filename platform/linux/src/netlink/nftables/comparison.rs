//! What a comparison of a register asks, as a condition.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netprof_model::firewall::{Bits, Condition, Span, Test};

/// NFPROTO_IPV4, NFPROTO_IPV6, and what says so in an Ethernet header.
pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 10;
const ETH_P_IP: [u8; 2] = [0x08, 0x00];
const ETH_P_IPV6: [u8; 2] = [0x86, 0xdd];

/// What was loaded into a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Destination,
    Source,
    Protocol,
    Family,
    EtherType,
    OutIndex,
    InIndex,
    OutName,
    InName,
    Mark,
    ConnectionMark,
    State,
    DestinationType,
    SourceType,
    RouteBack,
    HopLimit,
    /// The type of ICMP, or its code, or both: how far they are from the end of both.
    Icmp(u32),
    /// Something that no route knows.
    Selector(&'static str),
    /// Something that is not understood.
    Other(String),
    /// These bytes.
    Constant(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Register {
    pub(super) field: Field,
    /// How many bytes.
    pub(super) length: usize,
    pub(super) mask: Option<Vec<u8>>,
    pub(super) flipped: bool,
    /// Whether it stands in the network's byte order though the kernel keeps it in its own.
    pub(super) swapped: bool,
}

/// The first four bytes, in the machine's byte order.
pub(super) fn native(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn big(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4)?.try_into().ok().map(u32::from_be_bytes)
}

type Bytes = (Vec<u8>, Vec<u8>);

/// A condition that must hold.
pub(super) fn holds(test: Test) -> Condition {
    Condition { not: false, test }
}

/// What a comparison of `register` with `spans` asks, which must fail if `not`.
pub(super) fn compared(
    register: &Register,
    spans: &[Bytes],
    family: Option<u8>,
    not: bool,
) -> Condition {
    // These are asked for by what is left of them, if nothing is: that it is `0` says that
    // it does not hold.
    let is_zero = |(first, last): &Bytes| first == last && first.iter().all(|byte| *byte == 0);
    let gone = matches!(spans, [span] if is_zero(span));
    let test = match (&register.field, &register.mask) {
        (Field::State, Some(mask)) if gone && !register.flipped => native(mask).map(Test::State),
        (Field::RouteBack, None) if gone => Some(Test::RouteBack),
        _ => {
            let test = known(register, spans, family).unwrap_or_else(|| {
                Test::Unknown(format!("a comparison of {}", said(&register.field)))
            });
            return Condition { not, test };
        }
    };
    let test = test.unwrap_or_else(|| Test::Unknown("a mask".to_owned()));
    Condition { not: !not, test }
}

/// Whether bytes that are the same for all packets are among `spans`; none for others. The
/// kernel compares byte by byte, as much as it was told to.
pub(super) fn decided(register: &Register, spans: &[Bytes]) -> Option<bool> {
    let Field::Constant(bytes) = &register.field else {
        return None;
    };
    let mut among = false;
    for (first, last) in spans {
        let (from, to) = (bytes.get(..first.len())?, bytes.get(..last.len())?);
        among |= first.as_slice() <= from && to <= last.as_slice();
    }
    (register.mask.is_none() && !register.flipped).then_some(among)
}

/// Changes numbers of `size` bytes from the machine's byte order to the network's, or back
/// (`nft_byteorder_eval`).
pub(super) fn swap(bytes: &mut [u8], size: usize) {
    if cfg!(target_endian = "little") && size > 0 {
        for number in bytes.chunks_exact_mut(size) {
            number.reverse();
        }
    }
}

fn said(field: &Field) -> &str {
    match field {
        Field::Destination => "the destination",
        Field::Source => "the source",
        Field::Protocol => "the protocol",
        Field::Family | Field::EtherType => "the family",
        Field::OutIndex | Field::InIndex | Field::OutName | Field::InName => "a link",
        Field::Mark => "the mark",
        Field::ConnectionMark => "the mark of the connection",
        Field::State => "the state of the connection",
        Field::DestinationType | Field::SourceType | Field::RouteBack => "a route",
        Field::HopLimit => "the hop limit",
        Field::Icmp(_) => "the type of ICMP",
        Field::Selector(what) => what,
        Field::Other(what) => what,
        Field::Constant(_) => "a constant",
    }
}

fn known(register: &Register, spans: &[Bytes], family: Option<u8>) -> Option<Test> {
    if let Field::Selector(what) = register.field {
        return Some(Test::Selects(what.to_owned()));
    }
    if register.flipped {
        return None;
    }
    let number = |bytes: &Vec<u8>| {
        if register.swapped {
            big(bytes)
        } else {
            native(bytes)
        }
    };
    let numbers = || -> Option<Vec<(u32, u32)>> {
        let pairs = spans
            .iter()
            .map(|(first, last)| Some((number(first)?, number(last)?)));
        pairs.collect()
    };
    let singles = || -> Option<Vec<u32>> {
        if register.mask.is_some() {
            return None;
        }
        let pairs = numbers()?;
        let singles = pairs
            .iter()
            .map(|(first, last)| (first == last).then_some(*first));
        singles.collect()
    };
    let octets = || -> Option<Vec<(u8, u8)>> {
        if register.mask.is_some() {
            return None;
        }
        let pairs = spans
            .iter()
            .map(|(first, last)| Some((*first.first()?, *last.first()?)));
        pairs.collect()
    };
    Some(match &register.field {
        Field::Destination => Test::Destination(addresses(register, spans, family?)?),
        Field::Source => Test::Source(addresses(register, spans, family?)?),
        Field::Protocol => Test::Protocol(octets()?),
        Field::Family => match octets()?.as_slice() {
            [(IPV4, IPV4)] => Test::Family(4),
            [(IPV6, IPV6)] => Test::Family(6),
            _ => return None,
        },
        Field::EtherType => match spans {
            [(first, last)] if first == last && *first == ETH_P_IP => Test::Family(4),
            [(first, last)] if first == last && *first == ETH_P_IPV6 => Test::Family(6),
            _ => return None,
        },
        Field::OutIndex => Test::OutIndex(singles()?),
        Field::InIndex => Test::InIndex(singles()?),
        Field::OutName => Test::Out(names(register, spans)?),
        Field::InName => Test::In(names(register, spans)?),
        Field::Mark => Test::Mark(bits(register, numbers()?)?),
        Field::ConnectionMark => Test::ConnectionMark(bits(register, numbers()?)?),
        Field::State => return state(register, &numbers()?),
        Field::DestinationType => Test::DestinationType(singles()?),
        Field::SourceType => Test::SourceType(singles()?),
        // `exists` of nft(8).
        Field::RouteBack => match spans {
            [(first, last)] if first == last && is_one(first) => Test::RouteBack,
            _ => return None,
        },
        Field::HopLimit => Test::HopLimit(octets()?),
        Field::Icmp(shift) => match icmp(register, *shift, spans) {
            Some(bits) => Test::Icmp(bits),
            None => Test::Selects("a port".to_owned()),
        },
        Field::Selector(_) | Field::Other(_) | Field::Constant(_) => return None,
    })
}

/// The flag that says that there is one.
fn is_one(bytes: &[u8]) -> bool {
    matches!(bytes, [1]) || native(bytes) == Some(1)
}

/// Addresses; a prefix is what a mask or a shorter load leaves.
fn addresses(register: &Register, spans: &[Bytes], family: u8) -> Option<Vec<Span>> {
    let whole = if family == 4 { 4 } else { 16 };
    let end = |bytes: &[u8], fill: u8| -> Option<IpAddr> {
        let mut all = bytes.get(..register.length.min(bytes.len()))?.to_vec();
        if all.len() > whole {
            return None;
        }
        all.resize(whole, fill);
        Some(match all.len() {
            4 => Ipv4Addr::from(<[u8; 4]>::try_from(all).ok()?).into(),
            _ => Ipv6Addr::from(<[u8; 16]>::try_from(all).ok()?).into(),
        })
    };
    spans
        .iter()
        .map(|(first, last)| {
            let last = match &register.mask {
                Some(mask) if first == last && is_prefix(mask) => last
                    .iter()
                    .zip(mask)
                    .map(|(byte, mask)| byte | !mask)
                    .collect(),
                Some(_) => return None,
                None => last.clone(),
            };
            Some(Span {
                first: end(first, 0)?,
                last: end(&last, 0xff)?,
            })
        })
        .collect()
}

/// Whether a mask is ones, and then zeros.
fn is_prefix(mask: &[u8]) -> bool {
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let full = mask.iter().take_while(|byte| **byte == 0xff).count();
    let rest = mask.get(full + 1..).unwrap_or_default();
    ones == set && rest.iter().all(|byte| *byte == 0)
}

/// Names of links; what is compared without its end stands for all that begin so.
fn names(register: &Register, spans: &[Bytes]) -> Option<Vec<String>> {
    if register.mask.is_some() {
        return None;
    }
    spans
        .iter()
        .map(|(first, last)| {
            if first != last {
                return None;
            }
            match first.iter().position(|byte| *byte == 0) {
                Some(end) => Some(String::from_utf8_lossy(&first[..end]).into_owned()),
                None => Some(format!("{}*", String::from_utf8_lossy(first))),
            }
        })
        .collect()
}

fn bits(register: &Register, among: Vec<(u32, u32)>) -> Option<Bits> {
    let mask = match &register.mask {
        // A mask is data as well.
        Some(mask) if register.swapped => big(mask)?,
        Some(mask) => native(mask)?,
        None => u32::MAX,
    };
    // Of numbers in the machine's byte order only equal ones are compared rightly here:
    // the kernel compares them byte by byte.
    let exact = among.iter().all(|(first, last)| first == last);
    (exact || register.swapped).then_some(Bits { mask, among })
}

/// Type and code of ICMP, or one of them.
fn icmp(register: &Register, shift: u32, spans: &[Bytes]) -> Option<Bits> {
    let number = |bytes: &Vec<u8>| match bytes.as_slice() {
        [one] => Some(u32::from(*one) << shift),
        [kind, code] => Some(u32::from(u16::from_be_bytes([*kind, *code]))),
        _ => None,
    };
    let mask = match (&register.mask, register.length) {
        (Some(mask), _) => number(mask)?,
        (None, 1) => 0xff << shift,
        (None, _) => 0xffff,
    };
    let pairs = spans
        .iter()
        .map(|(first, last)| Some((number(first)?, number(last)?)));
    let among = pairs.collect::<Option<Vec<_>>>()?;
    Some(Bits { mask, among })
}

/// The state of a connection is one bit of several.
fn state(register: &Register, numbers: &[(u32, u32)]) -> Option<Test> {
    let single = |(first, last): &(u32, u32)| (first == last).then_some(*first);
    let values: Option<Vec<u32>> = numbers.iter().map(single).collect();
    let values = values?;
    let bits = match &register.mask {
        None => values.into_iter().fold(0, |all, one| all | one),
        Some(mask) => match values.as_slice() {
            [one] if native(mask) == Some(*one) && one.is_power_of_two() => *one,
            _ => return None,
        },
    };
    Some(Test::State(bits))
}
