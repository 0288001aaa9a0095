//! The ways to a scope's servers.
//!
//! macOS does not bind what it asks the servers of a scope to the scope's link, so the
//! routes alone decide which way a query goes. A server that a profile says is behind a
//! link, and that the routes lead elsewhere, would be asked in the clear of another
//! network, or not at all: that is refused.

use std::net::IpAddr;

use netprof_model::plan::{Expectation, RouteProbe};
use netprof_model::{Diagnostic, Snapshot};

use crate::draft::Draft;
use crate::macos::rib::{Found, Rib};

/// Looks at the way to each server of `draft`.
pub(super) fn check(after: &Snapshot, draft: &mut Draft) {
    let servers = std::mem::take(&mut draft.servers);
    let Some(way) = Way::new(after) else { return };
    for (server, dev, reason) in servers {
        let to = server.value.address;
        let found = way.0.look_up(to, None);
        if to.is_loopback() || matches!(found, Found::Here(_)) {
            continue;
        }
        let out = found.route().and_then(|route| route.devices().next());
        if out.is_some() && dev.as_deref().is_none_or(|dev| out == Some(dev)) {
            draft.expectations.push(Expectation {
                probe: RouteProbe { to, oif: None },
                answer: found.answer().into(),
                reason,
            });
            continue;
        }
        let help = format!(
            "add a route to it, such as `route \"{}\" link=\"NAME\"`",
            ipnet::IpNet::from(to)
        );
        let Some(dev) = dev else {
            draft.diagnostics.push(
                Diagnostic::warning(
                    "plan::server-unreachable",
                    format!("no route leads to the server {to}"),
                )
                .at(server.at.clone())
                .label("queries to this server will fail")
                .help(help),
            );
            continue;
        };
        let instead = out.map_or_else(
            || "find no route".to_owned(),
            |other| format!("leave through {other}"),
        );
        let message = format!(
            "{}: packets to the server {to} would {instead}, and not through {dev}",
            reason.text
        );
        let error = Diagnostic::error("plan::server-elsewhere", message)
            .label("this server is not behind that link")
            .help(help);
        super::refuse(draft, &reason, error, &server.at);
    }
}

/// The ways out of a machine.
pub(super) struct Way<'a>(Rib<'a>);

impl<'a> Way<'a> {
    /// None where the routes are not known.
    pub(super) fn new(snapshot: &'a Snapshot) -> Option<Self> {
        snapshot.routes.is_known().then(|| Self(Rib::new(snapshot)))
    }

    /// Whether packets to `to` leave through `dev`, or stay on this host.
    pub(super) fn leads(&self, to: IpAddr, dev: &str) -> bool {
        match self.0.look_up(to, None) {
            Found::Here(_) => true,
            found => found.route().is_some_and(|route| route.goes_through(dev)),
        }
    }
}
