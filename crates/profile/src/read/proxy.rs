//! `proxy`.

use netprof_model::profile::Spanned;

use crate::form::{Form, Once, Report};
use crate::piece::{Piece, ProxyKind};
use crate::syntax::{Node, Value};
use crate::value;

pub(super) fn proxy(
    node: Node<'_>,
    report: &mut Report<'_>,
    push: &mut dyn FnMut(Piece, &mut Report<'_>),
) {
    let mut once = Once::default();
    for child in Form::new(node, report).block(report) {
        let mut form = Form::new(child, report);
        let mut url = |kind, read: fn(&Value<'_>) -> _, report: &mut Report<'_>| {
            form.argument(report, "a URL", read)
                .map(|url| Piece::Proxy(kind, report.spanned(url)))
        };
        let piece = match child.name() {
            "http" => url(ProxyKind::Http, value::http_url, report),
            "https" => url(ProxyKind::Https, value::http_url, report),
            "socks" => url(ProxyKind::Socks, value::socks_url, report),
            "pac" => url(ProxyKind::Pac, value::pac_url, report),
            "bypass" => {
                let hosts = form.some_arguments(report, "a host", value::bypass);
                Some(Piece::Bypass(hosts, report.location(child.head)))
            }
            "export" => {
                let places = form.some_arguments(report, "a place", value::export_name);
                let places = places.into_iter().filter_map(|Spanned { value, at }| {
                    value::export(value).map(|value| Spanned { value, at })
                });
                Some(Piece::Export(places.collect(), report.location(child.head)))
            }
            _ => {
                let known = ["http", "https", "socks", "pac", "bypass", "export"];
                report.unknown_node(child, "`proxy`", &known);
                continue;
            }
        };
        form.leaf(report);
        if once.first(report, child, "write one of them")
            && let Some(piece) = piece
        {
            push(piece, report);
        }
    }
}
