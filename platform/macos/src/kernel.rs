//! The conversation with the kernel: links, addresses and routes are read by sysctl(3),
//! routes are changed and asked for over the routing socket, the rest by ioctl(2).
//!
//! NET_RT_IFLIST2 gives links and addresses of one moment in one call. getifaddrs(3) is
//! the same call with less of what it says (Libc, gen/FreeBSD/getifaddrs.c), so it is
//! not used.
//!
//! **A delete never looks at the gateway** (`rnh_deladdr`), so it takes what stands at its
//! key, whoever has put it there. What stands there is therefore looked for first, in the
//! dump: a read of a single route by RTM_GET finds neighbours of its key, too
//! ([`crate::route::Request`]). Between the look and the delete there is a moment left;
//! but the kernel says what it has taken, so that is compared as well, and what was not
//! meant is put back. A delete of a host's route that has just gone takes even another
//! key's.

use std::collections::HashMap;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use netprof_engine::{BackendError, Mode, Refusal};
use netprof_model::link::{Address, Link};
use netprof_model::plan::{Change, RouteAnswer, RouteProbe};
use netprof_model::route::{Route, RouteKey, RouteSpec};
use netprof_model::{Resource, State};
use netprof_plan::macos::put_back::is_host;
use netprof_posix::changes::{each, refusal};

use crate::mac::{Family, Mac};
use crate::route::numbers::{EEXIST, EHOSTUNREACH, ENETUNREACH, ESRCH};
use crate::route::{Malformed, Names, Reply, Request, ioctl, read_links, read_routes};

/// CTL_NET, PF_ROUTE, no protocol, any family, and what (bsd/sys/socket.h, bsd/net/route.h).
const LINKS: [i32; 6] = [4, 17, 0, 0, 6, 0];
const ROUTES: [i32; 6] = [4, 17, 0, 0, 1, 0];

/// How often what does not fit together is read anew, and a question asked anew whose
/// answer was lost.
const ATTEMPTS: usize = 4;

/// How many messages of others are passed over before an answer counts as lost: more than
/// a socket holds, unless others write faster than netprof reads.
const OTHERS: usize = 4096;

const GONE: &str = "it is not there any more";

/// What the kernel tells of one moment.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The links.
    pub links: Vec<Link>,
    /// Their addresses.
    pub addresses: Vec<Address>,
    /// The routes.
    pub routes: Vec<Route>,
}

fn failed(operation: &str, why: impl ToString) -> BackendError {
    BackendError {
        operation: operation.to_owned(),
        why: why.to_string(),
    }
}

/// Seconds since 1970: the kernel says when a route goes.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads links, addresses and routes, so that they fit together.
///
/// # Errors
///
/// [`BackendError`].
pub fn tables<M: Mac>(mac: &mut M) -> Result<Tables, BackendError> {
    let mut attempts = 1;
    loop {
        let links = mac
            .sysctl(&LINKS)
            .map_err(|why| failed("read the links", why))?;
        let links = read_links(&links).map_err(|why| failed("read the links", why))?;
        let routes = mac
            .sysctl(&ROUTES)
            .map_err(|why| failed("read the routes", why))?;
        let routes = read_routes(&routes, &links.names(), now());
        let routes = routes.map_err(|why| failed("read the routes", why))?;
        // A link came up in between. One that is not there the next time either has gone,
        // and left a route behind.
        let is_unknown = |why: &Malformed| matches!(why, Malformed::UnknownLink(_));
        if attempts < ATTEMPTS && routes.unread.iter().any(is_unknown) {
            attempts += 1;
            continue;
        }
        return Ok(Tables {
            links: links.links,
            addresses: links.addresses,
            routes: routes.routes,
        });
    }
}

/// Fills in what the dump does not say: whether there is a carrier, and how long the
/// addresses of IPv6 stay. What cannot be asked stays as it is.
pub fn complete<M: Mac>(mac: &mut M, tables: &mut Tables) {
    for link in &mut tables.links {
        if let Ok(mut request) = ioctl::ifmediareq(&link.name)
            && mac
                .ioctl(Family::V4, ioctl::SIOCGIFMEDIA, &mut request)
                .is_ok()
            && let Some(carrier) = ioctl::media_of(&request)
        {
            link.carrier = carrier;
        }
    }
    let names = Names::of(&tables.links);
    for address in &mut tables.addresses {
        let std::net::IpAddr::V6(ip) = address.local.addr() else {
            continue;
        };
        let zone = match names.index(&address.dev) {
            Ok(index) if ip.is_unicast_link_local() => u32::from(index),
            _ => 0,
        };
        if let Ok(mut request) = ioctl::in6_ifreq(&address.dev, ip, zone)
            && mac
                .ioctl(Family::V6, ioctl::SIOCGIFAFLAG_IN6, &mut request)
                .is_ok()
        {
            ioctl::Lifetime::of(&request).tell(address);
        }
    }
}

