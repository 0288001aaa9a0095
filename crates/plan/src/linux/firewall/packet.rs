//! The packet that stands for all ordinary ones, and what holds of it.

use std::net::{IpAddr, Ipv6Addr};

use netprof_model::firewall::{Bits, Condition, Sets, Span, Test};
use netprof_model::link::Link;

use super::Lan;

/// IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Bits of a connection's state: NF_CT_STATE_BIT in
/// `linux/netfilter/nf_conntrack_common.h`.
const INVALID: u32 = 1;
const ESTABLISHED: u32 = 1 << 1;
const NEW: u32 = 1 << 3;
const UNTRACKED: u32 = 1 << 6;
/// NF_IP_PRI_CONNTRACK, `linux/netfilter_ipv4.h`: where `output` and `prerouting` look for
/// the connection of a packet.
const CONNTRACK: i32 = -200;
/// RTN_*, `linux/rtnetlink.h`.
const UNICAST: u32 = 1;
const LOCAL: u32 = 2;
const MULTICAST: u32 = 5;

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payload {
    /// Anything of that protocol.
    Of(u8),
    /// Neighbour discovery (RFC 4861): the ICMPv6 type.
    Neighbours(u8),
}

/// What connection tracking knows of a packet's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Established,
    /// It fits no connection, and makes none.
    Invalid,
    Untracked,
    /// It cannot be told.
    Unknown,
}

