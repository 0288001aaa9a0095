//! A Mac that is carried somewhere else: into another network, or to another location.

use netprof_model::configd::{NetworkService, Preferences};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::route::Protocol;
use netprof_model::{Section, Snapshot};

use crate::mac::{items, mac};

/// `snapshot` after en0 went from the network of the tests to another one: its addresses of
/// IPv4 and what others had routed through it are those of there. What netprof has routed
/// stays: only the kernel's own route to an address's network goes with the address
/// (`in_ifscrub` in xnu, `bsd/netinet/in.c`).
pub(crate) fn moved(snapshot: &Snapshot) -> Snapshot {
    let mut moved = snapshot.clone();
    let there = mac("
        en0:
            inet 10.33.0.20/24
        Internet:
        10.33.0/24         link#11            UCS       en0
        10.33.0.1/32       link#11            UCS       en0
        10.33.0.20/32      link#11            UCS       en0
    ");
    let addresses = items(&mut moved.addresses);
    addresses.retain(|one| one.dev != "en0" || one.local.addr().is_ipv6());
    let of_there = there.addresses.items().iter();
    addresses.extend(of_there.filter(|one| one.dev == "en0").cloned());
    let routes = items(&mut moved.routes);
    for route in routes.iter_mut() {
        // A default route is made anew, through the router of there.
        let hops = route.spec.hops.iter_mut();
        let here = hops.filter(|hop| hop.dev.as_deref() == Some("en0"));
        if route.key.dst.prefix_len() == 0 && route.key.dst.addr().is_ipv4() {
            here.for_each(|hop| hop.via = Some("10.33.0.1".parse().unwrap()));
        }
    }
    routes.retain(|route| {
        route.key.dst.addr().is_ipv6()
            || route.key.dst.prefix_len() == 0
            || route.spec.protocol == Protocol::NETPROF
            || !route.goes_through("en0")
    });
    let of_there = there.routes.items().iter();
    routes.extend(of_there.filter(|one| one.goes_through("en0")).cloned());
    routes.sort_by(|a, b| a.key.cmp(&b.key));
    told(
        &mut moved,
        "IPv4",
        "Addresses",
        Value::strings(["10.33.0.20"]),
    );
    let router = Value::String("10.33.0.1".to_owned());
    told(&mut moved, "IPv4", "Router", router);
    told(
        &mut moved,
        "DNS",
        "ServerAddresses",
        Value::strings(["10.33.0.1"]),
    );
    moved
}

/// What configd is told of the Wi-Fi.
fn told(snapshot: &mut Snapshot, entity: &str, key: &str, value: Value) {
    let Section::Seen(store) = &mut snapshot.store else {
        panic!("a Mac has a dynamic store");
    };
    let of_wifi = format!("State:/Network/Service/WIFI/{entity}");
    if let Some(Value::Dictionary(all)) = store.0.get_mut(&of_wifi) {
        all.insert(key.to_owned(), value);
    }
}

/// The services of another location: none of them is one of `here`.
pub(crate) fn elsewhere(here: &Section<Preferences>) -> Section<Preferences> {
    let Section::Seen(here) = here else {
        panic!("a Mac has preferences");
    };
    let services = here.services.iter().map(|one| NetworkService {
        id: format!("AWAY-{}", one.id),
        proxies: Some(Dictionary::from([(
            "FTPPassive".to_owned(),
            Value::Integer(1),
        )])),
        ..one.clone()
    });
    Section::Seen(Preferences {
        location: Some("Away".to_owned()),
        services: services.collect(),
    })
}
