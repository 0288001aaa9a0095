//! A journal as docs/journal.md has it, of bytes that mean nothing: as many writes, with
//! the same syncs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const RECORD: [u8; 18] = [b'c'; 18];
const RECORD_AT: u64 = 512;

/// How many bytes a transaction leaves.
#[derive(Clone, Copy)]
pub(crate) struct Bytes {
    /// Header, intent and room for the later records.
    pub(crate) journal: usize,
    /// `held.json` while something is held.
    pub(crate) held: usize,
}

impl Bytes {
    /// For the two rules, two routes and the names of the small profile.
    pub(crate) const OF_OFFICE: Self = Self {
        journal: 8192,
        held: 2126,
    };
    /// With nothing held.
    const OF_NOTHING: usize = 51;

    /// For many routes that are alike: what each of them has alone (docs/journal.md, Runs).
    /// In a journal that is a number, a key and, where a profile is the reason, a place in
    /// it; in `held.json` the key.
    pub(crate) fn of_routes(count: usize, is_of_profile: bool) -> Self {
        const KEY: usize = 62;
        const NUMBER: usize = 23;
        const PLACE: usize = 24;
        let each = KEY + NUMBER + if is_of_profile { PLACE } else { 0 };
        Self {
            // With a header, and room for the later records up to a whole page.
            journal: (512 + 512 + each * count + 2048).next_multiple_of(4096),
            held: 512 + KEY * count,
        }
    }
}

/// Takes the lock, and reads what is held.
pub(crate) fn lock(state: &Path) -> io::Result<File> {
    fs::create_dir_all(state.join("journal"))?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(state.join("lock"))?;
    lock.lock()?;
    (&lock).write_all(b"floor")?;
    let _ = fs::read(state.join("held.json"));
    Ok(lock)
}

/// The number of the newest journal; 0 if there is none.
fn newest(folder: &Path) -> io::Result<u64> {
    let mut newest = 0;
    for entry in fs::read_dir(folder)? {
        let number = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        newest = number.unwrap_or(0).max(newest);
    }
    Ok(newest)
}

/// Reads the newest journal: what is to be taken back stands in it, and nowhere else.
pub(crate) fn read_newest(state: &Path) -> io::Result<usize> {
    let folder = state.join("journal");
    let number = newest(&folder)?;
    fs::read(folder.join(format!("{number:06}"))).map(|bytes| bytes.len())
}

/// Puts the intent on the disk: the file, and that there is one.
pub(crate) fn begin(state: &Path, bytes: Bytes) -> io::Result<File> {
    let folder = state.join("journal");
    let number = newest(&folder)? + 1;
    let journal = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(folder.join(format!("{number:06}")))?;
    journal.write_all_at(&vec![b'j'; bytes.journal], 0)?;
    journal.sync_data()?;
    File::open(folder)?.sync_all()?;
    Ok(journal)
}

/// Puts on the disk that it is done, and writes down what is held.
pub(crate) fn commit(state: &Path, journal: &File, bytes: Bytes, holds: bool) -> io::Result<()> {
    journal.write_all_at(&RECORD, RECORD_AT)?;
    journal.sync_data()?;
    let size = if holds { bytes.held } else { Bytes::OF_NOTHING };
    let new = state.join("held.json.new");
    fs::write(&new, vec![b' '; size])?;
    fs::rename(new, state.join("held.json"))
}
