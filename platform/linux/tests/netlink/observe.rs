//! What is there is seen, all of it.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use netprof_engine::backend::Backend;
use netprof_linux::Linux;
use netprof_linux::netlink::kernel::Kernel;
use netprof_linux::netlink::route::RouteFilter;
use netprof_model::route::RouteKey;
use netprof_model::{Owner, Snapshot};
use netprof_plan::{Need, Routes};

use crate::namespace::{Test, list, sh, two_links};

pub(crate) const TESTS: &[Test] = &[
    ("links_are_seen_as_ip_shows_them", links),
    ("addresses_are_seen_as_ip_shows_them", addresses),
    ("every_route_of_every_table_is_seen", routes),
    ("every_rule_is_seen_in_its_order", rules),
    ("owners_are_named_where_they_are_asked_for", nobodys),
    ("what_changes_while_it_is_read_is_read_whole", disturbed),
    ("a_dump_of_many_datagrams_is_whole", large),
    ("one_table_is_read_alone", one_table),
    (
        "what_is_asked_for_is_read_among_much_or_little_else",
        asked_for,
    ),
    ("all_that_is_asked_for_is_answered", everything),
];

/// What a plan needs that is about nothing but routes.
pub(crate) fn all_routes() -> Need {
    Need {
        owners: true,
        ..Need::default()
    }
}

/// What such a plan sees.
pub(crate) fn observe() -> Snapshot {
    Linux::new()
        .observe(all_routes())
        .expect("it can be observed")
}

fn links() {
    two_links();
    sh("ip link add br-0123456789ab type bridge && ip link set two master br-0123456789ab");
    sh("ip tuntap add mode tun tun0 && ip link set tun0 mtu 1400");
    sh("ip tuntap add mode tun tun1 && ip link set tun1 mtu 1200");
    sh("sysctl -qw net.ipv6.conf.tun0.disable_ipv6=1");
    let snapshot = observe();
    let seen = snapshot.links.items();
    let shown = list("ip -j -d link");
    assert_eq!(seen.len(), shown.len());
    for (link, ip) in seen.iter().zip(&shown) {
        assert_eq!(u64::from(link.index), ip["ifindex"].as_u64().unwrap());
        assert_eq!(link.name, ip["ifname"]);
        assert_eq!(u64::from(link.mtu), ip["mtu"].as_u64().unwrap());
        let limit = |key: &str| ip[key].as_u64().filter(|limit| *limit > 0);
        assert_eq!(link.min_mtu.map(u64::from), limit("min_mtu"), "{link:?}");
        assert_eq!(link.max_mtu.map(u64::from), limit("max_mtu"), "{link:?}");
        let off = format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", link.name);
        let off = std::fs::read_to_string(off).ok();
        assert_eq!(link.ipv6, off.map(|off| off.trim() == "0"), "{link:?}");
        let flags: BTreeSet<&str> = ip["flags"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|flag| flag.as_str())
            .collect();
        assert_eq!(link.up, flags.contains("UP"), "{link:?}");
        assert_eq!(link.carrier, flags.contains("LOWER_UP"), "{link:?}");
        assert_eq!(link.loopback, flags.contains("LOOPBACK"));
        assert_eq!(link.kind.as_deref(), ip["linkinfo"]["info_kind"].as_str());
        if !link.loopback {
            assert_eq!(link.mac.as_deref(), ip["address"].as_str());
        }
        let master = link.master.and_then(|index| {
            let master = seen.iter().find(|other| other.index == index)?;
            Some(master.name.as_str())
        });
        assert_eq!(master, ip["master"].as_str());
        assert_eq!(link.lower, None, "a veth pair does not lie over its end");
    }
    assert_eq!(
        snapshot.link("br-0123456789ab").unwrap().owner.as_str(),
        "docker"
    );
    let ipv6 = |name: &str| snapshot.link(name).unwrap().ipv6;
    // Of a link that is too small for it, the kernel has no settings of IPv6.
    let all = ["one", "tun0", "tun1"].map(ipv6);
    assert_eq!(all, [Some(true), Some(false), None]);
    assert!(snapshot.place.netns > 0 && snapshot.place.boot.len() == 36);
}

