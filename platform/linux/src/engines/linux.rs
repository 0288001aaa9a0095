//! Which engines there are, where their files are, and what those say.

use std::collections::BTreeMap;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use netprof_model::Section;
use netprof_model::engine::{Engine, EngineDaemon, EngineKind};
use netprof_model::plist::Value;
use netprof_model::user::User;
use netprof_posix::{files, members, rights};

use super::dockerd::{self, Dockerd};

/// How long all daemons together may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where packages put programs.
const PROGRAMS: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

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
    let told = daemon.and_then(|daemon| daemon.words.config_file.as_ref());
    let told = told.and_then(|told| own(root, told, whose));
    let file = told.or_else(|| own(root, &default, whose))?;
    let beside = match members::observe(root, &file, &BESIDE) {
        Section::Seen(all) => all,
        // Why it cannot be read is said of its settings.
        _ => BTreeMap::new(),
    };
    let beside = beside.into_iter().filter_map(|(name, value)| match value {
        Value::String(json) => Some((name, json)),
        _ => None,
    });
    Some(Engine {
        kind: EngineKind::Docker,
        user: whose.map(|user| user.name.clone()),
        file,
        beside: beside.collect(),
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
    let file = own(root, &format!("{config}/containers.conf.d/{OWN}"), whose)?;
    Some(Engine {
        kind: EngineKind::Podman,
        user: whose.map(|user| user.name.clone()),
        beside: BTreeMap::new(),
        later: later(root, &file),
        file,
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

/// Whether a file of containers.conf(5) has a key that netprof's own has.
fn says_subnets(path: &Path) -> bool {
    let Ok(Some(file)) = files::read(path) else {
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

/// The file that `path` leads to, of the machine's or of a person's.
fn own(root: &Path, path: &str, whose: Option<&User>) -> Option<String> {
    match whose {
        None => Some(files::real(root, path)),
        Some(user) => files::real_of(root, path, user),
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
