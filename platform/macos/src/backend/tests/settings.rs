use netprof_model::configd::Domain;

use super::*;
use crate::mac::{Status, Unedited};

const SERVICE: &str = crate::fake::WIFI;

/// A Wi-Fi, an Ethernet that is switched off, and a VPN app; the order names only one.
pub(super) fn preferences() -> Dictionary {
    let service = |name: &str, interface| {
        dictionary([
            ("UserDefinedName", text(name)),
            ("Interface", Value::Dictionary(interface)),
        ])
    };
    let mut wifi = service(
        "Wi-Fi",
        dictionary([
            ("DeviceName", text("en0")),
            ("Hardware", text("AirPort")),
            ("Type", text("Ethernet")),
        ]),
    );
    let proxies = dictionary([("FTPPassive", Value::Integer(1))]);
    wifi.insert("Proxies".to_owned(), Value::Dictionary(proxies));
    let mut ethernet = service(
        "Ethernet",
        dictionary([
            ("DeviceName", text("en5")),
            ("Hardware", text("Ethernet")),
            ("Type", text("Ethernet")),
        ]),
    );
    ethernet.insert("__INACTIVE__".to_owned(), Value::Boolean(true));
    let vpn = service(
        "Work",
        dictionary([
            ("Type", text("VPN")),
            ("SubType", text("com.wireguard.macos")),
        ]),
    );
    let link = |id: &str| {
        let link = dictionary([("__LINK__", text(&format!("/NetworkServices/{id}")))]);
        (id.to_owned(), Value::Dictionary(link))
    };
    let members: Dictionary = ["A", SERVICE, "V"].map(link).into();
    let order = dictionary([("ServiceOrder", Value::strings([SERVICE, "gone"]))]);
    let network = dictionary([
        (
            "Global",
            Value::Dictionary(dictionary([("IPv4", Value::Dictionary(order))])),
        ),
        ("Service", Value::Dictionary(members)),
    ]);
    let set = dictionary([
        ("UserDefinedName", text("Automatic")),
        ("Network", Value::Dictionary(network)),
    ]);
    dictionary([
        ("CurrentSet", text("/Sets/S")),
        (
            "Sets",
            Value::Dictionary(dictionary([("S", Value::Dictionary(set))])),
        ),
        (
            "NetworkServices",
            Value::Dictionary(dictionary([
                (SERVICE, Value::Dictionary(wifi)),
                ("A", Value::Dictionary(ethernet)),
                ("V", Value::Dictionary(vpn)),
                ("elsewhere", Value::Dictionary(Dictionary::new())),
            ])),
        ),
    ])
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.fake.0.borrow_mut().preferences = preferences();
    bench.fake.save();
    bench
}

fn proxies(service: &str, before: Option<Dictionary>, after: Option<Dictionary>) -> Change {
    let service = service.to_owned();
    change(
        Resource::Proxies { service },
        before.map(State::Proxies),
        after.map(State::Proxies),
    )
}

fn passive() -> Dictionary {
    dictionary([("FTPPassive", Value::Integer(1))])
}

fn on() -> Dictionary {
    let mut on = passive();
    on.insert("HTTPEnable".to_owned(), Value::Integer(1));
    on
}

#[test]
fn services_stand_in_the_order_of_the_location() {
    let snapshot = bench().snapshot();
    let preferences = snapshot.preferences.seen().unwrap();
    let shown: Vec<_> = preferences
        .services
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.link.as_deref(),
                one.kind.as_deref(),
                one.enabled,
                one.proxies.clone(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "Wi-Fi",
                Some("en0"),
                Some("IEEE80211"),
                true,
                Some(passive())
            ),
            ("Ethernet", Some("en5"), Some("Ethernet"), false, None),
            ("Work", None, Some("VPN"), true, None),
        ]
    );
}

#[test]
fn preferences_that_make_no_sense_are_empty_or_unreadable() {
    let mut bench = Bench::new();
    bench.fake.save();
    assert_eq!(
        bench.snapshot().preferences,
        Section::Seen(Default::default())
    );
    let path = bench
        .fake
        .0
        .borrow()
        .root
        .join(preferences::FILE.trim_start_matches('/'));
    std::fs::write(path, "no list").unwrap();
    assert!(matches!(
        bench.snapshot().preferences,
        Section::Unreadable(_)
    ));
}

