//! The network services, as the IP monitor keeps them (configd,
//! `Plugins/IPMonitor/ip_plugin.c`: get_rank_changes, IPDictCreate and the two
//! RouteListCreateWithDictionary).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netprof_model::configd::{Domain, Store};
use netprof_model::plist::{Dictionary, Value};

use super::dns::Dns;
use super::{Ground, number};

/// One network service, by what is known of it now.
pub(super) struct Service<'a> {
    pub(super) id: &'a str,
    /// Its place behind those of the user's order, if it asks for one.
    pub(super) index: Option<u32>,
    /// Whether it says, or its link being expensive does, that its two families belong
    /// together.
    pub(super) is_coupled: bool,
    pub(super) ipv4: Option<Ip<'a>>,
    pub(super) ipv6: Option<Ip<'a>>,
    pub(super) dns: Option<Dns<'a>>,
}

impl Service<'_> {
    /// Whether a packet of that family finds a way out by the service.
    pub(super) fn is_routable(&self, v6: bool) -> bool {
        let ip = if v6 { &self.ipv6 } else { &self.ipv4 };
        ip.as_ref().is_some_and(Ip::is_routable)
    }
}

/// What comes before the place in the order: lower ones are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Assertion {
    First,
    Default,
    Last,
    Never,
    Scoped,
}

impl Assertion {
    fn named(name: &str) -> Option<Self> {
        match name {
            "First" => Some(Self::First),
            "Last" => Some(Self::Last),
            "Never" => Some(Self::Never),
            "Scoped" => Some(Self::Scoped),
            _ => None,
        }
    }
}

/// The addresses of a service in one family, as far as they decide anything.
pub(super) struct Ip<'a> {
    pub(super) link: &'a str,
    pub(super) index: u32,
    /// The next hop, as it is published.
    pub(super) router: Option<IpAddr>,
    /// The rank of the first of its routes, which is the default route if it has one.
    pub(super) assertion: Assertion,
    pub(super) has_default: bool,
    /// Whether it is only there to keep a place (`IsNULL`).
    pub(super) is_null: bool,
}

impl Ip<'_> {
    /// Whether it has a default route that counts (entity_routes_protocol).
    pub(super) fn is_routable(&self) -> bool {
        self.has_default && !self.is_null
    }
}

/// The entities that make the IP monitor look at a service (add_service_keys).
const ENTITIES: [&str; 10] = [
    "DHCP",
    "DNS",
    "IPSec",
    "IPv4",
    "IPv6",
    "Interface",
    "PPP",
    "Proxies",
    "SMB",
    "VPN",
];

/// All services of the store, in the order of their ids.
///
/// Those that are only set up count too, though they have no address: the order
/// numbers that are seen on Macs are too high for the active services alone.
pub(super) fn read<'a>(ground: &Ground<'a>) -> Vec<Service<'a>> {
    let Some(store) = ground.store else {
        return Vec::new();
    };
    let mut ids = BTreeSet::new();
    for key in store.0.keys() {
        for domain in [Domain::State, Domain::Setup] {
            let rest = key.strip_prefix(domain.as_str());
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix("/Network/Service/")) else {
                continue;
            };
            let (id, entity) = rest.split_once('/').unwrap_or((rest, ""));
            if !id.is_empty() && (entity.is_empty() || ENTITIES.contains(&entity)) {
                ids.insert(id);
            }
        }
    }
    ids.into_iter()
        .map(|id| service(ground, store, id))
        .collect()
}

fn service<'a>(ground: &Ground<'a>, store: &'a Store, id: &'a str) -> Service<'a> {
    let entity = |domain, name: &str| store.get(&Store::service_key(domain, id, name));
    let root = |domain: Domain| store.get(&format!("{}/Network/Service/{id}", domain.as_str()));
    let roots = [root(Domain::Setup), root(Domain::State)];
    // The more restrictive of the two.
    let asserted = roots
        .into_iter()
        .flatten()
        .filter_map(|root| root.get("PrimaryRank")?.as_str())
        .filter_map(Assertion::named)
        .max();
    let index = roots
        .into_iter()
        .flatten()
        .filter_map(|root| number(root.get("ServiceIndex")?))
        .find_map(|index| u32::try_from(index).ok().filter(|index| *index > 0));
    let couples = |root: &Dictionary| root.get("IPIsCoupled") == Some(&Value::Boolean(true));
    let named = ["IPv4", "IPv6"]
        .into_iter()
        .find_map(|name| entity(Domain::State, name))
        .and_then(|ip| ip.get("InterfaceName")?.as_str());
    let is_expensive = named
        .and_then(|link| store.get(&format!("State:/Network/Interface/{link}/Link")))
        .is_some_and(|link| link.get("Expensive") == Some(&Value::Boolean(true)));
    let ip = |name: &str, read: fn(_, _, _, _) -> Option<Ip<'a>>| {
        let setup = entity(Domain::Setup, name);
        read(ground, entity(Domain::State, name)?, setup, asserted)
    };
    let mut service = Service {
        id,
        index,
        is_coupled: is_expensive || roots.into_iter().flatten().any(couples),
        ipv4: ip("IPv4", ipv4),
        ipv6: ip("IPv6", ipv6),
        dns: None,
    };
    let is_set_up = ["IPv4", "IPv6"]
        .into_iter()
        .zip([service.is_routable(false), service.is_routable(true)])
        .any(|(name, routable)| routable && entity(Domain::Setup, name).is_some());
    service.dns = Dns::merge(
        &service,
        is_set_up,
        entity(Domain::Setup, "DNS"),
        entity(Domain::State, "DNS"),
    );
    service
}

