//! A failing call at every step, and what the reports say of it.

use std::cell::Cell;

use netprof_model::plan::{Expectation, ProfileRef, Reason, RouteAnswer, RouteProbe};
use netprof_model::shared::Shared;
use netprof_model::{Diagnostic, Owner, Resource, Section};
use netprof_plan::Need;

use super::laws::{apply, held, held_is_derived, is_done, release, rollback};
use super::machine::{Machine, States, state};
use super::profiles::{plan, with};
use super::world::{Fault, World};
use crate::error::{Error, OffStack};
use crate::report::{Outcome, Recovered};

fn back(outcome: Outcome) -> crate::RolledBack {
    match outcome {
        Outcome::RolledBack(back) => back,
        other => panic!("not rolled back: {other:?}"),
    }
}

fn incomplete(outcome: Outcome) -> crate::RollbackIncomplete {
    match outcome {
        Outcome::RollbackIncomplete(incomplete) => incomplete,
        other => panic!("not incomplete: {other:?}"),
    }
}

#[test]
fn a_failure_at_any_call_is_the_identity_or_done() {
    for machine in Machine::ALL {
        for first in [None, Some(machine.home())] {
            for done in [false, true] {
                for at in 1..60 {
                    let world = World::bare(machine);
                    if let Some(first) = &first {
                        assert!(is_done(&apply(&world, "first", first).unwrap()));
                    }
                    let old = (world.states(), held(&world));
                    world.break_at(Fault::Error { at, done });
                    let result = apply(&world, "office", &machine.office());
                    world.break_at(Fault::None);
                    let now = world.states();
                    match result {
                        Err(_) => assert_eq!(now, old.0, "{at} {done}"),
                        Ok(report) => match report.outcome {
                            Outcome::Committed(_) => assert_ne!(now, old.0),
                            other => {
                                back(other);
                                assert_eq!(now, old.0, "{at} {done}");
                            }
                        },
                    }
                    let _ = world.run(|engine| engine.recover()).unwrap();
                    if now == old.0 {
                        assert_eq!(world.states(), old.0);
                        assert_eq!(held(&world), old.1);
                    } else {
                        assert_eq!(world.states(), now);
                    }
                    held_is_derived(&world);
                }
            }
        }
    }
}

/// What the next command believes is what is: also where the bytes of a commit were
/// written, their sync failed, and nothing can be written behind them.
#[test]
fn what_a_broken_disk_says_is_what_is() {
    for machine in Machine::ALL {
        let mut committed_with_a_warning = 0;
        for (readable, done) in [(true, false), (true, true), (false, false), (false, true)] {
            for from in 1..60 {
                let world = World::bare(machine);
                let old = world.states();
                world.break_at(Fault::Broken {
                    from,
                    readable,
                    done,
                });
                let result = apply(&world, "office", &machine.office());
                world.break_at(Fault::None);
                let now = world.states();
                let what = format!("{from} {readable} {done}");
                let mut named = false;
                match result {
                    Err(_) => assert_eq!(now, old, "{what}"),
                    Ok(report) => match report.outcome {
                        Outcome::Committed(_) => {
                            assert_ne!(now, old, "{what}");
                            committed_with_a_warning +=
                                usize::from(report.warnings.iter().any(|one| {
                                    matches!(
                                        one,
                                        Error::File {
                                            operation: "sync",
                                            ..
                                        }
                                    )
                                }));
                        }
                        Outcome::RolledBack(_) => assert_eq!(now, old, "{what}"),
                        Outcome::RollbackIncomplete(incomplete) => {
                            assert_eq!(now, old, "{what}");
                            assert!(!readable && incomplete.left.is_empty());
                            assert!(incomplete.unrecorded.is_some());
                            named = true;
                        }
                        other => panic!("{other:?}"),
                    },
                }
                let _ = world.run(|engine| engine.recover()).unwrap();
                if !named {
                    assert_eq!(world.states(), now, "{what}");
                    assert_eq!(held(&world).is_empty(), now == old, "{what}");
                }
                held_is_derived(&world);
            }
        }
        assert_eq!(committed_with_a_warning, 2);
    }
}

