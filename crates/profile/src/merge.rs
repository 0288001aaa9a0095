//! One profile out of a profile and what it includes.
//!
//! Profiles are visited in one order: what a profile includes before the profile,
//! each once. A piece replaces the earlier ones of its key that come from profiles
//! which its own profile includes, however far away, and from no others: nobody
//! decides for a profile that they do not know. Where more than one piece of a key
//! is left in the end, two includes disagree, and nobody who knows both decided.
//!
//! What visited profiles do is only noted until the last one was visited. Sorted by
//! key, what was done about one thing then stands together, and its story is told by
//! itself; of nearly all things it is one line long.
//!
//! `description` and `when` say what their own profile is for and when it is
//! chosen. No include brings them: else including a profile that is chosen by
//! itself would make two that are chosen together.

use std::cell::{Cell, LazyCell};

use netprof_model::Diagnostic;
use netprof_model::profile::Profile;

use crate::assemble::assemble;
use crate::code;
use crate::limit::Findings;
use crate::piece::{Body, Key, Piece, Removal, Wanted, Written};
use crate::suggest::{did_you_mean, list};

/// The number of a visited profile.
pub(crate) type Visit = usize;

/// Some visited profiles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Below(Vec<u64>);

impl Below {
    pub(crate) fn insert(&mut self, visit: Visit) {
        let word = visit / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (visit % 64);
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    fn contains(&self, visit: Visit) -> bool {
        let word = self.0.get(visit / 64);
        word.is_some_and(|word| word & (1 << (visit % 64)) != 0)
    }
}

/// What visited profiles do, in this order.
#[derive(Default)]
pub(crate) struct Merge<'w> {
    acts: Vec<Act<'w>>,
    /// What each visited profile includes, however far away.
    below: Vec<Below>,
}

/// One thing that a visited profile does.
struct Act<'w> {
    /// What it is about.
    key: Key,
    /// Its number among all acts.
    order: usize,
    by: Visit,
    what: What<'w>,
}

enum What<'w> {
    Brings(&'w Piece),
    /// Takes something out, and whether there was anything.
    Removes(&'w Removal, Cell<bool>),
}

impl<'w> Act<'w> {
    /// Whether it takes out all routes to a prefix, whatever their metric.
    fn is_wide(&self) -> bool {
        matches!(self.what, What::Removes(removal, _) if matches!(removal.what, Wanted::Routes(_)))
    }

    /// The removal, where there was nothing to remove.
    fn missed(&self) -> Option<&'w Removal> {
        match &self.what {
            What::Removes(removal, hit) if !hit.get() => Some(*removal),
            _ => None,
        }
    }
}

/// What was brought of one key.
#[derive(Default)]
struct Slot<'w> {
    /// The pieces that stand.
    standing: Vec<Candidate<'w>>,
    /// The profiles that brought one, whether it stands or not.
    from: Vec<Visit>,
}

#[derive(Clone, Copy)]
struct Candidate<'w> {
    piece: &'w Piece,
    from: Visit,
    order: usize,
}

impl Candidate<'_> {
    fn order(&self) -> usize {
        self.order
    }
}

impl<'w> Merge<'w> {
    /// What the visited profile includes, however far away.
    pub(crate) fn below(&self, visit: Visit) -> Option<&Below> {
        self.below.get(visit)
    }

    /// Adds a profile that includes `below`, and in which `bodies` stand.
    pub(crate) fn visit(&mut self, below: Below, bodies: impl Iterator<Item = &'w Body>) -> Visit {
        let by = self.below.len();
        self.below.push(below);
        for body in bodies {
            self.acts.reserve(body.removals.len() + body.pieces.len());
            for removal in &body.removals {
                let key = match &removal.what {
                    Wanted::One(key) => key.clone(),
                    Wanted::Routes(prefix) => Key::any_route(*prefix),
                };
                self.add(key, by, What::Removes(removal, Cell::new(false)));
            }
            for piece in &body.pieces {
                self.add(piece.key(), by, What::Brings(piece));
            }
        }
        by
    }

    fn add(&mut self, key: Key, by: Visit, what: What<'w>) {
        let order = self.acts.len();
        self.acts.push(Act {
            key,
            order,
            by,
            what,
        });
    }

    /// Whether the profile `by` decides over the profile `other`.
    fn decides(&self, by: Visit, other: Visit) -> bool {
        by == other || self.below(by).is_some_and(|below| below.contains(other))
    }