/// What a list of routes says of itself, however many routes it has.
fn ranked(
    asserted: Option<Assertion>,
    routed: bool,
    demotes: bool,
    overrides: bool,
    has_default: bool,
) -> Assertion {
    let mut primary = asserted.unwrap_or(Assertion::Default);
    if routed {
        if asserted.is_none() && overrides {
            primary = Assertion::First;
        }
    } else if demotes {
        primary = primary.max(Assertion::Last);
    }
    match primary {
        Assertion::Scoped => Assertion::Never,
        // Only the default route is kept from being the primary one.
        Assertion::Never if !has_default => Assertion::Last,
        other => other,
    }
}

fn ipv4<'a>(
    ground: &Ground<'a>,
    state: &'a Dictionary,
    setup: Option<&'a Dictionary>,
    asserted: Option<Assertion>,
) -> Option<Ip<'a>> {
    let (link, index) = link(ground, state)?;
    let router = setup
        .and_then(|setup| v4(setup.get("Router")))
        .or_else(|| v4(state.get("Router")))
        .or_else(|| v4(first(state, "DestAddresses")))
        .filter(|router| !router.is_unspecified());
    v4(first(state, "Addresses")).filter(|address| !address.is_unspecified())?;
    let has_default = router.is_some() && link != LOOPBACK;
    Some(Ip {
        link,
        index,
        router: router.map(IpAddr::V4),
        assertion: ranked(
            asserted,
            router.is_some(),
            true,
            overrides(state),
            has_default,
        ),
        has_default,
        is_null: is_null(state),
    })
}

fn ipv6<'a>(
    ground: &Ground<'a>,
    state: &'a Dictionary,
    setup: Option<&'a Dictionary>,
    asserted: Option<Assertion>,
) -> Option<Ip<'a>> {
    let (link, index) = link(ground, state)?;
    let router = setup
        .and_then(|setup| v6(setup.get("Router")))
        .or_else(|| v6(state.get("Router")))
        .or_else(|| v6(first(state, "DestAddresses")))
        .filter(|router| !router.is_unspecified());
    let address = v6(first(state, "Addresses")).filter(|address| !address.is_unspecified())?;
    let length = first(state, "PrefixLength")
        .and_then(number)
        .filter(|length| (0..=128).contains(length) && !address.is_unicast_link_local());
    let has_default = router.is_some() && link != LOOPBACK;
    let confirmed = state.get("ConfirmedInterfaceName").and_then(Value::as_str);
    let more = ["AdditionalRoutes", "ExcludedRoutes"]
        .into_iter()
        .any(|key| {
            state
                .get(key)
                .is_some_and(|routes| !routes.items().is_empty())
        });
    let more = more && confirmed.is_none_or(|confirmed| confirmed == link);
    // Without any route it is no IPv6 at all.
    (has_default || length.is_some() || more).then(|| Ip {
        link,
        index,
        // A router that is the address itself is none: everything is on the link.
        router: router
            .filter(|router| *router != address || length == Some(128))
            .map(IpAddr::V6),
        assertion: ranked(
            asserted,
            router.is_some(),
            false,
            overrides(state),
            has_default,
        ),
        has_default,
        is_null: is_null(state),
    })
}

const LOOPBACK: &str = "lo0";

fn link<'a>(ground: &Ground<'a>, state: &'a Dictionary) -> Option<(&'a str, u32)> {
    let name = state.get("InterfaceName")?.as_str()?;
    ground.links.get(name).map(|index| (name, *index))
}

fn overrides(state: &Dictionary) -> bool {
    state.get("OverridePrimary").is_some_and(Value::is_true)
}

fn is_null(state: &Dictionary) -> bool {
    state.get("IsNULL") == Some(&Value::Boolean(true))
}

fn first<'a>(dictionary: &'a Dictionary, key: &str) -> Option<&'a Value> {
    dictionary.get(key)?.items().first()
}

fn v4(value: Option<&Value>) -> Option<Ipv4Addr> {
    value?.as_str()?.parse().ok()
}

fn v6(value: Option<&Value>) -> Option<Ipv6Addr> {
    let text = value?.as_str()?;
    text.split_once('%')
        .map_or(text, |(address, _)| address)
        .parse()
        .ok()
}
