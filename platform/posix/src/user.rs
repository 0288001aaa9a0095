//! Who runs netprof, and on whose behalf.

use std::path::PathBuf;

use netprof_model::user::User as Invoking;
use nix::unistd::{Uid, User, geteuid};

/// Whether this process may change the network and write netprof's state.
///
/// The state folder and the bus ask for root; inside a user namespace its root is
/// enough, since the network there is its own.
#[must_use]
pub fn may_change() -> bool {
    geteuid().is_root()
}

/// The user as whom this runs.
#[must_use]
pub fn effective() -> u32 {
    geteuid().as_raw()
}

/// The home folder of the person on whose behalf this runs: under sudo, doas or
/// pkexec the one who called it, whose dotfiles hold the profiles.
///
/// `variable` reads an environment variable.
#[must_use]
pub fn home(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if !geteuid().is_root() {
        return variable("HOME").map(PathBuf::from);
    }
    match caller(&variable) {
        Some(caller) => Some(caller.dir),
        None => variable("HOME").map(PathBuf::from),
    }
}

/// The person on whose behalf this runs: the one who called sudo, doas or pkexec, else the
/// one whose process this is. None where the list of users does not have them.
#[must_use]
pub fn invoking() -> Option<Invoking> {
    let variable = |name: &str| std::env::var(name).ok();
    let own = geteuid();
    let caller = own.is_root().then(|| caller(&variable)).flatten();
    of(caller.or_else(|| User::from_uid(own).ok().flatten())?)
}

/// Whoever this runs as, and nobody else on whose behalf. None where the list of users does
/// not have them.
#[must_use]
pub fn own() -> Option<Invoking> {
    of(User::from_uid(geteuid()).ok().flatten()?)
}

/// The user of that name; none where the list of users does not have them.
#[must_use]
pub fn named(name: &str) -> Option<Invoking> {
    of(User::from_name(name).ok().flatten()?)
}

fn of(found: User) -> Option<Invoking> {
    Some(Invoking {
        name: found.name,
        uid: found.uid.as_raw(),
        gid: found.gid.as_raw(),
        home: found.dir.into_os_string().into_string().ok()?,
    })
}

/// Who called sudo, doas or pkexec.
fn caller(variable: &impl Fn(&str) -> Option<String>) -> Option<User> {
    let by_number = ["SUDO_UID", "PKEXEC_UID"]
        .into_iter()
        .find_map(|name| variable(name)?.parse().ok())
        .and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
    // doas(1) gives a name and no number.
    by_number.or_else(|| User::from_name(&variable("DOAS_USER")?).ok().flatten())
}
