//! Changes that were made in part: ours to undo. And what may be ours and may be somebody
//! else's: nothing says that all is as it was while that is there.

use netprof_model::dns::DnsLink;
use netprof_model::snapshot::Index;
use netprof_model::{Resource, Section, State};

use super::laws::{apply, held, held_is_derived};
use super::machine::{Machine, States, delegate, dns, file, proxies, rule, state};
use super::profiles::with;
use super::world::{Fault, Loss, World};
use crate::journal::{self, Stage};
use crate::report::{Outcome, Recovered, Report};

fn settings(which: u8) -> DnsLink {
    match state(&dns("tun0"), which) {
        Some(State::DnsLink(settings)) => *settings,
        other => panic!("{other:?}"),
    }
}

/// The domains of what was wanted with the servers of what was there.
fn domains_alone() -> State {
    State::DnsLink(Box::new(DnsLink {
        domains: settings(1).domains,
        ..settings(3)
    }))
}

/// A machine on which the VPN has told resolved about its link.
fn with_vpn() -> World {
    World::having(Machine::Linux, &Machine::some(&[(dns("tun0"), 3)]))
}

fn wanted() -> States {
    Machine::some(&[(dns("tun0"), 1), (rule(110), 1)])
}

fn recover(world: &World) -> Option<Recovered> {
    world.run(|engine| engine.recover()).unwrap()
}

#[track_caller]
fn is_incomplete(report: &Report, resource: &Resource) {
    match &report.outcome {
        Outcome::RollbackIncomplete(incomplete) => {
            let left: Vec<_> = incomplete.left.iter().map(|one| &one.resource).collect();
            assert_eq!(left, [resource]);
        }
        other => panic!("not incomplete: {other:?}"),
    }
}

#[track_caller]
fn is_still_incomplete(world: &World, resource: &Resource) {
    match recover(world) {
        Some(Recovered::Incomplete(incomplete)) => {
            assert_eq!(&incomplete.left[0].resource, resource);
        }
        other => panic!("not incomplete: {other:?}"),
    }
}

#[test]
fn a_link_that_took_the_domains_and_refused_the_servers_is_put_back() {
    let halves = [
        domains_alone(),
        // Behind a revert, on the way to the rest.
        State::DnsLink(Box::default()),
        // Too many domains: the old ones are gone, and there are no new ones.
        State::DnsLink(Box::new(DnsLink {
            domains: Vec::new(),
            ..settings(3)
        })),
    ];
    for half in halves {
        let world = with_vpn();
        let old = world.states();
        world.botch(&dns("tun0"), Some(half));
        let report = apply(&world, "office", &wanted()).unwrap();
        assert_eq!(report.outcome.exit_code(), 3, "{:?}", report.outcome);
        assert!(report.kept().is_empty());
        assert_eq!(world.states(), old);
    }
}

#[test]
fn a_kill_between_two_calls_about_one_link_is_undone() {
    for half in [domains_alone(), State::DnsLink(Box::default())] {
        let world = with_vpn();
        let old = world.states();
        let edit = States::from([(dns("tun0"), Some(half))]);
        killed_before_it_was_verified(&world, &wanted());
        world.others_make(&edit);
        assert!(
            matches!(recover(&world), Some(Recovered::RolledBack(back)) if back.kept.is_empty())
        );
        assert_eq!(world.states(), old);
    }
}

#[test]
fn a_kill_between_the_delete_and_the_add_of_one_change_is_undone() {
    for machine in Machine::ALL {
        let tunnel = machine.tunnel();
        let world = World::having(machine, &Machine::some(&[(tunnel.clone(), 3)]));
        let old = world.states();
        killed_before_it_was_verified(&world, &Machine::some(&[(tunnel.clone(), 1)]));
        world.others_make(&States::from([(tunnel, None)]));
        assert!(
            matches!(recover(&world), Some(Recovered::RolledBack(back)) if back.kept.is_empty())
        );
        assert_eq!(world.states(), old);
    }
}

/// A file is renamed into place, preferences are committed and a key of the store is set
/// in one step: where it is gone, somebody took it away.
#[test]
fn what_is_written_in_one_step_and_is_gone_was_taken_away_by_somebody_else() {
    let machine = Machine::Mac;
    for one in [machine.names(), file("corp.example.com"), proxies("WIFI")] {
        let world = World::having(machine, &Machine::some(&[(one.clone(), 3)]));
        killed_before_it_was_verified(&world, &Machine::some(&[(one.clone(), 1)]));
        world.others_make(&States::from([(one.clone(), None)]));
        match recover(&world) {
            Some(Recovered::RolledBack(back)) => assert_eq!(back.kept[0].resource, one),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.states()[&one], None);
        assert!(world.written_back().is_empty());
    }
}

