//! What a person declares: a profile after its includes were merged.
//!
//! Everything keeps the place where it was written, for diagnostics and for the
//! reasons in a plan. Places are no part of what is declared: they are left out of
//! the serialised form, whose SHA-256 tells whether two profiles say the same.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::diagnostic::Location;
use crate::digits::Digits;
use crate::dns::DnsServer;
use crate::name::Name;
use crate::owner::Owner;
use crate::secret;

mod declared;

pub use declared::{Declared, What};

/// A profile after its includes were merged, for one operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Its name.
    pub name: Name,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Names for links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkDecl>,
    /// DNS scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Routes.
    pub routes: Routes,
    /// Container engines.
    pub containers: Containers,
    /// Proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Sizes of packets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mtu: Vec<Mtu>,
    /// Links whose TCP connections are told the right segment size.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clamp_mss: Vec<ClampMss>,
    /// When it is chosen by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

impl Profile {
    /// The declaration of the link of that name.
    #[must_use]
    pub fn link(&self, name: &Name) -> Option<&LinkDecl> {
        self.links.iter().find(|link| &link.name == name)
    }
}

/// A value and the place where it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The place.
    #[serde(skip)]
    pub at: Location,
}

/// A node without a value says that something is so.
#[allow(clippy::ref_option, reason = "serde passes the field as it is")]
fn as_true<S: serde::Serializer>(
    _: &Option<Spanned<()>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(true)
}

/// A prefix as it is ever serialised. There may be ten thousand, and a formatter takes
/// ten times as long for one as its digits do.
fn in_digits<S: serde::Serializer>(prefix: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    match prefix {
        IpNet::V4(net) => serializer.serialize_str(Digits::from(*net).as_str()),
        IpNet::V6(net) => net.serialize(serializer),
    }
}

/// A name for one or more links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkDecl {
    /// The name that the rest of the profile uses.
    pub name: Name,
    /// Whether the profile does without it.
    pub optional: bool,
    /// Whether several links may match.
    pub many: bool,
    /// What a link must be.
    pub matching: LinkMatch,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// What a link must be to be meant: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkMatch {
    /// Its name fits this pattern, in which `*` is any text and `?` any character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// It is of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// It has this owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Some address of it lies in this prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpNet>,
    /// A default route through it has this gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// It has this hardware address, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// It is connected to this wireless network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssid: Option<String>,
    /// Whether a default route of the main table goes through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_route: Option<bool>,
}

impl LinkMatch {
    /// What is given as text, by property, in the order in which it is written; all but
    /// `default_route`.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self {
            name,
            kind,
            owner,
            address,
            gateway,
            mac,
            ssid,
            default_route: _,
        } = self;
        [
            ("name", name.clone()),
            ("kind", kind.clone()),
            ("owner", owner.map(|owner| owner.to_string())),
            ("address", address.map(|prefix| prefix.to_string())),
            ("gateway", gateway.map(|gateway| gateway.to_string())),
            ("mac", mac.clone()),
            ("ssid", ssid.clone()),
        ]
        .into_iter()
        .filter_map(|(property, text)| Some((property, text?)))
    }
}

/// Names and the servers that answer them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Its name.
    pub name: Name,
    /// The domains that go to these servers and to no others; lower case, without a
    /// dot at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Spanned<String>>,
    /// The domains that are appended to single-label names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<Spanned<String>>,
    /// The servers.
    pub servers: Servers,
    /// The link that they are asked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Spanned<Name>>,
    /// Whether names that no scope claims go here, and only here.
    pub default_route: bool,
    /// Whether it is to outlive its link and this boot.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub durable: bool,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// Where the servers of a scope come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Servers {
    /// They are listed.
    Listed(Vec<Spanned<DnsServer>>),
    /// The VPN client's hook names them.
    Hook(#[serde(skip)] Location),
    /// The link's DHCP lease names them.
    Dhcp(#[serde(skip)] Location),
}

/// What must be so about routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Routes {
    /// This host reaches itself.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_true")]
    pub keep_localhost: Option<Spanned<()>>,
    /// The LAN stays reachable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_lan: Option<KeepLan>,
    /// Single routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteDecl>,
}

