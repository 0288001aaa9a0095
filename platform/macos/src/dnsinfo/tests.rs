use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn read(memory: &dyn Memory, address: u64) -> Result<ResolverList, Error> {
    // SAFETY: both kinds of memory below are no memory, and any address will do.
    unsafe { super::read(memory, address) }
}

/// Memory that a test lays out, one piece after another with a gap between.
#[derive(Default)]
struct Laid {
    pieces: BTreeMap<u64, Vec<u8>>,
    reads: Cell<usize>,
}

impl Memory for Laid {
    unsafe fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.reads.set(self.reads.get() + 1);
        let Some((start, piece)) = self.pieces.range(..=address).next_back() else {
            return false;
        };
        let offset = usize::try_from(address - start).unwrap();
        match piece.get(offset..offset + buffer.len()) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

impl Laid {
    fn add(&mut self, bytes: Vec<u8>) -> u64 {
        let end = self.pieces.iter().next_back();
        let address = end.map_or(0x1_0000, |(at, piece)| at + piece.len() as u64 + 64);
        self.pieces.insert(address, bytes);
        address
    }

    fn text(&mut self, text: &str) -> u64 {
        self.add([text.as_bytes(), &[0]].concat())
    }

    fn list(&mut self, all: &[u64]) -> (i32, u64) {
        let bytes = all.iter().flat_map(|one| one.to_le_bytes()).collect();
        (i32::try_from(all.len()).unwrap(), self.add(bytes))
    }

    fn texts(&mut self, all: &[&str]) -> (i32, u64) {
        let all: Vec<u64> = all.iter().map(|one| self.text(one)).collect();
        self.list(&all)
    }

