//! A kill or a power cut at every step: what is found afterwards is old or new.

use netprof_model::Resource;
use proptest::prelude::*;

use super::laws::{apply, held, held_is_derived, is_done, release, rollback};
use super::machine::{Machine, States};
use super::profiles::any_states;
use super::world::{Fault, Loss, World};
use crate::report::{Recovered, Report};

pub(super) type Command = Box<dyn Fn(&World) -> Result<Report, crate::Error>>;

pub(super) const LOSSES: [Loss; 5] = [
    Loss::Nothing,
    Loss::Everything,
    Loss::Some(1),
    Loss::Some(2),
    Loss::Some(3),
];

/// Runs `command` on a fork of `world` with each of `faults`, then starts again,
/// recovers, and looks whether all is old or all is new.
fn ends_in_old_or_new(world: &World, command: &Command, fault: Fault, loss: Loss) {
    let old = (world.states(), held(world));
    let good = world.fork();
    assert!(is_done(&command(&good).unwrap()));
    let new = (good.states(), held(&good));

    let world = world.fork();
    world.break_at(fault);
    let _ = command(&world);
    world.restart(loss);
    recover(&world);
    let now = (world.states(), held(&world));
    assert!(
        now == old || now == new,
        "{fault:?} {loss:?}\n{now:#?}\nis neither\n{old:#?}\nnor\n{new:#?}"
    );
    held_is_derived(&world);
    // And it works as if nothing had happened.
    assert!(is_done(&command(&world).unwrap()), "{fault:?} {loss:?}");
}

pub(super) fn recover(world: &World) {
    let recovered = world.run(|engine| engine.recover()).unwrap();
    assert!(!matches!(recovered, Some(Recovered::Incomplete(_))));
    let again = world.run(|engine| engine.recover()).unwrap();
    assert!(again.is_none(), "it was recovered just now");
}

/// How many calls `command` makes.
pub(super) fn calls(world: &World, command: &Command) -> u64 {
    let world = world.fork();
    world.break_at(Fault::None);
    let _ = command(&world);
    world.calls()
}

pub(super) fn applying(name: &'static str, wanted: States) -> Command {
    Box::new(move |world| apply(world, name, &wanted))
}

/// Machines that have one profile applied, or two, and the commands that can come next.
pub(super) fn scenes() -> Vec<(World, Command)> {
    let mut scenes = Vec::new();
    for machine in Machine::ALL {
        let fresh = World::bare(machine);
        let applied = World::bare(machine);
        let _ = apply(&applied, "office", &machine.office()).unwrap();
        let switched = applied.fork();
        let _ = apply(&switched, "home", &machine.home()).unwrap();
        scenes.extend([
            (fresh, applying("office", machine.office())),
            (applied.fork(), applying("home", machine.home())),
            (applied, Box::new(release) as Command),
            (switched.fork(), Box::new(|world| rollback(world, None))),
            (switched, Box::new(|world| rollback(world, Some(1)))),
        ]);
    }
    scenes
}

/// A machine with nothing applied, and a command that applies.
fn first_scenes() -> impl Iterator<Item = (World, Command)> {
    Machine::ALL.into_iter().map(|machine| {
        let command = applying("office", machine.office());
        (World::bare(machine), command)
    })
}

#[test]
fn a_crash_at_any_step_ends_in_the_old_state_or_in_the_new_one() {
    for (world, command) in scenes() {
        for at in 1..=calls(&world, &command) {
            for loss in LOSSES {
                // A second rollback would undo one more: what it does is another test.
                ends_in_old_or_new_once(&world, &command, Fault::Crash { at }, loss);
            }
        }
    }
}

/// The same for commands that cannot be run twice.
fn ends_in_old_or_new_once(world: &World, command: &Command, fault: Fault, loss: Loss) {
    let once: &Command = command;
    let old = (world.states(), held(world));
    let good = world.fork();
    assert!(is_done(&once(&good).unwrap()));
    let new = (good.states(), held(&good));
    let world = world.fork();
    world.break_at(fault);
    let _ = once(&world);
    world.restart(loss);
    recover(&world);
    let now = (world.states(), held(&world));
    assert!(now == old || now == new, "{fault:?} {loss:?}");
    held_is_derived(&world);
}

#[test]
fn a_crash_at_any_step_of_recovering_from_a_crash_at_any_step_is_recovered() {
    for (world, command) in scenes().into_iter().skip(1).step_by(5) {
        let old = world.states();
        let good = world.fork();
        assert!(is_done(&command(&good).unwrap()));
        let new = good.states();
        for first in 1..=calls(&world, &command) {
            for second in 1.. {
                let world = world.fork();
                world.break_at(Fault::Crash { at: first });
                let _ = command(&world);
                world.restart(Loss::Some(first));
                world.break_at(Fault::Crash { at: second });
                let recovered = world.run(|engine| engine.recover());
                let through = world.calls() < second;
                world.restart(Loss::Some(second));
                if through {
                    assert!(recovered.is_ok());
                    break;
                }
                recover(&world);
                let now = world.states();
                assert!(now == old || now == new, "{first} {second}");
                held_is_derived(&world);
            }
        }
    }
}