/// A kill between the commit of the preferences and their being applied: they read as they
/// were, and configd goes by what it was told last.
#[test]
fn preferences_that_read_as_before_are_applied_once_more() {
    let wifi = proxies("WIFI");
    for base in [0, 3] {
        let world = World::having(Machine::Mac, &Machine::some(&[(wifi.clone(), base)]));
        let old = world.live();
        killed_before_it_was_verified(&world, &Machine::some(&[(wifi.clone(), 1)]));
        world.set_live(old);
        assert!(matches!(recover(&world), Some(Recovered::RolledBack(_))));
        assert_eq!(world.written_back(), std::slice::from_ref(&wifi), "once");
    }
}

/// Nobody is told of it while somebody else has the lock of the preferences: configd goes on
/// with what netprof has made.
#[test]
fn preferences_that_nobody_could_be_told_of_are_left_to_do() {
    let wifi = proxies("WIFI");
    let world = World::having(Machine::Mac, &Machine::some(&[(wifi.clone(), 3)]));
    let old = world.live();
    killed_before_it_was_verified(&world, &Machine::some(&[(wifi.clone(), 1)]));
    world.set_live(old);
    world.jam(&wifi);
    match recover(&world) {
        Some(Recovered::Incomplete(incomplete)) => {
            let [left] = &incomplete.left[..] else {
                panic!("{incomplete:?}")
            };
            assert_eq!(left.resource, wifi);
            assert_eq!(left.found, state(&wifi, 3));
            assert_eq!(left.why, "operation not permitted");
        }
        other => panic!("not incomplete: {other:?}"),
    }
    is_still_incomplete(&world, &wifi);
    world.unjam();
    assert!(matches!(recover(&world), Some(Recovered::RolledBack(_))));
    assert_eq!(world.written_back(), std::slice::from_ref(&wifi), "once");
    assert!(recover(&world).is_none());
}

/// Kills an apply at its last step before it is committed.
fn killed_before_it_was_verified(world: &World, wanted: &States) {
    let whole = world.fork();
    whole.break_at(Fault::None);
    let _ = apply(&whole, "office", wanted).unwrap();
    for at in (1..whole.calls()).rev() {
        let killed = world.fork();
        killed.break_at(Fault::Crash { at });
        let _ = apply(&killed, "office", wanted);
        killed.restart(Loss::Nothing);
        let journal = journal::read::<journal::Intent>(&killed, 1).ok().flatten();
        if journal.is_some_and(|journal| journal.stage == Stage::Applied) {
            world.set_live(killed.live());
            world.with_disk(|disk| *disk = killed.disk());
            return;
        }
    }
    panic!("no kill leaves an unfinished transaction");
}

#[test]
fn what_was_refused_and_holds_something_else_is_not_called_somebody_elses() {
    let world = with_vpn();
    world.botch(&dns("tun0"), state(&dns("tun0"), 8));
    let report = apply(&world, "office", &wanted()).unwrap();
    is_incomplete(&report, &dns("tun0"));
    assert!(report.kept().is_empty());
    assert_eq!(world.states()[&rule(110)], None, "the rest is undone");
    // Nor by the next command, and it is not written over.
    for _ in 0..2 {
        is_still_incomplete(&world, &dns("tun0"));
        assert_eq!(world.states()[&dns("tun0")], state(&dns("tun0"), 8));
    }
    assert!(held(&world).is_empty());
    // Whoever touches it makes it theirs.
    world.others_make(&Machine::some(&[(dns("tun0"), 9)]));
    match recover(&world) {
        Some(Recovered::RolledBack(back)) => assert_eq!(back.kept[0].resource, dns("tun0")),
        other => panic!("{other:?}"),
    }
    assert!(recover(&world).is_none());
    held_is_derived(&world);
}

#[test]
fn a_kernels_refusal_says_that_what_is_there_is_somebody_elses() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let tunnel = machine.tunnel();
        world.botch(&tunnel, state(&tunnel, 7));
        let report = apply(&world, "office", &machine.office()).unwrap();
        assert_eq!(report.outcome.exit_code(), 3);
        assert_eq!(report.kept()[0].resource, tunnel);
    }
}

