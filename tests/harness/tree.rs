//! The root trees that tests run in.
//!
//! A test does not use the daemons that happen to be installed here: it would
//! then test another thing on each machine, and nothing at all on most. It runs
//! in a tree of unpacked packages that `tests/fetch-tree` made. Where there is
//! none, the reason is on disk beside it, and is what the test shows.

use std::fs;
use std::path::{Path, PathBuf};

/// A root tree, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Of this machine's own distribution and release.
    Host,
    /// Of the distribution's development suite: a systemd-resolved that reads
    /// DNS delegates, which came with version 258.
    Newer,
}

impl Tree {
    fn name(self) -> &'static str {
        match self {
            Tree::Host => "host",
            Tree::Newer => "newer",
        }
    }

    /// How a list of tests marks those of the tree; the usual one is not marked.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Tree::Host => "",
            Tree::Newer => "newer",
        }
    }

    /// Where the tree is, or why there is none.
    pub(crate) fn path(self) -> Result<PathBuf, String> {
        let path = roots().join(self.name());
        if path.join(".stamp").is_file() {
            return Ok(path);
        }
        let reason = fs::read_to_string(path.with_extension("reason"))
            .map(|reason| reason.trim().to_owned())
            .unwrap_or_else(|_| "it has not been fetched; tests/run does that".to_owned());
        Err(format!("there is no {} tree: {reason}", self.name()))
    }
}

fn roots() -> PathBuf {
    match std::env::var_os("NETPROF_TEST_ROOTS") {
        Some(roots) => PathBuf::from(roots),
        // Cargo's folder for integration tests is target/tmp.
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("roots"),
    }
}
