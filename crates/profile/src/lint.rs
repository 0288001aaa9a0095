//! What is probably not what was meant.
//!
//! Each of these is a profile that can be carried out, and whose author would like
//! to know something about it. What a person may well mean is not listed: a check
//! that warns of sound profiles is soon not read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::Name;
use netprof_model::profile::{Profile, RouteDecl, RouteTarget, Scope, Servers};

use crate::check::uses;
use crate::code;
use crate::limit::Findings;
use crate::piece::effective_metric;

mod containers;
mod proxy;

/// Finds everything that is worth a warning, or a note.
pub(crate) fn lint(profile: &Profile, found: &mut Findings) {
    let routes = Table::of(profile);
    unused_links(profile, found);
    nested_scopes(profile, found);
    redundant_routes(profile, &routes, found);
    beaten_routes(&routes, found);
    unreachable(profile, &routes, found);
    kept_and_routed(profile, &routes, found);
    containers::lint(profile, found);
    proxy::proxy(profile, found);
}

/// The declared routes by prefix; of one prefix, the one that wins first.
struct Table<'p> {
    sorted: Vec<&'p RouteDecl>,
    /// The lengths that there are. Few are in use at a time, and each is a search.
    lengths: Vec<u8>,
}

impl<'p> Table<'p> {
    fn of(profile: &'p Profile) -> Self {
        let mut sorted: Vec<&RouteDecl> = profile.routes.routes.iter().collect();
        sorted.sort_by_key(|route| (route.prefix, effective_metric(route.prefix, route.metric)));
        let lengths = sorted.iter().map(|route| route.prefix.prefix_len());
        let mut lengths: Vec<u8> = lengths.collect();
        lengths.sort_unstable();
        lengths.dedup();
        Self { lengths, sorted }
    }

    /// The best route to exactly `net`.
    fn exact(&self, net: IpNet) -> Option<&'p RouteDecl> {
        let at = self.sorted.partition_point(|route| route.prefix < net);
        let found = self.sorted.get(at).copied();
        found.filter(|route| route.prefix == net)
    }

    /// The route of the longest prefix that holds `net`, from the length `longest`
    /// down.
    fn over(&self, net: IpNet, longest: u8) -> Option<&'p RouteDecl> {
        let lengths = self.lengths.iter().rev();
        lengths
            .skip_while(|length| **length > longest)
            .filter_map(|length| IpNet::new(net.addr(), *length).ok())
            .find_map(|wider| self.exact(wider.trunc()))
    }

    /// The route that packets to `address` take.
    fn to(&self, address: IpAddr) -> Option<&'p RouteDecl> {
        let alone = IpNet::from(address);
        self.over(alone, alone.prefix_len())
    }

    /// The routes to prefixes that lie in `net`.
    fn within(&self, net: IpNet) -> impl Iterator<Item = &'p RouteDecl> {
        let start = self.sorted.partition_point(|route| route.prefix < net);
        // Prefixes are sorted by address: what lies in a prefix follows it.
        let all = self.sorted[start..].chunk_by(same_prefix);
        all.filter_map(|routes| routes.first().copied())
            .take_while(move |route| net.contains(&route.prefix))
    }
}

fn same_prefix(one: &&RouteDecl, other: &&RouteDecl) -> bool {
    one.prefix == other.prefix
}

fn unused_links(profile: &Profile, found: &mut Findings) {
    let used: BTreeSet<&Name> = uses(profile).map(|used| &used.value).collect();
    for link in &profile.links {
        if !used.contains(&link.name) {
            found.warning(code::UNUSED_LINK, &link.at, "", || {
                Diagnostic::warning(
                    code::UNUSED_LINK,
                    format!("nothing uses the link `{}`", link.name),
                )
                .at(link.at.clone())
                .label("not used")
                .help("remove it, or name it where it is meant: link=\"...\"")
            });
        }
    }
}

fn nested_scopes(profile: &Profile, found: &mut Findings) {
    let owners: BTreeMap<&str, &Scope> = profile
        .scopes
        .iter()
        .flat_map(|scope| {
            scope
                .domains
                .iter()
                .map(move |domain| (domain.value.as_str(), scope))
        })
        .collect();
    for scope in &profile.scopes {
        for domain in &scope.domains {
            let mut rest = domain.value.as_str();
            while let Some((_, parent)) = rest.split_once('.') {
                rest = parent;
                let Some(outer) = owners.get(parent) else {
                    continue;
                };
                if outer.name != scope.name {
                    found.warning(code::NESTED_SCOPES, &domain.at, outer.name.as_str(), || {
                        Diagnostic::note(
                            code::NESTED_SCOPES,
                            format!(
                                "`{}` of scope \"{}\" lies under `{parent}` of scope \"{}\"",
                                domain.value, scope.name, outer.name
                            ),
                        )
                        .at(domain.at.clone())
                        .label(format!("goes to \"{}\"", scope.name))
                        .help(format!(
                            "the longer domain wins: other names under `{parent}` go to \"{}\"",
                            outer.name
                        ))
                    });
                }
                break;
            }
        }
    }
}

