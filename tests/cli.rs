//! The command line, as people and scripts see it.
//!
//! Golden files hold the whole of stdout and stderr and the exit status; look at a
//! changed one with `cargo insta review`. All of it is planned for the machines of
//! `tests/fixtures`, so that it says the same everywhere: what a live machine shows is
//! looked at for its exit status alone. No command that changes anything is run here;
//! those run in namespaces (`tests/tests.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "all of this is a test"
)]

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/broken.rs"]
mod broken;
#[path = "cli/json_examples.rs"]
mod json_examples;
#[path = "cli/json_page.rs"]
mod json_page;
#[path = "cli/launchd.rs"]
mod launchd;
#[cfg(unix)]
#[path = "cli/printed.rs"]
mod printed;

use bench::{Bench, names};

/// Pins what these commands print, under the test's name.
macro_rules! pin {
    ($name:literal, $bench:expr, $lines:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("cli/snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let transcript = $bench.transcript($lines);
        settings.bind(|| insta::assert_snapshot!($name, transcript));
    }};
}

#[test]
fn check_says_what_is_good() {
    let lines = ["check office", "check --json office", "check ./office.kdl"];
    pin!("check_good", Bench::new(), &lines);
}

#[test]
fn check_shows_all_mistakes_of_all_files() {
    let bench = Bench::new();
    let lines = [
        "check careless.kdl",
        "check broken.kdl includes-broken.kdl nowhere.kdl",
        "check --json careless.kdl",
    ];
    pin!("check_bad", bench, &lines);
}

/// What a profile is after its includes depends on the system.
#[cfg(target_os = "linux")]
#[test]
fn show_writes_a_profile_without_its_includes() {
    let lines = ["show road", "show road --json", "show offise"];
    pin!("show", Bench::new(), &lines);
}

#[test]
fn plan_shows_what_would_change_and_why() {
    let lines = [
        "plan office --snapshot openvpn.json",
        "plan office --snapshot openvpn.json --json",
        "plan office --snapshot openvpn.json --exit-code",
    ];
    pin!("plan_with_openvpn", Bench::new(), &lines);
}

/// The plan that the README shows, by the command that it gives for it.
#[test]
fn the_readme_shows_what_is_printed() {
    const README: &str = include_str!("../README.md");
    let bench = Bench::new();
    std::fs::rename(bench.path("examples"), bench.path("profiles")).unwrap();
    let plan = "plan profiles/office.kdl --snapshot";
    assert!(README.contains(&format!("{plan} tests/fixtures/openvpn.json")));
    let printed = bench.run(&format!("{plan} openvpn.json")).exits(0).stdout;
    let rows = printed
        .lines()
        .take_while(|line| !line.starts_with("This is"));
    let indented = rows.map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    });
    let shown: String = indented.collect();
    assert!(!shown.trim().is_empty(), "{printed}");
    assert!(README.contains(shown.trim_end()), "{shown}");
}

#[test]
fn plan_shows_what_waits() {
    let lines = [
        "plan office --snapshot wifi.json",
        "plan waiting --snapshot wifi.json --exit-code",
        "plan so-already --snapshot wifi.json --exit-code",
    ];
    pin!("plan_waiting", Bench::new(), &lines);
}

#[test]
fn plan_shows_what_is_blocked_and_what_is_refused() {
    let lines = [
        "plan office --snapshot no-resolver.json",
        "plan blocked --snapshot wifi.json",
        "plan blocked --snapshot wifi.json --json",
        "plan later --snapshot wifi.json --exit-code",
    ];
    pin!("plan_refused", Bench::new(), &lines);
}

#[test]
fn a_plan_goes_to_a_file_unless_it_is_refused() {
    let bench = Bench::new();
    let plan = "plan office --snapshot openvpn.json --json";
    let printed = bench.run(plan).exits(0).stdout;
    bench.run(&format!("{plan} -o plan.json")).exits(0);
    assert_eq!(bench.read("plan.json"), printed);

    bench
        .run("plan blocked --snapshot wifi.json -o refused.json")
        .exits(1);
    assert!(!bench.path("refused.json").exists());
    bench
        .run("plan office --snapshot openvpn.json -o no/such/folder.json")
        .exits(1);
}

#[test]
fn every_example_can_be_planned_for_every_machine() {
    let bench = Bench::new();
    for profile in names("profiles") {
        for machine in machines() {
            let plan = format!("plan examples/{profile}.kdl --snapshot {machine}.json");
            let text = bench.run(&plan);
            let object = bench.run(&format!("{plan} --json")).json();
            assert_eq!(object["profile"]["name"], profile.as_str(), "{plan}");
            // Either it can be done, or something is named that stands in the way.
            let blocked = object["summary"]["blocked"].as_u64().unwrap();
            let errors = object["diagnostics"].as_array().unwrap().len();
            match text.status {
                Some(0) => assert_eq!(blocked, 0, "{plan}"),
                Some(1) => assert!(errors > 0, "{plan}"),
                other => panic!("{plan}: {other:?}"),
            }
        }
    }
    // On Wi-Fi alone nothing stands in the way of any of them.
    for profile in names("profiles") {
        for machine in ["wifi", "macos/wifi"] {
            let plan = format!("plan examples/{profile}.kdl --snapshot {machine}.json");
            bench.run(&plan).exits(0);
        }
    }
}

