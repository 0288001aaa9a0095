//! Policy routing rules: which table is looked up for which packet.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Owner;
use crate::route::{OpaqueAttribute, Protocol};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    #[serde(rename = "4")]
    V4,
    /// IPv6.
    #[serde(rename = "6")]
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of a prefix.
    #[must_use]
    pub fn of(net: &IpNet) -> Self {
        match net {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    /// The family of an address.
    #[must_use]
    pub fn of_address(address: std::net::IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    /// The prefix of everything.
    #[must_use]
    pub fn everything(self) -> IpNet {
        match self {
            Self::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
            Self::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "4",
            Self::V6 => "6",
        })
    }
}

/// What a rule does with a packet that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// Look it up in this table.
    Lookup(u32),
    /// Go on at the rule of this priority.
    Goto(u32),
    /// Go on with the next rule.
    Nop,
    /// Drop it in silence.
    Blackhole,
    /// Drop it with 'host unreachable'.
    Unreachable,
    /// Drop it with 'administratively prohibited'.
    Prohibit,
    /// An action that netprof does not know, by its number (FR_ACT_*).
    Other(u8),
}

/// All that a rule says; two rules that differ in any of it are two rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleKey {
    /// The family.
    pub family: Family,
    /// The priority: lower ones are asked first.
    pub priority: u32,
    /// Packets from this prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// Packets to this prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<IpNet>,
    /// Whether it matches what the selector does not (FIB_RULE_INVERT).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
    /// The type of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// The firewall mark and its mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fwmark: Option<(u32, u32)>,
    /// The link that a packet came in by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iif: Option<String>,
    /// The link that a socket is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oif: Option<String>,
    /// The users of the sockets, first and last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uids: Option<(u32, u32)>,
    /// The transport protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipproto: Option<u8>,
    /// The source ports, first and last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport: Option<(u16, u16)>,
    /// The destination ports, first and last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dport: Option<(u16, u16)>,
    /// What it does.
    pub action: RuleAction,
    /// A found route whose prefix is no longer than this is passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_prefixlength: Option<u32>,
    /// Everything else, unread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opaque: Vec<OpaqueAttribute>,
}

impl RuleKey {
    /// A rule without a selector.
    #[must_use]
    pub fn new(family: Family, priority: u32, action: RuleAction) -> Self {
        Self {
            family,
            priority,
            from: None,
            to: None,
            not: false,
            tos: None,
            fwmark: None,
            iif: None,
            oif: None,
            uids: None,
            ipproto: None,
            sport: None,
            dport: None,
            action,
            suppress_prefixlength: None,
            opaque: Vec::new(),
        }
    }

    /// What it matches, in the words of ip-rule(8); empty for all packets.
    #[must_use]
    pub fn selector(&self) -> String {
        let mut words = Vec::new();
        if self.not {
            words.push("not".to_owned());
        }
        let mut say = |word: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("{word} {value}"));
            }
        };
        say("from", self.from.map(|net| net.to_string()));
        say("to", self.to.map(|net| net.to_string()));
        say("tos", self.tos.map(|tos| format!("{tos:#x}")));
        say(
            "fwmark",
            self.fwmark
                .map(|(mark, mask)| format!("{mark:#x}/{mask:#x}")),
        );
        say("iif", self.iif.clone());
        say("oif", self.oif.clone());
        say("uidrange", self.uids.map(|(a, b)| format!("{a}-{b}")));
        say("ipproto", self.ipproto.map(|p| p.to_string()));
        say("sport", self.sport.map(|(a, b)| format!("{a}-{b}")));
        say("dport", self.dport.map(|(a, b)| format!("{a}-{b}")));
        for attribute in &self.opaque {
            words.push(format!("attribute {}", attribute.kind));
        }
        words.join(" ")
    }

    /// What it does, in the words of ip-rule(8).
    #[must_use]
    pub fn verdict(&self) -> String {
        let mut text = match self.action {
            RuleAction::Lookup(table) => format!("lookup {table}"),
            RuleAction::Goto(priority) => format!("goto {priority}"),
            RuleAction::Nop => "nop".to_owned(),
            RuleAction::Blackhole => "blackhole".to_owned(),
            RuleAction::Unreachable => "unreachable".to_owned(),
            RuleAction::Prohibit => "prohibit".to_owned(),
            RuleAction::Other(number) => format!("action {number}"),
        };
        if let Some(length) = self.suppress_prefixlength {
            text.push_str(&format!(" suppress_prefixlength {length}"));
        }
        text
    }
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule{} {} ", self.family, self.priority)?;
        let selector = self.selector();
        if !selector.is_empty() {
            write!(f, "{selector} ")?;
        }
        f.write_str(&self.verdict())
    }
}

/// What of a rule can be written beside its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleSpec {
    /// Who put it there.
    #[serde(default)]
    pub protocol: Protocol,
}

/// One live rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// All that it says.
    #[serde(flatten)]
    pub key: RuleKey,
    /// The rest.
    #[serde(flatten)]
    pub spec: RuleSpec,
    /// Who put it there.
    #[serde(default)]
    pub owner: Owner,
}
