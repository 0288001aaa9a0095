//! What outlives a boot and what does not, and a configd that starts anew.
//!
//! Kernel state and the dynamic store go with their boot; files and preferences do not.
//! So a transaction of both that a crash stopped is undone in the next boot as far as it
//! is durable, and what others have made of the rest since is theirs, however it looks.

use netprof_model::held::HeldResource;
use netprof_model::{Resource, Section};
use netprof_plan::{Bearing, drift};
use proptest::prelude::*;

use super::crashes::{Command, LOSSES, applying, calls, recover, scenes};
use super::laws::{apply, held, held_is_derived, is_done, release, rollback};
use super::machine::{Machine, States, state};
use super::profiles::any_states;
use super::world::{Fault, Loss, World};
use crate::report::Recovered;

/// What of `states` is durable, and what goes with its boot.
fn parted(machine: Machine, states: States) -> (States, States) {
    states
        .into_iter()
        .partition(|(resource, _)| machine.is_durable(resource))
}

/// What is held and has not gone with its boot, wherever it was committed.
fn living(world: &World) -> Vec<HeldResource> {
    let live = world.live();
    let mut all = held(world);
    all.retain(|one| !live.has_expired(one));
    for one in &mut all {
        one.place = netprof_model::resource::Place::default();
    }
    all
}

/// What of it is durable.
fn durable(world: &World) -> (States, Vec<HeldResource>) {
    let machine = world.machine();
    let mut held = living(world);
    held.retain(|one| machine.is_durable(&one.resource));
    (parted(machine, world.states()).0, held)
}

/// Stops `command` by `fault`, starts the machine anew, on which others have made
/// `others` before netprof is back, and recovers.
fn ends_in_old_or_new(world: &World, command: &Command, fault: Fault, loss: Loss, others: &States) {
    let machine = world.machine();
    let old = durable(world);
    let good = world.fork();
    assert!(is_done(&command(&good).unwrap()));
    let new = durable(&good);

    let world = world.fork();
    world.break_at(fault);
    let _ = command(&world);
    world.restart(loss);
    world.reboot("second", others);
    let booted = parted(machine, world.states()).1;
    let before = world.written_back().len();
    recover(&world);
    let now = durable(&world);
    assert!(
        now == old || now == new,
        "{fault:?} {loss:?}\n{now:#?}\nis neither\n{old:#?}\nnor\n{new:#?}"
    );
    assert_eq!(parted(machine, world.states()).1, booted, "{fault:?}");
    for written in &world.written_back()[before..] {
        assert!(machine.is_durable(written), "{written} went with its boot");
    }
    assert_eq!(living(&world), now.1, "nothing else is held");
    held_is_derived(&world);
}

/// What looks as netprof made it, and is somebody else's: it was made in another boot.
fn look_alike(machine: Machine) -> States {
    parted(machine, machine.office()).1
}

#[test]
fn a_crash_at_any_step_and_a_reboot_end_in_the_old_or_the_new_of_what_is_durable() {
    for (world, command) in scenes() {
        for at in 1..=calls(&world, &command) {
            for loss in LOSSES {
                let others = look_alike(world.machine());
                ends_in_old_or_new(&world, &command, Fault::Crash { at }, loss, &others);
            }
        }
    }
}

#[test]
fn a_crash_while_it_is_taken_back_and_a_reboot_end_the_same_way() {
    for (world, command) in scenes() {
        for error in 1..=calls(&world, &command) {
            for crash in error + 1..error + 12 {
                let fault = Fault::ErrorThenCrash { error, crash };
                let others = look_alike(world.machine());
                ends_in_old_or_new(&world, &command, fault, Loss::Some(crash), &others);
            }
        }
    }
}

#[test]
fn a_crash_at_any_step_of_recovering_in_another_boot_is_recovered_in_a_third() {
    for (world, command) in scenes().into_iter().skip(1).step_by(5) {
        let machine = world.machine();
        let old = durable(&world);
        let good = world.fork();
        assert!(is_done(&command(&good).unwrap()));
        let new = durable(&good);
        for first in 1..=calls(&world, &command) {
            for second in 1.. {
                let world = world.fork();
                world.break_at(Fault::Crash { at: first });
                let _ = command(&world);
                world.restart(Loss::Some(first));
                world.reboot("second", &look_alike(machine));
                world.break_at(Fault::Crash { at: second });
                let recovered = world.run(|engine| engine.recover());
                let through = world.calls() < second;
                world.restart(Loss::Some(second));
                world.reboot("third", &look_alike(machine));
                if through {
                    assert!(recovered.is_ok());
                    break;
                }
                recover(&world);
                let now = durable(&world);
                assert!(now == old || now == new, "{first} {second}");
                held_is_derived(&world);
            }
        }
    }
}

