//! `keep-lan`: the networks of the LAN stay reachable, whatever a VPN claims.
//!
//! Per prefix there is one rule before everybody else's, `to PREFIX lookup main
//! suppress_prefixlength LEN-1`: it finds the kernel's own connected route and nothing
//! shorter, so that it beats any table and rule of a VPN client, and lapses by itself
//! when the machine moves to another network and the connected route goes.
//!
//! That form asks main, so it cannot help where the VPN has put a route *into main*
//! that ties with or beats the LAN's: half of the prefix, or all of it with a better
//! metric. Only there the connected route is copied into netprof's own table and the
//! rule leads to the copy. A copy does not lapse; see [`super::stale`].

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::{Also, KeepLan, RouteTarget, Servers};
use netprof_model::resource::Lasts;
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteKind, RouteSpec};
use netprof_model::rule::{Family, RuleAction, RuleKey, RuleSpec};
use netprof_model::{Diagnostic, Resource, State};

use super::claim::Claim;
use super::priority::Priorities;
use super::{Ground, MAIN, TABLE, own_route};
use crate::draft::{Draft, Wanted};
use crate::links::{self, Meant};

mod filters;
mod prefixes;

use prefixes::Lan;

/// Wants the LAN to stay reachable, if the profile does.
pub(super) fn desire(ground: &Ground, priorities: &mut Priorities, draft: &mut Draft) {
    let Some(node) = &ground.profile.routes.keep_lan else {
        return;
    };
    let reason = Reason::line(&node.at, "keep-lan");
    let kept = kept_links(ground, node, &reason, draft);
    if kept.is_empty() {
        return;
    }
    let keeper = Keeper {
        ground,
        priorities,
        node,
        kept: &kept,
    };
    for lan in prefixes::of(ground, node, &kept, &reason, draft) {
        keeper.keep(&lan, &reason, draft);
    }
    for also in &node.also {
        let reason = Reason::line(&also.at, "keep-lan also");
        keeper.also(also, &reason, draft);
    }
}

/// The links whose networks are kept.
fn kept_links<'a>(
    ground: &Ground<'a>,
    node: &KeepLan,
    reason: &Reason,
    draft: &mut Draft,
) -> Vec<&'a Link> {
    let all = ground.base.links.items();
    if node.links.is_empty() {
        let physical: Vec<&Link> = all
            .iter()
            .filter(|link| link.up && prefixes::is_physical(link, all))
            .collect();
        if physical.is_empty() {
            draft.row(
                Standing::Waiting,
                "keep-lan",
                "waits for a physical link that is up",
                reason,
            );
        }
        return physical;
    }
    let mut kept = Vec::new();
    for name in &node.links {
        match ground
            .links
            .or_row(name, &format!("keep-lan {}", name.value), reason)
        {
            Ok(links) => kept.extend(links),
            Err(row) => draft.rows.push(*row),
        }
    }
    kept
}

/// What is needed to keep one prefix after another.
struct Keeper<'a, 'b> {
    ground: &'b Ground<'a>,
    priorities: &'b Priorities,
    node: &'b KeepLan,
    kept: &'b [&'a Link],
}

