//! The law of reading: what is planned on the routes that were asked for is what is planned
//! on all of them. And routes of strangers to hold it to.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::firewall::Rules;
use netprof_model::profile::{LinkDecl, LinkMatch, Profile};
use netprof_model::route::{Protocol, Route};
use netprof_model::snapshot::BaseChain;
use netprof_model::{Owner, Section, Snapshot};
use netprof_plan::linux::owner;
use netprof_plan::{Need, above, after, drift, need, plan};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::bridges::containers;
use crate::carried_out::carried_out;
use crate::law::profiles::Palette;
use crate::law::words::{link, mtu, reference, route, scope};
use crate::law::{Drawn, Verdict, make};
use crate::machine::{items, machine};

/// What `machine` shows to who reads no more of it than `need`.
pub(crate) fn read(machine: &Snapshot, need: &Need) -> Snapshot {
    // Whose a link is, is not known before its routes are.
    let mut links = machine.links.items().to_vec();
    for link in &mut links {
        (link.owner, link.manager) = (Owner::Unknown, None);
    }
    let (addresses, rules) = (machine.addresses.items(), machine.rules.items());
    let sieve = need.sieve(&links, addresses, rules);
    let read = sieve.read(|sieve| {
        let mut routes = machine.routes.items().to_vec();
        let mut told = HashSet::new();
        routes.retain(|route| {
            let (table, protocol) = (route.key.table, route.spec.protocol);
            let mut devices = route.devices();
            let tells = sieve.tells_owners(table, protocol)
                && devices.any(|dev| told.insert((table, dev.to_owned())));
            tells || sieve.takes(route.key.dst, table, protocol)
        });
        Ok::<Vec<Route>, std::convert::Infallible>(routes)
    });
    let Ok(routes) = read;
    owned(Snapshot {
        routes: match need.asks_for_routes() {
            true => Section::Seen(routes),
            false => Section::Unread,
        },
        ..machine.clone()
    })
}

/// `machine` with the owners that its own rules and routes tell of, as far as it has any of
/// those: a tunnel whose process is not known is told by the tables that lead through it.
fn owned(mut machine: Snapshot) -> Snapshot {
    let partners = owner::partners(machine.rules.items(), machine.routes.items());
    for link in items(&mut machine.links) {
        if link.kind.as_deref() == Some("tun")
            && let Some((_, owner)) = partners.get(&link.name)
        {
            link.owner = *owner;
        }
    }
    let links = machine.links.items().to_vec();
    if let Section::Seen(routes) = &mut machine.routes {
        owner::attribute(&links, items(&mut machine.rules), routes);
    }
    machine
}

/// `machine` with a firewall that lets nothing out, so that what is said of it shows which
/// networks are known to be kept.
fn shut(machine: &Snapshot) -> Snapshot {
    let chain = BaseChain {
        family: "inet".to_owned(),
        table: "shut".to_owned(),
        chain: "output".to_owned(),
        hook: "output".to_owned(),
        priority: 0,
        policy_drops: true,
        rules_drop: false,
        rules: Some(Rules::default()),
        owner: Owner::Unknown,
        evidence: Vec::new(),
    };
    Snapshot {
        firewall: Section::Seen(vec![chain]),
        ..machine.clone()
    }
}

/// `machine` after its links lost their addresses, and left their networks or not.
fn roamed(machine: &Snapshot, left: bool) -> Snapshot {
    let mut roamed = machine.clone();
    items(&mut roamed.addresses).retain(|one| one.dev == "lo");
    let is_left = |route: &Route| {
        route.spec.protocol == Protocol::KERNEL && !route.goes_through("lo") && left
    };
    items(&mut roamed.routes).retain(|route| !is_left(route));
    roamed
}

