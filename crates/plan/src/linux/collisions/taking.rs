//! Routes that take addresses away from containers.
//!
//! A container engine's network is a connected route on its bridge. A longer prefix inside
//! it that leads elsewhere wins, and the containers that have those addresses are no longer
//! reached from this host, nor do answers to them come back. Where the network is kept, the
//! profile contradicts itself, and is refused.

use ipnet::IpNet;
use netprof_model::{Diagnostic, Owner, Resource};

use super::Ground;
use crate::containers::{self, Network};
use crate::draft::{Draft, Wanted};
use crate::prefixes::Prefixes;

/// Warns of each route that is wanted and does so, with both owners: one that is declared, or
/// what `also` adds for a network behind the LAN.
pub(super) fn warn(ground: &Ground, draft: &mut Draft) {
    let networks = containers::networks(ground.base);
    if networks.is_empty() {
        return;
    }
    let by_prefix = networks.iter().map(|one| (one.prefix, one));
    let by_prefix: Prefixes<&Network> = by_prefix.collect();
    let warnings = draft.wanted.iter().filter_map(|wanted| {
        let Resource::Route(key) = &wanted.resource else {
            return None;
        };
        let through = wanted.link.as_ref().map(|id| id.name.as_str());
        let around = by_prefix.holding(key.dst.into());
        let mut networks = around.flat_map(|(_, networks)| networks);
        let network = networks.find(|network| through != Some(&network.link.name))?;
        Some(warning(ground, wanted, key.dst, through, network))
    });
    let warnings: Vec<Diagnostic> = warnings.collect();
    draft.diagnostics.extend(warnings);
}

fn warning(
    ground: &Ground,
    wanted: &Wanted,
    dst: IpNet,
    through: Option<&str>,
    network: &Network,
) -> Diagnostic {
    let way = match through.and_then(|name| ground.link(name)) {
        None => String::new(),
        Some(link) if link.owner == Owner::Unknown => format!(" through {}", link.name),
        Some(link) => format!(" through {} of {}", link.name, link.owner),
    };
    let Network {
        prefix,
        link: bridge,
        ..
    } = network;
    Diagnostic::warning(
        "plan::takes-from-containers",
        format!(
            "the route to {}{way} takes addresses of {prefix}, the network of {} on {}",
            dst, bridge.owner, bridge.name
        ),
    )
    .at(wanted.reasons.first().and_then(|reason| reason.at.clone()))
    .label("containers with these addresses will not be reached")
    .help(format!("give {} another pool of addresses", bridge.owner))
    .whose(bridge.owner)
}
