//! The state folder on a real file system: rights, links, locks, journals.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use netprof_model::held::Held;
use netprof_plan::Need;

use super::machine::Machine;
use super::profiles::plan;
use super::world::World;
use crate::engine::{Caller, Engine};
use crate::error::{Error, Unsafe};
use crate::folder::StateFolder;
use crate::report::{Outcome, Report};

fn with_engine<T>(
    folder: &StateFolder,
    world: &World,
    act: impl FnOnce(&mut Engine<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut backend = world.clone();
    let caller = Caller {
        command: "apply office".to_owned(),
        started: 1_700_000_000,
    };
    let mut engine = Engine::lock(folder, &mut backend, &caller, &|| false)?;
    act(&mut engine)
}

fn apply(folder: &StateFolder, world: &World) -> Result<Report, Error> {
    with_engine(folder, world, |engine| {
        engine.apply(Need::EVERYTHING, |snapshot| {
            plan(Some(("office", &Machine::Linux.office())), snapshot)
        })
    })
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_folder_gets_the_documented_rights() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("netprof");
    let folder = StateFolder::at(&path);
    assert_eq!(folder.held().unwrap(), Held::default());
    assert!(folder.history().unwrap().is_empty());
    assert!(!path.exists(), "reading makes nothing");

    let world = World::bare(Machine::Linux);
    let report = apply(&folder, &world).unwrap();
    assert!(matches!(report.outcome, Outcome::Committed(_)));
    assert!(report.warnings.is_empty());
    assert_eq!(mode(&path), 0o755);
    assert_eq!(mode(&path.join("journal")), 0o700);
    assert_eq!(mode(&path.join("journal/000001")), 0o600);
    assert_eq!(mode(&path.join("held.json")), 0o644);
    assert_eq!(mode(&path.join("lock")), 0o600);
    assert!(!path.join("held.json.new").exists());
}

#[test]
fn apply_rollback_and_history_work_on_real_files() {
    let base = tempfile::tempdir().unwrap();
    let folder = StateFolder::at(base.path().join("netprof/"));
    let world = World::bare(Machine::Linux);
    let old = world.states();
    let _ = apply(&folder, &world).unwrap();
    let held = folder.held().unwrap();
    assert_eq!(held.through, 1);
    assert_eq!(held.active().unwrap().name, "office");
    assert_eq!(held.resources.len(), Machine::Linux.office().len());
    let report = with_engine(&folder, &world, |engine| engine.rollback(None)).unwrap();
    assert_eq!(report.outcome.transaction(), Some(2));
    assert_eq!(world.states(), old);
    let endings: Vec<&str> = folder
        .history()
        .unwrap()
        .iter()
        .map(|entry| entry.ending.as_str())
        .collect();
    assert_eq!(endings, ["undone", "committed"]);
    assert_eq!(folder.held().unwrap().resources, []);
}

#[test]
fn a_reader_does_not_rest_on_a_held_json_that_is_old_or_broken() {
    let base = tempfile::tempdir().unwrap();
    let folder = StateFolder::at(base.path());
    let world = World::bare(Machine::Linux);
    let path = base.path().join("held.json");
    let _ = with_engine(&folder, &world, |engine| Ok(engine.held().clone())).unwrap();
    let empty = fs::read(&path).unwrap();
    let _ = apply(&folder, &world).unwrap();
    let good = folder.held().unwrap();
    for bytes in [&empty[..], b"", b"{"] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(folder.held().unwrap(), good);
        assert_eq!(fs::read(&path).unwrap(), bytes, "a reader writes nothing");
    }
}

