//! The executable of the tests: the list of them for a person, or, in a
//! process that one of them started, that one test's inside.

use std::process::ExitCode;
use std::sync::mpsc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::machine::Machine;
use super::trial::{INSIDE, Test};
use super::{Tree, namespace, self_test};

const MACHINE: &str = "machine::a_whole_run_leaves_the_machine_as_it_was";

pub(crate) fn main(tests: &[Test]) -> ExitCode {
    // Before anything else: inside, this process must still have one thread.
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(INSIDE) {
        let name = arguments.next().expect("the test's name is passed");
        let mut all = tests.iter().chain(self_test::TESTS);
        let test = all.find(|test| test.name == name).expect("the test exists");
        namespace::enter(*test);
    }
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials(tests)).exit_code()
}

/// The tests, and one that comes last and looks at the machine.
fn trials(tests: &[Test]) -> Vec<Trial> {
    let machine = Machine::look();
    // Each test owns a sender until it is over or was filtered out, so that the
    // receiver sees the end of the run. The last trial is taken up last: what
    // it waits for runs already, and on other threads.
    let (running, over) = mpsc::channel::<()>();
    let mut trials = Vec::new();
    for &test in tests.iter().filter(|test| test.tree.is_wanted()) {
        let running = running.clone();
        let trial = Trial::ignorable_test(test.name, move || {
            let _running = running;
            test.run()
        });
        trials.push(trial.with_kind(test.tree.kind()));
    }
    let checks = self_test::CHECKS.iter();
    for (name, check) in checks.filter(|_| Tree::Host.is_wanted()) {
        let running = running.clone();
        trials.push(Trial::ignorable_test(*name, move || {
            let _running = running;
            check()
        }));
    }
    drop(running);
    trials.push(Trial::ignorable_test(MACHINE, move || {
        while over.recv().is_ok() {}
        let changes = machine.changes();
        let unread = machine.unread();
        if !changes.is_empty() {
            Err(Failed::from(changes.join("\n")))
        } else if !unread.is_empty() {
            super::trial::not_run(&format!("could not read {}", unread.join("; ")))
        } else {
            Ok(Completion::Completed)
        }
    }));
    trials
}
