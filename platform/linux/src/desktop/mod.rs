//! What desktops go by: dconf for GNOME, a file of KConfig for KDE.
//!
//! Both belong to a person, and are reached with that person's rights. The databases of
//! dconf are read here and written by their service, which alone may ([`gvdb`],
//! [`gvariant`]); KDE's file is read and written here ([`kconfig`]).

pub mod gvariant;
pub mod gvdb;
pub mod kconfig;
pub mod kde;
pub mod profile;

#[cfg(target_os = "linux")]
mod dconf;
#[cfg(target_os = "linux")]
mod sessions;

#[cfg(target_os = "linux")]
use std::path::Path;

#[cfg(target_os = "linux")]
use netprof_model::file::{Content, FileState};
#[cfg(target_os = "linux")]
use netprof_posix::{files, rights};

#[cfg(target_os = "linux")]
pub(crate) use sessions::{gnome, kde, of, put_gnome, put_kde};

/// The content of a file, where it can be read.
#[cfg(target_os = "linux")]
fn content(root: &Path, path: &str) -> Option<Vec<u8>> {
    let path = files::below(root, path);
    match rights::along(&path, || files::read(&path)) {
        Ok(Ok(Some(FileState::Regular {
            content: Content(bytes),
            ..
        }))) => Some(bytes),
        _ => None,
    }
}
