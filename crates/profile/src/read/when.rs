//! `when`: the conditions under which a profile is chosen by itself.

use netprof_model::profile::When;

use crate::code;
use crate::form::{Form, Refusal, Report};
use crate::syntax::Node;
use crate::value;

pub(super) fn when(node: Node<'_>, report: &mut Report<'_>) -> When {
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
        match child.name() {
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
