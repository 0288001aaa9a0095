//! What people's Macs have printed, from the folder `NETPROF_MACOS_RECORDED`.
//!
//! `route-bytes/*.hex` are messages and socket addresses that golang/net tests with;
//! `netstat/*` and `ifconfig/*` are turned into the bytes that those tools had, read, and
//! held against what they printed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use libtest_mimic::{Completion, Failed, Trial};
use netprof_macos::route::sockaddr::{Sockaddrs, has_zone};
use netprof_macos::route::{Reply, driver, read_links, read_routes};
use netprof_model::link::Link;

use crate::kernel::{self, BRD, IFA, MASK};
use crate::rows::Table;

/// A test of recordings: its name, and what it does with the folder. It fails by a panic;
/// what it returns is why it could not run.
type Recorded = (&'static str, fn(&Path) -> Result<(), String>);

/// The tests, each shown as not run where its folder or file is not there.
pub(crate) fn trials() -> Vec<Trial> {
    let tests: [Recorded; 4] = [
        ("recorded_socket_addresses_are_read", sockaddrs),
        ("a_recorded_answer_is_read", answer),
        ("recorded_tables_are_read_row_by_row", tables),
        ("recorded_links_are_read_line_by_line", interfaces),
    ];
    let trial = |(name, body): Recorded| {
        Trial::ignorable_test(name, move || match folder() {
            Err(why) => not_run(&why),
            Ok(folder) => match body(&folder) {
                Ok(()) => Ok(Completion::Completed),
                Err(why) => not_run(&why),
            },
        })
    };
    tests.into_iter().map(trial).collect()
}

fn folder() -> Result<PathBuf, String> {
    match std::env::var_os("NETPROF_MACOS_RECORDED") {
        Some(folder) => Ok(folder.into()),
        None => Err("NETPROF_MACOS_RECORDED names no folder of recordings".to_owned()),
    }
}

/// A test that could not run shows as not run. None of them ever must: the recordings are
/// no part of the project.
fn not_run(why: &str) -> Result<Completion, Failed> {
    Ok(Completion::ignored_with(why))
}

/// The files of a folder whose names end so, with their text.
fn files(folder: &Path, end: &str) -> Result<Vec<(String, String)>, String> {
    let why = |error| format!("{}: {error}", folder.display());
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(why)? {
        let path = entry.map_err(why)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(end) {
            let text = std::fs::read_to_string(&path).map_err(why)?;
            all.push((name.into_owned(), text));
        }
    }
    all.sort();
    if all.is_empty() {
        return Err(format!("{} is empty", folder.display()));
    }
    Ok(all)
}

fn hex(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = folder.join("route-bytes").join(name);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let bytes = lines.flat_map(str::split_whitespace);
    Ok(bytes
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect())
}

/// What a file of socket addresses says: destination (none for length 0), gateway, prefix.
struct Expected {
    name: &'static str,
    dst: Option<&'static str>,
    gateway: Result<(&'static str, u32), (u16, &'static str)>,
    prefix: u8,
}

fn sockaddrs(folder: &Path) -> Result<(), String> {
    for expected in [
        Expected {
            name: "01-addrs-dst4-gwlink-mask7.hex",
            dst: Some("192.168.86.0"),
            gateway: Err((4, "")),
            prefix: 24,
        },
        Expected {
            name: "02-addrs-dst4-gwlink-utun4319-mask6.hex",
            dst: Some("100.113.0.0"),
            gateway: Err((33, "utun4319")),
            prefix: 16,
        },
        Expected {
            name: "03-addrs-dst6-gwll-kame-mask14.hex",
            dst: Some("fd84:1b4e:6281::"),
            gateway: Ok(("fe80::f22f:4bff:fe09:3bff", 33)),
            prefix: 48,
        },
        Expected {
            name: "04-addrs-rtmadd-default6-ifscope-mask2.hex",
            dst: Some("::"),
            gateway: Ok(("fe80::2d0:4cff:fe10:15d2", 0)),
            prefix: 0,
        },
        Expected {
            name: "05-addrs-zero-length-dst.hex",
            dst: None,
            gateway: Ok(("fe80::f22f:4bff:fe09:3bff", 33)),
            prefix: 48,
        },
    ] {
        let bytes = hex(folder, expected.name)?;
        let all = Sockaddrs::read(7, &bytes).unwrap();
        let [dst, gateway, mask] = [1, 2, 4].map(|bit| all.get(bit).unwrap());
        let address = (!dst.is_empty()).then(|| dst.ip().unwrap().unwrap().ip);
        let wanted = expected.dst.map(|text| text.parse().unwrap());
        assert_eq!(address, wanted, "{}", expected.name);
        match expected.gateway {
            Ok((ip, zone)) => {
                let there = gateway.ip().unwrap().unwrap();
                assert_eq!(there.ip, ip.parse::<IpAddr>().unwrap());
                assert_eq!(there.zone, zone);
            }
            Err((index, name)) => {
                let link = gateway.link().unwrap().unwrap();
                assert_eq!((link.index, link.name), (index, name.as_bytes()));
            }
        }
        assert_eq!(mask.prefix(dst.family()), Ok(expected.prefix));
    }
    Ok(())
}

fn answer(folder: &Path) -> Result<(), String> {
    let bytes = hex(folder, "06-msg-rtm_get-esrch-ifscope-full.hex")?;
    let names = netprof_macos::route::Names::default();
    let reply = Reply::read(&bytes, 0x5af5, 3, &names, 0).unwrap();
    // It bears another process's number than its own field of bytes 16 to 20 says.
    assert_eq!(reply, None);
    let pid = u32::from_le_bytes(bytes[16..20].try_into().unwrap());
    let sequence = u32::from_le_bytes(bytes[20..24].try_into().unwrap());
    let reply = Reply::read(&bytes, pid, sequence, &names, 0).unwrap();
    let reply = reply.expect("it is the answer");
    assert_eq!(reply.errno, 3);
    assert!(reply.answer().unwrap().unreachable);
    Ok(())
}

fn tables(folder: &Path) -> Result<(), String> {
    let mut rows = 0;
    for (name, text) in files(&folder.join("netstat"), ".txt")? {
        let table = Table::read(&text);
        assert!(!table.rows.is_empty(), "{name} has no rows");
        let all = read_routes(&table.dump(), &table.names(), 0);
        let all = all.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(all.routes.len() + all.clones, table.rows.len(), "{name}");
        table.hold_against(&all.routes);
        rows += table.rows.len();
    }
    assert!(rows > 400, "{rows}");
    Ok(())
}

/// A link as ifconfig(8) prints it.
#[derive(Debug, Default)]
struct Printed {
    name: String,
    flags: u32,
    mtu: u32,
    mac: Option<String>,
    /// Address, prefix, other end or broadcast.
    addresses: Vec<(IpAddr, u8, Option<IpAddr>)>,
}

fn interfaces(folder: &Path) -> Result<(), String> {
    let mut links = 0;
    for (name, text) in files(&folder.join("ifconfig"), ".txt")? {
        let printed = printed(&text);
        assert!(!printed.is_empty(), "{name} has no links");
        links += printed.len();
        let mut bytes = Vec::new();
        for (index, one) in (1..).zip(&printed) {
            bytes.extend(one.bytes(index));
        }
        let all = read_links(&bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        let mut addresses: HashMap<&str, Vec<_>> = HashMap::new();
        for address in &all.addresses {
            addresses.entry(&address.dev).or_default().push(address);
        }
        assert_eq!(all.links.len(), printed.len());
        for (link, one) in all.links.iter().zip(&printed) {
            one.hold_against(link);
            let own = addresses.remove(one.name.as_str()).unwrap_or_default();
            assert_eq!(own.len(), one.addresses.len(), "{name}: {}", one.name);
            for (read, (ip, prefix, other)) in own.into_iter().zip(&one.addresses) {
                assert_eq!((read.local.addr(), read.local.prefix_len()), (*ip, *prefix));
                let peer = other.filter(|other| one.flags & 0x10 != 0 && other != ip);
                assert_eq!(read.peer, peer);
            }
        }
    }
    assert!(links > 50, "{links}");
    Ok(())
}

impl Printed {
    fn bytes(&self, index: u16) -> Vec<u8> {
        let mac: Vec<u8> = self
            .mac
            .iter()
            .flat_map(|mac| mac.split(':'))
            .map(byte)
            .collect();
        let mut bytes = kernel::link(true, index, self.flags, self.mtu, &self.name, &mac);
        for (ip, prefix, other) in &self.addresses {
            let sockaddr = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => kernel::sin(ip),
                IpAddr::V6(ip) if has_zone(ip) => kernel::kame(ip, index),
                IpAddr::V6(ip) => kernel::sin6(ip, 0),
            };
            let mut slots = vec![
                (MASK, kernel::mask(ip.is_ipv4(), *prefix, 0)),
                (IFA, sockaddr(*ip)),
            ];
            slots.extend(other.map(|other| (BRD, sockaddr(other))));
            bytes.extend(kernel::address(12, index, &slots));
        }
        bytes
    }

    fn hold_against(&self, link: &Link) {
        assert_eq!(link.name, self.name);
        assert_eq!(link.mtu, self.mtu);
        assert_eq!(link.mac, self.mac);
        assert_eq!(link.up, self.flags & 1 != 0);
        assert_eq!(link.carrier, self.flags & 0x40 != 0);
        assert_eq!(link.loopback, self.name == "lo0");
        assert_eq!(link.kind.as_deref(), driver(&self.name));
    }
}

fn byte(text: &str) -> u8 {
    u8::from_str_radix(text, 16).unwrap()
}

fn printed(text: &str) -> Vec<Printed> {
    let mut all: Vec<Printed> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|one| *one == word)?;
            words.get(at + 1).copied()
        };
        if let [name, flags, ..] = words.as_slice()
            && let (Some(name), Some(flags)) =
                (name.strip_suffix(':'), flags.strip_prefix("flags="))
            && !line.starts_with(char::is_whitespace)
        {
            let (flags, _) = flags.split_once('<').unwrap();
            all.push(Printed {
                name: name.to_owned(),
                flags: u32::from_str_radix(flags, 16).unwrap(),
                mtu: after("mtu").map_or(0, |mtu| mtu.parse().unwrap()),
                ..Printed::default()
            });
            continue;
        }
        let Some(link) = all.last_mut() else {
            continue;
        };
        match words.as_slice() {
            ["ether", mac, ..] => link.mac = Some((*mac).to_owned()),
            ["inet", ip, ..] => {
                let Some(mask) = after("netmask").and_then(|mask| mask.strip_prefix("0x")) else {
                    continue;
                };
                let prefix = u32::from_str_radix(mask, 16).unwrap().count_ones();
                let other = after("-->").or_else(|| after("broadcast"));
                link.addresses.push((
                    ip.parse().unwrap(),
                    u8::try_from(prefix).unwrap(),
                    other.map(|other| other.parse().unwrap()),
                ));
            }
            ["inet6", ip, ..] => {
                let (ip, _) = ip.split_once('%').unwrap_or((ip, ""));
                let Some(prefix) = after("prefixlen") else {
                    continue;
                };
                let prefix = prefix.parse().unwrap();
                link.addresses.push((ip.parse().unwrap(), prefix, None));
            }
            _ => {}
        }
    }
    all
}
