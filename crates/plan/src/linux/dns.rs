//! `dns`: each scope's names go to its servers and to no others.
//!
//! A scope lives on the link that it names, or, without one, as a delegate of
//! resolved's (258 and newer). All scopes of one link are one resource, since
//! resolved keeps one list of servers and one of domains for each link.

use std::collections::BTreeMap;

use netprof_model::dns::{DefaultRoute, DnsDelegate, DnsDomain, DnsLink, DnsServer};
use netprof_model::link::{Link, LinkManager};
use netprof_model::plan::{Expectation, Reason, RouteAnswer, RouteProbe, Standing};
use netprof_model::profile::{Scope, Servers, Spanned};
use netprof_model::resource::Lasts;
use netprof_model::shared::Shared;
use netprof_model::snapshot::Resolved;
use netprof_model::{Diagnostic, Owner, Resource, Section, Snapshot, State};

use super::Ground;
use super::fib::Fib;
use super::resolver::{Answerer, who_answers, who_answers_within};
use crate::claim::{DnsClaim, Place, UNCLAIMED};
use crate::draft::{Draft, Wanted};

mod reach;

/// The most servers and domains that every resolved takes on one link
/// (LINK_DNS_SERVERS_MAX and LINK_SEARCH_DOMAINS_MAX in `resolved-dns-server.h` and
/// `resolved-dns-search-domain.h`), less the domain that makes it save a new order.
const MOST_SERVERS: usize = 256;
const MOST_DOMAINS: usize = 255;

/// Whether the scope that lives at `place` is the one that answers.
fn is_at(place: &Place, who: &Answerer) -> bool {
    match (place, who) {
        (Place::Link(name), Answerer::Link(other)) => name == other,
        (Place::Delegate(name), Answerer::Delegate(other)) => {
            other.strip_prefix(netprof_model::snapshot::LiveDelegate::PREFIX) == Some(name.as_str())
        }
        _ => false,
    }
}

/// Wants each scope.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let mut placed: BTreeMap<Place, Vec<&Scope>> = BTreeMap::new();
    for scope in &ground.profile.scopes {
        let reason = reason(scope);
        let subject = format!("scope {}", scope.name);
        match place(ground, scope, &mut placed, &subject, &reason, draft) {
            Ok(Some(place)) => placed.entry(place).or_default().push(scope),
            Ok(None) => {}
            Err(error) => draft.refuse(subject, &reason, error, &scope.at),
        }
    }
    let Some(first) = placed.values().flatten().next().copied() else {
        return;
    };
    let resolved = match reach::check(ground.base, draft, &first.at) {
        Ok(resolved) => resolved,
        Err(error) => {
            for scope in placed.values().flatten() {
                draft.row(
                    Standing::Blocked,
                    format!("scope {}", scope.name),
                    error.message.clone(),
                    &reason(scope),
                );
            }
            draft.diagnostics.push(error.at(first.at.clone()));
            return;
        }
    };
    for (place, scopes) in &placed {
        want(ground, resolved, place, scopes, draft);
    }
    if let Some((place, scope)) = placed.iter().find_map(|(place, scopes)| {
        Some((place, *scopes.iter().find(|scope| scope.default_route)?))
    }) {
        clear_others(ground, resolved, place, scope, draft);
    }
}

fn reason(scope: &Scope) -> Reason {
    Reason::line(&scope.at, format!("scope {}", scope.name))
}

fn servers(scope: &Scope) -> &[Spanned<DnsServer>] {
    match &scope.servers {
        Servers::Listed(servers) => servers,
        Servers::Hook(_) | Servers::Dhcp(_) => &[],
    }
}

fn addresses(scope: &Scope) -> impl Iterator<Item = &DnsServer> {
    servers(scope).iter().map(|server| &server.value)
}

