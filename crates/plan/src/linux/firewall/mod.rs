//! Whether a firewall lets packets of the LAN through.
//!
//! A kill switch is a chain of nft that drops what does not go through the tunnel, and a
//! LAN is cut off by it however right the routes are. Whether it is depends on its rules:
//! most kill switches can be told to let the LAN pass. So the rules are followed here as
//! the kernel follows them (nft(8), `nft_do_chain` in net/netfilter/nf_tables_core.c), for
//! a packet to the LAN and for its answer.
//!
//! The packet stands for all ordinary ones: what a program sends of its own accord, by
//! TCP or UDP, without a mark, as a connection of its own. Where a rule asks for more (a
//! port, a user, a rate), the ordinary packet is one that no rule names; that some others
//! fare better is noted. Where a rule asks what is not understood here, both ways are
//! followed: only where they end differently it cannot be told.

mod packet;
mod walk;
mod words;

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::firewall::BaseChain;
use netprof_model::link::Link;

use packet::{Direction, Packet};
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
    /// Every one is dropped.
    Dropped(Culprit<'a>),
    /// They are dropped, but for some that a rule lets through.
    MostlyDropped(Culprit<'a>),
    /// It cannot be told.
    Unclear(Culprit<'a>, String),
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

impl fmt::Display for Culprit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "rule {} of chain {}", rule.handle, self.chain)?,
            None => write!(f, "the policy of chain {}", self.chain)?,
        }
        write!(f, " in nft table {} {}", self.base.family, self.base.table)
    }
}

/// The protocols whose packets are looked at: a firewall that only keeps pings away cuts
/// nobody off.
const PROTOCOLS: [u8; 2] = [packet::TCP, packet::UDP];

/// What `chains` do to the packets of `lan`.
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
    let mut dropped = Vec::new();
    let mut unclear = None;
    for protocol in PROTOCOLS {
        match way(&mine, lan, protocol) {
            Outcome::Passes => {}
            Outcome::Drops { by, exceptions } => dropped.push((by, exceptions)),
            Outcome::Unclear { at, what } => unclear = unclear.or(Some((at, what))),
        }
    }
    match (dropped.as_slice(), unclear) {
        ([(by, exceptions), rest @ ..], unclear) => {
            let all = dropped.len() == PROTOCOLS.len();
            let exceptions = *exceptions || rest.iter().any(|(_, exceptions)| *exceptions);
            match unclear {
                _ if all && !exceptions => Judgement::Dropped(*by),
                Some((at, what)) if !all => Judgement::Unclear(at, what),
                _ => Judgement::MostlyDropped(*by),
            }
        }
        ([], Some((at, what))) => Judgement::Unclear(at, what),
        ([], None) => Judgement::Passes,
    }
}

/// What becomes of one packet to the LAN and of its answer.
fn way<'a>(chains: &[&'a BaseChain], lan: &Lan<'_>, protocol: u8) -> Outcome<'a> {
    let mut unclear = None;
    for (direction, hooks) in [
        (Direction::There, ["output", "postrouting"]),
        (Direction::Back, ["prerouting", "input"]),
    ] {
        let mut packet = Packet::new(lan, direction, protocol);
        for hook in hooks {
            packet.reach(hook);
            for chain in chains.iter().filter(|chain| chain.hook == hook) {
                match walk::base(chain, &mut packet) {
                    Outcome::Passes => {}
                    drops @ Outcome::Drops { .. } => return drops,
                    other => unclear = unclear.or(Some(other)),
                }
            }
        }
    }
    unclear.unwrap_or(Outcome::Passes)
}

#[cfg(test)]
mod tests;