/// Asks which way packets would take. One answer for each probe.
///
/// # Errors
///
/// [`BackendError`].
pub fn look_up<M: Mac>(
    mac: &mut M,
    probes: &[RouteProbe],
) -> Result<Vec<RouteAnswer>, BackendError> {
    if probes.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |why: &dyn ToString| failed("look up routes", why.to_string());
    let links = mac.sysctl(&LINKS).map_err(|why| failed(&why))?;
    let names = read_links(&links).map_err(|why| failed(&why))?.names();
    mac.route_open().map_err(|why| failed(&why))?;
    let mut answers = Vec::with_capacity(probes.len());
    for (sequence, probe) in (1..).zip(probes) {
        answers.push(ask(mac, probe, &names, sequence).map_err(|why| failed(&why))?);
    }
    Ok(answers)
}

fn ask<M: Mac>(
    mac: &mut M,
    probe: &RouteProbe,
    names: &Names,
    sequence: u32,
) -> Result<RouteAnswer, String> {
    let nowhere = RouteAnswer {
        unreachable: true,
        ..RouteAnswer::default()
    };
    let request = match Request::look_up(probe, names, sequence) {
        Ok(request) => request,
        // No packet leaves by a link that is not there.
        Err(crate::route::Unwritable::NoLink(_)) => return Ok(nowhere),
        Err(error) => return Err(error.to_string()),
    };
    for _ in 0..ATTEMPTS {
        match send(mac, &request) {
            Ok(()) => {}
            Err(error) => {
                return match error.raw_os_error() {
                    Some(ESRCH | ENETUNREACH | EHOSTUNREACH) => Ok(nowhere),
                    _ => Err(error.to_string()),
                };
            }
        }
        if let Some(reply) = answer(mac, &request, names)? {
            return reply
                .answer()
                .ok_or_else(|| format!("the kernel answers {}", words(reply.errno)));
        }
        // It was dropped: the socket was full of what others do.
        mac.route_open().map_err(|error| error.to_string())?;
    }
    Err("the kernel does not answer".to_owned())
}

fn words(errno: i32) -> String {
    io::Error::from_raw_os_error(errno).to_string()
}

/// Writes a request to a socket that nothing is left in. Every request comes back to who
/// wrote it, too, and where a socket is full the kernel drops what is more, without a
/// sign: after some dozens of adds it would be the answer that counts (`raw_input` and
/// `sbappendaddr`; bsd/net/raw_cb.h has 8192 bytes for a socket).
fn send<M: Mac>(mac: &mut M, request: &Request) -> io::Result<()> {
    for _ in 0..OTHERS {
        if mac.route_read().is_err() {
            break;
        }
    }
    mac.route_write(request.bytes())
}