/// A packet between this host and a LAN. Its connection outlives it: the answer has it as
/// well, with its mark.
#[derive(Clone, Debug)]
pub(super) struct Packet<'a> {
    link: &'a Link,
    v4: bool,
    /// None where it is not known.
    source: Option<Span>,
    destination: Option<Span>,
    payload: Payload,
    /// Whether it has a link to leave by, or one that it came from.
    out: bool,
    mark: Option<u32>,
    state: State,
    connection_mark: Option<u32>,
    /// Whether connection tracking has looked at it before the chain that it is in.
    tracked: bool,
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
    /// The first packet of a connection to `part` of a LAN.
    pub(super) fn to(lan: &Lan<'a>, part: Span, protocol: u8) -> Self {
        let source = lan.source.map(only);
        Self::new(lan, (source, Some(part)), Payload::Of(protocol), true)
    }

    /// A solicitation (RFC 4861, 4.3) by which this host looks for those of the LAN.
    pub(super) fn solicits(lan: &Lan<'a>) -> Self {
        let net = Span::from(lan.prefix);
        // Of a short prefix any three bytes may stand at the end.
        let (first, last) = if lan.prefix.prefix_len() < 104 {
            (
                Ipv6Addr::UNSPECIFIED.into(),
                Ipv6Addr::from(u128::MAX).into(),
            )
        } else {
            (net.first, net.last)
        };
        let to = Span {
            first: group(first),
            last: group(last),
        };
        let ends = (lan.source.map(only), Some(to));
        Self::new(lan, ends, Payload::Neighbours(SOLICITATION), true)
    }

    /// The advertisement (RFC 4861, 4.4) that answers it.
    pub(super) fn is_advertised(lan: &Lan<'a>) -> Self {
        let ends = (Some(lan.prefix.into()), lan.source.map(only));
        Self::new(lan, ends, Payload::Neighbours(ADVERTISEMENT), false)
    }

    /// A solicitation by which those of the LAN look for this host.
    pub(super) fn is_solicited(lan: &Lan<'a>) -> Self {
        let to = lan.source.map(|own| only(group(own)));
        let ends = (Some(lan.prefix.into()), to);
        Self::new(lan, ends, Payload::Neighbours(SOLICITATION), false)
    }

    /// The advertisement that answers that.
    pub(super) fn advertises(lan: &Lan<'a>) -> Self {
        let ends = (lan.source.map(only), Some(lan.prefix.into()));
        Self::new(lan, ends, Payload::Neighbours(ADVERTISEMENT), true)
    }

    fn new(
        lan: &Lan<'a>,
        (source, destination): (Option<Span>, Option<Span>),
        payload: Payload,
        out: bool,
    ) -> Self {
        Self {
            link: lan.link,
            v4: lan.prefix.addr().is_ipv4(),
            source,
            destination,
            payload,
            out,
            mark: Some(0),
            state: match payload {
                Payload::Of(_) => State::New,
                // `noct_valid_new` in net/netfilter/nf_conntrack_proto_icmpv6.c.
                Payload::Neighbours(_) => State::Untracked,
            },
            connection_mark: Some(0),
            tracked: false,
        }
    }

    /// It becomes its own answer.
    pub(super) fn answered(&mut self) {
        std::mem::swap(&mut self.source, &mut self.destination);
        self.out = false;
        self.mark = Some(0);
        self.state = match self.state {
            State::New | State::Established => State::Established,
            State::Unknown => State::Unknown,
            // Nothing was noted when the first packet left. What is not the first packet
            // of TCP makes no connection (`tcp_new` in
            // net/netfilter/nf_conntrack_proto_tcp.c).
            State::Untracked | State::Invalid => match self.payload {
                Payload::Of(TCP) => State::Invalid,
                _ => State::New,
            },
        };
        match self.state {
            State::Established => {}
            State::Unknown => {
                self.connection_mark = self.connection_mark.filter(|mark| *mark == 0);
            }
            _ => self.connection_mark = Some(0),
        }
    }

    /// The packet comes to a chain of `hook`.
    pub(super) fn reach(&mut self, hook: &str, priority: i32) {
        self.tracked = matches!(hook, "postrouting" | "input") || priority >= CONNTRACK;
    }

    /// Whether it has a connection; none where that cannot be told.
    fn connection(&self) -> Option<bool> {
        match self.state {
            State::New | State::Established => Some(self.tracked),
            State::Invalid | State::Untracked => Some(false),
            State::Unknown => (!self.tracked).then_some(false),
        }
    }

    /// Writes what a rule writes; `certain` says whether the rule takes the packet.
    pub(super) fn write(&mut self, sets: &Sets, certain: bool) {
        let connection = self.connection();
        let certain =
            certain && (connection.is_some() || matches!(sets, Sets::Mark(_) | Sets::Untracked));
        let (field, value) = match sets {
            Sets::Mark(value) => (&mut self.mark, *value),
            // Without a connection there is nothing to read or to write.
            Sets::MarkFromConnection | Sets::ConnectionMark(_) | Sets::ConnectionMarkFromPacket
                if connection == Some(false) =>
            {
                return;
            }
            Sets::MarkFromConnection => (&mut self.mark, self.connection_mark),
            Sets::ConnectionMark(value) => (&mut self.connection_mark, *value),
            Sets::ConnectionMarkFromPacket => (&mut self.connection_mark, self.mark),
            Sets::Untracked => {
                // It does nothing where there is a connection already (nft_notrack_eval in
                // net/netfilter/nft_ct.c).
                if !self.tracked && self.state != State::Untracked {
                    self.state = if certain {
                        State::Untracked
                    } else {
                        State::Unknown
                    };
                }
                return;
            }
        };
        *field = if certain || *field == value {
            value
        } else {
            None
        };
    }

    /// A chain may have written anything.
    pub(super) fn forget(&mut self) {
        self.mark = None;
        self.connection_mark = None;
    }

    /// Whether something was written to one that is not on the other.
    pub(super) fn differs(&self, other: &Self) -> bool {
        (self.mark, self.state, self.connection_mark)
            != (other.mark, other.state, other.connection_mark)
    }

    /// Whether all of `conditions` hold.
    pub(super) fn meets(&self, conditions: &[Condition]) -> Truth {
        let mut all = Truth::Yes;
        for condition in conditions {
            // A rule ends where it asks for the mark of no connection (nft_ct_get_eval in
            // net/netfilter/nft_ct.c), also one that wants another mark.
            let marks = matches!(condition.test, Test::ConnectionMark(_));
            if marks && self.connection() == Some(false) {
                return Truth::No;
            }
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
        let link = self.link;
        let (out, came) = (self.out, !self.out);
        let named =
            |is: bool, names: &[String]| Truth::of(is && names.iter().any(|n| fits(n, &link.name)));
        let numbered = |is: bool, indices: &[u32]| Truth::of(is && indices.contains(&link.index));
        match test {
            Test::Destination(spans) => within(self.destination, spans, "an address of this host"),
            Test::Source(spans) => within(self.source, spans, "an address of this host"),
            Test::Out(names) => named(out, names),
            Test::In(names) => named(came, names),
            Test::OutIndex(indices) => numbered(out, indices),
            Test::InIndex(indices) => numbered(came, indices),
            Test::Mark(bits) => marked(self.mark, bits, "a mark"),
            Test::ConnectionMark(bits) => match self.connection() {
                None => untold(),
                Some(_) => marked(self.connection_mark, bits, "a mark of the connection"),
            },
            Test::Family(family) => Truth::of(*family == if self.v4 { 4 } else { 6 }),
            Test::Protocol(all) => Truth::of(among(all, self.protocol())),
            Test::Icmp(bits) => match self.payload {
                Payload::Neighbours(kind) => Truth::of(bits.hold(u32::from(kind) << 8)),
                // It is a port of others.
                Payload::Of(_) => Truth::Some(false),
            },
            // RFC 4861, 7.1.
            Test::HopLimit(all) => match self.payload {
                Payload::Neighbours(_) => Truth::of(among(all, 255)),
                Payload::Of(_) => Truth::Some(false),
            },
            // There are few of them.
            Test::Rate => Truth::Some(matches!(self.payload, Payload::Neighbours(_))),
            Test::State(bits) => {
                let state = match self.state {
                    State::Untracked => UNTRACKED,
                    _ if !self.tracked => INVALID,
                    State::New => NEW,
                    State::Established => ESTABLISHED,
                    State::Invalid => INVALID,
                    State::Unknown => return untold(),
                };
                Truth::of(bits & state != 0)
            }
            Test::DestinationType(types) if self.is_multicast() => {
                match (types.contains(&UNICAST), types.contains(&MULTICAST)) {
                    (true, true) => Truth::Yes,
                    (false, false) => Truth::No,
                    _ => Truth::Unknown("the route of a group".to_owned()),
                }
            }
            Test::DestinationType(types) => {
                Truth::of(types.contains(if out { &UNICAST } else { &LOCAL }))
            }
            Test::SourceType(types) => {
                Truth::of(types.contains(if out { &LOCAL } else { &UNICAST }))
            }
            // netprof's own rule leads back there, by whatever link and mark.
            Test::RouteBack => Truth::Yes,
            Test::Selects(_) => Truth::Some(false),
            Test::Unknown(what) => Truth::Unknown(what.clone()),
        }
    }

    fn protocol(&self) -> u8 {
        match self.payload {
            Payload::Of(protocol) => protocol,
            Payload::Neighbours(_) => ICMPV6,
        }
    }

    fn is_multicast(&self) -> bool {
        self.destination.is_some_and(|to| to.first.is_multicast())
    }
}

/// The types of ICMPv6 by which neighbours are found (RFC 4861, 4.3 and 4.4).
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

fn only(address: IpAddr) -> Span {
    Span {
        first: address,
        last: address,
    }
}

/// The group that whoever has `address` listens to: its last three bytes behind
/// ff02::1:ff00:0/104 (RFC 4291, 2.7.1).
fn group(address: IpAddr) -> IpAddr {
    const GROUPS: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
    Ipv6Addr::from(GROUPS | (number(address) & 0x00ff_ffff)).into()
}

fn among(all: &[(u8, u8)], value: u8) -> bool {
    let mut all = all.iter();
    all.any(|(first, last)| (*first..=*last).contains(&value))
}

fn untold() -> Truth {
    Truth::Unknown("whether its connection is tracked".to_owned())
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
fn within(net: Option<Span>, spans: &[Span], what: &str) -> Truth {
    let Some(net) = net else {
        return Truth::Unknown(what.to_owned());
    };
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
