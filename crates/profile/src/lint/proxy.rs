//! What `bypass` leaves out, and what in it only some programs understand.
//!
//! A program that goes by a list of exceptions sends all else to the proxy: also what this
//! machine says to itself, and what its own networks and scopes are for. Such a list is
//! written once and looked at never again, so what is surely missing in it is said, each
//! with the words that mend it. Who understands what is in docs/proxy.md.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_model::profile::{Export, Profile, Proxy, Spanned};
use netprof_model::{Diagnostic, Location};

use crate::code;
use crate::limit::Findings;

/// How this machine calls itself.
const LOCALHOST: &str = "localhost";
const ITSELF: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Finds what `bypass` had better say.
pub(super) fn proxy(profile: &Profile, found: &mut Findings) {
    let Some(proxy) = profile.proxy.as_ref().filter(|proxy| is_heeded(proxy)) else {
        return;
    };
    let bypass = &proxy.bypass[..];
    itself(proxy, found);
    for scope in &profile.scopes {
        for domain in &scope.domains {
            if !is_reverse(&domain.value) && !has_domain(bypass, &domain.value) {
                let what = format!(
                    "names under `{}`, of scope \"{}\",",
                    domain.value, scope.name
                );
                let entry = format!("*.{}", domain.value);
                left_out(code::PROXIED_SCOPE, &domain.at, &what, &entry, found);
            }
        }
    }
    let containers = &profile.containers;
    let docker = containers.docker.iter().flat_map(|docker| {
        let bridge = docker.bridge.map(|net| (net.trunc(), &docker.at));
        bridge
            .into_iter()
            .chain(docker.pools.iter().map(|pool| (pool.prefix, &pool.at)))
    });
    let podman = containers.podman.iter().flat_map(|podman| {
        let subnet = podman.subnet.map(|net| (net, &podman.at));
        subnet
            .into_iter()
            .chain(podman.pools.iter().map(|pool| (pool.prefix, &pool.at)))
    });
    for (net, at) in docker.chain(podman) {
        if !has_net(bypass, net) {
            let what = format!("containers in `{net}`");
            left_out(code::PROXIED_CONTAINERS, at, &what, &net.to_string(), found);
        }
    }
    prefixes(proxy, found);
}

/// Whether anybody is told of a proxy that `bypass` makes exceptions from: a PAC file makes
/// its own. macOS' own list stands where the profile has none.
fn is_heeded(proxy: &Proxy) -> bool {
    let named = [&proxy.http, &proxy.https, &proxy.socks];
    let has_list =
        |place: &Spanned<Export>| place.value != Export::System || !proxy.bypass.is_empty();
    named.into_iter().any(Option::is_some) && proxy.export.iter().any(has_list)
}

fn itself(proxy: &Proxy, found: &mut Findings) {
    let bypass = &proxy.bypass[..];
    let name = (!has_domain(bypass, LOCALHOST)).then(|| format!("\"{LOCALHOST}\""));
    let addresses = ITSELF
        .into_iter()
        .filter(|one| !has_net(bypass, (*one).into()));
    let addresses = addresses.map(|one| format!("\"{one}\""));
    let missing: Vec<String> = name.into_iter().chain(addresses).collect();
    if missing.is_empty() {
        return;
    }
    let at = bypass.first().map_or(&proxy.at, |first| &first.at);
    found.warning(code::PROXIED_LOCALHOST, at, "", || {
        Diagnostic::warning(
            code::PROXIED_LOCALHOST,
            "what this machine says to itself would go through the proxy: `bypass` leaves it out",
        )
        .at(at.clone())
        .label("not for this machine itself")
        .help(format!("add to `bypass`: {}", missing.join(" ")))
    });
}

/// Says that what is declared at `at` is left out.
fn left_out(code: &str, at: &Location, what: &str, entry: &str, found: &mut Findings) {
    found.warning(code, at, what, || {
        let message =
            format!("{what} would be reached through the proxy: `bypass` leaves them out");
        Diagnostic::warning(code, message)
            .at(at.clone())
            .label("goes through the proxy")
            .help(format!("add to `bypass`: \"{entry}\""))
    });
}

/// Says once of a list which of its prefixes are passed over by some of those who read it
/// in a variable.
fn prefixes(proxy: &Proxy, found: &mut Findings) {
    let bypass = &proxy.bypass[..];
    let reads_variables =
        |place: &Spanned<Export>| matches!(place.value, Export::Env | Export::Docker);
    if !proxy.export.iter().any(reads_variables) {
        return;
    }
    // Hardly anybody talks to another address of 127.0.0.0/8.
    let is_enough = |net: IpNet| net.contains(&ITSELF[0]) && has_itself(bypass);
    let partial = bypass.iter().find_map(|entry| {
        let net = net_of(entry).filter(|net| net.prefix_len() < net.max_prefix_len())?;
        (!is_enough(net)).then_some((entry, net))
    });
    let Some((first, net)) = partial else {
        return;
    };
    found.warning(code::BYPASS_PREFIX, &first.at, "", || {
        let help = if net.contains(&ITSELF[0]) {
            format!("add the address that is meant: \"{}\"", ITSELF[0])
        } else {
            "for those, add the names and addresses that are meant".to_owned()
        };
        let (others, label) = if net.addr().is_ipv4() {
            (
                "wget, Node and Python's urllib",
                "curl from 7.86 on, Go, requests and Ruby do",
            )
        } else {
            ("nearly all programs", "Go does")
        };
        let message = format!("{others} do not understand the prefix `{net}` and use the proxy");
        Diagnostic::note(code::BYPASS_PREFIX, message)
            .at(first.at.clone())
            .label(label)
            .help(help)
    });
}

/// Whether 127.0.0.1 is listed as an address: a prefix is more than is needed, then.
fn has_itself(bypass: &[Spanned<String>]) -> bool {
    bypass
        .iter()
        .any(|entry| net_of(entry) == Some(ITSELF[0].into()))
}

fn has_net(bypass: &[Spanned<String>], net: IpNet) -> bool {
    let mut listed = bypass.iter().filter_map(net_of);
    listed.any(|listed| listed.contains(&net))
}

/// The prefix that an entry is, or the address.
fn net_of(entry: &Spanned<String>) -> Option<IpNet> {
    let address = entry.value.parse().map(|one: IpAddr| one.into());
    address.or_else(|_| entry.value.parse()).ok()
}

/// Whether `domain`, or one that it lies under, is listed.
fn has_domain(bypass: &[Spanned<String>], domain: &str) -> bool {
    bypass.iter().any(|entry| {
        let listed = entry.value.trim_start_matches('*').trim_start_matches('.');
        let before = domain.strip_suffix(listed);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// Names of addresses: nobody browses to those.
fn is_reverse(domain: &str) -> bool {
    ["in-addr.arpa", "ip6.arpa"]
        .iter()
        .any(|root| domain.ends_with(root))
}