    /// The merged profile, in which `root` decides.
    pub(crate) fn finish(mut self, root: &Written, found: &mut Findings) -> Option<Profile> {
        self.acts
            .sort_unstable_by(|one, other| (&one.key, one.order).cmp(&(&other.key, other.order)));
        let mut pieces: Vec<Candidate<'w>> = Vec::with_capacity(self.acts.len());
        let mut conflicts: Vec<(&'w Piece, &'w Piece)> = Vec::new();
        let mut slot = Slot::default();
        for acts in self.acts.chunk_by(|one, other| one.key.is_near(&other.key)) {
            let wide: Vec<&Act<'w>> = acts.iter().filter(|act| act.is_wide()).collect();
            for acts in acts.chunk_by(|one, other| one.key == other.key) {
                self.tell(acts, &wide, &mut slot);
                slot.standing.sort_unstable_by_key(Candidate::order);
                let mut standing = slot.standing.drain(..);
                if let Some(first) = standing.next() {
                    // Two includes that say the same agree: the first is where it is
                    // written.
                    let said = LazyCell::new(|| first.piece.said());
                    let second = standing.find(|other| other.piece.said() != *said);
                    conflicts.extend(second.map(|second| (first.piece, second.piece)));
                    pieces.push(first);
                }
                drop(standing);
                slot.from.clear();
            }
        }
        self.report_missed(found);
        for (first, second) in &conflicts {
            found.error(code::CONFLICT, second.at(), root.name.as_str(), || {
                conflict(first, second, root)
            });
        }
        if !conflicts.is_empty() {
            return None;
        }
        pieces.sort_unstable_by_key(Candidate::order);
        let pieces = pieces.into_iter().map(|candidate| candidate.piece);
        Some(assemble(root, pieces))
    }

    /// Tells the story of a key: what was done about it, in the order in which it was.
    fn tell(&self, acts: &[Act<'w>], wide: &[&Act<'w>], slot: &mut Slot<'w>) {
        if wide.is_empty() {
            acts.iter().for_each(|act| self.go_on(act, slot));
            return;
        }
        let own = acts.iter().filter(|act| !act.is_wide());
        let mut all: Vec<&Act<'w>> = own.chain(wide.iter().copied()).collect();
        all.sort_unstable_by_key(|act| act.order);
        all.into_iter().for_each(|act| self.go_on(act, slot));
    }

    fn go_on(&self, act: &Act<'w>, slot: &mut Slot<'w>) {
        let decides = |other: Visit| self.decides(act.by, other);
        match &act.what {
            What::Brings(piece) => {
                let mut standing = slot.standing.iter();
                let replaced = standing.find(|other| decides(other.from));
                let order = replaced.map_or(act.order, |other| other.order);
                slot.standing.retain(|other| !decides(other.from));
                slot.standing.push(Candidate {
                    piece,
                    from: act.by,
                    order,
                });
                slot.from.push(act.by);
            }
            What::Removes(_, hit) => {
                hit.set(hit.get() || slot.from.iter().any(|from| decides(*from)));
                slot.standing.retain(|other| !decides(other.from));
            }
        }
    }

    /// Reports what was to be removed and had not been brought.
    fn report_missed(&self, found: &mut Findings) {
        let missed = |act: &Act<'w>| act.missed().map(|removal| (act.order, act.by, removal));
        let mut missed: Vec<_> = self.acts.iter().filter_map(missed).collect();
        missed.sort_unstable_by_key(|(order, ..)| *order);
        for (order, by, removal) in missed {
            found.error(code::NOTHING_TO_REMOVE, &removal.at, "", || {
                let known = self.acts.iter().filter(|act| {
                    let brings = matches!(act.what, What::Brings(_));
                    brings && act.order < order && self.decides(by, act.by)
                });
                let mut known: Vec<&Key> = known.map(|act| &act.key).collect();
                known.dedup();
                nothing_to_remove(removal, known.into_iter())
            });
        }
    }
}

fn nothing_to_remove<'k>(removal: &Removal, known: impl Iterator<Item = &'k Key>) -> Diagnostic {
    let written = removal.what.to_string();
    let known: Vec<String> = known.map(ToString::to_string).collect();
    let help = did_you_mean(&written, known.iter().map(String::as_str), || {
        if known.is_empty() {
            "nothing is included here: remove this line".to_owned()
        } else if known.len() > 8 {
            "remove this line".to_owned()
        } else {
            format!("what was included: {}", list(&known))
        }
    });
    Diagnostic::error(
        code::NOTHING_TO_REMOVE,
        format!("no include brought `{written}`"),
    )
    .at(removal.at.clone())
    .label("nothing to remove")
    .help(help)
}

fn conflict(first: &Piece, second: &Piece, root: &Written) -> Diagnostic {
    let key = first.key();
    Diagnostic::error(
        code::CONFLICT,
        format!("two includes of \"{}\" disagree about `{key}`", root.name),
    )
    .at(second.at().clone())
    .label(format!("the other one is at {}", first.at()))
    .help(format!(
        "declare `{key}` in \"{}\" itself, or write there: remove {key}",
        root.name
    ))
}
