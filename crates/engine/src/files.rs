//! The state folder on a real file system.
//!
//! The folder belongs to the user who changes the network and nobody else may write
//! to it (see [`crate::folder`]), so no one can put a link in the way of a file.
//! The files are opened with the same care all the same: a new one exclusively,
//! which follows no link (open(2), O_EXCL), and an old one is compared with what
//! stands at its name. The standard library opens everything with O_CLOEXEC.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::disk::{Disk, JournalFile};

/// The state folder at a path.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    path: PathBuf,
}

impl Files {
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The folder of the journals.
    pub(crate) fn journals(&self) -> PathBuf {
        self.path.join("journal")
    }

    fn new_held(&self) -> PathBuf {
        self.path.join("held.json.new")
    }
}

impl Disk for Files {
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(self.journals())? {
            numbers.extend(entry?.file_name().to_str().and_then(number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read_journal(&self, number: u64, limit: usize) -> io::Result<Vec<u8>> {
        let path = self.journal_path(number);
        read(&open_plain(&path, OpenOptions::new().read(true))?, limit)
    }

    fn create_journal(&self, number: u64) -> io::Result<Box<dyn JournalFile>> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.journal_path(number))?;
        Ok(Box::new(file))
    }

    fn open_journal(&self, number: u64) -> io::Result<Box<dyn JournalFile>> {
        let path = self.journal_path(number);
        let file = open_plain(&path, OpenOptions::new().write(true))?;
        Ok(Box::new(file))
    }

    fn remove_journal(&self, number: u64) -> io::Result<()> {
        fs::remove_file(self.journal_path(number))
    }

    fn sync_journals(&self) -> io::Result<()> {
        File::open(self.journals())?.sync_all()
    }

    fn read_held(&self, limit: usize) -> io::Result<Option<Vec<u8>>> {
        match open_plain(&self.held_path(), OpenOptions::new().read(true)) {
            Ok(file) => read(&file, limit).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write_held(
        &self,
        write: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let path = self.new_held();
        let create = || {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o644)
                .open(&path)
        };
        let file = match create() {
            // A crash left it behind.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path)?;
                create()?
            }
            other => other?,
        };
        let mut buffered = BufWriter::with_capacity(64 << 10, &file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        // Every user may read it, whatever the umask of this process is.
        file.set_permissions(Permissions::from_mode(0o644))
    }

    fn rename_held(&self) -> io::Result<()> {
        // No sync, neither of the file nor of the folder: whatever a power cut makes
        // of it (the old file, an empty one, zeros), it is then seen to be old or
        // broken and derived anew from the journals, which are synced.
        fs::rename(self.new_held(), self.held_path())
    }

    fn journal_path(&self, number: u64) -> PathBuf {
        self.journals().join(format!("{number:06}"))
    }

    fn held_path(&self) -> PathBuf {
        self.path.join("held.json")
    }
}

impl JournalFile for File {
    fn write_at(&mut self, bytes: &[u8], offset: usize) -> io::Result<()> {
        self.write_all_at(bytes, offset as u64)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The number that a journal's name stands for; none if it is no journal.
fn number(name: &str) -> Option<u64> {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    let number = name.parse().ok().filter(|number| *number > 0)?;
    (digits && name == format!("{number:06}")).then_some(number)
}

fn read(file: &File, limit: usize) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(limit).min(limit));
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is longer than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// Opens the plain file at `path`: no link is followed, and no device is opened.
///
/// The standard library has no O_NOFOLLOW, so what was opened is compared with what
/// stands at the name. That it is opened at all before the comparison costs nothing:
/// no option here truncates.
pub(crate) fn open_plain(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let not_plain = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file");
    let named = fs::symlink_metadata(path)?;
    if !named.is_file() {
        return Err(not_plain());
    }
    let file = options.open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return Err(not_plain());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_netprof_gives_is_a_journal() {
        assert_eq!(number("000001"), Some(1));
        assert_eq!(number("1000000"), Some(1_000_000));
        for other in [
            "",
            "1",
            "000000",
            "0000001",
            "+00001",
            "00001a",
            "000001.new",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
