//! Many routes in main, all declared by one profile, by hand; and many that somebody
//! else has.

use std::fs;
use std::io;
use std::path::Path;

use nix::libc;

use super::journal::{self, Bytes};
use super::kernel::Socket;
use super::office::{self, ROUTER};
use super::requests::{OURS, Route};

/// What the profile declares begins here, a /24 each.
const DECLARED: u32 = 0x1000_0000;
/// What others have begins here.
const FOREIGN: u32 = 0x1800_0000;

/// Reads what a plan of such a profile rests on: nothing of it is about names, so
/// nobody is asked on the bus. Which number the link has.
fn look(kernel: &mut Socket, profile: Option<&str>) -> io::Result<u32> {
    if let Some(profile) = profile {
        fs::read(profile)?;
        Socket::obstacles()?;
    }
    office::here()?;
    let link = office::number(&kernel.links()?, "lan0")?;
    kernel.addresses()?;
    kernel.rules()?;
    Ok(link)
}

pub(crate) fn plan(profile: &str) -> io::Result<()> {
    let _ = fs::read("/var/lib/netprof/held.json");
    let mut kernel = Socket::open(libc::NETLINK_ROUTE)?;
    look(&mut kernel, Some(profile))?;
    println!("{} routes are ours", kernel.routes(None)?);
    Ok(())
}

/// One dump of netprof's routes: less than that cannot tell that all of them are there.
pub(crate) fn dump(count: usize) -> io::Result<()> {
    let mut kernel = Socket::open(libc::NETLINK_ROUTE)?;
    expect(kernel.routes(Some(OURS))?, count)
}

/// The transaction, forth or back.
pub(crate) fn change(count: usize, profile: &str, state: &Path, forth: bool) -> io::Result<()> {
    let _lock = journal::lock(state)?;
    if !forth {
        journal::read_newest(state)?;
    }
    let mut kernel = Socket::open(libc::NETLINK_ROUTE)?;
    kernel.widen()?;
    let link = look(&mut kernel, forth.then_some(profile))?;
    expect(kernel.routes(None)?, if forth { 0 } else { count })?;
    let bytes = Bytes::of_routes(count, forth);
    let journal = journal::begin(state, bytes)?;
    kernel.change(0..count, |requests, at| {
        route(DECLARED, at, link, u32::from(libc::RT_TABLE_MAIN), OURS).write(requests, forth);
    })?;
    expect(kernel.routes(Some(OURS))?, if forth { count } else { 0 })?;
    if forth {
        let addresses: Vec<[u8; 4]> = (0..count).map(|at| prefix(DECLARED, at)).collect();
        kernel.ask(addresses.iter().map(|to| (&to[..], link)))?;
    }
    journal::commit(state, &journal, bytes, forth)?;
    println!("done");
    Ok(())
}

/// Routes as a routing daemon has them, in any table.
pub(crate) fn foreign(count: usize, table: u32, forth: bool) -> io::Result<()> {
    const RTPROT_BGP: u8 = 186;
    let mut kernel = Socket::open(libc::NETLINK_ROUTE)?;
    kernel.widen()?;
    let link = office::number(&kernel.links()?, "lan0")?;
    kernel.change(0..count, |requests, at| {
        route(FOREIGN, at, link, table, RTPROT_BGP).write(requests, forth);
    })
}

fn prefix(first: u32, at: usize) -> [u8; 4] {
    (first + ((at as u32) << 8)).to_be_bytes()
}

fn route(first: u32, at: usize, link: u32, table: u32, protocol: u8) -> Route {
    Route {
        to: prefix(first, at),
        length: 24,
        via: ROUTER,
        link,
        metric: 0,
        table,
        protocol,
    }
}

fn expect(found: usize, wanted: usize) -> io::Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "the kernel shows {found} routes of ours, not {wanted}"
        ))),
    }
}
