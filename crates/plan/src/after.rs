//! A snapshot as it will be once changes were made.

use std::borrow::Cow;
use std::collections::BTreeMap;

use netprof_model::configd::Store;
use netprof_model::dns::{DnsDelegate, DnsLink};
use netprof_model::file::LiveFile;
use netprof_model::finger::Finger;
use netprof_model::link::{Address, LinkId};
use netprof_model::plan::Change;
use netprof_model::plist::Value;
use netprof_model::route::{Protocol, Route, RouteKey, RouteLive};
use netprof_model::rule::{Rule, RuleKey};
use netprof_model::settings::LiveSettings;
use netprof_model::snapshot::{LiveDelegate, ResolvedLink};
use netprof_model::{Owner, Resource, Section, Snapshot, State};

/// What becomes of one resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) before: Option<&'a State>,
    pub(crate) after: Option<&'a State>,
}

impl<'a> From<&'a Change> for Turn<'a> {
    fn from(change: &'a Change) -> Self {
        Self {
            resource: &change.resource,
            before: change.before.as_ref(),
            after: change.after.as_ref(),
        }
    }
}

/// `snapshot` as it will be once `changes` were made, and nothing else happened.
///
/// Only what a change names is touched: what a kernel does by itself on top (the
/// local routes of a new address, say) is not foreseen.
#[must_use]
pub fn after(snapshot: &Snapshot, changes: &[Change]) -> Snapshot {
    Snapshot {
        held: snapshot.held.clone(),
        ..turned(snapshot, |_| true, changes.iter().map(Turn::from)).into_owned()
    }
}

/// The same, with only those routes to begin with that stay, and of no more than what a plan
/// is made of: what is held may be left out.
pub(crate) fn turned<'a, 'b>(
    snapshot: &'b Snapshot,
    stays: impl Fn(&Route) -> bool,
    turns: impl Iterator<Item = Turn<'a>>,
) -> Cow<'b, Snapshot> {
    let mut turns = turns.peekable();
    let all_stay = snapshot.routes.items().iter().all(&stays);
    if all_stay && turns.peek().is_none() {
        return Cow::Borrowed(snapshot);
    }
    // Taken apart, so that nothing that is new is forgotten here. What is large is not
    // copied only to be thrown away.
    let Snapshot {
        version,
        os,
        privileged,
        place,
        links,
        addresses,
        routes,
        rules,
        resolved,
        resolv_conf,
        nsswitch,
        firewall,
        xfrm,
        store,
        resolvers,
        preferences,
        files,
        unreadable_files,
        user,
        settings,
        engines,
        nft_table,
        networkd,
        held: _,
    } = snapshot;
    let mut next = Snapshot {
        version: *version,
        os: *os,
        privileged: *privileged,
        place: place.clone(),
        links: links.clone(),
        addresses: addresses.clone(),
        routes: Section::Unread,
        rules: Section::Unread,
        resolved: resolved.clone(),
        resolv_conf: resolv_conf.clone(),
        nsswitch: nsswitch.clone(),
        firewall: firewall.clone(),
        xfrm: xfrm.clone(),
        store: store.clone(),
        resolvers: resolvers.clone(),
        preferences: preferences.clone(),
        files: files.clone(),
        unreadable_files: unreadable_files.clone(),
        user: user.clone(),
        settings: settings.clone(),
        engines: engines.clone(),
        nft_table: nft_table.clone(),
        networkd: networkd.clone(),
        held: Section::Unread,
    };
    let mut of_routes = Vec::new();
    let mut of_rules = BTreeMap::new();
    for turn in turns {
        match turn.resource {
            Resource::Route(key) => of_routes.push((key, turn)),
            // Of several turns of one key, the last one counts.
            Resource::Rule(key) => _ = of_rules.insert(&**key, turn.after),
            other => set(&mut next, other, turn.after),
        }
    }
    next.routes = if all_stay && of_routes.is_empty() {
        routes.clone()
    } else {
        let routes = routes.items().iter().filter(|route| stays(route));
        Section::Seen(turned_routes(routes, of_routes))
    };
    next.rules = match of_rules.is_empty() {
        true => rules.clone(),
        false => Section::Seen(turned_rules(rules.items(), &of_rules)),
    };
    Cow::Owned(next)
}

/// Rules are turned in one pass, too: each of those routes may bring one along.
fn turned_rules(rules: &[Rule], turns: &BTreeMap<&RuleKey, Option<&State>>) -> Vec<Rule> {
    let stays = |rule: &&Rule| !turns.contains_key(&rule.key);
    let mut list: Vec<Rule> = rules.iter().filter(stays).cloned().collect();
    list.extend(turns.iter().filter_map(|(key, state)| match state {
        Some(State::Rule(spec)) => Some(Rule {
            key: RuleKey::clone(key),
            spec: spec.clone(),
            owner: owner_of(spec.protocol),
        }),
        _ => None,
    }));
    // The kernel puts a new rule behind those of the same priority.
    list.sort_by_key(|rule| rule.key.priority);
    list
}

/// Routes are turned in one pass: a plan may hold ten thousand of them. Of several with
/// one key, only the one that a turn names is touched.
fn turned_routes<'a>(
    routes: impl Iterator<Item = &'a Route>,
    mut turns: Vec<(&RouteKey, Turn<'_>)>,
) -> Vec<Route> {
    turns.sort_by_key(|(key, _)| *key);
    // Of several turns of one key, the last one counts.
    turns.dedup_by(|later, earlier| {
        let is_same = later.0 == earlier.0;
        if is_same {
            *earlier = *later;
        }
        is_same
    });
    let near = Finger::default();
    let stays = |route: &&Route| {
        let at = near.partition_point(&turns, |(key, _)| key.cmp(&&route.key).is_lt());
        match turns.get(at) {
            Some((key, turn)) if **key == route.key => match turn.before {
                Some(State::Route(before)) => *before != route.spec,
                _ => true,
            },
            _ => true,
        }
    };
    let mut list: Vec<Route> = routes.filter(stays).cloned().collect();
    list.extend(turns.iter().filter_map(|(key, turn)| match turn.after {
        Some(State::Route(spec)) => Some(Route {
            key: (*key).clone(),
            spec: spec.clone(),
            live: RouteLive::default(),
            owner: owner_of(spec.protocol),
        }),
        _ => None,
    }));
    list.sort_by(|a, b| a.key.cmp(&b.key));
    list
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
                    Some(State::DnsLink(dns)) => DnsLink::clone(dns),
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
                        dns: DnsDelegate::clone(dns),
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
        (Resource::Settings(settings), state) => {
            let holds = match state {
                Some(State::Settings(all)) => Section::Seen(all.clone()),
                _ => Section::Absent,
            };
            let list = items(&mut snapshot.settings);
            match list.iter_mut().find(|one| one.settings == *settings) {
                Some(one) => one.holds = holds,
                None => list.push(LiveSettings::new(settings.clone(), holds)),
            }
        }
        (Resource::NftTable, state) => {
            snapshot.nft_table = match state {
                Some(State::NftTable(table)) => Section::Seen((**table).clone()),
                _ => Section::Absent,
            };
        }
        // A link does not come or go by a change of whether it is up, and routes and
        // rules are set elsewhere.
        (Resource::LinkUp { .. } | Resource::Mtu { .. }, _)
        | (Resource::Route(_) | Resource::Rule(_), _) => {}
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
