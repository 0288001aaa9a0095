//! Runs netprof as a person on some machine would: in a home folder of its own, with
//! an empty environment, and for a time that is bounded.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::json_page::is_documented;

/// Long for a busy machine. What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Profiles and snapshots of these tests, and the examples: where they are, and where
/// they are copied to.
const FOLDERS: [(&str, &str); 4] = [
    ("tests/cli/profiles", ""),
    ("tests/fixtures", ""),
    ("tests/fixtures/macos", "macos"),
    ("profiles", "examples"),
];

/// A home folder, which is also where commands are run.
pub(crate) struct Bench {
    home: TempDir,
}

/// How a run ended.
pub(crate) struct Ran {
    arguments: String,
    /// None where a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    /// One that holds copies of the fixtures (`*.json`, those of Macs in `macos`), of
    /// these tests' profiles (`*.kdl`), and of the examples (`examples/*.kdl`).
    pub(crate) fn new() -> Self {
        let bench = Self {
            home: TempDir::new().unwrap(),
        };
        for (folder, to) in FOLDERS {
            fs::create_dir_all(bench.path(to)).unwrap();
            for from in files(folder) {
                let name = from.file_name().unwrap();
                fs::copy(&from, bench.path(to).join(name)).unwrap();
            }
        }
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// What a file holds, as [`Ran`] shows it.
    pub(crate) fn read(&self, name: &str) -> String {
        self.without_home(&fs::read(self.path(name)).unwrap())
    }

    /// The home folder has another name in each run.
    fn without_home(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        let home = self.home.path();
        for home in [fs::canonicalize(home).unwrap().as_path(), home] {
            text = text.replace(home.to_str().unwrap(), "/HOME");
        }
        text
    }

    /// A netprof with these words that is not started yet.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netprof"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .env("NETPROF_PROFILES", self.home.path())
            .env("NETPROF_STATE_DIR", self.path("state"))
            .env("NO_COLOR", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs netprof with these words.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        let output = bounded(self.command(arguments), arguments);
        let ran = Ran {
            arguments: arguments.to_owned(),
            status: output.status.code(),
            stdout: self.without_home(&output.stdout),
            stderr: self.without_home(&output.stderr),
        };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.transcript());
        assert!(ran.status.is_some(), "{:?}: {}", output.status, ran.stderr);
        ran
    }

    /// Runs each line, and shows all of it as a person would see it.
    pub(crate) fn transcript(&self, lines: &[&str]) -> String {
        let run = |line: &&str| {
            let ran = self.run(line);
            if line.contains("--json") {
                ran.json();
            }
            ran.transcript()
        };
        lines.iter().map(run).collect::<Vec<_>>().join("\n")
    }
}

/// The example profiles, and the snapshots: their names without the extension.
pub(crate) fn names(folder: &str) -> Vec<String> {
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(folder).into_iter().map(name).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    all.sort();
    all
}

/// Runs a command that must end soon.
fn bounded(mut command: Command, what: &str) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (over, is_over) = mpsc::channel();
    std::thread::spawn(move || over.send(child.wait_with_output()));
    let output = is_over.recv_timeout(PATIENCE);
    output
        .unwrap_or_else(|_| panic!("netprof {what}: not over in {} s", PATIENCE.as_secs()))
        .unwrap()
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.transcript());
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let object = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}", self.transcript()));
        is_documented(&object);
        object
    }

    /// The command, what it printed where, and its exit status.
    pub(crate) fn transcript(&self) -> String {
        let mut text = format!("$ netprof {}\n", self.arguments);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                let _ = writeln!(text, "--- {name}\n{}", stream.trim_end_matches('\n'));
            }
        }
        let _ = writeln!(text, "--- exit {:?}", self.status.unwrap_or(-1));
        text
    }
}