    fn head(&mut self, lists: [(i32, u64); 3], version: u32) -> u64 {
        let mut head = vec![0; 48];
        for (offset, (count, list)) in [0, 12, 32].into_iter().zip(lists) {
            put(&mut head, offset, &count.to_le_bytes());
            put(&mut head, offset + 4, &list.to_le_bytes());
        }
        put(&mut head, 24, &7_u64.to_le_bytes());
        put(&mut head, 44, &version.to_le_bytes());
        self.add(head)
    }
}

fn put(bytes: &mut [u8], offset: usize, part: &[u8]) {
    bytes[offset..offset + part.len()].copy_from_slice(part);
}

fn inet(address: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![16, 2, 0, 53];
    bytes.extend(address);
    bytes.extend([0; 8]);
    bytes
}

fn inet6(address: &str, scope: u32) -> Vec<u8> {
    let mut bytes = vec![28, 30, 0, 53, 0, 0, 0, 0];
    bytes.extend(address.parse::<std::net::Ipv6Addr>().unwrap().octets());
    bytes.extend(scope.to_le_bytes());
    bytes
}

type Set = fn(&mut Resolver);

/// Each flag of `dnsinfo.h`, and the field that it alone sets.
const FLAGS: [(u32, Set); 5] = [
    (0x2, |one| one.requests_a = true),
    (0x4, |one| one.requests_aaaa = true),
    (0x1000, |one| one.scoped = true),
    (0x2000, |one| one.service_specific = true),
    (0x4000, |one| one.supplemental = true),
];

/// A list with every field in use, each at the offset of `dnsinfo.h`.
fn full(memory: &mut Laid) -> u64 {
    let domain = memory.text("corp.example.com");
    let servers = [
        memory.add(inet([10, 0, 0, 53])),
        memory.add(inet6("2001:db8::53", 0)),
        memory.add(inet6("fe80::1", 12)),
        // Embedded by the kernel, and of another link.
        memory.add(inet6("fe80:d::1", 0)),
    ];
    let servers = memory.list(&servers);
    let search = memory.texts(&["corp.example.com", ""]);
    let sort = memory.add(vec![10, 0, 0, 0, 255, 0, 0, 0]);
    let sort = memory.list(&[sort]);
    let options = memory.text("debug");
    let name = memory.text("en0");
    let mut one = vec![0; 96];
    put(&mut one, 0, &domain.to_le_bytes());
    put(&mut one, 8, &servers.0.to_le_bytes());
    put(&mut one, 12, &servers.1.to_le_bytes());
    put(&mut one, 20, &5353_u16.to_le_bytes());
    put(&mut one, 24, &search.0.to_le_bytes());
    put(&mut one, 28, &search.1.to_le_bytes());
    put(&mut one, 36, &sort.0.to_le_bytes());
    put(&mut one, 40, &sort.1.to_le_bytes());
    put(&mut one, 48, &options.to_le_bytes());
    put(&mut one, 56, &5_u32.to_le_bytes());
    put(&mut one, 60, &100_000_u32.to_le_bytes());
    put(&mut one, 64, &12_u32.to_le_bytes());
    put(&mut one, 68, &0x7006_u32.to_le_bytes());
    put(&mut one, 72, &0x2_0002_u32.to_le_bytes());
    put(&mut one, 76, &9_u32.to_le_bytes());
    put(&mut one, 88, &name.to_le_bytes());
    let one = memory.add(one);
    let bare = memory.add(vec![0; 96]);
    let flagged = FLAGS.map(|(bit, _)| {
        let mut one = vec![0; 96];
        put(&mut one, 68, &u32::to_le_bytes(bit));
        memory.add(one)
    });
    let general = memory.list(&[one, bare]);
    let scoped = memory.list(&[bare]);
    let service_specific = memory.list(&flagged);
    memory.head([general, scoped, service_specific], VERSION)
}

#[test]
fn every_field_is_read_from_its_offset() {
    let mut memory = Laid::default();
    let head = full(&mut memory);
    let list = read(&memory, head).expect("it is whole");
    assert_eq!(
        list.resolvers[0],
        Resolver {
            domain: Some("corp.example.com".to_owned()),
            search: vec!["corp.example.com".to_owned(), String::new()],
            nameservers: ["10.0.0.53", "2001:db8::53", "fe80::1%en0", "fe80::1%13"]
                .map(str::to_owned)
                .to_vec(),
            sort: vec!["10.0.0.0/255.0.0.0".to_owned()],
            options: Some("debug".to_owned()),
            port: Some(5353),
            timeout: Some(5),
            link: Some((12, Some("en0".to_owned()))),
            service_identifier: Some(9),
            scoped: true,
            service_specific: true,
            supplemental: true,
            requests_a: true,
            requests_aaaa: true,
            reach: Some(0x2_0002),
            order: 100_000,
        }
    );
    let bare = Resolver {
        reach: Some(0),
        ..Resolver::default()
    };
    assert_eq!(list.resolvers[1], bare);
    let flagged = FLAGS.map(|(_, set)| {
        let mut one = bare.clone();
        set(&mut one);
        one
    });
    assert_eq!(list.scoped, [bare]);
    assert_eq!(list.service_specific, flagged);
}

#[test]
fn another_version_of_the_layout_is_not_read() {
    let mut memory = Laid::default();
    let head = memory.head([(1, 0x1000), (0, 0), (0, 0)], VERSION + 1);
    assert_eq!(read(&memory, head), Err(Error::Version(VERSION + 1)));
    assert_eq!(memory.reads.get(), 1);
}

#[test]
fn counts_and_pointers_that_cannot_be_are_refused() {
    let mut memory = Laid::default();
    let head = memory.head([(-1, 0), (0, 0), (0, 0)], VERSION);
    assert_eq!(
        read(&memory, head).expect_err("no list").to_string(),
        "the resolver list has -1 resolvers"
    );
    let head = memory.head([(0, 0), (i32::MAX, 0x1_0000), (0, 0)], VERSION);
    assert_eq!(
        read(&memory, head).expect_err("no list").to_string(),
        "the resolver list has 2147483647 scoped resolvers"
    );
    for nowhere in [0, 8, 0xdead_0000, u64::MAX - 3] {
        let head = memory.head([(1, nowhere), (0, 0), (0, 0)], VERSION);
        assert_eq!(
            read(&memory, head),
            Err(Error::Unreadable {
                what: "resolvers",
                address: nowhere
            })
        );
        assert!(read(&memory, nowhere).is_err());
    }
}

fn with_server(server: Vec<u8>) -> Result<ResolverList, Error> {
    let mut memory = Laid::default();
    let server = memory.add(server);
    let servers = memory.list(&[server]);
    let mut one = vec![0; 96];
    put(&mut one, 8, &servers.0.to_le_bytes());
    put(&mut one, 12, &servers.1.to_le_bytes());
    let one = memory.add(one);
    let list = memory.list(&[one]);
    let head = memory.head([list, (0, 0), (0, 0)], VERSION);
    read(&memory, head)
}

#[test]
fn an_address_of_neither_family_or_cut_short_is_refused() {
    let mut bytes = inet([10, 0, 0, 1]);
    bytes[1] = 18;
    assert_eq!(
        with_server(bytes),
        Err(Error::Address {
            family: 18,
            length: 16
        })
    );
    let mut bytes = inet6("::1", 0);
    bytes[0] = 24;
    assert_eq!(
        with_server(bytes),
        Err(Error::Address {
            family: 30,
            length: 24
        })
    );
    let mut cut = inet([10, 0, 0, 1]);
    cut.truncate(6);
    assert!(matches!(with_server(cut), Err(Error::Unreadable { .. })));
}

#[test]
fn a_text_without_an_end_or_that_is_none_is_refused() {
    for bytes in [vec![b'a'; 1 << 14], vec![0xff, 0]] {
        let mut memory = Laid::default();
        let domain = memory.add(bytes);
        let mut one = vec![0; 96];
        put(&mut one, 0, &domain.to_le_bytes());
        let one = memory.add(one);
        let list = memory.list(&[one]);
        let head = memory.head([list, (0, 0), (0, 0)], VERSION);
        assert_eq!(read(&memory, head), Err(Error::Text("domain")));
    }
}

/// Memory in which every address reads as the same few bytes over and over: each pointer
/// leads somewhere, and each count is believable.
struct Everywhere(Vec<u8>);

impl Memory for Everywhere {
    unsafe fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        for (byte, at) in buffer.iter_mut().zip(address..) {
            *byte = self.0[usize::try_from(at % self.0.len() as u64).unwrap()];
        }
        true
    }
}

