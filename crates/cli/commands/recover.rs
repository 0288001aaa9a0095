//! `netprof recover`: finish what a crash left. Every command that changes something
//! does it first; this is for the boot unit, and for people who want to know.

use netprof_engine::Engine;

use super::{Result, transaction};
use crate::answer::Answer;
use crate::context::{Context, is_stopped};
use crate::platform::System;

/// Takes back an unfinished transaction, if there is one.
pub fn run(context: &Context) -> Result {
    context.needs_rights(&["recover"])?;
    context.catch_signals()?;
    let mut system = System::new();
    let caller = context.caller(&["recover"]);
    let refused = |error| Answer::refused(vec![transaction::refusal(&context.invocation, &error)]);
    let mut engine =
        Engine::lock(&context.folder, &mut system, &caller, &is_stopped).map_err(refused)?;
    let outcome = engine.recover().map_err(refused)?;
    Ok(transaction::recovered(context, outcome))
}
