//! `netstat -rn`: the routing table, as network_cmds, `netstat.tproj/route.c`, prints it.
//!
//! The columns are told apart by what stands in them, since their widths differ from
//! release to release and headings get lost: destination, gateway and flags; then, with
//! `-l` or on older releases, numbers; then the link, and last a lifetime.
//!
//! A destination is abbreviated as in the days of classes: `10` is 10.0.0.0/8, `169.254`
//! is 169.254.0.0/16, `192.168.1` is 192.168.1.0/24, and any other length is written
//! behind it (`0/1`, `224.0.0/4`). A host has all four numbers. The kernel keeps no bits
//! of a host in the address of a network, so a row with such bits was edited by hand, and
//! what it was before cannot be told.
//!
//! The table holds more than routes: what the kernel cloned of a route for one destination
//! (`W`), neighbours among them. Those are rows, and no routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::route::{Hop, Route, RouteKey, RouteLive, RouteSpec, rtf};
use netprof_plan::macos::put_back::attribute;

use super::{Unexpected, is_remark, numbered};
use crate::route::numbers::*;
use crate::route::{by, kind, protocol};

/// The letters, in the order in which they are printed.
const LETTERS: [(char, u32); 24] = [
    ('U', RTF_UP),
    ('G', rtf::GATEWAY),
    ('H', rtf::HOST),
    ('R', rtf::REJECT),
    ('D', RTF_DYNAMIC),
    ('M', RTF_MODIFIED),
    ('d', RTF_DONE),
    ('C', rtf::CLONING),
    ('X', rtf::XRESOLVE),
    ('L', RTF_LLINFO),
    ('S', rtf::STATIC),
    ('B', rtf::BLACKHOLE),
    ('1', rtf::PROTO1),
    ('2', rtf::PROTO2),
    ('c', RTF_PRCLONING),
    ('W', rtf::WASCLONED),
    ('3', RTF_PROTO3),
    ('b', RTF_BROADCAST),
    ('m', RTF_MULTICAST),
    ('I', rtf::IFSCOPE),
    ('i', RTF_IFREF),
    ('Y', RTF_PROXY),
    ('r', RTF_ROUTER),
    ('g', RTF_GLOBAL),
];

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// One row, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its line.
    pub line: usize,
    /// The family of the heading above it; none where there is no heading.
    pub family: Option<Family>,
    /// Where to.
    pub destination: &'a str,
    /// By which way.
    pub gateway: &'a str,
    /// The letters.
    pub flags: &'a str,
    /// How often it is held.
    pub refs: Option<u64>,
    /// How many packets took it.
    pub uses: Option<u64>,
    /// The largest packet.
    pub mtu: Option<u32>,
    /// The link.
    pub link: &'a str,
    /// Seconds until it goes; 0 where a `!` stands.
    pub expires: Option<u32>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where to.
    pub destination: IpNet,
    /// The link that a link-local destination is of.
    pub zone: Option<String>,
    /// By which way.
    pub gateway: Gateway,
    /// `RTF_*` of xnu's `bsd/net/route.h`.
    pub flags: u32,
    /// The link.
    pub link: String,
    /// Seconds until it goes; 0 where a `!` stands.
    pub expires: Option<u32>,
}

/// The second column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// An address, and the link that it is of where it is link-local.
    Address(IpAddr, Option<String>),
    /// `link#12`: the link of that number itself.
    Number(u32),
    /// `utun5`: the link of that name itself.
    Name(String),
    /// A hardware address.
    Hardware([u8; 6]),
}

/// The rows of `text`, and the lines that are none.
#[must_use]
pub fn rows(text: &str) -> (Vec<Row<'_>>, Vec<Unexpected>) {
    let mut rows = Vec::new();
    let mut left_out = Vec::new();
    let mut family = None;
    for (number, line) in numbered(text) {
        match line.trim() {
            "" | "Routing tables" | "[...]" => continue,
            "Internet:" => family = Some(Family::V4),
            "Internet6:" => family = Some(Family::V6),
            heading if heading.starts_with("Destination ") => {}
            _ if is_remark(line) => {}
            _ => match row(number, family, line) {
                Ok(row) => rows.push(row),
                Err(unexpected) => left_out.push(unexpected),
            },
        }
    }
    (rows, left_out)
}

