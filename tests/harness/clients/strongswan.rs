//! strongSwan with ESP in user space (kernel-libipsec): rule 220, and table 220 with all
//! traffic; names by the updown script of a connection.

use super::super::daemon::Daemon;
use super::super::lab::Lab;
use super::super::peer::Peer;
use super::super::rivals::Tun;
use super::super::topology::VpnSite;
use super::{
    Client, until_corp_answers, until_gone, until_names_are_taken, version_of, write_program,
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
      esp_proposals = aes128-sha256
      updown = /usr/local/bin/updown } }
  }
}
secrets { ike-1 { secret = \"not worth keeping\" } }
";

/// Both ends, each with a charon of its own.
#[derive(Debug)]
pub(crate) struct StrongSwan<'lab> {
    lab: &'lab Lab,
    _server: Daemon,
    client: Option<Daemon>,
}

impl<'lab> StrongSwan<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        drop(Tun::open_device(lab));
        if !std::fs::exists("/usr/sbin/charon-systemd").expect("/usr can be read") {
            lab.not_run("the tree has no charon-systemd");
        }
        write_program(lab, UPDOWN, TAKE_ALL_NAMES);
        for (side, connections) in [("server", SERVER), ("client", CLIENT)] {
            lab.write(format!("{FOLDER}/{side}/strongswan.conf"), charon(side));
            lab.write(format!("{FOLDER}/{side}/swanctl.conf"), connections);
        }
        let server = start(lab, Some(&site.server), "server");
        Self {
            lab,
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

/// The mark keeps charon's own packets out of its tunnel, as kernel-libipsec needs it.
fn charon(side: &str) -> String {
    format!(
        "charon-systemd {{
  load = random nonce aes sha1 sha2 hmac kdf drbg gmp pem pkcs1 pubkey x509 kernel-libipsec \
kernel-netlink socket-default vici updown
  install_virtual_ip = yes
  plugins {{
    kernel-libipsec {{ allow_peer_ts = yes }}
    kernel-netlink {{ fwmark = !0x42 }}
    socket-default {{ fwmark = 0x42 }}
    vici {{ socket = unix://{FOLDER}/{side}/vici.sock }}
  }}
  journal {{ default = -1 }}
  filelog {{ stderr {{ default = 1 }} }}
}}
"
    )
}

impl Client for StrongSwan<'_> {
    fn link(&self) -> &'static str {
        "ipsec0"
    }

    fn network(&self) -> &'static str {
        "10.6.0.0/24"
    }

    fn version(&self) -> String {
        format!("strongSwan {}", version_of(self.lab, "swanctl --version"))
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
        until_gone(self.link());
    }

    fn clear_up(&self) {
        for family in ["-4", "-6"] {
            self.lab.sh(&format!(
                "while ip {family} rule del pref 220 2>/dev/null; do :; done"
            ));
        }
    }
}
