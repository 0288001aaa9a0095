//! How systemd-resolved finds the servers of a name, over plain data.
//!
//! resolved asks every scope how well a name fits it and sends the query to all that
//! fit best (`resolved-dns-query.c`, `dns_query_go`; `resolved-dns-scope.c`,
//! `dns_scope_good_domain`): a domain of a link, a delegate or the global
//! configuration counts by its labels; a scope that merely takes what nobody claims
//! comes after any that names a domain, be it only `~.`, which has no labels.

use std::collections::HashSet;
use std::net::IpAddr;

use netprof_model::dns::{DnsDomain, DnsServer};
use netprof_model::link::Address;
use netprof_model::{Section, Snapshot};

/// Who answers a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answerer<'a> {
    /// The global servers.
    Global,
    /// The servers of this link.
    Link(&'a str),
    /// The servers of this delegate.
    Delegate(&'a str),
}

/// How well a name fits: the better, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The scope takes what nobody claims.
    Default,
    /// A domain with so many labels claims it.
    Labels(usize),
}

/// Whose servers are asked for `name`: all of them at once. Empty where nobody is.
#[must_use]
pub fn who_answers<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<Answerer<'a>> {
    let Section::Seen(resolved) = &snapshot.resolved else {
        return Vec::new();
    };
    let name = name.trim_end_matches('.').to_lowercase();
    let connected = connected(snapshot);
    let links = resolved.links.iter();
    let links = links.filter(|link| connected.contains(link.id.name.as_str()));
    let links = links.map(|link| {
        let dns = &link.dns;
        let fit = fit(&name, &dns.servers, &dns.domains, dns.is_default_route());
        (Answerer::Link(&link.id.name), fit)
    });
    let delegates = resolved.delegates.iter().flatten().map(|one| {
        let dns = &one.dns;
        let fit = fit(&name, &dns.servers, &dns.domains, dns.default_route);
        (Answerer::Delegate(&one.id), fit)
    });
    let global = &resolved.global;
    let global = fit(&name, &global.servers, &global.domains, true);
    let all: Vec<(Answerer, Fit)> = std::iter::once((Answerer::Global, global))
        .chain(links)
        .chain(delegates)
        .filter_map(|(who, fit)| Some((who, fit?)))
        .collect();
    let best = all.iter().map(|(_, fit)| *fit).max();
    all.iter()
        .filter(|(_, fit)| Some(*fit) == best)
        .map(|(who, _)| *who)
        .collect()
}

/// Whose servers are asked for a part of the names under `domain`, because they claim a
/// longer domain: which one.
pub(crate) fn who_answers_within<'a>(
    snapshot: &'a Snapshot,
    domain: &str,
) -> Vec<(Answerer<'a>, &'a str)> {
    let Section::Seen(resolved) = &snapshot.resolved else {
        return Vec::new();
    };
    let whole = DnsDomain::route(domain);
    let connected = connected(snapshot);
    let links = resolved.links.iter();
    let links = links
        .filter(|link| connected.contains(link.id.name.as_str()))
        .map(|link| {
            (
                Answerer::Link(&link.id.name),
                &link.dns.servers,
                &link.dns.domains,
            )
        });
    let delegates = resolved.delegates.iter().flatten();
    let delegates = delegates.map(|one| {
        (
            Answerer::Delegate(&one.id),
            &one.dns.servers,
            &one.dns.domains,
        )
    });
    let global = &resolved.global;
    std::iter::once((Answerer::Global, &global.servers, &global.domains))
        .chain(links)
        .chain(delegates)
        .filter(|(_, servers, _)| !servers.is_empty())
        .flat_map(|(who, _, domains)| domains.iter().map(move |one| (who, one)))
        .filter(|(_, one)| one.labels() > whole.labels() && whole.covers(&one.name))
        .map(|(who, one)| (who, one.name.as_str()))
        .collect()
}

