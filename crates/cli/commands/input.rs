//! Files that a command is given: read with care, since anything may stand there.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use netprof_model::Diagnostic;

/// The largest file that is read, in bytes: a snapshot with a million routes.
const LIMIT: u64 = 512 << 20;

/// The text of the file at `path`.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    let wrong = |why: String| {
        Diagnostic::error(
            "file::unreadable",
            format!("cannot read {}: {why}", path.display()),
        )
    };
    // Opening a FIFO waits for a writer, so what it is comes first.
    let about = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !about.is_file() {
        return Err(wrong("it is not a plain file".to_owned()));
    }
    if about.len() > LIMIT {
        return Err(wrong(format!("it is larger than {} MiB", LIMIT >> 20)));
    }
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .map_err(|error| wrong(error.to_string()))?;
    Ok(text)
}

/// Writes `text` to the file at `path`.
pub fn write(path: &Path, text: &str) -> Result<(), Diagnostic> {
    std::fs::write(path, text).map_err(|error| {
        Diagnostic::error(
            "file::unwritable",
            format!("cannot write {}: {error}", path.display()),
        )
    })
}

/// The JSON of `text`, which was read from `path`; `what` says what it should be, and `anew`
/// writes one.
pub fn json<T: serde::de::DeserializeOwned>(
    path: &Path,
    text: &str,
    what: &str,
    anew: &str,
) -> Result<T, Diagnostic> {
    serde_json::from_str(text).map_err(|error| {
        Diagnostic::error(
            "file::malformed",
            format!("{} is no {what}: {error}", path.display()),
        )
        .help(format!("write one with: {anew}"))
    })
}
