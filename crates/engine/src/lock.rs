//! One command at a time: the lock of a state folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::error::Error;
use crate::files::open_plain;

/// The lock, held for as long as this lives. The kernel gives it up when the process
/// ends, however it ends.
#[derive(Debug)]
#[must_use = "the lock is given up when this is dropped"]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path`, and writes down there who has it.
    pub(crate) fn take(path: &Path, command: &str) -> Result<Self, Error> {
        let failed = |operation| {
            move |source| Error::File {
                operation,
                path: path.to_owned(),
                source,
            }
        };
        // Only its owner may open it: whoever can open a file can lock it, and could
        // keep every other command from running.
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let file = match open_plain(path, &options) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match options.clone().create_new(true).open(path) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        open_plain(path, &options)
                    }
                    other => other,
                }
            }
            other => other,
        }
        .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    path: path.to_owned(),
                    holder: holder(&file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        // For the message above only: nothing rests on it, so it is not synced.
        let line = format!("{} {}\n", std::process::id(), command.replace('\n', " "));
        file.set_len(0)
            .and_then(|()| file.write_all_at(line.as_bytes(), 0))
            .map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock, in the words that the process wrote there.
fn holder(mut file: &File) -> String {
    let mut bytes = Vec::new();
    // A process that has just taken it may not have written its line yet.
    let read = Read::take(&mut file, 512).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    match line.split_once(' ') {
        Some((pid, command)) if read.is_ok() => format!("process {pid}, {command}"),
        _ => "its process is not known".to_owned(),
    }
}