#[test]
fn a_folder_that_is_a_link_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let real = base.path().join("real");
    fs::create_dir(&real).unwrap();
    let link = base.path().join("link");
    symlink(&real, &link).unwrap();
    let world = World::bare(Machine::Linux);
    for path in [link.clone(), link.join("")] {
        let error = apply(&StateFolder::at(path), &world).unwrap_err();
        assert!(matches!(
            error,
            Error::UnsafeFolder {
                why: Unsafe::Symlink,
                ..
            }
        ));
    }
    symlink(base.path(), real.join("journal")).unwrap();
    let error = apply(&StateFolder::at(&real), &world).unwrap_err();
    assert!(matches!(
        error,
        Error::UnsafeFolder {
            why: Unsafe::Symlink,
            ..
        }
    ));
    assert_eq!(world.calls(), 0, "nothing was touched");
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let world = World::bare(Machine::Linux);
    let folder = StateFolder::at(base.path());
    for bits in [0o775, 0o757, 0o777, 0o1777] {
        chmod(base.path(), bits);
        let error = apply(&folder, &world).unwrap_err();
        assert!(matches!(
            error,
            Error::UnsafeFolder {
                why: Unsafe::Writable(_),
                ..
            }
        ));
        assert!(
            error.to_string().contains(&format!("{bits:04o}")),
            "{error}"
        );
        assert!(!base.path().join("journal").exists());
    }
    chmod(base.path(), 0o755);
    fs::create_dir(base.path().join("journal")).unwrap();
    chmod(&base.path().join("journal"), 0o770);
    let error = apply(&folder, &world).unwrap_err();
    assert!(matches!(
        error,
        Error::UnsafeFolder {
            why: Unsafe::Writable(_),
            ..
        }
    ));
    chmod(&base.path().join("journal"), 0o700);
    assert!(apply(&folder, &world).is_ok());
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let base = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(base.path(), Some(12345), None).is_err() {
        // Only root can give a folder away; any folder of root serves as well.
        let root = StateFolder::at("/usr");
        let error = apply(&root, &World::bare(Machine::Linux)).unwrap_err();
        assert!(matches!(
            error,
            Error::UnsafeFolder {
                why: Unsafe::Owner { .. },
                ..
            }
        ));
        return;
    }
    let error = apply(&StateFolder::at(base.path()), &World::bare(Machine::Linux)).unwrap_err();
    assert!(matches!(
        error,
        Error::UnsafeFolder {
            why: Unsafe::Owner { owner: 12345, .. },
            ..
        }
    ));
}

#[test]
fn something_else_than_a_folder_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("file");
    File::create(&path).unwrap();
    let error = apply(&StateFolder::at(&path), &World::bare(Machine::Linux)).unwrap_err();
    assert!(matches!(
        error,
        Error::UnsafeFolder {
            why: Unsafe::NotAFolder,
            ..
        }
    ));
}

#[test]
fn a_second_command_is_told_who_is_at_work() {
    let base = tempfile::tempdir().unwrap();
    let folder = StateFolder::at(base.path());
    let world = World::bare(Machine::Linux);
    let error = with_engine(&folder, &world, |_| Ok(apply(&folder, &world).unwrap_err())).unwrap();
    assert!(matches!(error, Error::Locked { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "another netprof is at work: process {}, apply office",
            std::process::id()
        )
    );
    // Reading needs no lock.
    with_engine(&folder, &world, |_| folder.held()).unwrap();
    assert!(apply(&folder, &world).is_ok(), "the lock was given up");
}

#[test]
fn a_file_that_is_a_link_is_not_followed() {
    let base = tempfile::tempdir().unwrap();
    let target = base.path().join("target");
    fs::write(&target, "precious").unwrap();
    let state = base.path().join("state");
    fs::create_dir_all(state.join("journal")).unwrap();
    chmod(&state.join("journal"), 0o700);
    let folder = StateFolder::at(&state);
    let world = World::bare(Machine::Linux);
    for name in ["lock", "held.json", "journal/000001"] {
        let path = state.join(name);
        symlink(&target, &path).unwrap();
        assert!(apply(&folder, &world).is_err(), "{name}");
        fs::remove_file(&path).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }
    // This one is made anew each time, so what is in its way is taken away.
    symlink(&target, state.join("held.json.new")).unwrap();
    assert!(apply(&folder, &world).is_ok());
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}
