//! Where container engines cut their networks from.

use insta::assert_snapshot;
use netprof_model::engine::Engine;
use netprof_model::file::{FileState, LiveFile};
use netprof_model::settings::LiveSettings;
use netprof_model::user::User;
use netprof_model::{Section, Snapshot};
use netprof_plan::plan;
use serde_json::{Value, json};

use super::{applied, planned};
use crate::machine::{items, machine};
use crate::planned::described;

const FILE: &str = "/etc/docker/daemon.json";

const BOTH: &str = r#"containers {
    docker { bridge "172.30.0.1/24"; pool "172.31.0.0/16" size=24; pool "fd00:31::/48" size=64; }
}"#;

fn seen(value: Value) -> Value {
    json!({"is": "seen", "value": value})
}

fn unreadable(why: &str) -> Value {
    json!({"is": "unreadable", "value": why})
}

/// A machine with Docker. `engine` says more of it, `members` what its file holds.
fn docker(engine: Value, members: Option<Value>) -> Snapshot {
    let mut all = json!({"kind": "docker", "file": FILE, "daemon": {"is": "absent"}});
    let more = engine.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    let holds = match members {
        None => json!({"is": "absent"}),
        Some(Value::String(why)) => unreadable(&why),
        Some(members) => seen(members),
    };
    Snapshot {
        engines: Section::Seen(vec![serde_json::from_value(all).unwrap()]),
        settings: Section::Seen(vec![
            serde_json::from_value::<LiveSettings>(
                json!({"of": "docker-daemon", "path": FILE, "holds": holds}),
            )
            .unwrap(),
        ]),
        ..machine("")
    }
}

/// A daemon that was started with `flags` and goes by `networks`.
fn runs(flags: &[&str], networks: Value) -> Value {
    let daemon = json!({
        "pid": 812, "flags": flags, "networks": networks,
        "containers": seen(json!(["a", "b", "c", "db", "e", "web", "z"])),
    });
    json!({"daemon": seen(daemon)})
}

/// What a daemon goes by that has read what `BOTH` says.
fn theirs() -> Value {
    seen(json!({"bridge": "172.30.0.1/24", "pools": [
        {"base": "172.31.0.0/16", "size": 24}, {"base": "fd00:31::/48", "size": 64}]}))
}

fn podman(later: &[&str], user: Option<&str>) -> Engine {
    let file = match user {
        None => "/etc/containers/containers.conf.d/60-netprof.conf",
        Some(_) => "/home/me/.config/containers/containers.conf.d/60-netprof.conf",
    };
    let all = json!({"kind": "podman", "user": user, "file": file, "later": later, "daemon": {"is": "absent"}});
    serde_json::from_value(all).unwrap()
}

#[test]
fn docker_is_told_in_its_file_and_the_plan_says_from_when_on_it_holds() {
    let other = seen(json!({"bridge": "172.17.0.1/16"}));
    let members = json!({"bip": "\"10.0.0.1/8\"", "(others)": true});
    let running = docker(runs(&[], other), Some(members));
    let stopped = docker(json!({}), None);
    let silent = docker(runs(&[], unreadable("Permission denied")), Some(json!({})));
    let all = [running, stopped, silent].map(|snapshot| planned(BOTH, &snapshot));
    assert_snapshot!(all.join("\n"));
}

#[test]
fn what_docker_was_told_already_stays_as_it_is_written() {
    let members = json!({
        "bip": " \"172.30.0.1/24\"".trim(),
        "default-address-pools": "[ {\"size\":24, \"base\":\"172.31.0.0/16\"},\n{\"base\":\"fd00:31::/48\",\"size\":64} ]",
    });
    let told = |networks| planned(BOTH, &docker(runs(&[], networks), Some(members.clone())));
    assert_snapshot!([told(theirs()), told(seen(json!({})))].join("\n"));
}

