//! How owners were found out, beside each owner that `--json` prints.
//!
//! A route carries no evidence: there may be a million of them. It is worked out anew for
//! what is printed, by the same functions that name the owners.

use std::collections::HashMap;

use netprof_model::evidence::Clue;
use netprof_model::plan::Plan;
use netprof_model::snapshot::{Index, Os};
use netprof_model::{Resource, Snapshot};
use netprof_plan::linux::owner::{Marks, of_route, of_rule, trail};
use netprof_plan::macos;
use serde_json::{Value, json};

/// The evidence for the owners of resources, by what each is called.
#[derive(Clone, Debug, Default)]
pub struct Evidence(HashMap<String, Vec<Clue>>);

impl Evidence {
    /// That for what `plan` changes or leaves to others.
    pub fn of_plan(plan: &Plan, snapshot: &Snapshot) -> Self {
        let changed = plan.changes.iter();
        let changed = changed
            .filter(|change| change.before.is_some())
            .map(|change| &change.resource);
        let kept = plan.kept.iter().map(|kept| &kept.resource);
        Self::of(changed.chain(kept), snapshot)
    }

    /// That for `resources`.
    pub fn of<'a>(resources: impl Iterator<Item = &'a Resource>, snapshot: &Snapshot) -> Self {
        let mut resources = resources.peekable();
        if resources.peek().is_none() {
            return Self::default();
        }
        let index = Index::new(snapshot);
        let marks = Marks::of_snapshot(snapshot);
        let found = resources.map(|resource| {
            let clues = match snapshot.os {
                Os::Linux => trail(&index, &marks, resource),
                Os::Macos => macos::trail(snapshot, resource),
            };
            (resource.to_string(), clues)
        });
        Self(found.collect())
    }

    /// Puts it beside each owner in `list`, whose items have a `resource`.
    pub fn join(&self, list: &mut Value) {
        for item in list.as_array_mut().into_iter().flatten() {
            let name = item.get("resource").and_then(Value::as_str);
            let found = name.and_then(|name| self.0.get(name));
            let clues = found.map_or(&[][..], Vec::as_slice);
            item["evidence"] = json!(clues);
        }
    }

    /// The same, for all that the object of a plan lists.
    pub fn join_plan(&self, body: &mut Value) {
        for list in ["changes", "kept"] {
            if let Some(list) = body.get_mut(list) {
                self.join(list);
            }
        }
    }
}

/// A snapshot, with evidence beside the owners of routes and rules: links, chains and
/// policies have theirs already.
pub fn snapshot(snapshot: &Snapshot) -> Value {
    let mut shown = json!(snapshot);
    if snapshot.os == Os::Linux {
        let marks = Marks::of_snapshot(snapshot);
        let rules = snapshot.rules.items().iter().map(|rule| {
            let mut trail = Vec::new();
            of_rule(rule, &marks, &mut trail);
            trail
        });
        beside(&mut shown["rules"]["value"], rules);
        let routes = snapshot.routes.items().iter().map(|route| {
            let mut trail = Vec::new();
            of_route(route, &marks, &mut trail);
            trail
        });
        beside(&mut shown["routes"]["value"], routes);
    }
    shown
}

fn beside(list: &mut Value, evidence: impl Iterator<Item = Vec<Clue>>) {
    let items = list.as_array_mut().into_iter().flatten();
    for (item, evidence) in items.zip(evidence) {
        item["evidence"] = json!(evidence);
    }
}
