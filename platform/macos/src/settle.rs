//! Whether configd has taken what it was told.
//!
//! A key of the dynamic store is set at once, but the resolvers that configd makes of all
//! keys and files are published a moment later (`IPMonitorProcessChanges` in configd,
//! Plugins/IPMonitor/ip_plugin.c), and a file in `/etc/resolver` is first noticed by who
//! watches that folder for it (`dns_configuration_monitor`, dns-configuration.c). Names are asked by the published list, so a transaction is not done
//! before that shows what was changed. It is waited for, woken by the same notice that
//! mDNSResponder waits for, and never longer than configd itself waits for those that it
//! notifies.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netprof_model::configd::{Resolver, ResolverList};
use netprof_model::file::FileState;
use netprof_model::plan::Change;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Resource, State};

use crate::files;
use crate::mac::Mac;

/// How long it may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// A resolver that a key or a file stands for: which domain, and which servers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    domain: String,
    servers: BTreeSet<IpAddr>,
    port: Option<u16>,
    /// Whether it is of a match domain of a service.
    supplemental: bool,
    /// Its order, where one is set.
    order: Option<u32>,
}

impl Claim {
    /// Whether `resolver` is what configd makes of it, and not what somebody else has for the
    /// same domain. It may leave out servers of a family that the service cannot reach, and
    /// the order of the first resolver of all, which is one for every name, where the list
    /// has no default behind it (`dns_configuration_set`).
    fn is_met_by(&self, resolver: &Resolver) -> bool {
        let servers: Vec<IpAddr> = resolver
            .nameservers
            .iter()
            .filter_map(|one| server(one))
            .collect();
        domain(resolver.domain.as_deref().unwrap_or_default()) == self.domain
            && !servers.is_empty()
            && servers.iter().all(|one| self.servers.contains(one))
            && resolver.port.unwrap_or(53) == self.port.unwrap_or(53)
            && resolver.supplemental == self.supplemental
            && (self.order.is_none_or(|order| resolver.order == order)
                || (resolver.order == 0 && self.domain.is_empty()))
    }

    fn is_published(&self, list: &ResolverList) -> bool {
        list.resolvers
            .iter()
            .any(|resolver| self.is_met_by(resolver))
    }
}

/// A domain without what makes no difference: its case, and a dot at its end.
fn domain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The address of a server. A link-local one has its link behind it, and in a file one
/// may have its port behind a dot (`_dnsinfo_parse_nameserver`).
fn server(text: &str) -> Option<IpAddr> {
    let address = |text: &str| text.split('%').next().unwrap_or_default().parse().ok();
    address(text).or_else(|| address(text.rsplit_once('.')?.0))
}

/// The resolvers that `state` of `resource` stands for. Only what has domains of its own
/// has them for certain: what else a service says takes part in the choice of the
/// resolver for everything, and may lose there.
#[must_use]
pub fn claims(resource: &Resource, state: Option<&State>) -> Vec<Claim> {
    match (resource, state) {
        (Resource::Store { key }, Some(State::Store(all))) if key.ends_with("/DNS") => of_key(all),
        (Resource::File { path }, Some(State::File(file))) => {
            of_file(path, file).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn of_key(all: &Dictionary) -> Vec<Claim> {
    let words = |key: &str| all.get(key).into_iter().flat_map(Value::words);
    let servers: BTreeSet<IpAddr> = words("ServerAddresses").filter_map(server).collect();
    if servers.is_empty() {
        return Vec::new();
    }
    let port = all.get("ServerPort").and_then(Value::as_integer);
    let orders = all.get("SupplementalMatchOrders").map(Value::items);
    words("SupplementalMatchDomains")
        .enumerate()
        .map(|(at, name)| Claim {
            domain: domain(name),
            servers: servers.clone(),
            port: port.and_then(|port| u16::try_from(port).ok()),
            supplemental: true,
            order: orders
                .and_then(|orders| orders.get(at)?.as_integer())
                .and_then(|order| u32::try_from(order).ok()),
        })
        .collect()
}

fn of_file(path: &str, file: &FileState) -> Option<Claim> {
    let text = file.lossy();
    let mut name = path.strip_prefix(files::FOLDER)?.trim_start_matches('/');
    let mut servers = BTreeSet::new();
    let mut port = None;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("domain"), Some(word)) => name = word,
            (Some("nameserver"), Some(word)) => servers.extend(server(word)),
            (Some("port"), Some(word)) => port = word.parse().ok(),
            _ => {}
        }
    }
    (!servers.is_empty()).then(|| Claim {
        domain: domain(name),
        servers,
        port,
        supplemental: false,
        order: None,
    })
}

