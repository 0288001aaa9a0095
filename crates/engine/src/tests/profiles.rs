//! Small profiles for the simulated machine: what each resource shall hold.
//!
//! The planner here is a few lines that follow the rules of the real one: what is
//! not netprof's becomes the original, what a profile no longer names goes back to
//! its original, what somebody else changed is kept.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use netprof_model::dns::{DnsDelegate, DnsDomain, DnsLink, DnsServer};
use netprof_model::file::FileState;
use netprof_model::link::{Link, LinkId};
use netprof_model::plan::{Change, DropReason, Dropped, Kept, Plan, ProfileRef, Reason};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::{AddressSpec, Lasts, Place};
use netprof_model::route::{Hop, Protocol, RouteKey, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey, RuleSpec};
use netprof_model::snapshot::{
    DnsGlobal, Index, Os, Resolved, ResolvedLink, SameNamespace, Snapshot,
};
use netprof_model::{Name, Owner, Resource, Section, State};
use proptest::prelude::*;

/// What each resource holds, or shall hold; none for absent.
pub(super) type States = BTreeMap<Resource, Option<State>>;

pub(super) fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

pub(super) fn rule(priority: u32) -> Resource {
    Resource::Rule(RuleKey {
        to: Some(prefix("192.168.1.0/24")),
        suppress_prefixlength: Some(23),
        ..RuleKey::new(Family::V4, priority, RuleAction::Lookup(254))
    })
}

pub(super) fn route(text: &str, table: u32) -> Resource {
    Resource::Route(RouteKey {
        dst: prefix(text),
        table,
        metric: 0,
        tos: 0,
        ifscope: None,
    })
}

pub(super) fn dns(dev: &str) -> Resource {
    Resource::DnsLink {
        dev: dev.to_owned(),
    }
}

pub(super) fn address(text: &str) -> Resource {
    Resource::Address {
        dev: "lan0".to_owned(),
        local: prefix(text),
    }
}

pub(super) fn delegate(name: &str) -> Resource {
    Resource::DnsDelegate {
        name: Name::new(name).expect("a name"),
    }
}

fn up(dev: &str) -> Resource {
    Resource::LinkUp {
        dev: dev.to_owned(),
    }
}

/// Every resource that the machine has or could have.
pub(super) fn pool() -> Vec<Resource> {
    vec![
        up("lan0"),
        address("10.9.0.1/24"),
        address("10.9.0.2/24"),
        route("192.168.1.0/24", 28272),
        rule(110),
        rule(111),
        rule(119),
        route("10.0.0.0/8", 254),
        route("172.20.0.0/14", 254),
        dns("tun0"),
        dns("lan0"),
        delegate("corp"),
        delegate("home"),
    ]
}

/// One of the states that a resource can be in: the same number gives the same one.
pub(super) fn state(resource: &Resource, which: u8) -> Option<State> {
    let server = || DnsServer::at(IpAddr::V4(Ipv4Addr::new(10, 0, 0, which)));
    let domain = || vec![DnsDomain::route(format!("d{which}.example.com"))];
    match resource {
        Resource::LinkUp { .. } => Some(State::LinkUp {
            up: which.is_multiple_of(2),
        }),
        Resource::DnsLink { .. } if which == 0 => Some(State::DnsLink(DnsLink::default())),
        Resource::DnsLink { .. } => Some(State::DnsLink(DnsLink {
            servers: vec![server()],
            domains: domain(),
            ..DnsLink::default()
        })),
        _ if which == 0 => None,
        Resource::Address { .. } => Some(State::Address(AddressSpec { scope: which })),
        Resource::Rule(_) => Some(State::Rule(RuleSpec {
            protocol: Protocol(which),
        })),
        Resource::Route(_) => Some(State::Route(RouteSpec {
            protocol: Protocol(which),
            hops: vec![Hop::through(device(resource), None)],
            ..RouteSpec::default()
        })),
        Resource::DnsDelegate { .. } => Some(State::DnsDelegate(DnsDelegate {
            servers: vec![server()],
            domains: domain(),
            default_route: false,
        })),
        Resource::Store { .. } => Some(State::Store(dictionary(which))),
        Resource::Proxies { .. } => Some(State::Proxies(dictionary(which))),
        Resource::File { .. } => Some(State::File(FileState::text(format!(
            "nameserver 10.0.0.{which}\n"
        )))),
        Resource::Mtu { .. } => Some(State::Mtu {
            mtu: 1280 + u32::from(which),
        }),
    }
}

fn dictionary(which: u8) -> Dictionary {
    let server = Value::strings([format!("10.0.0.{which}")]);
    Dictionary::from([("ServerAddresses".to_owned(), server)])
}

/// The link that a resource goes with.
fn device(resource: &Resource) -> &str {
    match resource {
        Resource::LinkUp { dev }
        | Resource::Address { dev, .. }
        | Resource::DnsLink { dev }
        | Resource::Mtu { dev } => dev,
        Resource::Route(key) if key.dst == prefix("10.0.0.0/8") => "tun0",
        Resource::Route(_) => "lan0",
        Resource::Rule(_)
        | Resource::DnsDelegate { .. }
        | Resource::Store { .. }
        | Resource::File { .. }
        | Resource::Proxies { .. } => "",
    }
}

