//! Carries out changes of links' DNS settings and of delegates.
//!
//! All calls go out together, in the order in which a service shall take them: a bus
//! delivers in order, and a service that polkit makes wait handles one caller's calls
//! in any order only for callers that need to be authorised. So a revert is waited for,
//! and the rest is not.
//!
//! Where networkd is the one that is told, resolved learns of it from a file that it
//! watches, a moment later. That moment is waited for, so that whoever reads resolved
//! next, reads the new state.

use std::path::Path;
use std::time::{Duration, Instant};

use netprof_engine::{Mode, Refusal};
use netprof_model::dns::{DnsDelegate, DnsLink, DnsServer};
use netprof_model::link::{LinkId, LinkManager};
use netprof_model::name::Name;
use netprof_model::plan::Change;
use netprof_model::resource::{Resource, State};
use netprof_model::snapshot::SameNamespace;

use super::calls::{Call, Calls, as_networkd_orders, calls, difference};
use super::observe::{self, NETWORKD, RESOLVED, RESOLVED_NAME};
use super::properties::{RawServer, raw_server};
use super::reload;
use crate::bus::{Answer, BUS, Bus, Exchange, Failure, Object, Properties, value};
use crate::dbus;

const NETWORKD_NAME: &str = "systemd-networkd";

/// How long resolved may take to read what networkd has written for it.
const SETTLE: Duration = Duration::from_millis(500);
/// The first pause between two looks; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

/// One change of a link.
struct LinkWork<'a> {
    change: &'a Change,
    link: &'a LinkId,
    after: Option<&'a DnsLink>,
    through_networkd: bool,
    to_do: Calls,
    failure: Option<String>,
}

/// One change of a delegate.
pub(super) struct DelegateWork<'a> {
    pub(super) change: &'a Change,
    pub(super) name: &'a Name,
    pub(super) before: Option<&'a DnsDelegate>,
    pub(super) after: Option<&'a DnsDelegate>,
    pub(super) failure: Option<String>,
}

/// Makes `changes`, and returns those that were refused. The connection that is used is
/// the one that was kept, and is kept again.
pub(super) fn apply(
    changes: &[&Change],
    mode: Mode,
    root: &Path,
    kept: &mut Option<Exchange>,
) -> Vec<Refusal> {
    let mut refused = Vec::new();
    let mut links = Vec::new();
    let mut delegates = Vec::new();
    for change in changes {
        match sort_out(change, mode) {
            Ok(Work::Link(work)) => links.push(work),
            Ok(Work::Delegate(work)) => delegates.push(work),
            Ok(Work::Nothing) => {}
            Err(why) => refused.push(refusal(change, why)),
        }
    }
    if links.is_empty() && delegates.is_empty() {
        return refused;
    }
    match Exchange::open(Bus::System, kept.take()) {
        Err(failure) => {
            let why = failure.words(RESOLVED_NAME);
            refuse_all(&mut links, &why);
            without_resolved(&mut delegates, mode, root, &why);
        }
        Ok(mut exchange) => {
            match target(&mut exchange) {
                Err(why) => {
                    refuse_all(&mut links, &why);
                    without_resolved(&mut delegates, mode, root, &why);
                }
                Ok(pid) => {
                    if !links.is_empty() {
                        carry_out(&mut exchange, &mut links, mode, root);
                    }
                    if !delegates.is_empty() {
                        exchange.restart_clock();
                        reload::delegates(&mut exchange, pid, &mut delegates, mode, root);
                    }
                }
            }
            *kept = Some(exchange);
        }
    }
    let of_links = links.into_iter().map(|work| (work.change, work.failure));
    let of_delegates = delegates
        .into_iter()
        .map(|work| (work.change, work.failure));
    refused.extend(
        of_links
            .chain(of_delegates)
            .filter_map(|(change, why)| Some(refusal(change, why?))),
    );
    refused
}

fn refusal(change: &Change, why: String) -> Refusal {
    Refusal {
        change: Box::new(change.clone()),
        why,
    }
}

