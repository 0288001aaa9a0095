//! Which engines there are, where their files are, and what those say.

use std::collections::BTreeMap;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use netprof_model::Section;
use netprof_model::engine::{Engine, EngineDaemon, EngineKind, PROGRAMS};
use netprof_model::plist::Value;
use netprof_model::user::User;
use netprof_posix::{files, members, rights};

use super::dockerd::{self, Dockerd};

/// How long all daemons together may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Members of `daemon.json` that may not go together with what a profile says.
const BESIDE: [&str; 4] = ["bridge", "default-gateway", "fixed-cidr", "live-restore"];

/// netprof's own among the files that Podman reads in the order of their names.
const OWN: &str = "60-netprof.conf";

/// The machine's engines, and those of `user`, below `root`.
#[must_use]
pub fn observe(root: &Path, user: Option<&User>) -> Vec<Engine> {
    let end = Instant::now() + PATIENCE;
    // What root runs is the machine's.
    let person = user.filter(|user| user.uid != 0);
    let daemons = dockerd::running(root, person);
    let mut found = Vec::new();
    for whose in iter::once(None).chain(person.map(Some)) {
        let daemon = daemons.iter().find(|one| one.rootless == whose.is_some());
        found.extend(docker(root, whose, daemon, end));
        found.extend(podman(root, whose));
    }
    found
}

fn docker(
    root: &Path,
    whose: Option<&User>,
    daemon: Option<&Dockerd>,
    end: Instant,
) -> Option<Engine> {
    let config = match whose {
        None => "/etc".to_owned(),
        Some(user) => {
            let told = daemon.and_then(|daemon| daemon.config_home.clone());
            told.unwrap_or_else(|| format!("{}/.config", user.home))
        }
    };
    let default = format!("{config}/docker/daemon.json");
    let is_there = match whose {
        None => has_program(root, "dockerd"),
        // The first is what dockerd-rootless-setuptool.sh installs.
        Some(_) => {
            let service = format!("{config}/systemd/user/docker.service");
            is_any(root, &[service, default.clone()])
        }
    };
    if daemon.is_none() && !is_there {
        return None;
    }
    let told = daemon.and_then(|daemon| daemon.words.config_file.clone());
    let place = Place::of(root, told.as_ref().unwrap_or(&default), whose);
    let beside = match &place.unreachable {
        None => beside(root, &place.file),
        Some(_) => BTreeMap::new(),
    };
    Some(Engine {
        kind: EngineKind::Docker,
        user: whose.map(|user| user.name.clone()),
        file: place.file,
        unreachable: place.unreachable,
        beside,
        later: Vec::new(),
        daemon: daemon.map_or(Section::Absent, |daemon| {
            let (networks, containers) = dockerd::ask(root, daemon, whose, end);
            Section::Seen(EngineDaemon {
                pid: daemon.pid,
                flags: daemon.words.flags.clone(),
                networks,
                containers,
            })
        }),
    })
}

/// What of [`BESIDE`] is in a `daemon.json`. Why that cannot be read is said of its settings.
fn beside(root: &Path, file: &str) -> BTreeMap<String, String> {
    let Section::Seen(all) = members::observe(root, file, &BESIDE) else {
        return BTreeMap::new();
    };
    let members = all.into_iter().filter_map(|(name, value)| match value {
        Value::String(json) => Some((name, json)),
        _ => None,
    });
    members.collect()
}

fn podman(root: &Path, whose: Option<&User>) -> Option<Engine> {
    if !has_program(root, "podman") {
        return None;
    }
    let config = match whose {
        None => "/etc/containers".to_owned(),
        Some(user) => {
            let config = format!("{}/.config/containers", user.home);
            // The second is where what they run is kept. What is said for all is said for
            // them, too, so who has neither needs no file of their own.
            let kept = format!("{}/.local/share/containers", user.home);
            if !is_any(root, &[config.clone(), kept]) {
                return None;
            }
            config
        }
    };
    let place = Place::of(root, &format!("{config}/containers.conf.d/{OWN}"), whose);
    Some(Engine {
        kind: EngineKind::Podman,
        user: whose.map(|user| user.name.clone()),
        beside: BTreeMap::new(),
        later: later(root, &place.file),
        file: place.file,
        unreachable: place.unreachable,
        daemon: Section::Absent,
    })
}

/// The files that Podman reads after `own`, and that say where networks are cut from.
fn later(root: &Path, own: &str) -> Vec<String> {
    let place = files::below(root, own);
    let found = rights::along(&place, || {
        let entries = place.parent().map(fs::read_dir);
        let names = entries.into_iter().flatten().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let names = names.filter(|name| name.as_str() > OWN && name.ends_with(".conf"));
        let paths = names.map(|name| place.with_file_name(name));
        let mut found: Vec<PathBuf> = paths.filter(|path| says_subnets(path)).collect();
        found.sort();
        found
    });
    let paths = found.unwrap_or_default().into_iter();
    paths.map(|path| text(root, &path)).collect()
}

/// Whether a file of containers.conf(5), or the one that it leads to, has a key that
/// netprof's own has.
fn says_subnets(path: &Path) -> bool {
    let file = fs::canonicalize(path).and_then(|path| files::read(&path));
    let Ok(Some(file)) = file else {
        return false;
    };
    let text = file.lossy();
    let mut lines = text.lines().map(str::trim_start);
    lines.any(|line| {
        let line = line.strip_prefix("network.").unwrap_or(line);
        line.starts_with("default_subnet")
    })
}

fn has_program(root: &Path, name: &str) -> bool {
    let paths = PROGRAMS.map(|folder| format!("{folder}/{name}"));
    is_any(root, &paths)
}

fn is_any(root: &Path, paths: &[String]) -> bool {
    paths.iter().any(|path| files::below(root, path).exists())
}

/// Where an engine is told.
struct Place {
    file: String,
    unreachable: Option<String>,
}

impl Place {
    /// The file that `path` leads to. A person may name any file to a daemon of theirs:
    /// netprof, which is root, would write where they cannot.
    fn of(root: &Path, path: &str, whose: Option<&User>) -> Self {
        let found = match whose {
            _ if !path.starts_with('/') => Err(format!(
                "it was started with --config-file={path}, and where that is depends on where \
                 it was started"
            )),
            None => Ok(files::real(root, path)),
            Some(user) => files::real_of(root, path, user)
                .ok_or_else(|| format!("{path} does not lie in what is {}'s own", user.name)),
        };
        match found {
            Ok(file) => Self {
                file,
                unreachable: None,
            },
            Err(why) => Self {
                file: path.to_owned(),
                unreachable: Some(why),
            },
        }
    }
}

/// The path below `root`, as it is named there.
fn text(root: &Path, place: &Path) -> String {
    let below = place.strip_prefix(root).unwrap_or(place);
    let below = below.to_string_lossy();
    format!("/{}", below.trim_start_matches('/'))
}

#[cfg(test)]
mod tests;
