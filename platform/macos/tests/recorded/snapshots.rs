//! Several outputs of one Mac make one snapshot, and do not contradict one another.

use std::path::Path;

use netprof_macos::text::paste::{LeftOut, Parts, Pasted, snapshot_of};
use netprof_macos::text::scutil_nwi;
use netprof_model::Snapshot;

use crate::output;

type OfSeveral = (&'static str, fn(&Path));

pub(crate) const ALL: &[OfSeveral] = &[
    ("a_mac_with_a_split_tunnel_is_one_snapshot", |folder| {
        let ifconfig = output(folder, "ifconfig/01-en7-many-utun.txt");
        let inet = output(folder, "netstat/01-inet-split-tunnel-many-prefixes.txt");
        let inet6 = output(folder, "netstat/02-inet6-idle-utuns.txt");
        let dns = output(folder, "scutil-dns/06-ne-split-tunnel-dualstack.txt");
        let pasted = snapshot_of(&Parts {
            ifconfig: Some(&ifconfig),
            netstat: &[&inet, &inet6],
            dns: Some(&dns),
            ..Parts::default()
        });
        let snapshot = consistent(&pasted);
        assert_eq!(snapshot.links.items().len(), 25);
        assert_eq!(snapshot.routes.items().len(), 390 + 56);
        // Neither tells its number in ifconfig; the routing table does.
        assert_eq!(snapshot.link("utun6").unwrap().index, 25);
        assert_eq!(snapshot.link("en0").unwrap().index, 15);
        let bridge = snapshot.link("bridge0").unwrap().index;
        assert_eq!(snapshot.link("en2").unwrap().master, Some(bridge));
        assert!(!snapshot.store.is_known() && !snapshot.files.is_known());

        let network = output(folder, "scutil-nwi/01-dualstack-en7-vpn-not-primary.txt");
        let network = scutil_nwi::parse(&network).unwrap();
        for state in network.ipv4.states.iter().chain(&network.ipv6.states) {
            let mut addresses = snapshot.addresses.items().iter();
            let told = addresses
                .any(|one| one.dev == state.link && one.local.addr().to_string() == state.address);
            assert!(told, "{state:?}");
        }
    }),
    ("a_mac_with_two_tunnels_is_one_snapshot", |folder| {
        let ifconfig = output(folder, "ifconfig/02-multivpn-handwritten.txt");
        let table = output(folder, "netstat/03-multivpn-handwritten.txt");
        let pasted = snapshot_of(&Parts {
            ifconfig: Some(&ifconfig),
            netstat: &[&table],
            ..Parts::default()
        });
        let snapshot = consistent(&pasted);
        assert_eq!(snapshot.addresses.items().len(), 9);
    }),
    ("a_mac_with_tailscale_is_one_snapshot", |folder| {
        let ifconfig = output(folder, "ifconfig/06-live-with-tailscale-utun4.txt");
        let dns = output(folder, "scutil-dns/20-tailscale-first-two.txt");
        let pasted = snapshot_of(&Parts {
            ifconfig: Some(&ifconfig),
            dns: Some(&dns),
            ..Parts::default()
        });
        let snapshot = consistent(&pasted);
        assert_eq!(snapshot.link("utun4").unwrap().index, 19);
        assert!(!snapshot.routes.is_known());
    }),
];

/// A snapshot of texts that were understood: every link that one part names is
/// there, under the number that the part gives it.
fn consistent(pasted: &Pasted) -> &Snapshot {
    let snapshot = &pasted.snapshot;
    for (tool, what) in &pasted.left_out {
        // The addresses that replace the real ones make no sense; see `routes.rs`.
        let replaced = match what {
            LeftOut::Number(_) => true,
            LeftOut::Line(line) => line.found.starts_with("198.51.100."),
            _ => false,
        };
        assert!(replaced, "{tool}: {what}");
    }
    for route in snapshot.routes.items() {
        for dev in route.devices() {
            assert!(snapshot.link(dev).is_some(), "{}", route.key);
        }
    }
    let list = snapshot.resolvers.seen();
    let resolvers = list
        .iter()
        .flat_map(|list| list.resolvers.iter().chain(&list.scoped));
    for (index, name) in resolvers.filter_map(|one| one.link.as_ref()) {
        let link = snapshot.link(name.as_ref().unwrap()).unwrap();
        assert_eq!(link.index, *index, "{}", link.name);
    }
    snapshot
}
