//! Passwords: any user may read what is held, and none of them there.

use netprof_model::file::FileState;
use netprof_model::held::HeldResource;
use netprof_model::plan::{Change, Plan};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::Settings;
use netprof_model::{Owner, Resource, State};
use netprof_plan::Need;

use super::laws::{apply, held, is_done, release, rollback};
use super::machine::{Machine, States, file};
use super::world::World;
use crate::error::Error;
use crate::report::Report;

const BEFORE: &str = "http://old:b3fore@proxy:3128";
const MADE: &str = "http://me:s3cret@proxy:3128";
const LATER: &str = "http://me:l4ter@proxy:3128";

fn proxies() -> Resource {
    let user = "me".to_owned();
    Resource::Settings(Settings::Gnome { user })
}

fn states(url: &str) -> States {
    let variable = ("http_proxy".to_owned(), Value::String(url.to_owned()));
    let text = FileState::text(format!("# netprof: x\nhttp_proxy=\"{url}\"\n"));
    States::from([
        (
            proxies(),
            Some(State::Settings(Dictionary::from([variable]))),
        ),
        (file("60-netprof.conf"), Some(State::File(text))),
    ])
}

fn stored(world: &World) -> String {
    let stored = world.with_disk(|disk| String::from_utf8(disk.held.clone().unwrap()).unwrap());
    // The hash of a profile of these tests is all that it says.
    stored[stored.find("\"resources\"").unwrap()..].to_owned()
}

fn shows_none(world: &World) {
    let stored = stored(world);
    assert!(stored.contains("http://me:***@proxy:3128"), "{stored}");
    for secret in ["b3fore", "s3cret", "l4ter"] {
        assert!(!stored.contains(secret), "{stored}");
    }
}

#[test]
fn what_is_held_shows_no_password_and_a_release_puts_back_the_right_one() {
    let world = World::having(Machine::Linux, &states(BEFORE));
    assert!(is_done(&apply(&world, "a", &states(MADE)).unwrap()));
    shows_none(&world);
    assert!(is_done(&apply(&world, "b", &states(LATER)).unwrap()));
    shows_none(&world);
    assert!(is_done(&release(&world).unwrap()));
    for (resource, state) in states(BEFORE) {
        assert_eq!(world.states()[&resource], state);
    }
}

#[test]
fn what_an_older_transaction_made_is_found_behind_newer_ones() {
    let world = World::having(Machine::Linux, &states(BEFORE));
    assert!(is_done(&apply(&world, "a", &states(MADE)).unwrap()));
    assert!(is_done(&apply(&world, "b", &states(LATER)).unwrap()));
    assert!(is_done(&rollback(&world, None).unwrap()));
    shows_none(&world);
    for (resource, state) in states(MADE) {
        assert_eq!(world.states()[&resource], state);
    }
    assert!(is_done(&release(&world).unwrap()));
    for (resource, state) in states(BEFORE) {
        assert_eq!(world.states()[&resource], state);
    }
}

#[test]
fn whoever_may_not_read_the_journals_compares_without_passwords() {
    let world = World::having(Machine::Linux, &states(BEFORE));
    assert!(is_done(&apply(&world, "a", &states(MADE)).unwrap()));
    let bytes = world.with_disk(|disk| disk.held.clone().unwrap());
    let shown = crate::store::parse(&bytes).unwrap();
    let live = states(MADE);
    for one in shown
        .resources
        .iter()
        .filter(|one| live.contains_key(&one.resource))
    {
        assert!(one.committed.as_ref().unwrap().is_redacted());
        assert!(one.holds(live[&one.resource].as_ref()), "{}", one.resource);
        assert!(!one.without(live[&one.resource].as_ref()).theirs);
        assert!(!one.holds(None));
    }
}

/// Makes what `after` says of what is held of the environment.
fn makes(world: &World, after: impl Fn(&HeldResource) -> Option<State>) -> Result<Report, Error> {
    let live = world.states()[&proxies()].clone();
    world.run(|engine| {
        engine.apply(Need::EVERYTHING, |snapshot| {
            let held = snapshot.held().unwrap().get(&proxies()).unwrap();
            Plan {
                changes: vec![Change {
                    id: 1,
                    resource: proxies(),
                    before: live.clone(),
                    after: after(held),
                    original: held.original.clone(),
                    owner: Owner::User,
                    lasts: held.lasts.clone(),
                    link: None,
                    manager: None,
                    reasons: Vec::new(),
                }],
                ..Plan::default()
            }
        })
    })
}

#[test]
fn a_password_whose_journal_is_gone_is_not_made_up() {
    let world = World::having(Machine::Linux, &states(BEFORE));
    assert!(is_done(&apply(&world, "a", &states(MADE)).unwrap()));
    world.with_disk(|disk| disk.remove(1));
    for made in [MADE, LATER] {
        if made == LATER {
            // What is gone stays so, whatever is made later.
            let later = makes(&world, |_| states(LATER)[&proxies()].clone());
            assert!(is_done(&later.unwrap()));
        }
        let refused = makes(&world, |held| held.original.clone()).unwrap_err();
        assert!(matches!(refused, Error::PasswordGone { .. }), "{refused}");
        let live = world.states();
        assert_eq!(live[&proxies()], states(made)[&proxies()]);
        assert_eq!(held(&world).len(), 2);
    }
}

#[test]
fn what_a_person_wrote_in_the_place_of_a_password_comes_back() {
    const THEIRS: &str = "http://old:***@proxy:3128";
    for made in ["http://proxy:3128", MADE] {
        let world = World::having(Machine::Linux, &states(THEIRS));
        assert!(is_done(&apply(&world, "a", &states(made)).unwrap()));
        if made != MADE {
            // Nothing was left out, and so nothing is missing.
            world.with_disk(|disk| disk.remove(1));
        }
        assert!(is_done(&release(&world).unwrap()));
        for (resource, state) in states(THEIRS) {
            assert_eq!(world.states()[&resource], state);
        }
    }
}
