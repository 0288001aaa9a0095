//! A plan, as a person sees it.

use std::borrow::Cow;
use std::fmt::Write;

use netprof_model::plan::{Action, Change, Kept, Plan, Reason, Row, Standing, Summary};
use netprof_model::{Owner, Resource, State, digits};

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
    let mut line = Line::begin(&mut text, &headline);
    line.say(LINE, title.file);
    line.end();
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

/// Ends a line with where a reason stands: the line, with its file where that is another one
/// than `file`.
fn place(mut line: Line<'_>, reason: Option<&Reason>, file: &str) {
    if let Some(at) = reason.and_then(|reason| reason.at.as_ref()) {
        let text = line.column(LINE);
        if at.file.as_ref() != file {
            text.push_str(at.file.rsplit('/').next().unwrap_or_default());
            text.push(' ');
        }
        text.push_str("line ");
        digits::number(text, at.line);
    }
    line.end();
}

/// How a reason starts that names a network service (macOS).
const SERVICE: &str = "service ";

/// The network service that a reason names.
fn service(reason: &Reason) -> Option<&str> {
    reason.text.strip_prefix(SERVICE)
}

fn change_row(text: &mut String, change: &Change, file: &str) {
    let sign = match change.action() {
        Action::Add => "  + ",
        Action::Change => "  ~ ",
        Action::Remove => "  - ",
    };
    let service = change.reasons.iter().find_map(service);
    let mut line = Line::begin(text, sign);
    words::put_subject(line.text, &change.resource, service);
    let mut further = Vec::new();
    match (&change.resource, &change.before, &change.after) {
        // Of these there are thousands.
        (Resource::Route(key), Some(State::Route(spec)), None)
        | (Resource::Route(key), None, Some(State::Route(spec))) => {
            words::put_route(line.column(DETAIL), key, spec);
        }
        _ => {
            let mut details = words::change(change).into_iter();
            line.say(DETAIL, &details.next().unwrap_or_default());
            further.extend(details);
        }
    }
    place(line, change.reasons.first(), file);
    for detail in further {
        let mut line = Line::begin(text, "");
        line.say(DETAIL, &detail);
        line.end();
    }
    let mut why: Vec<Cow<'_, str>> = change
        .reasons
        .iter()
        .map(|reason| Cow::Borrowed(reason.text.as_ref()))
        .collect();
    why.dedup();
    // What the subject says, and that a route is there for a `route`, go without saying.
    let scope = [&change.after, &change.before]
        .into_iter()
        .flatten()
        .find_map(macos::scope);
    why.retain(|text| scope.is_none_or(|name| text.strip_prefix("scope ") != Some(name)));
    why.retain(|text| service.is_none_or(|name| text.strip_prefix(SERVICE) != Some(name)));
    why.retain(|text| !matches!(text.as_ref(), "route" | "unreachable" | "keep-localhost"));
    let says_owner = why.iter().any(|text| text.contains("owner "));
    if !matches!(change.owner, Owner::Netprof | Owner::Unknown)
        && change.before.is_some()
        && !says_owner
    {
        why.push(format!("owner {}", change.owner.who()).into());
    }
    if change.after.is_some() && change.lasts.ended_by().is_some() {
        why.push(format!("lasts {}", change.lasts).into());
    }
    if !why.is_empty() {
        text.push_str("      ");
        text.push_str(&why.join("; "));
        text.push('\n');
    }
}

fn other_row(text: &mut String, row: &Row, file: &str) {
    let sign = match row.standing {
        Standing::Unchanged => '=',
        Standing::Waiting => '?',
        Standing::Blocked => '!',
        Standing::Omitted => '.',
    };
    let (subject, detail) = match (&row.resource, row.standing) {
        (Some((resource, state)), _) => {
            let mut detail = format!("already {}", words::state(resource, state));
            if !row.detail.is_empty() {
                let _ = write!(detail, "; {}", row.detail);
            }
            (words::subject_named(resource, service(&row.reason)), detail)
        }
        // The diagnostic says it all.
        (None, Standing::Blocked) => (row.subject.to_string(), "blocked: see below".to_owned()),
        (None, _) => (row.subject.to_string(), row.detail.clone()),
    };
    let mut line = Line::begin(text, &format!("  {sign} {subject}"));
    line.say(DETAIL, &detail);
    place(line, Some(&row.reason), file);
}

/// One line of three columns. What is longer than its column pushes the next one on.
struct Line<'a> {
    text: &'a mut String,
    start: usize,
}

impl<'a> Line<'a> {
    fn begin(text: &'a mut String, first: &str) -> Self {
        let start = text.len();
        text.push_str(first);
        Self { text, start }
    }

    /// Where the words of the column at `at` go.
    fn column(&mut self, at: usize) -> &mut String {
        let width = self.text[self.start..].chars().count();
        let gap = at.saturating_sub(width).max(if width == 0 { 0 } else { 2 });
        self.text.extend(std::iter::repeat_n(' ', gap));
        self.text
    }

    /// Puts `words` into the column at `at`, if there are any.
    fn say(&mut self, at: usize, words: &str) {
        if !words.is_empty() {
            self.column(at).push_str(words);
        }
    }

    fn end(self) {
        let width = self.text[self.start..].trim_end().len();
        self.text.truncate(self.start + width);
        self.text.push('\n');
    }
}
