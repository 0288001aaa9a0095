//! A scope as services of the dynamic store.
//!
//! configd makes a resolver of each match domain of a service, and one service has one
//! list of servers, one port for all of them ([`ports`]) and one answer to whether its
//! domains are searched, too (`dns-configuration.c`, `add_supplemental`,
//! `extract_search_domains`). So a scope becomes one service or two:
//!
//! | service | holds |
//! |--|--|
//! | `netprof-SCOPE` | what is searched; where nothing is, all domains |
//! | `netprof-SCOPE:nosearch` | the other domains |
//!
//! A scope's name has no colon, so no two scopes share a service. A service without
//! addresses is heeded only because it has match domains (`ip_plugin.c`,
//! `get_dns_changes`), and of it all but servers, port and these domains is dropped.
//!
//! configd passes over keys that it does not know, so the mark and the link are said
//! beside its own.

use netprof_model::dns::DnsServer;
use netprof_model::link::Link;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::profile::{Scope, Spanned};
use netprof_model::resource::{STORE_LINK, STORE_MARK};
use netprof_model::{Resource, State, configd};

use super::{ports, reason};
use crate::draft::{Draft, Wanted};

/// The first of netprof's own orders. configd gives a domain without one 100000 and up
/// (`dns-configuration.c`, half of `DEFAULT_SEARCH_ORDER`), so what a profile says comes
/// before what a service does not care to say, and after the few low numbers that other
/// programs choose on purpose. The default resolver has 200000: a lower one is searched
/// before its domains, too.
const FIRST_ORDER: i64 = 80_000;

/// The first order of the empty domain, which stands beside the default resolver. That one
/// has 200000, or what the service that it is of says in `SearchOrder`: OpenVPN's scripts
/// say 5000 (`distro/dns-scripts/macos-dns-updown.sh`).
const FIRST_ORDER_OF_THE_REST: i64 = 1;

/// Hands out orders: each number once, so that what is searched is searched in the order
/// of the profile.
#[derive(Default)]
pub(super) struct Orders {
    domains: i64,
    rest: i64,
}

impl Orders {
    fn next(&mut self, domain: &str) -> Value {
        let (first, given) = if domain.is_empty() {
            (FIRST_ORDER_OF_THE_REST, &mut self.rest)
        } else {
            (FIRST_ORDER, &mut self.domains)
        };
        *given += 1;
        Value::Integer(first + *given - 1)
    }
}

/// Wants the services of `scope`, and says which those are.
pub(super) fn want(
    scope: &Scope,
    link: Option<&Link>,
    orders: &mut Orders,
    draft: &mut Draft,
) -> Vec<Resource> {
    let searched: Vec<&str> = scope.search.iter().map(|one| one.value.as_str()).collect();
    let rest = scope.domains.iter().map(|one| one.value.as_str());
    // The empty domain takes every name that no other does.
    let rest: Vec<&str> = rest
        .filter(|domain| !searched.contains(domain))
        .chain(scope.default_route.then_some(""))
        .collect();
    let (port, servers) = ports::asked(scope);
    let name = format!("netprof-{}", scope.name);
    let services = if searched.is_empty() {
        vec![(name, rest, false)]
    } else {
        let others = format!("{name}:nosearch");
        vec![(name, searched, true), (others, rest, false)]
    };
    let mut kept_in = Vec::new();
    for (name, domains, search) in services {
        if domains.is_empty() {
            continue;
        }
        let mut all = dictionary(&servers, port, &domains, search, orders);
        all.insert(STORE_MARK.to_owned(), Value::String(scope.name.to_string()));
        if let Some(link) = link {
            all.insert(STORE_LINK.to_owned(), Value::String(link.name.clone()));
        }
        let key = configd::Store::service_key(configd::Domain::State, &name, "DNS");
        let resource = Resource::Store { key };
        kept_in.push(resource.clone());
        // It outlives the link, so it lasts as long as the store.
        draft.want(Wanted::new(
            resource,
            State::Store(all),
            None,
            vec![reason(scope)],
        ));
    }
    kept_in
}

fn dictionary(
    servers: &[&Spanned<DnsServer>],
    port: u16,
    domains: &[&str],
    search: bool,
    orders: &mut Orders,
) -> Dictionary {
    let addresses = servers
        .iter()
        .map(|server| server.value.address.to_string());
    let mut all = Dictionary::from([
        ("ServerAddresses".to_owned(), Value::strings(addresses)),
        (
            "SupplementalMatchDomains".to_owned(),
            Value::strings(domains.iter().copied()),
        ),
        // As many as there are domains, or configd takes none of the domains.
        (
            "SupplementalMatchOrders".to_owned(),
            Value::Array(domains.iter().map(|one| orders.next(one)).collect()),
        ),
    ]);
    if !search {
        all.insert(
            "SupplementalMatchDomainsNoSearch".to_owned(),
            Value::Integer(1),
        );
    }
    if port != 53 {
        all.insert("ServerPort".to_owned(), Value::Integer(port.into()));
    }
    all
}
