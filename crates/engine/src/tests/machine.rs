//! The machines that the laws are about: what each can have, and what of it outlives what.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use netprof_model::configd::{NetworkService, Preferences, Store};
use netprof_model::dns::{DnsDelegate, DnsDomain, DnsLink, DnsServer};
use netprof_model::file::FileState;
use netprof_model::link::{Link, LinkId};
use netprof_model::nft_table::NftTable;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::{AddressSpec, Lasts, Place};
use netprof_model::route::{Hop, Protocol, RouteKey, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey, RuleSpec};
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::shared::Shared;
use netprof_model::snapshot::{DnsGlobal, Os, Resolved, ResolvedLink, SameNamespace, Snapshot};
use netprof_model::{Name, Resource, Section, State};

/// What each resource holds, or shall hold; none for absent.
pub(super) type States = BTreeMap<Resource, Option<State>>;

/// A machine with a loopback link, a LAN and a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Linux,
    Mac,
}

fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

pub(super) fn rule(priority: u32) -> Resource {
    Resource::Rule(Box::new(RuleKey {
        to: Some(prefix("192.168.1.0/24")),
        suppress_prefixlength: Some(23),
        ..RuleKey::new(Family::V4, priority, RuleAction::Lookup(254))
    }))
}

fn route(text: &str, table: u32, ifscope: Option<&str>) -> Resource {
    Resource::Route(RouteKey {
        dst: prefix(text),
        table,
        metric: 0,
        tos: 0,
        ifscope: ifscope.map(str::to_owned),
    })
}

pub(super) fn dns(dev: &str) -> Resource {
    let dev = dev.to_owned();
    Resource::DnsLink { dev }
}

fn address(dev: &str, text: &str) -> Resource {
    Resource::Address {
        dev: dev.to_owned(),
        local: prefix(text),
    }
}

pub(super) fn delegate(name: &str) -> Resource {
    Resource::DnsDelegate {
        name: Name::new(name).expect("a name"),
    }
}

fn up(dev: &str) -> Resource {
    let dev = dev.to_owned();
    Resource::LinkUp { dev }
}

fn mtu(dev: &str) -> Resource {
    let dev = dev.to_owned();
    Resource::Mtu { dev }
}

fn settings(path: &str) -> Resource {
    let path = path.to_owned();
    Resource::Settings(Settings::DockerDaemon { path })
}

fn gnome(user: &str) -> Resource {
    let user = user.to_owned();
    Resource::Settings(Settings::Gnome { user })
}

fn store(key: &str) -> Resource {
    let key = key.to_owned();
    Resource::Store { key }
}

pub(super) fn file(name: &str) -> Resource {
    let path = format!("/etc/resolver/{name}");
    Resource::File { path }
}

pub(super) fn proxies(service: &str) -> Resource {
    let service = service.to_owned();
    Resource::Proxies { service }
}

impl Machine {
    pub(super) const ALL: [Self; 2] = [Self::Linux, Self::Mac];

