//! What a profile may ask for and macOS has no place for, each refused on its line with
//! the reason, and with what helps instead: nothing is dropped in silence.
//!
//! *Containers.* On a Mac an engine runs in a virtual machine of its own. Its bridges,
//! its subnets and its daemon's settings are inside: they are no links and no routes of
//! this system, and what a Mac reaches of them goes through forwarded ports. So there is
//! nothing here to keep local, and the files that hold an engine's pools belong to the
//! program that runs the machine, which reads them when it starts.
//!
//! *clamp-mss.* pf could do it by a `scrub` rule with `max-mss` in an anchor under
//! `com.apple/*`, which the main ruleset of `/etc/pf.conf` calls. But pf is off unless
//! somebody holds a token (`pfctl -E`), and whoever loads a main ruleset, as VPN clients
//! and the system itself do, takes all anchors' calls with it. What holds only until
//! somebody else's next move is not promised.

use netprof_model::plan::Reason;
use netprof_model::profile::Profile;
use netprof_model::{Diagnostic, Location};

use crate::draft::Draft;

/// Where the addresses of an engine's networks are really said.
const DOCKER: &str = "Docker Desktop: Settings > Docker Engine (`bip`, `default-address-pools`); colima: `docker:` in ~/.colima/default/colima.yaml";
const PODMAN: &str =
    "`podman machine ssh`, and a file in /etc/containers/containers.conf.d of the machine";

/// Refuses what `profile` asks for and macOS cannot do.
pub(super) fn desire(profile: &Profile, draft: &mut Draft) {
    let containers = &profile.containers;
    let mut refuse = |node: &'static str, at: Option<&Location>, why: &str, help: &str| {
        let Some(at) = at else { return };
        let error = Diagnostic::error("plan::not-on-macos", format!("`{node}`: {why}"))
            .label("macOS has no place for this")
            .help(help);
        draft.refuse(node, &Reason::line(at, node), error, at);
    };
    refuse(
        "containers keep-local",
        containers.keep_local.as_ref().map(|one| &one.at),
        "containers run in a virtual machine here: their subnets are no routes of this Mac",
        "their published ports stay reachable without it; put it in an `os \"linux\"` block",
    );
    refuse(
        "containers docker",
        containers.docker.as_ref().map(|one| &one.at),
        "Docker's daemon runs in a virtual machine here, and its settings are that program's",
        &format!("say it there. {DOCKER}"),
    );
    refuse(
        "containers podman",
        containers.podman.as_ref().map(|one| &one.at),
        "podman's networks are made in its virtual machine here",
        &format!("say it there: {PODMAN}"),
    );
    for clamp in &profile.clamp_mss {
        refuse(
            "clamp-mss",
            Some(&clamp.at),
            "it would need a rule of pf, which the next ruleset that other software loads takes away",
            &format!(
                "a smaller `mtu \"{}\"` does the same for connections of this Mac",
                clamp.link.value
            ),
        );
    }
}
