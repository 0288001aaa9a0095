//! Settings that lie among those of others: here, in the file of the Docker client alone.

use std::path::Path;

use netprof_engine::Mode;
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::user::User;
use netprof_model::{Section, State};
use netprof_plan::Need;
use netprof_posix::docker_client;

/// What `need` asks for, and what is of `user` where there is one.
pub(crate) fn observe(root: &Path, need: &Need, user: Option<&User>) -> Section<Vec<LiveSettings>> {
    let own = user.map(|user| Settings::DockerClient {
        user: user.name.clone(),
        path: docker_client::path(root, user),
    });
    let mut all: Vec<Settings> = own.into_iter().chain(need.settings.clone()).collect();
    all.sort();
    all.dedup();
    if all.is_empty() {
        return Section::Unread;
    }
    let live = all.into_iter().map(|settings| {
        let holds = match &settings {
            Settings::DockerClient { path, .. } => docker_client::observe(root, path),
            _ => Section::Absent,
        };
        LiveSettings::new(settings, holds)
    });
    Section::Seen(live.collect())
}

/// Puts `after` to where `before` is.
pub(crate) fn put(
    root: &Path,
    settings: &Settings,
    sides: (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    match settings {
        Settings::DockerClient { path, .. } => docker_client::put(root, path, sides, mode),
        other => Err(format!("macOS has no {other}")),
    }
}
