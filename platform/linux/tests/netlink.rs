//! The netlink half of the backend against the real kernel.
//!
//! Each test runs in a network namespace of its own: this program starts itself
//! anew under unshare(1), once for each test. What came of it is seen with `ip -j`,
//! `nft -j` and the like, never by netprof's own word alone. Where user namespaces
//! are not permitted the tests are shown as not run, with the reason, unless
//! `NETPROF_TESTS_REQUIRED=1`.
//!
//! - `netlink/observe.rs`: what is there is seen, all of it.
//! - `netlink/apply.rs`: what is asked for is made, what is refused is named.
//! - `netlink/put_back.rs`: a route that was read can be written back as it was.
//! - `netlink/filters.rs`: which nft chains are seen, and whose they are.
//! - `netlink/kill_switches.rs`: what becomes of a LAN behind their rules.
//! - `netlink/policies.rs`: IPsec policies.
//! - `netlink/rulesets.rs`: rulesets that change, sleep, or are large.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

#[cfg(target_os = "linux")]
#[path = "netlink/apply.rs"]
mod apply;
#[cfg(target_os = "linux")]
#[path = "netlink/clamp.rs"]
mod clamp;
#[cfg(target_os = "linux")]
#[path = "netlink/filters.rs"]
mod filters;
#[cfg(target_os = "linux")]
#[path = "netlink/kill_switches.rs"]
mod kill_switches;
#[cfg(target_os = "linux")]
#[path = "netlink/namespace.rs"]
mod namespace;
#[cfg(target_os = "linux")]
#[path = "netlink/observe.rs"]
mod observe;
#[cfg(target_os = "linux")]
#[path = "netlink/policies.rs"]
mod policies;
#[cfg(target_os = "linux")]
#[path = "netlink/put_back.rs"]
mod put_back;
#[cfg(target_os = "linux")]
#[path = "netlink/rulesets.rs"]
mod rulesets;

#[cfg(target_os = "linux")]
fn main() {
    let all = [
        observe::TESTS,
        apply::TESTS,
        put_back::TESTS,
        filters::TESTS,
        kill_switches::TESTS,
        policies::TESTS,
        rulesets::TESTS,
        clamp::TESTS,
    ]
    .concat();
    namespace::run(&all);
}

#[cfg(not(target_os = "linux"))]
fn main() {}
