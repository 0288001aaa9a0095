//! Reads resolved, networkd and NetworkManager, in two or three rounds of calls.
//!
//! What depends on no link is asked for before the kernel is read ([`begin`]), so that
//! the daemons work while netlink answers. Then comes all that is asked of each link,
//! to all services at once, and last what the first answers have brought up: delegates,
//! and NetworkManager's devices. All of it shares one deadline.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use netprof_model::Section;
use netprof_model::dns::{DefaultRoute, DnsLink};
use netprof_model::link::{Link, LinkId, LinkManager};
use netprof_model::snapshot::{LiveDelegate, Resolved, ResolvedLink, SameNamespace};

use super::properties::{self, Modes, RawLink, RawServer, Saved};
use super::{files, managers, namespace};
use crate::bus::{
    Answer, BUS, Bus, Exchange, Failure, IN_FLIGHT, Object, Properties, Signals, body, path,
    property, value,
};
use crate::dbus::{Call, Message, ObjectPath};

/// The number of the loopback link in every network namespace (LOOPBACK_IFINDEX in the
/// kernel's net/flow.h).
pub(super) const LOOPBACK: u32 = 1;

/// What the rounds after the one that asks of each link may need.
const LAST_ROUNDS: Duration = Duration::from_millis(500);

/// How many links resolved is asked for before it is known to be there: with what it was
/// asked in the beginning, as much as [`Exchange::call`] asks one service at a time. That
/// does not count these, so that as much again may be out to resolved; see [`MOST_OUT`].
const AT_ONCE: usize = IN_FLIGHT - 3;

/// The most calls that are ever out: what resolved was asked in advance, then as much
/// again to it, to networkd and to NetworkManager, and one to the bus.
const MOST_OUT: usize = 4 * IN_FLIGHT + 1;
const _: () = assert!(
    MOST_OUT <= 128,
    "max_replies_per_connection of a system bus, dbus-daemon(1)"
);

/// The most that is read of a daemon's file about a link.
const MOST_SAVED: u64 = 64 * 1024;

/// resolved's name for a person.
pub(super) const RESOLVED_NAME: &str = "systemd-resolved";

pub(super) const RESOLVED: Object<'_> = Object {
    service: "org.freedesktop.resolve1",
    path: "/org/freedesktop/resolve1",
    interface: "org.freedesktop.resolve1.Manager",
};
pub(super) const NETWORKD: Object<'_> = Object {
    service: "org.freedesktop.network1",
    path: "/org/freedesktop/network1",
    interface: "org.freedesktop.network1.Manager",
};
const NETWORK_MANAGER: Object<'_> = Object {
    service: "org.freedesktop.NetworkManager",
    path: "/org/freedesktop/NetworkManager",
    interface: "org.freedesktop.NetworkManager",
};

/// Calls that are under way while the kernel is read.
pub(super) struct Begun {
    exchange: Exchange,
    sent: Vec<Answer<u32>>,
}

/// What was read.
pub(super) struct Read {
    pub(super) resolved: Section<Resolved>,
    /// Whether resolved is not there, or went away meanwhile.
    pub(super) gone: bool,
    pub(super) managers: HashMap<String, LinkManager>,
}

/// Sends what depends on no link, in one write with what a new connection begins with.
pub(super) fn begin(kept: Option<Exchange>) -> Answer<Begun> {
    let mut exchange = Exchange::open(Bus::System, kept)?;
    let calls = vec![
        BUS.call("GetConnectionUnixProcessID", &(RESOLVED.service,)),
        BUS.call("NameHasOwner", &(NETWORKD.service,)),
        BUS.call("NameHasOwner", &(NETWORK_MANAGER.service,)),
        RESOLVED.get_all(),
        read_link(LOOPBACK),
        RESOLVED.call("ListDelegates", &()),
    ];
    let sent = exchange.send(calls);
    Ok(Begun { exchange, sent })
}

