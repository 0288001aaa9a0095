//! Declared routes, as far as they are the same on every operating system.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::block::Block;
use netprof_model::link::Link;
use netprof_model::profile::{Profile, RouteDecl, RouteTarget};
use netprof_model::route::RouteKind;
use netprof_model::{Diagnostic, Resource, Snapshot, State};

use crate::draft::Draft;
use crate::ground::Ground;
use crate::lan::Terrain;
use crate::links::{self, Meant};
use crate::prefixes::Prefixes;
use crate::tables::Tables;

/// The declared routes in the order in which they are looked at: a gateway may be reached
/// by a route without one, so those come first, and then all others.
pub(crate) fn sorted(profile: &Profile) -> [Vec<&RouteDecl>; 2] {
    let all = profile.routes.routes.iter();
    let (behind, direct) = all.partition(|decl| has_gateway(decl));
    [direct, behind]
}

/// Whether it names a gateway.
pub(crate) fn has_gateway(decl: &RouteDecl) -> bool {
    matches!(decl.target, RouteTarget::Through { via: Some(_), .. })
}

/// The node of the profile that declares it.
pub(crate) fn node(decl: &RouteDecl) -> &'static str {
    match decl.target {
        RouteTarget::Unreachable => "unreachable",
        RouteTarget::Through { .. } => "route",
    }
}

/// The one link that a declared route leaves through, where that can be told.
pub(crate) fn way_out<'a, R>(ground: &Ground<'a, R>, decl: &RouteDecl) -> Option<&'a Link>
where
    Ground<'a, R>: Terrain<'a>,
{
    let RouteTarget::Through { via, link } = &decl.target else {
        return None;
    };
    let named = match link {
        None => None,
        Some(name) => match ground.links.meant(&name.value) {
            Meant::Links(links) => match links.as_slice() {
                [only] => Some(*only),
                _ => return None,
            },
            _ => return None,
        },
    };
    named.or_else(|| ground.neighbour((*via)?))
}

/// The one link of `links`: a route through several is not in the language.
pub(crate) fn only<'a>(
    links: &[&'a Link],
    subject: impl fmt::Display,
) -> Result<&'a Link, Diagnostic> {
    match links {
        [only] => Ok(only),
        _ => Err(Diagnostic::error(
            "plan::ambiguous-link",
            format!(
                "{subject} goes through one link, and several are meant: {}",
                links::names(links.iter().copied())
            ),
        )
        .help("narrow the match of the link")),
    }
}

/// What there is to say of a link with neighbours and a route without a gateway: every
/// address of the prefix is asked for on the wire.
pub(crate) fn takes_for_neighbours(
    decl: &RouteDecl,
    subject: impl fmt::Display,
    link: &Link,
) -> Diagnostic {
    Diagnostic::warning(
        "plan::no-gateway",
        format!(
            "{subject} names no gateway, and {} is no tunnel: every address of {} is taken to be a neighbour",
            link.name, decl.prefix
        ),
    )
    .at(decl.at.clone())
    .help("add `via=\"GATEWAY\"`")
}

/// Why a gateway is none: what is so, of it and of the link.
pub(crate) fn no_gateway(what: String) -> Diagnostic {
    Diagnostic::error("plan::gateway-unreachable", what)
        .label("this gateway is on no network of this host")
        .help("a gateway must be a neighbour: an address in the network of a link")
}

/// All that may take a part of a declared prefix by right of a longer one: the routes of
/// the machine, those of this profile, and the networks that it keeps.
pub(crate) fn claimants(profile: &Profile, base: &Snapshot) -> Prefixes {
    let tables = Tables::of(base);
    let live = base.routes.items().iter();
    let live = live
        .filter(|route| tables.has(route.key.table))
        .map(|route| route.key.dst);
    let declared = profile.routes.routes.iter().map(|route| route.prefix);
    let lan = profile.routes.keep_lan.iter().flat_map(|lan| &lan.also);
    live.chain(declared)
        .chain(lan.map(|also| also.prefix))
        .collect()
}

/// An address of `prefix` that none of `claimants` has a longer prefix for, and that is
/// not this host's own.
pub(crate) fn probe<R>(
    ground: &Ground<'_, R>,
    claimants: &Prefixes,
    prefix: IpNet,
) -> Option<IpAddr> {
    let is_longer = |other: Block| other.length() > prefix.prefix_len();
    let is_free = |to: &IpAddr| {
        !ground.is_own(*to) && !claimants.narrowest((*to).into()).is_some_and(is_longer)
    };
    spread(prefix).find(is_free)
}

