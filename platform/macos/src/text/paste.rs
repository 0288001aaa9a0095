//! A snapshot of what people paste.
//!
//! Each part of a Mac that somebody pasted becomes a section of the snapshot; of the rest
//! it says that it was not read. What stands in a text but cannot be taken for what its
//! tool prints is left out, and handed back with the name of the tool.

use std::collections::{HashMap, HashSet};

use netprof_model::configd::Store;
use netprof_model::file::{FileState, LiveFile};
use netprof_model::plist::Value;
use netprof_model::route::Route;
use netprof_model::snapshot::Os;
use netprof_model::{Section, Snapshot};

use super::ifconfig::Interface;
use super::{Unexpected, dictionary, ifconfig, netstat, schema, scutil_dns};

/// The outputs, as far as they are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// `ifconfig` or `ifconfig -v`.
    pub ifconfig: Option<&'a str>,
    /// `netstat -rn`, in one or in a text for each family.
    pub netstat: &'a [&'a str],
    /// A dialogue with scutil that shows keys of the dynamic store.
    pub store: Option<&'a str>,
    /// `scutil --dns`.
    pub dns: Option<&'a str>,
    /// The files of `/etc/resolver`, by name, in the order of the folder.
    pub resolver_files: Option<&'a [(&'a str, &'a str)]>,
}

/// What was made of them.
#[derive(Clone, Debug)]
pub struct Pasted {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What was left out, and of which tool's output.
    pub left_out: Vec<(&'static str, LeftOut)>,
}

/// Something that is not in the snapshot although it was pasted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    /// A line that was not understood.
    #[error(transparent)]
    Line(#[from] Unexpected),
    /// A value without the key that it stands under.
    #[error("a value of the dynamic store is shown without its key")]
    NoKey,
    /// A key with another value than before: two states are not one.
    #[error("`{0}` is shown twice; what was shown first is taken")]
    Twice(String),
    /// The text does not say it, and the snapshot has to say something.
    #[error("the number of {0} is not in the text; it is made up")]
    Number(String),
}

/// The snapshot of what was pasted.
#[must_use]
pub fn snapshot_of(parts: &Parts<'_>) -> Pasted {
    let mut pasted = Pasted {
        snapshot: Snapshot::empty(Os::Macos),
        left_out: Vec::new(),
    };
    if let Some(text) = parts.ifconfig {
        let (all, left_out) = ifconfig::parse(text);
        pasted.leave_out("ifconfig", left_out);
        pasted.links(&all, parts.netstat);
    }
    if !parts.netstat.is_empty() {
        let mut routes: Vec<Route> = Vec::new();
        for text in parts.netstat {
            let (more, left_out) = netstat::routes(text);
            routes.extend(more);
            pasted.leave_out("netstat", left_out);
        }
        pasted.snapshot.routes = Section::Seen(routes);
    }
    if let Some(text) = parts.store {
        let (shown, left_out) = dictionary::dialogue(text);
        pasted.leave_out("scutil show", left_out);
        pasted.store(shown);
    }
    if let Some(text) = parts.dns {
        let (list, left_out) = scutil_dns::excerpt(text);
        pasted.leave_out("scutil --dns", left_out);
        pasted.snapshot.resolvers = Section::Seen(list);
    }
    if let Some(files) = parts.resolver_files {
        let files = files.iter().map(|(name, text)| LiveFile {
            path: format!("/etc/resolver/{name}"),
            state: FileState::text(*text),
        });
        pasted.snapshot.files = Section::Seen(files.collect());
    }
    pasted
}

impl Pasted {
    fn leave_out(&mut self, tool: &'static str, lines: Vec<Unexpected>) {
        let lines = lines.into_iter().map(|line| (tool, line.into()));
        self.left_out.extend(lines);
    }

    /// The links and their addresses. A link without `-v` and without a link-local
    /// address shows its number in the routing table alone, if there.
    fn links(&mut self, all: &[Interface], tables: &[&str]) {
        let routed: HashMap<String, u32> =
            tables.iter().flat_map(|text| numbers_of(text)).collect();
        let shown = all.iter().filter_map(|one| one.index);
        let mut taken: HashSet<u32> = shown.chain(routed.values().copied()).collect();
        let mut free = 1;
        let mut links = Vec::new();
        for one in all {
            let known = one.index.or_else(|| routed.get(&one.name).copied());
            let number = known.unwrap_or_else(|| {
                while !taken.insert(free) {
                    free += 1;
                }
                self.left_out
                    .push(("ifconfig", LeftOut::Number(one.name.clone())));
                free
            });
            links.push(one.link(number));
        }
        let places = all
            .iter()
            .zip(0..)
            .map(|(one, place)| (one.name.as_str(), place));
        let places: HashMap<&str, usize> = places.collect();
        for (place, one) in all.iter().enumerate() {
            let master = links[place].index;
            for name in &one.members {
                if let Some(member) = places.get(name.as_str()) {
                    links[*member].master = Some(master);
                }
            }
            let lower = one.lower.as_deref().and_then(|name| places.get(name));
            if let Some(lower) = lower {
                links[place].lower = Some(links[*lower].index);
            }
        }
        let addresses = all.iter().flat_map(|one| one.addresses.clone());
        self.snapshot.addresses = Section::Seen(addresses.collect());
        self.snapshot.links = Section::Seen(links);
    }

