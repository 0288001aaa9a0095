//! `netprof snapshot`: the live state as JSON.

use std::path::Path;

use netprof_model::Section;
use netprof_plan::Need;
use serde_json::{Value, json};

use super::{Result, input};
use crate::answer::{Answer, chain};
use crate::context::Context;
use crate::render::evidence;

/// Prints the live state, or writes it to `output`.
pub fn run(context: &Context, output: Option<&Path>) -> Result {
    let held = match context.folder.held() {
        Ok(held) => Section::Seen(held),
        Err(error) => Section::Unreadable(chain(&error)),
    };
    let snapshot = context.observe(Need::EVERYTHING, held)?.redacted();
    let mut text = serde_json::to_string_pretty(&snapshot).unwrap_or_default();
    text.push('\n');
    let Some(output) = output else {
        let shown = if context.json {
            evidence::snapshot(&snapshot)
        } else {
            Value::Null
        };
        return Ok(Answer::done(text, json!({ "snapshot": shown })));
    };
    input::write(output, &text).map_err(|error| Answer::refused(vec![error]))?;
    let said = format!("The live state is in {}\n", output.display());
    Ok(Answer::done(said, json!({ "file": output })))
}
