//! Which service is primary (configd, `Plugins/IPMonitor/ip_plugin.c`: elect_ip,
//! ElectionResultsGetPrimary, ElectionResultsCandidateNeedsDemotion).

use std::collections::BTreeMap;

use super::service::{Assertion, Ip, Service};
use super::{Elected, Ground, Primary};

/// The result of an election in both families.
pub(super) struct Election<'a> {
    services: &'a [Service<'a>],
    v4: Option<usize>,
    v6: Option<usize>,
    /// The service whose DNS is the default.
    pub(super) dns: Option<usize>,
    /// The links that are there, and whether one of their services is left out of what
    /// programs use that name no link.
    left_out: BTreeMap<&'a str, bool>,
    /// The order of services that the user set.
    pub(super) order: Vec<&'a str>,
}

/// How well a service stands: lower ones are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    assertion: Assertion,
    /// The place in the user's order, from 1.
    place: u32,
}

/// The place of a service that nobody put anywhere.
const NOWHERE: u32 = 0xff_ffff;

struct Candidate<'a> {
    service: usize,
    ip: &'a Ip<'a>,
    rank: Rank,
    /// Whether it may be primary without regard to the other family.
    is_independent: bool,
}

impl<'a> Election<'a> {
    pub(super) fn hold(ground: &Ground<'a>, services: &'a [Service<'a>]) -> Self {
        let (order, ppp) = ground.order();
        let candidates = |v6| candidates(services, &order, ppp, v6);
        let [four, six] = [candidates(false), candidates(true)];
        let mut left_out = BTreeMap::new();
        // The first of the other family as it stands, then the one that was elected.
        let v4 = elect(&four, six.first(), &mut left_out);
        let v6 = elect(&six, v4, &mut left_out);
        let rank = |elected: Option<&Candidate>| {
            let one = elected?;
            Some(match services[one.service].dns {
                Some(_) => one.rank,
                None => Rank {
                    assertion: Assertion::Default,
                    place: NOWHERE,
                },
            })
        };
        let dns = match (rank(v4), rank(v6)) {
            (Some(four), Some(six)) if six < four => v6,
            (Some(_), _) => v4,
            (None, _) => v6,
        };
        let service = |elected: Option<&Candidate>| elected.map(|one| one.service);
        Self {
            services,
            dns: service(dns),
            v4: service(v4),
            v6: service(v6),
            left_out,
            order,
        }
    }

    /// Whether only programs that name its link use this service
    /// (service_is_scoped_only).
    pub(super) fn is_scoped_only(&self, service: &Service) -> bool {
        let ip = service.ipv4.as_ref().or(service.ipv6.as_ref());
        ip.and_then(|ip| self.left_out.get(ip.link))
            .is_some_and(|left_out| *left_out)
    }

    pub(super) fn primary(&self) -> Primary {
        let elected = |service: Option<usize>, v6: bool| {
            let service = &self.services[service?];
            let ip = if v6 { &service.ipv6 } else { &service.ipv4 };
            let ip = ip.as_ref()?;
            Some(Elected {
                service: service.id.to_owned(),
                link: ip.link.to_owned(),
                router: ip.router,
            })
        };
        Primary {
            ipv4: elected(self.v4, false),
            ipv6: elected(self.v6, true),
            dns: self.dns.map(|dns| self.services[dns].id.to_owned()),
        }
    }
}

/// The services that have an address, the best one first.
fn candidates<'a>(
    services: &'a [Service<'a>],
    order: &[&str],
    ppp: bool,
    v6: bool,
) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate> = services
        .iter()
        .enumerate()
        .filter_map(|(at, service)| {
            let families = [&service.ipv4, &service.ipv6];
            let ip = families[usize::from(v6)].as_ref()?;
            let other = families[usize::from(!v6)].as_ref();
            if ip.link == "lo0" {
                return None;
            }
            let count = u32::try_from(order.len()).unwrap_or(NOWHERE);
            let place = service.index.map_or_else(
                || {
                    let place = order.iter().position(|id| *id == service.id);
                    place.and_then(|place| u32::try_from(place + 1).ok())
                },
                |index| Some(index.saturating_add(count)),
            );
            let overridden = ppp && ip.link.starts_with("ppp");
            let is_tunnel = ["stf", "gif"].iter().any(|kind| ip.link.starts_with(kind));
            Some(Candidate {
                service: at,
                ip,
                rank: Rank {
                    assertion: if overridden {
                        Assertion::First
                    } else {
                        ip.assertion
                    },
                    place: place.unwrap_or(NOWHERE).min(NOWHERE),
                },
                // Families that say different things of their rank are elected each for
                // itself, unless the service wants them coupled.
                is_independent: is_tunnel
                    || (!service.is_coupled
                        && other.is_some_and(|other| {
                            other.has_default && other.assertion != ip.assertion
                        })),
            })
        })
        .collect();
    all.sort_by_key(|candidate| candidate.rank);
    all
}

/// The best of `candidates` that may be primary beside `other`, the best of the other
/// family. Writes down which links are left out of the general list.
fn elect<'a, 'b>(
    candidates: &'b [Candidate<'a>],
    other: Option<&Candidate<'a>>,
    left_out: &mut BTreeMap<&'a str, bool>,
) -> Option<&'b Candidate<'a>> {
    let mut primary: Option<&Candidate> = None;
    let mut is_null = false;
    let mut demoted = Vec::new();
    let mut seen = Vec::new();
    for one in candidates {
        let may_be = one.ip.has_default && one.rank.assertion != Assertion::Never;
        let mut is_primary = false;
        if may_be && primary.is_none() {
            if needs_demotion(one, other) {
                demoted.push(one.ip.link);
                continue;
            }
            primary = Some(one);
            is_primary = true;
        }
        if one.ip.is_null {
            is_null |= is_primary;
        } else if one.ip.has_default && !seen.contains(&one.ip.link) {
            // Of two services on a link the better one counts.
            seen.push(one.ip.link);
            *left_out.entry(one.ip.link).or_default() |=
                is_null || one.rank.assertion == Assertion::Never;
        }
    }
    for link in demoted {
        if !seen.contains(&link) {
            left_out.insert(link, true);
        }
    }
    primary.filter(|_| !is_null)
}

/// Whether `one` may not be primary, because `other`, the best of the other family, is
/// on another link and better: what belongs to one network is not to be mixed with what
/// belongs to another. configd couples the families of every service that is not
/// independent, unless a setting of its own says otherwise, which is in no store.
fn needs_demotion(one: &Candidate, other: Option<&Candidate>) -> bool {
    let Some(other) = other else {
        return false;
    };
    other.ip.has_default
        && other.rank.assertion != Assertion::Never
        && !one.is_independent
        && !other.is_independent
        && one.ip.index != other.ip.index
        && one.rank > other.rank
}
