//! What a profile gives to container engines, beside what else it says.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::profile::{Declared, Profile, RouteTarget, Servers};
use netprof_model::{Diagnostic, Location, Name};

use crate::code;
use crate::limit::Findings;

/// Finds what one engine is given twice, and what is said to be elsewhere.
pub(super) fn lint(profile: &Profile, found: &mut Findings) {
    let mut all: Vec<Declared> = profile.containers.declared().collect();
    all.sort_by_key(|one| (one.engine.as_str(), one.prefix));
    // Sorted, what lies in one follows it: the widest so far is enough.
    all.dedup_by(|here, wide| {
        let lies_in = here.engine == wide.engine && wide.prefix.contains(&here.prefix);
        if lies_in {
            overlaps(here, wide, found);
        }
        lies_in
    });
    all.sort_by_key(|one| one.prefix);
    elsewhere(profile, &all, found);
}

fn overlaps(here: &Declared, wide: &Declared, found: &mut Findings) {
    found.warning(code::OVERLAPPING_POOLS, here.at, here.node(), || {
        Diagnostic::warning(code::OVERLAPPING_POOLS, format!("{here} lies in {wide}"))
            .at(here.at.clone())
            .label(format!("the other one is at {}", wide.at))
            .help("give each addresses of its own, or leave one out")
    });
}

/// Servers and routes of links in what is given to containers: those would have their
/// addresses.
fn elsewhere(profile: &Profile, all: &[Declared], found: &mut Findings) {
    let around = |net: IpNet| {
        let behind = all.partition_point(|one| one.prefix <= net);
        let before = all[..behind].last();
        before.filter(|one| one.prefix.contains(&net))
    };
    for scope in &profile.scopes {
        let (Servers::Listed(servers), Some(link)) = (&scope.servers, &scope.link) else {
            continue;
        };
        for server in servers {
            let address = server.value.address;
            if let Some(one) = around(address.into())
                && !may_be_bridge(profile, &link.value)
            {
                let what = format!("{address}, a server of scope \"{}\",", scope.name);
                is_elsewhere(&what, &server.at, one, found);
            }
        }
    }
    for route in &profile.routes.routes {
        let Some(one) = around(route.prefix) else {
            continue;
        };
        let is_container = |via: IpAddr| one.prefix.contains(&via);
        let leaves = match &route.target {
            RouteTarget::Unreachable => true,
            RouteTarget::Through { via: Some(via), .. } if is_container(*via) => false,
            RouteTarget::Through { link, .. } => {
                let mut link = link.iter();
                !link.any(|link| may_be_bridge(profile, &link.value))
            }
        };
        if leaves {
            let what = format!("the route to {}", route.prefix);
            is_elsewhere(&what, &route.at, one, found);
        }
    }
}

fn is_elsewhere(what: &str, at: &Location, one: &Declared, found: &mut Findings) {
    found.warning(code::ELSEWHERE, at, "", || {
        Diagnostic::warning(code::ELSEWHERE, format!("{what} lies in {one}"))
            .at(at.clone())
            .label(format!("containers have these addresses, by {}", one.at))
            .help("give the engine another prefix: whoever is there will not be reached")
    });
}

/// Whether the link of that name may be a bridge of containers.
fn may_be_bridge(profile: &Profile, name: &Name) -> bool {
    const BRIDGES: [&str; 4] = ["docker", "br-", "podman", "cni-podman"];
    profile.link(name).is_some_and(|link| {
        let wanted = &link.matching;
        let pattern = wanted.name.as_deref().unwrap_or_default();
        wanted.owner.is_some_and(|owner| owner.is_engine())
            || wanted.kind.as_deref() == Some("bridge")
            || BRIDGES.iter().any(|start| pattern.starts_with(start))
    })
}
