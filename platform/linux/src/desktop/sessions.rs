//! The desktops of a user, and those that are held.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use netprof_engine::Mode;
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::user::User;
use netprof_model::{Section, State};
use netprof_plan::linux::desktop::kde::{FILE, GLOBALS, GROUP, KEYS};
use netprof_posix::{files, members, rights, user};

use super::content;
use super::dconf;
use super::kconfig::Group;
use super::kde::KConfig;
use crate::bus::{Answer, BUS, Bus, Exchange};
use crate::dbus::Call;

/// Where an administrator says what holds for all users, and may lock it.
const OF_SYSTEM: &str = "/etc/xdg/kioslaverc";

/// The permission bits of a file that KConfig makes.
const BITS: u32 = 0o600;

/// What there is of the desktops that `user` has.
pub(crate) fn of(user: &User) -> impl Iterator<Item = Settings> {
    let root = Path::new("/");
    let gnome = dconf::is_there(root, user).then(|| Settings::Gnome {
        user: user.name.clone(),
    });
    let kde = kde_file(root, user).map(|path| Settings::Kde {
        user: user.name.clone(),
        path,
    });
    gnome.into_iter().chain(kde)
}

/// What GNOME of the user of that name goes by.
pub(crate) fn gnome(name: String) -> LiveSettings {
    match user::named(&name) {
        Some(user) => dconf::observe(Path::new("/"), &user),
        None => {
            let holds = Section::Unreadable(no_user(&name));
            LiveSettings::new(Settings::Gnome { user: name }, holds)
        }
    }
}

fn no_user(name: &str) -> String {
    format!("there is no user {name}")
}

/// Makes what GNOME goes by what it is in the second of `sides`, from the first.
///
/// # Errors
///
/// Why not, in words.
pub(crate) fn put_gnome(
    name: &str,
    sides: (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    let user = user::named(name).ok_or_else(|| no_user(name))?;
    dconf::put(Path::new("/"), &user, sides, mode)
}

/// The same of KDE's file at `path`.
///
/// # Errors
///
/// Why not, in words.
pub(crate) fn put_kde(
    path: &str,
    sides: (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    let root = Path::new("/");
    members::put_as::<KConfig>(root, path, &KEYS, sides, mode, BITS)?;
    announce(root, path);
    Ok(())
}

/// The file of a user's KDE, behind all symbolic links that are theirs. It need not be there
/// where a session of KDE's has ever been.
fn kde_file(root: &Path, user: &User) -> Option<String> {
    let home = user.home.trim_end_matches('/');
    let path = format!("{home}/{FILE}");
    let is_there = |path: &str| {
        let place = files::below(root, path);
        rights::along(&place, || fs::symlink_metadata(&place)).is_ok_and(|found| found.is_ok())
    };
    if !is_there(&path) && !is_there(&format!("{home}/{GLOBALS}")) {
        return None;
    }
    files::real_of(root, &path, user)
}

/// What KDE's file of `user` at `path` holds.
pub(crate) fn kde(user: String, path: String) -> LiveSettings {
    let root = Path::new("/");
    let holds = members::observe_as::<KConfig>(root, &path, &KEYS);
    let mut locked = Vec::new();
    for file in [OF_SYSTEM, &path] {
        let content = content(root, file).unwrap_or_default();
        let group = Group::of(&content, GROUP);
        locked.extend(KEYS.into_iter().filter(|key| group.is_locked(key)));
    }
    LiveSettings {
        locked: locked.into_iter().map(str::to_owned).collect(),
        ..LiveSettings::new(Settings::Kde { user, path }, holds)
    }
}

/// Tells running programs of KDE's that the file is another, as its own settings do. Whoever
/// does not hear it reads the file when it starts; so that nobody could be told is no
/// failure.
fn announce(root: &Path, path: &str) {
    let file = files::below(root, path);
    let folder = file.parent().and_then(|folder| fs::metadata(folder).ok());
    if let Some(folder) = folder {
        let _ = signal(folder.uid());
    }
}

fn signal(uid: u32) -> Answer<()> {
    let mut exchange = Exchange::open(Bus::User(uid), None)?;
    let changed = Call::signal(
        "/KIO/Scheduler",
        "org.kde.KIO.Scheduler",
        "reparseSlaveConfiguration",
        &("",),
    );
    exchange.tell(changed.map_err(Into::into));
    // The bus answers in the order in which it was asked, so it has passed that on.
    exchange.call_one(BUS.call("GetId", &())).map(drop)
}
