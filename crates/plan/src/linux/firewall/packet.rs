//! The packet that stands for all ordinary ones, and what holds of it.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::firewall::{Bits, Condition, Sets, Span, Test};

use super::Lan;

/// IPPROTO_TCP, IPPROTO_UDP.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// Bits of a connection's state: NF_CT_STATE_BIT in
/// `linux/netfilter/nf_conntrack_common.h`.
const ESTABLISHED: u32 = 1 << 1;
const NEW: u32 = 1 << 3;
/// RTN_*, `linux/rtnetlink.h`.
const UNICAST: u32 = 1;
const LOCAL: u32 = 2;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From this host to the LAN.
    There,
    /// The answer.
    Back,
}

/// A packet between this host and a LAN.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    lan: &'a Lan<'a>,
    direction: Direction,
    protocol: u8,
    /// Whether it has a link to leave by, or one that it came from.
    out: bool,
    mark: Option<u32>,
    connection_mark: Option<u32>,
    /// Whether its connection is tracked; none where it cannot be told.
    tracked: Option<bool>,
}

/// Whether something holds of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// Of some packets: whether of the ordinary ones.
    Some(bool),
    /// It cannot be told: what is not understood.
    Unknown(String),
}

impl Truth {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Some(ordinary) => Self::Some(!ordinary),
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}

impl<'a> Packet<'a> {
    pub(super) fn new(lan: &'a Lan<'a>, direction: Direction, protocol: u8) -> Self {
        Self {
            lan,
            direction,
            protocol,
            out: direction == Direction::There,
            mark: Some(0),
            connection_mark: Some(0),
            tracked: Some(true),
        }
    }

    /// The packet comes to `hook`.
    pub(super) fn reach(&mut self, hook: &str) {
        self.out = matches!(hook, "output" | "postrouting");
    }

    /// Writes what a rule writes; `certain` says whether the rule takes the packet.
    pub(super) fn write(&mut self, sets: &Sets, certain: bool) {
        let (field, value) = match sets {
            Sets::Mark(value) => (&mut self.mark, *value),
            Sets::MarkFromConnection => (&mut self.mark, self.connection_mark),
            Sets::ConnectionMark(value) => (&mut self.connection_mark, *value),
            Sets::ConnectionMarkFromPacket => (&mut self.connection_mark, self.mark),
            Sets::Untracked => {
                self.tracked = certain.then_some(false);
                return;
            }
        };
        *field = if certain || *field == value {
            value
        } else {
            None
        };
    }

    /// Whether all of `conditions` hold.
    pub(super) fn meets(&self, conditions: &[Condition]) -> Truth {
        let mut all = Truth::Yes;
        for condition in conditions {
            let one = self.test(&condition.test);
            let one = if condition.not { one.negated() } else { one };
            all = match (all, one) {
                (_, Truth::No) => return Truth::No,
                // Not of the ordinary packet, whatever else there is.
                (Truth::Some(false), _) | (_, Truth::Some(false)) => Truth::Some(false),
                (unknown @ Truth::Unknown(_), _) | (_, unknown @ Truth::Unknown(_)) => unknown,
                (Truth::Some(true), _) | (_, Truth::Some(true)) => Truth::Some(true),
                _ => Truth::Yes,
            };
        }
        all
    }

    fn test(&self, test: &Test) -> Truth {
        let there = self.direction == Direction::There;
        let lan = Some(self.lan.prefix);
        let own = self.lan.source.map(IpNet::from);
        let (destination, source) = if there { (lan, own) } else { (own, lan) };
        let link = self.lan.link;
        let (out, came) = (self.out, !self.out);
        let named =
            |is: bool, names: &[String]| Truth::of(is && names.iter().any(|n| fits(n, &link.name)));
        let numbered = |is: bool, indices: &[u32]| Truth::of(is && indices.contains(&link.index));
        match test {
            Test::Destination(spans) => within(destination, spans, "an address of this host"),
            Test::Source(spans) => within(source, spans, "an address of this host"),
            Test::Out(names) => named(out, names),
            Test::In(names) => named(came, names),
            Test::OutIndex(indices) => numbered(out, indices),
            Test::InIndex(indices) => numbered(came, indices),
            Test::Mark(bits) => marked(self.mark, bits, "a mark"),
            Test::ConnectionMark(bits) => {
                marked(self.connection_mark, bits, "a mark of the connection")
            }
            Test::Family(family) => {
                let own = if self.lan.prefix.addr().is_ipv4() {
                    4
                } else {
                    6
                };
                Truth::of(*family == own)
            }
            Test::Protocol(all) => Truth::of(
                all.iter()
                    .any(|(first, last)| (*first..=*last).contains(&self.protocol)),
            ),
            Test::State(bits) => match self.tracked {
                Some(true) => Truth::of(bits & if there { NEW } else { ESTABLISHED } != 0),
                // IP_CT_UNTRACKED
                Some(false) => Truth::of(bits & (1 << 6) != 0),
                None => Truth::Unknown("whether its connection is tracked".to_owned()),
            },
            Test::DestinationType(types) => {
                Truth::of(types.contains(if there { &UNICAST } else { &LOCAL }))
            }
            Test::SourceType(types) => {
                Truth::of(types.contains(if there { &LOCAL } else { &UNICAST }))
            }
            // netprof's own rule leads back there, by whatever link and mark.
            Test::RouteBack => Truth::Yes,
            Test::Selects(_) => Truth::Some(false),
            Test::Unknown(what) => Truth::Unknown(what.clone()),
        }
    }
}

/// Whether a name of a rule is that of a link; `*` at its end stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

fn marked(mark: Option<u32>, bits: &Bits, what: &str) -> Truth {
    mark.map_or_else(
        || Truth::Unknown(what.to_owned()),
        |mark| Truth::of(bits.hold(mark)),
    )
}

/// Whether all addresses of `net` are in `spans`, or only some.
fn within(net: Option<IpNet>, spans: &[Span], what: &str) -> Truth {
    let Some(net) = net else {
        return Truth::Unknown(what.to_owned());
    };
    let net = Span::from(net);
    let mut same: Vec<&Span> = spans
        .iter()
        .filter(|span| span.first.is_ipv4() == net.first.is_ipv4())
        .filter(|span| span.first <= net.last && span.last >= net.first)
        .collect();
    if same.is_empty() {
        // A rule of a table for both families compares bytes of the other one's header.
        let other = spans
            .iter()
            .any(|span| span.first.is_ipv4() != net.first.is_ipv4());
        return if other {
            Truth::Unknown("an address of another family".to_owned())
        } else {
            Truth::No
        };
    }
    same.sort();
    let mut next = number(net.first);
    for span in same {
        if number(span.first) > next {
            return Truth::Some(false);
        }
        if span.last >= net.last {
            return Truth::Yes;
        }
        next = next.max(number(span.last).saturating_add(1));
    }
    Truth::Some(false)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}
