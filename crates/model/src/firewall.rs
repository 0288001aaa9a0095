//! What a firewall does to packets of this host, as plain data.
//!
//! Only so much of a rule is kept as tells whether it lets a packet of the LAN through.
//! What takes some packets and not others for a reason that no route knows (a port, a
//! user, a rate) is [`Condition::Selects`]; what is not understood says so, and what it
//! decides cannot be told.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::evidence::Clue;
use crate::owner::Owner;

/// A chain that the kernel itself calls, and that may drop packets of this host, or write
/// what other chains ask for: a mark, or that a connection is not tracked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseChain {
    /// The family: `ip`, `ip6`, `inet`, `arp`, `bridge`, `netdev`.
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The hook: `input`, `output`, `forward`, `prerouting`, `postrouting`.
    pub hook: String,
    /// The priority: lower ones are called first.
    pub priority: i32,
    /// Whether what no rule takes is dropped.
    pub policy_drops: bool,
    /// Whether a rule that it leads to drops or rejects.
    pub rules_drop: bool,
    /// Its rules; none where they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// Who made it.
    #[serde(default)]
    pub owner: Owner,
    /// How that was found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Clue>,
}

/// The rules of a base chain, and those of all chains that it leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Its own, in order.
    pub own: Vec<FirewallRule>,
    /// Those of the chains of its table that are called, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub called: BTreeMap<String, Vec<FirewallRule>>,
}

/// One rule: what must hold, and what becomes of a packet then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// The kernel's number for it.
    pub handle: u64,
    /// What must hold; all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// What is written to the packet or its connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<Sets>,
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// What somebody noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It passes this chain.
    Accept,
    /// It is gone.
    Drop,
    /// It is gone, and its sender is told.
    Reject,
    /// The next rule decides.
    Continue,
    /// The chain that called this one goes on.
    Return,
    /// Another chain decides, and then the next rule.
    Jump(String),
    /// Another chain decides, and then the one that called this one.
    Goto(String),
    /// It is not known: what is not understood.
    Unknown(String),
}

/// What a rule writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sets {
    /// The mark of the packet; none where its value is not known.
    Mark(Option<u32>),
    /// The mark of the packet, from that of its connection.
    MarkFromConnection,
    /// The mark of the connection; none where its value is not known.
    ConnectionMark(Option<u32>),
    /// The mark of the connection, from that of the packet.
    ConnectionMarkFromPacket,
    /// That its connection is not tracked.
    Untracked,
}

/// What must hold of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Whether it must *not* hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
    /// What.
    #[serde(flatten)]
    pub test: Test,
}

/// What is asked of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", content = "is", rename_all = "kebab-case")]
pub enum Test {
    /// The destination is one of these.
    Destination(Vec<Span>),
    /// The source is one of these.
    Source(Vec<Span>),
    /// It leaves by one of these links; `*` at the end stands for anything.
    Out(Vec<String>),
    /// It came in by one of these links.
    In(Vec<String>),
    /// It leaves by the link with one of these numbers.
    OutIndex(Vec<u32>),
    /// It came in by the link with one of these numbers.
    InIndex(Vec<u32>),
    /// Its mark.
    Mark(Bits),
    /// The mark of its connection.
    ConnectionMark(Bits),
    /// 4 or 6.
    Family(u8),
    /// Its protocol is one of these, each from first to last.
    Protocol(Vec<(u8, u8)>),
    /// Its ICMP type, shifted left by 8, and its code.
    Icmp(Bits),
    /// Its hop limit (TTL) is one of these, each from first to last.
    HopLimit(Vec<(u8, u8)>),
    /// There are not too many of them in a time.
    Rate,
    /// The state of its connection is one of these: `NF_CT_STATE_BIT`,
    /// `linux/netfilter/nf_conntrack_common.h`.
    State(u32),
    /// What its destination is to this host: RTN_* numbers, `linux/rtnetlink.h`.
    DestinationType(Vec<u32>),
    /// What its source is to this host.
    SourceType(Vec<u32>),
    /// A route leads back to its source by the link that it came from.
    RouteBack,
    /// It is one of some packets, by something that no route knows: what.
    Selects(String),
    /// It is not known: what is not understood.
    Unknown(String),
}

/// Some bits of a number, and what they must be: from first to last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bits {
    /// Which bits are looked at.
    pub mask: u32,
    /// What they may be.
    pub among: Vec<(u32, u32)>,
}

impl Bits {
    /// Whether `value` is one of them.
    #[must_use]
    pub fn hold(&self, value: u32) -> bool {
        let bits = value & self.mask;
        self.among
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&bits))
    }
}

/// Addresses from one to another, both included; of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl From<IpNet> for Span {
    fn from(net: IpNet) -> Self {
        Self {
            first: net.network(),
            last: net.broadcast(),
        }
    }
}

impl Span {
    /// The addresses as a prefix, where they are one.
    #[must_use]
    pub fn prefix(&self) -> Option<IpNet> {
        let longest = if self.first.is_ipv4() { 32 } else { 128 };
        (0..=longest)
            .filter_map(|length| IpNet::new(self.first, length).ok())
            .find(|net| net.network() == self.first && net.broadcast() == self.last)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix() {
            Some(net) if self.first == self.last => write!(f, "{}", net.addr()),
            Some(net) => write!(f, "{net}"),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// A text that names no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address, a prefix nor a range of addresses")]
pub struct NoSpan(String);

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let wrong = || NoSpan(text.to_owned());
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(net.into());
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let last: IpAddr = last.parse().map_err(|_| wrong())?;
        if first.is_ipv4() != last.is_ipv4() || first > last {
            return Err(wrong());
        }
        Ok(Self { first, last })
    }
}

impl TryFrom<String> for Span {
    type Error = NoSpan;

    fn try_from(text: String) -> Result<Self, NoSpan> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_people_write_them_and_read_back() {
        for text in [
            "10.0.0.0/8",
            "10.0.0.7",
            "10.0.0.7-10.0.0.9",
            "fd00::/8",
            "0.0.0.0/0",
            "::1",
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string(), text);
        }
        for text in [
            "",
            "10.0.0.9-10.0.0.7",
            "10.0.0.1-::1",
            "10.0.0.0/33",
            "lan",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_chain_whose_rules_were_not_read_is_still_a_chain() {
        let old = r#"{"family":"inet","table":"t","chain":"c","hook":"output","priority":0,
            "policy_drops":true,"rules_drop":false}"#;
        let chain: BaseChain = serde_json::from_str(old).unwrap();
        assert_eq!(chain.rules, None);
    }

    #[test]
    fn rules_come_back_from_json() {
        let rule = FirewallRule {
            handle: 7,
            when: vec![
                Condition {
                    not: true,
                    test: Test::Out(vec!["wg0".to_owned()]),
                },
                Condition {
                    not: false,
                    test: Test::Destination(vec!["10.0.0.0/8".parse().unwrap()]),
                },
                Condition {
                    not: false,
                    test: Test::RouteBack,
                },
            ],
            sets: vec![Sets::Mark(None)],
            verdict: Verdict::Jump("deeper".to_owned()),
            comment: None,
        };
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<FirewallRule>(&json).unwrap(), rule);
    }
}