fn addresses() {
    two_links();
    sh("ip addr add 10.1.0.2/24 dev one");
    sh("ip addr add 10.9.0.1 peer 10.9.0.2/32 dev one");
    sh("ip addr add 10.3.0.1/24 dev two valid_lft 100 preferred_lft 50");
    let snapshot = observe();
    let mut shown = Vec::new();
    for link in list("ip -j addr") {
        for address in link["addr_info"].as_array().unwrap() {
            let length = &address["prefixlen"];
            shown.push((
                link["ifname"].as_str().unwrap().to_owned(),
                format!("{}/{length}", address["local"].as_str().unwrap()),
                address["address"].as_str().map(str::to_owned),
                address["dynamic"] == true,
                address["secondary"] == true,
            ));
        }
    }
    let seen = snapshot.addresses.items().iter().map(|address| {
        (
            address.dev.clone(),
            address.local.to_string(),
            address.peer.map(|peer| peer.to_string()),
            address.dynamic,
            address.secondary,
        )
    });
    let mut seen: Vec<_> = seen.collect();
    seen.sort();
    shown.sort();
    assert_eq!(seen, shown);
}

fn routes() {
    two_links();
    sh("ip route add 10.20.0.0/16 via 10.1.0.9 metric 7");
    sh("ip route add 10.20.0.0/16 via 10.1.0.9 table 70000");
    sh("ip route add 10.30.0.0/16 nexthop via 10.1.0.9 weight 3 nexthop via 10.2.0.9");
    sh("ip -6 route add fd20::/16 via fd01::9");
    sh("ip -6 route add unreachable fd30::/16");
    let snapshot = observe();
    for (family, four) in [("-4", true), ("-6", false)] {
        let shown = list(&format!("ip -j {family} route show table all"));
        let seen: Vec<_> = snapshot
            .routes
            .items()
            .iter()
            .filter(|route| route.key.dst.addr().is_ipv4() == four)
            .collect();
        assert_eq!(seen.len(), shown.len());
        for (route, ip) in seen.iter().zip(&shown) {
            let metric = ip["metric"].as_u64().unwrap_or(0);
            assert_eq!(u64::from(route.key.metric), metric, "{ip}");
            if ip["nexthops"].is_null() && route.spec.kind.as_str() == "unicast" {
                assert_eq!(route.devices().next(), ip["dev"].as_str(), "{ip}");
                let via = route.gateway().map(|via| via.to_string());
                assert_eq!(via.as_deref(), ip["gateway"].as_str(), "{ip}");
            }
        }
    }
    let multipath = snapshot
        .routes
        .items()
        .iter()
        .find(|route| route.key.dst.to_string() == "10.30.0.0/16")
        .unwrap();
    assert_eq!(multipath.spec.hops[0].weight, 3);
    assert_eq!(multipath.spec.hops[1].dev.as_deref(), Some("two"));
    let kept_by_the_kernel = snapshot
        .routes
        .items()
        .iter()
        .filter(|route| !route.spec.opaque.is_empty());
    assert_eq!(
        kept_by_the_kernel.count(),
        0,
        "the defaults are nothing of note"
    );
}

