//! Routes that take addresses away from containers.
//!
//! A container engine's network is a connected route on its bridge. A longer prefix inside
//! it that leads elsewhere wins, and the containers that have those addresses are no longer
//! reached from this host, nor do answers to them come back.

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::{Diagnostic, Owner, Resource, Snapshot};

use crate::draft::{Draft, Wanted};

/// Warns of each route in `draft` that does so, with both owners.
pub(super) fn warn(base: &Snapshot, draft: &mut Draft) {
    let networks: Vec<(IpNet, &Link)> = base
        .addresses
        .items()
        .iter()
        .filter_map(|one| Some((one.local.trunc(), base.link(&one.dev)?)))
        .filter(|(_, link)| link.owner.is_engine())
        .collect();
    if networks.is_empty() {
        return;
    }
    let warnings: Vec<Diagnostic> = draft
        .wanted
        .iter()
        .filter_map(|wanted| warning(wanted, base, &networks))
        .collect();
    draft.diagnostics.extend(warnings);
}

fn warning(wanted: &Wanted, base: &Snapshot, networks: &[(IpNet, &Link)]) -> Option<Diagnostic> {
    let Resource::Route(key) = &wanted.resource else {
        return None;
    };
    let through = wanted.link.as_ref().map(|id| id.name.as_str());
    let (network, bridge) = networks
        .iter()
        .find(|(network, bridge)| network.contains(&key.dst) && through != Some(&bridge.name))?;
    let way = match through.and_then(|name| base.link(name)) {
        None => String::new(),
        Some(link) if link.owner == Owner::Unknown => format!(" through {}", link.name),
        Some(link) => format!(" through {} of {}", link.name, link.owner),
    };
    Some(
        Diagnostic::warning(
            "plan::takes-from-containers",
            format!(
                "the route to {}{way} takes addresses of {network}, the network of {} on {}",
                key.dst, bridge.owner, bridge.name
            ),
        )
        .at(wanted.reasons.first().and_then(|reason| reason.at.clone()))
        .label("containers with these addresses will not be reached")
        .help(format!("give {} another pool of addresses", bridge.owner))
        .whose(bridge.owner),
    )
}