#[test]
fn a_refused_change_takes_back_all_others_and_is_named() {
    for machine in Machine::ALL {
        for jammed in machine.office().into_keys() {
            let world = World::bare(machine);
            let old = world.states();
            world.jam(&jammed);
            let report = apply(&world, "office", &machine.office()).unwrap();
            // Who goes by these may have been told of it all the same, and cannot be told.
            if matches!(
                jammed,
                Resource::DnsDelegate { .. } | Resource::Proxies { .. }
            ) {
                let incomplete = incomplete(report.outcome);
                assert_eq!(incomplete.left.len(), 1);
                assert_eq!(incomplete.left[0].resource, jammed);
                assert_eq!(world.states(), old);
                continue;
            }
            assert_eq!(report.outcome.exit_code(), 3);
            let back = back(report.outcome);
            assert!(
                back.why.to_string().contains(&jammed.to_string()),
                "{}",
                back.why
            );
            assert!(back.unrecorded.is_none());
            assert_eq!(world.states(), old);
            assert!(held(&world).is_empty());
        }
    }
}

#[test]
fn a_change_that_the_system_only_claims_to_have_made_is_not_committed() {
    for machine in Machine::ALL {
        for deaf in machine.office().into_keys() {
            let world = World::bare(machine);
            let old = world.states();
            world.deafen(&deaf);
            let back = back(apply(&world, "office", &machine.office()).unwrap().outcome);
            match &back.why {
                Error::Differs { differences } => assert_eq!(differences[0].resource, deaf),
                other => panic!("{other}"),
            }
            assert_eq!(world.states(), old);
        }
    }
}

#[test]
fn a_route_that_something_else_outranks_is_not_committed() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let old = world.states();
        world.answer(RouteAnswer {
            dev: Some("tailscale0".to_owned()),
            ..RouteAnswer::default()
        });
        let report = world
            .run(|engine| {
                engine.apply(Need::EVERYTHING, |snapshot| {
                    let mut plan = plan(Some(("office", &machine.office())), snapshot);
                    let expect = |dev: Option<&str>| Expectation {
                        probe: RouteProbe {
                            to: "10.0.0.1".parse().unwrap(),
                            oif: None,
                        },
                        answer: Shared::from(RouteAnswer {
                            dev: dev.map(str::to_owned),
                            ..RouteAnswer::default()
                        }),
                        reason: Reason::plain("route 10.0.0.0/8"),
                    };
                    // They are not all asked at once.
                    plan.expectations.extend(vec![expect(None); 5000]);
                    plan.expectations.push(expect(Some("tun0")));
                    plan
                })
            })
            .unwrap();
        assert_eq!(
            back(report.outcome).why.to_string(),
            "asked the kernel: 10.0.0.1 goes dev tailscale0, not dev tun0"
        );
        assert_eq!(world.states(), old);
    }
}

/// nmstate logs 'rolled back' after a rollback that failed.
#[test]
fn a_rollback_that_failed_is_never_reported_as_rolled_back() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let stuck = machine.office_in_order()[2].clone();
        world.jam(&machine.names());
        let jam = stuck.clone();
        let other = world.clone();
        // Once it is written, it cannot be taken away again.
        world.after_write(3, move |_| other.jam(&jam));
        let report = apply(&world, "office", &machine.office()).unwrap();
        assert_eq!(report.outcome.exit_code(), 4);
        let incomplete = incomplete(report.outcome);
        assert_eq!(incomplete.left.len(), 1);
        assert_eq!(incomplete.left[0].resource, stuck);
        assert_eq!(incomplete.left[0].why, "operation not permitted");
        assert_eq!(incomplete.journal.to_str(), Some("journal/000001"));
        // Everything else was taken back, and nothing is held.
        let left: Vec<Resource> = world
            .states()
            .into_iter()
            .filter(|(resource, now)| state(resource, 0) != *now)
            .map(|(resource, _)| resource)
            .collect();
        assert_eq!(left, std::slice::from_ref(&stuck));
        assert!(held(&world).is_empty());

        // The next command tries again first, and does nothing else while that fails.
        let report = apply(&world, "office", &machine.office()).unwrap();
        assert_eq!(report.outcome.exit_code(), 4);
        assert_eq!(report.outcome.transaction(), Some(1));
        assert_eq!(world.disk().count(), 1);

        // A person can end it by hand: what is there then is theirs.
        let by_hand = world.fork();
        let edit = States::from([(stuck.clone(), state(&stuck, 9))]);
        by_hand.others_make(&edit);
        match by_hand.run(|engine| engine.recover()).unwrap() {
            Some(Recovered::RolledBack(back)) => assert_eq!(back.kept[0].resource, stuck),
            other => panic!("{other:?}"),
        }

        world.unjam();
        let recovered = world.run(|engine| engine.recover()).unwrap();
        assert!(matches!(recovered, Some(Recovered::RolledBack(_))));
        assert_eq!(world.states()[&stuck], None);
        held_is_derived(&world);
    }
}