    /// The machine that `snapshot` is of.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        match snapshot.os {
            Os::Linux => Self::Linux,
            Os::Macos => Self::Mac,
        }
    }

    /// The names of its links: loopback, LAN, tunnel. Their numbers count from 1.
    fn links(self) -> [&'static str; 3] {
        match self {
            Self::Linux => ["lo", "lan0", "tun0"],
            Self::Mac => ["lo0", "en0", "utun4"],
        }
    }

    /// Every resource that it has or could have, in an order in which they can be made.
    pub(super) fn pool(self) -> Vec<Resource> {
        match self {
            Self::Linux => vec![
                up("lan0"),
                mtu("lan0"),
                address("lan0", "10.9.0.1/24"),
                address("lan0", "10.9.0.2/24"),
                route("192.168.1.0/24", 28272, None),
                rule(110),
                rule(111),
                rule(119),
                self.tunnel(),
                self.aside(),
                dns("tun0"),
                dns("lan0"),
                delegate("corp"),
                delegate("home"),
                mtu("tun0"),
                file("60-netprof.conf"),
                Resource::NftTable,
                settings("/etc/docker/daemon.json"),
                gnome("me"),
            ],
            Self::Mac => vec![
                up("lo0"),
                mtu("utun4"),
                mtu("en0"),
                address("lo0", "127.0.0.1/8"),
                route("0.0.0.0/0", 0, Some("utun4")),
                route("10.0.0.0/8", 0, Some("en0")),
                self.tunnel(),
                self.aside(),
                store("State:/Network/Service/netprof-corp/DNS"),
                store("State:/Network/Service/netprof-home/DNS"),
                store("Setup:/Network/Service/WIFI/DNS"),
                file("corp.example.com"),
                file("home.arpa"),
                proxies("WIFI"),
                proxies("ETHERNET"),
            ],
        }
    }

    /// A route through the tunnel.
    pub(super) fn tunnel(self) -> Resource {
        match self {
            Self::Linux => route("10.0.0.0/8", 254, None),
            Self::Mac => route("10.0.0.0/8", 0, None),
        }
    }

    /// A route through the LAN.
    fn aside(self) -> Resource {
        match self {
            Self::Linux => route("172.20.0.0/14", 254, None),
            Self::Mac => route("172.20.0.0/14", 0, None),
        }
    }

    /// An address that is there from the start on a machine that has it at all.
    pub(super) fn address(self) -> Resource {
        match self {
            Self::Linux => address("lan0", "10.9.0.1/24"),
            Self::Mac => address("lo0", "127.0.0.1/8"),
        }
    }

    /// Which names go to the tunnel's servers.
    pub(super) fn names(self) -> Resource {
        match self {
            Self::Linux => dns("tun0"),
            Self::Mac => store("State:/Network/Service/netprof-corp/DNS"),
        }
    }

    /// What goes with its boot and with no link: one of two.
    pub(super) fn loose(self, second: bool) -> Resource {
        match (self, second) {
            (Self::Linux, false) => rule(110),
            (Self::Linux, true) => rule(119),
            (Self::Mac, false) => store("State:/Network/Service/netprof-home/DNS"),
            (Self::Mac, true) => store("Setup:/Network/Service/WIFI/DNS"),
        }
    }

    /// The link that `resource` goes with.
    pub(super) fn link(self, resource: &Resource) -> Option<Shared<LinkId>> {
        let [_, lan, tunnel] = self.links();
        let name = match resource {
            Resource::LinkUp { dev }
            | Resource::Address { dev, .. }
            | Resource::DnsLink { dev }
            | Resource::Mtu { dev } => dev.as_str(),
            Resource::Route(key) => match &key.ifscope {
                Some(dev) => dev,
                None if *resource == self.tunnel() => tunnel,
                None => lan,
            },
            Resource::Rule(_)
            | Resource::DnsDelegate { .. }
            | Resource::Store { .. }
            | Resource::File { .. }
            | Resource::Proxies { .. }
            | Resource::Settings(_)
            | Resource::NftTable => return None,
        };
        let at = self.links().iter().position(|link| *link == name)?;
        let id = LinkId {
            index: u32::try_from(at + 1).expect("there are three"),
            name: name.to_owned(),
        };
        Some(id.into())
    }

    /// How long what is made of `resource` lasts.
    pub(super) fn lasts(self, resource: &Resource) -> Lasts {
        match resource {
            Resource::File { .. } | Resource::Proxies { .. } | Resource::Settings(_) => {
                Lasts::Durable
            }
            _ if self.link(resource).is_some() => Lasts::Link,
            _ => Lasts::Boot,
        }
    }

    /// Whether `resource` outlives its boot.
    pub(super) fn is_durable(self, resource: &Resource) -> bool {
        self.lasts(resource) == Lasts::Durable
    }

    /// The machine with its links and nothing else.
    pub(super) fn bare(self) -> Snapshot {
        let links: Vec<Link> = (1..)
            .zip(self.links())
            .map(|(index, name)| Link {
                loopback: index == 1,
                ..Link::new(index, name)
            })
            .collect();
        let snapshot = |os| Snapshot {
            addresses: Section::Seen(Vec::new()),
            routes: Section::Seen(Vec::new()),
            place: Place {
                boot: "first".into(),
                ..Place::default()
            },
            ..Snapshot::empty(os)
        };
        match self {
            Self::Linux => {
                let unset = |link: &Link| ResolvedLink {
                    id: link.id(),
                    dns: DnsLink::default(),
                };
                Snapshot {
                    place: Place {
                        netns: 4_026_531_840,
                        ..snapshot(Os::Linux).place
                    },
                    rules: Section::Seen(Vec::new()),
                    resolved: Section::Seen(Resolved {
                        namespace: SameNamespace::Yes,
                        stub: true,
                        global: DnsGlobal::default(),
                        links: links.iter().map(unset).collect(),
                        delegates: Some(Vec::new()),
                    }),
                    links: Section::Seen(links),
                    files: Section::Seen(Vec::new()),
                    settings: Section::Seen(self.settings()),
                    nft_table: Section::Absent,
                    ..snapshot(Os::Linux)
                }
            }
            Self::Mac => {
                let service = |id: &str| NetworkService {
                    id: id.to_owned(),
                    name: id.to_owned(),
                    enabled: true,
                    ..NetworkService::default()
                };
                Snapshot {
                    links: Section::Seen(links),
                    store: Section::Seen(Store::default()),
                    files: Section::Seen(Vec::new()),
                    preferences: Section::Seen(Preferences {
                        location: None,
                        services: vec![service("WIFI"), service("ETHERNET")],
                    }),
                    ..snapshot(Os::Macos)
                }
            }
        }
    }

    /// Settings of which none is there.
    fn settings(self) -> Vec<LiveSettings> {
        let all = self.pool().into_iter();
        let settings = all.filter_map(|resource| match resource {
            Resource::Settings(settings) => Some(settings),
            _ => None,
        });
        let absent = |settings| LiveSettings::new(settings, Section::Absent);
        settings.map(absent).collect()
    }

    /// The machine of `live` after it was started anew: what is on its disk is there, and
    /// nothing else.
    pub(super) fn started_anew(self, live: &Snapshot, boot: &str) -> Snapshot {
        let bare = self.bare();
        Snapshot {
            place: Place {
                boot: boot.into(),
                ..bare.place
            },
            files: live.files.clone(),
            settings: live.settings.clone(),
            preferences: live.preferences.clone(),
            ..bare
        }
    }

    /// The states by hand: each resource, and which of its states.
    pub(super) fn some(picks: &[(Resource, u8)]) -> States {
        picks
            .iter()
            .map(|(resource, which)| (resource.clone(), state(resource, *which)))
            .collect()
    }

    /// A profile that touches every kind of resource but whether a link is up.
    pub(super) fn office(self) -> States {
        Self::some(&match self {
            Self::Linux => vec![
                (self.address(), 1),
                (route("192.168.1.0/24", 28272, None), 1),
                (rule(110), 1),
                (self.tunnel(), 1),
                (self.names(), 1),
                (delegate("corp"), 1),
                (mtu("tun0"), 1),
                (file("60-netprof.conf"), 1),
                (Resource::NftTable, 1),
                (settings("/etc/docker/daemon.json"), 1),
                (gnome("me"), 1),
            ],
            Self::Mac => vec![
                (mtu("utun4"), 1),
                (self.address(), 1),
                (route("10.0.0.0/8", 0, Some("en0")), 1),
                (self.tunnel(), 1),
                (self.names(), 1),
                (file("corp.example.com"), 1),
                (proxies("WIFI"), 1),
            ],
        })
    }

    /// What `office` touches, in the order in which it is made.
    pub(super) fn office_in_order(self) -> Vec<Resource> {
        let office = self.office();
        let mut pool = self.pool();
        pool.retain(|resource| office.contains_key(resource));
        pool
    }

    /// Another profile, with some of the same resources.
    pub(super) fn home(self) -> States {
        let mut picks = vec![
            (self.loose(false), 2),
            (self.loose(true), 1),
            (self.names(), 2),
            (self.aside(), 1),
        ];
        if self == Self::Mac {
            picks.extend([
                (file("corp.example.com"), 2),
                (file("home.arpa"), 1),
                (proxies("ETHERNET"), 2),
            ]);
        }
        Self::some(&picks)
    }
}

