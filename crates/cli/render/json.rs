//! What `--json` prints: one object for each command.

use netprof_model::plan::{Change, Kept, Plan, Reason, Row};
use netprof_model::{Diagnostic, State};
use serde_json::{Map, Value, json};

/// The version of everything that is printed as JSON.
pub const VERSION: u32 = 1;

/// The object of `command`, with what `body` adds.
pub fn object(command: &str, body: Value, diagnostics: &[Diagnostic]) -> Value {
    let mut object = Map::new();
    object.insert("version".to_owned(), json!(VERSION));
    object.insert("command".to_owned(), json!(command));
    if let Value::Object(body) = body {
        object.extend(body);
    }
    object.insert("diagnostics".to_owned(), json!(diagnostics));
    Value::Object(object)
}

/// A plan.
pub fn plan(plan: &Plan) -> Value {
    json!({
        "profile": plan.profile,
        "refused": plan.is_refused(),
        "summary": plan.summary(),
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "rows": plan.rows.iter().map(row).collect::<Vec<_>>(),
        "expectations": plan.expectations,
        "kept": kept(&plan.kept),
    })
}

/// What was changed by somebody else and stays so.
pub fn kept(kept: &[Kept]) -> Value {
    kept.iter()
        .map(|one| {
            json!({
                "resource": one.resource.to_string(),
                "kind": one.resource.kind(),
                "committed": state(one.committed.as_ref()),
                "live": state(one.live.as_ref()),
                "owner": one.owner,
            })
        })
        .collect()
}

/// A change.
pub fn change(change: &Change) -> Value {
    json!({
        "id": change.id,
        "action": change.action(),
        "resource": change.resource.to_string(),
        "kind": change.resource.kind(),
        "before": state(change.before.as_ref()),
        "after": state(change.after.as_ref()),
        "owner": change.owner,
        "lasts": change.lasts,
        "manager": change.manager,
        "reason": change.reasons.first().map(reason),
        "reasons": change.reasons.iter().map(reason).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    json!({
        "standing": row.standing,
        "subject": row.subject,
        "resource": row.resource.as_ref().map(|(resource, _)| resource.to_string()),
        "kind": row.resource.as_ref().map(|(resource, _)| resource.kind()),
        "state": state(row.resource.as_ref().map(|(_, state)| state)),
        "detail": row.detail,
        "reason": reason(&row.reason),
    })
}

fn reason(reason: &Reason) -> Value {
    match &reason.at {
        None => json!({ "text": reason.text }),
        Some(at) => json!({ "file": at.file, "line": at.line, "text": reason.text }),
    }
}

/// A state without its passwords, and without the tag that says which resource it is of:
/// `kind` says it.
pub fn state(state: Option<&State>) -> Value {
    let state = state.map(State::redacted);
    if let Some(State::Settings(all)) = state.as_deref() {
        // Their keys are anybody's.
        return json!({ "settings": all });
    }
    match json!(state) {
        Value::Object(mut fields) => {
            fields.remove("state");
            Value::Object(fields)
        }
        other => other,
    }
}
