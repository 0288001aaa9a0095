//! `keep-local`: which networks container engines have on this host, and which they will
//! have.
//!
//! A network is what a connected route through an engine's bridge says. Whatever its prefix
//! is, it is kept: a LAN's is handed out by somebody else, who may be hostile, and that of a
//! bridge is this host's own choice.
//!
//! A declared pool is kept by the usual rule on the whole of it: a bridge that appears in
//! it later is found from its first packet on. It comes behind the rules of networks, since
//! one that needs a copy must be asked for first.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::Profile;
use netprof_model::rule::{Family, RuleAction, RuleKey};

use super::{Kept, MAIN, Of, lan};
use crate::containers;
use crate::draft::{Draft, Wanted};
use crate::linux::Ground;
use crate::linux::priority::Priorities;

/// The networks of engines that are to be kept, but for those that `lan` keeps already.
pub(super) fn of<'a>(ground: &Ground<'a>, lan: &[Kept<'a>], draft: &mut Draft) -> Vec<Kept<'a>> {
    let Some(node) = &ground.profile.containers.keep_local else {
        return Vec::new();
    };
    let reason = Reason::line(&node.at, "keep-local");
    let mut networks: BTreeMap<IpNet, Vec<containers::Network>> = BTreeMap::new();
    for network in containers::networks(ground.base) {
        networks.entry(network.prefix).or_default().push(network);
    }
    let pools = containers::declared(ground.profile);
    if networks.is_empty() && pools.is_empty() {
        let detail = "waits for a network of a container engine: no bridge of one is up";
        draft.row(Standing::Waiting, "keep-local", detail, &reason);
    }
    // A libvirt bridge over a network card is a LAN as well.
    let is_of_lan = |prefix: &IpNet, link: &Link| {
        let mut lan = lan.iter().filter(|kept| kept.prefix == *prefix);
        lan.any(|kept| kept.links.iter().any(|one| one.name == link.name))
    };
    let kept = networks.into_iter().filter_map(|(prefix, mut networks)| {
        networks.sort_by_key(|one| one.route.key.metric);
        let best = networks.first()?;
        if is_of_lan(&prefix, best.link) {
            return None;
        }
        let what = format!("{}'s network on {}", best.link.owner, best.link.name);
        Some(Kept {
            of: Of::Containers {
                pooled: pools.iter().any(|pool| pool.prefix.contains(&prefix)),
            },
            subject: format!("keep-local {prefix}"),
            prefix,
            source: lan::source(ground, best.link, best.route),
            links: networks.iter().map(|one| one.link).collect(),
            via: None,
            metric: best.route.key.metric,
            is_new: false,
            overrides: false,
            is_live: !best.route.live.dead,
            reason: reason.clone(),
            what: Some(Reason::plain(what)),
            at: node.at.clone(),
        })
    });
    kept.collect()
}

/// Wants the rule of each declared pool.
pub(super) fn want_pools(profile: &Profile, priorities: &Priorities, draft: &mut Draft) {
    let Some(node) = &profile.containers.keep_local else {
        return;
    };
    let reason = Reason::line(&node.at, "keep-local");
    for pool in containers::declared(profile) {
        let family = Family::of(&pool.prefix);
        let free = match pool.prefix.prefix_len() {
            0 => Err(Diagnostic::error(
                "plan::everything-kept",
                format!("{pool} is every address"),
            )
            .label("this would keep all of them out of every VPN")
            .help("name a private prefix")),
            _ => priorities
                .keep_pools(family)
                .ok_or_else(|| priorities.none_free(family, "no rule priority")),
        };
        let priority = match free {
            Ok(priority) => priority,
            Err(error) => {
                let subject = format!("keep-local {}", pool.prefix);
                draft.refuse(subject, &reason, error, pool.at);
                continue;
            }
        };
        let rule = RuleKey {
            to: Some(pool.prefix),
            suppress_prefixlength: Some(u32::from(pool.prefix.prefix_len()) - 1),
            ..RuleKey::new(family, priority, RuleAction::Lookup(MAIN))
        };
        let reasons = vec![reason.clone(), Reason::line(pool.at, pool.node())];
        draft.want(Wanted::rule(rule, reasons));
    }
}
