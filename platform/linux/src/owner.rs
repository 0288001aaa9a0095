//! What of the machine tells whose a link is: processes and files.
//!
//! What it means is in `netprof_plan::linux::owner`. The kernel shows which process holds a
//! tun device open, in `/proc/PID/fdinfo/FD` as a line `iff:` with the device's name
//! (`tun_chr_show_fdinfo` in drivers/net/tun.c; proc_pid_fdinfo(5)). Only who may trace a
//! process may look at its descriptors, so without privilege most tunnels have no known
//! holder; that is then said, not guessed. The name is all that is shown, and a container
//! may have a `tun0` too: so a process in another network namespace holds none of ours.
//! (One that was brought into ours from there, while its process stays, has no holder.) To look through all processes costs more than
//! all else that a plan reads of a small machine, so it is done only where there is a
//! tunnel, and ends once every tunnel's process is found.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use netprof_model::Owner;
use netprof_model::link::Link;
use netprof_plan::linux::owner::{Holder, by_program, is_held};

/// The most processes that are looked at, and the most descriptors of each. A busy
/// machine has a few thousand of the former; a tunnel is one of the first of the latter.
const MOST_PROCESSES: usize = 32_768;
const MOST_DESCRIPTORS: usize = 4_096;

/// What processes tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// Which process holds which tun or tap device.
    pub holders: HashMap<String, Holder>,
    /// The owners whose programs run, with the number of a process of each; as many as
    /// were seen before every device had its holder.
    pub running: HashMap<Owner, u32>,
}

/// What the processes tell of `links`; nothing is looked at where none is a tunnel.
#[must_use]
pub fn processes(links: &[Link]) -> Processes {
    let tunnels: HashSet<&str> = links
        .iter()
        .filter(|link| is_held(link))
        .map(|link| link.name.as_str())
        .collect();
    let mut found = if tunnels.is_empty() {
        Processes::default()
    } else {
        processes_below(Path::new("/proc"), &tunnels)
    };
    // A bridge of Docker's is told from one by hand by its engine, which says where it is.
    let is_bridge = |link: &Link| link.kind.as_deref() == Some("bridge");
    if links.iter().any(is_bridge)
        && !found.running.contains_key(&Owner::Docker)
        && let Some(pid) = dockerd()
    {
        found.running.insert(Owner::Docker, pid);
    }
    found
}

/// The programs that speak IKE and run, each with the number of a process.
#[must_use]
pub fn key_daemons() -> Vec<(Owner, u32)> {
    let is_daemon = |owner: Owner| matches!(owner, Owner::Strongswan | Owner::Libreswan);
    let mut found: Vec<(Owner, u32)> = Vec::new();
    for (pid, name) in names_below(Path::new("/proc")) {
        let owner = by_program(&name);
        if is_daemon(owner) && !found.iter().any(|(other, _)| *other == owner) {
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
    (by_program(name.trim()) == Owner::Docker).then_some(pid)
}

/// The processes below `proc`, with the names that they gave themselves.
fn names_below(proc: &Path) -> impl Iterator<Item = (u32, String)> {
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    processes
        .filter_map(|entry| Some((number(&entry.file_name())?, entry.path())))
        .take(MOST_PROCESSES)
        .map(|(pid, folder)| {
            let name = short_text(&folder.join("comm")).unwrap_or_default();
            (pid, name.trim().to_owned())
        })
}

/// What the processes below `proc` tell of the devices `tunnels`.
///
/// Of those whose name stands for no owner nothing more is read: a workstation has tens of
/// thousands of open files, and to find a process that says nothing is not worth reading
/// them all.
#[must_use]
pub fn processes_below(proc: &Path, tunnels: &HashSet<&str>) -> Processes {
    let mut found = Processes::default();
    let namespace = |process: &Path| fs::read_link(process.join("ns/net")).ok();
    let own = namespace(&proc.join("self"));
    for (pid, name) in names_below(proc) {
        let owner = by_program(&name);
        if owner == Owner::Unknown {
            continue;
        }
        let folder = proc.join(pid.to_string());
        let its = namespace(&folder);
        // Who may not look there may not look at its descriptors either.
        if its.is_some() && its != own {
            continue;
        }
        found.running.entry(owner).or_insert(pid);
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
        if found.holders.len() == tunnels.len() {
            break;
        }
    }
    found
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

    /// A process with one descriptor.
    fn process(proc: &Path, pid: &str, comm: &str, leads_to: &str, details: &str) {
        let folder = proc.join(pid);
        fs::create_dir_all(folder.join("fd")).unwrap();
        fs::create_dir_all(folder.join("fdinfo")).unwrap();
        fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
        symlink(leads_to, folder.join("fd/7")).unwrap();
        fs::write(folder.join("fdinfo/7"), details).unwrap();
    }

    #[test]
    fn a_tunnel_belongs_to_the_process_that_holds_it() {
        let proc = tempfile::tempdir().unwrap();
        let tun = |name: &str| format!("pos:\t0\nflags:\t0104002\nmnt_id:\t25\niff:\t{name}\n");
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
        let wanted = HashSet::from(["tun0", "tun7", "tun8", "tailscale0", "mine0"]);
        let found = processes_below(proc, &wanted);
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
        assert!(found.running.contains_key(&Owner::Strongswan));
        assert!(!found.running.contains_key(&Owner::Docker));
    }

    #[test]
    fn a_process_elsewhere_holds_no_tunnel_of_ours() {
        let proc = tempfile::tempdir().unwrap();
        let proc = proc.path();
        let tun = "pos:\t0\niff:\ttun0\n";
        for (pid, name, namespace) in [
            ("10", "openvpn", "net:[4026530001]"),
            ("11", "openconnect", "net:[4026531840]"),
            ("self", "netprof", "net:[4026531840]"),
        ] {
            process(proc, pid, name, "/dev/net/tun", tun);
            fs::create_dir_all(proc.join(pid).join("ns")).unwrap();
            symlink(namespace, proc.join(pid).join("ns/net")).unwrap();
        }
        let found = processes_below(proc, &HashSet::from(["tun0"]));
        assert_eq!(found.holders["tun0"].pid, 11);
        assert!(!found.running.contains_key(&Owner::Openvpn));
    }

    #[test]
    fn a_file_of_wg_alone_is_not_wg_quicks() {
        let of_wg = "[Interface]\nPrivateKey = aaaa=\nListenPort = 51820\nFwMark = 0x1\n\
                     # Address = 10.0.0.1/24\n[Peer]\nPublicKey = bbbb=\nAllowedIPs = 10.0.0.0/24\n";
        assert!(!is_for_wg_quick(of_wg));
        assert!(!is_for_wg_quick(""));
        assert!(is_for_wg_quick(&of_wg.replace("# ", "")));
        assert!(is_for_wg_quick("[Interface]\n postup=ip rule add pref 9\n"));
    }

    #[test]
    fn no_process_is_looked_at_without_a_tunnel() {
        let mut bridge = Link::new(2, "br-lan");
        bridge.kind = Some("vlan".to_owned());
        assert_eq!(
            processes(&[Link::new(1, "eth0"), bridge]),
            Processes::default()
        );
    }
}
