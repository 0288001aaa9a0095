//! The routing table.

use netprof_macos::route::{Malformed, Names, read_routes};
use netprof_model::route::{Hop, OpaqueAttribute, Protocol, Route, RouteKind, rtf};
use netprof_plan::macos::put_back::{self, NotExact, attribute};

use crate::Test;
use crate::kernel::{
    self, CLONING, DONE, DST, GATE, GATEWAY, GLOBAL, HOST, IFA, IFSCOPE, MASK, PRCLONING, STATIC,
    Slots, UP, WASCLONED, mask, sdl, sin,
};
use crate::rows::Table;

pub(crate) const TESTS: &[Test] = &[
    ("a_laptops_table_is_read_row_by_row", laptop),
    ("the_source_address_of_a_route_is_not_read", sourced),
    ("what_the_kernel_sets_by_itself_is_dropped", volatile),
    ("a_connected_network_does_not_expire", expires),
    ("only_locked_metrics_are_kept", metrics),
    ("what_drops_has_a_hop_too", drops),
    (
        "a_gateway_on_another_link_is_kept_beside_the_hop",
        other_link,
    ),
    ("a_single_address_says_how_it_is_written", single),
    ("marks_of_a_redirect_are_kept", redirect),
    (
        "a_default_without_mask_or_length_is_a_default",
        bare_default,
    ),
    ("other_families_and_kinds_are_counted", others),
    ("a_route_that_has_no_words_is_left_out_and_named", unread),
    ("another_version_is_refused", version),
    ("a_dump_that_is_cut_anywhere_is_refused", cut),
];

const EN0: u16 = 11;
const UTUN4: u16 = 25;

fn names() -> Names {
    let mut names = Names::default();
    for (index, name) in [(1, "lo0"), (EN0, "en0"), (UTUN4, "utun4")] {
        names.insert(index.into(), name);
    }
    names
}

fn ip4(text: &str) -> Vec<u8> {
    sin(text.parse().unwrap())
}

fn net(dst: &str, prefix: u8, gateway: Vec<u8>) -> Slots {
    vec![
        (DST, ip4(dst)),
        (GATE, gateway),
        (MASK, mask(true, prefix, 0)),
    ]
}

fn only(message: &[u8]) -> Route {
    let all = read_routes(message, &names(), 0).unwrap();
    let [route] = all.routes.try_into().unwrap();
    route
}

fn opaque(kind: u16, value: &str) -> OpaqueAttribute {
    OpaqueAttribute {
        kind,
        value: value.to_owned(),
    }
}

const LAPTOP: &str = "
Internet:
Destination        Gateway            Flags               Netif Expire
default            192.168.7.1        UGScg                 en0
default            link#25            UCSIg               utun4
default            10.8.0.1           UGScIg              utun6
0/1                10.8.0.5           UGScg               utun6
128.0/1            10.8.0.5           UGSc                utun6
10                 link#25            UCS                 utun4
10.99.192/18       link#25            UCS                 utun4
10.8.0.5           10.8.0.6           UH                  utun6
10.60.35.50        link#25            UHWIi               utun4
100.64/10          utun4              USc                 utun4
127                127.0.0.1          UCS                   lo0
127.0.0.1          127.0.0.1          UH                    lo0
169.254            link#11            UCS                   en0      !
172.20.0/14        192.168.7.254      UG1Sc                 en0
192.0.2            127.0.0.1          UGRSc                 lo0
198.51.100.7/32    192.168.7.1        UGSc                  en0
198.51.100.8       192.168.7.1        UGHS                  en0
198.51.100.9       192.168.7.1        UGHD                  en0
192.168.7          link#11            UCS                   en0      !
192.168.7.1/32     link#11            UCS                   en0      !
192.168.7.1        2:0:5e:0:53:32     UHLWIir               en0   1196
192.168.7.9        02:00:5e:00:53:09  UHLS                  en0
224.0.0/4          link#11            UmCS                  en0      !
255.255.255.255/32 link#11            UCS                   en0      !