#[test]
fn proxies_are_written_under_the_lock_and_put_back_as_they_were() {
    let mut bench = bench();
    let before = bench.fake.0.borrow().preferences.clone();
    let changes = [
        proxies(SERVICE, Some(passive()), Some(on())),
        proxies("A", None, Some(on())),
    ];
    bench.fake.0.borrow_mut().unedited = [locked(Status::BUSY), locked(Status::STALE)].into();
    bench.forward(&changes).unwrap();
    let path = format!("edit /NetworkServices/{SERVICE}/Proxies");
    let other = "edit /NetworkServices/A/Proxies";
    assert_eq!(
        bench.fake.log(),
        [
            &path, "pause", &path, "pause", &path, "commit", "apply", other, "commit", "apply"
        ]
    );
    assert_eq!(
        bench.snapshot().preferences.seen().unwrap().services[0].proxies,
        Some(on())
    );
    bench.back(&changes).unwrap();
    assert_eq!(bench.fake.0.borrow().preferences, before);
    // A second time it is as it was, and nothing is written. A service that is switched off
    // has nothing in the store that would say so.
    let _ = bench.fake.log();
    bench.back(&changes).unwrap();
    assert_eq!(bench.fake.log(), [other, "apply"]);
}

/// A kill between commit and apply leaves the preferences as they were, and a configd that
/// goes by what it was told before.
#[test]
fn configd_is_told_of_what_it_does_not_go_by() {
    let mut bench = bench();
    let set = proxies(SERVICE, Some(passive()), Some(on()));
    bench.forward(std::slice::from_ref(&set)).unwrap();
    bench.fake.0.borrow_mut().preferences = preferences();
    bench.fake.0.borrow().save();
    assert_eq!(setup(&bench), Some(on()));
    let _ = bench.fake.log();
    bench.back(&[set]).unwrap();
    assert_eq!(setup(&bench), Some(passive()));
    let edit = format!("edit /NetworkServices/{SERVICE}/Proxies");
    assert_eq!(bench.fake.log(), [&edit, "apply"]);
}

/// What is as it was needs no lock to be left so: somebody else's would make a failure of
/// taking back what was never done.
#[test]
fn what_configd_goes_by_already_needs_no_lock() {
    let mut bench = bench();
    let set = proxies(SERVICE, Some(passive()), Some(on()));
    bench.fake.0.borrow_mut().unedited = vec![locked(Status::BUSY); 20].into();
    bench.forward(std::slice::from_ref(&set)).unwrap_err();
    bench.fake.0.borrow_mut().unedited = vec![locked(Status::BUSY); 20].into();
    bench.back(&[set]).unwrap();
}

/// SCPreferencesApplyChanges is a notice: what comes of it is awaited.
#[test]
fn proxies_count_when_configd_goes_by_them() {
    let mut bench = bench();
    bench.fake.0.borrow_mut().lag = 7;
    let set = proxies(SERVICE, Some(passive()), Some(on()));
    bench.forward(std::slice::from_ref(&set)).unwrap();
    assert_eq!(setup(&bench), Some(on()));
    let none = proxies(SERVICE, Some(on()), None);
    bench.forward(std::slice::from_ref(&none)).unwrap();
    assert_eq!(setup(&bench), None);
    bench.back(&[set, none]).unwrap();
    assert_eq!(setup(&bench), Some(passive()));
    // That of a service which is switched off comes to nothing, and is not awaited.
    bench.fake.0.borrow_mut().lag = usize::MAX;
    bench.forward(&[proxies("A", None, Some(on()))]).unwrap();
}

