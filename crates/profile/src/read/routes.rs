//! `routes`: what is kept, and single routes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::profile::{Also, KeepLan, RouteDecl, RouteTarget};

use crate::code;
use crate::form::{Form, Once, Placed, Refusal, Report};
use crate::piece::Piece;
use crate::syntax::Node;
use crate::value;

pub(super) fn routes(
    node: Node<'_>,
    report: &mut Report<'_>,
    push: &mut dyn FnMut(Piece, &mut Report<'_>),
) {
    let mut once = Once::default();
    for child in Form::new(node, report).block(report) {
        match child.name() {
            "keep-localhost" => {
                Form::new(child, report).leaf(report);
                if once.first(report, child, "it is a flag: once is enough") {
                    push(Piece::KeepLocalhost(report.location(child.head)), report);
                }
            }
            "keep-lan" => {
                let keep = keep_lan(child, report);
                if once.first(report, child, "name all links after one of them") {
                    push(Piece::KeepLan(keep), report);
                }
            }
            "route" => {
                if let Some(route) = route(child, report) {
                    push(Piece::Route(route), report);
                }
            }
            "unreachable" => {
                let mut form = Form::new(child, report);
                let prefix = form.argument(report, "a prefix", value::prefix);
                form.leaf(report);
                if let Some(prefix) = prefix {
                    push(
                        Piece::Route(RouteDecl {
                            prefix: prefix.value,
                            target: RouteTarget::Unreachable,
                            metric: None,
                            src: None,
                            replace: false,
                            at: report.location(child.head),
                        }),
                        report,
                    );
                }
            }
            _ => report.unknown_node(
                child,
                "`routes`",
                &["keep-localhost", "keep-lan", "route", "unreachable"],
            ),
        }
    }
}

fn keep_lan(node: Node<'_>, report: &mut Report<'_>) -> KeepLan {
    let mut form = Form::new(node, report);
    let links = form.arguments(report, value::name);
    let allow_public = form.flag(report, "allow-public");
    let mut also: Vec<Also> = Vec::new();
    let mut lines: BTreeMap<IpNet, u32> = BTreeMap::new();
    for child in form.block(report) {
        if child.name() != "also" {
            report.unknown_node(child, "`keep-lan`", &["also"]);
            continue;
        }
        let mut form = Form::new(child, report);
        let prefix = form.argument(report, "a prefix", value::prefix);
        let via = form.property(report, "via", value::gateway);
        form.leaf(report);
        let Some(prefix) = prefix else { continue };
        same_family(report, prefix.value, "via", via.as_ref());
        if let Some(line) = lines.get(&prefix.value) {
            report.refuse(
                child.head,
                Refusal::new(
                    code::DUPLICATE,
                    format!(
                        "`also \"{}\"` is declared twice, first on line {line}",
                        prefix.value
                    ),
                    "the second one",
                )
                .help("remove one of them"),
            );
            continue;
        }
        lines.insert(prefix.value, report.location(prefix.span).line);
        also.push(Also {
            prefix: prefix.value,
            via: via.map(|via| via.value),
            at: report.location(child.head),
        });
    }
    KeepLan {
        links,
        allow_public,
        also,
        at: report.location(node.head),
    }
}

fn route(node: Node<'_>, report: &mut Report<'_>) -> Option<RouteDecl> {
    let mut form = Form::new(node, report);
    let prefix = form.argument(report, "a prefix", value::prefix);
    let via = form.property(report, "via", value::gateway);
    let link = form.property(report, "link", value::name);
    let metric = form.property(report, "metric", value::metric);
    let src = form.property(report, "src", value::gateway);
    let replace = form.flag(report, "replace");
    // Who writes `dev=` is told of `link=`.
    let wanted = ["via", "link", "dev"];
    let leads_somewhere = via.is_some() || link.is_some() || wanted.iter().any(|key| form.has(key));
    if !leads_somewhere {
        report.refuse(
            node.head,
            Refusal::new(code::NO_TARGET, "a route leads nowhere", "where to?").help(
                "write link=\"vpn\" or via=\"192.168.1.1\"; to refuse packets write unreachable \"PREFIX\"",
            ),
        );
    }
    form.leaf(report);
    let prefix = prefix?;
    same_family(report, prefix.value, "via", via.as_ref());
    same_family(report, prefix.value, "src", src.as_ref());
    if let (Some(gateway), None) = (&via, &link)
        && is_link_local(gateway.value)
    {
        report.push(
            Diagnostic::error(
                code::MISSING_PROPERTY,
                format!(
                    "`{}` is an address that every link has its own of",
                    gateway.value
                ),
            )
            .at(report.location(gateway.span))
            .label("on which link?")
            .help("add link=\"NAME\""),
        );
    }
    Some(RouteDecl {
        prefix: prefix.value,
        target: RouteTarget::Through {
            via: via.map(|via| via.value),
            link: link.map(|link| report.spanned(link)),
        },
        metric: metric.map(|metric| metric.value),
        src: src.map(|src| src.value),
        replace,
        at: report.location(node.head),
    })
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn same_family(
    report: &mut Report<'_>,
    prefix: IpNet,
    key: &str,
    address: Option<&Placed<IpAddr>>,
) {
    let Some(address) = address else { return };
    if prefix.addr().is_ipv4() == address.value.is_ipv4() {
        return;
    }
    let family = if prefix.addr().is_ipv4() {
        "IPv4"
    } else {
        "IPv6"
    };
    report.push(
        Diagnostic::error(
            code::MIXED_FAMILIES,
            format!("`{prefix}` is {family}, `{}` is not", address.value),
        )
        .at(report.location(address.span))
        .label(format!("not {family}"))
        .help(format!("write an {family} address for `{key}=`")),
    );
}