Internet6:
Destination                             Gateway                         Flags               Netif Expire
default                                 fe80::1%en0                     UGcg                  en0
default                                 fe80::%utun6                    UGcIg               utun6
::1                                     ::1                             UHL                   lo0
fd00:7::/64                             link#11                         UC                    en0
fd00:7::20                              02:00:5e:00:53:02               UHL                   lo0
fd00:9::/48                             fe80::9%en0                     UGSc                  en0
fd00:a::/48                             fe80::9%en0                     UGSc                utun6
fe80::%lo0/64                           fe80::1%lo0                     UcI                   lo0
fe80::1%lo0                             link#1                          UHLI                  lo0
fe80::%en0/64                           link#11                         UCI                   en0
fe80::20%en0                            02:00:5e:00:53:02               UHLI                  lo0
fe80::%utun6/64                         fe80::cafe%utun6                UcI                 utun6
ff00::/8                                ::1                             UmCI                  lo0
ff02::%en0/32                           link#11                         UmCI                  en0
";

fn laptop() {
    let table = Table::read(LAPTOP);
    assert_eq!(table.rows.len(), 38);
    let all = read_routes(&table.dump(), &table.names(), 0).unwrap();
    assert_eq!(all.routes.len(), 36);
    assert_eq!((all.clones, all.others), (2, 0));
    table.hold_against(&all.routes);
}

fn sourced() {
    let mut slots = net("10.0.0.0", 8, ip4("192.168.7.1"));
    let without = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC, &slots));
    slots.push((IFA, ip4("192.168.7.20")));
    let with = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC, &slots));
    assert_eq!(with, without);
}

fn volatile() {
    let slots = net("0.0.0.0", 0, ip4("192.168.7.1"));
    let bare = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC, &slots));
    let passing = DONE | PRCLONING | GLOBAL | 0x4_0000 | 0x400_0000 | 0x1000_0000;
    let full = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC | passing, &slots));
    assert_eq!(bare, full);
    assert_eq!(bare.spec.flags, rtf::STATIC);
    assert_eq!(bare.spec.protocol, Protocol::STATIC);
    assert!(bare.key.is_default());
    assert_eq!(put_back::can_put_back(&bare), Ok(()));
}

fn expires() {
    let left = |flags, at, now| {
        let slots = net("10.0.0.0", 8, sdl(EN0, "", &[]));
        let message = kernel::expiring(kernel::rt(4, EN0, flags, &slots), at);
        let all = read_routes(&message, &names(), now).unwrap();
        all.routes[0].live.expires
    };
    assert_eq!(left(UP | STATIC, 0, 1000), None);
    assert_eq!(left(UP | STATIC, 1060, 1000), Some(60));
    assert_eq!(left(UP | STATIC, 900, 1000), Some(0));
    assert_eq!(left(UP | STATIC, i32::MAX, i64::MIN), Some(u32::MAX));
    assert_eq!(left(UP | STATIC | CLONING, 900, 1000), None);
    assert_eq!(left(UP | STATIC | CLONING, 1060, 1000), None);
}

fn metrics() {
    let slots = net("10.0.0.0", 8, sdl(UTUN4, "", &[]));
    let plain = kernel::rt(4, UTUN4, UP | STATIC, &slots);
    let mut unlocked = plain.clone();
    unlocked[40..44].copy_from_slice(&1380u32.to_le_bytes());
    assert_eq!(only(&unlocked).spec.opaque, []);
    let both = kernel::locked(kernel::locked(plain, 0, 1380), 6, 0x0a0b);
    let route = only(&both);
    assert_eq!(
        route.spec.opaque,
        [opaque(attribute::MTU, "64050000"), opaque(0x40, "0b0a0000")]
    );
    assert_eq!(put_back::can_put_back(&route), Ok(()));
    let lasting = kernel::locked(both, 2, 77);
    assert_eq!(only(&lasting).spec.opaque.len(), 2);
}

