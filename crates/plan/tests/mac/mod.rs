//! Macs for the planner's tests, written in the words of ifconfig(8) and netstat(1).
//!
//! One line a fact. A line whose first word ends in a colon is a link, `inet` and
//! `inet6` lines are addresses of the link above them, and everything else is a row of
//! `netstat -rn`, in the family of the heading `Internet:` or `Internet6:` above it. A
//! row that the kernel cloned is passed over, as netstat's own reader would.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::configd::{Domain, Store};
use netprof_model::link::{Address, Link};
use netprof_model::plist::Value;
use netprof_model::resource::Place;
use netprof_model::route::{
    Hop, OpaqueAttribute, Protocol, Route, RouteKey, RouteKind, RouteLive, RouteSpec, rtf,
};
use netprof_model::snapshot::Os;
use netprof_model::{Owner, Section, Snapshot};
use netprof_plan::macos::put_back::attribute;

/// A Mac with lo0 and its routes, and what `text` adds to it.
pub(crate) fn mac(text: &str) -> Snapshot {
    let mut reader = Reader {
        snapshot: Snapshot {
            privileged: true,
            place: Place {
                boot: "boot-1".into(),
                netns: 0,
                link: None,
            },
            links: Section::Seen(Vec::new()),
            addresses: Section::Seen(Vec::new()),
            routes: Section::Seen(Vec::new()),
            rules: Section::Absent,
            store: Section::Seen(Store::default()),
            files: Section::Seen(Vec::new()),
            held: Section::Absent,
            ..Snapshot::empty(Os::Macos)
        },
        link: String::new(),
        v4: true,
    };
    for line in KERNEL.lines().chain(text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        reader.line(&words);
    }
    reader.snapshot
}

const KERNEL: &str = "
lo0: mtu 16384
    inet 127.0.0.1/8
    inet6 ::1/128
    inet6 fe80::1/64
Internet:
127                127.0.0.1          UCS       lo0
127.0.0.1          127.0.0.1          UH        lo0
Internet6:
::1                ::1                UHL       lo0
fe80::%lo0/64      fe80::1%lo0        UcI       lo0
fe80::1%lo0        link#1             UHLI      lo0
ff00::/8           ::1                UmCI      lo0
";

/// The part of a snapshot that was seen.
pub(crate) fn items<T>(section: &mut Section<Vec<T>>) -> &mut Vec<T> {
    match section {
        Section::Seen(items) => items,
        _ => panic!("a machine has every section"),
    }
}

struct Reader {
    snapshot: Snapshot,
    /// The link that addresses belong to.
    link: String,
    v4: bool,
}

impl Reader {
    fn line(&mut self, words: &[&str]) {
        match words {
            [] => {}
            ["Internet:"] => self.v4 = true,
            ["Internet6:"] => self.v4 = false,
            ["inet" | "inet6", rest @ ..] => self.address(rest),
            ["service", name, dev] => self.service(name, dev),
            [name, rest @ ..] if name.ends_with(':') && !name.contains("::") => {
                self.link = name.trim_end_matches(':').to_owned();
                self.link(rest);
            }
            row => self.route(row),
        }
    }

