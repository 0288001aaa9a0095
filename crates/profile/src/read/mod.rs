//! Files and profiles, out of nodes.

mod containers;
mod dns;
mod link;
mod proxy;
mod routes;

use std::collections::BTreeMap;

use netprof_model::profile::When;
use netprof_model::{Diagnostic, Name};

use crate::code;
use crate::form::{Form, Once, Refusal, Report};
use crate::limit::limited;
use crate::piece::{Body, Key, Piece, ProxyKind, Removal, Wanted, Written};
use crate::source::Source;
use crate::suggest::{Shown, did_you_mean, list};
use crate::syntax::{self, Node, Span};
use crate::value;

/// What one file says, as far as it could be read.
pub(crate) struct File {
    pub(crate) profiles: Vec<Written>,
    /// What is wrong with it; none of its profiles holds if there is anything.
    pub(crate) diagnostics: Vec<Diagnostic>,
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
        let nodes = if refused {
            &[]
        } else {
            parsed.nodes.as_slice()
        };
        let profiles = file(nodes, &mut report);
        let (mut diagnostics, more) = report.into_parts();
        diagnostics.sort_by_key(|diagnostic| diagnostic.location.as_ref().map(|at| at.offset));
        let diagnostics = limited(diagnostics, more + parsed.more);
        Self {
            profiles,
            diagnostics,
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.diagnostics.is_empty()
    }
}

