//! What each resource of a snapshot holds, and whose it is.

use std::collections::HashMap;

use super::{Resolved, SameNamespace, Section, Snapshot};
use crate::configd::NetworkService;
use crate::file::FileState;
use crate::finger::Finger;
use crate::owner::Owner;
use crate::resource::{AddressSpec, Resource, State};
use crate::route::{Protocol, Route, RouteKey};
use crate::rule::{Rule, RuleKey};

/// A section that a look-up needed and that was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{section} of the snapshot is {standing}{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
pub struct NotKnown {
    /// Which.
    pub section: &'static str,
    /// How it stands instead.
    pub standing: &'static str,
    /// Why, where it is there and could not be read.
    pub why: Option<String>,
}

impl NotKnown {
    /// A network service is not one of this location. It may be one of another, with its
    /// proxies as they were left.
    pub const ELSEWHERE: Self = Self {
        section: "preferences",
        standing: "of a location without this service",
        why: None,
    };

    /// That `section` was not read, and why.
    fn of<T>(name: &'static str, section: &Section<T>) -> Self {
        Self {
            section: name,
            standing: section.standing(),
            why: section.why_unreadable().map(str::to_owned),
        }
    }
}

/// A snapshot with its resources laid out for look-up: a plan asks for thousands.
#[derive(Debug)]
pub struct Index<'a> {
    snapshot: &'a Snapshot,
    /// By key; those that share one in the order of the snapshot.
    routes: Vec<&'a Route>,
    near: Finger,
    rules: HashMap<&'a RuleKey, &'a Rule>,
}

impl<'a> Index<'a> {
    /// Lays out `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut routes: Vec<&Route> = snapshot.routes.items().iter().collect();
        routes.sort_by(|one, other| one.key.cmp(&other.key));
        let rules = snapshot
            .rules
            .items()
            .iter()
            .map(|rule| (&rule.key, rule))
            .collect();
        Self {
            snapshot,
            routes,
            near: Finger::default(),
            rules,
        }
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// The live routes that share `key`: usually one, several where IPv6 has the same
    /// destination on several links or where somebody appended.
    #[must_use]
    pub fn routes(&self, key: &RouteKey) -> &[&'a Route] {
        let found = self.near.search(&self.routes, |route| route.key.cmp(key));
        let Ok(mut first) = found else {
            return &[];
        };
        let same = |at: usize| self.routes.get(at).is_some_and(|route| route.key == *key);
        let mut end = first + 1;
        while same(end) {
            end += 1;
        }
        while first > 0 && same(first - 1) {
            first -= 1;
        }
        &self.routes[first..end]
    }

