//! One profile out of a profile and what it includes.
//!
//! Profiles are visited in one order: what a profile includes before the profile,
//! each once. A piece replaces the earlier ones of its key that come from profiles
//! which its own profile includes, however far away, and from no others: nobody
//! decides for a profile that they do not know. Where more than one piece of a key
//! is left in the end, two includes disagree, and nobody who knows both decided.
//!
//! `description` and `when` say what their own profile is for and when it is
//! chosen. No include brings them: else including a profile that is chosen by
//! itself would make two that are chosen together.

use std::collections::BTreeMap;

use netprof_model::profile::{Containers, Profile, Proxy, Routes, Spanned};
use netprof_model::{Diagnostic, Location};

use crate::code;
use crate::limit::Findings;
use crate::piece::{Destination, Key, Piece, ProxyKind, Removal, Wanted, Written};
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

/// What was brought so far.
#[derive(Default)]
pub(crate) struct Merge<'w> {
    slots: BTreeMap<Key, Slot<'w>>,
    /// How many keys were seen: their order is that of the text.
    next: usize,
}

/// What was brought of one key.
#[derive(Default)]
struct Slot<'w> {
    /// The pieces that stand.
    standing: Vec<Candidate<'w>>,
    /// The profiles that brought one, whether it stands or not.
    from: Vec<Visit>,
}

impl Slot<'_> {
    /// Takes out what comes from the profile `from`, or from those below it.
    fn clear(&mut self, from: Visit, below: &Below) {
        let keeps = |other: &Candidate<'_>| other.from != from && !below.contains(other.from);
        self.standing.retain(keeps);
    }

    fn is_known(&self, from: Visit, below: &Below) -> bool {
        let mut brought = self.from.iter();
        brought.any(|visit| *visit == from || below.contains(*visit))
    }
}

#[derive(Clone, Copy)]
struct Candidate<'w> {
    piece: &'w Piece,
    from: Visit,
    order: usize,
}

impl<'w> Merge<'w> {
    /// Adds `pieces` of the visited profile `from`, which includes `below`.
    pub(crate) fn add(&mut self, from: Visit, below: &Below, pieces: &'w [Piece]) {
        for piece in pieces {
            // As a rule nobody else brings the same.
            let slot = self.slots.entry(piece.key()).or_insert_with(|| Slot {
                standing: Vec::with_capacity(1),
                from: Vec::with_capacity(1),
            });
            slot.from.push(from);
            let mut standing = slot.standing.iter();
            let replaced = standing.find(|other| other.from == from || below.contains(other.from));
            let order = match replaced {
                Some(other) => other.order,
                None => {
                    self.next += 1;
                    self.next
                }
            };
            slot.clear(from, below);
            slot.standing.push(Candidate { piece, from, order });
        }
    }

    /// Takes out what `removals` of the profile `from` mean.
    pub(crate) fn remove(
        &mut self,
        from: Visit,
        below: &Below,
        removals: &[Removal],
        found: &mut Findings,
    ) {
        for removal in removals {
            let keys = match &removal.what {
                Wanted::One(key) => key.clone()..=key.clone(),
                Wanted::Routes(prefix) => {
                    let to = Destination(*prefix);
                    Key::Route(to, 0)..=Key::Route(to, u32::MAX)
                }
            };
            let mut any = false;
            for (_, slot) in self.slots.range_mut(keys) {
                if slot.is_known(from, below) {
                    any = true;
                    slot.clear(from, below);
                }
            }
            if !any {
                found.error(code::NOTHING_TO_REMOVE, &removal.at, "", || {
                    let known = self.slots.iter();
                    let known = known.filter(|(_, slot)| slot.is_known(from, below));
                    nothing_to_remove(removal, known.map(|(key, _)| key))
                });
            }
        }
    }

    /// The merged profile, in which `root` decides.
    pub(crate) fn finish(self, root: &Written, found: &mut Findings) -> Option<Profile> {
        let mut pieces: Vec<Candidate<'w>> = Vec::with_capacity(self.slots.len());
        let before = found.errors();
        for (key, Slot { mut standing, .. }) in self.slots {
            standing.sort_by_key(|candidate| candidate.order);
            let mut standing = standing.into_iter();
            let Some(first) = standing.next() else {
                continue;
            };
            // Two includes that say the same agree: the first is where it is written.
            if let Some(second) = standing.find(|other| !other.piece.says_the_same(first.piece)) {
                found.error(
                    code::CONFLICT,
                    second.piece.at(),
                    root.name.as_str(),
                    || conflict(&key, first.piece, second.piece, root),
                );
            }
            pieces.push(first);
        }
        if found.errors() > before {
            return None;
        }
        pieces.sort_by_key(|candidate| candidate.order);
        let pieces = pieces.into_iter().map(|candidate| candidate.piece.clone());
        Some(assemble(root, pieces))
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

fn conflict(key: &Key, first: &Piece, second: &Piece, root: &Written) -> Diagnostic {
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

fn assemble(root: &Written, pieces: impl ExactSizeIterator<Item = Piece>) -> Profile {
    let mut profile = Profile {
        name: root.name.clone(),
        description: root.description.clone(),
        links: Vec::new(),
        scopes: Vec::new(),
        routes: Routes::default(),
        containers: Containers::default(),
        proxy: None,
        mtu: Vec::new(),
        clamp_mss: Vec::new(),
        when: root.when.clone(),
        at: root.at.clone(),
    };
    // Where there are many pieces, nearly all of them are routes.
    profile.routes.routes.reserve_exact(pieces.len());
    let flag = |at| Some(Spanned { value: (), at });
    for piece in pieces {
        match piece {
            Piece::Link(link) => profile.links.push(link),
            Piece::Scope(scope) => profile.scopes.push(scope),
            Piece::KeepLocalhost(at) => profile.routes.keep_localhost = flag(at),
            Piece::KeepLan(keep) => profile.routes.keep_lan = Some(keep),
            Piece::Route(route) => profile.routes.routes.push(route),
            Piece::KeepLocal(at) => profile.containers.keep_local = flag(at),
            Piece::Docker(docker) => profile.containers.docker = Some(docker),
            Piece::Podman(podman) => profile.containers.podman = Some(podman),
            Piece::Proxy(kind, url) => {
                let proxy = proxy_of(&mut profile, &url.at);
                *match kind {
                    ProxyKind::Http => &mut proxy.http,
                    ProxyKind::Https => &mut proxy.https,
                    ProxyKind::Socks => &mut proxy.socks,
                    ProxyKind::Pac => &mut proxy.pac,
                } = Some(url);
            }
            Piece::Bypass(hosts, at) => proxy_of(&mut profile, &at).bypass = hosts,
            Piece::Export(places, at) => proxy_of(&mut profile, &at).export = places,
            Piece::Mtu(mtu) => profile.mtu.push(mtu),
            Piece::ClampMss(clamp) => profile.clamp_mss.push(clamp),
        }
    }
    profile
}

fn proxy_of<'p>(profile: &'p mut Profile, at: &Location) -> &'p mut Proxy {
    profile.proxy.get_or_insert_with(|| Proxy {
        http: None,
        https: None,
        socks: None,
        pac: None,
        bypass: Vec::new(),
        export: Vec::new(),
        at: at.clone(),
    })
}
