//! The list of resolvers (configd, `Plugins/IPMonitor/dns-configuration.c`:
//! dns_configuration_set and what it calls; `dnsinfo/dnsinfo_create.c`).
//!
//! All resolvers go into one list, in this order: those of match domains, private ones,
//! the default, multicast ones, those of each link, those of each service. Then the list
//! is sorted by domain, the first of it gets the search list, and it is taken apart
//! again by who may ask. So a service that matches the domain `""` comes to stand before
//! the default and is the first: programs that know but one resolver use it.
//!
//! configd compares every resolver with those before it, to drop duplicates; but what it
//! compares with has its place in the list written into it by then, so that no two are
//! ever the same. Here nothing is dropped either.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::BitOr;

use netprof_model::configd::{Resolver, ResolverList};

use super::dns::{Dns, Order, address};
use super::election::Election;
use super::service::Service;
use super::{Ground, Origin, trimmed};

/// The order of the default resolver (`DEFAULT_SEARCH_ORDER`).
const DEFAULT: u32 = 200_000;
/// How far apart the orders of two services are.
const STEP: u32 = DEFAULT / 1000;
/// How long programs wait for multicast answers (IPMonitor's `Info.plist`).
const TIMEOUT: u32 = 5;

/// Who may ask a resolver, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) a: bool,
    pub(super) aaaa: bool,
    pub(super) scoped: bool,
    specific: bool,
    supplemental: bool,
}

impl Flags {
    pub(super) const BOTH: Self = Self {
        a: true,
        aaaa: true,
        scoped: false,
        specific: false,
        supplemental: false,
    };

    /// The addresses that `service` can do something with.
    fn of(service: &Service) -> Self {
        Self {
            a: service.is_routable(false),
            aaaa: service.is_routable(true),
            ..Self::default()
        }
    }

    pub(super) fn mark(self, resolver: &mut Resolver) {
        resolver.requests_a = self.a;
        resolver.requests_aaaa = self.aaaa;
        resolver.scoped = self.scoped;
        resolver.service_specific = self.specific;
        resolver.supplemental = self.supplemental;
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            a: self.a || other.a,
            aaaa: self.aaaa || other.aaaa,
            scoped: self.scoped || other.scoped,
            specific: self.specific || other.specific,
            supplemental: self.supplemental || other.supplemental,
        }
    }
}

/// A resolver before it is published.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry<'a> {
    /// What it is made of.
    pub(super) origin: Origin<'a>,
    pub(super) domain: Option<String>,
    pub(super) search: Vec<String>,
    pub(super) servers: Vec<String>,
    pub(super) sort: Vec<String>,
    pub(super) options: Option<String>,
    pub(super) order: Order,
    pub(super) port: Option<u16>,
    pub(super) timeout: Option<u32>,
    link: Option<(u32, String)>,
    identifier: Option<u32>,
    is_not_searched: bool,
    flags: Flags,
}

impl<'a> Entry<'a> {
    /// One with the content of `dns`, that of the service `id`, for `domain`.
    fn of(id: &'a str, dns: &Dns, domain: Option<&str>) -> Self {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Self {
            origin: Origin::Service(id),
            domain: domain.map(str::to_owned),
            servers: dns.servers.clone(),
            sort: owned(&dns.sort),
            options: dns.options.map(str::to_owned),
            order: dns.order,
            port: dns.port,
            timeout: dns.timeout,
            identifier: dns.identifier,
            is_not_searched: dns.is_not_searched,
            ..Self::default()
        }
    }

    /// Bound to `link`, if there is one of that name (add_resolver).
    fn on(mut self, ground: &Ground, link: Option<&str>) -> Self {
        let index = link.and_then(|link| ground.links.get_key_value(link));
        self.link = index.map(|(name, index)| (*index, (*name).to_owned()));
        self
    }

    fn is_empty(&self) -> bool {
        self.domain.is_none() && self.search.is_empty() && self.servers.is_empty()
    }

    fn sorting_order(&self) -> u32 {
        self.order.given().unwrap_or(DEFAULT)
    }

    /// As it is published (create_resolver).
    pub(super) fn resolver(&self, ground: &Ground) -> Resolver {
        let servers: Vec<_> = self
            .servers
            .iter()
            .filter_map(|one| server(ground, one, self.link.as_ref()))
            .collect();
        let mut resolver = Resolver {
            domain: self.domain.clone(),
            search: self.search.clone(),
            sort: self
                .sort
                .iter()
                .filter_map(|one| sort_address(one))
                .collect(),
            options: self.options.clone(),
            port: self.port.filter(|port| *port != 0),
            timeout: self.timeout.filter(|timeout| *timeout != 0),
            link: self.link.clone().map(|(index, name)| (index, Some(name))),
            service_identifier: self.identifier,
            order: self.order.given().unwrap_or(0),
            ..Resolver::default()
        };
        // A server on this host is asked for everything.
        let forced = if servers.iter().any(|server| is_loopback(server)) {
            Flags::BOTH
        } else {
            Flags::default()
        };
        (self.flags | forced).mark(&mut resolver);
        resolver.nameservers = servers;
        resolver
    }
}

