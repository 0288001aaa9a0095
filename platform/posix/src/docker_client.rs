//! The Docker client's `config.json`, which may hold passwords: of registries, and of the
//! proxies that netprof has it name.
//!
//! It is in `~/.docker`, unless `$DOCKER_CONFIG` of its user says another folder, which
//! netprof does not know when it runs as root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use netprof_engine::Mode;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::{PROXIES, READABLE};
use netprof_model::user::User;
use netprof_model::{Section, State};

use crate::{files, members, rights};

/// Nobody else's business, as the client itself makes it.
const MODE: u32 = 0o600;

/// What lets others read a file.
const OTHERS_READ: u32 = 0o044;

/// The client's file of `user`, behind all symbolic links. It need not be there.
#[must_use]
pub fn path(root: &Path, user: &User) -> String {
    let home = user.home.trim_end_matches('/');
    let path = format!("{home}/.docker/config.json");
    files::real_of(root, &path, user).unwrap_or(path)
}

/// What of the file at `path` is netprof's business.
#[must_use]
pub fn observe(root: &Path, path: &str) -> Section<Dictionary> {
    let mut holds = members::observe(root, path, &[PROXIES]);
    if let Section::Seen(all) = &mut holds
        && is_readable(root, path)
    {
        all.insert(READABLE.to_owned(), Value::Boolean(true));
    }
    holds
}

/// Whether others may read it. What cannot be asked is no place for a password, either.
fn is_readable(root: &Path, path: &str) -> bool {
    let place = files::below(root, path);
    let metadata = rights::along(&place, || fs::symlink_metadata(&place)).flatten();
    metadata.map_or(true, |found| found.mode() & OTHERS_READ != 0)
}

/// Puts `after` to where `before` is. A password goes nowhere where others may read it since
/// it was looked at; on the way back it is one that was there before.
///
/// # Errors
///
/// Why not, in words.
pub fn put(
    root: &Path,
    path: &str,
    (before, after): (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    let known = before.and_then(State::settings);
    let is_new = known.is_some_and(|all| !all.contains_key(READABLE)) && is_readable(root, path);
    if mode == Mode::Forward && is_new && after.is_some_and(has_password) {
        return Err(format!(
            "{path}: others may read it since it was looked at, and it would hold a password"
        ));
    }
    let (before, after) = (before.map(of_file), after.map(of_file));
    let sides = (before.as_ref(), after.as_ref());
    members::put_as::<members::Json>(root, path, &[PROXIES], sides, mode, MODE)
}

fn has_password(state: &State) -> bool {
    *state.redacted() != *state
}

/// Without what is no member of the file.
fn of_file(state: &State) -> State {
    let mut all = state.settings().cloned().unwrap_or_default();
    all.remove(READABLE);
    State::Settings(all)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PATH: &str = "/home/config.json";

    fn settings(member: Option<&str>, others: bool) -> State {
        let mut all = Dictionary::new();
        let text = |text: &str| Value::String(text.to_owned());
        all.extend(member.map(|member| (PROXIES.to_owned(), text(member))));
        if others {
            let others = netprof_model::settings::OTHERS.to_owned();
            all.insert(others, Value::Boolean(true));
        }
        State::Settings(all)
    }

    #[test]
    fn a_new_file_is_its_owners_and_goes_again() {
        let root = tempfile::tempdir().unwrap();
        let place = files::below(root.path(), PATH);
        let made = settings(Some("{\"default\": {}}"), false);
        put(root.path(), PATH, (None, Some(&made)), Mode::Forward).unwrap();
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, MODE);
        let seen = observe(root.path(), PATH);
        assert_eq!(seen.seen(), made.settings());
        put(root.path(), PATH, (Some(&made), None), Mode::Forward).unwrap();
        assert!(!place.exists());
        assert_eq!(observe(root.path(), PATH), Section::Absent);
    }

    #[test]
    fn what_others_may_read_is_said_and_every_other_byte_stays() {
        let root = tempfile::tempdir().unwrap();
        let place = files::below(root.path(), PATH);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let text = "{\n\t\"auths\": {\"h\": {}},\r\n\t\"psFormat\":\"x\"}\n";
        fs::write(&place, text).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).unwrap();
        let before = State::Settings(observe(root.path(), PATH).seen().unwrap().clone());
        let is_said = |state: &State| state.settings().unwrap().contains_key(READABLE);
        assert!(is_said(&before));
        let after = settings(Some("{}"), true);
        put(
            root.path(),
            PATH,
            (Some(&before), Some(&after)),
            Mode::Forward,
        )
        .unwrap();
        assert!(
            fs::read_to_string(&place)
                .unwrap()
                .contains("\"proxies\":{}")
        );
        put(root.path(), PATH, (Some(&after), Some(&before)), Mode::Back).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), text);
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn no_password_is_written_to_what_others_may_read_since() {
        let root = tempfile::tempdir().unwrap();
        let place = files::below(root.path(), PATH);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let bits = |bits| fs::set_permissions(&place, fs::Permissions::from_mode(bits)).unwrap();
        fs::write(&place, "{\"auths\": {}}").unwrap();
        bits(0o600);
        let before = State::Settings(observe(root.path(), PATH).seen().unwrap().clone());
        bits(0o644);
        let put = |after: &State| {
            let sides = (Some(&before), Some(after));
            put(root.path(), PATH, sides, Mode::Forward)
        };
        let proxy = |url| settings(Some(&format!("{{\"httpProxy\": \"{url}\"}}")), true);
        let refused = put(&proxy("http://me:s3cret@proxy:1")).unwrap_err();
        assert!(refused.contains("others may read"), "{refused}");
        assert!(!fs::read_to_string(&place).unwrap().contains("s3cret"));
        put(&proxy("http://proxy:1")).unwrap();
    }
}
