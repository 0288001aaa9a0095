//! The files of `/etc/resolver` (configd, `dnsinfo/dnsinfo_flatfile.c`; resolver(5)).
//!
//! The reader is simple, and a file that looks right may not say what it seems to: a
//! keyword counts only at the start of its line, a second blank before the value makes
//! the value empty, and only lines that start with `#` or `;` are comments.
//!
//! A symbolic link is followed by configd, but what it points to is not in a snapshot:
//! here it is left out.

use netprof_model::configd::Resolver;
use netprof_model::file::{FileState, LiveFile};

use super::dns::address;
use super::list::{Flags, is_loopback, server, sort_address};
use super::{Ground, Made, Origin};

/// The folder of the files.
pub(in crate::macos) const FOLDER: &str = "/etc/resolver/";

/// At most so many servers (`MAXNS`), search domains (`MAXDNSRCH`) and preferred
/// addresses (`MAXRESOLVSORT`), by `resolv.h`.
pub(in crate::macos) const SERVERS: usize = 3;
pub(in crate::macos) const SEARCH: usize = 6;
const SORT: usize = 10;

/// The resolvers of `files`, one for each that says anything, in their order. `default`
/// is what programs may ask for that name no link.
pub(super) fn read<'a>(ground: &Ground, files: &'a [LiveFile], default: Flags) -> Vec<Made<'a>> {
    files
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix(FOLDER)?;
            let FileState::Regular { content, .. } = &file.state else {
                return None;
            };
            if name.is_empty() || name.contains('/') {
                return None;
            }
            let text = String::from_utf8_lossy(&content.0);
            Some(Made {
                resolver: resolver(ground, name, &text, default)?,
                origin: Origin::File(&file.path),
            })
        })
        .collect()
}

fn resolver(ground: &Ground, name: &str, text: &str, default: Flags) -> Option<Resolver> {
    let mut resolver: Option<Resolver> = None;
    let mut own = Flags::default();
    let mut forced = Flags::default();
    let mut seen: Vec<&str> = Vec::new();
    for line in text.split('\n') {
        // What follows a NUL is cut off.
        let line = line.split('\0').next().unwrap_or_default();
        let mut words = line.split([' ', '\t']);
        let keyword = words.next().unwrap_or_default().to_ascii_lowercase();
        let Some((keyword, most)) = KEYWORDS.iter().find(|(known, _)| *known == keyword) else {
            continue;
        };
        let Some(word) = words.next() else {
            continue;
        };
        seen.push(keyword);
        if seen.iter().filter(|one| *one == keyword).count() > *most {
            continue;
        }
        let resolver = resolver.get_or_insert_default();
        let all = std::iter::once(word).chain(words);
        match *keyword {
            "domain" => resolver.domain = undotted(word),
            "flags" => {
                for word in all {
                    match word.to_ascii_lowercase().as_str() {
                        "scoped" => own.scoped = true,
                        "a" => own.a = true,
                        "aaaa" => own.aaaa = true,
                        _ => {}
                    }
                }
            }
            "interface" => {
                if let Some(index) = ground.links.get(word) {
                    resolver.link = Some((*index, Some(word.to_owned())));
                }
            }
            "nameserver" => {
                if let Some(one) = nameserver(ground, word) {
                    if is_loopback(&one) {
                        forced = forced | Flags::BOTH;
                    }
                    resolver.nameservers.push(one);
                }
            }
            "options" => {
                let words: Vec<_> = all.filter(|word| !word.is_empty()).collect();
                if !words.is_empty() {
                    resolver.options = Some(words.join(" "));
                }
            }
            "port" => {
                if let Ok(port) = u16::try_from(leading_number(word, true)) {
                    resolver.port = Some(port).filter(|port| *port != 0);
                }
            }
            "search" => resolver
                .search
                .extend(all.take(SEARCH).filter_map(undotted)),
            "search_order" => {
                if let Ok(order) = u32::try_from(leading_number(word, true)) {
                    resolver.order = order;
                }
            }
            "sortlist" => {
                let sort = all.take(SORT).map_while(sort_address);
                resolver.sort.extend(sort);
            }
            "timeout" => {
                if let Ok(timeout) = u32::try_from(leading_number(word, true)) {
                    resolver.timeout = Some(timeout).filter(|timeout| *timeout != 0);
                }
            }
            _ => {}
        }
    }
    let mut resolver = resolver?;
    // A line that names a domain counts, be the domain empty.
    if !seen.contains(&"domain") {
        resolver.domain = Some(name.to_owned());
    }
    let flags = if own == Flags::default() {
        forced | default
    } else {
        own
    };
    flags.mark(&mut resolver);
    Some(resolver)
}

/// The keywords, and how often each may stand in a file.
const KEYWORDS: [(&str, usize); 10] = [
    ("domain", 1),
    ("flags", 1),
    ("interface", 1),
    ("nameserver", SERVERS),
    ("options", 1),
    ("port", 1),
    ("search", 1),
    ("search_order", 1),
    ("sortlist", 1),
    ("timeout", 1),
];

fn undotted(domain: &str) -> Option<String> {
    let domain = domain.trim_end_matches('.');
    (!domain.is_empty()).then(|| domain.to_owned())
}

/// The address of a server, which may have a port after a last dot. The port is read
/// and kept nowhere: the list of resolvers has one port for all servers.
fn nameserver(ground: &Ground, word: &str) -> Option<String> {
    if address(word).is_some() {
        return server(ground, word, None);
    }
    let (host, port) = word.rsplit_once('.')?;
    u16::try_from(leading_number(port, false)).ok()?;
    server(ground, host, None)
}

/// The number that `text` starts with, 0 if it starts with none: strtol(3), in decimal
/// or, with `any`, in the base that the number shows.
fn leading_number(text: &str, any: bool) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let is_hexadecimal = |rest: &str| rest.starts_with(|c: char| c.is_ascii_hexdigit());
    let hexadecimal = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
        .filter(|rest| any && is_hexadecimal(rest));
    let (base, digits) = match hexadecimal {
        Some(rest) => (16, rest),
        None if any && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let number = digits
        .chars()
        .map_while(|c| c.to_digit(base))
        .fold(0_i64, |number, digit| {
            number
                .saturating_mul(i64::from(base))
                .saturating_add(i64::from(digit))
        });
    if negative { -number } else { number }
}
