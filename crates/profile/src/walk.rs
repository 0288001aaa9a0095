//! From one profile to all that it includes.
//!
//! Who includes whom is found out once for all profiles that are looked at, and
//! without recursion: a file can make a chain of a thousand. Merging is then done
//! for each profile anew, because what stands where in the result depends on who
//! asks; only a profile whose includes are all sound, and lie in each other no
//! deeper than [`MAX_INCLUDES`], is merged.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netprof_model::profile::{Profile, Spanned};
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Location, Name};

use crate::check::{check, undeclared};
use crate::code;
use crate::library::{Library, single};
use crate::limit::Findings;
use crate::load::{Identity, Loader, Place, named};
use crate::merge::{Below, Merge, Visit};
use crate::piece::{Body, Piece};

/// How deep includes may lie in each other.
const MAX_INCLUDES: usize = 64;

/// The number of a profile in a [`Graph`].
pub(crate) type Number = usize;

/// Which profiles include which, on one operating system.
pub(crate) struct Graph<'a> {
    library: &'a Library,
    os: Os,
    nodes: Vec<Node>,
    numbers: HashMap<Identity, Number>,
}

struct Node {
    place: Place,
    /// What it includes and where, in the order in which that is written.
    includes: Vec<(Number, Location)>,
    /// How many profiles the longest chain of includes has, with this one.
    height: usize,
    /// Whether nothing is wrong with its file and includes, nor with theirs.
    sound: bool,
    /// Whether something that it says or includes, however far away, could not be read.
    torn: bool,
    /// Whether it, or one that it includes, has a block for an operating system.
    has_os: bool,
    /// Whether all of its includes were looked at.
    done: bool,
}

