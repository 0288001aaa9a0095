//! Resources and their states in the words that a person reads.

use std::fmt::Write;

use netprof_model::dns::{DefaultRoute, DnsLink};
use netprof_model::plan::Change;
use netprof_model::route::{RouteKey, RouteKind, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey};
use netprof_model::{Resource, State};

use super::macos;

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
    match resource {
        Resource::LinkUp { dev } => format!("link {dev}"),
        Resource::Address { local, .. } => format!("address {local}"),
        Resource::Rule(key) if key.family == Family::V6 => format!("rule6 {}", key.priority),
        Resource::Rule(key) => format!("rule {}", key.priority),
        Resource::Route(RouteKey {
            ifscope: Some(dev), ..
        }) => format!("scoped route on {dev}"),
        Resource::Route(key) => format!("route {}", destination(key)),
        Resource::DnsLink { dev } => format!("dns link {dev}"),
        Resource::DnsDelegate { name } => format!("dns delegate {name}"),
        Resource::Store { key } => format!("dns service {}", macos::service(key)),
        Resource::File { path } => format!("file {path}"),
        Resource::Mtu { dev } => format!("mtu {dev}"),
        Resource::Proxies { service } => format!("proxies {service}"),
    }
}

/// The same, where a person knows the network service that it is about by a name.
pub fn subject_named(resource: &Resource, service: Option<&str>) -> String {
    match (resource, service) {
        (Resource::Proxies { .. }, Some(name)) => format!("proxies {name}"),
        (other, _) => subject(other),
    }
}

fn destination(key: &RouteKey) -> String {
    if key.dst.prefix_len() > 0 {
        return key.dst.to_string();
    }
    match key.dst {
        ipnet::IpNet::V4(_) => "default".to_owned(),
        ipnet::IpNet::V6(_) => "default (IPv6)".to_owned(),
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
        (Some(before), Some(after)) => vec![format!(
            "{} -> {}",
            state(&change.resource, before),
            state(&change.resource, after)
        )],
        (None, Some(State::DnsLink(after))) => dns(&DnsLink::default(), after),
        (None, Some(one)) | (Some(one), None) => vec![state(&change.resource, one)],
        (None, None) => Vec::new(),
    }
}

/// A resource's state on one line.
pub fn state(resource: &Resource, state: &State) -> String {
    match (resource, state) {
        (_, State::LinkUp { up }) => if *up { "up" } else { "down" }.to_owned(),
        (Resource::Address { dev, .. }, _) => format!("dev {dev}"),
        (Resource::Rule(key), _) => rule(key),
        (Resource::Route(key), State::Route(spec)) => route(key, spec),
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
        (_, State::File(file)) => macos::file(file),
        (other, _) => other.to_string(),
    }
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

/// A route without its destination.
pub fn route(key: &RouteKey, spec: &RouteSpec) -> String {
    let mut text = String::new();
    let mut say = |word: &str, value: &str| {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "{word}");
        if !value.is_empty() {
            let _ = write!(text, " {value}");
        }
    };
    if spec.kind != RouteKind::Unicast {
        say(spec.kind.as_str(), "");
    }
    if let Some(id) = spec.nexthop_id {
        say("nhid", &id.to_string());
    }
    for hop in &spec.hops {
        if let Some(via) = hop.via {
            say("via", &via.to_string());
        }
        if let Some(dev) = &hop.dev {
            say("dev", dev);
        }
    }
    if let Some(src) = spec.prefsrc {
        say("src", &src.to_string());
    }
    if key.metric != 0 && !(key.dst.addr().is_ipv6() && key.metric == 1024) {
        say("metric", &key.metric.to_string());
    }
    if !matches!(key.table, 0 | RouteKey::MAIN) {
        say("table", &table(key.table));
    }
    text
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
