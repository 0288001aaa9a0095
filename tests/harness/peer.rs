//! Peers: further network namespaces, in the place of other machines.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use super::Lab;
use super::lab::{each_line, succeed};

pub(super) const QUIET_IPV6: &str = "sysctl -qw \
    net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
    net.ipv6.conf.all.router_solicitations=0 net.ipv6.conf.default.router_solicitations=0";

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
        let peer = Self {
            lab,
            name,
            namespace,
        };
        peer.run("ip link set lo up");
        peer.run(QUIET_IPV6);
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
        let namespace = self
            .namespace
            .try_clone()
            .expect("a file can be duplicated");
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
        each_line(lines, |line| {
            self.run(line);
        });
    }

    pub(crate) fn forward(&self) {
        self.run("sysctl -qw net.ipv4.ip_forward=1");
        self.run("sysctl -qw net.ipv6.conf.all.forwarding=1");
    }

    /// A cable from a link of the workstation to this peer's `eth0`.
    pub(crate) fn cable(&self, link: &str) {
        self.lab.run(&format!(
            "ip link add {link} type veth peer name eth0 netns {}",
            self.name
        ));
        self.run("ip link set eth0 up");
        self.lab.run(&format!("ip link set {link} up"));
    }

    /// A TCP service that tells each client the peer's name and the address
    /// that the client came from, so that a test sees which way it took.
    pub(crate) fn serve_tcp(&self, address: &str) {
        let name = self.name;
        self.serve(address, move |stream| {
            if let Ok(from) = stream.peer_addr() {
                let _ = writeln!(&stream, "{name} {}", from.ip());
            }
        });
    }

    /// A TCP service that does this with each client.
    pub(super) fn serve(&self, address: &str, act: impl Fn(TcpStream) + Send + 'static) {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let namespace = self
            .namespace
            .try_clone()
            .expect("a file can be duplicated");
        let name = self.name;
        let (ready, is_ready) = std::sync::mpsc::channel();
        // The thread's namespace is its own; the socket keeps to it.
        std::thread::spawn(move || {
            let listener = setns(&namespace, CloneFlags::CLONE_NEWNET)
                .map_err(std::io::Error::from)
                .and_then(|()| TcpListener::bind(address));
            let _ = ready.send(
                listener
                    .as_ref()
                    .map(drop)
                    .map_err(|error| error.to_string()),
            );
            for stream in listener.iter().flat_map(TcpListener::incoming).flatten() {
                act(stream);
            }
        });
        let result = is_ready.recv().expect("the thread answers");
        result.unwrap_or_else(|error| panic!("{name}: {address}: {error}"));
    }
}
