//! The root trees that tests run in.
//!
//! A test does not use the daemons that happen to be installed here: it would
//! then test another thing on each machine, and nothing at all on most. It runs
//! in a tree of unpacked packages that `tests/fetch-tree` made. Where there is
//! none, the reason is on disk beside it, and is what the test shows. While tests
//! use a tree they share its lock, so that nobody replaces it under them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::trial::{TIME_LIMIT, TIME_LIMIT_EMULATED};

/// Names the one tree whose tests are wanted.
const ONLY: &str = "NETPROF_TESTS_TREE";

/// A root tree, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Of this machine's own distribution and release.
    Host,
    /// Of the distribution's development suite: a systemd-resolved that reads
    /// DNS delegates, which came with version 258.
    Newer,
    /// The host's release, with container engines.
    Engines,
    /// Of this machine's own release again, with a kernel that `tests/vm` boots: for
    /// tests that need more of a kernel than this machine's may have.
    Vm,
}

impl Tree {
    pub(super) const ALL: [Self; 4] = [Self::Host, Self::Newer, Self::Engines, Self::Vm];

    /// Shares the tree's lock until this process ends; `fetch-tree` takes it alone
    /// to replace the tree. Who cannot open the lock goes without: there is nothing
    /// to lock, or it was made by another user for somebody else's trees.
    fn share(self, path: &Path) {
        static LOCKS: [OnceLock<Option<File>>; 4] = [const { OnceLock::new() }; 4];
        LOCKS[self as usize].get_or_init(|| {
            let path = path.with_extension("lock");
            // Reading is enough to share it, and any user may.
            let open = File::open(&path).or_else(|_| {
                let create = File::options().append(true).create(true).open(&path);
                create.and_then(|_| File::open(&path))
            });
            open.and_then(|file| file.lock_shared().map(|()| file)).ok()
        });
    }

    fn name(self) -> &'static str {
        match self {
            Tree::Host => "host",
            Tree::Newer => "newer",
            Tree::Engines => "engines",
            Tree::Vm => "vm",
        }
    }

    /// How a list of tests marks those of the tree; the usual one is not marked.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Tree::Host => "",
            Tree::Newer => "newer",
            Tree::Engines => "engines",
            Tree::Vm => "vm",
        }
    }

    /// Whether only its tests are wanted: `NETPROF_TESTS_TREE` names it.
    pub(super) fn is_all(self) -> bool {
        std::env::var_os(ONLY).is_some_and(|name| name == self.name())
    }

    /// Whether its tests are wanted: all are, unless one tree is named.
    pub(super) fn is_wanted(self) -> bool {
        std::env::var_os(ONLY).is_none() || self.is_all()
    }

    /// How long one of its tests may take.
    pub(crate) const fn time_limit(self) -> Duration {
        match self {
            Tree::Host | Tree::Newer | Tree::Engines => TIME_LIMIT,
            Tree::Vm => TIME_LIMIT_EMULATED,
        }
    }

    /// Where the tree is, or why there is none.
    pub(crate) fn path(self) -> Result<PathBuf, String> {
        let path = roots().join(self.name());
        self.share(&path);
        if path.join(".stamp").is_file() {
            return Ok(path);
        }
        let reason = fs::read_to_string(path.with_extension("reason"))
            .map(|reason| reason.trim().to_owned())
            .unwrap_or_else(|_| match self {
                Tree::Host | Tree::Newer | Tree::Engines => {
                    "it has not been fetched; tests/run does that".to_owned()
                }
                // What runs its tests where it is not there fetches it, too, and is said.
                Tree::Vm => "it has not been fetched".to_owned(),
            });
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
