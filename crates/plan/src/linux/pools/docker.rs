//! Docker: two members of `daemon.json`.

use netprof_model::engine::{
    BIP, DEFAULT_ADDRESS_POOLS, Engine, EngineDaemon, EngineNetworks, EnginePool,
};
use netprof_model::json_object;
use netprof_model::plan::{Reason, Standing};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::profile::Docker;
use netprof_model::resource::Lasts;
use netprof_model::{Diagnostic, Resource, Section, Snapshot, State};

use super::{beside, name, unreachable};
use crate::draft::{Draft, Wanted};

/// The most containers that are named in a row.
const NAMED: usize = 5;

pub(super) fn desire(docker: &Docker, engine: &Engine, base: &Snapshot, draft: &mut Draft) {
    let reason = Reason::line(&docker.at, "docker");
    if let Some(error) = unreachable(engine) {
        return draft.refuse(name(engine), &reason, error, &docker.at);
    }
    let live = match members(engine, base) {
        Ok(live) => live,
        Err(error) => return draft.refuse(name(engine), &reason, error, &docker.at),
    };
    let mut errors = beside::conflicts(docker, engine).into_iter();
    if let Some(first) = errors.next() {
        draft.refuse(name(engine), &reason, first, &docker.at);
        let further = errors.map(|error| error.at(docker.at.clone()));
        return draft.diagnostics.extend(further);
    }
    let mut reasons = vec![reason.clone()];
    match engine.daemon.seen() {
        None => reasons.push(Reason::plain("holds once Docker starts")),
        Some(daemon) => {
            if let Some(detail) = waits(docker, daemon) {
                draft.row(Standing::Waiting, name(engine), detail, &reason);
            }
            draft
                .diagnostics
                .extend(beside::live_restore(docker, engine));
        }
    }
    draft.want(Wanted {
        lasts: Lasts::Durable,
        // Members that a person wrote are kept, and given back by a release.
        replace: true,
        ..Wanted::new(
            engine.told_in(),
            State::Settings(over(docker, live)),
            None,
            reasons,
        )
    });
}

/// The members that netprof may touch, as they are now.
fn members(engine: &Engine, base: &Snapshot) -> Result<Dictionary, Diagnostic> {
    let file = &engine.file;
    let told_in = engine.told_in();
    let mut all = base.settings.items().iter();
    let live = all.find(|one| told_in == Resource::Settings(one.settings.clone()));
    let why = match live.map(|one| &one.holds) {
        Some(Section::Seen(members)) => return Ok(members.clone()),
        Some(Section::Absent) => return Ok(Dictionary::new()),
        Some(Section::Unreadable(why)) => why.as_str(),
        Some(Section::Unread) | None => "it was not read",
    };
    let help = if base.privileged {
        "mend it first: netprof changes two members of a JSON object, and nothing else of the file"
    } else {
        "root may know more: try again with sudo"
    };
    let message = format!("{file} cannot be changed: {why}");
    Err(Diagnostic::error("plan::docker-file", message)
        .label("is written to that file")
        .help(help))
}

/// What the profile says over what is there. What says the same stays as it is written.
fn over(docker: &Docker, mut members: Dictionary) -> Dictionary {
    let bridge = docker.bridge.map(|bridge| format!("\"{bridge}\""));
    let pools = (!docker.pools.is_empty()).then(|| pools(docker));
    for (name, value) in [(BIP, bridge), (DEFAULT_ADDRESS_POOLS, pools)] {
        let Some(value) = value else { continue };
        let there = members.get(name).and_then(Value::as_str);
        if !there.is_some_and(|there| json_object::is_same(there, &value)) {
            members.insert(name.to_owned(), Value::String(value));
        }
    }
    members
}

/// The pools as Docker reads them (`NetworkToSplit` in libnetwork/ipamutils of moby).
fn pools(docker: &Docker) -> String {
    let pools = docker.pools.iter();
    let pools =
        pools.map(|pool| format!("{{\"base\": \"{}\", \"size\": {}}}", pool.prefix, pool.size));
    format!("[{}]", pools.collect::<Vec<_>>().join(", "))
}

/// What a daemon that goes by something else still waits for.
fn waits(docker: &Docker, daemon: &EngineDaemon) -> Option<String> {
    let mut said = "waits for Docker to start anew".to_owned();
    match &daemon.networks {
        Section::Seen(networks) if goes_by(docker, networks) => return None,
        Section::Seen(_) => {}
        _ => said = "holds once Docker starts anew; what it goes by now is not known".to_owned(),
    }
    Some(match &daemon.containers {
        Section::Seen(containers) if containers.is_empty() => format!("{said}; no container runs"),
        Section::Seen(containers) => format!("{said}; running: {}", listed(containers)),
        _ => format!("{said}; which containers run is not known"),
    })
}

/// Whether a daemon goes by what the profile says.
fn goes_by(docker: &Docker, networks: &EngineNetworks) -> bool {
    let pools = docker.pools.iter();
    let pools = pools.map(|pool| EnginePool {
        base: pool.prefix,
        size: pool.size,
    });
    (docker.bridge.is_none() || docker.bridge == networks.bridge)
        && (docker.pools.is_empty() || pools.eq(networks.pools.iter().cloned()))
}

fn listed(containers: &[String]) -> String {
    let named = containers.iter().take(NAMED).map(String::as_str);
    let named = named.collect::<Vec<_>>().join(", ");
    match containers.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
