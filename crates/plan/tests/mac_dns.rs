//! DNS scopes, proxies and what is refused on a Mac: what a plan says of them, pinned
//! whole, and what configd's list will then say.
//!
//! A link and its routes are written in the words of ifconfig(8) and netstat(1), what the
//! dynamic store holds as the dictionaries that `scutil` would show.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod mac;
mod planned;
mod wifi;

use carried_out::carried_out;
use insta::assert_snapshot;
use netprof_model::configd::{NetworkService, Preferences, Store};
use netprof_model::file::{FileState, LiveFile};
use netprof_model::plist::Value;
use netprof_model::snapshot::Index;
use netprof_model::{Resource, Section, Snapshot, State};
use netprof_plan::macos::configd::{primary, published, resolvers};
use netprof_plan::macos::resolver::who_answers;
use netprof_plan::{Bearing, drift, plan};
use planned::{described, made};
use proptest::prelude::*;
use wifi::wifi;

/// What a plan of these nodes of a profile says.
fn planned(profile: &str, snapshot: &Snapshot) -> String {
    described(&made(profile, snapshot))
}

/// A laptop on Wi-Fi, whose router is its DNS server, and what `text` adds to it.
fn laptop(text: &str) -> Snapshot {
    let mut snapshot = wifi(text);
    store(
        &mut snapshot,
        r#"{
            "Setup:/Network/Global/IPv4": {"ServiceOrder": ["WIFI"]},
            "Setup:/Network/Service/WIFI": {"UserDefinedName": "Wi-Fi"},
            "Setup:/Network/Service/WIFI/IPv4": {"ConfigMethod": "DHCP"},
            "State:/Network/Global/IPv4": {"PrimaryInterface": "en0", "PrimaryService": "WIFI", "Router": "192.168.7.1"},
            "State:/Network/Service/WIFI/IPv4": {"Addresses": ["192.168.7.20"], "SubnetMasks": ["255.255.255.0"],
                "Router": "192.168.7.1", "InterfaceName": "en0", "ConfirmedInterfaceName": "en0"},
            "State:/Network/Service/WIFI/DNS": {"ServerAddresses": ["192.168.7.1"], "DomainName": "home.arpa", "ConfirmedServiceID": "WIFI"},
            "State:/Network/MulticastDNS": ["local", "254.169.in-addr.arpa"]
        }"#,
    );
    snapshot.preferences = Section::Seen(Preferences {
        location: Some("Automatic".to_owned()),
        services: vec![
            service("WIFI", "Wi-Fi", "IEEE80211", Some("en0")),
            service("OFFICE-VPN", "Office", "VPN", None),
        ],
    });
    snapshot
}

/// The same with a VPN that leads 10.0.0.0/8 away.
fn tunnelled() -> Snapshot {
    laptop(
        "10                 10.8.0.1           UGS       utun4 owner openvpn
         utun4: owner openvpn
           inet 10.8.0.2/16 --> 10.8.0.1",
    )
}

fn service(id: &str, name: &str, kind: &str, link: Option<&str>) -> NetworkService {
    NetworkService {
        id: id.to_owned(),
        name: name.to_owned(),
        link: link.map(str::to_owned),
        kind: Some(kind.to_owned()),
        enabled: true,
        proxies: serde_json::from_str(
            r#"{"ExceptionsList": ["*.local", "169.254/16"], "FTPPassive": 1}"#,
        )
        .unwrap(),
    }
}

/// Puts what `json` says into the dynamic store.
fn store(snapshot: &mut Snapshot, json: &str) {
    let more: Store = serde_json::from_str(json).unwrap();
    match &mut snapshot.store {
        Section::Seen(store) => store.0.extend(more.0),
        other => *other = Section::Seen(more),
    }
}

