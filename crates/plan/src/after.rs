//! A snapshot as it will be once changes were made.

use std::collections::HashMap;

use netprof_model::configd::Store;
use netprof_model::dns::DnsLink;
use netprof_model::file::LiveFile;
use netprof_model::link::{Address, LinkId};
use netprof_model::plan::Change;
use netprof_model::plist::Value;
use netprof_model::route::{Protocol, Route, RouteKey, RouteLive};
use netprof_model::rule::Rule;
use netprof_model::snapshot::{LiveDelegate, ResolvedLink};
use netprof_model::{Owner, Resource, Section, Snapshot, State};

/// `snapshot` as it will be once `changes` were made, and nothing else happened.
///
/// Only what a change names is touched: what a kernel does by itself on top (the
/// local routes of a new address, say) is not foreseen.
#[must_use]
pub fn after(snapshot: &Snapshot, changes: &[Change]) -> Snapshot {
    let mut next = snapshot.clone();
    let mut routes: HashMap<&RouteKey, &Change> = HashMap::new();
    for change in changes {
        match &change.resource {
            Resource::Route(key) => {
                routes.insert(key, change);
            }
            other => set(&mut next, other, change.after.as_ref()),
        }
    }
    set_routes(&mut next, &routes);
    next
}

/// Routes are set in one pass: a plan may hold ten thousand of them. Of several with one
/// key, only the one that a change names is touched.
fn set_routes(snapshot: &mut Snapshot, changes: &HashMap<&RouteKey, &Change>) {
    if changes.is_empty() {
        return;
    }
    let list = items(&mut snapshot.routes);
    list.retain(|route| {
        changes
            .get(&route.key)
            .is_none_or(|change| match &change.before {
                Some(State::Route(before)) => *before != route.spec,
                _ => true,
            })
    });
    for (key, change) in changes {
        if let Some(State::Route(spec)) = &change.after {
            list.push(Route {
                key: (*key).clone(),
                spec: spec.clone(),
                live: RouteLive::default(),
                owner: owner_of(spec.protocol),
            });
        }
    }
    list.sort_by(|a, b| a.key.cmp(&b.key));
}

/// Who puts routes and rules with this protocol.
fn owner_of(protocol: Protocol) -> Owner {
    match protocol {
        Protocol::NETPROF => Owner::Netprof,
        Protocol::KERNEL => Owner::Kernel,
        Protocol::RA => Owner::Ra,
        Protocol::DHCP => Owner::Dhcp,
        _ => Owner::Unknown,
    }
}

fn set(snapshot: &mut Snapshot, resource: &Resource, state: Option<&State>) {
    match (resource, state) {
        (Resource::LinkUp { dev }, Some(State::LinkUp { up })) => {
            for link in items(&mut snapshot.links) {
                if &link.name == dev {
                    link.up = *up;
                }
            }
        }
        (Resource::Address { dev, local }, state) => {
            let list = items(&mut snapshot.addresses);
            list.retain(|address| !(&address.dev == dev && &address.local == local));
            if let Some(State::Address(spec)) = state {
                list.push(Address {
                    dev: dev.clone(),
                    local: *local,
                    peer: None,
                    scope: spec.scope,
                    dynamic: false,
                    secondary: false,
                });
            }
        }
        (Resource::Rule(key), state) => {
            let list = items(&mut snapshot.rules);
            list.retain(|rule| &rule.key != key);
            if let Some(State::Rule(spec)) = state {
                // The kernel puts a new rule behind those of the same priority.
                let at = list.partition_point(|rule| rule.key.priority <= key.priority);
                list.insert(
                    at,
                    Rule {
                        key: key.clone(),
                        spec: spec.clone(),
                        owner: owner_of(spec.protocol),
                    },
                );
            }
        }
        (Resource::DnsLink { dev }, state) => {
            let id = snapshot.link(dev).map_or_else(
                || LinkId {
                    index: 0,
                    name: dev.clone(),
                },
                netprof_model::link::Link::id,
            );
            if let Section::Seen(resolved) = &mut snapshot.resolved {
                let dns = match state {
                    Some(State::DnsLink(dns)) => dns.clone(),
                    _ => DnsLink::default(),
                };
                match resolved.links.iter_mut().find(|link| &link.id.name == dev) {
                    Some(link) => link.dns = dns,
                    None => resolved.links.push(ResolvedLink { id, dns }),
                }
            }
        }
        (Resource::DnsDelegate { name }, state) => {
            if let Section::Seen(resolved) = &mut snapshot.resolved
                && let Some(delegates) = &mut resolved.delegates
            {
                delegates.retain(|one| one.scope().as_ref() != Some(name));
                if let Some(State::DnsDelegate(dns)) = state {
                    delegates.push(LiveDelegate {
                        id: format!("{}{name}", LiveDelegate::PREFIX),
                        dns: dns.clone(),
                    });
                }
            }
        }
        (Resource::Mtu { dev }, Some(State::Mtu { mtu })) => {
            for link in items(&mut snapshot.links) {
                if &link.name == dev {
                    link.mtu = *mtu;
                }
            }
        }
        (Resource::Store { key }, state) => {
            if !matches!(snapshot.store, Section::Seen(_)) {
                snapshot.store = Section::Seen(Store::default());
            }
            if let Section::Seen(store) = &mut snapshot.store {
                match state {
                    Some(State::Store(all)) => {
                        store.0.insert(key.clone(), Value::Dictionary(all.clone()))
                    }
                    _ => store.0.remove(key),
                };
            }
        }
        (Resource::File { path }, state) => {
            let list = items(&mut snapshot.files);
            let at = list.iter().position(|file| &file.path == path);
            match (at, state) {
                (Some(at), Some(State::File(state))) => list[at].state = state.clone(),
                (None, Some(State::File(state))) => list.push(LiveFile {
                    path: path.clone(),
                    state: state.clone(),
                }),
                (Some(at), _) => {
                    list.remove(at);
                }
                (None, _) => {}
            }
        }
        (Resource::Proxies { service }, state) => {
            if let Section::Seen(preferences) = &mut snapshot.preferences {
                let mut all = preferences.services.iter_mut();
                if let Some(service) = all.find(|one| &one.id == service) {
                    service.proxies = match state {
                        Some(State::Proxies(all)) => Some(all.clone()),
                        _ => None,
                    };
                }
            }
        }
        // A link does not come or go by a change of whether it is up, and routes
        // are set elsewhere.
        (Resource::LinkUp { .. } | Resource::Mtu { .. } | Resource::Route(_), _) => {}
    }
}

fn items<T>(section: &mut Section<Vec<T>>) -> &mut Vec<T> {
    if !matches!(section, Section::Seen(_)) {
        *section = Section::Seen(Vec::new());
    }
    match section {
        Section::Seen(list) => list,
        _ => unreachable!("it was made so just above"),
    }
}
