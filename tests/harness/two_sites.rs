//! Two corporate networks and a mesh, all of which want the same addresses.
//!
//! ```text
//!                                                    .10 alpha -- 10.98.0.0/16
//!  workstation --lan0-- LAN router --203.0.113.0/24--
//!   192.168.77.2         .1                          .20 beta  -- 10.99.0.0/16
//! ```
//!
//! Each VPN takes all traffic, all names and 10.96.0.0/12, which is the other's network
//! too, and one of them half of the LAN. Who connects second does so through the first
//! one's tunnel, until it has set its own route to its server. The mesh takes the network
//! behind the LAN, and all names. The servers run all the time; what is connected and
//! ended are the clients.
//!
//! Beta may be wg-quick's instead: it has all traffic by rules before main's, where
//! OpenVPN's routes are in main, and numbers its rules by those that it finds.

use super::daemon::Daemon;
use super::openvpn::make_key;
use super::topology::{join_lan, lan_zone, prepare};
use super::wg_quick::{Runs, Settings, Tunnel};
use super::{DnsServer, Lab, Peer, Tailscale, Tun, Zone, until};

const FOLDER: &str = "/root/openvpn";
const UP: &str = "Initialization Sequence Completed";

/// As a client's up script does it that knows resolved: all names through the tunnel.
const TAKE_ALL_NAMES: &str = "#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ \"$script_type\" = up ] || exit 0
resolvectl dns \"$dev\" SERVER
resolvectl domain \"$dev\" ~.
";

/// One of the three that can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Alpha,
    Beta,
    Mesh,
}

/// What beta is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    OpenVpn,
    /// Its server is reached at 203.0.113.10 as well, where the router hands its packets
    /// on.
    OpenVpnAtAlphasAddress,
    WgQuick,
}

/// A site with a VPN server of its own.
#[derive(Debug)]
struct Site<'lab> {
    peer: Peer<'lab>,
    vpn: Vpn<'lab>,
}

/// Its server, and its client here.
#[derive(Debug)]
enum Vpn<'lab> {
    OpenVpn {
        _server: Daemon,
        /// How its client is started.
        client: String,
        connected: Option<Daemon>,
    },
    WgQuick(Tunnel<'lab>),
}

/// The LAN, both sites, and who is connected.
#[derive(Debug)]
pub(crate) struct TwoSites<'lab> {
    lab: &'lab Lab,
    _lan: Peer<'lab>,
    alpha: Site<'lab>,
    beta: Site<'lab>,
    mesh: Option<Tailscale>,
    pub(crate) lan_dns: DnsServer,
    pub(crate) alpha_dns: DnsServer,
    pub(crate) beta_dns: DnsServer,
}