#[test]
fn what_went_with_its_boot_is_named_and_neither_undone_nor_a_failure() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let command = applying("office", machine.office());
        let (lasting, gone) = parted(machine, machine.office());
        let mut undone = 0;
        for at in 1..=calls(&world, &command) {
            let crashed = world.fork();
            crashed.break_at(Fault::Crash { at });
            let _ = command(&crashed);
            crashed.restart(Loss::Everything);
            crashed.reboot("second", &gone);
            let recovered = crashed.run(|engine| engine.recover()).unwrap();
            if let Some(Recovered::RolledBack(back)) = recovered {
                assert!(back.kept.is_empty());
                assert_eq!(back.expired.len(), gone.len());
                undone = undone.max(crashed.written_back().len());
            }
        }
        assert_eq!(undone, lasting.len(), "{machine:?}");
    }
}

#[test]
fn the_preferences_of_another_boot_were_read_by_configd_when_it_started() {
    let world = World::bare(Machine::Mac);
    let command = applying("office", Machine::Mac.office());
    world.break_at(Fault::Crash { at: 12 });
    let _ = command(&world);
    world.restart(Loss::Nothing);
    world.reboot("second", &States::new());
    recover(&world);
    assert!(
        world.written_back().is_empty(),
        "{:?}",
        world.written_back()
    );
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn any_plan_that_crashes_before_a_reboot_ends_in_old_or_new_of_what_is_durable(
        (machine, [base, first, second, others]) in any_states(),
        at in 1..60_u64,
        seed in any::<u64>(),
    ) {
        let world = World::having(machine, &base);
        let _ = apply(&world, "a", &first).unwrap();
        let command = applying("b", second);
        let others = parted(machine, others).1;
        for loss in [Loss::Nothing, Loss::Everything, Loss::Some(seed)] {
            ends_in_old_or_new(&world, &command, Fault::Crash { at }, loss, &others);
        }
    }

    #[test]
    fn a_release_after_a_reboot_puts_back_what_is_durable_and_touches_nothing_else(
        (machine, [base, first, second, others]) in any_states(),
        reboots in any::<(bool, bool)>(),
    ) {
        let world = World::having(machine, &base);
        let old = parted(machine, world.states()).0;
        prop_assert!(is_done(&apply(&world, "a", &first).unwrap()));
        if reboots.0 {
            world.reboot("second", &States::new());
        }
        prop_assert!(is_done(&apply(&world, "b", &second).unwrap()));
        let others = parted(machine, others).1;
        world.reboot("last", &others);
        let booted = parted(machine, world.states()).1;
        if reboots.1 {
            prop_assert!(is_done(&rollback(&world, None).unwrap()));
        }
        let report = release(&world).unwrap();
        prop_assert!(is_done(&report));
        prop_assert!(report.plan.kept.is_empty());
        let (lasting, rest) = parted(machine, world.states());
        prop_assert_eq!(lasting, old);
        prop_assert_eq!(rest, booted);
        prop_assert!(held(&world).is_empty());
        held_is_derived(&world);
    }

    #[test]
    fn rollbacks_over_boots_are_undone_at_once_as_they_are_one_by_one(
        (machine, [base, first, second, third, one, another, last]) in any_states(),
        reboots in proptest::array::uniform3(any::<bool>()),
    ) {
        let at_once = World::having(machine, &base);
        let steps = [("a", first, one), ("b", second, another), ("c", third, last)];
        for ((name, wanted, others), reboots) in steps.into_iter().zip(reboots) {
            prop_assert!(is_done(&apply(&at_once, name, &wanted).unwrap()));
            if reboots {
                at_once.reboot(name, &States::new());
            }
            at_once.others_make(&others);
        }
        let one_by_one = at_once.fork();
        prop_assert!(is_done(&rollback(&at_once, Some(1)).unwrap()));
        for _ in 0..3 {
            prop_assert!(is_done(&rollback(&one_by_one, None).unwrap()));
        }
        prop_assert_eq!(at_once.states(), one_by_one.states());
        prop_assert_eq!(held(&at_once), held(&one_by_one));
        prop_assert!(held(&at_once).is_empty());
        held_is_derived(&at_once);
        held_is_derived(&one_by_one);
    }

    #[test]
    fn a_rollback_after_a_reboot_gives_back_what_each_transaction_found(
        (machine, [base, first, second, third]) in any_states(),
        reboots in proptest::array::uniform3(any::<bool>()),
    ) {
        let world = World::having(machine, &base);
        let mut before = Vec::new();
        for ((name, wanted), reboots) in [("a", first), ("b", second), ("c", third)]
            .into_iter()
            .zip(reboots)
        {
            before.push(durable(&world));
            prop_assert!(is_done(&apply(&world, name, &wanted).unwrap()));
            if reboots {
                world.reboot(name, &States::new());
            }
        }
        while let Some(found) = before.pop() {
            let report = rollback(&world, None).unwrap();
            prop_assert!(is_done(&report));
            prop_assert!(report.plan.kept.is_empty());
            prop_assert_eq!(durable(&world), found);
            held_is_derived(&world);
        }
        prop_assert!(held(&world).is_empty());
    }

    #[test]
    fn a_second_apply_after_a_reboot_makes_anew_what_is_gone_and_leaves_the_rest(
        (machine, [base, wanted]) in any_states(),
    ) {
        let world = World::having(machine, &base);
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let lasting = durable(&world);
        let made = world.states();
        let others: States = parted(machine, base).1;
        world.reboot("second", &others);
        let live = world.live();
        for one in live.held().into_iter().flat_map(|held| &held.resources) {
            prop_assert_eq!(live.has_expired(one), !machine.is_durable(&one.resource));
        }
        let report = apply(&world, "a", &wanted).unwrap();
        prop_assert!(is_done(&report));
        for change in &report.plan.changes {
            prop_assert!(!machine.is_durable(&change.resource), "{}", change.resource);
        }
        prop_assert_eq!(world.states(), made);
        prop_assert_eq!(durable(&world), lasting);
    }
}