#[test]
fn what_was_put_back_in_another_state_is_not_called_somebody_elses() {
    for machine in Machine::ALL {
        let tunnel = machine.tunnel();
        let world = World::having(machine, &Machine::some(&[(tunnel.clone(), 3)]));
        world.mangle(&tunnel, state(&tunnel, 8).unwrap());
        world.jam(&machine.names());
        let incomplete = incomplete(apply(&world, "office", &machine.office()).unwrap().outcome);
        assert!(incomplete.kept.is_empty());
        assert_eq!(incomplete.left.len(), 1);
        assert_eq!(incomplete.left[0].resource, tunnel);
        assert_eq!(incomplete.left[0].wanted, state(&tunnel, 3));
        assert_eq!(incomplete.left[0].found, state(&tunnel, 8));
    }
}

#[test]
fn a_journal_that_cannot_be_written_is_not_left_behind() {
    for machine in Machine::ALL {
        let mut failures = 0;
        for at in 1..60 {
            let world = World::bare(machine);
            world.break_at(Fault::Error { at, done: false });
            if apply(&world, "office", &machine.office()).is_err() {
                failures += 1;
                assert_eq!(world.disk().count(), 0, "{at}");
            }
        }
        // An intent is written in pieces here; then come two records.
        let world = World::bare(machine);
        let _ = apply(&world, "office", &machine.office()).unwrap();
        let pieces = world.disk().writes - 2;
        assert!(pieces > 1, "one piece");
        // Listing, reading held.json, place, observe; create, write, and two syncs.
        assert_eq!(failures, 7 + pieces);
    }
}

#[test]
fn one_process_does_not_forget_what_it_could_not_take_back() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        world.jam(&machine.names());
        let (jam, other) = (machine.office_in_order()[2].clone(), world.clone());
        world.after_write(3, move |_| other.jam(&jam));
        world
            .run(|engine| {
                let mut once = || {
                    engine.apply(Need::EVERYTHING, |snapshot| {
                        plan(Some(("office", &machine.office())), snapshot)
                    })
                };
                for _ in 0..3 {
                    let report = once()?;
                    assert_eq!(report.outcome.exit_code(), 4);
                    assert_eq!(report.outcome.transaction(), Some(1));
                }
                world.unjam();
                let report = once()?;
                assert!(matches!(report.recovered, Some(Recovered::RolledBack(_))));
                assert_eq!(report.outcome.transaction(), Some(2));
                Ok(())
            })
            .unwrap();
    }
}

/// nmstate's count of verifications can be 0, and then it 'verifies'.
#[test]
fn nothing_is_committed_that_was_not_read_back() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        for resource in machine.office().into_keys() {
            world.deafen(&resource);
        }
        let back = back(apply(&world, "office", &machine.office()).unwrap().outcome);
        match &back.why {
            Error::Differs { differences } => assert_eq!(differences.len(), machine.office().len()),
            other => panic!("{other}"),
        }
    }
}

/// nmstate derives the revert from what was wanted: what was there before in other
/// states than wanted is then lost.
#[test]
fn the_revert_comes_from_what_was_changed() {
    for machine in Machine::ALL {
        let base = Machine::some(&[
            (machine.tunnel(), 3),
            (machine.names(), 3),
            (machine.loose(false), 3),
        ]);
        let world = World::having(machine, &base);
        let old = world.states();
        assert!(is_done(
            &apply(&world, "office", &machine.office()).unwrap()
        ));
        assert!(is_done(&rollback(&world, None).unwrap()));
        assert_eq!(world.states(), old);
    }
}

#[test]
fn what_somebody_changes_meanwhile_stops_the_transaction_and_stays() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let old = world.states();
        let foreign = machine.tunnel();
        let edit = States::from([(foreign.clone(), state(&foreign, 7))]);
        let kept = edit.clone();
        world.after_write(2, move |live| {
            *live = with(live, &edit);
            if let Section::Seen(routes) = &mut live.routes {
                routes
                    .iter_mut()
                    .for_each(|route| route.owner = Owner::Openvpn);
            }
        });
        let back = back(apply(&world, "office", &machine.office()).unwrap().outcome);
        assert!(back.why.to_string().contains(&foreign.to_string()));
        assert_eq!(back.kept.len(), 1);
        assert_eq!(back.kept[0].resource, foreign);
        assert_eq!(back.kept[0].owner, Owner::Openvpn);
        let mut expected = old;
        expected.extend(kept);
        assert_eq!(world.states(), expected);
    }
}

