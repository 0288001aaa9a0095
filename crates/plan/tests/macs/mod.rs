//! Macs, drawn from what VPN clients, meshes, virtual machines and people have been seen
//! to make of one.
//!
//! A fact is lines in the words of `mac`, and beside them: `store KEY ENTRY...`, a
//! dictionary of the dynamic store, and `gone KEY`, none; `file NAME LINE;LINE`, one of
//! `/etc/resolver`, and `linked NAME TARGET`, a symbolic link there; and `proxies SERVICE
//! ENTRY...`, what the preferences say of a network service. An entry is `NAME=word,word`,
//! a list, `NAME:word` or `NAME#number`. Where two facts say something of one route, key
//! or file, the later one holds.

use std::collections::HashSet;

use netprof_model::configd::{NetworkService, Preferences};
use netprof_model::file::{FileState, LiveFile};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Section, Snapshot};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::law::Drawn;
use crate::mac::{items, mac};
use crate::wifi::wifi;

/// Beside the Wi-Fi of en0: a cable that is not plugged in, the tunnels of OpenVPN and
/// Tailscale, and two of macOS' own that lead nowhere.
const BASE: &str = "
en5:
utun0: mtu 1380 owner apple
    inet6 fe80::a0/64
utun1: mtu 2000 owner apple
    inet6 fe80::a1/64
utun4: owner openvpn
    inet 10.8.0.2/24 --> 10.8.0.1
    inet6 fd00:8::2/64
utun5: mtu 1280 owner tailscale
    inet 100.101.102.103/32 --> 100.101.102.103
Internet:
10.8/24            10.8.0.1           UGSc      utun4
10.8.0.1           10.8.0.2           UH        utun4
100.101.102.103    100.101.102.103    UH        utun5
100.64/10          link#19            UCS       utun5
100.100.100.100/32 link#19            UCS       utun5
Internet6:
fd00:8::/64        fe80::20%utun4     UC        utun4
default            fe80::%utun0       UGcIg     utun0
default            fe80::%utun1       UGcIg     utun1
Internet:
store Setup:/Network/Global/IPv4 ServiceOrder=WIFI,CABLE
store State:/Network/Service/WIFI/IPv4 Addresses=192.168.7.20 SubnetMasks=255.255.255.0 Router:192.168.7.1 InterfaceName:en0
store State:/Network/Service/WIFI/DNS ServerAddresses=192.168.7.1 DomainName:home.arpa ConfirmedServiceID:WIFI
store State:/Network/Global/IPv4 PrimaryInterface:en0 PrimaryService:WIFI Router:192.168.7.1
proxies WIFI ExceptionsList=*.local,169.254/16 FTPPassive#1
";

