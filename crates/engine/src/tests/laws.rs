//! What must hold for every plan on every machine.

use netprof_model::Resource;
use netprof_model::held::{Held, HeldResource};
use proptest::prelude::*;

use super::profiles::{States, any_states, bare, plan, pool, state, with};
use super::world::World;
use crate::fold::fold;
use crate::journal::{self, Stage};
use crate::report::{Outcome, Report};
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
    let stored: Held = serde_json::from_slice(&bytes).expect("it is whole");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn apply_then_rollback_is_the_identity(base in any_states(), wanted in any_states()) {
        let world = World::new(with(&bare(), &base));
        let old = world.states(&pool());
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        held_is_derived(&world);
        prop_assert!(is_done(&rollback(&world, None).unwrap()));
        prop_assert_eq!(world.states(&pool()), old);
        prop_assert!(held(&world).is_empty());
        held_is_derived(&world);
    }

    #[test]
    fn apply_then_release_is_the_identity(base in any_states(), wanted in any_states()) {
        let world = World::new(with(&bare(), &base));
        let old = world.states(&pool());
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        prop_assert!(is_done(&release(&world).unwrap()));
        prop_assert_eq!(world.states(&pool()), old);
        prop_assert!(held(&world).is_empty());
        held_is_derived(&world);
    }

    #[test]
    fn a_second_apply_changes_nothing_and_writes_no_journal(
        base in any_states(),
        wanted in any_states(),
    ) {
        let world = World::new(with(&bare(), &base));
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let journals = world.disk().count();
        let report = apply(&world, "a", &wanted).unwrap();
        prop_assert!(matches!(report.outcome, Outcome::Unchanged));
        prop_assert_eq!(world.disk().count(), journals);
    }

    #[test]
    fn three_applies_and_three_rollbacks_are_the_identity(
        base in any_states(),
        wanted in proptest::array::uniform3(any_states()),
    ) {
        let world = World::new(with(&bare(), &base));
        let mut before = Vec::new();
        for (name, wanted) in ["a", "b", "c"].iter().zip(&wanted) {
            before.push((world.states(&pool()), held(&world)));
            prop_assert!(is_done(&apply(&world, name, wanted).unwrap()));
            held_is_derived(&world);
        }
        while let Some((states, holds)) = before.pop() {
            prop_assert!(is_done(&rollback(&world, None).unwrap()));
            prop_assert_eq!(world.states(&pool()), states);
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
        base in any_states(),
        wanted in proptest::array::uniform3(any_states()),
        foreign in any_states(),
    ) {
        let at_once = World::new(with(&bare(), &base));
        for (name, wanted) in ["a", "b", "c"].iter().zip(&wanted) {
            prop_assert!(is_done(&apply(&at_once, name, wanted).unwrap()));
            if *name == "a" {
                at_once.set_live(with(&at_once.live(), &foreign));
            }
        }
        let one_by_one = at_once.fork();
        prop_assert!(is_done(&rollback(&at_once, Some(1)).unwrap()));
        for _ in 0..3 {
            prop_assert!(is_done(&rollback(&one_by_one, None).unwrap()));
        }
        prop_assert_eq!(at_once.states(&pool()), one_by_one.states(&pool()));
        prop_assert_eq!(held(&at_once), held(&one_by_one));
        held_is_derived(&at_once);
        held_is_derived(&one_by_one);
    }

    #[test]
    fn a_foreign_edit_survives_a_rollback_and_is_named(
        base in any_states(),
        wanted in any_states(),
        at in 0..pool().len(),
        which in 4..6_u8,
    ) {
        let world = World::new(with(&bare(), &base));
        let old = world.states(&pool());
        let report = apply(&world, "a", &wanted).unwrap();
        let resource = pool()[at].clone();
        let foreign = state(&resource, which);
        let edit = States::from([(resource.clone(), foreign.clone())]);
        world.set_live(with(&world.live(), &edit));
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
        prop_assert_eq!(world.states(&pool()), expected);
        prop_assert!(held(&world).is_empty());
    }

    #[test]
    fn a_foreign_edit_survives_a_release_and_is_named(
        wanted in any_states(),
        at in 0..pool().len(),
    ) {
        let world = World::new(bare());
        prop_assert!(is_done(&apply(&world, "a", &wanted).unwrap()));
        let resource = pool()[at].clone();
        let is_held = held(&world).iter().any(|one| one.resource == resource);
        let foreign = state(&resource, 5);
        let is_foreign = is_held
            && !matches!(resource, Resource::LinkUp { .. });
        world.set_live(with(&world.live(), &States::from([(resource.clone(), foreign.clone())])));
        let back = release(&world).unwrap();
        prop_assert!(is_done(&back));
        prop_assert_eq!(back.plan.kept.iter().any(|one| one.resource == resource), is_foreign);
        if is_foreign {
            prop_assert_eq!(&world.states(&pool())[&resource], &foreign);
        }
        prop_assert!(held(&world).is_empty());
    }
}