/// Whether packets leave in the same way by both routes.
fn same_way(one: &RouteDecl, other: &RouteDecl) -> bool {
    let ways = match (&one.target, &other.target) {
        (RouteTarget::Unreachable, RouteTarget::Unreachable) => true,
        (
            RouteTarget::Through { via, link },
            RouteTarget::Through {
                via: other_via,
                link: other_link,
            },
        ) => {
            let names = |link: &Option<netprof_model::profile::Spanned<Name>>| {
                link.as_ref().map(|link| link.value.clone())
            };
            via == other_via && names(link) == names(other_link)
        }
        _ => false,
    };
    ways && one.src == other.src
}

fn redundant_routes(profile: &Profile, table: &Table<'_>, found: &mut Findings) {
    for route in &profile.routes.routes {
        // With `replace` a route is there to take another's place, whatever it says.
        let Some(shorter) = route.prefix.prefix_len().checked_sub(1) else {
            continue;
        };
        if route.replace {
            continue;
        }
        // A default route is outranked by anything that the system has: what goes
        // the same way is then written in order to win.
        let wider = table.over(route.prefix, shorter);
        let Some(wider) = wider.filter(|wider| wider.prefix.prefix_len() > 1) else {
            continue;
        };
        if same_way(route, wider) {
            found.warning(code::REDUNDANT_ROUTE, &route.at, "", || {
                Diagnostic::warning(
                    code::REDUNDANT_ROUTE,
                    format!(
                        "`{}` lies in `{}`, which leads the same way",
                        route.prefix, wider.prefix
                    ),
                )
                .at(route.at.clone())
                .label(format!("{} is at {}", wider.prefix, wider.at))
                .help("remove it, unless it has to win over a route of somebody else")
            });
        }
    }
}

fn beaten_routes(table: &Table<'_>, found: &mut Findings) {
    for routes in table.sorted.chunk_by(same_prefix) {
        let Some((best, others)) = routes.split_first() else {
            continue;
        };
        for other in others {
            // A route through another link steps in when the first link is gone.
            let never = match (&best.target, &other.target) {
                (RouteTarget::Unreachable, _) => true,
                (
                    RouteTarget::Through {
                        link: Some(best), ..
                    },
                    RouteTarget::Through {
                        link: Some(other), ..
                    },
                ) => best.value == other.value,
                _ => same_way(best, other),
            };
            if never {
                found.warning(code::BEATEN_ROUTE, &other.at, "", || {
                    Diagnostic::warning(
                        code::BEATEN_ROUTE,
                        format!(
                            "`{}` has a route with a lower metric, which always wins",
                            other.prefix
                        ),
                    )
                    .at(other.at.clone())
                    .label(format!("beaten by the one at {}", best.at))
                    .help("remove it, or give it the lower metric")
                });
            }
        }
    }
}

fn unreachable(profile: &Profile, table: &Table<'_>, found: &mut Findings) {
    let refuses = |route: &&RouteDecl| route.target == RouteTarget::Unreachable;
    if !table.sorted.iter().any(refuses) {
        return;
    }
    let blocks = |address: IpAddr| table.to(address).filter(refuses);
    for scope in &profile.scopes {
        let Servers::Listed(servers) = &scope.servers else {
            continue;
        };
        for server in servers {
            let Some(route) = blocks(server.value.address) else {
                continue;
            };
            found.warning(code::UNREACHABLE_SERVER, &server.at, "", || {
                Diagnostic::warning(
                    code::UNREACHABLE_SERVER,
                    format!(
                        "the server `{}` of scope \"{}\" is made unreachable by `{}`",
                        server.value.address, scope.name, route.prefix
                    ),
                )
                .at(server.at.clone())
                .label(format!("unreachable by {}", route.at))
                .help(format!(
                    "add: route \"{}\" link=\"...\"",
                    IpNet::from(server.value.address)
                ))
            });
        }
    }
    for route in &profile.routes.routes {
        let RouteTarget::Through { via: Some(via), .. } = &route.target else {
            continue;
        };
        if let Some(block) = blocks(*via) {
            found.warning(code::UNREACHABLE_GATEWAY, &route.at, "", || {
                Diagnostic::warning(
                    code::UNREACHABLE_GATEWAY,
                    format!(
                        "the gateway `{via}` is made unreachable by `{}`",
                        block.prefix
                    ),
                )
                .at(route.at.clone())
                .label(format!("unreachable by {}", block.at))
                .help("make the unreachable prefix smaller, or use another gateway")
            });
        }
    }
}

fn kept_and_routed(profile: &Profile, table: &Table<'_>, found: &mut Findings) {
    let Some(keep) = &profile.routes.keep_lan else {
        return;
    };
    let kept: BTreeSet<&Name> = keep.links.iter().map(|kept| &kept.value).collect();
    for also in &keep.also {
        let elsewhere = table.within(also.prefix).find(|route| match &route.target {
            RouteTarget::Unreachable => true,
            RouteTarget::Through {
                link: Some(link), ..
            } =>
            // Without names it is every physical link, and nobody knows which.
            {
                !kept.is_empty() && !kept.contains(&link.value)
            }
            RouteTarget::Through { link: None, .. } => false,
        });
        if let Some(route) = elsewhere {
            found.warning(code::KEPT_AND_ROUTED, &also.at, "", || {
                Diagnostic::warning(
                    code::KEPT_AND_ROUTED,
                    format!(
                        "`{}` is kept on the LAN, and `{}` is routed elsewhere",
                        also.prefix, route.prefix
                    ),
                )
                .at(also.at.clone())
                .label(format!("routed at {}", route.at))
                .help("what is kept wins over what is routed: remove one of them")
            });
        }
    }
}
