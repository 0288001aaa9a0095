//! Resources and their states in the words that a person reads.

use std::fmt::Write;

use netprof_model::dns::{DefaultRoute, DnsLink};
use netprof_model::file::FileState;
use netprof_model::nft_table::NftTable;
use netprof_model::plan::Change;
use netprof_model::plist::Dictionary;
use netprof_model::route::{RouteKey, RouteKind, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey};
use netprof_model::{Resource, State, digits};

use super::{macos, settings};

/// Said where two states differ in what is not shown.
pub const ANOTHER_PASSWORD: &str = "(another password)";

/// The name of a table, where it has one (iproute2's `rt_tables`).
pub fn table(number: u32) -> String {
    match number {
        253 => "default".to_owned(),
        254 => "main".to_owned(),
        255 => "local".to_owned(),
        other => other.to_string(),
    }
}

/// The resource, short.
pub fn subject(resource: &Resource) -> String {
    subject_named(resource, None)
}

/// The same, where a person knows the network service that it is about by a name.
pub fn subject_named(resource: &Resource, service: Option<&str>) -> String {
    let mut text = String::new();
    put_subject(&mut text, resource, service);
    text
}

/// Writes the same.
pub fn put_subject(text: &mut String, resource: &Resource, service: Option<&str>) {
    let _ = match resource {
        Resource::Route(key) => {
            match &key.ifscope {
                Some(dev) => text.extend(["scoped route on ", dev]),
                None => {
                    text.push_str("route ");
                    destination(text, key);
                }
            }
            Ok(())
        }
        Resource::LinkUp { dev } => write!(text, "link {dev}"),
        Resource::Address { local, .. } => write!(text, "address {local}"),
        Resource::Rule(key) if key.family == Family::V6 => write!(text, "rule6 {}", key.priority),
        Resource::Rule(key) => write!(text, "rule {}", key.priority),
        Resource::DnsLink { dev } => write!(text, "dns link {dev}"),
        Resource::DnsDelegate { name } => write!(text, "dns delegate {name}"),
        Resource::Store { key } => write!(text, "dns service {}", macos::service(key)),
        Resource::File { path } => write!(text, "file {path}"),
        Resource::Mtu { dev } => write!(text, "mtu {dev}"),
        Resource::Proxies { service: id } => write!(text, "proxies {}", service.unwrap_or(id)),
        Resource::Settings(settings) => write!(text, "settings {settings}"),
        Resource::NftTable => write!(text, "table inet netprof"),
    };
}

fn destination(text: &mut String, key: &RouteKey) {
    match key.dst {
        net if net.prefix_len() > 0 => digits::network(text, net),
        ipnet::IpNet::V4(_) => text.push_str("default"),
        ipnet::IpNet::V6(_) => text.push_str("default (IPv6)"),
    }
}

/// What a change makes of its resource: one line or more.
pub fn change(change: &Change) -> Vec<String> {
    match (&change.before, &change.after) {
        (Some(State::DnsLink(before)), Some(State::DnsLink(after))) => dns(before, after),
        (Some(State::Store(before)), Some(State::Store(after))) => {
            macos::store_change(before, after)
        }
        (Some(State::Proxies(before)), Some(State::Proxies(after))) => {
            macos::proxies_change(before, after)
        }
        (Some(State::Settings(before)), Some(State::Settings(after))) => {
            settings::change(before, after)
        }
        (Some(before), Some(after)) if before != after && before.redacted() == after.redacted() => {
            vec![format!(
                "{} {ANOTHER_PASSWORD}",
                state(&change.resource, after)
            )]
        }
        (Some(before), Some(after)) => vec![format!(
            "{} -> {}",
            state(&change.resource, before),
            state(&change.resource, after)
        )],
        (None, Some(State::DnsLink(after))) => dns(&DnsLink::default(), after),
        (None, Some(State::Settings(after))) => settings::change(&Dictionary::new(), after),
        (None, Some(State::File(file))) if !change.resource.is_of_resolver() => lines(file),
        (None, Some(one)) | (Some(one), None) => vec![state(&change.resource, one)],
        (None, None) => Vec::new(),
    }
}

/// What a file says, line by line below its name.
fn lines(file: &FileState) -> Vec<String> {
    let file = file.redacted();
    if matches!(*file, FileState::Symlink { .. }) {
        return vec![macos::file(&file)];
    }
    let text = file.lossy();
    let said = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let said = said.map(str::to_owned);
    std::iter::once(String::new()).chain(said).collect()
}

