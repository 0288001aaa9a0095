//! The machine that the suite runs on, seen from outside of all tests.
//!
//! The namespaces make it impossible for a test to reach it; this makes sure. It
//! watches what netprof or a test could have left there, by what marks that: its
//! protocol number, its table, the names of links that tests make, the files that
//! netprof writes. Not everything that there is: a laptop gets a new address while
//! tests run, and a suite that fails of that is soon not believed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Tree;

/// What netprof writes on some machine or other, and what decides how names are
/// looked up.
const FILES: [&str; 10] = [
    "/etc/containers/containers.conf.d",
    "/etc/docker/daemon.json",
    "/etc/hosts",
    "/etc/netprof",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/sysctl.d",
    "/run/NetworkManager/conf.d",
    "/run/systemd/dns-delegate.d",
    "/var/lib/netprof",
];

/// The links of tests and of netprof. Not `tun0` and the like, which come and go on
/// a machine whose person uses a VPN.
const LINKS: [&str; 9] = [
    "corp0",
    "dock0",
    "global0",
    "lan-bridge",
    "lan0",
    "netprof0",
    "only-here",
    "third0",
    "wan0",
];

/// netprof's own protocol number on routes and rules, and its routing table.
const MARKS: [(&str, &str); 4] = [
    ("proto", "110"),
    ("protocol", "110"),
    ("table", "28272"),
    ("lookup", "28272"),
];

/// What must be the same after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// What was seen, or why it could not be.
    facts: BTreeMap<String, Result<String, String>>,
}

impl Machine {
    pub(super) fn look() -> Self {
        let mut facts = BTreeMap::new();
        for path in FILES {
            read(Path::new(path), &mut facts);
        }
        for link in LINKS {
            let number = fs::read_to_string(format!("/sys/class/net/{link}/ifindex"));
            if let Ok(number) = number {
                facts.insert(format!("link {link}"), Ok(number.trim().to_owned()));
            }
        }
        for what in ["-4 rule", "-6 rule"] {
            facts.insert(
                what.replace("rule", "rules"),
                marked(&format!("{what} show")),
            );
        }
        for what in ["-4 route", "-6 route"] {
            let shown = marked(&format!("{what} show table all"));
            facts.insert(what.replace("route", "routes"), shown);
        }
        facts.insert("mounts".into(), mounts_in_trees());
        Self { facts }
    }

    /// What differs now; empty if nothing does.
    pub(super) fn changes(&self) -> Vec<String> {
        let now = Self::look();
        let mut keys: Vec<&String> = self.facts.keys().chain(now.facts.keys()).collect();
        keys.sort();
        keys.dedup();
        let seen = |facts: &BTreeMap<String, Result<String, String>>, key| match facts.get(key) {
            None => Ok("absent".to_owned()),
            Some(fact) => fact.clone(),
        };
        keys.into_iter()
            .filter_map(
                |key| match (seen(&self.facts, key), seen(&now.facts, key)) {
                    (Ok(before), Ok(now)) if before != now => {
                        Some(format!("{key}\n  before: {before:?}\n  now:    {now:?}"))
                    }
                    _ => None,
                },
            )
            .collect()
    }

    /// What could not be read, and why: nothing is known of it.
    pub(super) fn unread(&self) -> Vec<String> {
        let unread = |(key, fact): (&String, &Result<String, String>)| {
            let reason = fact.as_ref().err()?;
            Some(format!("{key}: {reason}"))
        };
        self.facts.iter().filter_map(unread).collect()
    }
}

/// A file, or all files of a folder.
fn read(path: &Path, facts: &mut BTreeMap<String, Result<String, String>>) {
    let name = path.display().to_string();
    if let Ok(target) = fs::read_link(path) {
        facts.insert(format!("{name} ->"), Ok(target.display().to_string()));
    }
    if let Ok(entries) = fs::read_dir(path) {
        for entry in entries.flatten() {
            read(&entry.path(), facts);
        }
        return;
    }
    match fs::read(path) {
        Ok(bytes) => {
            facts.insert(name, Ok(String::from_utf8_lossy(&bytes).into_owned()));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // A person's run of the suite cannot read what is root's. What it cannot
        // read it cannot have written either.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
        Err(error) => {
            facts.insert(name, Err(error.to_string()));
        }
    }
}

/// What `ip` shows of netprof's own, by numbers.
fn marked(arguments: &str) -> Result<String, String> {
    let mut reason = "there is no ip, and no tree with one".to_owned();
    for mut command in ips() {
        command.arg("-N").args(arguments.split_whitespace());
        match command.env("LC_ALL", "C").output() {
            Ok(output) if output.status.success() => {
                return Ok(with_marks(&String::from_utf8_lossy(&output.stdout)));
            }
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                // No table of that family has a route: the kernel has no such table.
                if said.contains("FIB table does not exist") {
                    return Ok(String::new());
                }
                reason = format!("ip {arguments}: {} {}", output.status, said.trim());
            }
            Err(error) => reason = format!("ip {arguments}: {error}"),
        }
    }
    Err(reason)
}

