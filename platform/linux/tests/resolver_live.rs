//! Name resolution against real daemons.
//!
//! These tests change the DNS settings of links `lan0` and `corp0`, and expect a private
//! system bus with a systemd-resolved on it, in a network, mount and pid namespace of
//! their own; so they are ignored unless asked for by name from within such a place:
//!
//!     resolver_live --ignored --exact NAME
//!
//! | test | needs besides |
//! |--|--|
//! | `settings_are_written_and_put_back_exactly` | |
//! | `a_flag_that_nobody_set_is_unset_again` | |
//! | `a_new_order_outlives_resolved` | |
//! | `a_hung_resolved_is_unreadable_after_two_seconds` | |
//! | `a_link_that_is_gone_is_refused_or_needs_nothing` | |
//! | `delegates_come_and_go` | resolved 258 or newer |
//! | `an_old_resolved_survives_a_delegate` | resolved before 258 |
//! | `networkd_is_told_instead_of_resolved` | networkd, which manages `lan0` |
//! | `network_manager_is_seen` | NetworkManager, which manages `lan0`, not `corp0`, and shows a tun device `tun9` as connected (externally) |
//! | `another_namespace_is_told_apart` | to be run in a further network namespace |
//! | `a_tunnel_is_known_by_its_process` | a process called `openvpn` that holds `tun7` |
#![cfg(target_os = "linux")]
// The helpers of tests are no tests for clippy; what a test measures is for whoever asks.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use netprof_engine::Mode;
use netprof_linux::resolver::{Resolver, ResolverSections};
use netprof_model::dns::{DefaultRoute, DnsDelegate, DnsDomain, DnsLink, DnsServer};
use netprof_model::link::{Link, LinkId, LinkManager};
use netprof_model::plan::Change;
use netprof_model::resource::{Lasts, Resource, State};
use netprof_model::snapshot::{Resolved, SameNamespace};
use netprof_model::{Name, Owner, Section};

const RESOLVE: [&str; 2] = ["org.freedesktop.resolve1", "/org/freedesktop/resolve1"];

fn index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).unwrap_or_else(|_| panic!("there is no link {name}"))
}

fn link(name: &str) -> Link {
    Link {
        index: index(name),
        name: name.into(),
        kind: None,
        master: None,
        lower: None,
        up: true,
        carrier: true,
        loopback: false,
        mtu: 1500,
        mac: None,
        owner: Owner::Unknown,
        manager: None,
    }
}

fn observe() -> ResolverSections {
    Resolver::connect().observe(&[link("lan0"), link("corp0")])
}

fn resolved() -> Resolved {
    match observe().resolved {
        Section::Seen(resolved) => resolved,
        other => panic!("resolved is {other:?}"),
    }
}

fn dns(name: &str) -> DnsLink {
    let all = resolved().links;
    let found = all.into_iter().find(|link| link.id.name == name);
    found
        .unwrap_or_else(|| panic!("resolved knows no {name}"))
        .dns
}

fn change(name: &str, before: &DnsLink, after: &DnsLink) -> Change {
    Change {
        id: 1,
        resource: Resource::DnsLink { dev: name.into() },
        before: Some(State::DnsLink(before.clone())),
        after: Some(State::DnsLink(after.clone())),
        original: Some(State::DnsLink(before.clone())),
        owner: Owner::Unknown,
        lasts: Lasts::Link,
        link: Some(LinkId {
            index: index(name),
            name: name.into(),
        }),
        manager: None,
        reasons: Vec::new(),
    }
}