fn drops() {
    let flags = UP | GATEWAY | STATIC | 8;
    let here = only(&kernel::rt(
        4,
        1,
        flags,
        &net("192.0.2.0", 24, ip4("127.0.0.1")),
    ));
    assert_eq!(here.spec.kind, RouteKind::Unreachable);
    let hop = Hop::through("lo0", Some("127.0.0.1".parse().unwrap()));
    assert_eq!(here.spec.hops, [hop]);
    let there = only(&kernel::rt(
        4,
        EN0,
        flags,
        &net("192.0.2.0", 24, ip4("192.168.7.1")),
    ));
    let hop = Hop::through("en0", Some("192.168.7.1".parse().unwrap()));
    assert_eq!(there.spec.hops, [hop]);
    let silent = UP | GATEWAY | STATIC | 0x1000;
    let silent = only(&kernel::rt(
        4,
        1,
        silent,
        &net("192.0.2.0", 24, ip4("127.0.0.1")),
    ));
    assert_eq!(silent.spec.kind, RouteKind::Blackhole);
    // By the link itself, and with both flags: read, and not taken for the same.
    let link = kernel::rt(
        4,
        1,
        UP | STATIC | 8,
        &net("192.0.2.0", 24, sdl(1, "", &[])),
    );
    assert_eq!(only(&link).spec.hops, [Hop::through("lo0", None)]);
    let both = kernel::rt(
        4,
        1,
        flags | 0x1000,
        &net("192.0.2.0", 24, ip4("127.0.0.1")),
    );
    assert_eq!(
        only(&both).spec.opaque,
        [opaque(attribute::FLAGS, "00100000")]
    );
}

fn other_link() {
    let gateway = kernel::kame("fe80::1".parse().unwrap(), EN0);
    let slots = vec![
        (DST, kernel::sin6("fd00::".parse().unwrap(), 0)),
        (GATE, gateway.clone()),
        (MASK, mask(false, 8, 0xff)),
    ];
    let same = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC, &slots));
    assert_eq!(same.gateway(), Some("fe80::1".parse().unwrap()));
    assert_eq!(same.spec.opaque, []);
    let other = only(&kernel::rt(4, UTUN4, UP | GATEWAY | STATIC, &slots));
    assert_eq!(other.gateway(), None);
    assert_eq!(other.spec.opaque[0].kind, attribute::GATEWAY);
    assert_eq!(other.spec.opaque[0].value.len(), 2 * gateway.len());
    assert_eq!(put_back::can_put_back(&other), Err(NotExact::ByAddress));
    let by_name = net("10.0.0.0", 8, sdl(0, "utun4", &[]));
    assert_eq!(only(&kernel::rt(4, UTUN4, UP, &by_name)).spec.opaque, []);
    let without = net("10.0.0.0", 8, Vec::new());
    let without = vec![without[0].clone(), without[2].clone()];
    let without = only(&kernel::rt(4, UTUN4, UP | GATEWAY, &without));
    assert_eq!(without.spec.opaque, [opaque(attribute::GATEWAY, "")]);
    let wrong = net("10.0.0.0", 8, sdl(EN0, "", &[]));
    let wrong = only(&kernel::rt(4, UTUN4, UP, &wrong));
    assert_eq!(wrong.spec.opaque[0].kind, attribute::GATEWAY);
}

fn single() {
    let said = |flags, slots: &Slots| {
        let route = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC | flags, slots));
        assert_eq!(route.key.dst, "198.51.100.7/32".parse().unwrap());
        route.spec.opaque.clone()
    };
    let masked = net("198.51.100.7", 32, ip4("192.168.7.1"));
    let bare: Slots = masked[..2].to_vec();
    assert_eq!(said(0, &masked), []);
    assert_eq!(said(CLONING, &masked), []);
    let by_host = [opaque(attribute::NETMASK, attribute::BY_HOST)];
    assert_eq!(said(HOST, &bare), by_host);
    assert_eq!(said(HOST | CLONING, &bare), by_host);
    // The flag alone decides (`rtrequest_common_locked` drops the mask beside it).
    assert_eq!(said(HOST, &masked), by_host);
    let neither = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC, &bare));
    let refused = Err(NotExact::Attribute(attribute::NETMASK));
    assert_eq!(put_back::can_put_back(&neither), refused);
}

