//! The service file for macOS: launchd takes it without a word about what is wrong in it.

use std::fs;
use std::path::Path;

use netprof_macos::plist;

use crate::bench::Bench;

const FOLDER: &str = "platform/macos/launchd";

#[test]
fn every_service_of_launchd_is_well_formed_and_runs_a_command_that_there_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let all = plist::parse(&fs::read(&path).unwrap()).unwrap();
        let all = all.as_dictionary().unwrap();
        // launchctl(1) looks for a service by its label, people by its file.
        let label = all["Label"].as_str();
        assert_eq!(label, path.file_stem().unwrap().to_str());
        let arguments: Vec<&str> = all["ProgramArguments"].words().collect();
        let [program, words @ ..] = &arguments[..] else {
            panic!("{arguments:?}")
        };
        // launchd looks nowhere else.
        assert_eq!(*program, "/usr/local/bin/netprof");
        assert!(!words.is_empty());
        Bench::new()
            .run(&format!("{} --help", words.join(" ")))
            .exits(0);
        // What runs as root without a person runs once, and does not come back when it
        // fails: it would fail again.
        assert!(all["RunAtLoad"].is_true() && !all.contains_key("KeepAlive"));
        seen += 1;
    }
    assert_eq!(seen, 1, "a service that is new belongs here");
}
