//! Who it is that answers, in words.
//!
//! configd's simulation knows what each resolver is made of ([`Origin`]). Here that gets
//! the name and the owner that a person knows it by, and netprof's own is told from it.

use netprof_model::configd::{Domain, Resolver, Store};
use netprof_model::file::FileState;
use netprof_model::plist::Value;
use netprof_model::snapshot::Index;
use netprof_model::{Owner, Resource, Snapshot};

use crate::macos::configd::Origin;
use crate::macos::configd::files::FOLDER;

/// Where what netprof itself would write of `origin` stands.
pub(super) fn resource(origin: Origin) -> Option<Resource> {
    match origin {
        Origin::Nothing => None,
        Origin::Service(id) => Some(Resource::Store {
            key: Store::service_key(Domain::State, id, "DNS"),
        }),
        Origin::File(path) => Some(Resource::File {
            path: path.to_owned(),
        }),
    }
}

/// Whether both ask the same servers the same. Then none takes names from the other, and
/// mDNSResponder makes one of them (`mdns_dns_service.c`).
pub(super) fn are_alike(one: &Resolver, other: &Resolver) -> bool {
    let servers = |of: &Resolver| {
        let mut all = of.nameservers.clone();
        all.sort();
        all
    };
    servers(one) == servers(other)
        && one.port.unwrap_or(53) == other.port.unwrap_or(53)
        && one.link == other.link
        && (one.requests_a, one.requests_aaaa) == (other.requests_a, other.requests_aaaa)
}

/// Who claims `domain`, which is empty for every name that nobody claims.
pub(super) fn described(snapshot: &Snapshot, origin: Origin, domain: &str) -> String {
    let what = match origin {
        Origin::Nothing => "macOS itself".to_owned(),
        Origin::Service(id) => service(snapshot, id, domain),
        Origin::File(path) => format!("the file {path}"),
    };
    let owner = match (origin, is_netprofs(snapshot, origin)) {
        (_, true) => Owner::Netprof,
        (Origin::Service(id), false) => owner(snapshot, id),
        _ => Owner::Unknown,
    };
    match owner {
        Owner::Unknown => what,
        owner => format!("{what} of {}", owner.who()),
    }
}

/// Whether it bears netprof's mark.
pub(super) fn is_netprofs(snapshot: &Snapshot, origin: Origin) -> bool {
    let index = Index::new(snapshot);
    resource(origin).is_some_and(|one| index.owner(&one) == Owner::Netprof)
}

/// The files that are symbolic links and may claim `domain`. configd follows them, but
/// what is behind is not in a snapshot; of what it may say, only the name is known.
pub(super) fn links<'a>(snapshot: &'a Snapshot, domain: &str) -> impl Iterator<Item = &'a str> {
    let files = snapshot.files.items().iter();
    let links = files.filter(|file| matches!(file.state, FileState::Symlink { .. }));
    let named = links.filter(move |file| {
        let name = file.path.strip_prefix(FOLDER);
        name.is_some_and(|name| name.trim_end_matches('.').eq_ignore_ascii_case(domain))
    });
    named.map(|file| file.path.as_str())
}

/// A service, by its name and the key that says the domain.
fn service(snapshot: &Snapshot, id: &str, domain: &str) -> String {
    let get = |key: &str| snapshot.store.seen().and_then(|store| store.get(key));
    let plain = |domain: &str| domain.trim_end_matches('.').to_ascii_lowercase();
    let says = |key: &String| {
        let list = get(key).and_then(|all| all.get("SupplementalMatchDomains"));
        list.is_some_and(|list| list.words().any(|one| plain(one) == plain(domain)))
    };
    let [state, setup] =
        [Domain::State, Domain::Setup].map(|half| Store::service_key(half, id, "DNS"));
    let key = if says(&setup) { setup } else { state };
    let name = get(&format!("{}/Network/Service/{id}", Domain::Setup.as_str()))
        .and_then(|all| all.get("UserDefinedName")?.as_str());
    name.map_or_else(|| key.clone(), |name| format!("service {name} ({key})"))
}

/// Who owns a service: the owner of its link, else whoever its identifier names.
fn owner(snapshot: &Snapshot, id: &str) -> Owner {
    let store = snapshot.store.seen();
    let dev = ["IPv4", "IPv6", "DNS"].into_iter().find_map(|entity| {
        let all = store?.get(&Store::service_key(Domain::State, id, entity))?;
        all.get("InterfaceName").and_then(Value::as_str)
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
