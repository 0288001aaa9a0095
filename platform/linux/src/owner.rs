//! What of the machine tells whose a link is: processes and files.
//!
//! What it means is in `netprof_plan::linux::owner`. The kernel shows which process holds a
//! tun device open, in `/proc/PID/fdinfo/FD` as a line `iff:` with the device's name
//! (`tun_chr_show_fdinfo` in drivers/net/tun.c; proc_pid_fdinfo(5)). Only who may trace a
//! process may look at its descriptors, so without privilege most tunnels have no known
//! holder; that is then said, not guessed. That line has a bare name, which is another
//! device in each network namespace, so only processes of our own namespace count; one
//! whose namespace cannot be told is no evidence.
//!
//! To look through all processes costs more than all else that a plan reads of a small
//! machine, so it is done only where there is a link that some process can tell of, and
//! ends once all that was looked for is found. What is looked for is decided by each link
//! alone: whose it is must not depend on what other links there are.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use netprof_model::Owner;
use netprof_model::link::Link;
use netprof_plan::linux::owner::{Holder, by_program, is_held, told_by};

use crate::resolver::namespace;

/// The most processes that are looked at, and the most descriptors of each. A busy
/// machine has a few thousand of the former; a tunnel is one of the first of the latter.
const MOST_PROCESSES: usize = 32_768;
const MOST_DESCRIPTORS: usize = 4_096;

/// What processes tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// Which process holds which tun or tap device.
    pub holders: HashMap<String, Holder>,
    /// Of the owners that were looked for, those whose programs run, with the number of a
    /// process of each.
    pub running: HashMap<Owner, u32>,
}

/// What the processes tell of `links`; nothing is looked at where none can tell anything.
#[must_use]
pub fn processes(links: &[Link]) -> Processes {
    let tunnels: HashSet<&str> = links
        .iter()
        .filter(|link| is_held(link))
        .map(|link| link.name.as_str())
        .collect();
    let mut wanted: HashSet<Owner> = links.iter().filter_map(told_by).collect();
    // Docker's engine says where it is, so that its bridges alone cost no search.
    let dockerd = wanted.contains(&Owner::Docker).then(dockerd).flatten();
    if dockerd.is_some() {
        wanted.remove(&Owner::Docker);
    }
    let mut found = processes_below(Path::new("/proc"), &tunnels, &wanted);
    found
        .running
        .extend(dockerd.map(|pid| (Owner::Docker, pid)));
    found
}

/// The programs that speak IKE and run, each with the number of a process.
#[must_use]
pub fn key_daemons() -> Vec<(Owner, u32)> {
    key_daemons_below(Path::new("/proc"))
}

fn key_daemons_below(proc: &Path) -> Vec<(Owner, u32)> {
    let is_daemon = |owner: Owner| matches!(owner, Owner::Strongswan | Owner::Libreswan);
    let mut found: Vec<(Owner, u32)> = Vec::new();
    for (pid, name) in names_below(proc) {
        let owner = by_program(&name);
        let is_new = is_daemon(owner) && !found.iter().any(|(other, _)| *other == owner);
        if is_new && is_here(proc, pid) {
            found.push((owner, pid));
        }
    }
    found
}

/// The links that wg-quick(8) has a file for: it looks for `/etc/wireguard/LINK.conf`. Such a
/// file may be wg(8)'s as well (`wg setconf` in a boot script): that is told by the settings
/// that wg-quick alone knows (wireguard-tools, src/wg-quick/linux.bash: `parse_options`), of
/// which only the names are looked at.
#[must_use]
pub fn wireguard_files(links: &[Link]) -> HashSet<String> {
    let may_be = |link: &&Link| matches!(link.kind.as_deref(), Some("wireguard" | "tun"));
    let has_file = |link: &&Link| {
        let file = Path::new("/etc/wireguard").join(format!("{}.conf", link.name));
        fs::read_to_string(file).is_ok_and(|text| is_for_wg_quick(&text))
    };
    let found = links.iter().filter(may_be).filter(has_file);
    found.map(|link| link.name.clone()).collect()
}

/// Whether settings of WireGuard name any that wg(8) refuses and wg-quick(8) reads.
fn is_for_wg_quick(text: &str) -> bool {
    const OWN: [&str; 9] = [
        "address",
        "dns",
        "mtu",
        "table",
        "preup",
        "postup",
        "predown",
        "postdown",
        "saveconfig",
    ];
    let mut names = text.lines().filter_map(|line| line.split_once('='));
    names.any(|(name, _)| OWN.iter().any(|own| name.trim().eq_ignore_ascii_case(own)))
}

/// The process that dockerd(8) has noted as its own, if it is one.
fn dockerd() -> Option<u32> {
    let pid: u32 = short_text(Path::new("/run/docker.pid"))?
        .trim()
        .parse()
        .ok()?;
    let name = short_text(&Path::new("/proc").join(pid.to_string()).join("comm"))?;
    let is_it = by_program(name.trim()) == Owner::Docker && is_here(Path::new("/proc"), pid);
    is_it.then_some(pid)
}