#[test]
fn what_would_keep_docker_from_starting_is_refused() {
    let flags = [
        "--bip=10.0.0.1/24",
        "--default-address-pool=base=10.1.0.0/16,size=24",
        "--bridge=br0",
        "--fixed-cidr=172.30.0.0/25",
        "--default-gateway=172.17.0.1",
        "--live-restore=true",
    ];
    let beside = json!({"beside": {
        "bridge": "\"none\"", "fixed-cidr": "\"172.17.0.0/25\"", "live-restore": "true",
    }});
    let v6 = r#"containers { docker { bridge "fd00::1/64"; }; }"#;
    let pools = r#"containers { docker { pool "172.31.0.0/16" size=24; }; }"#;
    let all = [
        planned(BOTH, &docker(runs(&flags, theirs()), Some(json!({})))),
        planned(
            BOTH,
            &docker(beside.clone(), Some(json!({"(others)": true}))),
        ),
        planned(v6, &docker(json!({}), None)),
        // Who says nothing of the bridge has nothing to do with it.
        planned(pools, &docker(beside, Some(json!({"(others)": true})))),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn with_live_restore_a_start_anew_is_not_enough() {
    let mut engine = runs(&[], seen(json!({})));
    engine["beside"] = json!({"live-restore": "true"});
    assert_snapshot!(planned(
        BOTH,
        &docker(engine, Some(json!({"(others)": true})))
    ));
}

#[test]
fn a_file_that_cannot_be_changed_is_refused_with_the_reason() {
    let broken = docker(json!({}), Some(json!("line 3, column 5: trailing comma")));
    let mut unprivileged = docker(json!({}), Some(json!("Permission denied (os error 13)")));
    unprivileged.privileged = false;
    let all = [broken, unprivileged].map(|snapshot| planned(BOTH, &snapshot));
    assert_snapshot!(all.join("\n"));
}

#[test]
fn what_can_no_longer_be_read_stays_held_for_the_reason_that_it_has() {
    let before = docker(json!({}), None);
    let done = applied(BOTH, &before);
    let but = |change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = done.clone();
        change(&mut snapshot);
        described(&plan(None, &snapshot))
    };
    let holds = |holds: Section<_>| {
        but(&|snapshot| {
            let Section::Seen(all) = &mut snapshot.settings else {
                panic!("they were seen");
            };
            all[0].holds = holds.clone();
        })
    };
    let broken = Section::Unreadable("line 3, column 5: trailing comma".to_owned());
    let denied = but(&|snapshot| {
        snapshot.privileged = false;
        snapshot.settings = Section::Unreadable("Permission denied (os error 13)".to_owned());
    });
    let unread = holds(Section::Unread);
    let other = but(&|snapshot| snapshot.settings = Section::Seen(Vec::new()));
    assert_snapshot!([holds(broken), denied, unread, other].join("\n"));

    // The same of a file of netprof's own.
    let mut done = applied(PODMAN, &with_podman(vec![podman(&[], None)]));
    done.files = Section::Unreadable("it is neither a file nor a symbolic link".to_owned());
    let all = [described(&plan(None, &done)), planned(PODMAN, &done)];
    assert_snapshot!("and_a_file_of_its_own", all.join("\n"));
}

#[test]
fn a_file_that_is_not_to_be_written_is_refused_with_the_reason() {
    let why = "it was started with --config-file=d.json";
    let engine = json!({"file": "d.json", "unreachable": why});
    assert_snapshot!(planned(BOTH, &docker(engine, None)));
}

#[test]
fn an_engine_that_is_not_there_is_left_out_and_one_that_was_not_looked_for_is_not_known() {
    let profile = r#"containers {
        docker { bridge "172.30.0.1/24"; }
        podman { subnet "192.168.240.0/24"; }
    }"#;
    let unread = Snapshot {
        engines: Section::Unread,
        ..machine("")
    };
    assert_snapshot!(
        [machine(""), unread]
            .map(|snapshot| planned(profile, &snapshot))
            .join("\n")
    );
}

const PODMAN: &str = r#"containers {
    podman { subnet "192.168.240.0/24"; pool "192.168.241.0/24" size=28; pool "10.9.0.0/16" size=24; }
}"#;

fn with_podman(engines: Vec<Engine>) -> Snapshot {
    Snapshot {
        engines: Section::Seen(engines),
        user: Some(User {
            name: "me".to_owned(),
            uid: 1000,
            gid: 100,
            home: "/home/me".to_owned(),
        }),
        ..machine("")
    }
}

#[test]
fn podman_reads_a_file_of_netprofs_own() {
    let later = "/etc/containers/containers.conf.d/90-mine.conf";
    let all = vec![podman(&[later], None), podman(&[], Some("me"))];
    assert_snapshot!(planned(PODMAN, &with_podman(all)));
}

#[test]
fn what_podman_would_choke_on_and_what_is_somebody_elses_is_refused() {
    let v6 = r#"containers { podman { pool "fd00:9::/48" size=64; }; }"#;
    let mut taken = with_podman(vec![podman(&[], None)]);
    items(&mut taken.files).push(LiveFile {
        path: podman(&[], None).file,
        state: FileState::text("[network]\n"),
    });
    let all = [
        planned(v6, &with_podman(vec![podman(&[], None)])),
        planned(PODMAN, &taken),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_nothing_to_the_others() {
    let (machines, mine) = (podman(&[], None), podman(&[], Some("me")));
    let (there, unreadable) = (machines.file.clone(), mine.file.clone());
    let mut snapshot = with_podman(vec![machines, mine]);
    let why = format!("{unreadable}: Permission denied");
    snapshot.unreadable_files.insert(unreadable.clone(), why);
    let planned = planned(PODMAN, &snapshot);
    assert!(planned.contains(&format!("+ file {there} ")), "{planned}");
    let not_known = format!("what file {unreadable} holds is not known");
    assert_eq!(planned.matches("not known").count(), 1, "{planned}");
    assert!(planned.contains(&not_known), "{planned}");
}
