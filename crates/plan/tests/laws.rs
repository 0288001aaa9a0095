//! The laws of planning, on generated machines and profiles.
//!
//! - A plan that was carried out leaves nothing to plan.
//! - It leaves something to plan as soon as any one thing that it made is taken away.
//! - A release puts back exactly what was, also after a switch of profiles.
//! - Every address of a kept network stays on it.
//! - What a plan expects of the kernel holds by the planner's own look-up.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod machine;

use std::net::IpAddr;
use std::sync::Arc;

use carried_out::carried_out;
use ipnet::IpNet;
use machine::machine;
use netprof_model::dns::DnsServer;
use netprof_model::plan::{Change, Plan, ProfileRef};
use netprof_model::profile::{
    Also, Containers, KeepLan, LinkDecl, LinkMatch, Profile, RouteDecl, RouteTarget, Routes, Scope,
    Servers, Spanned,
};
use netprof_model::{Location, Name, Section, Snapshot};
use netprof_plan::linux::fib::Fib;
use netprof_plan::{after, plan};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn at() -> Location {
    let file: Arc<str> = "generated.kdl".into();
    Location::of(&file, "", 0, 0)
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, at: at() }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn reference(profile: &Profile) -> ProfileRef {
    ProfileRef {
        name: profile.name.to_string(),
        file: "generated.kdl".to_owned(),
        sha256: String::new(),
    }
}

/// What a VPN, a mesh and an administrator have been seen to do to a machine.
const FACTS: [&str; 28] = [
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
    "rule 5270 lookup 52 owner tailscale\nroute 192.168.7.0/24 dev tailscale0 table 52\nroute 192.168.50.0/24 dev tailscale0 table 52",
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
    "addr eth0 192.168.7.30/24",
    "addr eth0 10.20.0.5/16\nroute default via 10.20.0.1 dev eth0 metric 100",
    "addr wlan0 fe80::20/64\nroute default6 via fe80::1 dev wlan0 proto 9 owner ra",
    "rule 100 to 192.168.7.128/25 lookup 77\nroute 192.168.7.192/26 dev tun0 table 77",
    "rule 5260 lookup 53\nroute 10.0.0.0/8 dev tailscale0 table 53\nroute throw 10.64.0.0/16 table 53",
    "route 10.88.0.0/16 dev docker0\nroute 198.51.100.7/32 via 192.168.7.1 dev wlan0",
];

fn machines() -> impl Strategy<Value = Snapshot> {
    subsequence(FACTS.to_vec(), 0..=FACTS.len()).prop_map(|facts| {
        let mut text = String::from(
            "link wlan0\naddr wlan0 192.168.7.20/24\naddr wlan0 fd00:7::20/64\n\
             link tun0 kind tun owner openvpn\naddr tun0 10.8.0.2/24\n\
             link tailscale0 kind tun owner tailscale\naddr tailscale0 100.101.102.103/32\n\
             link eth0\n\
             link docker0 kind bridge owner docker\naddr docker0 172.17.0.1/16\n",
        );
        // Two rules may not share a key, nor two routes: the last of such facts stays.
        let mut seen_dns = Vec::new();
        for fact in facts.iter().rev() {
            let key = fact
                .split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ");
            if fact.starts_with("dns") && seen_dns.contains(&key) {
                continue;
            }
            seen_dns.push(key);
            text.push_str(fact);
            text.push('\n');
        }
        machine(&text)
    })
}

fn scope(scope: &str, link: &str, domains: &[&str], server: &str, default_route: bool) -> Scope {
    Scope {
        name: name(scope),
        domains: domains
            .iter()
            .map(|one| spanned((*one).to_owned()))
            .collect(),
        search: domains
            .iter()
            .take(1)
            .map(|one| spanned((*one).to_owned()))
            .collect(),
        servers: Servers::Listed(vec![spanned(DnsServer::at(server.parse().unwrap()))]),
        link: Some(spanned(name(link))),
        default_route,
        durable: false,
        at: at(),
    }
}

fn scopes() -> impl Strategy<Value = Vec<Scope>> {
    subsequence(
        vec![
            scope(
                "corp",
                "vpn",
                &["corp.example", "10.in-addr.arpa"],
                "10.0.0.53",
                false,
            ),
            scope("home", "lan", &["home.arpa"], "192.168.7.1", true),
            scope("mesh", "mesh", &["ts.example"], "100.100.100.100", false),
        ],
        0..=3,
    )
}

