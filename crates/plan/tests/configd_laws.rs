//! The laws of the simulated configd, on generated dictionaries.
//!
//! - Nothing that a store or a file may hold makes it panic, and it says the same twice.
//! - A service for some names changes nothing for others; taken away, all is as before.
//! - A longer domain wins over a shorter one, whatever the orders say.
//! - Orders that do not match the domains spoil these, and nothing else.
//! - The list has no empty resolver but the first, and longer domains stand before those
//!   that they lie under.
//! - Names are the same in capitals and with a dot at the end.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mac;

use mac::{dictionary, mac};
use netprof_model::configd::{Resolver, ResolverList};
use netprof_model::file::{Content, FileState, LiveFile};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Section, Snapshot};
use netprof_plan::macos::configd::{self, print};
use netprof_plan::macos::resolver::who_answers;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// As many cases as PROPTEST_CASES says, or enough for every change.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(2000),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Names of keys that mean something, and one that does not.
const KEYS: [&str; 36] = [
    "Addresses",
    "AdditionalRoutes",
    "ConfirmedInterfaceName",
    "ConfirmedServiceID",
    "DestAddresses",
    "DomainName",
    "ExcludedRoutes",
    "Expensive",
    "IPIsCoupled",
    "InterfaceName",
    "IsNULL",
    "Options",
    "OverridePrimary",
    "PPPOverridePrimary",
    "PrefixLength",
    "PrimaryRank",
    "Router",
    "SearchDomains",
    "SearchOrder",
    "ServerAddresses",
    "ServerPort",
    "ServerTimeout",
    "ServiceIdentifier",
    "ServiceIndex",
    "ServiceOrder",
    "SortList",
    "SubnetMasks",
    "SupplementalMatchDomains",
    "SupplementalMatchDomainsNoSearch",
    "SupplementalMatchOrders",
    "ConfigMethod",
    "Nonsense",
    "NetworkSignature",
    "BroadcastAddresses",
    "Flags",
    "UserDefinedName",
];

/// Words that mean something in one place or another.
const WORDS: [&str; 34] = [
    "",
    " ",
    ".",
    "..",
    "*",
    "%",
    "en0",
    "utun4",
    "lo0",
    "ppp0",
    "gone9",
    "a",
    "b",
    "First",
    "Last",
    "Never",
    "Scoped",
    "10.0.0.1",
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "fe80::1",
    "fe80::1%en0",
    "fd00::1",
    "2001:db8::1",
    "255.255.255.255",
    "300.1.1.1",
    "corp.example",
    "CORP.example.",
    ".local",
    "10.in-addr.arpa",
    "10.0.0.0/255.0.0.0",
    "pdns",
    "\u{130}\u{df}.\u{1f980}",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => select(&WORDS[..]).prop_map(|word| Value::String(word.to_owned())),
        2 => any::<bool>().prop_map(Value::Boolean),
        3 => select(vec![0, 1, -1, 24, 64, 128, 200_000, i64::from(i32::MAX), i64::MIN, i64::MAX])
            .prop_map(Value::Integer),
        1 => Just(Value::Real("0.5".to_owned())),
        1 => Just(Value::Data(vec![0, 255])),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Value::Array),
            1 => btree_map(select(&KEYS[..]).prop_map(str::to_owned), inner, 0..3)
                .prop_map(Value::Dictionary),
        ]
    })
}

fn wild_dictionary() -> impl Strategy<Value = Dictionary> {
    btree_map(select(&KEYS[..]).prop_map(str::to_owned), value(), 0..10)
}

/// A key of the store, and what is found there, be it what it may.
fn wild_entry() -> impl Strategy<Value = (String, Value)> {
    let service = (
        select(vec!["State:", "Setup:"]),
        select(vec!["a", "b", "en0", ""]),
        select(vec![
            "",
            "/IPv4",
            "/IPv6",
            "/DNS",
            "/Proxies",
            "/Other",
            "/IPv4/more",
        ]),
    )
        .prop_map(|(domain, id, entity)| format!("{domain}/Network/Service/{id}{entity}"));
    let key = prop_oneof![
        8 => service,
        1 => select(vec![
            "Setup:/Network/Global/IPv4",
            "State:/Network/MulticastDNS",
            "State:/Network/PrivateDNS",
            "State:/Network/Interface/en0/Link",
            "State:/Network/Service",
            "State:/Network/Service/",
            "",
        ])
        .prop_map(str::to_owned),
    ];
    let found = prop_oneof![
        6 => wild_dictionary().prop_map(Value::Dictionary),
        1 => value(),
    ];
    (key, found)
}

