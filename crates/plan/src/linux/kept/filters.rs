//! What can take packets although the routes are right: IPsec policies and nft drops.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::rule::Family;
use netprof_model::snapshot::XfrmPolicy;
use netprof_model::{Diagnostic, Owner, Severity, Snapshot};

use super::Kept;
use crate::draft::Draft;
use crate::linux::{Ground, firewall};

/// Says what stands above the routes of `one`.
pub(super) fn check(base: &Snapshot, one: &Kept, draft: &mut Draft) {
    if let Some(source) = one.source
        && let Some(policy) = taking(base.xfrm.items(), &one.prefix, source)
    {
        let error = taken(policy, &one.prefix, source).label("this would not hold");
        draft.refuse(&one.subject, &one.reason, error, &one.at);
    }
    warn_of_selective_policies(base.xfrm.items(), one, draft);
    if let Some(link) = one.link() {
        let lan = firewall::Lan {
            prefix: one.prefix,
            link,
            source: one.source,
        };
        match firewall::said(base.firewall.items(), &lan) {
            Some(error) if error.severity == Severity::Error => {
                let error = error.label("this would not hold");
                draft.refuse(&one.subject, &one.reason, error, &one.at);
            }
            Some(warning) => draft.diagnostics.push(warning.at(one.at.clone())),
            None => {}
        }
    }
    let said = |said: &Diagnostic| said.code == "plan::unreadable";
    if let Some(note) = unread(base)
        && !draft.diagnostics.iter().any(said)
    {
        let note = note.at(one.at.clone());
        draft.diagnostics.push(if base.privileged {
            note
        } else {
            note.help("plan as root, with sudo, to see them")
        });
    }
}

/// That what stands above routing could not be read, if so. Without root it never can.
pub(in crate::linux) fn unread(snapshot: &Snapshot) -> Option<Diagnostic> {
    let (names, reasons): (Vec<&str>, Vec<&str>) = [
        ("nft", snapshot.firewall.why_unreadable()),
        ("IPsec", snapshot.xfrm.why_unreadable()),
    ]
    .into_iter()
    .filter_map(|(what, why)| Some((what, why?)))
    .unzip();
    if names.is_empty() {
        return None;
    }
    let (names, reasons) = (names.join(" and "), reasons.join("; "));
    Some(if snapshot.privileged {
        let message = format!("a kill switch of {names} would not be seen: {reasons}");
        Diagnostic::warning("plan::unreadable", message)
    } else {
        let message =
            format!("{names} rules cannot be read without root: a kill switch would not be seen");
        Diagnostic::note("plan::unreadable", message)
    })
}

/// Warns of rules that are asked before those that keep networks, and take some packets
/// only: which, a look-up of one packet does not tell.
pub(super) fn warn_of_selective(ground: &Ground, priority: u32, one: &Kept, draft: &mut Draft) {
    let family = Family::of(&one.prefix);
    let overlaps = |to: IpNet| to.contains(&one.prefix) || one.prefix.contains(&to);
    let whose = one.of.whose();
    for rule in ground.routing.selective_before(family, priority) {
        let message = format!(
            "{} is asked before netprof's rules, and may take some packets to {whose} elsewhere",
            rule.key
        );
        let said = draft.diagnostics.iter().any(|said| said.message == message);
        if rule.key.to.is_none_or(overlaps) && !said {
            draft.diagnostics.push(
                Diagnostic::warning("plan::selective-rule", message)
                    .at(one.at.clone())
                    .help(format!(
                        "give that rule a priority above 119, if {whose} should be kept for all"
                    ))
                    .whose(rule.owner),
            );
        }
    }
}

/// That `policy` takes the packets from `source` to `prefix`.
pub(in crate::linux) fn taken(policy: &XfrmPolicy, prefix: &IpNet, source: IpAddr) -> Diagnostic {
    Diagnostic::error(
        "plan::ipsec-policy",
        format!(
            "an IPsec policy of {} takes packets from {source} to {prefix} before routing does",
            policy.owner.who(),
        ),
    )
    .whose(policy.owner)
    .help(match policy.owner {
        Owner::Libreswan => format!(
            "let libreswan pass {prefix} by: a conn with type=passthrough and {prefix} on both sides"
        ),
        // It passes by every network that this host is in.
        Owner::Strongswan => "let strongswan pass the LAN by: its bypass-lan plugin".to_owned(),
        _ => format!("let the IPsec client pass {prefix} by"),
    })
}

/// The policy that takes all packets from `source` to `prefix`, if one does.
pub(in crate::linux) fn taking<'a>(
    policies: &'a [XfrmPolicy],
    prefix: &IpNet,
    source: IpAddr,
) -> Option<&'a XfrmPolicy> {
    first(policies, prefix, source).filter(|policy| takes(policy))
}

/// Warns of policies that take some packets to `one`, and not all.
fn warn_of_selective_policies(policies: &[XfrmPolicy], one: &Kept, draft: &mut Draft) {
    let Some(source) = one.source else {
        return;
    };
    let decides = first(policies, &one.prefix, source);
    let some = meeting(policies, &one.prefix, source);
    for policy in some.filter(|policy| policy.selective && takes(policy)) {
        // Of those with one priority the kernel takes the older, which the list does not
        // tell.
        if decides.is_some_and(|first| first.priority < policy.priority || takes(first)) {
            continue;
        }
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::selective-policy",
                format!(
                    "an IPsec policy of {} takes some packets to {} before routing does",
                    policy.owner.who(),
                    one.prefix
                ),
            )
            .at(one.at.clone())
            .help("see which: ip xfrm policy list dir out")
            .whose(policy.owner),
        );
    }
}

/// The policy that decides on most packets to `prefix`: the lowest priority number wins; of
/// equals, the kernel takes the older. What lets a part of `prefix` pass decides nothing.
fn first<'a>(policies: &'a [XfrmPolicy], prefix: &IpNet, source: IpAddr) -> Option<&'a XfrmPolicy> {
    meeting(policies, prefix, source)
        .filter(|policy| !policy.selective)
        .filter(|policy| takes(policy) || policy.to.contains(prefix))
        .min_by_key(|policy| policy.priority)
}

/// The policies for packets to `prefix`. One of an xfrm link holds for what is routed into
/// that link (`xfrm_policy_match` in net/xfrm/xfrm_policy.c), as into any tunnel.
fn meeting<'a>(
    policies: &'a [XfrmPolicy],
    prefix: &IpNet,
    source: IpAddr,
) -> impl Iterator<Item = &'a XfrmPolicy> {
    policies
        .iter()
        .filter(|policy| policy.direction == "out" && policy.if_id == 0)
        .filter(move |policy| policy.from.contains(&source))
        .filter(move |policy| policy.to.contains(prefix) || prefix.contains(&policy.to))
}

fn takes(policy: &XfrmPolicy) -> bool {
    policy.transforms || policy.action == "block"
}
