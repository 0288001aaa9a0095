//! `keep-localhost`: this host reaches itself.
//!
//! lo0 is up and has 127.0.0.1 and ::1, and the routes to 127.0.0.0/8 and ::1 lead there.
//! A packet to a loopback address that would leave by another link is dropped
//! (`ip_output` in xnu, `bsd/netinet/ip_output.c`), so whoever takes these routes away
//! cuts the host off from itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netprof_model::link::Link;
use netprof_model::plan::{Expectation, Reason, RouteAnswer, RouteProbe, Standing};
use netprof_model::resource::AddressSpec;
use netprof_model::route::{Route, RouteKey, RouteKind};
use netprof_model::rule::Family;
use netprof_model::shared::Shared;
use netprof_model::{Diagnostic, Location, Resource, State};

use super::Ground;
use super::claim::named;
use super::outrank::{self, Unbeatable};
use super::terrain::own_route;
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
        return draft.refuse(SUBJECT, &reason, error, &node.at);
    };
    let before = (draft.wanted.len(), draft.rows.len());
    let keeper = Keeper {
        ground,
        lo,
        reason: &reason,
        at: &node.at,
    };
    let dev = lo.name.clone();
    if !lo.up {
        keeper.want(draft, Resource::LinkUp { dev }, State::LinkUp { up: true });
    }
    for family in Family::BOTH {
        keeper.keep(family, draft);
    }
    if (draft.wanted.len(), draft.rows.len()) == before {
        let detail = format!("already on {}", lo.name);
        draft.row(Standing::Unchanged, SUBJECT, detail, &reason);
    }
}

/// What keeps localhost.
struct Keeper<'a, 'b> {
    ground: &'b Ground<'a>,
    lo: &'a Link,
    reason: &'b Reason,
    at: &'b Location,
}

impl Keeper<'_, '_> {
    fn keep(&self, family: Family, draft: &mut Draft) {
        let local = match family {
            Family::V4 => IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8)),
            Family::V6 => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
        };
        let before = draft.wanted.len();
        let mut addresses = self.ground.base.addresses.items().iter();
        let has_address = addresses.any(|one| one.dev == self.lo.name && one.local == local);
        if !has_address {
            let resource = Resource::Address {
                dev: self.lo.name.clone(),
                local,
            };
            self.want(draft, resource, State::Address(AddressSpec::default()));
        }
        let taken: Vec<&Route> = self
            .ground
            .routing
            .within(local.trunc())
            .filter(|route| !self.is_here(route))
            .collect();
        let halves = match outrank::halves(&self.ground.routing, &taken) {
            Ok(halves) => halves,
            Err(unbeatable) => {
                let error = lost(unbeatable);
                return draft.refuse(SUBJECT, self.reason, error, self.at);
            }
        };
        let mut missing: Vec<IpNet> = halves.into_iter().map(|(half, _)| half).collect();
        // With an address, the kernel makes the route to it.
        if has_address && self.ground.routing.exact(&local.trunc()).is_empty() {
            missing.push(local.trunc());
        }
        for prefix in missing {
            let resource = Resource::Route(RouteKey::unscoped(prefix));
            self.want(
                draft,
                resource,
                State::Route(own_route(self.lo, None).into()),
            );
        }
        self.check(
            local.addr(),
            draft.wanted[before..].iter().any(is_no_route),
            draft,
        );
    }

    /// Whether a route leads to this host: through the loopback link, and not to drop.
    fn is_here(&self, route: &Route) -> bool {
        route.goes_through(&self.lo.name) && route.spec.kind == RouteKind::Unicast
    }

    /// Claims that packets to `to` stay here. What the kernel adds by itself to a new
    /// address, only the kernel can tell.
    fn check(&self, to: IpAddr, by_kernel: bool, draft: &mut Draft) {
        if by_kernel || !self.lo.up {
            draft.expectations.push(Expectation {
                probe: RouteProbe { to, oif: None },
                answer: Shared::from(RouteAnswer {
                    dev: Some(self.lo.name.clone()),
                    ..RouteAnswer::default()
                }),
                reason: self.reason.clone(),
            });
            return;
        }
        draft.claims.push(Claim {
            subject: Subject::Words(SUBJECT.to_owned()),
            to,
            devs: vec![self.lo.name.clone()].into(),
            via: None,
            direct: false,
            reason: self.reason.clone(),
        });
    }

    fn want(&self, draft: &mut Draft, resource: Resource, state: State) {
        draft.want(Wanted {
            // Whether lo0 is up is nobody's own; an address is there or is not.
            replace: matches!(resource, Resource::LinkUp { .. }),
            ..Wanted::new(resource, state, Some(self.lo), vec![self.reason.clone()])
        });
    }
}

fn is_no_route(wanted: &Wanted) -> bool {
    !matches!(wanted.resource, Resource::Route(_))
}

/// Why localhost cannot be kept.
fn lost(unbeatable: Unbeatable) -> Diagnostic {
    let route = match unbeatable {
        Unbeatable::Single(route) | Unbeatable::Many(_, route) => route,
    };
    let way = match route.devices().next() {
        Some(dev) if route.spec.kind == RouteKind::Unicast => format!("go through {dev}"),
        _ => "be dropped".to_owned(),
    };
    let why = match unbeatable {
        Unbeatable::Single(_) => "no route is longer than one to a single address".to_owned(),
        Unbeatable::Many(count, _) => format!(
            "{count} such routes are there, and netprof outranks at most {}",
            outrank::MOST
        ),
    };
    Diagnostic::error(
        "plan::would-lose",
        format!(
            "{SUBJECT}: packets to {} would still {way}, by {}: {why}",
            route.key.dst.addr(),
            named(route)
        ),
    )
    .label("this would not hold")
    .help(format!(
        "take that route away: sudo route -n delete {}",
        route.key.dst
    ))
}
