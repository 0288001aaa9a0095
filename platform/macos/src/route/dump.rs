//! All routes, as sysctl(3) gives them: `{CTL_NET, PF_ROUTE, 0, 0, NET_RT_DUMP, 0}` (xnu,
//! `sysctl_dumpentry`, `bsd/net/rtsock.c`).
//!
//! The table of macOS holds more than routes: what the kernel *cloned* of a route for one
//! destination (`RTF_WASCLONED`), neighbours among them, and unmakes when the route
//! changes. Clones come and go with every packet and are left out, and counted. All else
//! is a route, also to this host's own addresses and to multicast groups.

use netprof_model::route::{Route, rtf};

use super::decode;
use super::error::Malformed;
use super::message::Messages;
use super::names::Names;
use super::numbers::{RTF_CONDEMNED, RTM_GET};

/// The routes of a dump, and how many entries were no such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// The routes, in the order of the dump.
    pub routes: Vec<Route>,
    /// Clones.
    pub clones: usize,
    /// Messages of another kind, routes of another family or on their way out
    /// (`RTF_CONDEMNED`).
    pub others: usize,
    /// Routes that the model has no words for, each with the reason: [`Malformed::Netmask`]
    /// is legal, and [`Malformed::UnknownLink`] says that the links were read at another
    /// time than the routes, or that a route outlived its link. They are no reason to see
    /// none of the others: where a change is about the same key, the kernel says so.
    pub unread: Vec<Malformed>,
}

/// Reads the bytes of `NET_RT_DUMP`. `now` is the time in seconds since
/// 1970, which lifetimes are counted from.
///
/// # Errors
///
/// [`Malformed`] where the bytes are not what they were taken for.
pub fn read_routes(dump: &[u8], names: &Names, now: i64) -> Result<Routes, Malformed> {
    let mut all = Routes::default();
    for message in Messages::new(dump) {
        let message = message?;
        if message.kind != RTM_GET {
            all.others += 1;
            continue;
        }
        let (header, sockaddrs) = message.route()?;
        if header.flags & rtf::WASCLONED != 0 {
            all.clones += 1;
        } else if header.flags & RTF_CONDEMNED != 0 {
            all.others += 1;
        } else {
            match decode::route(&message, &header, &sockaddrs, names, now) {
                Ok(Some(route)) => all.routes.push(route),
                Ok(None) => all.others += 1,
                Err(why @ (Malformed::Netmask | Malformed::UnknownLink(_))) => all.unread.push(why),
                Err(why) => return Err(why),
            }
        }
    }
    Ok(all)
}
