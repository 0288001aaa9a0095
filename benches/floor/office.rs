//! `office.kdl`, done by hand.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::libc;

use super::bus::Bus;
use super::journal::{self, Bytes};
use super::kernel::Socket;
use super::requests::{OURS, Route, rule};

const LAN: [u8; 4] = [192, 168, 77, 0];
const LAN6: [u8; 16] = [0xfd, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
pub(crate) const ROUTER: [u8; 4] = [192, 168, 77, 1];
const CORP: [u8; 4] = [10, 99, 0, 1];
const CORP_NET: [u8; 4] = [10, 99, 5, 0];
const CORP_SECOND: [u8; 4] = [10, 99, 5, 5];
const FAR: [u8; 4] = [172, 20, 0, 0];

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What is, as far as a plan rests on it.
struct Machine {
    kernel: Socket,
    bus: Bus,
    lan: u32,
    corp: u32,
    rules: usize,
    routes: usize,
}

/// The boot and the namespace that this is.
pub(crate) fn here() -> io::Result<u64> {
    fs::read(BOOT_ID)?;
    Ok(fs::metadata("/proc/self/ns/net")?.ino())
}

/// The number of a link.
pub(crate) fn number(links: &HashMap<String, u32>, name: &str) -> io::Result<u32> {
    let found = links.get(name).copied();
    found.ok_or_else(|| io::Error::other(format!("there is no link {name}")))
}

/// Reads everything: the bus answers while the kernel is read. The way back needs neither
/// a profile nor what could undo a route.
fn look(profile: Option<&str>) -> io::Result<Machine> {
    if let Some(profile) = profile {
        fs::read(profile)?;
    }
    here()?;
    let mut kernel = Socket::open(libc::NETLINK_ROUTE)?;
    let links = kernel.links()?;
    let (lan, corp) = (number(&links, "lan0")?, number(&links, "corp0")?);
    let mut bus = Bus::open(|calls| {
        calls.who();
        calls.read_manager();
        for &link in links.values().filter(|&&link| link != 1) {
            calls.read_link(link);
        }
    })?;
    kernel.addresses()?;
    let (rules, routes) = (kernel.rules()?, kernel.routes(None)?);
    if profile.is_some() {
        Socket::obstacles()?;
    }
    // What programs ask for names, and what resolved keeps of each link.
    fs::read_link("/etc/resolv.conf")?;
    fs::read("/etc/resolv.conf")?;
    fs::read("/etc/nsswitch.conf")?;
    for link in [lan, corp] {
        fs::read(format!("/run/systemd/resolve/netif/{link}"))?;
    }
    bus.wait()?;
    Ok(Machine {
        kernel,
        bus,
        lan,
        corp,
        rules,
        routes,
    })
}

pub(crate) fn plan(profile: &str) -> io::Result<()> {
    let _ = fs::read("/var/lib/netprof/held.json");
    let machine = look(Some(profile))?;
    println!(
        "{} rules and {} routes are ours",
        machine.rules, machine.routes
    );
    Ok(())
}

pub(crate) fn same(profile: &str, state: &Path) -> io::Result<()> {
    let _lock = journal::lock(state)?;
    let machine = look(Some(profile))?;
    println!(
        "{} rules and {} routes are ours",
        machine.rules, machine.routes
    );
    Ok(())
}

/// The transaction, forth or back.
pub(crate) fn change(profile: &str, state: &Path, forth: bool) -> io::Result<()> {
    let _lock = journal::lock(state)?;
    if !forth {
        journal::read_newest(state)?;
    }
    let Machine {
        mut kernel,
        mut bus,
        lan,
        corp,
        ..
    } = look(forth.then_some(profile))?;
    let journal = journal::begin(state, Bytes::OF_OFFICE)?;

    let inside = route((CORP_NET, 24), (CORP, corp), 0);
    let far = route((FAR, 14), (ROUTER, lan), 50);
    kernel.change([()], |requests, ()| {
        rule(requests, forth, &LAN, 24);
        rule(requests, forth, &LAN6, 64);
        inside.write(requests, forth);
        far.write(requests, forth);
    })?;
    bus.send(|calls| {
        if forth {
            calls.set_domains(
                corp,
                &[("corp.example", false), ("99.10.in-addr.arpa", true)],
            );
            calls.set_servers(corp, &[CORP, CORP_SECOND]);
        } else {
            calls.set_domains(corp, &[(".", true)]);
            calls.set_servers(corp, &[CORP]);
        }
        calls.forget_names();
        // Read back, by the same write: a bus delivers in order.
        calls.read_manager();
        calls.read_link(corp);
    })?;

    let wanted = if forth { 2 } else { 0 };
    if (kernel.rules()?, kernel.routes(Some(OURS))?) != (wanted, wanted) {
        return Err(io::Error::other("the kernel shows something else"));
    }
    let shown = bus.wait()?;
    if shown.windows(12).any(|text| text == b"corp.example") != forth {
        return Err(io::Error::other("resolved shows something else"));
    }
    if forth {
        let (mut nas, mut nas6, mut inside) = (LAN, LAN6, CORP_NET);
        (nas[3], nas6[15], inside[3]) = (9, 9, 9);
        kernel.ask([
            (&nas[..], lan),
            (&nas6, lan),
            (&inside, corp),
            (&FAR, lan),
            (&CORP, corp),
            (&CORP_SECOND, corp),
        ])?;
    }
    journal::commit(state, &journal, Bytes::OF_OFFICE, forth)?;
    println!("done");
    Ok(())
}

/// A route in main.
fn route((to, length): ([u8; 4], u8), (via, link): ([u8; 4], u32), metric: u32) -> Route {
    Route {
        to,
        length,
        via,
        link,
        metric,
        table: u32::from(libc::RT_TABLE_MAIN),
        protocol: OURS,
    }
}
