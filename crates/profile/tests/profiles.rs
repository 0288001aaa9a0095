//! The example profiles work.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;

use netprof_model::snapshot::Os;
use netprof_profile::Library;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../profiles"))
}

#[test]
fn every_example_is_sound_and_gives_no_warning() {
    let checked = Library::new([folder()]).check_all();
    assert_eq!(checked.diagnostics, [], "{:#?}", checked.diagnostics);
    let files = std::fs::read_dir(folder())
        .expect("the folder is there")
        .count();
    assert_eq!(checked.sound.len(), files, "each file holds one profile");
}

#[test]
fn an_example_is_found_by_its_name_on_every_system() {
    let library = Library::new([folder()]);
    for os in [Os::Linux, Os::Macos] {
        let office = library.resolve("office", os).expect("it is sound");
        assert_eq!(office.profile.name.as_str(), "office");
        assert_eq!(office.profile.scopes.len(), 1);
        assert_eq!(office.warnings, []);
        assert_eq!(office.sha256.len(), 64);
    }
}
