//! The session of a person: their bus, where a login puts it, and what asks over it.

use std::path::Path;
use std::process::Command;

use super::Lab;
use super::daemon::Daemon;
use super::lab::succeed;

/// Where the person's bus is.
pub(crate) const BUS: &str = "/run/user/1000/bus";

/// An open session of `person`.
#[derive(Debug)]
pub(crate) struct Session {
    bus: Daemon,
}

impl Session {
    /// Opens it, with these variables beside the usual ones: what the bus starts gets them.
    pub(crate) fn open_with(lab: &Lab, variables: &[(&str, &str)]) -> Self {
        lab.make_folder_of("person", "/run/user/1000");
        lab.make_folder_of("person", "/home/person");
        lab.run("chmod 700 /run/user/1000");
        let line = format!("dbus-daemon --session --nofork --nopidfile --address=unix:path={BUS}");
        let mut command = in_session(lab, &line);
        command.envs(variables.iter().copied());
        let mut bus = Daemon::start("session-bus", command);
        bus.ready_when(|_| Path::new(BUS).exists());
        Self { bus }
    }

    pub(crate) fn open(lab: &Lab) -> Self {
        Self::open_with(lab, &[])
    }

    /// Ends it as the last logout does.
    pub(crate) fn close(mut self) {
        self.bus.stop();
        let _ = std::fs::remove_file(BUS);
    }

    /// The bus is gone without a word, and its socket is still there.
    pub(crate) fn crash(mut self) {
        self.bus.kill();
    }

    /// Runs a command of the person's in it, which must succeed; what it prints.
    pub(crate) fn run(&self, lab: &Lab, line: &str) -> String {
        succeed(in_session(lab, line), line)
    }

    /// Starts something of the person's in it.
    pub(crate) fn start(&self, lab: &Lab, name: &str, line: &str) -> Daemon {
        Daemon::start(name, in_session(lab, line))
    }
}

/// A command of the person's, as it would find things in the session.
fn in_session(lab: &Lab, line: &str) -> Command {
    let mut command = lab.command_as_person(line);
    command
        .env("XDG_RUNTIME_DIR", "/run/user/1000")
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={BUS}"));
    command
}