const FACTS: [&str; 44] = [
    // OpenVPN: two halves of everything, and its server on the way that was there.
    "0/1 10.8.0.1 UGSc utun4\n128.0/1 10.8.0.1 UGSc utun4\n198.51.100.7/32 192.168.7.1 UGSc en0",
    // OpenVPN, split.
    "10/8 10.8.0.1 UGSc utun4",
    "172.16/12 10.8.0.1 UGSc utun4",
    // A VPN app, such as WireGuard's: the default route is its own, and the one that was
    // there is for those who ask for its link.
    "utun6: owner wireguard mtu 1420\n inet 10.9.0.2/32 --> 10.9.0.2\nInternet:\n10.9.0.2 10.9.0.2 UH utun6\ndefault link#20 UCSg utun6\ndefault 192.168.7.1 UGScIg en0",
    // Pushed into the LAN.
    "192.168.7/25 10.8.0.1 UGSc utun4",
    "192.168.7.128/25 10.8.0.1 UGSc utun4",
    "192.168.7/24 10.8.0.1 UGSc utun4\n192.168.7/24 link#11 UCSI en0",
    "192.168.7.50/32 10.8.0.1 UGSc utun4",
    // The networks behind it.
    "192.168.50/24 192.168.7.1 UGSc en0",
    "192.168.50/24 link#19 UCS utun5",
    "192.168.50/25 10.8.0.1 UGSc utun4",
    // IPv6.
    "Internet6:\nfd00:7::/65 fe80::20%utun4 UGSc utun4\nInternet:",
    "Internet6:\n::/1 fe80::20%utun4 UGSc utun4\n8000::/1 fe80::20%utun4 UGSc utun4\nInternet:",
    "store State:/Network/Service/WIFI/IPv6 Addresses=fd00:7::20 PrefixLength=64 Router:fe80::1 InterfaceName:en0",
    // A network whose IPv4 leads nowhere.
    "gone State:/Network/Service/WIFI/IPv4\ngone State:/Network/Global/IPv4\nstore State:/Network/Service/WIFI/IPv6 Addresses=fd00:7::20 PrefixLength=64 Router:fe80::1 InterfaceName:en0\nstore State:/Network/Service/WIFI/DNS ServerAddresses=fd00:7::1 ConfirmedServiceID:WIFI\nstore State:/Network/Global/IPv6 PrimaryInterface:en0 PrimaryService:WIFI Router:fe80::1",
    // A virtual machine.
    "bridge100:\n inet 192.168.64.1/24\nvmenet0: member bridge100\nInternet:\n192.168.64 link#22 UC bridge100",
    "bridge100:\n inet 192.168.64.1/24\nvmenet0: member bridge100\nInternet:\n192.168.64 link#22 UC bridge100\n192.168.64/25 10.8.0.1 UGSc utun4",
    // A cable: into the same network, or into another one.
    "cable 192.168.7.30/24\n192.168.7 link#6 UCSI en5\nstore State:/Network/Service/CABLE/IPv4 Addresses=192.168.7.30 SubnetMasks=255.255.255.0 Router:192.168.7.1 InterfaceName:en5",
    "cable 10.20.0.5/16\n10.20/16 link#6 UCS en5\ndefault 10.20.0.1 UGScIg en5\nstore State:/Network/Service/CABLE/IPv4 Addresses=10.20.0.5 SubnetMasks=255.255.0.0 Router:10.20.0.1 InterfaceName:en5\nstore State:/Network/Service/CABLE/DNS ServerAddresses=10.20.0.1 DomainName:cable.example ConfirmedServiceID:CABLE",
    // What is there already.
    "203.0.113/24 10.8.0.1 UGSc utun4",
    "172.20/14 192.168.7.254 UGSc en0",
    "10.66/16 127.0.0.1 UGSB lo0",
    "10/8 127.0.0.1 UGSR lo0",
    "link utun4 mtu 1400",
    // OpenVPN's scripts: split, and everything.
    "store State:/Network/Service/openvpn-utun4/DNS ServerAddresses=10.8.0.53 SupplementalMatchDomains=corp.example SupplementalMatchDomainsNoSearch#1",
    "store Setup:/Network/Service/WIFI/DNS ServerAddresses=10.8.0.53 SearchDomains=corp.example SearchOrder#5000",
    // Others' domains, also below and above those of profiles.
    "store State:/Network/Service/rival/DNS ServerAddresses=10.0.0.99 SupplementalMatchDomains=eu.corp.example,example.net",
    "store State:/Network/Service/rival/DNS ServerAddresses=10.0.0.99 SupplementalMatchDomains=example",
    "store State:/Network/Service/rival/DNS ServerAddresses=10.0.0.98,10.0.0.97 SupplementalMatchDomains=home.arpa SupplementalMatchOrders#1",
    // What the preferences say of a service that has no address counts for nothing.
    "store Setup:/Network/Service/VPN/DNS ServerAddresses=10.0.0.99 SupplementalMatchDomains=corp.example,lab.test",
    // A mesh and Cisco's client, which take everything.
    "store State:/Network/Service/tailscaled/DNS ServerAddresses=100.100.100.100 SupplementalMatchDomains=,ts.example SearchOrder#1 SearchDomains=ts.example",
    "store State:/Network/Service/com.cisco.anyconnect/DNS ServerAddresses=10.8.0.53 SupplementalMatchDomains=,corp.example SearchOrder#1 SearchDomains=corp.example",
    // A VPN that is the primary service.
    "store State:/Network/Service/VPN/IPv4 Addresses=10.8.0.2 DestAddresses=10.8.0.1 InterfaceName:utun4 OverridePrimary#1\nstore State:/Network/Service/VPN/DNS ServerAddresses=10.8.0.53",
    // Files.
    "file ts.example # Added by tailscaled;nameserver 100.100.100.100",
    "file home.arpa nameserver 192.168.7.1;port 53",
    "file test nameserver 127.0.0.1;port 5354",
    "file zz domain eu.corp.example;nameserver 10.0.0.99;port 5354",
    "file office DOMAIN Corp.Example.;nameserver 10.0.0.99",
    "file bonjour domain lab.test;nameserver 10.0.0.99;port 5353",
    "linked ts.example /opt/mesh/resolver",
    "linked notes /opt/mesh/notes",
    // Proxies.
    "proxies WIFI ProxyAutoConfigEnable#1 ProxyAutoConfigURLString:http://wpad.example/a.pac",
    "proxies CABLE HTTPEnable#1 HTTPProxy:proxy.example HTTPPort#3128 ProxyAutoDiscoveryEnable#1",
    "proxies -",
];

/// How many facts there are of one Mac at most: with more, hardly a plan is carried out.
const MOST: usize = 12;

pub(crate) fn macs() -> impl Strategy<Value = Drawn<Snapshot>> {
    let default = select(vec!["", "", "", "nowhere"]);
    (default, subsequence(FACTS.to_vec(), 0..=MOST)).prop_map(|(way, facts)| {
        let mut snapshot = drawn(&facts);
        if way == "nowhere" {
            items(&mut snapshot.routes).retain(|route| !route.key.is_default());
        }
        Drawn::new(snapshot, format!("{}\n{way}", facts.join("\n")))
    })
}