/// A resource's state on one line.
pub fn state(resource: &Resource, state: &State) -> String {
    match (resource, state) {
        (_, State::LinkUp { up }) => if *up { "up" } else { "down" }.to_owned(),
        (Resource::Address { dev, .. }, _) => format!("dev {dev}"),
        (Resource::Rule(key), _) => rule(key),
        (Resource::Route(key), State::Route(spec)) => {
            let mut text = String::new();
            put_route(&mut text, key, spec);
            text
        }
        (_, State::DnsLink(dns)) => [domains(dns), servers(dns)].join(" "),
        (_, State::DnsDelegate(dns)) => {
            let words = dns.domains.iter().map(ToString::to_string);
            words
                .chain(dns.servers.iter().map(ToString::to_string))
                .collect::<Vec<_>>()
                .join(" ")
        }
        (_, State::Mtu { mtu }) => mtu.to_string(),
        (_, State::Store(all)) => macos::store(all),
        (_, State::Proxies(all)) => macos::proxies(all),
        (_, State::File(file)) => macos::file(&file.redacted()),
        (_, State::Settings(all)) => settings::all(all),
        (_, State::NftTable(table)) => nft_table(table),
        (other, _) => other.to_string(),
    }
}

fn nft_table(table: &NftTable) -> String {
    let clamped = format!(
        "clamp-mss {}",
        listed(table.clamped.iter().cloned(), "nothing")
    );
    let others = table.others.iter().map(String::as_str);
    let all: Vec<&str> = std::iter::once(clamped.as_str()).chain(others).collect();
    all.join(", ")
}

fn rule(key: &RuleKey) -> String {
    let selector = key.selector();
    let from = if selector.is_empty() {
        "from all".to_owned()
    } else {
        selector
    };
    match key.action {
        // The suppressor is how the rule does it, not what it does.
        RuleAction::Lookup(number) => format!("{from} lookup {}", table(number)),
        _ => format!("{from} {}", key.verdict()),
    }
}

/// Writes a route without its destination.
pub fn put_route(text: &mut String, key: &RouteKey, spec: &RouteSpec) {
    let start = text.len();
    if spec.kind != RouteKind::Unicast {
        text.push_str(spec.kind.as_str());
        text.push(' ');
    }
    if let Some(id) = spec.nexthop_id {
        text.push_str("nhid ");
        digits::number(text, id);
        text.push(' ');
    }
    for hop in &spec.hops {
        if let Some(via) = hop.via {
            text.push_str("via ");
            digits::address(text, via);
            text.push(' ');
        }
        if let Some(dev) = &hop.dev {
            text.push_str("dev ");
            text.push_str(dev);
            text.push(' ');
        }
    }
    if let Some(src) = spec.prefsrc {
        let _ = write!(text, "src {src} ");
    }
    if key.metric != 0 && !(key.dst.addr().is_ipv6() && key.metric == 1024) {
        let _ = write!(text, "metric {} ", key.metric);
    }
    if !matches!(key.table, 0 | RouteKey::MAIN) {
        let _ = write!(text, "table {} ", table(key.table));
    }
    // The blank at the end, where there is anything.
    text.truncate(start.max(text.len().saturating_sub(1)));
}

fn dns(before: &DnsLink, after: &DnsLink) -> Vec<String> {
    let mut lines = Vec::new();
    if before.domains != after.domains {
        lines.push(format!("{} -> {}", domains(before), domains(after)));
    }
    if before.servers != after.servers {
        let was = if before.servers.is_empty() {
            String::new()
        } else {
            format!(" (was {})", servers(before))
        };
        lines.push(format!("{}{was}", servers(after)));
    }
    if before.default_route != after.default_route {
        lines.push(match after.default_route {
            DefaultRoute::Yes => "takes names that nobody claims".to_owned(),
            DefaultRoute::No => "does not take names that nobody claims".to_owned(),
            DefaultRoute::Unset => "takes names that nobody claims as before".to_owned(),
        });
    }
    if lines.is_empty() {
        lines.push("other settings".to_owned());
    }
    lines
}

fn domains(dns: &DnsLink) -> String {
    listed(dns.domains.iter().map(ToString::to_string), "no domain")
}

fn servers(dns: &DnsLink) -> String {
    listed(dns.servers.iter().map(ToString::to_string), "no server")
}

fn listed(words: impl Iterator<Item = String>, none: &str) -> String {
    let all: Vec<String> = words.collect();
    if all.is_empty() {
        none.to_owned()
    } else {
        all.join(" ")
    }
}
