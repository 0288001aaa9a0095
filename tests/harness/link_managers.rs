//! The two programs that manage links on most Linux workstations.
//!
//! Both take a read-only /sys as the sign that there is no udev to wait for.

use std::fs;

use super::daemon::Daemon;
use super::{Lab, until};

/// systemd-networkd; the bus must be up.
#[derive(Debug)]
pub(crate) struct Networkd {
    daemon: Daemon,
}

impl Networkd {
    /// Starts it with one `.network` file per entry, by file name and text.
    pub(crate) fn start(lab: &Lab, files: &[(&str, &str)]) -> Self {
        // The distribution's own files would match links of the test.
        for folder in ["/etc/systemd/network", "/run/systemd/network"] {
            let _ = fs::remove_dir_all(folder);
            fs::create_dir_all(folder).expect("the folder can be made");
        }
        for (name, text) in files {
            lab.write(format!("/etc/systemd/network/{name}"), text);
        }
        for folder in ["links", "leases", "lldp"] {
            lab.make_folder_of("systemd-network", &format!("/run/systemd/netif/{folder}"));
        }
        lab.make_folder_of("systemd-network", "/run/systemd/netif");
        let mut daemon = Daemon::start(
            "systemd-networkd",
            lab.command("/usr/lib/systemd/systemd-networkd"),
        );
        daemon.ready_when(|_| lab.succeeds("networkctl --no-pager list"));
        Self { daemon }
    }

    /// Waits until it has done with a link what its files say.
    pub(crate) fn until_configured(&mut self, lab: &Lab, link: &str) {
        let list = format!("networkctl --no-pager --no-legend list {link}");
        self.daemon.ready_when(|_| {
            let output = lab.output(&list);
            String::from_utf8_lossy(&output.stdout)
                .split_whitespace()
                .last()
                == Some("configured")
        });
    }

    pub(crate) fn daemon(&mut self) -> &mut Daemon {
        &mut self.daemon
    }
}

/// NetworkManager with its keyfile plugin; the bus must be up.
#[derive(Debug)]
pub(crate) struct NetworkManager {
    daemon: Daemon,
}

const NETWORK_MANAGER: &str = "\
[main]
plugins=keyfile
dns=systemd-resolved
rc-manager=unmanaged
auth-polkit=false
no-auto-default=*
[logging]
level=INFO
";

impl NetworkManager {
    pub(crate) fn start(lab: &Lab) -> Self {
        for folder in [
            "/etc/NetworkManager/conf.d",
            "/usr/lib/NetworkManager/conf.d",
        ] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                // In /usr it is read-only; an empty file in /etc masks it.
                lab.write(
                    format!("/etc/NetworkManager/conf.d/{}", entry.file_name().display()),
                    "",
                );
            }
        }
        lab.write("/etc/NetworkManager/NetworkManager.conf", NETWORK_MANAGER);
        for folder in ["/run/NetworkManager", "/var/lib/NetworkManager"] {
            fs::create_dir_all(folder).expect("the folder can be made");
        }
        let mut daemon = Daemon::start("NetworkManager", lab.command("NetworkManager --debug"));
        daemon.ready_when(|_| lab.succeeds("nmcli --terse general status"));
        Self { daemon }
    }

    /// Adds a connection for an Ethernet link and brings it up.
    pub(crate) fn connect(&self, lab: &Lab, link: &str, settings: &str) {
        self.add(lab, link, settings);
        lab.run(&format!("nmcli --wait 15 connection up {link}"));
    }

    /// Adds a connection for an Ethernet link. `settings` are words of nmcli as a shell
    /// reads them, such as `ip4 192.168.77.2/24`.
    pub(crate) fn add(&self, lab: &Lab, link: &str, settings: &str) {
        until(&format!("NetworkManager sees {link}"), || {
            let state = lab.output(&format!(
                "nmcli --terse --get-values GENERAL.STATE device show {link}"
            ));
            // 30 is `disconnected`: managed, and without a connection.
            String::from_utf8_lossy(&state.stdout).starts_with("30")
        });
        lab.sh(&format!(
            "nmcli connection add type ethernet ifname {link} con-name {link} autoconnect no {settings}"
        ));
    }

    pub(crate) fn daemon(&mut self) -> &mut Daemon {
        &mut self.daemon
    }
}
