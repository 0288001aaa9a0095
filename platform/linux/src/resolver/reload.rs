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
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::apply::{DelegateWork, target};
use super::delegate;
use super::observe::{self, RESOLVED, RESOLVED_NAME};
use crate::bus::{Answer, BUS, Exchange, Failure, Object, Signals, body, property, value};
use crate::dbus::{Message, ObjectPath};

const SYSTEMD: Object<'_> = Object {
    service: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};

/// How systemd refuses a second Subscribe (`BUS_ERROR_ALREADY_SUBSCRIBED`).
const ALREADY_SUBSCRIBED: &str = "org.freedesktop.systemd1.AlreadySubscribed";

/// The delegates by their names, each with what it shall say; none for absent.
type Wanted<'a> = Vec<(String, Option<&'a DnsDelegate>)>;

/// The first pause between two looks; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// Writes or removes the files, and has them read.
pub(super) fn delegates(
    exchange: &mut Exchange,
    pid: u32,
    works: &mut [DelegateWork<'_>],
    mode: Mode,
    root: &Path,
) {
    let list = exchange.call_one(RESOLVED.call("ListDelegates", &()));
    if let Err(failure) = list {
        let older = failure.is_unknown_to_it();
        let why = if older {
            format!("this {RESOLVED_NAME} has no delegates: 258 and newer have them")
        } else {
            failure.words(RESOLVED_NAME)
        };
        for work in works {
            // Going back, the file is put right all the same: an old resolved never reads
            // it, and one that hangs does when it is started again.
            let put = match mode {
                Mode::Back => delegate::put(root, work.name, work.after),
                Mode::Forward => Err(why.clone()),
            };
            let told = if older {
                put
            } else {
                put.and(Err(why.clone()))
            };
            work.failure = told.err();
        }
        return;
    }
    for work in works.iter_mut() {
        work.failure = delegate::put(root, work.name, work.after).err();
    }
    let written = works.iter().filter(|work| work.failure.is_none());
    let wanted: Wanted<'_> = written
        .map(|work| (delegate::id(work.name), work.after))
        .collect();
    if !wanted.is_empty() {
        let outcome = match reload(exchange, pid) {
            Ok(()) => wait(exchange, &wanted),
            Err(why) => Err(why),
        };
        if let Err(why) = outcome {
            for work in works.iter_mut() {
                work.failure.get_or_insert_with(|| why.clone());
            }
        }
    }
    if mode == Mode::Forward && works.iter().any(|work| work.failure.is_some()) {
        give_up(exchange, pid, works, root);
    }
}

/// Puts back what was there before. The resolver may show a file that it takes half of in
/// a form that is neither.
fn give_up(exchange: &mut Exchange, pid: u32, works: &mut [DelegateWork<'_>], root: &Path) {
    exchange.restart_clock();
    // One that is not ours was not written, and is not put back either.
    let wanted: Wanted<'_> = works
        .iter()
        .filter(|work| delegate::put(root, work.name, work.before).is_ok())
        .map(|work| (delegate::id(work.name), work.before))
        .collect();
    let outcome = match reload(exchange, pid) {
        Ok(()) => wait(exchange, &wanted),
        Err(why) => Err(why),
    };
    for work in works {
        let failure = work.failure.get_or_insert_with(|| {
            "it was taken back, because another delegate was refused".to_owned()
        });
        if let Err(why) = &outcome {
            failure.push_str(&format!("; and taking it back: {why}"));
        }
    }
}

/// The process is looked at anew once nothing can take its number any more: a signal that
/// hits another resolver, or anything else, may end it.
fn reload(exchange: &mut Exchange, pid: u32) -> Result<(), String> {
    if let Some(unit) = unit_of(exchange, pid) {
        return reload_unit(exchange, &unit).map_err(|failure| failure.words("systemd"));
    }
    let told = |error: String| {
        format!("{RESOLVED_NAME} (process {pid}) cannot be told to reload: {error}")
    };
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let number = number.ok_or_else(|| told("this is no process".to_owned()))?;
    let process = pidfd_open(number, PidfdFlags::empty()).map_err(|e| told(e.to_string()))?;
    if target(exchange)? != pid {
        return Err(told("it is another one now".to_owned()));
    }
    pidfd_send_signal(&process, Signal::HUP).map_err(|error| told(error.to_string()))
}

/// The unit that systemd runs resolved as; none where systemd is not there or does not
/// run it.
fn unit_of(exchange: &mut Exchange, pid: u32) -> Option<String> {
    let found = exchange
        .call_one(SYSTEMD.call("GetUnitByPID", &(pid,)))
        .ok()?;
    let unit: ObjectPath = value(&found).ok()?;
    let object = Object {
        path: unit.as_str(),
        interface: "org.freedesktop.systemd1.Unit",
        ..SYSTEMD
    };
    let id = exchange.call_one(object.get("Id")).ok()?;
    let id: String = property("Id", &id).ok()?;
    // Started by hand it belongs to somebody's session.
    (id == "systemd-resolved.service").then_some(id)
}

fn reload_unit(exchange: &mut Exchange, unit: &str) -> Answer<()> {
    let ends = Signals {
        rule: format!(
            "type='signal',sender='{}',interface='{}',member='JobRemoved'",
            SYSTEMD.service, SYSTEMD.interface
        ),
        interface: SYSTEMD.interface,
        member: "JobRemoved",
    };
    exchange.listen(&ends)?;
    let outcome = run_job(exchange, unit);
    exchange.stop_listening(&ends);
    outcome
}

fn run_job(exchange: &mut Exchange, unit: &str) -> Answer<()> {
    let asked = vec![
        SYSTEMD.call("Subscribe", &()),
        SYSTEMD.call("ReloadUnit", &(unit, "replace")),
        BUS.call("GetNameOwner", &(SYSTEMD.service,)),
    ];
    let mut answers = exchange.call(asked).into_iter();
    match answers.next().unwrap_or(Err(Failure::NoAnswer)) {
        // On this connection, for an earlier job.
        Err(Failure::Refused(name, _)) if name == ALREADY_SUBSCRIBED => {}
        answer => drop(answer?),
    }
    let mut next = || answers.next().unwrap_or(Err(Failure::NoAnswer));
    let (job, owner) = (next()?, next()?);
    let job: ObjectPath = value(&job)?;
    let systemd: &str = value(&owner)?;
    let ended = exchange.signal(|message: &Message| is_end_of(&job, systemd, message))?;
    let (_, _, unit, result): (u32, ObjectPath, &str, &str) = body(&ended)?;
    if result == "done" {
        return Ok(());
    }
    let words = format!("{unit} was not reloaded");
    Err(Failure::Refused(result.to_owned(), words))
}

/// Whether `systemd` says that `job` has ended. Anybody may send us a signal that says
/// so: the bus passes on what is addressed to us whatever rule we gave it. It does say
/// whose it is.
fn is_end_of(job: &ObjectPath, systemd: &str, message: &Message) -> bool {
    message.sender() == systemd
        && body::<(u32, ObjectPath, &str, &str)>(message).is_ok_and(|(_, path, _, _)| path == *job)
}

/// Reads the delegates until they are what is wanted.
fn wait(exchange: &mut Exchange, wanted: &Wanted<'_>) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    loop {
        match shows(exchange, wanted) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failure) => return Err(failure.words(RESOLVED_NAME)),
        }
        if !exchange.pause(pause) {
            return Err(format!(
                "{RESOLVED_NAME} was told to reload, and does not show the delegate after 2 s"
            ));
        }
        pause *= 2;
    }
}

