//! Running the program under test, as a person or a script would: from a clean
//! environment, judged by exit status, standard output and standard error.

use std::process::{Command, Output};

use serde_json::Value;

use super::Lab;
use super::json_page::is_documented;
use super::root::NETPROF;

/// How a run of netprof ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) arguments: String,
    /// The exit status; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// A netprof that is not started yet: to give it an environment, a
    /// terminal's place, or a signal. State is where it is by default, in
    /// `/var/lib/netprof`, which is this test's alone.
    pub(crate) fn netprof_command(&self, arguments: &str) -> Command {
        self.assert_inside();
        self.command(&format!("{NETPROF} {arguments}"))
    }

    /// Runs netprof to its end.
    pub(crate) fn netprof(&self, arguments: &str) -> Ran {
        let output = self.netprof_command(arguments).output();
        Ran::new(
            arguments,
            output.unwrap_or_else(|error| panic!("netprof: {error}")),
        )
    }

    /// The same for a person who is not root.
    pub(crate) fn netprof_command_as_person(&self, arguments: &str) -> Command {
        self.assert_inside();
        self.command_as_person(&format!("{NETPROF} {arguments}"))
    }

    /// Puts a profile where netprof looks for those of this person.
    #[allow(dead_code, reason = "for the tests of the command line")]
    pub(crate) fn write_profile(&self, name: &str, text: &str) {
        self.write(format!("/root/.config/netprof/profiles/{name}.kdl"), text);
    }
}

impl Ran {
    /// What `Command::output` or `Child::wait_with_output` gave.
    pub(crate) fn new(arguments: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            arguments: arguments.to_owned(),
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Panics with all of the output unless it exited with `status`.
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            Some(status),
            "netprof {}\n{}{}",
            self.arguments,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The one object that `--json` prints.
    #[allow(dead_code, reason = "for the tests of the command line")]
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let object = serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "netprof {}: {error}\n{}{}",
                self.arguments, self.stdout, self.stderr
            )
        });
        is_documented(&object);
        object
    }
}
