//! What netprof sees and foresees, beside what this Mac's own tools print.
//!
//! Nothing here changes anything, so it may run on any Mac, as anybody. Elsewhere each
//! test shows as not run. Where two differ, both are printed: that a simulation is wrong
//! shows here first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use libtest_mimic::{Arguments, Completion, Failed, Trial};

#[cfg(target_os = "macos")]
#[path = "real_mac/here.rs"]
mod here;

type Test = fn() -> Result<(), Failed>;

#[cfg(target_os = "macos")]
const TESTS: [Test; 4] = [
    here::published,
    here::simulated,
    here::routes,
    here::look_ups,
];
#[cfg(not(target_os = "macos"))]
const TESTS: [Option<Test>; 4] = [None; 4];

const NAMES: [&str; 4] = [
    "the_resolvers_are_those_that_scutil_prints",
    "the_simulated_configd_makes_the_list_that_configd_publishes",
    "the_routes_are_those_that_netstat_prints",
    "a_look_up_is_answered_as_route_answers_it",
];

fn main() {
    let trial = |(name, test): (&str, _)| Trial::ignorable_test(name, move || run(test));
    let trials = NAMES.into_iter().zip(TESTS).map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

#[cfg(target_os = "macos")]
fn run(test: Test) -> Result<Completion, Failed> {
    test().map(|()| Completion::Completed)
}

#[cfg(not(target_os = "macos"))]
fn run(_: Option<Test>) -> Result<Completion, Failed> {
    Ok(Completion::ignored_with("this is no Mac"))
}