/// One of the states that a resource can be in: the same number gives the same one, and 0
/// the one of a bare machine.
pub(super) fn state(resource: &Resource, which: u8) -> Option<State> {
    let server = || DnsServer::at(IpAddr::V4(Ipv4Addr::new(10, 0, 0, which)));
    let domain = || vec![DnsDomain::route(format!("d{which}.example.com"))];
    match resource {
        Resource::LinkUp { .. } => Some(State::LinkUp {
            up: which.is_multiple_of(2),
        }),
        Resource::Mtu { .. } => Some(State::Mtu {
            mtu: 1500 - u32::from(which),
        }),
        Resource::DnsLink { .. } if which == 0 => Some(State::DnsLink(Box::default())),
        Resource::DnsLink { .. } => Some(State::DnsLink(Box::new(DnsLink {
            servers: vec![server()],
            domains: domain(),
            ..DnsLink::default()
        }))),
        _ if which == 0 => None,
        Resource::Address { .. } => Some(State::Address(AddressSpec { scope: which })),
        Resource::Rule(_) => Some(State::Rule(RuleSpec {
            protocol: Protocol(which),
        })),
        Resource::Route(key) => {
            let machine = if key.table == 0 {
                Machine::Mac
            } else {
                Machine::Linux
            };
            let link = machine.link(resource).expect("a route is on a link");
            let spec = RouteSpec {
                protocol: Protocol(which),
                hops: vec![Hop::through(&link.name, None)],
                ..RouteSpec::default()
            };
            Some(State::Route(spec.into()))
        }
        Resource::DnsDelegate { .. } => Some(State::DnsDelegate(Box::new(DnsDelegate {
            servers: vec![server()],
            domains: domain(),
            default_route: false,
        }))),
        Resource::Store { .. } => Some(State::Store(dictionary(which))),
        Resource::Proxies { .. } => Some(State::Proxies(dictionary(which))),
        Resource::Settings(_) => Some(State::Settings(dictionary(which))),
        Resource::NftTable => Some(State::NftTable(Box::new(NftTable {
            clamped: vec![format!("tun{which}")],
            others: Vec::new(),
        }))),
        Resource::File { .. } => Some(State::File(FileState::text(format!(
            "nameserver 10.0.0.{which}\n"
        )))),
    }
}

fn dictionary(which: u8) -> Dictionary {
    let server = Value::strings([format!("10.0.0.{which}")]);
    Dictionary::from([("ServerAddresses".to_owned(), server)])
}
