//! A network namespace for each test, and the tools that look at it.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio, exit};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

/// A test: its name, a sentence, and what it does inside its namespace.
pub(crate) type Test = (&'static str, fn());

const TEST: &str = "NETPROF_NETLINK_TEST";
/// The exit status of a test that was not run, as automake has it.
const NOT_RUN: i32 = 77;
const OUTSIDE: &str = "NETPROF_NETLINK_OUTSIDE";

/// Runs all tests, or, inside a namespace, the one that it was made for.
pub(crate) fn run(tests: &[Test]) {
    if let Ok(name) = env::var(TEST) {
        let test = tests.iter().find(|(known, _)| *known == name);
        let (_, test) = test.expect("the test is one of these");
        guard();
        test();
        exit(0);
    }
    let arguments = Arguments::from_args();
    let missing = what_is_missing();
    let required = env::var("NETPROF_TESTS_REQUIRED").is_ok_and(|value| value == "1");
    let mut trials: Vec<Trial> = tests
        .iter()
        .map(|&(name, _)| {
            let missing = missing.clone();
            Trial::ignorable_test(name, move || match missing {
                None => inside(name),
                Some(why) if required => Err(why.into()),
                Some(why) => Ok(Completion::ignored_with(why)),
            })
        })
        .collect();
    trials.push(Trial::ignorable_test(
        "what hangs is ended, with all that it started",
        what_hangs_is_ended,
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

fn namespace() -> u64 {
    let file = fs::metadata("/proc/self/ns/net").expect("there is a namespace");
    file.ino()
}

/// Nothing is ever written to the machine's own network.
fn guard() {
    let outside = env::var(OUTSIDE).expect("it was started by the tests");
    assert_ne!(
        outside,
        namespace().to_string(),
        "this is no namespace of its own"
    );
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]);
    command.stdin(Stdio::null());
    command
}

fn what_is_missing() -> Option<String> {
    let tried = unshare().args(["ip", "link", "set", "lo", "up"]).output();
    match tried {
        Err(error) => Some(format!("unshare(1) does not start: {error}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "no user namespace: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// How long a test may take. The longest takes some seconds.
const LIMIT: Duration = Duration::from_secs(180);

fn inside(name: &str) -> Result<Completion, Failed> {
    let program = env::current_exe().expect("this program has a path");
    let mut command = unshare();
    command
        .arg(program)
        .env(TEST, name)
        .env(OUTSIDE, namespace().to_string());
    let output = match within(LIMIT, command).map_err(|error| error.to_string())? {
        Ended::Itself(output) => output,
        Ended::Killed(said) => {
            let why = format!("it did not end within {} s\n{said}", LIMIT.as_secs());
            return Err(why.into());
        }
    };
    if output.status.success() {
        return Ok(Completion::Completed);
    }
    if output.status.code() == Some(NOT_RUN) {
        let why = String::from_utf8_lossy(&output.stdout);
        return Ok(Completion::ignored_with(why.trim()));
    }
    let said = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&said).into_owned().into())
}

/// How a program ended.
enum Ended {
    Itself(Output),
    /// And what it had said until then.
    Killed(String),
}

/// Runs `command`, and kills it when the time is over. What it starts belongs to its
/// process group, and goes with it.
fn within(limit: Duration, mut command: Command) -> io::Result<Ended> {
    let mut child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(child.id().try_into().expect("a pid fits"));
    let stdout = listen(child.stdout.take());
    let stderr = listen(child.stderr.take());
    let begun = Instant::now();
    let mut timely = true;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if timely && begun.elapsed() > limit {
            timely = false;
            // It is not reaped, so the number is still its own.
            let _ = killpg(group, Signal::SIGKILL);
        }
        sleep(Duration::from_millis(5));
    };
    let stdout = stdout.join().expect("reading does not panic");
    let stderr = stderr.join().expect("reading does not panic");
    if timely {
        return Ok(Ended::Itself(Output {
            status,
            stdout,
            stderr,
        }));
    }
    let said = [stdout, stderr].concat();
    Ok(Ended::Killed(String::from_utf8_lossy(&said).into_owned()))
}

fn listen(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut said);
        }
        said
    })
}

fn what_hangs_is_ended() -> Result<Completion, Failed> {
    let mut command = Command::new("sh");
    command.args(["-c", "echo begun; sleep 1000 & wait"]);
    match within(Duration::from_millis(300), command) {
        Ok(Ended::Killed(said)) if said == "begun\n" => Ok(Completion::Completed),
        Ok(Ended::Killed(said)) => Err(format!("it said {said:?}").into()),
        Ok(Ended::Itself(output)) => Err(format!("it ended: {output:?}").into()),
        Err(error) => Err(error.to_string().into()),
    }
}

/// Ends a test for which something is missing on this machine.
pub(crate) fn not_run(why: &str) -> ! {
    println!("{why}");
    exit(NOT_RUN)
}

/// Runs a command line, which must succeed.
pub(crate) fn sh(line: &str) -> String {
    let (worked, said) = try_sh(line);
    assert!(worked, "{line}: {said}");
    said
}

/// Runs a command line.
pub(crate) fn try_sh(line: &str) -> (bool, String) {
    let output = Command::new("sh").args(["-c", line]).output();
    let output = output.expect("there is a shell");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// What a command prints as JSON.
pub(crate) fn json(line: &str) -> Value {
    let said = sh(line);
    if said.trim().is_empty() {
        return Value::Array(Vec::new());
    }
    serde_json::from_str(&said).expect("it prints JSON")
}

/// The items of a JSON list.
pub(crate) fn list(line: &str) -> Vec<Value> {
    match json(line) {
        Value::Array(items) => items,
        other => panic!("{line} prints no list: {other}"),
    }
}

/// Two links up with carrier, each with addresses: `one` 10.1.0.1/24 and
/// fd01::1/64, `two` 10.2.0.1/24 and fd02::1/64. Their other ends are up, too.
pub(crate) fn two_links() {
    sh("ip link set lo up");
    for (name, number) in [("one", 1), ("two", 2)] {
        sh(&format!(
            "ip link add {name} type veth peer name {name}-end"
        ));
        // The kernel's own link-local addresses come some time later.
        for end in [name.to_owned(), format!("{name}-end")] {
            sh(&format!("ip link set {end} addrgenmode none up"));
        }
        sh(&format!("ip addr add 10.{number}.0.1/24 dev {name}"));
        sh(&format!("ip addr add fd0{number}::1/64 dev {name} nodad"));
    }
    // The kernel puts the local route of an IPv6 address there some time later.
    wait_until("the addresses are up", || {
        let local = sh("ip -6 route show table local");
        local.contains("fd01::1") && local.contains("fd02::1")
    });
}

/// Waits for what the kernel does in its own time.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("it does not come about that {what}");
}
