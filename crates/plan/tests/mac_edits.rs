//! What people and other programs do to that which netprof holds on a Mac: it is never
//! lost, never called netprof's, and never drift that no command clears.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod mac;
mod planned;
mod wifi;

use carried_out::carried_out;
use netprof_model::configd::{NetworkService, Preferences};
use netprof_model::file::FileState;
use netprof_model::plan::{DropReason, Plan};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Owner, Resource, Section, Snapshot, State};
use netprof_plan::{Bearing, drift, plan};
use planned::{described, made};
use wifi::wifi;

const PROXY: &str = r#"proxy { http "http://proxy.example:3128"; export "system"; }"#;
const DURABLE: &str = r#"dns { scope "corp" {
    domains "corp.example"; servers "192.168.7.53"; durable #true;
} }"#;
const SCOPE: &str = r#"dns { scope "corp" { domains "corp.example"; servers "192.168.7.53"; } }"#;

fn settings(text: &str) -> Option<Dictionary> {
    serde_json::from_str(text).unwrap()
}

/// A laptop in a location with these network services, on Wi-Fi.
fn at(ids: &[&str], proxies: &str) -> Snapshot {
    let mut snapshot = wifi("");
    snapshot.preferences = location(ids, proxies);
    snapshot
}

fn location(ids: &[&str], proxies: &str) -> Section<Preferences> {
    let service = |id: &&str| NetworkService {
        id: (*id).to_owned(),
        name: id.to_lowercase(),
        link: Some("en0".to_owned()),
        kind: Some("IEEE80211".to_owned()),
        enabled: true,
        proxies: settings(proxies),
    };
    Section::Seen(Preferences {
        location: None,
        services: ids.iter().map(service).collect(),
    })
}

fn proxies(snapshot: &mut Snapshot) -> &mut Option<Dictionary> {
    match &mut snapshot.preferences {
        Section::Seen(preferences) => &mut preferences.services[0].proxies,
        _ => panic!("a laptop has preferences"),
    }
}

fn set(snapshot: &mut Snapshot, key: &str, value: i64) {
    let all = proxies(snapshot).as_mut().unwrap();
    all.insert(key.to_owned(), Value::Integer(value));
}

fn done(profile: &str, snapshot: &Snapshot) -> Snapshot {
    let plan = made(profile, snapshot);
    assert!(!plan.is_refused(), "{}", described(&plan));
    carried_out(snapshot, &plan)
}

fn released(snapshot: &Snapshot) -> Snapshot {
    carried_out(snapshot, &plan(None, snapshot))
}

fn standings(snapshot: &Snapshot) -> Vec<Bearing> {
    drift(snapshot)
        .into_iter()
        .map(|one| one.standing)
        .collect()
}

fn is_held(snapshot: &Snapshot) -> bool {
    !snapshot.held().unwrap().resources.is_empty()
}

/// Whom a plan names for what it keeps.
fn kept(plan: &Plan) -> Vec<(String, Owner)> {
    let kept = plan.kept.iter();
    kept.map(|one| (one.resource.to_string(), one.owner))
        .collect()
}

#[test]
fn proxies_of_another_location_stay_held_and_are_given_back_there() {
    for before in ["null", r#"{"HTTPEnable": 0, "FTPPassive": 1}"#] {
        let home = at(&["HOME"], before);
        let there = done(PROXY, &home);
        let mut away = there.clone();
        away.preferences = location(&["AWAY"], "null");

        let [Bearing::Unknown(why)] = &standings(&away)[..] else {
            panic!("{:?}", standings(&away));
        };
        assert!(why.contains("of a location without this service"), "{why}");
        let release = plan(None, &away);
        assert_eq!((&release.changes, &release.kept), (&vec![], &vec![]));
        assert_eq!(release.dropped, []);
        let said: Vec<&str> = release
            .diagnostics
            .iter()
            .map(|one| one.code.as_str())
            .collect();
        assert_eq!(said, ["plan::still-held"]);
        let help = release.diagnostics[0].help.as_deref().unwrap();
        assert!(help.contains("in the location that has"), "{help}");

        // Meanwhile the other location has proxies of its own, and back again all of it is
        // given back where it was.
        let mut away = done(PROXY, &away);
        let of_away = away.preferences.clone();
        away.preferences = there.preferences.clone();
        let mut back = released(&away);
        assert_eq!(back.preferences, home.preferences);
        back.preferences = of_away;
        let back = released(&back);
        assert_eq!(back.preferences, location(&["AWAY"], "null"));
        assert!(!is_held(&back));
    }
}

