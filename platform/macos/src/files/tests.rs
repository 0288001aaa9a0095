use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use netprof_model::file::Content;

use super::*;

struct Etc(tempfile::TempDir);

impl Etc {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        Self(root)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("etc/resolver").join(name)
    }

    fn put(&self, before: Option<&State>, after: Option<&State>) -> Result<(), String> {
        put(self.0.path(), CORP, before, after, Mode::Forward)
    }

    /// All of `/etc`, folders too.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.0.path().join("etc")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                names.push(
                    path.strip_prefix(self.0.path())
                        .unwrap()
                        .display()
                        .to_string(),
                );
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        names.sort();
        names
    }

    fn seen(&self) -> Vec<LiveFile> {
        match observe(self.0.path()) {
            Section::Seen(files) => files,
            other => panic!("{other:?}"),
        }
    }
}

const CORP: &str = "/etc/resolver/corp.example.com";

/// A file of whoever runs the tests.
fn text(text: &str) -> State {
    let made = tempfile::tempfile().unwrap().metadata().unwrap();
    State::File(FileState::Regular {
        content: Content(text.as_bytes().to_vec()),
        mode: 0o640,
        uid: made.uid(),
        gid: made.gid(),
    })
}

fn link(target: &str) -> State {
    State::File(FileState::Symlink {
        target: target.to_owned(),
    })
}

#[test]
fn a_file_is_made_changed_and_removed_and_the_folder_stays() {
    let etc = Etc::new();
    let (one, two) = (
        text("nameserver 10.0.0.53\n"),
        text("nameserver 10.0.0.54\n"),
    );
    etc.put(None, Some(&one)).unwrap();
    assert_eq!(
        fs::read_to_string(etc.path("corp.example.com")).unwrap(),
        "nameserver 10.0.0.53\n"
    );
    let bits = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(bits(etc.path("corp.example.com")), 0o640);
    assert_eq!(bits(etc.path("")), 0o755);
    etc.put(Some(&one), Some(&two)).unwrap();
    let [live] = &etc.seen()[..] else { panic!() };
    assert_eq!(
        (live.path.as_str(), State::File(live.state.clone())),
        (CORP, two.clone())
    );
    etc.put(Some(&two), Some(&link("/nowhere"))).unwrap();
    etc.put(Some(&link("/nowhere")), None).unwrap();
    assert_eq!(etc.names(), ["etc/resolver"]);
    // It is as good as none.
    assert_eq!(etc.seen(), []);
}

#[test]
fn nothing_unfinished_ever_lies_where_configd_reads() {
    let etc = Etc::new();
    fs::create_dir(etc.path("")).unwrap();
    // A folder where the new file would be made: it cannot be.
    fs::create_dir(etc.0.path().join("etc/.netprof.corp.example.com")).unwrap();
    etc.put(None, Some(&text("nameserver 10.0.0.53\n")))
        .unwrap_err();
    assert_eq!(etc.seen(), []);
}

#[test]
fn what_a_kill_left_unfinished_is_swept_away_on_both_ways() {
    let ours = text("nameserver 10.0.0.53\n");
    for (mode, after) in [(Mode::Forward, Some(&ours)), (Mode::Back, None)] {
        let etc = Etc::new();
        for name in ["corp.example.com", "lab.example.com"] {
            let unfinished = etc.0.path().join(format!("etc/.netprof.{name}"));
            fs::write(unfinished, "names").unwrap();
        }
        fs::write(etc.0.path().join("etc/hosts"), "").unwrap();
        put(etc.0.path(), CORP, None, after, mode).unwrap();
        assert!(!etc.names().iter().any(|name| name.contains(".netprof.")));
        assert!(etc.names().contains(&"etc/hosts".to_owned()));
    }
}