    fn store(&mut self, shown: Vec<(Option<String>, Value)>) {
        let mut store = Store::default();
        for (key, value) in shown {
            let left_out = match key {
                None => LeftOut::NoKey,
                Some(key) if store.0.contains_key(&key) => LeftOut::Twice(key),
                Some(key) => {
                    store.0.insert(key, schema::typed(value));
                    continue;
                }
            };
            self.left_out.push(("scutil show", left_out));
        }
        self.snapshot.store = Section::Seen(store);
    }
}

/// The numbers of links that the routes of a table show: `link#14` stands for the link of
/// its row, but for the way to one of this host's own addresses.
fn numbers_of(text: &str) -> Vec<(String, u32)> {
    let (rows, _) = netstat::rows(text);
    let number = |row: &netstat::Row<'_>| {
        let number = row.gateway.strip_prefix("link#")?.parse().ok()?;
        (row.link != "lo0").then(|| (row.link.to_owned(), number))
    };
    rows.iter().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IFCONFIG: &str = "\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tinet 192.168.1.17 netmask 0xffffff00 broadcast 192.168.1.255
\tstatus: active
en1: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tstatus: inactive
bridge0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tmember: en1 flags=3<LEARNING,DISCOVER>
vlan0: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tvlan: 10 parent interface: en0
utun4: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280 index 2
\tinet 10.8.0.6 --> 10.8.0.5 netmask 0xffffffff
\tsomething new
";

    #[test]
    fn nothing_pasted_is_nothing_read() {
        let pasted = snapshot_of(&Parts::default());
        assert_eq!(pasted.snapshot, Snapshot::empty(Os::Macos));
        assert_eq!(pasted.left_out, []);
    }

    #[test]
    fn every_part_becomes_its_section() {
        let pasted = snapshot_of(&Parts {
            ifconfig: Some(IFCONFIG),
            netstat: &[
                "Internet:\ndefault 192.168.1.1 UGScg en0\n192.168.1 link#14 UCS en0 !\n",
                "Internet6:\n::1 link#1 UHL lo0\nfe80::%utun4/64 link#2 UcI utun4\n",
            ],
            store: Some(
                "> show State:/Network/Service/A/DNS\n<dictionary> {\n  SearchOrder : \
                 1\n}\n<dictionary> {\n}\n> show \
                 State:/Network/Service/A/DNS\n<dictionary> {\n}\n",
            ),
            dns: Some("DNS configuration\n\nresolver #1\n  nameserver[0] : 10.0.0.53\n"),
            resolver_files: Some(&[("corp.example.com", "nameserver 10.0.0.53\n")]),
        });
        let snapshot = &pasted.snapshot;
        assert_eq!(snapshot.os, Os::Macos);
        assert_eq!(snapshot.addresses.items().len(), 3);
        assert_eq!(snapshot.routes.items().len(), 4);
        let index = |name: &str| snapshot.link(name).unwrap().index;
        // 14 and 2 are in the text; the others are not, and are told as made up.
        assert_eq!((index("en0"), index("utun4")), (14, 2));
        assert_eq!(snapshot.link("en1").unwrap().master, Some(index("bridge0")));
        assert_eq!(snapshot.link("vlan0").unwrap().lower, Some(14));
        let store = snapshot.store.seen().unwrap();
        let dns = store.get("State:/Network/Service/A/DNS").unwrap();
        assert_eq!(dns["SearchOrder"], Value::Integer(1));
        let list = snapshot.resolvers.seen().unwrap();
        assert_eq!(list.resolvers[0].nameservers, ["10.0.0.53"]);
        let file = &snapshot.files.items()[0];
        assert_eq!(file.path, "/etc/resolver/corp.example.com");
        assert_eq!(file.state.lossy(), "nameserver 10.0.0.53\n");
        let told: Vec<String> = pasted
            .left_out
            .iter()
            .map(|(tool, what)| format!("{tool}: {what}"))
            .collect();
        assert_eq!(
            told,
            [
                "ifconfig: line 14: expected what ifconfig prints of a link, found `something \
                 new`",
                "ifconfig: the number of lo0 is not in the text; it is made up",
                "ifconfig: the number of en1 is not in the text; it is made up",
                "ifconfig: the number of bridge0 is not in the text; it is made up",
                "ifconfig: the number of vlan0 is not in the text; it is made up",
                "scutil show: a value of the dynamic store is shown without its key",
                "scutil show: `State:/Network/Service/A/DNS` is shown twice; what was shown \
                 first is taken",
            ]
        );
    }

    #[test]
    fn no_two_links_have_one_number() {
        let pasted = snapshot_of(&Parts {
            ifconfig: Some(IFCONFIG),
            netstat: &["10 link#1 UCS en0\n"],
            ..Parts::default()
        });
        assert_eq!(pasted.snapshot.link("en0").unwrap().index, 1);
        let links = pasted.snapshot.links.items();
        let numbers: HashSet<u32> = links.iter().map(|link| link.index).collect();
        assert_eq!(numbers.len(), links.len());
    }
}
