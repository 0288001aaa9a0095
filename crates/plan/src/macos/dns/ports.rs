//! On which port the servers of a scope are asked.
//!
//! A resolver has one port for all its servers. Two resolvers for one domain would be no
//! way around it: mDNSResponder asks one of them, that of the lower order, and goes on to
//! no other when it gets no answer (`mdns_dns_service.c`,
//! `_mdns_dns_service_manager_get_service`). For the names that no scope claims, configd
//! would not even say which of the two is first in its list. So a scope's servers are
//! those of one port, the first that it names, and the others are left out and said.
//!
//! A resolver on the port of multicast DNS is passed over altogether (the same file,
//! `_mdns_append_dns_service_from_config_by_scope`).

use netprof_model::Diagnostic;
use netprof_model::dns::DnsServer;
use netprof_model::profile::{Scope, Spanned};

use super::{listed, subject};
use crate::draft::Draft;
use crate::macos::resolver::MULTICAST_PORT;

/// The port that a server is asked on.
pub(super) fn port(server: &DnsServer) -> u16 {
    server.port.unwrap_or(53)
}

/// The servers of `scope` that are asked, and on which port.
pub(super) fn asked(scope: &Scope) -> (u16, Vec<&Spanned<DnsServer>>) {
    let ports = listed(scope).iter().map(|server| port(&server.value));
    let first = ports.clone().find(|port| *port != MULTICAST_PORT);
    let first = first.or(ports.clone().next()).unwrap_or(53);
    let servers = listed(scope).iter();
    let servers = servers.filter(|server| port(&server.value) == first);
    (first, servers.collect())
}

/// Whether any server of `scope` is asked.
pub(super) fn expressible(scope: &Scope) -> Result<(), Diagnostic> {
    let (first, _) = asked(scope);
    if first != MULTICAST_PORT {
        return Ok(());
    }
    let message = format!(
        "{}: macOS asks no server on port {first}, which is that of multicast DNS",
        subject(scope)
    );
    Err(Diagnostic::error("plan::multicast-port", message)
        .label("these servers would never be asked")
        .help("let them listen on another port"))
}

/// Says which servers of `scope` are not asked.
pub(super) fn say_left_out(scope: &Scope, draft: &mut Draft) {
    let (first, _) = asked(scope);
    for server in listed(scope) {
        let (address, other) = (server.value.address, port(&server.value));
        if other == first {
            continue;
        }
        let message = format!(
            "{}: {address} on port {other} is left out: macOS asks the servers of a domain on one port, here {first}",
            subject(scope)
        );
        draft.diagnostics.push(
            Diagnostic::warning("plan::port-left-out", message)
                .at(server.at.clone())
                .label("this server is not asked")
                .help("name servers on one port, or a scope of its own, with domains of its own, for this one"),
        );
    }
}