/// The law, of `machine` with what strangers did `before` and `since` one profile was made
/// so on it, and with each of what that made taken away once more.
pub(crate) fn what_is_not_asked_for_changes_no_plan(
    machine: &Snapshot,
    since: &[Route],
    [one, other]: [&Profile; 2],
    lost: &Index,
) -> Verdict {
    let mut states = vec![machine.clone()];
    let first = make(one, machine);
    if !first.is_refused() {
        let mut done = carried_out(machine, &first);
        states.push(done.clone());
        items(&mut done.routes).extend_from_slice(since);
        states.push(done.clone());
        if !first.changes.is_empty() {
            let change = lost.get(&first.changes);
            states.push(after(&done, &[change.inverse()]));
        }
    }
    if let Some(last) = states.last() {
        states.extend([false, true].map(|left| roamed(last, left)));
    }
    for state in &states {
        let state = &owned(state.clone());
        for profile in [None, Some(one), Some(other)] {
            let read = read(state, &need(profile, state.held()));
            let with = |snapshot: &Snapshot| {
                let reference = profile.map(reference);
                plan(profile.zip(reference.as_ref()), snapshot)
            };
            prop_assert_eq!(with(&read), with(state));
            prop_assert_eq!(drift(&read), drift(state));
            prop_assert_eq!(above(&shut(&read)), above(&shut(state)));
        }
    }
    Ok(())
}

/// Prefixes that somebody has something to say of.
const PREFIXES: [&str; 25] = [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/2",
    "10.0.0.0/8",
    "10.8.0.0/24",
    "10.20.0.0/16",
    "10.64.0.0/16",
    "10.87.0.0/16",
    "10.88.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "172.17.0.0/16",
    "172.20.0.0/14",
    "192.168.7.0/24",
    "192.168.50.0/24",
    "192.168.51.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "::/0",
    "2000::/3",
    "fd00:7::/64",
    "fd00:87::/64",
    "fd00:98::/48",
    "fd00:99::/48",
];

/// A prefix around, at or within one of those; its host bits are few or many.
fn prefix() -> impl Strategy<Value = IpNet> {
    let length = prop_oneof![Just(None), (0_u8..=128).prop_map(Some), Just(Some(u8::MAX))];
    let host = prop_oneof![0_u128..70, any::<u128>(), Just(u128::MAX)];
    (select(&PREFIXES), length, host).prop_map(|(net, length, host)| {
        let net: IpNet = net.parse().unwrap();
        let address = match (net.addr(), net.hostmask()) {
            (IpAddr::V4(address), IpAddr::V4(mask)) => {
                let host = u32::try_from(host & u128::from(u32::MAX)).unwrap();
                IpAddr::V4((u32::from(address) | (host & u32::from(mask))).into())
            }
            (IpAddr::V6(address), IpAddr::V6(mask)) => {
                IpAddr::V6((u128::from(address) | (host & u128::from(mask))).into())
            }
            _ => unreachable!("both are of one family"),
        };
        let length = length.unwrap_or(net.prefix_len());
        let length = length.min(net.max_prefix_len());
        IpNet::new(address, length).unwrap().trunc()
    })
}

/// A stranger's route, as a line of a machine.
fn stranger() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        8 => Just(""),
        1 => Just("blackhole "),
        1 => Just("throw "),
        1 => Just("local "),
    ];
    let table = prop_oneof![
        4 => Just(254_u32),
        4 => select(vec![52, 53, 77, 100, 220, 253, 255, 28272, 51820]),
    ];
    let dev = select(vec!["wlan0", "eth0", "tun0", "tailscale0", "docker0", "lo"]);
    let via = prop_oneof![3 => Just(None), 1 => (1_u8..=254).prop_map(Some)];
    let proto = select(vec![2_u8, 3, 4, 9, 16, 110, 186]);
    let metric = select(vec![0_u32, 5, 256, 600, 1024]);
    let src = select(vec!["", " src 192.168.7.20", " src 10.20.0.5"]);
    let way = (dev, via, proto, metric, src);
    (kind, prefix(), table, way).prop_map(|(kind, dst, table, (dev, via, proto, metric, src))| {
        let v4 = dst.addr().is_ipv4();
        let via = match via {
            Some(host) if v4 => format!(" via 192.168.7.{host}"),
            Some(host) => format!(" via fd00:7::{host:x}"),
            None => String::new(),
        };
        let src = if v4 { src } else { "" };
        format!(
            "route {kind}{dst}{via} dev {dev}{src} table {table} proto {proto} metric {metric}\n"
        )
    })
}

