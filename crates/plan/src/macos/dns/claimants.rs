//! Who claims a domain, in the dynamic store and in `/etc/resolver`.
//!
//! configd's list of resolvers does not say what each one was made of. This looks at
//! what it is made of, so that whoever claims a domain beside a scope can be named, and
//! netprof's own told from it.

use std::collections::BTreeSet;

use netprof_model::configd::{Domain, Resolver, Store};
use netprof_model::file::LiveFile;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::{FILE_MARK, STORE_MARK};
use netprof_model::{Name, Owner, Snapshot};

use crate::macos::configd::files::FOLDER;

const HEAD: &str = "/Network/Service/";
const TAIL: &str = "/DNS";

/// The services of the store that have a DNS entity, by their identifiers.
fn services(store: &Store) -> Vec<&str> {
    let heads = [Domain::Setup, Domain::State];
    let mut all: Vec<&str> = store
        .0
        .keys()
        .filter_map(|key| {
            let path = heads
                .iter()
                .find_map(|one| key.strip_prefix(one.as_str()))?;
            path.strip_prefix(HEAD)?.strip_suffix(TAIL)
        })
        .filter(|id| !id.contains('/'))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What configd takes of a list that the preferences or the running service may say: the
/// preferences' where they say one (`ip_plugin.c`, `merge_dns_servers`).
fn list<'a>(store: &'a Store, id: &str, name: &str) -> Option<(String, &'a [Value])> {
    [Domain::Setup, Domain::State].into_iter().find_map(|half| {
        let key = Store::service_key(half, id, "DNS");
        let items = store.get(&key)?.get(name)?.items();
        (!items.is_empty()).then_some((key, items))
    })
}

/// A domain as two of them are compared.
fn plain(domain: &str) -> String {
    domain.trim_end_matches('.').to_lowercase()
}

/// Everybody but netprof who claims `domain`, which is empty for every name that nobody
/// claims: each in words.
pub(super) fn others(snapshot: &Snapshot, domain: &str) -> Vec<String> {
    let Some(store) = snapshot.store.seen() else {
        return Vec::new();
    };
    let services = services(store).into_iter().filter_map(|id| {
        if own_service(store, id).is_some() {
            return None;
        }
        list(store, id, "ServerAddresses")?;
        let (key, domains) = list(store, id, "SupplementalMatchDomains")?;
        domains
            .iter()
            .filter_map(Value::as_str)
            .any(|one| plain(one) == domain)
            .then(|| described(snapshot, store, id, &key))
    });
    let files = snapshot.files.items().iter();
    let files = files
        .filter(|file| !file.state.lossy().starts_with(FILE_MARK))
        .filter(|file| !domain.is_empty() && claimed(file).is_some_and(|one| one == domain))
        .map(|file| format!("the file {}", file.path));
    services.chain(files).collect()
}

fn own_service<'a>(store: &'a Store, id: &str) -> Option<&'a Dictionary> {
    let all = store.get(&Store::service_key(Domain::State, id, "DNS"))?;
    all.contains_key(STORE_MARK).then_some(all)
}

/// The domain that a file claims: what its `domain` line says, else its name. None where
/// it says nothing that configd reads.
fn claimed(file: &LiveFile) -> Option<String> {
    let text = file.state.lossy();
    let mut words = text.lines().map(str::split_ascii_whitespace);
    let said = words.find_map(|mut line| (line.next()? == "domain").then(|| line.next())?);
    let says = text
        .lines()
        .any(|line| line.starts_with("nameserver") || line.starts_with("domain"));
    let name = file.path.strip_prefix(FOLDER)?;
    says.then(|| plain(said.unwrap_or(name)))
}

/// A service, its name and its owner, as far as they can be told.
fn described(snapshot: &Snapshot, store: &Store, id: &str, key: &str) -> String {
    let setup = store.get(&format!("{}{HEAD}{id}", Domain::Setup.as_str()));
    let name = setup.and_then(|all| all.get("UserDefinedName")?.as_str());
    let what = name.map_or_else(|| key.to_owned(), |name| format!("service {name} ({key})"));
    match owner(snapshot, store, id) {
        Owner::Unknown => what,
        owner => format!("{what} of {owner}"),
    }
}

/// Who owns a service: the owner of its link, else whoever its identifier names.
fn owner(snapshot: &Snapshot, store: &Store, id: &str) -> Owner {
    let dev = ["IPv4", "IPv6", "DNS"].into_iter().find_map(|entity| {
        let all = store.get(&Store::service_key(Domain::State, id, entity))?;
        all.get("InterfaceName")?.as_str()
    });
    let by_link = dev
        .and_then(|dev| snapshot.link(dev))
        .map_or(Owner::Unknown, |link| link.owner);
    if by_link != Owner::Unknown {
        return by_link;
    }
    let id = id.to_lowercase();
    Owner::ALL
        .into_iter()
        .find(|owner| owner.is_vpn() && id.contains(&owner.as_str().to_lowercase()))
        .unwrap_or_default()
}

/// Whether `resolver` is made of what netprof keeps for `scope`. One that somebody else
/// has for the same domain with the same servers looks the same, and does the same.
pub(super) fn is_of(snapshot: &Snapshot, scope: &Name, resolver: &Resolver) -> bool {
    let domain = plain(resolver.domain.as_deref().unwrap_or(""));
    if resolver.supplemental {
        let Some(store) = snapshot.store.seen() else {
            return false;
        };
        return services(store).into_iter().any(|id| {
            own_service(store, id).is_some_and(|all| {
                all.get(STORE_MARK).and_then(Value::as_str) == Some(scope.as_str())
                    && holds(all, "SupplementalMatchDomains", &domain)
                    && resolver.port == port(all)
                    && holds_servers(store, id, resolver)
            })
        });
    }
    let mark = format!("{FILE_MARK}scope {scope}");
    snapshot.files.items().iter().any(|file| {
        file.state.lossy().lines().next() == Some(mark.as_str())
            && claimed(file).as_deref() == Some(domain.as_str())
    })
}

/// Whether a service has just the servers of `resolver`: configd may order IPv4 and IPv6
/// addresses anew.
fn holds_servers(store: &Store, id: &str, resolver: &Resolver) -> bool {
    let Some((_, servers)) = list(store, id, "ServerAddresses") else {
        return false;
    };
    let told: BTreeSet<&str> = servers.iter().filter_map(Value::as_str).collect();
    told == resolver.nameservers.iter().map(String::as_str).collect()
}

fn holds(all: &Dictionary, name: &str, domain: &str) -> bool {
    all.get(name)
        .is_some_and(|list| list.words().any(|one| plain(one) == domain))
}

fn port(all: &Dictionary) -> Option<u16> {
    let port = all.get("ServerPort")?.as_integer()?;
    u16::try_from(port).ok().filter(|port| *port != 0)
}