fn shows(exchange: &mut Exchange, wanted: &Wanted<'_>) -> Answer<bool> {
    let list = exchange.call_one(RESOLVED.call("ListDelegates", &()))?;
    let live: Vec<(String, ObjectPath)> = value(&list)?;
    for (id, wanted) in wanted {
        let live = live.iter().find(|(live, _)| live == id);
        let shown = match (live, wanted) {
            (None, None) => true,
            (Some((_, path)), Some(wanted)) => {
                let answer = exchange.call_one(observe::read_delegate(path.as_str()));
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

#[cfg(test)]
mod tests {
    use zbus::ObjectPath as Path;
    use zbus::wire::LE;

    use super::*;
    use crate::bus::played::{SIGNAL, greeted, message, reply};

    const JOB: &str = "/org/freedesktop/systemd1/job/7";
    const UNIT: &str = "systemd-resolved.service";

    fn job_removed(sender: &'static str, job: &'static str, result: &str) -> Vec<u8> {
        let fields = vec![
            (1, Path::try_from(SYSTEMD.path).unwrap().into()),
            (2, SYSTEMD.interface.into()),
            (3, "JobRemoved".into()),
            (7, sender.into()),
        ];
        let job = Path::try_from(job).unwrap();
        message(LE, SIGNAL, fields, &(7u32, job, UNIT, result))
    }

    #[test]
    fn only_systemd_says_that_its_job_has_ended() {
        for (result, reloaded) in [("done", true), ("failed", false)] {
            let (mut exchange, bus) = greeted(move |mut bus| {
                let (serial, member) = bus.call();
                assert_eq!(member, "AddMatch");
                bus.write(&reply(serial, &()));
                for _ in 0..3 {
                    let (serial, member) = bus.call();
                    let answer = match member.as_str() {
                        "Subscribe" => reply(serial, &()),
                        "ReloadUnit" => reply(serial, &Path::try_from(JOB).unwrap()),
                        "GetNameOwner" => reply(serial, &":1.2"),
                        other => panic!("{other}"),
                    };
                    bus.write(&answer);
                }
                // Somebody else's word, and the end of another job.
                bus.write(&job_removed(
                    ":1.66",
                    JOB,
                    if reloaded { "failed" } else { "done" },
                ));
                bus.write(&job_removed(
                    ":1.2",
                    "/org/freedesktop/systemd1/job/6",
                    "canceled",
                ));
                bus.write(&job_removed(":1.2", JOB, result));
                assert_eq!(bus.call().1, "RemoveMatch");
                bus.until_it_leaves();
            });
            let outcome = reload_unit(&mut exchange, UNIT);
            match outcome {
                Ok(()) => assert!(reloaded),
                Err(Failure::Refused(why, _)) => {
                    assert!(!reloaded);
                    assert_eq!(why, "failed");
                }
                Err(other) => panic!("{other:?}"),
            }
            drop(exchange);
            bus.join().unwrap();
        }
    }
}
