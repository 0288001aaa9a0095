//! What is kept reachable, in `bypass`.
//!
//! Which networks the LAN and containers have is known only where they are: so this is no
//! matter of a profile by itself, but of its plan.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::profile::{Export, Proxy};

use crate::draft::Draft;

/// Says which networks that are kept would be reached through the proxy. Of IPv6 there is
/// no word for a network that more than a few programs understand.
pub(super) fn check(proxy: &Proxy, draft: &mut Draft) {
    // The list that macOS has by itself is left alone where the profile has none.
    let has_list = |place: &Export| *place != Export::System || !proxy.bypass.is_empty();
    let told = proxy.export.iter().any(|place| has_list(&place.value));
    if !told || super::named(proxy).next().is_none() {
        return;
    }
    let listed: Vec<IpNet> = proxy
        .bypass
        .iter()
        .filter_map(|entry| net(&entry.value))
        .collect();
    let is_missing = |kept: &&IpNet| {
        kept.addr().is_ipv4() && !listed.iter().any(|listed| listed.contains(*kept))
    };
    let mut missing: Vec<IpNet> = draft.kept.iter().filter(is_missing).copied().collect();
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return;
    }
    let networks: Vec<String> = missing.iter().map(IpNet::to_string).collect();
    let words: Vec<String> = networks.iter().map(|net| format!("\"{net}\"")).collect();
    let at = proxy.bypass.first().map_or(&proxy.at, |first| &first.at);
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::proxied-network",
            format!(
                "what is kept would be reached through the proxy: `bypass` leaves {} out",
                networks.join(" and ")
            ),
        )
        .at(at.clone())
        .label("not for what is kept")
        .help(format!("add to `bypass`: {}", words.join(" "))),
    );
}

fn net(entry: &str) -> Option<IpNet> {
    let address = entry.parse().map(|one: IpAddr| one.into());
    address.or_else(|_| entry.parse()).ok()
}
