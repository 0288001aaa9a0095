//! One file for each command. A command prints nothing: it returns an
//! [`Answer`](crate::answer::Answer), so that text and JSON say the same.

mod apply;
mod check;
mod env;
mod history;
mod input;
mod list;
mod plan;
mod recover;
mod release;
mod rollback;
mod show;
mod snapshot;
mod status;
mod transaction;

use serde_json::{Value, json};

pub use transaction::refusal;

use crate::answer::Answer;
use crate::args::Command;
use crate::context::Context;
use crate::exit::Exit;

/// What a command returns: a refusal comes early, and is an answer like any other.
pub type Result<T = Answer> = std::result::Result<T, Box<Answer>>;

/// Carries out `command`.
pub fn run(context: &Context, command: &Command) -> Answer {
    let result = match command {
        Command::Check { what } => check::run(context, what),
        Command::List => list::run(context),
        Command::Show { profile } => show::run(context, profile),
        Command::Snapshot { output } => snapshot::run(context, output.as_deref()),
        Command::Plan {
            profile,
            snapshot,
            output,
            exit_code,
        } => plan::run(
            context,
            profile,
            snapshot.as_deref(),
            output.as_deref(),
            *exit_code,
        ),
        Command::Apply { what } => apply::run(context, what),
        Command::Rollback { to } => rollback::run(context, *to),
        Command::Release => release::run(context),
        Command::Env { shell } => env::run(*shell),
        Command::Status { exit_code } => status::run(context, *exit_code),
        Command::History => history::run(context),
        Command::Recover => recover::run(context),
    };
    let mut answer = result.unwrap_or_else(|refused| *refused);
    // However early it was refused, a script finds the outcome where it looks for it.
    if command.changes() && answer.exit == Exit::Refused && answer.body["outcome"].is_null() {
        answer.body["outcome"] = json!("refused");
        answer.body["transaction"] = Value::Null;
    }
    answer
}
