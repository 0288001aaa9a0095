//! `netstat -rn`.

use netprof_macos::text::netstat;
use netprof_model::route::Route;

use crate::Recording;

pub(crate) const ALL: &[Recording] = &[
    ("netstat/01-inet-split-tunnel-many-prefixes.txt", |text| {
        // Public destinations were replaced by addresses for documentation, one after
        // another, so that many a network has bits of a host there.
        let (rows, left_out) = netstat::rows(text);
        assert_eq!((rows.len(), left_out), (462, vec![]));
        let (routes, left_out) = netstat::routes(text);
        assert_eq!((routes.len(), left_out.len()), (390, 61));
        for one in left_out {
            assert!(one.found.starts_with("198.51.100."), "{one}");
        }
        assert_eq!(shown(&routes[0]), "0.0.0.0/0 via 192.168.6.1 dev en7");
        assert_eq!(shown(&routes[1]), "0.0.0.0/0 for utun6 dev utun6");
        assert_eq!(shown(&routes[10]), "10.0.0.0/8 dev utun6");
        let tunnel = routes.iter().filter(|one| one.goes_through("utun6"));
        assert_eq!(tunnel.count(), 381);
        // No two routes have the same key: the kernel could not tell them apart either.
        let mut keys: Vec<_> = routes.iter().map(|one| &one.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), routes.len());
    }),
    ("netstat/02-inet6-idle-utuns.txt", |text| {
        let routes = table(text, 63, 56);
        assert_eq!(
            shown(&routes[0]),
            "::/0 via fe80::64e8:8180:6b8:e980 dev en7"
        );
        for (number, route) in routes[1..7].iter().enumerate() {
            let idle = format!("::/0 for utun{number} via fe80:: dev utun{number}");
            assert_eq!(shown(route), idle);
        }
        assert_eq!(shown(&routes[8]), "2001:db8:0:1::/64 dev en7");
    }),
    ("netstat/03-multivpn-handwritten.txt", |text| {
        let routes = table(text, 9, 9);
        assert_eq!(shown(&routes[4]), "100.64.0.0/10 dev utun2");
        assert_eq!(shown(&routes[7]), "::/0 via fe80::1 dev en0");
    }),
    ("netstat/04-rnl-10.14-refs-use-mtu.txt", |text| {
        let routes = table(text, 89, 56);
        assert_eq!(shown(&routes[7]), "192.168.71.0/24 dev vmnet8");
        let (rows, _) = netstat::rows(text);
        let neighbour = &rows[8];
        assert_eq!(neighbour.destination, "192.168.1.80");
        assert_eq!(neighbour.uses, Some(265_604));
        assert_eq!((neighbour.mtu, neighbour.expires), (Some(1500), Some(931)));
        assert!(
            rows.iter()
                .all(|row| row.refs.is_some() && row.mtu.is_some())
        );
    }),
    ("netstat/06-wireguard-app-full-tunnel.txt", |text| {
        let routes = table(text, 9, 5);
        assert_eq!(shown(&routes[0]), "0.0.0.0/0 dev utun3");
        assert_eq!(
            shown(&routes[1]),
            "0.0.0.0/0 for en0 via 172.20.10.1 dev en0"
        );
    }),
    ("netstat/08-inet6-vnet-no-ipv6-uplink.txt", |text| {
        let routes = table(text, 10, 10);
        assert!(routes.iter().all(|one| !one.key.is_default()));
        assert_eq!(shown(&routes[5]), "fd6f:74a0:9a49::/64 dev utun5");
    }),
    ("netstat/09-inet-vnet-cgnat.txt", |text| {
        let routes = table(text, 12, 9);
        assert_eq!(shown(&routes[1]), "100.64.0.0/10 dev utun5");
        assert_eq!(shown(&routes[2]), "100.64.0.1/32 dev utun5");
    }),
    ("netstat/10-openvpn-split.txt", |text| {
        let routes = table(text, 17, 13);
        assert_eq!(shown(&routes[3]), "10.244.0.0/14 via 10.9.0.1 dev utun4");
    }),
    ("netstat/11-cisco-full-tunnel.txt", |text| {
        // Their author wrote `x` into every other row.
        let (routes, left_out) = netstat::routes(text);
        assert_eq!(routes.len(), 1);
        assert_eq!(shown(&routes[0]), "0.0.0.0/0 dev utun6");
        let lines: Vec<usize> = left_out.iter().map(|one| one.line).collect();
        assert_eq!(lines, [4, 5, 6, 7, 8]);
    }),
    ("netstat/12-wg-quick-half-routes.txt", |text| {
        let routes = table(text, 2, 2);
        assert_eq!(shown(&routes[0]), "0.0.0.0/1 dev utun0");
        assert_eq!(shown(&routes[1]), "0.0.0.0/0 for utun0 dev utun0");
    }),
    ("netstat/13-lan-host-rows.txt", |text| {
        let routes = table(text, 11, 7);
        assert_eq!(shown(&routes[4]), "192.168.1.0/24 dev en0");
    }),
    ("netstat/14-inet6-leftover-utuns.txt", |text| {
        let routes = table(text, 12, 12);
        assert_eq!(shown(&routes[7]), "fe80::/64 for utun2 dev utun2");
    }),
];

/// The routes of a table with so many rows, every one of which is understood.
fn table(text: &str, rows: usize, routes: usize) -> Vec<Route> {
    let (all, left_out) = netstat::rows(text);
    assert_eq!(left_out, []);
    assert_eq!(all.len(), rows);
    let (all, left_out) = netstat::routes(text);
    assert_eq!(left_out, []);
    assert_eq!(all.len(), routes);
    all
}

fn shown(route: &Route) -> String {
    let mut text = route.key.dst.to_string();
    if let Some(link) = &route.key.ifscope {
        text.push_str(&format!(" for {link}"));
    }
    if let Some(via) = route.gateway() {
        text.push_str(&format!(" via {via}"));
    }
    for dev in route.devices() {
        text.push_str(&format!(" dev {dev}"));
    }
    text
}
