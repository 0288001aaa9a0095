//! A machine whose links networkd sets up: a LAN, and a cable at work that has all traffic,
//! all names, and a network of the same number as the one behind the LAN.

use std::fs;

use super::super::lab::Lab;
use super::super::link_managers::Networkd;
use super::super::poll::until;
use super::super::topology::VpnSite;
use super::{Client, Way, until_corp_answers, until_forgotten, until_names_are_taken, version_of};

const LAN: &str = "\
[Match]
Name=lan0
[Network]
Address=192.168.77.2/24
Address=fd00:77::2/64
DNS=192.168.77.1
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
[Route]
Gateway=192.168.77.1
Metric=100
[Route]
Gateway=192.168.77.1
Destination=192.168.88.0/24
Metric=100
";

const CORP: &str = "\
[Match]
Name=corp0
[Network]
Address=10.97.0.2/24
DNS=10.99.0.1
Domains=~.
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
[Route]
Gateway=10.97.0.1
Metric=50
[Route]
Gateway=10.97.0.1
Destination=10.0.0.0/8
Metric=50
[Route]
Gateway=10.97.0.1
Destination=192.168.88.0/24
Metric=50
";

/// Its file for the cable.
const FILE: &str = "20-corp.network";
const FOLDER: &str = "/etc/systemd/network";

/// networkd on both links; the cable's file comes and goes.
#[derive(Debug)]
pub(crate) struct CableOfNetworkd<'lab> {
    lab: &'lab Lab,
    networkd: Networkd,
}

impl<'lab> CableOfNetworkd<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        site.plug_in();
        lab.run("ip addr flush dev lan0 scope global");
        lab.run("resolvectl revert lan0");
        let networkd = start(lab, &[("10-lan.network", LAN)]);
        let mut this = Self { lab, networkd };
        // The first time it changes settings of the link that it then leaves.
        this.connect();
        this.disconnect();
        this
    }

    fn until_settled(&mut self) {
        self.networkd.until_configured(self.lab, "corp0");
        until_names_are_taken(self.lab, "corp0");
        until_corp_answers(self.lab);
    }
}

fn start(lab: &Lab, files: &[(&str, &str)]) -> Networkd {
    let mut networkd = Networkd::start(lab, files);
    networkd.until_configured(lab, "lan0");
    until_names_are_taken(lab, "lan0");
    until("the LAN is there", || lab.reaches("fd00:77::1"));
    networkd
}

impl Client for CableOfNetworkd<'_> {
    fn way(&self) -> Way {
        Way::CABLE
    }

    fn owner(&self) -> &'static str {
        "networkd"
    }

    fn version(&self) -> String {
        let version = version_of(self.lab, "/usr/lib/systemd/systemd-networkd --version");
        // Without that of the package.
        format!("networkd {}", version.split('-').next().unwrap_or_default())
    }

    fn connect(&mut self) {
        self.lab.write(format!("{FOLDER}/{FILE}"), CORP);
        self.lab.run("networkctl reload");
        self.until_settled();
    }

    /// An address that it did not make always goes then.
    fn reconnect(&mut self) {
        let lab = self.lab;
        lab.run("ip addr add 198.18.77.77/32 dev corp0");
        lab.run("networkctl reconfigure corp0");
        until("networkd has deleted what it did not make", || {
            !lab.run("ip addr show dev corp0").contains("198.18.77.77")
        });
        self.until_settled();
    }

    fn disconnect(&mut self) {
        fs::remove_file(format!("{FOLDER}/{FILE}")).expect("it was written");
        self.lab.run("networkctl reload");
        until_forgotten(self.lab, "corp0");
    }

    /// What it has set up stays.
    fn kill(&mut self) {
        self.networkd.daemon().kill();
    }

    fn start_again(&mut self) -> bool {
        self.networkd = start(self.lab, &[("10-lan.network", LAN), (FILE, CORP)]);
        self.until_settled();
        true
    }

    fn clear_up(&mut self) {
        self.disconnect();
    }
}