/// The link as another eye sees it.
fn eye(name: &str) -> String {
    let path = format!("{}/link/_3{}", RESOLVE[1], index(name));
    run(
        "busctl",
        &[
            "--no-pager",
            "introspect",
            RESOLVE[0],
            &path,
            "org.freedesktop.resolve1.Link",
        ],
    )
    .lines()
    .filter(|line| line.contains("property") && !line.contains("Current"))
    .collect::<Vec<_>>()
    .join("\n")
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn manager(method: &str, signature: &str, arguments: &[&str]) {
    let mut all = vec![
        "call",
        RESOLVE[0],
        RESOLVE[1],
        "org.freedesktop.resolve1.Manager",
        method,
        signature,
    ];
    all.extend(arguments);
    run("busctl", &all);
}

fn resolved_pid() -> nix::unistd::Pid {
    let answer = run(
        "busctl",
        &[
            "call",
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "GetConnectionUnixProcessID",
            "s",
            RESOLVE[0],
        ],
    );
    let number = answer.trim().strip_prefix("u ").unwrap().parse().unwrap();
    nix::unistd::Pid::from_raw(number)
}

fn corp() -> DnsLink {
    DnsLink {
        servers: vec![
            DnsServer::at([10, 99, 0, 1].into()),
            DnsServer {
                port: Some(5353),
                ..DnsServer::at("fd00::53".parse().unwrap())
            },
        ],
        domains: vec![
            DnsDomain::search("corp.example"),
            DnsDomain::route("99.10.in-addr.arpa"),
        ],
        ..DnsLink::default()
    }
}

#[test]
#[ignore = "needs systemd-resolved in a namespace of its own"]
fn settings_are_written_and_put_back_exactly() {
    let corp0 = index("corp0").to_string();
    // Something of everything, so that a revert alone cannot bring it back.
    manager(
        "SetLinkDNS",
        "ia(iay)",
        &[&corp0, "1", "2", "4", "192", "0", "2", "1"],
    );
    manager(
        "SetLinkDomains",
        "ia(sb)",
        &[&corp0, "2", "old.example", "false", ".", "true"],
    );
    manager("SetLinkLLMNR", "is", &[&corp0, "resolve"]);
    manager("SetLinkMulticastDNS", "is", &[&corp0, "no"]);
    manager("SetLinkDNSSEC", "is", &[&corp0, "allow-downgrade"]);
    manager("SetLinkDNSOverTLS", "is", &[&corp0, "opportunistic"]);
    manager(
        "SetLinkDNSSECNegativeTrustAnchors",
        "ias",
        &[&corp0, "1", "a.example"],
    );
    let (before, seen) = (dns("corp0"), eye("corp0"));
    assert_eq!(before.default_route, DefaultRoute::Unset);
    assert!(before.takes_everything());
    for flag in [DefaultRoute::Unset, DefaultRoute::Yes, DefaultRoute::No] {
        let after = DnsLink {
            default_route: flag,
            negative_trust_anchors: before.negative_trust_anchors.clone(),
            llmnr: before.llmnr.clone(),
            mdns: before.mdns.clone(),
            ..corp()
        };
        let there = change("corp0", &before, &after);
        let mut resolver = Resolver::connect();
        resolver.apply(&[&there], Mode::Forward).unwrap();
        assert_eq!(dns("corp0"), after);
        resolver.apply(&[&there.inverse()], Mode::Back).unwrap();
        assert_eq!(dns("corp0"), before);
        assert_eq!(eye("corp0"), seen, "{flag:?}");
    }
}

#[test]
#[ignore = "needs systemd-resolved in a namespace of its own"]
fn a_flag_that_nobody_set_is_unset_again() {
    let before = dns("corp0");
    assert_eq!(before.default_route, DefaultRoute::Unset);
    let after = DnsLink {
        default_route: DefaultRoute::Yes,
        ..corp()
    };
    let there = change("corp0", &before, &after);
    let mut resolver = Resolver::connect();
    resolver.apply(&[&there], Mode::Forward).unwrap();
    assert!(shows_the_flag(true), "{}", eye("corp0"));
    resolver.apply(&[&there.inverse()], Mode::Back).unwrap();
    // Only a flag that is really unset follows the domains from now on.
    let corp0 = index("corp0").to_string();
    manager(
        "SetLinkDNS",
        "ia(iay)",
        &[&corp0, "1", "2", "4", "10", "99", "0", "1"],
    );
    manager(
        "SetLinkDomains",
        "ia(sb)",
        &[&corp0, "1", "corp.example", "false"],
    );
    assert!(shows_the_flag(true), "{}", eye("corp0"));
    manager(
        "SetLinkDomains",
        "ia(sb)",
        &[&corp0, "1", "corp.example", "true"],
    );
    assert!(shows_the_flag(false), "{}", eye("corp0"));
}

/// Whether another eye sees the default-route flag of `corp0` so.
fn shows_the_flag(on: bool) -> bool {
    eye("corp0").lines().any(|line| {
        line.starts_with(".DefaultRoute") && line.contains(if on { "true" } else { "false" })
    })
}

#[test]
#[ignore = "needs systemd-resolved in a namespace of its own"]
fn a_new_order_outlives_resolved() {
    let before = dns("corp0");
    let mut resolver = Resolver::connect();
    let first = change("corp0", &before, &corp());
    resolver.apply(&[&first], Mode::Forward).unwrap();
    assert_eq!(dns("corp0"), corp());
    let mut turned = corp();
    turned.domains.reverse();
    turned.domains[1].route_only = true;
    turned.servers.reverse();
    let second = change("corp0", &corp(), &turned);
    resolver.apply(&[&second], Mode::Forward).unwrap();
    assert_eq!(dns("corp0"), turned);
    let saved = format!("/run/systemd/resolve/netif/{}", index("corp0"));
    let saved = std::fs::read_to_string(saved).unwrap();
    assert!(
        saved.contains("DOMAINS=~99.10.in-addr.arpa ~corp.example\n"),
        "{saved}"
    );
    assert!(
        saved.contains("SERVERS=[fd00::53]:5353 10.99.0.1\n"),
        "{saved}"
    );
    resolver.apply(&[&second.inverse()], Mode::Back).unwrap();
    resolver.apply(&[&first.inverse()], Mode::Back).unwrap();
    assert_eq!(dns("corp0"), before);
}

#[test]
#[ignore = "needs systemd-resolved in a namespace of its own"]
fn a_hung_resolved_is_unreadable_after_two_seconds() {
    let before = dns("corp0");
    let pid = resolved_pid();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    let started = Instant::now();
    let read = observe().resolved;
    let took = started.elapsed();
    let refused = Resolver::connect().apply(&[&change("corp0", &before, &corp())], Mode::Forward);
    let in_all = started.elapsed();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert_eq!(
        read,
        Section::Unreadable("systemd-resolved did not answer within 2 s".into())
    );
    assert!(took < Duration::from_millis(2300), "{took:?}");
    assert!(in_all < Duration::from_millis(4600), "{in_all:?}");
    assert_eq!(
        refused.unwrap_err()[0].why,
        "systemd-resolved did not answer within 2 s"
    );
}

#[test]
#[ignore = "needs systemd-resolved in a namespace of its own"]
fn a_link_that_is_gone_is_refused_or_needs_nothing() {
    let mut gone = change("corp0", &DnsLink::default(), &corp());
    gone.link = Some(LinkId {
        index: 4711,
        name: "corp0".into(),
    });
    let mut resolver = Resolver::connect();
    let refused = resolver.apply(&[&gone], Mode::Forward).unwrap_err();
    assert_eq!(
        refused[0].why,
        "link corp0 (number 4711) is not there any more"
    );
    resolver.apply(&[&gone.inverse()], Mode::Back).unwrap();
}

fn delegate_change(
    name: &str,
    before: Option<&DnsDelegate>,
    after: Option<&DnsDelegate>,
) -> Change {
    Change {
        resource: Resource::DnsDelegate {
            name: Name::new(name).unwrap(),
        },
        before: before.cloned().map(State::DnsDelegate),
        after: after.cloned().map(State::DnsDelegate),
        original: None,
        link: None,
        lasts: Lasts::Boot,
        ..change("corp0", &DnsLink::default(), &DnsLink::default())
    }
}

fn delegate() -> DnsDelegate {
    DnsDelegate {
        servers: corp().servers,
        domains: corp().domains,
        default_route: false,
    }
}

#[test]
#[ignore = "needs systemd-resolved 258 or newer in a namespace of its own"]
fn delegates_come_and_go() {
    let mut resolver = Resolver::connect();
    let file = Path::new("/run/systemd/dns-delegate.d/netprof-corp.v2.dns-delegate");
    let with = |default_route| DnsDelegate {
        default_route,
        ..delegate()
    };
    let (one, two) = (with(false), with(true));
    let steps = [
        (None, Some(&one)),
        (Some(&one), Some(&two)),
        (Some(&two), None),
    ];
    for (before, after) in steps {
        let started = Instant::now();
        let step = delegate_change("corp.v2", before, after);
        resolver.apply(&[&step], Mode::Forward).unwrap();
        println!("a delegate took {:?}", started.elapsed());
        let live = resolved().delegates.unwrap();
        let ours = live.iter().find(|one| one.id == "netprof-corp.v2");
        assert_eq!(ours.map(|one| &one.dns), after);
        assert_eq!(file.exists(), after.is_some());
    }
    std::fs::write(file, "[Delegate]\n").unwrap();
    let step = delegate_change("corp.v2", None, Some(&one));
    let refused = resolver.apply(&[&step], Mode::Forward).unwrap_err();
    assert!(
        refused[0].why.contains("somebody else"),
        "{}",
        refused[0].why
    );
    std::fs::remove_file(file).unwrap();
}

#[test]
#[ignore = "needs systemd-resolved before 258 in a namespace of its own"]
fn an_old_resolved_survives_a_delegate() {
    assert_eq!(resolved().delegates, None);
    let pid = resolved_pid();
    let mut resolver = Resolver::connect();
    let there = delegate_change("corp", None, Some(&delegate()));
    let refused = resolver.apply(&[&there], Mode::Forward).unwrap_err();
    assert!(refused[0].why.contains("258"), "{}", refused[0].why);
    resolver.apply(&[&there.inverse()], Mode::Back).unwrap();
    assert_eq!(resolved_pid(), pid);
    assert!(!Path::new("/run/systemd/dns-delegate.d").exists());
}

#[test]
#[ignore = "needs systemd-networkd in a namespace of its own"]
fn networkd_is_told_instead_of_resolved() {
    let read = observe();
    assert_eq!(read.managers.get("lan0"), Some(&LinkManager::Networkd));
    assert_eq!(read.managers.get("corp0"), None);
    let (before, seen) = (dns("lan0"), eye("lan0"));
    let mut resolver = Resolver::connect();
    let wrong = change("lan0", &before, &corp());
    let refused = resolver.apply(&[&wrong], Mode::Forward).unwrap_err();
    assert_eq!(
        refused[0].why,
        "systemd-resolved takes this link's settings from systemd-networkd alone: Link lan0 is managed."
    );
    for flag in [DefaultRoute::Unset, DefaultRoute::Yes, DefaultRoute::No] {
        let after = DnsLink {
            default_route: flag,
            ..corp()
        };
        let mut there = change("lan0", &before, &after);
        there.manager = Some(LinkManager::Networkd);
        let started = Instant::now();
        resolver.apply(&[&there], Mode::Forward).unwrap();
        let took = started.elapsed();
        assert_eq!(dns("lan0"), after);
        let started = Instant::now();
        resolver.apply(&[&there.inverse()], Mode::Back).unwrap();
        println!("{flag:?}: {took:?} there, {:?} back", started.elapsed());
        assert_eq!(dns("lan0"), before);
        assert_eq!(eye("lan0"), seen);
    }
    // A layer that somebody else has put above the file comes back, too.
    let lan0 = index("lan0").to_string();
    run(
        "busctl",
        &[
            "call",
            "org.freedesktop.network1",
            "/org/freedesktop/network1",
            "org.freedesktop.network1.Manager",
            "SetLinkDNS",
            "ia(iay)",
            &lan0,
            "1",
            "2",
            "4",
            "192",
            "0",
            "2",
            "9",
        ],
    );
    std::thread::sleep(Duration::from_millis(300));
    let layered = dns("lan0");
    assert_ne!(layered, before);
    let mut there = change("lan0", &layered, &corp());
    there.manager = Some(LinkManager::Networkd);
    resolver.apply(&[&there], Mode::Forward).unwrap();
    assert_eq!(dns("lan0"), corp());
    resolver.apply(&[&there.inverse()], Mode::Back).unwrap();
    assert_eq!(dns("lan0"), layered);
}

#[test]
#[ignore = "needs NetworkManager in a namespace of its own"]
fn network_manager_is_seen() {
    let links = ["lan0", "corp0", "tun9"].map(link);
    let managers = Resolver::connect().observe(&links).managers;
    assert_eq!(managers.get("tun9"), None);
    assert_eq!(managers.get("lan0"), Some(&LinkManager::NetworkManager));
    assert_eq!(managers.get("corp0"), None);
}

#[test]
#[ignore = "needs systemd-resolved in another network namespace"]
fn another_namespace_is_told_apart() {
    let Section::Seen(resolved) = Resolver::connect().observe(&[]).resolved else {
        panic!("resolved cannot be read")
    };
    assert_eq!(resolved.namespace, SameNamespace::No);
    let name = "lo";
    let refused = Resolver::connect()
        .apply(
            &[&change(name, &DnsLink::default(), &corp())],
            Mode::Forward,
        )
        .unwrap_err();
    assert!(
        refused[0].why.contains("another network namespace"),
        "{}",
        refused[0].why
    );
}

#[test]
#[ignore = "needs a process called openvpn that holds tun7"]
fn a_tunnel_is_known_by_its_process() {
    let started = Instant::now();
    let owners = netprof_linux::owner::tunnel_owners();
    println!("{owners:?} in {:?}", started.elapsed());
    assert_eq!(owners.get("tun7").map(|held| held.0), Some(Owner::Openvpn));
}
