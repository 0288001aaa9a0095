//! Who put a route, a rule or an nft chain there, as far as the bytes tell.
//!
//! The kernel keeps no author, only a protocol number that most programs leave at
//! `boot` or `static`. But each VPN has its own tables and priorities, and those
//! give it away:
//!
//! - Tailscale: table 52, rules 5210 to 5270 (`router_linux.go`).
//! - wg-quick: a rule `not fwmark N lookup N`, from N 51820 on (wg-quick(8)).
//! - strongSwan: table 220, asked by rule 220 (`charon.routing_table`).
//!
//! A route that nobody signed is its link's owner's, if that is a VPN, a container
//! engine or a manager of links. What cannot be told is [`Owner::Unknown`]; it is never guessed.

use std::collections::{HashMap, HashSet};

use netprof_model::Owner;
use netprof_model::link::Link;
use netprof_model::route::{Protocol, Route};
use netprof_model::rule::{Rule, RuleAction};

const TABLE_TAILSCALE: u32 = 52;
const TABLE_STRONGSWAN: u32 = 220;
const TABLE_WG_QUICK: u32 = 51820;
const TABLE_MAIN: u32 = 254;

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

/// Names the owners of rules and routes. The links carry theirs already.
pub fn attribute(links: &[Link], rules: &mut [Rule], routes: &mut [Route]) {
    let wg_tables = of_rules(rules);
    let owners: HashMap<&str, Owner> = links
        .iter()
        .map(|link| {
            let owner = link.manager.map_or(link.owner, Owner::from);
            (link.name.as_str(), owner)
        })
        .collect();
    for route in routes {
        route.owner = of_route(route, &owners, &wg_tables);
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

fn of_route(route: &Route, links: &HashMap<&str, Owner>, wg_tables: &HashSet<u32>) -> Owner {
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
    // What nobody signed is its link's owner's, where that is a program that sets up
    // routes of its own.
    let unsigned = matches!(
        protocol,
        Protocol::UNSPEC | Protocol::BOOT | Protocol::STATIC
    );
    let by_link = route
        .devices()
        .filter_map(|dev| links.get(dev).copied())
        .find(|owner| sets_up_routes(*owner));
    match by_link {
        Some(owner) if unsigned => owner,
        _ => of_protocol(protocol),
    }
}

fn sets_up_routes(owner: Owner) -> bool {
    owner.is_vpn() || owner.is_engine() || matches!(owner, Owner::NetworkManager | Owner::Networkd)
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

#[cfg(test)]
mod tests {
    use netprof_model::link::LinkManager;
    use netprof_model::route::{Hop, RouteKey, RouteLive, RouteSpec};
    use netprof_model::rule::{Family, RuleKey, RuleSpec};

    use super::*;

    fn link(name: &str, owner: Owner, manager: Option<LinkManager>) -> Link {
        Link {
            owner,
            manager,
            ..Link::new(1, name)
        }
    }

    fn route(protocol: u8, table: u32, dev: &str) -> Route {
        Route {
            key: RouteKey {
                dst: "10.0.0.0/8".parse().unwrap(),
                table,
                metric: 0,
                tos: 0,
                ifscope: None,
            },
            spec: RouteSpec {
                protocol: Protocol(protocol),
                hops: vec![Hop::through(dev, None)],
                ..RouteSpec::default()
            }
            .into(),
            live: RouteLive::default(),
            owner: Owner::Unknown,
        }
    }

    fn rule(priority: u32, protocol: Protocol, action: RuleAction) -> Rule {
        Rule {
            key: RuleKey::new(Family::V4, priority, action),
            spec: RuleSpec { protocol },
            owner: Owner::Unknown,
        }
    }

    /// The two rules of wg-quick(8) with a default route.
    fn rules_of_wg_quick(table: u32) -> [Rule; 2] {
        let mut own = rule(32764, Protocol::BOOT, RuleAction::Lookup(table));
        own.key.not = true;
        own.key.fwmark = Some((table, u32::MAX));
        let mut partner = rule(32763, Protocol::BOOT, RuleAction::Lookup(254));
        partner.key.suppress_prefixlength = Some(0);
        [own, partner]
    }

    fn owner_of(route: Route, rules: &[Rule]) -> Owner {
        let links = [
            link("eth0", Owner::Unknown, None),
            link("eth1", Owner::Unknown, Some(LinkManager::Networkd)),
            link("wlan0", Owner::Unknown, Some(LinkManager::NetworkManager)),
            link("wg9", Owner::WgQuick, Some(LinkManager::NetworkManager)),
            link("tun0", Owner::Openvpn, None),
            link("docker0", Owner::Docker, None),
        ];
        let mut routes = [route];
        attribute(&links, &mut rules.to_vec(), &mut routes);
        routes[0].owner
    }

    #[test]
    fn what_is_signed_belongs_to_who_signed_it_through_whatever_link() {
        for (protocol, owner) in [
            (110, Owner::Netprof),
            (2, Owner::Kernel),
            (9, Owner::Ra),
            (16, Owner::Dhcp),
        ] {
            for dev in ["eth0", "tun0", "docker0", "wlan0"] {
                assert_eq!(owner_of(route(protocol, 254, dev), &[]), owner);
            }
        }
    }

    #[test]
    fn what_nobody_signed_belongs_to_the_owner_of_its_link() {
        for (protocol, dev, owner) in [
            (3, "tun0", Owner::Openvpn),
            (4, "docker0", Owner::Docker),
            (4, "wlan0", Owner::NetworkManager),
            (4, "wg9", Owner::NetworkManager),
            (4, "eth1", Owner::Networkd),
            (3, "eth0", Owner::User),
            (4, "eth0", Owner::Unknown),
            (186, "tun0", Owner::Unknown),
        ] {
            assert_eq!(
                owner_of(route(protocol, 254, dev), &[]),
                owner,
                "{protocol} {dev}"
            );
        }
    }

    #[test]
    fn vpns_are_known_by_their_tables() {
        let rules = rules_of_wg_quick(51_821);
        assert_eq!(owner_of(route(3, 52, "eth0"), &[]), Owner::Tailscale);
        assert_eq!(owner_of(route(4, 220, "eth0"), &[]), Owner::Strongswan);
        assert_eq!(owner_of(route(3, 51_821, "eth0"), &rules), Owner::WgQuick);
        assert_eq!(owner_of(route(3, 51_821, "eth0"), &[]), Owner::User);
        assert_eq!(owner_of(route(110, 52, "eth0"), &[]), Owner::Netprof);
    }

    #[test]
    fn rules_are_known_by_protocol_priority_and_partner() {
        let mut rules = vec![
            rule(0, Protocol::KERNEL, RuleAction::Lookup(255)),
            rule(110, Protocol::NETPROF, RuleAction::Lookup(254)),
            rule(5210, Protocol::BOOT, RuleAction::Lookup(254)),
            rule(9, Protocol::BOOT, RuleAction::Lookup(52)),
            rule(220, Protocol::UNSPEC, RuleAction::Lookup(220)),
            rule(900, Protocol::BOOT, RuleAction::Lookup(7)),
        ];
        rules.extend(rules_of_wg_quick(51_820));
        of_rules(&mut rules);
        let owners: Vec<Owner> = rules.iter().map(|rule| rule.owner).collect();
        assert_eq!(
            owners,
            [
                Owner::Kernel,
                Owner::Netprof,
                Owner::Tailscale,
                Owner::Tailscale,
                Owner::Strongswan,
                Owner::User,
                Owner::WgQuick,
                Owner::WgQuick,
            ]
        );
    }

    #[test]
    fn the_partner_alone_is_not_wg_quicks() {
        let [_, partner] = rules_of_wg_quick(51_820);
        let mut rules = [partner];
        of_rules(&mut rules);
        assert_eq!(rules[0].owner, Owner::User);
    }

    #[test]
    fn nft_tables_are_known_by_their_names() {
        for (table, chain, owner) in [
            ("netprof", "out", Owner::Netprof),
            ("docker-bridges", "forward", Owner::Docker),
            ("wg-quick-wg0", "preraw", Owner::WgQuick),
            ("filter", "ts-input", Owner::Tailscale),
            ("filter", "DOCKER-USER", Owner::Docker),
            ("netavark", "INPUT", Owner::Podman),
            ("libvirt_network", "forward", Owner::Libvirt),
            ("filter", "INPUT", Owner::Unknown),
            ("mullvad", "output", Owner::Unknown),
        ] {
            assert_eq!(of_nft(table, chain), owner, "{table} {chain}");
        }
    }
}