/// The LAN stays reachable, whatever a VPN claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeepLan {
    /// Which links' LANs; none for every physical link.
    pub links: Vec<Spanned<Name>>,
    /// Whether public prefixes are kept, too.
    pub allow_public: bool,
    /// Further prefixes behind a gateway on the LAN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// A prefix behind a gateway on the LAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Also {
    /// The prefix.
    pub prefix: IpNet,
    /// The gateway, where it is not the one of its live route or of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteDecl {
    /// The destination.
    #[serde(serialize_with = "in_digits")]
    pub prefix: IpNet,
    /// Where to.
    pub target: RouteTarget,
    /// The metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// The source address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<IpAddr>,
    /// Whether somebody else's route with the same destination and metric is replaced.
    pub replace: bool,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// Where a declared route leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteTarget {
    /// To a gateway, through a link, or both; at least one of them is given.
    Through {
        /// The gateway.
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<IpAddr>,
        /// The link.
        #[serde(skip_serializing_if = "Option::is_none")]
        link: Option<Spanned<Name>>,
    },
    /// Nowhere: senders are told that it is unreachable.
    Unreachable,
}

impl RouteTarget {
    /// The link that it names.
    #[must_use]
    pub fn link(&self) -> Option<&Spanned<Name>> {
        match self {
            Self::Through { link, .. } => link.as_ref(),
            Self::Unreachable => None,
        }
    }
}

/// What must be so about container engines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Containers {
    /// Live container subnets stay reachable.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_true")]
    pub keep_local: Option<Spanned<()>>,
    /// Docker's addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<Docker>,
    /// Podman's addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub podman: Option<Podman>,
}

/// A prefix that networks of a given size are cut from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// The prefix.
    pub prefix: IpNet,
    /// The length of the prefix of each network.
    pub size: u8,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// Docker's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Docker {
    /// The address of its default bridge, with host bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<IpNet>,
    /// Where its networks are cut from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// Podman's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Podman {
    /// The prefix of its default network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<IpNet>,
    /// Where its networks are cut from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// Proxies, and who is told of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proxy {
    /// For `http:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Spanned<ProxyUrl>>,
    /// For `https:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<Spanned<ProxyUrl>>,
    /// For everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socks: Option<Spanned<ProxyUrl>>,
    /// A script that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pac: Option<Spanned<ProxyUrl>>,
    /// What is reached without a proxy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bypass: Vec<Spanned<String>>,
    /// Who is told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub export: Vec<Spanned<Export>>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// The URL of a proxy. Its password shows in no output: whatever prints or
/// serialises it gets `***` in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// Keeps `url`, which the caller has checked.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its password.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// The URL with `***` for its password.
    #[must_use]
    pub fn redacted(&self) -> String {
        secret::redacted(&self.0).into_owned()
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyUrl({})", self.redacted())
    }
}

impl Serialize for ProxyUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

/// Who is told of the proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Export {
    /// Shells and user services, by environment variables.
    Env,
    /// The desktop's settings.
    Desktop,
    /// The Docker client's configuration.
    Docker,
    /// The system's own network services (macOS).
    System,
}

/// The largest packet of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mtu {
    /// The link.
    pub link: Spanned<Name>,
    /// The size in bytes.
    pub bytes: u32,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// TCP connections through a link are told the segment size that fits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClampMss {
    /// The link.
    pub link: Spanned<Name>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

/// When a profile is chosen by itself: all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct When {
    /// A link of the profile is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Spanned<Name>>,
    /// A wireless network is connected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssids: Vec<Spanned<String>>,
    /// The default gateway has this hardware address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway_macs: Vec<Spanned<String>>,
    /// A resolver was told this domain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_suffixes: Vec<Spanned<String>>,
    /// Some address lies in this prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Spanned<IpNet>>,
    /// This host and port can be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reachable: Vec<Spanned<String>>,
    /// Where it is written.
    #[serde(skip)]
    pub at: Location,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_serialised_as_it_displays() {
        for length in 0..=128 {
            for address in ["255.255.255.255", "10.9.100.0", "0.0.0.0", "fd00::1:0"] {
                let address: IpAddr = address.parse().expect("an address");
                let Ok(prefix) = IpNet::new(address, length) else {
                    continue;
                };
                let json = in_digits(&prefix, serde_json::value::Serializer).expect("a text");
                assert_eq!(json, prefix.to_string());
            }
        }
    }

    #[test]
    fn a_password_shows_nowhere() {
        let url = ProxyUrl::new("http://me:s3cret@proxy.example:3128/x");
        assert_eq!(url.redacted(), "http://me:***@proxy.example:3128/x");
        assert!(!format!("{url:?}").contains("s3cret"));
        assert!(
            !serde_json::to_string(&url)
                .expect("a string")
                .contains("s3cret")
        );
        let tricky = ProxyUrl::new("http://me:p@ss:w@rd@proxy.example/");
        assert_eq!(tricky.redacted(), "http://me:***@proxy.example/");
        let plain = ProxyUrl::new("socks5://proxy.example:1080");
        assert_eq!(plain.redacted(), plain.secret());
    }
}
