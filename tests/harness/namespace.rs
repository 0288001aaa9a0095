//! Going inside: from a fresh process to pid 1 of private namespaces.
//!
//! The order is forced. `unshare` first, while there is one thread; a user
//! namespace among the others where there is no privilege, so that the suite
//! needs none. Then a fork, because only children enter the new pid namespace.
//! That child is pid 1: it makes the root, forks the test's body, reaps, and by
//! dying takes everything along. It also holds the time limit, because from
//! inside the daemons' logs can still be shown.

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stdin, fork, getegid, geteuid, getppid, sethostname};

use super::Lab;
use super::lab::Outside;
use super::root::{LOGS, enter_root};
use super::trial::{EXIT_NOT_RUN, NOT_RUN, PID_NAMESPACE, Test};

/// The exit status of a test that ran out of time, as timeout(1) has it.
const EXIT_TIME: i32 = 124;
/// The exit status of a panic.
const EXIT_FAILED: i32 = 101;

/// How the namespaces were made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Privilege {
    /// By root: all ids exist inside.
    Root,
    /// By anyone, in a user namespace: one id exists inside, as root.
    UserNamespace,
}

/// The whole life of a test's first process. Exits; does not return.
pub(super) fn enter(test: Test) -> ! {
    let outside = Outside::from_env();
    let tree = PathBuf::from(std::env::var_os("NETPROF_TEST_TREE").expect("the tree is passed"));
    die_with_parent();
    let privilege = match unshare_all() {
        Ok(privilege) => privilege,
        Err(error) => not_run(&format!("no namespaces here: {error}")),
    };
    // SAFETY: this process has one thread, so the child may do anything.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => pid_1(test, &outside, &tree, privilege),
        Ok(ForkResult::Parent { child }) => {
            let status = waitpid(child, None);
            std::process::exit(match status {
                Ok(WaitStatus::Exited(_, code)) => code,
                other => {
                    eprintln!("pid 1 of the test: {other:?}");
                    EXIT_FAILED
                }
            })
        }
        Err(error) => not_run(&format!("no process in a new pid namespace: {error}")),
    }
}

fn not_run(reason: &str) -> ! {
    println!("{NOT_RUN}{reason}");
    std::process::exit(EXIT_NOT_RUN)
}

fn die_with_parent() {
    let parent = getppid();
    let _ = set_pdeathsig(Signal::SIGKILL);
    // It may have died in between; nobody would send the signal then.
    if getppid() != parent {
        std::process::exit(EXIT_FAILED);
    }
}

fn unshare_all() -> Result<Privilege, String> {
    let flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP;
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        match unshare(flags) {
            Ok(()) => return Ok(Privilege::Root),
            // Root of a container, without the capability.
            Err(Errno::EPERM) => {}
            Err(error) => return Err(format!("unshare: {error}")),
        }
    }
    unshare(flags | CloneFlags::CLONE_NEWUSER)
        .map_err(|error| format!("unshare with a user namespace: {error}"))?;
    for (file, line) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {uid} 1")),
        ("gid_map", format!("0 {gid} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), line)
            .map_err(|error| format!("writing {file}: {error}"))?;
    }
    Ok(Privilege::UserNamespace)
}

fn pid_1(test: Test, outside: &Outside, tree: &Path, privilege: Privilege) -> ! {
    // Gaining ids in a user namespace clears the parent-death signal. The
    // parent is in another pid namespace and shows as 0.
    let _ = set_pdeathsig(Signal::SIGKILL);
    if let Ok(namespace) = fs::read_link("/proc/self/ns/pid_for_children") {
        println!("{PID_NAMESPACE}{}", namespace.display());
    }
    outside.assert_left();
    if let Err(error) = enter_root(tree, privilege) {
        not_run(&format!("no private root: {error}"));
    }
    let null = fs::File::open("/dev/null").expect("the root has devices");
    dup2_stdin(null).expect("standard input can be replaced");
    sethostname("workstation").expect("the host name is ours");

    let signals = SigSet::from_iter([Signal::SIGCHLD]);
    signals.thread_block().expect("SIGCHLD can be blocked");
    let events = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .expect("signalfd");
    let _ = std::io::stdout().flush();
    // SAFETY: this process has one thread, so the child may do anything.
    let body = match unsafe { fork() }.expect("the body can be forked") {
        ForkResult::Child => {
            signals.thread_unblock().expect("SIGCHLD can be unblocked");
            drop(events);
            body(test, outside, privilege)
        }
        ForkResult::Parent { child } => child,
    };
    let code = reap_until_exit_of(body, &events, test.limit);
    if code != 0 && code != EXIT_NOT_RUN {
        show_logs();
    }
    std::process::exit(code)
}

fn body(test: Test, outside: &Outside, privilege: Privilege) -> ! {
    let lab = Lab::inside(outside.clone(), privilege);
    let result = catch_unwind(AssertUnwindSafe(|| (test.body)(&lab)));
    let code = match result {
        Ok(()) => 0,
        Err(panic) => match panic.downcast_ref::<NotRun>() {
            Some(NotRun(reason)) => not_run(reason),
            None => EXIT_FAILED,
        },
    };
    std::process::exit(code)
}

/// Unwinds a body that finds that it cannot run here.
pub(super) struct NotRun(pub(super) String);

/// Waits for the body, and for every orphan that became a child meanwhile.
fn reap_until_exit_of(body: Pid, events: &SignalFd, limit: Duration) -> i32 {
    let deadline = Instant::now() + limit;
    loop {
        while let Ok(Some(_)) = events.read_signal() {}
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == body => return code,
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == body => {
                    eprintln!("the body was killed by {signal}");
                    return EXIT_FAILED;
                }
                Ok(WaitStatus::StillAlive) | Err(_) => break,
                Ok(_) => {}
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            eprintln!("out of time after {} s", limit.as_secs());
            return EXIT_TIME;
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let _ = poll(
            &mut [PollFd::new(events.as_fd(), PollFlags::POLLIN)],
            timeout,
        );
    }
}

/// Shows the end of each daemon's log: the other half of most failures.
fn show_logs() {
    const LINES: usize = 40;
    let mut logs: Vec<PathBuf> = fs::read_dir(LOGS)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    logs.sort();
    for path in logs {
        let log = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        let skip = log.lines().count().saturating_sub(LINES);
        println!("--- {}", path.display());
        for line in log.lines().skip(skip) {
            println!("{line}");
        }
    }
}
