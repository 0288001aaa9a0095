//! Whether a firewall lets packets of the LAN through.
//!
//! A kill switch is a chain of nft that drops what does not go through the tunnel, and a
//! LAN is cut off by it however right the routes are. Whether it is depends on its rules:
//! most kill switches can be told to let the LAN pass. So the rules are followed here as
//! the kernel follows them (nft(8), `nft_do_chain` in net/netfilter/nf_tables_core.c), for
//! a packet to the LAN and for its answer.
//!
//! The packet stands for all ordinary ones: what a program sends of its own accord, by
//! TCP or UDP, without a mark, as a connection of its own. An IPv6 LAN also needs
//! neighbour discovery, whose packets come past the same chains (`ndisc_send_skb` in
//! net/ipv6/ndisc.c). Where a rule asks for more (a
//! port, a user, a rate), the ordinary packet is one that no rule names; that some others
//! fare better is noted. Where a rule asks what is not understood here, both ways are
//! followed: only where they end differently it cannot be told.

mod packet;
mod walk;
mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::firewall::{BaseChain, Span, Test};
use netprof_model::link::Link;

use packet::Packet;
use walk::Outcome;

pub use words::said;

/// A network, and the way to it.
#[derive(Clone, Copy, Debug)]
pub struct Lan<'a> {
    /// The network.
    pub prefix: IpNet,
    /// The link that its packets leave by.
    pub link: &'a Link,
    /// This host's address there, if it is known.
    pub source: Option<IpAddr>,
}

/// What becomes of the packets of a network.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement<'a> {
    /// They pass.
    Passes,
    /// Some or all are dropped.
    Dropped(Loss<'a>),
    /// It cannot be told.
    Unclear(Culprit<'a>, String),
}

/// What is dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss<'a> {
    /// By what.
    pub by: Culprit<'a>,
    /// Which packets.
    pub of: Lost,
    /// Whether some of them pass by another rule.
    pub exceptions: bool,
}

/// Which packets of a network are dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Those of all protocols.
    All,
    /// Those of one protocol, by its name.
    Protocol(&'static str),
    /// Those by which this host finds its neighbours: without them no packet gets there.
    Neighbours,
    /// Those by which neighbours find this host, which they may also learn otherwise.
    Found,
    /// Those of one part of it, and of so many more parts.
    Part(Span, usize),
}

impl Loss<'_> {
    /// Whether the whole network is cut off.
    #[must_use]
    pub fn is_total(&self) -> bool {
        !self.exceptions && matches!(self.of, Lost::All | Lost::Neighbours)
    }
}

/// Which rule of a firewall it is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Culprit<'a> {
    /// The chain that the kernel calls.
    pub base: &'a BaseChain,
    /// The chain that the rule is in.
    pub chain: &'a str,
    /// The rule; none for what the chain does with what no rule takes.
    pub rule: Option<&'a netprof_model::firewall::FirewallRule>,
}

impl Culprit<'_> {
    /// Who made it: by the rule itself, the chain that it is in, or its table. Many share a
    /// chain of iptables, so a rule that somebody put there is not whose chains it leads to
    /// beside; the chain's policy may be.
    #[must_use]
    pub fn owner(&self) -> Owner {
        let comment = self.rule.and_then(|rule| rule.comment.as_deref());
        let table = &self.base.table;
        super::owner::of_chain(table, self.chain, comment, &mut ())
            .or_else(|| super::owner::of_chain(table, &self.base.chain, None, &mut ()))
            .or(self.rule.is_none().then_some(self.base.owner))
            .unwrap_or_default()
    }
}

/// As nft(8) takes rules and chains: `nft delete rule inet mullvad output handle 5`.
impl fmt::Display for Culprit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (family, table) = (&self.base.family, &self.base.table);
        let chain = format_args!("{family} {table} {}", self.chain);
        match self.rule {
            Some(rule) => write!(f, "nft rule {chain} handle {}", rule.handle),
            None => write!(f, "the policy of nft chain {chain}"),
        }
    }
}

/// The protocols whose packets are looked at: a firewall that only keeps pings away cuts
/// nobody off.
const PROTOCOLS: [(u8, &str); 2] = [(packet::TCP, "TCP"), (packet::UDP, "UDP")];
/// The most parts of a network that are looked at.
const MOST_PARTS: usize = 64;
const THERE: [&str; 2] = ["output", "postrouting"];
const BACK: [&str; 2] = ["prerouting", "input"];

/// What `chains` do to the packets of `lan`. The worst that is certain comes first.
#[must_use]
pub fn judge<'a>(chains: &'a [BaseChain], lan: &Lan<'_>) -> Judgement<'a> {
    let family = if lan.prefix.addr().is_ipv4() {
        "ip"
    } else {
        "ip6"
    };
    let mut mine: Vec<&BaseChain> = chains
        .iter()
        .filter(|chain| chain.family == "inet" || chain.family == family)
        .collect();
    mine.sort_by_key(|chain| chain.priority);
    let (packets, doubt) = exchange(&mine, lan, lan.prefix.into());
    if let Some(loss) = packets.clone().filter(Loss::is_total) {
        return Judgement::Dropped(loss);
    }
    let (neighbours, other_doubt) = neighbours(&mine, lan);
    if let Some(loss) = neighbours.clone().filter(Loss::is_total) {
        return Judgement::Dropped(loss);
    }
    match (packets.or(neighbours), doubt.or(other_doubt)) {
        (Some(loss), _) => Judgement::Dropped(loss),
        (None, Some((at, what))) => Judgement::Unclear(at, what),
        (None, None) => part(&mine, lan).map_or(Judgement::Passes, Judgement::Dropped),
    }
}

