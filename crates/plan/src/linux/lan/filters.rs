//! What can take packets although the routes are right: IPsec policies and nft drops.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::rule::Family;
use netprof_model::snapshot::XfrmPolicy;
use netprof_model::{Diagnostic, Snapshot};

use super::Kept;
use crate::draft::Draft;
use crate::linux::{Ground, is_unreadable};

/// Says what stands above the routes of `one`.
pub(super) fn check(base: &Snapshot, one: &Kept, draft: &mut Draft) {
    let said = |draft: &Draft, code: &str| draft.diagnostics.iter().any(|said| said.code == code);
    if let Some((policy, source)) = taking(base.xfrm.items(), one) {
        let error = Diagnostic::error(
            "plan::ipsec-policy",
            format!(
                "an IPsec policy of {} takes packets from {source} to {} before routing does",
                policy.owner.who(),
                one.prefix
            ),
        )
        .label("this would not hold")
        .help("let the IPsec client pass the LAN by (strongSwan: the bypass-lan plugin)");
        draft.refuse(&one.subject, &one.reason, error, &one.at);
    }
    warn_of_selective_policies(base.xfrm.items(), one, draft);
    let drops = base
        .firewall
        .items()
        .iter()
        .find(|chain| chain.hook == "output" && chain.policy_drops);
    if let Some(chain) = drops
        && !said(draft, "plan::firewall-drops")
    {
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::firewall-drops",
                format!(
                    "chain {} of nft table {} {} ({}) drops what it does not name: the LAN may stay cut off",
                    chain.chain, chain.family, chain.table, chain.owner.who()
                ),
            )
            .at(one.at.clone())
            .help("a VPN client's kill switch does this; allow the LAN in its settings"),
        );
    }
    let unread: Vec<&str> = [
        ("nft", is_unreadable(&base.firewall)),
        ("IPsec", is_unreadable(&base.xfrm)),
    ]
    .into_iter()
    .filter_map(|(what, unreadable)| unreadable.then_some(what))
    .collect();
    if !unread.is_empty() && !said(draft, "plan::unreadable") {
        draft.diagnostics.push(
            Diagnostic::note(
                "plan::unreadable",
                format!(
                    "{} rules cannot be read without root: a kill switch would not be seen",
                    unread.join(" and ")
                ),
            )
            .at(one.at.clone())
            .help("plan as root to see them: sudo netprof plan ..."),
        );
    }
}

/// Warns of rules that are asked before those that keep the LAN, and take some packets
/// only: which, a look-up of one packet does not tell.
pub(super) fn warn_of_selective(ground: &Ground, priority: u32, one: &Kept, draft: &mut Draft) {
    let family = Family::of(&one.prefix);
    let overlaps = |to: IpNet| to.contains(&one.prefix) || one.prefix.contains(&to);
    for rule in ground.routing.selective_before(family, priority) {
        let message = format!(
            "{} is asked before netprof's rules, and may take some packets to the LAN elsewhere",
            rule.key
        );
        let said = draft.diagnostics.iter().any(|said| said.message == message);
        if rule.key.to.is_none_or(overlaps) && !said {
            draft.diagnostics.push(
                Diagnostic::warning("plan::selective-rule", message)
                    .at(one.at.clone())
                    .help("give that rule a priority above 119, if the LAN should be kept for all"),
            );
        }
    }
}

/// The policy that takes all packets to `one`, if one does, and where they come from.
fn taking<'a>(policies: &'a [XfrmPolicy], one: &Kept) -> Option<(&'a XfrmPolicy, IpAddr)> {
    let source = one.source?;
    let first = first(policies, one)?;
    takes(first).then_some((first, source))
}

/// Warns of policies that take some packets to `one`, and not all.
fn warn_of_selective_policies(policies: &[XfrmPolicy], one: &Kept, draft: &mut Draft) {
    let decides = first(policies, one);
    for policy in meeting(policies, one).filter(|policy| policy.selective && takes(policy)) {
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
            .help("see which: ip xfrm policy list dir out"),
        );
    }
}

/// The policy that decides on most packets to `one`: the lowest priority number wins; of
/// equals, the kernel takes the older. What lets a part of `one` pass decides nothing.
fn first<'a>(policies: &'a [XfrmPolicy], one: &Kept) -> Option<&'a XfrmPolicy> {
    meeting(policies, one)
        .filter(|policy| !policy.selective)
        .filter(|policy| takes(policy) || policy.to.contains(&one.prefix))
        .min_by_key(|policy| policy.priority)
}

/// The policies for packets to `one`. One of an xfrm link holds for what is routed into
/// that link (`xfrm_policy_match` in net/xfrm/xfrm_policy.c), as into any tunnel.
fn meeting<'a>(policies: &'a [XfrmPolicy], one: &Kept) -> impl Iterator<Item = &'a XfrmPolicy> {
    let (source, prefix) = (one.source, one.prefix);
    policies
        .iter()
        .filter(|policy| policy.direction == "out" && policy.if_id == 0)
        .filter(move |policy| source.is_some_and(|source| policy.from.contains(&source)))
        .filter(move |policy| policy.to.contains(&prefix) || prefix.contains(&policy.to))
}

fn takes(policy: &XfrmPolicy) -> bool {
    policy.transforms || policy.action == "block"
}
