//! Whole transactions: the engine over this backend.

use netprof_engine::{Caller, Engine, Outcome, StateFolder};
use netprof_model::plan::{Expectation, Plan, ProfileRef, Reason};
use netprof_model::shared::Shared;

use super::*;

/// A route, a scope as a service, another as a file, the proxies of a service.
fn changes() -> Vec<Change> {
    let numbered = |(id, change): (u32, Change)| Change { id, ..change };
    let proxies = |on| {
        let mut all = dictionary([("FTPPassive", Value::Integer(1))]);
        if on {
            all.insert("HTTPEnable".to_owned(), Value::Integer(1));
        }
        Some(State::Proxies(all))
    };
    let service = crate::fake::WIFI.to_owned();
    let all = [
        route("10.0.0.0/8", None, Some(spec(None, "utun4"))),
        store(None, Some(dns("lab.example.com", "10.0.0.54"))),
        file(None, Some(own_file("10.0.0.53"))),
        Change {
            lasts: Lasts::Durable,
            ..change(Resource::Proxies { service }, proxies(false), proxies(true))
        },
    ];
    (1..).zip(all).map(numbered).collect()
}

fn plan(expectations: Vec<Expectation>) -> Plan {
    Plan {
        profile: Some(ProfileRef {
            name: "office".to_owned(),
            file: "/etc/netprof/profiles/office.kdl".to_owned(),
            sha256: String::new(),
        }),
        changes: changes(),
        expectations,
        ..Plan::default()
    }
}

struct Office {
    bench: Bench,
    folder: StateFolder,
}

impl Office {
    fn new() -> Self {
        let bench = Bench::new();
        bench.fake.0.borrow_mut().preferences = super::settings::preferences();
        bench.fake.save();
        let folder = StateFolder::at(bench.root.path().join("state"));
        Self { bench, folder }
    }

    fn engine<T>(&mut self, run: impl FnOnce(&mut Engine) -> T) -> T {
        let caller = Caller {
            command: "netprof apply office".to_owned(),
            started: 0,
        };
        let backend = &mut self.bench.macos;
        run(&mut Engine::lock(&self.folder, backend, &caller, &|| false).unwrap())
    }

    fn apply(&mut self, plan: &Plan) -> Outcome {
        self.engine(|engine| {
            engine
                .apply(Need::EVERYTHING, |_| plan.clone())
                .unwrap()
                .outcome
        })
    }

    /// All that a change touches.
    fn picture(&mut self) -> Snapshot {
        // What was published is configd's to make anew.
        self.bench.fake.0.borrow_mut().configd = Configd::AtOnce;
        let mut live = self.bench.snapshot();
        // The folder stays, and is as good as none.
        if live.files.items().is_empty() {
            live.files = Section::Absent;
        }
        Snapshot {
            held: Section::Unread,
            ..live
        }
    }
}

#[test]
fn what_was_committed_is_taken_back_without_a_trace() {
    let mut office = Office::new();
    let before = office.picture();
    office.bench.fake.0.borrow_mut().configd = Configd::After(1);
    let outcome = office.apply(&plan(Vec::new()));
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    let committed = office.picture();
    assert_ne!(committed, before);
    let outcome = office.engine(|engine| engine.rollback(None).unwrap().outcome);
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    assert_eq!(office.picture(), before);
}

#[test]
fn a_configd_that_does_not_take_it_gets_all_of_it_taken_back() {
    let mut office = Office::new();
    let before = office.picture();
    office.bench.fake.0.borrow_mut().configd = Configd::Never;
    let outcome = office.apply(&plan(Vec::new()));
    let Outcome::RolledBack(rolled) = &outcome else {
        panic!("{outcome:?}")
    };
    let why = rolled.why.to_string();
    assert!(why.contains("configd publishes no resolver"), "{why}");
    assert_eq!(office.picture(), before);
}

#[test]
fn packets_that_go_another_way_than_was_promised_get_all_of_it_taken_back() {
    let mut office = Office::new();
    let before = office.picture();
    let expect = |dev: &str| {
        plan(vec![Expectation {
            probe: RouteProbe {
                to: "10.0.0.53".parse().unwrap(),
                oif: None,
            },
            answer: Shared::from(RouteAnswer {
                dev: Some(dev.to_owned()),
                ..RouteAnswer::default()
            }),
            reason: Reason::plain("route 10.0.0.0/8"),
        }])
    };
    let outcome = office.apply(&expect("en0"));
    assert!(matches!(outcome, Outcome::RolledBack(_)), "{outcome:?}");
    assert_eq!(office.picture(), before);
    let outcome = office.apply(&expect("utun4"));
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
}