/// The resolvers without those of the files.
pub(super) struct List<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// Whether there is anything to publish. Where not, the files are not read, either.
    pub(super) is_published: bool,
    /// What the services that programs use without naming a link can do.
    pub(super) unscoped: Flags,
}

/// Makes the list.
pub(super) fn build<'a>(
    ground: &Ground,
    services: &[Service<'a>],
    election: &Election,
) -> List<'a> {
    let mut all = Vec::new();
    supplemental(ground, services, election, None, &mut all);
    let private = ground.domains("State:/Network/PrivateDNS");
    all.extend(multicast(private, "pdns", DEFAULT - DEFAULT / 4));
    let default = election.dns.and_then(|at| {
        let dns = services[at].dns.as_ref()?;
        (!dns.servers.is_empty()).then_some((services[at].id, dns))
    });
    let mut entry = default.map_or_else(Entry::default, |(id, dns)| {
        let link = dns.link.filter(|_| dns.is_bound);
        Entry::of(id, dns, None).on(ground, link)
    });
    let no_order = entry.order.given().is_none();
    if no_order {
        entry.order = Order::Is(DEFAULT);
    }
    let default = default.map(|(_, dns)| dns);
    let search = search_list(default, entry.sorting_order(), &all);
    all.push(entry);
    let domains = ground.domains("State:/Network/MulticastDNS");
    all.extend(multicast(domains, "mdns", DEFAULT + DEFAULT / 2));
    scoped(ground, services, election, &mut all);
    specific(ground, services, &mut all);

    all.sort_by(compare);
    let mut at = 0;
    all.retain(|entry| {
        at += 1;
        at == 1 || !entry.is_empty()
    });
    let drops_order = no_order
        && all
            .get(1)
            .is_some_and(|second| second.domain.is_some() || second.flags.scoped);
    let count = all.len();
    if let Some(first) = all.first_mut() {
        if !search.is_empty() {
            first.search = search;
        }
        if drops_order {
            first.order = Order::Absent;
        }
    }
    // The union is made only where a resolver needs it, and the files get what was made.
    let union = services
        .iter()
        .filter(|service| !election.is_scoped_only(service))
        .fold(Flags::default(), |union, service| {
            union | Flags::of(service)
        });
    let mut unscoped = Flags::default();
    for entry in &mut all {
        let flags = entry.flags;
        if !((flags.a && flags.aaaa) || flags.scoped || flags.specific) {
            entry.flags = flags | union;
            unscoped = union;
        }
    }
    List {
        entries: all,
        is_published: default.is_some() || count > 1,
        unscoped,
    }
}

/// Adds `resolver` to the part of `list` that it belongs to
/// (_dns_configuration_add_resolver).
pub(super) fn publish(resolver: Resolver, list: &mut ResolverList) {
    let part = if resolver.scoped {
        &mut list.scoped
    } else if resolver.service_specific {
        &mut list.service_specific
    } else {
        &mut list.resolvers
    };
    part.push(resolver);
}

