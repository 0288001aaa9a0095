//! Command lines that are printed to be pasted: a shell takes them apart into the words that
//! were meant, whatever files are called.

#[cfg(target_os = "linux")]
use std::ffi::OsStr;
use std::fs;
#[cfg(target_os = "linux")]
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::bench::Bench;

/// Two words, a command, an open quote, and a command that is carried out within a word.
const ODD: &str = "a b;touch X;'$(touch Y).kdl";

const SOUND: &str = "profile \"odd\" { routes { keep-localhost; }; }\n";
const TWO: &str = "profile \"one\" { }\nprofile \"two\" { }\n";
const BROKEN: &str = "profile \"broken\" { routes { nonsense; }; }\n";

/// A netprof that finds no profiles but where it is told to look.
fn netprof(bench: &Bench, arguments: &str) -> Command {
    let mut command = bench.command(arguments);
    command.env_remove("NETPROF_PROFILES");
    command
}

/// All that netprof says of these words, on both streams.
fn said(command: &mut Command, words: &[&str]) -> String {
    let output = command.args(words).output().unwrap();
    let streams = [output.stdout, output.stderr].concat();
    String::from_utf8(streams).unwrap()
}

/// What follows `before`, which is printed once, to the end of its line.
#[track_caller]
fn after<'s>(said: &'s str, before: &str) -> &'s str {
    let all: Vec<&str> = said
        .lines()
        .filter_map(|line| Some(line.split_once(before)?.1))
        .collect();
    assert_eq!(all.len(), 1, "{before}\n{said}");
    all[0]
}

/// The words that a shell makes of `line`, which does nothing else there.
#[track_caller]
fn words(line: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script =
        format!("words() {{ for word; do printf '%s\\0' \"$word\"; done; }}; words {line}");
    let mut shell = Command::new("sh");
    let output = shell
        .args(["-c", &script])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(
        output.stderr.is_empty() && output.status.success(),
        "{line}: {output:?}"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{line}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn what_is_printed_to_be_pasted_is_what_was_meant() {
    let bench = Bench::new();
    fs::create_dir(bench.path(ODD)).unwrap();
    let path = format!("{ODD}/{ODD}");
    let netprof = || netprof(&bench, "");
    let folder = ["--profiles", ODD];

    bench.write(&path, BROKEN);
    let missing = said(netprof().args(folder), &["show", "nowhere"]);
    assert_eq!(words(after(&missing, "see: ")), ["netprof", "check", &path]);

    bench.write(&path, TWO);
    let several = said(&mut netprof(), &["show", &path]);
    let one = after(&several, "name one of them: ");
    assert_eq!(words(one), [format!("{path}#one")]);

    bench.write("odd;touch X", SOUND);
    let here = said(&mut netprof(), &["show", "odd;touch X"]);
    assert_eq!(words(after(&here, "with a slash: ")), ["./odd;touch X"]);

    bench.write("none.json", "none");
    let plan = ["plan", "office", "--snapshot", "none.json"];
    let no_snapshot = said(netprof().args(folder), &plan);
    let anew = ["netprof", "--profiles", ODD, "snapshot", "-o", "FILE"];
    assert_eq!(words(after(&no_snapshot, "write one with: ")), anew);
}

/// One declaration more than a check looks at.
#[test]
fn what_is_left_to_be_checked_alone_is_named_as_it_is() {
    let bench = Bench::new();
    let route = |n: usize| format!("unreachable \"10.{}.{}.0/24\"\n", n >> 8, n & 255);
    let routes: String = (0..10_000).map(route).collect();
    let each = |n| format!("profile \"p{n}\" {{ include \"base\"; }}\n");
    let including: String = (0..60).map(each).collect();
    let base = format!("profile \"base\" {{ routes {{\n{routes}}}; }}\n");
    bench.write(ODD, base + &including);
    let checked = said(&mut bench.command(""), &["check", ODD]);
    let lines = checked
        .lines()
        .filter_map(|line| line.split_once("check it alone: "));
    let lines: Vec<&str> = lines.map(|(_, line)| line).collect();
    assert!(!lines.is_empty(), "{checked}");
    let file = format!("{ODD}#p");
    for line in lines {
        let words = words(line);
        assert_eq!(words[..2], ["netprof", "check"]);
        assert!(words.len() == 3 && words[2].starts_with(&file), "{words:?}");
    }
}

#[test]
fn what_is_printed_is_taken_for_no_option() {
    let bench = Bench::new();
    fs::create_dir(bench.path("-x")).unwrap();
    bench.write("-x/-y.kdl", BROKEN);
    let missing = said(&mut netprof(&bench, "--profiles=-x"), &["show", "nowhere"]);
    let line = after(&missing, "see: ");
    assert_eq!(words(line), ["netprof", "check", "./-x/-y.kdl"]);
    let ran = bench.run(line.strip_prefix("netprof ").unwrap()).exits(1);
    assert!(ran.stderr.contains("nonsense"), "{}", ran.transcript());
}

/// A terminal that is shown them does something else, or shows another name.
#[test]
fn a_name_that_cannot_be_shown_makes_no_command() {
    let bench = Bench::new();
    fs::create_dir(bench.path("lost")).unwrap();
    for lost in ["\u{1b}[2J", "\n", "\u{202e}", "\u{200b}"] {
        let file = format!("lost/b{lost};touch X;.kdl");
        bench.write(&file, BROKEN);
        let said = said(
            &mut netprof(&bench, "--profiles=lost"),
            &["show", "nowhere"],
        );
        let line = after(&said, "see: ");
        assert!(line.starts_with("(no command"), "{line}");
        assert!(!line.contains("netprof"), "{line}");
        assert!(
            !said.contains(['\u{1b}', '\u{202e}', '\u{200b}']),
            "{said:?}"
        );
        fs::remove_file(bench.path(&file)).unwrap();
    }
    #[cfg(target_os = "linux")]
    {
        let name = OsStr::from_bytes(b"lost/b\xff.kdl");
        fs::write(bench.path("").join(name), BROKEN).unwrap();
        let said = said(
            &mut netprof(&bench, "--profiles=lost"),
            &["show", "nowhere"],
        );
        assert!(after(&said, "see: ").starts_with("(no command"), "{said}");
    }
}

/// Folders may be named in bytes that are no text (APFS allows none such).
#[cfg(target_os = "linux")]
#[test]
fn folders_that_are_no_text_are_not_passed_over() {
    let bench = Bench::new();
    let folder = bench.path("").join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("odd.kdl"), SOUND).unwrap();
    let mut command = bench.command("show odd");
    let status = command
        .env("NETPROF_PROFILES", &folder)
        .output()
        .unwrap()
        .status;
    assert_eq!(status.code(), Some(0));

    // What keeps the journals is a folder.
    fs::write(folder.join("journal"), "none").unwrap();
    let mut command = bench.command("history");
    let output = command.env("NETPROF_STATE_DIR", &folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