/// Reads everything, and gives the connection back. Files are looked for below `root`.
pub(super) fn observe(begun: Begun, links: &[Link], root: &Path) -> (Read, Exchange) {
    let Begun { mut exchange, sent } = begun;
    // However long the kernel took: what was asked meanwhile has long been answered.
    exchange.restart_clock();
    let links: Vec<&Link> = links.iter().filter(|link| !link.loopback).collect();
    // resolved is most probably there, and does all that lies before it in one go.
    let (first, rest) = links.split_at(links.len().min(AT_ONCE));
    let first = exchange.send(first.iter().map(|link| read_link(link.index)).collect());

    let mut sent = sent.into_iter();
    let of_bus = sent.by_ref().take(3).collect();
    let mut of_bus = exchange.wait(of_bus).into_iter();
    let mut next = || of_bus.next().unwrap_or(Err(Failure::NoAnswer));
    let (pid, has_networkd, has_nm) = (next(), next(), next());
    let owned = |answer: Answer| answer.and_then(|reply| value::<bool>(&reply)) == Ok(true);
    let (has_networkd, has_nm) = (owned(has_networkd), owned(has_nm));

    let of_resolved = if pid.is_ok() { rest } else { &[] };
    let of_networkd = if has_networkd { &links[..] } else { &[] };
    let of_nm = if has_nm { &links[..] } else { &[] };
    // Our own name is that of the connection, and has come with the answer to Hello.
    let mut calls = vec![our_pid(&mut exchange)];
    calls.extend(of_resolved.iter().map(|link| read_link(link.index)));
    calls.extend(of_networkd.iter().map(|link| {
        let object = Object {
            path: &path("/org/freedesktop/network1/link", &link.index.to_string()),
            interface: "org.freedesktop.network1.Link",
            ..NETWORKD
        };
        object.get("AdministrativeState")
    }));
    calls.extend(
        of_nm
            .iter()
            .map(|link| NETWORK_MANAGER.call("GetDeviceByIpIface", &(link.name.as_str(),))),
    );
    // A manager of links that hangs shall not cost us the answers of resolved.
    exchange.leave(LAST_ROUNDS);
    let mut answers = exchange.call(calls).into_iter();
    let mut resolved_links = exchange.wait(first);
    exchange.use_all_time();
    let our_pid = answers.next().unwrap_or(Err(Failure::NoAnswer));
    resolved_links.extend(answers.by_ref().take(of_resolved.len()));
    let states: Vec<Answer> = answers.by_ref().take(of_networkd.len()).collect();
    let devices: Vec<Answer> = answers.collect();

    let pid = pid.and_then(|answer| value::<u32>(&answer));
    let namespace = pid.clone().map(|pid| compare_namespace(pid, our_pid));
    let here = namespace == Ok(SameNamespace::Yes);
    let mut managed = HashMap::new();
    let mut states = states.into_iter();
    for link in &links {
        let state = states.next().unwrap_or(Err(Failure::NoAnswer));
        let state = state.and_then(|answer| property::<String>("AdministrativeState", &answer));
        let is_networkds = match state {
            Ok(state) => managers::is_networkds(&state),
            Err(_) => here && is_networkds_by_file(root, link.index),
        };
        if is_networkds {
            managed.insert(link.name.clone(), LinkManager::Networkd);
        }
    }

    let mut of_manager = exchange.wait(sent.collect()).into_iter();
    let general = of_manager.next().unwrap_or(Err(Failure::NoAnswer));
    let loopback = of_manager.next().unwrap_or(Err(Failure::NoAnswer));
    let delegates = of_manager.next().unwrap_or(Err(Failure::NoAnswer));
    let (delegates, nm) = last_round(&mut exchange, delegates, of_nm, devices);
    for name in nm {
        managed.entry(name).or_insert(LinkManager::NetworkManager);
    }

    let resolved = namespace.and_then(|namespace| {
        let general = general?;
        let general = Properties::of(&general)?;
        let unset = unset(&general, loopback)?;
        let mut known = Vec::new();
        for (link, answer) in links.iter().zip(resolved_links) {
            let is_networkds = managed.get(&link.name) == Some(&LinkManager::Networkd);
            let saved = saved(root, link.index, is_networkds, &namespace);
            if let Some(dns) = link_of(answer, &unset, saved)? {
                known.push(ResolvedLink { id: link.id(), dns });
            }
        }
        Ok(Resolved {
            namespace,
            stub: stub(&general)?,
            global: global(&general)?,
            links: known,
            delegates: delegates?,
        })
    });
    let read = Read {
        gone: resolved.as_ref().is_err_and(Failure::is_gone),
        resolved: resolved.map_or_else(|failure| section(&failure), Section::Seen),
        managers: managed,
    };
    (read, exchange)
}

