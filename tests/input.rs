//! Bad input on the way to a change: command lines, profiles and plan files that are
//! wrong, broken, endless or hostile. Each is refused with what and where, in time, and
//! the machine is as it was.
//!
//! What can be tried without rights is tried in `cli.rs`, with more sorts of it.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

use crate::harness::{Lab, Office, Picture, Ran, Tun};

/// As deep as no parser that recurses survives.
pub(crate) const DEEP: usize = 200_000;

/// Long for a busy machine. What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A profile with one thing to do.
pub(crate) const GOOD: &str = r#"
profile "good" {
    link "lan" { match name="lan0"; }
    routes {
        keep-localhost
        route "198.18.0.0/15" via="192.168.77.1" link="lan"
    }
}
"#;

/// Runs netprof, which must end soon, and not by a panic or a signal.
#[track_caller]
pub(crate) fn bounded(mut command: Command, what: &str) -> Ran {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (over, is_over) = mpsc::channel();
    thread::spawn(move || over.send(child.wait_with_output()));
    let output = is_over.recv_timeout(PATIENCE);
    let output = output.unwrap_or_else(|_| panic!("netprof {what} hangs"));
    let ran = Ran::new(what, output.unwrap());
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
    assert!(ran.status.is_some(), "{what}: ended by a signal");
    ran
}

/// Refused, and `says` says why.
#[track_caller]
pub(crate) fn assert_refused(lab: &Lab, arguments: &str, says: &str) {
    let ran = bounded(lab.netprof_command(arguments), arguments).exits(1);
    assert!(ran.stderr.contains(says), "{says}?\n{}", ran.stderr);
    let json = format!("{arguments} --json");
    let object = bounded(lab.netprof_command(&json), &json).exits(1).json();
    assert_eq!(object["version"], 1, "{object:#}");
    let said = object["diagnostics"].to_string();
    assert!(said.contains("\"error\""), "{object:#}");
    let changes = object["command"] != "plan";
    assert_eq!(object["outcome"] == "refused", changes, "{object:#}");
}

