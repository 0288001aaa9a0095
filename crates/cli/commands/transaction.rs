//! What apply, release, rollback and recover have in common: one transaction, and
//! what became of it.

use std::fmt::Write;

use netprof_engine::{
    Engine, Error, Left, OffStack, Outcome, Recovered, Report, RollbackIncomplete, RolledBack,
};
use netprof_model::Diagnostic;
use serde_json::{Value, json};

use crate::answer::{Answer, chain, failure};
use crate::context::{Context, is_stopped};
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::platform::System;
use crate::render::plan::Title;
use crate::render::{json as render, plan as table, words};

/// Locks the state folder and does `work` as one transaction, with the rights that it
/// needs. `again` is what a person typed.
pub fn run(
    context: &Context,
    again: &[&str],
    work: impl FnOnce(&mut Engine) -> Result<Report, Error>,
) -> super::Result<Report> {
    context.needs_rights(again)?;
    context.catch_signals()?;
    let mut system = System::new();
    let caller = context.caller(again);
    let mut engine = Engine::lock(&context.folder, &mut system, &caller, &is_stopped)
        .map_err(|error| Answer::refused(vec![refusal(&context.invocation, &error)]))?;
    work(&mut engine)
        .map_err(|error| Answer::refused(vec![refusal(&context.invocation, &error)]).into())
}

/// An error of the engine that changed nothing. `invocation` is what helps.
pub fn refusal(invocation: &Invocation, error: &Error) -> Diagnostic {
    let (code, help) = match error {
        Error::Cancelled => {
            return Diagnostic::error("engine::stopped", "stopped before anything was changed");
        }
        Error::Locked { .. } => (
            "engine::locked",
            "wait until it is done, and try again".to_owned(),
        ),
        Error::NothingToRollBack => (
            "engine::nothing-to-roll-back",
            // The journals are root's.
            format!("what was done: {}", invocation.as_root(&["history"])),
        ),
        Error::NotOnStack { why, .. } => {
            ("engine::nothing-to-roll-back", instead(invocation, *why))
        }
        Error::HeldNeedsRoot { .. } => ("rights::needed", invocation.again_as_root()),
        Error::UnsafeFolder { .. } => (
            "engine::unsafe-folder",
            "it must be a folder that only the user who runs netprof may write to".to_owned(),
        ),
        _ => return failure("engine::refused", error),
    };
    failure(code, error).help(help)
}

/// What to do where a transaction cannot be undone.
fn instead(invocation: &Invocation, why: OffStack) -> String {
    let (what, command) = match why {
        OffStack::Unknown => ("all that were made", "history"),
        OffStack::Undone { .. } => ("what is left to undo is listed as committed", "history"),
        OffStack::TooOld => ("take back everything that is held", "release"),
        OffStack::Rollback => return "to have back what it undid, apply that profile again".into(),
        OffStack::Failed | OffStack::NeverBegun => return "nothing of it is left to undo".into(),
    };
    format!("{what}: {}", invocation.as_root(&[command]))
}

/// What became of a transaction, said of `title`; `afterwards` is what a person may want
/// to do once it is committed.
pub fn answer(context: &Context, title: Title, report: Report, afterwards: &str) -> Answer {
    let plan = &report.plan;
    let mut diagnostics = plan.diagnostics.clone();
    let mut text = String::new();
    if let Some(recovered) = &report.recovered {
        let _ = writeln!(text, "{}", said(recovered));
    }
    let exit = match &report.outcome {
        Outcome::Committed(done) => {
            if plan.changes.is_empty() {
                let _ = writeln!(text, "{}: nothing had to be changed", title.name);
                table::waiting(&mut text, title, plan);
                table::kept(&mut text, &plan.kept);
            } else {
                text.push_str(&table::plan(title, plan));
            }
            let asked = match plan.expectations.len() {
                0 => String::new(),
                1 => ", and the kernel answered a look-up as planned".to_owned(),
                n => format!(", and the kernel answered {n} look-ups as planned"),
            };
            let read = if plan.changes.is_empty() {
                "noted"
            } else {
                "every change was read back"
            };
            let _ = writeln!(
                text,
                "\nDone, as transaction {}: {read}{asked}.",
                done.transaction
            );
            text.push_str(afterwards);
            Exit::Done
        }
        Outcome::Unchanged => {
            let summary = plan.summary();
            let why = match (&plan.profile, summary.waiting, summary.unchanged) {
                (None, ..) => "nothing is held",
                (_, 0, _) => "all of it is so already",
                (_, _, 0) => "it waits for what is not there",
                _ => "the rest of it is so already",
            };
            let _ = writeln!(text, "{}: nothing to do, {why}", title.name);
            table::waiting(&mut text, title, plan);
            table::kept(&mut text, &plan.kept);
            Exit::Done
        }
        Outcome::Refused => {
            text.push_str(&table::plan(title, plan));
            text.push_str("\nRefused: nothing has been changed.\n");
            Exit::Refused
        }
        Outcome::RolledBack(back) => {
            diagnostics.push(rolled_back(back));
            table::kept(&mut text, &back.kept);
            Exit::RolledBack
        }
        Outcome::RollbackIncomplete(incomplete) => {
            diagnostics.push(incomplete_rollback(context, incomplete));
            left(&mut text, incomplete);
            Exit::RollbackIncomplete
        }
    };
    for warning in &report.warnings {
        diagnostics.push(Diagnostic::warning("engine::warning", chain(warning)));
    }
    // Of ten thousand changes it takes more than all the rest, so it is made only where it
    // is printed.
    let body = if context.json {
        body(&report)
    } else {
        Value::Null
    };
    // netprof ends behind this, and then all of it is given back at once: ten thousand
    // changes one by one would take as long as it takes to print them.
    std::mem::forget(report);
    Answer {
        exit,
        ..Answer::done(text, body).with(diagnostics, netprof_profile::Sources::default())
    }
}

