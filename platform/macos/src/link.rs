//! Changes of links: whether one is up, its largest packet, the addresses of `lo0`.
//!
//! None of them can be compared and set in one call, so what is there is asked right
//! before.

use std::net::IpAddr;

use netprof_engine::Mode;
use netprof_model::plan::Change;
use netprof_model::{Resource, State};

use crate::kernel::tables;
use crate::mac::{Family, Mac};
use crate::route::{Names, ioctl};

/// Makes a change of a link.
///
/// # Errors
///
/// Why not, in words.
pub fn put<M: Mac>(mac: &mut M, change: &Change, mode: Mode) -> Result<(), String> {
    match &change.resource {
        Resource::Mtu { dev } => {
            let Some(live) = mtu(mac, change, dev, mode)? else {
                return Ok(());
            };
            let (before, after) = (
                number(change.before.as_ref())?,
                number(change.after.as_ref())?,
            );
            // A link that is to have none keeps what it has.
            let Some(after) = after else { return Ok(()) };
            if live == after && mode == Mode::Back {
                return Ok(());
            }
            if Some(live) != before {
                return Err(format!("somebody else has set it to {live}"));
            }
            let request = ioctl::ifreq_number(dev, after);
            set(mac, Family::V4, ioctl::SIOCSIFMTU, request)
        }
        Resource::LinkUp { dev } => {
            let Some(after) = up(change.after.as_ref())? else {
                return Ok(());
            };
            if !is_there(mac, change, dev, mode)? {
                return Ok(());
            }
            let mut request = ioctl::ifreq(dev).map_err(|error| error.to_string())?;
            mac.ioctl(Family::V4, ioctl::SIOCGIFFLAGS, &mut request)
                .map_err(|error| format!("the kernel does not tell: {error}"))?;
            let flags = ioctl::flags_of(&request);
            let live = flags != ioctl::flags_with_up(flags, false);
            if live == after && mode == Mode::Back {
                return Ok(());
            }
            if Some(live) != up(change.before.as_ref())? {
                let how = if live { "on" } else { "off" };
                return Err(format!("somebody else has switched it {how}"));
            }
            let flags = ioctl::flags_with_up(flags, after);
            let request = ioctl::ifreq_flags(dev, flags);
            set(mac, Family::V4, ioctl::SIOCSIFFLAGS, request)
        }
        Resource::Address { dev, local } => {
            // That is all that netprof gives addresses to; elsewhere they are configd's.
            if dev != "lo0" {
                return Err(format!("addresses of {dev} are configd's"));
            }
            let tables = tables(mac).map_err(|error| error.to_string())?;
            let mut all = tables.addresses.iter();
            let live = all.any(|one| &one.dev == dev && &one.local == local);
            let (before, after) = (change.before.is_some(), change.after.is_some());
            match (live, after) {
                (live, after) if live == after && mode == Mode::Back => Ok(()),
                (live, _) if live != before => Err(match live {
                    true => "somebody else has added it".to_owned(),
                    false => "it is not there any more".to_owned(),
                }),
                (false, true) => match local.addr() {
                    IpAddr::V4(ip) => {
                        let request = ioctl::in_aliasreq(dev, ip, local.prefix_len());
                        set(mac, Family::V4, ioctl::SIOCAIFADDR, request)
                    }
                    IpAddr::V6(ip) => {
                        let request = ioctl::in6_aliasreq(dev, ip, local.prefix_len());
                        set(mac, Family::V6, ioctl::SIOCAIFADDR_IN6, request)
                    }
                },
                (true, false) => match local.addr() {
                    IpAddr::V4(ip) => {
                        let request = ioctl::ifreq_address(dev, ip);
                        set(mac, Family::V4, ioctl::SIOCDIFADDR, request)
                    }
                    IpAddr::V6(ip) => {
                        let request = ioctl::in6_ifreq(dev, ip, 0);
                        set(mac, Family::V6, ioctl::SIOCDIFADDR_IN6, request)
                    }
                },
                _ => Ok(()),
            }
        }
        _ => Err("the change is not of a link".to_owned()),
    }
}

fn set<M: Mac, const N: usize>(
    mac: &mut M,
    family: Family,
    request: u32,
    argument: Result<[u8; N], crate::route::Unwritable>,
) -> Result<(), String> {
    let mut argument = argument.map_err(|error| error.to_string())?;
    mac.ioctl(family, request, &mut argument)
        .map_err(|error| format!("the kernel refuses: {error}"))
}

/// Whether the link of the change is there; an error where it must be, or is another one.
fn is_there<M: Mac>(mac: &mut M, change: &Change, dev: &str, mode: Mode) -> Result<bool, String> {
    let tables = tables(mac).map_err(|error| error.to_string())?;
    let same = match (Names::of(&tables.links).index(dev), &change.link) {
        (Ok(index), Some(id)) if id.name == dev => u32::from(index) == id.index,
        (found, _) => found.is_ok(),
    };
    match (same, mode) {
        (true, _) => Ok(true),
        (false, Mode::Back) => Ok(false),
        (false, Mode::Forward) => Err(format!("link {dev} is not there any more")),
    }
}

/// The largest packet of the link; none where it is gone and need not be there.
fn mtu<M: Mac>(mac: &mut M, change: &Change, dev: &str, mode: Mode) -> Result<Option<u32>, String> {
    if !is_there(mac, change, dev, mode)? {
        return Ok(None);
    }
    let mut request = ioctl::ifreq(dev).map_err(|error| error.to_string())?;
    mac.ioctl(Family::V4, ioctl::SIOCGIFMTU, &mut request)
        .map_err(|error| format!("the kernel does not tell: {error}"))?;
    Ok(Some(ioctl::number_of(&request)))
}

fn number(state: Option<&State>) -> Result<Option<u32>, String> {
    match state {
        None => Ok(None),
        Some(State::Mtu { mtu }) => Ok(Some(*mtu)),
        Some(_) => Err("the change holds something else than a size".to_owned()),
    }
}

fn up(state: Option<&State>) -> Result<Option<bool>, String> {
    match state {
        None => Ok(None),
        Some(State::LinkUp { up }) => Ok(Some(*up)),
        Some(_) => Err("the change holds something else than whether a link is up".to_owned()),
    }
}
