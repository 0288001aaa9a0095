//! `netprof status`: the active profile, and what of it somebody has changed.

use std::fmt::Write;

use netprof_model::held::HeldResource;
use netprof_model::plan::{Change, Plan, ProfileRef};
use netprof_model::snapshot::Index;
use netprof_model::{Diagnostic, Owner, Resource, Section, Severity, Snapshot, shell};
use netprof_plan::{Bearing, Drift, Need, above, drift, need, plan};
use netprof_profile::{Resolved, Sources};
use serde_json::{Value, json};

use super::Result;
use crate::answer::Answer;
use crate::context::{Context, HERE};
use crate::exit::Exit;
use crate::render::evidence::Evidence;
use crate::render::{json as render, words};

/// Shows what is held and how it stands.
pub fn run(context: &Context, exit_code: bool) -> Result {
    let held = context.held()?;
    let active = held.active().cloned();
    let profile = active.as_ref().map(|active| declared(context, active));
    let declared = profile.as_ref().and_then(|profile| profile.as_ref().ok());
    let keeps = |one: &HeldResource| matches!(one.resource, Resource::Rule(_));
    let need = Need {
        // What cuts a kept network off is asked also where its profile was edited.
        filters: held.resources.iter().any(keeps),
        ..need(declared.map(|one| &one.profile), Some(&held))
    };
    let snapshot = context.observe(need, Section::Seen(held))?;
    let wish = active
        .as_ref()
        .zip(declared)
        .map(|(active, one)| plan(Some((&one.profile, active)), &snapshot));
    let wish = wish.map(Wish::from).unwrap_or_default();
    let refused = wish.in_the_way.is_some();
    // The profile has had its say, and there may be ten thousand lines of it.
    let (edited, sources) = match profile {
        Some(Err(edited)) => (Some(edited), Sources::default()),
        Some(Ok(resolved)) => (None, resolved.sources),
        None => (None, Sources::default()),
    };
    let all = drift(&snapshot);
    let drifted = all.iter().filter(|one| one.is_drift()).count();
    let mut text = String::new();
    match &active {
        None if all.is_empty() => text.push_str("No profile is active, and nothing is held.\n"),
        None => text.push_str("No profile is active, and this is held:\n\n"),
        Some(active) => {
            let _ = writeln!(
                text,
                "{}: {}  {}\n",
                active.name,
                headline(&all, drifted, refused),
                active.file
            );
        }
    }
    for one in &all {
        row(&mut text, one, &snapshot);
    }
    if let (Some(active), false) = (&active, refused) {
        not_in_force(&mut text, context, active, &wish);
        wanted(&mut text, &wish.changes, &snapshot);
    }
    if refused {
        text.push_str("\nAs things are, it cannot be applied anew:\n");
    }
    let mut body = json!({
        "profile": active,
        "edited": edited.is_some(),
        "drift": drifted > 0,
        "missing": wish.missing,
        "waiting": wish.waiting,
        "refused": refused,
        // Of ten thousand resources it takes more than all the rest.
        "resources": match context.json {
            true => all.iter().map(resource).collect(),
            false => Value::Null,
        },
    });
    if context.json {
        let resources = all.iter().map(|one| &one.held.resource);
        Evidence::of(resources, &snapshot).join(&mut body["resources"]);
    }
    // Nothing may have drifted and the network be cut off all the same.
    let exit = if exit_code && (drifted > 0 || refused) {
        Exit::Difference
    } else {
        Exit::Done
    };
    // A plan that is refused names what is in its way, with its lines. What cuts off a
    // network that is kept is told of what is held, whatever else the plan says.
    let mut in_the_way = wish.in_the_way.unwrap_or_default();
    for one in above(&snapshot) {
        let is_same = |said: &Diagnostic| (&said.code, &said.message) == (&one.code, &one.message);
        if !in_the_way.iter().any(is_same) {
            in_the_way.push(one);
        }
    }
    let diagnostics = edited.into_iter().chain(in_the_way).collect();
    let answer = Answer {
        exit,
        ..Answer::done(text, body)
    };
    Ok(answer.with(diagnostics, sources))
}

/// What the profile wants beside what is held: what waited and no longer does, or what
/// went with its link.
#[derive(Default)]
struct Wish {
    missing: usize,
    /// How much waits for what is not there.
    waiting: usize,
    changes: Vec<Change>,
    /// Why it cannot be had, where that is so.
    in_the_way: Option<Vec<Diagnostic>>,
}

impl From<Plan> for Wish {
    /// A plan that is refused says what is in the way, not what would be done.
    fn from(plan: Plan) -> Self {
        let waiting = plan.summary().waiting;
        if !plan.is_refused() {
            return Self {
                missing: plan.changes.len(),
                waiting,
                changes: plan.changes,
                in_the_way: None,
            };
        }
        let missing = plan.summary().blocked.max(1);
        let all = plan.diagnostics.into_iter();
        let errors = all.filter(|one| one.severity == Severity::Error);
        Self {
            missing,
            waiting,
            changes: Vec::new(),
            in_the_way: Some(errors.collect()),
        }
    }
}

