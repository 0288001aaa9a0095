//! Who made a link, as far as it can be told.
//!
//! The kernel does not note it. What there is, the surest first: the process that holds a
//! tunnel ([`crate::holder`]); the network service that has put addresses on the link,
//! whose type names the app; the network agents of the link, of which that of a VPN app
//! says that it is one, which ifconfig -v prints; and names that macOS gives to links of its own.

use std::collections::HashMap;

use netprof_model::Owner;
use netprof_model::configd::Store;
use netprof_model::evidence::{ClueKind, Trail};
use netprof_model::link::Link;
use netprof_model::plist::Value;

use crate::mac::{Family, Mac};
use crate::program::by_bundle;
use crate::route::ioctl::{self, Agent};

/// The agents of a link; none where they are not told.
#[must_use]
pub fn agents<M: Mac>(mac: &mut M, link: &str) -> Vec<Agent> {
    let ids = mac.agents(link).unwrap_or_default();
    let ask = |id: &[u8]| {
        let mut request = ioctl::agent_data(id.try_into().ok()?);
        mac.ioctl(Family::V4, ioctl::SIOCGIFAGENTDATA, &mut request)
            .ok()?;
        Some(Agent::of(&request))
    };
    ids.chunks_exact(ioctl::UUID).filter_map(ask).collect()
}

/// Who the services of the dynamic store belong to that have addresses on a link, and
/// what the services are called whose owners are known.
#[derive(Clone, Debug, Default)]
pub struct Services {
    links: HashMap<String, Owner>,
    names: HashMap<String, Owner>,
}

impl Services {
    /// As `store` has them.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        let mut services = Self::default();
        for (key, value) in &store.0 {
            let Some((domain, id, entity)) = parts(key) else {
                continue;
            };
            let of = |key: &str| value.as_dictionary()?.get(key)?.as_str();
            match (domain, entity) {
                ("State:", "IPv4" | "IPv6") => {
                    let owner = owner_of(store, id);
                    if let (Some(link), true) = (of("InterfaceName"), owner != Owner::Unknown) {
                        services.links.insert(link.to_owned(), owner);
                    }
                }
                ("Setup:", "") => {
                    let owner = owner_of(store, id);
                    if let (Some(name), true) = (of("UserDefinedName"), owner != Owner::Unknown) {
                        services.names.insert(name.to_owned(), owner);
                    }
                }
                _ => {}
            }
        }
        services
    }
}

/// The half of the store, the service and the entity of a key; an empty entity for what
/// is said of the service itself.
fn parts(key: &str) -> Option<(&str, &str, &str)> {
    let (domain, rest) = key.split_once("/Network/Service/")?;
    let (id, entity) = rest.split_once('/').unwrap_or((rest, ""));
    Some((domain, id, entity))
}

/// Whose service that is: by the app that its type names, else by its identifier, which
/// programs without an app make up.
fn owner_of(store: &Store, id: &str) -> Owner {
    let interface = store.get(&format!("Setup:/Network/Service/{id}/Interface"));
    let of = |key: &str| interface?.get(key).and_then(Value::as_str);
    match (of("Type"), of("SubType")) {
        (Some("VPN"), Some(bundle)) => match by_bundle(bundle) {
            Owner::Unknown => Owner::NetworkExtension,
            owner => owner,
        },
        (Some("PPP"), _) => Owner::Pppd,
        _ => by_bundle(id),
    }
}

/// Who made `link`.
#[must_use]
pub fn link_owner(
    link: &Link,
    holders: &HashMap<String, Owner>,
    services: &Services,
    agents: &[Agent],
    trail: &mut impl Trail,
) -> Owner {
    if link.loopback {
        trail.clue(
            ClueKind::Kind,
            format_args!("{} is a loopback link", link.name),
        );
        return Owner::Kernel;
    }
    let vpn = agents
        .iter()
        .find(|agent| agent.domain == "NetworkExtension" && agent.kind == "VPN");
    let named = vpn
        .and_then(|agent| agent.description.strip_prefix("VPN: "))
        .and_then(|name| services.names.get(name));
    let holder = holders.get(&link.name);
    let told = [
        (
            ClueKind::Process,
            "a process of its holds the tunnel",
            holder,
        ),
        (
            ClueKind::Service,
            "a network service of its has addresses there",
            services.links.get(&link.name),
        ),
        (
            ClueKind::Service,
            "a network agent of the link names its network service",
            named,
        ),
    ];
    // That it is some app is said by all of them, and which one by the first that knows.
    for (kind, says, owner) in told {
        if let Some(owner) = owner {
            trail.clue(kind, format_args!("{says}: {owner}"));
            if *owner != Owner::NetworkExtension {
                return *owner;
            }
        }
    }
    if vpn.is_some() || told.iter().any(|(.., owner)| owner.is_some()) {
        trail.clue(
            ClueKind::Service,
            format_args!("a VPN app keeps it, and which one cannot be told"),
        );
        return Owner::NetworkExtension;
    }
    // Identity services of a user: `ids501`.
    let is_apple = |agent: &Agent| {
        let user = agent.domain.strip_prefix("ids");
        user.is_some_and(|user| !user.is_empty() && user.bytes().all(|c| c.is_ascii_digit()))
    };
    if agents.iter().any(is_apple) {
        trail.clue(
            ClueKind::Service,
            format_args!("a network agent of the link is of macOS's own"),
        );
        return Owner::Apple;
    }
    let owner = by_name(&link.name);
    if owner != Owner::Unknown {
        trail.clue(
            ClueKind::Name,
            format_args!("macOS gives the name {} to no other", link.name),
        );
    }
    owner
}