fn route(prefix: &str, via: Option<&str>, link: Option<&str>, metric: Option<u32>) -> RouteDecl {
    RouteDecl {
        prefix: prefix.parse().unwrap(),
        target: match (via, link) {
            (None, None) => RouteTarget::Unreachable,
            (via, link) => RouteTarget::Through {
                via: via.map(|via| via.parse().unwrap()),
                link: link.map(|link| spanned(name(link))),
            },
        },
        metric,
        src: None,
        replace: false,
        at: at(),
    }
}

fn routes() -> impl Strategy<Value = Vec<RouteDecl>> {
    subsequence(
        vec![
            route("10.0.0.0/8", None, Some("vpn"), None),
            route("10.64.0.0/16", Some("10.8.0.1"), None, Some(7)),
            route("172.20.0.0/14", Some("192.168.7.1"), Some("lan"), Some(50)),
            route("198.51.100.0/24", None, Some("vpn"), None),
            route("203.0.113.0/24", None, None, None),
            route("fd00:99::/48", None, Some("vpn"), None),
            route("fd00:98::/48", None, None, None),
        ],
        0..=7,
    )
}

fn keep_lan() -> impl Strategy<Value = Option<KeepLan>> {
    let also = subsequence(vec!["192.168.50.0/24", "192.168.51.0/24"], 0..=2);
    let via = select(vec![None, Some("192.168.7.1"), Some("192.168.7.254")]);
    proptest::option::of((any::<bool>(), also, via).prop_map(|(named, also, via)| {
        KeepLan {
            links: if named {
                vec![spanned(name("lan"))]
            } else {
                Vec::new()
            },
            allow_public: false,
            also: also
                .into_iter()
                .map(|prefix| Also {
                    prefix: prefix.parse().unwrap(),
                    via: via.map(|via: &str| via.parse().unwrap()),
                    at: at(),
                })
                .collect(),
            at: at(),
        }
    }))
}

