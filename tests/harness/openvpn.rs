//! A real OpenVPN tunnel, between the workstation and a `VpnSite`'s server.
//!
//! Both ends know each other by certificate fingerprint, which spares an
//! authority. Keys are made on the spot: none is worth keeping.

use super::daemon::Daemon;
use super::lab::Lab;
use super::rivals::Tun;
use super::topology::VpnSite;

const FOLDER: &str = "/root/openvpn";
const UP: &str = "Initialization Sequence Completed";

/// What the server pushes, and what the client is started with beyond that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// `--push` options of the server.
    pub(crate) pushes: Vec<String>,
    /// More arguments of the client, such as hooks.
    pub(crate) client: Vec<String>,
}

impl Settings {
    /// All traffic through the tunnel.
    pub(crate) fn full_tunnel() -> Self {
        Self::default()
            .push("redirect-gateway def1")
            .push("route 10.99.0.0 255.255.0.0")
    }

    /// Only the corporate network through the tunnel.
    pub(crate) fn split_tunnel() -> Self {
        Self::default().push("route 10.99.0.0 255.255.0.0")
    }

    pub(crate) fn push(mut self, option: &str) -> Self {
        self.pushes.push(option.to_owned());
        self
    }

    /// Calls a program at `--up`, `--route-up` and `--down`.
    pub(crate) fn hook(mut self, program: &str) -> Self {
        let words = format!(
            "--script-security 2 --up {program} --route-up {program} --down {program} --down-pre"
        );
        self.client.extend(words.split(' ').map(str::to_owned));
        self
    }
}

/// A server that waits for its client.
#[derive(Debug)]
pub(crate) struct Server<'lab> {
    daemon: Daemon,
    lab: &'lab Lab,
    print: String,
    client: Vec<String>,
}

impl<'lab> Server<'lab> {
    pub(crate) fn start(lab: &'lab Lab, site: &VpnSite<'_>, settings: &Settings) -> Self {
        drop(Tun::open_device(lab));
        let [print, client_print] = ["server", "client"].map(|name| make_key(lab, name));
        let mut command = site.server.command(&format!(
            "openvpn --cd {FOLDER} --dev tun0 --mode server --tls-server --topology subnet \
             --server 10.8.0.0 255.255.255.0 --local {} --port 1194 --proto udp --dh none \
             --cert server.crt --key server.key --peer-fingerprint {client_print} \
             --keepalive 2 10 --verb 3",
            VpnSite::SERVER
        ));
        for push in &settings.pushes {
            command.args(["--push", push]);
        }
        let mut daemon = Daemon::start("openvpn-server", command);
        daemon.until_logged(UP);
        Self {
            daemon,
            lab,
            print,
            client: settings.client.clone(),
        }
    }

    /// Connects a client: `tun0` is up on both sides.
    pub(crate) fn connect(&self) -> Daemon {
        let mut command = self.lab.command(&format!(
            "openvpn --cd {FOLDER} --client --dev tun0 --proto udp --remote {} 1194 --nobind \
             --cert client.crt --key client.key --peer-fingerprint {} --verb 3",
            VpnSite::SERVER,
            self.print
        ));
        command.args(&self.client);
        let mut client = Daemon::start("openvpn-client", command);
        let before = times_up(&client);
        client.ready_when(|client| times_up(client) > before);
        client
    }
}

/// How often a client says that it is connected.
fn times_up(client: &Daemon) -> usize {
    client.log().matches(UP).count()
}

/// Restarts a client's connection, as a change of network does; the process stays,
/// and its hooks run again.
pub(crate) fn reconnect(client: &mut Daemon) {
    let before = times_up(client);
    client.signal(nix::sys::signal::Signal::SIGUSR1);
    client.ready_when(|client| times_up(client) > before);
}

/// Server and client, connected: `tun0` is up on both.
#[derive(Debug)]
pub(crate) struct OpenVpn<'lab> {
    client: Daemon,
    server: Server<'lab>,
}

impl<'lab> OpenVpn<'lab> {
    pub(crate) fn connect(lab: &'lab Lab, site: &VpnSite<'_>, settings: &Settings) -> Self {
        let server = Server::start(lab, site, settings);
        let client = server.connect();
        Self { client, server }
    }

    pub(crate) fn reconnect(&mut self) {
        reconnect(&mut self.client);
    }

    /// Ends the client, and then the server.
    pub(crate) fn disconnect(mut self) {
        self.client.stop();
        self.server.daemon.stop();
    }
}

/// Makes a key and a certificate; its fingerprint.
pub(super) fn make_key(lab: &Lab, name: &str) -> String {
    lab.run(&format!("mkdir -p {FOLDER}"));
    lab.run(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 \
         -subj /CN={name} -keyout {FOLDER}/{name}.key -out {FOLDER}/{name}.crt"
    ));
    let line = lab.run(&format!(
        "openssl x509 -in {FOLDER}/{name}.crt -noout -fingerprint -sha256"
    ));
    let (_, print) = line
        .trim()
        .split_once('=')
        .expect("it prints NAME=FINGERPRINT");
    print.to_owned()
}