/// Where `scope` is to live; none where it waits for its link.
fn place(
    ground: &Ground,
    scope: &Scope,
    placed: &mut BTreeMap<Place, Vec<&Scope>>,
    subject: &str,
    reason: &Reason,
    draft: &mut Draft,
) -> Result<Option<Place>, Diagnostic> {
    if let Servers::Hook(at) | Servers::Dhcp(at) = &scope.servers {
        let error = Diagnostic::error(
            "plan::not-carried-out",
            format!("{subject}: servers that are not listed cannot be found out yet"),
        )
        .label("not carried out yet")
        .help("list the servers' addresses");
        draft.refuse(subject, reason, error, at);
        return Ok(None);
    }
    lasting(scope, subject)?;
    expressible(scope, subject)?;
    let Some(name) = &scope.link else {
        return delegate(ground, scope, "names no link").map(Some);
    };
    let links = match ground.links.or_row(name, subject, reason) {
        Ok(links) => links,
        Err(row) => {
            draft.rows.push(*row);
            return Ok(None);
        }
    };
    let [link] = links.as_slice() else {
        return Err(Diagnostic::error(
            "plan::ambiguous-link",
            format!(
                "{subject} lives on one link, and several are meant: {}",
                crate::links::names(links.iter().copied())
            ),
        )
        .help("narrow the match of the link"));
    };
    let here = Place::Link(link.name.clone());
    match placed.get(&here).and_then(|others| others.first()) {
        Some(other) if !addresses(other).eq(addresses(scope)) => delegate(
            ground,
            scope,
            &format!(
                "has other servers than scope {} on the same link",
                other.name
            ),
        )
        .map(Some),
        _ => Ok(Some(here)),
    }
}

/// Whether the scope need not last longer than resolved remembers anything.
fn lasting(scope: &Scope, subject: &str) -> Result<(), Diagnostic> {
    if !scope.durable {
        return Ok(());
    }
    Err(Diagnostic::error(
        "plan::not-durable",
        format!("{subject}: what systemd-resolved is told ends with the link, or with this boot"),
    )
    .label("`durable` cannot be kept here")
    .help("put `durable` in an `os \"macos\"` block, and apply the profile after each boot"))
}

/// Whether resolved can be told this scope: what it would refuse, or take in silence and
/// not heed, is refused here.
fn expressible(scope: &Scope, subject: &str) -> Result<(), Diagnostic> {
    for server in addresses(scope) {
        if server.port == Some(853) {
            return Err(Diagnostic::error("plan::dns-over-tls-port", format!(
                    "{subject}: resolved keeps port 853 for DNS over TLS, and would ask {} on port 53",
                    server.address
                )).label("this server would be asked on another port").help("leave the port out, or give the server another one"));
        }
        if reach::STUBS.contains(&server.address) || server.address.is_unspecified() {
            return Err(Diagnostic::error(
                "plan::no-server",
                format!("{subject}: resolved takes no server {}", server.address),
            )
            .label("this is resolved itself, or nobody")
            .help("name the server that resolved is to ask"));
        }
    }
    let domains = scope.domains.len() + scope.search.len();
    for (what, count, most) in [
        ("servers", addresses(scope).count(), MOST_SERVERS),
        ("domains", domains, MOST_DOMAINS),
    ] {
        if count > most {
            return Err(Diagnostic::error(
                "plan::too-many",
                format!("{subject} has {count} {what}, and resolved takes {most} on a link"),
            ));
        }
    }
    Ok(())
}

/// A delegate for `scope`, where this resolved has them.
fn delegate(ground: &Ground, scope: &Scope, why: &str) -> Result<Place, Diagnostic> {
    let resolved = ground.base.resolved.seen();
    if resolved.is_some_and(|resolved| resolved.delegates.is_some()) {
        return Ok(Place::Delegate(scope.name.clone()));
    }
    let has = match resolved {
        Some(_) => "this systemd-resolved has no delegates (258 and newer do)",
        None => "there is no systemd-resolved",
    };
    Err(Diagnostic::error(
        "plan::no-delegates",
        format!(
            "scope {} {why}, and {has}; a forwarder of netprof's own is not there yet",
            scope.name
        ),
    )
    .label("this scope has no place to live")
    .help("name a link for it, with one list of servers for each link"))
}

/// A server as resolved gives it back: it does not tell the usual port.
fn as_read_back(server: &DnsServer) -> DnsServer {
    DnsServer {
        port: server.port.filter(|port| *port != 53),
        ..server.clone()
    }
}

/// The domains of `scopes`, as resolved is told them: what is searched comes first,
/// which is the order in which it gives back those of a link of networkd's.
fn domains(scopes: &[&Scope]) -> Vec<DnsDomain> {
    let mut all: Vec<DnsDomain> = Vec::new();
    // Names are searched in the order in which the profile says so.
    for search in scopes.iter().flat_map(|scope| &scope.search) {
        if !all.iter().any(|one| one.name == search.value) {
            all.push(DnsDomain::search(&search.value));
        }
    }
    for domain in scopes.iter().flat_map(|scope| &scope.domains) {
        if !all.iter().any(|one| one.name == domain.value) {
            all.push(DnsDomain::route(&domain.value));
        }
    }
    if scopes.iter().any(|scope| scope.default_route) {
        all.push(DnsDomain::route("."));
    }
    all
}

