//! Macs for tests, written in the words of scutil(8).
//!
//! One line a fact:
//!
//! ```text
//! link 4 en0                                      an interface and its number
//! order wifi vpn                                  the order of the services
//! Setup wifi IPv4 ConfigMethod=DHCP               Setup:/Network/Service/wifi/IPv4
//! State wifi DNS ServerAddresses=[10.0.0.1]       State:/Network/Service/wifi/DNS
//! State vpn - PrimaryRank=Never                   State:/Network/Service/vpn
//! idle 3                                          three more services, with no address
//! global PPPOverridePrimary=1                     more of Setup:/Network/Global/IPv4
//! link-state en0 Expensive=true                   State:/Network/Interface/en0/Link
//! mdns local 254.169.in-addr.arpa                 State:/Network/MulticastDNS
//! pdns 1.members.btmm.icloud.com                  State:/Network/PrivateDNS
//! file corp.example domain corp.example \ nameserver 10.0.0.53
//! ```
//!
//! A value is a number, `true`, `false`, a list in brackets or a string; `""` is the
//! empty one, `_` a blank. Without a line `mdns` the domains are those that
//! mDNSResponder writes down on every Mac.

use std::collections::BTreeMap;

use netprof_model::configd::Store;
use netprof_model::file::{FileState, LiveFile};
use netprof_model::link::Link;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::snapshot::Os;
use netprof_model::{Section, Snapshot};

const MDNS: &str = "mdns local 254.169.in-addr.arpa 8.e.f.ip6.arpa 9.e.f.ip6.arpa \
                    a.e.f.ip6.arpa b.e.f.ip6.arpa";

/// The Mac that `text` describes. Lines that start with `#` and blank ones say nothing.
pub(crate) fn mac(text: &str) -> Snapshot {
    let mut links = Vec::new();
    let mut store = BTreeMap::new();
    let mut global = Dictionary::new();
    let mut files = Vec::new();
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let default = (!lines.iter().any(|line| line.starts_with("mdns"))).then_some(MDNS);
    for line in lines.into_iter().chain(default) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let words: Vec<&str> = rest.split_whitespace().collect();
        match word {
            "link" => links.push(Link::new(words[0].parse().unwrap(), words[1])),
            "order" => {
                global.insert("ServiceOrder".to_owned(), Value::strings(words));
            }
            "global" => global.extend(dictionary(rest)),
            "State" | "Setup" => {
                let (service, rest) = rest.split_once(' ').unwrap();
                let rest = rest.trim_start();
                let (entity, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let entity = match entity {
                    "-" => String::new(),
                    entity => format!("/{entity}"),
                };
                let key = format!("{word}:/Network/Service/{service}{entity}");
                assert!(
                    store
                        .insert(key, Value::Dictionary(dictionary(rest)))
                        .is_none(),
                    "{line}: twice"
                );
            }
            "idle" => {
                for number in 0..words[0].parse().unwrap() {
                    let key = format!("Setup:/Network/Service/0-idle-{number:02}/IPv4");
                    let value = dictionary("ConfigMethod=DHCP");
                    store.insert(key, Value::Dictionary(value));
                }
            }
            "link-state" => {
                let (link, rest) = rest.split_once(' ').unwrap();
                let key = format!("State:/Network/Interface/{link}/Link");
                store.insert(key, Value::Dictionary(dictionary(rest)));
            }
            "mdns" | "pdns" => {
                let name = ["MulticastDNS", "PrivateDNS"][usize::from(word == "pdns")];
                store.insert(format!("State:/Network/{name}"), Value::strings(words));
            }
            "file" => {
                let (name, content) = rest.split_once(' ').unwrap();
                let content: Vec<_> = content.split('\\').map(str::trim).collect();
                files.push(LiveFile {
                    path: format!("/etc/resolver/{name}"),
                    state: FileState::text(format!("{}\n", content.join("\n"))),
                });
            }
            other => panic!("{other}"),
        }
    }
    if !global.is_empty() {
        let key = "Setup:/Network/Global/IPv4".to_owned();
        store.insert(key, Value::Dictionary(global));
    }
    Snapshot {
        privileged: true,
        links: Section::Seen(links),
        store: Section::Seen(Store(store)),
        files: Section::Seen(files),
        ..Snapshot::empty(Os::Macos)
    }
}

/// `Key=value Key=[a b]`.
pub(crate) fn dictionary(text: &str) -> Dictionary {
    let mut all = Dictionary::new();
    let mut rest = text.trim();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, left) = match after.strip_prefix('[') {
            Some(list) => {
                let (list, left) = list.split_once(']').unwrap();
                let items = list.split_whitespace().map(scalar).collect();
                (Value::Array(items), left)
            }
            None => {
                let (word, left) = after.split_once(' ').unwrap_or((after, ""));
                (scalar(word), left)
            }
        };
        all.insert(key.to_owned(), value);
        rest = left.trim_start();
    }
    assert_eq!(rest, "", "{text}");
    all
}

fn scalar(word: &str) -> Value {
    match word {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        "\"\"" => Value::String(String::new()),
        _ => word
            .parse()
            .map_or_else(|_| Value::String(word.replace('_', " ")), Value::Integer),
    }
}
