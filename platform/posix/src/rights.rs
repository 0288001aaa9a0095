//! The rights with which a file is read or written.
//!
//! netprof runs as root, and some of what it writes lies in a home, where its owner may
//! have put a symbolic link in the place of any folder. So whatever lies below a folder
//! that belongs to somebody else than root is read and written with that person's rights,
//! their groups among them: it leads no further than they could go themselves, and as far.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, process};

use nix::unistd::{Gid, Uid, User, getegid, geteuid, setegid, seteuid};

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

/// Does `act` with the rights of a user: as root, or as that user. They are in the groups
/// that the list of users says; one whom it does not have is in `gid` alone.
///
/// # Errors
///
/// The rights could not be taken (setgroups(2), seteuid(2)); nothing has been done then.
pub fn of<T>(uid: u32, gid: u32, act: impl FnOnce() -> T) -> io::Result<T> {
    let uid = Uid::from_raw(uid);
    if geteuid() == uid {
        return Ok(act());
    }
    let own = Rights::own()?;
    let theirs = Rights::of(uid, Gid::from_raw(gid))?;
    // The groups first: once the user is another, they may not be changed.
    groups::set(&theirs.groups)?;
    let _back = Back(own);
    setegid(theirs.gid)?;
    seteuid(theirs.uid)?;
    Ok(act())
}

/// What the kernel goes by where a file is opened (credentials(7)).
struct Rights {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Rights {
    /// Those of this process.
    fn own() -> io::Result<Self> {
        Ok(Self {
            uid: geteuid(),
            gid: getegid(),
            groups: groups::own()?,
        })
    }

    /// Those of a user. The group of a folder of theirs says nothing of them: a home may be
    /// shared with a service, whose group its owner is not in.
    fn of(uid: Uid, gid: Gid) -> io::Result<Self> {
        let Some(user) = User::from_uid(uid).ok().flatten() else {
            let groups = Vec::new();
            return Ok(Self { uid, gid, groups });
        };
        Ok(Self {
            uid,
            gid: user.gid,
            groups: groups::of(&user)?,
        })
    }
}

/// Rights that are taken back at the end, whatever happens.
struct Back(Rights);

impl Drop for Back {
    fn drop(&mut self) {
        let Rights { uid, gid, groups } = &self.0;
        let back = seteuid(*uid).and_then(|()| setegid(*gid));
        if back.and_then(|()| groups::set(groups)).is_err() {
            // Whatever came next would be done, or recorded, with the wrong rights.
            process::abort();
        }
    }
}

/// The groups that somebody is in beside their own.
#[cfg(not(target_vendor = "apple"))]
mod groups {
    use std::ffi::CString;
    use std::io;

    use nix::unistd::{Gid, User, getgrouplist, getgroups, setgroups};

    pub(super) fn own() -> nix::Result<Vec<Gid>> {
        getgroups()
    }

    pub(super) fn of(user: &User) -> io::Result<Vec<Gid>> {
        Ok(getgrouplist(&CString::new(&*user.name)?, user.gid)?)
    }

    pub(super) fn set(groups: &[Gid]) -> nix::Result<()> {
        setgroups(groups)
    }
}

/// On macOS they stay those of root, since opendirectoryd is asked who is in which: what
/// only these may read can be read on the way.
#[cfg(target_vendor = "apple")]
mod groups {
    use std::io;

    use nix::unistd::{Gid, User};

    pub(super) fn own() -> nix::Result<Vec<Gid>> {
        Ok(Vec::new())
    }

    pub(super) fn of(_: &User) -> io::Result<Vec<Gid>> {
        Ok(Vec::new())
    }

    pub(super) fn set(_: &[Gid]) -> nix::Result<()> {
        Ok(())
    }
}

/// The owner of the first folder on the way to `path` that is not root's: whose rights it
/// is reached with. With the group of that folder.
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
