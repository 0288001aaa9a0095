//! The addresses of containers: those that a profile gives to engines, and the networks that
//! engines have.

use ipnet::IpNet;
use netprof_model::Snapshot;
use netprof_model::link::Link;
use netprof_model::profile::{Declared, Profile, What};
use netprof_model::route::Route;

use crate::linux::connected;

/// The prefixes that `profile` gives to engines. What lies in another one of the same engine
/// is a part of that.
pub(crate) fn declared(profile: &Profile) -> Vec<Declared<'_>> {
    let mut all: Vec<Declared> = profile.containers.declared().collect();
    // Sorted, what lies in one follows it; where both say the same, the pool is meant.
    all.sort_by_key(|one| (one.engine.as_str(), one.prefix, one.what == What::Default));
    all.dedup_by(|one, wide| one.engine == wide.engine && wide.prefix.contains(&one.prefix));
    all.sort_by_key(|one| one.prefix);
    all
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
