//! Who claims a name on a Mac beside a scope, on which port servers are asked, and for what.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod laptop;
mod mac;
mod planned;
mod wifi;

use carried_out::carried_out;
use insta::assert_snapshot;
use laptop::{codes, file, laptop, offline, store};
use netprof_model::file::{FileState, LiveFile};
use netprof_model::{Section, Snapshot};
use netprof_plan::macos::configd::{published, resolvers};
use netprof_plan::macos::resolver::who_answers;
use planned::{described, made};

/// Lines of a plan that say what is wrong with it.
fn said(profile: &str, snapshot: &Snapshot) -> Vec<String> {
    let text = described(&made(profile, snapshot));
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
