//! The addresses of containers: those that a profile gives to engines, and the networks that
//! engines have.

use std::fmt;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::profile::{Pool, Profile};
use netprof_model::route::Route;
use netprof_model::{Location, Owner, Snapshot};

use crate::linux::connected;

/// A prefix that a profile gives to an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) engine: Owner,
    pub(crate) what: What,
    /// Without host bits.
    pub(crate) prefix: IpNet,
    pub(crate) at: &'a Location,
}

/// What a prefix is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The network that an engine has by itself.
    Default,
    /// Networks of this length are cut from it.
    Pool(u8),
}

impl Declared<'_> {
    /// The node that declares it.
    pub(crate) fn node(&self) -> &'static str {
        match (self.engine, self.what) {
            (Owner::Docker, What::Default) => "docker bridge",
            (Owner::Docker, What::Pool(_)) => "docker pool",
            (_, What::Default) => "podman subnet",
            (_, What::Pool(_)) => "podman pool",
        }
    }
}

/// As the subject of a sentence.
impl fmt::Display for Declared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Default if self.engine == Owner::Docker => "bridge",
            What::Default => "subnet",
            What::Pool(_) => "pool",
        };
        write!(f, "{}'s {what} {}", self.engine, self.prefix)
    }
}

/// The prefixes that `profile` gives to engines. What lies in another one of the same engine
/// is a part of that.
pub(crate) fn declared(profile: &Profile) -> Vec<Declared<'_>> {
    let containers = &profile.containers;
    let mut all: Vec<Declared> = Vec::new();
    if let Some(docker) = &containers.docker {
        let (own, pools) = (docker.bridge, &docker.pools);
        all.extend(of_engine(Owner::Docker, own, pools, &docker.at));
    }
    if let Some(podman) = &containers.podman {
        let (own, pools) = (podman.subnet, &podman.pools);
        all.extend(of_engine(Owner::Podman, own, pools, &podman.at));
    }
    // Sorted, what lies in one follows it; where both say the same, the pool is meant.
    all.sort_by_key(|one| (one.engine.as_str(), one.prefix, one.what == What::Default));
    all.dedup_by(|one, wide| one.engine == wide.engine && wide.prefix.contains(&one.prefix));
    all.sort_by_key(|one| one.prefix);
    all
}

fn of_engine<'a>(
    engine: Owner,
    own: Option<IpNet>,
    pools: &'a [Pool],
    at: &'a Location,
) -> impl Iterator<Item = Declared<'a>> {
    let own = own.map(|own| Declared {
        engine,
        what: What::Default,
        prefix: own.trunc(),
        at,
    });
    let pools = pools.iter().map(move |pool| Declared {
        engine,
        what: What::Pool(pool.size),
        prefix: pool.prefix.trunc(),
        at: &pool.at,
    });
    pools.chain(own)
}

/// A network that an engine has on this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network<'a> {
    pub(crate) prefix: IpNet,
    /// The bridge.
    pub(crate) link: &'a Link,
    /// Its connected route.
    pub(crate) route: &'a Route,
}

/// Whether it may be the bridge of an engine, for all that its owner is not looked at.
pub(crate) fn is_bridge(link: &Link) -> bool {
    link.kind.as_deref() == Some("bridge")
}

/// The networks that engines have on `snapshot`'s machine: what the connected routes of
/// their bridges say.
pub(crate) fn networks(snapshot: &Snapshot) -> Vec<Network<'_>> {
    let links = snapshot.links.items().iter();
    let bridges: Vec<&Link> = links
        .filter(|link| is_bridge(link) && link.owner.is_engine())
        .collect();
    if bridges.is_empty() {
        return Vec::new();
    }
    let addresses = snapshot.addresses.items();
    let routes = snapshot.routes.items().iter();
    routes
        .filter(|route| route.key.dst.prefix_len() > 0)
        .filter_map(|route| {
            let bridge = |dev: &str| bridges.iter().find(|link| link.name == dev).copied();
            let dev = connected::by_link(addresses, route, |dev| bridge(dev).is_some())?;
            Some(Network {
                prefix: route.key.dst,
                link: bridge(dev)?,
                route,
            })
        })
        .collect()
}