fn rules() {
    two_links();
    let wanted = [
        "ip rule add pref 110 to 192.168.1.0/24 lookup main suppress_prefixlength 23 protocol 110",
        "ip rule add pref 120 not fwmark 0xca6c lookup 51820",
        "ip rule add pref 121 fwmark 0x10/0xff iif one lookup 70000",
        "ip rule add pref 122 from 10.0.0.0/8 oif two uidrange 0-0 ipproto tcp dport 80-90 lookup 7",
        "ip rule add pref 123 sport 53 tos 0x10 prohibit",
        "ip rule add pref 124 goto 32766",
        "ip -6 rule add pref 125 from fd00::/8 blackhole",
    ];
    for line in wanted {
        sh(line);
    }
    let snapshot = observe();
    let seen: Vec<(String, u32, String)> = snapshot
        .rules
        .items()
        .iter()
        .map(|rule| {
            (
                rule.key.family.to_string(),
                rule.key.priority,
                rule.key.to_string(),
            )
        })
        .collect();
    let mut shown = Vec::new();
    for family in ["4", "6"] {
        for rule in list(&format!("ip -j -{family} rule")) {
            let priority = u32::try_from(rule["priority"].as_u64().unwrap()).unwrap();
            shown.push((family.to_owned(), priority));
        }
    }
    let order: Vec<_> = seen.iter().map(|(a, b, _)| (a.clone(), *b)).collect();
    assert_eq!(order, shown);
    let text: Vec<&str> = seen.iter().map(|(_, _, text)| text.as_str()).collect();
    for line in [
        "rule4 0 lookup 255",
        "rule4 110 to 192.168.1.0/24 lookup 254 suppress_prefixlength 23",
        "rule4 120 not fwmark 0xca6c/0xffffffff lookup 51820",
        "rule4 121 fwmark 0x10/0xff iif one lookup 70000",
        "rule4 122 from 10.0.0.0/8 oif two uidrange 0-0 ipproto 6 dport 80-90 lookup 7",
        "rule4 123 tos 0x10 sport 53-53 prohibit",
        "rule4 124 goto 32766",
        "rule6 125 from fd00::/8 blackhole",
        "rule6 32766 lookup 254",
    ] {
        assert!(text.contains(&line), "{line} is not in {text:#?}");
    }
    let owner = |priority| {
        let mut all = snapshot.rules.items().iter();
        let rule = all.find(|rule| rule.key.priority == priority).unwrap();
        rule.owner.as_str()
    };
    assert_eq!(
        (owner(0), owner(110), owner(120)),
        ("kernel", "netprof", "wg-quick")
    );
}

/// Whose anything is takes a walk through processes and files: not for those who do not ask.
fn nobodys() {
    two_links();
    sh("ip link add br-0123456789ab type bridge && ip link set br-0123456789ab up");
    sh("ip rule add to 192.168.7.0/24 lookup main priority 110 protocol 110");
    let owners = |owners| {
        let need = Need {
            owners,
            ..Need::default()
        };
        let snapshot = Linux::new().observe(need).expect("it can be observed");
        let links = snapshot.links.items().iter().map(|link| link.owner);
        let rules = snapshot.rules.items().iter().map(|rule| rule.owner);
        let routes = snapshot.routes.items().iter().map(|route| route.owner);
        links.chain(rules).chain(routes).collect::<BTreeSet<_>>()
    };
    assert_eq!(owners(false), [Owner::Unknown].into());
    let told = [Owner::Netprof, Owner::Kernel, Owner::Docker];
    assert!(owners(true).is_superset(&told.into()));
}

