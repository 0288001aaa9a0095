//! Collisions: addresses that containers have, or will have, and somebody else has, too.
//!
//! An engine that looks for a free subnet asks little. Docker passes by what IPv4 routes of
//! main lead to on a link (`InferReservedNetworks` in moby's libnetwork/netutils), and Podman
//! the networks that links have addresses in (`getLiveNetworkSubnets` in its
//! libnetwork/util). What lies behind a gateway, or in a table of a VPN's own, both take. So a
//! server that nobody can reach any more answers from a container, or a container is looked
//! for in the VPN.
//!
//! Here each [`Tract`] of containers, declared or live, is laid beside everybody [`other`]:
//! the LANs, the servers of scopes, the declared routes, and the routes of all tables,
//! whatever rule leads there: that only some packets are led to an address does not make it
//! free. What is so wide that it is the way out is no network, and in nobody's way.
//!
//! There is one diagnostic for a tract, however many thousand routes lie in it. It names two,
//! says how many more there are, and proposes a subnet that collides with nothing known. It
//! is an error where the profile asks for both: that cannot be done.

use std::collections::HashMap;

use ipnet::IpNet;
use netprof_model::plan::Reason;
use netprof_model::profile::Containers;
use netprof_model::{Diagnostic, Location, Owner, Severity};

use super::Ground;
use crate::draft::Draft;
use crate::prefixes::Prefixes;
use other::{Neighbourhood, Other};
use proposal::Taken;
use tract::Tract;

mod other;
mod proposal;
mod taking;
mod tract;

/// So many of those that a tract collides with are named.
const NAMED: usize = 2;

/// Says what collides.
pub(super) fn warn(ground: &Ground, draft: &mut Draft) {
    let containers = &ground.profile.containers;
    if containers.keep_local.is_none() {
        taking::warn(ground, draft);
    }
    if *containers == Containers::default() {
        return;
    }
    let tracts = tract::all(ground);
    let by_prefix: Prefixes<usize> = tracts.iter().map(|one| one.prefix).zip(0..).collect();
    let mut met: Vec<Vec<Other>> = vec![Vec::new(); tracts.len()];
    let neighbourhood = Neighbourhood::of(ground);
    for other in other::all(&neighbourhood, &tracts) {
        let block = other.prefix.into();
        let around = by_prefix.holding(block);
        let around = around.filter(|(net, _)| net.length() < other.prefix.prefix_len());
        let within = by_prefix.within(block).iter();
        let places = around.flat_map(|(_, places)| places).chain(within);
        for at in places.filter(|at| neighbourhood.is_met(&other, **at, &tracts[**at])) {
            met[*at].push(other);
        }
    }
    let mut taken = None;
    for (tract, met) in tracts.iter().zip(met) {
        let met = told(met);
        if !met.is_empty() {
            let taken = taken.get_or_insert_with(|| Taken::of(ground, &tracts));
            let met = met
                .iter()
                .map(|one| (neighbourhood.is_asked_for(one, tract), one));
            say(tract, met.collect(), taken.propose(tract.prefix), draft);
        }
    }
}

/// Of those that a tract meets, the ones that are worth a word: of one prefix one, and none
/// that only says where in another one a link leads.
fn told<'a>(mut met: Vec<Other<'a>>) -> Vec<Other<'a>> {
    met.sort_by_key(|one| (one.prefix, one.rank()));
    met.dedup_by_key(|one| one.prefix);
    let mut widest: HashMap<&str, IpNet> = HashMap::new();
    met.retain(|one| {
        let Some(dev) = one.dev() else { return true };
        if widest
            .get(dev)
            .is_some_and(|wide| wide.contains(&one.prefix))
        {
            return false;
        }
        widest.insert(dev, one.prefix);
        true
    });
    met
}

/// Says what `tract` meets, each with whether the profile asks for it, and what is `free`.
fn say(tract: &Tract, mut met: Vec<(bool, &Other)>, free: Option<IpNet>, draft: &mut Draft) {
    met.sort_by_key(|(asked, one)| (!asked, one.rank(), one.prefix));
    let Some((is_error, first)) = met.first() else {
        return;
    };
    let named: Vec<String> = met
        .iter()
        .take(NAMED)
        .map(|(_, one)| one.to_string())
        .collect();
    let named = match (named.as_slice(), met.len() - named.len()) {
        ([one, other], 0) => format!("{one} and {other}"),
        (named, 0) => named.join(", "),
        (named, more) => format!("{}, and {more} more", named.join(", ")),
    };
    let message = format!("{tract} overlaps {named}");
    let said = Diagnostic {
        severity: if *is_error {
            Severity::Error
        } else {
            Severity::Warning
        },
        ..Diagnostic::warning("plan::collision", message)
    }
    .label("these addresses are somebody else's, too")
    .help(tract.help(free));
    let said = match first.owner() {
        Owner::Unknown => said,
        owner => said.whose(owner),
    };
    if *is_error {
        let reason = Reason::line(tract.at, tract.node());
        draft.refuse(tract.node(), &reason, said, tract.at);
    } else {
        draft.diagnostics.push(said.at(tract.at.clone()));
    }
}

/// Where the profile speaks of containers first.
fn spoken_of(containers: &Containers) -> Option<&Location> {
    let keep_local = containers.keep_local.as_ref().map(|one| &one.at);
    let docker = containers.docker.as_ref().map(|one| &one.at);
    let podman = containers.podman.as_ref().map(|one| &one.at);
    keep_local.or(docker).or(podman)
}
