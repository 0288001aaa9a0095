//! `netprof show`: a profile after its includes.

use serde_json::json;

use super::Result;
use crate::answer::Answer;
use crate::context::{Context, HERE, reference};

/// Shows the profile `what`, as one without includes would be written.
pub fn run(context: &Context, what: &str) -> Result {
    let resolved = context.resolve(what, HERE)?;
    let body = json!({
        "profile": reference(&resolved),
        "resolved": resolved.profile,
    });
    let text = netprof_profile::show(&resolved.profile);
    Ok(Answer::done(text, body).with(resolved.warnings, resolved.sources))
}