    /// `NAME: [down] [mtu N] [owner WHO] [member LINK] [over LINK] [index N]`.
    fn link(&mut self, words: &[&str]) {
        let name = self.link.clone();
        let driver = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let index = |wanted: &str, snapshot: &Snapshot| snapshot.link(wanted).map(|l| l.index);
        let all = items(&mut self.snapshot.links);
        let number = u32::try_from(all.len()).unwrap() + 1;
        let mut link = Link {
            kind: (!matches!(driver, "en" | "lo")).then(|| driver.to_owned()),
            loopback: driver == "lo",
            ..Link::new(number, &name)
        };
        if !matches!(driver, "lo" | "utun" | "ipsec" | "ppp" | "gif" | "stf") {
            link.mac = Some(format!("02:00:00:00:00:{number:02x}"));
        }
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().unwrap();
            match word {
                "down" => link.up = false,
                "mtu" => link.mtu = value().parse().unwrap(),
                "owner" => link.owner = Owner::named(value()).unwrap(),
                "member" => link.master = index(value(), &self.snapshot),
                "over" => link.lower = index(value(), &self.snapshot),
                "index" => link.index = value().parse().unwrap(),
                other => panic!("{other}"),
            }
        }
        items(&mut self.snapshot.links).push(link);
    }

    /// `inet ADDRESS/LENGTH [--> PEER]`.
    fn address(&mut self, words: &[&str]) {
        let (local, peer) = match words {
            [local] => (local, None),
            [local, "-->", peer] => (local, Some(peer.parse().unwrap())),
            other => panic!("{other:?}"),
        };
        items(&mut self.snapshot.addresses).push(Address {
            dev: self.link.clone(),
            local: local.parse().unwrap(),
            peer,
            scope: 0,
            dynamic: false,
            secondary: false,
        });
    }

    /// `service NAME LINK`: a network service of the dynamic store.
    fn service(&mut self, name: &str, dev: &str) {
        let Section::Seen(store) = &mut self.snapshot.store else {
            panic!("a Mac has a dynamic store");
        };
        let named = ("InterfaceName".to_owned(), Value::String(dev.to_owned()));
        store.0.insert(
            Store::service_key(Domain::State, name, "IPv4"),
            Value::Dictionary(BTreeMap::from([named])),
        );
    }

    /// `DESTINATION GATEWAY FLAGS LINK [EXPIRE] [owner WHO]`.
    fn route(&mut self, words: &[&str]) {
        let [dst, gateway, letters, dev, rest @ ..] = words else {
            panic!("{words:?}");
        };
        if letters.contains('W') {
            return;
        }
        let has = |letter: char| letters.contains(letter);
        let key = RouteKey {
            ifscope: has('I').then(|| zone(dst).unwrap_or(*dev).to_owned()),
            ..RouteKey::unscoped(self.destination(dst))
        };
        let via: Option<IpAddr> = has('G').then(|| without_zone(gateway).parse().unwrap());
        let flags = [
            ('C', rtf::CLONING),
            ('S', rtf::STATIC),
            ('X', rtf::XRESOLVE),
            ('2', rtf::PROTO2),
        ];
        let spec = RouteSpec {
            kind: match (has('R'), has('B')) {
                (true, _) => RouteKind::Unreachable,
                (_, true) => RouteKind::Blackhole,
                _ => RouteKind::Unicast,
            },
            protocol: match (has('1'), has('S')) {
                (true, _) => Protocol::NETPROF,
                (_, true) => Protocol::STATIC,
                _ => Protocol::KERNEL,
            },
            hops: vec![Hop::through(*dev, via)],
            flags: flags
                .into_iter()
                .filter(|(letter, _)| has(*letter))
                .map(|(_, flag)| flag)
                .sum(),
            opaque: has('H').then(by_host).into_iter().collect(),
            ..RouteSpec::default()
        };
        let said = rest.iter().position(|word| *word == "owner");
        let owner = match said.and_then(|at| rest.get(at + 1)) {
            Some(name) => Owner::named(name).unwrap(),
            None => self.owner(&spec, dev),
        };
        items(&mut self.snapshot.routes).push(Route {
            key,
            spec: spec.into(),
            live: RouteLive::default(),
            owner,
        });
    }

    /// Who has most probably put such a route there.
    fn owner(&self, spec: &RouteSpec, dev: &str) -> Owner {
        let link = self.snapshot.link(dev);
        match spec.protocol {
            Protocol::NETPROF => Owner::Netprof,
            Protocol::KERNEL => Owner::Kernel,
            _ if link.is_some_and(|link| link.loopback) => Owner::Kernel,
            _ => match link.map(|link| link.owner) {
                Some(Owner::Unknown) if dev.starts_with("en") => Owner::Configd,
                owner => owner.unwrap_or_default(),
            },
        }
    }

    /// A destination as netstat(1) shortens it.
    fn destination(&self, text: &str) -> IpNet {
        let text = without_zone(text);
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address.to_owned(), Some(length.parse::<u8>().unwrap())),
            None => (text.clone(), None),
        };
        if !self.v4 {
            return match address.as_str() {
                "default" => "::/0".parse().unwrap(),
                other => IpNet::new(other.parse().unwrap(), length.unwrap_or(128)).unwrap(),
            };
        }
        if address == "default" {
            return "0.0.0.0/0".parse().unwrap();
        }
        let given = address.split('.').count();
        let full = address + &".0".repeat(4 - given);
        let classful = u8::try_from(given * 8).unwrap();
        IpNet::new(full.parse().unwrap(), length.unwrap_or(classful)).unwrap()
    }
}

/// What says that a route to a single address has no netmask.
pub(crate) fn by_host() -> OpaqueAttribute {
    OpaqueAttribute {
        kind: attribute::NETMASK,
        value: attribute::BY_HOST.to_owned(),
    }
}

/// The link that a destination itself names: an own address is reached through lo0, and
/// scoped to its own link all the same.
fn zone(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('%')?;
    rest.split('/').next()
}

/// The text without the `%link` of an address.
fn without_zone(text: &str) -> String {
    match text.split_once('%') {
        Some((address, rest)) => {
            let after = rest.find('/').map_or("", |at| &rest[at..]);
            format!("{address}{after}")
        }
        None => text.to_owned(),
    }
}
