//! `netprof status`: the active profile, and what of it somebody has changed.

use std::fmt::Write;

use netprof_model::plan::ProfileRef;
use netprof_model::{Diagnostic, Section};
use netprof_plan::{Bearing, Drift, drift, need};
use serde_json::{Value, json};

use super::Result;
use crate::answer::Answer;
use crate::context::{Context, HERE};
use crate::exit::Exit;
use crate::render::{json as render, words};

/// Shows what is held and how it stands.
pub fn run(context: &Context, exit_code: bool) -> Result {
    let held = context
        .folder
        .held()
        .map_err(|error| Answer::refused(vec![super::transaction::refusal(&error)]))?;
    let mut snapshot = context.observe(need(None, Some(&held)))?;
    let active = held.active().cloned();
    snapshot.held = Section::Seen(held);
    let all = drift(&snapshot);
    let drifted = all.iter().filter(|one| one.is_drift()).count();
    let edited = active.as_ref().and_then(|active| edited(context, active));

    let mut text = String::new();
    match &active {
        None if all.is_empty() => text.push_str("No profile is active, and nothing is held.\n"),
        None => text.push_str("No profile is active, and this is held:\n\n"),
        Some(active) => {
            let _ = writeln!(
                text,
                "{}: {}  {}\n",
                active.name,
                headline(&all, drifted),
                active.file
            );
        }
    }
    for one in &all {
        row(&mut text, one);
    }
    if drifted > 0
        && let Some(active) = &active
    {
        let _ = writeln!(
            text,
            "\nSee what would mend it: netprof plan {}",
            active.name
        );
    }
    let body = json!({
        "profile": render::profile(active.as_ref()),
        "edited": edited.is_some(),
        "drift": drifted > 0,
        "resources": all.iter().map(resource).collect::<Vec<_>>(),
    });
    let exit = if exit_code && drifted > 0 {
        Exit::Difference
    } else {
        Exit::Done
    };
    Ok(Answer {
        exit,
        diagnostics: edited.into_iter().collect(),
        ..Answer::done(text, body)
    })
}

fn headline(all: &[Drift], drifted: usize) -> String {
    let expired = all
        .iter()
        .filter(|one| one.standing == Bearing::Expired)
        .count();
    let mut text = match drifted {
        0 => "active, all of it holds".to_owned(),
        n => format!("active, {n} of {} no longer as it was made", all.len()),
    };
    if expired > 0 {
        let _ = write!(text, ", {expired} gone with its link or boot");
    }
    text
}

fn row(text: &mut String, one: &Drift) {
    let resource = &one.held.resource;
    let (sign, detail) = match &one.standing {
        Bearing::Holds => ('=', String::new()),
        Bearing::Stale(why) => ('~', format!("stale: {why}")),
        Bearing::Changed(None) => (
            '~',
            "is gone: somebody deleted it, or it went with what it rested on".to_owned(),
        ),
        Bearing::Changed(Some(state)) => (
            '~',
            format!(
                "changed by {}: now {}",
                one.owner.who(),
                words::state(resource, state)
            ),
        ),
        Bearing::Expired => ('.', "gone with its link or boot".to_owned()),
        Bearing::Unknown(why) => ('?', format!("not known: {why}")),
    };
    let subject = match &one.held.committed {
        Some(state) => format!(
            "{}  {}",
            words::subject(resource),
            words::state(resource, state)
        ),
        None => format!("{}  (taken away)", words::subject(resource)),
    };
    let _ = writeln!(text, "  {sign} {subject}");
    if !detail.is_empty() {
        let _ = writeln!(text, "      {detail}");
    }
}

fn resource(one: &Drift) -> Value {
    let (standing, live, why) = match &one.standing {
        Bearing::Holds => ("holds", None, None),
        Bearing::Stale(why) => ("stale", None, Some(why)),
        Bearing::Changed(live) => ("changed", live.as_ref(), None),
        Bearing::Expired => ("expired", None, None),
        Bearing::Unknown(why) => ("unknown", None, Some(why)),
    };
    json!({
        "resource": one.held.resource.to_string(),
        "kind": one.held.resource.kind(),
        "standing": standing,
        "committed": render::state(one.held.committed.as_ref()),
        "original": render::state(one.held.original.as_ref()),
        "live": render::state(live),
        "why": why,
        "owner": one.owner,
        "lasts": one.held.lasts,
        "transaction": one.held.transaction,
    })
}

/// Whether the active profile says something else now than when it was applied.
fn edited(context: &Context, active: &ProfileRef) -> Option<Diagnostic> {
    let what = format!("{}#{}", active.file, active.name);
    match context.library.resolve(&what, HERE) {
        Ok(resolved) if resolved.sha256 == active.sha256 => None,
        Ok(_) => Some(
            Diagnostic::warning(
                "status::edited",
                format!("{} was edited since it was applied", active.file),
            )
            .help(format!(
                "see what would change: netprof plan {}",
                active.name
            )),
        ),
        Err(_) => Some(
            Diagnostic::warning(
                "status::edited",
                format!("{} can no longer be read as it was applied", active.file),
            )
            .help(format!(
                "see what is wrong with it: netprof check {}",
                active.file
            )),
        ),
    }
}
