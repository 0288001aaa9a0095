//! Settings of which a transaction changes some: each is taken back by itself.

use std::collections::BTreeMap;

use netprof_model::held::HeldResource;
use netprof_model::plan::{Plan, ProfileRef};
use netprof_model::plist::Value;
use netprof_model::resource::Lasts;
use netprof_model::{Resource, State};
use netprof_plan::Need;
use proptest::prelude::*;

use super::laws::{apply, held, held_is_derived, is_done, release, rollback};
use super::machine::{Machine, States, proxies};
use super::world::World;
use crate::report::{Outcome, Report};

/// Settings by name.
type Settings = BTreeMap<&'static str, i64>;

fn wifi() -> Resource {
    proxies("WIFI")
}

fn dictionary(all: &Settings) -> Option<State> {
    let all = all.iter();
    let all = all.map(|(key, value)| ((*key).to_owned(), Value::Integer(*value)));
    Some(State::Proxies(all.collect()))
}

fn states(all: &Settings) -> States {
    States::from([(wifi(), dictionary(all))])
}

fn live(world: &World) -> Option<State> {
    world.states()[&wifi()].clone()
}

fn having<const N: usize>(all: [(&'static str, i64); N]) -> World {
    World::having(Machine::Mac, &states(&all.into()))
}

fn makes<const N: usize>(world: &World, name: &str, all: [(&'static str, i64); N]) {
    assert!(is_done(&apply(world, name, &states(&all.into())).unwrap()));
}

fn others_make<const N: usize>(world: &World, all: [(&'static str, i64); N]) {
    world.others_make(&states(&all.into()));
}

fn is<const N: usize>(world: &World, all: [(&'static str, i64); N]) {
    assert_eq!(live(world), dictionary(&all.into()));
}

fn kept(report: &Report) -> Vec<&Resource> {
    report.plan.kept.iter().map(|one| &one.resource).collect()
}

#[test]
fn a_rollback_leaves_a_setting_that_it_had_not_changed() {
    let world = having([("ftp", 1)]);
    makes(&world, "a", [("ftp", 1), ("http", 1)]);
    others_make(&world, [("ftp", 0), ("http", 1)]);
    let back = rollback(&world, None).unwrap();
    assert!(is_done(&back));
    is(&world, [("ftp", 0)]);
    assert!(kept(&back).is_empty());
    assert!(held(&world).is_empty());
    held_is_derived(&world);
}

#[test]
fn a_rollback_leaves_a_setting_that_somebody_changed_and_says_so() {
    let world = having([]);
    makes(&world, "a", [("http", 1), ("port", 3128)]);
    others_make(&world, [("http", 1), ("port", 80)]);
    let back = rollback(&world, None).unwrap();
    is(&world, [("port", 80)]);
    let reasons = back.plan.changes[0].reasons.iter();
    let said: Vec<&str> = reasons.map(|one| one.text.as_ref()).collect();
    assert_eq!(
        said,
        [
            "takes back transaction 1",
            "port is left as it is: somebody has changed it since"
        ]
    );
    assert!(held(&world).is_empty());
}

#[test]
fn what_an_older_transaction_made_stays_held_beside_what_somebody_changed() {
    let world = having([]);
    makes(&world, "a", [("http", 1)]);
    makes(&world, "b", [("http", 1), ("port", 3128)]);
    others_make(&world, [("http", 1), ("port", 80)]);
    let back = rollback(&world, None).unwrap();
    is(&world, [("http", 1), ("port", 80)]);
    assert_eq!(kept(&back), [&wifi()]);
    assert!(back.plan.dropped.is_empty());
    held_is_derived(&world);
    assert!(is_done(&release(&world).unwrap()));
    is(&world, [("port", 80)]);
    assert!(held(&world).is_empty());
}

#[test]
fn what_is_only_held_anew_is_committed_once() {
    let world = having([("http", 0)]);
    makes(&world, "a", [("http", 1)]);
    let anew = HeldResource {
        original: dictionary(&[("http", 0), ("port", 80)].into()),
        committed: dictionary(&[("http", 1), ("port", 80)].into()),
        transaction: 1,
        lasts: Lasts::Durable,
        ..held(&world).remove(0)
    };
    let profile = ProfileRef {
        name: "b".to_owned(),
        file: "b.kdl".to_owned(),
        sha256: "b".to_owned(),
    };
    let apply = |still_held: Vec<HeldResource>| {
        let plan = Plan {
            profile: Some(profile.clone()),
            still_held,
            ..Plan::default()
        };
        world.run(|engine| engine.apply(Need::EVERYTHING, |_| plan.clone()))
    };
    for again in [false, true] {
        let done = apply(vec![anew.clone()]).unwrap();
        assert!(matches!(done.outcome, Outcome::Committed(_)), "{again}");
        let now = held(&world).remove(0);
        assert_eq!(
            (now.original, now.committed),
            (anew.original.clone(), anew.committed.clone())
        );
        held_is_derived(&world);
    }
    let nothing = apply(Vec::new()).unwrap();
    assert!(matches!(nothing.outcome, Outcome::Unchanged));
    is(&world, [("http", 1)]);
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let one = |name: &'static str| proptest::option::of((0..3_i64).prop_map(move |n| (name, n)));
    (one("ftp"), one("http"), one("port"))
        .prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(super::cases(256))]

    #[test]
    fn each_setting_goes_back_unless_somebody_changed_it(
        found in any_settings(),
        first in any_settings(),
        second in any_settings(),
        theirs in any_settings(),
        one_by_one in any::<bool>(),
    ) {
        let world = World::having(Machine::Mac, &states(&found));
        for (name, made) in [("a", &first), ("b", &second)] {
            prop_assert!(is_done(&apply(&world, name, &states(made)).unwrap()));
        }
        world.others_make(&states(&theirs));
        if one_by_one {
            prop_assert!(is_done(&rollback(&world, None).unwrap()));
            held_is_derived(&world);
            prop_assert!(is_done(&rollback(&world, None).unwrap()));
        } else {
            prop_assert!(is_done(&rollback(&world, Some(1)).unwrap()));
        }
        for key in ["ftp", "http", "port"] {
            let of = |all: &Settings| all.get(key).copied();
            let mut expected = of(&theirs);
            for (before, after) in [(&first, &second), (&found, &first)] {
                if expected == of(after) {
                    expected = of(before);
                }
            }
            let now = match live(&world) {
                Some(State::Proxies(all)) => all.get(key).cloned(),
                _ => None,
            };
            prop_assert_eq!(now, expected.map(Value::Integer), "{}", key);
        }
        prop_assert!(held(&world).is_empty());
        held_is_derived(&world);
    }
}
