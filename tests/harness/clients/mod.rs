//! Real VPN clients, each with a server of its own on a `VpnSite`; and what else comes and
//! goes on a workstation and wants a part of its network.
//!
//! Each has networks, ports and a link of its own, so that several can be connected at
//! once. What it takes it takes by its own means: routes that its server pushes, rules
//! that it adds, scripts that tell resolved. Nothing here does a client's work for it.

mod docker;
mod network_manager;
mod networkd;
mod openconnect;
mod openvpn;
mod podman;
mod strongswan;
mod tailscale;
mod wg_quick;

pub(crate) use docker::DockerNetwork;
pub(crate) use network_manager::CableOfNetworkManager;
pub(crate) use networkd::CableOfNetworkd;
pub(crate) use openconnect::{OpenConnect, Tunnel};
pub(crate) use openvpn::OpenVpn;
pub(crate) use podman::PodmanNetwork;
pub(crate) use strongswan::StrongSwan;
pub(crate) use tailscale::Tailscale;
pub(crate) use wg_quick::WgQuick;

use super::lab::Lab;
use super::picture::Picture;
use super::poll::until;
use super::topology::VpnSite;

/// A way to the corporate network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    link: &'static str,
    /// The network of that link.
    network: &'static str,
    /// Where the link is no tunnel.
    gateway: Option<&'static str>,
}

impl Way {
    /// The second cable of a `VpnSite`.
    const CABLE: Self = Self {
        link: "corp0",
        network: VpnSite::CABLE,
        gateway: Some(VpnSite::GATEWAY),
    };

    fn tunnel(link: &'static str, network: &'static str) -> Self {
        Self {
            link,
            network,
            gateway: None,
        }
    }
}

/// A VPN client that can be told what a person tells it.
pub(crate) trait Client {
    /// The way to the corporate network that it makes or sets up.
    fn way(&self) -> Way;

    /// The link of that.
    fn link(&self) -> &'static str {
        self.way().link
    }

    /// The server that it has names looked up by.
    fn name_server(&self) -> &'static str {
        "10.99.0.1"
    }

    /// What netprof calls it.
    fn owner(&self) -> &'static str;

    /// Which version of what it is.
    fn version(&self) -> String;

    /// What somebody who has this client writes; `also` goes behind the network that is
    /// behind the LAN.
    fn profile(&self, also: &str) -> String {
        office(self, also)
    }

    /// Leaves out of a picture what nobody said of the client's things: numbers that the
    /// kernel draws, and that differ from one connection to the next.
    fn blur(&self, picture: Picture) -> Picture {
        picture
    }

    /// What else of its own must go on, as the head of a column.
    fn has(&self) -> Option<&'static str> {
        None
    }

    /// How that is.
    fn serves(&self) -> Option<&'static str> {
        None
    }

    /// Connects. When this returns the client has said what it has to say to the kernel
    /// and to the resolver, and the corporate network answers.
    fn connect(&mut self);

    /// Connects anew without having been told to disconnect, as a change of network
    /// makes it do, or what its service has for that.
    fn reconnect(&mut self);

    /// What it does from time to time while it is connected: says again what it has said,
    /// as when a lease is renewed. Whether it does that.
    fn say_again(&mut self) -> bool {
        false
    }

    /// Disconnects as a person does.
    fn disconnect(&mut self);

    /// Kills it (SIGKILL), so that it cannot put anything back.
    fn kill(&mut self);

    /// What its service manager does then: starts it again. Whether there is one that
    /// does.
    fn start_again(&mut self) -> bool {
        false
    }

    /// Does by hand what is left to do after that, to have the machine as it was before.
    fn clear_up(&mut self);
}

/// The profile of somebody who has a link into the corporate network.
fn office(client: &(impl Client + ?Sized), also: &str) -> String {
    let server = client.name_server();
    let Way {
        link,
        network,
        gateway,
    } = client.way();
    let via = gateway.map(|gateway| format!(" via=\"{gateway}\""));
    let via = via.unwrap_or_default();
    format!(
        r#"
profile "office" {{
    link "vpn" optional=#true {{ match name="{link}" address="{network}"; }}
    link "lan" {{ match name="lan0"; }}
    dns {{
        scope "corp" {{
            domains "corp.example" "10.in-addr.arpa"
            search "corp.example"
            servers "{server}"
            link "vpn"
        }}
    }}
    routes {{
        keep-localhost
        keep-lan "lan" {{ also "192.168.88.0/24"{also}; }}
        route "10.0.0.0/8" link="vpn"{via}
    }}
}}
"#
    )
}

/// The version that a program tells of itself, as the first word of its output that has
/// a number and a dot.
fn version_of(lab: &Lab, line: &str) -> String {
    let output = lab.output(line);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let number = |word: &&str| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '(');
        word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
    };
    let found = text.split_whitespace().find(number);
    found
        .unwrap_or_else(|| panic!("{line} tells no version: {text}"))
        .trim_matches(|c: char| !c.is_ascii_digit())
        .to_owned()
}

/// The kernel, by the two numbers of its series.
fn kernel(lab: &Lab) -> String {
    let release = lab.run("uname -r");
    let numbers: Vec<&str> = release.splitn(3, '.').take(2).collect();
    format!("Linux {}", numbers.join("."))
}

/// Waits until a link is there no more.
fn until_gone(link: &str) {
    until(&format!("{link} is gone"), || {
        !std::path::Path::new("/sys/class/net").join(link).exists()
    });
}

/// Waits until the corporate network answers.
fn until_corp_answers(lab: &Lab) {
    until("the corporate network answers", || lab.reaches("10.99.0.1"));
}

/// Waits until resolved has a server for a link.
fn until_names_are_taken(lab: &Lab, link: &str) {
    until(&format!("{link} has a name server"), || {
        lab.resolved_link(link)["DNS"]
            .as_array()
            .is_some_and(|servers| !servers.is_empty())
    });
}

/// Waits until a link that stays has no address for IPv4, and no name server.
fn until_forgotten(lab: &Lab, link: &str) {
    until(&format!("{link} has nothing more"), || {
        let servers = &lab.resolved_link(link)["DNS"];
        servers.as_array().is_some_and(Vec::is_empty)
            && lab.run(&format!("ip -4 addr show dev {link}")).is_empty()
    });
}

/// Where containers must get to: the LAN, and the world.
const CONTAINERS_REACH: [&str; 2] = ["192.168.77.50", "198.51.100.80"];

/// The cable into the corporate network, set up by hand, and the network behind the LAN
/// where most people have it: behind the default route.
fn plug_in_by_hand(lab: &Lab, site: &VpnSite<'_>) {
    site.plug_in();
    lab.run_each(
        "ip addr add 10.97.0.2/24 dev corp0
         resolvectl dns corp0 10.99.0.1
         resolvectl default-route corp0 no
         ip route del 192.168.88.0/24",
    );
    // Links that are made and made again have no address that the kernel draws by lot.
    lab.run("sysctl -qw net.ipv6.conf.default.addr_gen_mode=1");
}

/// A program that a client runs.
fn write_program(lab: &Lab, path: &str, text: &str) {
    lab.write(path, text);
    lab.run(&format!("chmod 755 {path}"));
}
