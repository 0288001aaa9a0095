//! Docker, as it comes, with a network of a project: one that its pools come to once those
//! of 172.16.0.0/12 are used up, and that has the network behind the LAN within it.
//!
//! The machine has a cable into the corporate network, too, which its person set up.

use super::super::engines::Docker;
use super::super::lab::Lab;
use super::super::peer::Peer;
use super::super::picture::Picture;
use super::super::topology::VpnSite;
use super::{CONTAINERS_REACH, Client, Way, plug_in_by_hand, until_gone, version_of};

/// Docker takes 172.17.0.0/16 to 172.31.0.0/16, then parts of 192.168.0.0/16 that are this
/// large (`localScopeDefaultNetworks` in moby's libnetwork/ipamutils).
const NETWORK: &str = "192.168.80.0/20";
const BRIDGE: &str = "dock0";
const CABLE: &str = "vethc0";
const CONTAINER: &str = "192.168.80.2";

/// dockerd, and a container on the project's network.
#[derive(Debug)]
pub(crate) struct DockerNetwork<'lab> {
    lab: &'lab Lab,
    engine: Option<Docker>,
    container: Peer<'lab>,
}

impl<'lab> DockerNetwork<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        plug_in_by_hand(lab, site);
        let mut this = Self {
            lab,
            engine: None,
            container: Peer::new(lab, "box"),
        };
        // The first time it makes a key for itself.
        this.connect();
        this.disconnect();
        this.clear_up();
        this
    }

    fn start(&mut self) {
        self.engine = Some(Docker::start_as_it_comes(self.lab));
    }

    fn start_container(&self) {
        self.container.cable(CABLE);
        self.lab
            .run(&format!("ip link set {CABLE} master {BRIDGE}"));
        self.container
            .run(&format!("ip addr add {CONTAINER}/20 dev eth0"));
        self.container.run("ip route add default via 192.168.80.1");
    }

    fn end_container(&self) {
        self.lab.run(&format!("ip link del {CABLE}"));
    }
}

impl Client for DockerNetwork<'_> {
    fn way(&self) -> Way {
        Way::CABLE
    }

    fn owner(&self) -> &'static str {
        "docker"
    }

    fn version(&self) -> String {
        format!("Docker {}", version_of(self.lab, "dockerd --version"))
    }

    fn has(&self) -> Option<&'static str> {
        Some("containers")
    }

    fn serves(&self) -> Option<&'static str> {
        if !std::path::Path::new("/sys/class/net").join(CABLE).exists() {
            return Some("none");
        }
        let reaches = |to: &&str| {
            let mut ping = self
                .container
                .command(&format!("ping -n -q -c 1 -W 1 {to}"));
            ping.output().is_ok_and(|ping| ping.status.success())
        };
        let is_connected = CONTAINERS_REACH.iter().all(reaches) && self.lab.reaches(CONTAINER);
        Some(if is_connected { "yes" } else { "no" })
    }

    fn blur(&self, picture: Picture) -> Picture {
        picture.with_links_by_name_only()
    }

    fn connect(&mut self) {
        self.start();
        self.lab.run(&format!(
            "docker network create --subnet {NETWORK} --opt com.docker.network.bridge.name={BRIDGE} project"
        ));
        self.start_container();
    }

    /// It is restarted, and its containers with it.
    fn reconnect(&mut self) {
        self.end_container();
        self.engine.as_mut().expect("it runs").stop();
        self.start();
        self.start_container();
    }

    /// The project's network is taken down, and Docker is stopped.
    fn disconnect(&mut self) {
        self.end_container();
        self.lab.run("docker network rm project");
        until_gone(BRIDGE);
        self.engine.take().expect("it runs").stop();
    }

    /// What it has set up stays, and so does its container.
    fn kill(&mut self) {
        self.engine.take().expect("it runs").kill();
    }

    /// Containers do not survive that, and are started again, too.
    fn start_again(&mut self) -> bool {
        self.end_container();
        self.start();
        self.start_container();
        true
    }

    fn clear_up(&mut self) {
        if self.engine.is_some() {
            self.disconnect();
        }
        self.lab.run_each(
            "ip link del docker0
             nft flush ruleset
             sysctl -qw net.ipv4.ip_forward=0",
        );
    }
}
