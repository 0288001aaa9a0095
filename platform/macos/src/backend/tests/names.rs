use super::*;

#[test]
fn configd_is_heard_from_before_it_is_told_and_awaited() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().configd = Configd::After(3);
    let add = store(None, Some(dns("corp.example.com", "10.0.0.53")));
    bench.forward(std::slice::from_ref(&add)).unwrap();
    let set = format!("set {DNS}");
    assert_eq!(bench.fake.log(), ["listen", &set, "hear", "hear", "hear"]);
    bench.back(&[add]).unwrap();
    assert!(!bench.fake.has_key(DNS));
}

#[test]
fn what_configd_does_not_take_in_time_is_refused_with_the_reason() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().configd = Configd::Never;
    let add = store(None, Some(dns("corp.example.com", "10.0.0.53")));
    let why = bench.forward(std::slice::from_ref(&add)).unwrap_err();
    assert_eq!(
        why,
        [format!(
            "store {DNS}: configd publishes no resolver for corp.example.com at 10.0.0.53, 5 s later"
        )]
    );
    // On the way back that is no reason to call it undone: the key is gone.
    bench.back(&[add]).unwrap();
    assert!(!bench.fake.has_key(DNS));
}

/// SIGINT is asked about between two steps; poll(2) just ends with it.
#[test]
fn a_signal_does_not_end_the_wait() {
    let mut bench = Bench::new();
    let mut world = bench.fake.0.borrow_mut();
    world.configd = Configd::After(4);
    world.interrupted = 2;
    drop(world);
    let add = store(None, Some(dns("corp.example.com", "10.0.0.53")));
    bench.forward(&[add]).unwrap();
}

#[test]
fn configd_is_awaited_once_for_all_keys_and_files() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().configd = Configd::After(1);
    let changes = [
        store(None, Some(dns("lab.example.com", "10.0.0.54"))),
        file(None, Some(own_file("10.0.0.53"))),
    ];
    bench.forward(&changes).unwrap();
    let hears = bench.fake.log().iter().filter(|one| *one == "hear").count();
    assert_eq!(hears, 1);
    bench.fake.0.borrow_mut().configd = Configd::AtOnce;
    bench.back(&changes).unwrap();
    assert_eq!(bench.snapshot().files.items(), []);
}

/// configd passes over a change of /etc where no folder was there when it was last told,
/// and none is there now; and at its start it was told of nothing. So the folder must
/// outlive its last file: where both are gone before configd looks, it never does.
#[test]
fn the_first_file_that_is_taken_away_after_a_start_is_seen() {
    for mode in [Mode::Forward, Mode::Back] {
        let mut bench = Bench::new();
        let add = file(None, Some(own_file("10.0.0.53")));
        bench.forward(std::slice::from_ref(&add)).unwrap();
        bench.fake.restart();
        let claimed = |bench: &mut Bench| {
            let list = bench.snapshot().resolvers;
            let mut all = list.seen().unwrap().resolvers.iter();
            all.any(|one| one.domain.as_deref() == Some("corp.example.com"))
        };
        assert!(claimed(&mut bench), "configd reads it at its start");
        bench.apply(&[add.inverse()], mode).unwrap();
        assert!(!claimed(&mut bench), "{mode:?}");
    }
}

#[test]
fn a_notice_that_nobody_can_hear_is_a_refusal() {
    for broken in ["listen", "resolvers"] {
        let mut bench = Bench::new();
        bench.fake.0.borrow_mut().broken = vec![broken];
        let add = store(None, Some(dns("corp.example.com", "10.0.0.53")));
        assert_eq!(bench.forward(&[add]).unwrap_err().len(), 1, "{broken}");
    }
}

#[test]
fn a_key_that_somebody_else_has_changed_is_left_alone() {
    let mut bench = Bench::new();
    let theirs = value(&dns("corp.example.com", "192.0.2.1"));
    bench
        .fake
        .0
        .borrow_mut()
        .store
        .insert(DNS.to_owned(), theirs.clone());
    let ours = || Some(dns("corp.example.com", "10.0.0.53"));
    for (before, after) in [
        (None, ours()),
        (ours(), None),
        (ours(), Some(dns("", "10.0.0.53"))),
    ] {
        let change = store(before, after);
        for mode in [Mode::Forward, Mode::Back] {
            let why = bench
                .apply(std::slice::from_ref(&change), mode)
                .unwrap_err();
            assert_eq!(why, [format!("store {DNS}: somebody else has changed it")]);
        }
    }
    assert_eq!(bench.fake.0.borrow().store[DNS], theirs);
    bench.fake.0.borrow_mut().store.clear();
    let why = bench.forward(&[store(ours(), None)]).unwrap_err();
    assert_eq!(why, [format!("store {DNS}: somebody else has removed it")]);
}

