//! `netprof plan`: what would change, and why.

use std::fmt::Write;
use std::path::Path;

use netprof_model::snapshot::VERSION;
use netprof_model::{Diagnostic, Section, Snapshot, shell};
use netprof_plan::{need, plan};
use serde::Deserialize;
use serde_json::Value;

use super::{Result, input};
use crate::answer::Answer;
use crate::context::{Context, HERE, reference, title};
use crate::exit::Exit;
use crate::render::evidence::Evidence;
use crate::render::{json as render, plan as table};

/// Plans `profile` for this machine, or for that of the snapshot in `from`.
pub fn run(
    context: &Context,
    profile: &str,
    from: Option<&Path>,
    output: Option<&Path>,
    exit_code: bool,
) -> Result {
    let given = from
        .map(|path| snapshot(context, path))
        .transpose()
        .map_err(|error| Answer::refused(vec![error]))?;
    let os = given.as_ref().map_or(HERE, |snapshot| snapshot.os);
    let resolved = context.resolve(profile, os)?;
    let live = match given {
        Some(snapshot) => snapshot,
        None => {
            let held = context.held()?;
            let need = need(Some(&resolved.profile), Some(&held));
            context.observe(need, Section::Seen(held))?
        }
    };
    let reference = reference(&resolved);
    let made = plan(Some((&resolved.profile, &reference)), &live);

    let mut text = table::plan(title(&resolved), &made);
    let refused = made.is_refused();
    let differs = !made.changes.is_empty();
    let next = output.map_or_else(|| shell::operand(profile).into_owned(), as_argument);
    let next = context.invocation.as_root(&["apply", &next]);
    text.push_str(&closing(&next, refused, differs, from.is_some()));
    if let Some(output) = output.filter(|_| !refused) {
        let _ = writeln!(text, "The plan is in {}.", output.display());
    }
    let written = output.filter(|_| !refused);
    // Of ten thousand changes it takes more than all the rest, so it is made only where it
    // is written.
    let body = if context.json || written.is_some() {
        let mut body = render::plan(&made);
        Evidence::of_plan(&made, &live).join_plan(&mut body);
        body
    } else {
        Value::Null
    };
    let mut diagnostics = resolved.warnings;
    diagnostics.extend(made.diagnostics);
    if let Some(output) = written {
        let object = render::object("plan", body.clone(), &diagnostics);
        save(output, &object).map_err(|error| Answer::refused(vec![error]))?;
    }
    let exit = match (refused, exit_code && differs) {
        (true, _) => Exit::Refused,
        (false, true) => Exit::Difference,
        (false, false) => Exit::Done,
    };
    Ok(Answer {
        exit,
        ..Answer::done(text, body).with(diagnostics, resolved.sources)
    })
}

/// A plan file, as `apply` knows it for one: by a slash, or by its ending.
fn as_argument(output: &Path) -> String {
    let shown = output.display().to_string();
    if shown.contains('/') || shown.ends_with(".json") {
        return shell::operand(&shown).into_owned();
    }
    format!("./{shown}")
}

fn closing(next: &str, refused: bool, differs: bool, elsewhere: bool) -> String {
    let says = match (refused, differs) {
        (true, _) => {
            "Refused: nothing of this can be applied until its errors are mended.".to_owned()
        }
        (false, false) => "Nothing would change.".to_owned(),
        (false, true) if elsewhere => "This is a plan for the machine of the snapshot.".to_owned(),
        (false, true) => format!("Nothing has been changed. Apply it with: {next}"),
    };
    format!("\n{says}\n")
}

fn save(output: &Path, object: &Value) -> std::result::Result<(), Diagnostic> {
    let mut text = serde_json::to_string_pretty(object).unwrap_or_default();
    text.push('\n');
    input::write(output, &text)
}

/// The snapshot in the file at `path`.
fn snapshot(context: &Context, path: &Path) -> std::result::Result<Snapshot, Diagnostic> {
    /// Which version, before anything rests on the rest. `snapshot --json` wraps a
    /// snapshot in the object that every command prints.
    #[derive(Deserialize)]
    struct Head {
        version: Option<Value>,
        snapshot: Option<Box<Head>>,
    }
    #[derive(Deserialize)]
    struct Printed {
        snapshot: Snapshot,
    }
    let text = input::read(path)?;
    let anew = context.invocation.of(&["snapshot", "-o", "FILE"]);
    let head: Head = input::json(path, &text, "snapshot", &anew)?;
    let version = match &head.snapshot {
        Some(inner) => &inner.version,
        None => &head.version,
    };
    if version.as_ref().and_then(Value::as_u64) != Some(u64::from(VERSION)) {
        let found = version
            .as_ref()
            .map_or_else(|| "none".to_owned(), Value::to_string);
        return Err(Diagnostic::error(
            "plan::snapshot-version",
            format!(
                "{} has snapshot version {found}, and this netprof reads {VERSION}",
                path.display()
            ),
        )
        .help(format!("take it anew with this netprof: {anew}")));
    }
    match head.snapshot {
        Some(_) => input::json(path, &text, "snapshot", &anew).map(|Printed { snapshot }| snapshot),
        None => input::json(path, &text, "snapshot", &anew),
    }
}
