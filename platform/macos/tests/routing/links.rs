//! Links and their addresses.

use netprof_macos::route::{Malformed, driver, read_links, scope};
use netprof_model::link::{Address, Link};

use crate::Test;
use crate::kernel::{self, BRD, IFA, IFP, MASK, mask, sdl, sin, sin6};

pub(crate) const TESTS: &[Test] = &[
    ("a_laptops_links_are_read_with_their_addresses", laptop),
    ("the_short_form_says_the_same", short_form),
    ("a_hardware_address_that_may_not_be_known_is_none", masked),
    ("an_address_without_its_link_is_refused", stray),
    ("a_driver_is_the_name_without_its_number", drivers),
    ("scopes_go_by_the_kind_of_address", scopes),
    ("a_list_that_is_cut_anywhere_is_refused", cut),
];

const EN: u32 = 0x8863;
const UTUN: u32 = 0x8051;
const LO: u32 = 0x8049;
const MAC: [u8; 6] = [2, 0, 0x5e, 0, 0x53, 2];

fn inet(index: u16, ip: &str, prefix: u8, other: &str) -> Vec<u8> {
    let slots = vec![
        (MASK, mask(true, prefix, 0)),
        (IFA, sin(ip.parse().unwrap())),
        (BRD, sin(other.parse().unwrap())),
    ];
    kernel::address(12, index, &slots)
}

fn inet6(index: u16, ip: &str, prefix: u8) -> Vec<u8> {
    let ip = ip.parse().unwrap();
    let own = if netprof_macos::route::sockaddr::has_zone(ip) {
        kernel::kame(ip, index)
    } else {
        sin6(ip, 0)
    };
    let bits = u128::MAX << (128 - u32::from(prefix));
    let slots = vec![(MASK, sin6(bits.into(), 0)), (IFA, own)];
    kernel::address(12, index, &slots)
}

fn list(long: bool) -> Vec<u8> {
    let group = vec![
        (IFP, sdl(11, "en0", &MAC)),
        (IFA, sin([224, 0, 0, 1].into())),
    ];
    let header = kernel::structure(20, &[(3, &[19]), (12, &[11])]);
    [
        kernel::link(long, 1, LO, 16384, "lo0", &[]),
        inet(1, "127.0.0.1", 8, "127.0.0.1"),
        kernel::link(long, 11, EN, 1500, "en0", &MAC),
        inet(11, "192.168.7.20", 24, "192.168.7.255"),
        inet6(11, "fe80::20", 64),
        inet6(11, "fd00:7::20", 64),
        kernel::message(header, 4, &group),
        kernel::link(long, 25, UTUN, 1380, "utun4", &[]),
        inet(25, "10.8.0.6", 32, "10.8.0.5"),
        kernel::link(long, 26, UTUN, 1300, "utun12", &[]),
        inet(26, "100.64.0.1", 32, "100.64.0.1"),
        kernel::link(long, 27, 0x8822, 1500, "awdl0", &MAC),
    ]
    .concat()
}

fn address(dev: &str, local: &str, scope: u8) -> Address {
    Address {
        dev: dev.to_owned(),
        local: local.parse().unwrap(),
        peer: None,
        scope,
        dynamic: false,
        secondary: false,
    }
}

fn laptop() {
    let all = read_links(&list(true)).unwrap();
    let mac = Some("02:00:5e:00:53:02".to_owned());
    let tunnel = |index, name: &str, mtu| Link {
        kind: Some("utun".to_owned()),
        mtu,
        ..Link::new(index, name)
    };
    let expected = [
        Link {
            loopback: true,
            mtu: 16384,
            ..Link::new(1, "lo0")
        },
        Link {
            mac: mac.clone(),
            ..Link::new(11, "en0")
        },
        tunnel(25, "utun4", 1380),
        tunnel(26, "utun12", 1300),
        Link {
            kind: Some("awdl".to_owned()),
            up: false,
            carrier: false,
            mac,
            ..Link::new(27, "awdl0")
        },
    ];
    assert_eq!(all.links, expected);
    let to_peer = Address {
        peer: Some("10.8.0.5".parse().unwrap()),
        ..address("utun4", "10.8.0.6/32", 0)
    };
    let expected = [
        address("lo0", "127.0.0.1/8", 254),
        address("en0", "192.168.7.20/24", 0),
        address("en0", "fe80::20/64", 253),
        address("en0", "fd00:7::20/64", 0),
        to_peer,
        // A link whose other end is itself has none.
        address("utun12", "100.64.0.1/32", 0),
    ];
    assert_eq!(all.addresses, expected);
    assert_eq!(all.others, 1);
    let names = all.names();
    assert_eq!(names.name(25), Ok("utun4"));
    assert_eq!(names.index("utun12"), Ok(26));
}

fn short_form() {
    assert_eq!(read_links(&list(true)), read_links(&list(false)));
}

fn masked() {
    for mac in [[2, 0, 0, 0, 0, 0], [0; 6]] {
        let all = read_links(&kernel::link(true, 11, EN, 1500, "en0", &mac)).unwrap();
        assert_eq!(all.links[0].mac, None);
    }
    let firewire = kernel::link(true, 12, EN, 4078, "fw0", &[9; 8]);
    assert_eq!(read_links(&firewire).unwrap().links[0].mac, None);
}

fn stray() {
    let mut bytes = kernel::link(true, 11, EN, 1500, "en0", &MAC);
    bytes.extend(inet(12, "10.0.0.1", 8, "10.255.255.255"));
    assert_eq!(read_links(&bytes), Err(Malformed::UnknownLink(12)));
    let nameless = kernel::link(true, 11, EN, 1500, "", &MAC);
    assert!(read_links(&nameless).is_err());
}

fn drivers() {
    for (name, expected) in [
        ("en0", None),
        ("en12", None),
        ("lo0", None),
        ("utun4319", Some("utun")),
        ("bridge100", Some("bridge")),
        ("vmenet0", Some("vmenet")),
        ("XHC20", Some("XHC")),
        ("7", None),
    ] {
        assert_eq!(driver(name), expected, "{name}");
    }
}

fn scopes() {
    for (ip, expected) in [
        ("127.0.2.1", 254),
        ("::1", 254),
        ("169.254.3.4", 253),
        ("fe80::1", 253),
        ("192.168.7.20", 0),
        ("fd00::1", 0),
    ] {
        assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
    }
}

fn cut() {
    let bytes = list(true);
    let mut ends = vec![0];
    while let Some(at) = ends.last().copied().filter(|at| *at < bytes.len()) {
        ends.push(at + usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]])));
    }
    for at in 0..=bytes.len() {
        assert_eq!(read_links(&bytes[..at]).is_ok(), ends.contains(&at), "{at}");
    }
}
