//! Plans made of text, and told as text: what golden files hold.

use std::fmt::Write;

use netprof_model::plan::{Action, Plan, ProfileRef, Standing};
use netprof_model::{Snapshot, State};
use netprof_plan::plan;
use netprof_profile::Library;

/// The plan of `profile`, the nodes of a profile of its own, on `snapshot`.
pub(crate) fn made(profile: &str, snapshot: &Snapshot) -> Plan {
    let text = format!("profile \"office\" {{\n{profile}\n}}\n");
    let resolved = Library::new([])
        .resolve_text("office.kdl", &text, snapshot.os)
        .unwrap_or_else(|refused| panic!("{:#?}", refused.diagnostics));
    let reference = ProfileRef {
        name: "office".to_owned(),
        file: "office.kdl".to_owned(),
        sha256: resolved.sha256,
    };
    plan(Some((&resolved.profile, &reference)), snapshot)
}

/// All that a plan says, as a person would read it.
pub(crate) fn described(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        let sign = match change.action() {
            Action::Add => '+',
            Action::Change => '~',
            Action::Remove => '-',
        };
        let _ = writeln!(
            text,
            "{sign} {}  [owner {}, lasts {}]",
            change.resource, change.owner, change.lasts
        );
        for (side, state) in [("from", &change.before), ("to", &change.after)] {
            if let Some(state) = state {
                let _ = writeln!(text, "    {side} {}", state_of(state));
            }
        }
        for reason in &change.reasons {
            let line = reason
                .at
                .as_ref()
                .map_or_else(String::new, |at| format!(" (line {})", at.line));
            let _ = writeln!(text, "    for {}{line}", reason.text);
        }
    }
    for row in &plan.rows {
        let sign = match row.standing {
            Standing::Unchanged => '=',
            Standing::Waiting => '?',
            Standing::Blocked => '!',
            Standing::Omitted => '.',
        };
        let resource = row
            .resource
            .as_ref()
            .map_or_else(String::new, |(resource, _)| resource.to_string());
        let _ = writeln!(text, "{sign} {}: {}{resource}", row.subject, row.detail);
    }
    for one in &plan.expectations {
        let oif = one
            .probe
            .oif
            .as_ref()
            .map_or_else(String::new, |oif| format!(" through {oif}"));
        let _ = writeln!(
            text,
            "ask {}{oif}: {}",
            one.probe.to,
            serde_json::to_string(&one.answer).unwrap()
        );
    }
    for said in &plan.diagnostics {
        let line = said
            .location
            .as_ref()
            .map_or_else(String::new, |at| format!(" (line {})", at.line));
        let _ = writeln!(
            text,
            "{} {}{line}: {}",
            said.severity, said.code, said.message
        );
        if let Some(help) = &said.help {
            let _ = writeln!(text, "    help: {help}");
        }
    }
    text
}

fn state_of(state: &State) -> String {
    let mut value = serde_json::to_value(state).unwrap();
    let fields = value.as_object_mut().unwrap();
    fields.remove("state");
    // What resolved holds beside servers and domains is never touched here.
    let is_settings = state.settings().is_some();
    fields.retain(|_, value| {
        is_settings || value != "" && !value.as_array().is_some_and(Vec::is_empty)
    });
    value.to_string()
}
