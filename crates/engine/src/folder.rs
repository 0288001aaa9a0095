//! The state folder: what is checked before anything in it is believed.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use netprof_model::held::Held;

use crate::error::{Error, Unsafe};
use crate::files::Files;
use crate::history::{self, Entry};
use crate::lock::Lock;
use crate::store::{self, Store};

/// The folder that holds `held.json`, the journals and the lock.
#[derive(Clone, Debug)]
pub struct StateFolder {
    path: PathBuf,
}

impl StateFolder {
    /// The state folder at `path`. Nothing is read or made yet.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            // Without a slash at its end: lstat(2) would follow a link in front of it.
            path: path.as_ref().components().collect(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What netprof holds. Takes no lock and changes nothing; a transaction that is
    /// under way is not in it yet. Nothing is held where there is no state folder.
    ///
    /// A user who may not read the journals gets what `held.json` says, which may be
    /// one transaction behind after a crash.
    ///
    /// # Errors
    ///
    /// [`Error::HeldNeedsRoot`] where `held.json` cannot be used and the journals may
    /// not be read, else what is wrong with a journal.
    pub fn held(&self) -> Result<Held, Error> {
        store::read_held(&Files::at(&self.path))
    }

    /// All transactions, oldest first. Takes no lock and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the journals may not be listed. A journal that cannot be
    /// read is an [`Entry`] that says so.
    pub fn history(&self) -> Result<Vec<Entry>, Error> {
        history::read(&Files::at(&self.path))
    }

    /// Makes the folder where it is missing, checks it, takes its lock and reads what
    /// is held. `command` is what another process is told that finds it locked.
    pub(crate) fn lock(&self, command: &str) -> Result<Store, Error> {
        let files = Files::at(&self.path);
        let journals = files.journals();
        let user = effective_user().map_err(|source| Error::File {
            operation: "tell the effective user for",
            path: self.path.clone(),
            source,
        })?;
        make(&self.path, 0o755)?;
        check(&self.path, user)?;
        make(&journals, 0o700)?;
        check(&journals, user)?;
        let lock = Lock::take(&self.path.join("lock"), command)?;
        Store::open(Box::new(files), Some(lock))
    }
}

/// The effective user, as the owner of a pipe that was made just now (pipe(7);
/// `get_pipe_inode` in fs/pipe.c, `pipe_stat` in XNU): the standard library has no
/// geteuid(2).
fn effective_user() -> io::Result<u32> {
    let (reader, _writer) = io::pipe()?;
    Ok(File::from(OwnedFd::from(reader)).metadata()?.uid())
}

fn make(path: &Path, mode: u32) -> Result<(), Error> {
    let failed = |source| Error::File {
        operation: "make the folder",
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(Error::File {
                operation: "look at",
                path: path.to_owned(),
                source,
            });
        }
    }
    match DirBuilder::new().mode(mode).create(path) {
        // The umask may have taken bits away.
        Ok(()) => {
            fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
            sync_parent(path).map_err(failed)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(failed(source)),
    }
}

/// A journal is only as durable as the folders above it. Once in a machine's life.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Refuses a folder that somebody else may have prepared: what stands in it decides
/// what is written to the system as root.
fn check(path: &Path, user: u32) -> Result<(), Error> {
    let refused = |why| Error::UnsafeFolder {
        path: path.to_owned(),
        why,
    };
    let found = fs::symlink_metadata(path).map_err(|source| Error::File {
        operation: "look at",
        path: path.to_owned(),
        source,
    })?;
    if found.is_symlink() {
        return Err(refused(Unsafe::Symlink));
    }
    if !found.is_dir() {
        return Err(refused(Unsafe::NotAFolder));
    }
    if found.uid() != user {
        return Err(refused(Unsafe::Owner {
            owner: found.uid(),
            user,
        }));
    }
    if found.mode() & 0o022 != 0 {
        return Err(refused(Unsafe::Writable(found.mode())));
    }
    Ok(())
}
