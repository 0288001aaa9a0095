//! Settings that lie among those of others: who keeps which.

use std::path::Path;

use netprof_engine::Mode;
use netprof_model::engine::{BIP, DEFAULT_ADDRESS_POOLS};
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::user::User;
use netprof_model::{Section, State};
use netprof_plan::Need;
use netprof_posix::{docker_client, members};

use crate::{desktop, service_manager};

/// The members of Docker's `daemon.json` that netprof may touch.
const OF_DOCKER_DAEMON: [&str; 2] = [BIP, DEFAULT_ADDRESS_POOLS];

/// What `need` asks for, and what belongs to the session of `user` where it asks for that.
pub(crate) fn observe(need: &Need, user: Option<&User>) -> Section<Vec<LiveSettings>> {
    let session = user.filter(|_| need.session).map(of_session);
    let mut all: Vec<Settings> = session.into_iter().flatten().collect();
    all.extend(need.settings.iter().cloned());
    all.sort();
    all.dedup();
    if all.is_empty() && !need.session {
        return Section::Unread;
    }
    Section::Seen(all.into_iter().map(live).collect())
}

fn of_session(user: &User) -> impl Iterator<Item = Settings> {
    let own = [
        Settings::DockerClient {
            user: user.name.clone(),
            path: docker_client::path(Path::new("/"), user),
        },
        Settings::Environment {
            user: user.name.clone(),
        },
    ];
    own.into_iter().chain(desktop::of(user))
}

fn live(settings: Settings) -> LiveSettings {
    let holds = match &settings {
        Settings::DockerDaemon { path } => {
            members::observe(Path::new("/"), path, &OF_DOCKER_DAEMON)
        }
        Settings::DockerClient { path, .. } => docker_client::observe(Path::new("/"), path),
        Settings::Environment { user } => service_manager::observe(user),
        Settings::Kde { user, path } => return desktop::kde(user.clone(), path.clone()),
        Settings::Gnome { user } => return desktop::gnome(user.clone()),
    };
    LiveSettings::new(settings, holds)
}

/// Puts `after` to where `before` is.
pub(crate) fn put(
    settings: &Settings,
    sides: (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    match settings {
        Settings::DockerDaemon { path } => {
            members::put(Path::new("/"), path, &OF_DOCKER_DAEMON, sides, mode)
        }
        Settings::DockerClient { path, .. } => {
            docker_client::put(Path::new("/"), path, sides, mode)
        }
        Settings::Environment { user } => service_manager::put(user, sides, mode),
        Settings::Kde { path, .. } => desktop::put_kde(path, sides, mode),
        Settings::Gnome { user } => desktop::put_gnome(user, sides, mode),
    }
}
