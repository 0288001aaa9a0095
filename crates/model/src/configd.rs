//! What configd, the configuration daemon of macOS, is told and what it publishes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plist::{Dictionary, Value};

/// The dynamic store, as far as it is about the network: a dictionary for each key that
/// starts with `State:/Network` or `Setup:/Network`. SCDynamicStore's header and
/// `SCSchemaDefinitions.h` name the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Store(pub BTreeMap<String, Value>);

impl Store {
    /// The dictionary of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Dictionary> {
        self.0.get(key).and_then(Value::as_dictionary)
    }

    /// The key of an entity of a network service.
    #[must_use]
    pub fn service_key(domain: Domain, service: &str, entity: &str) -> String {
        format!("{}/Network/Service/{service}/{entity}", domain.as_str())
    }
}

/// The half of the dynamic store that a key is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// What the preferences say.
    Setup,
    /// What is.
    State,
}

impl Domain {
    /// The head of its keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "Setup:",
            Self::State => "State:",
        }
    }
}

/// The resolvers that configd publishes to the programs of a Mac (`dnsinfo.h`), in the
/// order of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverList {
    /// Those that are asked for a name.
    pub resolvers: Vec<Resolver>,
    /// Those that are asked where a program names a link.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scoped: Vec<Resolver>,
    /// Those that are asked where a program names a service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_specific: Vec<Resolver>,
}

/// One resolver: servers, and the names that they are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolver {
    /// The domain that it answers for; none for every name that no other claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The domains that are appended to short names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// The servers' addresses, a link-local one with its `%link`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// Which of several addresses of a name to prefer, as `address/mask`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<String>,
    /// Options, as resolver(5) has them; `mdns` and `pdns` are asked by multicast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// The servers' port; none for 53.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How long to wait for an answer, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// The link that queries are bound to: its number, and its name if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<(u32, Option<String>)>,
    /// The service that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_identifier: Option<u32>,
    /// Whether only programs that name its link ask it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scoped: bool,
    /// Whether only programs that name its service ask it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service_specific: bool,
    /// Whether it comes from the match domains of a service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supplemental: bool,
    /// Whether it is asked for IPv4 addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requests_a: bool,
    /// Whether it is asked for IPv6 addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requests_aaaa: bool,
    /// How its servers can be reached (`SCNetworkReachabilityFlags`): what configd found
    /// when it looked, and no part of what it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<u32>,
    /// Its place among those of the same domain: the lower ones are asked first.
    #[serde(default)]
    pub order: u32,
}

/// The network services of the current location, in their order, as the preferences
/// have them (SCNetworkConfiguration).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// The name of the current location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its services, in the order in which they are preferred.
    pub services: Vec<NetworkService>,
}

/// One network service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkService {
    /// What the preferences and the dynamic store know it by.
    pub id: String,
    /// Its name for a person.
    pub name: String,
    /// The link that it sets up, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The type of its interface: `IEEE80211`, `Ethernet`, `PPP`, `VPN`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is switched on.
    #[serde(default)]
    pub enabled: bool,
    /// The configuration of its protocol `Proxies`; none where it has no such protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<Dictionary>,
}