/// The Mac of `facts`.
pub(crate) fn drawn(facts: &[&str]) -> Snapshot {
    let facts: Vec<&str> = BASE
        .lines()
        .chain(facts.iter().flat_map(|fact| fact.lines()))
        .collect();
    let (ours, theirs): (Vec<&str>, Vec<&str>) = facts.into_iter().partition(|line| {
        let word = line.split_whitespace().next().unwrap_or("");
        [
            "store", "gone", "file", "linked", "proxies", "cable", "link",
        ]
        .contains(&word)
    });
    let mut snapshot = wifi(&theirs.join("\n"));
    // Of two with one key, the kernel has the later one.
    let mut keys = HashSet::new();
    let routes = items(&mut snapshot.routes);
    routes.reverse();
    routes.retain(|route| keys.insert(route.key.clone()));
    routes.reverse();
    let mut names = HashSet::new();
    items(&mut snapshot.links).retain(|link| names.insert(link.name.clone()));
    let addresses = items(&mut snapshot.addresses);
    let mut seen = HashSet::new();
    addresses.retain(|one| seen.insert((one.dev.clone(), one.local)));
    snapshot.preferences = Section::Seen(Preferences {
        location: None,
        services: [
            ("WIFI", "en0", "IEEE80211"),
            ("CABLE", "en5", "Ethernet"),
            ("VPN", "", "VPN"),
        ]
        .map(|(id, link, kind)| NetworkService {
            id: id.to_owned(),
            name: id.to_lowercase(),
            link: (!link.is_empty()).then(|| link.to_owned()),
            kind: Some(kind.to_owned()),
            enabled: true,
            proxies: None,
        })
        .to_vec(),
    });
    for line in ours {
        let words: Vec<&str> = line.split_whitespace().collect();
        told(&mut snapshot, &words, line);
    }
    snapshot
}

fn told(snapshot: &mut Snapshot, words: &[&str], line: &str) {
    match words {
        ["store", key, entries @ ..] => {
            let Section::Seen(store) = &mut snapshot.store else {
                panic!("a Mac has a dynamic store");
            };
            store
                .0
                .insert((*key).to_owned(), Value::Dictionary(dictionary(entries)));
        }
        ["gone", key] => {
            let Section::Seen(store) = &mut snapshot.store else {
                panic!("a Mac has a dynamic store");
            };
            store.0.remove(*key);
        }
        ["file", name, ..] => {
            let at = line.find(name).unwrap() + name.len();
            let text = line[at..].trim().replace(';', "\n") + "\n";
            put_file(snapshot, name, FileState::text(text));
        }
        ["linked", name, target] => {
            let target = (*target).to_owned();
            put_file(snapshot, name, FileState::Symlink { target });
        }
        ["proxies", service, entries @ ..] => {
            let Section::Seen(preferences) = &mut snapshot.preferences else {
                panic!("a Mac has preferences");
            };
            for one in &mut preferences.services {
                match *service {
                    "-" => one.proxies = None,
                    id if one.id == id => one.proxies = Some(dictionary(entries)),
                    _ => {}
                }
            }
        }
        ["cable", address] => {
            let mut cable = items(&mut mac(&format!("en5:\n inet {address}")).addresses).pop();
            let mut new = cable.take().unwrap();
            new.dev = "en5".to_owned();
            items(&mut snapshot.addresses).push(new);
        }
        ["link", name, "mtu", mtu] => {
            let links = items(&mut snapshot.links).iter_mut();
            for link in links.filter(|link| link.name == *name) {
                link.mtu = mtu.parse().unwrap();
            }
        }
        other => panic!("{other:?}"),
    }
}

fn put_file(snapshot: &mut Snapshot, name: &str, state: FileState) {
    let path = format!("/etc/resolver/{name}");
    let files = items(&mut snapshot.files);
    files.retain(|file| file.path != path);
    files.push(LiveFile { path, state });
}

fn dictionary(entries: &[&str]) -> Dictionary {
    entries
        .iter()
        .map(|entry| {
            let at = entry.find(['=', ':', '#']).unwrap();
            let (name, value) = (&entry[..at], &entry[at + 1..]);
            let value = match entry.as_bytes()[at] {
                b'=' if name == "PrefixLength" => Value::Array(
                    value
                        .split(',')
                        .map(|one| Value::Integer(one.parse().unwrap()))
                        .collect(),
                ),
                b'=' => Value::strings(value.split(',')),
                b':' => Value::String(value.to_owned()),
                _ if name == "SupplementalMatchOrders" => {
                    Value::Array(vec![Value::Integer(value.parse().unwrap())])
                }
                _ => Value::Integer(value.parse().unwrap()),
            };
            (name.to_owned(), value)
        })
        .collect()
}
