//! Real kernel, real daemons, private namespaces: what end-to-end tests are
//! made of. `docs/testing.md` is the way in.

mod daemon;
mod dns_server;
mod lab;
mod namespace;
mod peer;
mod poll;
mod resolved;
mod root;
mod tree;
mod trial;

pub(crate) use daemon::{Bus, Daemon};
pub(crate) use dns_server::{DnsServer, Zone};
pub(crate) use lab::Lab;
pub(crate) use peer::Peer;
pub(crate) use poll::{until, until_some};
pub(crate) use resolved::Resolved;
pub(crate) use tree::Tree;
pub(crate) use trial::Test;

use lab::Outside;
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

/// Runs tests; or, in a process that one of them started, that test's inside.
pub(crate) fn main(tests: &[Test]) -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(trial::INSIDE) {
        let name = arguments.next().expect("the test's name is passed");
        let test = tests.iter().find(|test| test.name == name).expect("the test exists");
        namespace::enter(*test);
    }
    let arguments = Arguments::from_args();
    let trials: Vec<Trial> = tests
        .iter()
        .map(|&test| Trial::ignorable_test(test.name, move || test.run()))
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