/// Says how much of the profile is not so, and what to do about it. What is gone with its
/// link is neither drift nor work to undo, and not there all the same.
fn not_in_force(text: &mut String, context: &Context, active: &ProfileRef, wish: &Wish) {
    let mut parts = Vec::new();
    match wish.missing {
        0 => {}
        1 => parts.push("1 change is to be made".to_owned()),
        n => parts.push(format!("{n} changes are to be made")),
    }
    match wish.waiting {
        0 => {}
        1 => parts.push("1 part waits for what is not there".to_owned()),
        n => parts.push(format!("{n} parts wait for what is not there")),
    }
    if parts.is_empty() {
        return;
    }
    let profile = context.argument(active);
    let _ = writeln!(
        text,
        "\nNot fully in force: {}\n  see why:     {}\n  {} {}",
        parts.join(", "),
        context.invocation.of(&["plan", &profile]),
        match wish.missing {
            0 => "once it is: ",
            _ => "make it so: ",
        },
        context.invocation.as_root(&["apply", &profile])
    );
}

/// What would change, shortly: the plan has the rest.
fn wanted(text: &mut String, changes: &[Change], snapshot: &Snapshot) {
    const SHOWN: usize = 10;
    if !changes.is_empty() {
        text.push('\n');
    }
    for change in changes.iter().take(SHOWN) {
        let resource = &change.resource;
        let (sign, state) = match (&change.after, &change.before) {
            (Some(after), before) => (if before.is_some() { '~' } else { '+' }, after),
            (None, Some(before)) => ('-', before),
            (None, None) => continue,
        };
        let name = named(resource, snapshot);
        let _ = writeln!(text, "  {sign} {name}  {}", words::state(resource, state));
    }
    if changes.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", changes.len() - SHOWN);
    }
}

/// What a resource is called here.
fn named(resource: &Resource, snapshot: &Snapshot) -> String {
    let service = match resource {
        Resource::Proxies { service } => Index::new(snapshot).service(service),
        _ => None,
    };
    words::subject_named(resource, service.map(|one| one.name.as_str()))
}

fn headline(all: &[Drift], drifted: usize, refused: bool) -> String {
    let expired = all
        .iter()
        .filter(|one| one.standing == Bearing::Expired)
        .count();
    let mut text = match drifted {
        0 if all.is_empty() => "active, and nothing had to be made for it".to_owned(),
        0 if refused => "active, all that was made for it is there, but see below".to_owned(),
        0 => "active, all that was made for it holds".to_owned(),
        n => format!("active, {n} of {} no longer as it was made", all.len()),
    };
    if expired > 0 {
        let _ = write!(text, ", {expired} gone with its link or boot");
    }
    text
}

fn row(text: &mut String, one: &Drift, snapshot: &Snapshot) {
    let resource = &one.held.resource;
    let name = named(resource, snapshot);
    let until = suspect(one).map(|_| &one.held.lasts);
    let (sign, detail) = match &one.standing {
        Bearing::Holds => ('=', String::new()),
        Bearing::Stale(why) => ('~', format!("stale: {why}")),
        Bearing::Changed(None) => (
            '~',
            match until {
                Some(until) => format!("is gone: it was to last {until}"),
                None => {
                    "is gone: somebody deleted it, or it went with what it rested on".to_owned()
                }
            },
        ),
        Bearing::Changed(Some(state)) => {
            let now = words::state(resource, state);
            let who = one.owner.who();
            let detail = match until {
                Some(until) => format!("changed by {who}, and was to last {until}: now {now}"),
                None => format!("changed by {who}: now {now}"),
            };
            ('~', detail)
        }
        Bearing::Expired => ('.', "gone with its link or boot".to_owned()),
        Bearing::Unknown(why) => ('?', format!("not known: {why}")),
    };
    let subject = match &one.held.committed {
        Some(state) => format!("{name}  {}", words::state(resource, state)),
        None => format!("{name}  (taken away)"),
    };
    let _ = writeln!(text, "  {sign} {subject}");
    if !detail.is_empty() {
        let _ = writeln!(text, "      {detail}");
    }
}

/// Who probably did it, where somebody did: the service of which the plan said that it
/// would.
fn suspect(one: &Drift) -> Option<Owner> {
    let by = one.held.lasts.ended_by().map(Owner::from);
    by.filter(|_| matches!(one.standing, Bearing::Changed(_)))
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
        "suspect": suspect(one),
        "lasts": one.held.lasts,
        "transaction": one.held.transaction,
    })
}

/// The active profile, if it still says what it said when it was applied; else what to
/// say of that.
fn declared(context: &Context, active: &ProfileRef) -> std::result::Result<Resolved, Diagnostic> {
    let what = format!("{}#{}", active.file, active.name);
    match context.library.resolve(&what, HERE) {
        Ok(resolved) if resolved.sha256 == active.sha256 => Ok(resolved),
        Ok(_) => Err(Diagnostic::warning(
            "status::edited",
            format!("{} was edited since it was applied", active.file),
        )
        .help(format!(
            "see what would change: {}",
            context.invocation.of(&["plan", &context.argument(active)])
        ))),
        Err(_) => Err(Diagnostic::warning(
            "status::edited",
            format!("{} can no longer be read as it was applied", active.file),
        )
        .help(format!(
            "see what is wrong with it: {}",
            context
                .invocation
                .of(&["check", &shell::operand(&active.file)])
        ))),
    }
}
