//! The laptop that the tests of names on a Mac begin with: links and routes in the words of
//! ifconfig(8) and netstat(1), what the dynamic store holds as the dictionaries that
//! `scutil` would show.

use netprof_model::configd::{NetworkService, Preferences, Store};
use netprof_model::file::{FileState, LiveFile};
use netprof_model::{Section, Snapshot};

use crate::mac;
use crate::planned::made;
use crate::wifi::wifi;

/// A laptop on Wi-Fi, whose router is its DNS server, and what `text` adds to it.
pub(crate) fn laptop(text: &str) -> Snapshot {
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
pub(crate) fn store(snapshot: &mut Snapshot, json: &str) {
    let more: Store = serde_json::from_str(json).unwrap();
    match &mut snapshot.store {
        Section::Seen(store) => store.0.extend(more.0),
        other => *other = Section::Seen(more),
    }
}

pub(crate) fn file(snapshot: &mut Snapshot, name: &str, text: &str) {
    mac::items(&mut snapshot.files).push(LiveFile {
        path: format!("/etc/resolver/{name}"),
        state: FileState::text(text),
    });
}

/// A Mac without any network.
pub(crate) fn offline(mut snapshot: Snapshot) -> Snapshot {
    let Section::Seen(all) = &mut snapshot.store else {
        panic!("a laptop has a store");
    };
    all.0
        .retain(|key, _| !key.starts_with("State:/Network/Service") && !key.contains("Global"));
    all.0.remove("State:/Network/MulticastDNS");
    snapshot
}

/// What is said of a plan, by its codes.
pub(crate) fn codes(profile: &str, snapshot: &Snapshot) -> Vec<String> {
    let said = made(profile, snapshot).diagnostics;
    said.into_iter().map(|one| one.code).collect()
}
