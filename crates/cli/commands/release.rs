//! `netprof release`: the plan of the empty profile.

use netprof_plan::{need, plan};

use super::{Result, transaction};
use crate::context::Context;
use crate::render::evidence::Evidence;
use crate::render::plan::Title;

/// Takes back everything that is held.
pub fn run(context: &Context) -> Result {
    let mut evidence = Evidence::default();
    let report = transaction::run(context, &["release"], |engine| {
        let need = need(None, Some(engine.held()));
        engine.apply(need, |snapshot| {
            let made = plan(None, snapshot);
            if context.json {
                evidence = Evidence::of_plan(&made, snapshot);
            }
            made
        })
    })?;
    let title = Title {
        name: "release",
        file: "",
    };
    let mut answer = transaction::answer(context, title, report, "");
    evidence.join_plan(&mut answer.body);
    Ok(answer)
}
