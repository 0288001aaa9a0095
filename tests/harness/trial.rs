//! One test, seen from outside: its namespaces are made, watched and judged.
//!
//! Each test is this executable again, started with an internal argument. A
//! fresh process is needed because user namespaces cannot be entered by one
//! that has threads, and because whatever a test does to its process must not
//! reach the next test. Everything a test starts lives in a pid namespace, so
//! that killing one process ends it all, whatever it forked or daemonised.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::lab::Outside;
use super::{Lab, Tree};

/// How long a test may take. Pid 1 of the test sees to it, because from inside
/// the daemons' logs can still be shown.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);
/// The same on an emulated processor.
pub(crate) const TIME_LIMIT_EMULATED: Duration = Duration::from_secs(600);
/// How much later the outside stops believing in pid 1.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) const INSIDE: &str = "--inside-namespaces";
pub(super) const EXIT_NOT_RUN: i32 = 77;
pub(super) const NOT_RUN: &str = "not run: ";
pub(super) const PID_NAMESPACE: &str = "pid namespace: ";

/// The folder that tables of what was seen are written to; inside, that they are to be.
pub(super) const TABLES: &str = "NETPROF_TEST_TABLES";
/// How a line of such a table begins in a test's output.
pub(super) const TABLE_LINE: &str = "table: ";

/// How a line begins that a person shall see though the test passed.
pub(super) const NOTE: &str = "note: ";

/// A test: its name, the tree it runs in, what it does there.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) tree: Tree,
    pub(crate) body: fn(&Lab),
    pub(crate) limit: Duration,
}

/// How a test went.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Passed,
    /// It could not run here, for this reason.
    NotRun(String),
    /// With all that it printed, and its pid namespace if it had come to one.
    Failed {
        output: String,
        namespace: Option<String>,
    },
}

impl Test {
    /// Runs the test, and tells libtest how it went.
    pub(super) fn run(self) -> Result<Completion, Failed> {
        match self.outcome()? {
            Outcome::Passed => Ok(Completion::Completed),
            // What this kernel lacks, the one that tests/vm boots must have.
            Outcome::NotRun(reason) if self.tree == Tree::Vm && !self.tree.is_all() => Ok(
                Completion::ignored_with(format!("{reason}; tests/vm runs it")),
            ),
            Outcome::NotRun(reason) => not_run(&reason),
            Outcome::Failed { output, .. } => Err(output.into()),
        }
    }

    /// Runs the test in namespaces of its own.
    pub(super) fn outcome(self) -> std::io::Result<Outcome> {
        let tree = match self.tree.path() {
            Ok(tree) => tree,
            Err(reason) => return Ok(Outcome::NotRun(reason)),
        };
        let tables = std::env::var_os(TABLES);
        let (reader, writer) = std::io::pipe()?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("netprof-test")
            .args([INSIDE, self.name])
            .env_clear()
            .env("NETPROF_TEST_TREE", &tree)
            .envs(Outside::here()?.to_env())
            .envs(tables.as_ref().map(|_| (TABLES, "inside")))
            .stdin(program()?.try_clone()?)
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = command.spawn()?;
        // The command holds the pipe's write end, which must be open nowhere
        // but inside: its end of file then means that all is over.
        drop(command);
        let output = watch(reader, &mut child, self.limit + PATIENCE)?;
        let status = child.wait()?;
        let output = String::from_utf8_lossy(&output);
        let (namespace, output) = split_header(&output);
        let failed = |output| Outcome::Failed {
            output,
            namespace: namespace.map(str::to_owned),
        };

        let left = namespace.map(processes_in).unwrap_or_default();
        if !left.is_empty() {
            return Ok(failed(format!(
                "{output}\nprocesses outlived the test: {left:?}"
            )));
        }
        Ok(match status.code() {
            Some(0) => {
                for note in output.lines().filter(|line| line.starts_with(NOTE)) {
                    eprintln!("{}: {note}", self.name);
                }
                if let Some(folder) = tables {
                    write_table(Path::new(&folder), self.name, output)?;
                }
                Outcome::Passed
            }
            Some(EXIT_NOT_RUN) => {
                let reason = output.lines().find_map(|line| line.strip_prefix(NOT_RUN));
                Outcome::NotRun(reason.unwrap_or("no reason was given").to_owned())
            }
            _ => failed(format!("{status}\n{output}")),
        })
    }
}

/// Writes the table that a test printed, if it did, to a file that has its name.
fn write_table(folder: &Path, name: &str, output: &str) -> std::io::Result<()> {
    let table: String = output
        .lines()
        .filter_map(|line| line.strip_prefix(TABLE_LINE))
        .flat_map(|line| [line, "\n"])
        .collect();
    if table.is_empty() {
        return Ok(());
    }
    let (_, name) = name.rsplit_once(':').unwrap_or(("", name));
    fs::write(folder.join(name).with_extension("md"), table)
}

/// The netprof that all tests of this run are about, whatever is built meanwhile.
fn program() -> std::io::Result<&'static File> {
    static PROGRAM: OnceLock<File> = OnceLock::new();
    if let Some(file) = PROGRAM.get() {
        return Ok(file);
    }
    let file = File::open(env!("CARGO_BIN_EXE_netprof"))?;
    Ok(PROGRAM.get_or_init(|| file))
}

/// A test that could not run shows as not run; where all must run, as failed.
pub(super) fn not_run(reason: &str) -> Result<Completion, Failed> {
    if std::env::var_os("NETPROF_TESTS_REQUIRED").is_some_and(|value| value == "1") {
        return Err(format!("could not run, and NETPROF_TESTS_REQUIRED=1: {reason}").into());
    }
    Ok(Completion::ignored_with(reason))
}

/// Collects what the test prints until all of its processes are gone.
fn watch(
    mut reader: std::io::PipeReader,
    child: &mut Child,
    limit: Duration,
) -> std::io::Result<Vec<u8>> {
    let deadline = Instant::now() + limit;
    let mut output = Vec::new();
    let mut buffer = [0; 8192];
    let mut killed = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && !killed {
            // Pid 1 of the namespace asked for a signal when this one dies.
            child.kill()?;
            killed = true;
            output.extend_from_slice(b"\nthe test was killed from outside: out of time\n");
        }
        let timeout = if killed {
            PollTimeout::NONE
        } else {
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        };
        poll(
            &mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)],
            timeout,
        )?;
        if !killed && Instant::now() >= deadline {
            continue;
        }
        match reader.read(&mut buffer)? {
            0 => return Ok(output),
            n => output.extend_from_slice(&buffer[..n]),
        }
    }
}

/// The first line of a test that got far enough names its pid namespace.
fn split_header(output: &str) -> (Option<&str>, &str) {
    match output.split_once('\n') {
        Some((first, rest)) if first.starts_with(PID_NAMESPACE) => {
            (first.strip_prefix(PID_NAMESPACE), rest)
        }
        _ => (None, output),
    }
}

/// The processes of this machine that live in a pid namespace.
pub(super) fn processes_in(namespace: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let link = fs::read_link(entry.path().join("ns/pid"));
            link.is_ok_and(|link| link == Path::new(namespace))
        })
        .map(|entry| fs::read_to_string(entry.path().join("comm")).unwrap_or_default())
        .collect()
}
