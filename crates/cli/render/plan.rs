//! A plan, as a person sees it.

use std::fmt::Write;

use netprof_model::Owner;
use netprof_model::plan::{Action, Change, Kept, Plan, Reason, Row, Standing, Summary};

use super::{macos, words};

/// Where the second column starts, and where the third.
const DETAIL: usize = 28;
const LINE: usize = 78;

/// What a plan is of.
#[derive(Clone, Copy)]
pub struct Title<'a> {
    /// The profile's name, or 'release'.
    pub name: &'a str,
    /// The file of the profile, as diagnostics name it.
    pub file: &'a str,
}

/// `plan` as text.
pub fn plan(title: Title, plan: &Plan) -> String {
    let mut text = String::new();
    let counts = counts(&plan.summary());
    // What cannot be applied must not read as though it could.
    let headline = match plan.is_refused() {
        true => format!("{}: refused ({counts})", title.name),
        false => format!("{}: {counts}", title.name),
    };
    line(&mut text, &headline, "", title.file);
    let entries = entries(plan);
    if !entries.is_empty() || !plan.kept.is_empty() {
        text.push('\n');
    }
    for entry in entries {
        match entry {
            Entry::Change(change) => change_row(&mut text, change, title.file),
            Entry::Row(row) => other_row(&mut text, row, title.file),
        }
    }
    kept(&mut text, &plan.kept);
    text
}

/// How many of what, as a headline says it.
pub fn counts(summary: &Summary) -> String {
    let mut text = format!(
        "{} to add, {} to change, {} to remove",
        summary.add, summary.change, summary.remove
    );
    for (count, word) in [(summary.waiting, "waiting"), (summary.blocked, "blocked")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

/// What waits: of a plan that changes nothing, all that is worth a line.
pub fn waiting(text: &mut String, title: Title, plan: &Plan) {
    let rows = plan.rows.iter();
    for row in rows.filter(|row| row.standing == Standing::Waiting) {
        other_row(text, row, title.file);
    }
}

/// What was changed by somebody else and stays so.
pub fn kept(text: &mut String, kept: &[Kept]) {
    for one in kept {
        let holds = one.live.as_ref().map_or_else(
            || "is gone".to_owned(),
            |state| format!("now {}", words::state(&one.resource, state)),
        );
        let _ = writeln!(
            text,
            "  k {}  left as it is: changed by {}, {holds}",
            words::subject(&one.resource),
            one.owner.who()
        );
    }
}

enum Entry<'a> {
    Change(&'a Change),
    Row(&'a Row),
}

impl Entry<'_> {
    /// In the order of the profile; what no line asks for comes last.
    fn order(&self) -> (bool, u32, u32) {
        match self {
            Self::Change(change) => {
                let line = change.reasons.first().and_then(line_number);
                (line.is_none(), line.unwrap_or(0), change.id)
            }
            Self::Row(row) => {
                let line = line_number(&row.reason);
                (line.is_none(), line.unwrap_or(0), u32::MAX)
            }
        }
    }
}

fn entries(plan: &Plan) -> Vec<Entry<'_>> {
    let changes = plan.changes.iter().map(Entry::Change);
    // What is so already is worth a line each only while the plan is short.
    let rows = plan.rows.iter().map(Entry::Row);
    let mut all: Vec<Entry> = changes.chain(rows).collect();
    all.sort_by_key(Entry::order);
    all
}

fn line_number(reason: &Reason) -> Option<u32> {
    reason.at.as_ref().map(|at| at.line)
}

/// Where a reason stands: the line, with its file where that is another one than `file`.
fn place(reason: &Reason, file: &str) -> String {
    match &reason.at {
        None => String::new(),
        Some(at) if at.file.as_ref() == file => format!("line {}", at.line),
        Some(at) => {
            let name = at.file.rsplit('/').next().unwrap_or_default();
            format!("{name} line {}", at.line)
        }
    }
}

/// How a reason starts that names a network service (macOS).
const SERVICE: &str = "service ";

/// The network service that a reason names.
fn service(reason: &Reason) -> Option<&str> {
    reason.text.strip_prefix(SERVICE)
}

fn change_row(text: &mut String, change: &Change, file: &str) {
    let sign = match change.action() {
        Action::Add => '+',
        Action::Change => '~',
        Action::Remove => '-',
    };
    let service = change.reasons.iter().find_map(service);
    let subject = words::subject_named(&change.resource, service);
    let subject = format!("  {sign} {subject}");
    let details = words::change(change);
    let first = details.first().map_or("", String::as_str);
    let at = change.reasons.first().map(|reason| place(reason, file));
    line(text, &subject, first, at.as_deref().unwrap_or(""));
    for detail in details.iter().skip(1) {
        line(text, "", detail, "");
    }
    let mut why: Vec<String> = change
        .reasons
        .iter()
        .map(|reason| reason.text.to_string())
        .collect();
    why.dedup();
    // What the subject says, and that a route is there for a `route`, go without saying.
    let scope = [&change.after, &change.before]
        .into_iter()
        .flatten()
        .find_map(macos::scope);
    why.retain(|text| scope.is_none_or(|name| text.strip_prefix("scope ") != Some(name)));
    why.retain(|text| service.is_none_or(|name| text.strip_prefix(SERVICE) != Some(name)));
    why.retain(|text| !matches!(text.as_str(), "route" | "unreachable" | "keep-localhost"));
    let says_owner = why.iter().any(|text| text.contains("owner "));
    if !matches!(change.owner, Owner::Netprof | Owner::Unknown)
        && change.before.is_some()
        && !says_owner
    {
        why.push(format!("owner {}", change.owner.who()));
    }
    if change.after.is_some() && change.lasts.ended_by().is_some() {
        why.push(format!("lasts {}", change.lasts));
    }
    if !why.is_empty() {
        let _ = writeln!(text, "      {}", why.join("; "));
    }
}

fn other_row(text: &mut String, row: &Row, file: &str) {
    let sign = match row.standing {
        Standing::Unchanged => '=',
        Standing::Waiting => '?',
        Standing::Blocked => '!',
        Standing::Omitted => '.',
    };
    let at = place(&row.reason, file);
    let (subject, detail) = match (&row.resource, row.standing) {
        (Some((resource, state)), _) => {
            let mut detail = format!("already {}", words::state(resource, state));
            if !row.detail.is_empty() {
                let _ = write!(detail, "; {}", row.detail);
            }
            (words::subject_named(resource, service(&row.reason)), detail)
        }
        // The diagnostic says it all.
        (None, Standing::Blocked) => (row.subject.clone(), "blocked: see below".to_owned()),
        (None, _) => (row.subject.clone(), row.detail.clone()),
    };
    line(text, &format!("  {sign} {subject}"), &detail, &at);
}

/// One line of three columns. What is longer than its column pushes the next one on.
fn line(text: &mut String, first: &str, second: &str, third: &str) {
    let mut all = first.to_owned();
    for (column, word) in [(DETAIL, second), (LINE, third)] {
        if word.is_empty() {
            continue;
        }
        let width = all.chars().count();
        let gap = column
            .saturating_sub(width)
            .max(if width == 0 { 0 } else { 2 });
        let _ = write!(all, "{:gap$}{word}", "");
    }
    let _ = writeln!(text, "{}", all.trim_end());
}