/// A call that asks the bus which process we are.
pub(super) fn our_pid(exchange: &mut Exchange) -> Answer<Call> {
    let own_name = exchange.own_name()?;
    BUS.call("GetConnectionUnixProcessID", &(own_name,))
}

/// Waits until somebody owns resolved's name, but not longer than `time`.
pub(super) fn comes_back(kept: Exchange, time: Duration) -> (bool, Option<Exchange>) {
    let Ok(mut exchange) = Exchange::open(Bus::System, Some(kept)) else {
        return (false, None);
    };
    exchange.give(time);
    let changes = Signals {
        rule: format!(
            "type='signal',sender='{}',interface='{}',member='NameOwnerChanged',arg0='{}'",
            BUS.service, BUS.interface, RESOLVED.service
        ),
        interface: BUS.interface,
        member: "NameOwnerChanged",
    };
    let mut wait = || -> Answer<()> {
        exchange.listen(&changes)?;
        let has_owner = exchange.call_one(BUS.call("NameHasOwner", &(RESOLVED.service,)))?;
        if value::<bool>(&has_owner)? {
            return Ok(());
        }
        // Anybody may send a signal; that it is the bus's own, the bus says.
        let has_owner = |message: &Message| {
            message.sender() == BUS.service
                && body::<(&str, &str, &str)>(message)
                    .is_ok_and(|(name, _, new)| name == RESOLVED.service && !new.is_empty())
        };
        exchange.signal(has_owner).map(drop)
    };
    let is_back = wait().is_ok();
    exchange.stop_listening(&changes);
    (is_back, Some(exchange))
}

/// What an answer that failed says of resolved as a whole.
pub(super) fn section<T>(failure: &Failure) -> Section<T> {
    if failure.is_absent() {
        Section::Absent
    } else {
        Section::Unreadable(failure.words(RESOLVED_NAME))
    }
}

/// A call that reads what resolved holds for a link. The path is computed: asking for it
/// (GetLink) would cost a round.
pub(super) fn read_link(index: u32) -> Answer<Call> {
    let object = Object {
        path: &path("/org/freedesktop/resolve1/link", &index.to_string()),
        interface: "org.freedesktop.resolve1.Link",
        ..RESOLVED
    };
    object.get_all()
}

/// The answer to [`read_link`]; none where resolved does not know the link.
pub(super) fn link_of(answer: Answer, unset: &Modes, saved: Saved) -> Answer<Option<DnsLink>> {
    let answer = match answer {
        Err(failure) if failure.is_unknown_to_it() || failure.is_no_such_link() => {
            return Ok(None);
        }
        answer => answer?,
    };
    let all = Properties::of(&answer)?;
    let servers = match all.get::<Vec<RawServer>>("DNSEx")? {
        Some(servers) => servers,
        // Before 246.
        None => all
            .get::<Vec<(i32, Vec<u8>)>>("DNS")?
            .unwrap_or_default()
            .into_iter()
            .map(|(family, address)| (family, address, 0, String::new()))
            .collect(),
    };
    let raw = RawLink {
        scopes: all.get("ScopesMask")?.unwrap_or_default(),
        servers,
        domains: all.get("Domains")?.unwrap_or_default(),
        default_route: all.get("DefaultRoute")?.unwrap_or_default(),
        modes: modes(&all)?,
        negative_trust_anchors: all.get("DNSSECNegativeTrustAnchors")?.unwrap_or_default(),
    };
    properties::link(&raw, unset, saved)
        .map(Some)
        .map_err(Failure::Unexpected)
}

/// The modes of a link of which nothing was said, from what the manager says and what
/// the loopback link does, which nobody can set.
pub(super) fn unset(general: &Properties, loopback: Answer) -> Answer<Modes> {
    match loopback {
        Ok(loopback) => modes(&Properties::of(&loopback)?),
        // The next best: wrong for mDNS alone, and with old versions alone.
        Err(failure) if failure.is_unknown_to_it() => modes(general),
        Err(failure) => Err(failure),
    }
}