fn lines(most: usize) -> impl Strategy<Value = String> {
    vec(stranger(), 0..most).prop_map(|lines| lines.concat())
}

/// `before` with the routes of strangers.
pub(crate) fn crowded(
    before: impl Strategy<Value = Drawn<Snapshot>>,
) -> impl Strategy<Value = Drawn<Snapshot>> {
    (before, lines(40)).prop_map(|(before, lines)| {
        let text = format!("{}{lines}", before.from);
        Drawn::new(machine(&text), text)
    })
}

/// Routes of strangers.
pub(crate) fn strangers() -> impl Strategy<Value = Drawn<Vec<Route>>> {
    lines(20).prop_map(|lines| {
        let own = machine("").routes.items().len();
        Drawn::new(machine(&lines).routes.items()[own..].to_vec(), lines)
    })
}

/// Profiles that look at much of a machine.
pub(crate) fn palette() -> Palette {
    let matched = |name: &str, matching: LinkMatch| LinkDecl {
        matching,
        ..link(name, "")
    };
    let lan = LinkMatch {
        gateway: Some("192.168.7.1".parse().unwrap()),
        ..LinkMatch::default()
    };
    let of_tailscale = LinkMatch {
        owner: Some(Owner::Tailscale),
        ..LinkMatch::default()
    };
    let of_wg_quick = LinkMatch {
        owner: Some(Owner::WgQuick),
        ..LinkMatch::default()
    };
    let vpn = LinkMatch {
        name: Some("tun*".to_owned()),
        default_route: Some(true),
        ..LinkMatch::default()
    };
    Palette {
        links: vec![
            matched("lan", lan),
            matched("other", of_tailscale),
            matched("way-out", vpn),
            link("vpn", "tun*"),
            link("mesh", "tailscale0"),
            matched("quick", of_wg_quick),
        ],
        scopes: vec![
            scope("corp", Some("vpn"), &["corp.example"], "10.0.0.53"),
            scope("far", Some("vpn"), &["far.example"], "203.0.113.53"),
            scope("home", Some("lan"), &["home.arpa"], "192.168.7.1"),
        ],
        routes: vec![
            route("0.0.0.0/1", None, Some("vpn"), None),
            route("128.0.0.0/1", None, Some("way-out"), Some(20)),
            route("10.64.0.0/16", Some("10.8.0.1"), None, Some(7)),
            route("10.88.0.0/26", None, Some("mesh"), None),
            route("172.20.0.0/14", Some("192.168.7.1"), Some("lan"), Some(50)),
            route("198.18.0.0/15", None, Some("quick"), None),
            route("203.0.113.0/24", None, None, None),
            route("2000::/3", None, Some("vpn"), None),
            route("fd00:98::/48", None, None, None),
        ],
        also: vec!["192.168.50.0/24", "192.168.51.0/24", "10.20.0.0/16"],
        via: vec![None, Some("192.168.7.1"), Some("192.168.7.254")],
        mtu: vec![mtu("vpn", 1400), mtu("mesh", 1280)],
        clamp_mss: vec!["vpn"],
        proxies: Vec::new(),
        containers: vec![
            containers(&[], &[]),
            containers(&["172.16.0.0/12", "203.0.113.0/25"], &["10.87.0.0/20"]),
            containers(&["10.20.0.0/16", "fd00:99::/56"], &["100.64.0.0/16"]),
        ],
    }
}
