//! What a removal would hit, before it is sent.
//!
//! The kernel takes what a removal does not name for anything. RTM_DELRULE takes the
//! first rule that fits what is named (`rule_find` in net/core/fib_rules.c), so a rule of
//! somebody else's that says more and stands before ours would go in its place. And
//! RTM_DELROUTE for IPv4 takes a metric of 0 for any (`fib_nh_match` in
//! net/ipv4/fib_semantics.c), and no `src` and no attributes for any, too
//! (`fib_table_delete` in net/ipv4/fib_trie.c); so where ours is gone, one that says more
//! would go. Nothing in the requests can say 'exactly this one', so it is looked first.
//!
//! An observation is such a look, where it shows that none of netprof's routes says more
//! ([`Details`]): then there is nothing else to take, and ten thousand routes need not be
//! read once more. Between the look and the removal there is a moment left, as with
//! everything that is compared and then changed over netlink: some milliseconds behind a
//! dump of its own; behind an observation also the time in which it is planned and the
//! journal is synced. What comes in it with netprof's protocol, the same hops and a metric,
//! a `src` or an attribute more is not told apart. Nor is one that stands beside ours under
//! the same key, and before it: the kernel takes the first.

use std::collections::{BTreeSet, HashMap};

use netprof_model::route::{Protocol, Route, RouteKey, RouteSpec};
use netprof_model::rule::{Rule, RuleAction, RuleKey, RuleSpec};
use netprof_model::seeded::Seeded;
use netprof_model::shared::Shared;
use netprof_model::{Owner, Resource, State};

use super::Write;
use super::changes::Step;
use super::route::RouteFilter;

/// What a removal would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// What it is for.
    Exactly,
    /// Nothing, or something else: what it is for is not there.
    Gone,
    /// Another rule, which stands before it.
    Other(Box<RuleKey>),
}

/// Whether a removal that names all of `key` and `spec` takes `rule`, if it comes to it
/// (`rule_find`, and `fib4_rule_compare` or `fib6_rule_compare`).
///
/// Neither the inversion nor where a goto leads is compared there. What netprof keeps
/// unread counts as not compared here: a rule that differs in nothing else is rather
/// taken for one that would be hit.
#[must_use]
pub fn takes(key: &RuleKey, spec: &RuleSpec, rule: &Rule) -> bool {
    fn named<T: PartialEq>(named: Option<&T>, there: Option<&T>) -> bool {
        named.is_none() || named == there
    }
    let there = &rule.key;
    let action = match (key.action, there.action) {
        // Table 0 is the one that the link's own VRF says.
        (RuleAction::Lookup(0), RuleAction::Lookup(_))
        | (RuleAction::Goto(_), RuleAction::Goto(_)) => true,
        (one, other) => one == other,
    };
    let (mark, mask) = key.fwmark.unwrap_or_default();
    let (its_mark, its_mask) = there.fwmark.unwrap_or_default();
    let long = |net: &&ipnet::IpNet| net.prefix_len() > 0;
    action
        && key.family == there.family
        && key.priority == there.priority
        && (spec.protocol.0 == 0 || spec.protocol == rule.spec.protocol)
        && named(key.from.as_ref().filter(long), there.from.as_ref())
        && named(key.to.as_ref().filter(long), there.to.as_ref())
        && named(
            key.tos.as_ref().filter(|tos| **tos != 0),
            there.tos.as_ref(),
        )
        && (mark == 0 || mark == its_mark)
        && (mask == 0 || mask == its_mask)
        && named(key.iif.as_ref(), there.iif.as_ref())
        && named(key.oif.as_ref(), there.oif.as_ref())
        && named(key.uids.as_ref(), there.uids.as_ref())
        && named(
            key.ipproto.as_ref().filter(|number| **number != 0),
            there.ipproto.as_ref(),
        )
        && named(key.sport.as_ref(), there.sport.as_ref())
        && named(key.dport.as_ref(), there.dport.as_ref())
        && named(
            key.suppress_prefixlength.as_ref(),
            there.suppress_prefixlength.as_ref(),
        )
}

/// Which of what stands must be known before `steps` are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The rules.
    pub rules: bool,
    /// These routes.
    pub routes: Option<RouteFilter>,
}

