//! What else Docker is told of addresses, and does not go together with a profile.
//!
//! dockerd does not start with a directive that is both a flag and a member of its file
//! (`findConfigurationConflicts` in daemon/config/config.go of moby), nor with an address
//! for its bridge where it shall use somebody else's (`verifyDaemonSettings` in
//! daemon/daemon_unix.go). That would show at the next boot, when nobody thinks of a
//! profile any more; so it is refused here.

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::engine::{BIP, DEFAULT_ADDRESS_POOLS, Engine};
use netprof_model::profile::Docker;

use super::name;

/// One thing that Docker is told.
struct Told<'a> {
    /// What it is about, as a member is named.
    name: &'a str,
    value: String,
    /// Who says it, and what would help against that.
    said: String,
    help: String,
    /// Whether it is on the command line.
    is_flag: bool,
}

/// Why Docker would not start, or not as the profile says.
pub(super) fn conflicts(docker: &Docker, engine: &Engine) -> Vec<Diagnostic> {
    let all = told(engine);
    let mut conflicts: Vec<Diagnostic> = all
        .iter()
        .filter_map(|told| conflict(docker, told))
        .collect();
    if docker.bridge.is_some_and(|bridge| bridge.addr().is_ipv6()) {
        let message = "the address of Docker's default bridge (`bip`) is one of IPv4";
        conflicts.push(
            Diagnostic::error("plan::docker-bridge", message)
                .label("has an IPv6 bridge")
                .help("say an IPv4 address; IPv6 networks are cut from pools"),
        );
    }
    conflicts
}

fn conflict(docker: &Docker, told: &Told) -> Option<Diagnostic> {
    let said = &told.said;
    let refusal = |message: String| {
        Diagnostic::error("plan::docker-conflict", message)
            .label("does not go together with it")
            .help(told.help.clone())
    };
    let twice = |member: &str| {
        refusal(format!(
            "{said}, and does not start where its file says `{member}` as well"
        ))
    };
    match told.name {
        "bip" if told.is_flag && docker.bridge.is_some() => Some(twice(BIP)),
        "default-address-pool" if told.is_flag && !docker.pools.is_empty() => {
            Some(twice(DEFAULT_ADDRESS_POOLS))
        }
        "bridge" if !told.value.is_empty() && docker.bridge.is_some() => Some(refusal(format!(
            "{said}: Docker makes no bridge then, and does not start with an address for one"
        ))),
        "fixed-cidr" | "default-gateway" => {
            let subnet = docker.bridge?.trunc();
            let within: IpNet = told
                .value
                .parse()
                .or_else(|_| {
                    let address: Result<std::net::IpAddr, _> = told.value.parse();
                    address.map(IpNet::from)
                })
                .ok()?;
            (!subnet.contains(&within)).then(|| {
                refusal(format!(
                    "{said}, which does not lie in {subnet}, the subnet of the bridge"
                ))
            })
        }
        _ => None,
    }
}

/// That Docker keeps its networks over a restart while containers run, if it does
/// (`initNetworkController` in daemon/daemon_unix.go of moby).
pub(super) fn live_restore(docker: &Docker, engine: &Engine) -> Option<Diagnostic> {
    let all = told(engine);
    let told = all
        .iter()
        .find(|told| told.name == "live-restore" && told.value == "true")?;
    let message = format!(
        "{}: its networks stay as they are when it starts anew while a container runs",
        told.said
    );
    let warning = Diagnostic::warning("plan::docker-live-restore", message);
    Some(
        warning
            .at(docker.at.clone())
            .help("stop the containers before it starts anew"),
    )
}

/// All that Docker is told beside what the profile says.
fn told(engine: &Engine) -> Vec<Told<'_>> {
    let docker = name(engine);
    let mut all = Vec::new();
    if let Some(daemon) = engine.daemon.seen() {
        for flag in &daemon.flags {
            let words = flag.trim_start_matches('-');
            let (name, value) = words.split_once('=').unwrap_or((words, "true"));
            all.push(Told {
                name,
                value: value.to_owned(),
                said: format!("{docker}, process {}, was started with {flag}", daemon.pid),
                help: format!("take {flag} off its command line: see `systemctl cat docker`"),
                is_flag: true,
            });
        }
    }
    for (name, json) in &engine.beside {
        all.push(Told {
            name,
            value: json.trim_matches('"').to_owned(),
            said: format!("{} says \"{name}\": {json}", engine.file),
            help: format!("take `{name}` out of {}", engine.file),
            is_flag: false,
        });
    }
    all
}
