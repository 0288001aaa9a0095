//! Rows of `netstat -rn` as the kernel would dump them.
//!
//! netstat(1) prints what a dump holds (network_cmds, `netstat.tproj/route.c`), so a row
//! tells both the bytes that it came from and what must be found in them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_macos::route::Names;
use netprof_model::route::{Protocol, Route, RouteKind, rtf};
use netprof_plan::macos::put_back;

use crate::kernel::{self, DST, GATE, MASK, WASCLONED};

/// The letters of netstat(1), but for those that go with the kernel's version.
const LETTERS: [(char, u32); 24] = [
    ('U', 0x1),
    ('G', 0x2),
    ('H', 0x4),
    ('R', 0x8),
    ('D', 0x10),
    ('M', 0x20),
    ('d', 0x40),
    ('C', 0x100),
    ('X', 0x200),
    ('L', 0x400),
    ('S', 0x800),
    ('B', 0x1000),
    ('2', 0x4000),
    ('1', 0x8000),
    ('c', 0x1_0000),
    ('W', 0x2_0000),
    ('3', 0x4_0000),
    ('b', 0x40_0000),
    ('m', 0x80_0000),
    ('I', 0x100_0000),
    ('i', 0x400_0000),
    ('Y', 0x800_0000),
    ('r', 0x1000_0000),
    ('g', 0x4000_0000),
];

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) dst: IpNet,
    /// The link after `%` of the destination.
    zone: Option<String>,
    gateway: String,
    pub(crate) flags: u32,
    pub(crate) dev: String,
    line: String,
}

/// The rows of a listing, and the numbers of the links that it speaks of.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    indices: BTreeMap<String, u16>,
}

impl Table {
    /// Reads what netstat(1) printed; what is no row is passed over.
    pub(crate) fn read(text: &str) -> Self {
        let mut table = Self::default();
        let mut v4 = true;
        let mut netif = 3;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["Internet:"] => v4 = true,
                ["Internet6:"] => v4 = false,
                ["Destination", ..] => {
                    netif = words.iter().position(|word| *word == "Netif").unwrap();
                }
                [dst, gateway, letters, ..] if words.len() > netif => {
                    let Some(flags) = flags(letters) else {
                        continue;
                    };
                    // An excerpt may have lost its heading.
                    v4 &= !gateway.contains("::") && !dst.contains("::");
                    let Some((dst, zone)) = destination(dst, v4) else {
                        continue;
                    };
                    // Somebody wrote down no address.
                    if gateway.contains(".x") {
                        continue;
                    }
                    table.rows.push(Row {
                        dst,
                        zone,
                        gateway: (*gateway).to_owned(),
                        flags,
                        dev: words[netif].to_owned(),
                        line: line.to_owned(),
                    });
                }
                _ => {}
            }
        }
        table.number();
        table
    }

    /// Gives each link the number that a row tells, or one that is free.
    fn number(&mut self) {
        for row in &self.rows {
            let told = row.gateway.strip_prefix("link#");
            // An address of this host leads to lo0 by the number of its own link.
            if let (Some(told), false) = (told, row.dev == "lo0") {
                self.indices.insert(row.dev.clone(), told.parse().unwrap());
            }
        }
        self.indices.entry("lo0".to_owned()).or_insert(1);
        let others = self.rows.iter().flat_map(|row| {
            let zone = row.gateway.split_once('%').map(|(_, zone)| zone.to_owned());
            [Some(row.dev.clone()), row.zone.clone(), zone]
        });
        for name in others.flatten() {
            let free = 1 + self.indices.values().max().unwrap();
            self.indices.entry(name).or_insert(free.max(500));
        }
    }

    pub(crate) fn names(&self) -> Names {
        let mut names = Names::default();
        for (name, index) in &self.indices {
            names.insert((*index).into(), name);
        }
        names
    }

    /// The bytes that netstat(1) had.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.rows.iter().flat_map(|row| self.message(row)).collect()
    }

    fn message(&self, row: &Row) -> Vec<u8> {
        let v4 = row.dst.addr().is_ipv4();
        let sockaddr = |ip: IpAddr, zone: Option<&str>| match (ip, zone) {
            (IpAddr::V4(ip), _) => kernel::sin(ip),
            (IpAddr::V6(ip), None) => kernel::sin6(ip, 0),
            (IpAddr::V6(ip), Some(zone)) => kernel::kame(ip, self.indices[zone]),
        };
        let gateway = match row.gateway.strip_prefix("link#") {
            Some(index) => kernel::sdl(index.parse().unwrap(), "", &[]),
            // With a name, netstat(1) prints that.
            None if row.gateway == row.dev => kernel::sdl(self.indices[&row.dev], &row.dev, &[]),
            None => {
                let (ip, zone) = match row.gateway.split_once('%') {
                    Some((ip, zone)) => (ip, Some(zone)),
                    None => (row.gateway.as_str(), None),
                };
                match ip.parse() {
                    Ok(ip) => sockaddr(ip, zone),
                    Err(_) => kernel::sdl(self.indices[&row.dev], "", &hardware(ip)),
                }
            }
        };
        let mut slots = vec![
            (DST, sockaddr(row.dst.addr(), row.zone.as_deref())),
            (GATE, gateway),
        ];
        if row.flags & kernel::HOST == 0 {
            slots.push((MASK, kernel::mask(v4, row.dst.prefix_len(), 0xff)));
        }
        kernel::rt(4, self.indices[&row.dev], row.flags, &slots)
    }

    /// Holds `routes` against the rows.
    pub(crate) fn hold_against(&self, routes: &[Route]) {
        let kept = self.rows.iter().filter(|row| row.flags & WASCLONED == 0);
        let mut routes = routes.iter();
        for row in kept {
            let route = routes.next().expect(&row.line);
            row.hold_against(route);
        }
        assert_eq!(routes.next(), None);
    }
}