fn redirect() {
    let slots = net("198.51.100.0", 24, ip4("192.168.7.1"));
    for (flag, why) in [
        (0x10, NotExact::Redirected),
        (0x20, NotExact::Redirected),
        (0x20_0000, NotExact::OwnAddress),
        (0x800_0000, NotExact::Flags(0x800_0000)),
        (0x8000_0000, NotExact::Flags(0x8000_0000)),
    ] {
        let route = only(&kernel::rt(4, EN0, UP | GATEWAY | STATIC | flag, &slots));
        assert_eq!(put_back::can_put_back(&route), Err(why), "{flag:#x}");
    }
}

fn bare_default() {
    for family in [30, 0] {
        let slots = vec![
            (DST, vec![0, family, 0, 0]),
            (GATE, kernel::kame("fe80::1".parse().unwrap(), EN0)),
            (MASK, vec![0, 0, 0, 0]),
        ];
        let route = only(&kernel::rt(4, EN0, UP | GATEWAY, &slots));
        assert_eq!(route.key.dst, "::/0".parse().unwrap());
        let route = only(&kernel::rt(4, EN0, UP | GATEWAY, &slots[..2].to_vec()));
        assert_eq!(route.key.dst, "::/0".parse().unwrap());
    }
    let nothing = vec![(DST, vec![0, 0, 0, 0])];
    let all = read_routes(&kernel::rt(4, EN0, UP, &nothing), &names(), 0).unwrap();
    assert_eq!(all.others, 1);
}

fn others() {
    let slots = net("10.0.0.0", 8, sdl(EN0, "", &[]));
    let dump = [
        kernel::rt(4, EN0, UP | WASCLONED | HOST, &slots),
        kernel::rt(4, EN0, UP | 0x200_0000, &slots),
        kernel::rt(4, EN0, UP, &vec![(DST, sdl(1, "", &[]))]),
        kernel::message(vec![0, 0, 5, 99, 0, 0, 0, 0], 4, &Vec::new()),
        kernel::rt(4, EN0, UP, &slots),
    ];
    let all = read_routes(&dump.concat(), &names(), 0).unwrap();
    assert_eq!((all.routes.len(), all.clones, all.others), (1, 1, 3));
}

fn unread() {
    let known = kernel::rt(4, EN0, UP, &net("10.0.0.0", 8, sdl(EN0, "", &[])));
    let slots = net("10.1.0.0", 16, sdl(7, "", &[]));
    let unknown = kernel::rt(4, 7, UP, &slots);
    let mut slots = net("10.2.0.0", 16, sdl(EN0, "", &[]));
    slots[2].1 = ip4("255.0.255.0");
    let holes = kernel::rt(4, EN0, UP, &slots);
    let all = read_routes(&[unknown, holes, known].concat(), &names(), 0).unwrap();
    assert_eq!(all.routes.len(), 1);
    assert_eq!(
        all.unread,
        [Malformed::UnknownLink(7), Malformed::Netmask],
        "each with why"
    );
    // A clone on it is no reason to read anew.
    let slots = net("10.0.0.0", 8, sdl(7, "", &[]));
    let clone = kernel::rt(4, 7, UP | WASCLONED | IFSCOPE, &slots);
    let all = read_routes(&clone, &names(), 0).unwrap();
    assert_eq!((all.clones, all.unread.len()), (1, 0));
}

fn version() {
    let mut message = kernel::rt(4, EN0, UP, &net("10.0.0.0", 8, sdl(EN0, "", &[])));
    message[2] = 4;
    assert_eq!(
        read_routes(&message, &names(), 0),
        Err(Malformed::Version(4))
    );
}

fn cut() {
    let table = Table::read(LAPTOP);
    let dump = table.dump();
    let names = table.names();
    let mut ends = vec![0];
    while let Some(at) = ends.last().copied().filter(|at| *at < dump.len()) {
        ends.push(at + usize::from(u16::from_le_bytes([dump[at], dump[at + 1]])));
    }
    for at in 0..=dump.len() {
        let read = read_routes(&dump[..at], &names, 0);
        assert_eq!(read.is_ok(), ends.contains(&at), "{at}");
    }
}
