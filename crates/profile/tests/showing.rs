//! A profile that is written back says the same.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_model::dns::DnsServer;
use netprof_model::profile::*;
use netprof_model::snapshot::Os;
use netprof_model::{Location, Name, Owner};
use netprof_profile::{Library, show};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn nowhere() -> Location {
    Location::of(&"generated".into(), "", 0, 0)
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned {
        value,
        at: nowhere(),
    }
}

fn read(text: &str, os: Os) -> Profile {
    match Library::default().resolve_text("shown.kdl", text, os) {
        Ok(resolved) => {
            assert_eq!(resolved.sha256, sha256(&resolved.profile), "{text}");
            resolved.profile
        }
        Err(refused) => panic!("{text}\n{:#?}", refused.diagnostics),
    }
}

/// The SHA-256 of what a profile says, by others.
fn sha256(profile: &Profile) -> String {
    let hash = Sha256::digest(serde_json::to_vec(profile).unwrap());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a profile says, without places.
fn said(profile: &Profile) -> serde_json::Value {
    serde_json::to_value(profile).unwrap()
}

const WHOLE: &str = r#"
profile "office" {
    description "Corporate \"VPN\" up;\n\u{e4}"
    include "base"
    link "vpn" optional=#true { match name="tun*" address="10.8.0.0/16"; }
    link "lan" optional=#true many=#true {
        match name="wl*" kind="vlan" owner="networkmanager" gateway="192.168.1.1" mac="AA-BB-CC-00-11-22" \
              ssid="Caf\u{e9} \\ \"x\"" default-route=#false
    }
    dns {
        scope "corp" {
            domains "corp.example.com" "10.in-addr.arpa"
            search "corp.example.com"
            servers "10.0.0.53" "10.0.0.54:5353" "[fd00::53]:5353" "fd00::53"
            link "vpn"
        }
        scope "rest" { servers from="dhcp"; link "lan"; default-route #true; }
        scope "hooked" { domains "example.net"; servers from="hook"; }
        scope "local" { domains "test"; servers "127.0.0.1:5353"; durable #true; }
    }
    routes {
        keep-localhost
        keep-lan "lan" allow-public=#true { also "192.168.50.0/24" via="192.168.1.254"; also "192.168.51.0/24"; }
        route "10.0.0.0/8" link="vpn"
        route "172.20.0.0/14" via="192.168.1.254" metric=50 src="192.168.1.7" replace=#true
        unreachable "fd00::/8"
    }
    containers {
        keep-local
        docker { bridge "172.30.0.1/24"; pool "172.31.0.0/16" size=24; }
        podman { subnet "192.168.240.0/24"; pool "192.168.241.0/24" size=28; }
    }
    proxy {
        http "http://me:secret@proxy.corp.example.com:3128"
        https "http://proxy.corp.example.com:3128"
        socks "socks5://[fd00::1]:1080"
        pac "file:///etc/proxy.pac"
        bypass "localhost" "127.0.0.0/8" "*.corp.example.com"
        export "env" "desktop" "docker"
    }
    mtu "vpn" 1400
    clamp-mss "vpn"
    when { link "vpn"; ssid "Office"; gateway-mac "aa:bb:cc:00:11:22"; dns-suffix "corp.example.com"; address "10.8.0.0/16"; reachable "intranet.corp.example.com:443"; }
    os "macos" { proxy { export "system"; }; }
}
profile "base" { link "spare" { match name="ppp*"; }; routes { unreachable "192.0.2.0/24"; }; }
"#;

#[test]
fn a_profile_with_everything_is_written_back_as_it_is_pinned() {
    for os in [Os::Linux, Os::Macos] {
        let whole = Library::default()
            .resolve_text("office.kdl#office", WHOLE, os)
            .expect("it is sound");
        let shown = show(&whole.profile);
        assert!(!shown.contains("secret"));
        // What stands for a password is none, and refused as one.
        let again = read(&shown.replace("***", "secret"), os);
        assert_eq!(said(&again), said(&whole.profile));
        assert_eq!(show(&again), shown);
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(format!("everything-{}", os.as_str()), shown);
        });
    }
}

