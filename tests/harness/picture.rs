//! A picture of everything that netprof could have changed.
//!
//! A rollback is right when nothing is left of it anywhere, not where the test
//! thought of looking. So a picture holds all of the kernel's network state,
//! all of resolved's, and every file of `/etc` and of the places in `/run` and in
//! root's home that configure something; two pictures are compared whole.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;
use similar::TextDiff;

use super::Lab;

/// Named sections of text, each comparable line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    sections: BTreeMap<&'static str, String>,
}

/// Folders whose files are configuration.
const FILES: [&str; 7] = [
    "/etc",
    "/root/.config/environment.d",
    "/root/.docker",
    "/run/NetworkManager/conf.d",
    "/run/systemd/dns-delegate.d",
    "/run/systemd/network",
    "/run/systemd/resolved.conf.d",
];

/// Files up to this size are shown whole.
const SHOWN: usize = 2048;

impl Picture {
    pub(crate) fn take(lab: &Lab) -> Self {
        let text = |value: &Value| format!("{value:#}\n");
        let sections = BTreeMap::from([
            ("links", text(&lab.ip("link"))),
            ("addresses", text(&lab.ip("addr"))),
            ("routes, IPv4", text(&lab.routes(4))),
            ("routes, IPv6", text(&lab.routes(6))),
            ("rules, IPv4", text(&lab.rules(4))),
            ("rules, IPv6", text(&lab.rules(6))),
            ("next hops", text(&lab.ip("nexthop"))),
            ("packet filter", text(&lab.nft())),
            ("resolved", text(&lab.resolved())),
            ("sysctls", sysctls()),
            ("files", files()),
        ]);
        Self { sections }
    }

    /// The same without the priorities of rules, whose order stays: for rules of which
    /// nobody said where they are to be. The kernel puts them before the first that
    /// there is, and the number depends on that.
    pub(crate) fn with_rules_in_order_only(mut self) -> Self {
        for name in ["rules, IPv4", "rules, IPv6"] {
            let rules = self.sections.get_mut(name).expect("it was taken");
            *rules = without(rules, &["priority"]);
        }
        self
    }

    /// The same without the numbers and the addresses of hardware that the kernel draws for
    /// links: for one that was made anew under its name.
    pub(crate) fn with_links_by_name_only(mut self) -> Self {
        const DRAWN: [&str; 7] = [
            "ifindex",
            "link_index",
            "address",
            "permaddr",
            "bridge_id",
            "root_id",
            "designated_root",
        ];
        for name in ["links", "addresses"] {
            let links = self.sections.get_mut(name).expect("it was taken");
            *links = without(links, &DRAWN);
        }
        self
    }

    /// What differs, as a diff per section; empty if nothing does.
    pub(crate) fn diff(&self, other: &Self) -> String {
        let mut text = String::new();
        for (name, before) in &self.sections {
            let after = &other.sections[name];
            if before != after {
                let diff = TextDiff::from_lines(before, after);
                let _ = write!(
                    text,
                    "{}",
                    diff.unified_diff().context_radius(4).header(name, name)
                );
            }
        }
        text
    }

    /// The names of the sections that differ.
    pub(crate) fn differs_in(&self, other: &Self) -> Vec<&'static str> {
        let differs = |name: &&str| self.sections[*name] != other.sections[*name];
        self.sections
            .keys()
            .filter(|name| differs(name))
            .copied()
            .collect()
    }

    /// Panics with the differences, if there are any.
    #[track_caller]
    pub(crate) fn assert_same(&self, after: &Self) {
        let diff = self.diff(after);
        assert!(diff.is_empty(), "this is not as it was before:\n{diff}");
    }
}

/// The lines of a text of JSON but those of some keys.
fn without(text: &str, keys: &[&str]) -> String {
    let has_one = |line: &&str| {
        let key = line
            .trim()
            .strip_prefix('"')
            .and_then(|rest| rest.split_once("\":"));
        key.is_some_and(|(key, _)| keys.contains(&key))
    };
    let lines = text.lines().filter(|line| !has_one(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The settings per link, and those that netprof or its neighbours touch.
fn sysctls() -> String {
    let mut lines = Vec::new();
    for folder in ["/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf"] {
        walk(Path::new(folder), &mut |path| lines.push(path.to_owned()));
    }
    lines.push("/proc/sys/net/ipv4/ip_forward".into());
    lines.sort();
    lines.iter().fold(String::new(), |mut text, path| {
        // Some, like stable_secret, cannot be read until they are set.
        let value = fs::read_to_string(path).unwrap_or_else(|error| error.kind().to_string());
        let _ = writeln!(text, "{} = {}", path.display(), value.trim());
        text
    })
}

fn files() -> String {
    let mut paths = Vec::new();
    for folder in FILES {
        walk(Path::new(folder), &mut |path| paths.push(path.to_owned()));
    }
    paths.sort();
    paths.iter().fold(String::new(), |mut text, path| {
        let _ = writeln!(text, "{}", describe(path));
        text
    })
}

/// Mode, owner and content of a file, the content indented below it.
fn describe(path: &Path) -> String {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return format!("{} went away", path.display());
    };
    let head = format!(
        "{} {:o} {}:{}",
        path.display(),
        metadata.mode(),
        metadata.uid(),
        metadata.gid()
    );
    if metadata.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        return format!("{head} -> {}", target.display());
    }
    if !metadata.is_file() {
        return head;
    }
    let content = fs::read(path).unwrap_or_default();
    match std::str::from_utf8(&content) {
        Ok(text) if text.len() <= SHOWN => {
            let body: String = text.lines().map(|line| format!("\n    {line}")).collect();
            // Two files that differ in the last newline differ here too.
            format!("{head} {} bytes{body}", content.len())
        }
        _ => {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            format!(
                "{head} {} bytes, hash {:016x}",
                content.len(),
                hasher.finish()
            )
        }
    }
}

fn walk(path: &Path, found: &mut impl FnMut(&Path)) {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return;
    };
    found(path);
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), found);
        }
    }
}
