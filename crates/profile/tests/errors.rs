//! Every diagnostic as a person sees it.
//!
//! Each file of `tests/errors` is named after the code that it is about; what
//! `check` says of it is pinned. A code without a file, or a file that does not
//! show its code, fails.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod rendered;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Severity};
use netprof_profile::{Library, Sources, code};
use rendered::render;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors")
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .collect();
    files.sort();
    files
}

/// What is to be said of a file, and with which other folders to look in.
fn checked(file: &Path) -> (Vec<Diagnostic>, Sources) {
    let shelf = folder().join("shelf");
    let checked = Library::new([shelf]).check(&file.display().to_string());
    (checked.diagnostics, checked.sources)
}

#[test]
fn each_file_shows_the_error_that_it_is_named_after() {
    let mut seen = BTreeSet::new();
    for file in files() {
        let stem = file
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let (diagnostics, sources) = checked(&file);
        let codes: BTreeSet<String> = diagnostics.iter().map(|one| one.code.clone()).collect();
        assert!(
            codes.iter().any(|code| {
                let (_, word) = code.split_once("::").expect("codes have two parts");
                stem == word || stem.starts_with(&format!("{word}-"))
            }),
            "{stem}: {codes:?}"
        );
        seen.extend(codes);
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "errors/snapshots"}, {
            insta::assert_snapshot!(stem, rendered(&diagnostics, &sources));
        });
    }
    for (name, diagnostics, sources) in of_the_file_system() {
        seen.extend(diagnostics.iter().map(|one| one.code.clone()));
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "errors/snapshots"}, {
            insta::assert_snapshot!(name, rendered(&diagnostics, &sources));
        });
    }
    let missing: Vec<&&str> = code::ALL
        .iter()
        .filter(|code| !seen.contains(**code))
        .collect();
    assert!(missing.is_empty(), "no file shows {missing:?}");
    let unlisted: Vec<&String> = seen
        .iter()
        .filter(|code| !code::ALL.contains(&code.as_str()))
        .collect();
    assert!(unlisted.is_empty(), "not in the list: {unlisted:?}");
}

fn rendered(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let folder = folder().display().to_string();
    render(diagnostics, sources).replace(&format!("{folder}/"), "")
}

/// Errors of files and folders, which no file alone can show.
fn of_the_file_system() -> Vec<(&'static str, Vec<Diagnostic>, Sources)> {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = temporary.path();
    let path = |name: &str| root.join(name).display().to_string();
    fs::write(
        root.join("large.kdl"),
        vec![b'\n'; netprof_profile::MAX_SIZE + 1],
    )
    .expect("written");
    fs::create_dir(root.join("folder.kdl")).expect("made");
    let shelf = root.join("shelf");
    fs::create_dir(&shelf).expect("made");
    fs::write(shelf.join("a.kdl"), "profile \"office\" {\n}\n").expect("written");
    fs::write(
        shelf.join("b.kdl"),
        "profile \"home\" {\n}\nprofile \"office\" {\n}\n",
    )
    .expect("written");
    fs::write(shelf.join("c.kdl"), "profile \"broken\" {\n    rout\n}\n").expect("written");
    let profiles: String = (0..=1_000)
        .map(|number| format!("profile \"p{number}\" {{\n}}\n"))
        .collect();
    fs::write(root.join("many.kdl"), profiles).expect("written");
    let library = Library::new([shelf.clone()]);
    let mut results = Vec::new();
    for (name, wanted) in [
        ("too-large", path("large.kdl")),
        ("too-many", path("many.kdl")),
        ("not-a-file", path("folder.kdl")),
        ("unreadable", path("absent.kdl")),
        ("not-found", "ofice".to_owned()),
        ("not-found-in-file", format!("{}#work", path("shelf/b.kdl"))),
        ("ambiguous", "office".to_owned()),
        ("ambiguous-file", path("shelf/b.kdl")),
        ("bad-name-wanted", "My Office".to_owned()),
    ] {
        let refused = library.resolve(&wanted, Os::Linux).expect_err(name);
        let diagnostics = refused
            .diagnostics
            .into_iter()
            .map(|one| without(one, root))
            .collect();
        results.push((name, diagnostics, refused.sources));
    }
    fs::write(root.join("page.pac"), "<!doctype html>").expect("written");
    for (name, file) in [("not-pac", "page.pac"), ("pac-unreadable", "absent.pac")] {
        let url = format!("file://{}", path(file));
        let text = format!("profile \"p\" {{\n proxy {{ pac \"{url}\"; }}\n}}\n");
        fs::write(root.join("pac.kdl"), text).expect("written");
        let checked = library.check(&path("pac.kdl"));
        let said = checked.diagnostics.into_iter();
        let said = said.map(|one| without(one, root)).collect();
        results.push((name, said, checked.sources));
    }
    results
}

/// The same, without the name of a temporary folder.
fn without(mut diagnostic: Diagnostic, root: &Path) -> Diagnostic {
    let root = format!("{}/", root.display());
    diagnostic.message = diagnostic.message.replace(&root, "");
    diagnostic.label = diagnostic.label.map(|text| text.replace(&root, ""));
    diagnostic.help = diagnostic.help.map(|text| text.replace(&root, ""));
    diagnostic.location = None;
    diagnostic
}

#[test]
fn every_diagnostic_of_a_file_has_a_place_and_says_what_would_help() {
    for file in files() {
        for diagnostic in checked(&file).0 {
            let Diagnostic {
                message, severity, ..
            } = &diagnostic;
            assert!(
                !message.ends_with('.') && !message.contains('\n'),
                "{message}"
            );
            assert!(message.len() <= 160, "{message}");
            if diagnostic.code == code::NOT_UTF8 || diagnostic.code == code::UNREADABLE {
                continue;
            }
            let at = diagnostic
                .location
                .as_ref()
                .unwrap_or_else(|| panic!("no place: {message}"));
            assert!(at.line > 0 && at.length < 120, "{at}: {message}");
            if *severity == Severity::Error && diagnostic.code != code::MORE_ERRORS {
                assert!(diagnostic.label.is_some(), "no label: {message}");
                assert!(diagnostic.help.is_some(), "no help: {message}");
            }
        }
    }
}

#[test]
fn no_diagnostic_shows_a_password() {
    let files = ["bad-url.kdl", "bad-host.kdl"];
    let shown = files.map(|file| {
        let (diagnostics, sources) = checked(&folder().join(file));
        rendered(&diagnostics, &sources)
    });
    let shown = shown.concat();
    assert!(
        !shown.contains("secret") && !shown.contains("word@"),
        "{shown}"
    );
    assert!(shown.contains("me:***"), "{shown}");
}