/// Whether the links that a process means are those that are seen here.
pub(crate) fn is_here(proc: &Path, pid: u32) -> bool {
    namespace::is_ours(proc, pid).unwrap_or(false)
}

/// The processes below `proc`, with the names that they gave themselves.
pub(crate) fn names_below(proc: &Path) -> impl Iterator<Item = (u32, String)> {
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    processes
        .filter_map(|entry| Some((number(&entry.file_name())?, entry.path())))
        .take(MOST_PROCESSES)
        .map(|(pid, folder)| {
            let name = short_text(&folder.join("comm")).unwrap_or_default();
            (pid, name.trim().to_owned())
        })
}

/// What the processes below `proc` tell of the devices `tunnels`, and which programs of
/// `wanted` run.
///
/// Of those whose name stands for no owner nothing more is read: a workstation has tens of
/// thousands of open files, and to find a process that says nothing is not worth reading
/// them all.
#[must_use]
pub fn processes_below(proc: &Path, tunnels: &HashSet<&str>, wanted: &HashSet<Owner>) -> Processes {
    let mut found = Processes::default();
    let mut names = names_below(proc);
    loop {
        let all_held = found.holders.len() == tunnels.len();
        if all_held && found.running.len() == wanted.len() {
            break;
        }
        let Some((pid, name)) = names.next() else {
            break;
        };
        let owner = by_program(&name);
        let is_new = wanted.contains(&owner) && !found.running.contains_key(&owner);
        let may_hold = !all_held && holds_ours(owner);
        if !(is_new || may_hold) || !is_here(proc, pid) {
            continue;
        }
        if is_new {
            found.running.insert(owner, pid);
        }
        if !may_hold {
            continue;
        }
        let folder = proc.join(pid.to_string());
        for device in devices(&folder) {
            if !tunnels.contains(device.as_str()) {
                continue;
            }
            // A device may be held by a parent and its children.
            found.holders.entry(device).or_insert_with(|| Holder {
                pid,
                name: name.clone(),
                program: program(&folder),
            });
        }
    }
    found
}

/// Whether a program holds devices of the namespace that it runs in. slirp4netns(1) and
/// pasta(1) run in one and hold a tap of another, that of their container.
fn holds_ours(owner: Owner) -> bool {
    !matches!(owner, Owner::Unknown | Owner::Podman)
}

/// The tun and tap devices that a process holds open.
fn devices(process: &Path) -> Vec<String> {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return Vec::new();
    };
    let descriptors = descriptors.flatten().take(MOST_DESCRIPTORS);
    descriptors
        .filter_map(|descriptor| {
            // Reading where a descriptor leads is cheap, reading its details is not.
            let leads_to = fs::read_link(descriptor.path()).ok()?;
            if leads_to != Path::new("/dev/net/tun") {
                return None;
            }
            let details = process.join("fdinfo").join(descriptor.file_name());
            device(&short_text(&details)?)
        })
        .collect()
}

/// The file of a process's program: the kernel's word, unlike its name.
fn program(process: &Path) -> Option<String> {
    let program = fs::read_link(process.join("exe")).ok()?;
    program.to_str().map(str::to_owned)
}

