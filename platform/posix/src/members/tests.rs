use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

const PATH: &str = "/etc/docker/daemon.json";
const NAMES: [&str; 2] = ["bip", "pools"];
const THEIRS: &str = "{\r\n\t\"log-level\":\"warn\" ,\r\n\t\"x\": [ 1,\r\n2 ]\r\n}";

struct Root(tempfile::TempDir);

impl Root {
    fn new(text: Option<&str>) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        if let Some(text) = text {
            fs::create_dir_all(root.path().parent().unwrap()).unwrap();
            fs::write(root.path(), text).unwrap();
        }
        root
    }

    fn path(&self) -> std::path::PathBuf {
        files::below(self.0.path(), PATH)
    }

    fn text(&self) -> Option<String> {
        fs::read_to_string(self.path()).ok()
    }

    fn seen(&self) -> Option<State> {
        match observe(self.0.path(), PATH, &NAMES) {
            Section::Seen(all) => Some(State::Settings(all)),
            Section::Absent => None,
            other => panic!("{other:?}"),
        }
    }

    fn put(&self, before: Option<&State>, after: Option<&State>, mode: Mode) -> Result<(), String> {
        put(self.0.path(), PATH, &NAMES, (before, after), mode)
    }

    fn refused(&self) -> String {
        match observe(self.0.path(), PATH, &NAMES) {
            Section::Unreadable(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

/// What is there, with this member.
fn with(state: Option<&State>, name: &str, value: &str) -> State {
    let mut all = state.and_then(State::settings).cloned().unwrap_or_default();
    all.insert(name.to_owned(), Value::String(value.to_owned()));
    State::Settings(all)
}

#[test]
fn members_are_set_and_the_way_back_leaves_every_byte() {
    for text in [
        None,
        Some("{}"),
        Some("{ }\n"),
        Some(THEIRS),
        Some("{\"bip\":  \"old\"}"),
    ] {
        let root = Root::new(text);
        let before = root.seen();
        let after = with(before.as_ref(), "bip", "\"172.30.0.1/24\"");
        let after = with(Some(&after), "pools", "[]");
        root.put(before.as_ref(), Some(&after), Mode::Forward)
            .unwrap();
        assert_eq!(root.seen().as_ref(), Some(&after));
        root.put(Some(&after), before.as_ref(), Mode::Back).unwrap();
        assert_eq!(root.text().as_deref(), text);
        assert_eq!(root.seen(), before);
    }
}

#[test]
fn what_others_wrote_meanwhile_stays() {
    let root = Root::new(None);
    let after = with(None, "bip", "\"172.30.0.1/24\"");
    root.put(None, Some(&after), Mode::Forward).unwrap();
    let more = json_object::edited(&root.text().unwrap(), [("x", Some("1"))]).unwrap();
    fs::write(root.path(), more).unwrap();
    // The file is more than what netprof made now, and stays.
    let live = root.seen().unwrap();
    assert_ne!(live, after);
    let back = netprof_model::held::taken_back(Some(&live), Some(&after), None);
    root.put(Some(&live), back.state.as_ref(), Mode::Back)
        .unwrap();
    assert_eq!(root.text().as_deref(), Some("{\n  \"x\": 1\n}\n"));
    assert_eq!(root.seen(), back.state);
}

#[test]
fn a_file_keeps_its_mode() {
    let root = Root::new(Some(THEIRS));
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let before = root.seen();
    let after = with(before.as_ref(), "bip", "\"172.30.0.1/24\"");
    root.put(before.as_ref(), Some(&after), Mode::Forward)
        .unwrap();
    let mode = fs::metadata(root.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(
        fs::read_dir(root.path().parent().unwrap()).unwrap().count(),
        1
    );
}

#[test]
fn what_is_not_as_it_was_is_not_touched() {
    let root = Root::new(Some("{\"bip\": \"theirs\"}"));
    let (before, after) = (with(None, "bip", "\"a\""), with(None, "bip", "\"b\""));
    for mode in [Mode::Forward, Mode::Back] {
        let refused = root.put(Some(&before), Some(&after), mode).unwrap_err();
        assert!(refused.contains("somebody else"), "{refused}");
    }
    // Back, it may be there already; forward, somebody else has made it so.
    fs::write(root.path(), "{\"bip\": \"b\"}").unwrap();
    root.put(Some(&before), Some(&after), Mode::Back).unwrap();
    assert!(
        root.put(Some(&before), Some(&after), Mode::Forward)
            .is_err()
    );
}

#[test]
fn what_cannot_be_changed_is_told() {
    let refused = |text: &str| Root::new(Some(text)).refused();
    assert_eq!(
        refused("{\n // no\n}"),
        "line 2, column 2: key must be a string"
    );
    assert!(refused("[]").contains("expected an object"));
    assert!(refused("{\"a\":1,\"a\":2}").contains("second time"));
    let root = Root::new(Some("{}"));
    fs::hard_link(root.path(), root.0.path().join("other")).unwrap();
    assert!(root.refused().contains("2 names"));
    fs::remove_file(root.path()).unwrap();
    symlink("nowhere", root.path()).unwrap();
    assert!(root.refused().contains("symbolic link"));
    fs::remove_file(root.path()).unwrap();
    fs::create_dir(root.path()).unwrap();
    assert!(root.refused().contains("neither a file"));
}
