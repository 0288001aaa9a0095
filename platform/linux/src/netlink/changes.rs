//! A plan's changes as requests.
//!
//! One change is one request, or two: where the kernel cannot replace exactly, the
//! old is removed and the new is added right behind it, within the same send.

use std::collections::BTreeSet;

use netprof_engine::backend::Mode;
use netprof_model::plan::Change;
use netprof_model::{Resource, State};

use super::Write;
use super::names::LinkNames;
use super::wire::{Requests, Unwritable};
use super::{address, link, route, rule};

/// One request of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// Which resource.
    pub resource: &'a Resource,
    /// How it is written.
    pub write: Write,
    /// What is written or removed.
    pub state: &'a State,
}

/// Whether a change is made by netlink.
#[must_use]
pub fn is_netlink(change: &Change) -> bool {
    match change.resource {
        Resource::LinkUp { .. }
        | Resource::Mtu { .. }
        | Resource::Address { .. }
        | Resource::Rule(_)
        | Resource::Route(_) => true,
        Resource::DnsLink { .. }
        | Resource::DnsDelegate { .. }
        | Resource::Store { .. }
        | Resource::File { .. }
        | Resource::Proxies { .. }
        | Resource::Settings(_)
        | Resource::NftTable => false,
    }
}

/// The requests that make `change`: none, one or two.
pub fn steps(change: &Change, mode: Mode) -> impl Iterator<Item = Step<'_>> {
    let step = |write, state| {
        Some(Step {
            resource: &change.resource,
            write,
            state,
        })
    };
    let steps = match (&change.before, &change.after) {
        (None, None) => [None, None],
        // A link that is to be neither up nor down stays as it is.
        (_, None) if is_of_link(&change.resource) => [None, None],
        (_, Some(after)) if is_of_link(&change.resource) => [step(Write::Put, after), None],
        (None, Some(after)) => [step(Write::Add, after), None],
        (Some(before), None) => [step(Write::Delete, before), None],
        (Some(_), Some(after)) if replaces_exactly(&change.resource) => {
            // On the way back the old may be gone by itself, and the new must be
            // there all the same.
            let write = match mode {
                Mode::Forward => Write::Replace,
                Mode::Back => Write::Put,
            };
            [step(write, after), None]
        }
        (Some(before), Some(after)) => [step(Write::Delete, before), step(Write::Add, after)],
    };
    steps.into_iter().flatten()
}

/// Whether every link has it, so that it is set and neither added nor removed.
fn is_of_link(resource: &Resource) -> bool {
    matches!(resource, Resource::LinkUp { .. } | Resource::Mtu { .. })
}

/// Whether NLM_F_REPLACE puts the new exactly into the place of the old.
///
/// For IPv4 it does: the key picks the first of the routes that share it, the one
/// that the kernel uses and that a dump shows first (`fib_table_insert`). For IPv6
/// it depends on how many hops either side has (`fib6_add_rt2node`). Rules and
/// addresses know no replacing.
fn replaces_exactly(resource: &Resource) -> bool {
    matches!(resource, Resource::Route(key) if key.dst.addr().is_ipv4())
}

impl Step<'_> {
    /// Writes the request.
    pub fn encode(
        &self,
        requests: &mut Requests,
        sequence: u32,
        names: &LinkNames,
    ) -> Result<(), Unwritable> {
        match (self.resource, self.state) {
            (Resource::LinkUp { dev }, State::LinkUp { up }) => {
                link::set_up(requests, sequence, names.index(dev)?, *up)
            }
            (Resource::Mtu { dev }, State::Mtu { mtu }) => {
                link::set_mtu(requests, sequence, names.index(dev)?, *mtu)
            }
            (Resource::Address { dev, local }, State::Address(spec)) => address::encode(
                requests,
                sequence,
                self.write,
                names.index(dev)?,
                *local,
                spec.scope,
            ),
            (Resource::Rule(key), State::Rule(spec)) => {
                rule::encode(requests, sequence, self.write, key, spec)
            }
            (Resource::Route(key), State::Route(spec)) => {
                route::encode(requests, sequence, self.write, key, spec, names)
            }
            _ => Err(Unwritable::OtherState),
        }
    }

    /// Writes the request behind that of `last`, where that is the last one: as a rule it
    /// differs in nothing but where a route leads to.
    pub fn encode_behind(
        &self,
        last: Option<&Step<'_>>,
        requests: &mut Requests,
        sequence: u32,
        names: &LinkNames,
    ) -> Result<(), Unwritable> {
        if let Some(last) = last
            && let (Resource::Route(key), Resource::Route(other)) = (self.resource, last.resource)
            && (self.write, self.state) == (last.write, last.state)
            && route::is_alike(key, other)
            && route::again(requests, sequence, key).is_some()
        {
            return Ok(());
        }
        self.encode(requests, sequence, names)
    }

    /// The step that takes this one back, of a change with two.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let write = match self.write {
            Write::Delete => Write::Add,
            Write::Add | Write::Put | Write::Replace => Write::Delete,
        };
        Self { write, ..*self }
    }
}

/// The names of all links that `changes` speak of.
#[must_use]
pub fn devices<'a>(changes: &[&'a Change]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let mut last = None;
    let mut see = |name: &'a str| {
        // Of ten thousand changes the same.
        if last.replace(name) != Some(name) {
            names.insert(name);
        }
    };
    for change in changes {
        if let Resource::LinkUp { dev } | Resource::Mtu { dev } | Resource::Address { dev, .. } =
            &change.resource
        {
            see(dev);
        }
        if let Some(link) = &change.link {
            see(&link.name);
        }
        for side in [&change.before, &change.after] {
            if let Some(State::Route(spec)) = side {
                let devices = spec.hops.iter().filter_map(|hop| hop.dev.as_deref());
                devices.for_each(&mut see);
            }
        }
    }
    names
}