impl<'lab> TwoSites<'lab> {
    /// Bus and resolved must run.
    pub(crate) fn new(lab: &'lab Lab, second: Second) -> Self {
        drop(Tun::open_device(lab));
        prepare(lab);
        let lan = Peer::new(lab, "lan");
        lan.cable("lan0");
        lan.forward();
        lan.run_each(
            "ip addr add 192.168.77.1/24 dev eth0
             ip addr add 192.168.77.50/24 dev eth0
             ip addr add fd00:77::1/64 dev eth0
             ip addr add fd00:77::50/64 dev eth0
             ip link add far type bridge
             ip addr add 192.168.88.1/24 dev far
             ip link set far up
             ip link add wan type bridge
             ip addr add 203.0.113.1/24 dev wan
             ip link set wan up",
        );
        join_lan(lab);
        let keys = ["server", "client"].map(|name| make_key(lab, name));
        let [alpha, beta] = [("alpha", 8, "10"), ("beta", 9, "20")]
            .map(|(name, number, host)| make_peer(&lan, name, number, host));
        let alpha = Site {
            vpn: openvpn(&alpha, 8, "203.0.113.10", "203.0.113.10 1194", &keys),
            peer: alpha,
        };
        let vpn = match second {
            Second::OpenVpn => openvpn(&beta, 9, "203.0.113.20", "203.0.113.20 1195", &keys),
            Second::OpenVpnAtAlphasAddress => {
                lan.run_each(
                    "nft add table ip hand-on
                     nft add chain ip hand-on in { type nat hook prerouting priority dstnat ; }
                     nft add rule ip hand-on in ip daddr 203.0.113.10 udp dport 1195 dnat to 203.0.113.20",
                );
                openvpn(&beta, 9, "203.0.113.20", "203.0.113.10 1195", &keys)
            }
            Second::WgQuick => Vpn::WgQuick(Tunnel::new(
                lab,
                &beta,
                Settings {
                    runs: Runs::InUserSpace,
                    number: 9,
                    endpoint: "203.0.113.20",
                    allowed: "0.0.0.0/0, ::/0",
                    names: "10.99.0.1, ~.",
                },
            )),
        };
        let beta = Site { vpn, peer: beta };
        for server in ["203.0.113.10", "203.0.113.20"] {
            until("the VPN server can be reached", || lab.reaches(server));
        }
        lab.run("resolvectl dns lan0 192.168.77.1");
        // In both families: for an address that does not exist libc asks for ten seconds.
        let zone = |name: &str, addresses: [&str; 2]| Zone::new().host(name, &addresses);
        let others = lan_zone().host("www.other.example", &["203.0.113.80", "fd00:88::80"]);
        Self {
            lan_dns: DnsServer::start(&lan, &others),
            alpha_dns: DnsServer::start(
                &alpha.peer,
                &zone("git.alpha.example", ["10.98.5.5", "fd00:98:5::5"]),
            ),
            beta_dns: DnsServer::start(
                &beta.peer,
                &zone("db.beta.example", ["10.99.5.5", "fd00:99:5::5"]),
            ),
            lab,
            _lan: lan,
            alpha,
            beta,
            mesh: None,
        }
    }

    /// Connects one of them.
    pub(crate) fn connect(&mut self, client: Client) {
        let lab = self.lab;
        match client {
            Client::Alpha => self.alpha.vpn.connect(lab, "alpha"),
            Client::Beta => self.beta.vpn.connect(lab, "beta"),
            Client::Mesh => {
                let mesh = Tailscale::up(lab);
                mesh.accept_route(lab, "192.168.88.0/24");
                mesh.claim_names(lab);
                self.mesh = Some(mesh);
            }
        }
    }

    /// Ends one of them by its own command.
    pub(crate) fn disconnect(&mut self, client: Client) {
        match client {
            Client::Alpha => self.alpha.vpn.disconnect(),
            Client::Beta => self.beta.vpn.disconnect(),
            Client::Mesh => {
                take_down_mesh(self.lab);
                self.mesh = None;
            }
        }
    }

    /// Ends one of them as SIGKILL does: nothing of it can clean up.
    pub(crate) fn kill(&mut self, client: Client) {
        match client {
            Client::Alpha => self.alpha.vpn.kill(),
            Client::Beta => self.beta.vpn.kill(),
            Client::Mesh => self.mesh = None,
        }
    }

    /// Takes away what clients that were killed, or that were in each other's way, have
    /// left of themselves.
    pub(crate) fn clean_up(&self) {
        for server in ["203.0.113.10", "203.0.113.20"] {
            while self.lab.succeeds(&format!("ip route del {server}/32")) {}
        }
        take_down_mesh(self.lab);
        if let Vpn::WgQuick(tunnel) = &self.beta.vpn {
            tunnel.reset_settings();
        }
    }
}

/// What tailscaled takes away at its end, where it is there.
fn take_down_mesh(lab: &Lab) {
    for family in ["-4", "-6"] {
        for priority in [5210, 5230, 5250, 5270] {
            lab.succeeds(&format!("ip {family} rule del pref {priority}"));
        }
    }
    lab.succeeds("nft delete table ip filter");
}