#[test]
fn a_key_that_goes_at_the_last_moment_is_gone() {
    let ours = dns("corp.example.com", "10.0.0.53");
    for (mode, told) in [
        (Mode::Forward, Some("somebody else has removed it")),
        (Mode::Back, None),
    ] {
        let mut bench = Bench::new();
        let mut world = bench.fake.0.borrow_mut();
        world.store.insert(DNS.to_owned(), value(&ours));
        world.goes = Some(DNS.to_owned());
        drop(world);
        let done = bench.apply(&[store(Some(ours.clone()), None)], mode);
        let told = told.map(|why| vec![format!("store {DNS}: {why}")]);
        assert_eq!(done.err(), told);
        assert!(!bench.fake.has_key(DNS));
    }
}

#[test]
fn servers_on_another_port_are_published_with_it() {
    let mut bench = Bench::new();
    let Some(State::Store(mut all)) = Some(dns("corp.example.com", "10.0.0.53")) else {
        panic!()
    };
    all.insert("ServerPort".to_owned(), Value::Integer(5353));
    bench
        .forward(&[store(None, Some(State::Store(all)))])
        .unwrap();
    let resolvers = bench.snapshot().resolvers;
    let mut all = resolvers.seen().unwrap().resolvers.iter();
    let corp = all.find(|one| one.domain.as_deref() == Some("corp.example.com"));
    assert_eq!(corp.unwrap().port, Some(5353));
}

/// `dns_configuration_set` reads no file where there is neither a server nor a service.
#[test]
fn a_file_is_not_awaited_where_configd_publishes_nothing() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().store.clear();
    bench.fake.publish();
    assert_eq!(bench.snapshot().resolvers, Section::Absent);
    let add = file(None, Some(own_file("10.0.0.53")));
    bench.forward(std::slice::from_ref(&add)).unwrap();
    assert_eq!(bench.snapshot().resolvers, Section::Absent);
    bench.forward(&[add.inverse()]).unwrap();
    // A key is a service.
    let corp = store(None, Some(dns("corp.example.com", "10.0.0.53")));
    bench.forward(&[corp]).unwrap();
    assert!(bench.snapshot().resolvers.seen().is_some());
}

#[test]
fn on_the_way_back_a_key_that_is_gone_is_no_error() {
    let mut bench = Bench::new();
    let add = store(None, Some(dns("corp.example.com", "10.0.0.53")));
    bench.back(&[add]).unwrap();
    assert_eq!(bench.fake.log(), ["listen"]);
}

#[test]
fn a_resolver_that_another_service_has_as_well_may_stay() {
    let mut bench = Bench::new();
    let both = dns("corp.example.com", "10.0.0.53");
    let mut world = bench.fake.0.borrow_mut();
    world
        .store
        .insert("State:/Network/Service/other/DNS".to_owned(), value(&both));
    world.store.insert(DNS.to_owned(), value(&both));
    drop(world);
    bench.forward(&[store(Some(both), None)]).unwrap();
}

#[test]
fn what_configd_refuses_is_told_in_its_words() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().broken = vec!["store_set"];
    let why = bench.forward(&[store(None, Some(dns("corp.example.com", "10.0.0.53")))]);
    let why = why.unwrap_err();
    assert!(why[0].contains("configd refuses it: "), "{why:?}");
    // What follows is not done.
    let _ = bench.fake.log();
    let changes = [
        store(None, Some(dns("corp.example.com", "10.0.0.53"))),
        file(None, Some(own_file("10.0.0.53"))),
    ];
    bench.forward(&changes).unwrap_err();
    assert!(bench.snapshot().files.items().is_empty());
}

#[test]
fn the_store_is_shown_without_secrets() {
    let mut bench = Bench::new();
    let ppp = dictionary([("AuthName", text("me")), ("AuthPassword", text("secret"))]);
    let key = "Setup:/Network/Service/A/PPP";
    let mut world = bench.fake.0.borrow_mut();
    world.store.insert(key.to_owned(), Value::Dictionary(ppp));
    let scan = "State:/Network/Interface/en0/AirPort";
    world
        .store
        .insert(scan.to_owned(), Value::Dictionary(Dictionary::new()));
    let before = world.store.len();
    drop(world);
    let snapshot = bench.snapshot();
    let Section::Seen(Store(store)) = &snapshot.store else {
        panic!()
    };
    assert_eq!(store.len(), before - 1);
    assert!(!format!("{store:?}").contains("secret"));
}
