//! DNS scopes, proxies and what is refused on a Mac: what a plan says of them, pinned
//! whole, and what configd's list will then say.
//!
//! A link and its routes are written in the words of ifconfig(8) and netstat(1), what the
//! dynamic store holds as the dictionaries that `scutil` would show.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod laptop;
mod mac;
mod planned;
mod wifi;

use carried_out::carried_out;
use insta::assert_snapshot;
use laptop::{codes, file, laptop, offline, store};
use netprof_model::configd::NetworkService;
use netprof_model::plist::Value;
use netprof_model::snapshot::Index;
use netprof_model::{Resource, Section, Snapshot, State};
use netprof_plan::macos::configd::{primary, published, resolvers};
use netprof_plan::macos::resolver::who_answers;
use netprof_plan::{Bearing, drift, plan};
use planned::{described, made};
use proptest::prelude::*;

/// What a plan of these nodes of a profile says.
fn planned(profile: &str, snapshot: &Snapshot) -> String {
    described(&made(profile, snapshot))
}

/// The laptop with a VPN that leads 10.0.0.0/8 away.
fn tunnelled() -> Snapshot {
    laptop(
        "10                 10.8.0.1           UGS       utun4 owner openvpn
         utun4: owner openvpn
           inet 10.8.0.2/16 --> 10.8.0.1",
    )
}

fn wifi_service(snapshot: &mut Snapshot) -> &mut NetworkService {
    match &mut snapshot.preferences {
        Section::Seen(preferences) => &mut preferences.services[0],
        _ => panic!("a laptop has preferences"),
    }
}

const VPN: &str = "link \"vpn\" optional=#true { match name=\"utun*\" address=\"10.8.0.0/16\"; }\n";

fn corp(more: &str) -> String {
    format!(
        "{VPN}dns {{ scope \"corp\" {{
            domains \"corp.example.com\" \"10.in-addr.arpa\"
            search \"corp.example.com\"
            servers \"10.0.0.53\" \"10.0.0.54\"
            {more}
        }}; }}"
    )
}

#[test]
fn a_scope_is_a_service_for_what_is_searched_and_one_for_the_rest() {
    assert_snapshot!(planned(&corp("link \"vpn\""), &tunnelled()));
}

#[test]
fn a_scope_waits_for_its_link() {
    assert_snapshot!(planned(&corp("link \"vpn\""), &laptop("")));
}

#[test]
fn a_server_that_the_routes_lead_elsewhere_is_refused_with_a_link_and_warned_of_without() {
    let mut nowhere = laptop("");
    mac::items(&mut nowhere.routes).retain(|route| route.key.dst.prefix_len() > 0);
    let lan = "link \"lan\" { match name=\"en0\"; }\n";
    let text = [
        planned(&(lan.to_owned() + &corp("link \"lan\"")), &tunnelled()),
        planned(&corp(""), &nowhere),
        planned(&corp(""), &laptop("")),
    ];
    assert_snapshot!(text.join("---\n"));
}

#[test]
fn a_domain_that_somebody_else_claims_is_named() {
    let mut rival = tunnelled();
    store(
        &mut rival,
        r#"{"State:/Network/Service/com.cisco.anyconnect/DNS":
            {"ServerAddresses": ["10.5.0.18"], "SearchOrder": 1, "SupplementalMatchDomains": ["", "Corp.example.com."]}}"#,
    );
    file(
        &mut rival,
        "10.in-addr.arpa",
        "# by hand\nnameserver 10.5.0.18\n",
    );
    assert_snapshot!(planned(&corp("default-route #true"), &rival));
}

#[test]
fn a_longer_domain_of_somebody_else_and_one_without_servers_stand_in_nobodys_way() {
    let mut beside = tunnelled();
    store(
        &mut beside,
        r#"{"State:/Network/Service/other/DNS":
            {"ServerAddresses": ["10.5.0.18"], "SupplementalMatchDomains": ["git.corp.example.com"]},
            "State:/Network/Service/empty/DNS": {"SupplementalMatchDomains": ["corp.example.com"]}}"#,
    );
    file(&mut beside, "notes", "# nameserver 10.5.0.18\n");
    assert!(!made(&corp("link \"vpn\""), &beside).is_refused());
}

