//! What the preferences and the network say of a service's DNS, as one (configd,
//! `Plugins/IPMonitor/ip_plugin.c`: get_dns_changes, merge_dns_servers,
//! order_dns_servers).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netprof_model::plist::{Dictionary, Value};

use super::number;
use super::service::{Ip, Service};

/// The DNS of a service, merged.
#[derive(Clone, Debug, Default)]
pub(super) struct Dns<'a> {
    /// The servers' addresses, as they were written.
    pub(super) servers: Vec<String>,
    /// Whether queries are bound to the link: the network gave the servers, or a service
    /// that configd trusts.
    pub(super) is_bound: bool,
    /// The link, or `*` for every one.
    pub(super) link: Option<&'a str>,
    pub(super) domain: Option<&'a str>,
    pub(super) search: Option<Vec<&'a str>>,
    pub(super) sort: Vec<&'a str>,
    pub(super) options: Option<&'a str>,
    pub(super) order: Order,
    pub(super) port: Option<u16>,
    pub(super) timeout: Option<u32>,
    /// The domains that the servers are asked for; none for what is no string.
    pub(super) matches: Vec<Option<&'a str>>,
    /// An order for each of them; `Absent` for what is no number.
    pub(super) match_orders: Option<Vec<Order>>,
    /// Whether the match domains are not to be searched.
    pub(super) is_not_searched: bool,
    pub(super) identifier: Option<u32>,
    /// Whether there is an identifier, be it one that is no number.
    pub(super) is_specific: bool,
}

/// A search order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// None was given.
    #[default]
    Absent,
    /// One was given that is no number of 32 bits.
    Unusable,
    /// This one.
    Is(u32),
}

impl Order {
    fn of(value: &Value) -> Self {
        number(value).map_or(Self::Unusable, |number| Self::Is(number.cast_unsigned()))
    }

    /// The number that was given.
    pub(super) fn given(self) -> Option<u32> {
        match self {
            Self::Is(order) => Some(order),
            Self::Absent | Self::Unusable => None,
        }
    }
}

impl<'a> Dns<'a> {
    /// The DNS of `service`, whose addresses are known; none where it has no effect.
    pub(super) fn merge(
        service: &Service<'a>,
        is_set_up: bool,
        setup: Option<&'a Dictionary>,
        state: Option<&'a Dictionary>,
    ) -> Option<Self> {
        let [v4, v6] = [service.is_routable(false), service.is_routable(true)];
        if setup.is_none() && state.is_none() {
            return None;
        }
        let ip = [&service.ipv4, &service.ipv6]
            .into_iter()
            .flatten()
            .find(|ip| ip.is_routable());
        // Without an address only what is may say something, and only of some names.
        let setup = setup.filter(|_| ip.is_some());
        let trusted = state.is_some_and(|state| {
            state.get("ConfirmedServiceID").and_then(Value::as_str) == Some(service.id)
        });
        let merged = Merged { setup, state };
        let mut dns = Self {
            link: ip.map(|ip| ip.link),
            domain: merged.text("DomainName"),
            search: merged
                .list("SearchDomains", false)
                .map(|all| all.into_iter().flatten().collect()),
            sort: merged
                .list("SortList", false)
                .map(|all| all.into_iter().flatten().collect())
                .unwrap_or_default(),
            options: merged.text("Options"),
            order: merged.pick("SearchOrder").map_or(Order::Absent, Order::of),
            // Both are cut to their width, as a cast of C does.
            port: merged
                .pick("ServerPort")
                .and_then(number)
                .map(|port| port as u16),
            timeout: merged
                .pick("ServerTimeout")
                .and_then(number)
                .map(i32::cast_unsigned),
            matches: merged
                .list("SupplementalMatchDomains", true)
                .unwrap_or_default(),
            match_orders: merged.orders("SupplementalMatchOrders"),
            is_not_searched: merged
                .pick("SupplementalMatchDomainsNoSearch")
                .and_then(number)
                .is_some_and(|number| number != 0),
            identifier: merged
                .pick("ServiceIdentifier")
                .and_then(number)
                .map(i32::cast_unsigned),
            is_specific: merged.pick("ServiceIdentifier").is_some(),
            ..Self::default()
        };
        let servers = |from: Option<&Dictionary>| {
            let all = from.and_then(|from| from.get("ServerAddresses"));
            all.map_or(&[][..], Value::items).to_vec()
        };
        let wanted = servers(setup);
        let found = ordered(&servers(state), ip.is_none() || (v4 && v6));
        dns.servers = usable(&wanted, v4, v6, ip);
        let is_wanted = !dns.servers.is_empty();
        if !is_wanted {
            let [v4, v6] = if ip.is_some() { [v4, v6] } else { [true; 2] };
            dns.servers = usable(&found, v4, v6, ip);
        }
        dns.is_bound = !dns.servers.is_empty() && if is_set_up { !is_wanted } else { trusted };
        if ip.is_none() {
            let link = state?.get("InterfaceName").and_then(Value::as_str);
            dns.link = link;
            if !dns.matches.is_empty() {
                dns.domain = None;
                dns.search = None;
                dns.sort.clear();
                dns.order = Order::Absent;
            } else if !dns.is_specific {
                return None;
            }
        }
        // Dictionaries that say nothing are no DNS.
        (!dns.servers.is_empty() || KEYS.iter().any(|key| merged.says(key))).then_some(dns)
    }
}

