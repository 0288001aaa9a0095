//! What a profile means on Linux: policy routing and systemd-resolved.

mod claim;
mod dns;
pub mod fib;
mod lan;
mod localhost;
mod priority;
pub mod put_back;
pub mod resolver;
mod routes;

use std::collections::HashMap;

use ipnet::IpNet;
use netprof_model::held::HeldResource;
use netprof_model::link::Link;
use netprof_model::profile::Profile;
use netprof_model::route::{Hop, Protocol, RouteKey, RouteKind, RouteSpec};
use netprof_model::{Diagnostic, Location, Resource, Section, Snapshot, State};

use crate::draft::Draft;
use crate::links::Links;
use fib::Fib;

pub(crate) use claim::Claim;
pub(crate) use dns::DnsClaim;
pub use fib::{LOCAL, MAIN};

/// netprof's own routing table. Tables from 256 on are nobody's by convention; no
/// tool that was looked at uses this one.
pub const TABLE: u32 = 28272;

/// A route is on the link itself (RT_SCOPE_LINK).
const SCOPE_LINK: u8 = 253;
/// An address or route is valid on this host alone (RT_SCOPE_HOST).
const SCOPE_HOST: u8 = 254;

/// What everything below looks at: the profile, the machine without netprof, and how
/// it routes.
struct Ground<'a> {
    profile: &'a Profile,
    base: &'a Snapshot,
    fib: Fib<'a>,
    links: Links<'a>,
    by_name: HashMap<&'a str, &'a Link>,
}

impl<'a> Ground<'a> {
    /// The live link of that name.
    fn link(&self, name: &str) -> Option<&'a Link> {
        self.by_name.get(name).copied()
    }
}

/// Writes down in `draft` what `profile` wants of the machine of `base`.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    not_carried_out(profile, &mut draft.diagnostics);
    let unknown: Vec<_> = [
        ("links", base.links.standing(), base.links.is_known()),
        (
            "addresses",
            base.addresses.standing(),
            base.addresses.is_known(),
        ),
        ("routes", base.routes.standing(), base.routes.is_known()),
        ("rules", base.rules.standing(), base.rules.is_known()),
    ]
    .into_iter()
    .filter(|(_, _, known)| !known)
    .collect();
    if !unknown.is_empty() {
        for (section, standing, _) in unknown {
            draft.diagnostics.push(
                Diagnostic::error(
                    "plan::not-known",
                    format!("{section} of the snapshot are {standing}: nothing can be planned"),
                )
                .help("take the snapshot anew"),
            );
        }
        return;
    }
    let ground = Ground {
        profile,
        base,
        fib: Fib::new(base),
        links: Links::find(profile, base, &mut draft.diagnostics),
        by_name: base
            .links
            .items()
            .iter()
            .map(|link| (link.name.as_str(), link))
            .collect(),
    };
    let mut priorities = priority::Priorities::of(base);
    localhost::desire(&ground, draft);
    lan::desire(&ground, &mut priorities, draft);
    routes::desire(&ground, &mut priorities, draft);
    dns::desire(&ground, draft);
}

/// Looks at the machine as it will be: whatever is claimed must win there.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    claim::check(after, draft);
    dns::check(after, draft);
}

/// Why a held resource that is still there no longer serves its purpose, if so.
pub(crate) fn stale(held: &HeldResource, snapshot: &Snapshot) -> Option<String> {
    let Resource::Route(RouteKey { dst, table, .. }) = &held.resource else {
        return None;
    };
    let Some(State::Route(spec)) = &held.committed else {
        return None;
    };
    let (TABLE, [hop]) = (*table, spec.hops.as_slice()) else {
        return None;
    };
    let dev = hop.dev.as_deref()?;
    // What a copy of the LAN in netprof's table rests on is the address of its link:
    // its source, and the network that its gateway is in.
    let rests_on = spec.prefsrc?;
    let mut addresses = snapshot.addresses.items().iter();
    if addresses.any(|one| one.dev == dev && one.local.addr() == rests_on) {
        return None;
    }
    Some(format!(
        "{dev} no longer has {rests_on}: packets to {dst} are still captured"
    ))
}

/// What the language has and this backend does not carry out yet is refused, each on
/// its line: nothing is dropped in silence.
fn not_carried_out(profile: &Profile, diagnostics: &mut Vec<Diagnostic>) {
    let containers = &profile.containers;
    let nodes: [(&str, Option<&Location>); 6] = [
        (
            "containers keep-local",
            containers.keep_local.as_ref().map(|one| &one.at),
        ),
        (
            "containers docker",
            containers.docker.as_ref().map(|one| &one.at),
        ),
        (
            "containers podman",
            containers.podman.as_ref().map(|one| &one.at),
        ),
        ("proxy", profile.proxy.as_ref().map(|one| &one.at)),
        ("mtu", profile.mtu.first().map(|one| &one.at)),
        ("clamp-mss", profile.clamp_mss.first().map(|one| &one.at)),
    ];
    for (node, at) in nodes {
        if let Some(at) = at {
            diagnostics.push(
                Diagnostic::error(
                    "plan::not-carried-out",
                    format!("`{node}` cannot be carried out on Linux yet"),
                )
                .at(at.clone())
                .label("not carried out yet")
                .help(
                    "take it out of the profile, or put it in an `os` block of a system that can",
                ),
            );
        }
    }
}

/// A route of netprof's own.
fn own_route(
    prefix: IpNet,
    kind: RouteKind,
    hop: Option<Hop>,
    prefsrc: Option<std::net::IpAddr>,
) -> RouteSpec {
    let direct = hop.as_ref().is_some_and(|hop| hop.via.is_none());
    RouteSpec {
        kind,
        protocol: Protocol::NETPROF,
        // IPv6 has no scopes: the kernel reports universe for every route.
        scope: if direct && prefix.addr().is_ipv4() {
            SCOPE_LINK
        } else {
            0
        },
        prefsrc,
        hops: hop.into_iter().collect(),
        ..RouteSpec::default()
    }
}

/// The metric that the kernel gives a route where none is named: IPv6 has
/// IP6_RT_PRIO_USER, IPv4 has 0.
fn metric_or_default(prefix: &IpNet, metric: Option<u32>) -> u32 {
    match metric {
        Some(metric) if metric > 0 => metric,
        _ if prefix.addr().is_ipv4() => 0,
        _ => 1024,
    }
}

/// Whether a section was left out for lack of rights.
fn is_unreadable<T>(section: &Section<T>) -> bool {
    matches!(section, Section::Unreadable(_))
}
