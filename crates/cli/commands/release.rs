//! `netprof release`: the plan of the empty profile.

use netprof_plan::{need, plan};

use super::{Result, transaction};
use crate::context::Context;

/// Takes back everything that is held.
pub fn run(context: &Context) -> Result {
    let report = transaction::run(context, "release", |engine| {
        let need = need(None, Some(engine.held()));
        engine.apply(need, |snapshot| plan(None, snapshot))
    })?;
    Ok(transaction::answer("release", &report))
}
