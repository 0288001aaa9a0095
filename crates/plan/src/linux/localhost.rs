//! `keep-localhost`: this host reaches itself.
//!
//! Everything that talks to 127.0.0.1 or ::1 rests on four things: the loopback link
//! is up, it has its addresses, the local table has their routes, and the first rule
//! leads into that table. VPN clients and policy routing set-ups have been seen to
//! take away each of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netprof_model::link::Link;
use netprof_model::plan::{Expectation, Reason, RouteAnswer, RouteProbe, Standing};
use netprof_model::resource::AddressSpec;
use netprof_model::route::{Hop, Protocol, RouteKind, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey, RuleSpec};
use netprof_model::shared::Shared;
use netprof_model::{Diagnostic, Resource, Snapshot, State};

use super::{Ground, LOCAL, SCOPE_HOST};
use crate::claim::{Claim, Subject};
use crate::draft::{Draft, Wanted};

const SUBJECT: &str = "localhost";

/// Wants localhost to work, if the profile does.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let Some(node) = &ground.profile.routes.keep_localhost else {
        return;
    };
    let reason = Reason::line(&node.at, "keep-localhost");
    let Some(lo) = ground.base.links.items().iter().find(|link| link.loopback) else {
        let error = Diagnostic::error("plan::no-loopback", "there is no loopback link");
        draft.refuse(SUBJECT, &reason, error, &node.at);
        return;
    };
    let before = draft.wanted.len();
    want(
        draft,
        lo,
        &reason,
        Resource::LinkUp {
            dev: lo.name.clone(),
        },
        State::LinkUp { up: true },
        lo.up,
    );
    for family in Family::BOTH {
        if !is_in_use(ground.base, family) {
            draft.row(
                Standing::Omitted,
                SUBJECT,
                format!("IPv{family} is off"),
                &reason,
            );
            continue;
        }
        keep(ground, draft, lo, family, &reason);
        let to = itself(family).addr();
        if draft.wanted.len() == before {
            draft.claims.push(Claim {
                subject: Subject::Words(SUBJECT.to_owned()),
                to,
                devs: vec![lo.name.clone()].into(),
                via: None,
                direct: false,
                reason: reason.clone(),
            });
        } else {
            // The kernel adds routes to an address by itself, so only it can tell.
            draft.expectations.push(Expectation {
                probe: RouteProbe { to, oif: None },
                answer: Shared::from(RouteAnswer {
                    dev: Some(lo.name.clone()),
                    ..RouteAnswer::default()
                }),
                reason: reason.clone(),
            });
        }
    }
    if draft.wanted.len() == before {
        let detail = format!("already on {}", lo.name);
        draft.row(Standing::Unchanged, SUBJECT, detail, &reason);
    }
}

/// The addresses of a loopback link.
fn itself(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8)),
        Family::V6 => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    }
}

/// Whether the machine speaks `family` at all. IPv6 may be switched off, and then
/// `::1` can be neither added nor missed.
fn is_in_use(base: &Snapshot, family: Family) -> bool {
    family == Family::V4
        || base
            .addresses
            .items()
            .iter()
            .any(|address| Family::of(&address.local) == family)
}

fn keep(ground: &Ground, draft: &mut Draft, lo: &Link, family: Family, reason: &Reason) {
    let local = itself(family);
    let has_address = ground
        .base
        .addresses
        .items()
        .iter()
        .any(|address| address.dev == lo.name && address.local == local);
    let address = Resource::Address {
        dev: lo.name.clone(),
        local,
    };
    let spec = AddressSpec { scope: SCOPE_HOST };
    // A link that goes down loses its IPv6 addresses, and lo gets its own back when it
    // goes up (addrconf.c, init_loopback): with routes that an address added beforehand
    // would not have.
    let comes_by_itself = family == Family::V6 && !lo.up;
    let there = has_address || comes_by_itself;
    want(draft, lo, reason, address, State::Address(spec), there);

    // With the address and the link, the kernel makes the routes. Only where both are
    // there and a route is not has somebody taken it away.
    if has_address && lo.up {
        let spec = RouteSpec {
            kind: RouteKind::Local,
            protocol: Protocol::NETPROF,
            scope: if family == Family::V4 { SCOPE_HOST } else { 0 },
            prefsrc: (family == Family::V4).then(|| local.addr()),
            hops: vec![Hop::through(&lo.name, None)],
            ..RouteSpec::default()
        };
        let there = ground
            .routing
            .in_table(LOCAL, last(local), None)
            .is_some_and(|route| route.spec.kind == RouteKind::Local);
        let key = super::own_key(local.trunc(), LOCAL, None);
        want(
            draft,
            lo,
            reason,
            Resource::Route(key),
            State::Route(spec.into()),
            there,
        );
    }

    let first = RuleKey::new(family, 0, RuleAction::Lookup(LOCAL));
    let there = ground
        .base
        .rules
        .items()
        .iter()
        .any(|rule| rule.key == first);
    let spec = RuleSpec {
        protocol: Protocol::NETPROF,
    };
    want(
        draft,
        lo,
        reason,
        Resource::Rule(Box::new(first)),
        State::Rule(spec),
        there,
    );
}

/// An address of `net` that only its own route leads to, and none of a single
/// address in it.
fn last(net: IpNet) -> IpAddr {
    match net {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::new(127, 255, 255, 254)),
        IpNet::V6(net) => IpAddr::V6(net.addr()),
    }
}

fn want(
    draft: &mut Draft,
    lo: &Link,
    reason: &Reason,
    resource: Resource,
    state: State,
    there: bool,
) {
    if there {
        return;
    }
    let link = (!matches!(resource, Resource::Rule(_))).then_some(lo);
    draft.want(Wanted {
        // Whether lo is up is nobody's own; an address or rule is there or is not.
        replace: true,
        ..Wanted::new(resource, state, link, vec![reason.clone()])
    });
}