/// The routes of `text`, and the lines that could not be read.
#[must_use]
pub fn routes(text: &str) -> (Vec<Route>, Vec<Unexpected>) {
    let (rows, mut left_out) = rows(text);
    let mut routes = Vec::new();
    for row in &rows {
        match row.entry() {
            Ok(entry) if entry.is_route() => routes.push(entry.route()),
            Ok(_) => {}
            Err(unexpected) => left_out.push(unexpected),
        }
    }
    left_out.sort_by_key(|one| one.line);
    (routes, left_out)
}

fn row(line: usize, family: Option<Family>, text: &str) -> Result<Row<'_>, Unexpected> {
    let refuse = |expected| Unexpected::new(line, expected, text);
    let mut words = text.split_whitespace().peekable();
    let mut next = |expected| words.next().ok_or_else(|| refuse(expected));
    let destination = next("a destination")?;
    let gateway = next("a gateway")?;
    let flags = next("flags")?;
    let mut numbers = Vec::new();
    while let Some(number) = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        let number: u64 = number.parse().map_err(|_| refuse("a number"))?;
        numbers.push(number);
    }
    let (refs, uses, mtu) = match numbers.as_slice() {
        [] => (None, None, None),
        [refs, uses] => (Some(*refs), Some(*uses), None),
        [refs, uses, mtu] => {
            let mtu = u32::try_from(*mtu).map_err(|_| refuse("an MTU"))?;
            (Some(*refs), Some(*uses), Some(mtu))
        }
        _ => return Err(refuse("references, uses and an MTU, or none of them")),
    };
    let link = words.next().filter(|word| is_link(word));
    let link = link.ok_or_else(|| refuse("a link"))?;
    let expires = match words.next() {
        None => None,
        Some("!") => Some(0),
        Some(seconds) => Some(seconds.parse().map_err(|_| refuse("seconds or `!`"))?),
    };
    if words.next().is_some() {
        return Err(refuse("the end of the row"));
    }
    Ok(Row {
        line,
        family,
        destination,
        gateway,
        flags,
        refs,
        uses,
        mtu,
        link,
        expires,
    })
}

/// Whether `word` can be the name of a link: letters and what follows them.
fn is_link(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Row<'_> {
    /// What the row says.
    ///
    /// # Errors
    ///
    /// [`Unexpected`]: the column that makes no sense, as in a row that was redacted.
    pub fn entry(&self) -> Result<Entry, Unexpected> {
        let refuse = |expected, found: &str| Unexpected::new(self.line, expected, found);
        let mut flags = 0;
        for letter in self.flags.chars() {
            let known = LETTERS.iter().find(|(known, _)| *known == letter);
            let (_, bit) = known.ok_or_else(|| refuse("letters of flags", self.flags))?;
            flags |= bit;
        }
        let family = self
            .family
            .or_else(|| family_of(self.destination))
            .or_else(|| family_of(self.gateway))
            .ok_or_else(|| {
                refuse(
                    "a heading or an address that tells the family",
                    self.gateway,
                )
            })?;
        let (destination, zone) = match family {
            Family::V4 => (v4(self.destination, flags).map(IpNet::from), None),
            Family::V6 => v6(self.destination),
        };
        let destination = destination
            .ok_or_else(|| refuse("a host, or a network without bits of one", self.destination))?;
        let gateway = gateway(self.gateway).ok_or_else(|| refuse("a gateway", self.gateway))?;
        Ok(Entry {
            destination,
            zone,
            gateway,
            flags,
            link: self.link.to_owned(),
            expires: self.expires,
        })
    }
}

/// The family that an address shows; `default` and `link#1` show none, nor does a
/// hardware address.
fn family_of(text: &str) -> Option<Family> {
    if text.contains("::") || without_zone(text).0.parse::<Ipv6Addr>().is_ok() {
        Some(Family::V6)
    } else if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(':') {
        Some(Family::V4)
    } else {
        None
    }
}

