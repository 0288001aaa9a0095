//! The machine that the suite runs on, seen from outside of all tests.
//!
//! The namespaces make it impossible for a test to reach it; this makes sure.
//! Read from the kernel's files, because the machine may have no `ip`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::Tree;

/// What must be the same after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    facts: BTreeMap<String, String>,
}

impl Machine {
    pub(super) fn look() -> Self {
        let mut facts = BTreeMap::new();
        for path in ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"] {
            let target = fs::read_link(path).map(|target| target.display().to_string());
            let content = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            facts.insert(path.to_owned(), format!("{target:?} {content:?}"));
        }
        for entry in fs::read_dir("/sys/class/net")
            .into_iter()
            .flatten()
            .flatten()
        {
            let mut text = String::new();
            for file in ["ifindex", "address", "mtu", "flags"] {
                let value = fs::read_to_string(entry.path().join(file)).unwrap_or_default();
                let _ = write!(text, "{file} {} ", value.trim());
            }
            facts.insert(format!("link {}", entry.file_name().display()), text);
        }
        facts.insert("routes, IPv4".into(), read("/proc/self/net/route", &[4, 5]));
        facts.insert(
            "routes, IPv6".into(),
            read("/proc/self/net/ipv6_route", &[6, 7]),
        );
        facts.insert(
            "addresses, IPv4".into(),
            read("/proc/self/net/fib_trie", &[]),
        );
        facts.insert(
            "addresses, IPv6".into(),
            read("/proc/self/net/if_inet6", &[]),
        );
        facts.insert(
            "forwarding".into(),
            read("/proc/sys/net/ipv4/ip_forward", &[]),
        );
        facts.insert("mounts".into(), mounts_in_trees());
        // Only shown by netlink.
        for family in ["-4", "-6"] {
            let rules = Command::new("ip").args([family, "rule"]).output();
            let rules = rules.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            facts.insert(format!("rules {family}"), rules.unwrap_or_default());
        }
        Self { facts }
    }

    /// What differs now; empty if nothing does.
    pub(super) fn changes(&self) -> Vec<String> {
        let now = Self::look();
        let keys = self.facts.keys().chain(now.facts.keys());
        let mut changes: Vec<String> = keys
            .filter(|key| self.facts.get(*key) != now.facts.get(*key))
            .map(|key| {
                format!(
                    "{key}\n  before: {:?}\n  now:    {:?}",
                    self.facts.get(key),
                    now.facts.get(key)
                )
            })
            .collect();
        changes.sort();
        changes.dedup();
        changes
    }
}

/// A table of the kernel, sorted, without the columns that count something.
fn read(path: &str, counters: &[usize]) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let columns = line.split_whitespace().enumerate();
            let kept = columns
                .filter(|(index, _)| !counters.contains(index))
                .map(|(_, column)| column);
            kept.collect::<Vec<_>>().join(" ")
        })
        .collect();
    // fib_trie is a tree: its order is its meaning.
    if Path::new(path)
        .file_name()
        .is_some_and(|name| name != "fib_trie")
    {
        lines.sort();
    }
    lines.join("\n")
}

/// Where tests mount things; in their own mount namespaces only.
fn mounts_in_trees() -> String {
    let trees: Vec<String> = [Tree::Host, Tree::Newer]
        .iter()
        .filter_map(|tree| Some(tree.path().ok()?.display().to_string()))
        .collect();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let inside = mounts
        .lines()
        .filter(|line| trees.iter().any(|tree| line.contains(tree.as_str())));
    inside.collect::<Vec<_>>().join("\n")
}
