//! The parsers against what Macs really printed.
//!
//! The outputs are other people's, so they are not part of this repository.
//! `NETPROF_MACOS_RECORDED` names a folder with one folder for each tool. Where it is not
//! given, these tests are shown as not run, and none of them is ever required.
//!
//! Each recording has one test, which says what of it must be found; one more sees to it
//! that no recording lies there that nobody looks at. The first line of a recording says
//! where it is from, and is no part of the output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

#[path = "recorded/dictionaries.rs"]
mod dictionaries;
#[path = "recorded/links.rs"]
mod links;
#[path = "recorded/resolvers.rs"]
mod resolvers;
#[path = "recorded/routes.rs"]
mod routes;
#[path = "recorded/snapshots.rs"]
mod snapshots;

const FOLDER: &str = "NETPROF_MACOS_RECORDED";

/// One recording: its path in the folder, and what must be found in its output.
type Recording = (&'static str, fn(&str));

fn main() {
    let arguments = Arguments::from_args();
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let all: Vec<Recording> = [resolvers::ALL, dictionaries::ALL, routes::ALL, links::ALL].concat();
    let mut trials: Vec<Trial> = all
        .iter()
        .map(|(path, check)| {
            let (path, check, folder) = (*path, *check, folder.clone());
            trial(path, folder, move |folder| check(&output(folder, path)))
        })
        .collect();
    trials.extend(
        snapshots::ALL
            .iter()
            .map(|(name, check)| trial(name, folder.clone(), check)),
    );
    trials.push(trial(
        "every_recording_of_these_tools_is_looked_at",
        folder,
        move |folder| {
            let tested: Vec<&str> = all.iter().map(|(path, _)| *path).collect();
            for tool in TOOLS {
                for entry in std::fs::read_dir(folder.join(tool)).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    let path = format!("{tool}/{name}");
                    assert!(tested.contains(&path.as_str()), "{path} is not looked at");
                }
            }
        },
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

/// The tools that have a parser.
const TOOLS: [&str; 6] = [
    "ifconfig",
    "netstat",
    "scutil-dns",
    "scutil-nwi",
    "scutil-proxy",
    "scutil-show",
];

fn trial(name: &str, folder: Option<PathBuf>, check: impl FnOnce(&Path) + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || match folder {
        Some(folder) => {
            check(&folder);
            Ok(Completion::Completed)
        }
        None => not_run(&format!("{FOLDER} names no folder")),
    })
}

fn not_run(reason: &str) -> Result<Completion, Failed> {
    Ok(Completion::ignored_with(reason))
}

/// The output of a recording.
pub(crate) fn output(folder: &Path, path: &str) -> String {
    let text = std::fs::read_to_string(folder.join(path)).unwrap();
    let (source, output) = text.split_once('\n').unwrap();
    assert!(source.starts_with("# source: "), "{source}");
    output.to_owned()
}