#[test]
fn proxies_that_configd_does_not_go_by_are_refused_on_both_ways() {
    let mut bench = bench();
    bench.fake.0.borrow_mut().lag = usize::MAX;
    let set = proxies(SERVICE, Some(passive()), Some(on()));
    let told = [format!(
        "proxies {SERVICE}: configd does not go by them, 5 s later"
    )];
    assert_eq!(bench.forward(std::slice::from_ref(&set)).unwrap_err(), told);
    bench.fake.save();
    assert_eq!(bench.back(&[set]).unwrap_err(), told);
}

/// What configd goes by.
fn setup(bench: &Bench) -> Option<Dictionary> {
    let world = bench.fake.0.borrow();
    let key = Store::service_key(Domain::Setup, SERVICE, "Proxies");
    world.store.get(&key)?.as_dictionary().cloned()
}

fn status(code: i32) -> Status {
    Status {
        code,
        ..Status::other("Preferences update currently in progress")
    }
}

fn locked(code: i32) -> Unedited {
    Unedited::Lock(status(code))
}

/// Only the lock is tried again: with what comes behind it, something may be written, and
/// what reads as changed then would be called somebody else's.
#[test]
fn what_may_have_been_written_is_not_tried_again() {
    for (unedited, told) in [
        (
            Unedited::Change(status(Status::STALE)),
            "the preferences cannot be changed",
        ),
        (
            Unedited::Commit(status(Status::BUSY)),
            "the preferences cannot be committed",
        ),
        (
            Unedited::Apply(status(Status::STALE)),
            "configd cannot be told of the preferences",
        ),
    ] {
        let mut bench = bench();
        let written = matches!(unedited, Unedited::Apply(_));
        bench.fake.0.borrow_mut().unedited = [unedited].into();
        let set = proxies(SERVICE, Some(passive()), Some(on()));
        let why = bench.forward(std::slice::from_ref(&set)).unwrap_err();
        assert!(why[0].contains(told), "{why:?}");
        let preferences = bench.snapshot().preferences;
        let live = &preferences.seen().unwrap().services[0].proxies;
        assert_eq!(live == &Some(on()), written, "{told}");
        assert_eq!(setup(&bench), Some(passive()));
        bench.back(&[set]).unwrap();
        assert_eq!(setup(&bench), Some(passive()));
    }
}

/// SCPreferencesCommitChanges renames what it has written and leaves it to the disk when.
#[test]
fn preferences_that_cannot_be_brought_to_the_disk_are_not_done() {
    let mut bench = bench();
    let set = proxies(SERVICE, Some(passive()), Some(on()));
    bench.fake.0.borrow_mut().loses_preferences = true;
    let why = bench.forward(std::slice::from_ref(&set)).unwrap_err();
    let start = format!(
        "proxies {SERVICE}: {} cannot be brought to the disk",
        preferences::FILE
    );
    assert!(why[0].starts_with(&start), "{why:?}");
    // Nor is what was committed before netprof looked.
    bench.fake.0.borrow_mut().preferences = preferences();
    bench.fake.0.borrow().save();
    bench.back(&[set]).unwrap_err();
}

#[test]
fn a_lock_that_somebody_else_keeps_is_not_waited_for_for_ever() {
    let mut bench = bench();
    bench.fake.0.borrow_mut().unedited = vec![locked(Status::BUSY); 1000].into();
    let why = bench
        .forward(&[proxies(SERVICE, Some(passive()), Some(on()))])
        .unwrap_err();
    assert_eq!(
        why,
        [format!(
            "proxies {SERVICE}: the preferences cannot be locked: Preferences update currently in progress (3002), for 5 s now"
        )]
    );
    assert_eq!(
        bench
            .fake
            .log()
            .iter()
            .filter(|one| *one == "pause")
            .count(),
        19
    );
}

#[test]
fn proxies_that_somebody_else_has_changed_stay() {
    let mut bench = bench();
    let before = bench.fake.0.borrow().preferences.clone();
    for change in [
        proxies(SERVICE, None, Some(on())),
        proxies(SERVICE, Some(on()), None),
        proxies(SERVICE, Some(on()), Some(Dictionary::new())),
    ] {
        let why = bench.forward(&[change]).unwrap_err();
        assert_eq!(
            why,
            [format!(
                "proxies {SERVICE}: somebody else has changed these proxies"
            )]
        );
    }
    assert_eq!(bench.fake.0.borrow().preferences, before);
}

