//! One addressable piece of state, and what it can hold.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::dns::{DnsDelegate, DnsLink};
use crate::file::FileState;
use crate::link::{LinkId, LinkManager};
use crate::name::Name;
use crate::nft_table::NftTable;
use crate::plist::Dictionary;
use crate::route::{Protocol, RouteKey, RouteSpec};
use crate::rule::{RuleKey, RuleSpec};
use crate::secret;
use crate::settings::{self, Settings};
use crate::shared::Shared;

/// The address of one piece of state. Two changes never share one within a plan.
///
/// Plans hold ten thousand routes and a handful of anything else, so whatever is larger
/// than a route stands apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
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
    Rule(Box<RuleKey>),
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
    /// A dictionary of configd's dynamic store (macOS).
    Store {
        /// Its key.
        key: String,
    },
    /// A file.
    File {
        /// Where it is.
        path: String,
    },
    /// The largest packet that a link takes.
    Mtu {
        /// The link's name.
        dev: String,
    },
    /// The proxies of a network service, as the preferences have them (macOS).
    Proxies {
        /// The service's identifier.
        service: String,
    },
    /// Settings of which netprof changes some.
    Settings(Settings),
    /// The table of nft that is netprof's own (Linux).
    NftTable,
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
            Self::Store { .. } => "store",
            Self::File { .. } => "file",
            Self::Mtu { .. } => "mtu",
            Self::Proxies { .. } => "proxies",
            Self::Settings(_) => "settings",
            Self::NftTable => "nft-table",
        }
    }

    /// Whether it is told by the sections of a snapshot that are about names.
    #[must_use]
    pub fn is_of_resolver(&self) -> bool {
        match self {
            Self::DnsLink { .. } | Self::DnsDelegate { .. } | Self::Store { .. } => true,
            Self::File { path } => path.starts_with(RESOLVER_FILES),
            Self::LinkUp { .. }
            | Self::Address { .. }
            | Self::Rule(_)
            | Self::Route(_)
            | Self::Mtu { .. }
            | Self::Proxies { .. }
            | Self::Settings(_)
            | Self::NftTable => false,
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
            Self::Store { key } => write!(f, "store {key}"),
            Self::File { path } => write!(f, "file {path}"),
            Self::Mtu { dev } => write!(f, "mtu {dev}"),
            Self::Proxies { service } => write!(f, "proxies {service}"),
            Self::Settings(settings) => write!(f, "settings {settings}"),
            Self::NftTable => f.write_str("nft table inet netprof"),
        }
    }
}

/// What a resource holds: always complete, so that it can be written back as it was.
/// That a resource is not there at all is `None` of an `Option<State>`.
///
/// Many routes lead the same way, and one state is in a plan, in what is held and in what
/// was read back: what a route holds is shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
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
    Route(Shared<RouteSpec>),
    /// Of [`Resource::DnsLink`].
    DnsLink(Box<DnsLink>),
    /// Of [`Resource::DnsDelegate`].
    DnsDelegate(Box<DnsDelegate>),
    /// Of [`Resource::Store`].
    Store(Dictionary),
    /// Of [`Resource::File`].
    File(FileState),
    /// Of [`Resource::Mtu`].
    Mtu {
        /// In bytes, without what the link itself puts around a packet.
        mtu: u32,
    },
    /// Of [`Resource::Proxies`].
    Proxies(Dictionary),
    /// Of [`Resource::Settings`].
    Settings(Dictionary),
    /// Of [`Resource::NftTable`].
    NftTable(Box<NftTable>),
}

/// The key that marks a dictionary of the dynamic store as netprof's own; configd passes
/// over keys that it does not know. Its value is the scope's name.
pub const STORE_MARK: &str = "NetprofScope";

/// The key of such a dictionary that names the link that the scope is asked through; a
/// dictionary outlives its link, and says so to whoever looks.
pub const STORE_LINK: &str = "NetprofLink";

/// The folder of the files that macOS makes resolvers of, with a slash behind.
const RESOLVER_FILES: &str = "/etc/resolver/";

/// How a text file of netprof's own begins.
pub const FILE_MARK: &str = "# netprof: ";

