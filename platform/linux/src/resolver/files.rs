//! Reads the files of name resolution, never more than a little and never for long.
//!
//! `/etc/resolv.conf` is written by anybody, and on a broken machine it is a dangling
//! link, a folder or a FIFO. So what it is is looked at before it is opened, and it is
//! opened without waiting (a FIFO that nobody writes to would hold an ordinary open
//! for ever).

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use netprof_model::Section;
use netprof_model::snapshot::{Nsswitch, ResolvConf};
use nix::fcntl::OFlag;

use super::{nsswitch, resolv_conf};

/// `/etc/resolv.conf` below `root`.
#[must_use]
pub fn resolv_conf(root: &Path) -> Section<ResolvConf> {
    let path = root.join("etc/resolv.conf");
    let target = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Section::Absent,
        Err(error) => return Section::Unreadable(error.to_string()),
        Ok(metadata) if metadata.is_symlink() => match fs::read_link(&path) {
            Ok(target) => Some(target.to_string_lossy().into_owned()),
            Err(error) => return Section::Unreadable(error.to_string()),
        },
        Ok(_) => None,
    };
    match text(&path, resolv_conf::LIMIT) {
        Ok(text) => {
            let followed = target.is_some().then(|| fs::canonicalize(&path).ok());
            let followed = followed
                .flatten()
                .map(|path| path.to_string_lossy().into_owned());
            Section::Seen(resolv_conf::parse(target, followed.as_deref(), &text))
        }
        Err(error) => Section::Unreadable(match target {
            Some(target) if error.kind() == io::ErrorKind::NotFound => {
                format!("it points to {target}, which is not there")
            }
            _ => error.to_string(),
        }),
    }
}

/// `/etc/nsswitch.conf` below `root`, and whether the library of its `resolve` service
/// is there.
#[must_use]
pub fn nsswitch(root: &Path) -> Section<Nsswitch> {
    let hosts = match text(&root.join("etc/nsswitch.conf"), resolv_conf::LIMIT) {
        Ok(text) => nsswitch::hosts(&text).unwrap_or_else(nsswitch::default_hosts),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Section::Absent,
        Err(error) => return Section::Unreadable(error.to_string()),
    };
    Section::Seen(Nsswitch {
        hosts,
        resolve_library: has_resolve_library(root),
    })
}

fn has_resolve_library(root: &Path) -> bool {
    nsswitch::LIBRARY_FOLDERS.iter().any(|folder| {
        let folder = root.join(folder);
        if folder.join(nsswitch::LIBRARY).exists() {
            return true;
        }
        let Ok(entries) = fs::read_dir(&folder) else {
            return false;
        };
        entries.flatten().any(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(nsswitch::is_multiarch)
                && entry.path().join(nsswitch::LIBRARY).exists()
        })
    })
}

/// The text of an ordinary file of at most `limit` bytes. What is not UTF-8 in it is
/// replaced: comments are in any encoding.
///
/// # Errors
///
/// Whatever the system says, and that it is no ordinary file or too long.
pub fn text(path: &Path, limit: u64) -> io::Result<String> {
    ordinary(&fs::metadata(path)?)?;
    let file = File::options()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits() | OFlag::O_NOCTTY.bits())
        .open(path)?;
    // It may have been replaced since.
    let metadata = file.metadata()?;
    ordinary(&metadata)?;
    // Room for one byte more, so that the end shows without growing.
    let length = metadata.len().min(limit) + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {limit} bytes"),
        ));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn ordinary(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not an ordinary file",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc")).unwrap();
        root
    }

    #[test]
    fn a_missing_file_is_absent() {
        assert_eq!(resolv_conf(root().path()), Section::Absent);
        assert_eq!(nsswitch(root().path()), Section::Absent);
    }

    #[test]
    fn a_dangling_link_is_unreadable_and_says_where_it_points() {
        let root = root();
        symlink("../run/nowhere", root.path().join("etc/resolv.conf")).unwrap();
        assert_eq!(
            resolv_conf(root.path()),
            Section::Unreadable("it points to ../run/nowhere, which is not there".into())
        );
    }

    #[test]
    fn a_folder_and_a_fifo_are_refused_at_once() {
        for make in [
            |path: &Path| fs::create_dir(path).unwrap(),
            |path: &Path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        ] {
            let root = root();
            make(&root.path().join("etc/resolv.conf"));
            assert_eq!(
                resolv_conf(root.path()),
                Section::Unreadable("it is not an ordinary file".into())
            );
        }
    }

    #[test]
    fn a_huge_file_is_refused() {
        let root = root();
        fs::write(root.path().join("etc/resolv.conf"), vec![b'#'; 70_000]).unwrap();
        assert!(
            matches!(resolv_conf(root.path()), Section::Unreadable(why) if why.contains("longer"))
        );
    }

    #[test]
    fn a_link_is_read_through_and_shown() {
        let root = root();
        fs::create_dir_all(root.path().join("run/systemd/resolve")).unwrap();
        fs::write(
            root.path().join("run/systemd/resolve/stub-resolv.conf"),
            "nameserver 127.0.0.53\n",
        )
        .unwrap();
        let target = "../run/systemd/resolve/stub-resolv.conf";
        symlink(target, root.path().join("etc/resolv.conf")).unwrap();
        let read = resolv_conf(root.path());
        let read = read.seen().unwrap();
        assert_eq!(read.target.as_deref(), Some(target));
        assert_eq!(read.owner, netprof_model::Owner::Resolved);
        assert_eq!(read.servers.len(), 1);
    }

    #[test]
    fn the_library_is_found_in_a_multiarch_folder() {
        let root = root();
        fs::write(
            root.path().join("etc/nsswitch.conf"),
            "hosts: files resolve dns\n",
        )
        .unwrap();
        assert!(!nsswitch(root.path()).seen().unwrap().resolve_library);
        let folder = root
            .path()
            .join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libnss_resolve.so.2"), "").unwrap();
        assert!(nsswitch(root.path()).seen().unwrap().resolve_library);
    }
}
