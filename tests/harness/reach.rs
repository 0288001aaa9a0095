//! What the workstation can reach, and by which way: packets and names, asked
//! the way that programs ask.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::Lab;

/// What `ip route get` says about a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) link: String,
    pub(crate) gateway: Option<String>,
    pub(crate) source: Option<String>,
    /// As ip names it; main is not named.
    pub(crate) table: Option<String>,
}

impl Lab {
    /// Whether one ping is answered within a second.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        self.succeeds(&format!("ping -n -q -c 1 -W 1 {address}"))
    }

    /// The way that the kernel would take, or what it says instead.
    pub(crate) fn way_to(&self, address: &str) -> Result<Way, String> {
        let output = self.output(&format!("ip -j route get {address}"));
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let answer: Value = serde_json::from_slice(&output.stdout).expect("ip prints JSON");
        let text = |key: &str| answer[0][key].as_str().map(str::to_owned);
        Ok(Way {
            link: text("dev").unwrap_or_default(),
            gateway: text("gateway"),
            source: text("prefsrc"),
            table: text("table"),
        })
    }

    /// What a service of `Peer::serve_tcp` says; `None` if there is no answer.
    pub(crate) fn greeting(&self, address: &str) -> Option<String> {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let patience = Duration::from_secs(2);
        let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_read_timeout(Some(patience)).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned())
    }

    /// The addresses of a name as libc's resolver has them (nsswitch.conf),
    /// sorted, each once; empty if there are none.
    pub(crate) fn getent(&self, name: &str) -> Vec<String> {
        let mut addresses = Vec::new();
        for database in ["ahostsv4", "ahostsv6"] {
            let output = self.output(&format!("getent {database} {name}"));
            let text = String::from_utf8_lossy(&output.stdout);
            addresses.extend(
                text.lines()
                    .filter_map(|line| line.split_whitespace().next())
                    // ahostsv6 maps IPv4 addresses where there are no others.
                    .filter(|address| !address.starts_with("::ffff:"))
                    .map(str::to_owned),
            );
        }
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// The answers to a question that is sent where resolv.conf points.
    pub(crate) fn dig(&self, kind: &str, name: &str) -> Vec<String> {
        let output = self.output(&format!("dig +short +time=2 +tries=1 {name} {kind}"));
        let text = String::from_utf8_lossy(&output.stdout);
        let mut answers: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with(';'))
            .map(str::to_owned)
            .collect();
        answers.sort();
        answers
    }

    /// The names of an address, the same way.
    pub(crate) fn dig_reverse(&self, address: &str) -> Vec<String> {
        let output = self.output(&format!("dig +short +time=2 +tries=1 -x {address}"));
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .filter(|line| !line.starts_with(';'))
            .map(str::to_owned)
            .collect()
    }

    /// Forgets what resolved remembers: the next question reaches a server.
    pub(crate) fn forget_names(&self) {
        self.run("resolvectl flush-caches");
    }
}