impl Asked {
    /// For `steps`: nothing, unless one removes a rule, or a route whose metric says
    /// nothing to the kernel.
    #[must_use]
    pub fn by<'a>(steps: impl IntoIterator<Item = &'a Step<'a>>) -> Self {
        let mut asked = Self::default();
        for step in steps {
            if step.write != Write::Delete {
                continue;
            }
            match (step.resource, step.state) {
                (Resource::Rule(_), _) => asked.rules = true,
                (Resource::Route(key), State::Route(spec)) if is_vague(key) => {
                    let (table, protocol) = (Some(key.table), Some(spec.protocol.0));
                    asked.routes = Some(match asked.routes {
                        None => RouteFilter { table, protocol },
                        Some(wider) => RouteFilter {
                            table: wider.table.filter(|one| Some(*one) == table),
                            protocol: wider.protocol.filter(|one| Some(*one) == protocol),
                        },
                    });
                }
                _ => {}
            }
        }
        asked
    }
}

/// Whether a removal by this key may take a route with another.
fn is_vague(key: &RouteKey) -> bool {
    key.dst.addr().is_ipv4() && key.metric == 0
}

/// In which tables routes of netprof's said more than a removal has to name when they were
/// read last: a metric, a source or an attribute. Only IPv4 has such removals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The tables that were read; none for all.
    read: Option<BTreeSet<u32>>,
    found: BTreeSet<u32>,
}

impl Details {
    /// Nothing was read.
    #[must_use]
    pub fn unread() -> Self {
        Self::of(&[], Some(BTreeSet::new()))
    }

    /// What `routes` show: all of netprof's in the tables `read`.
    #[must_use]
    pub fn of(routes: &[Route], read: Option<BTreeSet<u32>>) -> Self {
        let says_more = |Route { key, spec, .. }: &&Route| {
            spec.protocol == Protocol::NETPROF
                && key.dst.addr().is_ipv4()
                && (key.metric > 0 || spec.prefsrc.is_some() || !spec.opaque.is_empty())
        };
        let found = routes.iter().filter(says_more);
        Self {
            read,
            found: found.map(|route| route.key.table).collect(),
        }
    }

    /// Whether none of the routes that `filter` lets through did.
    #[must_use]
    pub fn are_absent(&self, filter: RouteFilter) -> bool {
        let absent = |table: u32| {
            let read = self.read.as_ref();
            read.is_none_or(|read| read.contains(&table)) && !self.found.contains(&table)
        };
        filter.protocol == Some(Protocol::NETPROF.0) && filter.table.is_some_and(absent)
    }
}

type ByKey = HashMap<RouteKey, Vec<Shared<RouteSpec>>, Seeded>;

/// The rules and routes that stand, as far as they were asked for; kept up with what is
/// on its way to the kernel.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    rules: Option<Vec<Rule>>,
    routes: Option<ByKey>,
}

impl Standing {
    /// What a dump shows: rules in the order in which they are asked.
    #[must_use]
    pub fn new(rules: Option<Vec<Rule>>, routes: Option<Vec<Route>>) -> Self {
        Self {
            rules,
            routes: routes.map(|routes| {
                let mut by_key = ByKey::default();
                for route in routes.into_iter().filter(|route| is_vague(&route.key)) {
                    by_key.entry(route.key).or_default().push(route.spec);
                }
                by_key
            }),
        }
    }

    /// Takes note of a step that is about to be sent, and says what it hits.
    pub fn note(&mut self, step: &Step<'_>) -> Hit {
        match (step.resource, step.state, step.write) {
            (Resource::Rule(key), State::Rule(spec), Write::Delete) => self.remove_rule(key, spec),
            (Resource::Rule(key), State::Rule(spec), _) => {
                self.add_rule(key, spec);
                Hit::Exactly
            }
            (Resource::Route(key), State::Route(spec), Write::Delete) if is_vague(key) => {
                self.remove_route(key, spec)
            }
            (Resource::Route(key), State::Route(spec), write) if is_vague(key) => {
                if let Some(routes) = &mut self.routes {
                    let specs = routes.entry(key.clone()).or_default();
                    if write != Write::Add {
                        specs.clear();
                    }
                    specs.push(spec.clone());
                }
                Hit::Exactly
            }
            _ => Hit::Exactly,
        }
    }

