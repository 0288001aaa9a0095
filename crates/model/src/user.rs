//! The person on whose behalf netprof runs.

use serde::{Deserialize, Serialize};

/// Under sudo, doas or pkexec the one who called it; else the one who runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the main group.
    pub gid: u32,
    /// The home folder.
    pub home: String,
}
