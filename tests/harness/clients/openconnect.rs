//! openconnect with vpnc-script, against ocserv: main's default route replaced, or
//! routes beside it; search domains for resolved.

use nix::sys::signal::Signal;

use super::super::daemon::Daemon;
use super::super::lab::Lab;
use super::super::rivals::Tun;
use super::super::topology::VpnSite;
use super::{
    Client, Way, until_corp_answers, until_gone, until_names_are_taken, version_of, write_program,
};

const FOLDER: &str = "/root/openconnect";
const HOOK: &str = "/usr/local/bin/vpnc-script-and-say-so";

/// vpnc-script itself, and a line in the client's log when it has done its work: the
/// client says that it is connected before that.
const SAY_WHEN_DONE: &str = "#!/bin/sh
/usr/share/vpnc-scripts/vpnc-script
echo \"vpnc-script is done: $reason\"
";

/// What the server gives to the tunnel. Both exclude 192.168.88.0/24, to which the
/// person has a route, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// Everything.
    Full,
    /// The corporate network, and half of a LAN that happens to have the same numbers.
    Split,
}

/// openconnect and its server.
#[derive(Debug)]
pub(crate) struct OpenConnect<'lab> {
    lab: &'lab Lab,
    _server: Daemon,
    pin: String,
    client: Option<Daemon>,
}

impl<'lab> OpenConnect<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>, tunnel: Tunnel) -> Self {
        drop(Tun::open_device(lab));
        if !std::fs::exists("/usr/sbin/ocserv").expect("/usr can be read") {
            lab.not_run("the tree has no ocserv");
        }
        // ocserv sets its groups, always (isolate.c); user_namespaces(7) on why it may not.
        let groups = std::fs::read_to_string("/proc/self/setgroups");
        if groups.is_ok_and(|groups| groups.trim() == "deny") {
            lab.not_run("ocserv cannot set its groups in this user namespace");
        }
        // vpnc-script tells resolved only where programs ask it through nss-resolve;
        // elsewhere it writes resolv.conf.
        lab.sh(
            "sed -i 's/^hosts:.*/hosts: files resolve [!UNAVAIL=return] dns/' /etc/nsswitch.conf",
        );
        write_program(lab, HOOK, SAY_WHEN_DONE);
        lab.write(format!("{FOLDER}/ocserv.conf"), configuration(tunnel));
        lab.sh(&format!(
            "cd {FOLDER}
             openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 \
                 -subj /CN=vpn.corp.example -addext subjectAltName=IP:{} \
                 -keyout server.key -out server.crt 2>/dev/null
             printf 'secret\\nsecret\\n' | ocpasswd -c passwords alice",
            VpnSite::SERVER
        ));
        let pin = lab.sh(&format!(
            "openssl x509 -in {FOLDER}/server.crt -pubkey -noout | openssl pkey -pubin -outform DER |
             openssl dgst -sha256 -binary | base64"
        ));
        let command = site
            .server
            .command(&format!("ocserv -f -d 2 -c {FOLDER}/ocserv.conf"));
        let mut server = Daemon::start("ocserv", command);
        let probe = format!("openssl s_client -connect {}:443", VpnSite::SERVER);
        server.ready_when(|_| lab.succeeds(&probe));
        Self {
            lab,
            _server: server,
            pin: pin.trim().to_owned(),
            client: None,
        }
    }

    fn until_ready(&self) {
        until_names_are_taken(self.lab, self.link());
        until_corp_answers(self.lab);
    }

    fn client(&mut self) -> &mut Daemon {
        self.client.as_mut().expect("it is connected")
    }
}

fn done(reason: &str) -> String {
    format!("vpnc-script is done: {reason}\n")
}

fn until_done(client: &mut Daemon, reason: &str, before: usize) {
    let done = done(reason);
    client.ready_when(|client| client.log().matches(&done).count() > before);
}

/// How often the script has been done with something.
fn times(client: &Daemon, reason: &str) -> usize {
    client.log().matches(&done(reason)).count()
}

fn configuration(tunnel: Tunnel) -> String {
    let routes = match tunnel {
        Tunnel::Full => "route = default",
        Tunnel::Split => {
            "route = 10.99.0.0/255.255.0.0
route = 192.168.77.0/255.255.255.128"
        }
    };
    let all_names = tunnel == Tunnel::Full;
    let server = VpnSite::SERVER;
    format!(
        "auth = \"plain[passwd={FOLDER}/passwords]\"
listen-host = {server}
tcp-port = 443
udp-port = 443
socket-file = /run/ocserv.sock
server-cert = {FOLDER}/server.crt
server-key = {FOLDER}/server.key
isolate-workers = false
keepalive = 300
dpd = 60
try-mtu-discovery = false
auth-timeout = 40
cookie-timeout = 30
rekey-time = 172800
use-occtl = false
pid-file = /run/ocserv.pid
device = vpns
predictable-ips = true
ping-leases = false
default-domain = corp.example
ipv4-network = 10.9.0.0
ipv4-netmask = 255.255.255.0
dns = 10.99.0.1
tunnel-all-dns = {all_names}
split-dns = corp.example
{routes}
no-route = 192.168.88.0/255.255.255.0
cisco-client-compat = false
dtls-legacy = false
"
    )
}

impl Client for OpenConnect<'_> {
    fn way(&self) -> Way {
        Way::tunnel("tun1", "10.9.0.0/24")
    }

    fn version(&self) -> String {
        let client = version_of(self.lab, "openconnect --version");
        format!(
            "openconnect {client}, ocserv {}",
            version_of(self.lab, "ocserv --version")
        )
    }

    fn owner(&self) -> &'static str {
        "openconnect"
    }

    fn connect(&mut self) {
        self.lab.write(format!("{FOLDER}/password"), "secret\n");
        let mut command = self.lab.command(&format!(
            "openconnect --protocol=anyconnect --user=alice --passwd-on-stdin \
             --servercert pin-sha256:{} --script {HOOK} --interface {} --no-dtls -v https://{}",
            self.pin,
            self.link(),
            VpnSite::SERVER
        ));
        let password = std::fs::File::open(format!("{FOLDER}/password"));
        command.stdin(password.expect("it was written"));
        let mut client = Daemon::start("openconnect", command);
        let before = times(&client, "connect");
        until_done(&mut client, "connect", before);
        self.client = Some(client);
        self.until_ready();
    }

    fn reconnect(&mut self) {
        let client = self.client();
        let before = times(client, "reconnect");
        client.signal(Signal::SIGUSR2);
        until_done(client, "reconnect", before);
        self.until_ready();
    }

    fn disconnect(&mut self) {
        self.client.take().expect("it is connected").stop();
        until_gone(self.link());
    }

    fn kill(&mut self) {
        self.client.take().expect("it is connected").kill();
        until_gone(self.link());
    }

    fn clear_up(&mut self) {
        self.lab.run(&format!("ip route del {}", VpnSite::SERVER));
        // Its default route took the place of this one, and went with its link.
        self.lab
            .run("ip route replace default via 192.168.77.1 dev lan0");
        self.lab
            .run("ip route replace 192.168.88.0/24 via 192.168.77.1 dev lan0");
    }
}
