//! strongSwan with all traffic: rule 220 and table 220. With ESP in user space
//! (kernel-libipsec) there is a link, and names by the updown script of a connection; with
//! policies in the kernel there is an address on the LAN's link, and nothing that names
//! could be tied to.

use super::super::daemon::Daemon;
use super::super::lab::Lab;
use super::super::peer::Peer;
use super::super::rivals::Tun;
use super::super::topology::VpnSite;
use super::{
    Client, Way, kernel, office, until_corp_answers, until_gone, until_names_are_taken, version_of,
    write_program,
};

const FOLDER: &str = "/root/strongswan";
const UPDOWN: &str = "/usr/local/bin/updown";

/// charon runs this when traffic is about to flow and when it no longer will. What
/// kernel-libipsec calls its link it does not say: it is always the first.
const TAKE_ALL_NAMES: &str = "#!/bin/sh
case $PLUTO_VERB in
up-client)
    resolvectl dns ipsec0 10.99.0.1
    resolvectl domain ipsec0 '~.' ;;
down-client)
    resolvectl revert ipsec0 ;;
esac
";

const SERVER: &str = "connections {
  workstations {
    version = 2
    local_addrs = 203.0.113.10
    pools = addresses
    unique = replace
    proposals = aes128-sha256-modp2048
    local { auth = psk
      id = gateway }
    remote { auth = psk
      id = workstation }
    children { all { local_ts = 0.0.0.0/0
      esp_proposals = aes128-sha256 } }
  }
}
pools { addresses { addrs = 10.6.0.0/24 } }
secrets { ike-1 { secret = \"not worth keeping\" } }
";

/// `UPDOWN` is there if there is a link to tell resolved of.
const CLIENT: &str = "connections {
  corp {
    version = 2
    remote_addrs = 203.0.113.10
    vips = 0.0.0.0
    proposals = aes128-sha256-modp2048
    local { auth = psk
      id = workstation }
    remote { auth = psk
      id = gateway }
    children { all { remote_ts = 0.0.0.0/0
      UPDOWN
      esp_proposals = aes128-sha256 } }
  }
}
secrets { ike-1 { secret = \"not worth keeping\" } }
";

/// Where packets are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Esp {
    InUserSpace,
    InKernel,
}

/// Both ends, each with a charon of its own.
#[derive(Debug)]
pub(crate) struct StrongSwan<'lab> {
    lab: &'lab Lab,
    esp: Esp,
    _server: Daemon,
    client: Option<Daemon>,
}

impl<'lab> StrongSwan<'lab> {
    pub(crate) fn with_libipsec(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        drop(Tun::open_device(lab));
        Self::new(lab, site, Esp::InUserSpace)
    }

    /// Not run where the kernel has no ESP.
    pub(crate) fn with_policies(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        lab.needs_esp();
        Self::new(lab, site, Esp::InKernel)
    }

    fn new(lab: &'lab Lab, site: &VpnSite<'_>, esp: Esp) -> Self {
        if !std::fs::exists("/usr/sbin/charon-systemd").expect("/usr can be read") {
            lab.not_run("the tree has no charon-systemd");
        }
        write_program(lab, UPDOWN, TAKE_ALL_NAMES);
        let updown = match esp {
            Esp::InUserSpace => format!("updown = {UPDOWN}"),
            Esp::InKernel => String::new(),
        };
        let client = CLIENT.replace("UPDOWN", &updown);
        for (side, connections) in [("server", SERVER), ("client", &client)] {
            lab.write(
                format!("{FOLDER}/{side}/strongswan.conf"),
                charon(side, esp),
            );
            lab.write(format!("{FOLDER}/{side}/swanctl.conf"), connections);
        }
        let server = start(lab, Some(&site.server), "server");
        Self {
            lab,
            esp,
            _server: server,
            client: None,
        }
    }

    fn swanctl(&self, verb: &str) {
        swanctl(self.lab, "client", verb);
    }
}

fn swanctl(lab: &Lab, side: &str, verb: &str) {
    lab.run(&format!(
        "timeout 20 swanctl {verb} --uri unix://{FOLDER}/{side}/vici.sock"
    ));
}

/// charon with its connections loaded, on a peer or here.
fn start(lab: &Lab, peer: Option<&Peer<'_>>, side: &str) -> Daemon {
    // Two of them would share a file in /run.
    let line = "unshare -m sh -c";
    let mut command = match peer {
        Some(peer) => peer.command(line),
        None => lab.command(line),
    };
    command
        .arg(if peer.is_some() {
            "mount -t tmpfs tmpfs /run && exec charon-systemd"
        } else {
            "exec charon-systemd"
        })
        .env(
            "STRONGSWAN_CONF",
            format!("{FOLDER}/{side}/strongswan.conf"),
        );
    let socket = format!("{FOLDER}/{side}/vici.sock");
    let _ = std::fs::remove_file(&socket);
    let mut daemon = Daemon::start(&format!("charon-{side}"), command);
    daemon
        .ready_when(|_| lab.succeeds(&format!("timeout 5 swanctl --stats --uri unix://{socket}")));
    swanctl(
        lab,
        side,
        &format!("--load-all --noprompt --file {FOLDER}/{side}/swanctl.conf"),
    );
    daemon
}

fn charon(side: &str, esp: Esp) -> String {
    // The mark keeps charon's own packets out of its tunnel, as kernel-libipsec needs it.
    let (plugin, plugins) = match esp {
        Esp::InUserSpace => (
            "kernel-libipsec",
            "kernel-libipsec { allow_peer_ts = yes }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }",
        ),
        Esp::InKernel => ("", ""),
    };
    format!(
        "charon-systemd {{
  load = random nonce aes sha1 sha2 hmac kdf drbg gmp pem pkcs1 pubkey x509 {plugin} \
kernel-netlink socket-default vici updown
  install_virtual_ip = yes
  plugins {{
    {plugins}
    vici {{ socket = unix://{FOLDER}/{side}/vici.sock }}
  }}
  journal {{ default = -1 }}
  filelog {{ stderr {{ default = 1 }} }}
}}
"
    )
}

impl Client for StrongSwan<'_> {
    /// With policies it is the LAN's: they take packets by their addresses.
    fn way(&self) -> Way {
        let link = match self.esp {
            Esp::InUserSpace => "ipsec0",
            Esp::InKernel => "lan0",
        };
        Way::tunnel(link, "10.6.0.0/24")
    }

    fn version(&self) -> String {
        let version = version_of(self.lab, "swanctl --version");
        match self.esp {
            Esp::InUserSpace => format!("strongSwan {version}"),
            Esp::InKernel => format!("strongSwan {version}, {}", kernel(self.lab)),
        }
    }

    /// With policies there is no link that a scope or a route could go through.
    fn profile(&self, also: &str) -> String {
        match self.esp {
            Esp::InUserSpace => office(self, also),
            Esp::InKernel => format!(
                r#"
profile "office" {{
    link "lan" {{ match name="lan0"; }}
    routes {{
        keep-localhost
        keep-lan "lan" {{ also "192.168.88.0/24"{also}; }}
    }}
}}
"#
            ),
        }
    }

    fn owner(&self) -> &'static str {
        "strongswan"
    }

    fn connect(&mut self) {
        if self.client.is_none() {
            self.client = Some(start(self.lab, None, "client"));
        }
        self.swanctl("--initiate --child all");
        until_names_are_taken(self.lab, self.link());
        until_corp_answers(self.lab);
    }

    fn reconnect(&mut self) {
        self.swanctl("--terminate --ike corp");
        self.connect();
    }

    /// The connection ends; charon stays, as the service that it is.
    fn disconnect(&mut self) {
        self.swanctl("--terminate --ike corp");
    }

    fn kill(&mut self) {
        self.client.take().expect("it runs").kill();
        if self.esp == Esp::InUserSpace {
            until_gone(self.link());
        }
    }

    fn clear_up(&mut self) {
        for family in ["-4", "-6"] {
            self.lab.sh(&format!(
                "while ip {family} rule del pref 220 2>/dev/null; do :; done"
            ));
        }
        if self.esp == Esp::InKernel {
            self.lab.run_each(
                "ip xfrm policy flush
                 ip xfrm state flush
                 ip route flush table 220
                 ip addr flush dev lan0 to 10.6.0.0/24",
            );
        }
    }
}
