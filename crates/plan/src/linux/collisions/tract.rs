//! What containers have of the address space.

use std::fmt;

use ipnet::IpNet;
use netprof_model::engine::EngineKind;
use netprof_model::profile::{Declared, What};
use netprof_model::rule::Family;
use netprof_model::{Location, Owner};

use super::{Ground, spoken_of};
use crate::containers::{self, Network};

/// Addresses of containers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tract<'a> {
    pub(super) prefix: IpNet,
    pub(super) engine: Owner,
    pub(super) form: Form<'a>,
    /// The line that declares it; else one that speaks of containers.
    pub(super) at: &'a Location,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'a> {
    /// The profile gives it to an engine.
    Declared(Declared<'a>),
    /// A daemon was told so by somebody else, and takes its networks from there.
    Told(What),
    /// An engine has a network there.
    Live(Network<'a>),
}

/// All of them. A network in what is declared for its engine is a part of that.
pub(super) fn all<'a>(ground: &Ground<'a>) -> Vec<Tract<'a>> {
    let Some(at) = spoken_of(&ground.profile.containers) else {
        return Vec::new();
    };
    let mut tracts: Vec<Tract> = containers::declared(ground.profile)
        .into_iter()
        .map(|one| Tract {
            prefix: one.prefix,
            engine: one.engine,
            form: Form::Declared(one),
            at: one.at,
        })
        .collect();
    let declared = tracts.len();
    let networks = containers::networks(ground.base);
    let is_live = |told: &Tract| {
        let mut networks = networks.iter();
        networks.any(|one| one.link.owner == told.engine && one.prefix == told.prefix)
    };
    tracts.extend(told(ground, at).into_iter().filter(|told| !is_live(told)));
    for network in networks {
        let engine = network.link.owner;
        let mut pools = tracts[..declared].iter();
        if !pools.any(|pool| pool.engine == engine && pool.prefix.contains(&network.prefix)) {
            tracts.push(Tract {
                prefix: network.prefix,
                engine,
                form: Form::Live(network),
                at,
            });
        }
    }
    tracts
}

/// What daemons go by that the profile gives nothing to. Those of a user make their networks
/// in a namespace of their own.
fn told<'a>(ground: &Ground<'a>, at: &'a Location) -> Vec<Tract<'a>> {
    let containers = &ground.profile.containers;
    let engines = ground.base.engines.items().iter();
    let engines = engines.filter(|engine| match engine.kind {
        EngineKind::Docker => engine.user.is_none() && containers.docker.is_none(),
        EngineKind::Podman => engine.user.is_none() && containers.podman.is_none(),
    });
    let mut tracts = Vec::new();
    for engine in engines {
        let networks = engine
            .daemon
            .seen()
            .and_then(|daemon| daemon.networks.seen());
        let Some(networks) = networks else { continue };
        let bridge = networks.bridge.iter().map(|own| (*own, What::Default));
        let pools = networks
            .pools
            .iter()
            .map(|pool| (pool.base, What::Pool(pool.size)));
        tracts.extend(bridge.chain(pools).map(|(prefix, what)| Tract {
            prefix: prefix.trunc(),
            engine: engine.kind.into(),
            form: Form::Told(what),
            at,
        }));
    }
    tracts
}

impl Tract<'_> {
    /// The node of the profile that it is about.
    pub(super) fn node(&self) -> &'static str {
        match self.form {
            Form::Declared(declared) => declared.node(),
            Form::Told(_) | Form::Live(_) => "containers",
        }
    }

    pub(super) fn is_declared(&self) -> bool {
        matches!(self.form, Form::Declared(_))
    }

    /// What to do about it, where `free` is as large and nobody's.
    pub(super) fn help(&self, free: Option<IpNet>) -> String {
        let Some(free) = free else {
            let length = self.prefix.prefix_len();
            return format!("no private /{length} is free: take a smaller one");
        };
        // The first address of an IPv6 network is that of any router on it (RFC 4291, 2.6.1).
        let v6 = free.addr().is_ipv6();
        let host = free.hosts().nth(usize::from(v6)).unwrap_or(free.addr());
        let bridge = format!("{host}/{}", free.prefix_len());
        let how = match &self.form {
            Form::Declared(declared) => match (declared.engine, declared.what) {
                (_, What::Pool(size)) => format!("pool \"{free}\" size={size}"),
                (Owner::Docker, What::Default) => format!("bridge \"{bridge}\""),
                (_, What::Default) => format!("subnet \"{free}\""),
            },
            Form::Told(What::Pool(size)) => {
                format!("{} {{ pool \"{free}\" size={size}; }}", self.engine)
            }
            Form::Told(What::Default) if self.engine == Owner::Docker => {
                format!("docker {{ bridge \"{bridge}\"; }}")
            }
            Form::Told(What::Default) => format!("podman {{ subnet \"{free}\"; }}"),
            Form::Live(network) => match (self.engine, network.link.name.as_str()) {
                (Owner::Docker, "docker0") if v6 => {
                    format!("\"fixed-cidr-v6\": \"{free}\" in daemon.json")
                }
                (Owner::Docker, "docker0") => format!("docker {{ bridge \"{bridge}\"; }}"),
                (Owner::Podman, "podman0" | "cni-podman0") => {
                    format!("podman {{ subnet \"{free}\"; }}")
                }
                (Owner::Docker, _) => format!("docker network create --subnet {free}"),
                (Owner::Podman, _) => format!("podman network create --subnet {free}"),
                (Owner::Libvirt, _) => "virsh net-edit".to_owned(),
                (_, dev) => {
                    let family = Family::of(&free);
                    format!("lxc network set {dev} ipv{family}.address {bridge}")
                }
            },
        };
        format!("{free} collides with nothing that is known: {how}")
    }
}

/// As the subject of a sentence.
impl fmt::Display for Tract<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Declared(declared) => declared.fmt(f),
            Form::Told(what) => {
                let what = match what {
                    What::Default => "own network",
                    What::Pool(_) => "pool",
                };
                write!(
                    f,
                    "{}'s {what} {}, by its daemon,",
                    self.engine, self.prefix
                )
            }
            Form::Live(network) => {
                let (engine, dev) = (self.engine, &network.link.name);
                write!(f, "{engine}'s network {} on {dev}", self.prefix)
            }
        }
    }
}