fn refuse_all(links: &mut [LinkWork<'_>], why: &str) {
    for work in links {
        work.failure = Some(why.to_owned());
    }
}

/// What can be done about delegates while resolved is not there, or may be another's:
/// going back, remove files or write them again, for its next start.
fn without_resolved(delegates: &mut [DelegateWork<'_>], mode: Mode, root: &Path, why: &str) {
    for work in delegates {
        work.failure = match mode {
            Mode::Back => super::delegate::put(root, work.name, work.after).err(),
            Mode::Forward => Some(why.to_owned()),
        };
    }
}

enum Work<'a> {
    Link(LinkWork<'a>),
    Delegate(DelegateWork<'a>),
    Nothing,
}

fn sort_out(change: &Change, mode: Mode) -> Result<Work<'_>, String> {
    match &change.resource {
        Resource::DnsLink { dev } => {
            let link = change
                .link
                .as_ref()
                .ok_or_else(|| format!("the change does not say which link {dev} is"))?;
            if !observe::is_still(link) {
                return match mode {
                    Mode::Back => Ok(Work::Nothing),
                    Mode::Forward => Err(format!(
                        "link {} (number {}) is not there any more",
                        link.name, link.index
                    )),
                };
            }
            let before = dns_link(change.before.as_ref())?;
            let after = dns_link(change.after.as_ref())?;
            let restores = mode == Mode::Back || change.after == change.original;
            Ok(Work::Link(LinkWork {
                change,
                link,
                after,
                through_networkd: change.manager == Some(LinkManager::Networkd),
                to_do: calls(before, after, change.manager, restores),
                failure: None,
            }))
        }
        Resource::DnsDelegate { name } => Ok(Work::Delegate(DelegateWork {
            change,
            name,
            before: delegate(change.before.as_ref())?,
            after: delegate(change.after.as_ref())?,
            failure: None,
        })),
        _ => Err("this is no matter of name resolution".into()),
    }
}

fn dns_link(state: Option<&State>) -> Result<Option<&DnsLink>, String> {
    match state {
        None => Ok(None),
        Some(State::DnsLink(link)) => Ok(Some(link)),
        Some(_) => Err("the change holds something else than DNS settings".into()),
    }
}

fn delegate(state: Option<&State>) -> Result<Option<&DnsDelegate>, String> {
    match state {
        None => Ok(None),
        Some(State::DnsDelegate(delegate)) => Ok(Some(delegate)),
        Some(_) => Err("the change holds something else than a delegate".into()),
    }
}

/// The pid of a resolved that serves our own network namespace for certain: in another
/// one, link numbers are those of other links, and a signal hits another resolver.
pub(super) fn target(exchange: &mut Exchange) -> Result<u32, String> {
    let asked = vec![
        BUS.call("GetConnectionUnixProcessID", &(RESOLVED.service,)),
        observe::our_pid(exchange),
    ];
    let mut answers = exchange.call(asked).into_iter();
    let mut next = || answers.next().unwrap_or(Err(Failure::NoAnswer));
    let (theirs, ours) = (next(), next());
    let pid = theirs
        .and_then(|answer| value::<u32>(&answer))
        .map_err(|failure| failure.words(RESOLVED_NAME))?;
    match observe::compare_namespace(pid, ours) {
        SameNamespace::No => Err(format!(
            "{RESOLVED_NAME} (process {pid}) serves another network namespace: its links are not these"
        )),
        SameNamespace::Unverified(why) => Err(format!(
            "it cannot be told whether {RESOLVED_NAME} (process {pid}) serves this network namespace: {why}"
        )),
        SameNamespace::Yes => Ok(pid),
    }
}

fn carry_out(exchange: &mut Exchange, links: &mut [LinkWork<'_>], mode: Mode, root: &Path) {
    let first: fn(&Call) -> bool = |call| *call == Call::Revert;
    round(exchange, links, first, mode);
    round(exchange, links, |call| *call != Call::Revert, mode);
    settle(exchange, links, root);
    if links.iter().any(|work| !work.to_do.calls.is_empty()) {
        // An answer from the cache would still be that of the old server. That this
        // fails is no reason to take the change back: caches expire. And nobody waits for
        // it: whoever reads resolved next, to verify, is answered after it.
        exchange.tell(RESOLVED.call("FlushCaches", &()));
    }
}

/// Sends those calls of each link that `which` takes.
fn round(
    exchange: &mut Exchange,
    links: &mut [LinkWork<'_>],
    which: impl Fn(&Call) -> bool,
    mode: Mode,
) {
    let mut owners = Vec::new();
    let mut sent = Vec::new();
    for (at, work) in links.iter().enumerate() {
        if work.failure.is_some() {
            continue;
        }
        for call in work.to_do.calls.iter().filter(|call| which(call)) {
            owners.push((at, call.clone()));
            sent.push(message(call, work.link.index, work.through_networkd));
        }
    }
    if sent.is_empty() {
        return;
    }
    exchange.restart_clock();
    let answers = exchange.call(sent);
    for ((at, call), answer) in owners.into_iter().zip(answers) {
        let Some(work) = links.get_mut(at) else {
            continue;
        };
        let answer = match (answer, &call) {
            (Err(failure), Call::Servers(servers)) if failure.is_unknown_to_it() => {
                set_plain_servers(exchange, work, servers)
            }
            (answer, _) => answer.map(drop),
        };
        if let Err(failure) = answer {
            let gone = mode == Mode::Back && failure.is_no_such_link();
            if !gone && work.failure.is_none() {
                work.failure = Some(failure.words(service_name(work.through_networkd)));
            }
        }
    }
}

fn service_name(networkd: bool) -> &'static str {
    if networkd {
        NETWORKD_NAME
    } else {
        RESOLVED_NAME
    }
}

fn service(networkd: bool) -> Object<'static> {
    if networkd { NETWORKD } else { RESOLVED }
}

/// `SetLinkDNS`, for versions without `SetLinkDNSEx` (before 246).
fn set_plain_servers(
    exchange: &mut Exchange,
    work: &LinkWork<'_>,
    servers: &[DnsServer],
) -> Answer<()> {
    let raw: Vec<RawServer> = servers.iter().map(raw_server).collect();
    if raw
        .iter()
        .any(|(_, _, port, name)| *port != 0 || !name.is_empty())
    {
        return Err(Failure::Unexpected(
            "this version knows no ports and no names of DNS servers (246 and newer do)".into(),
        ));
    }
    let plain: Vec<(i32, Vec<u8>)> = raw.into_iter().map(|(f, a, _, _)| (f, a)).collect();
    let index = signed(work.link.index)?;
    let call = service(work.through_networkd).call("SetLinkDNS", &(index, plain));
    exchange.call_one(call).map(drop)
}

fn signed(index: u32) -> Answer<i32> {
    i32::try_from(index).map_err(|error| Failure::Unexpected(error.to_string()))
}

/// A call as a message.
fn message(call: &Call, index: u32, networkd: bool) -> Answer<dbus::Call> {
    let index = signed(index)?;
    let object = service(networkd);
    let method = call.method(networkd);
    match call {
        Call::Revert => object.call(method, &(index,)),
        Call::Domains(domains) => {
            let domains: Vec<(&str, bool)> = domains
                .iter()
                .map(|domain| (domain.name.as_str(), domain.route_only))
                .collect();
            object.call(method, &(index, domains))
        }
        Call::DefaultRoute(on) => object.call(method, &(index, *on)),
        Call::Llmnr(mode) | Call::Mdns(mode) | Call::DnsOverTls(mode) | Call::Dnssec(mode) => {
            object.call(method, &(index, mode.as_str()))
        }
        Call::NegativeTrustAnchors(names) => object.call(method, &(index, names)),
        Call::Servers(servers) => {
            let servers: Vec<RawServer> = servers.iter().map(raw_server).collect();
            object.call(method, &(index, servers))
        }
    }
}

/// Waits until resolved shows what networkd was told, and gives what a revert has not
/// brought back.
fn settle(exchange: &mut Exchange, links: &mut [LinkWork<'_>], root: &Path) {
    for work in links {
        let Some(after) = work.after else { continue };
        if !work.through_networkd || work.to_do.calls.is_empty() || work.failure.is_some() {
            continue;
        }
        // What one link took is not taken from the next.
        exchange.restart_clock();
        let live = wait_for(exchange, work.link.index, after, root);
        if !work.to_do.then_compare {
            continue;
        }
        let rest = match live {
            Ok(None) => continue,
            Ok(Some(live)) => difference(&as_networkd_orders(&live), &as_networkd_orders(after)),
            Err(failure) => {
                work.failure = Some(failure.words(RESOLVED_NAME));
                continue;
            }
        };
        if rest.is_empty() {
            continue;
        }
        let index = work.link.index;
        let sent = rest.iter().map(|call| message(call, index, true)).collect();
        for answer in exchange.call(sent) {
            if let Err(failure) = answer {
                work.failure = Some(failure.words(NETWORKD_NAME));
            }
        }
        if work.failure.is_none() {
            // Whether it has come is for the verification to say.
            let _ = wait_for(exchange, index, after, root);
        }
    }
}

/// Reads a link until it shows `after`: then none. Else what it shows instead when the
/// time is over.
fn wait_for(
    exchange: &mut Exchange,
    index: u32,
    after: &DnsLink,
    root: &Path,
) -> Answer<Option<DnsLink>> {
    let end = Instant::now() + SETTLE;
    let wanted = as_networkd_orders(after);
    let mut pause = FIRST_PAUSE;
    loop {
        let asked = vec![
            RESOLVED.get_all(),
            observe::read_link(observe::LOOPBACK),
            observe::read_link(index),
        ];
        let mut answers = exchange.call(asked).into_iter();
        let mut next = || answers.next().unwrap_or(Err(Failure::NoAnswer));
        let (general, loopback, link) = (next()?, next(), next());
        let unset = observe::unset(&Properties::of(&general)?, loopback)?;
        let saved = observe::saved(root, index, true, &SameNamespace::Yes);
        let Some(live) = observe::link_of(link, &unset, saved)? else {
            return Ok(None);
        };
        if as_networkd_orders(&live) == wanted {
            return Ok(None);
        }
        if Instant::now() >= end || !exchange.pause(pause) {
            return Ok(Some(live));
        }
        pause *= 2;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use netprof_model::Owner;
    use netprof_model::resource::Lasts;
    use zbus::Variant;

    use super::*;
    use crate::bus::played::{greeted, reply};

    /// Each of these links takes [`SETTLE`] twice, all of them more than one exchange has.
    #[test]
    fn what_one_link_takes_is_not_taken_from_the_next() {
        let (mut exchange, bus) = greeted(|mut bus| {
            // A resolved that never shows what networkd was told.
            while let Some((serial, member)) = bus.next() {
                let answer = match member.as_str() {
                    "GetAll" => reply(serial, &HashMap::<&str, Variant<'_>>::new()),
                    _ => reply(serial, &()),
                };
                bus.write(&answer);
            }
        });
        let after = DnsLink {
            servers: vec![DnsServer {
                address: "10.99.0.1".parse().unwrap(),
                port: None,
                server_name: None,
            }],
            ..DnsLink::default()
        };
        let changes: Vec<Change> = (2..5)
            .map(|index| Change {
                id: index,
                resource: Resource::DnsLink {
                    dev: format!("lan{index}"),
                },
                before: None,
                after: Some(State::DnsLink(Box::new(after.clone()))),
                original: None,
                owner: Owner::Networkd,
                lasts: Lasts::Link,
                link: Some(
                    LinkId {
                        index,
                        name: format!("lan{index}"),
                    }
                    .into(),
                ),
                manager: Some(LinkManager::Networkd),
                reasons: Vec::new(),
            })
            .collect();
        let mut works: Vec<LinkWork<'_>> = changes
            .iter()
            .map(|change| LinkWork {
                change,
                link: change.link.as_ref().unwrap(),
                after: Some(&after),
                through_networkd: true,
                to_do: Calls {
                    calls: vec![Call::Revert],
                    then_compare: true,
                },
                failure: None,
            })
            .collect();
        let root = tempfile::tempdir().unwrap();
        exchange.restart_clock();
        settle(&mut exchange, &mut works, root.path());
        for work in &works {
            assert_eq!(work.failure, None, "{}", work.link.name);
        }
        drop(exchange);
        bus.join().unwrap();
    }
}
