//! How the kernel of macOS looks routes up: the cases of its own comments
//! (`rt_lookup_common` in xnu, `bsd/net/route.c`), and a law over generated tables.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mac;
mod wifi;
#[path = "law/xnu.rs"]
mod xnu;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use mac::{by_host, items, mac};
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteLive, RouteSpec};
use netprof_model::{Owner, Snapshot};
use netprof_plan::macos::put_back::is_host;
use netprof_plan::macos::rib::{Found, Rib};
use proptest::prelude::*;
use proptest::sample::select;
use wifi::wifi;
use xnu::full;

/// Where a packet to `to` goes: link, gateway.
fn way(snapshot: &Snapshot, to: &str, oif: Option<&str>) -> String {
    match Rib::new(snapshot).look_up(to.parse().unwrap(), oif) {
        Found::Nothing => "nowhere".to_owned(),
        Found::Here(_) => "here".to_owned(),
        found => match found.route() {
            None => "dropped".to_owned(),
            Some(route) => {
                let dev = route.devices().next().unwrap();
                match route.gateway() {
                    Some(via) => format!("{dev} via {via}"),
                    None => dev.to_owned(),
                }
            }
        },
    }
}

#[test]
fn a_laptop_on_wifi_alone_reaches_its_lan_its_router_itself_and_the_rest() {
    let alone = wifi("");
    for (to, expected) in [
        ("192.168.7.33", "en0"),
        ("192.168.7.1", "en0"),
        ("192.168.7.20", "here"),
        ("198.51.100.9", "en0 via 192.168.7.1"),
        ("127.0.0.1", "lo0"),
        ("127.9.9.9", "lo0"),
        ("::1", "lo0"),
        ("fd00:7::33", "en0"),
        ("fd00:7::20", "lo0"),
        ("2001:db8::1", "en0 via fe80::1"),
    ] {
        assert_eq!(way(&alone, to, None), expected, "{to}");
    }
}

#[test]
fn a_tunnel_that_owns_the_default_route_leaves_the_lan_alone() {
    let full = mac(
        "en0:\n inet 192.168.7.20/24\n utun3: owner wireguard\n inet 10.66.0.2/32
        Internet:
        default            link#18            UCSg      utun3
        default            192.168.7.1        UGScIg    en0
        192.168.7          link#11            UCS       en0",
    );
    assert_eq!(way(&full, "198.51.100.9", None), "utun3");
    assert_eq!(way(&full, "192.168.7.33", None), "en0");
    assert_eq!(
        way(&full, "198.51.100.9", Some("en0")),
        "en0 via 192.168.7.1"
    );
}

#[test]
fn a_link_local_address_is_looked_up_with_its_link() {
    let two = wifi(
        "en7:\n inet6 fe80::7/64
        Internet6:
        fe80::%en7/64      link#14            UCI       en7
        fe80::7%en7        02:00:5e:00:53:07  UHLI      lo0",
    );
    assert_eq!(way(&two, "fe80::9", Some("en0")), "en0");
    assert_eq!(way(&two, "fe80::9", Some("en7")), "en7");
    assert_eq!(way(&two, "fe80::7", Some("en7")), "lo0");
}

