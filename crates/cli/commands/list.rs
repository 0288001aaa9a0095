//! `netprof list`: the profiles there are, which is active, which match now.

use std::fmt::Write;

use netprof_model::plan::ProfileRef;
use netprof_model::{Diagnostic, Section, Severity};
use netprof_plan::{Fits, Need, fits};
use netprof_profile::Found;
use serde_json::{Value, json};

use super::{Result, transaction};
use crate::answer::Answer;
use crate::context::{Context, HERE};

/// Lists the profiles.
pub fn run(context: &Context) -> Result {
    let listing = context.library.list();
    let mut diagnostics: Vec<Diagnostic> = listing.diagnostics;
    let active = match context.folder.held() {
        Ok(held) => held.active().cloned(),
        Err(error) => {
            // The list is whole without it, but for one mark.
            diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                ..transaction::refusal(&error)
            });
            None
        }
    };
    let need = Need {
        resolver: true,
        ..Need::default()
    };
    // Whether a profile fits has nothing to do with what is held.
    let snapshot = context.observe(need, Section::Unread)?;
    let rows: Vec<Row> = listing
        .profiles
        .iter()
        .map(|found| {
            let what = format!("{}#{}", found.file.display(), found.name);
            let fits = context
                .library
                .resolve(&what, HERE)
                .ok()
                .map(|one| fits(&one.profile, &snapshot));
            Row {
                is_active: is_active(found, active.as_ref()),
                found,
                fits,
            }
        })
        .collect();
    let mut text = String::new();
    if rows.is_empty() {
        let folders = context.library.folders().iter();
        let folders: Vec<String> = folders.map(|folder| folder.display().to_string()).collect();
        let _ = writeln!(text, "No profile is in {}", folders.join(", "));
    }
    let width = rows
        .iter()
        .map(|row| row.found.name.as_str().len())
        .max()
        .unwrap_or(0);
    for row in &rows {
        row.write(&mut text, width);
    }
    let body = json!({
        "active": active,
        "profiles": rows.iter().map(Row::object).collect::<Vec<_>>(),
    });
    Ok(Answer::done(text, body).with(diagnostics, listing.sources))
}

fn is_active(found: &Found, active: Option<&ProfileRef>) -> bool {
    active.is_some_and(|active| {
        let file = std::path::absolute(&found.file).unwrap_or_else(|_| found.file.clone());
        active.name == found.name.as_str() && file.to_string_lossy() == active.file
    })
}

/// One profile.
struct Row<'a> {
    found: &'a Found,
    is_active: bool,
    fits: Option<Fits>,
}

impl Row<'_> {
    fn write(&self, text: &mut String, width: usize) {
        let found = self.found;
        let mark = if self.is_active { '*' } else { ' ' };
        let mut notes = Vec::new();
        if found.broken {
            notes.push("broken".to_owned());
        }
        if found.shadowed {
            notes.push("shadowed by an earlier folder".to_owned());
        }
        if found.ambiguous {
            notes.push("two files of this folder have it".to_owned());
        }
        match &self.fits {
            Some(Fits::Yes) => notes.push("matches now".to_owned()),
            Some(Fits::No(why)) => notes.push(format!("does not match: {why}")),
            Some(Fits::Unknown(why)) => notes.push(format!("may match: {why}")),
            Some(Fits::ByHand) | None => {}
        }
        let name = found.name.as_str();
        let description = found.description.as_deref().unwrap_or("");
        let _ = writeln!(
            text,
            "{}",
            format!("{mark} {name:width$}  {description}").trim_end()
        );
        let mut under = found.file.display().to_string();
        for note in notes {
            let _ = write!(under, "; {note}");
        }
        let _ = writeln!(text, "  {:width$}  {under}", "");
    }

    fn object(&self) -> Value {
        let (matches, why) = match &self.fits {
            None => (None, None),
            Some(Fits::ByHand) => (Some("by-hand"), None),
            Some(Fits::Yes) => (Some("yes"), None),
            Some(Fits::No(why)) => (Some("no"), Some(why)),
            Some(Fits::Unknown(why)) => (Some("unknown"), Some(why)),
        };
        json!({
            "name": self.found.name,
            "description": self.found.description,
            "file": self.found.file,
            "active": self.is_active,
            "broken": self.found.broken,
            "shadowed": self.found.shadowed,
            "ambiguous": self.found.ambiguous,
            "matches": matches,
            "why": why,
        })
    }
}
