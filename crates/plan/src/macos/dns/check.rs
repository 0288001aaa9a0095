//! Who answers, on the machine as it will be.
//!
//! configd's list is simulated ([`resolvers`]), and every name that a scope claims is
//! looked up in it. mDNSResponder asks the resolvers of the longest domain that covers a
//! name; how it chooses among several of one domain is not published. So a domain that
//! somebody else claims as well is refused, although the other may well never be asked.
//!
//! For names that no scope claims there is a domain of no labels. A supplemental resolver
//! of it stands before the default one, which stays in the list behind it: what that
//! means is said in a note. Two supplemental ones are refused, since nothing says which
//! of the two comes first.

use netprof_model::configd::{Resolver, ResolverList};
use netprof_model::dns::covers;
use netprof_model::{Diagnostic, Name, Owner, Snapshot};

use super::{ASKS, UNCLAIMED, claimants, refuse, servers};
use crate::claim::DnsClaim;
use crate::draft::Draft;
use crate::macos::configd::files::FOLDER;
use crate::macos::configd::resolvers;
use crate::macos::resolver::who_answers;

/// Looks at the resolvers as they will be: each scope's names must go to its servers, and
/// there must be a way to each of them.
pub(in crate::macos) fn check(after: &Snapshot, draft: &mut Draft) {
    let claims = std::mem::take(&mut draft.dns_claims);
    if let Some(first) = claims.first() {
        warn_of_vpn_app(after, first, draft);
        // Without a network configd may publish nothing, or read no files.
        let list = resolvers(after).filter(|_| is_connected(after));
        match &list {
            None => draft.diagnostics.push(
                Diagnostic::warning(
                    "plan::no-network",
                    "no network is connected: the scopes take effect with the first one that is",
                )
                .at(first.at.clone()),
            ),
            Some(list) => warn_if_nobody_answers(list, first, draft),
        }
        for claim in &claims {
            answered(after, list.as_ref(), claim, draft);
        }
    }
    servers::check(after, draft);
}

/// Whether some network service is primary.
fn is_connected(snapshot: &Snapshot) -> bool {
    let store = snapshot.store.seen();
    ["State:/Network/Global/IPv4", "State:/Network/Global/IPv6"]
        .into_iter()
        .any(|key| store.is_some_and(|store| store.get(key).is_some()))
}

