//! Files and profiles, out of nodes.

mod body;
mod containers;
mod dns;
mod link;
mod proxy;
mod routes;
mod when;

use std::collections::BTreeMap;

use netprof_model::{Diagnostic, Name};

use crate::code;
use crate::form::{Form, Once, Refusal, Report};
use crate::limit::{MAX_PROFILES, MAX_SHOWN, limited};
use crate::piece::Written;
use crate::source::Source;
use crate::syntax::{self, Node, Nodes, Span, Tree};
use crate::value;
use body::BodyReader;
use when::when;

/// What one file says, as far as it could be read.
pub(crate) struct File {
    pub(crate) profiles: Vec<Written>,
    /// Where among them each one is.
    pub(crate) by_name: BTreeMap<Name, usize>,
    /// What is wrong with it; none of its profiles holds if there is anything.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether parts of it could not be read, so that what is missing may be there; or more
    /// is wrong with it than is shown.
    pub(crate) torn: bool,
}

impl File {
    pub(crate) fn parse(source: &Source) -> Self {
        let parsed = syntax::parse(source.text());
        let mut report = Report::new(source);
        report.torn = !parsed.faults.is_empty();
        for fault in &parsed.faults {
            let mut diagnostic = Diagnostic::error(fault.code, fault.message.clone())
                .at(report.location(fault.span))
                .label(fault.label.clone());
            diagnostic.help.clone_from(&fault.help);
            report.push(diagnostic);
        }
        // Of a text that is refused for its depth the rest was not even looked at.
        let refused = parsed
            .faults
            .iter()
            .any(|fault| fault.code == code::TOO_DEEP);
        let tree = if refused {
            Tree::default()
        } else {
            parsed.tree
        };
        let profiles = file(tree.nodes(), &mut report);
        let many = tree.nodes().count() > MAX_PROFILES;
        let torn = report.torn || report.count() > MAX_SHOWN || many;
        let (mut diagnostics, more) = report.into_parts();
        diagnostics.sort_by_key(|diagnostic| diagnostic.location.as_ref().map(|at| at.offset));
        let diagnostics = limited(diagnostics, more + parsed.more);
        let names = profiles.iter().map(|written| written.name.clone());
        Self {
            by_name: names.zip(0..).collect(),
            profiles,
            diagnostics,
            torn,
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.diagnostics.is_empty()
    }
}

fn file(nodes: Nodes<'_>, report: &mut Report<'_>) -> Vec<Written> {
    let mut profiles: Vec<Written> = Vec::new();
    let mut lines: BTreeMap<Name, u32> = BTreeMap::new();
    let (mut found, is_empty) = (false, nodes.is_empty());
    for node in nodes {
        if node.name() != "profile" {
            report.unknown_node(node, "a file", &["profile"]);
            continue;
        }
        found = true;
        if profiles.len() == MAX_PROFILES {
            report.refuse(
                node.head,
                Refusal::new(
                    code::TOO_MANY,
                    format!("the file declares more than {MAX_PROFILES} profiles"),
                    "one too many",
                )
                .help("move some of them to other files"),
            );
            break;
        }
        let Some(written) = profile(node, report) else {
            continue;
        };
        if let Some(line) = lines.get(&written.name) {
            report.refuse(
                node.head,
                Refusal::new(
                    code::DUPLICATE,
                    format!(
                        "profile \"{}\" is declared twice, first on line {line}",
                        written.name
                    ),
                    "the second one",
                )
                .help("give one of them another name"),
            );
            continue;
        }
        lines.insert(written.name.clone(), written.at.line);
        profiles.push(written);
    }
    if !found && is_empty {
        report.missing(
            Span::default(),
            Refusal::new(
                code::NO_PROFILE,
                "the file declares no profile",
                "nothing here",
            )
            .help("write profile \"NAME\" { ... }"),
        );
    }
    profiles
}

const BODY: [&str; 8] = [
    "include",
    "link",
    "dns",
    "routes",
    "containers",
    "proxy",
    "mtu",
    "clamp-mss",
];
const IN_OS: [&str; 9] = with(BODY, ["remove"]);
const IN_PROFILE: [&str; 12] = with(BODY, ["remove", "description", "when", "os"]);

const fn with<const A: usize, const B: usize, const C: usize>(
    first: [&'static str; A],
    second: [&'static str; B],
) -> [&'static str; C] {
    let mut all = [""; C];
    let mut at = 0;
    while at < C {
        all[at] = if at < A { first[at] } else { second[at - A] };
        at += 1;
    }
    all
}

fn profile(node: Node<'_>, report: &mut Report<'_>) -> Option<Written> {
    let mut form = Form::new(node, report);
    let name = form.argument(report, "a name", value::name);
    let children = form.block(report);
    let mut bodies = BodyReader::default();
    let mut description = None;
    let mut conditions = None;
    let mut os: Vec<(netprof_model::snapshot::Os, BodyReader<'_>)> = Vec::new();
    let mut once = Once::default();
    for child in children {
        match child.name() {
            "description" => {
                let mut form = Form::new(child, report);
                let text = form.argument(report, "a text", value::line);
                form.leaf(report);
                if once.first(report, child, "write one description") {
                    description = text.map(|text| text.value);
                }
            }
            "when" => {
                let read = when(child, report);
                if once.first(
                    report,
                    child,
                    "put all conditions into one `when`: all must hold",
                ) {
                    conditions = Some(read);
                }
            }
            "os" => {
                let mut form = Form::new(child, report);
                let name = form.argument(report, "\"linux\" or \"macos\"", value::os);
                let children = form.block(report);
                // All blocks of one system are one: a thing stands in them once.
                let known = name
                    .as_ref()
                    .and_then(|name| os.iter().position(|(os, _)| *os == name.value));
                let mut fresh = BodyReader::default();
                let reader = match known.and_then(|at| os.get_mut(at)) {
                    Some((_, reader)) => reader,
                    None => &mut fresh,
                };
                for child in children {
                    reader.node(child, report, "an `os` block", &IN_OS);
                }
                if let (Some(name), None) = (name, known) {
                    os.push((name.value, fresh));
                }
            }
            _ => bodies.node(child, report, "a profile", &IN_PROFILE),
        }
    }
    Some(Written {
        name: name?.value,
        description,
        when: conditions,
        body: bodies.body,
        os: os
            .into_iter()
            .map(|(os, reader)| (os, reader.body))
            .collect(),
        at: report.location(node.head),
    })
}