pub(crate) fn a_broken_profile_changes_nothing(lab: &Lab) {
    let _office = Office::new(lab);
    let before = Picture::take(lab);
    let with = |inside: &str| format!("profile \"bad\" {{\n{inside}\n}}\n");
    for (text, says) in [
        (String::new(), "bad"),
        ("a { ".repeat(DEEP), "bad.kdl"),
        ("profile \"bad\" {".to_owned(), "bad.kdl"),
        ("x".repeat(3 << 20), "larger than"),
        (with("include \"bad\""), "circle"),
        (with("include \"../../../../etc/passwd\""), "passwd"),
        (
            with(
                "link \"vpn\" { match name=\"tun*\"; }\n routes { route \"10.0.0.0/8\" link=\"vpn\"; }",
            ),
            "no link is vpn",
        ),
        (
            with(
                "link \"any\" { match name=\"*0\"; }\n routes { route \"10.0.0.0/8\" link=\"any\"; }",
            ),
            "lan0, corp0",
        ),
        (
            with(
                "link \"lan\" { match name=\"lan0\"; }\n dns { scope \"a\" { domains \"a.example\"; servers \"nine\"; link \"lan\"; }; }",
            ),
            "`nine` is no address",
        ),
        (
            with("routes { route \"10.0.0.1/8\" via=\"192.168.77.1\"; }"),
            "host-bits",
        ),
        (
            with("routes { route \"10.0.0.0/8\" via=\"192.168.77.1\"; flush \"all\"; }"),
            "`flush`",
        ),
        (
            with("proxy { http \"http://me:secret@proxy.example:1\"; export \"system\"; }"),
            "Linux keeps no proxies",
        ),
    ] {
        lab.write_profile("bad", &text);
        for command in ["plan bad", "apply bad"] {
            assert_refused(lab, command, says);
        }
        let said = lab.netprof("apply bad");
        assert!(!said.stderr.contains("secret"), "{}", said.stderr);
    }
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn what_is_no_file_is_refused_and_not_waited_for(lab: &Lab) {
    let _office = Office::new(lab);
    let before = Picture::take(lab);
    lab.run_each(
        "mkdir -p /tmp/folder.kdl /tmp/folder.json /root/.config/netprof/profiles/folder.kdl
         mkfifo /tmp/fifo.kdl /tmp/fifo.json /root/.config/netprof/profiles/fifo.kdl",
    );
    for name in [
        "/tmp/folder.kdl",
        "/tmp/folder.json",
        "/tmp/fifo.kdl",
        "/tmp/fifo.json",
        "/tmp/nowhere.kdl",
        "/tmp/nowhere.json",
        "/dev/zero",
    ] {
        assert_refused(lab, &format!("apply {name}"), name);
    }
    before.assert_same(&Picture::take(lab));
    // Beside such neighbours a good profile is still found.
    lab.write_profile("good", GOOD);
    lab.netprof("apply good").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_plan_file_that_is_none_is_refused(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("good", GOOD);
    lab.netprof("plan good -o /tmp/good.json").exits(0);
    let good = fs::read_to_string("/tmp/good.json").unwrap();
    let before = Picture::take(lab);
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    for (text, says) in [
        (String::new(), "/tmp/plan.json"),
        (good[..good.len() / 2].to_owned(), "EOF while parsing"),
        ("{\"a\":".repeat(DEEP), "recursion limit"),
        ("[1]".to_owned(), "/tmp/plan.json"),
        ("{}".to_owned(), "\"command\":\"plan\""),
        (replaced("\"plan\"", "\"apply\""), "\"command\":\"plan\""),
        (replaced("\"version\": 1", "\"version\": 2"), "version"),
        (replaced("\"profile\"", "\"profil\""), "it names no profile"),
        (replaced("\"changes\"", "\"change\""), "it lists no changes"),
        (
            replaced("\"resource\": \"route4", "\"resourse\": \"route4"),
            "names no resource",
        ),
        // Whoever edits a plan gets no more than the plan that is made anew.
        (replaced("198.18.0.0/15", "0.0.0.0/0"), "route4 0.0.0.0/0"),
        (
            replaced("192.168.77.1\"", "192.168.77.66\""),
            "route4 198.18.0.0/15",
        ),
        (replaced("good.kdl", "evil.kdl"), "evil.kdl"),
        (replaced("\"sha256\": \"", "\"sha256\": \"0"), "edited"),
    ] {
        lab.write("/tmp/plan.json", text);
        assert_refused(lab, "apply /tmp/plan.json", says);
    }
    // The profile that it names is gone.
    lab.run("rm /root/.config/netprof/profiles/good.kdl");
    assert_refused(lab, "apply /tmp/good.json", "good.kdl");
    before.assert_same(&Picture::take(lab));
    lab.write_profile("good", GOOD);
    lab.netprof("apply /tmp/good.json").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_link_that_goes_between_plan_and_apply_is_missed(lab: &Lab) {
    let _office = Office::new(lab);
    let without = Picture::take(lab);
    for optional in ["", "optional=#true"] {
        let tun = Tun::new(lab, "tun0");
        lab.run("ip addr add 10.8.0.2/24 dev tun0");
        lab.run("ip link set tun0 up");
        lab.write_profile(
            "vpn",
            &format!(
                "profile \"vpn\" {{ link \"vpn\" {optional} {{ match name=\"tun*\"; }}\n \
                 routes {{ route \"172.20.0.0/16\" link=\"vpn\"; route \"198.18.0.0/15\" via=\"192.168.77.1\"; }}; }}"
            ),
        );
        lab.netprof("plan vpn -o /tmp/plan.json").exits(0);
        drop(tun);
        assert_refused(lab, "apply /tmp/plan.json", "route4 172.20.0.0/16");
        let said = lab.netprof("apply /tmp/plan.json").exits(1);
        assert!(!said.stderr.contains("198.18"), "{}", said.stderr);
        without.assert_same(&Picture::take(lab));
    }
}

pub(crate) fn a_route_that_the_kernel_refuses_is_named(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run("sysctl -qw net.ipv6.conf.corp0.disable_ipv6=1");
    lab.write_profile(
        "refused",
        "profile \"refused\" { link \"corp\" { match name=\"corp0\"; }\n \
         routes { route \"198.18.0.0/15\" via=\"192.168.77.1\"; route \"fd00:5::/48\" link=\"corp\"; }; }",
    );
    let before = Picture::take(lab);
    let failed = bounded(lab.netprof_command("apply refused"), "apply refused").exits(3);
    for word in ["fd00:5::/48", "taken back", "/var/lib/netprof/journal/"] {
        assert!(failed.stderr.contains(word), "{word}?\n{}", failed.stderr);
    }
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_wrong_command_line_changes_nothing(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("good", GOOD);
    let before = Picture::take(lab);
    for line in [
        "apply",
        "apply good good",
        "apply good --force",
        "rollback --to yesterday",
        "rollback --to -1",
        "rollback 1",
        "release good",
        "recover now",
    ] {
        let ran = bounded(lab.netprof_command(line), line).exits(2);
        assert!(ran.stderr.contains("--help"), "{}", ran.stderr);
    }
    for (line, says) in [
        ("rollback", "no transaction to roll back"),
        (
            "rollback --to 7",
            "transaction 7 is none of those that were made",
        ),
        ("apply nothing", "there is no profile \"nothing\""),
    ] {
        assert_refused(lab, line, says);
    }
    before.assert_same(&Picture::take(lab));
}
