//! Socket addresses: padding, masks that are cut short, links within addresses.

use std::net::{IpAddr, Ipv4Addr};

use netprof_macos::route::Malformed;
use netprof_macos::route::sockaddr::{Sockaddrs, Zoned, has_zone};

use crate::Test;
use crate::kernel::{DST, GATE, MASK, Slots, kame, mask, sdl, sin, sin6};

pub(crate) const TESTS: &[Test] = &[
    ("an_address_of_length_zero_takes_four_bytes", zero_length),
    ("masks_are_read_however_they_are_cut", cut_masks),
    ("a_mask_with_holes_is_no_prefix", holes),
    ("a_link_within_an_address_is_taken_out", kame_both_ways),
    ("a_link_is_read_with_name_and_hardware", links),
    ("what_does_not_fit_is_refused", bounds),
    ("the_last_mask_may_have_no_bytes", last_mask),
];

/// The bytes of socket addresses one behind the other, and their bits.
fn list(slots: &Slots) -> (u32, Vec<u8>) {
    let bits = slots.iter().map(|(place, _)| 1 << place).sum();
    let mut bytes = Vec::new();
    for (_, one) in slots {
        bytes.extend_from_slice(one);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    (bits, bytes)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn zero_length() {
    // A default route of IPv6 whose destination has no length, only a family.
    let (bits, bytes) = list(&vec![
        (DST, vec![0, 30, 0, 0]),
        (GATE, kame("fe80::1".parse().unwrap(), 33)),
        (MASK, mask(false, 48, 0)),
    ]);
    assert_eq!(bytes.len(), 4 + 28 + 16);
    let all = Sockaddrs::read(bits, &bytes).unwrap();
    let dst = all.get(1).unwrap();
    assert!(dst.is_empty());
    assert_eq!(dst.family(), 30);
    let gateway = all.get(2).unwrap().ip().unwrap();
    let there = Zoned {
        ip: ip("fe80::1"),
        zone: 33,
    };
    assert_eq!(gateway, Some(there));
    assert_eq!(all.get(4).unwrap().prefix(30), Ok(48));
    assert_eq!(all.get(8), None);
}

fn cut_masks() {
    for left in [0, 2, 30, 0xff] {
        for prefix in 0..=32 {
            let (bits, bytes) = list(&vec![(MASK, mask(true, prefix, left))]);
            let all = Sockaddrs::read(bits, &bytes).unwrap();
            assert_eq!(all.get(4).unwrap().prefix(2), Ok(prefix), "{bytes:?}");
        }
        for prefix in 0..=128 {
            let (bits, bytes) = list(&vec![(MASK, mask(false, prefix, left))]);
            let all = Sockaddrs::read(bits, &bytes).unwrap();
            assert_eq!(all.get(4).unwrap().prefix(30), Ok(prefix), "{bytes:?}");
        }
    }
    // At its full length, and with nothing but a family, as a writer may say it.
    let full = sin(Ipv4Addr::new(255, 240, 0, 0));
    let (bits, bytes) = list(&vec![(MASK, full)]);
    let all = Sockaddrs::read(bits, &bytes).unwrap();
    assert_eq!(all.get(4).unwrap().prefix(2), Ok(12));
    let full = sin6("ffff:ffff:fe00::".parse().unwrap(), 0);
    let (bits, bytes) = list(&vec![(MASK, full)]);
    let all = Sockaddrs::read(bits, &bytes).unwrap();
    assert_eq!(all.get(4).unwrap().prefix(30), Ok(39));
    let all = Sockaddrs::read(4, &[2, 30, 0, 0]).unwrap();
    assert_eq!(all.get(4).unwrap().prefix(30), Ok(0));
}

fn holes() {
    for bytes in [
        [255, 0, 255, 0],
        [255, 253, 0, 0],
        [0, 0, 0, 1],
        [127, 0, 0, 0],
    ] {
        let full = sin(Ipv4Addr::from(bytes));
        let (bits, list) = list(&vec![(MASK, full)]);
        let all = Sockaddrs::read(bits, &list).unwrap();
        assert_eq!(all.get(4).unwrap().prefix(2), Err(Malformed::Netmask));
    }
}

fn kame_both_ways() {
    let read = |bytes: Vec<u8>| {
        let (bits, bytes) = list(&vec![(DST, bytes)]);
        let all = Sockaddrs::read(bits, &bytes).unwrap();
        all.get(1).unwrap().ip().unwrap().unwrap()
    };
    for (text, local) in [
        ("fe80::", true),
        ("fe80::cafe:1", true),
        ("febf::1", true),
        ("ff02::fb", true),
        ("ff01::1", true),
        ("ff12::1", true),
        ("fec0::1", false),
        ("ff05::1", false),
        // Unicast-based (RFC 3306): what stands there is the length of a prefix.
        ("ff32:40:2001:db8::1", false),
        ("ff31::1", false),
        ("fd00::1", false),
        ("2001:db8::1", false),
    ] {
        let address = text.parse().unwrap();
        assert_eq!(has_zone(address), local, "{text}");
        if local {
            let zoned = Zoned {
                ip: ip(text),
                zone: 513,
            };
            assert_eq!(read(kame(address, 513)), zoned, "{text}");
            assert_eq!(read(sin6(address, 513)), zoned, "{text}");
        } else {
            let plain = Zoned {
                ip: ip(text),
                zone: 0,
            };
            assert_eq!(read(sin6(address, 7)), plain, "{text}");
        }
    }
    // What only looks like a link stays.
    assert_eq!(
        read(sin6("fd00:21::1".parse().unwrap(), 0)).ip,
        ip("fd00:21::1")
    );
}

fn links() {
    let mac = [2, 0, 0x5e, 0, 0x53, 0x13];
    let (bits, bytes) = list(&vec![(GATE, sdl(0x1234, "vmenet12", &mac))]);
    let all = Sockaddrs::read(bits, &bytes).unwrap();
    let link = all.get(2).unwrap().link().unwrap().unwrap();
    assert_eq!(link.index, 0x1234);
    assert_eq!(link.name, b"vmenet12");
    assert_eq!(link.hardware, mac);
    assert_eq!(all.get(2).unwrap().ip(), Ok(None));
    let (bits, bytes) = list(&vec![(GATE, sin(Ipv4Addr::LOCALHOST))]);
    let all = Sockaddrs::read(bits, &bytes).unwrap();
    assert_eq!(all.get(2).unwrap().link(), Ok(None));
}

fn bounds() {
    let refused = |bits, bytes: &[u8]| Sockaddrs::read(bits, bytes).is_err();
    assert!(refused(1, &[1, 2, 0, 0]));
    assert!(refused(1, &[16, 2, 0, 0]));
    assert!(refused(0x100, &[]));
    assert!(refused(3, &[4, 2, 0, 0, 9, 2, 0, 0]));
    let of = |bytes: &'static [u8]| Sockaddrs::read(1, bytes).unwrap().get(1).unwrap();
    assert!(of(&[7, 2, 0, 0, 10, 0, 0, 0]).ip().is_err());
    assert!(of(&[8, 30, 0, 0, 0, 0, 0, 0]).ip().is_err());
    assert!(of(&[8, 18, 0, 0, 0, 1, 0, 0]).link().is_err());
    assert!(of(&[8, 18, 0, 0, 0, 0, 1, 0]).link().is_err());
    assert!(of(&[4, 18, 0, 0]).link().is_err());
}

fn last_mask() {
    // rt_msg1 leaves out the padding of the last one.
    let mut bytes = sin(Ipv4Addr::UNSPECIFIED);
    let all = Sockaddrs::read(0b101, &bytes).unwrap();
    assert_eq!(all.get(4).unwrap().prefix(2), Ok(0));
    bytes.extend_from_slice(&[7, 0xff, 0xff, 0xff, 255, 255, 255]);
    let all = Sockaddrs::read(0b101, &bytes).unwrap();
    assert_eq!(all.get(4).unwrap().prefix(2), Ok(24));
    // Nothing else may be left out.
    assert_eq!(Sockaddrs::read(0b11, &bytes[..16]).unwrap().get(2), None);
}
