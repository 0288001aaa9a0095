//! The backend on a Mac in memory.

use netprof_model::configd::Store;
use netprof_model::link::LinkId;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::Lasts;
use netprof_model::route::{Hop, Protocol, RouteKey, RouteSpec, rtf};
use netprof_model::{Owner, State};

use super::*;
use crate::fake::{Configd, Fake, own_file};
use crate::route::ioctl;

const DNS: &str = "State:/Network/Service/org.netprof.corp/DNS";
const FILE: &str = "/etc/resolver/corp.example.com";

struct Bench {
    root: tempfile::TempDir,
    fake: Fake,
    macos: Macos<Fake>,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let fake = Fake::new(root.path());
        Self {
            macos: Macos::of(fake.clone(), root.path()),
            fake,
            root,
        }
    }

    fn forward(&mut self, changes: &[Change]) -> Result<(), Vec<String>> {
        self.apply(changes, Mode::Forward)
    }

    fn back(&mut self, changes: &[Change]) -> Result<(), Vec<String>> {
        let inverses: Vec<Change> = changes.iter().rev().map(Change::inverse).collect();
        self.apply(&inverses, Mode::Back)
    }

    fn apply(&mut self, changes: &[Change], mode: Mode) -> Result<(), Vec<String>> {
        let told = |refused: Vec<Refusal>| refused.iter().map(Refusal::to_string).collect();
        self.macos.apply(changes, mode).map_err(told)
    }

    fn snapshot(&mut self) -> Snapshot {
        self.macos.observe(Need::EVERYTHING).unwrap()
    }
}

fn change(resource: Resource, before: Option<State>, after: Option<State>) -> Change {
    Change {
        id: 1,
        resource,
        before,
        after,
        original: None,
        owner: Owner::Unknown,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: Vec::new(),
    }
}

fn key(dst: &str) -> RouteKey {
    RouteKey::unscoped(dst.parse().unwrap())
}

fn spec(via: Option<&str>, dev: &str) -> RouteSpec {
    RouteSpec {
        protocol: Protocol::NETPROF,
        hops: vec![Hop::through(dev, via.map(|via| via.parse().unwrap()))],
        flags: rtf::STATIC,
        ..RouteSpec::default()
    }
}

fn route(dst: &str, before: Option<RouteSpec>, after: Option<RouteSpec>) -> Change {
    change(
        Resource::Route(key(dst)),
        before.map(|spec| State::Route(spec.into())),
        after.map(|spec| State::Route(spec.into())),
    )
}

fn dns(domain: &str, server: &str) -> State {
    State::Store(Dictionary::from([
        ("ServerAddresses".to_owned(), Value::strings([server])),
        (
            "SupplementalMatchDomains".to_owned(),
            Value::strings([domain]),
        ),
    ]))
}

fn store(before: Option<State>, after: Option<State>) -> Change {
    change(
        Resource::Store {
            key: DNS.to_owned(),
        },
        before,
        after,
    )
}

fn file(before: Option<State>, after: Option<State>) -> Change {
    change(
        Resource::File {
            path: FILE.to_owned(),
        },
        before,
        after,
    )
}

fn value(state: &State) -> Value {
    match state {
        State::Store(all) => Value::Dictionary(all.clone()),
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn dictionary<const N: usize>(pairs: [(&str, Value); N]) -> Dictionary {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

mod names;
mod observing;
mod routes;
mod settings;
mod transactions;
