//! What must hold of a profile as a whole: after its includes were merged, since
//! an include may use a link that only its includer declares.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use netprof_model::profile::{Declared, Profile, Spanned};
use netprof_model::{Diagnostic, Location, Name, space};

use crate::code;
use crate::limit::Findings;
use crate::suggest::{did_you_mean, list};

/// Finds every error of a merged profile.
pub(crate) fn check(profile: &Profile, found: &mut Findings) {
    links(profile, found);
    domains(profile, found);
    defaults(profile, found);
    addresses(profile, found);
}

/// Every use of a link in the profile.
pub(crate) fn uses(profile: &Profile) -> impl Iterator<Item = &Spanned<Name>> {
    let scopes = profile
        .scopes
        .iter()
        .filter_map(|scope| scope.link.as_ref());
    let lans = profile.routes.keep_lan.iter().flat_map(|keep| &keep.links);
    let routes = profile.routes.routes.iter();
    let routes = routes.filter_map(|route| route.target.link());
    let sizes = profile.mtu.iter().map(|mtu| &mtu.link);
    let clamps = profile.clamp_mss.iter().map(|clamp| &clamp.link);
    let conditions = profile.when.iter().flat_map(|when| &when.links);
    scopes
        .chain(lans)
        .chain(routes)
        .chain(sizes)
        .chain(clamps)
        .chain(conditions)
}

fn links(profile: &Profile, found: &mut Findings) {
    let declared = profile.links.iter().map(|link| &link.name).collect();
    undeclared(&profile.name, uses(profile), &declared, found);
}

/// Says which of the links that the profile `name` uses are not among those that it has
/// `declared`.
pub(crate) fn undeclared<'p>(
    name: &Name,
    uses: impl IntoIterator<Item = &'p Spanned<Name>>,
    declared: &BTreeSet<&Name>,
    found: &mut Findings,
) {
    for used in uses {
        if declared.contains(&used.value) {
            continue;
        }
        let subject = name.as_str();
        found.error(code::UNDECLARED_LINK, &used.at, subject, || {
            let names = declared.iter().map(|name| name.as_str());
            let help = did_you_mean(used.value.as_str(), names, || {
                let declare = format!(
                    "declare it: link \"{}\" {{ match name=\"tun*\"; }}",
                    used.value
                );
                if declared.is_empty() || declared.len() > 8 {
                    declare
                } else {
                    format!("declared: {}; or {declare}", list(declared))
                }
            });
            Diagnostic::error(
                code::UNDECLARED_LINK,
                format!("no link `{}` is declared in \"{name}\"", used.value),
            )
            .at(used.at.clone())
            .label("not declared")
            .help(help)
        });
    }
}

fn domains(profile: &Profile, found: &mut Findings) {
    let mut claimed: BTreeMap<&str, (&Name, &Location)> = BTreeMap::new();
    for scope in &profile.scopes {
        for domain in &scope.domains {
            let Some((other, at)) = claimed.get(domain.value.as_str()) else {
                claimed.insert(&domain.value, (&scope.name, &domain.at));
                continue;
            };
            found.error(code::SHARED_DOMAIN, &domain.at, other.as_str(), || {
                Diagnostic::error(
                    code::SHARED_DOMAIN,
                    format!(
                        "`{}` is a domain of scope \"{}\" and of scope \"{other}\"",
                        domain.value, scope.name
                    ),
                )
                .at(domain.at.clone())
                .label(format!("claimed already at {at}"))
                .help("names go to one scope: remove it from the other")
            });
        }
    }
}

fn defaults(profile: &Profile, found: &mut Findings) {
    let mut defaults = profile.scopes.iter().filter(|scope| scope.default_route);
    let Some(first) = defaults.next() else { return };
    for second in defaults {
        found.error(code::TWO_DEFAULTS, &second.at, first.name.as_str(), || {
            Diagnostic::error(
                code::TWO_DEFAULTS,
                format!(
                    "scope \"{}\" and scope \"{}\" both take the names that no scope claims",
                    first.name, second.name
                ),
            )
            .at(second.at.clone())
            .label(format!("the other one is at {}", first.at))
            .help("write `default-route #true` in one scope alone")
        });
    }
}

/// Two engines know nothing of each other, and would each take what the other has.
fn addresses(profile: &Profile, found: &mut Findings) {
    let mut all: Vec<Declared> = profile.containers.declared().collect();
    all.sort_by_key(|one| one.prefix);
    // Sorted, what lies in one follows it: the widest of each engine so far is enough.
    let mut widest: Vec<Declared> = Vec::new();
    for here in &all {
        let others = || widest.iter().filter(|other| other.engine != here.engine);
        if let Some(other) = others().find(|other| other.prefix.contains(&here.prefix)) {
            found.error(code::SHARED_ADDRESSES, here.at, here.node(), || {
                let given = all.iter().map(|one| one.prefix);
                let free = space::free(here.prefix, given.chain(routed(profile)));
                let free = free.map(|free| format!(": nothing here uses {free}"));
                Diagnostic::error(
                    code::SHARED_ADDRESSES,
                    format!("{here} and {other} overlap"),
                )
                .at(here.at.clone())
                .label(format!("the other one is at {}", other.at))
                .help(format!(
                    "two engines do not know of each other, so give each its own{}",
                    free.unwrap_or_default()
                ))
            });
        }
        match widest.iter_mut().find(|other| other.engine == here.engine) {
            Some(own) if own.prefix.contains(&here.prefix) => {}
            Some(own) => *own = *here,
            None => widest.push(*here),
        }
    }
}

/// Where the profile leads packets, but for the way out.
fn routed(profile: &Profile) -> impl Iterator<Item = IpNet> {
    let routes = profile.routes.routes.iter().map(|route| route.prefix);
    routes.filter(|prefix| !space::is_way_out(prefix))
}
