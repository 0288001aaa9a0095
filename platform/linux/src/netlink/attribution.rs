//! Who put a route, a rule, a link or a chain there, as far as the bytes tell.
//!
//! The kernel keeps no author, only a protocol number that most programs leave at
//! `boot` or `static`. But each VPN and container engine has its own tables,
//! priorities and link names, and those give it away:
//!
//! - Tailscale: table 52, rules 5210 to 5270 (`router_linux.go`).
//! - wg-quick: a rule `not fwmark N lookup N`, from N 51820 on (wg-quick(8)).
//! - strongSwan: table 220, asked by rule 220 (`charon.routing_table`).
//! - Docker: `docker0` and `br-` with 12 hexadecimal digits of the network's id.
//! - Podman, libvirt, LXC and LXD: bridges named after them.
//!
//! What cannot be told is [`Owner::Unknown`]; it is never guessed.

use std::collections::{HashMap, HashSet};

use netprof_model::Owner;
use netprof_model::link::Link;
use netprof_model::route::{Protocol, Route};
use netprof_model::rule::{Rule, RuleAction};

const TABLE_TAILSCALE: u32 = 52;
const TABLE_STRONGSWAN: u32 = 220;
const TABLE_WG_QUICK: u32 = 51820;
const TABLE_MAIN: u32 = 254;

/// Who makes links of that name.
#[must_use]
pub fn of_link_name(name: &str) -> Owner {
    let bridge_of_docker = |rest: &str| {
        rest.len() == 12
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if name == "docker0"
        || name == "docker_gwbridge"
        || name.strip_prefix("br-").is_some_and(bridge_of_docker)
    {
        Owner::Docker
    } else if numbered("podman") || name.starts_with("cni-podman") {
        Owner::Podman
    } else if name.starts_with("virbr") {
        Owner::Libvirt
    } else if numbered("lxdbr") || numbered("lxcbr") {
        Owner::Lxd
    } else if numbered("tailscale") {
        Owner::Tailscale
    } else if name.starts_with("netprof") {
        Owner::Netprof
    } else {
        Owner::Unknown
    }
}

/// Who makes nft tables of that name, or chains of that name in a table that all
/// share, as those that iptables-nft makes.
#[must_use]
pub fn of_nft(table: &str, chain: &str) -> Owner {
    let named = |name: &str| {
        let name = name.to_ascii_lowercase();
        if name == "netprof" {
            Owner::Netprof
        } else if name.starts_with("docker") {
            Owner::Docker
        } else if name.starts_with("wg-quick-") {
            Owner::WgQuick
        } else if name.starts_with("ts-") || name.starts_with("tailscale") {
            Owner::Tailscale
        } else if name.starts_with("libvirt") {
            Owner::Libvirt
        } else if name.starts_with("netavark") || name.starts_with("podman") {
            Owner::Podman
        } else if name.starts_with("lxd") || name.starts_with("lxc") {
            Owner::Lxd
        } else {
            Owner::Unknown
        }
    };
    match named(table) {
        Owner::Unknown => named(chain),
        owner => owner,
    }
}

/// Names the owners of links, rules and routes. `tunnels` are owners of tunnels
/// that their processes told; links carry their manager already.
pub fn attribute<S: std::hash::BuildHasher>(
    links: &mut [Link],
    rules: &mut [Rule],
    routes: &mut [Route],
    tunnels: &HashMap<String, Owner, S>,
) {
    let wg_tables = of_rules(rules);
    for link in links.iter_mut() {
        link.owner = of_link(link, tunnels);
    }
    // A WireGuard link says nothing of who made it; that it has the default route
    // of a table of wg-quick's does.
    for route in routes.iter() {
        if wg_tables.contains(&route.key.table) {
            for link in links.iter_mut() {
                if link.owner == Owner::Unknown
                    && link.kind.as_deref() == Some("wireguard")
                    && route.goes_through(&link.name)
                {
                    link.owner = Owner::WgQuick;
                }
            }
        }
    }
    let by_name: HashMap<&str, &Link> = links
        .iter()
        .map(|link| (link.name.as_str(), link))
        .collect();
    for route in routes {
        route.owner = of_route(route, &by_name, &wg_tables);
    }
}

fn of_link<S: std::hash::BuildHasher>(link: &Link, tunnels: &HashMap<String, Owner, S>) -> Owner {
    if link.loopback {
        return Owner::Kernel;
    }
    if let Some(owner) = tunnels.get(&link.name) {
        return *owner;
    }
    match (of_link_name(&link.name), link.manager) {
        (Owner::Unknown, Some(manager)) => manager.into(),
        (owner, _) => owner,
    }
}

/// Names the owners of rules. Returns the tables that are wg-quick's.
pub fn of_rules(rules: &mut [Rule]) -> HashSet<u32> {
    let own_table = |rule: &Rule| match (rule.key.action, rule.key.fwmark) {
        (RuleAction::Lookup(table), Some((mark, _))) if rule.key.not && mark == table => {
            (table >= TABLE_WG_QUICK).then_some(table)
        }
        _ => None,
    };
    let tables: HashSet<u32> = rules.iter().filter_map(own_table).collect();
    for rule in rules {
        let key = &rule.key;
        let bare = key.selector().is_empty();
        rule.owner = match (rule.spec.protocol, key.action) {
            (Protocol::NETPROF, _) => Owner::Netprof,
            _ if (5210..=5270).contains(&key.priority) => Owner::Tailscale,
            (_, RuleAction::Lookup(TABLE_TAILSCALE)) => Owner::Tailscale,
            (_, RuleAction::Lookup(table)) if tables.contains(&table) => Owner::WgQuick,
            // Its partner: the main table, but for its default route.
            (_, RuleAction::Lookup(TABLE_MAIN))
                if bare && key.suppress_prefixlength == Some(0) && !tables.is_empty() =>
            {
                Owner::WgQuick
            }
            (_, RuleAction::Lookup(TABLE_STRONGSWAN)) => Owner::Strongswan,
            (protocol, _) => of_protocol(protocol),
        };
    }
    tables
}

fn of_route(route: &Route, links: &HashMap<&str, &Link>, wg_tables: &HashSet<u32>) -> Owner {
    let protocol = route.spec.protocol;
    // These say who they are, through whatever link they go.
    let told = matches!(
        protocol,
        Protocol::NETPROF | Protocol::KERNEL | Protocol::RA | Protocol::DHCP
    );
    if told {
        return of_protocol(protocol);
    }
    match route.key.table {
        TABLE_TAILSCALE => return Owner::Tailscale,
        TABLE_STRONGSWAN => return Owner::Strongswan,
        table if wg_tables.contains(&table) => return Owner::WgQuick,
        _ => {}
    }
    let by_link = route.devices().find_map(|dev| {
        let link = links.get(dev)?;
        let owner = link.owner;
        (owner.is_vpn() || owner.is_engine() || link.manager.is_some()).then_some(owner)
    });
    match (protocol, by_link) {
        (Protocol::UNSPEC | Protocol::BOOT | Protocol::STATIC, Some(owner)) => owner,
        _ => of_protocol(protocol),
    }
}

/// `boot` is what ip-route(8) says when it is not told what to say.
fn of_protocol(protocol: Protocol) -> Owner {
    match protocol {
        Protocol::NETPROF => Owner::Netprof,
        Protocol::KERNEL => Owner::Kernel,
        Protocol::RA => Owner::Ra,
        Protocol::DHCP => Owner::Dhcp,
        Protocol::BOOT => Owner::User,
        _ => Owner::Unknown,
    }
}