impl State {
    /// Whether it bears netprof's mark: its protocol number, or its key or line.
    #[must_use]
    pub fn bears_mark(&self) -> bool {
        match self {
            Self::Route(spec) => spec.protocol == Protocol::NETPROF,
            Self::Rule(spec) => spec.protocol == Protocol::NETPROF,
            Self::Store(dictionary) => dictionary.contains_key(STORE_MARK),
            Self::File(file) => file.lossy().starts_with(FILE_MARK),
            Self::LinkUp { .. }
            | Self::Address(_)
            | Self::DnsLink(_)
            | Self::DnsDelegate(_)
            | Self::Mtu { .. }
            | Self::Proxies(_)
            | Self::Settings(_) => false,
            // Nobody else has a reason to call theirs so, and what is in it is compared.
            Self::NftTable(table) => table.others.is_empty(),
        }
    }

    /// Whether it is the same, however its settings are written.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        let (Self::Settings(one), Self::Settings(other)) = (self, other) else {
            return self == other;
        };
        let mut keys = one.keys().chain(other.keys());
        keys.all(|key| settings::is_alike(one.get(key), other.get(key)))
    }

    /// The settings that it consists of, where each is looked at by itself.
    #[must_use]
    pub fn settings(&self) -> Option<&Dictionary> {
        match self {
            Self::Proxies(all) | Self::Settings(all) => Some(all),
            _ => None,
        }
    }

    /// The same sort of settings, with these.
    #[must_use]
    pub(crate) fn with_settings(&self, all: Dictionary) -> Self {
        match self {
            Self::Proxies(_) => Self::Proxies(all),
            Self::Store(_) => Self::Store(all),
            _ => Self::Settings(all),
        }
    }

    /// The same with `***` for each password in it: what others may read.
    #[must_use]
    pub fn redacted(&self) -> Cow<'_, Self> {
        match self {
            Self::File(file) => match file.redacted() {
                Cow::Borrowed(_) => Cow::Borrowed(self),
                Cow::Owned(file) => Cow::Owned(Self::File(file)),
            },
            Self::Settings(all) | Self::Proxies(all) | Self::Store(all) => {
                match secret::redacted_dictionary(all) {
                    shown if shown == *all => Cow::Borrowed(self),
                    shown => Cow::Owned(self.with_settings(shown)),
                }
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Whether [`secret::HIDDEN`] stands in it for a password. Whether one was left out is
    /// another matter: a person may have written that.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        match self {
            Self::File(file) => secret::is_redacted(&file.lossy()),
            Self::Settings(all) | Self::Proxies(all) | Self::Store(all) => {
                all.values().any(secret::is_redacted_value)
            }
            _ => false,
        }
    }
}

/// An address of a link and a state of one kind each, read without a detour.
mod read;

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
    /// Until NetworkManager brings the connection up anew, which takes the link's
    /// addresses away for a moment.
    #[serde(rename = "until NetworkManager's next activation")]
    Activation,
    /// Until networkd sets a link up anew, and deletes what it did not make.
    #[serde(rename = "until networkd's next reconfigure")]
    Reconfigure,
    /// Until networkd ends, and takes along what it told others.
    #[serde(rename = "until networkd's next restart")]
    Restart,
}

impl Lasts {
    /// The service that ends it.
    #[must_use]
    pub fn ended_by(&self) -> Option<LinkManager> {
        match self {
            Self::Link | Self::Boot | Self::Durable => None,
            Self::NetworkManager | Self::Activation => Some(LinkManager::NetworkManager),
            Self::Reconfigure | Self::Restart => Some(LinkManager::Networkd),
        }
    }
}

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::Boot => "boot",
            Self::Durable => "durable",
            Self::NetworkManager => "until NetworkManager's next update",
            Self::Activation => "until NetworkManager's next activation",
            Self::Reconfigure => "until networkd's next reconfigure",
            Self::Restart => "until networkd's next restart",
        })
    }
}

/// Where a piece of kernel state lives and dies: what was made in another boot, in
/// another network namespace or on a link that has gone is *expired*.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The boot.
    #[serde(default)]
    pub boot: Arc<str>,
    /// The network namespace's inode.
    #[serde(default)]
    pub netns: u64,
    /// The link, where it goes with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Shared<LinkId>>,
}