/// A site behind the LAN's router. `number` is that of its tunnel's network, `host` that of
/// its server.
fn make_peer<'lab>(lan: &Peer<'lab>, name: &'static str, number: u8, host: &str) -> Peer<'lab> {
    let peer = Peer::new(lan.lab(), name);
    peer.forward();
    lan.run(&format!(
        "ip link add {name} type veth peer name wan0 netns {name}"
    ));
    lan.run(&format!("ip link set {name} master wan up"));
    let inner = 90 + number;
    peer.run_each(&format!(
        "ip addr add 203.0.113.{host}/24 dev wan0
         ip link set wan0 up
         ip route add default via 203.0.113.1
         ip link add corp type bridge
         ip addr add 10.{inner}.0.1/16 dev corp
         ip addr add 10.{inner}.5.5/16 dev corp
         ip link set corp up
         nft add table ip out
         nft add chain ip out src {{ type nat hook postrouting priority srcnat ; }}
         nft add rule ip out src oifname wan0 ip saddr 10.{number}.0.0/24 masquerade"
    ));
    peer.serve_tcp(&format!("10.{inner}.5.5:80"));
    peer
}

/// OpenVPN's server on a site, and how its client is started.
fn openvpn<'lab>(
    peer: &Peer<'lab>,
    number: u8,
    host: &str,
    remote: &str,
    keys: &[String; 2],
) -> Vpn<'lab> {
    let (lab, name) = (peer.lab(), peer.name());
    let inner = 90 + number;
    let [server_print, client_print] = keys;
    let port = remote.split(' ').next_back().unwrap_or_default();
    let mut command = peer.command(&format!(
        "openvpn --cd {FOLDER} --dev tun0 --mode server --tls-server --topology subnet \
         --server 10.{number}.0.0 255.255.255.0 --local {host} --port {port} --proto udp \
         --dh none --cert server.crt --key server.key --peer-fingerprint {client_print} \
         --keepalive 2 10 --float --verb 3"
    ));
    let mut pushes = vec!["redirect-gateway def1", "route 10.96.0.0 255.240.0.0"];
    if name == "alpha" {
        pushes.push("route 192.168.77.0 255.255.255.128");
    }
    for push in pushes {
        command.args(["--push", push]);
    }
    let mut server = Daemon::start(&format!("openvpn-{name}-server"), command);
    server.until_logged(UP);
    let hook = format!("/usr/local/bin/names-of-{name}");
    lab.write(
        &hook,
        TAKE_ALL_NAMES.replace("SERVER", &format!("10.{inner}.0.1")),
    );
    lab.run(&format!("chmod 755 {hook}"));
    // Which of tun0 and tun1 it gets depends on who came first, as with real ones.
    let client = format!(
        "openvpn --cd {FOLDER} --client --dev tun --proto udp --remote {remote} --nobind \
         --cert client.crt --key client.key --peer-fingerprint {server_print} --verb 3 \
         --script-security 2 --up {hook}"
    );
    Vpn::OpenVpn {
        _server: server,
        client,
        connected: None,
    }
}

impl Vpn<'_> {
    fn connect(&mut self, lab: &Lab, name: &str) {
        match self {
            Vpn::OpenVpn {
                client, connected, ..
            } => {
                let times = |daemon: &Daemon| daemon.log().matches(UP).count();
                let mut client = Daemon::start(&format!("openvpn-{name}"), lab.command(client));
                // The log goes on where the last client's ended.
                let before = times(&client);
                client.ready_when(|client| times(client) > before);
                *connected = Some(client);
            }
            Vpn::WgQuick(tunnel) => {
                tunnel.up();
                // Out of the link, whatever main has for it.
                until("the other end answers", || {
                    lab.succeeds("ping -n -q -c 1 -W 1 -I wg0 10.99.0.1")
                });
            }
        }
    }

    fn disconnect(&mut self) {
        match self {
            Vpn::OpenVpn { connected, .. } => {
                if let Some(mut client) = connected.take() {
                    client.stop();
                }
            }
            Vpn::WgQuick(tunnel) => tunnel.down(),
        }
    }

    fn kill(&mut self) {
        match self {
            Vpn::OpenVpn { connected, .. } => *connected = None,
            Vpn::WgQuick(tunnel) => tunnel.kill(),
        }
    }
}