/// A file that may hold anything.
fn wild_file() -> impl Strategy<Value = LiveFile> {
    let line = (
        select(vec![
            "domain",
            "flags",
            "interface",
            "nameserver",
            "options",
            "port",
            "search",
            "search_order",
            "sortlist",
            "timeout",
            "Nameserver",
            "",
            "#",
            ";",
            " nameserver",
            "unknown",
        ]),
        select(vec![" ", "\t", "  ", ""]),
        vec(
            prop_oneof![
                4 => select(&WORDS[..]).prop_map(str::to_owned),
                2 => select(vec![
                    "127.0.0.1.53", "::1.53", "0x35", "010", "99999999999999999999", "-1",
                    "scoped", "A", "aaaa", "53", "10.0.0.0/8", "\0", "\r",
                ])
                .prop_map(str::to_owned),
            ],
            0..5,
        ),
    )
        .prop_map(|(word, gap, rest)| format!("{word}{gap}{}", rest.join(" ")));
    let text = vec(line, 0..6).prop_map(|lines| lines.join("\n").into_bytes());
    let content = prop_oneof![4 => text, 1 => vec(any::<u8>(), 0..64)];
    let name = select(vec![
        "corp.example",
        "test",
        "",
        "a/b",
        "..",
        "CORP.example.",
    ]);
    (name, content).prop_map(|(name, content)| LiveFile {
        path: format!("/etc/resolver/{name}"),
        state: FileState::Regular {
            content: Content(content),
            mode: 0o644,
            uid: 0,
            gid: 0,
        },
    })
}

fn wild() -> impl Strategy<Value = Snapshot> {
    (vec(wild_entry(), 0..16), vec(wild_file(), 0..3)).prop_map(|(entries, files)| {
        let mut snapshot = mac("link 1 lo0\nlink 4 en0\nlink 5 utun4\nlink 6 ppp0");
        if let Section::Seen(store) = &mut snapshot.store {
            store.0.extend(entries);
        }
        snapshot.files = Section::Seen(files);
        snapshot
    })
}

/// Domains that lie in each other, beside each other, and nearly so.
const DOMAINS: [&str; 10] = [
    "example",
    "corp.example",
    "lab.corp.example",
    "a.lab.corp.example",
    "orp.example",
    "CORP.example",
    "other.test.",
    "10.in-addr.arpa",
    "local",
    "corp.local",
];

/// A name, which may lie under some of them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        (
            select(vec!["", "www.", "x.y.", "not"]),
            select(&DOMAINS[..])
        )
            .prop_map(|(head, domain)| format!("{head}{domain}")),
        select(vec![
            "",
            ".",
            "www",
            "www.example.org",
            "printer.local",
            "1.2.3.10.in-addr.arpa"
        ])
        .prop_map(str::to_owned),
    ]
}

/// A Mac with a network, and services for some names. Orders that are given are far from
/// those that configd gives by itself, which move when a service is added.
fn sane() -> impl Strategy<Value = Snapshot> {
    let service = |id: &'static str| {
        (
            subsequence(&DOMAINS[..], 0..4),
            proptest::option::of(select(vec![1, 5000, 250_000, 400_000])),
            any::<bool>(),
        )
            .prop_map(move |(domains, order, is_not_searched)| {
                let mut dns = dictionary("ServerAddresses=[10.0.0.53]");
                let orders = order.map(|order| vec![Value::Integer(order); domains.len()]);
                dns.insert(
                    "SupplementalMatchDomains".to_owned(),
                    Value::strings(domains),
                );
                if let Some(orders) = orders {
                    dns.insert("SupplementalMatchOrders".to_owned(), Value::Array(orders));
                }
                if is_not_searched {
                    let key = "SupplementalMatchDomainsNoSearch".to_owned();
                    dns.insert(key, Value::Integer(1));
                }
                (id, dns)
            })
    };
    let file = (
        select(&DOMAINS[..]),
        select(vec!["", "\nsearch_order 300000"]),
    )
        .prop_map(|(domain, more)| LiveFile {
            path: format!("/etc/resolver/{domain}"),
            state: FileState::text(format!("nameserver 10.0.0.54{more}\n")),
        });
    (
        select(vec![NETWORK, NO_NETWORK]),
        service("aaa"),
        service("zzz"),
        any::<bool>(),
        vec(file, 0..3),
    )
        .prop_map(|(network, one, two, every, files)| {
            let mut snapshot = mac(network);
            for (id, dns) in [one, two] {
                put(&mut snapshot, id, Some(dns));
            }
            if every {
                let dns = dictionary("ServerAddresses=[10.0.0.55] SupplementalMatchDomains=[\"\"]");
                put(&mut snapshot, "every", Some(dns));
            }
            snapshot.files = Section::Seen(files);
            snapshot
        })
}