/// What the name of a link says: macOS gives these to no other.
fn by_name(name: &str) -> Owner {
    const NAMES: &[(&str, Owner)] = &[
        // AirDrop, and low-latency Wi-Fi.
        ("awdl", Owner::Apple),
        ("llw", Owner::Apple),
        // Made when the kernel starts.
        ("gif", Owner::Kernel),
        ("stf", Owner::Kernel),
        ("pflog", Owner::Kernel),
        ("ppp", Owner::Pppd),
    ];
    let start = name.trim_end_matches(|c: char| c.is_ascii_digit());
    NAMES
        .iter()
        .find(|(known, _)| *known == start)
        .map_or(Owner::Unknown, |(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use netprof_model::plist::Dictionary;

    use super::*;

    fn store(entries: &[(&str, &[(&str, &str)])]) -> Store {
        let dictionary = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Value::String((*value).to_owned())));
            Value::Dictionary(Dictionary::from_iter(pairs))
        };
        let entries = entries.iter();
        Store(
            entries
                .map(|(key, pairs)| ((*key).to_owned(), dictionary(pairs)))
                .collect(),
        )
    }

    fn agent(domain: &str, kind: &str, description: &str) -> Agent {
        Agent {
            domain: domain.to_owned(),
            kind: kind.to_owned(),
            description: description.to_owned(),
            flags: 0,
        }
    }

    fn owner(name: &str, store: &Store, agents: &[Agent]) -> Owner {
        link_owner(
            &Link::new(9, name),
            &HashMap::new(),
            &Services::of(store),
            agents,
            &mut (),
        )
    }

    #[test]
    fn a_service_with_an_app_names_its_link() {
        let store = store(&[
            (
                "State:/Network/Service/A/IPv4",
                &[("InterfaceName", "utun4")],
            ),
            (
                "Setup:/Network/Service/A/Interface",
                &[("Type", "VPN"), ("SubType", "io.tailscale.ipn.macsys")],
            ),
            (
                "State:/Network/Service/B/IPv6",
                &[("InterfaceName", "utun5")],
            ),
            (
                "Setup:/Network/Service/B/Interface",
                &[("Type", "VPN"), ("SubType", "org.example")],
            ),
            ("State:/Network/Service/C/IPv4", &[("InterfaceName", "en0")]),
            (
                "Setup:/Network/Service/C/Interface",
                &[("Type", "Ethernet")],
            ),
            (
                "State:/Network/Service/gpd.pan/IPv4",
                &[("InterfaceName", "gpd0")],
            ),
            (
                "State:/Network/Interface/utun6/IPv4",
                &[("InterfaceName", "utun6")],
            ),
        ]);
        for (link, whose) in [
            ("utun4", Owner::Tailscale),
            ("utun5", Owner::NetworkExtension),
            ("en0", Owner::Unknown),
            ("gpd0", Owner::Globalprotect),
            ("utun6", Owner::Unknown),
        ] {
            assert_eq!(owner(link, &store, &[]), whose, "{link}");
        }
    }

    #[test]
    fn an_agent_says_that_it_is_a_vpn_and_its_name_which() {
        let store = store(&[
            ("Setup:/Network/Service/A", &[("UserDefinedName", "Home")]),
            (
                "Setup:/Network/Service/A/Interface",
                &[("Type", "VPN"), ("SubType", "com.wireguard.macos")],
            ),
        ]);
        let vpn = |name: &str| agent("NetworkExtension", "VPN", &format!("VPN: {name}"));
        assert_eq!(owner("utun4", &store, &[vpn("Home")]), Owner::Wireguard);
        assert_eq!(
            owner("utun4", &store, &[vpn("Work")]),
            Owner::NetworkExtension
        );
        let others = [
            agent("Skywalk", "NetIf", "Userspace Networking"),
            agent(
                "ids501",
                "clientchannel",
                "IDSNexusAgent ids501 : clientchannel",
            ),
        ];
        assert_eq!(owner("utun0", &store, &others[..1]), Owner::Unknown);
        assert_eq!(owner("utun0", &store, &others), Owner::Apple);
    }

    #[test]
    fn the_holder_is_believed_before_all_others() {
        let store = store(&[
            (
                "State:/Network/Service/A/IPv4",
                &[("InterfaceName", "utun4")],
            ),
            (
                "Setup:/Network/Service/A/Interface",
                &[("Type", "VPN"), ("SubType", "com.wireguard.macos")],
            ),
        ]);
        let services = Services::of(&store);
        let owner = |holder| {
            let holders = HashMap::from([("utun4".to_owned(), holder)]);
            link_owner(&Link::new(9, "utun4"), &holders, &services, &[], &mut ())
        };
        assert_eq!(owner(Owner::Openvpn), Owner::Openvpn);
        // A service of macOS that holds it says less than the service it is for.
        assert_eq!(owner(Owner::NetworkExtension), Owner::Wireguard);
    }

    #[test]
    fn links_of_macos_are_known_by_their_names() {
        let none = Store::default();
        for (link, whose) in [
            ("awdl0", Owner::Apple),
            ("llw0", Owner::Apple),
            ("gif0", Owner::Kernel),
            ("ppp0", Owner::Pppd),
            ("en0", Owner::Unknown),
            ("bridge100", Owner::Unknown),
            ("utun3", Owner::Unknown),
            ("pppoe0", Owner::Unknown),
        ] {
            assert_eq!(owner(link, &none, &[]), whose, "{link}");
        }
        let lo0 = Link {
            loopback: true,
            ..Link::new(1, "lo0")
        };
        let services = Services::default();
        assert_eq!(
            link_owner(&lo0, &HashMap::new(), &services, &[], &mut ()),
            Owner::Kernel
        );
    }
}
