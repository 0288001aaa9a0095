//! One plan that undoes several transactions.
//!
//! For each resource it goes back from the newest transaction to the oldest, as
//! undoing them one by one would: what is as a transaction left it becomes what that
//! transaction found. What is neither as a transaction left it nor as it found it was
//! changed by somebody else: it stays, unless it is as an older transaction left it. Of
//! many settings in one place, each is looked at by itself.
//! So undoing five at once is the same as undoing one five times, but for what is
//! written in between.

use std::collections::{BTreeSet, HashSet};

use netprof_model::held::{HeldResource, taken_back};
use netprof_model::plan::{Change, DropReason, Dropped, Kept, Plan, Reason};
use netprof_model::positions::Positions;
use netprof_model::resource::{Resource, State};
use netprof_model::snapshot::Index;
use netprof_model::{Owner, Snapshot};

use crate::error::Error;
use crate::journal::Intent;
use crate::undo::is_expired;

/// The way back of one resource.
struct Way<'a> {
    /// The newest change of it.
    newest: &'a Change,
    live: Option<State>,
    /// What it holds so far back.
    now: Option<State>,
    /// The oldest change that was gone back over.
    oldest: Option<&'a Change>,
    kept: Option<Box<Kept>>,
    /// The settings that stay as somebody else made them, where others go back.
    settings: BTreeSet<String>,
}

/// What the end of each way depends on.
struct End<'a> {
    index: &'a Index<'a>,
    transaction: u64,
    reason: Reason,
    /// What is held for a network that a link is in.
    of_network: HashSet<&'a Resource>,
}

/// What a way back makes of its resource.
struct Turned {
    before: Option<State>,
    after: Option<State>,
    original: Option<State>,
    owner: Owner,
    reasons: Vec<Reason>,
}

/// The plan that undoes `intents`, newest first, as transaction `transaction`.
pub(crate) fn compose(
    snapshot: &Snapshot,
    mut intents: Vec<Intent>,
    transaction: u64,
) -> Result<Plan, Error> {
    if let Some(other) = intents.iter().find(|one| snapshot.is_elsewhere(&one.place)) {
        return Err(Error::Elsewhere {
            transaction: other.transaction,
        });
    }
    let index = Index::new(snapshot);
    let ends = End {
        index: &index,
        transaction,
        reason: Reason::plain(reason(&intents)),
        of_network: snapshot
            .held()
            .iter()
            .flat_map(|held| &held.resources)
            .filter(|held| held.of_network)
            .map(|held| &held.resource)
            .collect(),
    };
    let mut plan = Plan::default();
    let expired = match intents.as_mut_slice() {
        [only] => ends.go_back_over(only, &mut plan)?,
        several => ends.go_back_over_all(several, &mut plan)?,
    };
    plan.dropped.splice(0..0, expired);
    for (change, id) in plan.changes.iter_mut().zip(1..) {
        change.id = id;
    }
    Ok(plan)
}

impl End<'_> {
    /// Goes back over one transaction. Gives what has expired.
    ///
    /// Within it no resource is changed twice, so each way is as long as one change, and is
    /// at its end before the next begins: the change becomes the one back.
    fn go_back_over(&self, only: &mut Intent, plan: &mut Plan) -> Result<Vec<Dropped>, Error> {
        let mut changes = std::mem::take(&mut only.changes);
        let (mut gone, mut unknown) = (Vec::new(), None);
        changes.reverse();
        changes.retain_mut(|change| {
            if is_expired(self.index.snapshot(), &only.place, change) {
                gone.push(expired(&change.resource));
                return false;
            }
            let turned = Way::of(change, self.index).map(|mut way| {
                way.back(change, self.index);
                way.end(plan, self)
            });
            match turned {
                Ok(Some(turned)) => turned.put(change),
                Ok(None) => return false,
                Err(error) => {
                    unknown.get_or_insert(error);
                }
            }
            true
        });
        plan.changes = changes;
        unknown.map_or(Ok(gone), Err)
    }

    /// Goes back over several transactions, newest first. Gives what has expired.
    fn go_back_over_all(&self, all: &[Intent], plan: &mut Plan) -> Result<Vec<Dropped>, Error> {
        let mut gone: Vec<&Resource> = Vec::new();
        let mut ways = Ways::default();
        for intent in all {
            for change in intent.changes.iter().rev() {
                if is_expired(self.index.snapshot(), &intent.place, change) {
                    gone.push(&change.resource);
                } else {
                    ways.of(change, self.index)?.back(change, self.index);
                }
            }
        }
        gone.retain(|resource| ways.find(resource).is_none());
        let mut seen = HashSet::new();
        gone.retain(|resource| seen.insert(*resource));
        for way in ways.all {
            let mut change = way.newest.clone();
            if let Some(turned) = way.end(plan, self) {
                turned.put(&mut change);
                plan.changes.push(change);
            }
        }
        sort(&mut plan.changes);
        Ok(gone.into_iter().map(expired).collect())
    }
}

fn expired(resource: &Resource) -> Dropped {
    Dropped {
        resource: resource.clone(),
        why: DropReason::Expired,
    }
}

impl Turned {
    /// Writes it over `change`, the newest of its resource, of which all else stays.
    fn put(self, change: &mut Change) {
        let Self {
            before,
            after,
            original,
            owner,
            reasons,
        } = self;
        (change.before, change.after, change.original) = (before, after, original);
        (change.owner, change.reasons) = (owner, reasons);
    }
}

