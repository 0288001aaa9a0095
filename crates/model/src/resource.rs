//! One addressable piece of state, and what it can hold.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::dns::{DnsDelegate, DnsLink};
use crate::link::LinkId;
use crate::name::Name;
use crate::route::{RouteKey, RouteSpec};
use crate::rule::{RuleKey, RuleSpec};

/// The address of one piece of state. Two changes never share one within a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Resource {
    /// Whether a link is administratively up.
    LinkUp {
        /// The link's name.
        dev: String,
    },
    /// An address of a link.
    Address {
        /// The link's name.
        dev: String,
        /// The address and the length of its prefix.
        local: IpNet,
    },
    /// A policy routing rule.
    Rule(RuleKey),
    /// A route.
    Route(RouteKey),
    /// What a resolver keeps for one link.
    DnsLink {
        /// The link's name.
        dev: String,
    },
    /// A resolver's servers and domains that belong to no link.
    DnsDelegate {
        /// The scope's name.
        name: Name,
    },
}

impl Resource {
    /// The kind, as it stands in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LinkUp { .. } => "link-up",
            Self::Address { .. } => "address",
            Self::Rule(_) => "rule",
            Self::Route(_) => "route",
            Self::DnsLink { .. } => "dns-link",
            Self::DnsDelegate { .. } => "dns-delegate",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkUp { dev } => write!(f, "link {dev} up"),
            Self::Address { dev, local } => write!(f, "address {local} dev {dev}"),
            Self::Rule(key) => key.fmt(f),
            Self::Route(key) => key.fmt(f),
            Self::DnsLink { dev } => write!(f, "dns link {dev}"),
            Self::DnsDelegate { name } => write!(f, "dns delegate {name}"),
        }
    }
}

/// What a resource holds: always complete, so that it can be written back as it was.
/// That a resource is not there at all is `None` of an `Option<State>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Of [`Resource::LinkUp`].
    LinkUp {
        /// Whether it is up.
        up: bool,
    },
    /// Of [`Resource::Address`].
    Address(AddressSpec),
    /// Of [`Resource::Rule`].
    Rule(RuleSpec),
    /// Of [`Resource::Route`].
    Route(RouteSpec),
    /// Of [`Resource::DnsLink`].
    DnsLink(DnsLink),
    /// Of [`Resource::DnsDelegate`].
    DnsDelegate(DnsDelegate),
}

/// What of an address can be written beside link and prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddressSpec {
    /// The scope, as rtnetlink(7) numbers it.
    #[serde(default)]
    pub scope: u8,
}

/// How long a change holds if nobody touches it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lasts {
    /// Until the link goes.
    Link,
    /// Until the machine starts anew.
    Boot,
    /// Until somebody changes it.
    Durable,
    /// Until the service that manages the link writes it anew.
    #[serde(rename = "until NetworkManager's next update")]
    NetworkManager,
}

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::Boot => "boot",
            Self::Durable => "durable",
            Self::NetworkManager => "until NetworkManager's next update",
        })
    }
}

/// Where a piece of kernel state lives and dies: what was made in another boot, in
/// another network namespace or on a link that has gone is *expired*.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The boot.
    #[serde(default)]
    pub boot: String,
    /// The network namespace's inode.
    #[serde(default)]
    pub netns: u64,
    /// The link, where it goes with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
}
