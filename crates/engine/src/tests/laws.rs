//! What must hold for every plan on every machine.

use netprof_model::Resource;
use netprof_model::held::{Held, HeldResource};
use proptest::prelude::*;

use super::profiles::{
    States, address, any_states, bare, plan, pool, route, rule, some, state, with,
};
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

#[test]
fn what_is_by_chance_as_an_older_transaction_left_it_stays_held() {
    let world = World::new(bare());
    let _ = apply(&world, "a", &some(&[(rule(110), 1)])).unwrap();
    let first = held(&world);
    let _ = apply(&world, "b", &some(&[(rule(110), 2)])).unwrap();
    world.set_live(with(&world.live(), &some(&[(rule(110), 1)])));
    let report = rollback(&world, None).unwrap();
    assert!(report.plan.changes.is_empty());
    assert!(report.plan.kept.is_empty());
    assert_eq!(held(&world), first);
    assert!(is_done(&release(&world).unwrap()));
    assert_eq!(world.states(&pool())[&rule(110)], None);
}

#[test]
fn several_transactions_are_undone_in_an_order_that_works() {
    let world = World::new(with(&bare(), &some(&[(address("10.9.0.1/24"), 1)])));
    let tunnel = (route("10.0.0.0/8", 254), 1);
    let _ = apply(&world, "a", &some(std::slice::from_ref(&tunnel))).unwrap();
    let next = some(&[(address("10.9.0.1/24"), 0), (rule(119), 1), tunnel]);
    let _ = apply(&world, "b", &next).unwrap();
    let report = rollback(&world, Some(1)).unwrap();
    let order: Vec<&Resource> = report
        .plan
        .changes
        .iter()
        .map(|one| &one.resource)
        .collect();
    // What is put back first, then what falls away: routes before their rules.
    assert_eq!(
        order,
        [
            &address("10.9.0.1/24"),
            &route("10.0.0.0/8", 254),
            &rule(119)
        ]
    );
    let ids: Vec<u32> = report.plan.changes.iter().map(|one| one.id).collect();
    assert_eq!(ids, [1, 2, 3]);
}

proptest! {
    #![proptest_config(super::cases(128))]

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
        foreign in proptest::array::uniform3(any_states()),
    ) {
        let at_once = World::new(with(&bare(), &base));
        for ((name, wanted), foreign) in ["a", "b", "c"].iter().zip(&wanted).zip(&foreign) {
            prop_assert!(is_done(&apply(&at_once, name, wanted).unwrap()));
            at_once.set_live(with(&at_once.live(), foreign));
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