#[test]
fn names_that_nobody_claims_go_to_a_default_scope_first_and_it_is_said_who_stays_behind() {
    let profile = "dns { scope \"all\" { default-route #true; servers \"9.9.9.9\"; }; }";
    let before = laptop("");
    let made = made(profile, &before);
    assert_snapshot!(described(&made));
    let after = carried_out(&before, &made);
    let list = resolvers(&after).unwrap();
    let asked: Vec<_> = who_answers(&list, "www.example.org")
        .iter()
        .map(|one| one.nameservers.join(" "))
        .collect();
    assert_eq!(asked, ["9.9.9.9", "192.168.7.1"]);
}

#[test]
fn a_vpn_app_that_is_primary_is_warned_of() {
    let mut app = tunnelled();
    store(
        &mut app,
        r#"{"State:/Network/Global/IPv4": {"PrimaryInterface": "utun4", "PrimaryService": "APP"}}"#,
    );
    let owner = netprof_model::Owner::NetworkExtension;
    for link in mac::items(&mut app.links) {
        if link.name == "utun4" {
            link.owner = owner;
        }
    }
    let said = made(&corp("link \"vpn\""), &app).diagnostics;
    assert!(
        said.iter().any(|one| one.code == "plan::vpn-app-primary"),
        "{said:#?}"
    );
    let said = made(&corp("link \"vpn\""), &tunnelled()).diagnostics;
    assert_eq!(said, []);
}

#[test]
fn a_durable_scope_is_files_that_need_neither_link_nor_boot() {
    let profile = "dns { scope \"test\" {
        domains \"test\" \"sub.test\"; search \"a.sub.test\" \"test\"
        servers \"127.0.0.1:5354\"; durable #true
    }; }";
    let before = laptop("");
    let made = made(profile, &before);
    assert_snapshot!(described(&made));
    let mut after = carried_out(&before, &made);
    after.place.boot = "boot-2".into();
    let held: Vec<Bearing> = drift(&after).into_iter().map(|one| one.standing).collect();
    assert_eq!(held, [Bearing::Holds, Bearing::Holds]);
    let list = resolvers(&after).unwrap();
    let answer = who_answers(&list, "x.sub.test");
    assert_eq!(answer.len(), 1);
    assert_eq!(answer[0].search, ["a.sub.test"]);
    assert_eq!(answer[0].port, Some(5354));
}

#[test]
fn what_files_cannot_say_is_refused() {
    let scopes = [
        "default-route #true; servers \"10.0.0.53\"",
        "domains \"test\"; servers \"10.0.0.1\" \"10.0.0.2\" \"10.0.0.3\" \"10.0.0.4\"",
        "domains \"test\"; servers \"10.0.0.1\" \"10.0.0.2:5353\"",
        "domains \"test\"; search \"a.test\" \"b.test\" \"c.test\" \"d.test\" \"e.test\" \"f.test\" \"g.test\"; servers \"10.0.0.1\"",
    ];
    let texts = scopes.map(|scope| {
        let profile = format!("dns {{ scope \"test\" {{ {scope}; durable #true; }}; }}");
        planned(&profile, &laptop(""))
    });
    assert_snapshot!(texts.join("---\n"));
}

#[test]
fn a_file_that_somebody_else_wrote_is_left_alone() {
    let mut taken = laptop("");
    file(&mut taken, "test", "nameserver 10.9.9.9\n");
    let profile =
        "dns { scope \"test\" { domains \"test\"; servers \"10.0.0.1\"; durable #true; }; }";
    let made = made(profile, &taken);
    assert!(made.is_refused());
    assert!(made.changes.is_empty());
    assert_eq!(made.diagnostics[0].code, "plan::key-taken");
}

#[test]
fn servers_that_macos_would_not_ask_are_refused_and_local_is_warned_of() {
    let scopes = [
        "domains \"a.test\"; servers \"fe80::1\"",
        "domains \"a.test\"; servers from=\"hook\"",
        "domains \"corp.local\" \"254.169.in-addr.arpa\"; servers \"192.168.7.1\"",
    ];
    let texts = scopes.map(|scope| {
        let profile = format!("dns {{ scope \"test\" {{ {scope}; }}; }}");
        planned(&profile, &laptop(""))
    });
    assert_snapshot!(texts.join("---\n"));
}

#[test]
fn a_store_that_was_not_read_is_no_empty_one() {
    let mut unread = laptop("");
    unread.store = Section::Unread;
    let mut unreadable = laptop("");
    unreadable.store = Section::Unreadable("no answer in 2 s".to_owned());
    let text = [planned(&corp(""), &unread), planned(&corp(""), &unreadable)];
    assert_snapshot!(text.join("---\n"));
}

