//! Podman: a file of netprof's own.
//!
//! containers.conf(5): the files of a folder are read in the order of their names, after
//! the one beside the folder, and what a later one says counts. Podman reads them each
//! time it runs, so what they say holds for the next network that it makes.

use netprof_model::engine::Engine;
use netprof_model::file::{Content, FileState};
use netprof_model::plan::Reason;
use netprof_model::profile::Podman;
use netprof_model::resource::{FILE_MARK, Lasts};
use netprof_model::{Diagnostic, Snapshot, State};

use super::{name, unreachable};
use crate::draft::{Draft, Wanted};

pub(super) fn desire(podman: &Podman, engine: &Engine, base: &Snapshot, draft: &mut Draft) {
    let reason = Reason::line(&podman.at, "podman");
    if let Some(error) = unreachable(engine) {
        return draft.refuse(name(engine), &reason, error, &podman.at);
    }
    if let Some(pool) = podman
        .pools
        .iter()
        .find(|pool| pool.prefix.addr().is_ipv6())
    {
        // `NetworkConfig.Validate` in pkg/config of containers/common.
        let message = format!(
            "Podman cuts networks of IPv4 only, and would not run at all with the pool {}",
            pool.prefix
        );
        let error = Diagnostic::error("plan::podman-pool", message)
            .label("is IPv6")
            .help("take it out: an IPv6 network is given its subnet when it is made");
        return draft.refuse(name(engine), &reason, error, &pool.at);
    }
    for later in &engine.later {
        let message = format!(
            "{later} is read after {}, and says where networks are cut from as well",
            engine.file
        );
        draft.diagnostics.push(
            Diagnostic::warning("plan::podman-overridden", message)
                .at(podman.at.clone())
                .label("is not what counts")
                .help(format!(
                    "take `default_subnet` and `default_subnet_pools` out of {later}"
                )),
        );
    }
    let mut reasons = vec![reason, Reason::plain("holds for the next network")];
    reasons.extend(
        engine
            .user
            .as_ref()
            .map(|user| Reason::plain(format!("for {user}"))),
    );
    draft.want(Wanted {
        lasts: Lasts::Durable,
        ..Wanted::new(
            engine.told_in(),
            State::File(file(podman, engine, base)),
            None,
            reasons,
        )
    });
}

/// The file: of the one who reads it, for everybody to read.
fn file(podman: &Podman, engine: &Engine, base: &Snapshot) -> FileState {
    let owner = base.user.as_ref().filter(|_| engine.user.is_some());
    FileState::Regular {
        content: Content(text(podman).into_bytes()),
        mode: 0o644,
        uid: owner.map_or(0, |user| user.uid),
        gid: owner.map_or(0, |user| user.gid),
    }
}

fn text(podman: &Podman) -> String {
    let mut text = format!("{FILE_MARK}where Podman cuts its networks from\n[network]\n");
    if let Some(subnet) = podman.subnet {
        text += &format!("default_subnet = \"{subnet}\"\n");
    }
    if !podman.pools.is_empty() {
        let pools = podman.pools.iter();
        let pools = pools.map(|pool| {
            format!(
                "{{\"base\" = \"{}\", \"size\" = {}}}",
                pool.prefix, pool.size
            )
        });
        let pools: Vec<String> = pools.collect();
        text += &format!("default_subnet_pools = [{}]\n", pools.join(", "));
    }
    text
}
