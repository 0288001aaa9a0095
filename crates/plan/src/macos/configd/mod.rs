//! configd's IP monitor, simulated: which service is primary, and the resolvers that
//! programs get from the dynamic store and from `/etc/resolver`.
//!
//! A plan for a Mac is a change of dictionaries, but what counts is who then answers a
//! name, and that is decided by what configd makes of *all* dictionaries together. So
//! the planner carries configd out on the dictionaries as they will be, and looks.
//!
//! The order of the work is that of Apple's configd (github.com/apple-oss-distributions,
//! repository configd): `Plugins/IPMonitor/ip_plugin.c` ranks the services, elects the
//! primary ones ([`election`]) and merges what the preferences and the network say of
//! each ([`service`], [`dns`]); `Plugins/IPMonitor/dns-configuration.c` makes the list of
//! resolvers ([`list`]); `dnsinfo/dnsinfo_flatfile.c` adds the files ([`files`]);
//! `dnsinfo/dnsinfo_logging.h` is how `scutil --dns` prints it ([`print`], [`reach`]).
//!
//! What is not the same as on a Mac:
//!
//! - configd goes through the services in the order of a hash table, which decides the
//!   order numbers of supplemental resolvers that set none of their own, and which of
//!   two services without a rank, or with the match domain `""`, comes first. Nothing
//!   outside configd shows that order. Here it is the order of the services' ids, so
//!   where two resolvers claim the same domain, who of them is first is not certain.
//! - Reachability is not simulated: no resolver has a `reach`.
//! - Rank assertions that a program makes of an interface (`IPMonitorControl`) and the
//!   delegation of an interface to another are not in the store, and count as none.

mod dns;
mod election;
pub(super) mod files;
mod list;
pub mod print;
pub mod reach;
mod service;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use netprof_model::Snapshot;
use netprof_model::configd::{Resolver, ResolverList, Store};
use netprof_model::plist::{Dictionary, Value};

use election::Election;
use list::{Entry, List};

/// What configd publishes of DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The resolvers.
    pub resolvers: ResolverList,
    /// The dictionary of `State:/Network/Global/DNS`: that of the first resolver,
    /// without the keys that configd keeps for itself (`__ORDER__` and the like).
    pub dns: Dictionary,
    /// The lines of `/var/run/resolv.conf` that are not comments: of the first resolver
    /// too, which is all that programs see that read the file.
    pub resolv_conf: String,
}

/// The services that configd elects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Primary {
    /// The primary service of IPv4.
    pub ipv4: Option<Elected>,
    /// The primary service of IPv6.
    pub ipv6: Option<Elected>,
    /// The id of the service whose servers are asked by default: of the two, the better
    /// one that has any.
    pub dns: Option<String>,
}

/// The primary service of an address family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elected {
    /// Its id.
    pub service: String,
    /// Its link.
    pub link: String,
    /// Its router; none where IPv6 packets go straight to the link. For IPv4 it is the
    /// service's own address then.
    pub router: Option<IpAddr>,
}

impl Elected {
    /// The dictionary of `State:/Network/Global/IPv4` or `IPv6`.
    #[must_use]
    pub fn global(&self) -> Dictionary {
        let mut all = Dictionary::from([
            (
                "PrimaryInterface".to_owned(),
                Value::String(self.link.clone()),
            ),
            (
                "PrimaryService".to_owned(),
                Value::String(self.service.clone()),
            ),
        ]);
        if let Some(router) = self.router {
            all.insert("Router".to_owned(), Value::String(router.to_string()));
        }
        all
    }
}

/// The services that configd elects from what `snapshot` says.
#[must_use]
pub fn primary(snapshot: &Snapshot) -> Primary {
    let ground = Ground::new(snapshot);
    let services = service::read(&ground);
    Election::hold(&ground, &services).primary()
}

/// The resolvers that configd makes of what `snapshot` says. None where it publishes no
/// configuration at all, which is where `scutil --dns` fails.
///
/// What the snapshot has not seen of the store, the links and the files counts as not
/// there.
#[must_use]
pub fn resolvers(snapshot: &Snapshot) -> Option<ResolverList> {
    published(snapshot).map(|published| published.resolvers)
}

/// What configd publishes of DNS from what `snapshot` says. Where it is none, there is
/// no `State:/Network/Global/DNS` and no resolv.conf either.
#[must_use]
pub fn published(snapshot: &Snapshot) -> Option<Published> {
    let (list, all) = make(snapshot);
    let first = list.entries.first().filter(|_| list.is_published)?;
    let mut resolvers = ResolverList::default();
    for one in all {
        list::publish(one.resolver, &mut resolvers);
    }
    Some(Published {
        resolvers,
        dns: global_dns(first),
        resolv_conf: resolv_conf(first),
    })
}

