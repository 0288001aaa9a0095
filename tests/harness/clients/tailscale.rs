//! A stand-in for Tailscale that carries traffic.
//!
//! tailscaled needs a coordination server, so it is played: by wireguard-go, which is
//! also what tailscaled has inside, run under tailscaled's name; its rules, its table
//! and its chains are those that tailscaled was seen to make (wgengine/router).

use super::super::daemon::Daemon;
use super::super::lab::Lab;
use super::super::rivals;
use super::super::topology::VpnSite;
use super::wg_quick::{Keys, Server};
use super::{Client, until_corp_answers, until_gone, until_names_are_taken, version_of};

const PROGRAM: &str = "/usr/local/bin/tailscaled";

/// With another node's subnets, one of which is the LAN's, and that node as exit node.
#[derive(Debug)]
pub(crate) struct Tailscale<'lab> {
    lab: &'lab Lab,
    server: Server,
    daemon: Option<Daemon>,
}

impl<'lab> Tailscale<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        let keys = Keys::make(lab);
        let client = (&keys, "100.101.102.103/32,fd7a:115c:a1e0::1/128");
        let routes = ["100.101.102.103/32"];
        let server = Server::start(lab, site, "tailnode", 41641, client, &routes);
        site.server.run("ip addr add 100.100.100.100/32 dev lo");
        std::fs::copy("/usr/bin/wireguard-go", PROGRAM).expect("the copy can be made");
        lab.write("/root/tailscale.key", &keys.private);
        Self {
            lab,
            server,
            daemon: None,
        }
    }

    fn start(&mut self) {
        let mut command = self.lab.command(&format!("{PROGRAM} -f tailscale0"));
        command.env("WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD", "1");
        let mut daemon = Daemon::start("tailscaled", command);
        daemon.ready_when(|_| self.lab.succeeds("wg show tailscale0"));
        self.daemon = Some(daemon);
        let lab = self.lab;
        lab.run(&format!(
            "wg set tailscale0 private-key /root/tailscale.key fwmark 0x80000 peer {} \
             allowed-ips 0.0.0.0/0,::/0 endpoint {}:41641",
            self.server.public,
            VpnSite::SERVER
        ));
        rivals::tailscale_link(lab);
        lab.run_each(
            "ip route add 10.99.0.0/16 dev tailscale0 table 52
             ip route add 192.168.77.0/24 dev tailscale0 table 52
             ip route add default dev tailscale0 table 52
             ip -6 route add default dev tailscale0 table 52",
        );
    }

    /// What tailscaled does when it is told to, or at its end by its service.
    fn clean(&self) {
        rivals::tailscale_cleanup(self.lab);
    }
}

impl Client for Tailscale<'_> {
    fn link(&self) -> &'static str {
        "tailscale0"
    }

    fn network(&self) -> &'static str {
        "100.64.0.0/10"
    }

    fn name_server(&self) -> &'static str {
        "100.100.100.100"
    }

    fn version(&self) -> String {
        let tunnel = version_of(self.lab, "wireguard-go --version");
        format!("wireguard-go {tunnel} in the place of tailscaled")
    }

    fn owner(&self) -> &'static str {
        "tailscale"
    }

    fn connect(&mut self) {
        rivals::tailscale_rules(self.lab);
        self.start();
        self.lab.run("resolvectl dns tailscale0 100.100.100.100");
        self.lab
            .run("resolvectl domain tailscale0 tail1234.ts.net ~100.100.in-addr.arpa ~.");
        until_names_are_taken(self.lab, self.link());
        until_corp_answers(self.lab);
    }

    /// Its service is restarted.
    fn reconnect(&mut self) {
        self.disconnect();
        self.connect();
    }

    fn disconnect(&mut self) {
        self.daemon.take().expect("it runs").stop();
        until_gone(self.link());
        self.clean();
    }

    fn kill(&mut self) {
        self.daemon.take().expect("it runs").kill();
        until_gone(self.link());
    }

    fn clear_up(&self) {
        self.clean();
    }
}
