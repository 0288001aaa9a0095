//! Files that are broken, huge, endless, or something else than they should be: each
//! is refused with the place and the reason, soon, and without a panic.

use std::fmt::Write;

use crate::bench::Bench;

/// As deep as no parser that recurses survives.
const DEEP: usize = 200_000;

/// Refused with `says`, which names what is wrong, and nothing is written.
#[track_caller]
fn assert_refused(bench: &Bench, arguments: &str, says: &[&str]) {
    let ran = bench.run(arguments).exits(1);
    for word in says {
        assert!(ran.stderr.contains(word), "{word}?\n{}", ran.transcript());
    }
    // A script gets the same, and stderr stays empty.
    let ran = bench.run(&format!("{arguments} --json")).exits(1);
    let object = ran.json();
    assert_eq!(ran.stderr, "", "{arguments}");
    let messages = object["diagnostics"].to_string();
    assert!(messages.contains("\"error\""), "{object:#}");
    assert!(!bench.path("state").exists(), "{arguments}");
}

/// Three megabytes that are no text in any language, always the same.
fn noise() -> String {
    let mut state: u32 = 1;
    let mut text = String::new();
    while text.len() < 3 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push(char::from_u32(33 + (state >> 24) % 94).unwrap_or('?'));
        if state.is_multiple_of(61) {
            text.push('\n');
        }
    }
    text
}

#[test]
fn a_profile_that_is_noise_huge_or_deep_is_refused() {
    let bench = Bench::new();
    let many = "    route \"10.0.0.0/8\" lnk=\"vpn\"\n".repeat(20_000);
    for (name, text, says) in [
        ("huge.kdl", noise(), "larger than 1024 KiB"),
        ("noise.kdl", noise()[..900_000].to_owned(), "noise.kdl"),
        ("deep.kdl", "a { ".repeat(DEEP), "deep.kdl"),
        (
            "deeper.kdl",
            "a{".repeat(DEEP) + &"}".repeat(DEEP),
            "deeper.kdl",
        ),
        ("quotes.kdl", "\"".repeat(DEEP), "quotes.kdl"),
        ("comments.kdl", "/*".repeat(DEEP), "comments.kdl"),
        (
            "many.kdl",
            format!("profile \"many\" {{ routes {{\n{many}}}; }}"),
            "more errors",
        ),
        ("empty.kdl", String::new(), "empty.kdl"),
        ("nul.kdl", "profile \"a\u{0}b\" { }".to_owned(), "nul.kdl"),
        (
            "escape.kdl",
            "profile \"a\" { link \"\u{1b}]0;x\u{7}\" }".to_owned(),
            "escape.kdl",
        ),
    ] {
        bench.write(name, text);
        for command in ["check", "show", "plan --snapshot wifi.json"] {
            assert_refused(&bench, &format!("{command} {name}"), &[says]);
        }
        let said = bench.run(&format!("check {name}"));
        assert!(
            !said.stderr.contains('\u{1b}'),
            "{name} reaches the terminal"
        );
        assert!(
            said.stderr.len() < 100_000,
            "{name}: {} bytes",
            said.stderr.len()
        );
        std::fs::remove_file(bench.path(name)).unwrap();
    }
    bench.write("latin.kdl", b"profile \"caf\xe9\" { }");
    assert_refused(
        &bench,
        "check latin.kdl",
        &["latin.kdl is not UTF-8", "line 1"],
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("folder.kdl")).unwrap();
    std::fs::create_dir(bench.path("folder.json")).unwrap();
    for name in ["fifo.kdl", "fifo.json"] {
        let made = std::process::Command::new("mkfifo")
            .arg(bench.path(name))
            .status()
            .unwrap();
        assert!(made.success());
    }
    std::os::unix::fs::symlink("circle.kdl", bench.path("circle.kdl")).unwrap();
    for name in ["folder.kdl", "fifo.kdl", "circle.kdl", "nowhere.kdl"] {
        assert_refused(&bench, &format!("check {name}"), &[name]);
        assert_refused(
            &bench,
            &format!("plan {name} --snapshot wifi.json"),
            &[name],
        );
    }
    for name in ["folder.json", "fifo.json", "nowhere.json", "/dev/zero"] {
        assert_refused(&bench, &format!("plan office --snapshot {name}"), &[name]);
    }
    // A search path with all of these in it still has the others.
    bench.run("show office").exits(0);
    bench.run("list").exits(0);
    let to_folder = "plan office --snapshot wifi.json -o folder.json";
    assert_refused(&bench, to_folder, &["cannot write folder.json"]);
}

