//! Files that are no profiles, by accident or on purpose: each is refused, soon,
//! and nothing panics, aborts or waits.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use netprof_model::snapshot::Os;
use netprof_profile::{Checked, Library, MAX_SIZE, Refused, code};
use proptest::prelude::*;

fn refuse(what: &str, text: &str) -> Refused {
    let start = Instant::now();
    let refused = Library::default()
        .resolve_text("x.kdl", text, Os::Linux)
        .expect_err("it is no profile");
    let took = start.elapsed();
    // A debug build, on a machine that is busy with other tests: a tenth of this is
    // usual. What this is for is the difference between linear and not.
    assert!(took < Duration::from_secs(10), "{what:?}: {took:?}");
    assert!(!refused.diagnostics.is_empty());
    assert!(
        refused.diagnostics.len() <= 21,
        "{}",
        refused.diagnostics.len()
    );
    refused
}

/// Bytes that no compressor would shorten, from a fixed seed.
fn noise(length: usize, byte: impl Fn(u64) -> u8) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            byte(state >> 11)
        })
        .collect()
}

#[test]
fn a_megabyte_of_noise_is_refused_soon() {
    let printable = noise(MAX_SIZE, |bits| b' ' + u8::try_from(bits % 95).unwrap());
    let lines = noise(MAX_SIZE, |bits| {
        b"\n;{}\"#/*-\\abc1 ="[usize::try_from(bits % 16).unwrap()]
    });
    for bytes in [printable, lines] {
        refuse("noise", &String::from_utf8(bytes).unwrap());
    }
}

#[test]
fn a_megabyte_of_one_thing_is_refused_soon() {
    for piece in [
        "}",
        "{",
        "a{",
        ";",
        "(",
        ")",
        "\"",
        "#",
        "#\"",
        "\"\"\"\n",
        "#\"\"\"\n",
        "/-",
        "a /-",
        "/-a{",
        "a /-{",
        "/*",
        "*/",
        "/**/",
        "/",
        "\\",
        "\\\n",
        "a\\",
        "=",
        "a=",
        "a =1 ",
        "-",
        ".",
        "0x",
        "\u{feff}",
        "a {}\n",
        "a;",
        "a 1;",
        "profile;",
        "profile a;",
        "a \"",
        "a \"\\u{",
        "true\n",
        "a \"x\"{\n}",
        "}}{{",
        "profile \"a\" {",
        "profile \"a\" { include \"a\"; }\n",
        "\r",
        "\0",
        "a\"b",
    ] {
        let text = piece.repeat(MAX_SIZE / piece.len());
        let refused = refuse(piece, &text);
        assert!(refused.diagnostics[0].location.is_some(), "{piece:?}");
    }
}

#[test]
fn a_megabyte_of_one_thing_in_a_profile_is_refused_soon() {
    for (before, piece, after) in [
        ("", "route \"10.0.0.0/8\" link=\"a\"\n", ""),
        ("routes {\n", "route \"10.0.0.0/8\" link=\"a\"\n", "}"),
        ("routes { keep-lan {\n", "also \"10.0.0.0/8\"\n", "}}"),
        ("dns { scope \"a\" { domains ", "\"a.b\" ", "}}"),
        (
            "dns {\n",
            "scope \"a\" { servers \"10.0.0.1\"; domains \"a\"; link \"b\"; }\n",
            "}",
        ),
        ("link \"a\" ", "many=#true ", ""),
        ("", "link \"a\" { match name=\"b\"; }\n", ""),
        ("", "description \"a\"\n", ""),
        ("", "include \"a\"\n", ""),
        ("", "remove scope \"a\"\n", ""),
        ("", "os \"linux\" { include \"b\"; }\n", ""),
        ("when { link ", "\"a\" ", "}"),
        (
            "containers { docker {\n",
            "pool \"10.0.0.0/8\" size=24\n",
            "}}",
        ),
    ] {
        let count = (MAX_SIZE - 100) / piece.len();
        let text = format!(
            "profile \"p\" {{\n{before}{}{after}\n}}\n",
            piece.repeat(count)
        );
        refuse(piece, &text);
    }
}

