use netprof_model::route::{Protocol, RouteKind};
use netprof_plan::macos::put_back::is_host;
use proptest::prelude::*;

use super::*;

const TABLE: &str = "\
Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.168.1.1        UGScg                 en0       
default            link#25            UCSIg               utun6       
0/1                utun0              UScg                utun0
10                 link#25            UCS                 utun6       
10.1/16            10.9.0.1           UGSc                utun4
169.254            link#14            UCS                   en0      !
172.16.3.4         127.0.0.1          UGHRS                 lo0       
192.168.1          link#14            UCS                   en0      !
192.168.1.1/32     link#14            UCS                   en0      !
192.168.1.1        2:0:5e:0:53:38     UHLWIir               en0   1196
224.0.0/4          link#14            UmCS                  en0      !
255.255.255.255/32 link#14            UCS                   en0      !

Internet6:
Destination                             Gateway                                 Flags               Netif Expire
default                                 fe80::1%en0                             UGcg                  en0       
default                                 fe80::%utun0                            UGcIg               utun0       
fe80::%utun0/64                         fe80::cc1f%utun0                        UcI                 utun0       
2001:db8:0:1::/64                       link#14                                 UC                    en0       
2001:db8:0:1::11                        link#14                                 UHLWI                 en0       
ff02::%en0/32                           link#14                                 UmCI                  en0       
";

fn text_of(text: &str) -> Vec<String> {
    let (routes, left_out) = routes(text);
    assert_eq!(left_out, []);
    routes
        .iter()
        .map(|route| {
            let via = route.gateway().map(|via| format!(" via {via}"));
            let dev: String = route.devices().map(|dev| format!(" dev {dev}")).collect();
            let kind = match route.spec.kind {
                RouteKind::Unicast => String::new(),
                other => format!(" {}", other.as_str()),
            };
            format!("{}{}{dev}{kind}", route.key, via.unwrap_or_default())
        })
        .collect()
}

#[test]
fn all_but_clones_are_routes() {
    assert_eq!(
        text_of(TABLE),
        [
            "route4 0.0.0.0/0 via 192.168.1.1 dev en0",
            "route4 0.0.0.0/0 ifscope utun6 dev utun6",
            "route4 0.0.0.0/1 dev utun0",
            "route4 10.0.0.0/8 dev utun6",
            "route4 10.1.0.0/16 via 10.9.0.1 dev utun4",
            "route4 169.254.0.0/16 dev en0",
            "route4 172.16.3.4/32 via 127.0.0.1 dev lo0 unreachable",
            "route4 192.168.1.0/24 dev en0",
            "route4 192.168.1.1/32 dev en0",
            "route4 224.0.0.0/4 dev en0",
            "route4 255.255.255.255/32 dev en0",
            "route6 ::/0 via fe80::1 dev en0",
            "route6 ::/0 ifscope utun0 via fe80:: dev utun0",
            "route6 fe80::/64 ifscope utun0 dev utun0",
            "route6 2001:db8:0:1::/64 dev en0",
            "route6 ff02::/32 ifscope en0 dev en0",
        ]
    );
}

#[test]
fn counters_stand_before_the_link_where_they_are_asked_for() {
    let (rows, left_out) = rows(
        "default  192.168.1.254  UGSc  83  24  1500  en0\n169.254  link#10  UCS  1  0  1500  en0 \
         !\n10  link#3  UCS  1  0  en1 753\n",
    );
    assert_eq!(left_out, []);
    assert_eq!(
        (rows[0].refs, rows[0].uses, rows[0].mtu),
        (Some(83), Some(24), Some(1500))
    );
    assert_eq!((rows[0].link, rows[0].expires), ("en0", None));
    assert_eq!((rows[1].mtu, rows[1].expires), (Some(1500), Some(0)));
    assert_eq!((rows[2].mtu, rows[2].expires), (None, Some(753)));
}

