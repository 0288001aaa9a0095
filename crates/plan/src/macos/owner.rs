//! Who put a route there, as far as it can be told.
//!
//! The kernel keeps no author. What it keeps is whether anybody asked for the route
//! (RTF_STATIC, which route(8), configd and netprof say; without it the codec reads
//! [`Protocol::KERNEL`]): what nobody asked for is the kernel's own, and of IPv6 a
//! router's. Of the others, netprof's bear its mark; those through a tunnel are its owner's; and those that follow from what the
//! dynamic store says of a service are configd's, which makes them of that
//! (`service_dict`'s route lists in configd, Plugins/IPMonitor/ip_plugin.c). The rest
//! somebody has put there who cannot be told.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::configd::Store;
use netprof_model::evidence::{Clue, ClueKind, Trail};
use netprof_model::link::Link;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::route::{Protocol, Route};
use netprof_model::{Owner, Resource, Snapshot};

/// Names the owners of routes. The links carry theirs already.
pub fn attribute(links: &[Link], store: Option<&Store>, routes: &mut [Route]) {
    let owners: HashMap<&str, Owner> = links
        .iter()
        .map(|link| (link.name.as_str(), link.owner))
        .collect();
    let of_services = store.map(of_services).unwrap_or_default();
    for route in routes {
        route.owner = owner(route, &owners, &of_services, &mut ());
    }
}

/// How it was found out whose `resource` is in `snapshot`; nothing where it is not there.
#[must_use]
pub fn trail(snapshot: &Snapshot, resource: &Resource) -> Vec<Clue> {
    let mut trail = Vec::new();
    match resource {
        Resource::Route(key) => {
            let mut routes = snapshot.routes.items().iter();
            if let Some(route) = routes.find(|route| &route.key == key) {
                let links = snapshot.links.items().iter();
                let owners = links.map(|link| (link.name.as_str(), link.owner)).collect();
                let services = snapshot.store.seen().map(of_services).unwrap_or_default();
                owner(route, &owners, &services, &mut trail);
            }
        }
        Resource::LinkUp { dev } | Resource::Address { dev, .. } | Resource::Mtu { dev } => {
            if let Some(link) = snapshot.link(dev) {
                trail.clone_from(&link.evidence);
            }
        }
        Resource::Proxies { .. } => trail.clue(
            ClueKind::File,
            format_args!("the preferences are what a person has set"),
        ),
        _ => {}
    }
    trail
}

fn owner(
    route: &Route,
    links: &HashMap<&str, Owner>,
    of_services: &HashSet<Made>,
    trail: &mut impl Trail,
) -> Owner {
    if route.spec.protocol == Protocol::NETPROF {
        trail.clue(ClueKind::Protocol, format_args!("it bears RTF_PROTO1"));
        return Owner::Netprof;
    }
    if route.spec.protocol == Protocol::KERNEL {
        let learned =
            matches!(route.gateway(), Some(IpAddr::V6(via)) if via.is_unicast_link_local());
        trail.clue(
            ClueKind::Protocol,
            format_args!("nobody asked for it: it lacks RTF_STATIC"),
        );
        return if learned { Owner::Ra } else { Owner::Kernel };
    }
    let mut devices = route.devices();
    let through = devices.find_map(|dev| {
        let owner = *links.get(dev)?;
        (owner.is_vpn() || owner.is_engine() || owner == Owner::Apple).then_some((dev, owner))
    });
    if let Some((dev, owner)) = through {
        trail.clue(
            ClueKind::Link,
            format_args!("it goes through {dev}, which is {owner}'s"),
        );
        return owner;
    }
    let is_made = |dev: &str| {
        of_services.contains(&Made {
            dst: route.key.dst,
            via: route.gateway(),
            dev: dev.to_owned(),
        })
    };
    if route.devices().any(is_made) {
        trail.clue(
            ClueKind::Service,
            format_args!("it follows from a network service in the dynamic store"),
        );
        Owner::Configd
    } else {
        Owner::Unknown
    }
}

/// A route that configd makes of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Made {
    dst: IpNet,
    via: Option<IpAddr>,
    dev: String,
}

/// The routes that follow from the services of `store`: into their networks, to their
/// routers, by default, and what they ask for beside.
fn of_services(store: &Store) -> HashSet<Made> {
    let mut made = HashSet::new();
    for (key, value) in &store.0 {
        let family = key
            .strip_prefix("State:/Network/Service/")
            .and_then(|rest| rest.split_once('/'))
            .map(|(_, entity)| entity);
        let v4 = match family {
            Some("IPv4") => true,
            Some("IPv6") => false,
            _ => continue,
        };
        let Some(service) = value.as_dictionary() else {
            continue;
        };
        let text = |key: &str| service.get(key).and_then(Value::as_str);
        let Some(dev) = text("InterfaceName") else {
            continue;
        };
        let mut add = |dst: Option<IpNet>, via: Option<IpAddr>| {
            made.extend(dst.map(|dst| Made {
                dst: dst.trunc(),
                via,
                dev: dev.to_owned(),
            }));
        };
        let router = text("Router").and_then(address);
        let all = if v4 { "0.0.0.0/0" } else { "::/0" }.parse().ok();
        add(all, router);
        add(router.map(IpNet::from), None);
        for net in networks(service, v4) {
            add(Some(net), None);
        }
        for route in service
            .get("AdditionalRoutes")
            .map(Value::items)
            .unwrap_or_default()
        {
            let Some(route) = route.as_dictionary() else {
                continue;
            };
            let of = |key: &str| route.get(key).and_then(Value::as_str);
            let dst = of("DestinationAddress").and_then(address);
            let dst = dst.and_then(|dst| match route.get("PrefixLength") {
                Some(length) => net(dst, length),
                None => IpNet::with_netmask(dst, address(of("SubnetMask")?)?).ok(),
            });
            add(dst, of("GatewayAddress").and_then(address));
        }
    }
    made
}