/// What each change is for: said ten thousand times, so it is written down once, for as long
/// as the command runs.
fn reason(intents: &[Intent]) -> &'static str {
    match intents {
        [one] => format!("takes back transaction {}", one.transaction).leak(),
        [newest, .., oldest] => format!(
            "takes back transactions {} to {}",
            oldest.transaction, newest.transaction
        )
        .leak(),
        [] => "takes nothing back",
    }
}

/// The ways back of all resources, in the order in which they are first come upon.
#[derive(Default)]
struct Ways<'a> {
    all: Vec<Way<'a>>,
    at: Positions,
}

impl<'a> Ways<'a> {
    fn find(&self, resource: &Resource) -> Option<usize> {
        self.at.find(resource, |at| {
            self.all.get(at).map(|way| &way.newest.resource)
        })
    }

    /// The way of the resource that `change` is of; it starts there if it has none.
    fn of(&mut self, change: &'a Change, index: &Index<'_>) -> Result<&mut Way<'a>, Error> {
        let resource = &change.resource;
        let at = match self.find(resource) {
            Some(at) => at,
            None => {
                let way = Way::of(change, index)?;
                self.at.insert(resource, self.all.len());
                self.all.push(way);
                self.all.len() - 1
            }
        };
        Ok(&mut self.all[at])
    }
}

impl<'a> Way<'a> {
    fn of(newest: &'a Change, index: &Index<'_>) -> Result<Self, Error> {
        let resource = &newest.resource;
        let live = index.state(resource).map_err(|source| Error::NotKnown {
            resource: Box::new(resource.clone()),
            source,
        })?;
        Ok(Self {
            newest,
            now: live.clone(),
            live,
            oldest: None,
            kept: None,
            settings: BTreeSet::new(),
        })
    }

    /// Goes back over one change.
    fn back(&mut self, change: &'a Change, index: &Index<'_>) {
        let [live, after, before] = [&self.now, &change.after, &change.before].map(Option::as_ref);
        let back = taken_back(live, after, before);
        if back.theirs && back.settings.is_empty() {
            self.kept = Some(Box::new(Kept {
                resource: change.resource.clone(),
                committed: change.after.clone(),
                live: self.now.clone(),
                owner: index.owner(&change.resource),
            }));
        } else if live == after || live == before {
            self.kept = None;
            self.settings.clear();
        }
        self.settings.extend(back.settings);
        self.now = back.state;
        self.oldest = Some(change);
    }

    /// What is written at its end, if anything; what is not goes into `plan`.
    fn end(self, plan: &mut Plan, ends: &End<'_>) -> Option<Turned> {
        let index = ends.index;
        let resource = &self.newest.resource;
        // A way is made by going back over a change.
        let oldest = self.oldest?;
        let [now, before, original] =
            [&self.now, &oldest.before, &oldest.original].map(Option::as_ref);
        let original = taken_back(now, before, original).state;
        let is_held = self.now != original;
        let of_network = ends.of_network.contains(resource);
        if self.live == self.now && is_held {
            plan.still_held.push(HeldResource {
                resource: resource.clone(),
                original,
                committed: self.now,
                transaction: ends.transaction,
                place: index.snapshot().place_on(oldest.link.clone()),
                lasts: oldest.lasts.clone(),
                of_network,
                left_out: false,
            });
            plan.kept.extend(self.kept.map(|kept| *kept));
            return None;
        }
        if !is_held && (self.live == self.now || self.kept.is_some()) {
            let is_theirs = self.kept.is_some() || !self.settings.is_empty();
            plan.dropped.push(Dropped {
                resource: resource.clone(),
                why: if is_theirs {
                    DropReason::Foreign
                } else {
                    DropReason::Original
                },
            });
        }
        plan.kept.extend(self.kept.map(|kept| *kept));
        if self.live == self.now {
            return None;
        }
        let mut reasons = vec![Reason {
            of_network,
            ..ends.reason.clone()
        }];
        reasons.extend(self.settings.iter().map(|one| Reason::left(one)));
        Some(Turned {
            before: self.live,
            after: self.now,
            original,
            owner: index.owner(resource),
            reasons,
        })
    }
}

/// The order in which changes of several transactions can be made together: what
/// others rest on first, and what falls away last, the other way round. A single
/// transaction is undone in the exact reverse of its own order instead.
fn sort(changes: &mut [Change]) {
    changes.sort_by_key(|change| {
        let rank = rank(&change.resource);
        let falls_away = matches!(change.after, None | Some(State::LinkUp { up: false }));
        (falls_away, if falls_away { -rank } else { rank })
    });
}

fn rank(resource: &Resource) -> i8 {
    match resource {
        Resource::LinkUp { .. } | Resource::Mtu { .. } => 0,
        Resource::Address { .. } => 1,
        Resource::Route(key) if !key.is_plain() => 2,
        Resource::Rule(_) => 3,
        Resource::Route(_) => 4,
        Resource::DnsLink { .. } | Resource::DnsDelegate { .. } | Resource::Store { .. } => 5,
        Resource::NftTable => 6,
        Resource::File { .. } | Resource::Settings(_) => 7,
        Resource::Proxies { .. } => 8,
    }
}
