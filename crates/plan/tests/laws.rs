//! The laws of planning, on generated machines of Linux and profiles for them; `law` has
//! their text.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bridges;
mod carried_out;
#[macro_use]
mod law;
mod machine;
mod sieved;

use bridges::containers;
use law::profiles::Palette;
use law::words::{link, mtu, proxy, route, scope, spanned};
use law::{Drawn, Site};
use machine::machine;
use netprof_model::profile::{Export, Profile, Proxy, ProxyUrl, Scope};
use netprof_model::settings::Settings;
use netprof_model::{Resource, Snapshot};
use proptest::prelude::*;
use proptest::sample::subsequence;

/// What a VPN, a mesh and an administrator have been seen to do to a machine.
const FACTS: [&str; 43] = [
    "route default via 192.168.7.1 dev wlan0 metric 600",
    "route 0.0.0.0/1 via 10.8.0.1 dev tun0",
    "route 128.0.0.0/1 via 10.8.0.1 dev tun0",
    "route default dev tun0 metric 50",
    "route 192.168.7.0/25 dev tun0",
    "route 192.168.7.128/25 dev tun0",
    "route 192.168.7.0/24 dev tun0 metric 10",
    "route 192.168.50.0/24 via 192.168.7.1 dev wlan0",
    "route 192.168.50.0/25 dev tun0",
    "route fd00:7::/65 dev tun0",
    "rule 5270 lookup 52 owner tailscale\nroute 192.168.7.0/24 dev tailscale0 table 52\nroute 192.168.50.0/24 dev tailscale0 table 52\nroute 172.17.4.0/24 dev tailscale0 table 52",
    "rule6 5270 lookup 52 owner tailscale\nroute default6 dev tailscale0 table 52",
    "rule 220 lookup 220 owner strongswan\nroute default dev tun0 table 220",
    "rule 32764 lookup 254 suppress 0\nrule 32765 not fwmark 51820 lookup 51820\nroute default dev tun0 table 51820",
    "rule 110 lookup 77",
    "rule 119 to 198.51.100.0/24 lookup 77",
    "dns wlan0 192.168.7.1 home.arpa",
    "dns tun0 10.0.0.53 ~.",
    "dns tun0 10.0.0.53 corp.example",
    "dns tailscale0 100.100.100.100 ~. ts.example",
    "dns tailscale0 100.100.100.100 ts.example default",
    "dns global 9.9.9.9",
    "docker bip 172.30.0.1/24 others",
    "podman",
    "addr eth0 192.168.7.30/24",
    "addr eth0 10.20.0.5/16\nroute default via 10.20.0.1 dev eth0 metric 100",
    "addr wlan0 fe80::20/64\nroute default6 via fe80::1 dev wlan0 proto 9 owner ra",
    "rule 100 to 192.168.7.128/25 lookup 77\nroute 192.168.7.192/26 dev tun0 table 77",
    "rule 5260 lookup 53\nroute 10.0.0.0/8 dev tailscale0 table 53\nroute throw 10.64.0.0/16 table 53",
    "link podman0 kind bridge owner podman\naddr podman0 10.87.0.1/16\naddr podman0 fd00:87::1/64",
    "route 172.16.0.0/12 via 10.8.0.1 dev tun0",
    "route 172.17.128.0/17 dev tun0",
    "route 10.87.0.0/24 dev tun0\nroute fd00:87::/65 dev tun0",
    "rule 111 lookup 77",
    "gnome mode=none http/host=old.example http/port=8080 http/use-authentication=true",
    "gnome mode=manual https/host=old.example ignore-hosts=localhost,old.example",
    "kde ProxyType=1 httpsProxy=http://old.example_8080 (others)=true",
    "kde",
    "environment seen",
    "environment seen http_proxy=http://theirs no_proxy=a",
    "docker-client seen (others)=true proxies={\"tcp://one\":{},\"default\":{\"noProxy\":\"a\"}}",
    "docker-client seen (others)=true",
    "route 10.88.0.0/16 dev docker0\nroute 198.51.100.7/32 via 192.168.7.1 dev wlan0",
];

fn machines() -> impl Strategy<Value = Drawn<Snapshot>> {
    subsequence(FACTS.to_vec(), 0..=FACTS.len()).prop_map(|facts| {
        let mut text = String::from(
            "link wlan0\naddr wlan0 192.168.7.20/24\naddr wlan0 fd00:7::20/64\n\
             link tun0 kind tun owner openvpn\naddr tun0 10.8.0.2/24\n\
             link tailscale0 kind tun owner tailscale\naddr tailscale0 100.101.102.103/32\n\
             link eth0\n\
             link docker0 kind bridge owner docker\naddr docker0 172.17.0.1/16\n\
             user me\nenvironment\ndocker-client\n",
        );
        // Two rules may not share a key, nor two routes, and there is one of each desktop: the
        // last of such facts stays.
        let mut seen_dns = Vec::new();
        for fact in facts.iter().rev() {
            let is_desktop = ["gnome", "kde"].iter().any(|one| fact.starts_with(one));
            let key = fact
                .split_whitespace()
                .take(if is_desktop { 1 } else { 2 })
                .collect::<Vec<_>>()
                .join(" ");
            if (is_desktop || fact.starts_with("dns")) && seen_dns.contains(&key) {
                continue;
            }
            seen_dns.push(key);
            text.push_str(fact);
            text.push('\n');
        }
        Drawn::new(machine(&text), text)
    })
}