#[test]
fn a_service_is_never_made_up() {
    let mut bench = bench();
    for service in ["gone", "", "a/b"] {
        let change = proxies(service, None, Some(on()));
        assert!(
            bench.forward(std::slice::from_ref(&change)).is_err(),
            "{service}"
        );
    }
    // Its proxies went with it.
    bench
        .back(&[proxies("gone", Some(passive()), Some(on()))])
        .unwrap();
    assert_eq!(bench.fake.log(), Vec::<String>::new());
}

#[test]
fn a_largest_packet_is_set_and_put_back_unless_somebody_else_has_set_it() {
    let mut bench = Bench::new();
    let mtu = |mtu| Some(State::Mtu { mtu });
    let change = |before, after| Change {
        link: Some(
            LinkId {
                index: 9,
                name: "utun4".to_owned(),
            }
            .into(),
        ),
        ..change(
            Resource::Mtu {
                dev: "utun4".to_owned(),
            },
            before,
            after,
        )
    };
    let set = change(mtu(1500), mtu(1400));
    bench.forward(std::slice::from_ref(&set)).unwrap();
    bench.back(std::slice::from_ref(&set)).unwrap();
    assert_eq!(bench.fake.log(), ["mtu utun4 1400", "mtu utun4 1500"]);
    let why = bench.forward(&[change(mtu(1380), mtu(1400))]).unwrap_err();
    assert_eq!(why, ["mtu utun4: somebody else has set it to 1500"]);
    bench.fake.0.borrow_mut().links[2].index = 12;
    let why = bench.forward(std::slice::from_ref(&set)).unwrap_err();
    assert_eq!(why, ["mtu utun4: link utun4 is not there any more"]);
    bench.back(&[set]).unwrap();
    assert_eq!(
        bench.fake.log(),
        Vec::<String>::new(),
        "the new link's is not the old one's"
    );
}

#[test]
fn a_link_is_switched_on_with_its_other_flags() {
    let mut bench = Bench::new();
    bench.fake.0.borrow_mut().links[0].up = false;
    let up = |up| Some(State::LinkUp { up });
    let change = change(
        Resource::LinkUp {
            dev: "lo0".to_owned(),
        },
        up(false),
        up(true),
    );
    bench.forward(std::slice::from_ref(&change)).unwrap();
    let why = bench.forward(std::slice::from_ref(&change)).unwrap_err();
    assert_eq!(why, ["link lo0 up: somebody else has switched it on"]);
    bench.back(std::slice::from_ref(&change)).unwrap();
    bench.back(&[change]).unwrap();
    assert_eq!(bench.fake.log(), ["flags lo0 0x8041", "flags lo0 0x8040"]);
}

#[test]
fn lo0_gets_its_addresses_and_no_other_link_does() {
    for (local, gone) in [("127.0.0.1/8", "127.0.0.1"), ("::1/128", "::1")] {
        let mut bench = Bench::new();
        bench.fake.0.borrow_mut().addresses.clear();
        let resource = |dev: &str| Resource::Address {
            dev: dev.to_owned(),
            local: local.parse().unwrap(),
        };
        let there = || Some(State::Address(Default::default()));
        let add = change(resource("lo0"), None, there());
        bench.forward(std::slice::from_ref(&add)).unwrap();
        let again = bench.forward(std::slice::from_ref(&add)).unwrap_err();
        assert_eq!(
            again,
            [format!(
                "address {local} dev lo0: somebody else has added it"
            )]
        );
        bench.back(std::slice::from_ref(&add)).unwrap();
        bench.back(&[add]).unwrap();
        assert_eq!(
            bench.fake.log(),
            [
                format!("address lo0 {local}"),
                format!("no address lo0 {gone}")
            ]
        );
        bench
            .forward(&[change(resource("lo0"), there(), None)])
            .unwrap_err();
        bench
            .forward(&[change(resource("en0"), None, there())])
            .unwrap_err();
    }
}
