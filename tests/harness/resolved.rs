//! systemd-resolved, as a workstation runs it: stub listener, resolv.conf a
//! link to the stub's file.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::daemon::Daemon;
use super::{Lab, Peer};

const NAME: &str = "systemd-resolved";
const PROGRAM: &str = "/usr/lib/systemd/systemd-resolved";

/// systemd-resolved of the tree the test runs in.
#[derive(Debug)]
pub(crate) struct Resolved {
    daemon: Daemon,
    version: u32,
}

impl Resolved {
    /// Starts it; the bus must be up. `/etc/resolv.conf` points to its stub.
    pub(crate) fn start(lab: &Lab) -> Self {
        Self::start_by(lab, lab.command(PROGRAM))
    }

    /// Starts it on a peer, on the bus of the workstation: a resolver that answers
    /// here and knows other links.
    pub(crate) fn start_on(lab: &Lab, peer: &Peer<'_>) -> Self {
        Self::start_by(lab, peer.command(PROGRAM))
    }

    fn start_by(lab: &Lab, command: Command) -> Self {
        for folder in ["/run/systemd/resolve", "/run/systemd/netif/links"] {
            fs::create_dir_all(folder).expect("/run is ours");
        }
        lab.make_folder_of("systemd-resolve", "/run/systemd/resolve");
        let _ = fs::remove_file("/etc/resolv.conf");
        symlink(
            "../run/systemd/resolve/stub-resolv.conf",
            "/etc/resolv.conf",
        )
        .expect("/etc is ours");
        let first_line = lab.run("resolvectl --version");
        let version = first_line
            .split_whitespace()
            .nth(1)
            .and_then(|version| {
                version
                    .split(|c: char| !c.is_ascii_digit())
                    .next()?
                    .parse()
                    .ok()
            })
            .unwrap_or_else(|| panic!("no version in {first_line:?}"));
        let mut resolved = Self {
            daemon: Daemon::start(NAME, command),
            version,
        };
        resolved.until_it_answers(lab);
        resolved
    }

    /// The number that systemd has for a version.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    pub(crate) fn daemon(&mut self) -> &mut Daemon {
        &mut self.daemon
    }

    /// Ends it and starts it again: what it held per link is gone.
    pub(crate) fn restart(&mut self, lab: &Lab) {
        self.daemon.stop();
        self.daemon = Daemon::start(NAME, lab.command(PROGRAM));
        self.until_it_answers(lab);
    }

    /// Has it read its files again. Not before 257: older ones die of it.
    pub(crate) fn reload(&mut self, lab: &Lab) {
        assert!(
            self.version >= 257,
            "systemd-resolved {} does not reload",
            self.version
        );
        let loaded = || {
            lab.resolved()["delegates"]
                .as_object()
                .map_or(0, serde_json::Map::len)
        };
        let files = std::fs::read_dir("/run/systemd/dns-delegate.d").map_or(0, Iterator::count);
        self.daemon.signal(nix::sys::signal::Signal::SIGHUP);
        // Nothing says that it has done so, but the number of delegates.
        self.daemon.ready_when(|_| loaded() == files);
    }

    fn until_it_answers(&mut self, lab: &Lab) {
        const PING: &str = "busctl --no-pager --auto-start=no call org.freedesktop.resolve1 \
                            /org/freedesktop/resolve1 org.freedesktop.DBus.Peer Ping";
        self.daemon.ready_when(|_| lab.succeeds(PING));
    }
}
