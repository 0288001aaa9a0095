//! What resolved says of a link, in the words of the model.
//!
//! The numbers and tuples of D-Bus come in, [`DnsLink`] and the like go out. Nothing
//! here talks to a bus.
//!
//! What resolved reports is what holds in effect, while what netprof must keep is what
//! was *said*, for only that can be put back. Where the two cannot be told apart, the
//! choice here is the one whose replay after a `RevertLink` gives the same effect:
//!
//! * `DefaultRoute` is a plain boolean: what was said, else what follows from the
//!   domains, else, while the link has no scope, false (`property_get_default_route`,
//!   later `link_get_default_route`). [`default_route`] tells them apart by what would
//!   be read if nothing were said, or by what the daemon has saved.
//! * DNSSEC and DNS over TLS fall back to the global setting, LLMNR and mDNS have no
//!   'unset' inside resolved at all: they start as some value, an empty string sets that
//!   value again, and which value that is differs between versions (mDNS starts as `no`
//!   in 252 and as `yes` in 262) and with the global setting, which caps it. But there is
//!   one link of which nothing can have been said, for resolved refuses it
//!   (`verify_unmanaged_link`): the loopback link. What reads as it does there counts as
//!   unset.

use std::net::IpAddr;

use netprof_model::dns::{DefaultRoute, DnsDelegate, DnsDomain, DnsLink, DnsServer};
use netprof_model::snapshot::DnsGlobal;

/// The bit of a link's `ScopesMask` that says that the link is asked at all: it has
/// servers, an address and a carrier (`SD_RESOLVED_DNS`).
const SCOPE_DNS: u64 = 1;

/// A server as D-Bus carries it: family, address, port, name.
pub type RawServer = (i32, Vec<u8>, u16, String);

/// The modes of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// `LLMNR`.
    pub llmnr: String,
    /// `MulticastDNS`.
    pub mdns: String,
    /// `DNSOverTLS`.
    pub dns_over_tls: String,
    /// `DNSSEC`.
    pub dnssec: String,
}

/// What one link object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawLink {
    /// `ScopesMask`.
    pub scopes: u64,
    /// `DNSEx`, or `DNS` where that is not there.
    pub servers: Vec<RawServer>,
    /// `Domains`: the name, and whether it only routes.
    pub domains: Vec<(String, bool)>,
    /// `DefaultRoute`.
    pub default_route: bool,
    /// `LLMNR`, `MulticastDNS`, `DNSOverTLS`, `DNSSEC`.
    pub modes: Modes,
    /// `DNSSECNegativeTrustAnchors`.
    pub negative_trust_anchors: Vec<String>,
}

/// What the daemon that is in charge of a link has saved of its default-route flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Its file could be read: the flag is said so, or not said.
    Known(DefaultRoute),
    /// It could not.
    Unknown,
}

/// The link in the words of the model. `unset` is how the modes of a link read of which
/// nothing was said.
///
/// # Errors
///
/// What resolved said that makes no sense.
pub fn link(raw: &RawLink, unset: &Modes, saved: Saved) -> Result<DnsLink, String> {
    let domains = raw.domains.iter().map(domain).collect::<Vec<_>>();
    let unless = |value: &str, unset: &str| {
        if value == unset {
            String::new()
        } else {
            value.to_owned()
        }
    };
    let modes = &raw.modes;
    let mut negative_trust_anchors = raw.negative_trust_anchors.clone();
    negative_trust_anchors.sort();
    Ok(DnsLink {
        servers: raw.servers.iter().map(server).collect::<Result<_, _>>()?,
        default_route: default_route(raw.default_route, raw.scopes, &domains, saved),
        domains,
        llmnr: unless(&modes.llmnr, &unset.llmnr),
        mdns: unless(&modes.mdns, &unset.mdns),
        dns_over_tls: unless(&modes.dns_over_tls, &unset.dns_over_tls),
        dnssec: unless(&modes.dnssec, &unset.dnssec),
        negative_trust_anchors,
    })
}

/// What was said of the default route, from what is read. What was saved decides, unless
/// it contradicts what is read: then the file is stale.
fn default_route(read: bool, scopes: u64, domains: &[DnsDomain], saved: Saved) -> DefaultRoute {
    let has_scope = scopes & SCOPE_DNS != 0;
    let if_unset = has_scope && takes_unclaimed_names(domains);
    let reads_as = |said| match said {
        DefaultRoute::Unset => if_unset,
        DefaultRoute::Yes => true,
        DefaultRoute::No => false,
    };
    match saved {
        Saved::Known(said) if reads_as(said) == read => said,
        _ if read == if_unset => DefaultRoute::Unset,
        _ if read => DefaultRoute::Yes,
        _ => DefaultRoute::No,
    }
}

