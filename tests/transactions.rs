//! Whole or not at all: what the kernel refuses, what somebody else changes in
//! between, and what must be exactly as it was afterwards.

use std::fmt::Write;

use crate::harness::{Lab, Office, Picture, Tun, until, until_addressed};

/// Sixty routes, of which the last one alone is refused by the kernel: its link has
/// IPv6 switched off, which no dump shows.
fn sixty() -> String {
    let mut routes = String::new();
    for n in 1..60 {
        let _ = writeln!(routes, "route \"198.18.{n}.0/24\" via=\"192.168.77.1\"");
    }
    let _ = writeln!(routes, "route \"fd00:5::/48\" link=\"tunnel\"");
    format!(
        "profile \"sixty\" {{\n link \"tunnel\" {{ match name=\"tun0\"; }}\n routes {{\n{routes} }}\n}}\n"
    )
}

pub(crate) fn a_refused_change_takes_back_all_sixty(lab: &Lab) {
    let _office = Office::new(lab);
    let _tun = Tun::new(lab, "tun0");
    lab.run_each(
        "ip addr add 10.8.0.2/24 dev tun0
         ip link set tun0 up
         sysctl -qw net.ipv6.conf.tun0.disable_ipv6=1",
    );
    lab.write_profile("sixty", &sixty());
    let before = Picture::take(lab);
    let failed = lab.netprof("apply sixty --json").exits(3).json();
    assert_eq!(failed["outcome"], "rolled-back", "{failed:#}");
    assert!(
        failed["why"].as_str().unwrap().contains("fd00:5::/48"),
        "{}",
        failed["why"]
    );
    before.assert_same(&Picture::take(lab));
    assert!(
        lab.netprof("history")
            .exits(0)
            .stdout
            .contains("rolled back")
    );

    // Without the obstacle the same plan holds, and comes off again.
    lab.run("sysctl -qw net.ipv6.conf.tun0.disable_ipv6=0");
    until_addressed(lab, "tun0");
    let before = Picture::take(lab);
    lab.netprof("apply sixty").exits(0);
    assert_eq!(
        lab.way_to("198.18.59.1").unwrap().gateway.as_deref(),
        Some("192.168.77.1")
    );
    assert_eq!(lab.way_to("fd00:5::1").unwrap().link, "tun0");
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
}

const ROUTES: &str = r#"
profile "routes" {
    link "lan" { match name="lan0"; }
    routes {
        keep-localhost
        route "172.20.0.0/14" via="192.168.77.1" metric=50
        route "198.18.0.0/15" via="192.168.77.1" link="lan"
        unreachable "203.0.113.128/25"
        unreachable "fd00:dead::/32"
    }
}
"#;

