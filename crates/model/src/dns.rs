//! What a resolver is told: servers, domains, which link answers what.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// One DNS server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DnsServer {
    /// Its address.
    pub address: IpAddr,
    /// Its port; none for 53.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The name that its certificate must have, for DNS over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

impl DnsServer {
    /// A server on the usual port.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self {
            address,
            port: None,
            server_name: None,
        }
    }
}

impl fmt::Display for DnsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => write!(f, "{}", self.address)?,
            Some(port) => write!(f, "{}", SocketAddr::new(self.address, port))?,
        }
        match &self.server_name {
            None => Ok(()),
            Some(name) => write!(f, "#{name}"),
        }
    }
}

/// One domain of a link or delegate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DnsDomain {
    /// The name, lower case, without a dot at its end; `.` is everything.
    pub name: String,
    /// Whether it only routes names, and is not appended to single-label names.
    pub route_only: bool,
}

impl DnsDomain {
    /// A domain that only routes names.
    #[must_use]
    pub fn route(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            route_only: true,
        }
    }

    /// A domain that is also searched.
    #[must_use]
    pub fn search(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            route_only: false,
        }
    }

    /// Whether it takes every name (`~.`).
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.name == "."
    }

    /// How many labels it has: the resolver takes the match with the most.
    #[must_use]
    pub fn labels(&self) -> usize {
        if self.is_root() {
            0
        } else {
            self.name.split('.').count()
        }
    }

    /// Whether `name` equals it or lies under it.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.is_root() || covers(&self.name, name)
    }
}

/// Whether `name` equals `domain` or lies under it. Both lower case, without a
/// dot at the end.
#[must_use]
pub fn covers(domain: &str, name: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl fmt::Display for DnsDomain {
    /// As resolvectl(1) writes it: `~` before a domain that only routes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.route_only {
            f.write_str("~")?;
        }
        f.write_str(&self.name)
    }
}

/// Whether a link takes names that no domain claims.
///
/// resolved reports a plain boolean, in effect `true` also where nothing was set,
/// so [`DefaultRoute::Unset`] is told from the flag and the domains together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultRoute {
    /// Not said: yes, unless the link has a domain that only routes, and none of its
    /// domains is the root.
    #[default]
    Unset,
    /// Said: yes.
    Yes,
    /// Said: no.
    No,
}

/// Everything that resolved keeps for one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DnsLink {
    /// The servers, in order.
    #[serde(default)]
    pub servers: Vec<DnsServer>,
    /// The domains, in order.
    #[serde(default)]
    pub domains: Vec<DnsDomain>,
    /// Whether it takes names that no domain claims.
    #[serde(default)]
    pub default_route: DefaultRoute,
    /// LLMNR: `yes`, `no`, `resolve`; empty where not set.
    #[serde(default)]
    pub llmnr: String,
    /// Multicast DNS: `yes`, `no`, `resolve`; empty where not set.
    #[serde(default)]
    pub mdns: String,
    /// DNS over TLS: `yes`, `no`, `opportunistic`; empty where not set.
    #[serde(default)]
    pub dns_over_tls: String,
    /// DNSSEC: `yes`, `no`, `allow-downgrade`; empty where not set.
    #[serde(default)]
    pub dnssec: String,
    /// Names that are not checked by DNSSEC, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negative_trust_anchors: Vec<String>,
}

impl DnsLink {
    /// Whether it takes names that no domain claims, in effect: what was said, else yes
    /// unless a domain only routes and none is the root (resolved-dns-scope.c,
    /// `dns_scope_is_default_route`, `dns_scope_has_route_only_domains`).
    #[must_use]
    pub fn is_default_route(&self) -> bool {
        match self.default_route {
            DefaultRoute::Yes => true,
            DefaultRoute::No => false,
            DefaultRoute::Unset => {
                self.takes_everything() || !self.domains.iter().any(|domain| domain.route_only)
            }
        }
    }

    /// Whether one of its domains takes every name.
    #[must_use]
    pub fn takes_everything(&self) -> bool {
        self.domains.iter().any(DnsDomain::is_root)
    }
}

/// Servers and domains that belong to no link (resolved 258 and newer;
/// systemd.dns-delegate(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DnsDelegate {
    /// The servers, in order.
    #[serde(default)]
    pub servers: Vec<DnsServer>,
    /// The domains, in order.
    #[serde(default)]
    pub domains: Vec<DnsDomain>,
    /// Whether it takes names that no domain claims.
    #[serde(default)]
    pub default_route: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_covers_itself_and_what_lies_under_it() {
        assert!(covers("corp.example", "corp.example"));
        assert!(covers("corp.example", "git.corp.example"));
        assert!(!covers("corp.example", "evilcorp.example"));
        assert!(!covers("git.corp.example", "corp.example"));
        assert!(DnsDomain::route(".").covers("anything"));
    }

    #[test]
    fn an_unset_default_route_follows_the_domains() {
        let mut link = DnsLink::default();
        assert!(link.is_default_route());
        link.domains.push(DnsDomain::search("corp.example"));
        assert!(link.is_default_route());
        link.domains.push(DnsDomain::route("10.in-addr.arpa"));
        assert!(!link.is_default_route());
        link.domains.push(DnsDomain::route("."));
        assert!(link.is_default_route());
        link.domains.pop();
        link.default_route = DefaultRoute::Yes;
        assert!(link.is_default_route());
    }
}
