//! How a Mac finds the servers of a name, over plain data.
//!
//! mDNSResponder takes configd's list (`mDNSMacOSX/mDNSMacOSX.c`, ConfigDNSServers),
//! orders the resolvers by their `order`, where none counts as 0 and so comes first, and
//! asks those whose domain covers the name with the most labels. Apple no longer
//! publishes the part that compares the names with the domains; what follows is what
//! resolver(5) says and what is seen. So this much is not certain:
//!
//! - of several resolvers with the same domain, which are asked at once, and which only
//!   when the first gives no answer. All are given, in their order.
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

/// The resolvers that are asked for `name` by a program that names no link: those of the
/// longest domain that covers it, the first to be asked first. More than one where
/// several claim the same domain.
///
/// A resolver that has no servers and is not asked by multicast answers nothing.
#[must_use]
pub fn who_answers<'a>(list: &'a ResolverList, name: &str) -> Vec<&'a Resolver> {
    let name = labels(name);
    let covering: Vec<(usize, &Resolver)> = list
        .resolvers
        .iter()
        .filter(|resolver| answers(resolver))
        .filter_map(|resolver| {
            let domain = resolver.domain.as_deref().map_or_else(Vec::new, labels);
            name.starts_with(&domain)
                .then_some((domain.len(), resolver))
        })
        .collect();
    let longest = covering.iter().map(|(length, _)| *length).max();
    let mut all: Vec<&Resolver> = covering
        .into_iter()
        .filter(|(length, _)| Some(*length) == longest)
        .map(|(_, resolver)| resolver)
        .collect();
    all.sort_by_key(|resolver| resolver.order);
    all
}

/// Whether anything can come of asking it.
fn answers(resolver: &Resolver) -> bool {
    let is_multicast = matches!(resolver.options.as_deref(), Some("mdns" | "pdns"));
    is_multicast || !resolver.nameservers.is_empty()
}

/// The labels of `name`, the last one first, in lower case.
fn labels(name: &str) -> Vec<String> {
    let name = name.trim_end_matches('.');
    if name.is_empty() {
        return Vec::new();
    }
    name.rsplit('.').map(str::to_ascii_lowercase).collect()
}