pub(crate) fn a_plan_file_made_stale_by_somebody_elses_route_is_refused(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("routes", ROUTES);
    lab.netprof("plan routes -o /root/plan.json").exits(0);
    lab.run("ip route add 198.18.0.0/15 via 192.168.77.50");
    let before = Picture::take(lab);
    let refused = lab.netprof("apply /root/plan.json").exits(1);
    assert!(
        refused.stderr.contains("198.18.0.0/15"),
        "{}",
        refused.stderr
    );
    before.assert_same(&Picture::take(lab));

    lab.run("ip route del 198.18.0.0/15");
    let before = Picture::take(lab);
    lab.netprof("apply /root/plan.json").exits(0);
    assert_eq!(
        lab.way_to("198.18.1.1").unwrap().gateway.as_deref(),
        Some("192.168.77.1")
    );
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));

    // An edited profile is another promise.
    lab.write_profile("routes", &ROUTES.replace("metric=50", "metric=51"));
    let refused = lab.netprof("apply /root/plan.json").exits(1);
    assert!(refused.stderr.contains("edited"), "{}", refused.stderr);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_plan_is_not_empty_once_any_committed_thing_is_gone(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("routes", ROUTES);
    let before = Picture::take(lab);
    lab.netprof("apply routes").exits(0);
    lab.netprof("plan routes --exit-code").exits(0);
    for gone in [
        "ip route del 172.20.0.0/14 metric 50",
        "ip route del 198.18.0.0/15",
        "ip route del unreachable 203.0.113.128/25",
        "ip -6 route del unreachable fd00:dead::/32",
    ] {
        lab.run(gone);
        lab.netprof("plan routes --exit-code").exits(5);
        lab.netprof("status --exit-code").exits(5);
        lab.netprof("apply routes").exits(0);
        lab.netprof("status --exit-code").exits(0);
    }
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn localhost_is_mended(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("home", "profile \"home\" { routes { keep-localhost; }; }");
    lab.netprof("apply home").exits(0);
    // IPv6 does not ask its rules before the first one is added (fib6_rule_lookup):
    // with one of a VPN's there, a missing rule matters.
    lab.run("ip -6 rule add pref 5270 lookup 52");
    let sound = Picture::take(lab);
    for broken in [
        "ip rule del pref 0",
        "ip -6 rule del pref 0",
        "ip link set lo down",
        "ip addr del 127.0.0.1/8 dev lo",
        "ip route del local 127.0.0.0/8 dev lo table local",
        "ip -6 addr del ::1/128 dev lo",
    ] {
        lab.run(broken);
        let before = Picture::take(lab);
        let works = || {
            ["127.0.0.2", "::1", "192.168.77.2", "fd00:77::2"]
                .iter()
                .all(|own| lab.reaches(own))
        };
        assert!(!works(), "{broken} breaks nothing");
        lab.netprof("apply home").exits(0);
        // The kernel finishes an IPv6 address in a work queue (addrconf_dad_work).
        until(&format!("{broken} is mended"), works);
        lab.netprof("plan home --exit-code").exits(0);
        lab.netprof("release").exits(0);
        before.assert_same(&Picture::take(lab));
        lab.netprof("apply home").exits(0);
        // What the kernel itself would have, back for the next round.
        lab.netprof("release").exits(0);
        restore_localhost(lab);
        sound.assert_same(&Picture::take(lab));
    }
}

fn restore_localhost(lab: &Lab) {
    lab.run("ip link set lo down");
    let _ = lab.output("ip addr flush dev lo");
    lab.run("ip link set lo up");
    for family in ["-4", "-6"] {
        if !lab
            .run(&format!("ip {family} rule"))
            .contains("0:\tfrom all lookup local")
        {
            lab.run(&format!(
                "ip {family} rule add pref 0 lookup local protocol kernel"
            ));
        }
    }
}

pub(crate) fn a_switch_of_profiles_is_one_transaction(lab: &Lab) {
    let _office = Office::new(lab);
    let before = Picture::take(lab);
    lab.write_profile("one", ROUTES.replace("\"routes\"", "\"one\"").as_str());
    lab.write_profile(
        "two",
        "profile \"two\" { routes { route \"198.18.0.0/15\" via=\"192.168.77.50\"; }; }",
    );
    lab.netprof("apply one").exits(0);
    let first = Picture::take(lab);
    let switched = lab.netprof("apply two --json").exits(0).json();
    assert_eq!(switched["summary"]["change"], 1, "{switched:#}");
    assert_eq!(
        lab.way_to("198.18.0.1").unwrap().gateway.as_deref(),
        Some("192.168.77.50")
    );
    assert_eq!(
        lab.way_to("172.20.0.1").unwrap().gateway.as_deref(),
        Some("192.168.77.1")
    );
    assert!(lab.netprof("status").exits(0).stdout.starts_with("two:"));
    // Back to one, and back to nothing.
    lab.netprof("rollback").exits(0);
    first.assert_same(&Picture::take(lab));
    assert!(lab.netprof("status").exits(0).stdout.starts_with("one:"));
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    lab.netprof("rollback").exits(1);
}

pub(crate) fn a_foreign_edit_survives_a_release(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("routes", ROUTES);
    lab.netprof("apply routes").exits(0);
    lab.run("ip route replace 198.18.0.0/15 via 192.168.77.50");
    let released = lab.netprof("release --json").exits(0).json();
    assert_eq!(
        released["kept"][0]["resource"],
        "route4 198.18.0.0/15 table 254 metric 0 tos 0"
    );
    assert_eq!(
        lab.way_to("198.18.1.1").unwrap().gateway.as_deref(),
        Some("192.168.77.50")
    );
    assert!(!lab.routes(4).to_string().contains("172.20.0.0"));
}

pub(crate) fn what_goes_with_its_link_is_neither_drift_nor_work(lab: &Lab) {
    let _office = Office::new(lab);
    let before = Picture::take(lab);
    let tun = Tun::new(lab, "tun0");
    lab.run("ip addr add 10.8.0.2/24 dev tun0");
    lab.run("ip link set tun0 up");
    lab.write_profile(
        "vpn",
        "profile \"vpn\" { link \"vpn\" optional=#true { match name=\"tun*\"; }\n \
         routes { route \"10.0.0.0/8\" link=\"vpn\"; }; }",
    );
    lab.netprof("apply vpn").exits(0);
    drop(tun);
    let says = |words: &[&str]| {
        let status = lab.netprof("status --exit-code").exits(0);
        for word in words {
            assert!(status.stdout.contains(word), "{word}: {}", status.stdout);
        }
    };
    // Neither drift nor work to undo, and not in force all the same.
    let apply = "sudo netprof apply vpn\n";
    let waits = "Not fully in force: 1 part waits for what is not there\n";
    says(&["gone with its link", waits, apply]);
    lab.netprof("plan vpn --exit-code").exits(0);
    // Who applies it all the same is told that it waits still.
    let says_so = |status: &str| {
        let applied = lab.netprof("apply vpn").exits(0).stdout;
        assert!(applied.contains(status), "{applied}");
        let waits = "? route 10.0.0.0/8        waits for link vpn: none is named tun*";
        assert!(applied.contains(waits), "{applied}");
    };
    says_so("vpn: nothing had to be changed\n");
    says_so("vpn: nothing to do, it waits for what is not there\n");
    let again = Tun::new(lab, "tun0");
    lab.run("ip addr add 10.8.0.2/24 dev tun0");
    lab.run("ip link set tun0 up");
    let missing = "Not fully in force: 1 change is to be made\n";
    says(&[missing, apply]);
    lab.netprof("plan vpn --exit-code").exits(5);
    drop(again);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

/// What a person is told to run next does what it says, pasted into a shell.
pub(crate) fn a_printed_command_works_wherever_the_profile_was_found(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write("/srv/my dotfiles/routes.kdl", ROUTES);
    let before = Picture::take(lab);
    // As sudo(8) would: with nothing of the environment but where programs are.
    let sudo = "sudo() { env -i PATH=\"$PATH\" HOME=/root \"$@\"; }; cd /srv";
    let told = |printed: &str, before: &str| {
        let lines = printed.lines().find_map(|line| line.split_once(before));
        let (_, command) = lines.unwrap_or_else(|| panic!("{before}: {printed}"));
        lab.sh(&format!("{sudo}; {command}"))
    };
    for start in [
        "netprof --profiles 'my dotfiles' plan routes",
        "NETPROF_PROFILES='my dotfiles' netprof plan routes",
        "netprof plan './my dotfiles/routes.kdl'",
        "netprof plan './my dotfiles/routes.kdl#routes'",
        "netprof plan './my dotfiles/routes.kdl' -o 'the plan.json'",
        "netprof plan './my dotfiles/routes.kdl' --output=-p.json",
    ] {
        let planned = lab.sh(&format!("{sudo}; {start}"));
        let applied = told(&planned, "Apply it with: ");
        assert!(applied.contains("Done, as transaction"), "{applied}");
        lab.run("ip route del 198.18.0.0/15");
        let status = lab.netprof("status").exits(0).stdout;
        let planned = told(&status, "see why: ");
        assert!(planned.contains("+ route 198.18.0.0/15"), "{planned}");
        told(&status, "make it so: ");
        told(&applied, "Take it back with: ");
        lab.netprof("release").exits(0);
        before.assert_same(&Picture::take(lab));
    }
}

pub(crate) fn apply_without_rights_says_what_it_needs(lab: &Lab) {
    let _office = Office::new(lab);
    let before = Picture::take(lab);
    lab.write("/tmp/routes.kdl", ROUTES);
    for command in ["apply /tmp/routes.kdl", "release", "rollback", "recover"] {
        let mut person = lab.netprof_command_as_person(command);
        let output = person.output().unwrap();
        let ran = crate::harness::Ran::new(command, output).exits(1);
        assert!(ran.stderr.contains("sudo netprof"), "{}", ran.stderr);
    }
    before.assert_same(&Picture::take(lab));
    let output = lab
        .netprof_command_as_person("plan /tmp/routes.kdl")
        .output()
        .unwrap();
    let planned = crate::harness::Ran::new("plan", output).exits(0);
    assert!(
        planned.stdout.contains("172.20.0.0/14"),
        "{}",
        planned.stdout
    );
}
