//! The command line, as `--help` shows it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::render::shell::Shell;

/// Declare what must hold of this machine's network; see what would change; change it
/// as one transaction that can be taken back.
#[derive(Debug, Parser)]
#[command(name = "netprof", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done or nothing to do, 1 refused and nothing changed, 2 usage, \
3 failed and completely rolled back, 4 failed and the rollback is incomplete, 5 a difference (--exit-code)."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub struct Global {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Look for profiles in this folder first.
    #[arg(long, global = true, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
}

/// What the signs at the head of a plan's rows mean.
const LEGEND: &str = "Signs: + added, ~ changed, - removed, = so already, ? waits for a link, \
! blocked, . left out, k kept as somebody else made it";

/// The same for what is held.
const STATUS_LEGEND: &str = "Signs: = as it was made, ~ no longer, . gone with its link or boot, \
? not known";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Parse and lint profiles; without an argument, every profile that is found.
    Check {
        /// A profile's name, or a file.
        #[arg(value_name = "PROFILE|FILE")]
        what: Vec<String>,
    },
    /// List the profiles there are, which is active, and which match now.
    List,
    /// Show a profile after its includes.
    Show {
        /// A profile's name, or a file.
        profile: String,
    },
    /// Print the live state as JSON.
    Snapshot {
        /// Write it to this file instead.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show what would change, and why. Needs no rights and changes nothing.
    #[command(after_help = LEGEND)]
    Plan {
        /// A profile's name, or a file.
        profile: String,
        /// Plan for the machine of this snapshot instead of this one.
        #[arg(long, value_name = "FILE")]
        snapshot: Option<PathBuf>,
        /// Write the plan to this file, for `apply`.
        #[arg(short, long, value_name = "PLAN")]
        output: Option<PathBuf>,
        /// Exit with 5 when something would change: whether there is anything to apply. What
        /// waits for a link is no change; what somebody changed is, as in `status --exit-code`.
        #[arg(long)]
        exit_code: bool,
    },
    /// Make a profile so: plan, change, verify; any failure takes all back.
    Apply {
        /// A profile's name, a file, or a plan that `plan --output` wrote.
        #[arg(value_name = "PROFILE|PLAN")]
        what: String,
    },
    /// Undo the newest transaction that was not undone yet.
    Rollback {
        /// Undo all transactions down to this one, and it too.
        #[arg(long, value_name = "ID", value_parser = transaction)]
        to: Option<u64>,
    },
    /// Take back everything that is held.
    Release,
    /// Show the active profile, and what of it somebody has changed.
    #[command(after_help = STATUS_LEGEND)]
    Status {
        /// Exit with 5 when somebody has changed or cut off what was made. What went with its
        /// link or boot is no such change: whether it must be made again, `plan --exit-code`
        /// tells.
        #[arg(long)]
        exit_code: bool,
    },
    /// Print the proxies in force as variables, for a shell to run.
    ///
    /// As in: eval "$(netprof env)". Also unsets what an earlier profile had set in the shell
    /// that asks. Needs no rights.
    Env {
        /// The shell that runs it [default: the one that $SHELL names].
        #[arg(long, value_enum)]
        shell: Option<Shell>,
    },
    /// List the transactions.
    History,
    /// Finish what a crash left.
    Recover,
}

impl Command {
    /// The name, as it stands in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Check { .. } => "check",
            Self::List => "list",
            Self::Show { .. } => "show",
            Self::Snapshot { .. } => "snapshot",
            Self::Plan { .. } => "plan",
            Self::Apply { .. } => "apply",
            Self::Rollback { .. } => "rollback",
            Self::Release => "release",
            Self::Status { .. } => "status",
            Self::Env { .. } => "env",
            Self::History => "history",
            Self::Recover => "recover",
        }
    }

    /// Whether it may change the machine.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Self::Apply { .. } | Self::Rollback { .. } | Self::Release | Self::Recover
        )
    }
}

/// The number of a transaction.
fn transaction(word: &str) -> Result<u64, &'static str> {
    word.parse()
        .map_err(|_| "a transaction is named by its number, as `netprof history` shows it")
}