fn link(link: &str, pattern: &str) -> LinkDecl {
    LinkDecl {
        name: name(link),
        optional: true,
        many: false,
        matching: LinkMatch {
            name: Some(pattern.to_owned()),
            ..LinkMatch::default()
        },
        at: at(),
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    (scopes(), routes(), keep_lan(), any::<bool>()).prop_map(
        |(scopes, routes, keep_lan, localhost)| Profile {
            name: name("generated"),
            description: None,
            links: vec![
                link("lan", "wl*"),
                link("vpn", "tun*"),
                link("mesh", "tailscale0"),
            ],
            scopes,
            routes: Routes {
                keep_localhost: localhost.then(|| spanned(())),
                keep_lan,
                routes,
            },
            containers: Containers::default(),
            proxy: None,
            mtu: Vec::new(),
            clamp_mss: Vec::new(),
            when: None,
            at: at(),
        },
    )
}

/// What of a snapshot a person would miss: without what netprof remembers, who is
/// thought to own what, and the order in which things happen to be listed.
fn bare(snapshot: &Snapshot) -> Snapshot {
    let mut bare = snapshot.clone();
    bare.held = Section::Absent;
    let routes = machine::items(&mut bare.routes);
    for route in routes.iter_mut() {
        route.owner = netprof_model::Owner::Unknown;
    }
    routes
        .sort_by(|a, b| (&a.key, format!("{:?}", a.spec)).cmp(&(&b.key, format!("{:?}", b.spec))));
    let rules = machine::items(&mut bare.rules);
    for rule in rules.iter_mut() {
        rule.owner = netprof_model::Owner::Unknown;
    }
    // Rules of one priority never overlap in a way that their order decides.
    rules.sort_by(|a, b| a.key.cmp(&b.key));
    bare
}

fn make(profile: &Profile, snapshot: &Snapshot) -> Plan {
    plan(Some((profile, &reference(profile))), snapshot)
}

/// As many cases as PROPTEST_CASES says, or enough for every change.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let cases = cases.unwrap_or(2_000);
    ProptestConfig {
        cases,
        max_global_rejects: cases * 10,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_second_plan_is_empty(machine in machines(), profile in profiles()) {
        let first = make(&profile, &machine);
        prop_assume!(!first.is_refused());
        let done = carried_out(&machine, &first);
        let second = make(&profile, &done);
        prop_assert!(!second.is_refused(), "{:?}", second.diagnostics);
        prop_assert_eq!(second.changes, vec![]);
        prop_assert_eq!(second.dropped, vec![]);
    }

    #[test]
    fn a_plan_is_not_empty_once_anything_it_made_is_gone(
        machine in machines(),
        profile in profiles(),
    ) {
        let first = make(&profile, &machine);
        prop_assume!(!first.is_refused());
        let done = carried_out(&machine, &first);
        for change in &first.changes {
            let broken = after(&done, &[change.inverse()]);
            let second = make(&profile, &broken);
            prop_assert!(
                second.changes.iter().any(|again| again.resource == change.resource),
                "{} was taken away and not missed",
                change.resource
            );
        }
    }

    #[test]
    fn a_release_puts_back_what_was(machine in machines(), profile in profiles()) {
        let first = make(&profile, &machine);
        prop_assume!(!first.is_refused());
        let done = carried_out(&machine, &first);
        let release = plan(None, &done);
        prop_assert!(!release.is_refused());
        let back = carried_out(&done, &release);
        prop_assert_eq!(bare(&back), bare(&machine));
        prop_assert_eq!(&back.held().unwrap().resources, &vec![]);
    }

    #[test]
    fn a_switch_of_profiles_gives_back_what_the_first_one_found(
        machine in machines(),
        one in profiles(),
        other in profiles(),
    ) {
        let first = make(&one, &machine);
        prop_assume!(!first.is_refused());
        let there = carried_out(&machine, &first);
        let switch = make(&other, &there);
        prop_assume!(!switch.is_refused());
        let switched = carried_out(&there, &switch);
        // The same as if the other had come first.
        let direct = make(&other, &machine);
        prop_assert_eq!(bare(&switched), bare(&carried_out(&machine, &direct)));
        let back = carried_out(&switched, &plan(None, &switched));
        prop_assert_eq!(bare(&back), bare(&machine));
    }

    #[test]
    fn what_is_expected_of_the_kernel_holds_by_the_planners_own_look_up(
        machine in machines(),
        profile in profiles(),
    ) {
        let first = make(&profile, &machine);
        prop_assume!(!first.is_refused());
        let done = carried_out(&machine, &first);
        let fib = Fib::new(&done);
        for expectation in &first.expectations {
            let found = fib.look_up(expectation.probe.to, expectation.probe.oif.as_deref());
            prop_assert!(expectation.answer.is_met_by(&found.answer()), "{expectation:?} {found:?}");
        }
    }

    #[test]
    fn every_address_of_a_kept_network_stays_on_it(machine in machines(), profile in profiles()) {
        let Some(keep) = &profile.routes.keep_lan else { return Ok(()) };
        let first = make(&profile, &machine);
        prop_assume!(!first.is_refused());
        let done = carried_out(&machine, &first);
        let fib = Fib::new(&done);
        let lan: IpNet = "192.168.7.0/24".parse().unwrap();
        let own: Vec<IpAddr> =
            machine.addresses.items().iter().map(|one| one.local.addr()).collect();
        let kept: &[&str] = if keep.links.is_empty() { &["wlan0", "eth0"] } else { &["wlan0"] };
        for to in lan.hosts().filter(|to| !own.contains(to)) {
            let route = fib.look_up(to, None).route();
            prop_assert!(
                route.is_some_and(|route| kept.iter().any(|dev| route.goes_through(dev))),
                "{to} goes by {route:?}"
            );
        }
    }

    #[test]
    fn a_change_and_its_inverse_are_nothing(machine in machines(), profile in profiles()) {
        let first = make(&profile, &machine);
        let done = after(&machine, &first.changes);
        let inverse: Vec<Change> = first.changes.iter().rev().map(Change::inverse).collect();
        prop_assert_eq!(bare(&after(&done, &inverse)), bare(&machine));
    }
}

#[test]
fn most_generated_plans_are_carried_out() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut made, mut changes) = (0, 0);
    for _ in 0..400 {
        let (machine, profile) = (machines(), profiles())
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let plan = make(&profile, &machine);
        if !plan.is_refused() {
            made += 1;
            changes += plan.changes.len();
        }
    }
    // Laws that only hold of refused plans would say nothing.
    assert!(made > 150, "{made} of 400");
    assert!(changes > 3 * made, "{changes} changes in {made} plans");
}
