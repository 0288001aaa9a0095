//! The files of `/etc/resolver`, of which configd makes a resolver each (resolver(5)).
//!
//! configd reads every file of the folder, hidden ones too (`_dnsinfo_flatfile_add_resolvers`
//! in configd, dnsinfo/dnsinfo_flatfile.c, passes over `.` and `..` alone): a file that
//! is still being written must not lie there, or it is a resolver for a moment. So a new
//! file is made in the folder above and renamed into place, which is one volume.
//!
//! What is renamed is on the disk: `sync_all` of the standard library is F_FULLFSYNC on
//! macOS, without which the drive keeps what it was given to itself (fsync(2) there).
//!
//! **The folder is made where it is missing, and stays**, empty in the end. configd is
//! told of changes of `/etc`, too, and passes over those where the folder neither was
//! there when it was last told nor is there now; and at its start it takes it that none
//! was (`dns_configuration_changed`, Plugins/IPMonitor/dns-configuration.c). A folder that
//! went together with its last file would be gone before configd looks, and after a boot
//! that would be the first that configd is told of: it would go on publishing the file.
//! An empty folder says nothing to it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use netprof_engine::Mode;
use netprof_model::file::{FileState, LiveFile};
use netprof_model::{Section, State};
use netprof_posix::files::{self, below, state_of, write};

/// The folder.
pub const FOLDER: &str = "/etc/resolver";

/// The files of the folder below `root`, in the order in which readdir(3) gives them,
/// which is the one in which configd reads them. Folders, pipes and the like are left
/// out: netprof neither reads nor writes them.
#[must_use]
pub fn observe(root: &Path) -> Section<Vec<LiveFile>> {
    let folder = below(root, FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match fs::symlink_metadata(&folder) {
                Ok(_) => Section::Unreadable(format!(
                    "{FOLDER}: it is a symbolic link that leads nowhere"
                )),
                Err(_) => Section::Absent,
            };
        }
        Err(error) => return Section::Unreadable(format!("{FOLDER}: {error}")),
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = match entry {
            Ok(entry) => entry.file_name(),
            Err(error) => return Section::Unreadable(format!("{FOLDER}: {error}")),
        };
        // A name that is no text has no domain either.
        let Some(name) = name.to_str() else { continue };
        let path = format!("{FOLDER}/{name}");
        match read(&folder.join(name)) {
            Ok(Some(state)) => files.push(LiveFile { path, state }),
            Ok(None) => {}
            Err(error) => return Section::Unreadable(format!("{path}: {error}")),
        }
    }
    Section::Seen(files)
}

/// What is at `path`; none where nothing is, or something that is neither a file nor a
/// symbolic link.
fn read(path: &Path) -> io::Result<Option<FileState>> {
    match files::read(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        read => read,
    }
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
    let name = name_of(path)?;
    sweep(root);
    let file = below(root, path);
    let told = |error: io::Error| format!("{path}: {error}");
    let (before, after) = (state_of(before)?, state_of(after)?);
    let live = read(&file).map_err(told)?;
    if live.is_none() && fs::symlink_metadata(&file).is_ok() {
        return Err(format!("{path} is neither a file nor a symbolic link"));
    }
    if live.as_ref() == after && mode == Mode::Back {
        return Ok(());
    }
    if before.is_none()
        && let Some(other) = in_another_case(&below(root, FOLDER), name)
    {
        return Err(format!(
            "{path}: there is {FOLDER}/{other}, of the same domain"
        ));
    }
    if live.as_ref() != before {
        return Err(format!(
            "{path} is not what it was: somebody else has changed it"
        ));
    }
    let folder = below(root, FOLDER);
    match after {
        None if live.is_none() => return Ok(()),
        None => fs::remove_file(&file).map_err(told)?,
        Some(after) => {
            make_folder(&folder).map_err(|error| format!("{FOLDER}: {error}"))?;
            let beside = below(root, &format!("/etc/{UNFINISHED}{name}"));
            let written = write(&beside, after).and_then(|()| fs::rename(&beside, &file));
            written.map_err(|error| {
                // What was not renamed is of no use; that it cannot be removed either
                // is no news.
                let _ = fs::remove_file(&beside);
                told(error)
            })?;
        }
    }
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| format!("{FOLDER}: {error}"))
}

/// Whether `path` is of the folder.
pub(crate) fn is_resolver(path: &str) -> bool {
    path.strip_prefix(FOLDER)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// How the names of files begin, in the folder above, that are still being written.
const UNFINISHED: &str = ".netprof.";

/// Removes what a kill left unfinished. Nobody reads it, so that it cannot be removed is
/// no failure.
fn sweep(root: &Path) {
    let entries = fs::read_dir(below(root, "/etc"));
    for entry in entries.into_iter().flatten().flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(UNFINISHED.as_bytes())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The name of a file that differs from `name` by case alone: the volume may make no
/// difference, and then that is the file, or have both, for one domain.
fn in_another_case(folder: &Path, name: &str) -> Option<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.find(|other| other != name && other.eq_ignore_ascii_case(name))
}

/// The name of a file of the folder.
fn name_of(path: &str) -> Result<&str, String> {
    path.strip_prefix(FOLDER)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|name| !name.is_empty() && !name.contains('/') && *name != "." && *name != "..")
        .ok_or_else(|| format!("{path} is no file of {FOLDER}"))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                "it is no folder",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    DirBuilder::new().mode(0o755).create(folder)?;
    // The umask may have taken bits away that mDNSResponder needs.
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    match folder.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