/// The kernel's answer to `request`, which was just sent; none where it was lost. It is in
/// the socket before write(2) returns, or never (`route_output` in bsd/net/rtsock.c), so
/// nothing is waited for.
fn answer<M: Mac>(mac: &mut M, request: &Request, names: &Names) -> Result<Option<Reply>, String> {
    let pid = std::process::id();
    for _ in 0..OTHERS {
        let bytes = match mac.route_read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        match Reply::read(&bytes, pid, request.sequence(), names, now()) {
            Ok(Some(reply)) => return Ok(Some(reply)),
            Ok(None) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(None)
}

/// Makes changes of routes, in their order. Forward, the first that is refused is the
/// last that is tried.
///
/// # Errors
///
/// Each change that was refused.
pub fn apply_routes<M: Mac>(
    mac: &mut M,
    changes: &[&Change],
    mode: Mode,
) -> Result<(), Vec<Refusal>> {
    let all = |why: String| -> Vec<Refusal> {
        changes
            .iter()
            .map(|change| refusal(change, why.clone()))
            .collect()
    };
    let tables = tables(mac).map_err(|error| all(error.to_string()))?;
    mac.route_open().map_err(|error| all(error.to_string()))?;
    let mut table = Table {
        names: Names::of(&tables.links),
        standing: HashMap::new(),
        sequence: 0,
    };
    for route in tables.routes {
        table
            .standing
            .entry(route.key)
            .or_default()
            .push(RouteSpec::clone(&route.spec));
    }
    each(changes, mode, |change| table.apply(mac, change, mode))
}

/// The routes that stood when the changes began.
struct Table {
    names: Names,
    standing: HashMap<RouteKey, Vec<RouteSpec>>,
    sequence: u32,
}

impl Table {
    fn apply<M: Mac>(&mut self, mac: &mut M, change: &Change, mode: Mode) -> Result<(), String> {
        let Resource::Route(key) = &change.resource else {
            return Err("the change is not of a route".to_owned());
        };
        let (before, after) = (
            route(change.before.as_ref())?,
            route(change.after.as_ref())?,
        );
        self.same_link(change, &[before, after])?;
        let standing = self.standing.get(key).map_or(&[][..], Vec::as_slice);
        let is_there = |spec: Option<&RouteSpec>| spec.is_some_and(|spec| standing.contains(spec));
        // Beside a network's route of one address there may be a host's with the same key:
        // somebody has brought back what netprof's own has replaced.
        let stands = before != after && is_there(after);
        if mode == Mode::Back && stands && !is_there(before) {
            return Ok(());
        }
        match before {
            None => {
                if let Some(other) = standing.first() {
                    return Err(format!("somebody else has a route there: {}", shown(other)));
                }
            }
            Some(_) if is_there(before) => self.delete(mac, key, before, mode)?,
            // What is gone by itself need not be taken away before it is put back.
            Some(_) if standing.is_empty() && mode == Mode::Back => {}
            Some(_) => {
                return Err(match standing.first() {
                    None => GONE.to_owned(),
                    Some(other) => format!("somebody else has changed it: {}", shown(other)),
                });
            }
        }
        let Some(after) = after.filter(|_| !stands) else {
            return Ok(());
        };
        let added = self.add(mac, key, after);
        if added.is_err()
            && let Some(before) = before
        {
            // Whole or not at all. Where this fails, too, the read back finds it.
            let _ = self.add(mac, key, before);
        }
        added
    }

    /// Deletes the route at `key`, which is `before` by all that is known.
    fn delete<M: Mac>(
        &mut self,
        mac: &mut M,
        key: &RouteKey,
        before: Option<&RouteSpec>,
        mode: Mode,
    ) -> Result<(), String> {
        let Some(before) = before else { return Ok(()) };
        let sequence = self.next();
        let request = Request::delete(key, before, &self.names, sequence);
        let request = request.map_err(|error| error.to_string())?;
        match send(mac, &request) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(ESRCH) && mode == Mode::Back => {
                return Ok(());
            }
            Err(error) if error.raw_os_error() == Some(ESRCH) => {
                return Err(GONE.to_owned());
            }
            Err(error) => return Err(format!("the kernel refuses to delete it: {error}")),
        }
        // It is deleted, whether or not its answer was lost; one that cannot be read is.
        let taken = answer(mac, &request, &self.names).ok().flatten();
        let Some(taken) = taken.and_then(|reply| reply.route) else {
            return Ok(());
        };
        if taken.key == *key && taken.spec == *before {
            return Ok(());
        }
        let was_gone = taken.key != *key || is_host(&taken.spec) != is_host(before);
        let shown = shown(&taken.spec);
        match (self.add(mac, &taken.key, &taken.spec), was_gone) {
            (Ok(()), true) if mode == Mode::Back => Ok(()),
            (Ok(()), true) => Err(GONE.to_owned()),
            (Ok(()), false) => Err(format!("somebody else has changed it: {shown}")),
            (Err(why), true) => Err(format!(
                "{GONE}, {} was deleted in its place, and it cannot be put back ({why}): {shown}",
                taken.key
            )),
            (Err(why), false) => Err(format!(
                "somebody else had changed it, it was deleted, and it cannot be put back ({why}): {shown}"
            )),
        }
    }

    fn add<M: Mac>(&mut self, mac: &mut M, key: &RouteKey, spec: &RouteSpec) -> Result<(), String> {
        let sequence = self.next();
        let request = Request::add(key, spec, &self.names, sequence);
        let request = request.map_err(|error| error.to_string())?;
        match send(mac, &request) {
            Ok(()) => Ok(()),
            Err(error) => Err(match error.raw_os_error() {
                Some(EEXIST) => "somebody else has a route there".to_owned(),
                Some(ENETUNREACH) => {
                    "the kernel finds no link with an address of its family for it".to_owned()
                }
                _ => format!("the kernel refuses to add it: {error}"),
            }),
        }
    }

    fn next(&mut self) -> u32 {
        self.sequence += 1;
        self.sequence
    }

    /// Refuses a route on a link that was made anew: it has the old one's name, but what
    /// the change is about went with the old one.
    fn same_link(&self, change: &Change, sides: &[Option<&RouteSpec>]) -> Result<(), String> {
        let Some(id) = &change.link else {
            return Ok(());
        };
        let through = |spec: &&RouteSpec| {
            spec.hops
                .iter()
                .any(|hop| hop.dev.as_ref() == Some(&id.name))
        };
        let goes_with_it = sides.iter().flatten().any(through);
        match self.names.index(&id.name) {
            Ok(index) if goes_with_it && u32::from(index) != id.index => Err(format!(
                "link {} is another one than when the plan was made",
                id.name
            )),
            _ => Ok(()),
        }
    }
}

fn route(state: Option<&State>) -> Result<Option<&RouteSpec>, String> {
    match state {
        None => Ok(None),
        Some(State::Route(spec)) => Ok(Some(spec)),
        Some(_) => Err("the change holds something else than a route".to_owned()),
    }
}

/// Where a route leads, for a person.
fn shown(spec: &RouteSpec) -> String {
    let hop = |hop: &netprof_model::route::Hop| {
        let via = hop.via.map(|via| format!("via {via} ")).unwrap_or_default();
        format!("{via}dev {}", hop.dev.as_deref().unwrap_or("?"))
    };
    match spec.hops.first() {
        Some(first) => hop(first),
        None => spec.kind.as_str().to_owned(),
    }
}
