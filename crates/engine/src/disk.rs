//! What the engine asks of a disk: a handful of calls, each of which may fail, and
//! none of which is on the disk before it was synced.
//!
//! It is a trait so that a test can put a fault between any two of them, and can
//! lose what was written and not synced, as a power cut does.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The journals and `held.json` of one state folder.
pub(crate) trait Disk {
    /// The numbers of the journals that there are, in order.
    fn numbers(&self) -> io::Result<Vec<u64>>;

    /// What the journal holds; an error of kind `InvalidData` if that is more than
    /// `limit` bytes.
    fn read_journal(&self, number: u64, limit: usize) -> io::Result<Vec<u8>>;

    /// Makes a journal; an error if it is there.
    fn create_journal(&self, number: u64) -> io::Result<Box<dyn JournalFile>>;

    /// Opens a journal for writing.
    fn open_journal(&self, number: u64) -> io::Result<Box<dyn JournalFile>>;

    /// Takes a journal away again that could not be written whole.
    fn remove_journal(&self, number: u64) -> io::Result<()>;

    /// Puts on the disk which journals there are.
    fn sync_journals(&self) -> io::Result<()>;

    /// What `held.json` holds; none if it is not there.
    fn read_held(&self, limit: usize) -> io::Result<Option<Vec<u8>>>;

    /// Writes what is to become `held.json` to a file beside it, as `write` writes it.
    fn write_held(
        &self,
        write: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()>;

    /// Puts that file in the place of `held.json`.
    fn rename_held(&self) -> io::Result<()>;

    /// Where the journal is.
    fn journal_path(&self, number: u64) -> PathBuf;

    /// Where `held.json` is.
    fn held_path(&self) -> PathBuf;
}

/// That the journals could not be listed.
pub(crate) fn unlisted(disk: &dyn Disk, source: io::Error) -> Error {
    let first = disk.journal_path(1);
    Error::File {
        operation: "list",
        path: first
            .parent()
            .map_or_else(|| first.clone(), Path::to_path_buf),
        source,
    }
}

/// A journal that is open for writing.
pub(crate) trait JournalFile {
    /// Writes all of `bytes` at `offset`.
    fn write_at(&mut self, bytes: &[u8], offset: usize) -> io::Result<()>;

    /// Puts on the disk what was written.
    fn sync(&mut self) -> io::Result<()>;
}
