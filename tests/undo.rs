//! A rollback leaves the machine as it was, also where the resolver took only half of
//! what it was told, or went away over it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Lab, Office, Picture};

/// What an owner may have told resolved about a link, and what it is to become.
const OWNERS: [(&str, &str); 5] = [
    (
        "resolvectl domain corp0 ~b.example ~a.example",
        "domains \"a.example\" \"b.example\"; servers \"10.99.0.1\"",
    ),
    (
        "resolvectl domain corp0 a.example",
        "domains \"a.example\"; servers \"10.99.0.1\"",
    ),
    (
        "resolvectl dns corp0 10.99.0.1 10.99.0.7",
        "domains \"a.example\"; servers \"10.99.0.7\" \"10.99.0.1\"",
    ),
    (
        "resolvectl default-route corp0 no",
        "domains \"a.example\"; servers \"10.99.0.1\"; default-route #true",
    ),
    (
        "resolvectl llmnr corp0 no
         resolvectl mdns corp0 resolve
         resolvectl dnssec corp0 allow-downgrade
         resolvectl nta corp0 home.arpa",
        "domains \"a.example\"; servers \"10.99.0.1\"; default-route #true",
    ),
];

/// resolved saves what a link was told only when it sees a change.
pub(crate) fn what_was_put_back_outlives_a_restart_of_resolved(lab: &Lab) {
    let office = Office::new(lab);
    let mut resolver = office.start_resolver();
    // Else a scope that takes all names has a rival.
    lab.run("resolvectl default-route lan0 no");
    for (owner, scope) in OWNERS {
        lab.run_each("resolvectl revert corp0\n resolvectl dns corp0 10.99.0.1");
        lab.run_each(owner);
        lab.write_profile("office", &profile(&format!("{scope}; link \"corp\"")));
        let before = lab.resolved_link("corp0");
        lab.netprof("apply office").exits(0);
        let after = lab.resolved_link("corp0");
        assert_ne!(after, before, "{owner}");
        resolver.resolved.restart(lab);
        assert_eq!(lab.resolved_link("corp0"), after, "{owner}");
        lab.netprof("release").exits(0);
        assert_eq!(lab.resolved_link("corp0"), before, "{owner}");
        resolver.resolved.restart(lab);
        assert_eq!(lab.resolved_link("corp0"), before, "{owner}");
    }
}

/// What `apply` came to, in the words of its JSON.
#[derive(Debug)]
struct Came {
    exit: Option<i32>,
    outcome: String,
    kept: usize,
}

impl Came {
    fn of(exit: Option<i32>, stdout: &[u8]) -> Self {
        let object: serde_json::Value = serde_json::from_slice(stdout).unwrap_or_default();
        Self {
            exit,
            outcome: object["outcome"].as_str().unwrap_or_default().to_owned(),
            kept: object["kept"].as_array().map_or(0, Vec::len),
        }
    }
}

