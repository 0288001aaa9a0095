//! `netprof check`: parse and lint.

use std::fmt::Write;

use netprof_model::diagnostic::any_error;
use netprof_model::{Diagnostic, Severity};
use netprof_profile::Sources;
use serde_json::json;

use super::Result;
use crate::answer::Answer;
use crate::context::Context;
use crate::exit::Exit;

/// Checks each of `what`, or every profile that is found.
pub fn run(context: &Context, what: &[String]) -> Result {
    let mut profiles = Vec::new();
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut sources = Sources::default();
    let checked = if what.is_empty() {
        vec![context.library.check_all()]
    } else {
        what.iter().map(|one| context.library.check(one)).collect()
    };
    for one in checked {
        profiles.extend(one.sound.iter().map(ToString::to_string));
        // A file that two of them include says the same twice.
        let new = one
            .diagnostics
            .into_iter()
            .filter(|said| !diagnostics.contains(said));
        let new: Vec<Diagnostic> = new.collect();
        diagnostics.extend(new);
        sources.merge(one.sources);
    }
    let count = |weight| {
        diagnostics
            .iter()
            .filter(|one| one.severity == weight)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut text = String::new();
    if what.is_empty() && profiles.is_empty() && errors == 0 {
        let folders = context.library.folders().iter();
        let folders: Vec<String> = folders.map(|folder| folder.display().to_string()).collect();
        let _ = writeln!(text, "No profile is in {}", folders.join(", "));
    } else {
        let sound = if profiles.is_empty() {
            "No profile is sound".to_owned()
        } else {
            format!("Sound: {}", profiles.join(", "))
        };
        let errors = counted(errors, "error");
        let warnings = counted(warnings, "warning");
        let _ = writeln!(text, "{sound} ({errors}, {warnings})");
    }
    let exit = if any_error(&diagnostics) {
        Exit::Refused
    } else {
        Exit::Done
    };
    let body = json!({ "profiles": profiles, "errors": errors, "warnings": warnings });
    Ok(Answer {
        exit,
        ..Answer::done(text, body).with(diagnostics, sources)
    })
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
