//! strongSwan on both ends of a `VpnSite`, with policies and ESP in the kernel.
//!
//! Each end is a charon with files and a control socket of its own; they know each
//! other by a shared secret.

use super::daemon::Daemon;
use super::{Lab, VpnSite};

const FOLDER: &str = "/root/ipsec";

/// How the client is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IpsecSettings {
    /// The server gives out an address, and packets from that one go through.
    /// Otherwise those from the LAN's address do.
    pub(crate) own_address: bool,
    /// The plugin that has networks of this host's links passed by.
    pub(crate) bypass_lan: bool,
}

/// Both daemons, connected: everything that the server is offered goes there.
#[derive(Debug)]
pub(crate) struct Ipsec {
    client: Daemon,
    server: Daemon,
}

impl Ipsec {
    /// Not run without ESP.
    pub(crate) fn connect(lab: &Lab, site: &VpnSite<'_>, settings: IpsecSettings) -> Self {
        lab.needs_esp();
        let (vips, pools) = if settings.own_address {
            ("vips = 0.0.0.0", "pools = roaming")
        } else {
            ("", "")
        };
        write(lab, "server", "");
        write(
            lab,
            "client",
            if settings.bypass_lan {
                "bypass-lan"
            } else {
                ""
            },
        );
        lab.write(
            format!("{FOLDER}/server/swanctl.conf"),
            format!(
                "connections {{ site {{ {COMMON}\n local_addrs = {}\n {pools}\n \
                 local {{ auth = psk\n id = gateway }}\n remote {{ auth = psk\n id = workstation }}\n \
                 children {{ all {{ local_ts = 0.0.0.0/0\n {ESP} }} }} }} }}\n\
                 pools {{ roaming {{ addrs = 10.6.0.0/24 }} }}\n{SECRET}",
                VpnSite::SERVER
            ),
        );
        lab.write(
            format!("{FOLDER}/client/swanctl.conf"),
            format!(
                "connections {{ corp {{ {COMMON}\n remote_addrs = {}\n {vips}\n \
                 local {{ auth = psk\n id = workstation }}\n remote {{ auth = psk\n id = gateway }}\n \
                 children {{ all {{ remote_ts = 0.0.0.0/0\n {ESP} }} }} }} }}\n{SECRET}",
                VpnSite::SERVER
            ),
        );
        let daemon = |name: &str, mut command: std::process::Command| {
            command.env(
                "STRONGSWAN_CONF",
                format!("{FOLDER}/{name}/strongswan.conf"),
            );
            let mut daemon = Daemon::start(&format!("charon-{name}"), command);
            let load = format!("swanctl --load-all --noprompt --file {FOLDER}/{name}/swanctl.conf");
            daemon.ready_when(|_| lab.succeeds(&at(name, &load)));
            daemon
        };
        let server = daemon("server", site.server.command("charon-systemd"));
        let client = daemon("client", lab.command("charon-systemd"));
        let this = Self { client, server };
        lab.run(&at("client", "swanctl --initiate --child all --timeout 60"));
        this
    }

    /// Ends the client's connection as its command does, and both daemons.
    pub(crate) fn disconnect(mut self, lab: &Lab) {
        lab.run(&at("client", "swanctl --terminate --ike corp --timeout 60"));
        self.client.stop();
        self.server.stop();
    }
}

const COMMON: &str = "version = 2\n proposals = aes128-sha256-x25519";
const ESP: &str = "esp_proposals = aes128-sha256";
const SECRET: &str = "secrets { ike-1 { secret = \"of the tests\" } }\n";

/// A swanctl command for one end.
fn at(name: &str, command: &str) -> String {
    format!("{command} --uri unix://{FOLDER}/{name}/vici")
}

fn write(lab: &Lab, name: &str, plugin: &str) {
    lab.write(
        format!("{FOLDER}/{name}/strongswan.conf"),
        format!(
            "charon-systemd {{\n load = random nonce drbg aes sha1 sha2 hmac kdf openssl pem \
             kernel-netlink socket-default vici {plugin}\n plugins {{ vici {{ socket = \
             unix://{FOLDER}/{name}/vici }} }}\n filelog {{ stdout {{ default = 1\n ike = 2\n knl = 2 }} }} }}\n"
        ),
    );
}