fn body(report: &Report) -> Value {
    let mut body = render::plan(&report.plan);
    body["outcome"] = json!(report.outcome.as_str());
    body["transaction"] = json!(report.outcome.transaction());
    body["recovered"] = json!(report.recovered.as_ref().map(transaction_of));
    match &report.outcome {
        Outcome::RolledBack(back) => {
            body["why"] = json!(chain(&back.why));
            body["journal"] = json!(back.journal);
            body["kept"] = render::kept(&back.kept);
        }
        Outcome::RollbackIncomplete(incomplete) => {
            body["why"] = json!(chain(&incomplete.why));
            body["journal"] = json!(incomplete.journal);
            body["kept"] = render::kept(&incomplete.kept);
            body["left"] = incomplete.left.iter().map(left_json).collect();
        }
        Outcome::Committed(done) => body["journal"] = json!(done.journal),
        Outcome::Unchanged | Outcome::Refused => {}
    }
    body
}

fn left_json(left: &Left) -> Value {
    json!({
        "resource": left.resource.to_string(),
        "kind": left.resource.kind(),
        "wanted": render::state(left.wanted.as_ref()),
        "found": render::state(left.found.as_ref()),
        "why": left.why,
    })
}

/// Recovery, as an answer of its own.
pub fn recovered(context: &Context, outcome: Option<Recovered>) -> Answer {
    match outcome {
        None => Answer::done(
            "Nothing to recover: no transaction was left unfinished.\n",
            json!({ "outcome": "unchanged", "transaction": null }),
        ),
        Some(done @ Recovered::RolledBack(_)) => {
            let mut text = format!("{}\n", said(&done));
            let Recovered::RolledBack(back) = &done else {
                return Answer::done(text, json!({}));
            };
            table::kept(&mut text, &back.kept);
            let body = json!({
                "outcome": "rolled-back",
                "transaction": back.transaction,
                "kept": render::kept(&back.kept),
            });
            Answer::done(text, body)
        }
        Some(Recovered::Incomplete(incomplete)) => {
            let mut text = String::new();
            left(&mut text, &incomplete);
            let body = json!({
                "outcome": "rollback-incomplete",
                "transaction": incomplete.transaction,
                "journal": incomplete.journal,
                "left": incomplete.left.iter().map(left_json).collect::<Vec<_>>(),
                "kept": render::kept(&incomplete.kept),
            });
            Answer {
                exit: Exit::RollbackIncomplete,
                diagnostics: vec![incomplete_rollback(context, &incomplete)],
                ..Answer::done(text, body)
            }
        }
    }
}

fn transaction_of(recovered: &Recovered) -> u64 {
    match recovered {
        Recovered::RolledBack(back) => back.transaction,
        Recovered::Incomplete(incomplete) => incomplete.transaction,
    }
}

fn said(recovered: &Recovered) -> String {
    match recovered {
        Recovered::RolledBack(back) => format!(
            "Transaction {} was left unfinished; it is taken back completely.",
            back.transaction
        ),
        Recovered::Incomplete(incomplete) => format!(
            "Transaction {} was left unfinished, and could not be taken back completely.",
            incomplete.transaction
        ),
    }
}

fn rolled_back(back: &RolledBack) -> Diagnostic {
    Diagnostic::error(
        "apply::rolled-back",
        format!(
            "{}: all of it was taken back, and everything is as it was",
            chain(&back.why)
        ),
    )
    .help(format!("the story is in {}", back.journal.display()))
}

fn incomplete_rollback(context: &Context, incomplete: &RollbackIncomplete) -> Diagnostic {
    let why = chain(&incomplete.why);
    let rest = match incomplete.left.len() {
        // All that could be seen is as it was, and the journal could not be told.
        0 => "whether all of it was taken back is in doubt".to_owned(),
        1 => "one of its changes could not be taken back".to_owned(),
        n => format!("{n} of its changes could not be taken back"),
    };
    let message = format!("{why}: {rest}");
    Diagnostic::error("apply::rollback-incomplete", message).help(format!(
        "`{}` tries again; the journal is {}",
        context.invocation.as_root(&["recover"]),
        incomplete.journal.display()
    ))
}

fn left(text: &mut String, incomplete: &RollbackIncomplete) {
    let holds = |resource, state: &Option<netprof_model::State>| {
        state.as_ref().map_or_else(
            || "absent".to_owned(),
            |state| words::state(resource, state),
        )
    };
    for one in &incomplete.left {
        let _ = writeln!(
            text,
            "  ! {}  is {}, should be {}: {}",
            one.resource,
            holds(&one.resource, &one.found),
            holds(&one.resource, &one.wanted),
            one.why
        );
    }
    table::kept(text, &incomplete.kept);
}