/// Whether a link of which nothing was said takes the names that no domain claims: no
/// domain only routes, or one is the root (`dns_scope_has_route_only_domains`).
fn takes_unclaimed_names(domains: &[DnsDomain]) -> bool {
    domains.iter().any(DnsDomain::is_root) || !domains.iter().any(|domain| domain.route_only)
}

/// What a file of saved settings says: `DEFAULT_ROUTE=` in resolved's own,
/// `DNS_DEFAULT_ROUTE=` in networkd's.
#[must_use]
pub fn saved_default_route(text: &str) -> DefaultRoute {
    let value = text.lines().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key, "DEFAULT_ROUTE" | "DNS_DEFAULT_ROUTE").then(|| value.trim_matches('"'))
    });
    match value {
        Some("yes" | "true" | "1") => DefaultRoute::Yes,
        Some("no" | "false" | "0") => DefaultRoute::No,
        _ => DefaultRoute::Unset,
    }
}

/// A server in the words of the model.
///
/// # Errors
///
/// An address whose length does not fit its family.
pub fn server((family, address, port, name): &RawServer) -> Result<DnsServer, String> {
    const AF_INET: i32 = 2;
    const AF_INET6: i32 = 10;
    let address = match *family {
        AF_INET => <[u8; 4]>::try_from(address.as_slice())
            .ok()
            .map(IpAddr::from),
        AF_INET6 => <[u8; 16]>::try_from(address.as_slice())
            .ok()
            .map(IpAddr::from),
        _ => None,
    }
    .ok_or_else(|| {
        format!(
            "a DNS server of family {family} has an address of {} bytes",
            address.len()
        )
    })?;
    Ok(DnsServer {
        address,
        port: (*port != 0).then_some(*port),
        server_name: (!name.is_empty()).then(|| name.clone()),
    })
}

/// A server as D-Bus carries it. resolved itself keeps 53 and 853 as 'the usual port'.
#[must_use]
pub fn raw_server(server: &DnsServer) -> RawServer {
    let (family, address) = match server.address {
        IpAddr::V4(address) => (2, address.octets().to_vec()),
        IpAddr::V6(address) => (10, address.octets().to_vec()),
    };
    let port = server.port.filter(|port| !matches!(port, 53 | 853));
    (
        family,
        address,
        port.unwrap_or(0),
        server.server_name.clone().unwrap_or_default(),
    )
}

/// A domain in the words of the model: lower case, without a dot at its end, the root
/// as `.`.
fn domain((name, route_only): &(String, bool)) -> DnsDomain {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    DnsDomain {
        name: if name.is_empty() { ".".into() } else { name },
        route_only: *route_only,
    }
}

/// What holds for no link. Each entry comes with the index of the link that it belongs
/// to, 0 for none.
///
/// # Errors
///
/// What resolved said that makes no sense.
pub fn global(
    servers: &[(i32, RawServer)],
    domains: &[(i32, String, bool)],
    fallback: &[(i32, RawServer)],
) -> Result<DnsGlobal, String> {
    let of_no_link = |(index, _): &&(i32, RawServer)| *index == 0;
    Ok(DnsGlobal {
        servers: servers
            .iter()
            .filter(of_no_link)
            .map(|(_, one)| server(one))
            .collect::<Result<_, _>>()?,
        domains: domains
            .iter()
            .filter(|(index, ..)| *index == 0)
            .map(|(_, name, route_only)| domain(&(name.clone(), *route_only)))
            .collect(),
        fallback: fallback
            .iter()
            .map(|(_, one)| server(one))
            .collect::<Result<_, _>>()?,
    })
}