fn want(ground: &Ground, resolved: &Resolved, place: &Place, scopes: &[&Scope], draft: &mut Draft) {
    let Some(first) = scopes.first() else { return };
    let servers: Vec<DnsServer> = addresses(first).map(as_read_back).collect();
    let mut reasons: Vec<Reason> = scopes.iter().map(|scope| reason(scope)).collect();
    match place {
        Place::Link(dev) => {
            let Some(link) = ground.link(dev) else {
                return;
            };
            let live = resolved.links.iter().find(|one| &one.id.name == dev);
            let mut dns = live.map(|one| one.dns.clone()).unwrap_or_default();
            dns.servers = servers;
            dns.domains = domains(scopes);
            // "Only these names": a link must not take the rest as well. The flag is
            // left alone where it need not be touched, since resolved does not tell
            // whether it was ever set.
            if !dns.takes_everything() && dns.is_default_route() {
                dns.default_route = DefaultRoute::No;
            }
            if link.owner.is_vpn() {
                // vpnc-script sets names for a connection, and does not for its next
                // session over the same link.
                let when = match link.owner {
                    Owner::Openconnect => "connects anew",
                    _ => "reconnects",
                };
                reasons.push(Reason::plain(format!(
                    "owner {}, which will set it again when it {when}",
                    link.owner.who()
                )));
            }
            want_link(link, dns, reasons, draft);
            for server in servers_of(scopes) {
                draft
                    .servers
                    .push((server.clone(), Some(dev.clone()), reason(first)));
            }
        }
        Place::Delegate(name) => {
            let dns = DnsDelegate {
                servers,
                domains: domains(scopes),
                default_route: scopes.iter().any(|scope| scope.default_route),
            };
            draft.want(Wanted::new(
                Resource::DnsDelegate { name: name.clone() },
                State::DnsDelegate(Box::new(dns)),
                None,
                reasons,
            ));
            for server in servers_of(scopes) {
                draft.servers.push((server.clone(), None, reason(first)));
            }
        }
        // That is another system's.
        Place::Configd { .. } => {}
    }
    for scope in scopes {
        let reason = reason(scope);
        draft.dns_claims.extend(DnsClaim::of(scope, place, &reason));
    }
}

fn servers_of<'a>(scopes: &[&'a Scope]) -> &'a [Spanned<DnsServer>] {
    scopes.first().map_or(&[], |scope| servers(scope))
}

fn want_link(link: &Link, dns: DnsLink, reasons: Vec<Reason>, draft: &mut Draft) {
    let resource = Resource::DnsLink {
        dev: link.name.clone(),
    };
    draft.want(Wanted {
        lasts: match link.manager {
            Some(LinkManager::NetworkManager) => Lasts::NetworkManager,
            Some(LinkManager::Networkd) => Lasts::Restart,
            None => Lasts::Link,
        },
        manager: link.manager,
        replace: true,
        ..Wanted::new(resource, State::DnsLink(Box::new(dns)), Some(link), reasons)
    });
}

/// `default-route #true`: `~.` of every other link is cleared. Flags of other links
/// and global servers need no clearing: a domain, be it `~.`, outranks them.
fn clear_others(
    ground: &Ground,
    resolved: &Resolved,
    place: &Place,
    scope: &Scope,
    draft: &mut Draft,
) {
    for other in &resolved.links {
        let resource = Resource::DnsLink {
            dev: other.id.name.clone(),
        };
        let here = matches!(place, Place::Link(dev) if dev == &other.id.name);
        if here || !other.dns.takes_everything() || draft.wants(&resource).is_some() {
            continue;
        }
        let Some(link) = ground.link(&other.id.name) else {
            continue;
        };
        let mut dns = other.dns.clone();
        dns.domains.retain(|domain| !domain.is_root());
        let why = Reason::line(
            &scope.at,
            format!(
                "default-route of scope {}: no other link takes every name",
                scope.name
            ),
        );
        want_link(link, dns, vec![why], draft);
    }
}

