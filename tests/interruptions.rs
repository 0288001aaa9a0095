//! An apply that is stopped at any moment ends in the old state or in the new one.
//!
//! The moments are spread over the time that one whole apply takes; the crash points of
//! the engine are each tried in its own tests, on a simulated machine.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Lab, Office, Picture};

const ATTEMPTS: u32 = 40;

/// Enough of a transaction that there is a middle: routes, rules and the resolver.
fn profile() -> String {
    let mut routes = String::new();
    for n in 0..200 {
        let _ = writeln!(routes, "route \"198.18.{n}.0/24\" via=\"192.168.77.1\"");
    }
    format!(
        "profile \"office\" {{
            link \"lan\" {{ match name=\"lan0\"; }}
            link \"corp\" {{ match name=\"corp0\"; }}
            dns {{ scope \"corp\" {{ domains \"corp.example\"; servers \"10.99.0.1\"; link \"corp\"; }}; }}
            routes {{ keep-lan \"lan\"\n{routes} }}
        }}"
    )
}

fn start(lab: &Lab) -> Child {
    lab.netprof_command("apply office --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netprof starts")
}

/// How long one undisturbed apply takes here and now.
fn duration(lab: &Lab) -> Duration {
    let begun = Instant::now();
    lab.netprof("apply office").exits(0);
    let took = begun.elapsed();
    lab.netprof("release").exits(0);
    took
}

/// Waits until a moment has come. What happens at it is up to the scheduler, so this is
/// no condition to wait for, but the choice of a point in time.
fn wait_until(moment: Instant) {
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
}

/// Sends `signal` at moments all over an apply, and hands what came of each to `judge`.
fn interrupt(lab: &Lab, signal: Signal, mut judge: impl FnMut(std::process::Output)) {
    let whole = duration(lab);
    for attempt in 0..ATTEMPTS {
        let begun = Instant::now();
        let child = start(lab);
        let pid = Pid::from_raw(child.id().try_into().expect("a pid fits"));
        wait_until(begun + whole * attempt / ATTEMPTS);
        // It may be over already; it is not reaped, so the number is still its own.
        let _ = kill(pid, signal);
        judge(child.wait_with_output().expect("netprof ends"));
    }
}

pub(crate) fn a_wish_to_stop_takes_all_of_it_back(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.write_profile("office", &profile());
    let before = Picture::take(lab);
    let (mut done, mut back) = (0, 0);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        interrupt(lab, signal, |output| match output.status.code() {
            Some(0) => {
                done += 1;
                lab.netprof("release").exits(0);
                before.assert_same(&Picture::take(lab));
            }
            Some(3) => {
                back += 1;
                before.assert_same(&Picture::take(lab));
            }
            // Before anything was begun.
            Some(1) => before.assert_same(&Picture::take(lab)),
            // Before it could catch anything, and so before it did anything.
            None if output.status.signal() == Some(signal as i32) => {
                before.assert_same(&Picture::take(lab));
            }
            other => panic!("{other:?} {}", String::from_utf8_lossy(&output.stdout)),
        });
    }
    println!("{done} committed, {back} taken back");
}

pub(crate) fn a_kill_is_recovered_from(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.write_profile("office", &profile());
    let before = Picture::take(lab);
    lab.netprof("apply office").exits(0);
    let after = Picture::take(lab);
    lab.netprof("release").exits(0);
    let (mut old, mut new) = (0, 0);
    interrupt(lab, Signal::SIGKILL, |_| {
        lab.netprof("recover").exits(0);
        let now = Picture::take(lab);
        if before.diff(&now).is_empty() {
            old += 1;
        } else {
            after.assert_same(&now);
            new += 1;
            lab.netprof("release").exits(0);
            before.assert_same(&Picture::take(lab));
        }
    });
    println!("{old} ended in the old state, {new} in the new one");
    assert_eq!(old + new, ATTEMPTS);
}
