//! Container engines, as far as their addresses are concerned.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::owner::Owner;
use crate::resource::Resource;
use crate::settings::Settings;
use crate::snapshot::Section;

/// The member of Docker's `daemon.json` that is the address of its default bridge.
pub const BIP: &str = "bip";

/// The member of Docker's `daemon.json` that says where it cuts its networks from.
pub const DEFAULT_ADDRESS_POOLS: &str = "default-address-pools";

/// Where packages put the programs of engines.
pub const PROGRAMS: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl EngineKind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The program that shows that it is there.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "dockerd",
            Self::Podman => "podman",
        }
    }
}

impl From<EngineKind> for Owner {
    fn from(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Docker => Self::Docker,
            EngineKind::Podman => Self::Podman,
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An engine that is on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// Which.
    pub kind: EngineKind,
    /// Whose it is, where it runs without root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The file that says where its networks are cut from: itself, where a symbolic link
    /// leads to it. It need not be there.
    pub file: String,
    /// Why netprof does not write to that file, nor look into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
    /// What else that file says of addresses, which netprof never touches: members, and the
    /// text of their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<String, String>,
    /// The files that are read after it and say the same sort of thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<String>,
    /// Its daemon; absent where none runs, or where it has none.
    #[serde(default)]
    pub daemon: Section<EngineDaemon>,
}

impl Engine {
    /// Where it is told where its networks are cut from.
    #[must_use]
    pub fn told_in(&self) -> Resource {
        let path = self.file.clone();
        match self.kind {
            EngineKind::Docker => Resource::Settings(Settings::DockerDaemon { path }),
            EngineKind::Podman => Resource::File { path },
        }
    }
}

/// A daemon that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineDaemon {
    /// Its process.
    pub pid: u32,
    /// The words of its command line that say something of addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// What it goes by.
    #[serde(default)]
    pub networks: Section<EngineNetworks>,
    /// The names of the containers that run.
    #[serde(default)]
    pub containers: Section<Vec<String>>,
}

/// Where the networks of an engine are cut from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EngineNetworks {
    /// The address of its default bridge, with the length of the prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<IpNet>,
    /// Its pools; none where it goes by those that it was built with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<EnginePool>,
}

/// A prefix that networks of one size are cut from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnginePool {
    /// The prefix.
    pub base: IpNet,
    /// The length of the prefix of each network.
    pub size: u8,
}
