//! Machines for the planner's tests, written in the words of ip(8) and resolvectl(1).
//!
//! One line a fact; what a line leaves out is what the kernel would have.

mod desktops;
mod programs;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::dns::{DefaultRoute, DnsDomain, DnsLink, DnsServer};
use netprof_model::engine::{BIP, Engine, EngineKind};
use netprof_model::link::{Address, Link, LinkId, LinkManager};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::Place;
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteKind, RouteLive, RouteSpec};
use netprof_model::rule::{Family, Rule, RuleAction, RuleKey, RuleSpec};
use netprof_model::settings::{LiveSettings, OTHERS, Settings};
use netprof_model::snapshot::{
    DnsGlobal, Nsswitch, Os, ResolvConf, Resolved, ResolvedLink, SameNamespace,
};
use netprof_model::{Owner, Section, Snapshot};

/// A machine with lo, the kernel's rules and a resolved that programs reach, and what
/// `text` adds to it.
pub(crate) fn machine(text: &str) -> Snapshot {
    let mut snapshot = Snapshot {
        privileged: true,
        place: Place {
            boot: "boot-1".into(),
            netns: 1,
            link: None,
        },
        links: Section::Seen(Vec::new()),
        addresses: Section::Seen(Vec::new()),
        routes: Section::Seen(Vec::new()),
        rules: Section::Seen(Vec::new()),
        resolved: Section::Seen(Resolved {
            namespace: SameNamespace::Yes,
            stub: true,
            global: DnsGlobal::default(),
            links: Vec::new(),
            delegates: None,
        }),
        resolv_conf: Section::Seen(ResolvConf {
            target: Some("../run/systemd/resolve/stub-resolv.conf".to_owned()),
            servers: vec!["127.0.0.53".parse().unwrap()],
            search: Vec::new(),
            owner: Owner::Resolved,
            evidence: Vec::new(),
        }),
        nsswitch: Section::Seen(Nsswitch {
            hosts: vec!["files".to_owned(), "dns".to_owned()],
            resolve_library: false,
        }),
        firewall: Section::Seen(Vec::new()),
        xfrm: Section::Seen(Vec::new()),
        nft_table: Section::Absent,
        engines: Section::Seen(Vec::new()),
        settings: Section::Seen(Vec::new()),
        files: Section::Seen(Vec::new()),
        held: Section::Absent,
        ..Snapshot::empty(Os::Linux)
    };
    for line in KERNEL.lines().chain(text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["link", rest @ ..] => link(&mut snapshot, rest),
            ["addr", rest @ ..] => address(&mut snapshot, rest),
            ["route", rest @ ..] => route(&mut snapshot, rest),
            ["rule", rest @ ..] => rule(&mut snapshot, Family::V4, rest),
            ["rule6", rest @ ..] => rule(&mut snapshot, Family::V6, rest),
            ["dns", rest @ ..] => dns(&mut snapshot, rest),
            ["docker", rest @ ..] => docker(&mut snapshot, rest),
            ["podman"] => items(&mut snapshot.engines).push(engine(EngineKind::Podman, PODMAN)),
            ["user", name] => desktops::user(&mut snapshot, name),
            ["gnome", rest @ ..] => desktops::gnome(&mut snapshot, rest),
            ["kde", rest @ ..] => desktops::kde(&mut snapshot, rest),
            ["environment", rest @ ..] => programs::environment(&mut snapshot, rest),
            ["docker-client", rest @ ..] => programs::docker_client(&mut snapshot, rest),
            other => panic!("{other:?}"),
        }
    }
    items(&mut snapshot.rules).sort_by_key(|rule| rule.key.priority);
    snapshot
}

const KERNEL: &str = "
    link lo loopback
    addr lo 127.0.0.1/8
    addr lo ::1/128
    route local 127.0.0.0/8 dev lo table 255 proto 2
    route local ::1/128 dev lo table 255 proto 2
    rule 0 lookup 255
    rule 32766 lookup 254
    rule 32767 lookup 253
    rule6 0 lookup 255
    rule6 32766 lookup 254
";

pub(crate) fn items<T>(section: &mut Section<Vec<T>>) -> &mut Vec<T> {
    match section {
        Section::Seen(items) => items,
        _ => panic!("a machine has every section"),
    }
}

