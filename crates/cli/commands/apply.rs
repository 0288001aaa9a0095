//! `netprof apply`: make a profile so, or carry out a plan that was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use netprof_model::Diagnostic;
use netprof_model::plan::{Plan, ProfileRef};
use netprof_model::shell;
use netprof_plan::{need, plan};
use serde_json::Value;

use super::{Result, input, transaction};
use crate::answer::Answer;
use crate::context::{Context, HERE, reference, title};
use crate::render::evidence::Evidence;
use crate::render::json as render;

/// Makes the profile `what` so, or the plan in the file `what`.
pub fn run(context: &Context, what: &str) -> Result {
    let promise = promise(context, what).map_err(|error| Answer::refused(vec![error]))?;
    let named = promise
        .as_ref()
        .map_or_else(|| what.to_owned(), Promise::profile);
    let mut resolved = context.resolve(&named, HERE)?;
    let reference = reference(&resolved);
    if let Some(promise) = &promise
        && promise.profile.sha256 != reference.sha256
    {
        return Err(Answer::refused(vec![
            Diagnostic::error(
                "apply::stale-plan",
                format!(
                    "profile {} was edited since {what} was planned",
                    reference.name
                ),
            )
            .help(promise.anew(context, what)),
        ])
        .into());
    }
    let mut evidence = Evidence::default();
    let report = transaction::run(context, &["apply", &shell::operand(what)], |engine| {
        let need = need(Some(&resolved.profile), Some(engine.held()));
        engine.apply(need, |snapshot| {
            let mut made = plan(Some((&resolved.profile, &reference)), snapshot);
            if let Some(promise) = &promise {
                let broken = promise.broken_by(&made);
                let broken = broken.map(|one| one.help(promise.anew(context, what)));
                made.diagnostics.extend(broken);
            }
            if context.json {
                evidence = Evidence::of_plan(&made, snapshot);
            }
            // Nobody reads them any more, and there may be ten thousand.
            resolved.profile.routes.routes = Vec::new();
            made
        })
    })?;
    let mut answer = transaction::answer(
        context,
        title(&resolved),
        report,
        &format!(
            "Take it back with: {}\n",
            context.invocation.as_root(&["rollback"])
        ),
    );
    evidence.join_plan(&mut answer.body);
    let mut diagnostics = resolved.warnings;
    diagnostics.append(&mut answer.diagnostics);
    Ok(answer.with(diagnostics, resolved.sources))
}

/// A plan file: a promise of what will be done, not a program. The plan is made anew,
/// and must come out the same.
struct Promise {
    profile: ProfileRef,
    changes: BTreeMap<String, Value>,
}

/// The promise in the file `what`, if it is a plan file.
fn promise(context: &Context, what: &str) -> std::result::Result<Option<Promise>, Diagnostic> {
    let is_path = what.contains('/') || what.ends_with(".json");
    let file = what.split_once('#').map_or(what, |(file, _)| file);
    if !is_path || file.ends_with(".kdl") {
        return Ok(None);
    }
    let path = Path::new(what);
    let text = input::read(path)?;
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let invocation = &context.invocation;
    let anew = invocation.of(&["plan", "PROFILE", "-o", "FILE"]);
    let object: Value = input::json(path, &text, "plan", &anew)?;
    let malformed = |why: &str| {
        Diagnostic::error("file::malformed", format!("{what} is no plan: {why}"))
            .help(format!("write one with: {anew}"))
    };
    if object.get("command").and_then(Value::as_str) != Some("plan") {
        return Err(malformed("it does not say \"command\":\"plan\""));
    }
    if object.get("version").and_then(Value::as_u64) != Some(u64::from(render::VERSION)) {
        return Err(malformed("it has another version"));
    }
    let profile = object
        .get("profile")
        .and_then(|profile| serde_json::from_value(profile.clone()).ok())
        .ok_or_else(|| malformed("it names no profile"))?;
    let mut changes = BTreeMap::new();
    for change in object
        .get("changes")
        .and_then(Value::as_array)
        .ok_or_else(|| malformed("it lists no changes"))?
    {
        let resource = change.get("resource").and_then(Value::as_str);
        let resource = resource.ok_or_else(|| malformed("a change names no resource"))?;
        changes.insert(resource.to_owned(), sides(change));
    }
    Ok(Some(Promise { profile, changes }))
}

/// What a change promises of its resource: both its sides, and how it is written.
fn sides(change: &Value) -> Value {
    let part = |name: &str| change.get(name).cloned().unwrap_or(Value::Null);
    Value::Array(["before", "after", "manager"].map(part).to_vec())
}

impl Promise {
    /// The profile, as an argument names it.
    fn profile(&self) -> String {
        format!("{}#{}", self.profile.file, self.profile.name)
    }

    /// How to have a plan that holds, in the file `what` as well.
    fn anew(&self, context: &Context, what: &str) -> String {
        let profile = context.argument(&self.profile);
        let again = context
            .invocation
            .of(&["plan", &profile, "-o", &shell::operand(what)]);
        format!("plan it anew: {again}")
    }

    /// Why it does not hold any more, with each resource of which `made` says something
    /// else.
    fn broken_by(&self, made: &Plan) -> Option<Diagnostic> {
        let now: BTreeMap<String, Value> = made
            .changes
            .iter()
            .map(|change| (change.resource.to_string(), sides(&render::change(change))))
            .collect();
        let differs = |resource: &&String| self.changes.get(*resource) != now.get(*resource);
        let all: BTreeSet<&String> = self.changes.keys().chain(now.keys()).collect();
        let words: Vec<String> = all
            .into_iter()
            .filter(differs)
            .map(|resource| {
                let why = match (
                    self.changes.contains_key(resource),
                    now.contains_key(resource),
                ) {
                    (true, true) => "would be changed from or to something else",
                    (true, false) => "needs no change any more",
                    (false, _) => "was not in it and would be changed",
                };
                format!("{resource} {why}")
            })
            .collect();
        if words.is_empty() {
            return None;
        }
        Some(Diagnostic::error(
            "apply::stale-plan",
            format!("this plan no longer fits the machine: {}", words.join("; ")),
        ))
    }
}