#[test]
fn a_list_that_leads_into_itself_ends_by_its_length() {
    // Every resolver is the same one, and has the greatest number of servers.
    let mut memory = Laid::default();
    let server = memory.add(inet6("2001:db8::1", 0));
    let entries = usize::try_from(Reader::ENTRIES).unwrap();
    let servers = memory.list(&vec![server; entries]);
    let mut one = vec![0; 96];
    put(&mut one, 8, &servers.0.to_le_bytes());
    put(&mut one, 12, &servers.1.to_le_bytes());
    let one = memory.add(one);
    let list = memory.list(&vec![one; entries]);
    let head = memory.head([list, list, list], VERSION);
    assert_eq!(read(&memory, head), Err(Error::TooLong));
    assert!(memory.reads.get() <= Reader::MOST);
}

proptest! {
    #[test]
    fn any_memory_is_read_or_refused(
        pattern in prop::collection::vec(any::<u8>(), 1..128),
        address: u64,
    ) {
        let _ = read(&Everywhere(pattern), address);
    }

    /// The head is right, so the walk begins; then any bytes may have been flipped.
    #[test]
    fn any_damage_is_read_or_refused(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let mut memory = Laid::default();
        let head = full(&mut memory);
        for (piece, offset, byte) in damage {
            let key = *piece.get(&memory.pieces.keys().copied().collect::<Vec<_>>());
            let bytes = memory.pieces.get_mut(&key).unwrap();
            let offset = offset.index(bytes.len());
            bytes[offset] = byte;
        }
        let _ = read(&memory, head);
        prop_assert!(memory.reads.get() <= Reader::MOST);
    }
}
