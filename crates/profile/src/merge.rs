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

use std::collections::{BTreeMap, BTreeSet};

use netprof_model::profile::{Containers, Profile, Proxy, Routes, Spanned};
use netprof_model::{Diagnostic, Location};

use crate::code;
use crate::limit::Errors;
use crate::piece::{Key, Piece, ProxyKind, Removal, Wanted, Written};
use crate::suggest::{did_you_mean, list};

/// The number of a visited profile.
pub(crate) type Visit = usize;

/// What was brought so far.
#[derive(Default)]
pub(crate) struct Merge {
    /// The pieces that stand, by key.
    standing: BTreeMap<Key, Vec<Candidate>>,
    /// Every key that a profile brought, whether it stands or not.
    brought: BTreeMap<Visit, BTreeSet<Key>>,
    /// How many keys were seen: their order is that of the text.
    next: usize,
    errors: Errors,
}

struct Candidate {
    piece: Piece,
    from: Visit,
    order: usize,
}

impl Merge {
    /// Adds `pieces` of the visited profile `from`, which includes `below`.
    pub(crate) fn add(&mut self, from: Visit, below: &BTreeSet<Visit>, pieces: &[Piece]) {
        for piece in pieces {
            let key = piece.key();
            self.brought.entry(from).or_default().insert(key.clone());
            let standing = self.standing.entry(key).or_default();
            let replaced = standing
                .iter()
                .position(|other| other.from == from || below.contains(&other.from));
            let order = match replaced.and_then(|at| standing.get(at)) {
                Some(other) => other.order,
                None => {
                    self.next += 1;
                    self.next
                }
            };
            standing.retain(|other| other.from != from && !below.contains(&other.from));
            standing.push(Candidate {
                piece: piece.clone(),
                from,
                order,
            });
        }
    }

    /// Takes out what `removals` of the profile `from` mean.
    pub(crate) fn remove(&mut self, from: Visit, below: &BTreeSet<Visit>, removals: &[Removal]) {
        if removals.is_empty() {
            return;
        }
        let reach = below.iter().chain(std::iter::once(&from));
        let known: BTreeSet<&Key> = reach
            .filter_map(|visit| self.brought.get(visit))
            .flatten()
            .collect();
        for removal in removals {
            let keys: Vec<Key> = match &removal.what {
                Wanted::One(key) => known
                    .get(key)
                    .into_iter()
                    .map(|key| (*key).clone())
                    .collect(),
                Wanted::Routes(prefix) => known
                    .range::<&Key, _>(&Key::Route(*prefix, 0)..=&Key::Route(*prefix, u32::MAX))
                    .map(|key| (*key).clone())
                    .collect(),
            };
            if keys.is_empty() {
                self.errors.add(|| nothing_to_remove(removal, &known));
            }
            for key in keys {
                if let Some(standing) = self.standing.get_mut(&key) {
                    standing.retain(|other| other.from != from && !below.contains(&other.from));
                }
            }
        }
    }

    /// The merged profile, in which `root` decides.
    pub(crate) fn finish(mut self, root: &Written) -> Result<Profile, Vec<Diagnostic>> {
        let mut pieces: Vec<Candidate> = Vec::new();
        for (key, mut standing) in self.standing {
            standing.sort_by_key(|candidate| candidate.order);
            let mut standing = standing.into_iter();
            let Some(first) = standing.next() else {
                continue;
            };
            // Two includes that say the same agree: the first is where it is written.
            if let Some(second) = standing.find(|other| !other.piece.says_the_same(&first.piece)) {
                self.errors
                    .add(|| conflict(&key, &first.piece, &second.piece, root));
            }
            pieces.push(first);
        }
        let errors = self.errors.into_diagnostics();
        if !errors.is_empty() {
            return Err(errors);
        }
        pieces.sort_by_key(|candidate| candidate.order);
        let pieces = pieces.into_iter().map(|candidate| candidate.piece);
        Ok(assemble(root, pieces))
    }
}

fn nothing_to_remove(removal: &Removal, known: &BTreeSet<&Key>) -> Diagnostic {
    let written = removal.what.to_string();
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
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

fn assemble(root: &Written, pieces: impl Iterator<Item = Piece>) -> Profile {
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
