//! The laws of planning, on generated Macs and profiles for them; `law` has their text.
//! And two of names:
//!
//! - The names of each scope are answered by its servers, and by nobody else; what of
//!   them is not asked for is said.
//! - All other names are answered as before, and asked for the same.
//!
//! Two of xnu: it takes every change, in the order of the plan, and finds the ways that were
//! promised. And two of a Mac that is carried somewhere else: what was made for the place
//! that it left is said to be stale, and given back as anywhere; what it cannot see from
//! there is not forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
#[macro_use]
mod law;
mod mac;
mod mac_moves;
mod macs;
mod wifi;

use ipnet::IpNet;
use law::profiles::{Palette, empty};
use law::words::{link, mtu, proxy, route, scope, spanned};
use law::{Drawn, Site, Verdict, xnu};
use macs::{drawn, macs};
use netprof_model::configd::{Resolver, ResolverList};
use netprof_model::dns::{DnsServer, covers};
use netprof_model::file::FileState;
use netprof_model::plan::{Change, Plan, RouteAnswer, RouteProbe, Standing};
use netprof_model::profile::{Export, Profile, Proxy, ProxyUrl, Scope, Servers, Spanned};
use netprof_model::route::{Route, RouteKey, RouteKind, RouteSpec};
use netprof_model::snapshot::Index;
use netprof_model::{Resource, Snapshot, State};
use netprof_plan::macos::rib::Rib;
use netprof_plan::macos::{configd, resolver};
use netprof_plan::{Bearing, after, drift};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