    /// The live route with `key`: of several, netprof's own.
    #[must_use]
    pub fn route(&self, key: &RouteKey) -> Option<&'a Route> {
        let all = self.routes(key);
        let own = |route: &&&Route| route.spec.protocol == Protocol::NETPROF;
        all.iter().find(own).or(all.first()).copied()
    }

    /// The live rule with `key`.
    #[must_use]
    pub fn rule(&self, key: &RuleKey) -> Option<&'a Rule> {
        self.rules.get(key).copied()
    }

    /// What `resource` holds; none if it is absent.
    ///
    /// # Errors
    ///
    /// [`NotKnown`] where the section that would tell was not read.
    pub fn state(&self, resource: &Resource) -> Result<Option<State>, NotKnown> {
        let snapshot = self.snapshot;
        Ok(match resource {
            Resource::LinkUp { dev } => {
                known("links", &snapshot.links)?;
                snapshot.link(dev).map(|link| State::LinkUp { up: link.up })
            }
            Resource::Address { dev, local } => {
                known("addresses", &snapshot.addresses)?;
                let mut all = snapshot.addresses.items().iter();
                all.find(|address| &address.dev == dev && &address.local == local)
                    .map(|address| {
                        State::Address(AddressSpec {
                            scope: address.scope,
                        })
                    })
            }
            Resource::Rule(key) => {
                known("rules", &snapshot.rules)?;
                self.rule(key).map(|rule| State::Rule(rule.spec.clone()))
            }
            Resource::Route(key) => {
                known("routes", &snapshot.routes)?;
                self.route(key)
                    .map(|route| State::Route(route.spec.clone()))
            }
            Resource::DnsLink { dev } => self
                .resolver()?
                .links
                .iter()
                .find(|link| &link.id.name == dev)
                .map(|link| State::DnsLink(Box::new(link.dns.clone()))),
            Resource::DnsDelegate { name } => {
                let delegates = self.resolver()?.delegates.iter().flatten();
                delegates
                    .into_iter()
                    .find(|one| one.scope().as_ref() == Some(name))
                    .map(|one| State::DnsDelegate(Box::new(one.dns.clone())))
            }
            Resource::Store { key } => {
                known("store", &snapshot.store)?;
                let store = snapshot.store.seen();
                store
                    .and_then(|store| store.get(key))
                    .map(|dictionary| State::Store(dictionary.clone()))
            }
            Resource::File { path } => {
                known("files", &snapshot.files)?;
                if let Some(why) = snapshot.unreadable_files.get(path) {
                    let unread = Section::<FileState>::Unreadable(why.clone());
                    return Err(NotKnown::of("files", &unread));
                }
                let mut all = snapshot.files.items().iter();
                all.find(|file| &file.path == path)
                    .map(|file| State::File(file.state.clone()))
            }
            Resource::Mtu { dev } => {
                known("links", &snapshot.links)?;
                snapshot.link(dev).map(|link| State::Mtu { mtu: link.mtu })
            }
            Resource::Proxies { service } => {
                known("preferences", &snapshot.preferences)?;
                match (&snapshot.preferences, self.service(service)) {
                    (_, Some(one)) => one.proxies.clone().map(State::Proxies),
                    // A service of another location is there and not in this list.
                    (Section::Seen(_), None) => return Err(NotKnown::ELSEWHERE),
                    (_, None) => None,
                }
            }
            Resource::Settings(settings) => {
                known("settings", &snapshot.settings)?;
                let mut all = snapshot.settings.items().iter();
                let Some(live) = all.find(|one| one.settings == *settings) else {
                    return Err(NotKnown {
                        section: "settings",
                        standing: "without these",
                        why: None,
                    });
                };
                known("settings", &live.holds)?;
                live.holds.seen().cloned().map(State::Settings)
            }
            Resource::NftTable => {
                known("nft_table", &snapshot.nft_table)?;
                let table = snapshot.nft_table.seen().cloned();
                table.map(|table| State::NftTable(Box::new(table)))
            }
        })
    }

    /// Why what `resource` holds cannot be changed now, though it is known.
    #[must_use]
    pub fn unreachable(&self, resource: &Resource) -> Option<&'a str> {
        let Resource::Settings(settings) = resource else {
            return None;
        };
        let mut all = self.snapshot.settings.items().iter();
        let live = all.find(|one| one.settings == *settings)?;
        live.unreachable.as_deref()
    }

    /// The network service of that identifier.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&'a NetworkService> {
        let preferences = self.snapshot.preferences.seen()?;
        preferences.services.iter().find(|one| one.id == id)
    }

    /// The resolver, if it is there and is this machine's: one that is stopped still
    /// remembers what it was told, so what it holds is not known then.
    fn resolver(&self) -> Result<&'a Resolved, NotKnown> {
        let section = &self.snapshot.resolved;
        match section {
            Section::Seen(resolved) if resolved.namespace == SameNamespace::No => Err(NotKnown {
                section: "resolved",
                standing: "of another network namespace",
                why: None,
            }),
            Section::Seen(resolved) => Ok(resolved),
            other => Err(NotKnown::of("resolved", other)),
        }
    }

    /// Who owns what `resource` holds now.
    #[must_use]
    pub fn owner(&self, resource: &Resource) -> Owner {
        match resource {
            Resource::LinkUp { dev } | Resource::DnsLink { dev } => {
                self.snapshot.link(dev).map_or(Owner::Unknown, |link| {
                    link.manager.map_or(link.owner, Owner::from)
                })
            }
            Resource::Address { dev, .. } | Resource::Mtu { dev } => self
                .snapshot
                .link(dev)
                .map_or(Owner::Unknown, |link| link.owner),
            Resource::Rule(key) => self.rule(key).map_or(Owner::Unknown, |rule| rule.owner),
            Resource::Route(key) => self.route(key).map_or(Owner::Unknown, |route| route.owner),
            Resource::DnsDelegate { .. } => Owner::Netprof,
            // A mark stays where somebody has written below it.
            Resource::Store { .. } | Resource::File { .. } | Resource::NftTable => {
                match self.state(resource) {
                    Ok(Some(state)) if state.bears_mark() && self.is_as_held(resource, &state) => {
                        Owner::Netprof
                    }
                    _ => Owner::Unknown,
                }
            }
            // The preferences are what a person clicked, and settings what one wrote.
            Resource::Proxies { .. } | Resource::Settings(_) => Owner::User,
        }
    }

    /// Whether `state` is what netprof made of `resource`, as far as is known.
    fn is_as_held(&self, resource: &Resource, state: &State) -> bool {
        let held = self.snapshot.held().and_then(|held| held.get(resource));
        held.is_none_or(|held| held.committed.as_ref() == Some(state))
    }
}

fn known<T>(name: &'static str, section: &Section<T>) -> Result<(), NotKnown> {
    if section.is_known() {
        return Ok(());
    }
    Err(NotKnown::of(name, section))
}
