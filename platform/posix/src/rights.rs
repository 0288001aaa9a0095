//! The rights with which a file is read or written.
//!
//! netprof runs as root, and some of what it writes lies in a home, where its owner may
//! have put a symbolic link in the place of any folder. So whatever lies below a folder
//! that belongs to somebody else than root is read and written with that person's rights:
//! it leads no further than they could go themselves.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, process};

use nix::unistd::{Gid, Uid, getegid, geteuid, setegid, seteuid};

/// Does `act` with the rights that `path` is to be reached with: those of the owner of the
/// first folder on the way that is not root's.
///
/// # Errors
///
/// The rights could not be taken (seteuid(2)); nothing has been done then.
pub fn along<T>(path: &Path, act: impl FnOnce() -> T) -> io::Result<T> {
    match stranger(path) {
        Some((uid, gid)) if geteuid().is_root() => of(uid, gid, act),
        _ => Ok(act()),
    }
}

/// Does `act` with the rights of a user: as root, or as that user.
///
/// # Errors
///
/// The rights could not be taken (seteuid(2)); nothing has been done then.
pub fn of<T>(uid: u32, gid: u32, act: impl FnOnce() -> T) -> io::Result<T> {
    let back = Rights {
        uid: geteuid(),
        gid: getegid(),
    };
    if back.uid == Uid::from_raw(uid) {
        return Ok(act());
    }
    // The group first: once the user is another, it may not be changed.
    setegid(Gid::from_raw(gid))?;
    let _back = back;
    seteuid(Uid::from_raw(uid))?;
    Ok(act())
}

/// Rights that are taken back at the end, whatever happens.
struct Rights {
    uid: Uid,
    gid: Gid,
}

impl Drop for Rights {
    fn drop(&mut self) {
        if seteuid(self.uid).and_then(|()| setegid(self.gid)).is_err() {
            // Whatever came next would be done, or recorded, with the wrong rights.
            process::abort();
        }
    }
}

/// The owner of the first folder on the way to `path` that is not root's, with the group:
/// whose rights it is reached with.
#[must_use]
pub fn stranger(path: &Path) -> Option<(u32, u32)> {
    let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.reverse();
    let owners = folders.into_iter().map_while(|folder| {
        let found = fs::symlink_metadata(folder).ok()?;
        Some((found.uid(), found.gid()))
    });
    let mut owners = owners;
    owners.find(|(uid, _)| *uid != 0)
}
