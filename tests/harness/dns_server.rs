//! DNS servers that remember what they were asked.
//!
//! Which server saw a name is the only proof that a scope holds: an answer
//! alone does not tell whether another server was asked first.

use std::cell::Cell;

use super::daemon::Daemon;
use super::peer::Peer;

/// dnsmasq on a peer.
#[derive(Debug)]
pub(crate) struct DnsServer {
    daemon: Daemon,
    seen: Cell<usize>,
}

/// What a server answers. What it does not know does not exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    options: Vec<String>,
}

impl Zone {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One host, forward and backward.
    pub(crate) fn host(mut self, name: &str, addresses: &[&str]) -> Self {
        self.options
            .push(format!("--host-record={name},{}", addresses.join(",")));
        self
    }
}

/// One question, as the server logged it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Query {
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl DnsServer {
    /// Starts a server on a peer, on all its links.
    pub(crate) fn start(peer: &Peer<'_>, zone: &Zone) -> Self {
        let name = format!("dns-{}", peer.name());
        let mut command = peer.command(
            "dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root \
             --bind-dynamic --log-queries --log-facility=- --address=/#/ --local-ttl=60",
        );
        command
            .arg(format!("--pid-file=/run/{name}.pid"))
            .args(&zone.options);
        let mut daemon = Daemon::start(&name, command);
        // The probe is not a question that tests count.
        daemon.ready_when(|_| {
            let probe = peer
                .command("dig +time=1 +tries=1 @127.0.0.1 probe.invalid")
                .output();
            probe.is_ok_and(|output| output.status.success())
        });
        let server = Self {
            daemon,
            seen: Cell::new(0),
        };
        server.forget();
        server
    }

    /// What it was asked since it started, or since `forget`.
    pub(crate) fn queries(&self) -> Vec<Query> {
        self.daemon.log()[self.seen.get()..]
            .lines()
            .filter_map(parse)
            .collect()
    }

    /// The names it was asked for, sorted, each once.
    pub(crate) fn names_seen(&self) -> Vec<String> {
        let mut names: Vec<String> = self.queries().into_iter().map(|query| query.name).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn saw(&self, name: &str) -> bool {
        self.queries().iter().any(|query| query.name == name)
    }

    /// Starts the next count from here.
    pub(crate) fn forget(&self) {
        self.seen.set(self.daemon.log().len());
    }
}

/// `dnsmasq: query[A] git.corp.example from 10.99.0.2`
fn parse(line: &str) -> Option<Query> {
    let (_, rest) = line.split_once("query[")?;
    let (kind, rest) = rest.split_once("] ")?;
    let (name, _) = rest.split_once(" from ")?;
    Some(Query {
        kind: kind.to_owned(),
        name: name.to_ascii_lowercase(),
    })
}
