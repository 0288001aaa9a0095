//! How a Mac finds the servers of a name, over plain data.
//!
//! mDNSResponder takes configd's list and asks, for a name, *one* resolver: of those whose
//! domain covers the name with the most labels that of the lowest `order`, where none
//! counts as 0 and so comes first, and of several with that order the first of the list
//! (`mDNSMacOSX/mdns_objects/mdns_dns_service.c`, `_mdns_dns_service_manager_get_service`).
//! It goes on to no other when that one does not answer. A resolver on port 5353, or
//! without servers, is none to it (`_mdns_append_dns_service_from_config_by_scope`), and
//! resolvers that differ in nothing but their domains are one.
//!
//! All that cover a name with the most labels are given here, the one that is asked first:
//! which orders another's service gets can change at any time. What is not certain:
//!
//! - names under `.local`, and reverse names of link-local addresses. The resolver
//!   `mdns` covers them as any other covers its domain, so that a longer match domain
//!   such as `corp.local` takes its names away from multicast. Programs may ask by
//!   multicast nevertheless, and a match domain `local` only comes before it.
//! - what a program does by itself: encrypted DNS, iCloud Private Relay and DNS proxies
//!   of network extensions stand before all of this.
//!
//! A name is taken as complete. A name of one label that a program looks up is first
//! tried with the domains of the search list, each of which is a name of its own here.

use netprof_model::configd::{Resolver, ResolverList};

/// The port of multicast DNS (RFC 6762, section 3).
pub(super) const MULTICAST_PORT: u16 = 5353;

/// The resolvers that claim `name` for a program that names no link: those of the longest
/// domain that covers it, the one that is asked first. More than one where several claim
/// the same domain.
///
/// A resolver that has no servers and is not asked by multicast answers nothing.
#[must_use]
pub fn who_answers<'a>(list: &'a ResolverList, name: &str) -> Vec<&'a Resolver> {
    answering(&list.resolvers, |resolver| resolver, name)
}

/// The same of resolvers that carry more than configd publishes.
pub(super) fn answering<'a, T>(
    all: &'a [T],
    resolver: impl Fn(&T) -> &Resolver,
    name: &str,
) -> Vec<&'a T> {
    let name = labels(name);
    let covering: Vec<(usize, &T)> = all
        .iter()
        .filter(|one| answers(resolver(one)))
        .filter_map(|one| {
            let domain = resolver(one).domain.as_deref();
            let domain = domain.map_or_else(Vec::new, labels);
            name.starts_with(&domain).then_some((domain.len(), one))
        })
        .collect();
    let longest = covering.iter().map(|(length, _)| *length).max();
    let mut all: Vec<&T> = covering
        .into_iter()
        .filter(|(length, _)| Some(*length) == longest)
        .map(|(_, one)| one)
        .collect();
    all.sort_by_key(|one| resolver(one).order);
    all
}

/// Whether anything can come of asking it.
fn answers(resolver: &Resolver) -> bool {
    let is_multicast = matches!(resolver.options.as_deref(), Some("mdns" | "pdns"));
    is_multicast || (!resolver.nameservers.is_empty() && resolver.port != Some(MULTICAST_PORT))
}

/// The labels of `name`, the last one first, in lower case.
fn labels(name: &str) -> Vec<String> {
    let name = name.trim_end_matches('.');
    if name.is_empty() {
        return Vec::new();
    }
    name.rsplit('.').map(str::to_ascii_lowercase).collect()
}
