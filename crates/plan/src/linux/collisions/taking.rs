//! Declared routes that take addresses away from containers.
//!
//! A container engine's network is a connected route on its bridge. A longer prefix inside
//! it that leads elsewhere wins, and the containers that have those addresses are no longer
//! reached from this host, nor do answers to them come back. Where the network is kept, the
//! profile contradicts itself, and is refused.

use netprof_model::link::Link;
use netprof_model::profile::{RouteDecl, RouteTarget};
use netprof_model::{Diagnostic, Owner, Resource};

use super::Ground;
use crate::containers::{self, Network};
use crate::declared;
use crate::draft::Draft;
use crate::linux::{MAIN, TABLE, own_key};
use crate::prefixes::Prefixes;

/// Warns of each declared route that does so, with both owners.
pub(super) fn warn(ground: &Ground, draft: &mut Draft) {
    let networks = containers::networks(ground.base);
    if networks.is_empty() {
        return;
    }
    let by_prefix = networks.iter().map(|one| (one.prefix, one));
    let by_prefix: Prefixes<&Network> = by_prefix.collect();
    let mut warnings = Vec::new();
    for route in &ground.profile.routes.routes {
        let is_wanted = |table| {
            let key = own_key(route.prefix, table, route.metric);
            draft.wants(&Resource::Route(key)).is_some()
        };
        if !is_wanted(MAIN) && !is_wanted(TABLE) {
            continue;
        }
        let mut around = by_prefix.holding(route.prefix.into());
        let Some(network) = around.find_map(|(_, networks)| networks.first()) else {
            continue;
        };
        let link = match route.target {
            RouteTarget::Unreachable => None,
            RouteTarget::Through { .. } => match declared::way_out(ground, route) {
                Some(link) if link.name == network.link.name => continue,
                link => link,
            },
        };
        warnings.push(warning(route, link, network));
    }
    draft.diagnostics.extend(warnings);
}

fn warning(route: &RouteDecl, link: Option<&Link>, network: &Network) -> Diagnostic {
    let way = match link {
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
            route.prefix, bridge.owner, bridge.name
        ),
    )
    .at(route.at.clone())
    .label("containers with these addresses will not be reached")
    .help(format!("give {} another pool of addresses", bridge.owner))
    .whose(bridge.owner)
}