#[test]
fn without_any_preferences_there_are_no_proxies() {
    let mut gone = done(PROXY, &at(&["HOME"], "null"));
    gone.preferences = Section::Absent;
    let release = plan(None, &gone);
    assert_eq!(release.dropped[0].why, DropReason::Original);
}

#[test]
fn a_file_that_somebody_has_written_to_below_the_mark_is_theirs() {
    let mine = |snapshot: &mut Snapshot| {
        for file in mac::items(&mut snapshot.files) {
            let text = file.state.lossy() + "# mine\nnameserver 192.168.7.54\n";
            file.state = FileState::text(text);
        }
    };
    is_theirs(DURABLE, mine, |snapshot| snapshot.files.clone());
}

#[test]
fn a_dictionary_that_somebody_has_written_to_beside_the_mark_is_theirs() {
    let mine = |snapshot: &mut Snapshot| {
        let Section::Seen(store) = &mut snapshot.store else {
            panic!("a Mac has a dynamic store");
        };
        let all = store.0.values_mut().find_map(|value| match value {
            Value::Dictionary(all) if all.contains_key("NetprofScope") => Some(all),
            _ => None,
        });
        let timeout = Value::Integer(7);
        all.unwrap().insert("ServerTimeout".to_owned(), timeout);
    };
    is_theirs(SCOPE, mine, |snapshot| snapshot.store.clone());
}

/// What `mine` does to that which `profile` makes is shown by `of`, and never lost.
fn is_theirs<T: PartialEq + std::fmt::Debug>(
    profile: &str,
    mine: impl Fn(&mut Snapshot),
    of: impl Fn(&Snapshot) -> T,
) {
    let mut edited = done(profile, &wifi(""));
    let made_by_netprof = of(&edited);
    mine(&mut edited);
    let theirs = of(&edited);
    assert_ne!(theirs, made_by_netprof);

    let all = drift(&edited);
    assert!(matches!(all[0].standing, Bearing::Changed(Some(_))));
    assert_eq!(all[0].owner, Owner::Unknown);

    // A release leaves it, and names it.
    let release = plan(None, &edited);
    let resource = all[0].held.resource.to_string();
    assert_eq!(kept(&release), [(resource, Owner::Unknown)]);
    let left = carried_out(&edited, &release);
    assert_eq!(of(&left), theirs);
    assert!(!is_held(&left));

    // An apply puts netprof's in its place, whether it is held or not, and a release puts
    // theirs back.
    for before in [edited, left] {
        let again = done(profile, &before);
        assert_eq!(of(&again), made_by_netprof);
        assert_eq!(standings(&again), [Bearing::Holds]);
        assert_eq!(of(&released(&again)), theirs);
    }
}

