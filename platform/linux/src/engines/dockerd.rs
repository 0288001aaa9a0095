//! dockerd(8): the processes, and what they say over their sockets.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use netprof_model::Section;
use netprof_model::engine::EngineNetworks;
use netprof_model::user::User;
use netprof_posix::{files, rights};

use super::command_line::CommandLine;
use super::{api, http};
use crate::owner::{is_here, names_below};

/// The name of the process.
const NAME: &str = "dockerd";

/// A daemon that runs.
#[derive(Clone, Debug)]
pub(super) struct Dockerd {
    pub(super) pid: u32,
    /// Whether it runs without root, as the person on whose behalf we run.
    pub(super) rootless: bool,
    pub(super) words: CommandLine,
    /// Where it looks for its file, where that was told (`homedir.GetConfigHome` in
    /// pkg/homedir of moby).
    pub(super) config_home: Option<String>,
}

/// Root's daemon and that of `person`, as far as they run. Root's is one of this network
/// namespace: others make bridges elsewhere. A rootless one always has a namespace of its
/// own (rootlesskit). What runs in a container reads other files than those that are seen
/// here, though it may share the network.
pub(super) fn running(root: &Path, person: Option<&User>) -> Vec<Dockerd> {
    let proc = root.join("proc");
    let named = names_below(&proc).filter(|(_, name)| name == NAME);
    let found = named.filter_map(|(pid, _)| {
        let folder = proc.join(pid.to_string());
        let uid = fs::metadata(&folder).ok()?.uid();
        let rootless = uid != 0;
        let is_ours = match rootless {
            false => is_here(&proc, pid),
            true => person.is_some_and(|person| person.uid == uid),
        };
        // Nobody is left of a process that has no words any more.
        let words = fs::read(folder.join("cmdline")).ok()?;
        if !is_ours || words.is_empty() || !has_root(&folder, root) {
            return None;
        }
        Some(Dockerd {
            pid,
            rootless,
            words: CommandLine::parse(&words),
            config_home: rootless
                .then(|| variable(&folder, "XDG_CONFIG_HOME"))
                .flatten(),
        })
    });
    found.collect()
}

/// Whether a process goes by the same root folder as netprof: proc_pid_root(5) leads into the
/// mount namespace of the process itself. Who may not look there, being no tracer of it
/// (ptrace(2)), cannot change anything either, and takes it for the machine's.
fn has_root(process: &Path, root: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (id(&process.join("root")), id(root)) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        (Err(error), _) => error.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

/// A variable of a process's environment, where it is an absolute path (XDG Base Directory
/// Specification: others are to be ignored).
fn variable(process: &Path, name: &str) -> Option<String> {
    let all = fs::read(process.join("environ")).ok()?;
    let all = String::from_utf8_lossy(&all);
    let mut values = all
        .split('\0')
        .filter_map(|one| one.strip_prefix(name)?.strip_prefix('='));
    values
        .next()
        .filter(|value| value.starts_with('/'))
        .map(str::to_owned)
}

/// What a daemon goes by, and the names of the containers that run.
pub(super) fn ask(
    root: &Path,
    daemon: &Dockerd,
    whose: Option<&User>,
    end: Instant,
) -> (Section<EngineNetworks>, Section<Vec<String>>) {
    let mut named = daemon.words.hosts.iter();
    let path = match named.find_map(|host| host.strip_prefix("unix://")) {
        Some(path) => path.to_owned(),
        None => match whose {
            None => "/run/docker.sock".to_owned(),
            Some(user) => format!("/run/user/{}/docker.sock", user.uid),
        },
    };
    let place = files::below(root, &path);
    let asked = || {
        let networks = ask_networks(&place, end).map_err(|why| format!("{path}: {why}"));
        let containers = ask_containers(&place, end).map_err(|why| format!("{path}: {why}"));
        (section(networks), section(containers))
    };
    let answered = match whose {
        Some(user) => rights::of(user.uid, user.gid, asked),
        None => Ok(asked()),
    };
    answered.unwrap_or_else(|error| {
        let why = error.to_string();
        (Section::Unreadable(why.clone()), Section::Unreadable(why))
    })
}

fn ask_networks(place: &Path, end: Instant) -> Result<EngineNetworks, String> {
    let info = ok(place, "/info", end)?;
    let bridge = http::get(place, "/networks/bridge", end).map_err(|error| error.to_string())?;
    let bridge = match bridge.status {
        200 => Some(bridge.body),
        404 => None,
        status => return Err(format!("it answers {status}")),
    };
    api::networks(info.api_version, &info.body, bridge.as_deref())
}

fn ask_containers(place: &Path, end: Instant) -> Result<Vec<String>, String> {
    api::containers(&ok(place, "/containers/json", end)?.body)
}

fn ok(place: &Path, what: &str, end: Instant) -> Result<http::Answer, String> {
    let answer = http::get(place, what, end).map_err(|error| error.to_string())?;
    match answer.status {
        200 => Ok(answer),
        status => Err(format!("it answers {status}")),
    }
}

fn section<T>(read: Result<T, String>) -> Section<T> {
    read.map_or_else(Section::Unreadable, Section::Seen)
}
