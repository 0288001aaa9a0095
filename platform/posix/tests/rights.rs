//! Files of other people, reached by root.
//!
//! Rights are those of the whole process, so these tests have a program of their own and
//! run one after the other. Each has a mount namespace, with a list of users in it that is
//! made for the test. Without root they are shown as not run, with the reason, unless
//! `NETPROF_TESTS_REQUIRED=1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[cfg(target_os = "linux")]
#[path = "rights/people.rs"]
mod people;

#[cfg(target_os = "linux")]
fn main() {
    people::main();
}

/// There are no mount namespaces elsewhere.
#[cfg(not(target_os = "linux"))]
fn main() {}
