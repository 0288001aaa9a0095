//! Files, whole: what is read can be put back as it was.
//!
//! A file is replaced in one step: what is new is written beside it and renamed, so that
//! nobody ever reads a half, and it is on the disk with its name when the step is done.
//! A name beside it begins with a dot, which the folders that are read file by file
//! (environment.d(5), containers.conf.d) pass over for want of their suffix.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink,
};
use std::path::{Path, PathBuf};

use netprof_engine::Mode;
use netprof_model::State;
use netprof_model::file::{Content, FileState, LiveFile};
use netprof_model::user::User;

use crate::{attributes, rights};

/// The most that is read of one file.
const LIMIT: u64 = 1024 * 1024;

/// The permission bits, as chmod(2) takes them.
const BITS: u32 = 0o7777;

/// That what is made in a folder gets its group (inode(7)).
const SET_GID: u32 = 0o2000;

/// `path` below `root`.
#[must_use]
pub fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The file that `path` leads to, behind all symbolic links. It need not be there.
#[must_use]
pub fn real(root: &Path, path: &str) -> String {
    /// As many as the kernel follows (path_resolution(7)).
    const MOST: usize = 40;
    let mut place = below(root, path);
    let followed = rights::along(&place.clone(), || {
        for _ in 0..MOST {
            let Ok(target) = fs::read_link(&place) else {
                break;
            };
            place = place.parent()?.join(target);
        }
        let (folder, name) = (place.parent()?, place.file_name()?);
        Some(resolved(folder)?.join(name))
    });
    let place = followed.ok().flatten();
    let real = place.as_deref().and_then(|place| {
        let place = place.strip_prefix(fs::canonicalize(root).ok()?).ok()?;
        Some(format!("/{}", place.to_str()?))
    });
    real.unwrap_or_else(|| path.to_owned())
}

/// The folder that `folder` leads to. Where folders are missing it is the one that will be
/// there once they are made: a file has one name before and after.
fn resolved(folder: &Path) -> Option<PathBuf> {
    match fs::canonicalize(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(resolved(folder.parent()?)?.join(folder.file_name()?))
        }
        found => found.ok(),
    }
}

/// The same, of a file that is said to be `user`'s. netprof, which is root, could follow a
/// symbolic link of theirs where they cannot go themselves; so one that leads to what is not
/// theirs is not followed, and shows as a link where the file is read. None where not even
/// `path` is theirs.
#[must_use]
pub fn real_of(root: &Path, path: &str, user: &User) -> Option<String> {
    let real = real(root, path);
    let is_theirs = |path: &String| {
        let owner = rights::stranger(&below(root, path));
        owner.map_or(0, |(uid, _)| uid) == user.uid
    };
    [real, path.to_owned()].into_iter().find(is_theirs)
}

/// Those of `paths` that are there; and those of which that is not known, with why. One says
/// nothing of another: what lies in a home is none of the machine's.
#[must_use]
pub fn observe(root: &Path, paths: &[String]) -> (Vec<LiveFile>, BTreeMap<String, String>) {
    let (mut files, mut unreadable) = (Vec::new(), BTreeMap::new());
    for path in BTreeSet::from_iter(paths) {
        let place = below(root, path);
        match rights::along(&place, || read(&place)).flatten() {
            Ok(Some(state)) => files.push(LiveFile {
                path: path.clone(),
                state,
            }),
            Ok(None) => {}
            Err(error) => {
                unreadable.insert(path.clone(), format!("{path}: {error}"));
            }
        }
    }
    (files, unreadable)
}

/// What is at `path`; none where nothing is.
///
/// # Errors
///
/// Whatever the system says; and that it is neither a file nor a symbolic link, or too
/// long.
pub fn read(path: &Path) -> io::Result<Option<FileState>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.is_symlink() {
        let target = fs::read_link(path)?;
        let target = target.into_os_string().into_string();
        let target = target.map_err(|_| io::Error::other("it points to what is no text"))?;
        return Ok(Some(FileState::Symlink { target }));
    }
    is_plain(&metadata)?;
    let file = File::options()
        .read(true)
        // Somebody may put a pipe in its place.
        .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW | nix::libc::O_NOCTTY)
        .open(path)?;
    // Of what was opened: it may have been replaced since.
    let metadata = file.metadata()?;
    is_plain(&metadata)?;
    let mut content = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {LIMIT} bytes"),
        ));
    }
    Ok(Some(FileState::Regular {
        content: Content(content),
        mode: metadata.mode() & BITS,
        uid: metadata.uid(),
        gid: metadata.gid(),
    }))
}

fn is_plain(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is neither a file nor a symbolic link",
    ))
}