/// Refuses a claim that somebody else has, too.
fn answered(after: &Snapshot, list: Option<&ResolverList>, claim: &DnsClaim, draft: &mut Draft) {
    let domain = claim.name.strip_prefix(ASKS);
    let found = list.map_or_else(Vec::new, |list| who_answers(list, &claim.name));
    if let Some(domain) = domain
        && found.iter().any(|one| is_multicast(one))
        && !covers("local", domain)
    {
        draft
            .diagnostics
            .push(multicast(&claim.scope, domain).at(claim.at.clone()));
    }
    let others: Vec<&Resolver> = found
        .iter()
        .copied()
        .filter(|one| !claimants::is_of(after, &claim.scope, one))
        .filter(|one| !is_multicast(one))
        .collect();
    let (behind, beside): (Vec<&Resolver>, Vec<&Resolver>) = others
        .into_iter()
        .partition(|one| domain.is_none() && !one.supplemental);
    let mut named = claimants::others(after, domain.unwrap_or(""));
    if list.is_some() && beside.is_empty() {
        named.clear();
    }
    if named.is_empty() {
        named.extend(beside.into_iter().map(|one| {
            let servers = one.nameservers.join(", ");
            format!("the resolver of {servers}")
        }));
    }
    if !named.is_empty() {
        let what = match domain {
            Some(domain) => format!("names under {domain}"),
            None => "names that no scope claims".to_owned(),
        };
        let message = format!(
            "scope {}: {what} would also go to {}",
            claim.scope,
            named.join(" and ")
        );
        let help = match domain {
            Some(_) if named.iter().any(|one| one.contains(FOLDER)) => {
                "take the file away, or leave these names to it"
            }
            Some(_) => "disconnect it, or leave these names to it",
            None => "disconnect it, or leave `default-route` to it",
        };
        let error = Diagnostic::error("plan::domain-taken", message)
            .label("this would not hold")
            .help(help);
        refuse(draft, &claim.reason, error, &claim.at);
        return;
    }
    if list.is_some()
        && !found
            .iter()
            .any(|one| claimants::is_of(after, &claim.scope, one))
    {
        let message = format!(
            "scope {}: macOS would make no resolver of it that is asked for {}",
            claim.scope, claim.name
        );
        let error = Diagnostic::error("plan::would-lose", message).label("this would not hold");
        refuse(draft, &claim.reason, error, &claim.at);
        return;
    }
    if let Some(first) = found.first()
        && domain.is_none()
        && !claimants::is_of(after, &claim.scope, first)
    {
        let servers = first.nameservers.join(", ");
        let message = format!(
            "scope {}: names that no scope claims would go to {servers} first, by its order of {}",
            claim.scope, first.order
        );
        let error = Diagnostic::error("plan::would-lose", message)
            .label("this would not hold")
            .help("whoever set up that service gave it a `SearchOrder` below every other: disconnect it");
        let subject = format!("scope {}", claim.scope);
        draft.refuse(subject, &claim.reason, error, &claim.at);
        return;
    }
    if !behind.is_empty() {
        let servers: Vec<&str> = behind
            .iter()
            .flat_map(|one| &one.nameservers)
            .map(String::as_str)
            .collect();
        draft.diagnostics.push(
            Diagnostic::note(
                "plan::stays-behind",
                format!(
                    "macOS keeps {} in its list behind scope {}: a name may go there where the scope's servers do not answer",
                    servers.join(" and "),
                    claim.scope
                ),
            )
            .at(claim.at.clone()),
        );
    }
}

/// Says that names may be asked for by multicast instead.
pub(super) fn multicast(scope: &Name, domain: &str) -> Diagnostic {
    Diagnostic::warning(
        "plan::multicast-domain",
        format!(
            "scope {scope}: macOS asks the local network for names under {domain} by multicast"
        ),
    )
    .label("these names may never reach the servers")
    .help("use another domain: this one is Bonjour's (RFC 6762)")
}

fn is_multicast(resolver: &Resolver) -> bool {
    matches!(resolver.options.as_deref(), Some("mdns" | "pdns"))
}

fn warn_if_nobody_answers(list: &ResolverList, first: &DnsClaim, draft: &mut Draft) {
    let answered = who_answers(list, UNCLAIMED);
    if answered.iter().any(|one| !one.nameservers.is_empty()) {
        return;
    }
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::nobody-answers",
            "no server is left for names that no scope claims",
        )
        .at(first.at.clone())
        .help("give one scope `default-route #true`, or a network service a server"),
    );
}

/// A VPN app that is primary takes every name to its own servers, whatever domains it was
/// set up with (NEDNSSettings, `matchDomains`); and what it does with queries below
/// configd's list, by a DNS proxy say, no list tells.
fn warn_of_vpn_app(after: &Snapshot, first: &DnsClaim, draft: &mut Draft) {
    let primary = after.store.seen().and_then(|store| {
        let global = store.get("State:/Network/Global/IPv4")?;
        after.link(global.get("PrimaryInterface")?.as_str()?)
    });
    let Some(link) = primary.filter(|link| is_app(link.owner)) else {
        return;
    };
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::vpn-app-primary",
            format!(
                "{} of {} is the primary link: a VPN app may take names from every resolver, and no list says so",
                link.name,
                link.owner.who()
            ),
        )
        .at(first.at.clone())
        .help("after applying, ask: dscacheutil -q host -a name NAME"),
    );
}

/// Whether it is an app that macOS runs as a network extension.
fn is_app(owner: Owner) -> bool {
    matches!(
        owner,
        Owner::NetworkExtension
            | Owner::Wireguard
            | Owner::Tailscale
            | Owner::Anyconnect
            | Owner::Globalprotect
            | Owner::Zscaler
            | Owner::Warp
    )
}