#[test]
fn a_link_that_goes_away_meanwhile_is_neither_work_nor_a_failure_to_undo() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let old = world.states();
        world.after_write(5, move |live| {
            *live = without_tunnel(live);
        });
        let back = back(apply(&world, "office", &machine.office()).unwrap().outcome);
        let mut gone = of_tunnel(machine);
        gone.reverse();
        assert_eq!(back.expired, gone);
        assert!(back.kept.is_empty());
        let mut expected = old;
        expected.extend(gone.into_iter().map(|resource| (resource, None)));
        assert_eq!(world.states(), expected);
    }
}

/// What the office has on the tunnel.
fn of_tunnel(machine: Machine) -> Vec<Resource> {
    let tunnel = machine.link(&machine.tunnel());
    let mut all = machine.office_in_order();
    all.retain(|resource| machine.link(resource) == tunnel);
    assert!(all.len() > 1);
    all
}

/// The kernel takes the routes of a link with it, and resolved its settings; configd
/// leaves a service of the dynamic store where it is.
fn without_tunnel(live: &netprof_model::Snapshot) -> netprof_model::Snapshot {
    use netprof_model::Section;
    let mut live = live.clone();
    let machine = Machine::of(&live);
    let tunnel = machine.link(&machine.tunnel()).expect("it is on a link");
    let name = tunnel.name.as_str();
    if let Section::Seen(links) = &mut live.links {
        links.retain(|link| link.name != name);
    }
    if let Section::Seen(routes) = &mut live.routes {
        routes.retain(|route| !route.goes_through(name));
    }
    if let Section::Seen(resolved) = &mut live.resolved {
        resolved.links.retain(|link| link.id.name != name);
    }
    live
}

#[test]
fn what_went_with_its_link_is_dropped_by_a_rollback() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let report = apply(&world, "office", &machine.office()).unwrap();
        assert!(is_done(&report));
        world.set_live(without_tunnel(&world.live()));
        let report = rollback(&world, None).unwrap();
        assert!(is_done(&report));
        assert!(report.plan.kept.is_empty());
        assert_eq!(report.plan.dropped.len(), of_tunnel(machine).len());
        assert!(held(&world).is_empty());
    }
}

/// A link that was made anew has another number, and an MTU that is nobody's but its own.
#[test]
fn what_a_link_that_was_made_anew_holds_is_not_given_back() {
    for machine in Machine::ALL {
        let applied = World::bare(machine);
        assert!(is_done(
            &apply(&applied, "office", &machine.office()).unwrap()
        ));
        let mut live = without_tunnel(&applied.live());
        let tunnel = machine.link(&machine.tunnel()).expect("it is on a link");
        if let netprof_model::Section::Seen(links) = &mut live.links {
            links.push(netprof_model::link::Link {
                mtu: 1499,
                ..netprof_model::link::Link::new(9, tunnel.name.clone())
            });
        }
        applied.set_live(live);
        for command in [release, |world: &World| rollback(world, None)] {
            let world = applied.fork();
            let old = world.states();
            let report = command(&world).unwrap();
            assert!(is_done(&report));
            assert!(report.plan.kept.is_empty());
            for resource in of_tunnel(machine) {
                assert_eq!(world.states()[&resource], old[&resource]);
                assert!(!world.written_back().contains(&resource));
            }
            assert!(held(&world).is_empty());
        }
    }
}

#[test]
fn a_signal_at_any_step_takes_all_back_or_comes_too_late() {
    for machine in Machine::ALL {
        for after in 0..10 {
            let world = World::bare(machine);
            let old = world.states();
            let asked = Cell::new(0);
            let cancelled = || {
                asked.set(asked.get() + 1);
                asked.get() > after
            };
            let result = world.run_until(&cancelled, |engine| {
                engine.apply(Need::EVERYTHING, |snapshot| {
                    plan(Some(("office", &machine.office())), snapshot)
                })
            });
            match result {
                Err(error) => {
                    assert!(matches!(error, Error::Cancelled));
                    assert_eq!(world.disk().count(), 0);
                    assert_eq!(world.states(), old);
                }
                Ok(report) if asked.get() > after => {
                    assert_eq!(report.outcome.exit_code(), 3);
                    assert_eq!(world.states(), old);
                }
                Ok(report) => assert!(is_done(&report)),
            }
        }
    }
}

