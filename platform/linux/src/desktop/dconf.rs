//! The user's dconf database: read as a file, written by its service.
//!
//! dconf's service has the values in its memory and replaces the file by all of them, so
//! only it may write: one call with all changes of one transaction, and the file is new
//! before the answer (dconf-writer.c). It looks at no lock; that is left to who calls.
//!
//! The file says what is set. What a key is that is not set comes from elsewhere, and is
//! nobody's business here: a rollback leaves it unset.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use netprof_engine::Mode;
use netprof_model::file::FileState;
use netprof_model::plist::Dictionary;
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::user::User;
use netprof_model::{Section, State};
use netprof_plan::linux::desktop::gnome::{DATABASE, FOLDER, KEYS};
use netprof_posix::{files, rights};

use super::content;
use super::gvariant;
use super::gvdb::Table;
use super::profile::Profile;
use crate::bus::{Answer, BUS, Bus, Exchange, Failure, Object, value};

const SERVICE: &str = "ca.desrt.dconf";
const NAME: &str = "dconf-service";

/// Whether the user has a database, or what may be one.
pub(super) fn is_there(root: &Path, user: &User) -> bool {
    !matches!(read(root, user), Ok(None))
}

/// What is set below `/system/proxy/`; absent where there is no database.
pub(super) fn observe(root: &Path, user: &User) -> LiveSettings {
    let settings = Settings::Gnome {
        user: user.name.clone(),
    };
    let holds = match read(root, user) {
        Ok(holds) => holds.map_or(Section::Absent, Section::Seen),
        Err(why) => Section::Unreadable(why),
    };
    LiveSettings {
        locked: locked(root, &profile(root, user)),
        unreachable: without_session(root, user),
        ..LiveSettings::new(settings, holds)
    }
}