fn profiles() -> impl Strategy<Value = Drawn<Profile>> {
    law::profiles::profiles(Palette {
        links: vec![
            link("lan", "wl*"),
            link("vpn", "tun*"),
            link("mesh", "tailscale0"),
        ],
        scopes: vec![
            scope(
                "corp",
                Some("vpn"),
                &["corp.example", "10.in-addr.arpa"],
                "10.0.0.53",
            ),
            Scope {
                default_route: true,
                ..scope("home", Some("lan"), &["home.arpa"], "192.168.7.1")
            },
            scope("mesh", Some("mesh"), &["ts.example"], "100.100.100.100"),
        ],
        routes: vec![
            route("10.0.0.0/8", None, Some("vpn"), None),
            route("10.64.0.0/16", Some("10.8.0.1"), None, Some(7)),
            route("172.20.0.0/14", Some("192.168.7.1"), Some("lan"), Some(50)),
            route("198.51.100.0/24", None, Some("vpn"), None),
            route("203.0.113.0/24", None, None, None),
            route("fd00:99::/48", None, Some("vpn"), None),
            route("fd00:98::/48", None, None, None),
        ],
        also: vec!["192.168.50.0/24", "192.168.51.0/24"],
        via: vec![None, Some("192.168.7.1"), Some("192.168.7.254")],
        mtu: vec![mtu("vpn", 1400), mtu("lan", 1492), mtu("mesh", 1200)],
        clamp_mss: vec!["vpn", "mesh"],
        proxies: vec![
            Proxy {
                http: Some(spanned(ProxyUrl::new(
                    "http://me:pw@proxy.corp.example:3128",
                ))),
                bypass: vec![spanned("*.corp.example".to_owned())],
                export: vec![
                    spanned(Export::Desktop),
                    spanned(Export::Env),
                    spanned(Export::Docker),
                ],
                ..proxy()
            },
            Proxy {
                socks: Some(spanned(ProxyUrl::new("socks5://proxy.corp.example"))),
                export: vec![spanned(Export::Env)],
                ..proxy()
            },
            Proxy {
                pac: Some(spanned(ProxyUrl::new("http://wpad.corp.example/b.pac"))),
                export: vec![spanned(Export::Desktop)],
                ..proxy()
            },
        ],
        containers: vec![
            containers(&[], &[]),
            containers(&["172.31.0.0/16"], &["10.77.0.0/20"]),
            containers(&["172.16.0.0/12"], &["10.87.0.0/20", "198.51.100.0/25"]),
        ],
    })
}

const SITE: Site = Site {
    lan: "192.168.7.0/24",
    other: &[
        "fd00:7::1",
        "fd00:7::7fff:ffff:ffff:ffff",
        "fd00:7:0:0:8000::1",
    ],
    named: &["wlan0"],
    hardware: &["wlan0", "eth0"],
    tunnel: "tun0",
};

laws!(machines(), profiles(), SITE);

proptest! {
    #![proptest_config(law::config())]

    #[test]
    fn what_is_not_asked_for_changes_no_plan(
        machine in sieved::crowded(machines()),
        since in sieved::strangers(),
        one in prop_oneof![profiles(), law::profiles::profiles(sieved::palette())],
        other in prop_oneof![profiles(), law::profiles::profiles(sieved::palette())],
        lost in any::<proptest::sample::Index>(),
    ) {
        sieved::what_is_not_asked_for_changes_no_plan(&machine, &since, [&one, &other], &lost)?;
    }
}

proptest! {
    #![proptest_config(law::config())]

    #[test]
    fn every_address_of_containers_stays_on_their_bridge(
        machine in machines(),
        profile in profiles(),
    ) {
        bridges::every_address_of_containers_stays_on_their_bridge(&machine, &profile)?;
    }
}

#[test]
fn most_generated_plans_are_carried_out() {
    let (made, changes) = law::carried(400, &machines(), &profiles());
    assert!(made > 150, "{made} of 400");
    assert!(
        changes.len() > 3 * made,
        "{} changes in {made} plans",
        changes.len()
    );
    let touches = |is: fn(&Resource) -> bool| {
        let count = changes.iter().filter(|change| is(&change.resource)).count();
        assert!(count > 20, "{count} in {made} plans");
    };
    touches(|one| matches!(one, Resource::Mtu { .. }));
    touches(|one| matches!(one, Resource::NftTable));
    touches(|one| matches!(one, Resource::File { .. }));
    for of in [
        |one: &Settings| matches!(one, Settings::Environment { .. }),
        |one: &Settings| matches!(one, Settings::DockerClient { .. }),
    ] {
        let mut all = changes.iter().map(|change| &change.resource);
        assert!(all.any(|one| matches!(one, Resource::Settings(one) if of(one))));
    }
}
