//! What stands above the routing table.
//!
//! A VPN app may ask the system to send everything into its tunnel whatever the routes
//! say (`includeAllNetworks`), or to hold its own routes above others' (`enforceRoutes`):
//! NEVPNProtocol in Apple's documentation of NetworkExtension. Neither shows in the table
//! or in a look-up, so that a LAN which is kept by every route may be cut off all the same.
//! Mullvad's app holds the rest of the machine off with the packet filter instead
//! (`talpid-core/src/firewall/macos.rs` in mullvad/mullvadvpn-app), whose rules are not
//! read here.

use netprof_model::link::Link;
use netprof_model::{Diagnostic, Location, Owner, Snapshot};

use crate::draft::Draft;

/// Says once which VPN cannot be seen through.
pub(super) fn warn(base: &Snapshot, at: &Location, draft: &mut Draft) {
    let mut links = base.links.items().iter().filter(|link| link.up);
    let said = links.find_map(|link| Some((link, above(base, link)?)));
    let Some((link, (what, help))) = said else {
        return;
    };
    let message = format!("{} ({}) {what}", link.name, link.owner.who());
    draft.diagnostics.push(
        Diagnostic::warning("plan::cannot-verify", message)
            .at(at.clone())
            .help(help)
            .whose(link.owner),
    );
}

/// What may stand above the table for a link, as far as its owner tells, and where to
/// look. Of an app that comes with daemons of its own as well, only a tunnel for
/// everything is suspect.
fn above(base: &Snapshot, link: &Link) -> Option<(&'static str, &'static str)> {
    let takes_all = || {
        let mut routes = base.routes.items().iter();
        routes.any(|route| route.key.is_default() && route.goes_through(&link.name))
    };
    let may_enforce = match link.owner {
        Owner::NetworkExtension => true,
        owner if owner.is_vpn_app() => takes_all(),
        _ => false,
    };
    if may_enforce {
        return Some((
            "may hold its tunnel above the routing table, where keep-lan cannot reach and netprof cannot look",
            "try a host of the LAN; if it does not answer, allow local networks in the VPN's settings, or see whether its configuration profile says IncludeAllNetworks or EnforceRoutes",
        ));
    }
    (link.owner == Owner::Mullvad && takes_all()).then_some((
        "may drop packets to the LAN in the packet filter, which netprof does not read",
        "try a host of the LAN; if it does not answer, allow local networks in its settings, or see `sudo pfctl -a '*' -sr`",
    ))
}