/// Looks at the resolver as it will be: each scope's names must go to its servers,
/// and there must be a route to each of them.
pub(super) fn check(after: &Snapshot, draft: &mut Draft) {
    if !matches!(after.resolved, Section::Seen(_)) {
        return;
    }
    let claims = std::mem::take(&mut draft.dns_claims);
    warn_if_nobody_answers(after, &claims, draft);
    warn_of_longer_domains(after, &claims, draft);
    for claim in claims {
        let who = who_answers(after, &claim.name);
        let others: Vec<String> = who
            .iter()
            .filter(|who| !is_at(&claim.by, who))
            .map(|who| described(who, after))
            .collect();
        if others.is_empty() {
            continue;
        }
        let what = match claim.domain() {
            Some(domain) => format!("names under {domain}"),
            None => "names that no scope claims".to_owned(),
        };
        let error = Diagnostic::error(
            "plan::domain-taken",
            format!(
                "scope {}: {what} would also go to {}",
                claim.scope,
                others.join(" and ")
            ),
        )
        .label("this would not hold")
        .help("name that link in a scope of its own, or take the domain away from it");
        draft.refuse(
            format!("scope {}", claim.scope),
            &claim.reason,
            error,
            &claim.at,
        );
    }
    check_servers(after, draft);
}

/// Says whose longer domains take some of a scope's names: a longer one always wins, and
/// often rightly, so that it is no reason to refuse the scope.
fn warn_of_longer_domains(after: &Snapshot, claims: &[DnsClaim], draft: &mut Draft) {
    for claim in claims {
        let Some(domain) = claim.domain() else {
            continue;
        };
        for (who, longer) in who_answers_within(after, domain) {
            let is_meant =
                |other: &DnsClaim| is_at(&other.by, &who) && other.domain() == Some(longer);
            if claims.iter().any(is_meant) {
                continue;
            }
            draft.diagnostics.push(
                Diagnostic::warning(
                    "plan::part-taken",
                    format!(
                        "scope {}: names under {longer} go to {}",
                        claim.scope,
                        described(&who, after)
                    ),
                )
                .at(claim.at.clone())
                .label(format!("a longer domain than {domain} is claimed there"))
                .help(format!(
                    "if they are this scope's as well, name it: domains \"{domain}\" \"{longer}\""
                )),
            );
        }
    }
}

fn described(who: &Answerer, snapshot: &Snapshot) -> String {
    match who {
        Answerer::Global => {
            "the global servers (resolved.conf, or a foreign resolv.conf)".to_owned()
        }
        Answerer::Delegate(id) => format!("the delegate {id}"),
        Answerer::Link(dev) => {
            let owner = snapshot
                .link(dev)
                .map(|link| link.manager.map_or(link.owner, Into::into));
            match owner {
                None | Some(Owner::Unknown) => format!("link {dev}"),
                Some(owner) => format!("link {dev} of {}", owner.who()),
            }
        }
    }
}

/// resolved binds the socket of a link's query to that link, so the route must go
/// through it.
fn check_servers(after: &Snapshot, draft: &mut Draft) {
    let servers = std::mem::take(&mut draft.servers);
    if servers.is_empty() {
        return;
    }
    let fib = Fib::new(after);
    for (server, dev, reason) in servers {
        let to = server.value.address;
        if to.is_loopback() {
            continue;
        }
        let found = fib.look_up(to, dev.as_deref());
        if found
            .route()
            .is_some_and(|route| dev.as_deref().is_none_or(|dev| route.goes_through(dev)))
        {
            draft.expectations.push(Expectation {
                probe: RouteProbe { to, oif: dev },
                answer: Shared::from(RouteAnswer {
                    src: None,
                    ..found.answer()
                }),
                reason,
            });
            continue;
        }
        let way = dev.map_or_else(String::new, |dev| format!(" through {dev}"));
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::server-unreachable",
                format!("no route{way} leads to the server {to}"),
            )
            .at(server.at.clone())
            .label("queries to this server will fail")
            .help(format!(
                "add a route to it, such as `route \"{}\" link=\"NAME\"`",
                ipnet::IpNet::from(to)
            )),
        );
    }
}

fn warn_if_nobody_answers(after: &Snapshot, claims: &[DnsClaim], draft: &mut Draft) {
    let Some(first) = claims.first() else { return };
    if !who_answers(after, UNCLAIMED).is_empty() {
        return;
    }
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::nobody-answers",
            "no server is left for names that no scope claims",
        )
        .at(first.at.clone())
        .help("give one scope `default-route #true`, or another link a server"),
    );
}
