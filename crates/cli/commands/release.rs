//! `netprof release`: the plan of the empty profile.

use netprof_plan::{need, plan};

use super::{Result, transaction};
use crate::context::Context;
use crate::render::plan::Title;

/// Takes back everything that is held.
pub fn run(context: &Context) -> Result {
    let report = transaction::run(context, "release", |engine| {
        let need = need(None, Some(engine.held()));
        engine.apply(need, |snapshot| plan(None, snapshot))
    })?;
    let title = Title {
        name: "release",
        file: "",
    };
    Ok(transaction::answer(context, title, &report, ""))
}