#[test]
fn a_snapshot_that_is_none_is_refused() {
    let bench = Bench::new();
    let good = std::fs::read_to_string(bench.path("wifi.json")).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (text, says) in [
        (String::new(), "line 1"),
        ("not json".to_owned(), "line 1"),
        (good[..good.len() / 2].to_owned(), "EOF while parsing"),
        (format!("{good}{good}"), "trailing characters"),
        ("{}".to_owned(), "snapshot version none"),
        ("[]".to_owned(), "invalid length"),
        ("null".to_owned(), "invalid type"),
        (
            replaced("\"version\": 1", "\"version\": 2"),
            "snapshot version 2",
        ),
        (
            replaced("\"version\": 1", "\"version\": \"1\""),
            "snapshot version",
        ),
        (replaced("\"linux\"", "\"plan9\""), "plan9"),
        (replaced("192.168.1.23/24", "192.168.1.23/64"), "invalid"),
        (
            replaced("\"wlan0\", \"up\": true", "\"wlan0\", \"up\": \"yes\""),
            "invalid type",
        ),
        (replaced("\"index\": 2", "\"index\": -2"), "invalid value"),
        (replaced("\"metric\": 600", "\"metric\": 1e99"), "invalid"),
        (replaced("\"seen\"", "\"perhaps\""), "perhaps"),
        ("[".repeat(DEEP), "other.json"),
        ("{\"a\":".repeat(DEEP), "EOF while parsing"),
        ("{\"snapshot\":".repeat(DEEP), "recursion limit"),
        (noise(), "line 1"),
    ] {
        bench.write("other.json", text);
        let plan = "plan office --snapshot other.json";
        assert_refused(&bench, plan, &["other.json", says]);
    }
    // What is not there was not read: it is said, and not taken for absent.
    bench.write(
        "other.json",
        "{\"version\":1,\"os\":\"linux\",\"privileged\":false}",
    );
    assert_refused(&bench, "plan office --snapshot other.json", &[]);
}

#[test]
fn a_snapshot_may_be_printed_either_way() {
    let bench = Bench::new();
    let good = bench.read("wifi.json");
    bench.write(
        "printed.json",
        format!("{{\"command\":\"snapshot\",\"snapshot\":{good}}}"),
    );
    let plain = bench.run("plan office --snapshot wifi.json").exits(0);
    let printed = bench.run("plan office --snapshot printed.json").exits(0);
    assert_eq!(plain.stdout, printed.stdout);
}

#[test]
fn a_snapshot_may_say_the_strangest_things() {
    let bench = Bench::new();
    let good = std::fs::read_to_string(bench.path("openvpn.json")).unwrap();
    for (from, to) in [
        ("\"dev\": \"wlan0\"", "\"dev\": \"\""),
        ("\"dev\": \"wlan0\"", "\"dev\": \"gone0\""),
        ("\"name\": \"wlan0\"", "\"name\": \"tun0\""),
        ("\"lookup\": 255", "\"lookup\": 0"),
        ("\"priority\": 32766", "\"priority\": 110"),
        ("192.168.1.23/24", "0.0.0.0/0"),
        ("\"hops\": [{\"dev\": \"wlan0\"}]", "\"hops\": []"),
        ("\"via\": \"192.168.1.1\"", "\"via\": \"fe80::1\""),
        ("10.8.0.2/16", "255.255.255.255/32"),
        ("\"name\": \".\"", "\"name\": \"\\u0000\""),
        ("\"dev\": \"tun0\"", "\"dev\": \"\\u001b[31m\""),
    ] {
        assert!(good.contains(from), "{from}");
        bench.write("strange.json", good.replace(from, to));
        for profile in ["office", "road", "blocked"] {
            let ran = bench.run(&format!("plan {profile} --snapshot strange.json"));
            assert!(matches!(ran.status, Some(0 | 1)), "{}", ran.transcript());
            let shown = ran.stdout + &ran.stderr;
            assert!(
                !shown.contains('\u{1b}'),
                "{from}: {to} reaches the terminal"
            );
        }
    }
}

#[test]
fn a_machine_with_a_hundred_thousand_links_is_planned_for_in_time() {
    let bench = Bench::new();
    let good = std::fs::read_to_string(bench.path("wifi.json")).unwrap();
    let mut links = String::new();
    for n in 10..100_010 {
        let _ = write!(
            links,
            "{{\"index\":{n},\"name\":\"veth{n}\",\"kind\":\"veth\",\"up\":true,\"carrier\":true,\"mtu\":1500,\"owner\":\"docker\"}},"
        );
    }
    let first = "{\"index\": 2,";
    bench.write(
        "many.json",
        good.replacen(first, &format!("{links}{first}"), 1),
    );
    bench.run("plan office --snapshot many.json").exits(0);
    bench
        .run("plan examples/base.kdl --snapshot many.json")
        .exits(0);
}
