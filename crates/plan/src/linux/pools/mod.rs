//! `containers { docker {...} podman {...} }`: where engines cut their networks from.
//!
//! An engine takes addresses out of pools, and reads which in files: Docker in members of
//! its `daemon.json`, once, when it starts; Podman in a folder of files, each time it makes
//! a network. What is written there is planned here. What a daemon goes by until it starts
//! anew is another matter, and a row says so for as long as it differs.

mod beside;
mod docker;
mod podman;

use netprof_model::engine::{Engine, EngineKind, PROGRAMS};
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::Profile;
use netprof_model::{Diagnostic, Location, Section, Snapshot};

use crate::draft::Draft;

/// Wants each engine that is there to cut its networks from where the profile says.
pub(super) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    let containers = &profile.containers;
    if let Some(docker) = &containers.docker {
        for engine in there(EngineKind::Docker, base, &docker.at, draft) {
            docker::desire(docker, engine, base, draft);
        }
    }
    if let Some(podman) = &containers.podman {
        for engine in there(EngineKind::Podman, base, &podman.at, draft) {
            podman::desire(podman, engine, base, draft);
        }
    }
}

/// The engines of a kind that are on the machine. Where there are none, a row says so.
fn there<'a>(
    kind: EngineKind,
    base: &'a Snapshot,
    at: &Location,
    draft: &mut Draft,
) -> Vec<&'a Engine> {
    let reason = Reason::line(at, kind.as_str());
    let Section::Seen(engines) = &base.engines else {
        let standing = base.engines.standing();
        let message = format!(
            "the engines of the snapshot are {standing}: whether {kind} is there is not known"
        );
        let error = Diagnostic::error("plan::not-known", message).help("take the snapshot anew");
        draft.refuse(kind.as_str(), &reason, error, at);
        return Vec::new();
    };
    let there: Vec<&Engine> = engines.iter().filter(|one| one.kind == kind).collect();
    if there.is_empty() {
        let [folders @ .., last] = PROGRAMS;
        let program = kind.program();
        let mut detail = format!("left out: no {program} in {} or {last}", folders.join(", "));
        if kind == EngineKind::Docker {
            detail.push_str(", and none runs");
        }
        draft.row(Standing::Omitted, kind.as_str(), detail, &reason);
    }
    there
}

/// That what an engine reads is not to be written, where that is so.
fn unreachable(engine: &Engine) -> Option<Diagnostic> {
    let why = engine.unreachable.as_deref()?;
    let message = format!("{} cannot be told: {why}", name(engine));
    Some(
        Diagnostic::error("plan::engine-file", message)
            .label("is written to that file")
            .help(format!("say it by hand in {}", engine.file)),
    )
}

/// An engine as a person calls it.
fn name(engine: &Engine) -> String {
    match &engine.user {
        Some(user) => format!("{} of {user}", engine.kind),
        None => engine.kind.to_string(),
    }
}