const NETWORK: &str = "
    link 14 en0
    order wifi
    Setup wifi IPv4 ConfigMethod=DHCP
    State wifi IPv4 InterfaceName=en0 Addresses=[192.168.1.20] Router=192.168.1.1
    State wifi DNS ServerAddresses=[192.168.1.1] DomainName=home.arpa
";
const NO_NETWORK: &str = "link 14 en0";

/// Sets, or takes away, the DNS of a service without an address.
fn put(snapshot: &mut Snapshot, id: &str, dns: Option<Dictionary>) {
    let Section::Seen(store) = &mut snapshot.store else {
        panic!("a Mac has a store");
    };
    let key = format!("State:/Network/Service/{id}/DNS");
    match dns {
        Some(dns) => store.0.insert(key, Value::Dictionary(dns)),
        None => store.0.remove(&key),
    };
}

fn resolvers(snapshot: &Snapshot) -> ResolverList {
    configd::resolvers(snapshot).expect("multicast is always there")
}

/// Who answers, without the orders, which move when a service is added.
fn answers(list: &ResolverList, name: &str) -> Vec<Resolver> {
    let all = who_answers(list, name).into_iter().cloned();
    all.map(|resolver| Resolver {
        order: 0,
        search: Vec::new(),
        ..resolver
    })
    .collect()
}

