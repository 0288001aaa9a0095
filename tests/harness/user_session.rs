//! A session of root's: systemd as the manager of a user's services, with the bus that it
//! starts for whoever connects to it first.
//!
//! The manager makes control groups, in the machine's own hierarchy, since there is but one.
//! So it is started in a group of its own, which it takes for all there is, and which goes
//! with the session.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Daemon, Lab, until};

const RUNTIME: &str = "/run/user/0";
const BUS: &str = "unix:path=/run/user/0/bus";
/// The hierarchy, to make the group in and to take it away from.
const GROUPS: &str = "/run/groups";

/// The session, with what runs in it.
#[derive(Debug)]
pub(crate) struct UserSession<'lab> {
    lab: &'lab Lab,
    manager: Daemon,
    group: PathBuf,
}

impl<'lab> UserSession<'lab> {
    /// Starts it. Not run where there are no groups to be had.
    pub(crate) fn start(lab: &'lab Lab) -> Self {
        let group = own_group(lab);
        // The mark of a machine that systemd runs on (sd_booted(3)).
        lab.run_each(&format!(
            "mkdir -p /run/systemd/system {RUNTIME}
             chmod 700 {RUNTIME}"
        ));
        let socket = format!("{RUNTIME}/bus");
        let mut command = command(lab, "sh -e -c");
        command.arg(format!(
            "echo $$ >{}/cgroup.procs
             exec unshare --cgroup --mount sh -e -c '
                 mount -t cgroup2 none /sys/fs/cgroup
                 exec /usr/lib/systemd/systemd --user --log-target=console'",
            group.display()
        ));
        let mut manager = Daemon::start("systemd-of-root", command);
        let ask = "systemctl --user show-environment";
        manager.ready_when(|_| Path::new(&socket).exists() && output(lab, ask).status.success());
        Self {
            lab,
            manager,
            group,
        }
    }

    /// Has the manager tell something, or do something.
    pub(crate) fn systemctl(&self, arguments: &str) -> String {
        let output = output(self.lab, &format!("systemctl --user {arguments}"));
        assert!(output.status.success(), "{arguments}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A variable of what the manager starts; none where it is not set, or empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let line = format!("systemd-run --user --wait --pipe --quiet printenv {name}");
        let output = output(self.lab, &line);
        let text = String::from_utf8_lossy(&output.stdout);
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Drop for UserSession<'_> {
    fn drop(&mut self) {
        self.manager.kill();
        // As user-runtime-dir@.service does it at the end of a session.
        let _ = fs::remove_dir_all(RUNTIME);
        // What the manager had started ends by itself, and a group with it.
        until("the groups of the session are gone", || {
            let _ = fs::write(self.group.join("cgroup.kill"), "1");
            remove(&self.group)
        });
    }
}

/// A group for the manager of this test alone.
fn own_group(lab: &Lab) -> PathBuf {
    if !Path::new(GROUPS).exists() {
        lab.run(&format!("mkdir {GROUPS}"));
        if !lab.succeeds(&format!("mount -t cgroup2 none {GROUPS}")) {
            lab.not_run("no control groups (version 2) can be mounted");
        }
    }
    let namespace = fs::metadata("/proc/self/ns/net")
        .expect("it is there")
        .ino();
    let group = Path::new(GROUPS).join(format!("netprof-test-{namespace}"));
    if fs::create_dir_all(&group).is_err() {
        lab.not_run("no control group can be made here");
    }
    group
}

/// Whether a group is gone, with all in it.
fn remove(group: &Path) -> bool {
    let inner = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path());
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}

fn command(lab: &Lab, line: &str) -> Command {
    let mut command = lab.command(line);
    command
        .env("XDG_RUNTIME_DIR", RUNTIME)
        .env("DBUS_SESSION_BUS_ADDRESS", BUS);
    command
}

fn output(lab: &Lab, line: &str) -> Output {
    command(lab, line).output().expect("it can be started")
}