/// What is merged beside the servers.
const KEYS: [&str; 11] = [
    "DomainName",
    "Options",
    "SearchDomains",
    "SearchOrder",
    "ServerPort",
    "ServerTimeout",
    "ServiceIdentifier",
    "SortList",
    "SupplementalMatchDomains",
    "SupplementalMatchDomainsNoSearch",
    "SupplementalMatchOrders",
];

/// The two dictionaries of an entity: what the preferences say goes before what is.
struct Merged<'a> {
    setup: Option<&'a Dictionary>,
    state: Option<&'a Dictionary>,
}

impl<'a> Merged<'a> {
    /// The value of `key`; a string that is blank is none (pick_prop, sanitize_prop).
    fn pick(&self, key: &str) -> Option<&'a Value> {
        [self.setup, self.state]
            .into_iter()
            .flatten()
            .filter_map(|from| from.get(key))
            .find(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.pick(key).and_then(Value::as_str).map(str::trim)
    }

    fn array(&self, key: &str) -> Option<&'a [Value]> {
        [self.setup, self.state]
            .into_iter()
            .flatten()
            .find_map(|from| match from.get(key) {
                Some(Value::Array(items)) => Some(items.as_slice()),
                _ => None,
            })
    }

    /// The strings of a list, none for what is no string; blank ones do not count unless
    /// `blank` (merge_array_prop). A list without any item is no list.
    fn list(&self, key: &str, blank: bool) -> Option<Vec<Option<&'a str>>> {
        let items: Vec<_> = self
            .array(key)?
            .iter()
            .map(|item| item.as_str().map(str::trim))
            .filter(|item| blank || *item != Some(""))
            .collect();
        (!items.is_empty()).then_some(items)
    }

    /// Whether anything comes of `key`.
    fn says(&self, key: &str) -> bool {
        match key {
            "SearchDomains" | "SortList" | "SupplementalMatchOrders" => {
                self.list(key, false).is_some()
            }
            "SupplementalMatchDomains" => self.list(key, true).is_some(),
            _ => self.pick(key).is_some(),
        }
    }

    fn orders(&self, key: &str) -> Option<Vec<Order>> {
        let items: Vec<_> = self
            .array(key)?
            .iter()
            .filter(|item| item.as_str().is_none_or(|text| !text.trim().is_empty()))
            .map(|item| match item {
                Value::Integer(_) | Value::Real(_) => Order::of(item),
                _ => Order::Absent,
            })
            .collect();
        (!items.is_empty()).then_some(items)
    }
}