/// The modes of a link, or of the manager.
fn modes(all: &Properties) -> Answer<Modes> {
    let text = |name: &str| Ok::<_, Failure>(all.get::<String>(name)?.unwrap_or_default());
    Ok(Modes {
        llmnr: text("LLMNR")?,
        mdns: text("MulticastDNS")?,
        dns_over_tls: text("DNSOverTLS")?,
        dnssec: text("DNSSEC")?,
    })
}

fn stub(all: &Properties) -> Answer<bool> {
    // Versions that do not tell (before 245) listen unless configured otherwise.
    let mode = all.get::<String>("DNSStubListener")?;
    Ok(mode.is_none_or(|mode| mode != "no"))
}

type OfLink = (i32, i32, Vec<u8>, u16, String);

fn global(all: &Properties) -> Answer<netprof_model::snapshot::DnsGlobal> {
    let servers = |extended: &str, plain: &str| -> Answer<Vec<(i32, RawServer)>> {
        if let Some(servers) = all.get::<Vec<OfLink>>(extended)? {
            return Ok(servers.into_iter().map(split).collect());
        }
        let servers = all
            .get::<Vec<(i32, i32, Vec<u8>)>>(plain)?
            .unwrap_or_default();
        Ok(servers
            .into_iter()
            .map(|(index, family, address)| (index, (family, address, 0, String::new())))
            .collect())
    };
    properties::global(
        &servers("DNSEx", "DNS")?,
        &all.get::<Vec<(i32, String, bool)>>("Domains")?
            .unwrap_or_default(),
        &servers("FallbackDNSEx", "FallbackDNS")?,
    )
    .map_err(Failure::Unexpected)
}

fn split((index, family, address, port, name): OfLink) -> (i32, RawServer) {
    (index, (family, address, port, name))
}

/// The properties of the delegates, and which devices are NetworkManager's.
fn last_round(
    exchange: &mut Exchange,
    delegates: Answer,
    links: &[&Link],
    devices: Vec<Answer>,
) -> (Answer<Option<Vec<LiveDelegate>>>, Vec<String>) {
    let list = delegates.and_then(|answer| value::<Vec<(String, ObjectPath)>>(&answer));
    let ids = list.as_deref().unwrap_or_default();
    let devices: Vec<(&str, ObjectPath)> = links
        .iter()
        .zip(devices)
        .filter_map(|(link, answer)| Some((link.name.as_str(), value(&answer.ok()?).ok()?)))
        .collect();
    let mut calls: Vec<Answer<Call>> = ids
        .iter()
        .map(|(_, path)| read_delegate(path.as_str()))
        .collect();
    calls.extend(devices.iter().map(|(_, path)| {
        let object = Object {
            path: path.as_str(),
            interface: "org.freedesktop.NetworkManager.Device",
            ..NETWORK_MANAGER
        };
        object.get_all()
    }));
    let mut answers = exchange.call(calls).into_iter();
    let of_delegates: Vec<Answer> = answers.by_ref().take(ids.len()).collect();
    let of_devices: Vec<(&str, Answer)> =
        devices.iter().map(|(name, _)| *name).zip(answers).collect();
    let nm = network_managers(exchange, of_devices);
    let delegates = match list {
        Err(failure) if failure.is_unknown_to_it() => Ok(None),
        Err(failure) => Err(failure),
        Ok(ids) => ids
            .into_iter()
            .zip(of_delegates)
            .filter_map(|((id, _), answer)| delegate_of(id, answer).transpose())
            .collect::<Answer<Vec<_>>>()
            .map(|mut all| {
                all.sort_by(|one, other| one.id.cmp(&other.id));
                Some(all)
            }),
    };
    (delegates, nm)
}

/// A call that reads a delegate.
pub(super) fn read_delegate(path: &str) -> Answer<Call> {
    let object = Object {
        path,
        interface: "org.freedesktop.resolve1.DnsDelegate",
        ..RESOLVED
    };
    object.get_all()
}

