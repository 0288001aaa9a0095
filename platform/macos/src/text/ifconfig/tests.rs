use proptest::prelude::*;

use super::*;

const LAPTOP: &str = "\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
\tinet 127.0.0.1 netmask 0xff000000
\tinet6 ::1 prefixlen 128 
\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1 
\tnd6 options=201<PERFORMNUD,DAD>
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 2:0:5e:0:53:1 
\tinet6 fe80::10%en0 prefixlen 64 secured scopeid 0xb 
\tinet 192.168.1.17 netmask 0xffffff00 broadcast 192.168.1.255
\tinet 192.168.1.18 netmask 0xffffff00 broadcast 192.168.1.255
\tinet6 2001:db8::17 prefixlen 64 autoconf secured 
\tinet6 2001:db8::18 prefixlen 64 autoconf temporary 
\tmedia: autoselect
\tstatus: active
en1: flags=8963<UP,BROADCAST,SMART,RUNNING,PROMISC,SIMPLEX,MULTICAST> mtu 1500
\tether 02:00:00:00:00:00
\tstatus: inactive
bridge0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tConfiguration:
\t\tid 0:0:0:0:0:0 priority 0 hellotime 0 fwddelay 0
\tmember: en1 flags=3<LEARNING,DISCOVER>
\t        ifmaxaddr 0 port 10 priority 0 path cost 0
vlan0: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tvlan: 10 parent interface: en0
utun4: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280 index 25
\tinet 10.8.0.6 --> 10.8.0.5 netmask 0xffffffff
\tinet6 fd00::6 --> fd00::5 prefixlen 128
\tagent domain:Skywalk type:NetIf flags:0x8443 desc:\"Userspace Networking\"
\tagent domain:NetworkExtension type:VPN flags:0xf desc:\"VPN: corp\"
utun5: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1380
\tinet 10.9.0.6 --> 10.9.0.6 netmask 0xffffffff
\tagent domain:ids501 type:clientchannel flags:0xc3
\tdesc:\"IDSNexusAgent ids501 : clientchannel\"
";

fn laptop() -> Vec<Interface> {
    let (all, left_out) = parse(LAPTOP);
    assert_eq!(left_out, []);
    all
}

#[test]
fn links_are_read_as_the_kernel_has_them() {
    let all = laptop();
    let links: Vec<Link> = all
        .iter()
        .map(|one| one.link(one.index.unwrap_or(0)))
        .collect();
    let named = |name: &str| links.iter().find(|link| link.name == name).unwrap();
    assert!(named("lo0").loopback && named("lo0").index == 1 && named("lo0").kind.is_none());
    let en0 = named("en0");
    assert_eq!(en0.mac.as_deref(), Some("02:00:5e:00:53:01"));
    assert!(en0.up && en0.carrier && en0.kind.is_none() && en0.index == 11);
    assert!(named("en1").up && !named("en1").carrier);
    assert_eq!(named("en1").mac, None);
    assert_eq!(named("bridge0").kind.as_deref(), Some("bridge"));
    assert_eq!(all[3].members, ["en1"]);
    assert_eq!(all[4].lower.as_deref(), Some("en0"));
    assert_eq!((named("utun4").index, named("utun4").mtu), (25, 1280));
    assert_eq!(named("utun4").owner, Owner::NetworkExtension);
    assert_eq!(named("utun5").owner, Owner::Apple);
    assert_eq!(all[5].agents[1].description, "VPN: corp");
    assert_eq!(
        all[6].agents[0].description,
        "IDSNexusAgent ids501 : clientchannel"
    );
}

#[test]
fn addresses_are_read_with_what_is_said_of_them() {
    let all = laptop();
    let told: Vec<String> = all
        .iter()
        .flat_map(|one| &one.addresses)
        .map(|one| {
            let peer = one.peer.map(|peer| format!(" to {peer}"));
            let dynamic = if one.dynamic { " dynamic" } else { "" };
            let secondary = if one.secondary { " secondary" } else { "" };
            let (dev, local, scope) = (&one.dev, one.local, one.scope);
            format!(
                "{dev} {local}{} {scope}{dynamic}{secondary}",
                peer.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "lo0 127.0.0.1/8 254",
            "lo0 ::1/128 254",
            "lo0 fe80::1/64 253",
            "en0 fe80::10/64 253",
            "en0 192.168.1.17/24 0",
            "en0 192.168.1.18/24 0 secondary",
            "en0 2001:db8::17/64 0 dynamic",
            "en0 2001:db8::18/64 0 dynamic secondary",
            "utun4 10.8.0.6/32 to 10.8.0.5 0",
            "utun4 fd00::6/128 to fd00::5 0",
            "utun5 10.9.0.6/32 0",
        ]
    );
}

#[test]
fn what_is_not_understood_is_handed_back_by_line() {
    let (all, left_out) = parse(
        "\tinet 10.0.0.1 netmask 0xff000000\nen0: flags=8863<UP> mtu 1500\n\tinet 10.0.x.x \
         netmask 0xff000000\n\tinet 10.0.0.1 netmask 0xff00ff00\n\tinet6 fe80::1%en0 scopeid \
         0x4\n\tstatus: maybe\n\tether aa:bb\n\tsomething new\nen1: flags=zz<UP> mtu 1500\n\tinet \
         10.0.0.1 netmask 0xff000000\n",
    );
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].addresses, []);
    let told: Vec<(usize, &str)> = left_out
        .iter()
        .map(|one| (one.line, one.expected))
        .collect();
    assert_eq!(
        told,
        [
            (1, "a link before it"),
            (3, "an IPv4 address and its netmask"),
            (4, "an IPv4 address and its netmask"),
            (5, "an IPv6 address and the length of its prefix"),
            (6, "`active` or `inactive`"),
            (7, "a hardware address"),
            (8, "what ifconfig prints of a link"),
            (9, "a link, its flags and its MTU"),
            (10, "a link before it"),
        ]
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "(\\PC|\n|\t|en0: flags=8863<UP> mtu 1500|inet6? |netmask 0x|prefixlen |agent domain:|desc:\"|-->)*",
    ) {
        let _ = parse(&text);
    }

    #[test]
    fn any_lines_of_the_tool_in_any_order_are_read_or_refused(
        lines in prop::collection::vec(prop::sample::select(LAPTOP.lines().collect::<Vec<_>>()), 0..40),
    ) {
        let heads = lines.iter().filter(|line| !line.starts_with('\t')).count();
        prop_assert_eq!(parse(&lines.join("\n")).0.len(), heads);
    }
}