/// The snapshots, by their names without the extension.
fn machines() -> Vec<String> {
    let macs = names("tests/fixtures/macos").into_iter();
    let mut all = names("tests/fixtures");
    all.extend(macs.map(|name| format!("macos/{name}")));
    all
}

#[test]
fn the_office_is_planned_for_every_mac() {
    let lines: Vec<String> = names("tests/fixtures/macos")
        .iter()
        .map(|mac| format!("plan examples/office.kdl --snapshot macos/{mac}.json"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    pin!("plan_office_on_macs", Bench::new(), &lines);
}

#[test]
fn what_only_a_mac_can_be_told_is_shown_in_words() {
    let lines = [
        "plan desk --snapshot macos/wifi-and-ethernet.json",
        "plan desk --snapshot macos/wireguard-app-full.json",
        "plan desk --snapshot wifi.json",
        "plan later --snapshot macos/wifi.json",
        "plan desk --snapshot macos/wifi.json --json",
    ];
    pin!("plan_on_macs", Bench::new(), &lines);
}

#[test]
fn a_wrong_command_line_is_a_matter_of_usage() {
    let lines = [
        "",
        "aply office",
        "plan",
        "plan office --snapshoot wifi.json",
        "plan office extra",
        "show",
    ];
    let bench = Bench::new();
    for line in lines {
        bench.run(line).exits(2);
    }
    pin!("usage", bench, &lines);
}

#[test]
fn a_file_and_a_name_are_not_mistaken_for_each_other() {
    let bench = Bench::new();
    bench.write("notes", "{}");
    let told = |line: &str, wanted: [&str; 2]| {
        let said = bench.run(line).exits(1).stderr;
        assert!(wanted.iter().all(|one| said.contains(one)), "{said}");
    };
    told("show notes", ["there is a file notes", "a slash: ./notes"]);
    told(
        "show full-tunnel.kdl --profiles examples",
        [
            "there is a profile \"full-tunnel\" in examples/full-tunnel.kdl",
            "ending: full-tunnel",
        ],
    );
    let neither = bench.run("show nowhere.kdl").exits(1).stderr;
    assert!(!neither.contains("there is a profile"), "{neither}");
}

#[test]
fn help_tells_what_each_command_does() {
    let lines = [
        "--help",
        "check --help",
        "list --help",
        "show --help",
        "snapshot --help",
        "plan --help",
        "apply --help",
        "rollback --help",
        "release --help",
        "status --help",
        "history --help",
        "recover --help",
    ];
    let bench = Bench::new();
    for line in lines {
        bench.run(line).exits(0);
    }
    pin!("help", bench, &lines);
    let version = bench.run("--version").exits(0).stdout;
    assert_eq!(
        version,
        concat!("netprof ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// What these print is the machine's.
#[test]
fn the_live_machine_can_be_looked_at() {
    let bench = Bench::new();
    for line in [
        "list",
        "status",
        "history",
        "snapshot",
        "status --exit-code",
    ] {
        bench.run(line).exits(0);
    }
    for line in [
        "list --json",
        "status --json",
        "history --json",
        "snapshot --json",
    ] {
        let object = bench.run(line).exits(0).json();
        assert_eq!(object["version"], 1, "{line}");
    }
    // A machine can be planned for from its own snapshot.
    bench.run("snapshot -o here.json").exits(0);
    let own = bench.run("plan so-already --snapshot here.json").status;
    assert!(matches!(own, Some(0 | 1)), "{own:?}");
    assert!(
        !bench.path("state").exists(),
        "looking makes no state folder"
    );
}

/// A full disk has the last word, and a reader that has seen enough has not.
#[cfg(target_os = "linux")]
#[test]
fn what_could_not_be_printed_is_not_done() {
    let bench = Bench::new();
    for line in ["show office", "plan office --snapshot wifi.json --json"] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = bench.command(line).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("cannot print"), "{line}: {said}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bench.command(line).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert!(output.stderr.is_empty(), "{line}");
    }
    // Where not even that can be said, the exit status still tells.
    for (line, status) in [("check broken.kdl", 1), ("check careless.kdl", 0)] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let ended = bench.command(line).stderr(full).output().unwrap().status;
        assert_eq!(ended.code(), Some(status), "{line}");
    }
    let full = || std::fs::File::create("/dev/full").unwrap();
    let mut mute = bench.command("show office");
    let ended = mute.stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(ended.code(), Some(1));
}
