//! `ifconfig`.

use netprof_macos::text::ifconfig::{self, Interface};
use netprof_model::Owner;

use crate::Recording;

pub(crate) const ALL: &[Recording] = &[
    ("ifconfig/01-en7-many-utun.txt", |text| {
        let all = read(text, 25);
        let bridge = named(&all, "bridge0");
        assert_eq!(bridge.members, ["en1", "en2", "en3"]);
        let en7 = named(&all, "en7");
        assert_eq!((en7.index, en7.active), (Some(13), Some(true)));
        let secondary: Vec<bool> = en7.addresses.iter().map(|one| one.secondary).collect();
        assert_eq!(secondary, [false, false, false, true]);
        let tunnel = named(&all, "utun6");
        assert_eq!((tunnel.index, tunnel.mtu), (None, 1300));
        // It is printed with its own address as the other end.
        assert_eq!(tunnel.addresses[0].peer, None);
        assert!(!named(&all, "awdl0").link(1).up);
    }),
    ("ifconfig/02-multivpn-handwritten.txt", |text| {
        let all = read(text, 5);
        let local = named(&all, "utun1").addresses[0].local;
        assert_eq!(local.to_string(), "100.96.0.1/8");
    }),
    ("ifconfig/03-10.14-laptop.txt", |text| {
        let all = read(text, 21);
        assert_eq!(named(&all, "VHC128").mtu, 0);
        assert_eq!(named(&all, "en0").addresses.len(), 7);
        let mac = named(&all, "en5").mac.as_deref();
        assert_eq!(mac, Some("ac:de:48:00:10:20"));
        let kind = named(&all, "vmnet8").link(1).kind;
        assert_eq!(kind.as_deref(), Some("vmnet"));
    }),
    ("ifconfig/04-10.11-laptop.txt", |text| {
        let all = read(text, 7);
        assert!(named(&all, "lo0").link(1).loopback);
        // Not RUNNING alone says that there is a cable.
        assert!(!named(&all, "en1").link(1).carrier);
    }),
    ("ifconfig/05-verbose-utun4-tailscale-agent.txt", |text| {
        let all = read(text, 1);
        assert_eq!(all[0].index, Some(25));
        let agent = &all[0].agents[2];
        assert_eq!(
            (
                agent.domain.as_str(),
                agent.kind.as_str(),
                agent.description.as_str()
            ),
            ("NetworkExtension", "VPN", "VPN: foobar")
        );
        assert_eq!(all[0].link(25).owner, Owner::NetworkExtension);
        assert_eq!(all[0].addresses.len(), 3);
    }),
    ("ifconfig/06-live-with-tailscale-utun4.txt", |text| {
        let all = read(text, 5);
        // This driver says nothing of a carrier.
        assert_eq!(named(&all, "en0").active, None);
        assert!(named(&all, "en0").link(11).carrier);
    }),
    ("ifconfig/07-leftover-utuns.txt", |text| {
        let all = read(text, 5);
        let mtus: Vec<u32> = all.iter().map(|one| one.mtu).collect();
        assert_eq!(mtus, [1380, 2000, 1000, 1380, 1380]);
        assert!(all.iter().all(|one| one.addresses.len() == 1));
    }),
    ("ifconfig/09-verbose-ids-agent-excerpt.txt", |text| {
        let all = read(text, 1);
        let description = &all[0].agents[0].description;
        assert_eq!(description, "IDSNexusAgent ids501 : clientchannel");
        assert_eq!(all[0].link(1).owner, Owner::Apple);
    }),
];

/// The links, so many, of an output that is understood to the last line.
fn read(text: &str, count: usize) -> Vec<Interface> {
    let (all, left_out) = ifconfig::parse(text);
    assert_eq!(left_out, []);
    assert_eq!(all.len(), count);
    all
}

fn named<'a>(all: &'a [Interface], name: &str) -> &'a Interface {
    all.iter().find(|one| one.name == name).unwrap()
}
