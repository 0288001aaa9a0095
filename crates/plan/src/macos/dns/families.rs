//! Which addresses are asked for.
//!
//! A resolver says whether it is asked for IPv4 addresses, for IPv6 ones or for both, and
//! programs heed it (`dnsinfo.h`, `DNS_RESOLVER_FLAGS_REQUEST_*`). A scope's resolver gets
//! what all services together can reach: those with an address *and* a router
//! (`dns-configuration.c`, `add_dns_resolver_flags`). A tunnel that nobody made a service
//! of counts for nothing there. So a scope behind it may be reached by IPv6, and its
//! names never be asked for by it.
//!
//! A server on 127.0.0.1 or ::1 is asked for both (`dnsinfo_create.c`).

use std::net::IpAddr;

use netprof_model::{Diagnostic, Snapshot};

use crate::claim::{DnsClaim, Place};
use crate::draft::Draft;
use crate::macos::configd::Made;

/// Warns once of a family that the scope's link has and its names are not asked for by.
pub(super) fn check(after: &Snapshot, claim: &DnsClaim, own: &[&Made], draft: &mut Draft) {
    let Place::Configd {
        link: Some(link), ..
    } = &claim.by
    else {
        return;
    };
    let asks = |v4: bool| {
        let mut resolvers = own.iter().map(|one| &one.resolver);
        resolvers.any(|one| {
            if v4 {
                one.requests_a
            } else {
                one.requests_aaaa
            }
        })
    };
    let addresses = after.addresses.items().iter();
    let missed = [(true, "IPv4", "A"), (false, "IPv6", "AAAA")]
        .into_iter()
        .find(|(v4, ..)| {
            let has = addresses.clone().any(|one| {
                let address = one.local.addr();
                one.dev == *link && address.is_ipv4() == *v4 && leads_on(address)
            });
            has && !asks(*v4)
        });
    let Some((_, family, record)) = missed else {
        return;
    };
    let message = format!(
        "scope {}: macOS asks for no {family} addresses ({record}) of its names, though {link} has one",
        claim.scope
    );
    if draft.diagnostics.iter().any(|one| one.message == message) {
        return;
    }
    draft.diagnostics.push(
        Diagnostic::warning("plan::family-not-asked", message)
            .at(claim.at.clone())
            .label(format!("its hosts are not found by {family}"))
            .help(format!(
                "macOS asks for them where some network service has an {family} address and a router: whoever sets up {link} has to publish both in its service"
            )),
    );
}

/// Whether hosts beyond the link can be reached from `address`.
fn leads_on(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_loopback(),
        IpAddr::V6(address) => !address.is_unicast_link_local() && !address.is_loopback(),
    }
}
