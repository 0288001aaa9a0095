//! Who made a link, as far as it can be told.
//!
//! The kernel does not note it. What there is: names that programs choose by custom, the
//! kind of the link, and, for a tun device, the process that holds it open, which the
//! kernel shows in `/proc/PID/fdinfo/FD` as a line `iff:` with the device's name
//! (`tun_chr_show_fdinfo` in drivers/net/tun.c; proc_pid_fdinfo(5)). Only who may trace a
//! process may look at its descriptors, so without privilege most tunnels have no known
//! owner; that is then said, not guessed.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use netprof_model::Owner;
use netprof_model::link::Link;

/// The most processes that are looked at, and the most descriptors of each. A busy
/// machine has a few thousand of the former; a tunnel is one of the first of the latter.
const MOST_PROCESSES: usize = 32_768;
const MOST_DESCRIPTORS: usize = 4_096;

/// Which process holds which tun or tap device: the owner that its name stands for, and
/// its number.
///
/// Left out are processes that may not be looked at, and those whose name stands for no
/// owner: a workstation has tens of thousands of open files, and to find a process that
/// says nothing is not worth reading them all.
#[must_use]
pub fn tunnel_owners() -> HashMap<String, (Owner, u32)> {
    tunnel_owners_below(Path::new("/proc"))
}