#[test]
fn a_crash_while_a_failed_transaction_is_taken_back_is_recovered() {
    for (world, command) in scenes() {
        let most = calls(&world, &command);
        for error in 1..=most {
            for crash in error + 1..error + 12 {
                let fault = Fault::ErrorThenCrash { error, crash };
                ends_in_old_or_new_once(&world, &command, fault, Loss::Some(crash));
            }
        }
    }
}

#[test]
fn kill_after_the_third_change_recovers() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let old = world.states();
        // Opening: two reads, and held.json is made. Then observe, create, write, sync,
        // sync the folder; then the changes.
        let (applied_three, at) = (1..)
            .map(|at| {
                let world = world.fork();
                world.break_at(Fault::Crash { at });
                let _ = apply(&world, "office", &machine.office());
                (world, at)
            })
            .find(|(world, _)| {
                let now = world.states();
                now.iter()
                    .filter(|(resource, state)| old[*resource] != **state)
                    .count()
                    == 3
            })
            .unwrap();
        assert!(at > 3);
        applied_three.restart(Loss::Nothing);
        let recovered = applied_three.run(|engine| engine.recover()).unwrap();
        assert!(matches!(recovered, Some(Recovered::RolledBack(_))));
        assert_eq!(applied_three.states(), old);
        // What was not made is not written, but for what nobody may have been told of.
        let written = applied_three.written_back();
        let seen = |one: &&Resource| {
            !matches!(one, Resource::DnsDelegate { .. } | Resource::Proxies { .. })
        };
        assert_eq!(written.iter().filter(seen).count(), 3);
    }
}

#[test]
fn every_command_that_changes_something_recovers_first() {
    for (crashed, command) in first_scenes() {
        crashed.break_at(Fault::Crash { at: 12 });
        let _ = command(&crashed);
        crashed.restart(Loss::Nothing);
        let report = command(&crashed).unwrap();
        assert!(matches!(report.recovered, Some(Recovered::RolledBack(_))));
        assert_eq!(report.outcome.transaction(), Some(2));
    }
}

#[test]
fn another_namespace_of_the_same_boot_is_refused_and_left_alone() {
    let (crashed, command) = scenes().remove(0);
    crashed.break_at(Fault::Crash { at: 12 });
    let _ = command(&crashed);
    crashed.restart(Loss::Nothing);
    let here = crashed.live();
    let mut live = here.clone();
    live.place.netns += 1;
    crashed.set_live(live);
    let journal = crashed.disk().journal(1);
    let error = command(&crashed).unwrap_err();
    assert_eq!(
        error.to_string(),
        "transaction 1 was interrupted in another network namespace (inode 4026531840): \
         `netprof recover` takes it back there; if that namespace is gone, what it changed \
         went with it, and journal/000001 can be moved away"
    );
    assert_eq!(crashed.disk().journal(1), journal);

    // A person knows that it is gone.
    let moved = crashed.fork();
    moved.with_disk(|disk| disk.remove(1));
    assert!(is_done(&command(&moved).unwrap()));
    assert_eq!(moved.disk().count(), 1);
    held_is_derived(&moved);

    crashed.set_live(here);
    recover(&crashed);
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn any_plan_that_crashes_anywhere_ends_in_old_or_new(
        (machine, [base, first, second]) in any_states(),
        at in 1..60_u64,
        seed in any::<u64>(),
    ) {
        let world = World::having(machine, &base);
        let _ = apply(&world, "a", &first).unwrap();
        let command = applying("b", second);
        for loss in [Loss::Nothing, Loss::Everything, Loss::Some(seed)] {
            let fault = Fault::Crash { at };
            ends_in_old_or_new(&world, &command, fault, loss);
        }
    }
}

#[test]
fn what_was_reported_as_done_outlives_a_power_cut() {
    for (world, command) in scenes() {
        for loss in LOSSES {
            let world = world.fork();
            assert!(is_done(&command(&world).unwrap()));
            let new = (world.states(), held(&world));
            world.restart(loss);
            let recovered = world.run(|engine| engine.recover()).unwrap();
            assert!(recovered.is_none(), "{loss:?}");
            assert_eq!((world.states(), held(&world)), new);
            held_is_derived(&world);
        }
    }
}

#[test]
fn what_was_reported_as_rolled_back_is_not_taken_back_once_more_after_a_power_cut() {
    for (world, command) in first_scenes() {
        for loss in LOSSES {
            let world = world.fork();
            world.jam(&world.machine().names());
            let report = command(&world).unwrap();
            assert_eq!(report.outcome.exit_code(), 3);
            // Nothing needs to be read again, as long as the power stays.
            let reads = world.disk().reads;
            world.run(|_| Ok(())).unwrap();
            assert_eq!(world.disk().reads, reads);
            world.restart(loss);
            let recovered = world.run(|engine| engine.recover()).unwrap();
            assert!(recovered.is_none(), "{loss:?}");
        }
    }
}