/// Links come and go while all is read: what is read fits together, every time.
fn disturbed() {
    two_links();
    let mut disturber = Command::new("sh")
        .args(["-c", "while :; do ip link add gone type bridge; ip addr add 10.9.0.1/24 dev gone; ip link set gone up; ip link del gone; done"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut linux = Linux::new();
    let need = Need::default();
    let mut seen_it = 0;
    for _ in 0..500 {
        let snapshot = linux.observe(need.clone()).expect("it can be observed");
        let known = |name: &str| snapshot.link(name).is_some();
        let addresses = snapshot.addresses.items();
        assert!(addresses.iter().all(|address| known(&address.dev)));
        assert!(addresses.iter().any(|address| address.dev == "two"));
        let mut routes = snapshot.routes.items().iter();
        assert!(routes.all(|route| route.devices().all(known)));
        seen_it += usize::from(known("gone"));
    }
    disturber.kill().unwrap();
    disturber.wait().unwrap();
    assert!(seen_it > 0, "nothing disturbed");
}

/// Thousands of messages in many datagrams.
fn large() {
    two_links();
    sh(
        "for i in $(seq 300); do echo link add port$i type veth peer name end$i; done | ip -batch -",
    );
    sh(
        "for i in $(seq 0 255); do for j in $(seq 0 40); do echo route add 10.$((j + 100)).$i.0/24 via 10.1.0.9 table 70000; done; done | ip -batch -",
    );
    let snapshot = observe();
    assert_eq!(snapshot.links.items().len(), 5 + 600);
    let routes = snapshot.routes.items().iter();
    let routes: BTreeSet<_> = routes
        .filter(|route| route.key.table == 70000)
        .map(|route| route.key.dst)
        .collect();
    assert_eq!(routes.len(), 256 * 41);
}

fn one_table() {
    two_links();
    sh("ip route add 10.20.0.0/16 via 10.1.0.9 table 28272");
    sh("ip -6 route add fd20::/16 via fd01::9 table 28272 proto 110");
    let mut kernel = Kernel::connect().unwrap();
    let mut read = |table, protocol| {
        let filter = RouteFilter { table, protocol };
        kernel
            .stream_routes(filter, Vec::new, |found, view| {
                found.push(view.destination()?.to_string());
                Ok(())
            })
            .unwrap()
    };
    assert_eq!(read(Some(28272), None), ["10.20.0.0/16", "fd20::/16"]);
    assert_eq!(read(Some(28272), Some(110)), ["fd20::/16"]);
    assert_eq!(read(None, Some(110)), ["fd20::/16"]);
    assert!(read(Some(28273), None).is_empty());
}

fn asked_for() {
    two_links();
    sh("ip route add 10.20.0.0/16 via 10.1.0.9");
    sh("ip route add 10.20.0.0/16 via 10.1.0.9 table 77");
    sh("ip -6 route add fd20::/16 via fd01::9 table 28272 proto 110");
    sh("ip route add 10.30.0.0/16 via 10.1.0.9 table 28272");
    let key = |dst: &str, table| RouteKey {
        dst: dst.parse().unwrap(),
        table,
        metric: 0,
        tos: 0,
        ifscope: None,
    };
    // The last of the tables is not there.
    let keys = [
        key("10.20.5.0/24", 254),
        key("fd20::/16", 28272),
        key("10.20.0.0/16", 900),
    ];
    let need = Need {
        routes: Routes::of_keys(&keys),
        ..Need::default()
    };
    let mut linux = Linux::new();
    for strangers in [0, 100, 5000] {
        sh(&format!(
            "for i in $(seq {strangers}); do echo route replace 10.$((i / 250)).$((i % 250)).0/24 via 10.1.0.9 table 100; done | ip -batch -"
        ));
        let snapshot = linux.observe(need.clone()).expect("it can be observed");
        let routes = snapshot.routes.items().iter();
        let mut read: Vec<String> = routes.map(|route| route.key.to_string()).collect();
        read.sort();
        assert_eq!(
            read,
            [
                "route4 10.20.0.0/16 table 254 metric 0 tos 0",
                "route6 fd20::/16 table 28272 metric 1024 tos 0"
            ],
            "{strangers}"
        );
    }
    let nothing = linux.observe(Need {
        routes: Routes::of_keys([]),
        ..Need::default()
    });
    assert_eq!(nothing.unwrap().routes.standing(), "unread");
}

/// Also where there is no bus, or one that serves another namespace.
fn everything() {
    two_links();
    let snapshot = Linux::new()
        .observe(Need::EVERYTHING)
        .expect("it can be observed");
    let standings = [
        snapshot.links.standing(),
        snapshot.addresses.standing(),
        snapshot.routes.standing(),
        snapshot.rules.standing(),
        snapshot.firewall.standing(),
        snapshot.xfrm.standing(),
    ];
    assert_eq!(standings, ["seen"; 6]);
    for asked in [
        snapshot.resolved.standing(),
        snapshot.resolv_conf.standing(),
        snapshot.nsswitch.standing(),
    ] {
        assert_ne!(asked, "unread");
    }
    assert_eq!(snapshot.held.standing(), "unread");
    assert!(snapshot.privileged);
}