/// The links that resolved asks through at all: those with a carrier and an address that
/// is no link-local one (`resolved-link.c`, `link_relevant`).
fn connected(snapshot: &Snapshot) -> HashSet<&str> {
    let routable = |address: &Address| match address.local.addr() {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    let addressed: HashSet<&str> = snapshot
        .addresses
        .items()
        .iter()
        .filter(|address| routable(address))
        .map(|address| address.dev.as_str())
        .collect();
    let links = snapshot.links.items().iter();
    links
        .filter(|link| link.up && link.carrier && addressed.contains(link.name.as_str()))
        .map(|link| link.name.as_str())
        .collect()
}

fn fit(name: &str, servers: &[DnsServer], domains: &[DnsDomain], default: bool) -> Option<Fit> {
    if servers.is_empty() {
        return None;
    }
    let labels = domains
        .iter()
        .filter(|domain| domain.covers(name))
        .map(DnsDomain::labels)
        .max();
    let single = !name.contains('.');
    let searches = domains.iter().any(|one| !one.route_only && !one.is_root());
    if single && searches {
        return Some(Fit::Labels(1));
    }
    labels.map(Fit::Labels).or(default.then_some(Fit::Default))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use netprof_model::dns::{DefaultRoute, DnsLink};
    use netprof_model::link::{Link, LinkId};
    use netprof_model::snapshot::{DnsGlobal, Os, Resolved, ResolvedLink, SameNamespace};

    use super::*;

    fn link(name: &str, domains: &[&str]) -> ResolvedLink {
        ResolvedLink {
            id: LinkId {
                index: 1,
                name: name.to_owned(),
            },
            dns: DnsLink {
                servers: vec![DnsServer::at(Ipv4Addr::LOCALHOST.into())],
                domains: domains
                    .iter()
                    .map(|text| match text.strip_prefix('~') {
                        Some(name) => DnsDomain::route(name),
                        None => DnsDomain::search(*text),
                    })
                    .collect(),
                ..DnsLink::default()
            },
        }
    }

    /// A machine where each of `links` has a carrier and an address.
    fn resolved(links: Vec<ResolvedLink>) -> Snapshot {
        let live = links
            .iter()
            .map(|link| Link::new(link.id.index, &link.id.name));
        let addresses = links.iter().map(|link| Address {
            dev: link.id.name.clone(),
            local: "10.1.2.3/24".parse().unwrap(),
            peer: None,
            scope: 0,
            dynamic: false,
            secondary: false,
        });
        Snapshot {
            links: Section::Seen(live.collect()),
            addresses: Section::Seen(addresses.collect()),
            resolved: Section::Seen(Resolved {
                namespace: SameNamespace::Yes,
                stub: true,
                global: DnsGlobal::default(),
                links,
                delegates: None,
            }),
            ..Snapshot::empty(Os::Linux)
        }
    }

    #[test]
    fn a_link_without_a_carrier_is_not_asked() {
        let mut machine = resolved(vec![link("lan", &["~."]), link("dock", &["~."])]);
        if let Section::Seen(links) = &mut machine.links {
            links[1].carrier = false;
        }
        assert_eq!(
            who_answers(&machine, "www.example.org"),
            [Answerer::Link("lan")]
        );
    }

    #[test]
    fn the_domain_with_most_labels_wins() {
        let resolved = resolved(vec![
            link("lan", &["~."]),
            link("corp", &["corp.example"]),
            link("lab", &["~lab.corp.example"]),
        ]);
        assert_eq!(who_answers(&resolved, "nas.home"), [Answerer::Link("lan")]);
        assert_eq!(
            who_answers(&resolved, "GIT.corp.example."),
            [Answerer::Link("corp")]
        );
        assert_eq!(
            who_answers(&resolved, "x.lab.corp.example"),
            [Answerer::Link("lab")]
        );
    }

    #[test]
    fn two_default_routes_are_both_asked() {
        let resolved = resolved(vec![link("lan", &[]), link("third", &["home.arpa"])]);
        assert_eq!(
            who_answers(&resolved, "www.example.org"),
            [Answerer::Link("lan"), Answerer::Link("third")]
        );
    }

    #[test]
    fn everything_outranks_default_routes_and_global_servers() {
        let mut third = link("third", &[]);
        third.dns.default_route = DefaultRoute::Yes;
        let mut resolved = resolved(vec![link("lan", &["~."]), third]);
        if let Section::Seen(resolved) = &mut resolved.resolved {
            let server = DnsServer::at(Ipv4Addr::LOCALHOST.into());
            resolved.global.servers.push(server);
        }
        assert_eq!(
            who_answers(&resolved, "www.example.org"),
            [Answerer::Link("lan")]
        );
    }

    #[test]
    fn a_link_without_servers_answers_nothing() {
        let mut corp = link("corp", &["corp.example"]);
        corp.dns.servers.clear();
        let resolved = resolved(vec![corp]);
        assert_eq!(who_answers(&resolved, "git.corp.example"), []);
    }
}