#[test]
fn a_megabyte_of_different_things_is_read_soon() {
    let mut text = String::from("profile \"p\" { include \"q\"; routes {\n");
    for number in 0..16_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        text.push_str(&format!("route \"10.{a}.{b}.{c}/32\" link=\"l{number}\"\n"));
    }
    text.push_str("}}\nprofile \"q\" { dns {\n");
    for number in 0..2_000 {
        text.push_str(&format!(
            "scope \"s{number}\" {{ domains \"d{number}.x\"; servers \"10.0.0.1\"; }}\n"
        ));
    }
    text.push_str("}}\n");
    assert!(text.len() < MAX_SIZE);
    let start = Instant::now();
    let refused = Library::default()
        .resolve_text("x.kdl#p", &text, Os::Linux)
        .expect_err("no link is declared");
    assert!(
        refused
            .diagnostics
            .iter()
            .any(|one| one.code == code::UNDECLARED_LINK)
    );
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo.kdl");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let library = Library::new([folder.path().to_owned()]);
    for path in [
        fifo.as_path(),
        folder.path(),
        Path::new("/dev/zero"),
        Path::new("/dev/tty"),
    ] {
        let wanted = path.display().to_string();
        let refused = library.resolve(&wanted, Os::Linux).expect_err(&wanted);
        let code = &refused.diagnostics[0].code;
        assert!(
            [code::NOT_A_FILE, code::UNREADABLE].contains(&code.as_str()),
            "{wanted}: {code}"
        );
    }
    fs::write(folder.path().join("good.kdl"), "profile \"good\" {\n}\n").unwrap();
    assert!(
        library.resolve("good", Os::Linux).is_ok(),
        "a FIFO beside it blocks nothing"
    );
    assert_eq!(library.list().profiles.len(), 1);
}

#[test]
fn a_file_over_the_limit_is_refused_by_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise.kdl");
    fs::write(&path, noise(3 << 20, |bits| bits.to_be_bytes()[7])).unwrap();
    let start = Instant::now();
    let refused = Library::default()
        .resolve(&path.display().to_string(), Os::Linux)
        .expect_err("it is too large");
    assert_eq!(refused.diagnostics[0].code, code::TOO_LARGE);
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[test]
fn includes_that_lie_in_each_other_without_end_are_refused() {
    let refused = Library::default()
        .resolve_text("x.kdl#p0", &chain(999, 1), Os::Linux)
        .expect_err("too deep");
    let codes: Vec<_> = refused.diagnostics.iter().map(|one| &one.code).collect();
    assert_eq!(codes, [code::TOO_DEEP]);
}

/// Profiles of which each includes the `next` ones that follow it.
fn chain(count: usize, next: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let names = (number + 1..=number + next).map(|next| format!("\"p{}\"", next.min(count)));
        let names: BTreeSet<String> = names.collect();
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("profile \"p{number}\" {{ include {names}; }}\n"));
    }
    text + &format!("profile \"p{count}\" {{\n}}\n")
}

/// A profile of `count` of these, each with its number for a `#`.
fn many(count: usize, line: &str) -> String {
    let lines: String = (0..count)
        .map(|number| line.replace('#', &number.to_string()) + "\n")
        .collect();
    format!("profile \"p\" {{\n{lines}}}\n")
}