fn lies_under(name: &str, domain: &str) -> bool {
    let lower = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let (name, domain) = (lower(name), lower(domain));
    name == domain || name.ends_with(&format!(".{domain}"))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_found_it_says_something_and_the_same_twice(
        snapshot in wild(),
        name in name(),
    ) {
        let published = configd::published(&snapshot);
        prop_assert_eq!(&published, &configd::published(&snapshot.clone()));
        prop_assert_eq!(configd::primary(&snapshot), configd::primary(&snapshot.clone()));
        if let Some(published) = published {
            let list = &published.resolvers;
            prop_assert_eq!(print::scutil(list), print::scutil(list));
            let _ = who_answers(list, &name);
            // The files follow what the dictionaries make, and may say nothing at all.
            let files = snapshot.files.items().len();
            let made = list.resolvers.len().saturating_sub(files);
            for resolver in list.resolvers.iter().take(made).skip(1) {
                let is_empty = resolver.domain.is_none()
                    && resolver.search.is_empty()
                    && resolver.nameservers.is_empty();
                prop_assert!(!is_empty, "{}", print::scutil(list));
            }
            for resolver in &list.scoped {
                prop_assert!(resolver.scoped);
            }
            for resolver in &list.service_specific {
                prop_assert!(resolver.service_specific && !resolver.scoped);
            }
            for resolver in &list.resolvers {
                prop_assert!(!resolver.service_specific && !resolver.scoped);
            }
        }
    }

    #[test]
    fn a_service_for_some_names_changes_nothing_for_others(
        snapshot in sane(),
        domains in subsequence(&DOMAINS[..], 1..4),
        id in select(vec!["aa", "mm", "zzzz"]),
        name in name(),
    ) {
        let before = resolvers(&snapshot);
        let mut with = snapshot.clone();
        let mut dns = dictionary("ServerAddresses=[10.9.9.9]");
        dns.insert("SupplementalMatchDomains".to_owned(), Value::strings(domains.clone()));
        put(&mut with, id, Some(dns));
        let after = resolvers(&with);
        if !domains.iter().any(|domain| lies_under(&name, domain)) {
            prop_assert_eq!(answers(&before, &name), answers(&after, &name));
        }
        for domain in domains {
            let servers: Vec<_> = answers(&after, domain)
                .into_iter()
                .flat_map(|resolver| resolver.nameservers)
                .collect();
            prop_assert!(servers.contains(&"10.9.9.9".to_owned()), "{servers:?}");
        }
        put(&mut with, id, None);
        prop_assert_eq!(configd::published(&with), configd::published(&snapshot));
    }

    #[test]
    fn a_service_with_neither_address_nor_domains_has_no_effect(
        snapshot in sane(),
        name in name(),
    ) {
        let mut with = snapshot.clone();
        let dns = "ServerAddresses=[10.9.9.9] SearchDomains=[corp.example] SearchOrder=1";
        put(&mut with, "mm", Some(dictionary(dns)));
        prop_assert_eq!(
            answers(&resolvers(&snapshot), &name),
            answers(&resolvers(&with), &name)
        );
        prop_assert_eq!(configd::primary(&snapshot), configd::primary(&with));
    }

    #[test]
    fn the_longer_domain_wins_whatever_the_orders_say(
        snapshot in sane(),
        short in select(vec![1, 100_000, 400_000]),
        long in select(vec![1, 100_000, 400_000]),
    ) {
        let mut snapshot = snapshot;
        for (id, domain, server, order) in [
            ("short", "corp.net", "10.1.1.1", short),
            ("long", "lab.corp.net", "10.2.2.2", long),
        ] {
            let dns = format!(
                "ServerAddresses=[{server}] SupplementalMatchDomains=[{domain}] \
                 SupplementalMatchOrders=[{order}]"
            );
            put(&mut snapshot, id, Some(dictionary(&dns)));
        }
        let list = resolvers(&snapshot);
        let servers = |name: &str| -> Vec<String> {
            let all = who_answers(&list, name).into_iter();
            all.flat_map(|resolver| resolver.nameservers.clone()).collect()
        };
        prop_assert_eq!(servers("x.lab.corp.net"), ["10.2.2.2"]);
        prop_assert_eq!(servers("lab.corp.net"), ["10.2.2.2"]);
        prop_assert_eq!(servers("x.corp.net"), ["10.1.1.1"]);
        prop_assert_eq!(servers("notlab.corp.net"), ["10.1.1.1"]);
    }

    #[test]
    fn orders_that_do_not_match_spoil_all_domains_and_nothing_else(
        snapshot in sane(),
        domains in subsequence(&DOMAINS[..], 1..5),
        count in 1..6_usize,
    ) {
        prop_assume!(count != domains.len());
        let mut without = snapshot.clone();
        put(&mut without, "mm", Some(dictionary("ServerAddresses=[10.9.9.9]")));
        let mut with = snapshot;
        let mut dns = dictionary("ServerAddresses=[10.9.9.9]");
        dns.insert("SupplementalMatchDomains".to_owned(), Value::strings(domains));
        let orders = vec![Value::Integer(1); count];
        dns.insert("SupplementalMatchOrders".to_owned(), Value::Array(orders));
        put(&mut with, "mm", Some(dns));
        prop_assert_eq!(configd::published(&with), configd::published(&without));
    }

    #[test]
    fn names_are_the_same_in_capitals_and_with_a_dot(snapshot in sane(), name in name()) {
        let list = resolvers(&snapshot);
        let answer = who_answers(&list, &name);
        prop_assert_eq!(&answer, &who_answers(&list, &name.to_ascii_uppercase()));
        prop_assert_eq!(&answer, &who_answers(&list, &format!("{name}.")));
    }

    #[test]
    fn longer_domains_stand_before_those_that_they_lie_under(snapshot in sane()) {
        let mut snapshot = snapshot;
        snapshot.files = Section::Seen(Vec::new());
        let list = resolvers(&snapshot).resolvers;
        for (at, one) in list.iter().enumerate() {
            for later in &list[at + 1..] {
                let (Some(one), Some(later)) = (&one.domain, &later.domain) else {
                    prop_assert!(one.domain.is_none(), "{one:?} before {later:?}");
                    continue;
                };
                // A dot at the end is a label of its own to configd.
                let is_same_kind = one.ends_with('.') == later.ends_with('.');
                prop_assert!(
                    !is_same_kind
                        || !lies_under(later, one)
                        || one.eq_ignore_ascii_case(later),
                    "{one} before {later}"
                );
            }
        }
    }
}