fn file(nodes: &[Node], report: &mut Report<'_>) -> Vec<Written> {
    let mut profiles: Vec<Written> = Vec::new();
    let mut lines: BTreeMap<Name, u32> = BTreeMap::new();
    let mut found = false;
    for node in nodes {
        if node.name.text != "profile" {
            report.unknown_node(node, "a file", &["profile"]);
            continue;
        }
        found = true;
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
    if !found && nodes.is_empty() {
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

fn profile(node: &Node, report: &mut Report<'_>) -> Option<Written> {
    let mut form = Form::new(node, report);
    let name = form.argument(report, "a name", value::name);
    let children = form.block(report);
    let mut bodies = BodyReader::default();
    let mut description = None;
    let mut conditions = None;
    let mut os: Vec<(netprof_model::snapshot::Os, BodyReader<'_>)> = Vec::new();
    let mut once = Once::default();
    for child in children {
        match child.name.text.as_str() {
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

/// Reads the nodes that may stand in a profile and in an `os` block.
#[derive(Default)]
struct BodyReader<'n> {
    body: Body,
    /// Where each key was declared first.
    lines: BTreeMap<Key, u32>,
    once: Once<'n>,
}

impl<'n> BodyReader<'n> {
    fn node(&mut self, node: &'n Node, report: &mut Report<'_>, parent: &str, known: &[&str]) {
        let name = node.name.text.as_str();
        if matches!(name, "dns" | "routes" | "containers" | "proxy") {
            self.once
                .first(report, node, "put everything into one block");
        }
        match name {
            "include" => {
                let mut form = Form::new(node, report);
                let names = form.some_arguments(report, "the name of a profile", value::name);
                form.leaf(report);
                self.body.includes.extend(names);
            }
            "link" => {
                if let Some(link) = link::link(node, report) {
                    self.push(Piece::Link(link), report);
                }
            }
            "dns" => dns::dns(node, report, &mut |piece, report| self.push(piece, report)),
            "routes" => routes::routes(node, report, &mut |piece, report| self.push(piece, report)),
            "containers" => {
                containers::containers(node, report, &mut |piece, report| self.push(piece, report));
            }
            "proxy" => proxy::proxy(node, report, &mut |piece, report| self.push(piece, report)),
            "mtu" => {
                if let Some(piece) = link::mtu(node, report) {
                    self.push(piece, report);
                }
            }
            "clamp-mss" => {
                if let Some(piece) = link::clamp_mss(node, report) {
                    self.push(piece, report);
                }
            }
            "remove" => self.remove(node, report),
            _ => report.unknown_node(node, parent, known),
        }
    }

    fn push(&mut self, piece: Piece, report: &mut Report<'_>) {
        let key = piece.key();
        let at = piece.at().clone();
        let Some(line) = self.lines.get(&key) else {
            self.lines.insert(key, at.line);
            self.body.pieces.push(piece);
            return;
        };
        report.push(
            Diagnostic::error(
                code::DUPLICATE,
                format!("`{key}` is declared twice, first on line {line}"),
            )
            .at(at)
            .label("the second one")
            .help(match key {
                Key::Route(..) => "remove one of them, or give one another metric",
                Key::Link(_) | Key::Scope(_) => "remove one of them, or give one another name",
                _ => "remove one of them",
            }),
        );
    }

    /// Reads `remove scope "corp"`, and the same as a block.
    fn remove(&mut self, node: &Node, report: &mut Report<'_>) {
        if node.entries.is_empty() {
            let children = Form::new(node, report).block(report);
            for child in children {
                let mut form = Form::new(child, report);
                self.removal(
                    child.name.text.as_str(),
                    child.name.span,
                    child.head,
                    &mut form,
                    report,
                );
                form.leaf(report);
            }
            if children.is_empty() {
                report.missing(
                    node.name.span,
                    Refusal::new(
                        code::MISSING_ARGUMENT,
                        "`remove` needs what is to be removed",
                        "a word must follow",
                    )
                    .help("write remove scope \"NAME\""),
                );
            }
            return;
        }
        let mut form = Form::new(node, report);
        let kind = form.argument(report, "what is to be removed", |value| {
            value::text(value).map(str::to_owned)
        });
        if let Some(kind) = kind {
            let span = node
                .entries
                .first()
                .map_or(node.name.span, |entry| entry.span);
            self.removal(&kind.value, span, node.head, &mut form, report);
        }
        form.leaf(report);
    }

    fn removal(
        &mut self,
        kind: &str,
        kind_span: Span,
        head: Span,
        form: &mut Form<'_>,
        report: &mut Report<'_>,
    ) {
        let what = match kind {
            "keep-localhost" => Some(Key::KeepLocalhost),
            "keep-lan" => Some(Key::KeepLan),
            "keep-local" => Some(Key::KeepLocal),
            "docker" => Some(Key::Docker),
            "podman" => Some(Key::Podman),
            "http" => Some(Key::Proxy(ProxyKind::Http)),
            "https" => Some(Key::Proxy(ProxyKind::Https)),
            "socks" => Some(Key::Proxy(ProxyKind::Socks)),
            "pac" => Some(Key::Proxy(ProxyKind::Pac)),
            "bypass" => Some(Key::Bypass),
            "export" => Some(Key::Export),
            "link" | "scope" | "mtu" | "clamp-mss" => {
                let name = form.argument(report, "a name", value::name);
                name.map(|name| match kind {
                    "link" => Key::Link(name.value),
                    "scope" => Key::Scope(name.value),
                    "mtu" => Key::Mtu(name.value),
                    _ => Key::ClampMss(name.value),
                })
            }
            "route" | "unreachable" => {
                let prefix = form.argument(report, "a prefix", value::prefix);
                let metric = form.property(report, "metric", value::metric);
                let at = report.location(head);
                if let Some(prefix) = prefix {
                    let what = match metric {
                        Some(metric) => Wanted::One(Key::route(prefix.value, Some(metric.value))),
                        None => Wanted::Routes(prefix.value),
                    };
                    self.body.removals.push(Removal { what, at });
                }
                return;
            }
            _ => {
                let help = did_you_mean(kind, REMOVABLE, || {
                    format!("what can be removed: {}", list(REMOVABLE))
                });
                report.refuse(
                    kind_span,
                    Refusal::new(
                        code::UNKNOWN_WORD,
                        format!("`{}` is nothing that can be removed", Shown(kind)),
                        "not known",
                    )
                    .help(help),
                );
                return;
            }
        };
        if let Some(key) = what {
            self.body.removals.push(Removal {
                what: Wanted::One(key),
                at: report.location(head),
            });
        }
    }
}

/// The words that `remove` takes.
const REMOVABLE: [&str; 17] = [
    "scope",
    "route",
    "unreachable",
    "link",
    "keep-localhost",
    "keep-lan",
    "keep-local",
    "docker",
    "podman",
    "http",
    "https",
    "socks",
    "pac",
    "bypass",
    "export",
    "mtu",
    "clamp-mss",
];

fn when(node: &Node, report: &mut Report<'_>) -> When {
    let children = Form::new(node, report).block(report);
    let mut when = When {
        links: Vec::new(),
        ssids: Vec::new(),
        gateway_macs: Vec::new(),
        dns_suffixes: Vec::new(),
        addresses: Vec::new(),
        reachable: Vec::new(),
        at: report.location(node.head),
    };
    if children.is_empty() {
        report.missing(
            node.name.span,
            Refusal::new(
                code::MISSING_NODE,
                "`when` has no condition",
                "always, or never?",
            )
            .help("write a condition, such as link \"vpn\", or remove the node"),
        );
    }
    for child in children {
        let mut form = Form::new(child, report);
        match child.name.text.as_str() {
            "link" => {
                let names = form.some_arguments(report, "the name of a link", value::name);
                when.links.extend(names);
            }
            "ssid" => {
                let names = form.some_arguments(report, "the name of a network", value::line);
                when.ssids.extend(names);
            }
            "gateway-mac" => {
                let macs = form.some_arguments(report, "a hardware address", value::mac);
                when.gateway_macs.extend(macs);
            }
            "dns-suffix" => {
                let domains = form.some_arguments(report, "a domain", value::domain);
                when.dns_suffixes.extend(domains);
            }
            "address" => {
                let prefixes = form.some_arguments(report, "a prefix", value::prefix);
                when.addresses.extend(prefixes);
            }
            "reachable" => {
                let hosts = form.some_arguments(report, "a host and port", value::host_port);
                when.reachable.extend(hosts);
            }
            _ => {
                report.unknown_node(
                    child,
                    "`when`",
                    &[
                        "link",
                        "ssid",
                        "gateway-mac",
                        "dns-suffix",
                        "address",
                        "reachable",
                    ],
                );
                continue;
            }
        }
        form.leaf(report);
    }
    when
}