/// A profile whose includes are being looked at.
struct Open {
    number: Number,
    left: std::vec::IntoIter<Spanned<Name>>,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(library: &'a Library, os: Os) -> Self {
        Self {
            library,
            os,
            nodes: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// Whether nothing is wrong with that profile's includes.
    pub(crate) fn is_sound(&self, number: Number) -> bool {
        self.node(number).is_some_and(|node| node.sound)
    }

    /// Whether that profile may be another one on another operating system.
    pub(crate) fn has_os(&self, number: Number) -> bool {
        self.node(number).is_none_or(|node| node.has_os)
    }

    fn node(&self, number: Number) -> Option<&Node> {
        self.nodes.get(number)
    }

    /// Looks at the profile at `place` and at all that it includes, those of `os`
    /// blocks, too.
    pub(crate) fn explore(
        &mut self,
        loader: &mut Loader,
        place: &Place,
        found: &mut Findings,
    ) -> Number {
        if let Some(known) = self.numbers.get(&place.identity()) {
            return *known;
        }
        let root = self.nodes.len();
        let mut chain = vec![self.enter(place, found)];
        while let Some(open) = chain.last_mut() {
            let number = open.number;
            let Some(include) = open.left.next() else {
                self.leave(number, found);
                chain.pop();
                continue;
            };
            let included = self.find(loader, number, &include, found);
            let Some(included) = included else {
                self.spoil(number);
                continue;
            };
            let known = self.numbers.get(&included.identity()).copied();
            if let Some(known) = known
                && self.node(known).is_some_and(|node| !node.done)
            {
                self.circle(&chain, known, &include, found);
                self.spoil(number);
                continue;
            }
            let to = known.unwrap_or(self.nodes.len());
            if let Some(node) = self.nodes.get_mut(number) {
                node.includes.push((to, include.at));
            }
            if known.is_none() {
                chain.push(self.enter(&included, found));
            }
        }
        root
    }

    fn spoil(&mut self, number: Number) {
        if let Some(node) = self.nodes.get_mut(number) {
            node.sound = false;
            node.torn = true;
        }
    }

    fn enter(&mut self, place: &Place, found: &mut Findings) -> Open {
        let number = self.nodes.len();
        found.file(&place.file.diagnostics);
        let written = place.written();
        let bodies = written.bodies(self.os);
        let includes: Vec<_> = bodies.flat_map(|body| body.includes.clone()).collect();
        self.numbers.insert(place.identity(), number);
        self.nodes.push(Node {
            place: place.clone(),
            includes: Vec::new(),
            height: 1,
            sound: !place.file.is_broken(),
            torn: place.file.torn,
            has_os: !written.os.is_empty(),
            done: false,
        });
        Open {
            number,
            left: includes.into_iter(),
        }
    }

    /// What follows from a profile's includes, now that they are known.
    fn leave(&mut self, number: Number, found: &mut Findings) {
        let Some(node) = self.node(number) else {
            return;
        };
        let (mut height, mut sound, mut has_os) = (1, node.sound, node.has_os);
        let mut torn = node.torn;
        let mut deepest = None;
        for (to, at) in &node.includes {
            let Some(included) = self.node(*to) else {
                continue;
            };
            if included.height >= height {
                (height, deepest) = (included.height + 1, Some(at));
            }
            sound &= included.sound;
            torn |= included.torn;
            has_os |= included.has_os;
        }
        // Once for a chain: those that include this one are not sound either.
        if let Some(at) = deepest
            && height == MAX_INCLUDES + 1
        {
            found.error(code::TOO_DEEP, at, "", || too_deep(at));
            (sound, torn) = (false, true);
        }
        if let Some(node) = self.nodes.get_mut(number) {
            (node.height, node.sound, node.has_os) = (height, sound, has_os);
            node.torn = torn;
            node.done = true;
        }
    }

    /// The included profile, unless it cannot be.
    fn find(
        &self,
        loader: &mut Loader,
        number: Number,
        include: &Spanned<Name>,
        found: &mut Findings,
    ) -> Option<Place> {
        let from = &self.node(number)?.place;
        let at = &include.at;
        match self.look_up(loader, from, &include.value) {
            Ok(Some(place)) => {
                if place.file.is_broken() && !Rc::ptr_eq(&place.file, &from.file) {
                    found.error(code::INCLUDE_BROKEN, at, "", || include_broken(include));
                }
                Some(place)
            }
            Ok(None) => {
                found.error(code::INCLUDE_NOT_FOUND, at, "", || {
                    self.library.include_not_found(loader, from, include)
                });
                None
            }
            Err(diagnostics) => {
                found.error(code::INCLUDE_BROKEN, at, "", || include_broken(include));
                found.file(&diagnostics);
                None
            }
        }
    }

    /// The profile of that name in the same file, then in its folder, then in the
    /// search path.
    fn look_up(
        &self,
        loader: &mut Loader,
        from: &Place,
        name: &Name,
    ) -> Result<Option<Place>, Vec<Diagnostic>> {
        if let Some(place) = named(&from.path, &from.file, name) {
            return Ok(Some(place));
        }
        let folder = folder_of(&from.path);
        let places = loader.named_in(&folder, name);
        if let Some(place) = single(name, &folder, places)? {
            return Ok(Some(place));
        }
        self.library.search(loader, name)
    }

    fn circle(&self, chain: &[Open], start: Number, include: &Spanned<Name>, found: &mut Findings) {
        let at = &include.at;
        found.error(code::INCLUDE_CIRCLE, at, "", || {
            let circle = chain.iter().skip_while(|open| open.number != start);
            let nodes = circle.filter_map(|open| self.node(open.number));
            let names: Vec<&str> = nodes
                .map(|node| node.place.written().name.as_str())
                .chain([include.value.as_str()])
                .collect();
            Diagnostic::error(
                code::INCLUDE_CIRCLE,
                format!(
                    "profiles include each other in a circle: {}",
                    arrows(&names)
                ),
            )
            .at(at.clone())
            .label("closes the circle")
            .help("remove one of these includes, or move what both need to a third profile")
        });
    }

    /// That profile, and all that it includes.
    fn reached(&self, number: Number) -> impl Iterator<Item = &Node> {
        let mut seen = BTreeSet::from([number]);
        let mut left = vec![number];
        std::iter::from_fn(move || {
            let node = self.node(left.pop()?)?;
            let new = node.includes.iter().map(|(to, _)| *to);
            left.extend(new.filter(|to| seen.insert(*to)));
            Some(node)
        })
    }

    /// How much there is to merge for that profile, counted no further than `limit`.
    pub(crate) fn cost(&self, number: Number, limit: usize) -> usize {
        let mut cost = 0;
        for node in self.reached(number) {
            let bodies = node.place.written().bodies(self.os);
            cost += 1 + bodies
                .map(|body| body.pieces.len() + body.removals.len() + body.includes.len())
                .sum::<usize>();
            if cost > limit {
                break;
            }
        }
        cost
    }

    /// What can be said of the links of that profile although it cannot be merged: errors
    /// are told all at once. Where a part could not be read, they may be declared there.
    /// `left` is how much may be looked at, and is taken from.
    pub(crate) fn undeclared(&self, number: Number, left: &mut usize, found: &mut Findings) {
        let Some(node) = self.node(number).filter(|node| !node.torn) else {
            return;
        };
        let Some(rest) = left.checked_sub(self.cost(number, *left)) else {
            return;
        };
        *left = rest;
        let own = node.place.written();
        let bodies: Vec<&Body> = self
            .reached(number)
            .flat_map(|node| node.place.written().bodies(self.os))
            .collect();
        let declared = bodies.iter().flat_map(|body| &body.links).collect();
        let pieces = bodies.iter().flat_map(|body| &body.pieces);
        let conditions = own.when.iter().flat_map(|when| &when.links);
        let uses = pieces.flat_map(Piece::uses).chain(conditions);
        undeclared(&own.name, uses, &declared, found);
    }

    /// Merges that profile, which is sound, with what it includes; says which files
    /// it took. Nothing where that has an error.
    pub(crate) fn merged(
        &self,
        number: Number,
        found: &mut Findings,
    ) -> Option<(Profile, Vec<PathBuf>)> {
        let before = found.errors();
        let mut walk = Walk {
            graph: self,
            merge: Merge::default(),
            visits: HashMap::new(),
            files: Vec::new(),
            known_files: BTreeSet::new(),
        };
        walk.visit(number)?;
        let Walk { merge, files, .. } = walk;
        let profile = merge.finish(self.node(number)?.place.written(), found)?;
        check(&profile, found);
        (found.errors() == before).then_some((profile, files))
    }
}

/// One walk over a profile and its includes.
struct Walk<'a> {
    graph: &'a Graph<'a>,
    merge: Merge<'a>,
    visits: HashMap<Number, Visit>,
    files: Vec<PathBuf>,
    known_files: BTreeSet<&'a Path>,
}

impl<'a> Walk<'a> {
    /// Merges a profile after its includes. No deeper than [`MAX_INCLUDES`], or the
    /// profile were not sound.
    fn visit(&mut self, number: Number) -> Option<Visit> {
        if let Some(known) = self.visits.get(&number) {
            return Some(*known);
        }
        let graph: &'a Graph<'a> = self.graph;
        let node = graph.node(number)?;
        if self.known_files.insert(&node.place.path) {
            self.files.push(node.place.path.to_path_buf());
        }
        let mut below = Below::default();
        // Includes come first, those of `os` blocks, too: the profile's own nodes
        // decide over all of them.
        for (to, _) in &node.includes {
            let visit = self.visit(*to)?;
            below.insert(visit);
            if let Some(more) = self.merge.below(visit) {
                below.extend(more);
            }
        }
        let bodies = node.place.written().bodies(graph.os);
        let visit = self.merge.visit(below, bodies);
        self.visits.insert(number, visit);
        Some(visit)
    }
}

/// The names with arrows between them; not all of a long circle.
fn arrows(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    match names {
        [first @ .., last] if first.len() > 2 * SHOWN => {
            let start = names.get(..SHOWN).unwrap_or_default().join(" -> ");
            format!("{start} -> ... {} more ... -> {last}", first.len() - SHOWN)
        }
        _ => names.join(" -> "),
    }
}

fn too_deep(at: &Location) -> Diagnostic {
    Diagnostic::error(
        code::TOO_DEEP,
        format!("includes lie in each other more than {MAX_INCLUDES} deep"),
    )
    .at(at.clone())
    .label("one too many")
    .help("include fewer profiles from one another")
}

fn include_broken(include: &Spanned<Name>) -> Diagnostic {
    Diagnostic::error(
        code::INCLUDE_BROKEN,
        format!("\"{}\" cannot be included: it has errors", include.value),
    )
    .at(include.at.clone())
    .label("this include")
    .help("mend the errors that are shown with this one")
}

/// The folder that the file at `path` stands in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