/// The lines that have one of [`MARKS`].
fn with_marks(text: &str) -> String {
    let marks = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut pairs = words.windows(2);
        pairs.any(|pair| MARKS.iter().any(|mark| pair == [mark.0, mark.1]))
    };
    text.lines().filter(marks).collect::<Vec<_>>().join("\n")
}

/// The machine's own `ip`, then the trees', which run here with their own libraries.
fn ips() -> Vec<Command> {
    let own = ["/usr/sbin/ip", "/usr/bin/ip", "/sbin/ip", "/bin/ip"];
    let own = own.iter().filter(|path| Path::new(path).exists());
    let mut commands: Vec<Command> = own.take(1).map(Command::new).collect();
    for tree in Tree::ALL.iter().filter_map(|tree| tree.path().ok()) {
        commands.extend(ip_of(&tree));
    }
    commands
}

fn ip_of(tree: &Path) -> Option<Command> {
    let entries = |folder: &str| -> Vec<PathBuf> {
        let read = fs::read_dir(tree.join(folder)).into_iter().flatten();
        read.flatten().map(|entry| entry.path()).collect()
    };
    let starts = |path: &PathBuf, with: &str| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with(with))
    };
    let libraries = entries("usr/lib");
    let libraries: Vec<&PathBuf> = libraries
        .iter()
        .filter(|path| path.to_string_lossy().contains("-linux-gnu"))
        .collect();
    let loader = [entries("usr/lib64"), entries("usr/lib")].concat();
    let loader = loader.iter().find(|path| starts(path, "ld-linux"))?;
    let ip = ["usr/sbin/ip", "usr/bin/ip"].map(|path| tree.join(path));
    let ip = ip.iter().find(|path| path.exists())?;
    let mut command = Command::new(loader);
    let mut path = OsString::new();
    for folder in libraries {
        if !path.is_empty() {
            path.push(":");
        }
        path.push(folder);
    }
    command.arg("--library-path").arg(path).arg(ip);
    Some(command)
}

/// Where tests mount things; in their own mount namespaces only.
fn mounts_in_trees() -> Result<String, String> {
    let trees: Vec<String> = Tree::ALL
        .iter()
        .filter_map(|tree| Some(tree.path().ok()?.display().to_string()))
        .collect();
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    let inside = mounts
        .lines()
        .filter(|line| trees.iter().any(|tree| line.contains(tree.as_str())));
    Ok(inside.collect::<Vec<_>>().join("\n"))
}

/// In a namespace, as if it were the machine: what netprof leaves shows, and what a
/// machine does by itself does not.
pub(super) fn shows_what_is_left(lab: &super::Lab) {
    lab.run("ip link set lo up");
    let before = Machine::look();
    assert_eq!(before.unread(), Vec::<String>::new());
    // What a machine does by itself: an address by DHCP, with its routes.
    lab.run_each(
        "ip link add wl0 type bridge
         ip addr add 192.168.77.2/24 dev wl0
         ip link set wl0 up
         ip route add default via 192.168.77.1 proto dhcp
         ip rule add from 192.168.77.2 lookup main priority 200",
    );
    assert_eq!(before.changes(), Vec::<String>::new());
    lab.write("/etc/hosts", "127.0.0.1 left");
    lab.run_each(
        "ip link add lan0 type bridge
         ip rule add to 192.168.77.0/24 lookup main protocol 110
         ip -6 rule add to fd00::/64 lookup 28272
         ip route add 10.0.0.0/8 dev wl0 proto 110
         ip route add 10.0.0.0/8 dev wl0 table 28272",
    );
    let changes = before.changes().concat();
    for what in [
        "/etc/hosts",
        "link lan0",
        "-4 rules",
        "-6 rules",
        "-4 routes",
        "proto 110",
        "table 28272",
    ] {
        assert!(changes.contains(what), "{what} is not in:\n{changes}");
    }
}