/// Makes what is set what it is in `after`, where it is what it is in `before`.
pub(super) fn put(
    root: &Path,
    user: &User,
    (before, after): (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    let live = read(root, user)?.map(State::Settings);
    if live.as_ref() == after && mode == Mode::Back {
        return Ok(());
    }
    if live.as_ref() != before {
        return Err("it is not what it was: somebody else has changed it".to_owned());
    }
    let none = Dictionary::new();
    let settings = |state: Option<&State>| match state {
        None => Ok(none.clone()),
        Some(State::Settings(all)) => Ok(all.clone()),
        Some(_) => Err("the change holds no settings"),
    };
    let (before, after) = (settings(before)?, settings(after)?);
    let impossible = "dconf has no such values";
    let there = turn(&before, &after).ok_or(impossible)?;
    let back = turn(&after, &before).ok_or(impossible)?;
    let mut exchange = Exchange::open(Bus::User(user.uid), None).map_err(words)?;
    let database = database(root, user)?;
    is_its_own(&mut exchange, user, &database)?;
    let back = (mode == Mode::Forward).then_some(back);
    tell(&mut exchange, &database, there, back)
}

/// What leads from one dictionary to the other.
fn turn(from: &Dictionary, to: &Dictionary) -> Option<Vec<u8>> {
    let changed = KEYS.iter().filter(|key| from.get(**key) != to.get(**key));
    let changes: BTreeMap<_, _> = changed
        .map(|key| (format!("{FOLDER}{key}"), to.get(*key).cloned()))
        .collect();
    gvariant::changes(&changes)
}

fn words(failure: Failure) -> String {
    failure.words(NAME)
}

/// Has the service make changes. One that takes too long makes them yet, and then it shall
/// take them `back`: it does what it is told in that order.
fn tell(
    exchange: &mut Exchange,
    database: &Path,
    changes: Vec<u8>,
    back: Option<Vec<u8>>,
) -> Result<(), String> {
    let name = database.file_name().and_then(OsStr::to_str);
    let writer = Object {
        service: SERVICE,
        path: &format!("/ca/desrt/dconf/Writer/{}", name.unwrap_or_default()),
        interface: "ca.desrt.dconf.Writer",
    };
    let answer = exchange.call_one(writer.call("Change", &(changes,)));
    if let (Err(Failure::NoAnswer), Some(back)) = (&answer, back) {
        exchange.tell(writer.call("Change", &(back,)));
    }
    answer.map(drop).map_err(words)
}

/// Whether the service, started if it does not run, keeps its databases where the user's
/// was read.
fn is_its_own(exchange: &mut Exchange, user: &User, database: &Path) -> Result<(), String> {
    let folder = service_folder(exchange, user).map_err(words)?;
    if folder.as_deref() == database.parent() {
        return Ok(());
    }
    let folder = folder.map_or("another folder".to_owned(), |it| it.display().to_string());
    Err(format!(
        "{NAME} keeps its databases in {folder}, and {} is none of them",
        database.display()
    ))
}

/// The folder that the service keeps its databases in. Its environment says so, which may
/// be another than the user has elsewhere.
fn service_folder(exchange: &mut Exchange, user: &User) -> Answer<Option<PathBuf>> {
    let service = Object {
        service: SERVICE,
        path: "/ca/desrt/dconf",
        interface: "org.freedesktop.DBus.Peer",
    };
    let ping = service.call("Ping", &()).map(|call| call.starting());
    exchange.call_one(ping)?;
    let answer = exchange.call_one(BUS.call("GetConnectionUnixProcessID", &(SERVICE,)))?;
    let pid: u32 = value(&answer)?;
    let environment = || fs::read(format!("/proc/{pid}/environ"));
    let environment = rights::of(user.uid, user.gid, environment).flatten();
    let environment = environment.unwrap_or_default();
    let variable = |name: &str| {
        let mut all = environment.split(|byte| *byte == 0);
        all.find_map(|one| one.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
            .filter(|value| value.starts_with(b"/"))
            .map(|value| PathBuf::from(OsStr::from_bytes(value)))
    };
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    Ok(config.map(|config| config.join("dconf")))
}

/// What is set; none where there is no database.
fn read(root: &Path, user: &User) -> Result<Option<Dictionary>, String> {
    let path = database(root, user)?;
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let state = rights::along(&path, || files::read(&path)).flatten();
    let bytes = match state.map_err(told)? {
        None => return Ok(None),
        Some(FileState::Regular { content, .. }) => content.0,
        // Its service would put a file in its place.
        Some(FileState::Symlink { .. }) => {
            return Err(format!("{} is a symbolic link", path.display()));
        }
    };
    let table =
        Table::of(&bytes).ok_or_else(|| format!("{} is no database of dconf's", path.display()))?;
    let set = KEYS.into_iter().filter_map(|key| {
        let variant = table.get(&format!("{FOLDER}{key}"))?;
        let value = gvariant::value(variant, table.is_big_endian());
        Some((key.to_owned(), value))
    });
    Ok(Some(set.collect()))
}

/// The file of the user's database.
fn database(root: &Path, user: &User) -> Result<PathBuf, String> {
    let name = profile(root, user)
        .user
        .ok_or("its dconf profile begins with no database of the user's: nothing is kept there")?;
    let usual = files::below(root, &user.home).join(DATABASE);
    Ok(usual.with_file_name(name))
}

/// The user's profile. `DCONF_PROFILE` is a matter of each program, and not looked at.
fn profile(root: &Path, user: &User) -> Profile {
    let of_user = [
        format!("/run/dconf/user/{}", user.uid),
        format!("/run/user/{}/dconf/profile", user.uid),
    ];
    let folders = ["/etc", "/usr/local/share", "/usr/share"];
    let shared = folders.map(|folder| format!("{folder}/dconf/profile/user"));
    let mut places = of_user.into_iter().chain(shared);
    let text = places.find_map(|path| content(root, &path));
    text.map_or_else(Profile::default, |text| {
        Profile::parse(&String::from_utf8_lossy(&text))
    })
}

/// The keys that a database of the system has locked.
fn locked(root: &Path, profile: &Profile) -> Vec<String> {
    let mut locked = Vec::new();
    for name in &profile.system {
        let bytes = content(root, &format!("/etc/dconf/db/{name}")).unwrap_or_default();
        let locks = Table::of(&bytes).and_then(|table| table.table(".locks"));
        let Some(locks) = locks else { continue };
        let is_locked = |key: &&str| locks.get(&format!("{FOLDER}{key}")).is_some();
        locked.extend(
            KEYS.into_iter()
                .filter(|key| is_locked(key))
                .map(str::to_owned),
        );
    }
    locked
}

/// Why nobody can be told, where the user has no session: a bus for it comes with the first
/// and goes with the last.
fn without_session(root: &Path, user: &User) -> Option<String> {
    let bus = format!("/run/user/{}/bus", user.uid);
    let is_there = files::below(root, &bus).exists();
    (!is_there).then(|| format!("{} has no session: {bus} is not there", user.name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bus::played::greeted;

    #[test]
    fn a_service_that_takes_too_long_is_told_to_take_it_back() {
        let (mut exchange, bus) = greeted(|mut bus| {
            let (first, member) = bus.call();
            assert_eq!(member, "Change");
            // It is asked nothing more until the time is over.
            let (second, member) = bus.call();
            assert_eq!(member, "Change");
            assert!(second > first);
        });
        exchange.own_name().unwrap();
        exchange.give(Duration::from_millis(60));
        let database = Path::new("/home/me/.config/dconf/user");
        let told = tell(&mut exchange, database, vec![1], Some(vec![2]));
        assert!(told.unwrap_err().contains("did not answer"));
        bus.join().unwrap();
    }
}