/// Whether there is nothing: a folder on the way may be missing, or no folder.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Puts `after` to where `before` is. What is there is compared first.
///
/// # Errors
///
/// Why not, in words.
pub fn put(
    root: &Path,
    path: &str,
    before: Option<&State>,
    after: Option<&State>,
    mode: Mode,
) -> Result<(), String> {
    let (before, after) = (state_of(before)?, state_of(after)?);
    let place = below(root, path);
    let put = || -> Result<(), String> {
        let told = |error: io::Error| format!("{path}: {error}");
        let live = read(&place).map_err(told)?;
        if live.as_ref() == after && mode == Mode::Back {
            settle(&place);
            return Ok(());
        }
        if live.as_ref() != before {
            return Err(format!(
                "{path} is not what it was: somebody else has changed it"
            ));
        }
        match after {
            Some(after) => replace(&place, after),
            None => remove(&place),
        }
        .map_err(told)
    };
    rights::along(&place, put).map_err(|error| format!("{path}: {error}"))?
}

/// The file that a side of a change holds.
///
/// # Errors
///
/// It holds something else.
pub fn state_of(state: Option<&State>) -> Result<Option<&FileState>, String> {
    match state {
        None => Ok(None),
        Some(State::File(state)) => Ok(Some(state)),
        Some(_) => Err("the change holds something else than a file".to_owned()),
    }
}

/// Makes `state` of what is at `path`, in one step, with the folders that are missing on
/// the way. A file keeps the attributes of the one that was there.
///
/// # Errors
///
/// Whatever the system says. What was there is there still, unless only the last step has
/// failed, which is to have the new name on the disk.
pub fn replace(path: &Path, state: &FileState) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    make(folder)?;
    let beside = beside(folder, name);
    // A kill may have left one. That it cannot be removed shows right below.
    let _ = fs::remove_file(&beside);
    let kept = || match state {
        FileState::Regular { mode, .. } => {
            attributes::copy(path, &beside)?;
            // An attribute may open a file, and nobody has read this one yet.
            if fs::symlink_metadata(&beside)?.mode() & BITS == *mode {
                Ok(())
            } else {
                Err(io::Error::other("its attributes change who may read it"))
            }
        }
        FileState::Symlink { .. } => Ok(()),
    };
    let written = write(&beside, state).and_then(|()| kept());
    let written = written.and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        // What was not renamed is of no use; that it cannot be removed either is no news.
        let _ = fs::remove_file(&beside);
    })?;
    sync(folder)
}

/// Removes what is at `path`, and the folders that were made for it and are empty then.
///
/// # Errors
///
/// Whatever the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if is_missing(&error) => {}
        done => done?,
    }
    for folder in path.ancestors().skip(1) {
        if !attributes::is_made(folder) || fs::remove_dir(folder).is_err() {
            return if folder.is_dir() {
                sync(folder)
            } else {
                Ok(())
            };
        }
    }
    Ok(())
}

/// Takes away what a kill has left beside `path` on the way there, and folders that were
/// made for it and are empty. What cannot be taken away is in nobody's way.
pub fn settle(path: &Path) {
    for place in path.ancestors() {
        let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else {
            break;
        };
        let beside = beside(folder, name);
        let _ = fs::remove_file(&beside).or_else(|_| fs::remove_dir(&beside));
        if folder.is_dir() {
            break;
        }
    }
    if fs::symlink_metadata(path).is_err() {
        let _ = remove(path);
    }
}

/// Makes a file or a symbolic link where nothing is.
///
/// # Errors
///
/// Whatever the system says.
pub fn write(path: &Path, state: &FileState) -> io::Result<()> {
    match state {
        FileState::Symlink { target } => symlink(target, path),
        FileState::Regular {
            content,
            mode,
            uid,
            gid,
        } => {
            // create_new follows no symbolic link. Nobody may read it yet.
            let mut file = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(&content.0)?;
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != (*uid, *gid) {
                fchown(&file, Some(*uid), Some(*gid))?;
            }
            // After its owner was set, which takes bits away (chown(2)).
            file.set_permissions(Permissions::from_mode(*mode))?;
            file.sync_all()
        }
    }
}

/// Makes `folder` and what is missing on the way to it. What lies in a home is nobody
/// else's business (XDG Base Directory Specification, 'Referencing this specification').
///
/// They are made under another name, so that none is there without the word that says who
/// made it.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    make(parent)?;
    let bits = if nix::unistd::geteuid().is_root() {
        0o755
    } else {
        0o700
    };
    let beside = beside(parent, name);
    // A kill may have left one.
    let _ = fs::remove_dir(&beside);
    DirBuilder::new().mode(bits).create(&beside)?;
    // The umask has taken bits, which is wrong of a folder for everybody, and its own folder
    // may have given it one.
    let given = fs::metadata(&beside)?.mode() & SET_GID;
    fs::set_permissions(&beside, Permissions::from_mode(bits | given))?;
    attributes::mark_made(&beside);
    fs::rename(&beside, folder)?;
    sync(parent)
}

/// The name under which something is made, before it gets its own.
fn beside(folder: &Path, name: &OsStr) -> PathBuf {
    folder.join(format!(".netprof.{}", name.to_string_lossy()))
}

/// Has the names of a folder written to the disk. Somebody may put a pipe in its place, which
/// would be waited for until somebody else writes to it.
fn sync(folder: &Path) -> io::Result<()> {
    let folder = File::options()
        .read(true)
        .custom_flags(nix::libc::O_DIRECTORY | nix::libc::O_NONBLOCK)
        .open(folder)?;
    folder.sync_all()
}

#[cfg(test)]
mod tests;