#[test]
fn a_scope_is_made_without_a_network_and_it_is_said_that_it_waits_for_one() {
    let offline = offline(laptop(""));
    assert_eq!(made(&corp(""), &offline).summary().add, 2);
    assert_eq!(codes(&corp(""), &offline), ["plan::no-network"]);
}

#[test]
fn a_scope_whose_link_has_gone_is_stale_until_it_is_planned_anew() {
    let profile = corp("link \"vpn\"");
    let before = tunnelled();
    let held = carried_out(&before, &made(&profile, &before));
    let standing = |snapshot: &Snapshot| {
        let all = drift(snapshot).into_iter();
        let all: Vec<String> = all.map(|one| format!("{:?}", one.standing)).collect();
        all
    };
    assert_eq!(standing(&held), ["Holds", "Holds"]);

    let mut rerouted = held.clone();
    mac::items(&mut rerouted.routes).retain(|route| !route.goes_through("utun4"));
    assert!(standing(&rerouted)[0].contains("no longer leave through utun4"));

    let mut gone = rerouted;
    mac::items(&mut gone.links).retain(|link| link.name != "utun4");
    mac::items(&mut gone.addresses).retain(|one| one.dev != "utun4");
    assert!(
        standing(&gone)
            .iter()
            .all(|one| one.contains("utun4 has gone"))
    );
    let again = made(&profile, &gone);
    assert_eq!((again.summary().remove, again.summary().waiting), (2, 1));
}

#[test]
fn proxies_go_to_every_service_with_hardware_and_what_is_not_named_stays() {
    let mut before = laptop("");
    let live = r#"{"ExceptionsList": ["*.local"], "FTPPassive": 1, "SOCKSEnable": 1, "SOCKSProxy": "old.example",
        "SOCKSPort": 1080, "HTTPEnable": 0, "HTTPUser": "me",
        "ProxyAutoConfigEnable": 1, "ProxyAutoConfigURLString": "http://wpad.example/x.pac"}"#;
    wifi_service(&mut before).proxies = serde_json::from_str(live).unwrap();
    let profile = "proxy {
        http \"http://proxy.corp.example.com:3128\"
        https \"http://[fd00::1]\"
        bypass \"localhost\" \"127.0.0.0/8\" \"10.1.2.3/32\" \"fd00::/8\" \"*.corp.example.com\"
        export \"system\"
    }";
    let made = made(profile, &before);
    assert_snapshot!(described(&made));
    let after = carried_out(&before, &made);
    let again = plan_again(profile, &after);
    assert!(again.changes.is_empty(), "{again:#?}");
    let released = carried_out(&after, &plan(None, &after));
    assert_eq!(released.preferences, before.preferences);
}

fn plan_again(profile: &str, snapshot: &Snapshot) -> netprof_model::plan::Plan {
    made(profile, snapshot)
}

#[test]
fn proxies_that_macos_cannot_be_told_are_refused_and_no_password_is_said() {
    let mut secret = laptop("");
    let live = r#"{"ProxyAutoConfigEnable": 1, "ProxyAutoConfigURLString": "http://me:s3cret@wpad.example/x.pac"}"#;
    wifi_service(&mut secret).proxies = serde_json::from_str(live).unwrap();
    let mut none = laptop("");
    wifi_service(&mut none).enabled = false;
    let mut unread = laptop("");
    unread.preferences = Section::Unread;
    let http = "http \"http://proxy.example:3128\"";
    let texts = [
        ("http \"http://me:s3cret@proxy.example:3128\"; export \"system\"", &laptop("")),
        ("pac \"http://me:s3cret@wpad.example/x.pac\"; export \"system\"", &laptop("")),
        ("http \"https://proxy.example:3129\"; socks \"socks4://proxy.example\"; export \"system\"", &laptop("")),
        ("pac \"http://wpad.example/x.pac\"; bypass \"localhost\"; export \"env\" \"system\" \"docker\"", &laptop("")),
        (&format!("{http}; export \"system\""), &secret),
        (&format!("{http}; export \"system\""), &none),
        (&format!("{http}; export \"system\""), &unread),
        (http, &laptop("")),
    ]
    .map(|(text, snapshot)| planned(&format!("proxy {{ {text}; }}"), snapshot));
    let text = texts.join("---\n");
    assert!(!text.contains("s3cret"), "{text}");
    assert_snapshot!(text);
}

