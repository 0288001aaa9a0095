//! Podman, with a network of a project that has the one behind the LAN within it. It is no
//! service: links and rules come and go with the containers.
//!
//! The machine has a cable into the corporate network, too, which its person set up.

use super::super::engines::PodmanContainer;
use super::super::lab::Lab;
use super::super::picture::Picture;
use super::super::topology::VpnSite;
use super::{CONTAINERS_REACH, Client, Way, plug_in_by_hand, until_gone, version_of};

/// The first name that is free beside the default network's.
const BRIDGE: &str = "podman1";
const CONTAINER: &str = "192.168.80.2";

/// A container on the project's network.
#[derive(Debug)]
pub(crate) struct PodmanNetwork<'lab> {
    lab: &'lab Lab,
    container: Option<PodmanContainer<'lab>>,
    killed: Option<PodmanContainer<'lab>>,
}

impl<'lab> PodmanNetwork<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        plug_in_by_hand(lab, site);
        PodmanContainer::set_up(lab);
        lab.run("podman network create --disable-dns --subnet 192.168.80.0/20 project");
        let mut this = Self {
            lab,
            container: None,
            killed: None,
        };
        // The first time it makes chains that stay.
        this.connect();
        this.disconnect();
        this
    }
}

impl Client for PodmanNetwork<'_> {
    fn way(&self) -> Way {
        Way::CABLE
    }

    fn owner(&self) -> &'static str {
        "podman"
    }

    fn version(&self) -> String {
        format!("Podman {}", version_of(self.lab, "podman --version"))
    }

    fn has(&self) -> Option<&'static str> {
        Some("containers")
    }

    fn serves(&self) -> Option<&'static str> {
        let Some(container) = &self.container else {
            return Some("none");
        };
        let out = CONTAINERS_REACH.iter().all(|to| container.reaches(to));
        let is_connected = out && self.lab.reaches(CONTAINER);
        Some(if is_connected { "yes" } else { "no" })
    }

    fn blur(&self, picture: Picture) -> Picture {
        picture.with_links_by_name_only()
    }

    fn connect(&mut self) {
        let options = format!("--network project --ip {CONTAINER}");
        self.container = Some(PodmanContainer::run(self.lab, &options));
    }

    fn reconnect(&mut self) {
        self.lab.run("podman restart --time 0 one");
    }

    fn disconnect(&mut self) {
        self.container.take().expect("it runs").end();
        until_gone(BRIDGE);
    }

    /// Its bridge stays.
    fn kill(&mut self) {
        let container = self.container.take().expect("it runs");
        container.kill();
        self.killed = Some(container);
    }

    fn clear_up(&mut self) {
        self.container = self.killed.take();
        self.disconnect();
    }
}
