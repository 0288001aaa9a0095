//! Tunnels that are there and lead nowhere.
//!
//! A Mac always has some `utun` links: daemons of macOS itself keep them for their own
//! ends (Handoff, AirDrop, iCloud), with no more than a link-local address and a default
//! route for their own sockets. They are no VPN, and a pattern such as `utun*` never
//! means them. A `utun` that somebody left behind does not exist: the link lives exactly
//! as long as the socket that holds it (xnu, `bsd/net/if_utun.c`).
//!
//! Which of them a person uses cannot be told for sure. One counts as idle only if
//! everything that is known of it says so.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plist::Value;
use netprof_model::route::Route;
use netprof_model::{Owner, Snapshot};

/// Whether `link` is a tunnel that carries nothing of a person's.
#[must_use]
pub fn is_phantom(link: &Link, snapshot: &Snapshot) -> bool {
    let mut addresses = snapshot.addresses.items().iter();
    let mut routes = snapshot.routes.items().iter();
    link.kind.as_deref() == Some("utun")
        && matches!(link.owner, Owner::Unknown | Owner::Apple)
        && snapshot.addresses.is_known()
        && snapshot.routes.is_known()
        && snapshot.store.is_known()
        && !addresses.any(|one| one.dev == link.name && !comes_by_itself(one.local.addr()))
        && !routes.any(|route| route.goes_through(&link.name) && !is_idle(route))
        && !is_of_a_service(&link.name, snapshot)
}

/// The links of `snapshot` that are phantoms.
#[must_use]
pub fn phantoms(snapshot: &Snapshot) -> Vec<&Link> {
    let links = snapshot.links.items().iter();
    links.filter(|link| is_phantom(link, snapshot)).collect()
}

/// The routes that lead through a link which is down or is not there, and that would
/// carry a person's packets if it were: somebody has left them behind.
#[must_use]
pub fn stale_routes(snapshot: &Snapshot) -> Vec<&Route> {
    let links = snapshot.links.items().iter();
    let up: HashMap<&str, bool> = links.map(|link| (link.name.as_str(), link.up)).collect();
    let is_lost = |route: &&Route| {
        let mut devices = route.devices();
        devices.any(|dev| !up.get(dev).copied().unwrap_or(false)) && !is_idle(route)
    };
    snapshot.routes.items().iter().filter(is_lost).collect()
}

/// Whether a route is one that every link with IPv6 has, or that its holder's own sockets
/// alone take.
fn is_idle(route: &Route) -> bool {
    let dst = route.key.dst;
    let own_default = dst.prefix_len() == 0 && route.key.ifscope.is_some();
    match dst {
        IpNet::V4(_) => false,
        IpNet::V6(_) => own_default || dst.addr().is_multicast() || comes_by_itself(dst.addr()),
    }
}

/// Whether a link has such an address without anybody giving it one: of IPv6 that is a
/// link-local one, of IPv4 none, since 169.254/16 is only tried for where an address is
/// wanted.
fn comes_by_itself(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether configd knows a network service on the link.
fn is_of_a_service(dev: &str, snapshot: &Snapshot) -> bool {
    let store = snapshot.store.seen().into_iter().flat_map(|store| &store.0);
    let mut services = store.filter(|(key, _)| key.contains(":/Network/Service/"));
    services.any(|(_, value)| {
        let named = value
            .as_dictionary()
            .and_then(|all| all.get("InterfaceName"));
        named.and_then(Value::as_str) == Some(dev)
    })
}
