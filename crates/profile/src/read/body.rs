//! What stands in a profile and in an `os` block alike, and `remove`.

use netprof_model::Diagnostic;
use netprof_model::positions::Positions;

use super::{containers, dns, link, proxy, routes};
use crate::code;
use crate::form::{Form, Once, Refusal, Report};
use crate::piece::{Body, Key, Piece, ProxyKind, Removal, Wanted};
use crate::suggest::{Shown, did_you_mean, list};
use crate::syntax::{Node, Span};
use crate::value;

/// Reads the nodes that may stand in a profile and in an `os` block.
#[derive(Default)]
pub(super) struct BodyReader<'n> {
    pub(super) body: Body,
    /// Where among the pieces each key is.
    at: Positions,
    /// Where among the removals each one is.
    removed: Positions,
    once: Once<'n>,
}

impl<'n> BodyReader<'n> {
    pub(super) fn node(
        &mut self,
        node: Node<'n>,
        report: &mut Report<'_>,
        parent: &str,
        known: &[&str],
    ) {
        let name = node.name();
        if matches!(name, "dns" | "routes" | "containers" | "proxy") {
            self.once
                .first(report, node, "put everything into one block");
        }
        // A node whose name has a slip may be a link as well.
        if name == "link" || !known.contains(&name) {
            let first = node.entries().first();
            let link = first.and_then(|entry| value::name(&entry.value).ok());
            self.body.links.extend(link);
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
                    self.push(Piece::Link(Box::new(link)), report);
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
        let pieces = &self.body.pieces;
        let key_at = |at: usize| pieces.get(at).map(Piece::key);
        let first = self.at.find_or_insert(&key, pieces.len(), key_at);
        let Some(first) = first.and_then(|at| pieces.get(at)) else {
            self.body.pieces.push(piece);
            return;
        };
        let line = first.at().line;
        report.push(
            Diagnostic::error(
                code::DUPLICATE,
                format!("`{key}` is declared twice, first on line {line}"),
            )
            .at(piece.at().clone())
            .label("the second one")
            .help(match key {
                Key::Route(..) => "remove one of them, or give one another metric",
                Key::Link(_) | Key::Scope(_) => "remove one of them, or give one another name",
                _ => "remove one of them",
            }),
        );
    }

    /// Reads `remove scope "corp"`, and the same as a block.
    fn remove(&mut self, node: Node<'_>, report: &mut Report<'_>) {
        if node.entries().is_empty() {
            let children = Form::new(node, report).block(report);
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
            for child in children {
                let mut form = Form::new(child, report);
                self.removal(child.name(), child.name.span, child.head, &mut form, report);
                form.leaf(report);
            }
            return;
        }
        let mut form = Form::new(node, report);
        let kind = form.argument(report, "what is to be removed", |value| {
            value::text(value).map(str::to_owned)
        });
        if let Some(kind) = kind {
            let span = node
                .entries()
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
                let Some(prefix) = prefix else { return };
                let what = match metric {
                    Some(metric) => Wanted::One(Key::route(prefix.value, Some(metric.value))),
                    // A metric that is refused may be another one each time.
                    None if form.has("metric") => return,
                    None => Wanted::Routes(prefix.value),
                };
                self.take_out(what, head, report);
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
            self.take_out(Wanted::One(key), head, report);
        }
    }

    /// Notes a removal. The second one of a thing would find nothing to remove, and what
    /// many of them cost grows with what there is of it.
    fn take_out(&mut self, what: Wanted, head: Span, report: &mut Report<'_>) {
        let removals = &self.body.removals;
        let what_at = |at: usize| removals.get(at).map(|removal| &removal.what);
        let first = self.removed.find_or_insert(&what, removals.len(), what_at);
        let at = report.location(head);
        let Some(first) = first.and_then(|at| removals.get(at)) else {
            self.body.removals.push(Removal { what, at });
            return;
        };
        let line = first.at.line;
        report.push(
            Diagnostic::error(
                code::DUPLICATE,
                format!("`{what}` is removed twice, first on line {line}"),
            )
            .at(at)
            .label("the second one")
            .help("remove one of them"),
        );
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
