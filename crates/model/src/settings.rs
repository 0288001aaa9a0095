//! Settings of which netprof changes some, among others that are nobody's business.
//!
//! A JSON file, a desktop's configuration or a service manager's environment holds much
//! that netprof neither reads nor writes. Its state here is a dictionary of the few keys
//! that netprof ever touches, and each of those is looked at by itself when it is taken
//! back ([`crate::held::taken_back`]).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::json_object;
use crate::plist::{Dictionary, Value};
use crate::snapshot::Section;

/// Stands in the dictionary of a file that holds anything beside what netprof may touch:
/// that file stays when the last setting of netprof's goes.
pub const OTHERS: &str = "(others)";

/// Stands in the dictionary of a person's file that others may read: it is no place for a
/// password.
pub const READABLE: &str = "(readable by others)";

/// Stands in the dictionary of a service manager's variables, and says which manager has
/// them: what one was told is gone with it, and is nothing to give back to the next.
pub const MANAGER: &str = "(manager)";

/// The member of the Docker client's `config.json` that says what containers are told of
/// proxies.
pub const PROXIES: &str = "proxies";

/// Whether two settings are the same. A JSON text is, however it is written: who changes one
/// member of a file with a tool has all others written anew.
#[must_use]
pub fn is_alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::String(one)), Some(Value::String(other))) => {
            one == other || one.starts_with(['{', '[', '"']) && json_object::is_same(one, other)
        }
        _ => one == other,
    }
}

/// Where settings are kept. A path is that of the file itself: symbolic links that lead to
/// it have been followed, so that they stay.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Settings {
    /// Members of `daemon.json`, which the Docker daemon reads when it starts.
    DockerDaemon {
        /// The file.
        path: String,
    },
    /// Members of `config.json`, which the Docker client of a user reads.
    DockerClient {
        /// The user's name.
        user: String,
        /// The file.
        path: String,
    },
    /// Keys of the group `Proxy Settings` of a user's `kioslaverc`, KDE's file.
    Kde {
        /// The user's name.
        user: String,
        /// The file.
        path: String,
    },
    /// Keys below `/system/proxy/` of a user's dconf database.
    Gnome {
        /// The user's name.
        user: String,
    },
    /// Variables of a user's systemd manager.
    Environment {
        /// The user's name.
        user: String,
    },
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DockerDaemon { path }
            | Self::DockerClient { path, .. }
            | Self::Kde { path, .. } => f.write_str(path),
            Self::Gnome { user } => write!(f, "/system/proxy/ of {user}"),
            Self::Environment { user } => write!(f, "environment of {user}"),
        }
    }
}

impl Settings {
    /// The file that they stand in, where netprof writes that itself.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::DockerDaemon { path }
            | Self::DockerClient { path, .. }
            | Self::Kde { path, .. } => Some(path),
            Self::Gnome { .. } | Self::Environment { .. } => None,
        }
    }

    /// Whose they are, by name, where they are a person's. A snapshot has those of others
    /// as well, where netprof holds some on behalf of them.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::DockerDaemon { .. } => None,
            Self::DockerClient { user, .. }
            | Self::Kde { user, .. }
            | Self::Gnome { user }
            | Self::Environment { user } => Some(user),
        }
    }
}

/// What settings hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSettings {
    /// Which.
    #[serde(flatten)]
    pub settings: Settings,
    /// The keys that netprof may touch, as far as they are there. Absent where there is
    /// nothing that could hold one, such as a file that is not there.
    pub holds: Section<Dictionary>,
    /// The keys that an administrator has locked: programs pass over what is kept under
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<String>,
    /// Why nothing of it can be changed now, though it can be read: whoever keeps it is
    /// asked over the bus of a session, and there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
}

impl LiveSettings {
    /// Settings that can be changed.
    #[must_use]
    pub fn new(settings: Settings, holds: Section<Dictionary>) -> Self {
        Self {
            settings,
            holds,
            locked: Vec::new(),
            unreachable: None,
        }
    }
}
