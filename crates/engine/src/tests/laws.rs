//! What must hold for every plan on every machine.

use netprof_model::Resource;
use netprof_model::held::{Held, HeldResource};
use proptest::prelude::*;
use proptest::sample;

use super::machine::{Machine, States, state};
use super::profiles::{any_states, plan};
use super::world::World;
use crate::fold::fold;
use crate::journal::{self, Stage};
use crate::report::{Outcome, Report};
use crate::store;
use netprof_plan::Need;

pub(super) fn apply(world: &World, name: &str, wanted: &States) -> Result<Report, crate::Error> {
    world.run(|engine| {
        engine.apply(Need::EVERYTHING, |snapshot| {
            plan(Some((name, wanted)), snapshot)
        })
    })
}

pub(super) fn release(world: &World) -> Result<Report, crate::Error> {
    world.run(|engine| engine.apply(Need::EVERYTHING, |snapshot| plan(None, snapshot)))
}

pub(super) fn rollback(world: &World, to: Option<u64>) -> Result<Report, crate::Error> {
    world.run(|engine| engine.rollback(to))
}

pub(super) fn is_done(report: &Report) -> bool {
    matches!(report.outcome, Outcome::Committed(_) | Outcome::Unchanged)
}

/// What is held, without the numbers of who committed it: a rollback commits anew
/// what an older transaction had committed.
pub(super) fn held(world: &World) -> Vec<HeldResource> {
    let held = world.run(|engine| Ok(engine.held().clone()));
    let mut resources = held.expect("the folder opens").resources;
    for one in &mut resources {
        one.transaction = 0;
    }
    resources.sort_by(|a, b| a.resource.cmp(&b.resource));
    resources
}

/// `held.json` says what the journals say.
pub(super) fn held_is_derived(world: &World) {
    let _ = world.run(|_| Ok(()));
    let bytes = world.disk().held.expect("opening the folder writes it");
    let stored = store::parse(&bytes).expect("it is whole");
    let mut derived = Held::default();
    for number in 1..=world.disk().count() as u64 {
        match journal::read::<crate::Intent>(world, number).expect("it is whole") {
            Some(journal) if journal.stage == Stage::Committed => {
                fold(&mut derived, &journal.intent);
            }
            Some(journal) if !journal.stage.is_final() => break,
            _ => derived.through = number,
        }
    }
    assert_eq!(stored, derived);
}

#[test]
fn what_is_by_chance_as_an_older_transaction_left_it_stays_held() {
    for machine in Machine::ALL {
        for resource in machine.office_in_order() {
            let world = World::bare(machine);
            let makes = |which| Machine::some(&[(resource.clone(), which)]);
            let _ = apply(&world, "a", &makes(1)).unwrap();
            let first = held(&world);
            let _ = apply(&world, "b", &makes(2)).unwrap();
            world.others_make(&makes(1));
            let report = rollback(&world, None).unwrap();
            assert!(report.plan.changes.is_empty());
            assert!(report.plan.kept.is_empty());
            assert_eq!(held(&world), first);
            assert!(is_done(&release(&world).unwrap()));
            assert_eq!(world.states()[&resource], state(&resource, 0));
        }
    }
}

#[test]
fn several_transactions_are_undone_in_an_order_that_works() {
    for machine in Machine::ALL {
        let (address, tunnel) = (machine.address(), machine.tunnel());
        let loose = machine.loose(true);
        let world = World::having(machine, &Machine::some(&[(address.clone(), 1)]));
        let routed = (tunnel.clone(), 1);
        let _ = apply(&world, "a", &Machine::some(std::slice::from_ref(&routed))).unwrap();
        let next = Machine::some(&[(address.clone(), 0), (loose.clone(), 1), routed]);
        let _ = apply(&world, "b", &next).unwrap();
        let report = rollback(&world, Some(1)).unwrap();
        let changes = report.plan.changes.iter();
        let order: Vec<Resource> = changes.map(|one| one.resource.clone()).collect();
        // What is put back first, then what falls away: routes before their rules, and
        // names before the routes to their servers.
        let expected = match machine {
            Machine::Linux => [address, tunnel, loose],
            Machine::Mac => [address, loose, tunnel],
        };
        assert_eq!(order, expected);
        let ids: Vec<u32> = report.plan.changes.iter().map(|one| one.id).collect();
        assert_eq!(ids, [1, 2, 3]);
    }
}

