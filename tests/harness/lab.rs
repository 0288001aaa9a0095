//! The token without which nothing is run.
//!
//! netprof changes routes and resolvers as root. A harness bug that ran it on
//! the developer's own machine would cost a person their network, so it must
//! not be a matter of care. `Lab` can only be made by a test's body, after the
//! namespaces were compared with those of the process that started the test;
//! every way to run a program hangs on it; and running netprof compares again.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::namespace::{NotRun, Privilege};
use super::root::{MARKER, PERSON};

/// The namespaces of the process that started the test: where nothing happens.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    net: PathBuf,
    mnt: PathBuf,
}

impl Outside {
    pub(super) fn here() -> std::io::Result<Self> {
        Ok(Self {
            net: fs::read_link("/proc/self/ns/net")?,
            mnt: fs::read_link("/proc/self/ns/mnt")?,
        })
    }

    pub(super) fn to_env(&self) -> [(&'static str, &OsStr); 2] {
        [
            ("NETPROF_TEST_OUTSIDE_NET", self.net.as_os_str()),
            ("NETPROF_TEST_OUTSIDE_MNT", self.mnt.as_os_str()),
        ]
    }

    pub(super) fn from_env() -> Self {
        let read = |name| {
            PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")))
        };
        Self {
            net: read("NETPROF_TEST_OUTSIDE_NET"),
            mnt: read("NETPROF_TEST_OUTSIDE_MNT"),
        }
    }

    /// Panics in a process that shares a network or mount namespace with it.
    pub(super) fn assert_left(&self) {
        let here = Self::here().expect("/proc/self/ns is readable");
        assert_ne!(
            here.net, self.net,
            "still in the machine's network namespace"
        );
        assert_ne!(here.mnt, self.mnt, "still in the machine's mount namespace");
    }
}

/// The inside of a test's namespaces.
#[derive(Debug)]
pub(crate) struct Lab {
    outside: Outside,
    privilege: Privilege,
}

impl Lab {
    pub(super) fn inside(outside: Outside, privilege: Privilege) -> Self {
        let lab = Self { outside, privilege };
        lab.assert_inside();
        lab
    }

    /// Panics unless this process is in namespaces and a root of its own.
    pub(super) fn assert_inside(&self) {
        self.outside.assert_left();
        assert!(
            Path::new(MARKER).exists(),
            "{MARKER} is not there: not a test's root"
        );
    }

    /// Ends the test as not run.
    pub(crate) fn not_run(&self, reason: &str) -> ! {
        // Not a panic: the hook would report a failure.
        std::panic::resume_unwind(Box::new(NotRun(reason.to_owned())))
    }

    /// A command with the environment that all programs get in here. Without
    /// spaces in arguments, the words of a line are enough.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().expect("a command has a first word"));
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin")
            .env("HOME", "/root")
            .env("LC_ALL", "C")
            .env("SYSTEMD_PAGER", "")
            .env("SYSTEMD_COLORS", "0")
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    /// A command that runs as the account `person`. Not run where only root's
    /// id exists, in a user namespace.
    pub(crate) fn command_as_person(&self, line: &str) -> Command {
        if self.privilege != Privilege::Root {
            self.not_run("only root's id exists in this user namespace");
        }
        let ids = format!("setpriv --reuid={PERSON} --regid={PERSON} --clear-groups");
        let mut command = self.command(&format!("{ids} {line}"));
        command.env("HOME", "/home/person").env("USER", "person");
        command
    }

    /// Runs a command that must succeed; its standard output.
    pub(crate) fn run(&self, line: &str) -> String {
        succeed(self.command(line), line)
    }

    /// Runs each line of a text as a command that must succeed.
    pub(crate) fn run_each(&self, lines: &str) {
        each_line(lines, |line| {
            self.run(line);
        });
    }

    /// Runs a command, however it ends.
    pub(crate) fn output(&self, line: &str) -> Output {
        finish(self.command(line), line)
    }

    /// Whether a command succeeds.
    pub(crate) fn succeeds(&self, line: &str) -> bool {
        self.output(line).status.success()
    }

    /// Runs a shell script that must succeed.
    pub(crate) fn sh(&self, script: &str) -> String {
        let mut command = self.command("sh -e -c");
        command.arg(script);
        succeed(command, script)
    }

    /// Runs a command that must succeed, and reads `input`.
    pub(crate) fn feed(&self, line: &str, input: &str) -> String {
        let mut command = self.command(line);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin
            .write_all(input.as_bytes())
            .expect("the input is read");
        drop(stdin);
        check(
            child.wait_with_output().expect("it can be waited for"),
            line,
        )
    }

    /// Writes a file, and the folders it lies in.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = path.as_ref();
        fs::create_dir_all(path.parent().expect("a file has a folder"))
            .expect("its folder can be made");
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Makes a folder that belongs to an account.
    pub(crate) fn make_folder_of(&self, account: &str, path: &str) {
        fs::create_dir_all(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        self.run(&format!("chown -R {account}:{account} {path}"));
    }
}

pub(super) fn each_line(lines: &str, mut run: impl FnMut(&str)) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run(line);
    }
}

pub(super) fn succeed(command: Command, what: &str) -> String {
    check(finish(command, what), what)
}

fn finish(mut command: Command, what: &str) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn check(output: Output, what: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{what}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
