//! Has resolved read its delegates anew, and waits until it has.
//!
//! resolved 258 and newer reads everything anew on SIGHUP
//! (`manager_dispatch_reload_signal` in resolved-manager.c), and says so to systemd
//! alone (`Type=notify-reload`): there is no signal on the bus and, up to 262, no
//! varlink method that answers when it is done. So systemd is asked to reload the unit,
//! where it runs it, and reports the end of the job; elsewhere the signal is sent to the
//! process itself. Either way the delegates are read back until they are what was
//! wanted.
//!
//! An older resolved has no handler for SIGHUP, and dies of it: it is never sent to one
//! that does not answer ListDelegates.

use std::path::Path;
use std::time::Duration;

use netprof_engine::Mode;
use netprof_model::dns::DnsDelegate;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use zbus::OwnedObjectPath;

use super::apply::DelegateWork;
use super::bus::{Answer, Exchange, Failure, Object, body, property};
use super::delegate;
use super::observe::{self, BUS, RESOLVED, RESOLVED_NAME};

const SYSTEMD: Object<'_> = Object {
    service: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};

/// The first pause between two looks; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// Writes or removes the files, and has them read.
pub(super) async fn delegates(
    exchange: &mut Exchange,
    pid: u32,
    works: &mut [DelegateWork<'_>],
    mode: Mode,
    root: &Path,
) {
    let list = exchange.call_one(RESOLVED.call("ListDelegates", &())).await;
    let has_them = match list {
        Ok(_) => true,
        // Going back, a file that such a resolved never reads is removed all the same.
        Err(failure) if failure.is_unknown_to_it() && mode == Mode::Back => false,
        Err(failure) => {
            let why = if failure.is_unknown_to_it() {
                format!("this {RESOLVED_NAME} has no delegates: 258 and newer have them")
            } else {
                failure.words(RESOLVED_NAME)
            };
            for work in works {
                work.failure = Some(why.clone());
            }
            return;
        }
    };
    for work in works.iter_mut() {
        work.failure = delegate::put(root, work.name, work.after).err();
    }
    if !has_them || works.iter().all(|work| work.failure.is_some()) {
        return;
    }
    let outcome = match reload(exchange, pid).await {
        Ok(()) => wait(exchange, works).await,
        Err(why) => Err(why),
    };
    if let Err(why) = outcome {
        for work in works {
            work.failure.get_or_insert_with(|| why.clone());
        }
    }
}

async fn reload(exchange: &mut Exchange, pid: u32) -> Result<(), String> {
    if let Some(unit) = unit_of(exchange, pid).await {
        return reload_unit(exchange, &unit)
            .await
            .map_err(|failure| failure.words("systemd"));
    }
    let raw = i32::try_from(pid).map_err(|error| error.to_string())?;
    kill(Pid::from_raw(raw), Signal::SIGHUP).map_err(|error| {
        format!("{RESOLVED_NAME} (process {pid}) cannot be told to reload: {error}")
    })
}

/// The unit that systemd runs resolved as; none where systemd is not there or does not
/// run it.
async fn unit_of(exchange: &mut Exchange, pid: u32) -> Option<String> {
    let found = exchange
        .call_one(SYSTEMD.call("GetUnitByPID", &(pid,)))
        .await
        .ok()?;
    let unit: OwnedObjectPath = body(&found).ok()?;
    let object = Object {
        path: unit.as_str(),
        interface: "org.freedesktop.systemd1.Unit",
        ..SYSTEMD
    };
    let id = exchange.call_one(object.get("Id")).await.ok()?;
    let id: String = property("Id", &id).ok()?;
    // Started by hand it belongs to somebody's session.
    (id == "systemd-resolved.service").then_some(id)
}

async fn reload_unit(exchange: &mut Exchange, unit: &str) -> Answer<()> {
    let rule = "type='signal',sender='org.freedesktop.systemd1',\
                interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";
    let asked = vec![
        BUS.call("AddMatch", &(rule,)),
        SYSTEMD.call("Subscribe", &()),
        SYSTEMD.call("ReloadUnit", &(unit, "replace")),
    ];
    let mut answers = exchange.call(asked).await.into_iter();
    answers.next().unwrap_or(Err(Failure::NoAnswer))?;
    answers.next().unwrap_or(Err(Failure::NoAnswer))?;
    let job: OwnedObjectPath = body(&answers.next().unwrap_or(Err(Failure::NoAnswer))?)?;
    let ours = |message: &zbus::Message| {
        body::<(u32, OwnedObjectPath, String, String)>(message)
            .is_ok_and(|(_, path, _, _)| path == job)
    };
    let ended = exchange.signal("JobRemoved", ours).await?;
    let (_, _, unit, result): (u32, OwnedObjectPath, String, String) = body(&ended)?;
    if result == "done" {
        return Ok(());
    }
    Err(Failure::Refused(result, format!("{unit} was not reloaded")))
}

/// Reads the delegates until they are what is wanted.
async fn wait(exchange: &mut Exchange, works: &[DelegateWork<'_>]) -> Result<(), String> {
    let wanted = works.iter().filter(|work| work.failure.is_none());
    let wanted: Vec<(String, Option<&DnsDelegate>)> = wanted
        .map(|work| (delegate::id(work.name), work.after))
        .collect();
    let mut pause = FIRST_PAUSE;
    loop {
        match shows(exchange, &wanted).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failure) => return Err(failure.words(RESOLVED_NAME)),
        }
        if !exchange.pause(pause).await {
            return Err(format!(
                "{RESOLVED_NAME} was told to reload, and does not show the delegate after 2 s"
            ));
        }
        pause *= 2;
    }
}

async fn shows(exchange: &mut Exchange, wanted: &[(String, Option<&DnsDelegate>)]) -> Answer<bool> {
    let list = exchange
        .call_one(RESOLVED.call("ListDelegates", &()))
        .await?;
    let live: Vec<(String, OwnedObjectPath)> = body(&list)?;
    for (id, wanted) in wanted {
        let live = live.iter().find(|(live, _)| live == id);
        let shown = match (live, wanted) {
            (None, None) => true,
            (Some((_, path)), Some(wanted)) => {
                let answer = exchange
                    .call_one(observe::read_delegate(path.as_str()))
                    .await;
                observe::delegate_of(id.clone(), answer)?
                    .is_some_and(|live| usual(&live.dns) == usual(wanted))
            }
            _ => false,
        };
        if !shown {
            return Ok(false);
        }
    }
    Ok(true)
}

/// With the usual ports left out, as resolved keeps them.
fn usual(delegate: &DnsDelegate) -> DnsDelegate {
    let mut delegate = delegate.clone();
    for server in &mut delegate.servers {
        server.port = server.port.filter(|port| !matches!(port, 53 | 853));
    }
    delegate
}