fn link(index: u32, name: &str) -> Link {
    Link {
        loopback: name == "lo",
        ..Link::new(index, name)
    }
}

/// A machine with three links and nothing else.
pub(super) fn bare() -> Snapshot {
    let links = vec![link(1, "lo"), link(2, "lan0"), link(3, "tun0")];
    let resolved = links.iter().map(|link| ResolvedLink {
        id: link.id(),
        dns: DnsLink::default(),
    });
    Snapshot {
        place: Place {
            boot: "first".to_owned(),
            netns: 4026531840,
            link: None,
        },
        addresses: Section::Seen(Vec::new()),
        routes: Section::Seen(Vec::new()),
        rules: Section::Seen(Vec::new()),
        resolved: Section::Seen(Resolved {
            namespace: SameNamespace::Yes,
            stub: true,
            global: DnsGlobal::default(),
            links: resolved.collect(),
            delegates: Some(Vec::new()),
        }),
        links: Section::Seen(links),
        ..Snapshot::empty(Os::Linux)
    }
}

/// `snapshot` as somebody else makes it.
pub(super) fn with(snapshot: &Snapshot, states: &States) -> Snapshot {
    let index = Index::new(snapshot);
    let changes: Vec<Change> = states
        .iter()
        .map(|(resource, state)| {
            let before = index.state(resource).expect("all is known");
            change(resource, before, state.clone(), None)
        })
        .collect();
    netprof_plan::after(snapshot, &changes)
}

fn change(
    resource: &Resource,
    before: Option<State>,
    after: Option<State>,
    original: Option<State>,
) -> Change {
    let (lasts, link) = match device(resource) {
        "" => (Lasts::Boot, None),
        dev => (
            Lasts::Link,
            Some(LinkId {
                index: if dev == "tun0" { 3 } else { 2 },
                name: dev.to_owned(),
            }),
        ),
    };
    Change {
        id: 0,
        resource: resource.clone(),
        before,
        after,
        original,
        owner: Owner::Unknown,
        lasts,
        link,
        manager: None,
        reasons: vec![Reason::plain("a test")],
    }
}

/// The plan of a profile that shall have `wanted`; of no profile, a release.
pub(super) fn plan(profile: Option<(&str, &States)>, snapshot: &Snapshot) -> Plan {
    let none = States::new();
    let wanted = profile.map_or(&none, |(_, wanted)| wanted);
    let index = Index::new(snapshot);
    let held = snapshot.held().expect("the engine says what is held");
    let mut plan = Plan {
        profile: profile.map(|(name, wanted)| ProfileRef {
            name: name.to_owned(),
            file: format!("{name}.kdl"),
            sha256: format!("{wanted:?}"),
        }),
        ..Plan::default()
    };
    for resource in pool() {
        let live = index.state(&resource).expect("all is known");
        let ours = held.get(&resource);
        let expired = ours.is_some_and(|held| snapshot.has_expired(held));
        let drop = |why| Dropped {
            resource: resource.clone(),
            why,
        };
        let gone = device(&resource);
        if !gone.is_empty() && snapshot.link(gone).is_none() {
            if expired {
                plan.dropped.push(drop(DropReason::Expired));
            }
            continue;
        }
        match (wanted.get(&resource), ours.filter(|_| !expired)) {
            (None, None) if expired => plan.dropped.push(drop(DropReason::Expired)),
            (None, None) => {}
            (Some(after), ours) => {
                let original = match ours {
                    Some(held) if held.committed == live => held.original.clone(),
                    _ => live.clone(),
                };
                if live != *after {
                    let change = change(&resource, live, after.clone(), original);
                    plan.changes.push(change);
                }
            }
            (None, Some(held)) if live == held.original => {
                plan.dropped.push(drop(DropReason::Original));
            }
            (None, Some(held)) if live == held.committed => {
                let original = held.original.clone();
                let change = change(&resource, live, original.clone(), original);
                plan.changes.push(change);
            }
            (None, Some(held)) => {
                plan.kept.push(Kept {
                    resource: resource.clone(),
                    committed: held.committed.clone(),
                    live,
                    owner: Owner::Unknown,
                });
                plan.dropped.push(drop(DropReason::Foreign));
            }
        }
    }
    for (change, id) in plan.changes.iter_mut().zip(1..) {
        change.id = id;
    }
    plan
}

/// States of some of the resources.
pub(super) fn any_states() -> impl Strategy<Value = States> {
    let one = (0..pool().len(), 0..4_u8);
    proptest::collection::vec(one, 0..8).prop_map(|picks| {
        let pool = pool();
        let state = |(at, which): (usize, u8)| (pool[at].clone(), state(&pool[at], which));
        picks.into_iter().map(state).collect()
    })
}

/// The states by hand: each resource, and which of its states.
pub(super) fn some(picks: &[(Resource, u8)]) -> States {
    picks
        .iter()
        .map(|(resource, which)| (resource.clone(), state(resource, *which)))
        .collect()
}

/// A profile that touches every kind of resource.
pub(super) fn office() -> States {
    some(&[
        (address("10.9.0.1/24"), 1),
        (route("192.168.1.0/24", 28272), 1),
        (rule(110), 1),
        (route("10.0.0.0/8", 254), 1),
        (dns("tun0"), 1),
        (delegate("corp"), 1),
    ])
}