#[test]
fn what_reads_back_as_something_else_is_not_called_somebody_elses() {
    for machine in Machine::ALL {
        let world = World::bare(machine);
        let tunnel = machine.tunnel();
        let edit = Machine::some(&[(tunnel.clone(), 7)]);
        world.after_write(5, move |live| *live = with(live, &edit));
        let report = apply(&world, "office", &machine.office()).unwrap();
        is_incomplete(&report, &tunnel);
        is_still_incomplete(&world, &tunnel);
    }
}

#[test]
fn what_was_put_back_as_something_else_stays_left_in_the_next_process() {
    for machine in Machine::ALL {
        let tunnel = machine.tunnel();
        let world = World::having(machine, &Machine::some(&[(tunnel.clone(), 3)]));
        world.mangle(&tunnel, state(&tunnel, 8).unwrap());
        world.jam(&machine.names());
        let report = apply(&world, "office", &machine.office()).unwrap();
        is_incomplete(&report, &tunnel);
        for _ in 0..2 {
            is_still_incomplete(&world, &tunnel);
        }
        // By hand to what it was: done.
        world.others_make(&Machine::some(&[(tunnel, 3)]));
        assert!(
            matches!(recover(&world), Some(Recovered::RolledBack(back)) if back.kept.is_empty())
        );
    }
}

#[test]
fn a_kill_while_an_incomplete_rollback_is_tried_again_forgets_nothing() {
    for machine in Machine::ALL {
        let tunnel = machine.tunnel();
        let base = World::having(machine, &Machine::some(&[(tunnel.clone(), 3)]));
        base.mangle(&tunnel, state(&tunnel, 8).unwrap());
        base.jam(&machine.names());
        let _ = apply(&base, "office", &machine.office()).unwrap();
        for at in 1..20 {
            let world = base.fork();
            world.break_at(Fault::Crash { at });
            let _ = world.run(|engine| engine.recover());
            world.restart(Loss::Nothing);
            is_still_incomplete(&world, &tunnel);
        }
    }
}

#[test]
fn a_delegate_is_ours_whatever_the_resolver_makes_of_it() {
    let corp = delegate("corp");
    for base in [Machine::some(&[]), Machine::some(&[(corp.clone(), 3)])] {
        let world = World::having(Machine::Linux, &base);
        let old = world.states();
        world.botch(&corp, state(&corp, 8));
        let report = apply(&world, "office", &Machine::some(&[(corp.clone(), 1)])).unwrap();
        assert_eq!(report.outcome.exit_code(), 3, "{:?}", report.outcome);
        assert!(report.kept().is_empty());
        assert_eq!(world.states(), old);
    }
}

/// A kill between the file and the reload: the resolver shows what was, and reads the
/// file at its next start.
#[test]
fn a_file_of_a_delegate_is_put_right_though_the_resolver_shows_nothing_of_it() {
    let corp = delegate("corp");
    for base in [Machine::some(&[]), Machine::some(&[(corp.clone(), 3)])] {
        let world = World::having(Machine::Linux, &base);
        let old = world.live();
        killed_before_it_was_verified(&world, &Machine::some(&[(corp.clone(), 1)]));
        world.set_live(old);
        assert!(matches!(recover(&world), Some(Recovered::RolledBack(_))));
        assert_eq!(world.written_back(), std::slice::from_ref(&corp), "once");
    }
}

/// resolved saves what it was told, and knows it again when it is started.
#[test]
fn a_resolver_that_goes_away_leaves_a_rollback_to_be_tried_again() {
    let base = with_vpn();
    let known = base.states();
    let wanted = Machine::some(&[(dns("tun0"), 1), (delegate("corp"), 1)]);
    for write in 1..=2 {
        let world = base.fork();
        let saved = std::rc::Rc::new(std::cell::RefCell::new(None));
        let save = saved.clone();
        world.after_write(write, move |live| {
            *save.borrow_mut() = Some(std::mem::replace(&mut live.resolved, Section::Absent));
        });
        let report = apply(&world, "office", &wanted).unwrap();
        assert_eq!(report.outcome.exit_code(), 4, "{:?}", report.outcome);
        assert!(report.kept().is_empty());
        for _ in 0..2 {
            is_still_incomplete(&world, &delegate("corp"));
        }
        let mut live = world.live();
        live.resolved = saved.borrow_mut().take().expect("it was there");
        assert!(Index::new(&live).state(&dns("tun0")).is_ok());
        world.set_live(live);
        assert!(
            matches!(recover(&world), Some(Recovered::RolledBack(back)) if back.kept.is_empty())
        );
        assert_eq!(world.states(), known);
        held_is_derived(&world);
    }
}
