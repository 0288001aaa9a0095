//! Members of a file that belongs to somebody else: a JSON object, or another list of names
//! with values.
//!
//! Few of them are netprof's business, and each is looked at by itself. The rest of the
//! file stays, byte for byte; so do its mode, its owner and what else it bears. That there
//! is a rest is noted, since a file goes with the last member only where there is none.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use netprof_engine::Mode;
use netprof_model::file::{Content, FileState};
use netprof_model::json_object::{self, JsonObject};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::OTHERS;
use netprof_model::{Section, State};

use crate::{files, rights};

/// How members stand in a file.
pub trait Format {
    /// The members `names`, each as the text of its value; and [`OTHERS`].
    ///
    /// # Errors
    ///
    /// Why it is no such file.
    fn members(content: &[u8], names: &[&str]) -> Result<Dictionary, String>;

    /// The file with the members `names` as in `all`, made of what is there.
    ///
    /// # Errors
    ///
    /// Why it is no such file.
    fn edited(content: Option<&[u8]>, names: &[&str], all: &Dictionary) -> Result<Vec<u8>, String>;
}

/// A JSON object.
pub struct Json;

impl Format for Json {
    fn members(content: &[u8], names: &[&str]) -> Result<Dictionary, String> {
        let object = JsonObject::parse(content).map_err(|error| error.to_string())?;
        let mut all = Dictionary::new();
        for name in names {
            if let Some(value) = object.get(name) {
                all.insert((*name).to_owned(), Value::String(value.to_owned()));
            }
        }
        if object.names().any(|name| !names.contains(&name)) {
            all.insert(OTHERS.to_owned(), Value::Boolean(true));
        }
        Ok(all)
    }

    fn edited(content: Option<&[u8]>, names: &[&str], all: &Dictionary) -> Result<Vec<u8>, String> {
        let object = content.map(JsonObject::parse).transpose();
        let object = object.map_err(|error| error.to_string())?;
        let text = object.as_ref().map_or(json_object::EMPTY, JsonObject::text);
        let value = |name: &str| all.get(name).and_then(Value::as_str);
        let changes = names.iter().map(|name| (*name, value(name)));
        let text = json_object::edited(text, changes).map_err(|error| error.to_string())?;
        Ok(text.into_bytes())
    }
}

/// The members `names` of the JSON file at `path`, each as the text of its value. Unreadable
/// with the reason where they could not be changed.
#[must_use]
pub fn observe(root: &Path, path: &str, names: &[&str]) -> Section<Dictionary> {
    observe_as::<Json>(root, path, names)
}

/// The same of a file of any format.
#[must_use]
pub fn observe_as<F: Format>(root: &Path, path: &str, names: &[&str]) -> Section<Dictionary> {
    let place = files::below(root, path);
    let read = rights::along(&place, || read(&place));
    match read.map_err(|error| error.to_string()).flatten() {
        Ok(None) => Section::Absent,
        Ok(Some(file)) => match F::members(&file.content, names) {
            Ok(all) => Section::Seen(all),
            Err(why) => Section::Unreadable(why),
        },
        Err(why) => Section::Unreadable(why),
    }
}

/// Makes the members `names` of the JSON file at `path` what they are in `after`, where they are
/// what they are in `before`.
///
/// # Errors
///
/// Why not, in words.
pub fn put(
    root: &Path,
    path: &str,
    names: &[&str],
    (before, after): (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    put_as::<Json>(root, path, names, (before, after), mode, 0o644)
}

/// The same of a file of any format. One that is made anew has these permission bits.
///
/// # Errors
///
/// Why not, in words.
pub fn put_as<F: Format>(
    root: &Path,
    path: &str,
    names: &[&str],
    sides: (Option<&State>, Option<&State>),
    mode: Mode,
    bits: u32,
) -> Result<(), String> {
    let place = files::below(root, path);
    let told = |why: String| format!("{path}: {why}");
    rights::along(&place, || change::<F>(&place, names, sides, mode, bits))
        .map_err(|error| error.to_string())
        .flatten()
        .map_err(told)
}

/// A file that may be replaced.
struct Replaceable {
    content: Vec<u8>,
    mode: u32,
    uid: u32,
    gid: u32,
}

fn read(place: &Path) -> Result<Option<Replaceable>, String> {
    let told = |error: std::io::Error| error.to_string();
    let Some(state) = files::read(place).map_err(told)? else {
        return Ok(None);
    };
    let FileState::Regular {
        content: Content(content),
        mode,
        uid,
        gid,
    } = state
    else {
        return Err("it is a symbolic link, which leads to what is not its owner's".to_owned());
    };
    // What replaces a file takes one of its names; the others would lead to the old one.
    let links = fs::symlink_metadata(place).map_err(told)?.nlink();
    if links > 1 {
        return Err(format!(
            "it has {links} names (hard links), and would have one then"
        ));
    }
    Ok(Some(Replaceable {
        content,
        mode,
        uid,
        gid,
    }))
}

fn change<F: Format>(
    place: &Path,
    names: &[&str],
    (before, after): (Option<&State>, Option<&State>),
    mode: Mode,
    bits: u32,
) -> Result<(), String> {
    let live = read(place)?;
    let content = live.as_ref().map(|live| &*live.content);
    let holds = content.map(|content| F::members(content, names));
    let holds = holds.transpose()?.map(State::Settings);
    if holds.as_ref() == after && mode == Mode::Back {
        files::settle(place);
        return Ok(());
    }
    if holds.as_ref() != before {
        return Err("it is not what it was: somebody else has changed it".to_owned());
    }
    let Some(after) = after else {
        return files::remove(place).map_err(|error| error.to_string());
    };
    let all = after.settings().ok_or("the change holds no settings")?;
    let edited = Content(F::edited(content, names, all)?);
    let state = match &live {
        Some(live) => FileState::Regular {
            content: edited,
            mode: live.mode,
            uid: live.uid,
            gid: live.gid,
        },
        None => FileState::Regular {
            content: edited,
            mode: bits,
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
        },
    };
    files::replace(place, &state).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
