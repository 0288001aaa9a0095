//! `scutil --dns` and `scutil --nwi`.

use netprof_macos::text::{scutil_dns, scutil_nwi};
use netprof_model::configd::{Resolver, ResolverList};
use netprof_plan::macos::configd::print;

use crate::Recording;

pub(crate) const ALL: &[Recording] = &[
    ("scutil-dns/01-wifi-dualstack.txt", |text| {
        let list = whole(text, 7, 1);
        assert_eq!(
            list.resolvers[0],
            Resolver {
                nameservers: vec!["2001:db8:0:3::29".to_owned(), "192.168.29.1".to_owned()],
                link: Some((12, Some("en0".to_owned()))),
                requests_a: true,
                requests_aaaa: true,
                reach: Some(0x2_0002),
                ..Resolver::default()
            }
        );
        multicast(&list, 1, 6);
        assert!(list.scoped[0].scoped);
    }),
    ("scutil-dns/02-ethernet-and-wifi.txt", |text| {
        let list = whole(text, 7, 2);
        multicast(&list, 1, 6);
        assert!(list.resolvers.iter().all(|one| !one.requests_aaaa));
        assert_eq!(list.scoped[1].link, Some((14, Some("en0".to_owned()))));
        assert_eq!(list.scoped[1].search, ["house"]);
    }),
    ("scutil-dns/03-tailscale-default-and-domain.txt", |text| {
        let list = whole(text, 9, 2);
        multicast(&list, 3, 6);
        let orders: Vec<u32> = list.resolvers[..3].iter().map(|one| one.order).collect();
        assert_eq!(orders, [101_200, 200_000, 101_201]);
        assert!(list.resolvers[0].supplemental && list.resolvers[2].supplemental);
        // The dot at the end is kept.
        let domain = list.resolvers[2].domain.as_deref();
        assert_eq!(domain, Some("tailnet-a.ts.net."));
    }),
    (
        "scutil-dns/05-tun-proxy-full-with-etc-resolver.txt",
        |text| {
            // #4 to #8 were cut.
            let list = part(text, 4, 1, &[]);
            assert!(scutil_dns::parse(text).is_err());
            assert_eq!(list.resolvers[3].domain.as_deref(), Some("lab.dev"));
            assert_eq!(list.resolvers[3].port, Some(53));
            assert_eq!(list.resolvers[3].reach, Some(0x3_0002));
            assert_eq!(list.resolvers[0].nameservers.len(), 4);
        },
    ),
    ("scutil-dns/06-ne-split-tunnel-dualstack.txt", |text| {
        let list = whole(text, 8, 2);
        multicast(&list, 2, 6);
        assert!(list.resolvers[0].supplemental);
        assert_eq!(list.resolvers[0].order, 0);
    }),
    ("scutil-dns/07-wifi-shortened.txt", |text| {
        let list = whole(text, 2, 1);
        assert_eq!(list.resolvers[0].search, ["home.local"]);
        assert_eq!(list.scoped[0].nameservers, ["192.168.1.1", "8.8.8.8"]);
    }),
    ("scutil-dns/08-split-vpn-domain-over-utun.txt", |text| {
        let list = whole(text, 5, 0);
        let domain = list.resolvers[1].domain.as_deref();
        assert_eq!(domain, Some("example.com"));
        assert!(list.resolvers[1].supplemental);
    }),
    ("scutil-dns/10-tailscale-two-orders.txt", |text| {
        let list = whole(text, 3, 0);
        assert_eq!(list.resolvers[2].nameservers.len(), 3);
        assert_eq!(list.resolvers[2].reach, None);
    }),
    ("scutil-dns/11-pppd-openfortivpn.txt", |text| {
        let list = part(text, 2, 1, &[]);
        assert_eq!(list.resolvers[0].nameservers, ["<dns1>", "<dns2>"]);
        assert_eq!(list.resolvers[0].order, 100_000);
        assert!(!list.scoped[0].scoped);
    }),
    ("scutil-dns/12-old-format-pdns-2017.txt", |text| {
        // Its last line is cut within a word.
        let list = part(text, 8, 1, &["how it can be reached"]);
        assert_eq!(list.resolvers[0].reach, Some(0x2_0002));
        assert_eq!(list.resolvers[1].options.as_deref(), Some("pdns"));
        assert_eq!(list.resolvers[1].reach, None);
        assert_eq!(list.scoped[0].reach, None);
        assert!(list.scoped[0].scoped);
        multicast(&list, 2, 6);
    }),
    ("scutil-dns/14-wifi-ipv4-reachable-not-direct.txt", |text| {
        let list = whole(text, 4, 0);
        assert_eq!(list.resolvers[0].reach, Some(2));
    }),
    ("scutil-dns/15-linklocal-nameserver.txt", |text| {
        let list = part(text, 1, 0, &[]);
        let servers = &list.resolvers[0].nameservers;
        assert_eq!(servers[0], "fe80::5eff:fe00:532a%en0");
    }),
    (
        "scutil-dns/17-magicdns-many-reverse-zones-summarised.txt",
        |text| {
            // `resolver #2 - #65` and the seven lines below it stand for 64 resolvers, whose
            // lines nobody can tell apart any more.
            let mut expected = vec!["`resolver #` and the next number"];
            expected.extend(["`resolver #` and a number"; 6]);
            let list = part(text, 3, 0, &expected);
            assert_eq!(list.resolvers[0].search[3], "<router DHCP domain_name>");
            assert_eq!(list.resolvers[1].order, 103_001);
        },
    ),
    (
        "scutil-dns/18-netbird-plus-etc-resolver-same-domain.txt",
        |text| {
            let list = part(text, 2, 0, &[]);
            assert_eq!(list.resolvers[0].domain, list.resolvers[1].domain);
            assert!(list.resolvers[0].supplemental && !list.resolvers[1].supplemental);
        },
    ),
    ("scutil-dns/20-tailscale-first-two.txt", |text| {
        let list = whole(text, 2, 0);
        assert_eq!(list.resolvers[0].nameservers[1], "fd7a:115c:a1e0::53");
    }),
    (
        "scutil-dns/21-etc-resolver-file-search-order-1.txt",
        |text| {
            let list = part(text, 8, 0, &[]);
            assert_eq!(list.resolvers[7].domain.as_deref(), Some("sandman"));
            assert_eq!(list.resolvers[7].order, 1);
        },
    ),
    (
        "scutil-dns/22-scutil-written-supplemental-default.txt",
        |text| {
            let list = whole(text, 3, 1);
            assert!(list.resolvers[0].supplemental && list.resolvers[0].link.is_none());
            assert_eq!(list.scoped[0].order, 1);
        },
    ),
    ("scutil-dns/23-unscoped-tun-vpn-search.txt", |text| {
        let list = whole(text, 7, 1);
        multicast(&list, 1, 6);
        assert_eq!(list.scoped[0].search, ["school.example"]);
        assert!(list.scoped[0].nameservers.is_empty());
    }),
    ("scutil-dns/25-scoped-amnezia-on-en0.txt", |text| {
        let list = part(text, 0, 1, &[]);
        assert!(list.scoped[0].scoped && list.scoped[0].requests_a);
        assert_eq!(list.scoped[0].reach, Some(0));
    }),
    ("scutil-dns/26-tunnelblick-aaaa-lost.txt", |text| {
        // Two states of one Mac: the second is left out. The sentences before them are
        // their author's.
        let expected = [
            "`resolver #` and a number",
            "a name, a colon and a value",
            "no second output",
        ];
        let (list, left_out) = scutil_dns::excerpt(text);
        assert_eq!(list.scoped.len(), 1);
        assert!(list.scoped[0].requests_a && !list.scoped[0].requests_aaaa);
        let told: Vec<&str> = left_out.iter().map(|one| one.expected).collect();
        assert_eq!(told, expected);
    }),
    ("scutil-nwi/01-dualstack-en7-vpn-not-primary.txt", |text| {
        let information = network(text);
        assert_eq!(information.links, ["en7", "utun6"]);
        assert_eq!(information.ipv6.states[0].address, "2001:db8:0:1::10");
    }),
    ("scutil-nwi/02-vpn-primary-with-vpn-server.txt", |text| {
        let information = network(text);
        let first = &information.ipv4.states[0];
        assert_eq!((first.link.as_str(), first.reach), ("utun6", 3));
        assert_eq!(first.vpn_server.as_deref(), Some("127.0.0.1"));
        assert!(information.ipv6.states.is_empty());
    }),
    ("scutil-nwi/03-two-ipv4-services.txt", |text| {
        let information = network(text);
        assert_eq!(information.links, ["en8", "en0"]);
        assert_eq!(information.ipv4.states[1].address, "192.168.6.55");
    }),
    ("scutil-nwi/04-wifi-dualstack.txt", |text| {
        let information = network(text);
        assert_eq!(information.ipv4.states[0].flags, 7);
    }),
    ("scutil-nwi/05-surge-tun-primary-excerpt.txt", |text| {
        let error = scutil_nwi::parse(text).expect_err("it is cut");
        assert_eq!((error.line, error.expected), (7, "how it can be reached"));
    }),
];