/// configd's dynamic store is its memory (configd.tproj/_configset.c): when it starts
/// anew, what was set is gone, within the same boot.
fn restart_configd(world: &World) {
    let mut live = world.live();
    live.store = Section::Seen(netprof_model::configd::Store::default());
    world.set_live(live);
}

fn is_store(resource: &Resource) -> bool {
    matches!(resource, Resource::Store { .. })
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn what_a_configd_that_started_anew_has_forgotten_is_drift_and_is_made_again(
        (_, [base, wanted]) in any_states(),
    ) {
        let (base, wanted) = (of_mac(&base), of_mac(&wanted));
        let world = World::having(Machine::Mac, &base);
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let made = world.states();
        restart_configd(&world);
        let mut live = world.live();
        live.held = Section::Seen(world.run(|engine| Ok(engine.held().clone())).unwrap());
        for one in drift(&live) {
            let forgotten = is_store(&one.held.resource) && one.held.committed.is_some();
            let expected = if forgotten { Bearing::Changed(None) } else { Bearing::Holds };
            prop_assert_eq!(one.standing, expected);
        }
        let report = apply(&world, "a", &wanted).unwrap();
        prop_assert!(report.plan.changes.iter().all(|one| is_store(&one.resource)));
        for (resource, state) in &wanted {
            prop_assert_eq!(&world.states()[resource], state);
        }
        // All that was not in the store is as it was.
        for (resource, state) in made.iter().filter(|(resource, _)| !is_store(resource)) {
            prop_assert_eq!(&world.states()[resource], state);
        }
    }

    #[test]
    fn what_a_configd_that_started_anew_has_forgotten_is_not_written_when_it_is_given_back(
        (_, [base, wanted]) in any_states(),
        releases in any::<bool>(),
    ) {
        let (base, wanted) = (of_mac(&base), of_mac(&wanted));
        let world = World::having(Machine::Mac, &base);
        let old = world.states();
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let holds = held(&world);
        restart_configd(&world);
        let report = if releases { release(&world) } else { rollback(&world, None) };
        let report = report.unwrap();
        prop_assert!(is_done(&report));
        for one in holds.iter().filter(|one| is_store(&one.resource)) {
            let kept = report.plan.kept.iter().any(|kept| kept.resource == one.resource);
            // It replaced what somebody had said: whether that was to be forgotten, too,
            // cannot be told.
            prop_assert_eq!(kept, one.original.is_some() && one.committed.is_some());
            if one.committed.is_some() {
                prop_assert_eq!(&world.states()[&one.resource], &None);
            }
        }
        for (resource, state) in old.iter().filter(|(resource, _)| !is_store(resource)) {
            prop_assert_eq!(&world.states()[resource], state);
        }
        prop_assert!(held(&world).is_empty());
    }
}

/// The same states of a Mac, where they are of a Linux.
fn of_mac(states: &States) -> States {
    let pool = Machine::Mac.pool();
    let on_mac = |(at, resource): (usize, &Resource)| {
        if pool.contains(resource) {
            return (resource.clone(), states[resource].clone());
        }
        let other = &pool[at % pool.len()];
        (other.clone(), state(other, 1))
    };
    states.keys().enumerate().map(on_mac).collect()
}

/// A kill in the middle, and configd dies, too: what others had said in the store is not
/// invented anew, and what netprof had said is gone already.
#[test]
fn a_kill_and_a_configd_that_starts_anew_leave_the_store_as_configd_has_it() {
    let world = World::having(Machine::Mac, &Machine::some(&[(Machine::Mac.names(), 3)]));
    let command = applying("office", Machine::Mac.office());
    let mut kept_once = false;
    for at in 1..=calls(&world, &command) {
        let crashed = world.fork();
        crashed.break_at(Fault::Crash { at });
        let _ = command(&crashed);
        crashed.restart(Loss::Nothing);
        restart_configd(&crashed);
        let recovered = crashed.run(|engine| engine.recover()).unwrap();
        if let Some(Recovered::RolledBack(back)) = recovered {
            let kept: Vec<_> = back.kept.iter().map(|one| &one.resource).collect();
            assert_eq!(kept, [&Machine::Mac.names()]);
            kept_once = true;
        }
        assert_eq!(crashed.states()[&Machine::Mac.names()], None);
    }
    assert!(kept_once);
}