#[test]
fn proxies_beside_a_tunnel_that_is_primary_are_warned_of() {
    let mut primary = laptop("");
    store(
        &mut primary,
        r#"{"State:/Network/Global/IPv4": {"PrimaryInterface": "utun4", "PrimaryService": "OFFICE-VPN"}}"#,
    );
    let profile = "proxy { http \"http://proxy.example:3128\"; export \"system\"; }";
    let said = made(profile, &primary).diagnostics;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0].code, "plan::proxies-not-primary");
    assert!(
        said[0].message.starts_with("service Office is primary"),
        "{}",
        said[0].message
    );
    assert_eq!(made(profile, &laptop("")).diagnostics, []);
}

#[test]
fn what_macos_has_no_place_for_is_refused_on_its_line() {
    let profile = "link \"vpn\" { match name=\"utun*\"; }
        containers { keep-local; docker { pool \"172.31.0.0/16\" size=24; }; podman { subnet \"192.168.240.0/24\"; }; }
        clamp-mss \"vpn\"";
    assert_snapshot!(planned(profile, &tunnelled()));
}

/// Some scopes, each with domains of its own.
fn scopes() -> impl Strategy<Value = String> {
    let scope = (
        1..4_usize,
        0..3_usize,
        1..4_usize,
        any::<bool>(),
        any::<bool>(),
    );
    (proptest::collection::vec(scope, 1..4), any::<bool>()).prop_map(|(scopes, default)| {
        let mut text = String::from("dns {\n");
        for (number, (domains, searched, servers, ports, durable)) in scopes.into_iter().enumerate()
        {
            let domain = |at: usize| format!("\"d{at}.s{number}.example\"");
            let quoted = |count: usize| (0..count).map(domain).collect::<Vec<_>>().join(" ");
            let port = if ports { ":5354" } else { "" };
            let address = |at: usize| match (at % 2, port) {
                (0, port) => format!("198.51.100.{}{port}", number * 10 + at),
                (_, "") => format!("2001:db8::{}", number * 10 + at),
                (_, port) => format!("[2001:db8::{}]{port}", number * 10 + at),
            };
            let servers: Vec<String> = (0..servers)
                .map(|at| format!("\"{}\"", address(at)))
                .collect();
            text += &format!("scope \"s{number}\" {{ domains {}; ", quoted(domains));
            if searched > 0 {
                text += &format!("search {}; ", quoted(searched.min(domains)));
            }
            text += &format!("servers {}; ", servers.join(" "));
            match (durable, default && number == 0) {
                (true, _) => text += "durable #true; ",
                (_, true) => text += "default-route #true; ",
                _ => {}
            }
            text += "}\n";
        }
        text + "}"
    })
}

proptest! {
    /// What is claimed is answered by the scope alone, a second plan changes nothing, and
    /// a release leaves nothing behind.
    #[test]
    fn scopes_answer_for_their_domains_and_come_off_without_a_trace(profile in scopes()) {
        let before = laptop("");
        let made = made(&profile, &before);
        prop_assert!(!made.is_refused(), "{profile}\n{:#?}", made.diagnostics);
        let after = carried_out(&before, &made);
        let list = resolvers(&after).unwrap();
        for line in profile.lines().filter(|line| line.contains("scope")) {
            let number: usize = line.split('"').nth(1).unwrap().trim_start_matches('s').parse().unwrap();
            for domain in line.split('"').filter(|word| word.ends_with(".example")) {
                let asked = who_answers(&list, &format!("www.{domain}"));
                let servers: Vec<&str> = asked
                    .iter()
                    .flat_map(|one| one.nameservers.iter().map(String::as_str))
                    .collect();
                let listed = line.matches("198.51.100.").count() + line.matches("2001:db8::").count();
                prop_assert_eq!(servers.len(), listed, "{}", line);
                for server in servers {
                    let last = server.rsplit(['.', ':']).next().unwrap();
                    prop_assert_eq!(last.parse::<usize>().unwrap() / 10, number);
                }
            }
        }
        prop_assert!(plan_again(&profile, &after).changes.is_empty());
        let released = carried_out(&after, &plan(None, &after));
        prop_assert_eq!(&released.store, &before.store);
        prop_assert_eq!(released.files.items(), before.files.items());
    }

    /// Names are searched in the order of the profile, before what the network says.
    #[test]
    fn names_are_searched_in_the_order_of_the_profile(profile in scopes()) {
        let before = laptop("");
        let after = carried_out(&before, &made(&profile, &before));
        let first = &resolvers(&after).unwrap().resolvers[0];
        let wanted: Vec<String> = profile
            .lines()
            .filter(|line| !line.contains("durable"))
            .filter_map(|line| line.split("search ").nth(1)?.split(';').next())
            .flat_map(|words| words.split('"').filter(|word| word.contains('.')))
            .map(str::to_owned)
            .chain(["home.arpa".to_owned()])
            .collect();
        prop_assert_eq!(&first.search, &wanted, "{}", profile);
    }

    /// Whatever one thing of it somebody takes away is missed, and put back.
    #[test]
    fn what_somebody_takes_away_is_put_back(profile in scopes(), which in any::<prop::sample::Index>()) {
        let before = laptop("");
        let whole = carried_out(&before, &made(&profile, &before));
        let held = &whole.held().unwrap().resources;
        let taken = which.get(held).resource.clone();
        let mut torn = whole.clone();
        match &taken {
            Resource::Store { key } => {
                if let Section::Seen(all) = &mut torn.store {
                    all.0.remove(key);
                }
            }
            Resource::File { path } => mac::items(&mut torn.files).retain(|one| &one.path != path),
            other => panic!("{other}"),
        }
        let again = plan_again(&profile, &torn);
        prop_assert_eq!(again.changes.len(), 1);
        prop_assert_eq!(&again.changes[0].resource, &taken);
        let whole = Index::new(&whole).state(&taken).unwrap();
        prop_assert_eq!(&again.changes[0].after, &whole);
        prop_assert!(matches!(whole, Some(State::Store(_) | State::File(_))));
    }
}

/// The Macs that the command line is tested with, and the names of their files.
fn fixtures() -> Vec<(String, Snapshot)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/macos");
    let entries = std::fs::read_dir(folder).unwrap();
    let all: Vec<(String, Snapshot)> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert!(all.len() > 5);
    all
}

#[test]
fn the_fixtures_hold_what_configd_would_publish() {
    for (name, fixture) in fixtures() {
        let store = fixture.store.seen().unwrap();
        let global = |entity: &str| store.get(&format!("State:/Network/Global/{entity}"));
        let (elected, published) = (primary(&fixture), published(&fixture).unwrap());
        assert_eq!(global("DNS"), Some(&published.dns), "{name}");
        let ipv4 = elected.ipv4.map(|one| one.global());
        assert_eq!(global("IPv4"), ipv4.as_ref(), "{name}");
        let ipv6 = elected.ipv6.map(|one| Value::String(one.service));
        let said = global("IPv6").and_then(|all| all.get("PrimaryService"));
        assert_eq!(said, ipv6.as_ref(), "{name}");
    }
}

/// OpenVPN gives the primary service a `SearchOrder` of its own, which puts its servers
/// before any resolver with a greater one.
#[test]
fn a_default_scope_is_asked_first_on_every_mac_or_refused() {
    let profile =
        "dns { scope \"all\" { default-route #true; servers \"9.9.9.9\" \"9.9.9.10\"; }; }";
    let mut refused = Vec::new();
    for (name, fixture) in fixtures() {
        let made = made(profile, &fixture);
        if made.is_refused() {
            refused.push(name);
            continue;
        }
        let list = resolvers(&carried_out(&fixture, &made)).unwrap();
        let asked = who_answers(&list, "www.example.org");
        assert_eq!(asked[0].nameservers, ["9.9.9.9", "9.9.9.10"], "{name}");
    }
    refused.sort();
    assert_eq!(refused, ["anyconnect.json", "wireguard-app-full.json"]);
}

/// No two scopes share a service, whatever they are called.
#[test]
fn scopes_with_names_like_services_keep_apart() {
    let profile = "dns {
        scope \"a\" { domains \"a.test\" \"b.test\"; search \"a.test\"; servers \"9.9.9.9\"; }
        scope \"a-nosearch\" { domains \"c.test\"; servers \"9.9.9.9\"; }
    }";
    let made = made(profile, &laptop(""));
    assert!(!made.is_refused(), "{:#?}", made.diagnostics);
    assert_eq!(made.summary().add, 3);
    for change in &made.changes {
        let Some(State::Store(all)) = &change.after else {
            panic!("{}", change.resource);
        };
        let count = |key| all.get(key).map_or(0, |list: &Value| list.items().len());
        assert_eq!(
            count("SupplementalMatchOrders"),
            count("SupplementalMatchDomains")
        );
    }
}
