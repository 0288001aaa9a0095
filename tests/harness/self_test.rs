//! The harness, tested with tests that must not pass.
//!
//! A harness that cannot fail proves nothing. These bodies hang, fail and give
//! up on purpose; the checks look at what became of them.

use std::fs;
use std::time::Duration;

use libtest_mimic::{Completion, Failed};

use super::trial::{Outcome, TIME_LIMIT, Test, processes_in};
use super::{Daemon, Lab, Tree, machine, stage_table};

const fn body(name: &'static str, body: fn(&Lab), limit: Duration) -> Test {
    Test {
        name,
        tree: Tree::Host,
        body,
        limit,
    }
}

const HANGS: Test = body("hangs", hangs, Duration::from_secs(1));
const FAILS: Test = body("fails", fails, TIME_LIMIT);
const GIVES_UP: Test = body("gives_up", gives_up, TIME_LIMIT);
const LEAVES: Test = body("leaves", machine::shows_what_is_left, TIME_LIMIT);

/// The bodies, which are in no list of tests.
pub(super) const TESTS: &[Test] = &[HANGS, FAILS, GIVES_UP, LEAVES];

type Check = fn() -> Result<Completion, Failed>;

pub(super) const CHECKS: &[(&str, Check)] = &[
    (
        "harness::a_test_that_hangs_ends_with_all_its_processes",
        ends_what_hangs,
    ),
    (
        "harness::a_test_that_fails_shows_its_words_and_logs",
        shows_what_failed,
    ),
    (
        "harness::a_test_that_gives_up_has_not_passed",
        gives_the_reason,
    ),
    (
        "harness::a_table_is_held_to_the_page_for_the_versions_that_it_names",
        compares_tables,
    ),
    (
        "harness::what_a_test_leaves_on_the_machine_would_show",
        shows_what_is_left,
    ),
];

fn compares_tables() -> Result<Completion, Failed> {
    stage_table::check()?;
    Ok(Completion::Completed)
}

fn start_talking(lab: &Lab) -> Daemon {
    let mut command = lab.command("sh -c");
    command.arg("echo daemon was here; exec sleep 1000");
    let mut daemon = Daemon::start("talker", command);
    daemon.until_logged("daemon was here");
    daemon
}

fn hangs(lab: &Lab) {
    let _daemon = start_talking(lab);
    lab.sh("setsid sh -c 'trap \"\" TERM HUP; sleep 1000 & wait' >/dev/null 2>&1 &");
    loop {
        std::thread::park();
    }
}

fn fails(lab: &Lab) {
    let _daemon = start_talking(lab);
    panic!("as it should");
}

fn gives_up(lab: &Lab) {
    lab.not_run("it does not want to");
}

fn ends_what_hangs() -> Result<Completion, Failed> {
    // First that the search finds something where something is.
    let own = fs::read_link("/proc/self/ns/pid")?;
    if processes_in(&own.display().to_string()).is_empty() {
        return Err("this process is not found in its own namespace".into());
    }
    match HANGS.outcome()? {
        Outcome::Failed {
            output,
            namespace: Some(namespace),
        } => {
            expect(&output, &["out of time", "daemon was here"])?;
            let left = processes_in(&namespace);
            if left.is_empty() {
                Ok(Completion::Completed)
            } else {
                Err(format!("left: {left:?}").into())
            }
        }
        Outcome::NotRun(reason) => super::trial::not_run(&reason),
        other => Err(format!("{other:?}").into()),
    }
}

fn shows_what_failed() -> Result<Completion, Failed> {
    match FAILS.outcome()? {
        Outcome::Failed { output, .. } => {
            expect(&output, &["as it should", "talker.log", "daemon was here"])?;
            Ok(Completion::Completed)
        }
        Outcome::NotRun(reason) => super::trial::not_run(&reason),
        Outcome::Passed => Err("it passed".into()),
    }
}

fn gives_the_reason() -> Result<Completion, Failed> {
    match GIVES_UP.outcome()? {
        Outcome::NotRun(reason) if reason == "it does not want to" => Ok(Completion::Completed),
        Outcome::NotRun(reason) => super::trial::not_run(&reason),
        other => Err(format!("{other:?}").into()),
    }
}

fn shows_what_is_left() -> Result<Completion, Failed> {
    LEAVES.run()
}

fn expect(output: &str, texts: &[&str]) -> Result<(), Failed> {
    match texts.iter().find(|text| !output.contains(**text)) {
        Some(text) => Err(format!("{text:?} is not shown in:\n{output}").into()),
        None => Ok(()),
    }
}
