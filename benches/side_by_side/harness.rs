//! The namespaces and the network of the end-to-end tests, from where the tests have
//! them: nothing of this machine is read or changed here either.

#![allow(
    dead_code,
    reason = "this is what tests are made of, and a measurement needs less"
)]

use std::fs::File;
use std::sync::OnceLock;

#[path = "../../tests/harness/daemon.rs"]
mod daemon;
#[path = "../../tests/harness/dns_server.rs"]
mod dns_server;
#[path = "../../tests/cli/json_page.rs"]
mod json_page;
#[path = "../../tests/harness/lab.rs"]
mod lab;
#[path = "../../tests/harness/namespace.rs"]
mod namespace;
#[path = "../../tests/harness/netprof.rs"]
mod netprof;
#[path = "../../tests/harness/observe.rs"]
mod observe;
#[path = "../../tests/harness/peer.rs"]
mod peer;
#[path = "../../tests/harness/poll.rs"]
mod poll;
#[path = "../../tests/harness/reach.rs"]
mod reach;
#[path = "../../tests/harness/resolved.rs"]
mod resolved;
#[path = "../../tests/harness/root.rs"]
mod root;
#[path = "../../tests/harness/topology.rs"]
mod topology;
#[path = "../../tests/harness/tree.rs"]
mod tree;
#[path = "../../tests/harness/trial.rs"]
mod trial;

use daemon::Bus;
use dns_server::{DnsServer, Zone};
pub(crate) use lab::Lab;
use peer::Peer;
use poll::until;
use resolved::Resolved;
pub(crate) use root::NETPROF;
pub(crate) use topology::Office;
use tree::Tree;
pub(crate) use trial::Test;
use trial::{INSIDE, Outcome};

use super::settings::Settings;

/// What is opened before the namespaces are entered: nothing of the machine can be
/// reached from there.
#[derive(Debug)]
pub(crate) struct Outside {
    /// The program to compare with.
    pub(crate) floor: File,
    /// A folder on a real disk: everything else in there is memory, and a sync costs
    /// nothing.
    pub(crate) disk: File,
    /// Where the figures go.
    pub(crate) figures: File,
    /// A peer that this machine has and the tree has not.
    pub(crate) nmstatectl: Option<File>,
    pub(crate) settings: Settings,
}

static OUTSIDE: OnceLock<Outside> = OnceLock::new();

/// What was opened outside.
pub(crate) fn outside() -> &'static Outside {
    OUTSIDE.get().expect("it was opened before")
}

/// In the process that [`run`] has started: goes inside, and does not come back.
pub(crate) fn enter_if_asked(body: fn(&Lab), open: impl FnOnce() -> Outside) {
    if std::env::args().nth(1).as_deref() == Some(INSIDE) {
        OUTSIDE.set(open()).expect("it is opened once");
        namespace::enter(test(body));
    }
}

/// How it went.
pub(crate) enum Ended {
    Well,
    /// It could not run here, for this reason.
    NotRun(String),
    /// With all that was printed.
    Failed(String),
}

/// Runs `body` inside, to its end.
pub(crate) fn run(body: fn(&Lab)) -> Ended {
    match test(body).outcome() {
        Ok(Outcome::Passed) => Ended::Well,
        Ok(Outcome::NotRun(reason)) => Ended::NotRun(reason),
        Ok(Outcome::Failed { output, .. }) => Ended::Failed(output),
        Err(error) => Ended::Failed(error.to_string()),
    }
}

fn test(body: fn(&Lab)) -> Test {
    Test {
        name: "side by side",
        tree: Tree::Host,
        body,
        limit: std::time::Duration::from_secs(1800),
    }
}
