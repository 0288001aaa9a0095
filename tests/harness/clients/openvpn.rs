//! OpenVPN: routes in main, pushed by the server; names by an up script, or since 2.7
//! by a script of its own.

use super::super::daemon::Daemon;
use super::super::lab::Lab;
use super::super::openvpn::{Server, Settings, reconnect};
use super::super::topology::VpnSite;
use super::{
    Client, Way, until_corp_answers, until_gone, until_names_are_taken, version_of, write_program,
};

const SCRIPT: &str = "/usr/local/bin/take-all-names";

/// What administrators write for a client that tells resolved nothing by itself.
const TAKE_ALL_NAMES: &str = "#!/bin/bash
export PATH=/usr/sbin:/usr/bin
[ \"$script_type\" = up ] || exit 0
resolvectl dns \"$dev\" 10.99.0.1
resolvectl domain \"$dev\" ~.
";

/// A full tunnel whose server also pushes halves of the networks that it must not have.
#[derive(Debug)]
pub(crate) struct OpenVpn<'lab> {
    lab: &'lab Lab,
    server: Server<'lab>,
    client: Option<Daemon>,
}

impl<'lab> OpenVpn<'lab> {
    /// Its names are taken by an up script.
    pub(crate) fn with_script(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        write_program(lab, SCRIPT, TAKE_ALL_NAMES);
        Self::new(lab, site, greedy().hook(SCRIPT))
    }

    /// Its server pushes a name server, and nothing more is said on names: 2.7 tells
    /// resolved by itself.
    pub(crate) fn without_script(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        Self::new(lab, site, greedy().push("dhcp-option DNS 10.99.0.1"))
    }

    fn new(lab: &'lab Lab, site: &VpnSite<'_>, settings: Settings) -> Self {
        Self {
            lab,
            server: Server::start(lab, site, &settings),
            client: None,
        }
    }

    fn until_ready(&self) {
        until_names_are_taken(self.lab, self.link());
        until_corp_answers(self.lab);
    }
}

fn greedy() -> Settings {
    Settings::full_tunnel()
        .push("route 192.168.77.0 255.255.255.128")
        .push("route 192.168.88.0 255.255.255.128")
}

impl Client for OpenVpn<'_> {
    fn way(&self) -> Way {
        Way::tunnel("tun0", "10.8.0.0/24")
    }

    fn version(&self) -> String {
        format!("OpenVPN {}", version_of(self.lab, "openvpn --version"))
    }

    fn owner(&self) -> &'static str {
        "openvpn"
    }

    fn connect(&mut self) {
        self.client = Some(self.server.connect());
        self.until_ready();
    }

    fn reconnect(&mut self) {
        reconnect(self.client.as_mut().expect("it is connected"));
        self.until_ready();
    }

    fn disconnect(&mut self) {
        self.client.take().expect("it is connected").stop();
        until_gone(self.link());
    }

    fn kill(&mut self) {
        self.client.take().expect("it is connected").kill();
        until_gone(self.link());
    }

    fn clear_up(&mut self) {
        self.lab.run(&format!("ip route del {}", VpnSite::SERVER));
    }
}