/// The networks of a service's addresses.
fn networks(service: &Dictionary, v4: bool) -> Vec<IpNet> {
    let items = |key: &str| service.get(key).map(Value::items).unwrap_or_default();
    let masks = items(if v4 { "SubnetMasks" } else { "PrefixLength" });
    let both = items("Addresses").iter().zip(masks);
    both.filter_map(|(own, mask)| {
        let own = address(own.as_str()?)?;
        match mask.as_str() {
            Some(mask) => IpNet::with_netmask(own, address(mask)?).ok(),
            None => net(own, mask),
        }
    })
    .collect()
}

fn net(ip: IpAddr, length: &Value) -> Option<IpNet> {
    IpNet::new(ip, u8::try_from(length.as_integer()?).ok()?).ok()
}

/// An address; a link-local one may have its link behind it.
fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use netprof_model::route::{Hop, RouteKey, RouteLive, RouteSpec};

    use super::*;

    fn route(dst: &str, via: Option<&str>, dev: &str, protocol: Protocol) -> Route {
        Route {
            key: RouteKey::unscoped(dst.parse().unwrap()),
            spec: RouteSpec {
                hops: vec![Hop::through(dev, via.map(|via| via.parse().unwrap()))],
                protocol,
                ..RouteSpec::default()
            }
            .into(),
            live: RouteLive::default(),
            owner: Owner::Unknown,
        }
    }

    /// A Wi-Fi with one network and a router, and a tunnel of Tailscale's.
    fn owner_of(route: Route) -> Owner {
        let text = |text: &str| Value::String(text.to_owned());
        let own_link = Dictionary::from([
            ("DestinationAddress".to_owned(), text("169.254.0.0")),
            ("SubnetMask".to_owned(), text("255.255.0.0")),
        ]);
        let v4 = Dictionary::from([
            ("InterfaceName".to_owned(), text("en0")),
            ("Router".to_owned(), text("192.168.1.1")),
            ("Addresses".to_owned(), Value::strings(["192.168.1.20"])),
            ("SubnetMasks".to_owned(), Value::strings(["255.255.255.0"])),
            (
                "AdditionalRoutes".to_owned(),
                Value::Array(vec![Value::Dictionary(own_link)]),
            ),
        ]);
        let v6 = Dictionary::from([
            ("InterfaceName".to_owned(), text("en0")),
            ("Router".to_owned(), text("fe80::1%en0")),
            ("Addresses".to_owned(), Value::strings(["fd00::20"])),
            (
                "PrefixLength".to_owned(),
                Value::Array(vec![Value::Integer(64)]),
            ),
        ]);
        let service = |entity: &str, all| {
            (
                format!("State:/Network/Service/A/{entity}"),
                Value::Dictionary(all),
            )
        };
        let store = Store([service("IPv4", v4), service("IPv6", v6)].into());
        let links = [
            Link::new(4, "en0"),
            Link {
                owner: Owner::Tailscale,
                ..Link::new(9, "utun4")
            },
        ];
        let mut routes = [route];
        attribute(&links, Some(&store), &mut routes);
        routes[0].owner
    }

    #[test]
    fn what_follows_from_a_service_is_configds() {
        for (dst, via) in [
            ("0.0.0.0/0", Some("192.168.1.1")),
            ("192.168.1.1/32", None),
            ("192.168.1.0/24", None),
            ("169.254.0.0/16", None),
            ("::/0", Some("fe80::1")),
            ("fd00::/64", None),
        ] {
            assert_eq!(
                owner_of(route(dst, via, "en0", Protocol::STATIC)),
                Owner::Configd,
                "{dst}"
            );
        }
        for (dst, via, dev) in [
            ("0.0.0.0/0", Some("192.168.1.2"), "en0"),
            ("0.0.0.0/0", Some("192.168.1.1"), "en1"),
            ("10.0.0.0/8", Some("192.168.1.1"), "en0"),
        ] {
            assert_eq!(
                owner_of(route(dst, via, dev, Protocol::STATIC)),
                Owner::Unknown,
                "{dst}"
            );
        }
    }

    #[test]
    fn what_nobody_asked_for_is_the_kernels_or_a_routers() {
        assert_eq!(
            owner_of(route("127.0.0.0/8", None, "lo0", Protocol::KERNEL)),
            Owner::Kernel
        );
        assert_eq!(
            owner_of(route("100.64.0.1/32", None, "utun4", Protocol::KERNEL)),
            Owner::Kernel
        );
        assert_eq!(
            owner_of(route("::/0", Some("fe80::1"), "en0", Protocol::KERNEL)),
            Owner::Ra
        );
    }

    #[test]
    fn a_mark_is_believed_before_the_link_and_the_link_before_configd() {
        let through = route("10.0.0.0/8", None, "utun4", Protocol::STATIC);
        assert_eq!(owner_of(through.clone()), Owner::Tailscale);
        let mut own = through;
        own.spec.protocol = Protocol::NETPROF;
        assert_eq!(owner_of(own), Owner::Netprof);
    }
}