/// Adds a resolver for each match domain of each service; or, for programs that name the
/// link of the service `within`, for those of services that are no network and say that
/// they hold for that link.
fn supplemental<'a>(
    ground: &Ground,
    services: &[Service<'a>],
    election: &Election,
    within: Option<(&Service, &str)>,
    all: &mut Vec<Entry<'a>>,
) {
    let count = u32::try_from(services.len()).unwrap_or(u32::MAX);
    for (place, service) in (0_u32..).zip(services) {
        let Some(dns) = &service.dns else {
            continue;
        };
        let mut flags = Flags {
            supplemental: true,
            ..Flags::default()
        };
        let link = if let Some((network, link)) = within {
            let is_network = service.ipv4.is_some() || service.ipv6.is_some();
            if is_network || !matches!(dns.link, Some(own) if own == "*" || own == link) {
                continue;
            }
            flags = flags | Flags::of(network);
            flags.scoped = true;
            Some(link)
        } else {
            let link = dns.link.filter(|_| dns.is_bound);
            if link.is_some() {
                flags = flags | Flags::of(service);
            }
            link
        };
        let orders = dns.match_orders.as_deref();
        // Orders that are too few or too many spoil all domains of the service.
        if dns.servers.is_empty() || orders.is_some_and(|all| all.len() != dns.matches.len()) {
            continue;
        }
        let mut next = (DEFAULT - DEFAULT / 2).wrapping_add(STEP.wrapping_mul(place));
        if !election.order.is_empty() && !election.order.contains(&service.id) {
            next = next.wrapping_add(STEP.wrapping_mul(count));
        }
        for (at, domain) in dns.matches.iter().enumerate() {
            let Some(domain) = domain else {
                continue;
            };
            let domain = Some(*domain).filter(|domain| !domain.is_empty());
            let mut entry = Entry::of(service.id, dns, domain).on(ground, link);
            entry.sort.clear();
            entry.flags = flags;
            match orders.map_or(Order::Absent, |orders| orders[at]) {
                Order::Absent if dns.order == Order::Absent => {
                    entry.order = Order::Is(next);
                    next = next.wrapping_add(1);
                }
                Order::Absent => {}
                order => entry.order = order,
            }
            all.push(entry);
        }
    }
}

/// Resolvers that are asked by multicast, or by mDNSResponder itself.
fn multicast<'a>(
    domains: Vec<Option<String>>,
    options: &'static str,
    base: u32,
) -> impl Iterator<Item = Entry<'a>> {
    (0_u32..).zip(domains).filter_map(move |(place, domain)| {
        Some(Entry {
            domain: Some(domain?),
            options: Some(options.to_owned()),
            order: Order::Is(base.wrapping_add(STEP.wrapping_mul(place))),
            timeout: Some(TIMEOUT),
            ..Entry::default()
        })
    })
}

/// Adds the resolver of the first service of each link.
fn scoped<'a>(
    ground: &Ground,
    services: &[Service<'a>],
    election: &Election,
    all: &mut Vec<Entry<'a>>,
) {
    let listed = election
        .order
        .iter()
        .filter_map(|id| services.iter().find(|service| service.id == *id));
    let rest = services
        .iter()
        .filter(|service| !election.order.contains(&service.id));
    let mut seen = Vec::new();
    for service in listed.chain(rest) {
        let Some(dns) = &service.dns else {
            continue;
        };
        let Some(link) = dns.link.filter(|link| *link != "*") else {
            continue;
        };
        if dns.servers.is_empty() || dns.is_specific || seen.contains(&link) {
            continue;
        }
        seen.push(link);
        let flags = Flags::of(service);
        if !ground.links.contains_key(link) || flags == Flags::default() {
            continue;
        }
        let mut entry = Entry::of(service.id, dns, None).on(ground, Some(link));
        entry.search = search_list(Some(dns), 0, &[]);
        entry.flags = flags;
        entry.flags.scoped = true;
        all.push(entry);
        supplemental(ground, services, election, Some((service, link)), all);
    }
}

/// Adds the resolvers of services that programs name by a number, and, for those that
/// have a link, of that link.
fn specific<'a>(ground: &Ground, services: &[Service<'a>], all: &mut Vec<Entry<'a>>) {
    let mut seen = Vec::new();
    for service in services {
        let Some(dns) = &service.dns else {
            continue;
        };
        let Some(identifier) = dns.identifier.filter(|one| !seen.contains(one)) else {
            continue;
        };
        seen.push(identifier);
        let mut entry = Entry::of(service.id, dns, None).on(ground, dns.link);
        entry.search = search_list(Some(dns), 0, &[]);
        entry.flags = Flags::BOTH;
        if dns.link.is_some() {
            let mut on_link = entry.clone();
            on_link.identifier = None;
            on_link.flags.scoped = true;
            all.push(on_link);
        }
        entry.flags.specific = true;
        all.push(entry);
    }
}