/// It is kept beside what is held: a profile that says the same has it for ever.
#[test]
fn the_hash_of_a_profile_with_everything_is_pinned() {
    let resolved = Library::default()
        .resolve_text("office.kdl#office", WHOLE, Os::Linux)
        .expect("it is sound");
    assert_eq!(resolved.sha256, sha256(&resolved.profile));
    assert_eq!(
        resolved.sha256,
        "778bf62e624169d8af27742d7a37ee1783c84552cb3d8c7e48d70e26c5ba2ba1"
    );
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9][a-z0-9._-]{0,8}".prop_map(|text| Name::new(text).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    "[ -~\u{e4}\u{20ac}\n]{0,20}x"
}

fn address() -> impl Strategy<Value = IpAddr> {
    let host = |bits: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0001 | (bits & 0x00ff_fffe)));
    let host6 = |bits: u64| IpAddr::V6(Ipv6Addr::from((0xfd00_u128 << 112) | u128::from(bits | 1)));
    prop_oneof![any::<u32>().prop_map(host), any::<u64>().prop_map(host6)]
}

fn prefix() -> impl Strategy<Value = IpNet> {
    (address(), any::<u8>()).prop_map(|(address, length)| {
        let longest = IpNet::from(address).prefix_len();
        IpNet::new(address, length % (longest + 1)).unwrap().trunc()
    })
}

fn mac() -> impl Strategy<Value = String> {
    any::<[u8; 6]>().prop_map(|bytes| bytes.map(|byte| format!("{byte:02x}")).join(":"))
}

fn matching() -> impl Strategy<Value = LinkMatch> {
    let some = (
        option::of("[a-z*?]{1,8}"),
        option::of(text()),
        option::of(prop::sample::select(Owner::ALL.to_vec())),
    );
    let more = (
        option::of(prefix()),
        option::of(address()),
        option::of(mac()),
        option::of(text()),
        any::<bool>(),
    );
    (some, more).prop_map(
        |((name, kind, owner), (address, gateway, mac, ssid, default_route))| LinkMatch {
            name,
            kind,
            owner,
            address,
            gateway,
            mac,
            ssid,
            default_route: Some(default_route),
        },
    )
}

fn server() -> impl Strategy<Value = DnsServer> {
    (address(), option::of(1..u16::MAX)).prop_map(|(address, port)| DnsServer {
        address,
        port: port.filter(|port| *port != 53),
        server_name: None,
    })
}

fn servers() -> impl Strategy<Value = Servers> {
    prop_oneof![
        btree_set(server(), 1..4)
            .prop_map(|all| Servers::Listed(all.into_iter().map(spanned).collect())),
        Just(Servers::Hook(nowhere())),
    ]
}

prop_compose! {
    fn scopes(links: Vec<Name>)(
        parts in btree_map(name(), (btree_set("[a-z]{1,8}", 1..4), servers(), any::<prop::sample::Index>(), any::<bool>()), 0..4)
    ) -> Vec<Scope> {
        let scope = |(number, (name, (domains, servers, link, searched))): (usize, (Name, _))| {
            let domains: std::collections::BTreeSet<String> = domains;
            let link: prop::sample::Index = link;
            // A domain is in one scope alone.
            let domains: Vec<_> = domains.into_iter().map(|one| spanned(format!("{one}.s{number}"))).collect();
            Scope {
                name,
                search: if searched { vec![spanned(format!("sub.{}", domains[0].value))] } else { Vec::new() },
                domains,
                servers,
                link: (!links.is_empty()).then(|| spanned(link.get(&links).clone())),
                default_route: number == 0 && searched,
                durable: number == 1 && searched,
                at: nowhere(),
            }
        };
        parts.into_iter().enumerate().map(scope).collect()
    }
}

fn target(links: Vec<Name>, prefix: IpNet) -> impl Strategy<Value = RouteTarget> {
    let fitting = address().prop_filter("one family", move |one| {
        one.is_ipv4() == prefix.addr().is_ipv4()
    });
    (option::of(fitting), any::<prop::sample::Index>()).prop_map(move |(via, link)| {
        let link = (!links.is_empty()).then(|| spanned(link.get(&links).clone()));
        if via.is_none() && link.is_none() {
            RouteTarget::Unreachable
        } else {
            RouteTarget::Through { via, link }
        }
    })
}

