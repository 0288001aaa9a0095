//! A laptop whose links NetworkManager sets up: a LAN, and a cable at work that has all
//! traffic, all names, and a network of the same number as the one behind the LAN.

use super::super::lab::Lab;
use super::super::link_managers::NetworkManager;
use super::super::poll::until;
use super::super::topology::VpnSite;
use super::{Client, Way, until_corp_answers, until_forgotten, until_names_are_taken, version_of};

const LAN: &str = "ip4 192.168.77.2/24 gw4 192.168.77.1 ipv4.route-metric 100 \
    ipv4.routes '192.168.88.0/24 192.168.77.1' ipv4.dns 192.168.77.1 \
    ipv6.method manual ipv6.addresses fd00:77::2/64 ipv6.addr-gen-mode eui64 \
    ipv6.route-metric 100";

const CORP: &str = "ip4 10.97.0.2/24 gw4 10.97.0.1 ipv4.route-metric 50 \
    ipv4.routes '10.0.0.0/8 10.97.0.1, 192.168.88.0/24 10.97.0.1' \
    ipv4.dns 10.99.0.1 ipv4.dns-search ~. ipv6.method disabled";

const SERVER: &str = "10.99.0.1";

/// NetworkManager on both links.
#[derive(Debug)]
pub(crate) struct CableOfNetworkManager<'lab> {
    lab: &'lab Lab,
    manager: NetworkManager,
}

impl<'lab> CableOfNetworkManager<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        site.plug_in();
        lab.run("ip addr flush dev lan0 scope global");
        let manager = NetworkManager::start(lab);
        manager.connect(lab, "lan0", LAN);
        manager.add(lab, "corp0", CORP);
        until_names_are_taken(lab, "lan0");
        until("the LAN is there", || lab.reaches("fd00:77::1"));
        let mut this = Self { lab, manager };
        // The first time it takes away what the kernel had set up on the link by itself.
        this.connect();
        this.disconnect();
        this
    }

    fn connection(&self, words: &str) {
        self.lab.run(&format!("nmcli --wait 15 connection {words}"));
    }

    /// It is done with an activation before resolved has heard of it.
    fn until_told(&self, server: &str) {
        let server = server.replace('.', ",");
        until("NetworkManager has told resolved", || {
            let told = self.lab.resolved_link("corp0");
            told["DNS"].to_string().contains(&server)
                && told["Domains"].to_string().contains("\".\"")
        });
    }
}

impl Client for CableOfNetworkManager<'_> {
    fn way(&self) -> Way {
        Way::CABLE
    }

    fn owner(&self) -> &'static str {
        "NetworkManager"
    }

    fn version(&self) -> String {
        format!(
            "NetworkManager {}",
            version_of(self.lab, "NetworkManager --version")
        )
    }

    fn connect(&mut self) {
        self.connection("up corp0");
        self.until_told(SERVER);
        until_corp_answers(self.lab);
    }

    /// As after a suspend: each of them anew.
    fn reconnect(&mut self) {
        self.connection("up lan0");
        until_names_are_taken(self.lab, "lan0");
        self.connect();
    }

    /// A lease that names another server, and then the same again.
    fn say_again(&mut self) -> bool {
        for server in ["10.99.0.9", SERVER] {
            self.lab
                .run(&format!("nmcli device modify corp0 ipv4.dns {server}"));
            self.until_told(server);
        }
        for link in ["lan0", "corp0"] {
            self.lab.run(&format!("nmcli device reapply {link}"));
        }
        true
    }

    fn disconnect(&mut self) {
        self.connection("down corp0");
        until_forgotten(self.lab, "corp0");
    }

    /// What it has set up stays.
    fn kill(&mut self) {
        self.manager.daemon().kill();
    }

    /// It takes what is there for its own.
    fn start_again(&mut self) -> bool {
        self.manager = NetworkManager::start(self.lab);
        self.until_told(SERVER);
        true
    }

    fn clear_up(&mut self) {
        self.disconnect();
    }
}