fn file(snapshot: &mut Snapshot, name: &str, text: &str) {
    mac::items(&mut snapshot.files).push(LiveFile {
        path: format!("/etc/resolver/{name}"),
        state: FileState::text(text),
    });
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

/// Lines of a plan that say what is wrong with it.
fn said(profile: &str, snapshot: &Snapshot) -> Vec<String> {
    let text = planned(profile, snapshot);
    let lines = text.lines();
    lines
        .filter(|line| {
            ["error", "warning", "note"]
                .iter()
                .any(|one| line.starts_with(one))
        })
        .map(str::to_owned)
        .collect()
}

const DURABLE: &str = "dns { scope \"corp\" { domains \"corp.example\"; servers \"192.168.7.53\"; durable #true; }; }";
const BRIEF: &str =
    "dns { scope \"corp\" { domains \"corp.example\"; servers \"192.168.7.53\"; }; }";

#[test]
fn a_file_claims_the_domain_of_its_line_whatever_it_is_called() {
    let mut rival = laptop("");
    file(
        &mut rival,
        "zz",
        "DOMAIN Corp.Example.\nnameserver 9.9.9.9\n",
    );
    let named = "error plan::domain-taken (line 2): scope corp: names under corp.example would also go to the file /etc/resolver/zz";
    assert_eq!(said(BRIEF, &rival), [named]);
    assert_eq!(said(DURABLE, &rival), [named]);
    let mut elsewhere = laptop("");
    let text = "domain other.example\nnameserver 9.9.9.9\n";
    file(&mut elsewhere, "corp.example", text);
    assert_eq!(said(BRIEF, &elsewhere), [""; 0]);
}

/// Its name alone says nothing: `domain .` stands for every name.
#[test]
fn a_file_may_claim_every_name() {
    let mut rival = laptop("");
    file(&mut rival, "zz", "domain .\nnameserver 9.9.9.9\n");
    let profile = "dns { scope \"all\" { default-route #true; servers \"192.168.7.53\"; }; }";
    let lines = said(profile, &rival);
    assert_eq!(
        lines,
        [
            "error plan::domain-taken (line 2): scope all: names that no scope claims would also go to the file /etc/resolver/zz"
        ]
    );
}

#[test]
fn a_file_whose_name_differs_in_case_alone_may_be_the_very_same() {
    for text in ["# nothing\n", "nameserver 9.9.9.9\n"] {
        let mut taken = laptop("");
        file(&mut taken, "Corp.Example", text);
        assert_eq!(
            said(DURABLE, &taken),
            [
                "error plan::key-taken (line 2): scope corp: /etc/resolver/Corp.Example is taken by somebody else, and is the same file as /etc/resolver/corp.example on a disk that does not tell case apart"
            ]
        );
        assert_eq!(made(BRIEF, &taken).is_refused(), text.contains("9.9.9.9"));
    }
}

#[test]
fn a_symbolic_link_claims_its_name_and_may_say_anything() {
    for (name, refused) in [("Corp.example", true), ("zz", false)] {
        let mut linked = laptop("");
        mac::items(&mut linked.files).push(LiveFile {
            path: format!("/etc/resolver/{name}"),
            state: FileState::Symlink {
                target: "/opt/vpn/resolver".to_owned(),
            },
        });
        let lines = said(BRIEF, &linked);
        let named = format!(
            "error plan::domain-taken (line 2): scope corp: names under corp.example would also go to the file /etc/resolver/{name}, a link: what it says is not known"
        );
        assert_eq!(lines, if refused { vec![named] } else { vec![] });
    }
}

#[test]
fn whoever_asks_the_same_servers_on_the_same_port_takes_no_names() {
    let service = |more: &str| {
        let mut beside = laptop("");
        let key = "State:/Network/Service/other/DNS";
        let text = format!(
            r#"{{"{key}": {{"ServerAddresses": ["192.168.7.53"]{more}, "SupplementalMatchDomains": ["corp.example"]}}}}"#
        );
        store(&mut beside, &text);
        beside
    };
    let mut same = laptop("");
    file(
        &mut same,
        "zz",
        "domain corp.example\nnameserver 192.168.7.53\n",
    );
    let mut other = laptop("");
    let text = "domain corp.example\nnameserver 192.168.7.53\nport 54\n";
    file(&mut other, "zz", text);
    for profile in [BRIEF, DURABLE] {
        assert!(!made(profile, &service("")).is_refused());
        assert!(!made(profile, &same).is_refused());
        assert!(made(profile, &service(", \"ServerPort\": 54")).is_refused());
        assert!(made(profile, &other).is_refused());
    }
}

/// configd heeds no preferences of a service that has no address, whether a network is
/// connected or not.
#[test]
fn what_the_preferences_say_of_a_service_without_addresses_claims_nothing() {
    let mut set_up = laptop("");
    store(
        &mut set_up,
        r#"{"Setup:/Network/Service/OFFICE-VPN/DNS":
            {"ServerAddresses": ["10.1.1.1"], "SupplementalMatchDomains": ["corp.example"]}}"#,
    );
    assert_eq!(said(BRIEF, &set_up), [""; 0]);
    assert_eq!(codes(BRIEF, &offline(set_up)), ["plan::no-network"]);
    // What is claimed is claimed without a network, too.
    let mut rival = laptop("");
    store(
        &mut rival,
        r#"{"State:/Network/Service/other/DNS":
            {"ServerAddresses": ["10.1.1.1"], "SupplementalMatchDomains": ["corp.example"]}}"#,
    );
    file(
        &mut rival,
        "zz",
        "domain corp.example\nnameserver 9.9.9.9\n",
    );
    let mut unplugged = offline(rival.clone());
    store(
        &mut unplugged,
        r#"{"State:/Network/Service/other/DNS":
        {"ServerAddresses": ["10.1.1.1"], "SupplementalMatchDomains": ["corp.example"]}}"#,
    );
    for rival in [rival, unplugged] {
        let lines = said(BRIEF, &rival);
        let taken = "State:/Network/Service/other/DNS";
        let all = format!(
            "names under corp.example would also go to the file /etc/resolver/zz and {taken}"
        );
        assert!(lines.iter().any(|line| line.ends_with(&all)), "{lines:#?}");
    }
}