/// What the list must show, and must no longer show, for each of `changes` to be taken.
#[derive(Debug)]
pub struct Awaited<'a> {
    of: Vec<(&'a Change, Vec<Claim>, Vec<Claim>)>,
}

impl<'a> Awaited<'a> {
    /// What `changes` bring and take away. What one takes away and another brings, or
    /// that `others` hold as well, stays.
    #[must_use]
    pub fn by(changes: &[&'a Change], others: &[Claim]) -> Self {
        let brought: Vec<Claim> = changes
            .iter()
            .flat_map(|change| claims(&change.resource, change.after.as_ref()))
            .collect();
        let of = changes.iter().map(|change| {
            let mut gone = claims(&change.resource, change.before.as_ref());
            gone.retain(|one| !brought.contains(one) && !others.contains(one));
            (
                *change,
                claims(&change.resource, change.after.as_ref()),
                gone,
            )
        });
        Self { of: of.collect() }
    }

    /// Whether there is nothing that the list would show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of
            .iter()
            .all(|(_, there, gone)| there.is_empty() && gone.is_empty())
    }

    /// Those of the changes that `list` does not show, each with the words for why.
    #[must_use]
    pub fn missing(&self, list: Option<&ResolverList>) -> Vec<(&'a Change, String)> {
        let (empty, published) = (ResolverList::default(), list.is_some());
        let list = list.unwrap_or(&empty);
        let mut missing = Vec::new();
        for (change, there, gone) in &self.of {
            // configd reads the files only where it publishes anything at all: not where
            // there is neither a server nor a service (`dns_configuration_set`).
            if matches!(change.resource, Resource::File { .. }) && !published {
                continue;
            }
            let lacks = there.iter().find(|one| !one.is_published(list));
            let still = gone.iter().find(|one| one.is_published(list));
            let what = match (lacks, still) {
                (Some(claim), _) => format!("no resolver for {}", claim.shown()),
                (None, Some(claim)) => format!("still a resolver for {}", claim.shown()),
                (None, None) => continue,
            };
            missing.push((*change, what));
        }
        missing
    }

    /// Waits until the list shows all of it. Then none; else what it does not show.
    pub fn wait<M: Mac>(&self, mac: &mut M) -> Vec<(&'a Change, String)> {
        let end = Instant::now() + LIMIT;
        let all = |why: String| {
            self.of
                .iter()
                .map(|(change, ..)| (*change, why.clone()))
                .collect()
        };
        loop {
            let missing = match mac.resolvers() {
                Ok(list) => self.missing(list.as_ref()),
                Err(error) => return all(format!("the resolvers cannot be read: {error}")),
            };
            if missing.is_empty() {
                return missing;
            }
            let left = end.saturating_duration_since(Instant::now());
            match mac.hear(left) {
                Ok(true) => {}
                Ok(false) => {
                    let seconds = LIMIT.as_secs();
                    let words = |what| format!("configd publishes {what}, {seconds} s later");
                    return missing
                        .into_iter()
                        .map(|(change, what)| (change, words(what)))
                        .collect();
                }
                // By a signal, which ends no wait: who asked for the transaction looks for
                // it when it is done.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return all(format!("configd's notices cannot be heard: {error}")),
            }
        }
    }
}

impl Claim {
    fn shown(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(IpAddr::to_string).collect();
        let domain = if self.domain.is_empty() {
            "every name"
        } else {
            &self.domain
        };
        format!("{domain} at {}", servers.join(" "))
    }
}

#[cfg(test)]
mod tests;
