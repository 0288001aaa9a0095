//! Container engines: the real programs, as far as the network is concerned.
//!
//! Docker's bridges are there while it runs, so its containers are stood in for by network
//! namespaces on them, which spares images and control groups. Podman's are there while a
//! container runs, so it runs one, of a static busybox and without control groups.

use std::os::unix::fs::symlink;

use ipnet::IpNet;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::daemon::Daemon;
use super::{Lab, Peer, until};

/// dockerd.
#[derive(Debug)]
pub(crate) struct Docker {
    daemon: Daemon,
}

impl Docker {
    /// With its networks in 10.201.0.0/16.
    pub(crate) fn start(lab: &Lab) -> Self {
        const POOLS: &str = r#""default-address-pools": [ {"base":"10.201.0.0/16","size":24} ], "#;
        Self::start_with(lab, POOLS)
    }

    /// With its networks where it has them by itself: from 172.17.0.0/16 on, and then in
    /// 192.168.0.0/16.
    pub(crate) fn start_as_it_comes(lab: &Lab) -> Self {
        Self::start_with(lab, "")
    }

    fn start_with(lab: &Lab, settings: &str) -> Self {
        lab.write(
            "/etc/docker/daemon.json",
            format!(r#"{{ {settings}"storage-driver": "vfs" }}"#),
        );
        Self::start_as_told(lab, "")
    }

    /// As its file says, whatever that is, and these words of its command line.
    pub(crate) fn start_as_told(lab: &Lab, words: &str) -> Self {
        prepare(lab);
        let line = format!("dockerd --log-level=warn {words}");
        let mut daemon = Daemon::start("dockerd", lab.command(&line));
        daemon.ready_when(|_| lab.succeeds("docker version"));
        Self { daemon }
    }

    /// The subnet of a network of its own that it makes.
    pub(crate) fn new_network(&self, lab: &Lab, name: &str) -> IpNet {
        lab.run(&format!("docker network create {name}"));
        let shown = lab.run(&format!("docker network inspect {name}"));
        let shown: Value = serde_json::from_str(&shown).expect("it is JSON");
        let subnet = shown[0]["IPAM"]["Config"][0]["Subnet"].as_str();
        subnet.expect("it has one").parse().expect("a prefix")
    }

    pub(crate) fn pid(&self) -> Pid {
        self.daemon.pid()
    }

    /// Ends it; its bridges stay.
    pub(crate) fn stop(&mut self) {
        self.daemon.stop();
    }

    pub(crate) fn kill(&mut self) {
        self.daemon.kill();
    }

    /// A container of sorts: a machine on a bridge of Docker's.
    pub(crate) fn container<'lab>(
        &self,
        lab: &'lab Lab,
        name: &'static str,
        bridge: &str,
        address: &str,
        gateway: &str,
    ) -> Peer<'lab> {
        let peer = Peer::new(lab, name);
        peer.cable("vethc0");
        lab.run(&format!("ip link set vethc0 master {bridge}"));
        until("the bridge carries its packets", || {
            lab.ip(&format!("link show {bridge}"))[0]["operstate"] == "UP"
        });
        peer.run(&format!("ip addr add {address} dev eth0"));
        peer.run(&format!("ip route add default via {gateway}"));
        peer
    }
}

/// A container of Podman's, and with it its bridge. Taken away with this value.
#[derive(Debug)]
pub(crate) struct PodmanContainer<'lab> {
    lab: &'lab Lab,
}

impl<'lab> PodmanContainer<'lab> {
    /// Starts one that sleeps, on the default network, 10.203.0.0/24.
    pub(crate) fn start(lab: &'lab Lab) -> Self {
        Self::set_up(lab);
        Self::run(lab, "")
    }

    /// An image, and what the package and its person would have set up.
    pub(crate) fn set_up(lab: &Lab) {
        prepare(lab);
        lab.write(
            "/etc/containers/containers.conf",
            "[containers]\ndefault_sysctls = []\npids_limit = 0\n\
             [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"crun\"\n\
             [network]\nnetwork_backend = \"netavark\"\ndefault_subnet = \"10.203.0.0/24\"\n",
        );
        lab.write(
            "/etc/containers/storage.conf",
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"/var/lib/containers\"\nrunroot = \"/run/containers\"\n",
        );
        lab.write(
            "/etc/containers/policy.json",
            r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
        );
        lab.sh(
            "mkdir -p /tmp/image/bin && cp /bin/busybox /tmp/image/bin/ \
             && tar -C /tmp/image -cf /tmp/image.tar bin && podman import -q /tmp/image.tar busybox",
        );
    }

    /// Starts one that sleeps, once all is set up; `options` are more words of `podman run`.
    pub(crate) fn run(lab: &'lab Lab, options: &str) -> Self {
        lab.run(&format!(
            "podman run --detach --cgroups=disabled --name one {options} busybox /bin/busybox sleep 600"
        ));
        // A carrier shows a little later than it is there (linkwatch_event).
        until("the links of the container are up", || {
            let links = lab.ip("link");
            let mut links = links.as_array().into_iter().flatten();
            links.all(|link| link["ifname"] == "lo" || link["operstate"] == "UP")
        });
        Self { lab }
    }

    fn inspect(&self, what: &str) -> String {
        let line = format!("podman inspect --format {{{{.{what}}}}} one");
        self.lab.run(&line).trim().to_owned()
    }

    pub(crate) fn address(&self) -> String {
        self.inspect("NetworkSettings.IPAddress")
    }

    /// Whether one ping from it is answered within a second.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        let namespace = self.inspect("NetworkSettings.SandboxKey");
        self.lab.succeeds(&format!(
            "nsenter --net={namespace} ping -n -q -c 1 -W 1 {address}"
        ))
    }

    /// Kills the one that looks after it, and then itself: nobody takes its links away.
    pub(crate) fn kill(&self) {
        for what in ["State.ConmonPid", "State.Pid"] {
            let pid = self.inspect(what).parse().expect("a number");
            kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is there");
        }
    }

    pub(crate) fn end(self) {
        self.lab.run("podman rm --force --time 0 one");
    }
}

/// What the engines' packages would have set up, and a hierarchy of control groups to
/// look at. It is the machine's, so only this mount of it is read-only.
fn prepare(lab: &Lab) {
    for name in ["iptables", "ip6tables"] {
        let _ = symlink(
            format!("/usr/sbin/{name}-nft"),
            format!("/usr/local/bin/{name}"),
        );
    }
    const GROUPS: &str = "/sys/fs/cgroup";
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("it can be read");
    if mounts.contains(&format!(" {GROUPS} cgroup2 ")) {
        return;
    }
    if !lab.succeeds(&format!("mount -t cgroup2 none {GROUPS}"))
        || !lab.succeeds(&format!("mount -o remount,bind,ro {GROUPS}"))
    {
        lab.not_run("no control groups (version 2) can be mounted");
    }
}