/// A Mac without any network.
fn offline(mut snapshot: Snapshot) -> Snapshot {
    let Section::Seen(all) = &mut snapshot.store else {
        panic!("a laptop has a store");
    };
    all.0
        .retain(|key, _| !key.starts_with("State:/Network/Service") && !key.contains("Global"));
    all.0.remove("State:/Network/MulticastDNS");
    snapshot
}

fn codes(profile: &str, snapshot: &Snapshot) -> Vec<String> {
    let said = made(profile, snapshot).diagnostics;
    said.into_iter().map(|one| one.code).collect()
}

#[test]
fn what_netprof_left_behind_and_does_not_hold_is_named() {
    let mut left = laptop("");
    store(
        &mut left,
        r#"{"State:/Network/Service/netprof-old/DNS":
            {"ServerAddresses": ["10.1.1.1"], "SupplementalMatchDomains": ["corp.example"], "NetprofScope": "old"}}"#,
    );
    let made = made(BRIEF, &left);
    let error = &made.diagnostics[0];
    assert!(
        error
            .message
            .ends_with("go to State:/Network/Service/netprof-old/DNS of netprof"),
        "{}",
        error.message
    );
    assert!(error.help.as_ref().unwrap().contains("state folder"));
}

/// Two resolvers of one domain, of which one is never asked, would be none for the names
/// of all, of which nothing says which is the first.
#[test]
fn servers_on_another_port_are_left_out_and_said() {
    let profile = "dns { scope \"corp\" {
        domains \"corp.example\"; default-route #true
        servers \"9.9.9.9:5353\" \"9.9.9.10\" \"9.9.9.11:54\" \"9.9.9.12\"
    }; }";
    let before = laptop("");
    let made = made(profile, &before);
    assert_snapshot!(described(&made));
    let list = resolvers(&carried_out(&before, &made)).unwrap();
    for name in ["git.corp.example", "www.example.org"] {
        let asked = who_answers(&list, name);
        assert_eq!(asked[0].nameservers, ["9.9.9.10", "9.9.9.12"]);
    }
    let every = list.resolvers.iter().filter(|one| one.domain.is_none());
    assert_eq!(every.count(), 2, "{list:#?}");
}