fn profile(scope: &str) -> String {
    format!(
        "profile \"office\" {{
            link \"corp\" {{ match name=\"corp0\"; }}
            dns {{ scope \"corp\" {{ {scope}; }}; }}
            routes {{ route \"198.18.0.0/16\" via=\"192.168.77.1\"; }}
        }}"
    )
}

/// Scopes of which resolved takes the domains and refuses the servers, or the other way
/// round.
fn refused() -> Vec<(&'static str, String)> {
    let numbered = |word: &str, each: &dyn Fn(u32) -> String| {
        let all: String = (0..300).map(|n| format!(" \"{}\"", each(n))).collect();
        format!("{word}{all}")
    };
    let servers = numbered("servers", &|n| format!("10.99.{}.{}", n / 250, 1 + n % 250));
    let domains = numbered("domains", &|n| format!("d{n}.example"));
    vec![
        (
            "its own stub as a server",
            "domains \"corp.example\"; servers \"127.0.0.53\"".to_owned(),
        ),
        (
            "no address as a server",
            "domains \"corp.example\"; servers \"0.0.0.0\"".to_owned(),
        ),
        (
            "three hundred servers",
            format!("domains \"corp.example\"; {servers}"),
        ),
        (
            "three hundred domains",
            format!("{domains}; servers \"10.99.0.9\""),
        ),
    ]
}

/// All of these are refused or taken back, or hold: nothing stays in between.
fn each_is_whole_or_not_at_all(lab: &Lab, link: &str) {
    for (what, scope) in refused() {
        lab.write_profile("office", &profile(&format!("{scope}{link}")));
        let before = Picture::take(lab);
        let ran = lab.netprof("apply office --json");
        let came = Came::of(ran.status, ran.stdout.as_bytes());
        println!("{what}: {came:?}");
        match came.exit {
            Some(0) => {
                lab.netprof("release").exits(0);
            }
            Some(1 | 3) => assert_eq!(came.kept, 0, "{what}"),
            _ => panic!("{what}: {came:?} {}", ran.stderr),
        }
        before.assert_same(&Picture::take(lab));
        lab.netprof("recover").exits(0);
        before.assert_same(&Picture::take(lab));
    }
}

pub(crate) fn what_resolved_takes_half_of_is_taken_back(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    each_is_whole_or_not_at_all(lab, "; link \"corp\"");
}

pub(crate) fn a_delegate_that_resolved_takes_half_of_is_taken_back(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    each_is_whole_or_not_at_all(lab, "");
    assert!(!std::path::Path::new("/run/systemd/dns-delegate.d").exists());
}

/// What of the machine netprof could have changed here. The list of resolved's global
/// servers is left out: it is gathered from the links, and its order is another one
/// after each start.
fn seen(lab: &Lab) -> String {
    let resolved = lab.resolved();
    let delegates = std::fs::read_dir("/run/systemd/dns-delegate.d").map_or(0, Iterator::count);
    format!(
        "{:#}\n{:#}\n{delegates} files\n{}\n{}\n{}\n{}",
        resolved["links"],
        resolved["delegates"],
        lab.run("ip rule"),
        lab.run("ip -6 rule"),
        lab.run("ip route show table all"),
        lab.run("ip -6 route show table all"),
    )
}

/// Kills resolved at moments all over an apply, has it started again after `away`, and
/// looks at what is there once netprof had a chance to finish.
fn killed_over(lab: &Lab, scope: &str, moments: u32, away: Duration) {
    let office = Office::new(lab);
    let mut resolver = office.start_resolver();
    lab.write_profile("office", &profile(scope));
    let before = seen(lab);
    let begun = Instant::now();
    lab.netprof("apply office").exits(0);
    let whole = begun.elapsed();
    lab.netprof("release").exits(0);
    assert_eq!(seen(lab), before);
    let mut counts = std::collections::BTreeMap::new();
    for moment in 0..moments {
        let begun = Instant::now();
        let child = lab
            .netprof_command("apply office --json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netprof starts");
        while begun.elapsed() < whole / 3 + whole * moment / moments * 2 / 3 {
            std::hint::spin_loop();
        }
        resolver.resolved.daemon().signal(Signal::SIGKILL);
        std::thread::sleep(away);
        resolver.resolved.restart(lab);
        let output = child.wait_with_output().expect("netprof ends");
        let came = Came::of(output.status.code(), &output.stdout);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        *counts.entry((came.exit, came.outcome.clone())).or_insert(0) += 1;
        if came.exit == Some(4) {
            lab.netprof("recover").exits(0);
        }
        match came.exit {
            Some(0) => {
                lab.netprof("release").exits(0);
            }
            Some(1 | 3 | 4) => assert_eq!(came.kept, 0, "{moment}: {came:?} {said}"),
            _ => panic!("{moment}: {came:?} {said}"),
        }
        assert_eq!(seen(lab), before, "{moment}: {came:?} {said}");
    }
    println!("{counts:?}");
}

/// A kill between the file of a delegate and its being read leaves a resolver that shows
/// what was, until it is started again.
pub(crate) fn a_kill_leaves_no_file_of_a_delegate(lab: &Lab) {
    const FILE: &str = "/run/systemd/dns-delegate.d/netprof-corp.dns-delegate";
    let office = Office::new(lab);
    let mut resolver = office.start_resolver();
    lab.write_profile("office", &profile(DELEGATE));
    let old = seen(lab);
    lab.netprof("apply office").exits(0);
    let new = seen(lab);
    lab.netprof("release").exits(0);
    let mut between = 0;
    for round in 0..20 {
        // Every other time it is on its way out.
        let comes = round % 2 == 0;
        if !comes {
            lab.netprof("apply office").exits(0);
        }
        let before = seen(lab);
        let mut child = lab
            .netprof_command(if comes { "apply office" } else { "release" })
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("netprof starts");
        while std::path::Path::new(FILE).exists() != comes
            && child.try_wait().expect("it is ours").is_none()
        {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        child.wait().expect("netprof ends");
        let shows = lab.resolved()["delegates"].get("netprof-corp").is_some();
        between += u32::from(shows != comes);
        let recovered = lab.netprof("recover --json").exits(0).json();
        let mut after = &before;
        // Nothing was left to do: the kill came before anything was begun, or after the
        // commit. What was begun goes back, whatever resolved shows already.
        if recovered["outcome"] == "unchanged" && seen(lab) != before {
            after = if comes { &new } else { &old };
        }
        assert_eq!(seen(lab), *after, "{round}");
        resolver.resolved.restart(lab);
        assert_eq!(seen(lab), *after, "{round}: it reads what it showed");
        lab.netprof("release").exits(0);
        assert_eq!(seen(lab), old, "{round}");
    }
    assert!(
        between > 0,
        "no kill fell between the file and its being read"
    );
}

const ON_A_LINK: &str = "domains \"corp.example\"; servers \"10.99.0.9\"; link \"corp\"";
const DELEGATE: &str = "domains \"corp.example\"; servers \"10.99.0.9\"";

pub(crate) fn a_resolver_that_is_restarted_meanwhile_ends_as_it_was(lab: &Lab) {
    killed_over(lab, ON_A_LINK, 20, Duration::ZERO);
}

pub(crate) fn a_resolver_that_is_gone_for_long_is_undone_by_the_next_command(lab: &Lab) {
    killed_over(lab, ON_A_LINK, 10, Duration::from_millis(1500));
}

pub(crate) fn a_delegate_is_undone_though_the_resolver_went_away(lab: &Lab) {
    killed_over(lab, DELEGATE, 10, Duration::from_millis(1500));
}

/// Somebody's rule with the same words and one more stands before ours: to the kernel, a
/// removal of ours is one of theirs.
pub(crate) fn a_rule_of_somebody_elses_is_not_removed_in_place_of_ours(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile(
        "lan",
        "profile \"lan\" { link \"lan\" { match name=\"lan0\"; }; routes { keep-lan \"lan\"; }; }",
    );
    let before = Picture::take(lab);
    lab.netprof("apply lan").exits(0);
    let words = "pref 110 to 192.168.77.0/24 lookup main suppress_prefixlength 23 protocol 110";
    let twin = format!("{words} iif corp0");
    lab.run(&format!("ip rule del {words}"));
    lab.run(&format!("ip rule add {twin}"));
    lab.run(&format!("ip rule add {words}"));
    let both = Picture::take(lab);
    let refused = lab.netprof("release").exits(3);
    assert!(refused.stderr.contains("iif corp0"), "{}", refused.stderr);
    both.assert_same(&Picture::take(lab));
    // It is in nobody's way any more.
    lab.run(&format!("ip rule del {twin}"));
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}