/// Where it cannot be told, and why.
type Doubt<'a> = (Culprit<'a>, String);

/// What becomes of packets to `part` of the LAN and of their answers.
fn exchange<'a>(
    chains: &[&'a BaseChain],
    lan: &Lan<'_>,
    part: Span,
) -> (Option<Loss<'a>>, Option<Doubt<'a>>) {
    let mut lost: Vec<Loss<'a>> = Vec::new();
    let mut doubt = None;
    for (number, name) in PROTOCOLS {
        let mut packet = Packet::to(lan, part, number);
        let there = past(chains, THERE, &mut packet);
        let outcome = match there {
            Outcome::Drops { .. } => there,
            there => {
                packet.answered();
                match past(chains, BACK, &mut packet) {
                    Outcome::Passes => there,
                    back @ Outcome::Drops { .. } => back,
                    back if there == Outcome::Passes => back,
                    _ => there,
                }
            }
        };
        match outcome {
            Outcome::Passes => {}
            Outcome::Drops { by, exceptions } => lost.push(Loss {
                by,
                of: Lost::Protocol(name),
                exceptions,
            }),
            Outcome::Unclear { at, what } => doubt = doubt.or(Some((at, what))),
        }
    }
    let all = lost.len() == PROTOCOLS.len();
    let exceptions = lost.iter().any(|one| one.exceptions);
    let first = lost.into_iter().next();
    let loss = first.map(|first| match all {
        true => Loss {
            of: Lost::All,
            exceptions,
            ..first
        },
        false => first,
    });
    (loss, doubt)
}

/// What becomes of neighbour discovery. A link without addresses of hardware has none.
fn neighbours<'a>(
    chains: &[&'a BaseChain],
    lan: &Lan<'_>,
) -> (Option<Loss<'a>>, Option<Doubt<'a>>) {
    let (mut lost, mut doubt) = (None, None);
    if lan.prefix.addr().is_ipv4() || lan.link.mac.is_none() {
        return (lost, doubt);
    }
    for (of, hooks, mut packet) in [
        (Lost::Neighbours, THERE, Packet::solicits(lan)),
        (Lost::Neighbours, BACK, Packet::is_advertised(lan)),
        (Lost::Found, BACK, Packet::is_solicited(lan)),
        (Lost::Found, THERE, Packet::advertises(lan)),
    ] {
        match past(chains, hooks, &mut packet) {
            Outcome::Passes => {}
            Outcome::Drops { by, exceptions } => {
                let loss = Loss { by, of, exceptions };
                if loss.is_total() {
                    return (Some(loss), None);
                }
                lost = lost.or(Some(loss));
            }
            Outcome::Unclear { at, what } => doubt = doubt.or(Some((at, what))),
        }
    }
    (lost, doubt)
}

/// What becomes of a packet at `hooks`.
fn past<'a>(chains: &[&'a BaseChain], hooks: [&str; 2], packet: &mut Packet<'_>) -> Outcome<'a> {
    let mut unclear = None;
    for hook in hooks {
        for chain in chains.iter().filter(|chain| chain.hook == hook) {
            match walk::base(chain, packet) {
                Outcome::Passes => {}
                drops @ Outcome::Drops { .. } => return drops,
                other => unclear = unclear.or(Some(other)),
            }
        }
    }
    unclear.unwrap_or(Outcome::Passes)
}

/// What is lost where the LAN passes but for a part of it, which rules name by its
/// addresses.
fn part<'a>(chains: &[&'a BaseChain], lan: &Lan<'_>) -> Option<Loss<'a>> {
    let parts = parts(chains, lan);
    let mut lost = parts.into_iter().take(MOST_PARTS).filter_map(|part| {
        let (loss, _) = exchange(chains, lan, part);
        loss.map(|loss| (part, loss))
    });
    let (part, loss) = lost.next()?;
    Some(Loss {
        of: Lost::Part(part, lost.count()),
        ..loss
    })
}

/// The parts of the LAN that rules name. Its own address and those that stand for all of
/// it are nobody's there.
fn parts(chains: &[&BaseChain], lan: &Lan<'_>) -> BTreeSet<Span> {
    let net = Span::from(lan.prefix);
    let mut found = BTreeSet::new();
    for chain in chains {
        let Some(rules) = &chain.rules else { continue };
        let there = THERE.contains(&chain.hook.as_str());
        if !there && !BACK.contains(&chain.hook.as_str()) {
            continue;
        }
        let called = rules.called.values().flatten();
        let conditions = rules.own.iter().chain(called).flat_map(|rule| &rule.when);
        for condition in conditions {
            let spans = match (&condition.test, there) {
                (Test::Destination(spans), true) | (Test::Source(spans), false) => spans,
                _ => continue,
            };
            for span in spans {
                if span.first.is_ipv4() != net.first.is_ipv4() {
                    continue;
                }
                let part = Span {
                    first: span.first.max(net.first),
                    last: span.last.min(net.last),
                };
                let single = part.first == part.last;
                let nobody = net.first == part.first
                    || (net.last == part.last && net.first.is_ipv4())
                    || lan.source == Some(part.first);
                if part.first <= part.last && part != net && !(single && nobody) {
                    found.insert(part);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
