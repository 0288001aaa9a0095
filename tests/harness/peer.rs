//! Peers: further network namespaces, in the place of other machines.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use super::Lab;
use super::lab::succeed;

/// Another machine on the network: a name, links, routes, servers.
#[derive(Debug)]
pub(crate) struct Peer<'lab> {
    lab: &'lab Lab,
    name: &'static str,
    namespace: File,
}

impl<'lab> Peer<'lab> {
    pub(crate) fn new(lab: &'lab Lab, name: &'static str) -> Self {
        lab.run(&format!("ip netns add {name}"));
        let namespace = File::open(format!("/run/netns/{name}")).expect("ip made it");
        let peer = Self { lab, name, namespace };
        peer.run("ip link set lo up");
        peer
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn lab(&self) -> &'lab Lab {
        self.lab
    }

    /// A command that will run on this machine.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.lab.command(line);
        let namespace = self.namespace.try_clone().expect("a file can be duplicated");
        let enter = move || Ok(setns(&namespace, CloneFlags::CLONE_NEWNET)?);
        // SAFETY: setns is a bare system call; nothing is allocated or locked.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// Runs a command that must succeed on this machine.
    pub(crate) fn run(&self, line: &str) -> String {
        succeed(self.command(line), &format!("{}: {line}", self.name))
    }

    /// Runs each line of a text as a command.
    pub(crate) fn run_each(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.run(line);
        }
    }

    pub(crate) fn forward(&self) {
        self.run("sysctl -qw net.ipv4.ip_forward=1");
        self.run("sysctl -qw net.ipv6.conf.all.forwarding=1");
    }

    /// A cable from a link of the workstation to this peer's `eth0`.
    pub(crate) fn cable(&self, link: &str) {
        self.lab.run(&format!("ip link add {link} type veth peer name eth0 netns {}", self.name));
        self.run("ip link set eth0 up");
        self.lab.run(&format!("ip link set {link} up"));
    }
}
