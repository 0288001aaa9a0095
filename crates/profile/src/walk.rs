//! From one profile to all that it includes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netprof_model::profile::{Profile, Spanned};
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Name};

use crate::check::check;
use crate::code;
use crate::library::{Library, single, without_repetition};
use crate::limit::Errors;
use crate::load::{Loader, Place, named};
use crate::merge::{Merge, Visit};

/// How deep includes may lie in each other.
const MAX_INCLUDES: usize = 64;

/// Merges the profile at `place` with what it includes; says which files it took.
pub(crate) fn merged(
    library: &Library,
    loader: &mut Loader,
    place: &Place,
    os: Os,
) -> Result<(Profile, Vec<PathBuf>), Vec<Diagnostic>> {
    let mut walk = Walk {
        library,
        loader,
        os,
        merge: Merge::default(),
        visited: BTreeMap::new(),
        chain: Vec::new(),
        files: Vec::new(),
        broken: Vec::new(),
        errors: Errors::default(),
    };
    walk.visit(place);
    let (merge, files) = (walk.merge, walk.files);
    let mut errors = walk.errors.into_diagnostics();
    errors.extend(walk.broken);
    if !errors.is_empty() {
        return Err(without_repetition(errors));
    }
    let profile = merge.finish(place.written())?;
    let errors = check(&profile);
    if errors.is_empty() {
        Ok((profile, files))
    } else {
        Err(errors)
    }
}

/// One walk over a profile and its includes.
struct Walk<'a> {
    library: &'a Library,
    loader: &'a mut Loader,
    os: Os,
    merge: Merge,
    /// The profiles that were merged, with all that they include.
    visited: BTreeMap<(PathBuf, Name), (Visit, BTreeSet<Visit>)>,
    /// The profiles that are being visited, the root first.
    chain: Vec<(PathBuf, Name)>,
    files: Vec<PathBuf>,
    /// What is wrong with the files.
    broken: Vec<Diagnostic>,
    /// What is wrong with the includes.
    errors: Errors,
}

impl Walk<'_> {
    /// Merges the profile at `place` after its includes; says which profiles it
    /// stands for.
    fn visit(&mut self, place: &Place) -> (Visit, BTreeSet<Visit>) {
        let identity = place.identity();
        if let Some(known) = self.visited.get(&identity) {
            return known.clone();
        }
        if !self.files.contains(&place.path) {
            self.files.push(place.path.clone());
        }
        if place.file.is_broken() {
            self.broken.extend(place.file.diagnostics.iter().cloned());
        }
        self.chain.push(identity.clone());
        let written = place.written();
        let mut below = BTreeSet::new();
        // Includes come first, those of `os` blocks, too: the profile's own nodes
        // decide over all of them.
        for body in written.bodies(self.os) {
            for include in &body.includes {
                if let Some(place) = self.include(place, include) {
                    let (visit, more) = self.visit(&place);
                    below.insert(visit);
                    below.extend(more);
                }
            }
        }
        self.chain.pop();
        let visit = self.visited.len();
        for body in written.bodies(self.os) {
            self.merge.remove(visit, &below, &body.removals);
            self.merge.add(visit, &below, &body.pieces);
        }
        self.visited.insert(identity, (visit, below.clone()));
        (visit, below)
    }

    /// The included profile, unless it cannot be visited.
    fn include(&mut self, from: &Place, include: &Spanned<Name>) -> Option<Place> {
        let place = match self.find(from, &include.value) {
            Ok(Some(place)) => place,
            Ok(None) => {
                let (library, name) = (self.library, from.written().name.clone());
                self.errors
                    .add(|| library.include_not_found(&from.path, &name, include));
                return None;
            }
            Err(diagnostics) => {
                self.errors.add(|| include_broken(include));
                self.broken.extend(diagnostics);
                return None;
            }
        };
        if place.file.is_broken() && !Rc::ptr_eq(&place.file, &from.file) {
            self.errors.add(|| include_broken(include));
        }
        let identity = place.identity();
        if let Some(start) = self.chain.iter().position(|other| other == &identity) {
            let circle = self.chain.get(start..).unwrap_or_default();
            let mut names: Vec<&str> = circle.iter().map(|(_, name)| name.as_str()).collect();
            names.push(identity.1.as_str());
            self.errors.add(|| {
                Diagnostic::error(
                    code::INCLUDE_CIRCLE,
                    format!(
                        "profiles include each other in a circle: {}",
                        names.join(" -> ")
                    ),
                )
                .at(include.at.clone())
                .label("closes the circle")
                .help("remove one of these includes, or move what both need to a third profile")
            });
            return None;
        }
        if self.chain.len() >= MAX_INCLUDES {
            self.errors.add(|| {
                Diagnostic::error(
                    code::TOO_DEEP,
                    format!("includes lie in each other more than {MAX_INCLUDES} deep"),
                )
                .at(include.at.clone())
                .label("one too many")
                .help("include fewer profiles from one another")
            });
            return None;
        }
        Some(place)
    }

    /// The profile of that name in the same file, then in its folder, then in the
    /// search path.
    fn find(&mut self, from: &Place, name: &Name) -> Result<Option<Place>, Vec<Diagnostic>> {
        if let Some(place) = named(&from.path, &from.file, name) {
            return Ok(Some(place));
        }
        let folder = folder_of(&from.path);
        let places = self.loader.named_in(&folder, name);
        if let Some(place) = single(name, &folder, places)? {
            return Ok(Some(place));
        }
        self.library.search(self.loader, name)
    }
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