#[test]
fn classes_say_the_length_that_is_not_written() {
    for (text, flags, net) in [
        ("default", 0, "0.0.0.0/0"),
        ("10", 0, "10.0.0.0/8"),
        ("127", 0, "127.0.0.0/8"),
        ("169.254", 0, "169.254.0.0/16"),
        ("128.0/1", 0, "128.0.0.0/1"),
        ("191.255", 0, "191.255.0.0/16"),
        ("192.0.2", 0, "192.0.2.0/24"),
        ("192.168.1", 0, "192.168.1.0/24"),
        ("224.0.0/4", 0, "224.0.0.0/4"),
        ("100.64/10", 0, "100.64.0.0/10"),
        ("10.43.6/23", 0, "10.43.6.0/23"),
        ("10.0.0.1", rtf::HOST, "10.0.0.1/32"),
        // Only a host has all four numbers and no length.
        ("10.0.0.1", 0, "10.0.0.1/32"),
    ] {
        let net: ipnet::Ipv4Net = net.parse().unwrap();
        assert_eq!(v4(text, flags), Some(net), "{text}");
    }
    for text in [
        "",
        "x",
        "256",
        "1.2.3.4.5",
        "10/33",
        "10/",
        "+1",
        "10.1.x.x",
        "1.2&0xff00ff",
        "10.1.2/16",
    ] {
        assert_eq!(v4(text, 0), None, "{text}");
    }
}

#[test]
fn what_a_gateway_is_shows_in_its_form() {
    let address = |text: &str| Some(Gateway::Address(text.parse().unwrap(), None));
    assert_eq!(gateway("192.168.1.1"), address("192.168.1.1"));
    assert_eq!(gateway("::1"), address("::1"));
    assert_eq!(
        gateway("fe80::1%en0"),
        Some(Gateway::Address(
            "fe80::1".parse().unwrap(),
            Some("en0".to_owned())
        ))
    );
    assert_eq!(gateway("link#25"), Some(Gateway::Number(25)));
    assert_eq!(gateway("utun5"), Some(Gateway::Name("utun5".to_owned())));
    assert_eq!(
        gateway("2:0:5e:0:53:f"),
        Some(Gateway::Hardware([2, 0, 0x5e, 0, 0x53, 0xf]))
    );
    for text in [
        "",
        "192.168.x.x",
        "link#",
        "1:2:3:4:5",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:+6",
    ] {
        assert_eq!(gateway(text), None, "{text}");
    }
}

#[test]
fn a_gateway_on_another_link_or_of_another_family_is_none() {
    assert_eq!(
        text_of(
            "::/1  fe80::1%en1  UGc  en0\n::/2  fe80::1%en0  UGc  en0\n10  fe80::1%en0  UGc  en0\n"
        ),
        [
            "route6 ::/1 dev en0",
            "route6 ::/2 via fe80::1 dev en0",
            "route4 10.0.0.0/8 dev en0",
        ]
    );
}

#[test]
fn a_lifetime_is_that_of_a_route_that_goes() {
    let expires = |text: &str| routes(text).0[0].live.expires;
    assert_eq!(expires("10  10.0.0.1  UGS  en0  753\n"), Some(753));
    assert_eq!(expires("10  10.0.0.1  UGS  en0  !\n"), Some(0));
    assert_eq!(expires("10  link#4  UCS  en0  !\n"), None);
    assert_eq!(expires("10  link#4  UCS  en0\n"), None);
}

#[test]
fn the_mark_of_netprof_and_what_a_writer_said_are_kept() {
    let (routes, _) = routes("10  10.0.0.1  UGSc1  en0\n11  link#4  UCS3  en0\n");
    assert_eq!(routes[0].spec.protocol, Protocol::NETPROF);
    assert_eq!(routes[0].spec.flags, rtf::STATIC);
    assert_eq!(routes[1].spec.protocol, Protocol::STATIC);
    assert_eq!(routes[1].spec.flags, rtf::STATIC | rtf::CLONING);
}

#[test]
fn a_single_address_is_a_hosts_where_the_letter_says_so() {
    let hosts = |text: &str| {
        let (routes, left_out) = routes(text);
        assert_eq!(left_out, []);
        let said = routes.iter().map(|route| is_host(&route.spec));
        said.collect::<Vec<_>>()
    };
    let v4 =
        "10.0.0.1  10.0.0.2  UGHS  en0\n10.0.0.1/32  10.0.0.2  UGSc  en0\n10  link#4  UCS  en0\n";
    assert_eq!(hosts(v4), [true, false, false]);
    let v6 = "fd00::1  fd00::2  UGHS  en0\nfd00::1/128  fd00::2  UGS  en0\n";
    assert_eq!(hosts(v6), [true, false]);
}