#[test]
fn a_refused_plan_changes_nothing_and_writes_no_journal() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let old = world.states();
        let report = world
            .run(|engine| {
                engine.apply(Need::EVERYTHING, |snapshot| {
                    let mut plan = plan(Some(("office", &machine.office())), snapshot);
                    let diagnostic = Diagnostic::error("plan::taken", "a priority is taken");
                    plan.diagnostics.push(diagnostic);
                    plan
                })
            })
            .unwrap();
        assert_eq!(report.outcome.exit_code(), 1);
        assert_eq!(world.disk().count(), 0);
        assert_eq!(world.states(), old);
    }
}

#[test]
fn a_plan_that_names_a_resource_twice_is_refused_before_anything_is_changed() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let result = world.run(|engine| {
            engine.apply(Need::EVERYTHING, |snapshot| {
                let mut plan = plan(Some(("office", &machine.office())), snapshot);
                plan.changes.push(plan.changes[0].clone());
                plan
            })
        });
        assert!(matches!(result, Err(Error::Repeated { .. })));
        assert_eq!(world.disk().count(), 0);
    }
}

#[test]
fn a_plan_without_changes_under_another_profile_commits_an_empty_transaction() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let _ = apply(&world, "office", &machine.office()).unwrap();
        let report = apply(&world, "same", &machine.office()).unwrap();
        assert_eq!(report.outcome.transaction(), Some(2));
        assert!(report.plan.changes.is_empty());
        let name = |profile: &ProfileRef| profile.name.clone();
        let active = world
            .run(|engine| Ok(engine.held().active().map(name)))
            .unwrap();
        assert_eq!(active.as_deref(), Some("same"));
        let report = rollback(&world, None).unwrap();
        assert_eq!(
            report.plan.profile.map(|one| one.name).as_deref(),
            Some("office")
        );
        let active = world
            .run(|engine| Ok(engine.held().active().map(name)))
            .unwrap();
        assert_eq!(active.as_deref(), Some("office"));
    }
}

#[test]
fn a_release_of_nothing_is_unchanged() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        assert!(matches!(
            release(&world).unwrap().outcome,
            Outcome::Unchanged
        ));
        let _ = apply(&world, "office", &machine.office()).unwrap();
        assert!(matches!(
            release(&world).unwrap().outcome,
            Outcome::Committed(_)
        ));
        assert!(matches!(
            release(&world).unwrap().outcome,
            Outcome::Unchanged
        ));
    }
}

#[test]
fn a_transaction_that_is_undone_or_was_never_committed_cannot_be_rolled_back() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let _ = apply(&world, "office", &machine.office()).unwrap();
        let _ = apply(&world, "home", &machine.home()).unwrap();
        let _ = rollback(&world, Some(2)).unwrap();
        world.deafen(&machine.tunnel());
        let _ = back(apply(&world, "home", &machine.home()).unwrap().outcome);
        let all = [
            (0, OffStack::Unknown),
            (2, OffStack::Undone { by: 3 }),
            (3, OffStack::Rollback),
            (4, OffStack::Failed),
            (99, OffStack::Unknown),
        ];
        for (to, because) in all {
            assert!(matches!(
                rollback(&world, Some(to)),
                Err(Error::NotOnStack { transaction, why }) if transaction == to && why == because
            ));
        }
    }
}

#[test]
fn an_apply_syncs_three_times_and_reads_no_journal() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        for wanted in [machine.office(), States::new(), machine.office()] {
            let before = world.disk();
            let report = apply(&world, "office", &wanted).unwrap();
            assert!(matches!(report.outcome, Outcome::Committed(_)));
            let after = world.disk();
            // The intent, the folder that names it, and the commit.
            assert_eq!(after.syncs - before.syncs, 3);
            assert_eq!(after.reads, before.reads);
        }
    }
}

#[test]
fn a_broken_held_json_is_derived_anew() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let _ = apply(&world, "office", &machine.office()).unwrap();
        let _ = apply(&world, "home", &machine.home()).unwrap();
        let good = world.disk().held;
        for broken in [
            None,
            Some(Vec::new()),
            Some(vec![0; 400]),
            Some(b"{\"version\":1}".to_vec()),
        ] {
            world.with_disk(|disk| disk.held = broken);
            held_is_derived(&world);
            assert_eq!(world.disk().held, good);
        }
    }
}

#[test]
fn held_json_of_a_newer_netprof_is_refused() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        world.with_disk(|disk| disk.held = Some(br#"{"version":3,"through":"?"}"#.to_vec()));
        let error = apply(&world, "office", &machine.office()).unwrap_err();
        assert!(matches!(
            error,
            Error::Newer {
                found: 3,
                known: 2,
                ..
            }
        ));
    }
}