/// The ways of this profile that a gateway may be reached by: its routes without one.
pub(crate) struct Ways<'a> {
    /// Each with its place in what is wanted.
    by_prefix: Prefixes<(usize, Way<'a>)>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) link: &'a Link,
    /// Of its destination's prefix.
    pub(crate) length: u8,
    pub(crate) kind: RouteKind,
}

impl<'a> Ways<'a> {
    /// Those that are wanted so far, through links that are there.
    pub(crate) fn of<R>(ground: &Ground<'a, R>, draft: &Draft) -> Self {
        let wanted = draft.wanted.iter().enumerate();
        let by_prefix = wanted
            .filter_map(|(at, wanted)| {
                let (Resource::Route(key), State::Route(spec)) = (&wanted.resource, &wanted.state)
                else {
                    return None;
                };
                let [hop] = spec.hops.as_slice() else {
                    return None;
                };
                let dev = hop.dev.as_deref().filter(|_| hop.via.is_none())?;
                let way = Way {
                    link: ground.link(dev)?,
                    length: key.dst.prefix_len(),
                    kind: spec.kind,
                };
                Some((key.dst, (at, way)))
            })
            .collect();
        Self { by_prefix }
    }

    /// Those that hold `via`, in the order in which they are wanted.
    pub(crate) fn to(&self, via: IpAddr) -> impl Iterator<Item = Way<'a>> {
        let holding = self.by_prefix.holding(via.into());
        let mut found: Vec<(usize, Way)> = holding.flat_map(|(_, ways)| ways).copied().collect();
        found.sort_unstable_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, way)| way)
    }
}

/// So many addresses of a prefix stand for it.
const TRIES: u32 = 64;

/// Some addresses of `prefix`, from all over it.
pub(crate) fn spread(prefix: IpNet) -> impl Iterator<Item = IpAddr> {
    (0..TRIES).map(move |n| nth(prefix, n))
}

/// Whether one of the addresses that stand for `prefix` lies in `part` of it. Of a prefix
/// with few addresses, every one is taken for such.
pub(crate) fn may_meet(prefix: IpNet, part: IpNet) -> bool {
    if bits(prefix) <= 6 {
        return true;
    }
    // They rise from one to the next.
    let (mut low, mut high) = (0, TRIES);
    while low < high {
        let middle = low.midpoint(high);
        if nth(prefix, middle) < part.network() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low < TRIES && part.contains(&nth(prefix, low))
}

/// How many bits of an address in `prefix` are a host's.
fn bits(prefix: IpNet) -> u32 {
    u32::from(prefix.max_prefix_len() - prefix.prefix_len())
}

/// The first few hosts of `prefix`, and then strides through the whole of it.
fn nth(prefix: IpNet, n: u32) -> IpAddr {
    let bits = bits(prefix);
    let host = if bits <= 6 || n < 8 {
        u128::from(n) + u128::from(bits > 0)
    } else {
        (u128::from(n) << (bits - 6)) + 1
    };
    let host = if bits >= 128 {
        host
    } else {
        host & ((1_u128 << bits) - 1)
    };
    match prefix.network() {
        IpAddr::V4(network) => {
            let host = u32::try_from(host).unwrap_or(0);
            IpAddr::V4((u32::from(network) | host).into())
        }
        IpAddr::V6(network) => IpAddr::V6((u128::from(network) | host).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_met_where_an_address_that_stands_for_the_whole_lies_in_it() {
        for prefix in [
            "10.0.0.0/8",
            "192.168.7.0/25",
            "0.0.0.0/1",
            "::/0",
            "fd00:98::/48",
        ] {
            let prefix: IpNet = prefix.parse().unwrap();
            let stands: Vec<IpAddr> = spread(prefix).collect();
            let mut met = 0;
            for address in &stands {
                for length in prefix.prefix_len()..=prefix.max_prefix_len() {
                    let part = IpNet::new(*address, length).unwrap().trunc();
                    // Those beside it, too.
                    let bit = 1_u128 << u32::from(prefix.max_prefix_len() - length).min(127);
                    let beside = match part.network() {
                        IpAddr::V4(net) => {
                            let bit = u32::try_from(bit).unwrap_or(0);
                            IpAddr::V4((u32::from(net) ^ bit).into())
                        }
                        IpAddr::V6(net) => IpAddr::V6((u128::from(net) ^ bit).into()),
                    };
                    for part in [part, IpNet::new(beside, length).unwrap().trunc()] {
                        if prefix.contains(&part) {
                            let expected = stands.iter().any(|one| part.contains(one));
                            assert_eq!(may_meet(prefix, part), expected, "{prefix} {part}");
                            met += usize::from(expected);
                        }
                    }
                }
            }
            assert!(met > stands.len());
        }
    }
}