#[test]
fn rows_without_a_heading_tell_their_family_by_an_address() {
    assert_eq!(
        text_of("default  fe80::%utun0  UGcIg  utun0\n::1  link#1  UHL  lo0\n"),
        [
            "route6 ::/0 ifscope utun0 via fe80:: dev utun0",
            "route6 ::1/128 dev lo0"
        ]
    );
    let (_, left_out) = routes("default  link#18  UCSg  utun3\n");
    assert_eq!(
        left_out[0].to_string(),
        "line 1: expected a heading or an address that tells the family, found `link#18`"
    );
}

#[test]
fn redacted_rows_are_left_out_by_line() {
    let (routes, left_out) = routes(
        "$ netstat -rn\nInternet:\ndefault  192.168.x.x  UGScIg  en0\n10.1.x.x  link#25  UHWIig  \
         utun6\n10.2.0.0/16  link#25  UCS  utun6\n10.3/16  link#25  UCS?  utun6\nsomething \
         else\n10.4/16  link#25  UCS  7  utun6\n10.5/16  link#25  UCS  utun6  soon\n",
    );
    assert_eq!(routes.len(), 1);
    let told: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 3: expected a gateway, found `192.168.x.x`",
            "line 4: expected a host, or a network without bits of one, found `10.1.x.x`",
            "line 6: expected letters of flags, found `UCS?`",
            "line 7: expected flags, found `something else`",
            "line 8: expected references, uses and an MTU, or none of them, found `10.4/16  \
             link#25  UCS  7  utun6`",
            "line 9: expected seconds or `!`, found `10.5/16  link#25  UCS  utun6  soon`",
        ]
    );
}

#[test]
fn no_letter_stands_for_two_flags() {
    let mut letters: Vec<char> = LETTERS.iter().map(|(letter, _)| *letter).collect();
    let bits = LETTERS.iter().fold(0, |bits, (_, bit)| bits | bit);
    letters.sort_unstable();
    letters.dedup();
    assert_eq!(letters.len(), LETTERS.len());
    assert_eq!(bits.count_ones() as usize, LETTERS.len());
}

/// How `netname` of network_cmds writes an IPv4 network.
fn netname(net: ipnet::Ipv4Net) -> String {
    if net.prefix_len() == 0 {
        return "default".to_owned();
    }
    let [a, b, c, d] = net.network().octets();
    let numbers = match (b, c, d) {
        (0, 0, 0) => format!("{a}"),
        (_, 0, 0) => format!("{a}.{b}"),
        (_, _, 0) => format!("{a}.{b}.{c}"),
        _ => format!("{a}.{b}.{c}.{d}"),
    };
    let class = match a {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    };
    match net.prefix_len() == class {
        true => numbers,
        false => format!("{numbers}/{}", net.prefix_len()),
    }
}

#[test]
fn a_large_table_takes_time_by_its_length() {
    let mut text = String::from("Internet:\n");
    for number in 0..100_000_u32 {
        let [_, b, c, d] = number.to_be_bytes();
        text.push_str(&format!("10.{b}.{c}.{d}/32  link#4  UCS  en0\n"));
    }
    let (routes, left_out) = routes(&text);
    assert_eq!((routes.len(), left_out.len()), (100_000, 0));
}

proptest! {
    #[test]
    fn every_network_that_is_abbreviated_is_read_back(bits: u32, length in 0_u8..=32) {
        let net = ipnet::Ipv4Net::new(Ipv4Addr::from(bits), length).unwrap().trunc();
        prop_assert_eq!(v4(&netname(net), 0), Some(net));
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in "(\\PC|\n|  |default|link#|UCS|en0|Internet6?:\n|fe80::|%|/|!)*",
    ) {
        let _ = routes(&text);
    }

    #[test]
    fn any_columns_are_read_or_refused(
        rows in prop::collection::vec(
            prop::collection::vec("[0-9a-f.:%/]{1,12}|link#[0-9]{1,11}|[A-Z]{1,5}|en[0-9]|!|default", 0..9),
            0..6,
        ),
    ) {
        let lines: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        let _ = routes(&lines.join("\n"));
    }
}