/// The domains to search: those of the default, and around them those of the
/// supplemental resolvers, by their order (extract_search_domains).
fn search_list(default: Option<&Dns>, order: u32, supplemental: &[Entry]) -> Vec<String> {
    let mut list: Vec<String> = match default {
        None => Vec::new(),
        Some(dns) => match &dns.search {
            Some(search) => search.iter().filter_map(|one| trimmed(one)).collect(),
            None => dns.domain.and_then(trimmed).into_iter().collect(),
        },
    };
    let mut supplemental: Vec<_> = supplemental.iter().collect();
    supplemental.sort_by_key(|entry| entry.sorting_order());
    let mut before = 0;
    for entry in supplemental {
        let options = entry.options.as_deref().unwrap_or_default();
        if options == "pdns" || options.contains("interface=") || entry.is_not_searched {
            continue;
        }
        let Some(domain) = entry.domain.as_deref().and_then(trimmed) else {
            continue;
        };
        if domain.ends_with(".in-addr.arpa") || domain.ends_with(".ip6.arpa") {
            continue;
        }
        let known = list.iter().position(|one| *one == domain);
        if entry.sorting_order() < order {
            if let Some(known) = known {
                list.remove(known);
                before -= usize::from(known < before);
            }
            list.insert(before, domain);
            before += 1;
        } else if known.is_none() {
            list.push(domain);
        }
    }
    list
}

/// How the list is sorted (compareDomain). configd's comparison has every resolver
/// without a domain before every other, itself included; its merge sort then leaves
/// them as they were.
fn compare(one: &Entry, other: &Entry) -> Ordering {
    let (first, second) = match (&one.domain, &other.domain) {
        (None, None) => return Ordering::Equal,
        (None, Some(_)) => return Ordering::Less,
        (Some(_), None) => return Ordering::Greater,
        (Some(first), Some(second)) => (first, second),
    };
    let labels = || {
        let folded =
            |domain: &str| -> Vec<String> { domain.rsplit('.').map(str::to_lowercase).collect() };
        let (first, second) = (folded(first), folded(second));
        let common = first.len().min(second.len());
        first[..common]
            .cmp(&second[..common])
            .then(second.len().cmp(&first.len()))
    };
    let is_reverse = |domain: &str| domain.ends_with(".arpa");
    one.flags
        .scoped
        .cmp(&other.flags.scoped)
        .then(is_reverse(first).cmp(&is_reverse(second)))
        .then_with(labels)
        .then(one.sorting_order().cmp(&other.sorting_order()))
}

/// A server as it is published: with the link that its address needs, which is `target`
/// where it names none itself (_SC_string_to_sockaddr and back).
pub(super) fn server(
    ground: &Ground,
    text: &str,
    target: Option<&(u32, String)>,
) -> Option<String> {
    let IpAddr::V6(v6) = address(text)? else {
        return address(text).map(|address| address.to_string());
    };
    let named = text.split_once('%').and_then(|(_, zone)| {
        let by_name = ground.links.get_key_value(zone).map(|(name, _)| *name);
        by_name.or_else(|| {
            let index: u32 = zone.parse().ok()?;
            let mut links = ground.links.iter();
            links.find(|link| *link.1 == index).map(|(name, _)| *name)
        })
    });
    let target = target
        .filter(|_| v6.is_unicast_link_local())
        .map(|(_, name)| name.as_str());
    Some(match named.or(target) {
        Some(link) => format!("{v6}%{link}"),
        None => v6.to_string(),
    })
}

/// Whether `server` is one of the two addresses that are this host and nothing else.
pub(super) fn is_loopback(server: &str) -> bool {
    match address(server) {
        Some(IpAddr::V4(v4)) => v4 == Ipv4Addr::LOCALHOST,
        Some(IpAddr::V6(v6)) => v6 == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// An address to prefer and its mask, which is that of its class where none is given.
pub(super) fn sort_address(text: &str) -> Option<String> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: Ipv4Addr = address.parse().ok()?;
    let mask: Ipv4Addr = match mask {
        Some(mask) => mask.parse().ok()?,
        None => match address.octets()[0] {
            0..=127 => Ipv4Addr::new(255, 0, 0, 0),
            128..=191 => Ipv4Addr::new(255, 255, 0, 0),
            192..=223 => Ipv4Addr::new(255, 255, 255, 0),
            _ => return None,
        },
    };
    Some(format!("{address}/{mask}"))
}