fn profiles() -> impl Strategy<Value = Drawn<Profile>> {
    law::profiles::profiles(Palette {
        links: vec![
            link("lan", "en0"),
            link("vpn", "utun4"),
            link("mesh", "utun5"),
            link("app", "utun6"),
        ],
        scopes: vec![
            scope(
                "corp",
                Some("vpn"),
                &["corp.example", "10.in-addr.arpa"],
                "10.8.0.53",
            ),
            Scope {
                default_route: true,
                ..scope("home", Some("lan"), &["home.arpa"], "192.168.7.1")
            },
            scope("mesh", Some("mesh"), &["ts.example"], "100.100.100.100"),
            // Of two ports the first counts.
            Scope {
                servers: Servers::Listed(
                    ["127.0.0.1:5355", "127.0.0.1:5356", "127.0.0.2:5355"]
                        .iter()
                        .flat_map(|server| listed(&scope("lab", None, &[], server)))
                        .collect(),
                ),
                ..scope("lab", None, &["lab.test"], "127.0.0.1")
            },
            scope("six", Some("vpn"), &["six.example"], "fd00:8::53"),
            Scope {
                durable: true,
                search: Vec::new(),
                ..scope("local", None, &["test", "internal"], "127.0.0.1:5354")
            },
        ],
        routes: vec![
            route("10.0.0.0/8", None, Some("vpn"), None),
            route("10.64.0.0/16", Some("10.8.0.1"), None, None),
            route("172.20.0.0/14", Some("192.168.7.1"), Some("lan"), None),
            route("10.64.7.0/24", Some("192.168.7.1"), Some("lan"), None),
            route("198.51.100.0/24", None, Some("app"), None),
            route("203.0.113.0/24", None, None, None),
            route("fd00:99::/48", None, Some("vpn"), None),
            route("fd00:98::/48", None, None, None),
            route("100.64.0.0/10", None, Some("mesh"), None),
        ],
        also: vec!["192.168.50.0/24", "192.168.51.0/24"],
        via: vec![None, Some("192.168.7.1"), Some("192.168.7.254")],
        mtu: vec![mtu("vpn", 1400), mtu("lan", 1492), mtu("app", 1280)],
        clamp_mss: Vec::new(),
        containers: Vec::new(),
        proxies: vec![
            Proxy {
                http: Some(spanned(ProxyUrl::new("http://proxy.corp.example:3128"))),
                bypass: vec![spanned("*.corp.example".to_owned())],
                export: vec![spanned(Export::System)],
                ..proxy()
            },
            Proxy {
                pac: Some(spanned(ProxyUrl::new("http://wpad.corp.example/b.pac"))),
                export: vec![spanned(Export::System)],
                ..proxy()
            },
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
    named: &["en0"],
    hardware: &["en0", "en5"],
    tunnel: "utun4",
};

laws!(macs(), profiles(), SITE);

proptest! {
    #![proptest_config(law::config())]

    #[test]
    fn names_of_a_scope_go_to_its_servers_and_all_others_where_they_went(
        machine in macs(),
        profile in profiles(),
        port in prop::sample::select(vec![None, Some(5357)]),
    ) {
        names_go_where_they_should(&machine, &with_default_on(port, &profile))?;
    }
}

proptest! {
    #![proptest_config(law::config())]

    #[test]
    fn what_is_expected_of_the_kernel_holds(machine in macs(), profile in profiles()) {
        let plan = law::make(&profile, &machine);
        prop_assume!(!plan.is_refused());
        let done = carried_out::carried_out(&machine, &plan);
        for expectation in &plan.expectations {
            let RouteProbe { to, oif } = &expectation.probe;
            let found = xnu::look_up(&done, *to, oif.as_deref());
            let found = found.filter(|route| route.spec.kind == RouteKind::Unicast);
            let answer = RouteAnswer {
                dev: found.and_then(|route| route.devices().next()).map(str::to_owned),
                via: found.and_then(Route::gateway),
                unreachable: found.is_none(),
                ..RouteAnswer::default()
            };
            prop_assert!(expectation.answer.is_met_by(&answer), "{expectation:?} {answer:?}");
        }
    }
}

proptest! {
    #![proptest_config(law::config())]

    #[test]
    fn what_was_made_for_a_network_is_stale_once_its_link_has_left_and_the_next_plan_is_as_new(
        machine in macs(),
        profile in profiles(),
    ) {
        let plan = law::make(&profile, &machine);
        prop_assume!(!plan.is_refused());
        let done = mac_moves::moved(&carried_out::carried_out(&machine, &plan));
        let fresh = mac_moves::moved(&machine);
        for one in drift(&done) {
            let stale = matches!(one.standing, Bearing::Stale(_));
            if let Resource::Route(key) = &one.held.resource {
                let of_lan = is_of_lan(key, one.held.committed.as_ref(), &profile);
                prop_assert_eq!(stale, of_lan, "{}: {:?}", key, one.standing);
            }
        }
        let back = carried_out::carried_out(&done, &netprof_plan::plan(None, &done));
        law::same(&back, &fresh)?;
        let anew = law::make(&profile, &fresh);
        prop_assume!(!anew.is_refused());
        let again = law::make(&profile, &done);
        prop_assert!(!again.is_refused(), "{:?}", again.diagnostics);
        let again = carried_out::carried_out(&done, &again);
        law::same(&again, &carried_out::carried_out(&fresh, &anew))?;
    }

    #[test]
    fn proxies_of_one_location_are_given_back_there_whatever_was_done_in_another(
        machine in macs(),
        profile in profiles(),
        released in any::<bool>(),
    ) {
        let plan = law::make(&profile, &machine);
        prop_assume!(!plan.is_refused());
        let done = carried_out::carried_out(&machine, &plan);
        let away = mac_moves::elsewhere(&machine.preferences);
        let there = Snapshot { preferences: away.clone(), ..done.clone() };
        let next = if released {
            netprof_plan::plan(None, &there)
        } else {
            law::make(&profile, &there)
        };
        prop_assert!(!next.is_refused(), "{:?}", next.diagnostics);
        prop_assert_eq!(&next.kept, &vec![]);
        let there = carried_out::carried_out(&there, &next);
        let of_away = there.preferences.clone();
        // Home again, and then in the other place once more, it is all as it was.
        let home = Snapshot { preferences: done.preferences, ..there };
        let home = carried_out::carried_out(&home, &netprof_plan::plan(None, &home));
        law::same(&home, &machine)?;
        let there = Snapshot { preferences: of_away, ..home };
        let there = carried_out::carried_out(&there, &netprof_plan::plan(None, &there));
        prop_assert_eq!(&there.preferences, &away);
        prop_assert_eq!(&there.held().unwrap().resources, &vec![]);
    }
}

/// Whether a route of netprof's own through en0 is good for the network of the LAN alone: it
/// leads by a gateway there, or keeps a part of it. What the profile routes itself stands for
/// itself.
fn is_of_lan(key: &RouteKey, committed: Option<&State>, profile: &Profile) -> bool {
    let Some(State::Route(spec)) = committed else {
        return false;
    };
    let lan: IpNet = SITE.lan.parse().unwrap();
    let mut hops = spec.hops.iter();
    hops.any(|hop| {
        let at_lan = match hop.via {
            Some(via) => lan.contains(&via),
            None => lan.contains(&key.dst),
        };
        let mut declared = profile.routes.routes.iter();
        let stands = hop.via.is_none() && declared.any(|route| route.prefix == key.dst);
        hop.dev.as_deref() == Some("en0") && at_lan && !stands
    })
}

proptest! {
    #![proptest_config(law::config())]

    #[test]
    fn the_kernel_takes_every_change_in_its_order(
        machine in macs(),
        one in profiles(),
        other in profiles(),
    ) {
        let first = law::make(&one, &machine);
        prop_assume!(!first.is_refused());
        let there = is_taken(&machine, &first)?;
        let switch = law::make(&other, &there);
        prop_assume!(!switch.is_refused());
        let switched = is_taken(&there, &switch)?;
        is_taken(&switched, &netprof_plan::plan(None, &switched))?;
    }
}

/// `plan` carried out on `snapshot`, by a kernel that looks at each of its changes.
fn is_taken(snapshot: &Snapshot, plan: &Plan) -> Result<Snapshot, TestCaseError> {
    let mut now = snapshot.clone();
    for change in &plan.changes {
        let live = Index::new(&now).state(&change.resource).unwrap();
        prop_assert_eq!(&live, &change.before, "{}", change.resource);
        if change.before.is_some() {
            // Where it is replaced, the old is deleted first.
            let gone = Change {
                after: None,
                ..change.clone()
            };
            if matches!(change.resource, Resource::Route(_)) {
                now = after(&now, &[gone]);
            }
        }
        if let (Resource::Route(key), Some(State::Route(spec))) = (&change.resource, &change.after)
        {
            takes_route(&now, key, spec)?;
        }
        let added = Change {
            before: Index::new(&now).state(&change.resource).unwrap(),
            ..change.clone()
        };
        now = after(&now, &[added]);
    }
    Ok(carried_out::carried_out(snapshot, plan))
}

/// A route to a gateway is on the link of a network that the gateway is in, or of the
/// route that leads there; one without a gateway needs an address of its family on the
/// link (xnu, `bsd/net/route.c`, ifa_ifwithroute_common_locked).
fn takes_route(now: &Snapshot, key: &RouteKey, spec: &RouteSpec) -> Verdict {
    let [hop] = spec.hops.as_slice() else {
        return Err(TestCaseError::fail(format!("{key} has not one way on")));
    };
    let dev = hop.dev.as_deref().unwrap_or("");
    prop_assert!(now.link(dev).is_some(), "{} is on no link: {}", key, dev);
    let mut addresses = now.addresses.items().iter();
    match hop.via {
        None => {
            let v4 = key.dst.addr().is_ipv4();
            let fits = addresses.any(|one| one.dev == dev && one.local.addr().is_ipv4() == v4);
            prop_assert!(fits, "{}: {} has no address of its family", key, dev);
        }
        Some(via) => {
            let near = addresses
                .any(|one| one.dev == dev && (one.local.contains(&via) || one.peer == Some(via)));
            let found = Rib::new(now).look_up(via, None);
            let led = found.route().is_some_and(|route| route.goes_through(dev));
            prop_assert!(near || led, "{}: {} is not reached by {}", key, via, dev);
        }
    }
    Ok(())
}

/// Names that machines and profiles have something to say of, and some that nobody has.
const NAMES: [&str; 18] = [
    "www.example.org",
    "example",
    "www.example",
    "corp.example",
    "git.corp.example",
    "eu.corp.example",
    "git.eu.corp.example",
    "www.example.net",
    "53.0.0.10.in-addr.arpa",
    "home.arpa",
    "nas.home.arpa",
    "host.ts.example",
    "bench.lab.test",
    "app.test",
    "app.internal",
    "www.cable.example",
    "printer.local",
    "host.six.example",
];

/// Servers, in the order in which they are asked, and the port.
type Answer = Vec<(Vec<String>, u16)>;

fn resolvers_of<'a>(list: Option<&'a ResolverList>, name: &str) -> Vec<&'a Resolver> {
    list.map_or_else(Vec::new, |list| resolver::who_answers(list, name))
}

fn who_answers(list: Option<&ResolverList>, name: &str) -> Answer {
    let mut all: Answer = resolvers_of(list, name)
        .into_iter()
        .map(|one| (one.nameservers.clone(), one.port.unwrap_or(53)))
        .collect();
    // Whoever sends the same names to the same servers takes nothing from anybody.
    all.dedup();
    all
}

/// Whether names are asked for IPv4 and for IPv6 addresses, by each who answers them.
fn families(list: Option<&ResolverList>, name: &str) -> Vec<(bool, bool)> {
    let all = resolvers_of(list, name).into_iter();
    all.map(|one| (one.requests_a, one.requests_aaaa)).collect()
}

fn listed(scope: &Scope) -> Vec<Spanned<DnsServer>> {
    match &scope.servers {
        Servers::Listed(servers) => servers.clone(),
        Servers::Hook(_) | Servers::Dhcp(_) => Vec::new(),
    }
}

/// The servers of a scope that are asked: those on the port of the first.
fn servers(scope: &Scope) -> Answer {
    let all = listed(scope);
    let port = |server: &Spanned<DnsServer>| server.value.port.unwrap_or(53);
    let first = port(&all[0]);
    let on_it = all.iter().filter(|server| port(server) == first);
    let addresses = on_it.map(|server| server.value.address.to_string());
    vec![(addresses.collect(), first)]
}

/// `profile` with the servers of its scope for the rest on `port`.
fn with_default_on(port: Option<u16>, profile: &Profile) -> Profile {
    let mut profile = profile.clone();
    let scopes = profile.scopes.iter_mut();
    for scope in scopes.filter(|scope| scope.default_route) {
        if let Servers::Listed(servers) = &mut scope.servers {
            servers.iter_mut().for_each(|one| one.value.port = port);
        }
    }
    profile
}

/// How long the domain is by which `name` is answered; 0 for what takes the rest.
fn length(list: Option<&ResolverList>, name: &str) -> usize {
    let answers = resolvers_of(list, name);
    let domains = answers.iter().filter_map(|one| one.domain.as_deref());
    domains.map(str::len).max().unwrap_or(0)
}

/// The servers and the port of the first resolver.
fn first(list: Option<&ResolverList>) -> Option<(&Vec<String>, Option<u16>)> {
    let first = list?.resolvers.first()?;
    Some((&first.nameservers, first.port))
}

/// Whether a plan says something of that kind about `scope`.
fn says(plan: &Plan, code: &str, scope: &Scope) -> bool {
    let of = format!("scope {}:", scope.name);
    let mut said = plan.diagnostics.iter();
    said.any(|one| one.code == code && one.message.starts_with(&of))
}

/// Each family that the link of `scope` has is asked for, or it is said that it is not.
fn families_are_asked_for_or_said(
    plan: &Plan,
    scope: &Scope,
    done: &Snapshot,
    list: Option<&ResolverList>,
    domain: &str,
) -> Verdict {
    let Some(link) = &scope.link else {
        return Ok(());
    };
    let pattern = match link.value.as_str() {
        "lan" => "en0",
        "vpn" => "utun4",
        "mesh" => "utun5",
        other => panic!("{other}"),
    };
    let has = |v4: bool| {
        let mut addresses = done.addresses.items().iter();
        addresses.any(|one| {
            let local = one.local.to_string();
            one.dev == pattern && one.local.addr().is_ipv4() == v4 && !local.starts_with("fe80")
        })
    };
    let asked = families(list, domain);
    for (v4, asked) in [
        (true, asked.iter().all(|(a, _)| *a)),
        (false, asked.iter().all(|(_, aaaa)| *aaaa)),
    ] {
        let family = if v4 { "A" } else { "AAAA" };
        prop_assert!(
            asked || !has(v4) || says(plan, "plan::family-not-asked", scope),
            "{} of {}",
            family,
            scope.name
        );
    }
    Ok(())
}

fn names_go_where_they_should(machine: &Snapshot, profile: &Profile) -> Verdict {
    let plan = law::make(profile, machine);
    prop_assume!(!plan.is_refused());
    let done = carried_out::carried_out(machine, &plan);
    let (before, after) = (configd::resolvers(machine), configd::resolvers(&done));
    let waits = |scope: &&Scope| {
        let subject = format!("scope {}", scope.name);
        let mut rows = plan.rows.iter();
        rows.any(|row| row.standing == Standing::Waiting && row.subject == subject)
    };
    let scopes: Vec<&Scope> = profile.scopes.iter().filter(|one| !waits(one)).collect();
    let of_the_rest = scopes.iter().find(|scope| scope.default_route);
    for name in NAMES {
        let domains = scopes.iter().flat_map(|scope| {
            let covering = scope.domains.iter();
            covering
                .filter(|domain| covers(&domain.value, name))
                .map(move |domain| (domain.value.len(), *scope))
        });
        let claims = domains.max_by_key(|(length, _)| *length);
        let now = who_answers(after.as_ref(), name);
        let then = who_answers(before.as_ref(), name);
        // Whoever claims a domain below a scope's is not asked to leave.
        let theirs = length(before.as_ref(), name);
        let expected = match (claims, of_the_rest) {
            (Some((length, scope)), _) if length >= theirs => servers(scope),
            // What was there for the rest stays behind in the list, and a note says so.
            (None, Some(scope)) if theirs == 0 => {
                let mut both = [servers(scope), then.clone()].concat();
                both.dedup();
                both
            }
            _ => then.clone(),
        };
        prop_assert_eq!(now, expected, "{} went to {:?}", name, then);
        if claims.is_none() && of_the_rest.is_none() {
            prop_assert_eq!(
                families(after.as_ref(), name),
                families(before.as_ref(), name)
            );
        }
    }
    for scope in &scopes {
        let on_one_port = servers(scope)[0].0.len() == listed(scope).len();
        prop_assert_ne!(says(&plan, "plan::port-left-out", scope), on_one_port);
        for domain in &scope.domains {
            let name = format!("www.{}", domain.value);
            families_are_asked_for_or_said(&plan, scope, &done, after.as_ref(), &name)?;
            // What a link says is not known.
            let path = format!("/etc/resolver/{}", domain.value);
            let mut files = machine.files.items().iter();
            let linked =
                files.any(|one| one.path == path && matches!(one.state, FileState::Symlink { .. }));
            prop_assert!(!linked, "{}", path);
        }
    }
    if let Some(scope) = of_the_rest {
        let port = servers(scope)[0].1;
        prop_assert_eq!(says(&plan, "plan::port-not-written", scope), port != 53);
    } else {
        // Who reads resolv.conf alone, as dig(1) does, asks whom they asked.
        prop_assert_eq!(first(after.as_ref()), first(before.as_ref()));
    }
    Ok(())
}

/// OpenVPN's scripts give the primary service an order below all that configd hands out.
#[test]
fn a_default_scope_comes_before_a_default_resolver_of_any_order() {
    let told = "store Setup:/Network/Service/WIFI/DNS ServerAddresses=10.8.0.53 SearchOrder#5000";
    let profile = Profile {
        scopes: vec![Scope {
            default_route: true,
            ..scope("home", Some("lan"), &["home.arpa"], "192.168.7.1")
        }],
        ..empty(vec![link("lan", "en0")])
    };
    names_go_where_they_should(&drawn(&[told]), &profile).unwrap();
}

#[test]
fn most_generated_plans_are_carried_out() {
    let (made, changes) = law::carried(400, &macs(), &profiles());
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
    touches(|one| matches!(one, Resource::Route(_)));
    touches(|one| matches!(one, Resource::Store { .. }));
    touches(|one| matches!(one, Resource::File { .. }));
    touches(|one| matches!(one, Resource::Proxies { .. }));
    touches(|one| matches!(one, Resource::Mtu { .. }));
}
