//! An apply that is stopped at any moment ends in the old state or in the new one.
//!
//! Some moments are spread over the time that one whole apply takes. How it ends is up to
//! the machine, so there are more where an ending is missing: halfway between the latest
//! moment that was too early and the earliest that was too late. Each ending must be seen.
//! The crash points of the engine are each tried in its own tests, on a simulated machine.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Lab, Office, Picture};

/// How many moments are spread over an apply.
const SPREAD: u32 = 15;
/// How many more there may be, to see each ending. A middle that is a hundredth of the
/// whole is found by halving in seven; the rest is for a machine that is busy.
const MORE: u32 = 40;

/// How an apply that was interrupted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// In the old state: nothing was begun.
    Early,
    /// In the old state: what was begun was taken back.
    Back,
    /// In the new state.
    New,
}

/// An engine's network: what Docker leaves behind tells whose it is.
fn add_bridge(lab: &Lab) {
    lab.run_each(
        "ip link add docker0 address 02:42:ac:11:00:01 type bridge
         ip addr add 172.17.0.1/16 dev docker0
         ip link set docker0 up",
    );
}

/// What the Docker client of root's has been told by somebody else.
fn add_docker_client(lab: &Lab) {
    let text = "{\n\t\"auths\": {},\n\t\"proxies\": { \"tcp://one\": {} }\n}\n";
    lab.write("/root/.docker/config.json", text);
}

/// Enough of a transaction that there is a middle: sizes of packets, routes, rules, the
/// resolver, a table of nft, a file of netprof's own and a part of somebody else's.
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
            containers {{ keep-local; }}
            mtu \"corp\" 1400
            clamp-mss \"corp\"
            proxy {{ http \"http://proxy.example:3128\"; export \"env\" \"docker\"; }}
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

/// Sends `signal` at moments all over an apply, and at more until one was taken back and
/// one ended in the new state. `judge` says how each ended, and puts the machine back.
fn interrupt(lab: &Lab, signal: Signal, mut judge: impl FnMut(std::process::Output) -> Ending) {
    let whole = duration(lab);
    let mut seen: Vec<(Duration, Ending)> = Vec::new();
    let mut attempt = |moment: Duration| {
        let begun = Instant::now();
        let child = start(lab);
        let pid = Pid::from_raw(child.id().try_into().expect("a pid fits"));
        wait_until(begun + moment);
        // It may be over already; it is not reaped, so the number is still its own.
        let _ = kill(pid, signal);
        judge(child.wait_with_output().expect("netprof ends"))
    };
    for number in 0..SPREAD {
        let moment = whole * number / SPREAD;
        seen.push((moment, attempt(moment)));
    }
    let of = |wanted| seen.iter().filter(move |(_, one)| *one == wanted);
    let late = of(Ending::New).map(|(moment, _)| *moment).min();
    let late = late.unwrap_or(whole);
    let early = of(Ending::Early).map(|(moment, _)| *moment);
    let early = early.filter(|moment| *moment < late).max();
    let mut bounds = (early.unwrap_or_default(), late);
    for _ in 0..MORE {
        let has = |ending| seen.iter().any(|(_, one)| *one == ending);
        if has(Ending::Back) && has(Ending::New) {
            break;
        }
        // What the machine was busy with may have made one bound wrong.
        if bounds.1.saturating_sub(bounds.0) < whole / 1000 {
            bounds = (Duration::ZERO, bounds.1 * 2);
        }
        let moment = if has(Ending::New) {
            (bounds.0 + bounds.1) / 2
        } else {
            bounds.1
        };
        let ending = attempt(moment);
        seen.push((moment, ending));
        match ending {
            Ending::New => bounds.1 = moment,
            _ if moment >= bounds.1 => bounds.1 = moment * 3 / 2,
            _ => bounds.0 = moment,
        }
    }
    let count = |ending| seen.iter().filter(|(_, one)| *one == ending).count();
    let (early, back, new) = (
        count(Ending::Early),
        count(Ending::Back),
        count(Ending::New),
    );
    println!("{early} before it began, {back} taken back, {new} in the new state");
    assert!(back > 0, "none was taken back: {seen:?}");
    assert!(new > 0, "none ended in the new state: {seen:?}");
}

pub(crate) fn a_wish_to_stop_takes_all_of_it_back(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    add_bridge(lab);
    add_docker_client(lab);
    lab.write_profile("office", &profile());
    let before = Picture::take(lab);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        interrupt(lab, signal, |output| {
            let ending = match output.status.code() {
                Some(0) => {
                    lab.netprof("release").exits(0);
                    Ending::New
                }
                Some(3) => Ending::Back,
                // Before anything was begun.
                Some(1) => Ending::Early,
                // Before it could catch anything, and so before it did anything.
                None if output.status.signal() == Some(signal as i32) => Ending::Early,
                other => panic!("{other:?} {}", String::from_utf8_lossy(&output.stdout)),
            };
            before.assert_same(&Picture::take(lab));
            ending
        });
    }
}

pub(crate) fn a_kill_is_recovered_from(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    add_bridge(lab);
    add_docker_client(lab);
    lab.write_profile("office", &profile());
    let before = Picture::take(lab);
    lab.netprof("apply office").exits(0);
    let after = Picture::take(lab);
    lab.netprof("release").exits(0);
    interrupt(lab, Signal::SIGKILL, |_| {
        let recovered = lab.netprof("recover --json").exits(0).json();
        let now = Picture::take(lab);
        if before.diff(&now).is_empty() {
            match recovered["outcome"].as_str() {
                Some("rolled-back") => Ending::Back,
                _ => Ending::Early,
            }
        } else {
            after.assert_same(&now);
            lab.netprof("release").exits(0);
            before.assert_same(&Picture::take(lab));
            Ending::New
        }
    });
}