/// Checks a file of that text, which must be done soon, with few diagnostics.
fn check(what: &str, text: &str) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.kdl");
    assert!(text.len() <= MAX_SIZE, "{what}: {}", text.len());
    fs::write(&path, text).unwrap();
    let library = Library::new([folder.path().to_owned()]);
    let start = Instant::now();
    let checked = library.check(&path.display().to_string());
    let all = library.check_all();
    let took = start.elapsed();
    // A debug build, on a busy machine: a tenth of it is usual, and what is not
    // linear took minutes.
    assert!(took < Duration::from_secs(20), "{what}: {took:?}");
    assert!(
        checked.diagnostics.len() <= 42,
        "{what}: {}",
        checked.diagnostics.len()
    );
    assert_eq!(checked.sound, all.sound, "{what}");
    let mut codes = checked.diagnostics.iter().map(|one| &one.code);
    assert!(
        all.diagnostics
            .iter()
            .map(|one| &one.code)
            .eq(codes.by_ref()),
        "{what}"
    );
    checked
}

fn count_of(checked: &Checked, code: &str) -> usize {
    let codes = checked.diagnostics.iter();
    codes.filter(|one| one.code == code).count()
}

#[test]
fn more_profiles_than_anybody_has_are_refused_soon() {
    for (count, next) in [(12_800, 1), (18_000, 2)] {
        let text = chain(count, next);
        let checked = check("too many profiles", &text);
        assert_eq!(count_of(&checked, code::TOO_MANY), 1);
        assert_eq!(checked.diagnostics.len(), 1);
    }
}

#[test]
fn a_chain_of_as_many_profiles_as_a_file_may_have_is_checked_soon() {
    for next in [1, 2, 100] {
        let checked = check("a chain", &chain(999, next));
        // The last ones of the chain are not too deep.
        assert_eq!(checked.sound.len(), 64);
        assert_eq!(count_of(&checked, code::TOO_DEEP), 1);
        assert_eq!(checked.diagnostics.len(), 1);
    }
}

#[test]
fn layers_of_profiles_that_include_all_of_the_next_are_checked_soon() {
    let mut text = String::new();
    for layer in 0..62 {
        let next: String = (0..16)
            .map(|n| format!(" \"p{}-{n}\"", layer + 1))
            .collect();
        for number in 0..16 {
            text.push_str(&format!(
                "profile \"p{layer}-{number}\" {{ include{}; }}\n",
                if layer < 61 { &next } else { " \"end\"" }
            ));
        }
    }
    text.push_str("profile \"end\" {\n}\n");
    let checked = check("layers", &text);
    assert!(checked.sound.len() > 20, "{}", checked.sound.len());
    assert_eq!(count_of(&checked, code::TOO_MANY), 20);
}

#[test]
fn routes_that_are_removed_again_and_again_are_checked_soon() {
    let mut text = String::from("profile \"base\" { link \"a\" { match name=\"a\"; }\nroutes {\n");
    for metric in 1..=14_000 {
        text.push_str(&format!("route \"::/0\" link=\"a\" metric={metric}\n"));
    }
    text.push_str("}\n}\nprofile \"p\" { include \"base\"\nremove {\n");
    text.push_str(&"route \"::/0\"\n".repeat(40_000));
    text.push_str("}\n}\n");
    // Each of them is looked for among the removals, not among the routes.
    let checked = check("removals", &text);
    assert_eq!(count_of(&checked, code::DUPLICATE), 20);
    let last = checked.diagnostics.last().unwrap();
    assert_eq!(last.message.split_once(' ').unwrap().0, "39979");
}

#[test]
fn a_large_profile_that_many_include_is_checked_soon() {
    let mut text = many(16_000, "link \"l#\" { match name=\"a\"; }");
    for number in 0..900 {
        text.push_str(&format!(
            "profile \"q{number}\" {{ include \"p\"; mtu \"k\" 1400; }}\n"
        ));
    }
    let checked = check("a base", &text);
    assert_eq!(checked.sound.len(), 1);
    assert_eq!(count_of(&checked, code::MORE_WARNINGS), 1);
}