#[test]
fn a_proxy_setting_that_no_profile_names_is_no_drift_and_survives_a_release() {
    let mut edited = done(
        PROXY,
        &at(&["HOME"], r#"{"HTTPEnable": 0, "FTPPassive": 1}"#),
    );
    set(&mut edited, "ExcludeSimpleHostnames", 1);
    set(&mut edited, "FTPPassive", 0);
    assert_eq!(standings(&edited), [Bearing::Holds]);
    let again = made(PROXY, &edited);
    assert_eq!((&again.changes, &again.dropped), (&vec![], &vec![]));
    assert_eq!(again.still_held, []);

    let release = plan(None, &edited);
    assert_eq!(kept(&release), []);
    let mut back = carried_out(&edited, &release);
    let expected = r#"{"HTTPEnable": 0, "FTPPassive": 0, "ExcludeSimpleHostnames": 1}"#;
    assert_eq!(*proxies(&mut back), settings(expected));
    assert!(!is_held(&back));
}

#[test]
fn a_proxy_setting_of_netprofs_that_somebody_changes_is_drift_and_theirs() {
    let mut edited = done(PROXY, &at(&["HOME"], r#"{"HTTPEnable": 0}"#));
    set(&mut edited, "HTTPPort", 8080);
    assert!(matches!(standings(&edited)[..], [Bearing::Changed(_)]));

    let release = plan(None, &edited);
    let reasons: Vec<&str> = release.changes[0]
        .reasons
        .iter()
        .map(|one| one.text.as_ref())
        .collect();
    let said = "HTTPPort is left as it is: somebody has changed it since";
    assert!(reasons.contains(&said), "{reasons:?}");
    let theirs = settings(r#"{"HTTPEnable": 0, "HTTPPort": 8080}"#);
    assert_eq!(*proxies(&mut carried_out(&edited, &release)), theirs);

    let again = done(PROXY, &edited);
    assert_eq!(standings(&again), [Bearing::Holds]);
    assert_eq!(*proxies(&mut released(&again)), theirs);
}

#[test]
fn proxies_that_somebody_took_away_whole_are_named_and_stay_so() {
    let mut edited = done(PROXY, &at(&["HOME"], r#"{"HTTPEnable": 0}"#));
    *proxies(&mut edited) = None;
    let release = plan(None, &edited);
    assert_eq!(kept(&release), [("proxies HOME".to_owned(), Owner::User)]);
    assert_eq!(*proxies(&mut carried_out(&edited, &release)), None);
    let again = done(PROXY, &edited);
    assert_eq!(*proxies(&mut released(&again)), None);
}

#[test]
fn what_somebody_made_just_as_a_profile_wants_it_is_theirs_and_no_drift() {
    let profile =
        |bytes: u32| format!("link \"lan\" {{ match name=\"en0\"; }}\nmtu \"lan\" {bytes}");
    let mut edited = done(&profile(1400), &wifi(""));
    mac::items(&mut edited.links)
        .iter_mut()
        .filter(|link| link.name == "en0")
        .for_each(|link| link.mtu = 1300);
    let next = made(&profile(1300), &edited);
    assert_eq!(next.changes, []);
    assert_eq!(kept(&next), [("mtu en0".to_owned(), Owner::Unknown)]);
    let there = carried_out(&edited, &next);
    assert!(!is_held(&there));
    assert_eq!(plan(None, &there).changes, []);
}

#[test]
fn a_proxy_setting_that_somebody_made_just_as_a_profile_wants_it_is_theirs_and_no_other() {
    let mut edited = done(PROXY, &at(&["HOME"], r#"{"HTTPEnable": 0}"#));
    set(&mut edited, "HTTPPort", 8080);
    let other = PROXY.replace("3128", "8080");
    let next = made(&other, &edited);
    assert_eq!((&next.changes, &next.kept), (&vec![], &vec![]));
    let mut there = carried_out(&edited, &next);
    assert_eq!(standings(&there), [Bearing::Holds]);
    assert_eq!(made(&other, &there).still_held, []);
    assert!(proxies(&mut there).is_some());
    let theirs = settings(r#"{"HTTPEnable": 0, "HTTPPort": 8080}"#);
    assert_eq!(*proxies(&mut released(&there)), theirs);
}

#[test]
fn a_route_of_netprofs_that_lost_a_part_stays_netprofs() {
    let profile = r#"link "lan" { match name="en0"; }
        routes { route "10.1.0.0/16" via="192.168.7.9"; }"#;
    let mut less = done(profile, &wifi(""));
    let own = mac::items(&mut less.routes)
        .iter_mut()
        .find(|route| route.owner == Owner::Netprof);
    own.unwrap().spec.flags = 0;
    let release = plan(None, &less);
    assert_eq!((release.changes.len(), release.kept.len()), (1, 0));
    assert_eq!(release.changes[0].after, None);
    assert!(matches!(release.changes[0].resource, Resource::Route(_)));
    assert!(matches!(release.changes[0].before, Some(State::Route(_))));
}
