//! `netprof rollback`: undo the newest transaction, or all down to one.

use super::{Result, transaction};
use crate::context::Context;
use crate::render::plan::Title;

/// Undoes the newest committed transaction, or all down to and with `to`.
pub fn run(context: &Context, to: Option<u64>) -> Result {
    let id = to.map(|id| id.to_string());
    let again: Vec<&str> = match &id {
        None => vec!["rollback"],
        Some(id) => vec!["rollback", "--to", id],
    };
    let report = transaction::run(context, &again, |engine| engine.rollback(to))?;
    let title = Title {
        name: "rollback",
        file: "",
    };
    Ok(transaction::answer(context, title, report, ""))
}