impl<'a> Keeper<'a, '_> {
    /// Keeps a network that a kept link is in.
    fn keep(&self, lan: &Lan<'a>, reason: &Reason, draft: &mut Draft) {
        let prefix = lan.prefix;
        let subject = format!("keep-lan {prefix}");
        if !self.may_keep(prefix, &lan.link.name, &subject, reason, draft) {
            return;
        }
        let connected = self
            .ground
            .fib
            .exact(MAIN, &prefix)
            .iter()
            .find(|route| self.is_kept(route) && route.gateway().is_none());
        let metric = connected.map(|route| route.key.metric);
        let rivals = self.rivals(prefix, metric);
        let copy = own_route(
            prefix,
            RouteKind::Unicast,
            Some(Hop::through(&lan.link.name, None)),
            Some(lan.address),
        );
        let form = match (connected, rivals.as_slice()) {
            (Some(_), []) => Form::Rule,
            _ => Form::Table(copy),
        };
        self.want(prefix, lan.link, &form, &rivals, reason, draft);
        for to in self.probes(prefix, lan.link, &rivals) {
            draft.claims.push(Claim {
                subject: subject.clone(),
                to,
                dev: Some(lan.link.name.clone()),
                via: None,
                reason: reason.clone(),
                at: self.node.at.clone(),
            });
        }
        filters::check(self.ground.base, lan, self.node, reason, draft);
    }

    /// Keeps a prefix behind a gateway on a kept link.
    fn also(&self, also: &Also, reason: &Reason, draft: &mut Draft) {
        let prefix = also.prefix;
        let subject = format!("keep-lan also {prefix}");
        let way = match self.way(also) {
            Ok(way) => way,
            Err(error) => return draft.refuse(subject, reason, error, &also.at),
        };
        if !self.may_keep(prefix, &way.link.name, &subject, reason, draft) {
            return;
        }
        // What will be in main: the live route, or the one that is added.
        let metric = way.live.map_or_else(
            || super::metric_or_default(&prefix, None),
            |live| live.key.metric,
        );
        let rivals = self.rivals(prefix, Some(metric));
        let spec = own_route(
            prefix,
            RouteKind::Unicast,
            Some(Hop::through(&way.link.name, Some(way.via))),
            self.source(way.link, way.via),
        );
        let form = if !rivals.is_empty() || way.is_overridden {
            Form::Table(spec)
        } else {
            if way.live.is_none() {
                self.want_route(prefix, MAIN, spec, way.link, reason, draft);
            }
            Form::Rule
        };
        self.want(prefix, way.link, &form, &rivals, reason, draft);
        for to in self.probes(prefix, way.link, &rivals) {
            draft.claims.push(Claim {
                subject: subject.clone(),
                to,
                dev: Some(way.link.name.clone()),
                via: Some(way.via),
                reason: reason.clone(),
                at: also.at.clone(),
            });
        }
    }

    /// The rule for `prefix`, and the table that it leads to.
    fn want(
        &self,
        prefix: IpNet,
        link: &Link,
        form: &Form,
        rivals: &[&Route],
        reason: &Reason,
        draft: &mut Draft,
    ) {
        let family = Family::of(&prefix);
        let Some(priority) = self.priorities.keep_lan(family) else {
            let error = Diagnostic::error(
                "plan::no-priority",
                format!("no rule priority from 110 to 118 is free for IPv{family}"),
            )
            .help("see who takes them: ip rule show");
            return draft.refuse(format!("keep-lan {prefix}"), reason, error, &self.node.at);
        };
        let mut rule = RuleKey::new(family, priority, RuleAction::Lookup(MAIN));
        rule.to = Some(prefix);
        let mut reasons = vec![reason.clone()];
        match form {
            Form::Rule => {
                rule.suppress_prefixlength = Some(u32::from(prefix.prefix_len()) - 1);
            }
            Form::Table(spec) => {
                rule.action = RuleAction::Lookup(TABLE);
                self.want_route(prefix, TABLE, spec.clone(), link, reason, draft);
                // Longer prefixes within it that are no rivals keep their own way.
                for inner in self.ground.fib.within(MAIN, prefix) {
                    if inner.key.dst != prefix && self.is_at_home(inner) {
                        let copy = RouteSpec {
                            protocol: Protocol::NETPROF,
                            ..inner.spec.clone()
                        };
                        self.want_route(inner.key.dst, TABLE, copy, link, reason, draft);
                    }
                }
                if let Some(rival) = rivals.first() {
                    reasons.push(Reason::plain(format!(
                        "in a table of its own, since {} has {} through {} in main",
                        rival.owner.who(),
                        rival.key.dst,
                        rival.devices().next().unwrap_or("no link"),
                    )));
                }
            }
        }
        draft.want(Wanted {
            resource: Resource::Rule(rule),
            state: State::Rule(RuleSpec {
                protocol: Protocol::NETPROF,
            }),
            lasts: Lasts::Boot,
            link: None,
            manager: None,
            replace: false,
            reasons,
        });
    }

    fn want_route(
        &self,
        prefix: IpNet,
        table: u32,
        spec: RouteSpec,
        link: &Link,
        reason: &Reason,
        draft: &mut Draft,
    ) {
        let key = RouteKey {
            dst: prefix,
            table,
            metric: super::metric_or_default(&prefix, None),
            tos: 0,
        };
        let resource = Resource::Route(key);
        // Two links in the same network have the same copy: the first one's.
        if draft.wants(&resource).is_some() {
            return;
        }
        draft.want(Wanted {
            resource,
            state: State::Route(spec),
            lasts: Lasts::Link,
            link: Some(link.id()),
            manager: None,
            replace: false,
            reasons: vec![reason.clone()],
        });
    }

    /// Whether nothing else in the profile contradicts keeping `prefix` on `dev`.
    fn may_keep(
        &self,
        prefix: IpNet,
        dev: &str,
        subject: &str,
        reason: &Reason,
        draft: &mut Draft,
    ) -> bool {
        let before = draft.diagnostics.len();
        for scope in &self.ground.profile.scopes {
            let Servers::Listed(servers) = &scope.servers else {
                continue;
            };
            let Some(link) = &scope.link else { continue };
            if self.is_only(&link.value, dev) {
                continue;
            }
            for server in servers
                .iter()
                .filter(|one| prefix.contains(&one.value.address))
            {
                let error = Diagnostic::error(
                    "plan::kept-server",
                    format!(
                        "{subject} on {dev} would cut off {}, a server of scope {} on link {}",
                        server.value, scope.name, link.value
                    ),
                )
                .label("this server lies in a kept network")
                .help("the two networks overlap: one of them must be renumbered, or left out of `keep-lan`");
                draft.refuse(subject, reason, error, &server.at);
            }
        }
        for route in &self.ground.profile.routes.routes {
            let elsewhere = match &route.target {
                RouteTarget::Unreachable => true,
                RouteTarget::Through { link: None, .. } => false,
                RouteTarget::Through {
                    link: Some(link), ..
                } => !self.is_only(&link.value, dev),
            };
            if elsewhere && prefix.contains(&route.prefix) {
                let error = Diagnostic::error(
                    "plan::kept-route",
                    format!("{subject} on {dev} and `route {}` contradict each other", route.prefix),
                )
                .label("this lies in a kept network")
                .help("make the route wider than the LAN (the kept prefix then wins inside it), or leave the LAN out");
                draft.refuse(subject, reason, error, &route.at);
            }
        }
        draft.diagnostics.len() == before
    }

    /// Whether `name` means `dev` and no other link.
    fn is_only(&self, name: &netprof_model::Name, dev: &str) -> bool {
        match self.ground.links.meant(name) {
            Meant::Links(links) => links.iter().all(|link| link.name == dev),
            // A link that is not there contradicts nothing.
            Meant::Waits(_) | Meant::Blocked(_) => true,
        }
    }

    /// Routes of main that would win over a kept route to `prefix` with `metric`.
    fn rivals(&self, prefix: IpNet, metric: Option<u32>) -> Vec<&'a Route> {
        self.ground
            .fib
            .within(MAIN, prefix)
            .filter(|route| !self.is_at_home(route) && !route.live.dead)
            .filter(|route| {
                route.key.dst != prefix || metric.is_none_or(|metric| route.key.metric <= metric)
            })
            .collect()
    }

    /// Whether a route leads to where a kept network may lead: through kept links, or
    /// into a container network on this host.
    fn is_at_home(&self, route: &Route) -> bool {
        let home = |dev: &str| {
            self.kept.iter().any(|link| link.name == dev)
                || self
                    .ground
                    .link(dev)
                    .is_some_and(|link| link.owner.is_engine())
        };
        let mut devices = route.devices().peekable();
        devices.peek().is_some() && devices.all(home)
    }

    fn is_kept(&self, route: &Route) -> bool {
        let mut devices = route.devices().peekable();
        devices.peek().is_some() && devices.all(|dev| self.kept.iter().any(|link| link.name == dev))
    }

    /// The address of `link` that packets to `gateway` come from.
    fn source(&self, link: &Link, gateway: IpAddr) -> Option<IpAddr> {
        let mut addresses = self.ground.base.addresses.items().iter();
        addresses
            .find(|one| one.dev == link.name && one.local.contains(&gateway) && !one.secondary)
            .map(|one| one.local.addr())
    }

    /// Addresses whose way stands for that of `prefix`: one of the network itself,
    /// and one of each rival's part of it.
    fn probes(&self, prefix: IpNet, link: &Link, rivals: &[&Route]) -> Vec<IpAddr> {
        let gateway = self
            .gateways(link, Family::of(&prefix))
            .find(|via| prefix.contains(via));
        let parts = std::iter::once(prefix).chain(rivals.iter().map(|route| route.key.dst));
        let mut probes: Vec<IpAddr> = Vec::new();
        for part in parts {
            let candidates = gateway.filter(|via| part.contains(via)).into_iter();
            // A few are enough to miss this host's own addresses and single hosts
            // that have a way of their own.
            let found = candidates
                .chain(part.hosts().take(16))
                .find(|to| !self.has_own_way(prefix, *to) && *to != part.network());
            if let Some(to) = found
                && !probes.contains(&to)
            {
                probes.push(to);
            }
        }
        probes
    }

    /// Whether `to` is this host itself, or lies in a longer prefix that is meant to
    /// win within a kept one.
    fn has_own_way(&self, prefix: IpNet, to: IpAddr) -> bool {
        let mut addresses = self.ground.base.addresses.items().iter();
        addresses.any(|one| one.local.addr() == to)
            || self.ground.fib.within(MAIN, prefix).any(|route| {
                route.key.dst != prefix && route.key.dst.contains(&to) && self.is_at_home(route)
            })
    }

    /// The gateways of the default routes through `link`.
    fn gateways(&self, link: &Link, family: Family) -> impl Iterator<Item = IpAddr> {
        let name = link.name.clone();
        self.ground
            .fib
            .exact(MAIN, &family.everything())
            .iter()
            .filter(|route| links::is_default(route))
            .flat_map(|route| &route.spec.hops)
            .filter(move |hop| hop.dev.as_ref() == Some(&name))
            .filter_map(|hop| hop.via)
    }

    /// Which way packets to `also` go.
    fn way(&self, also: &Also) -> Result<Way<'a>, Diagnostic> {
        let prefix = also.prefix;
        if prefix.prefix_len() == 0 {
            return Err(Diagnostic::error(
                "plan::everything-kept",
                "`also` cannot keep every address",
            )
            .help("name the networks behind the LAN's gateway"));
        }
        let live = self
            .ground
            .fib
            .exact(MAIN, &prefix)
            .iter()
            .copied()
            .find(|route| self.is_kept(route) && route.gateway().is_some());
        let live_link = live
            .and_then(|route| route.devices().next())
            .and_then(|dev| self.kept.iter().copied().find(|link| link.name == dev));
        let subnet_of = |via: IpAddr| {
            let holds = |link: &&Link| self.source(link, via).is_some();
            self.kept.iter().copied().find(holds)
        };
        if let Some(via) = also.via {
            let Some(link) = subnet_of(via).or(live_link.filter(|_| is_link_local(via))) else {
                return Err(Diagnostic::error(
                    "plan::gateway-unreachable",
                    format!("no kept link is in the network of {via}"),
                )
                .label("no kept link reaches this gateway")
                .help(format!(
                    "kept links: {}",
                    links::names(self.kept.iter().copied())
                )));
            };
            let overridden = live.is_some_and(|route| route.gateway() != Some(via));
            return Ok(Way {
                link,
                via,
                live: live.filter(|_| !overridden),
                is_overridden: overridden,
            });
        }
        if let (Some(live), Some(link)) = (live, live_link)
            && let Some(via) = live.gateway()
        {
            return Ok(Way {
                link,
                via,
                live: Some(live),
                is_overridden: false,
            });
        }
        let family = Family::of(&prefix);
        let mut ways = self
            .kept
            .iter()
            .filter_map(|link| Some((*link, self.gateways(link, family).next()?)));
        match (ways.next(), ways.next()) {
            (Some((link, via)), None) => Ok(Way {
                link,
                via,
                live: None,
                is_overridden: false,
            }),
            (None, _) => Err(Diagnostic::error(
                "plan::no-gateway",
                format!("no kept link has a route to {prefix}, or a default gateway"),
            )
            .label("no way there is known")
            .help("name the gateway: `also \"PREFIX\" via=\"ADDRESS\"`")),
            (Some(_), Some(_)) => Err(Diagnostic::error(
                "plan::ambiguous-gateway",
                format!(
                    "several kept links could lead to {prefix}: {}",
                    links::names(self.kept.iter().copied())
                ),
            )
            .label("it is not said through which")
            .help("name the gateway: `also \"PREFIX\" via=\"ADDRESS\"`")),
        }
    }
}

/// The way to a prefix behind a gateway.
struct Way<'a> {
    link: &'a Link,
    via: IpAddr,
    /// The live route that is that way already.
    live: Option<&'a Route>,
    /// Whether a live route leads elsewhere, and the profile says better.
    is_overridden: bool,
}

/// How a prefix is kept.
enum Form {
    /// A rule that asks main.
    Rule,
    /// A rule that asks netprof's own table, and this route in it.
    Table(RouteSpec),
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