#[test]
fn servers_on_the_port_of_multicast_dns_are_refused() {
    for more in ["", "durable #true;"] {
        let profile = format!(
            "dns {{ scope \"test\" {{ domains \"test\"; servers \"127.0.0.1:5353\" \"[::1]:5353\"; {more} }}; }}"
        );
        assert_eq!(
            said(&profile, &laptop("")),
            [
                "error plan::multicast-port (line 2): scope test: macOS asks no server on port 5353, which is that of multicast DNS"
            ]
        );
    }
}

#[test]
fn a_default_scope_on_another_port_takes_dns_from_whoever_reads_resolv_conf() {
    let profile = |port: &str| {
        format!(
            "dns {{ scope \"dev\" {{ domains \"test\"; servers \"127.0.0.1{port}\"; default-route #true; }}; }}"
        )
    };
    let before = laptop("");
    let warning = "warning plan::port-not-written (line 2): scope dev: programs that read /etc/resolv.conf, such as dig, would ask 127.0.0.1 on port 53 and not on 5354: that file has no ports";
    let lines = said(&profile(":5354"), &before);
    assert!(lines.contains(&warning.to_owned()), "{lines:#?}");
    let after = carried_out(&before, &made(&profile(":5354"), &before));
    let text = published(&after).unwrap().resolv_conf;
    assert!(text.contains("nameserver 127.0.0.1\n"), "{text}");
    assert!(!codes(&profile(""), &before).contains(&"plan::port-not-written".to_owned()));
    // A scope of some names stands behind the first.
    let some = "dns { scope \"dev\" { domains \"test\"; servers \"127.0.0.1:5354\"; }; }";
    assert_eq!(codes(some, &before), [""; 0]);
}

#[test]
fn a_family_that_the_link_of_a_scope_has_and_that_is_not_asked_for_is_said() {
    let mesh = "utun4:
           inet 10.8.0.2/32 --> 10.8.0.1
           inet6 fd00:8::2/64
         10.8.0.1 10.8.0.2 UH utun4
         Internet6:
         fd00:8::/64 fe80::20%utun4 UC utun4
         Internet:";
    let scope = |server: &str| {
        format!(
            "link \"mesh\" {{ match name=\"utun4\"; }}
             dns {{ scope \"mesh\" {{ domains \"a.mesh.example\" \"b.mesh.example\"; servers \"{server}\"; link \"mesh\"; }}; }}"
        )
    };
    let v4 = laptop(mesh);
    assert_eq!(
        said(&scope("fd00:8::53"), &v4),
        [
            "warning plan::family-not-asked (line 3): scope mesh: macOS asks for no IPv6 addresses (AAAA) of its names, though utun4 has one"
        ]
    );
    let ipv6 = r#"{
        "State:/Network/Global/IPv6": {"PrimaryInterface": "en0", "PrimaryService": "WIFI", "Router": "fe80::1"},
        "State:/Network/Service/WIFI/IPv6": {"Addresses": ["fd00:7::20"], "PrefixLength": [64],
            "Router": "fe80::1", "InterfaceName": "en0"}
    }"#;
    let mut both = v4.clone();
    store(&mut both, ipv6);
    assert_eq!(said(&scope("fd00:8::53"), &both), [""; 0]);
    let mut v6 = both;
    let Section::Seen(all) = &mut v6.store else {
        panic!("a laptop has a store");
    };
    all.0.remove("State:/Network/Global/IPv4");
    all.0.remove("State:/Network/Service/WIFI/IPv4");
    assert!(
        said(&scope("10.8.0.1"), &v6).contains(
            &"warning plan::family-not-asked (line 3): scope mesh: macOS asks for no IPv4 addresses (A) of its names, though utun4 has one".to_owned()
        )
    );
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
    after.place.boot = "boot-2".to_owned();
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