/// The files that tell engines where to cut their networks from.
const DOCKER: &str = "/etc/docker/daemon.json";
const PODMAN: &str = "/etc/containers/containers.conf.d/60-netprof.conf";

fn engine(kind: EngineKind, file: &str) -> Engine {
    Engine {
        kind,
        user: None,
        file: file.to_owned(),
        unreachable: None,
        beside: BTreeMap::new(),
        later: Vec::new(),
        daemon: Section::Absent,
    }
}

/// Docker, and what its file says of its bridge and besides; without a word there is none.
fn docker(snapshot: &mut Snapshot, words: &[&str]) {
    let mut holds = Dictionary::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            "bip" => {
                let bridge = format!("\"{}\"", rest.next().unwrap());
                holds.insert(BIP.to_owned(), Value::String(bridge));
            }
            "others" => drop(holds.insert(OTHERS.to_owned(), Value::Boolean(true))),
            other => panic!("{other}"),
        }
    }
    let path = DOCKER.to_owned();
    items(&mut snapshot.engines).push(engine(EngineKind::Docker, DOCKER));
    let holds = match words {
        [] => Section::Absent,
        _ => Section::Seen(holds),
    };
    let settings = Settings::DockerDaemon { path };
    items(&mut snapshot.settings).push(LiveSettings::new(settings, holds));
}

fn link(snapshot: &mut Snapshot, words: &[&str]) {
    let index = u32::try_from(items(&mut snapshot.links).len()).unwrap() + 1;
    let mut link = Link {
        mac: Some(format!("02:00:00:00:00:{index:02x}")),
        ..Link::new(index, words[0])
    };
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "loopback" => {
                link.loopback = true;
                link.mac = None;
            }
            "down" => link.up = false,
            "index" => link.index = rest.next().unwrap().parse().unwrap(),
            "kind" => {
                link.kind = Some((*rest.next().unwrap()).to_owned());
                if link.kind.as_deref() == Some("tun") {
                    link.mac = None;
                }
            }
            "mtu" => link.mtu = rest.next().unwrap().parse().unwrap(),
            "minmtu" => link.min_mtu = Some(rest.next().unwrap().parse().unwrap()),
            "maxmtu" => link.max_mtu = Some(rest.next().unwrap().parse().unwrap()),
            "ipv6" => link.ipv6 = Some(*rest.next().unwrap() == "on"),
            "over" => link.lower = Some(rest.next().unwrap().parse().unwrap()),
            "master" => link.master = Some(rest.next().unwrap().parse().unwrap()),
            "owner" => link.owner = Owner::named(rest.next().unwrap()).unwrap(),
            "networkd" => link.manager = Some(LinkManager::Networkd),
            "networkmanager" => link.manager = Some(LinkManager::NetworkManager),
            other => panic!("{other}"),
        }
    }
    if let Section::Seen(resolved) = &mut snapshot.resolved
        && !link.loopback
    {
        resolved.links.push(ResolvedLink {
            id: link.id(),
            dns: DnsLink::default(),
        });
    }
    items(&mut snapshot.links).push(link);
}

fn address(snapshot: &mut Snapshot, words: &[&str]) {
    let local: IpNet = words[1].parse().unwrap();
    let dev = words[0].to_owned();
    let loopback = local.addr().is_loopback();
    items(&mut snapshot.addresses).push(Address {
        dev: dev.clone(),
        local,
        peer: None,
        scope: if loopback { 254 } else { 0 },
        dynamic: false,
        secondary: false,
    });
    if loopback {
        return;
    }
    let host = format!(
        "local {} dev {dev} table 255 proto 2",
        IpNet::from(local.addr())
    );
    route(snapshot, &host.split_whitespace().collect::<Vec<_>>());
    let (connected, metric) = match local {
        IpNet::V4(_) => (local.addr().to_string(), 0),
        IpNet::V6(_) => (String::new(), 256),
    };
    if local.prefix_len() < local.max_prefix_len() {
        let mut text = format!("{} dev {dev} proto 2 metric {metric}", local.trunc());
        if !connected.is_empty() {
            text += &format!(" src {connected}");
        }
        route(snapshot, &text.split_whitespace().collect::<Vec<_>>());
    }
}

