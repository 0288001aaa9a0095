//! wg-quick over WireGuard in user space or in the kernel: all of both families by two
//! rules and a table, all names through the resolvconf(8) of systemd.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::daemon::Daemon;
use super::super::lab::{Lab, succeed};
use super::super::picture::Picture;
use super::super::rivals::Tun;
use super::super::topology::VpnSite;
use super::{Client, kernel, until_corp_answers, until_gone, until_names_are_taken, version_of};

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

/// The other end, on the site's server.
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
        site: &VpnSite<'_>,
        link: &str,
        port: u16,
        (client, addresses): (&Keys, &str),
        routes: &[&str],
    ) -> Self {
        let lab = site.server.lab();
        let daemon = match runs {
            Runs::InUserSpace => Some(start_in_user_space(lab, site, link)),
            Runs::InKernel => {
                lab.needs_links_of("wireguard", "");
                site.server
                    .run(&format!("ip link add {link} type wireguard"));
                None
            }
        };
        let keys = Keys::make(lab);
        let file = format!("/root/{link}.key");
        lab.write(&file, &keys.private);
        site.server.run(&format!(
            "wg set {link} listen-port {port} private-key {file} peer {} allowed-ips {addresses}",
            client.public
        ));
        site.server.run(&format!("ip link set {link} mtu 1380 up"));
        for route in routes {
            site.server.run(&format!("ip route add {route} dev {link}"));
        }
        Self {
            _daemon: daemon,
            public: keys.public,
        }
    }
}

fn start_in_user_space(lab: &Lab, site: &VpnSite<'_>, link: &str) -> Daemon {
    drop(Tun::open_device(lab));
    if !std::fs::exists("/usr/bin/wireguard-go").expect("/usr can be read") {
        lab.not_run("the tree has no wireguard-go");
    }
    let mut command = site.server.command(&format!("wireguard-go -f {link}"));
    command.env(USERSPACE.0, USERSPACE.1);
    let mut daemon = Daemon::start(&format!("wireguard-{link}"), command);
    let socket = format!("/run/wireguard/{link}.sock");
    daemon.ready_when(|_| std::path::Path::new(&socket).exists());
    daemon
}

/// wg-quick with `AllowedIPs = 0.0.0.0/0, ::/0` and a `DNS` line.
#[derive(Debug)]
pub(crate) struct WgQuick<'lab> {
    lab: &'lab Lab,
    runs: Runs,
    _server: Server,
}

const ALL: &str = "0.0.0.0/0, ::/0";

impl<'lab> WgQuick<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        Self::make(lab, site, Runs::InUserSpace, ALL)
    }

    /// Over the kernel's WireGuard; not run without it.
    pub(crate) fn in_kernel(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        Self::make(lab, site, Runs::InKernel, ALL)
    }

    /// With other `AllowedIPs`; what is more than all traffic gets routes in main.
    pub(crate) fn allowing(lab: &'lab Lab, site: &VpnSite<'_>, allowed: &str) -> Self {
        Self::make(lab, site, Runs::InUserSpace, allowed)
    }

    fn make(lab: &'lab Lab, site: &VpnSite<'_>, runs: Runs, allowed: &str) -> Self {
        // Its packet filter names all addresses of the link, one of which the kernel
        // would draw by lot.
        lab.run("sysctl -qw net.ipv6.conf.default.addr_gen_mode=1");
        let keys = Keys::make(lab);
        let client = (&keys, "10.7.0.2/32,fd00:7::2/128");
        let server = Server::start(runs, site, "wgs", 51820, client, &["10.7.0.2/32"]);
        lab.write(
            "/etc/wireguard/wg0.conf",
            format!(
                "[Interface]\nPrivateKey = {}\nAddress = 10.7.0.2/32, fd00:7::2/128\n\
                 DNS = 10.99.0.1, corp.example\n\
                 [Peer]\nPublicKey = {}\nEndpoint = {}:51820\nAllowedIPs = {allowed}\n",
                keys.private,
                server.public,
                VpnSite::SERVER
            ),
        );
        Self {
            lab,
            runs,
            _server: server,
        }
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

impl Client for WgQuick<'_> {
    fn link(&self) -> &'static str {
        "wg0"
    }

    fn network(&self) -> &'static str {
        "10.7.0.0/24"
    }

    fn version(&self) -> String {
        let tools = version_of(self.lab, "wg --version");
        let under_it = match self.runs {
            Runs::InUserSpace => {
                let version = version_of(self.lab, "wireguard-go --version");
                format!("wireguard-go {version}")
            }
            Runs::InKernel => kernel(self.lab),
        };
        format!("wireguard-tools {tools}, {under_it}")
    }

    fn owner(&self) -> &'static str {
        "wg-quick"
    }

    /// It leaves the priorities of its rules to the kernel, which takes the next free one before the first rule
    /// that there is (`fib_default_rule_pref` in net/core/fib_rules.c).
    fn blur(&self, picture: Picture) -> Picture {
        picture.with_rules_in_order_only()
    }

    fn connect(&mut self) {
        self.quick("up");
        until_names_are_taken(self.lab, self.link());
        until_corp_answers(self.lab);
    }

    /// It has no command for that: its service is restarted.
    fn reconnect(&mut self) {
        self.disconnect();
        self.connect();
    }

    fn disconnect(&mut self) {
        self.quick("down");
        until_gone(self.link());
    }

    fn kill(&mut self) {
        match holder(self.link()) {
            Some(pid) => kill(pid, Signal::SIGKILL).expect("it is there"),
            // In the kernel there is nothing to kill; what is left is the same.
            None => drop(self.lab.run(&format!("ip link del {}", self.link()))),
        }
        until_gone(self.link());
    }

    fn clear_up(&mut self) {
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
        self.lab
            .run("sysctl -qw net.ipv4.conf.all.src_valid_mark=0");
        // The kernel's switches that off for all links (wg_open in
        // drivers/net/wireguard/device.c).
        if self.runs == Runs::InKernel {
            self.lab
                .run("sysctl -qw net.ipv4.conf.all.send_redirects=1");
        }
    }
}