/// The address that `text` is, whatever link it names.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        Some((address, _)) => address.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Those of `servers` that can be asked from the families that have a way out
/// (accumulate_dns_servers). A link-local one gets the link that it is on, where `ip`
/// says so.
fn usable(servers: &[Value], v4: bool, v6: bool, ip: Option<&Ip>) -> Vec<String> {
    servers
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|server| match address(server)? {
            IpAddr::V4(address) => {
                (v4 || address == Ipv4Addr::LOCALHOST).then(|| server.to_owned())
            }
            IpAddr::V6(address) if !v6 && address != Ipv6Addr::LOCALHOST => None,
            IpAddr::V6(address) => {
                let is_local =
                    address.is_unicast_link_local() || address.segments()[0] & 0xff0f == 0xff02;
                let ip = ip.filter(|_| is_local && !server.contains('%'));
                Some(ip.map_or_else(|| server.to_owned(), |ip| format!("{server}%{}", ip.link)))
            }
        })
        .collect()
}

/// `servers` with the family first that RFC 6724 prefers, if there are both and each
/// stands together; otherwise as they are.
fn ordered(servers: &[Value], both: bool) -> Vec<Value> {
    let as_they_are = || servers.to_vec();
    if !both {
        return as_they_are();
    }
    let addresses: Option<Vec<IpAddr>> = servers
        .iter()
        .map(|server| server.as_str().and_then(address))
        .collect();
    let Some(addresses) = addresses else {
        return as_they_are();
    };
    let changes = addresses
        .windows(2)
        .filter(|two| two[0].is_ipv4() != two[1].is_ipv4())
        .count();
    let first = |v4: bool| addresses.iter().find(|address| address.is_ipv4() == v4);
    let (Some(v4), Some(v6)) = (first(true), first(false)) else {
        return as_they_are();
    };
    if changes > 1 {
        return as_they_are();
    }
    let favors_v4 = preference(*v4) >= preference(*v6);
    let (mut one, other): (Vec<_>, Vec<_>) = servers
        .iter()
        .cloned()
        .zip(&addresses)
        .partition(|(_, address)| address.is_ipv4() == favors_v4);
    one.extend(other);
    one.into_iter().map(|(server, _)| server).collect()
}

/// How much an address is preferred when nothing of routes is asked: rules 6 and 8 of
/// RFC 6724, section 6, with the table of section 2.1 (Libinfo, `si_compare.c`).
fn preference(address: IpAddr) -> (u8, std::cmp::Reverse<u16>) {
    let v6 = match address {
        IpAddr::V4(v4) => {
            let is_local = v4.is_loopback() || v4.is_link_local();
            return (35, std::cmp::Reverse(if is_local { 2 } else { 14 }));
        }
        IpAddr::V6(v6) => v6,
    };
    let head = v6.segments();
    let precedence = match head {
        _ if v6 == Ipv6Addr::LOCALHOST => 50,
        [0, 0, 0, 0, 0, 0xffff, ..] => 35,
        [0x2002, ..] => 30,
        [0x2001, 0, ..] => 5,
        [one, ..] if one & 0xfe00 == 0xfc00 => 3,
        [0, 0, 0, 0, 0, 0, ..] => 1,
        [one, ..] if one & 0xffc0 == 0xfec0 => 1,
        [0x3ffe, ..] => 1,
        _ => 40,
    };
    let scope = match head[0] {
        one if one & 0xff00 == 0xff00 => one & 0xf,
        one if one & 0xffc0 == 0xfe80 => 2,
        one if one & 0xffc0 == 0xfec0 => 5,
        _ if v6 == Ipv6Addr::LOCALHOST => 2,
        _ => 14,
    };
    (precedence, std::cmp::Reverse(scope))
}