/// What a resolver is made of. configd's list does not say it, and who claims a domain is
/// a question of it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    /// Nothing that anybody wrote down: multicast, and a default that has no servers.
    #[default]
    Nothing,
    /// The service of this id.
    Service(&'a str),
    /// The file at this path.
    File(&'a str),
}

/// A resolver, and what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Made<'a> {
    pub(super) resolver: Resolver,
    pub(super) origin: Origin<'a>,
}

/// The resolvers of programs that name neither a link nor a service.
#[derive(Clone, Debug)]
pub(super) struct Attributed<'a> {
    pub(super) resolvers: Vec<Made<'a>>,
    /// Whether configd publishes them as they are. Where it does not, they are what it
    /// would add to the first network that is connected.
    pub(super) is_published: bool,
}

/// The resolvers that configd makes of what `snapshot` says, each with what it is made of.
pub(super) fn attributed(snapshot: &Snapshot) -> Attributed<'_> {
    let (list, mut resolvers) = make(snapshot);
    resolvers.retain(|one| !one.resolver.scoped && !one.resolver.service_specific);
    Attributed {
        resolvers,
        is_published: list.is_published,
    }
}

fn make(snapshot: &Snapshot) -> (List<'_>, Vec<Made<'_>>) {
    let ground = Ground::new(snapshot);
    let services = service::read(&ground);
    let election = Election::hold(&ground, &services);
    let list = list::build(&ground, &services, &election);
    let entries = list.entries.iter().map(|entry| Made {
        resolver: entry.resolver(&ground),
        origin: entry.origin,
    });
    let files = files::read(&ground, snapshot.files.items(), list.unscoped);
    let all = entries.chain(files).collect();
    (list, all)
}

/// What everything here looks at.
struct Ground<'a> {
    store: Option<&'a Store>,
    links: BTreeMap<&'a str, u32>,
}

impl<'a> Ground<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let links = snapshot.links.items().iter();
        Self {
            store: snapshot.store.seen(),
            links: links.map(|link| (link.name.as_str(), link.index)).collect(),
        }
    }

    fn dictionary(&self, key: &str) -> Option<&'a Dictionary> {
        self.store?.get(key)
    }

    /// The order of services that the user set, and whether PPP goes before it.
    fn order(&self) -> (Vec<&'a str>, bool) {
        let Some(global) = self.dictionary("Setup:/Network/Global/IPv4") else {
            return (Vec::new(), false);
        };
        let order = global.get("ServiceOrder").map_or(&[][..], Value::items);
        let ppp = global.get("PPPOverridePrimary").and_then(number);
        (
            order.iter().filter_map(Value::as_str).collect(),
            ppp.is_some_and(|number| number != 0),
        )
    }

    /// The domains that mDNSResponder wrote down under `key`, without the dots around
    /// them; none for an entry that is no domain.
    fn domains(&self, key: &str) -> Vec<Option<String>> {
        let value = self.store.and_then(|store| store.0.get(key));
        let items = value.map_or(&[][..], Value::items);
        items
            .iter()
            .map(|item| item.as_str().and_then(trimmed))
            .collect()
    }
}

/// The number that `value` is, as `CFNumberGetValue` gives 32 bits; none where it does
/// not fit.
fn number(value: &Value) -> Option<i32> {
    value
        .as_integer()
        .and_then(|number| i32::try_from(number).ok())
}

/// `domain` without the dots before and after it; none if nothing is left
/// (`_SC_trimDomain`).
fn trimmed(domain: &str) -> Option<String> {
    let domain = domain.trim_matches('.');
    (!domain.is_empty()).then(|| domain.to_owned())
}

fn global_dns(first: &Entry) -> Dictionary {
    let mut all = Dictionary::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(key.to_owned(), value);
        }
    };
    let strings = |all: &[String]| (!all.is_empty()).then(|| Value::strings(all.iter().cloned()));
    let integer = |number: i64| Value::Integer(number);
    put("ServerAddresses", strings(&first.servers));
    put("SearchDomains", strings(&first.search));
    put("SortList", strings(&first.sort));
    put("DomainName", first.domain.clone().map(Value::String));
    put("Options", first.options.clone().map(Value::String));
    put(
        "SearchOrder",
        first.order.given().map(u32::into).map(integer),
    );
    put("ServerPort", first.port.map(u16::into).map(integer));
    put("ServerTimeout", first.timeout.map(u32::into).map(integer));
    all
}

fn resolv_conf(first: &Entry) -> String {
    let mut text = String::new();
    if !first.search.is_empty() {
        let _ = writeln!(text, "search {}", first.search.join(" "));
    } else if let Some(domain) = &first.domain {
        let _ = writeln!(text, "domain {domain}");
    }
    for server in &first.servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !first.sort.is_empty() {
        let _ = writeln!(text, "sortlist {}", first.sort.join(" "));
    }
    text
}