fn number(name: &std::ffi::OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

/// The `iff:` line of a descriptor's details. A descriptor that is not attached to any
/// device yet has none, or an empty one.
fn device(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.strip_prefix("iff:"))?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The text of a short file of /proc or /run: one read has all of it (`seq_read` fills what
/// it is given), and a second one, to see the end, would be half as much work again.
fn short_text(path: &Path) -> Option<String> {
    let mut bytes = [0; 4096];
    let length = fs::File::open(path).ok()?.read(&mut bytes).ok()?;
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const NONE: &[&str] = &[];

    /// A process with one descriptor, in the namespace of this test.
    fn process(proc: &Path, pid: &str, comm: &str, leads_to: &str, details: &str) {
        process_in(proc, "here", pid, comm);
        let folder = proc.join(pid);
        fs::create_dir_all(folder.join("fd")).unwrap();
        fs::create_dir_all(folder.join("fdinfo")).unwrap();
        symlink(leads_to, folder.join("fd/7")).unwrap();
        fs::write(folder.join("fdinfo/7"), details).unwrap();
    }

    /// A process, in some namespace.
    fn process_in(proc: &Path, namespace: &str, pid: &str, comm: &str) {
        let file = proc.join(namespace);
        fs::write(&file, "").unwrap();
        let folder = proc.join(pid);
        fs::create_dir_all(folder.join("ns")).unwrap();
        fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
        symlink(file, folder.join("ns/net")).unwrap();
    }

    fn proc() -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        process_in(proc.path(), "here", "thread-self", "netprof");
        proc
    }

    fn tun(name: &str) -> String {
        format!("pos:\t0\nflags:\t0104002\nmnt_id:\t25\niff:\t{name}\n")
    }

    fn tell(proc: &Path, tunnels: &[&str], wanted: &[Owner]) -> Processes {
        let tunnels = tunnels.iter().copied().collect();
        processes_below(proc, &tunnels, &wanted.iter().copied().collect())
    }

    #[test]
    fn a_tunnel_belongs_to_the_process_that_holds_it() {
        let proc = proc();
        let proc = proc.path();
        process(proc, "10", "sh", "/dev/net/tun", &tun("tun0"));
        process(proc, "11", "openvpn", "/dev/net/tun", &tun("tun0"));
        symlink("/usr/sbin/openvpn", proc.join("11/exe")).unwrap();
        process(proc, "12", "tailscaled", "/dev/net/tun", &tun("tailscale0"));
        process(proc, "13", "mytunnel", "/dev/net/tun", &tun("mine0"));
        process(proc, "14", "openvpn", "/dev/null", &tun("tun7"));
        process(proc, "15", "openvpn", "/dev/net/tun", "pos:\t0\n");
        process(proc, "16", "charon", "/dev/net/tun", &tun("elsewhere0"));
        process(proc, "self", "openvpn", "/dev/net/tun", &tun("tun8"));
        let tunnels = ["tun0", "tun7", "tun8", "tailscale0", "mine0"];
        let found = tell(proc, &tunnels, &[Owner::Strongswan, Owner::Docker]);
        let mut holders: Vec<_> = found.holders.into_iter().collect();
        holders.sort_by(|a, b| a.0.cmp(&b.0));
        let holder = |pid, name: &str, program: Option<&str>| Holder {
            pid,
            name: name.to_owned(),
            program: program.map(str::to_owned),
        };
        assert_eq!(
            holders,
            [
                ("tailscale0".to_owned(), holder(12, "tailscaled", None)),
                (
                    "tun0".to_owned(),
                    holder(11, "openvpn", Some("/usr/sbin/openvpn"))
                ),
            ]
        );
        assert_eq!(found.running, HashMap::from([(Owner::Strongswan, 16)]));
    }

    #[test]
    fn a_tunnel_of_the_same_name_in_another_namespace_is_another_one() {
        let proc = proc();
        let proc = proc.path();
        // A VPN in a container; one that hides its namespace; a container's network.
        for (pid, comm) in [("11", "openvpn"), ("12", "charon"), ("13", "pasta.avx2")] {
            process(proc, pid, comm, "/dev/net/tun", &tun("tun0"));
        }
        fs::remove_file(proc.join("11/ns/net")).unwrap();
        process_in(proc, "there", "11", "openvpn");
        fs::remove_file(proc.join("12/ns/net")).unwrap();
        let nothing = Processes::default();
        assert_eq!(tell(proc, &["tun0"], &[Owner::Strongswan]), nothing);
        assert_eq!(key_daemons_below(proc), []);
        process(proc, "14", "openvpn", "/dev/net/tun", &tun("tun0"));
        process_in(proc, "there", "15", "pluto");
        process_in(proc, "here", "16", "charon-systemd");
        let found = tell(proc, &["tun0"], &[Owner::Strongswan]);
        assert_eq!(found.holders.get("tun0").map(|holder| holder.pid), Some(14));
        assert_eq!(found.running, HashMap::from([(Owner::Strongswan, 16)]));
        assert_eq!(key_daemons_below(proc), [(Owner::Strongswan, 16)]);
    }

    #[test]
    fn which_programs_run_does_not_depend_on_what_tunnels_there_are() {
        let proc = proc();
        let proc = proc.path();
        for pid in 10..20 {
            let pid = pid.to_string();
            process(proc, &pid, "openvpn", "/dev/net/tun", &tun("tun0"));
        }
        for (pid, comm) in [("5", "libvirtd"), ("30", "virtnetworkd"), ("31", "sh")] {
            process_in(proc, "here", pid, comm);
        }
        process_in(proc, "here", "40", "mullvad-daemon");
        let wanted = [Owner::Libvirt, Owner::Mullvad, Owner::Warp];
        for tunnels in [NONE, &["tun0"], &["tun0", "tun1"]] {
            let found = tell(proc, tunnels, &wanted);
            assert_eq!(found.running.len(), 2, "{tunnels:?}");
            assert_eq!(found.running.get(&Owner::Mullvad), Some(&40));
            assert!(matches!(found.running.get(&Owner::Libvirt), Some(5 | 30)));
            assert_eq!(found.holders.len(), usize::from(!tunnels.is_empty()));
        }
    }

    #[test]
    fn no_process_is_looked_at_where_none_can_tell() {
        let nowhere = Path::new("/nowhere/at/all");
        assert_eq!(tell(nowhere, NONE, &[]), Processes::default());
        let mut bridge = Link::new(2, "br-lan");
        bridge.kind = Some("bridge".to_owned());
        assert_eq!(
            processes(&[Link::new(1, "eth0"), bridge]),
            Processes::default()
        );
    }
}