#[test]
fn what_somebody_else_has_changed_is_left_as_it_is() {
    let etc = Etc::new();
    let (ours, theirs) = (
        text("nameserver 10.0.0.53\n"),
        text("nameserver 192.0.2.1\n"),
    );
    etc.put(None, Some(&theirs)).unwrap();
    for (before, after) in [
        (None, Some(&ours)),
        (Some(&ours), Some(&text("nameserver 10.0.0.54\n"))),
        (Some(&ours), None),
    ] {
        for mode in [Mode::Forward, Mode::Back] {
            let refused = put(etc.0.path(), CORP, before, after, mode).unwrap_err();
            assert!(refused.contains("somebody else"), "{refused}");
        }
    }
    assert_eq!(State::File(etc.seen()[0].state.clone()), theirs);
    // Another mode is another file.
    let State::File(FileState::Regular {
        content, uid, gid, ..
    }) = theirs
    else {
        panic!()
    };
    let readable = State::File(FileState::Regular {
        content,
        mode: 0o644,
        uid,
        gid,
    });
    etc.put(Some(&readable), None).unwrap_err();
}

#[test]
fn on_the_way_back_what_is_as_it_was_is_no_error() {
    let etc = Etc::new();
    let ours = text("nameserver 10.0.0.53\n");
    put(etc.0.path(), CORP, Some(&ours), None, Mode::Back).unwrap();
    etc.put(Some(&ours), None).unwrap_err();
}

/// configd follows it, and watches what it leads to (`normalize_path`).
#[test]
fn a_folder_behind_a_symbolic_link_is_used_as_it_is() {
    let etc = Etc::new();
    let elsewhere = etc.0.path().join("resolvers");
    fs::create_dir(&elsewhere).unwrap();
    let at = etc.0.path().join("etc/resolver");
    symlink(&elsewhere, &at).unwrap();
    let ours = text("nameserver 10.0.0.53\n");
    etc.put(None, Some(&ours)).unwrap();
    assert_eq!(etc.seen().len(), 1);
    assert!(elsewhere.join("corp.example.com").exists());
    etc.put(Some(&ours), None).unwrap();
    assert!(fs::symlink_metadata(at).unwrap().is_symlink());
}

/// So that the plan says so, and not the apply.
#[test]
fn what_stands_in_the_place_of_the_folder_makes_it_unreadable() {
    let etc = Etc::new();
    let at = etc.0.path().join("etc/resolver");
    symlink("nowhere", &at).unwrap();
    assert_eq!(
        observe(etc.0.path()),
        Section::Unreadable("/etc/resolver: it is a symbolic link that leads nowhere".to_owned())
    );
    fs::remove_file(&at).unwrap();
    fs::write(&at, "").unwrap();
    assert!(matches!(observe(etc.0.path()), Section::Unreadable(_)));
    etc.put(None, Some(&text(""))).unwrap_err();
}

/// A volume that makes no difference between cases has one file for both names, and a
/// domain makes none either.
#[test]
fn a_file_of_the_same_name_in_another_case_is_named() {
    let etc = Etc::new();
    fs::create_dir(etc.path("")).unwrap();
    fs::write(etc.path("Corp.Example.com"), "# theirs\n").unwrap();
    let ours = text("nameserver 10.0.0.53\n");
    let why = etc.put(None, Some(&ours)).unwrap_err();
    assert_eq!(
        why,
        "/etc/resolver/corp.example.com: there is /etc/resolver/Corp.Example.com, of the same domain"
    );
    assert_eq!(etc.seen().len(), 1);
}

#[test]
fn what_is_no_file_of_the_folder_is_neither_read_nor_written() {
    let etc = Etc::new();
    fs::create_dir_all(etc.path("folder")).unwrap();
    assert_eq!(etc.seen(), []);
    for path in [
        "/etc/resolver",
        "/etc/resolver/",
        "/etc/resolver/..",
        "/etc/resolver/a/b",
        "/etc/resolver.d/a",
        "/etc/hosts",
        "etc/resolver/a",
        "/etc/resolver/folder",
    ] {
        put(etc.0.path(), path, None, Some(&text("")), Mode::Forward).unwrap_err();
    }
}

#[test]
fn a_file_that_is_too_long_makes_the_section_unreadable() {
    let etc = Etc::new();
    assert_eq!(observe(etc.0.path()), Section::Absent);
    fs::create_dir(etc.path("")).unwrap();
    fs::write(etc.path("long"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let Section::Unreadable(why) = observe(etc.0.path()) else {
        panic!()
    };
    assert!(why.starts_with("/etc/resolver/long: "), "{why}");
}