impl Row {
    fn hold_against(&self, route: &Route) {
        let line = &self.line;
        let has = |letter| {
            let bit = LETTERS.iter().find(|(one, _)| *one == letter).unwrap().1;
            self.flags & bit != 0
        };
        assert_eq!(route.key.dst, self.dst, "{line}");
        let scope = self
            .zone
            .clone()
            .or_else(|| has('I').then(|| self.dev.clone()));
        assert_eq!(route.key.ifscope, scope, "{line}");
        assert_eq!(
            (route.key.table, route.key.metric, route.key.tos),
            (0, 0, 0)
        );
        let kind = match (has('R'), has('B')) {
            (true, _) => RouteKind::Unreachable,
            (_, true) => RouteKind::Blackhole,
            _ => RouteKind::Unicast,
        };
        assert_eq!(route.spec.kind, kind, "{line}");
        let (ip, zone) = match self.gateway.split_once('%') {
            Some((ip, zone)) => (ip, Some(zone)),
            None => (self.gateway.as_str(), None),
        };
        let elsewhere = zone.is_some_and(|zone| zone != self.dev);
        let via = (has('G') && !elsewhere).then(|| ip.parse().unwrap());
        assert_eq!(route.gateway(), via, "{line}");
        assert!(route.goes_through(&self.dev), "{line}");
        let protocol = match (has('1'), has('S')) {
            (true, _) => Protocol::NETPROF,
            (_, true) => Protocol::STATIC,
            _ => Protocol::KERNEL,
        };
        assert_eq!(route.spec.protocol, protocol, "{line}");
        for (letter, flag) in [
            ('C', rtf::CLONING),
            ('S', rtf::STATIC),
            ('X', rtf::XRESOLVE),
            ('2', rtf::PROTO2),
        ] {
            assert_eq!(route.spec.flags & flag != 0, has(letter), "{line}");
        }
        assert_eq!(route.spec.flags & !rtf::WRITABLE, 0, "{line}");
        assert_eq!(put_back::is_host(&route.spec), has('H'), "{line}");
        let odd = has('D') || has('M') || has('L') || has('Y');
        // A gateway that is an address and no gateway, or a hardware address.
        let by_link = self.gateway.starts_with("link#") || self.gateway == self.dev;
        let by_address = !has('G') && !by_link;
        if odd || by_address || elsewhere {
            assert!(put_back::can_put_back(route).is_err(), "{line}");
        }
    }
}

fn flags(letters: &str) -> Option<u32> {
    let mut flags = 0;
    for letter in letters.chars() {
        flags |= LETTERS.iter().find(|(one, _)| *one == letter)?.1;
    }
    letters.starts_with('U').then_some(flags)
}

/// A destination as netstat(1) shortens it, and the link after its `%`.
fn destination(text: &str, v4: bool) -> Option<(IpNet, Option<String>)> {
    if text == "default" {
        let all = if v4 { "0.0.0.0/0" } else { "::/0" };
        return all.parse().ok().map(|net| (net, None));
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let (address, zone) = match address.split_once('%') {
        Some((address, zone)) => (address, Some(zone.to_owned())),
        None => (address, None),
    };
    let given = address.split('.').count();
    let (full, classful) = if v4 {
        let full = address.to_owned() + &".0".repeat(4usize.checked_sub(given)?);
        (full, u8::try_from(given * 8).ok()?)
    } else {
        (address.to_owned(), 128)
    };
    let net = IpNet::new(full.parse().ok()?, length.unwrap_or(classful)).ok()?;
    Some((net.trunc(), zone))
}

/// A hardware address as netstat(1) prints it.
fn hardware(text: &str) -> Vec<u8> {
    let bytes = text.split([':', '.']);
    bytes
        .map(|byte| u8::from_str_radix(byte, 16).expect(text))
        .collect()
}