#[test]
fn a_profile_of_many_mistakes_of_one_kind_is_checked_soon() {
    for (line, count, kind, more) in [
        (
            "include \"q#\"",
            12_800,
            code::INCLUDE_NOT_FOUND,
            code::MORE_ERRORS,
        ),
        (
            "os \"linux\" { include \"q#\"; }",
            20_000,
            code::INCLUDE_NOT_FOUND,
            code::MORE_ERRORS,
        ),
        (
            "os \"macos\" { include \"q\"; }",
            20_000,
            code::INCLUDE_NOT_FOUND,
            code::MORE_ERRORS,
        ),
        (
            "link \"q#\" { match name=\"a\"; }",
            20_000,
            code::UNUSED_LINK,
            code::MORE_WARNINGS,
        ),
        (
            "mtu \"q#\" 1400",
            20_000,
            code::UNDECLARED_LINK,
            code::MORE_ERRORS,
        ),
        (
            "remove scope \"q#\"",
            20_000,
            code::NOTHING_TO_REMOVE,
            code::MORE_ERRORS,
        ),
    ] {
        let checked = check(line, &many(count, line));
        assert_eq!(count_of(&checked, kind), 20, "{line}");
        assert_eq!(count_of(&checked, more), 1, "{line}");
        let last = checked.diagnostics.last().unwrap();
        assert_eq!(
            last.message.split_once(' ').unwrap().0,
            (count - 20).to_string()
        );
    }
}

#[test]
fn the_text_of_a_diagnostic_is_short_however_long_a_line_is() {
    let long = "x".repeat(500_000);
    for line in [
        format!("rout \"{long}\""),
        long.clone(),
        format!("link \"{long}\" {{ match name=\"a\"; }}"),
        format!("include \"{long}\""),
        format!("remove {long}"),
        format!("mtu \"{long}\" {long}=1"),
        format!("routes {{ route \"{long}\" link=\"{long}\" }}"),
        format!("dns {{ scope \"a\" {{ domains \"{long}\"; servers \"{long}\"; }}; }}"),
        format!("description \"{long}"),
        format!("\u{e4}{long}\u{e4} \u{e4}; rout"),
    ] {
        let start = &line[..30];
        let checked = check(start, &format!("profile \"p\" {{\n{line}\n}}\n"));
        assert!(!checked.diagnostics.is_empty(), "{start}");
        for one in checked.diagnostics {
            let words = [Some(&one.message), one.label.as_ref(), one.help.as_ref()];
            for words in words.into_iter().flatten() {
                assert!(words.len() < 400, "{start}: {} bytes", words.len());
            }
            let at = one.location.unwrap();
            let shown = checked.sources.excerpt(&at).unwrap();
            assert!(shown.text.len() < 400, "{start}: {}", shown.text.len());
            let text = checked.sources.text(&at.file).unwrap();
            assert_eq!(
                shown.text[shown.offset..][..shown.length],
                text[at.offset as usize..][..shown.length],
                "{start}"
            );
        }
    }
}

const VALID: &str = include_str!("../../../profiles/office.kdl");

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.kdl");
        fs::write(&path, &bytes).unwrap();
        let library = Library::new([folder.path().to_owned()]);
        let _ = library.resolve(&path.display().to_string(), Os::Linux);
        let _ = library.check_all();
    }

    #[test]
    fn arbitrary_text_does_no_harm(text in "\\PC{0,300}") {
        let _ = Library::default().resolve_text("x.kdl", &text, Os::Linux);
    }

    #[test]
    fn a_profile_with_changed_letters_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]{0,2}", 0..3_usize), 1..6)
    ) {
        let mut text = VALID.to_owned();
        for (at, new, gone) in changes {
            let at = at.index(text.len());
            let end = (at + gone).min(text.len());
            text.replace_range(at..end, &new);
        }
        match Library::default().resolve_text("x.kdl", &text, Os::Linux) {
            Ok(resolved) => {
                let shown = netprof_profile::show(&resolved.profile);
                prop_assert!(Library::default().resolve_text("y.kdl", &shown, Os::Linux).is_ok(), "{}", shown);
            }
            Err(refused) => prop_assert!(netprof_model::diagnostic::any_error(&refused.diagnostics)),
        }
    }
}
