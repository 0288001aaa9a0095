//! `containers`: the addresses of container engines.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netprof_model::profile::{Docker, Podman, Pool};

use crate::code;
use crate::form::{Form, Once, Refusal, Report};
use crate::piece::Piece;
use crate::syntax::{Node, Value};
use crate::value::{self, Read};

pub(super) fn containers(
    node: Node<'_>,
    report: &mut Report<'_>,
    push: &mut dyn FnMut(Piece, &mut Report<'_>),
) {
    let mut once = Once::default();
    for child in Form::new(node, report).block(report) {
        let piece = match child.name() {
            "keep-local" => {
                Form::new(child, report).leaf(report);
                Piece::KeepLocal(report.location(child.head))
            }
            "docker" => {
                let (bridge, pools) = engine(child, report, "bridge", value::bridge);
                Piece::Docker(Docker {
                    bridge,
                    pools,
                    at: report.location(child.head),
                })
            }
            "podman" => {
                let (subnet, pools) = engine(child, report, "subnet", value::prefix);
                Piece::Podman(Podman {
                    subnet,
                    pools,
                    at: report.location(child.head),
                })
            }
            _ => {
                report.unknown_node(child, "`containers`", &["keep-local", "docker", "podman"]);
                continue;
            }
        };
        if once.first(report, child, "put everything into one of them") {
            push(piece, report);
        }
    }
}

/// The address named `own`, and the pools.
fn engine(
    node: Node<'_>,
    report: &mut Report<'_>,
    own: &'static str,
    read_own: impl Fn(&Value<'_>) -> Read<IpNet>,
) -> (Option<IpNet>, Vec<Pool>) {
    let children = Form::new(node, report).block(report);
    if children.is_empty() {
        report.missing(
            node.name.span,
            Refusal::new(
                code::MISSING_NODE,
                format!("`{}` says nothing", node.name()),
                "has no addresses",
            )
            .help(format!("write `{own}` or `pool` in it, or remove it")),
        );
    }
    let mut address = None;
    let mut pools: Vec<Pool> = Vec::new();
    let mut lines: BTreeMap<IpNet, u32> = BTreeMap::new();
    let mut once = Once::default();
    for child in children {
        if child.name() == own {
            let mut form = Form::new(child, report);
            let read = form.argument(report, "a prefix", &read_own);
            form.leaf(report);
            if once.first(report, child, "write one of them") {
                address = read.map(|net| net.value);
            }
        } else if child.name() == "pool" {
            let Some(pool) = pool(child, report) else {
                continue;
            };
            if let Some(line) = lines.get(&pool.prefix) {
                report.refuse(
                    child.head,
                    Refusal::new(
                        code::DUPLICATE,
                        format!(
                            "`pool \"{}\"` is declared twice, first on line {line}",
                            pool.prefix
                        ),
                        "the second one",
                    )
                    .help("remove one of them"),
                );
            } else {
                lines.insert(pool.prefix, pool.at.line);
                pools.push(pool);
            }
        } else {
            report.unknown_node(child, &format!("`{}`", node.name()), &[own, "pool"]);
        }
    }
    (address, pools)
}

fn pool(node: Node<'_>, report: &mut Report<'_>) -> Option<Pool> {
    let mut form = Form::new(node, report);
    let prefix = form.argument(report, "a prefix", value::prefix);
    let size = form.property(report, "size", value::length);
    if !form.has("size") {
        report.missing(
            node.head,
            Refusal::new(
                code::MISSING_PROPERTY,
                "a pool does not say how large its networks are",
                "networks of which size?",
            )
            .help("add size=24 for networks with 24 bits of prefix"),
        );
    }
    form.leaf(report);
    let (prefix, size) = (prefix?, size?);
    // A network has an address of its own, one of its bridge, one of a container
    // and, with IPv4, one for everybody.
    let longest = prefix.value.max_prefix_len() - 2;
    if !(prefix.value.prefix_len()..=longest).contains(&size.value) {
        report.push(
            netprof_model::Diagnostic::error(
                code::OUT_OF_RANGE,
                format!(
                    "networks of size {} cannot be cut from `{}`",
                    size.value, prefix.value
                ),
            )
            .at(report.location(size.span))
            .label("out of range")
            .help(format!(
                "the size is a number from {} to {longest}",
                prefix.value.prefix_len()
            )),
        );
        return None;
    }
    Some(Pool {
        prefix: prefix.value,
        size: size.value,
        at: report.location(node.head),
    })
}