    /// A rule goes behind all of its priority (`fib_nl_newrule`), and no other matters.
    fn add_rule(&mut self, key: &RuleKey, spec: &RuleSpec) {
        if let Some(rules) = &mut self.rules {
            rules.push(Rule {
                key: key.clone(),
                spec: spec.clone(),
                owner: Owner::Unknown,
            });
        }
    }

    fn remove_rule(&mut self, key: &RuleKey, spec: &RuleSpec) -> Hit {
        let Some(rules) = &mut self.rules else {
            return Hit::Exactly;
        };
        let is_it = |rule: &Rule| rule.key == *key && rule.spec == *spec;
        let Some(ours) = rules.iter().position(is_it) else {
            return Hit::Gone;
        };
        match rules.iter().find(|rule| takes(key, spec, rule)) {
            Some(first) if !is_it(first) => Hit::Other(Box::new(first.key.clone())),
            _ => {
                rules.remove(ours);
                Hit::Exactly
            }
        }
    }

    fn remove_route(&mut self, key: &RouteKey, spec: &Shared<RouteSpec>) -> Hit {
        let Some(routes) = &mut self.routes else {
            return Hit::Exactly;
        };
        let specs = routes.get_mut(key);
        let found = specs.and_then(|specs| {
            let at = specs.iter().position(|one| one == spec)?;
            Some(specs.swap_remove(at))
        });
        match found {
            Some(_) => Hit::Exactly,
            None => Hit::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use netprof_model::route::{OpaqueAttribute, Protocol};
    use netprof_model::rule::Family;

    use super::*;

    const SPEC: RuleSpec = RuleSpec {
        protocol: Protocol::NETPROF,
    };

    fn kept() -> RuleKey {
        RuleKey {
            to: Some("192.168.77.0/24".parse().unwrap()),
            suppress_prefixlength: Some(23),
            ..RuleKey::new(Family::V4, 110, RuleAction::Lookup(254))
        }
    }

    fn standing(key: RuleKey) -> Rule {
        Rule {
            key,
            spec: SPEC,
            owner: Owner::Unknown,
        }
    }

    fn removal(standing: &mut Standing, key: &RuleKey) -> Hit {
        let resource = Resource::Rule(Box::new(key.clone()));
        standing.note(&Step {
            resource: &resource,
            write: Write::Delete,
            state: &State::Rule(SPEC),
        })
    }

    #[test]
    fn a_rule_that_says_more_is_taken_in_place_of_one_that_says_less() {
        let more = [
            RuleKey {
                iif: Some("corp0".into()),
                ..kept()
            },
            RuleKey {
                fwmark: Some((1, u32::MAX)),
                ..kept()
            },
            RuleKey {
                from: Some("10.0.0.0/8".parse().unwrap()),
                ..kept()
            },
            RuleKey {
                not: true,
                ..kept()
            },
            RuleKey {
                tos: Some(8),
                uids: Some((1000, 1000)),
                ipproto: Some(6),
                dport: Some((22, 22)),
                ..kept()
            },
        ];
        for more in more {
            assert!(takes(&kept(), &SPEC, &standing(more.clone())), "{more:?}");
            let mut before =
                Standing::new(Some(vec![standing(more.clone()), standing(kept())]), None);
            assert_eq!(
                removal(&mut before, &kept()),
                Hit::Other(Box::new(more.clone()))
            );
            let mut behind = Standing::new(Some(vec![standing(kept()), standing(more)]), None);
            assert_eq!(removal(&mut behind, &kept()), Hit::Exactly);
            // Ours is gone now, and theirs would be hit.
            assert_eq!(removal(&mut behind, &kept()), Hit::Gone);
        }
    }

    #[test]
    fn a_rule_that_says_something_else_is_not_taken() {
        let other =
            |key: RuleKey| assert!(!takes(&kept(), &SPEC, &standing(key.clone())), "{key:?}");
        other(RuleKey {
            priority: 111,
            ..kept()
        });
        other(RuleKey {
            action: RuleAction::Lookup(52),
            ..kept()
        });
        other(RuleKey {
            action: RuleAction::Unreachable,
            ..kept()
        });
        other(RuleKey {
            to: Some("192.168.0.0/16".parse().unwrap()),
            ..kept()
        });
        other(RuleKey {
            suppress_prefixlength: None,
            ..kept()
        });
        other(RuleKey {
            family: Family::V6,
            to: None,
            ..kept()
        });
        let mut foreign = standing(kept());
        foreign.spec.protocol = Protocol(4);
        assert!(!takes(&kept(), &SPEC, &foreign));
    }

    #[test]
    fn what_is_on_its_way_counts_as_done() {
        let more = RuleKey {
            iif: Some("corp0".into()),
            ..kept()
        };
        let rules = vec![standing(more.clone()), standing(kept())];
        let mut standing = Standing::new(Some(rules), None);
        assert_eq!(removal(&mut standing, &more), Hit::Exactly);
        assert_eq!(removal(&mut standing, &kept()), Hit::Exactly);
        standing.add_rule(&kept(), &SPEC);
        assert_eq!(removal(&mut standing, &kept()), Hit::Exactly);
    }

    fn key(metric: u32) -> RouteKey {
        RouteKey {
            dst: "10.0.0.0/8".parse().unwrap(),
            table: 254,
            metric,
            tos: 0,
            ifscope: None,
        }
    }

    #[test]
    fn that_ours_say_no_more_shows_only_of_tables_that_were_read() {
        let route = |table, metric, protocol| {
            let spec = RouteSpec {
                protocol,
                ..RouteSpec::default()
            };
            Route {
                key: RouteKey {
                    table,
                    ..key(metric)
                },
                spec: spec.into(),
                live: Default::default(),
                owner: Owner::Unknown,
            }
        };
        let routes = [
            route(254, 0, Protocol::NETPROF),
            route(254, 50, Protocol::STATIC),
            route(7, 0, Protocol::NETPROF),
            route(7, 50, Protocol::NETPROF),
        ];
        let of = |table| RouteFilter {
            table: Some(table),
            protocol: Some(Protocol::NETPROF.0),
        };
        let details = Details::of(&routes, Some(BTreeSet::from([7, 8, 254])));
        assert!(details.are_absent(of(254)) && details.are_absent(of(8)));
        assert!(!details.are_absent(of(7)));
        assert!(!details.are_absent(of(9)), "it was not read");
        assert!(!details.are_absent(RouteFilter::of_table(254)), "others'");
        assert!(
            !details.are_absent(RouteFilter::default()),
            "of every table"
        );
        assert!(!Details::unread().are_absent(of(254)));
        let all = Details::of(&routes, None);
        assert!(all.are_absent(of(9)) && !all.are_absent(of(7)));
        let [mut source, mut attribute] = [(); 2].map(|()| route(254, 0, Protocol::NETPROF));
        let spec = RouteSpec::clone(&source.spec);
        source.spec = RouteSpec {
            prefsrc: Some([10, 1, 0, 1].into()),
            ..spec.clone()
        }
        .into();
        attribute.spec = RouteSpec {
            opaque: vec![OpaqueAttribute {
                kind: 8,
                value: String::new(),
            }],
            ..spec
        }
        .into();
        for one in [source, attribute] {
            assert!(!Details::of(&[one], None).are_absent(of(254)));
        }
    }

    #[test]
    fn a_route_without_a_metric_is_removed_only_if_it_is_there() {
        let state = State::Route(RouteSpec::default().into());
        let resource = Resource::Route(key(0));
        let step = Step {
            resource: &resource,
            write: Write::Delete,
            state: &state,
        };
        assert_eq!(
            Asked::by([&step]).routes,
            Some(RouteFilter {
                table: Some(254),
                protocol: Some(RouteSpec::default().protocol.0)
            })
        );
        let route = |metric| Route {
            key: key(metric),
            spec: RouteSpec::default().into(),
            live: Default::default(),
            owner: Owner::Unknown,
        };
        let mut other = Standing::new(None, Some(vec![route(50)]));
        assert_eq!(other.note(&step), Hit::Gone);
        let mut both = Standing::new(None, Some(vec![route(0), route(50)]));
        assert_eq!(both.note(&step), Hit::Exactly);
        assert_eq!(both.note(&step), Hit::Gone);
        let named = Resource::Route(key(50));
        let named = Step {
            resource: &named,
            ..step
        };
        assert_eq!(Asked::by([&named]), Asked::default());
        assert_eq!(both.note(&named), Hit::Exactly);
    }
}