/// The answer to [`read_delegate`]; none where it has gone meanwhile.
pub(super) fn delegate_of(id: String, answer: Answer) -> Answer<Option<LiveDelegate>> {
    let answer = match answer {
        Err(failure) if failure.is_unknown_to_it() => return Ok(None),
        answer => answer?,
    };
    let all = Properties::of(&answer)?;
    let servers = all.get::<Vec<OfLink>>("DNS")?.unwrap_or_default();
    let dns = properties::delegate(
        &servers.into_iter().map(split).collect::<Vec<_>>(),
        &all.get::<Vec<(String, bool)>>("Domains")?
            .unwrap_or_default(),
        all.get("DefaultRoute")?.unwrap_or_default(),
    )
    .map_err(Failure::Unexpected)?;
    Ok(Some(LiveDelegate { id, dns }))
}

fn network_managers(exchange: &mut Exchange, devices: Vec<(&str, Answer)>) -> Vec<String> {
    let mut taken = Vec::new();
    for (name, answer) in devices {
        let read = || -> Answer<(bool, u32, Option<ObjectPath>)> {
            let answer = answer?;
            let all = Properties::of(&answer)?;
            Ok((
                all.get("Managed")?.unwrap_or_default(),
                all.get("State")?.unwrap_or_default(),
                all.get("ActiveConnection")?,
            ))
        };
        if let Ok(device) = read() {
            taken.push((name, device));
        }
    }
    let calls = taken.iter().map(|(_, (_, _, connection))| {
        let object = Object {
            // What a device says that has none.
            path: connection.as_ref().map_or("/", ObjectPath::as_str),
            interface: "org.freedesktop.NetworkManager.Connection.Active",
            ..NETWORK_MANAGER
        };
        object.get("StateFlags")
    });
    let calls = calls.collect();
    let flags = exchange.call(calls);
    taken
        .into_iter()
        .zip(flags)
        .filter(|((_, (managed, state, _)), flags)| {
            let flags = flags.as_ref().ok();
            let flags = flags.and_then(|answer| property::<u32>("StateFlags", answer).ok());
            managers::is_network_managers(*managed, *state, flags)
        })
        .map(|((name, _), _)| name.to_owned())
        .collect()
}

/// Whether the process with `pid` sees our network.
pub(super) fn compare_namespace(pid: u32, our_pid: Answer) -> SameNamespace {
    match our_pid.and_then(|answer| value::<u32>(&answer)) {
        Ok(ours) => namespace::same(Path::new("/proc"), pid, ours),
        Err(failure) => SameNamespace::Unverified(failure.words("the bus")),
    }
}

/// What is saved of the default-route flag of a link. resolved keeps what it was told
/// in one folder, networkd in another. Both files say that they are private, so they
/// decide nothing but what the bus leaves open.
pub(super) fn saved(
    root: &Path,
    index: u32,
    by_networkd: bool,
    namespace: &SameNamespace,
) -> Saved {
    if *namespace != SameNamespace::Yes {
        return Saved::Unknown;
    }
    let folder = root.join(if by_networkd {
        "run/systemd/netif"
    } else {
        "run/systemd/resolve"
    });
    let below = if by_networkd { "links" } else { "netif" };
    match files::text(&folder.join(below).join(index.to_string()), MOST_SAVED) {
        Ok(text) => Saved::Known(properties::saved_default_route(&text)),
        // resolved removes the file of a link that holds nothing.
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && !by_networkd && folder.is_dir() =>
        {
            Saved::Known(DefaultRoute::Unset)
        }
        Err(_) => Saved::Unknown,
    }
}

/// Whether networkd's file about a link says that it manages it.
fn is_networkds_by_file(root: &Path, index: u32) -> bool {
    let file = root.join("run/systemd/netif/links").join(index.to_string());
    files::text(&file, MOST_SAVED)
        .is_ok_and(|text| managers::is_networkds(managers::saved_state(&text)))
}

/// Whether that link is still there under that name, in this namespace.
pub(super) fn is_still(link: &LinkId) -> bool {
    nix::net::if_::if_nametoindex(link.name.as_str()).is_ok_and(|index| index == link.index)
}