proptest! {
    #![proptest_config(super::cases(128))]

    #[test]
    fn apply_then_rollback_is_the_identity((machine, [base, wanted]) in any_states()) {
        let world = World::having(machine, &base);
        let old = world.states();
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        held_is_derived(&world);
        prop_assert!(is_done(&rollback(&world, None).unwrap()));
        prop_assert_eq!(world.states(), old);
        prop_assert!(held(&world).is_empty());
        held_is_derived(&world);
    }

    #[test]
    fn apply_then_release_is_the_identity((machine, [base, wanted]) in any_states()) {
        let world = World::having(machine, &base);
        let old = world.states();
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        prop_assert!(is_done(&release(&world).unwrap()));
        prop_assert_eq!(world.states(), old);
        prop_assert!(held(&world).is_empty());
        held_is_derived(&world);
    }

    #[test]
    fn a_second_apply_changes_nothing_and_writes_no_journal(
        (machine, [base, wanted]) in any_states(),
    ) {
        let world = World::having(machine, &base);
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let journals = world.disk().count();
        let report = apply(&world, "a", &wanted).unwrap();
        prop_assert!(matches!(report.outcome, Outcome::Unchanged));
        prop_assert_eq!(world.disk().count(), journals);
    }

    #[test]
    fn three_applies_and_three_rollbacks_are_the_identity(
        (machine, [base, first, second, third]) in any_states(),
    ) {
        let world = World::having(machine, &base);
        let mut before = Vec::new();
        for (name, wanted) in [("a", first), ("b", second), ("c", third)] {
            before.push((world.states(), held(&world)));
            prop_assert!(is_done(&apply(&world, name, &wanted).unwrap()));
            held_is_derived(&world);
        }
        while let Some((states, holds)) = before.pop() {
            prop_assert!(is_done(&rollback(&world, None).unwrap()));
            prop_assert_eq!(world.states(), states);
            prop_assert_eq!(held(&world), holds);
            held_is_derived(&world);
        }
        prop_assert!(matches!(
            rollback(&world, None),
            Err(crate::Error::NothingToRollBack)
        ));
    }

    #[test]
    fn rolling_back_to_one_is_rolling_back_one_by_one(
        (machine, [base, first, second, third, one, another, last]) in any_states(),
    ) {
        let at_once = World::having(machine, &base);
        let steps = [("a", first, one), ("b", second, another), ("c", third, last)];
        for (name, wanted, foreign) in steps {
            prop_assert!(is_done(&apply(&at_once, name, &wanted).unwrap()));
            at_once.others_make(&foreign);
        }
        let one_by_one = at_once.fork();
        prop_assert!(is_done(&rollback(&at_once, Some(1)).unwrap()));
        for _ in 0..3 {
            prop_assert!(is_done(&rollback(&one_by_one, None).unwrap()));
        }
        prop_assert_eq!(at_once.states(), one_by_one.states());
        prop_assert_eq!(held(&at_once), held(&one_by_one));
        held_is_derived(&at_once);
        held_is_derived(&one_by_one);
    }

    #[test]
    fn a_foreign_edit_survives_a_rollback_and_is_named(
        (machine, [base, wanted]) in any_states(),
        at in any::<sample::Index>(),
        which in 4..6_u8,
    ) {
        let world = World::having(machine, &base);
        let old = world.states();
        let report = apply(&world, "a", &wanted).unwrap();
        let resource = at.get(&machine.pool()).clone();
        let foreign = state(&resource, which);
        let edit = States::from([(resource.clone(), foreign.clone())]);
        world.others_make(&edit);
        let touched = report.plan.changes.iter().find(|one| one.resource == resource);
        let is_foreign = touched
            .is_some_and(|change| change.after != foreign && change.before != foreign);

        let back = rollback(&world, None).unwrap();
        prop_assert!(is_done(&back));
        let kept: Vec<&Resource> = back.plan.kept.iter().map(|one| &one.resource).collect();
        prop_assert_eq!(kept, is_foreign.then_some(&resource).into_iter().collect::<Vec<_>>());
        let mut expected = old;
        if is_foreign || touched.is_none() {
            expected.insert(resource, foreign);
        }
        prop_assert_eq!(world.states(), expected);
        prop_assert!(held(&world).is_empty());
    }

    #[test]
    fn a_foreign_edit_survives_a_release_and_is_named(
        (machine, [wanted]) in any_states(),
        at in any::<sample::Index>(),
    ) {
        let world = World::bare(machine);
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let resource = at.get(&machine.pool()).clone();
        let is_held = held(&world).iter().any(|one| one.resource == resource);
        let foreign = state(&resource, 5);
        let is_foreign = is_held
            && !matches!(resource, Resource::LinkUp { .. });
        world.others_make(&States::from([(resource.clone(), foreign.clone())]));
        let back = release(&world).unwrap();
        prop_assert!(is_done(&back));
        prop_assert_eq!(back.plan.kept.iter().any(|one| one.resource == resource), is_foreign);
        if is_foreign {
            prop_assert_eq!(&world.states()[&resource], &foreign);
        }
        prop_assert!(held(&world).is_empty());
    }
}