fn without_zone(text: &str) -> (&str, Option<&str>) {
    match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    }
}

fn v4(text: &str, flags: u32) -> Option<ipnet::Ipv4Net> {
    if text == "default" {
        return Some(ipnet::Ipv4Net::default());
    }
    let (numbers, length) = match text.split_once('/') {
        Some((numbers, length)) => (numbers, Some(length)),
        None => (text, None),
    };
    let mut octets = [0; 4];
    let mut given = 0;
    for number in numbers.split('.') {
        *octets.get_mut(given)? = decimal(number)?;
        given += 1;
    }
    let length = match length {
        Some(length) => decimal(length)?,
        None if flags & rtf::HOST != 0 || given == 4 => 32,
        // The class of the address (`forgemask`).
        None => match octets[0] {
            0..128 => 8,
            128..192 => 16,
            _ => 24,
        },
    };
    let net = ipnet::Ipv4Net::new(Ipv4Addr::from(octets), length).ok()?;
    (net.trunc() == net).then_some(net)
}

fn v6(text: &str) -> (Option<IpNet>, Option<String>) {
    if text == "default" {
        return (Some(ipnet::Ipv6Net::default().into()), None);
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, decimal(length)),
        None => (text, Some(128)),
    };
    let (address, zone) = without_zone(address);
    let net = length.and_then(|length| {
        let address: Ipv6Addr = address.parse().ok()?;
        let net = ipnet::Ipv6Net::new(address, length).ok()?;
        (net.trunc() == net).then_some(net.into())
    });
    (net, zone.map(str::to_owned))
}

/// A number without a sign.
fn decimal(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn gateway(text: &str) -> Option<Gateway> {
    if let Some(number) = text.strip_prefix("link#") {
        return number.parse().ok().map(Gateway::Number);
    }
    let (address, zone) = without_zone(text);
    if let Ok(address) = address.parse() {
        return Some(Gateway::Address(address, zone.map(str::to_owned)));
    }
    if is_link(text) {
        return Some(Gateway::Name(text.to_owned()));
    }
    // Leading zeros are left out there in some releases.
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        let plain = part.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = plain.then(|| u8::from_str_radix(part, 16).ok())??;
    }
    parts.next().is_none().then_some(Gateway::Hardware(bytes))
}

impl Entry {
    /// Whether it is a route: not what the kernel cloned of one, and unmakes when that one
    /// changes (`RTF_WASCLONED`).
    #[must_use]
    pub fn is_route(&self) -> bool {
        self.flags & rtf::WASCLONED == 0
    }

    /// The route that it is, as far as the text shows it. Its locked metrics do not show,
    /// nor all of a gateway that names a link by one of the link's addresses, so a route
    /// of text is good to look at and not to be put back.
    #[must_use]
    pub fn route(&self) -> Route {
        let scoped = self.flags & rtf::IFSCOPE != 0;
        let ifscope = self
            .zone
            .clone()
            .or_else(|| scoped.then(|| self.link.clone()));
        let host = self.flags & rtf::HOST != 0;
        let v4 = self.destination.addr().is_ipv4();
        let via = match &self.gateway {
            Gateway::Address(address, zone)
                if self.flags & rtf::GATEWAY != 0
                    && address.is_ipv4() == v4
                    && zone.as_ref().is_none_or(|zone| *zone == self.link) =>
            {
                Some(*address)
            }
            _ => None,
        };
        Route {
            key: RouteKey {
                ifscope,
                ..RouteKey::unscoped(self.destination)
            },
            spec: RouteSpec {
                kind: kind(self.flags),
                protocol: protocol(self.flags),
                hops: vec![Hop::through(self.link.as_str(), via)],
                flags: self.flags & rtf::WRITABLE,
                opaque: host.then(|| by(attribute::BY_HOST)).into_iter().collect(),
                ..RouteSpec::default()
            }
            .into(),
            live: RouteLive {
                // A route that clones hands its time down, and never goes itself.
                expires: self.expires.filter(|_| self.flags & rtf::CLONING == 0),
                ..RouteLive::default()
            },
            owner: Owner::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
