//! The wire format of the routing socket, against the structures of xnu's headers.
//!
//! Everything here is bytes; nothing makes a system call, and all of it runs on every
//! system. What the kernel writes is put together in `routing/kernel.rs` by the offsets
//! of its headers, without a line of netprof's own codec.
//!
//! - `routing/sockaddrs.rs`: socket addresses, masks that are cut short, KAME.
//! - `routing/dumps.rs`: the routing table, as rows of netstat(1) and as bytes.
//! - `routing/links.rs`: links and addresses.
//! - `routing/requests.rs`: what is written, and what a kernel makes of it.
//! - `routing/replies.rs`: answers and events.
//! - `routing/laws.rs`: what holds for all routes and all bytes.
//! - `routing/recorded.rs`: what people's Macs have printed. It is read from the folder
//!   that `NETPROF_MACOS_RECORDED` names; without it, or without the file, these tests
//!   are shown as not run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "routing/dumps.rs"]
mod dumps;
#[path = "routing/kernel.rs"]
mod kernel;
#[path = "routing/laws.rs"]
mod laws;
#[path = "routing/links.rs"]
mod links;
#[path = "routing/recorded.rs"]
mod recorded;
#[path = "routing/replies.rs"]
mod replies;
#[path = "routing/requests.rs"]
mod requests;
#[path = "routing/rows.rs"]
mod rows;
#[path = "routing/sockaddrs.rs"]
mod sockaddrs;

use libtest_mimic::{Arguments, Trial};

/// A test: its name, and what it does.
type Test = (&'static str, fn());

fn main() {
    let always = [
        sockaddrs::TESTS,
        dumps::TESTS,
        links::TESTS,
        requests::TESTS,
        replies::TESTS,
        laws::TESTS,
    ];
    let mut trials: Vec<Trial> = always
        .into_iter()
        .flatten()
        .map(|(name, body)| {
            Trial::test(*name, || {
                body();
                Ok(())
            })
        })
        .collect();
    trials.extend(recorded::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
