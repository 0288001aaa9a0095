//! What stands above the routing table.
//!
//! A VPN app may ask the system to send everything into its tunnel whatever the routes
//! say (`includeAllNetworks`), or to hold its own routes above others' (`enforceRoutes`):
//! NEVPNProtocol in Apple's documentation of NetworkExtension. Neither shows in the table
//! or in a look-up, so that a LAN which is kept by every route may be cut off all the same.

use netprof_model::link::Link;
use netprof_model::{Diagnostic, Location, Owner, Snapshot};

use crate::draft::Draft;

/// Says once which VPN cannot be seen through.
pub(super) fn warn(base: &Snapshot, at: &Location, draft: &mut Draft) {
    let mut links = base.links.items().iter();
    let Some(link) = links.find(|link| link.up && may_enforce(base, link)) else {
        return;
    };
    let message = format!(
        "{} ({}) may hold its tunnel above the routing table, where keep-lan cannot reach and netprof cannot look",
        link.name,
        link.owner.who()
    );
    draft.diagnostics.push(
        Diagnostic::warning("plan::cannot-verify", message)
            .at(at.clone())
            .help("try a host of the LAN; if it does not answer, allow local networks in the VPN's settings, or see whether its configuration profile says IncludeAllNetworks or EnforceRoutes"),
    );
}

/// Whether the link is of an app that can ask for that, as far as its owner tells. Of one
/// that comes with daemons of its own as well, only a tunnel for everything is suspect.
fn may_enforce(base: &Snapshot, link: &Link) -> bool {
    match link.owner {
        Owner::NetworkExtension => true,
        Owner::Wireguard
        | Owner::Tailscale
        | Owner::Anyconnect
        | Owner::Globalprotect
        | Owner::Zscaler
        | Owner::Warp => {
            let mut routes = base.routes.items().iter();
            routes.any(|route| route.key.is_default() && route.goes_through(&link.name))
        }
        _ => false,
    }
}
