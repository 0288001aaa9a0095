//! Small profiles for the simulated machines: what each resource shall hold.
//!
//! The planner here is a few lines that follow the rules of the real one: what is
//! not netprof's becomes the original, what a profile no longer names goes back to
//! its original, what somebody else changed is kept.

use netprof_model::plan::{Change, DropReason, Dropped, Kept, Plan, ProfileRef, Reason};
use netprof_model::snapshot::{Index, Snapshot};
use netprof_model::{Owner, Resource, State};
use proptest::prelude::*;
use proptest::sample::{self, select};

use super::machine::{Machine, States, state};

/// `snapshot` as somebody else makes it.
pub(super) fn with(snapshot: &Snapshot, states: &States) -> Snapshot {
    let (machine, index) = (Machine::of(snapshot), Index::new(snapshot));
    let changes: Vec<Change> = states
        .iter()
        .map(|(resource, state)| {
            let before = index.state(resource).expect("all is known");
            change(machine, resource, before, state.clone(), None)
        })
        .collect();
    netprof_plan::after(snapshot, &changes)
}

fn change(
    machine: Machine,
    resource: &Resource,
    before: Option<State>,
    after: Option<State>,
    original: Option<State>,
) -> Change {
    Change {
        id: 0,
        resource: resource.clone(),
        before,
        after,
        original,
        owner: Owner::Unknown,
        lasts: machine.lasts(resource),
        link: machine.link(resource),
        manager: None,
        reasons: vec![Reason::plain("a test")],
    }
}

/// The plan of a profile that shall have `wanted`; of no profile, a release.
pub(super) fn plan(profile: Option<(&str, &States)>, snapshot: &Snapshot) -> Plan {
    let none = States::new();
    let wanted = profile.map_or(&none, |(_, wanted)| wanted);
    let (machine, index) = (Machine::of(snapshot), Index::new(snapshot));
    let held = snapshot.held().expect("the engine says what is held");
    let mut plan = Plan {
        profile: profile.map(|(name, wanted)| ProfileRef {
            name: name.to_owned(),
            file: format!("{name}.kdl"),
            sha256: format!("{wanted:?}"),
        }),
        ..Plan::default()
    };
    for resource in machine.pool() {
        let live = index.state(&resource).expect("all is known");
        let ours = held.get(&resource);
        let expired = ours.is_some_and(|held| snapshot.has_expired(held));
        let drop = |why| Dropped {
            resource: resource.clone(),
            why,
        };
        let link = machine.link(&resource);
        if link.is_some_and(|link| snapshot.link(&link.name).is_none()) {
            if expired {
                plan.dropped.push(drop(DropReason::Expired));
            }
            continue;
        }
        match (wanted.get(&resource), ours.filter(|_| !expired)) {
            (None, None) if expired => plan.dropped.push(drop(DropReason::Expired)),
            (None, None) => {}
            (Some(after), ours) => {
                let original = match ours {
                    Some(held) if held.committed == live => held.original.clone(),
                    _ => live.clone(),
                };
                if live != *after {
                    let change = change(machine, &resource, live, after.clone(), original);
                    plan.changes.push(change);
                }
            }
            (None, Some(held)) if live == held.original => {
                plan.dropped.push(drop(DropReason::Original));
            }
            (None, Some(held)) if live == held.committed => {
                let original = held.original.clone();
                let change = change(machine, &resource, live, original.clone(), original);
                plan.changes.push(change);
            }
            (None, Some(held)) => {
                plan.kept.push(Kept {
                    resource: resource.clone(),
                    committed: held.committed.clone(),
                    live,
                    owner: Owner::Unknown,
                });
                plan.dropped.push(drop(DropReason::Foreign));
            }
        }
    }
    for (change, id) in plan.changes.iter_mut().zip(1..) {
        change.id = id;
    }
    plan
}

/// A machine, and several times states of some of its resources.
pub(super) fn any_states<const N: usize>() -> impl Strategy<Value = (Machine, [States; N])> {
    let one = (any::<sample::Index>(), 0..4_u8);
    let picks = proptest::collection::vec(one, 0..8);
    let times = proptest::array::uniform::<_, N>(picks);
    (select(Machine::ALL.to_vec()), times).prop_map(|(machine, times)| {
        let pool = machine.pool();
        let pick = |(at, which): &(sample::Index, u8)| {
            let resource = at.get(&pool);
            (resource.clone(), state(resource, *which))
        };
        (machine, times.map(|picks| picks.iter().map(pick).collect()))
    })
}