/// Refuses a change of something on a link that was made anew since: the link has the
/// old one's name, but what the change is about went with the old one. What does not
/// go with a link (a rule, a route without hops) is not held up by it.
pub fn same_link(change: &Change, names: &LinkNames) -> Result<(), Unwritable> {
    let Some(id) = &change.link else {
        return Ok(());
    };
    let goes_with_it = match &change.resource {
        Resource::LinkUp { dev } | Resource::Mtu { dev } | Resource::Address { dev, .. } => {
            *dev == id.name
        }
        Resource::Route(_) => [&change.before, &change.after].iter().any(|side| {
            matches!(side, Some(State::Route(spec))
                if spec.hops.iter().any(|hop| hop.dev.as_ref() == Some(&id.name)))
        }),
        _ => false,
    };
    if goes_with_it && names.index(&id.name)? != id.index {
        return Err(Unwritable::OtherLink(id.name.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use netprof_model::Owner;
    use netprof_model::link::LinkId;
    use netprof_model::resource::Lasts;
    use netprof_model::route::{Hop, RouteKey, RouteKind, RouteSpec};
    use netprof_model::rule::{Family, RuleAction, RuleKey, RuleSpec};

    use super::*;

    fn change(resource: Resource, before: Option<State>, after: Option<State>) -> Change {
        Change {
            id: 1,
            resource,
            before,
            after,
            original: None,
            owner: Owner::Unknown,
            lasts: Lasts::Link,
            link: Some(
                LinkId {
                    index: 7,
                    name: "tun0".to_owned(),
                }
                .into(),
            ),
            manager: None,
            reasons: Vec::new(),
        }
    }

    fn route(dst: &str) -> Resource {
        Resource::Route(RouteKey {
            dst: dst.parse().unwrap(),
            table: 254,
            metric: 5,
            tos: 0,
            ifscope: None,
        })
    }

    fn through(dev: &str) -> State {
        State::Route(
            RouteSpec {
                hops: vec![Hop::through(dev, None)],
                ..RouteSpec::default()
            }
            .into(),
        )
    }

    fn writes(change: &Change, mode: Mode) -> Vec<Write> {
        steps(change, mode).map(|step| step.write).collect()
    }

    #[test]
    fn only_ipv4_routes_are_replaced_at_once() {
        let sides = (Some(through("tun0")), Some(through("eth0")));
        let four = change(route("10.0.0.0/8"), sides.0.clone(), sides.1.clone());
        assert_eq!(writes(&four, Mode::Forward), [Write::Replace]);
        assert_eq!(writes(&four, Mode::Back), [Write::Put]);
        let six = change(route("fd00::/8"), sides.0, sides.1);
        assert_eq!(writes(&six, Mode::Forward), [Write::Delete, Write::Add]);
        assert_eq!(writes(&six, Mode::Back), [Write::Delete, Write::Add]);
        let key = RuleKey::new(Family::V4, 110, RuleAction::Nop);
        let spec = || Some(State::Rule(RuleSpec::default()));
        let rule = change(Resource::Rule(Box::new(key)), spec(), spec());
        assert_eq!(writes(&rule, Mode::Forward), [Write::Delete, Write::Add]);
    }

    #[test]
    fn a_link_is_set_but_never_removed() {
        let dev = "tun0".to_owned();
        let up = |up| Some(State::LinkUp { up });
        let both = change(Resource::LinkUp { dev: dev.clone() }, up(false), up(true));
        assert_eq!(writes(&both, Mode::Forward), [Write::Put]);
        let gone = change(Resource::LinkUp { dev }, up(true), None);
        assert_eq!(writes(&gone, Mode::Back), []);
    }

    #[test]
    fn what_goes_with_a_link_that_was_made_anew_is_refused_and_nothing_else() {
        let mut names = LinkNames::default();
        names.insert(9, "tun0");
        let other = Err(Unwritable::OtherLink("tun0".to_owned()));
        let on_it = change(route("10.0.0.0/8"), None, Some(through("tun0")));
        assert_eq!(same_link(&on_it, &names), other);
        let unreachable = State::Route(
            RouteSpec {
                kind: RouteKind::Unreachable,
                ..RouteSpec::default()
            }
            .into(),
        );
        let without = change(route("10.0.0.0/8"), Some(unreachable), None);
        assert_eq!(same_link(&without, &names), Ok(()));
        let key = RuleKey::new(Family::V4, 110, RuleAction::Nop);
        let rule = change(Resource::Rule(Box::new(key)), None, None);
        assert_eq!(same_link(&rule, &LinkNames::default()), Ok(()));
        names.insert(7, "tun0");
        assert_eq!(same_link(&on_it, &names), Ok(()));
    }

    #[test]
    fn sides_of_another_resource_are_refused() {
        let wrong = change(route("10.0.0.0/8"), None, Some(State::LinkUp { up: true }));
        let mut requests = Requests::default();
        let step = steps(&wrong, Mode::Forward).next().unwrap();
        let encoded = step.encode(&mut requests, 1, &LinkNames::default());
        assert_eq!(encoded, Err(Unwritable::OtherState));
    }
}