/// The same, with another folder than `/proc`.
#[must_use]
pub fn tunnel_owners_below(proc: &Path) -> HashMap<String, (Owner, u32)> {
    let mut owners = HashMap::new();
    let Ok(processes) = fs::read_dir(proc) else {
        return owners;
    };
    let processes = processes
        .flatten()
        .filter_map(|entry| Some((number(&entry.file_name())?, entry)));
    for (pid, process) in processes.take(MOST_PROCESSES) {
        let folder = process.path();
        let owner = owner_of(&folder);
        if owner == Owner::Unknown {
            continue;
        }
        let Ok(descriptors) = fs::read_dir(folder.join("fd")) else {
            continue;
        };
        for descriptor in descriptors.flatten().take(MOST_DESCRIPTORS) {
            // Reading where a descriptor leads is cheap, reading its details is not.
            let leads_to = fs::read_link(descriptor.path());
            if leads_to.is_ok_and(|to| to == Path::new("/dev/net/tun")) {
                let details = folder.join("fdinfo").join(descriptor.file_name());
                let device = short_text(&details).and_then(|text| device(&text));
                if let Some(device) = device {
                    // A device may be held by a parent and its children.
                    owners.entry(device).or_insert((owner, pid));
                }
            }
        }
    }
    owners
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

fn short_text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The owner that a process's name stands for.
fn owner_of(process: &Path) -> Owner {
    let comm = short_text(&process.join("comm")).unwrap_or_default();
    by_program(comm.trim())
}

/// The owner that a program's name stands for. `comm` holds its first 15 bytes.
#[must_use]
pub fn by_program(name: &str) -> Owner {
    const PROGRAMS: &[(&str, Owner)] = &[
        ("openvpn3-service", Owner::Openvpn),
        ("openvpn", Owner::Openvpn),
        ("openconnect", Owner::Openconnect),
        ("vpnc", Owner::Openconnect),
        ("tailscaled", Owner::Tailscale),
        ("wireguard-go", Owner::WgQuick),
        ("boringtun", Owner::WgQuick),
        ("charon", Owner::Strongswan),
        ("NetworkManager", Owner::NetworkManager),
        ("nm-openvpn", Owner::NetworkManager),
        ("systemd-network", Owner::Networkd),
        ("qemu-", Owner::Libvirt),
        ("libvirtd", Owner::Libvirt),
        ("slirp4netns", Owner::Podman),
        ("pasta", Owner::Podman),
    ];
    PROGRAMS
        .iter()
        .find(|(program, _)| name.starts_with(program))
        .map_or(Owner::Unknown, |(_, owner)| *owner)
}

/// Who made `link`: the process that holds it, if it is a tunnel with one, else what its
/// kind and its name say.
#[must_use]
pub fn link_owner(link: &Link, tunnels: &HashMap<String, (Owner, u32)>) -> Owner {
    if let Some((owner, _)) = tunnels.get(&link.name)
        && *owner != Owner::Unknown
    {
        return *owner;
    }
    by_name(link)
}

/// What the kind and the name of a link say.
fn by_name(link: &Link) -> Owner {
    let kind = link.kind.as_deref().unwrap_or_default();
    let name = link.name.as_str();
    if link.loopback {
        return Owner::Kernel;
    }
    // What bridges are called, with the length of the number that follows, if it is one.
    let numbered = |prefix: &str, digits: fn(char) -> bool, length: Option<usize>| {
        name.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty()
                && rest.chars().all(digits)
                && length.is_none_or(|length| rest.len() == length)
        })
    };
    let decimal = |c: char| c.is_ascii_digit();
    let hexadecimal = |c: char| c.is_ascii_hexdigit();
    match kind {
        "wireguard" => Owner::WgQuick,
        "bridge" if name == "docker0" || name == "docker_gwbridge" => Owner::Docker,
        // Docker calls its networks by the first 12 digits of their id.
        "bridge" if numbered("br-", hexadecimal, Some(12)) => Owner::Docker,
        "bridge" if numbered("podman", decimal, None) || numbered("cni-podman", decimal, None) => {
            Owner::Podman
        }
        "bridge" if numbered("virbr", decimal, None) => Owner::Libvirt,
        "bridge" if numbered("lxdbr", decimal, None) || numbered("lxcbr", decimal, None) => {
            Owner::Lxd
        }
        "bridge" if numbered("incusbr", decimal, None) => Owner::Lxd,
        "tun" if numbered("vnet", decimal, None) => Owner::Libvirt,
        "tun" if numbered("tailscale", decimal, None) => Owner::Tailscale,
        "tun" if numbered("ipsec", decimal, None) => Owner::Strongswan,
        _ => Owner::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn link(name: &str, kind: &str) -> Link {
        Link {
            kind: (!kind.is_empty()).then(|| kind.to_owned()),
            loopback: name == "lo",
            ..Link::new(2, name)
        }
    }

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
        process(proc, "12", "tailscaled", "/dev/net/tun", &tun("tailscale0"));
        process(proc, "13", "mytunnel", "/dev/net/tun", &tun("mine0"));
        process(proc, "14", "openvpn", "/dev/null", &tun("tun7"));
        process(proc, "15", "openvpn", "/dev/net/tun", "pos:\t0\n");
        process(proc, "self", "openvpn", "/dev/net/tun", &tun("tun8"));
        let mut found: Vec<_> = tunnel_owners_below(proc).into_iter().collect();
        found.sort();
        assert_eq!(
            found,
            [
                ("tailscale0".to_owned(), (Owner::Tailscale, 12)),
                ("tun0".to_owned(), (Owner::Openvpn, 11)),
            ]
        );
    }

    #[test]
    fn programs_are_known_by_the_beginning_of_their_names() {
        for (name, owner) in [
            ("openvpn", Owner::Openvpn),
            ("boringtun-cli", Owner::WgQuick),
            ("charon-systemd", Owner::Strongswan),
            ("systemd-network", Owner::Networkd),
            ("qemu-system-x86", Owner::Libvirt),
            ("bash", Owner::Unknown),
            ("", Owner::Unknown),
        ] {
            assert_eq!(by_program(name), owner, "{name}");
        }
    }

    #[test]
    fn links_are_known_by_kind_and_name_together() {
        for (name, kind, owner) in [
            ("lo", "", Owner::Kernel),
            ("wg0", "wireguard", Owner::WgQuick),
            ("docker0", "bridge", Owner::Docker),
            ("br-0123456789ab", "bridge", Owner::Docker),
            ("br-lan", "bridge", Owner::Unknown),
            ("podman1", "bridge", Owner::Podman),
            ("virbr0", "bridge", Owner::Libvirt),
            ("lxdbr0", "bridge", Owner::Lxd),
            ("tailscale0", "tun", Owner::Tailscale),
            ("docker0", "dummy", Owner::Unknown),
            ("tun0", "tun", Owner::Unknown),
            ("eth0", "", Owner::Unknown),
        ] {
            assert_eq!(
                link_owner(&link(name, kind), &HashMap::new()),
                owner,
                "{name}"
            );
        }
    }

    #[test]
    fn the_process_counts_before_the_name() {
        let held = HashMap::from([
            ("tailscale0".to_owned(), (Owner::Openvpn, 7)),
            ("ipsec0".to_owned(), (Owner::Unknown, 8)),
        ]);
        assert_eq!(
            link_owner(&link("tailscale0", "tun"), &held),
            Owner::Openvpn
        );
        assert_eq!(link_owner(&link("ipsec0", "tun"), &held), Owner::Strongswan);
    }
}
