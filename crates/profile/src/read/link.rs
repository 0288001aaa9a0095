//! `link`, and what is declared of one link: `mtu` and `clamp-mss`.

use netprof_model::profile::{ClampMss, LinkDecl, LinkMatch, Mtu};

use crate::code;
use crate::form::{Form, Once, Refusal, Report};
use crate::piece::Piece;
use crate::syntax::Node;
use crate::value;

pub(super) fn link(node: Node<'_>, report: &mut Report<'_>) -> Option<LinkDecl> {
    let mut form = Form::new(node, report);
    let name = form.argument(report, "a name", value::name);
    let optional = form.flag(report, "optional");
    let many = form.flag(report, "many");
    let children = form.block(report);
    let mut matching = None;
    let mut once = Once::default();
    for child in children {
        if child.name() != "match" {
            report.unknown_node(child, "`link`", &["match"]);
            continue;
        }
        let read = link_match(child, report);
        if once.first(
            report,
            child,
            "put everything into one `match`: all of it must hold",
        ) {
            matching = Some(read);
        }
    }
    if matching.is_none() {
        report.missing(
            node.head,
            Refusal::new(
                code::MISSING_NODE,
                "a link does not say what it matches",
                "which link is meant?",
            )
            .help("write link \"vpn\" { match name=\"tun*\"; }"),
        );
    }
    Some(LinkDecl {
        name: name?.value,
        optional,
        many,
        matching: matching?,
        at: report.location(node.head),
    })
}

fn link_match(node: Node<'_>, report: &mut Report<'_>) -> LinkMatch {
    let mut form = Form::new(node, report);
    let matching = LinkMatch {
        name: form
            .property(report, "name", value::pattern)
            .map(|name| name.value),
        kind: form
            .property(report, "kind", value::line)
            .map(|kind| kind.value),
        owner: form
            .property(report, "owner", value::owner)
            .map(|owner| owner.value),
        address: form
            .property(report, "address", value::prefix)
            .map(|net| net.value),
        gateway: form
            .property(report, "gateway", value::gateway)
            .map(|at| at.value),
        mac: form
            .property(report, "mac", value::mac)
            .map(|mac| mac.value),
        ssid: form
            .property(report, "ssid", value::line)
            .map(|ssid| ssid.value),
        default_route: form
            .property(report, "default-route", value::boolean)
            .map(|flag| flag.value),
    };
    if node.entries().is_empty() {
        report.missing(
            node.name.span,
            Refusal::new(
                code::MISSING_PROPERTY,
                "`match` says nothing that a link must be",
                "which link is meant?",
            )
            .help("write match name=\"tun*\", or another property"),
        );
    }
    form.leaf(report);
    matching
}

pub(super) fn mtu(node: Node<'_>, report: &mut Report<'_>) -> Option<Piece> {
    let mut form = Form::new(node, report);
    let link = form.argument(report, "the name of a link", value::name);
    let bytes = form.argument(report, "a number of bytes", value::mtu);
    form.leaf(report);
    Some(Piece::Mtu(Mtu {
        link: report.spanned(link?),
        bytes: bytes?.value,
        at: report.location(node.head),
    }))
}

pub(super) fn clamp_mss(node: Node<'_>, report: &mut Report<'_>) -> Option<Piece> {
    let mut form = Form::new(node, report);
    let link = form.argument(report, "the name of a link", value::name);
    form.leaf(report);
    Some(Piece::ClampMss(ClampMss {
        link: report.spanned(link?),
        at: report.location(node.head),
    }))
}