#[test]
fn a_scoped_default_does_not_beat_an_unscoped_network_on_the_same_link() {
    let table = mac("en0:\n inet 192.168.7.20/24
        Internet:
        default            192.168.7.1        UGScIg    en0
        192.168.50         192.168.7.254      UGS       en0");
    assert_eq!(way(&table, "192.168.50.1", None), "en0 via 192.168.7.254");
}

#[test]
fn a_scoped_network_beats_an_unscoped_one_on_the_same_link_but_no_host() {
    let table = mac("en0:\n inet 192.168.7.20/24
        Internet:
        192.168.50         192.168.7.254      UGS       en0
        192.168.50.7       192.168.7.254      UGHS      en0
        192.168.50.8/32    192.168.7.254      UGS       en0
        192.168.0.0/16     192.168.7.1        UGSI      en0");
    assert_eq!(way(&table, "192.168.50.1", None), "en0 via 192.168.7.1");
    assert_eq!(way(&table, "192.168.50.7", None), "en0 via 192.168.7.254");
    assert_eq!(
        way(&table, "192.168.50.8", None),
        "en0 via 192.168.7.1",
        "a network of one address is a network"
    );
}

#[test]
fn of_two_routes_to_one_address_the_hosts_is_found() {
    let rows = [
        "10.0.0.1           192.168.7.1        UGHS      en0",
        "10.0.0.1/32        link#18            US1       utun3",
    ];
    for (one, other) in [(0, 1), (1, 0)] {
        let (one, other) = (rows[one], rows[other]);
        let table = mac(&format!(
            "en0:\n inet 192.168.7.20/24\n utun3:\n inet 10.8.0.2/32
            Internet:
            {one}
            {other}"
        ));
        assert_eq!(way(&table, "10.0.0.1", None), "en0 via 192.168.7.1");
        assert_eq!(way(&table, "10.0.0.1", Some("utun3")), "nowhere");
        let rib = Rib::new(&table);
        let both = rib.exact(&"10.0.0.1/32".parse().unwrap());
        let hosts: Vec<bool> = both.iter().map(|route| is_host(&route.spec)).collect();
        assert_eq!(hosts, [true, false]);
        assert_eq!(rib.at(&both[0].key), Some(both[0]));
    }
}

#[test]
fn a_scoped_route_of_another_link_is_not_seen() {
    let table = mac("en0:\n inet 192.168.7.20/24\n utun3:\n inet 10.8.0.2/32
        Internet:
        default            192.168.7.1        UGSc      en0
        10                 link#18            UCSI      utun3");
    assert_eq!(way(&table, "10.1.2.3", None), "en0 via 192.168.7.1");
    assert_eq!(way(&table, "10.1.2.3", Some("utun3")), "utun3");
    assert_eq!(way(&table, "11.1.2.3", Some("utun3")), "nowhere");
}

#[test]
fn a_bound_socket_takes_the_unscoped_default_of_its_own_link() {
    let split = wifi("utun3:\n 10 link#18 UCS utun3");
    assert_eq!(
        way(&split, "10.1.2.3", Some("en0")),
        "en0 via 192.168.7.1",
        "the longer route leads elsewhere, so the default route of the link counts"
    );
}

#[test]
fn what_is_rejected_or_discarded_goes_nowhere() {
    let table = wifi("10 127.0.0.1 UGRS lo0\n 11 127.0.0.1 UGSB lo0");
    assert_eq!(way(&table, "10.1.2.3", None), "dropped");
    assert_eq!(way(&table, "11.1.2.3", None), "dropped");
}

#[test]
fn an_own_address_on_a_tunnel_goes_into_the_tunnel_unless_a_route_turns_it_back() {
    let tunnel = "utun4:\n inet 10.9.0.15/32 --> 10.9.0.15";
    let plain = wifi(&format!("{tunnel}\n 10.9.0.15 10.9.0.15 UH utun4"));
    assert_eq!(way(&plain, "10.9.0.15", None), "utun4");
    let turned = wifi(&format!("{tunnel}\n 10.9.0.15/32 127.0.0.1 UGSc lo0"));
    assert_eq!(way(&turned, "10.9.0.15", None), "lo0 via 127.0.0.1");
}

#[test]
fn a_deletion_matches_destination_and_scope_and_never_the_gateway() {
    let table = mac("en0:\n inet 192.168.7.20/24\n utun3:\n inet 10.66.0.2/32
        Internet:
        default            link#18            UCSg      utun3
        default            192.168.7.1        UGScIg    en0");
    let rib = Rib::new(&table);
    let everything: IpNet = "0.0.0.0/0".parse().unwrap();
    let taken = |ifscope: Option<&str>| {
        let key = RouteKey {
            ifscope: ifscope.map(str::to_owned),
            ..RouteKey::unscoped(everything)
        };
        rib.at(&key).and_then(|route| route.devices().next())
    };
    assert_eq!(taken(None), Some("utun3"));
    assert_eq!(taken(Some("en0")), Some("en0"));
    assert_eq!(taken(Some("utun3")), None);
}

const DEVS: [&str; 3] = ["en0", "en7", "utun3"];
const DSTS: [&str; 9] = [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "10.0.0.0/8",
    "10.0.0.0/9",
    "192.168.7.0/24",
    "192.168.7.128/25",
    "192.168.7.9/32",
    "10.0.0.1/32",
];

fn table() -> impl Strategy<Value = Vec<Route>> {
    let one = (
        select(&DSTS[..]),
        select(&DEVS[..]),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let one = one.prop_map(|(dst, dev, scoped, behind, host)| Route {
        key: RouteKey {
            ifscope: scoped.then(|| dev.to_owned()),
            ..RouteKey::unscoped(dst.parse().unwrap())
        },
        spec: RouteSpec {
            protocol: Protocol::STATIC,
            hops: vec![Hop::through(
                dev,
                behind.then(|| "192.168.7.1".parse().unwrap()),
            )],
            opaque: (host && dst.ends_with("/32"))
                .then(by_host)
                .into_iter()
                .collect(),
            ..RouteSpec::default()
        }
        .into(),
        live: RouteLive::default(),
        owner: Owner::Unknown,
    });
    proptest::collection::vec(one, 0..14).prop_map(|mut all| {
        // A key is there once, or once for a host and once for a network.
        let by = |route: &Route| (route.key.clone(), is_host(&route.spec));
        all.sort_by_key(by);
        all.dedup_by_key(|route| by(route));
        all
    })
}

proptest! {
    #[test]
    fn a_look_up_is_what_the_kernels_comments_say(
        routes in table(),
        to in select(vec!["10.0.0.1", "10.200.0.1", "192.168.7.9", "192.168.7.200", "1.2.3.4", "200.1.1.1"]),
        bound in prop::option::of(select(&DEVS[..])),
    ) {
        let mut snapshot = mac("en0:\nen7:\nutun3:");
        *items(&mut snapshot.routes) = routes;
        let to: Ipv4Addr = to.parse().unwrap();
        let found = Rib::new(&snapshot).look_up(IpAddr::V4(to), bound).route();
        prop_assert_eq!(found, xnu::look_up(&snapshot, IpAddr::V4(to), bound));
    }

    #[test]
    fn an_unbound_packet_leaves_through_the_link_of_the_longest_unscoped_prefix(
        routes in table(),
        to in any::<u32>(),
    ) {
        let mut snapshot = mac("en0:\nen7:\nutun3:");
        *items(&mut snapshot.routes) = routes.clone();
        let to = Ipv4Addr::from(to);
        let longest = routes
            .iter()
            .filter(|route| route.key.ifscope.is_none() && route.key.dst.contains(&IpAddr::V4(to)))
            .max_by_key(|route| full(route));
        if let Some(longest) = longest {
            let found = Rib::new(&snapshot).look_up(IpAddr::V4(to), None).route();
            prop_assert_eq!(
                found.and_then(|route| route.devices().next()),
                longest.devices().next()
            );
        }
    }

    #[test]
    fn what_covers_a_prefix_is_what_a_packet_to_an_address_of_it_alone_would_find(
        routes in table(),
        at in any::<u32>(),
        length in 0_u8..=32,
    ) {
        let mut snapshot = mac("en0:\nen7:\nutun3:");
        *items(&mut snapshot.routes) = routes.clone();
        let prefix = IpNet::V4(Ipv4Net::new(at.into(), length).unwrap().trunc());
        let rib = Rib::new(&snapshot);
        let covering = rib.covering(&prefix);
        let longest = routes
            .iter()
            .filter(|route| route.key.ifscope.is_none() && route.key.dst.contains(&prefix))
            .max_by_key(|route| full(route));
        prop_assert_eq!(covering, longest);
        let within: Vec<&Route> = rib.within(prefix).collect();
        let expected = routes
            .iter()
            .filter(|route| route.key.ifscope.is_none() && prefix.contains(&route.key.dst))
            .count();
        prop_assert_eq!(within.len(), expected);
    }
}
