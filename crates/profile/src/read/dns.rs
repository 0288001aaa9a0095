//! `dns` and its scopes.

use netprof_model::dns::covers;
use netprof_model::profile::{Scope, Servers, Spanned};

use crate::code;
use crate::form::{Form, Once, Refusal, Report};
use crate::piece::Piece;
use crate::syntax::Node;
use crate::value::{self, Origin};

pub(super) fn dns(
    node: Node<'_>,
    report: &mut Report<'_>,
    push: &mut dyn FnMut(Piece, &mut Report<'_>),
) {
    for child in Form::new(node, report).block(report) {
        if child.name() != "scope" {
            report.unknown_node(child, "`dns`", &["scope"]);
        } else if let Some(scope) = scope(child, report) {
            push(Piece::Scope(Box::new(scope)), report);
        }
    }
}

fn scope(node: Node<'_>, report: &mut Report<'_>) -> Option<Scope> {
    let mut form = Form::new(node, report);
    let name = form.argument(report, "a name", value::name);
    let children = form.block(report);
    let mut domains = Vec::new();
    let mut search = Vec::new();
    let mut sources = None;
    let mut link = None;
    let mut default_route = false;
    let mut durable = false;
    let mut once = Once::default();
    let before = report.count();
    for child in children {
        let mut form = Form::new(child, report);
        match child.name() {
            "domains" => domains = form.some_arguments(report, "a domain", value::domain),
            "search" => search = form.some_arguments(report, "a domain", value::domain),
            "servers" => sources = Some(servers(&mut form, report)),
            "link" => {
                let name = form.argument(report, "the name of a link", value::name);
                link = name.map(|name| report.spanned(name));
            }
            "default-route" => {
                default_route = flag(&mut form, report);
            }
            "durable" => durable = flag(&mut form, report),
            _ => {
                let known = [
                    "domains",
                    "search",
                    "servers",
                    "link",
                    "default-route",
                    "durable",
                ];
                report.unknown_node(child, "`scope`", &known);
                continue;
            }
        }
        form.leaf(report);
        once.first(report, child, "put all values after one of them");
    }
    // What follows compares the parts: it would repeat what was said of one of them.
    if report.count() == before {
        check(node, report, &domains, &search, &sources, default_route);
    }
    if let (Some(Some(Servers::Dhcp(at))), None) = (&sources, &link) {
        report.push(
            netprof_model::Diagnostic::error(
                code::MISSING_NODE,
                "servers from a DHCP lease need the link that has it",
            )
            .at(at.clone())
            .label("of which link?")
            .help("write link \"NAME\" in the scope"),
        );
    }
    Some(Scope {
        name: name?.value,
        domains,
        search,
        servers: sources??,
        link,
        default_route,
        durable,
        at: report.location(node.head),
    })
}

/// Yes or no, as the argument of a node.
fn flag(form: &mut Form<'_>, report: &mut Report<'_>) -> bool {
    form.argument(report, "#true or #false", value::boolean)
        .is_some_and(|flag| flag.value)
}

fn check(
    node: Node<'_>,
    report: &mut Report<'_>,
    domains: &[Spanned<String>],
    search: &[Spanned<String>],
    sources: &Option<Option<Servers>>,
    default_route: bool,
) {
    if sources.is_none() {
        report.missing(
            node.head,
            Refusal::new(code::MISSING_NODE, "a scope has no servers", "who answers?")
                .help("write servers \"10.0.0.53\", or servers from=\"dhcp\""),
        );
    }
    for name in search {
        if report.torn
            || domains
                .iter()
                .any(|domain| covers(&domain.value, &name.value))
        {
            continue;
        }
        report.push(
            netprof_model::Diagnostic::error(
                code::SEARCH_OUTSIDE,
                format!(
                    "`{}` is searched, but is none of the scope's domains",
                    name.value
                ),
            )
            .at(name.at.clone())
            .label("lies under none of `domains`")
            .help(format!(
                "add \"{}\" to `domains`: a resolver routes what it searches",
                name.value
            )),
        );
    }
    if domains.is_empty() && search.is_empty() && !default_route {
        report.missing(
            node.head,
            Refusal::new(
                code::EMPTY_SCOPE,
                "no name goes to this scope",
                "has no domains",
            )
            .help(
                "write domains \"corp.example.com\", or default-route #true for every other name",
            ),
        );
    }
}

fn servers(form: &mut Form<'_>, report: &mut Report<'_>) -> Option<Servers> {
    let given = form.has("from");
    let from = form.property(report, "from", value::origin);
    let listed_before = form.node.entries().iter().any(|entry| entry.key.is_none());
    if !given {
        let listed = form.some_arguments(report, "the address of a server", value::server);
        return (!listed.is_empty()).then_some(Servers::Listed(listed));
    }
    if listed_before {
        let listed = form.arguments(report, value::server);
        if let Some(first) = listed.first() {
            report.push(
                netprof_model::Diagnostic::error(
                    code::CONTRADICTION,
                    "servers are listed here, or come from elsewhere, not both",
                )
                .at(first.at.clone())
                .label("beside `from=`")
                .help("remove `from=`, or the addresses"),
            );
        }
    }
    from.map(|from| match from.value {
        Origin::Hook => Servers::Hook(report.location(from.span)),
        Origin::Dhcp => Servers::Dhcp(report.location(from.span)),
    })
}
