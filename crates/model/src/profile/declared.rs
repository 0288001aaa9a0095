//! The addresses that a profile gives to container engines.

use std::fmt;

use ipnet::IpNet;

use super::{Containers, Pool};
use crate::{Location, Owner};

/// A prefix that a profile gives to an engine.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// Which engine.
    pub engine: Owner,
    /// What for.
    pub what: What,
    /// Without host bits.
    pub prefix: IpNet,
    /// Where it is written.
    pub at: &'a Location,
}

/// What a prefix is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The network that an engine has by itself.
    Default,
    /// Networks of this length are cut from it.
    Pool(u8),
}

impl Declared<'_> {
    /// The node that declares it.
    #[must_use]
    pub fn node(&self) -> &'static str {
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

impl Containers {
    /// What it gives to each engine: first the pools, and then what the engine has by itself.
    pub fn declared(&self) -> impl Iterator<Item = Declared<'_>> {
        let docker = self.docker.iter();
        let docker =
            docker.flat_map(|one| of_engine(Owner::Docker, one.bridge, &one.pools, &one.at));
        let podman = self.podman.iter();
        let podman =
            podman.flat_map(|one| of_engine(Owner::Podman, one.subnet, &one.pools, &one.at));
        docker.chain(podman)
    }
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
