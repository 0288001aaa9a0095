//! Daemons of a test: started in the foreground, logging to a file, ended with
//! the value that stands for them, and at the latest with the pid namespace.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Lab;
use super::poll::{until, until_some};
use super::root::LOGS;

/// A running daemon. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a command. It is not ready when this returns.
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let log = Path::new(LOGS).join(name).with_extension("log");
        // Appending: a daemon that is started twice has one log.
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log can be opened");
        command
            .stdout(file.try_clone().expect("a file can be duplicated"))
            .stderr(file);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid fits"))
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap_or_else(|error| panic!("{}: {signal}: {error}", self.name));
    }

    /// Waits until a condition holds; fails at once when the daemon dies first.
    #[track_caller]
    pub(crate) fn ready_when(&mut self, mut condition: impl FnMut(&Self) -> bool) {
        let what = format!("{} is ready", self.name);
        until(&what, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended before it was ready: {status}", self.name);
            }
            condition(self)
        });
    }

    /// Waits until its log holds a text.
    #[track_caller]
    pub(crate) fn until_logged(&mut self, text: &str) {
        self.ready_when(|daemon| daemon.log().contains(text));
    }

    /// Asks it to end, and waits until it has.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> ExitStatus {
        if let Ok(Some(status)) = self.child.try_wait() {
            return status;
        }
        self.signal(Signal::SIGTERM);
        let what = format!("{} ends", self.name);
        until_some(&what, || {
            self.child.try_wait().ok().flatten().ok_or("still there")
        })
    }

    /// Ends it as a crash does: it gets to do nothing more.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let ended = self.child.wait();
        ended.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Without ceremony: a test that cares how it ends calls `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The system bus, at its usual address.
#[derive(Debug)]
pub(crate) struct Bus {
    _daemon: Daemon,
}

/// Everything is allowed: who may call whom is not what is tested, and there is
/// no systemd that could start a service.
const BUS_CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow send_type="method_call"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
"#;

impl Bus {
    pub(crate) fn start(lab: &Lab) -> Self {
        lab.write("/run/dbus/test.conf", BUS_CONFIGURATION);
        let command = lab.command("dbus-daemon --nofork --config-file=/run/dbus/test.conf");
        let mut daemon = Daemon::start("dbus-daemon", command);
        daemon.ready_when(|_| lab.succeeds("busctl --no-pager list"));
        Self { _daemon: daemon }
    }
}
