//! What routes, rules and sizes of packets outlive where a service manages links.
//!
//! networkd deletes what it did not make whenever it sets up one of its links: routes
//! through the link or through none, of every table, and all rules but those of the
//! kernel's own protocol (`link_drop_foreign_routes` in networkd-route.c,
//! `manager_drop_foreign_routing_policy_rules` in networkd-routing-policy-rule.c), unless
//! networkd.conf(5) says that it is to leave them. No protocol number spares them.
//!
//! NetworkManager leaves routes with a protocol number that it does not use itself, and
//! all rules.
//!
//! But both may take the addresses of a link away to set it up anew, and with the last
//! address the kernel takes every route through the link (`fib_disable_ip` in
//! net/ipv4/fib_frontend.c). NetworkManager does so for each activation; networkd 252
//! does for each `reconfigure`, and 262 does not (tried).
//!
//! The size of packets each of them sets where its own configuration says one, in the same
//! moment (`link_configure_mtu` in networkd-setlink.c, `nm_device_commit_mtu` in
//! nm-device.c).

use netprof_model::link::LinkManager;
use netprof_model::resource::Lasts;
use netprof_model::snapshot::Networkd;
use netprof_model::{Diagnostic, Resource, Snapshot};

use crate::draft::{Draft, Wanted};

/// Says of what is wanted in `draft` how long the managers of links leave it there.
pub(super) fn shorten(base: &Snapshot, draft: &mut Draft) {
    let mut links = base.links.items().iter();
    // There is one to heed only where it manages a link.
    let networkd = links
        .any(|link| link.manager == Some(LinkManager::Networkd))
        .then(|| base.networkd.seen().copied().unwrap_or_default());
    let mut deletes = false;
    for wanted in &mut draft.wanted {
        let manager = wanted
            .link
            .as_ref()
            .and_then(|id| base.link(&id.name)?.manager);
        if let Some(lasts) = lasting(wanted, manager, networkd) {
            wanted.lasts = lasts;
        }
        deletes |= wanted.lasts == Lasts::Reconfigure
            && networkd.is_some_and(|networkd| match wanted.resource {
                Resource::Rule(_) => networkd.foreign_rules,
                Resource::Route(_) => networkd.foreign_routes,
                _ => false,
            });
    }
    if deletes {
        draft.diagnostics.push(note());
    }
}

fn lasting(
    wanted: &Wanted,
    manager: Option<LinkManager>,
    networkd: Option<Networkd>,
) -> Option<Lasts> {
    let deleted = |deletes: bool| deletes.then_some(Lasts::Reconfigure);
    match (&wanted.resource, &wanted.link, manager) {
        (Resource::Rule(_), ..) => deleted(networkd?.foreign_rules),
        (Resource::Route(_), None, _) => deleted(networkd?.foreign_routes),
        (Resource::Route(_) | Resource::Mtu { .. }, _, Some(manager)) => Some(match manager {
            LinkManager::Networkd => Lasts::Reconfigure,
            LinkManager::NetworkManager => Lasts::Activation,
        }),
        _ => None,
    }
}

fn note() -> Diagnostic {
    Diagnostic::note(
        "plan::networkd-deletes",
        "networkd deletes routes and rules that it did not make when it sets up a link anew",
    )
    .help(
        "to have them left alone, put `ManageForeignRoutes=no` and \
         `ManageForeignRoutingPolicyRules=no` below `[Network]` in \
         /etc/systemd/networkd.conf.d/netprof.conf, and restart systemd-networkd",
    )
}
