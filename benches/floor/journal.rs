//! A journal as docs/journal.md has it, of bytes that mean nothing: as many writes, of
//! the same sizes, with the same syncs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Header, intent and room for the later records, for a small plan.
const INTENT: [u8; 8192] = [b'j'; 8192];
const RECORD: [u8; 18] = [b'c'; 18];
const RECORD_AT: u64 = 4096;
/// `held.json` with five resources held, and with none.
const HELD: [u8; 2126] = [b' '; 2126];
const NOTHING_HELD: [u8; 51] = [b' '; 51];

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

/// Puts the intent on the disk: the file, and that there is one.
pub(crate) fn begin(state: &Path) -> io::Result<File> {
    let folder = state.join("journal");
    let number = std::process::id();
    let journal = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(folder.join(format!("{number:06}")))?;
    journal.write_all_at(&INTENT, 0)?;
    journal.sync_data()?;
    File::open(folder)?.sync_all()?;
    Ok(journal)
}

/// Puts on the disk that it is done, and writes down what is held.
pub(crate) fn commit(state: &Path, journal: &File, holds: bool) -> io::Result<()> {
    journal.write_all_at(&RECORD, RECORD_AT)?;
    journal.sync_data()?;
    let held: &[u8] = if holds { &HELD } else { &NOTHING_HELD };
    let new = state.join("held.json.new");
    fs::write(&new, held)?;
    fs::rename(new, state.join("held.json"))
}