fn route(snapshot: &mut Snapshot, words: &[&str]) {
    let mut words = words.iter().copied().peekable();
    let kind = match *words.peek().unwrap() {
        "local" => RouteKind::Local,
        "unreachable" => RouteKind::Unreachable,
        "blackhole" => RouteKind::Blackhole,
        "throw" => RouteKind::Throw,
        _ => RouteKind::Unicast,
    };
    if kind != RouteKind::Unicast {
        words.next();
    }
    let dst: IpNet = match words.next().unwrap() {
        "default" => "0.0.0.0/0".parse().unwrap(),
        "default6" => "::/0".parse().unwrap(),
        text => text.parse().unwrap(),
    };
    let v4 = dst.addr().is_ipv4();
    let mut route = Route {
        key: RouteKey {
            dst,
            table: 254,
            metric: if v4 { 0 } else { 1024 },
            tos: 0,
            ifscope: None,
        },
        spec: RouteSpec {
            kind,
            protocol: Protocol::BOOT,
            ..RouteSpec::default()
        }
        .into(),
        live: RouteLive::default(),
        owner: Owner::Unknown,
    };
    let mut hop = Hop {
        weight: 1,
        ..Hop::default()
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word {
            "via" => hop.via = Some(value().parse().unwrap()),
            "dev" => hop.dev = Some(value().to_owned()),
            "table" => route.key.table = value().parse().unwrap(),
            "metric" => route.key.metric = value().parse().unwrap(),
            "src" => route.spec.prefsrc = Some(value().parse::<IpAddr>().unwrap()),
            "proto" => route.spec.protocol = Protocol(value().parse().unwrap()),
            "owner" => route.owner = Owner::named(value()).unwrap(),
            other => panic!("{other}"),
        }
    }
    if v4 && hop.via.is_none() && hop.dev.is_some() {
        route.spec.scope = if kind == RouteKind::Local { 254 } else { 253 };
    }
    if route.spec.protocol == Protocol::KERNEL {
        route.owner = Owner::Kernel;
    }
    if hop.dev.is_some() {
        route.spec.hops.push(hop);
    }
    items(&mut snapshot.routes).push(route);
}

fn rule(snapshot: &mut Snapshot, family: Family, words: &[&str]) {
    let mut key = RuleKey::new(family, words[0].parse().unwrap(), RuleAction::Nop);
    let mut owner = Owner::Unknown;
    let mut words = words[1..].iter().copied();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word {
            "lookup" => key.action = RuleAction::Lookup(value().parse().unwrap()),
            "goto" => key.action = RuleAction::Goto(value().parse().unwrap()),
            "unreachable" => key.action = RuleAction::Unreachable,
            "to" => key.to = Some(value().parse().unwrap()),
            "from" => key.from = Some(value().parse().unwrap()),
            "not" => key.not = true,
            "fwmark" => key.fwmark = Some((value().parse().unwrap(), u32::MAX)),
            "suppress" => key.suppress_prefixlength = Some(value().parse().unwrap()),
            "owner" => owner = Owner::named(value()).unwrap(),
            other => panic!("{other}"),
        }
    }
    items(&mut snapshot.rules).push(Rule {
        key,
        spec: RuleSpec {
            protocol: Protocol::KERNEL,
        },
        owner,
    });
}

/// `dns LINK|global [SERVER...] [DOMAIN...] [default|no-default]`.
fn dns(snapshot: &mut Snapshot, words: &[&str]) {
    let Section::Seen(resolved) = &mut snapshot.resolved else {
        panic!("a machine has a resolver");
    };
    let mut dns = DnsLink::default();
    for word in &words[1..] {
        match *word {
            "default" => dns.default_route = DefaultRoute::Yes,
            "no-default" => dns.default_route = DefaultRoute::No,
            text => match (text.parse::<IpAddr>(), text.strip_prefix('~')) {
                (Ok(address), _) => dns.servers.push(DnsServer::at(address)),
                (_, Some(name)) => dns.domains.push(DnsDomain::route(name)),
                _ => dns.domains.push(DnsDomain::search(text)),
            },
        }
    }
    if words[0] == "global" {
        resolved.global.servers = dns.servers;
        resolved.global.domains = dns.domains;
        return;
    }
    let name = words[0];
    let link = resolved.links.iter_mut().find(|link| link.id.name == name);
    match link {
        Some(link) => link.dns = dns,
        None => resolved.links.push(ResolvedLink {
            id: LinkId {
                index: 99,
                name: name.to_owned(),
            },
            dns,
        }),
    }
}