fn route(links: Vec<Name>) -> impl Strategy<Value = RouteDecl> {
    prefix()
        .prop_flat_map(move |prefix| {
            (
                Just(prefix),
                target(links.clone(), prefix),
                option::of(1..9999_u32),
                any::<bool>(),
            )
        })
        .prop_map(|(prefix, target, metric, replace)| {
            let plain = target == RouteTarget::Unreachable;
            RouteDecl {
                prefix,
                metric: metric.filter(|metric| !plain && *metric != 1024),
                src: None,
                replace: replace && !plain,
                target,
                at: nowhere(),
            }
        })
}

fn pools() -> impl Strategy<Value = Vec<Pool>> {
    btree_set(1..200_u8, 1..3).prop_map(|all| {
        let pool = |part: u8| Pool {
            prefix: format!("10.{part}.0.0/16").parse().unwrap(),
            size: 16 + part % 15,
            at: nowhere(),
        };
        all.into_iter().map(pool).collect()
    })
}

fn routes(links: Vec<Name>) -> impl Strategy<Value = Routes> {
    let also = btree_map(prefix(), any::<bool>(), 0..3);
    let kept = prop::sample::subsequence(links.clone(), 0..=links.len());
    let keep = option::of((kept, any::<bool>(), also));
    (any::<bool>(), keep, vec(route(links), 0..5)).prop_map(|(localhost, keep, routes)| {
        let mut keys = std::collections::BTreeSet::new();
        Routes {
            keep_localhost: localhost.then(|| spanned(())),
            keep_lan: keep.map(|(links, allow_public, also)| KeepLan {
                links: links.into_iter().map(spanned).collect(),
                allow_public,
                also: also
                    .into_keys()
                    .map(|prefix| Also {
                        prefix,
                        via: None,
                        at: nowhere(),
                    })
                    .collect(),
                at: nowhere(),
            }),
            routes: routes
                .into_iter()
                .filter(|route| keys.insert((route.prefix, route.metric)))
                .collect(),
        }
    })
}

fn when(links: Vec<Name>) -> impl Strategy<Value = When> {
    (
        btree_set(text(), 1..3),
        btree_set(mac(), 0..3),
        btree_set(prefix(), 0..3),
    )
        .prop_map(move |(ssids, macs, nets)| When {
            links: links.iter().cloned().map(spanned).collect(),
            ssids: ssids.into_iter().map(spanned).collect(),
            gateway_macs: macs.into_iter().map(spanned).collect(),
            dns_suffixes: vec![spanned("corp.example".to_owned())],
            addresses: nets.into_iter().map(spanned).collect(),
            reachable: vec![spanned("[fd00::1]:22".to_owned())],
            at: nowhere(),
        })
}

fn profiles() -> impl Strategy<Value = Profile> {
    btree_map(name(), (any::<bool>(), any::<bool>(), matching()), 0..4).prop_flat_map(|links| {
        let names: Vec<Name> = links.keys().cloned().collect();
        let links: Vec<LinkDecl> = links
            .into_iter()
            .map(|(name, (optional, many, matching))| LinkDecl {
                name,
                optional,
                many,
                matching,
                at: nowhere(),
            })
            .collect();
        let parts = (
            scopes(names.clone()),
            routes(names.clone()),
            option::of(pools()),
            option::of(when(names.clone())),
        );
        (
            name(),
            option::of(text()),
            Just(links),
            parts,
            68..65535_u32,
        )
            .prop_map(
                move |(name, description, links, (scopes, routes, pools, when), bytes)| Profile {
                    name,
                    description,
                    links,
                    scopes,
                    routes,
                    containers: Containers {
                        keep_local: pools.is_none().then(|| spanned(())),
                        docker: None,
                        podman: pools.map(|pools| Podman {
                            subnet: None,
                            pools,
                            at: nowhere(),
                        }),
                    },
                    proxy: None,
                    mtu: names
                        .iter()
                        .cloned()
                        .map(|link| Mtu {
                            link: spanned(link),
                            bytes,
                            at: nowhere(),
                        })
                        .collect(),
                    clamp_mss: names
                        .iter()
                        .cloned()
                        .map(|link| ClampMss {
                            link: spanned(link),
                            at: nowhere(),
                        })
                        .collect(),
                    when,
                    at: nowhere(),
                },
            )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_what_is_shown_gives_the_profile_again(profile in profiles()) {
        let shown = show(&profile);
        let again = read(&shown, Os::Linux);
        prop_assert_eq!(said(&again), said(&profile), "{}", shown);
        prop_assert_eq!(show(&again), shown);
    }
}