/// A whole output, with so many resolvers, and so many scoped ones.
fn whole(text: &str, general: usize, scoped: usize) -> ResolverList {
    let list = scutil_dns::parse(text).expect("it is whole");
    // The printer that the planner's own configd has makes the same of it again, but for
    // what the publishers of a recording cut: lines of flags and empty lines.
    let printed = print::scutil(&list);
    let cut = |line: &&str| !line.is_empty() && *line != "  flags    : ";
    let printed: Vec<&str> = printed.lines().filter(cut).collect();
    assert_eq!(printed, text.lines().filter(cut).collect::<Vec<_>>());
    assert_eq!(part(text, general, scoped, &[]), list);
    list
}

/// A part of one, and what stands in the way where lines are left out.
fn part(text: &str, general: usize, scoped: usize, expected: &[&str]) -> ResolverList {
    let (list, left_out) = scutil_dns::excerpt(text);
    let told: Vec<&str> = left_out.iter().map(|one| one.expected).collect();
    assert_eq!(told, expected);
    assert_eq!(list.resolvers.len(), general);
    assert_eq!(list.scoped.len(), scoped);
    assert!(list.service_specific.is_empty());
    list
}

/// The resolvers of multicast DNS, which every Mac has, from the place `first`.
fn multicast(list: &ResolverList, first: usize, count: usize) {
    let all = &list.resolvers[first..];
    assert_eq!(all.len(), count);
    for (one, order) in all.iter().zip((300_000..).step_by(200)) {
        assert_eq!(one.options.as_deref(), Some("mdns"));
        assert_eq!((one.timeout, one.order), (Some(5), order));
        assert!(one.domain.is_some() && one.nameservers.is_empty());
    }
    assert_eq!(all[0].domain.as_deref(), Some("local"));
}

/// A whole output, which comes out the same when it is printed.
fn network(text: &str) -> scutil_nwi::NetworkInformation {
    let information = scutil_nwi::parse(text).expect("it is whole");
    assert_eq!(scutil_nwi::print(&information), text);
    information
}