/// A delegate in the words of the model.
///
/// # Errors
///
/// What resolved said that makes no sense.
pub fn delegate(
    servers: &[(i32, RawServer)],
    domains: &[(String, bool)],
    default_route: bool,
) -> Result<DnsDelegate, String> {
    Ok(DnsDelegate {
        servers: servers
            .iter()
            .map(|(_, one)| server(one))
            .collect::<Result<_, _>>()?,
        domains: domains.iter().map(domain).collect(),
        default_route,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(read: bool, scopes: u64, domains: &[(&str, bool)]) -> RawLink {
        RawLink {
            scopes,
            domains: domains
                .iter()
                .map(|(name, route_only)| ((*name).to_owned(), *route_only))
                .collect(),
            default_route: read,
            ..RawLink::default()
        }
    }

    fn flag(raw: &RawLink, saved: Saved) -> DefaultRoute {
        link(raw, &Modes::default(), saved).unwrap().default_route
    }

    #[test]
    fn a_flag_that_follows_from_the_domains_counts_as_unset() {
        for raw in [
            raw(true, 1, &[]),
            raw(true, 1, &[("corp.example", false)]),
            raw(false, 1, &[("corp.example", true)]),
            raw(true, 1, &[("corp.example", true), ("", true)]),
            raw(false, 0, &[]),
        ] {
            assert_eq!(flag(&raw, Saved::Unknown), DefaultRoute::Unset, "{raw:?}");
        }
    }

    #[test]
    fn a_flag_against_the_domains_was_said() {
        assert_eq!(
            flag(&raw(true, 1, &[("corp.example", true)]), Saved::Unknown),
            DefaultRoute::Yes
        );
        assert_eq!(flag(&raw(true, 0, &[]), Saved::Unknown), DefaultRoute::Yes);
        assert_eq!(flag(&raw(false, 1, &[]), Saved::Unknown), DefaultRoute::No);
        assert_eq!(
            flag(&raw(false, 1, &[(".", true)]), Saved::Unknown),
            DefaultRoute::No
        );
    }

    #[test]
    fn what_was_saved_decides() {
        let said = Saved::Known(DefaultRoute::Yes);
        assert_eq!(flag(&raw(true, 1, &[]), said), DefaultRoute::Yes);
        assert_eq!(
            flag(&raw(false, 1, &[]), said),
            DefaultRoute::No,
            "a stale file"
        );
        assert_eq!(
            saved_default_route("# private\nLLMNR=yes\nDEFAULT_ROUTE=no\n"),
            DefaultRoute::No
        );
        assert_eq!(
            saved_default_route("ADMIN_STATE=configured\nDNS_DEFAULT_ROUTE=yes\n"),
            DefaultRoute::Yes
        );
        assert_eq!(saved_default_route("LLMNR=yes\n"), DefaultRoute::Unset);
        assert_eq!(saved_default_route("\u{fffd}garbage"), DefaultRoute::Unset);
    }

    #[test]
    fn modes_that_read_as_on_an_untouched_link_count_as_unset() {
        let modes = |modes: [&str; 4]| {
            let [llmnr, mdns, dns_over_tls, dnssec] = modes.map(str::to_owned);
            Modes {
                llmnr,
                mdns,
                dns_over_tls,
                dnssec,
            }
        };
        let read = |own: [&str; 4], unset: [&str; 4]| {
            let raw = RawLink {
                modes: modes(own),
                ..RawLink::default()
            };
            let link = link(&raw, &modes(unset), Saved::Unknown).unwrap();
            [link.llmnr, link.mdns, link.dns_over_tls, link.dnssec]
        };
        let old = ["yes", "no", "no", "no"];
        let new = ["yes", "yes", "no", "no"];
        assert_eq!(read(old, old), ["", "", "", ""]);
        assert_eq!(read(old, new), ["", "no", "", ""]);
        assert_eq!(
            read(["resolve", "yes", "opportunistic", "yes"], old),
            ["resolve", "yes", "opportunistic", "yes"]
        );
    }

    #[test]
    fn the_root_and_names_are_written_in_one_way() {
        let named = |name: &str| domain(&(name.to_owned(), true)).name;
        assert_eq!(named(""), ".");
        assert_eq!(named("."), ".");
        assert_eq!(named("Corp.Example."), "corp.example");
    }

    #[test]
    fn an_address_of_a_wrong_length_is_an_error() {
        assert!(server(&(2, vec![10, 0, 0], 0, String::new())).is_err());
        assert!(server(&(7, vec![], 0, String::new())).is_err());
        let bad = RawLink {
            servers: vec![(2, vec![], 0, String::new())],
            ..RawLink::default()
        };
        assert!(link(&bad, &Modes::default(), Saved::Unknown).is_err());
    }

    #[test]
    fn servers_of_links_are_not_global() {
        let of = |index, last| (index, (2, vec![10, 0, 0, last], 0, String::new()));
        let read = global(
            &[of(0, 1), of(7, 2)],
            &[
                (0, "a.example".into(), false),
                (7, "b.example".into(), true),
            ],
            &[of(0, 9)],
        )
        .unwrap();
        assert_eq!(read.servers, [DnsServer::at([10, 0, 0, 1].into())]);
        assert_eq!(read.domains, [DnsDomain::search("a.example")]);
        assert_eq!(read.fallback, [DnsServer::at([10, 0, 0, 9].into())]);
    }

    proptest! {
        #[test]
        fn a_server_survives_the_way_to_the_bus_and_back(
            address in any::<IpAddr>(), port in prop::option::of(1u16..), name in prop::option::of("[a-z.]{1,9}"),
        ) {
            let port = port.filter(|port| !matches!(port, 53 | 853));
            let one = DnsServer { address, port, server_name: name };
            prop_assert_eq!(server(&raw_server(&one)).unwrap(), one);
        }
    }
}
