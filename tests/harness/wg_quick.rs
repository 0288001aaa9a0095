//! wg-quick and the other end of its tunnel, over WireGuard in user space or in the
//! kernel.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::daemon::Daemon;
use super::lab::{Lab, succeed};
use super::peer::Peer;
use super::poll::until;
use super::rivals::Tun;

/// Has wireguard-go run also where the kernel has WireGuard.
const USERSPACE: (&str, &str) = ("WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD", "1");

/// What runs WireGuard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    InUserSpace,
    InKernel,
}

/// A pair of keys.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) private: String,
    pub(super) public: String,
}

impl Keys {
    pub(super) fn make(lab: &Lab) -> Self {
        let private = lab.run("wg genkey");
        let public = lab.feed("wg pubkey", &private).trim().to_owned();
        let private = private.trim().to_owned();
        Self { private, public }
    }
}

/// The other end, on a server.
#[derive(Debug)]
pub(super) struct Server {
    _daemon: Option<Daemon>,
    pub(super) public: String,
}

impl Server {
    /// Starts it as a link of this name, for one client that has these addresses. Not run
    /// where there is no such WireGuard.
    pub(super) fn start(
        runs: Runs,
        peer: &Peer<'_>,
        link: &str,
        port: u16,
        (client, addresses): (&Keys, &str),
        routes: &[&str],
    ) -> Self {
        let lab = peer.lab();
        let daemon = match runs {
            Runs::InUserSpace => Some(start_in_user_space(peer, link)),
            Runs::InKernel => {
                lab.needs_links_of("wireguard", "");
                peer.run(&format!("ip link add {link} type wireguard"));
                None
            }
        };
        let keys = Keys::make(lab);
        let file = format!("/root/{link}.key");
        lab.write(&file, &keys.private);
        peer.run(&format!(
            "wg set {link} listen-port {port} private-key {file} peer {} allowed-ips {addresses}",
            client.public
        ));
        peer.run(&format!("ip link set {link} mtu 1380 up"));
        for route in routes {
            peer.run(&format!("ip route add {route} dev {link}"));
        }
        Self {
            _daemon: daemon,
            public: keys.public,
        }
    }
}

fn start_in_user_space(peer: &Peer<'_>, link: &str) -> Daemon {
    let lab = peer.lab();
    drop(Tun::open_device(lab));
    if !std::fs::exists("/usr/bin/wireguard-go").expect("/usr can be read") {
        lab.not_run("the tree has no wireguard-go");
    }
    let mut command = peer.command(&format!("wireguard-go -f {link}"));
    command.env(USERSPACE.0, USERSPACE.1);
    let mut daemon = Daemon::start(&format!("wireguard-{link}"), command);
    let socket = format!("/run/wireguard/{link}.sock");
    daemon.ready_when(|_| std::path::Path::new(&socket).exists());
    daemon
}

/// What a file of wg-quick's says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings<'a> {
    pub(super) runs: Runs,
    /// 10.NUMBER.0.2 and fd00:NUMBER::2 are the tunnel's addresses.
    pub(super) number: u8,
    pub(super) endpoint: &'a str,
    pub(super) allowed: &'a str,
    /// The name server, and the domains.
    pub(super) names: &'a str,
}

/// `wg0` as wg-quick makes it and takes it away, and a server for it.
#[derive(Debug)]
pub(super) struct Tunnel<'lab> {
    lab: &'lab Lab,
    pub(super) runs: Runs,
    _server: Server,
}

impl<'lab> Tunnel<'lab> {
    pub(super) fn new(lab: &'lab Lab, peer: &Peer<'_>, settings: Settings<'_>) -> Self {
        // Its packet filter names all addresses of the link, one of which the kernel
        // would draw by lot.
        lab.run("sysctl -qw net.ipv6.conf.default.addr_gen_mode=1");
        let Settings { runs, number, .. } = settings;
        let keys = Keys::make(lab);
        let address = format!("10.{number}.0.2/32");
        let addresses = format!("{address},fd00:{number}::2/128");
        let client = (&keys, addresses.as_str());
        let server = Server::start(runs, peer, "wgs", 51820, client, &[&address]);
        lab.write(
            "/etc/wireguard/wg0.conf",
            format!(
                "[Interface]\nPrivateKey = {}\nAddress = {addresses}\nDNS = {}\n\
                 [Peer]\nPublicKey = {}\nEndpoint = {}:51820\nAllowedIPs = {}\n",
                keys.private, settings.names, server.public, settings.endpoint, settings.allowed,
            ),
        );
        Self {
            lab,
            runs,
            _server: server,
        }
    }

    pub(super) fn up(&self) {
        self.quick("up");
    }

    pub(super) fn down(&self) {
        self.quick("down");
        self.until_gone();
    }

    /// Kills what runs the tunnel. In the kernel there is nothing to kill: what is left is
    /// the same when somebody deletes the link.
    pub(super) fn kill(&self) {
        match holder("wg0") {
            Some(pid) => kill(pid, Signal::SIGKILL).expect("it is there"),
            None => drop(self.lab.run("ip link del wg0")),
        }
        self.until_gone();
    }

    fn quick(&self, verb: &str) {
        let line = format!("wg-quick {verb} wg0");
        let mut command = self.lab.command(&line);
        if self.runs == Runs::InUserSpace {
            command
                .env("WG_QUICK_USERSPACE_IMPLEMENTATION", "wireguard-go")
                .env(USERSPACE.0, USERSPACE.1);
        }
        succeed(command, &line);
    }

    fn until_gone(&self) {
        until("wg0 is gone", || {
            !std::path::Path::new("/sys/class/net/wg0").exists()
        });
    }

    /// What wg-quick has left of its rules and its packet filter after a kill.
    pub(super) fn forget(&self) {
        for family in ["-4", "-6"] {
            self.lab.run(&format!("ip {family} rule del table 51820"));
            self.lab.run(&format!(
                "ip {family} rule del table main suppress_prefixlength 0"
            ));
        }
        for family in ["ip", "ip6"] {
            self.lab
                .run(&format!("nft delete table {family} wg-quick-wg0"));
        }
    }

    /// What it leaves in any case.
    pub(super) fn reset_settings(&self) {
        self.lab
            .run("sysctl -qw net.ipv4.conf.all.src_valid_mark=0");
        // The kernel's WireGuard switches that off for all links (wg_open in
        // drivers/net/wireguard/device.c).
        if self.runs == Runs::InKernel {
            self.lab
                .run("sysctl -qw net.ipv4.conf.all.send_redirects=1");
        }
    }
}

/// The process that holds a tunnel device of this network namespace.
fn holder(link: &str) -> Option<Pid> {
    let here = std::fs::read_link("/proc/self/ns/net").ok()?;
    let holds = |process: &std::path::Path| {
        let details = std::fs::read_dir(process.join("fdinfo")).ok()?;
        let mut details = details.flatten();
        details.find(|one| {
            let text = std::fs::read_to_string(one.path()).unwrap_or_default();
            text.lines()
                .any(|line| line.strip_prefix("iff:").map(str::trim) == Some(link))
        })
    };
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut processes = processes.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, entry.path()))
    });
    processes
        .find(|(_, path)| {
            let its = std::fs::read_link(path.join("ns/net"));
            its.is_ok_and(|its| its == here) && holds(path).is_some()
        })
        .map(|(pid, _)| Pid::from_raw(pid))
}
