//! Profiles by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netprof_model::profile::{Profile, Spanned};
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Name};
use sha2::{Digest, Sha256};

use crate::check::check;
use crate::code;
use crate::limit::Errors;
use crate::lint::lint;
use crate::load::{Found, Listing, Loader, Place, named};
use crate::merge::{Merge, Visit};
use crate::source::{Source, Sources};
use crate::suggest::{did_you_mean, list};

/// How deep includes may lie in each other.
const MAX_INCLUDES: usize = 64;

/// The folders that profiles are looked for in, the first before the others.
#[derive(Clone, Debug, Default)]
pub struct Library {
    folders: Vec<PathBuf>,
}

/// A profile after its includes were merged.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The profile.
    pub profile: Profile,
    /// The SHA-256 of what it says, wherever that is written; in hexadecimal.
    pub sha256: String,
    /// What is probably not what was meant.
    pub warnings: Vec<Diagnostic>,
    /// The files that it was made from, its own first.
    pub files: Vec<PathBuf>,
    /// The texts of all files that were read.
    pub sources: Sources,
}

/// Why there is no profile.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The reasons: at least one error.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of all files that were read.
    pub sources: Sources,
}

/// What is to be said of profiles that were only looked at.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The names of the profiles without an error.
    pub sound: Vec<Name>,
    /// Everything that was found, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of all files that were read.
    pub sources: Sources,
}

impl Library {
    /// A library of these folders. One that is not there is passed over.
    #[must_use]
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            folders: folders.into_iter().collect(),
        }
    }

    /// The folders, in the order that they are searched.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether `wanted` is a path, not a name: it has a `/`, or ends in `.kdl`, or
    /// in `.kdl#NAME`.
    #[must_use]
    pub fn is_path(wanted: &str) -> bool {
        wanted.contains('/') || wanted.ends_with(".kdl") || wanted.contains(".kdl#")
    }

    /// The profile that `wanted` names or leads to, as it is on `os`.
    ///
    /// # Errors
    ///
    /// [`Refused`] holds every error of every file that the profile needs.
    pub fn resolve(&self, wanted: &str, os: Os) -> Result<Resolved, Refused> {
        finish(Loader::default(), |loader| {
            let place = self.locate(loader, wanted)?;
            self.merged(loader, &place, os)
        })
    }

    /// The profile of `text`, as if it stood in the file `wanted`, which may end in
    /// `#NAME` where the text has several. Includes are looked for as ever.
    ///
    /// # Errors
    ///
    /// As [`Library::resolve`].
    pub fn resolve_text(&self, wanted: &str, text: &str, os: Os) -> Result<Resolved, Refused> {
        let path = wanted.rsplit_once('#').map_or(wanted, |(path, _)| path);
        let mut loader = Loader::default();
        loader.insert(Path::new(path), Source::new(path, text));
        // A path, even where it is only a word.
        match at_path(&mut loader, wanted) {
            Ok(place) => finish(loader, |loader| self.merged(loader, &place, os)),
            Err(diagnostics) => finish(loader, |_| Err(diagnostics)),
        }
    }

    /// Looks at the profile that `wanted` names, or at all of a file's, on every
    /// operating system: an error in an `os` block shows on any machine.
    #[must_use]
    pub fn check(&self, wanted: &str) -> Checked {
        let mut loader = Loader::default();
        let places = match self.several(&mut loader, wanted) {
            Ok(places) => places,
            Err(diagnostics) => {
                return Checked {
                    sound: Vec::new(),
                    diagnostics,
                    sources: loader.sources,
                };
            }
        };
        self.look_at(loader, &places)
    }

    /// Looks at every profile of the search path, on every operating system.
    #[must_use]
    pub fn check_all(&self) -> Checked {
        let mut loader = Loader::default();
        let mut places = Vec::new();
        let mut unreadable = Vec::new();
        for folder in &self.folders {
            let paths = loader.folder(folder).unwrap_or_else(|diagnostic| {
                unreadable.push(diagnostic);
                Vec::new()
            });
            for path in paths {
                match loader.file(&path) {
                    Ok(file) => {
                        if file.is_broken() {
                            unreadable.extend(file.diagnostics.iter().cloned());
                        }
                        let all = 0..file.profiles.len();
                        places.extend(all.map(|index| Place::new(&path, &file, index)));
                    }
                    Err(diagnostic) => unreadable.push(diagnostic),
                }
            }
        }
        let mut checked = self.look_at(loader, &places);
        unreadable.append(&mut checked.diagnostics);
        checked.diagnostics = without_repetition(unreadable);
        checked
    }

    fn look_at(&self, mut loader: Loader, places: &[Place]) -> Checked {
        let mut checked = Checked::default();
        for place in places {
            let mut sound = true;
            for os in [Os::Linux, Os::Macos] {
                match self.merged(&mut loader, place, os) {
                    Ok((profile, _)) => checked.diagnostics.extend(lint(&profile)),
                    Err(diagnostics) => {
                        sound = false;
                        checked.diagnostics.extend(diagnostics);
                    }
                }
            }
            if sound {
                checked.sound.push(place.written().name.clone());
            }
        }
        checked.diagnostics = without_repetition(checked.diagnostics);
        checked.sources = loader.sources;
        checked
    }

    /// All profiles of the search path.
    #[must_use]
    pub fn list(&self) -> Listing {
        let mut loader = Loader::default();
        let mut listing = Listing::default();
        let mut earlier: BTreeSet<Name> = BTreeSet::new();
        for folder in &self.folders {
            let paths = loader.folder(folder).unwrap_or_else(|diagnostic| {
                listing.diagnostics.push(diagnostic);
                Vec::new()
            });
            let start = listing.profiles.len();
            for path in paths {
                let file = match loader.file(&path) {
                    Ok(file) => file,
                    Err(diagnostic) => {
                        listing.diagnostics.push(diagnostic);
                        continue;
                    }
                };
                listing.diagnostics.extend(file.diagnostics.iter().cloned());
                listing
                    .profiles
                    .extend(file.profiles.iter().map(|written| Found {
                        name: written.name.clone(),
                        description: written.description.clone(),
                        file: path.clone(),
                        shadowed: earlier.contains(&written.name),
                        ambiguous: false,
                        broken: file.is_broken(),
                    }));
            }
            let here = listing.profiles.get_mut(start..).unwrap_or_default();
            let mut count: BTreeMap<Name, usize> = BTreeMap::new();
            for found in &*here {
                *count.entry(found.name.clone()).or_default() += 1;
            }
            for found in here {
                found.ambiguous = count.get(&found.name).is_some_and(|count| *count > 1);
            }
            earlier.extend(count.into_keys());
        }
        listing.diagnostics = without_repetition(listing.diagnostics);
        listing.sources = loader.sources;
        listing
    }

    /// Every profile that `wanted` may mean: one by name, all of a file.
    fn several(&self, loader: &mut Loader, wanted: &str) -> Result<Vec<Place>, Vec<Diagnostic>> {
        let path = Path::new(wanted);
        if !Self::is_path(wanted) || (wanted.contains('#') && !path.exists()) {
            return self.locate(loader, wanted).map(|place| vec![place]);
        }
        let file = loader.file(path).map_err(|diagnostic| vec![diagnostic])?;
        if file.is_broken() {
            return Err(file.diagnostics.clone());
        }
        let all = 0..file.profiles.len();
        Ok(all.map(|index| Place::new(path, &file, index)).collect())
    }

    /// The profile that `wanted` names or leads to.
    fn locate(&self, loader: &mut Loader, wanted: &str) -> Result<Place, Vec<Diagnostic>> {
        if Self::is_path(wanted) {
            return at_path(loader, wanted);
        }
        let name = Name::new(wanted).map_err(|error| {
            let error = Diagnostic::error(
                code::BAD_NAME,
                format!("`{wanted}` is no name of a profile: {error}"),
            );
            vec![error.help("name a file by a path with a `/`, such as ./office.kdl")]
        })?;
        match self.search(loader, &name)? {
            Some(place) => Ok(place),
            None => Err(self.not_found(loader, &name)),
        }
    }

    /// The profile of that name in the search path.
    fn search(&self, loader: &mut Loader, name: &Name) -> Result<Option<Place>, Vec<Diagnostic>> {
        for folder in &self.folders {
            let places = loader.named_in(folder, name);
            if let Some(place) = single(name, folder, places)? {
                return Ok(Some(place));
            }
            // A file of that name in which the profile cannot even be recognised.
            let path = folder.join(format!("{name}.kdl"));
            if loader
                .folder(folder)
                .is_ok_and(|paths| paths.contains(&path))
            {
                match loader.file(&path) {
                    Ok(file) if file.is_broken() => return Err(file.diagnostics.clone()),
                    Err(diagnostic) => return Err(vec![diagnostic]),
                    Ok(_) => {}
                }
            }
        }
        Ok(None)
    }

    fn not_found(&self, loader: &mut Loader, name: &Name) -> Vec<Diagnostic> {
        let listing = self.list();
        let names: BTreeSet<&str> = listing
            .profiles
            .iter()
            .map(|found| found.name.as_str())
            .collect();
        let help = did_you_mean(name.as_str(), names.iter().copied(), || {
            if self.folders.is_empty() {
                "there is no folder to look in".to_owned()
            } else {
                let folders = self.folders.iter().map(|folder| folder.display());
                format!("looked for in {}", list(folders))
            }
        });
        let mut found = vec![
            Diagnostic::error(code::NOT_FOUND, format!("there is no profile \"{name}\""))
                .help(help),
        ];
        for folder in &self.folders {
            for path in loader.folder(folder).unwrap_or_default() {
                let first = match loader.file(&path) {
                    Ok(file) => file.diagnostics.first().cloned(),
                    Err(diagnostic) => Some(diagnostic),
                };
                found.extend(first.map(|first| broken_file(&path, &first)));
            }
        }
        found.extend(
            listing
                .diagnostics
                .into_iter()
                .filter(|diagnostic| !diagnostic.is_error()),
        );
        found
    }

    fn include_not_found(&self, path: &Path, from: &Name, include: &Spanned<Name>) -> Diagnostic {
        let name = &include.value;
        let here =
            Library::new(std::iter::once(folder_of(path)).chain(self.folders.iter().cloned()));
        let listing = here.list();
        let names: BTreeSet<&str> = listing
            .profiles
            .iter()
            .map(|found| found.name.as_str())
            .filter(|other| *other != from.as_str())
            .collect();
        let help = did_you_mean(name.as_str(), names, || {
            format!("write profile \"{name}\" {{ ... }} into this file, or into one beside it")
        });
        Diagnostic::error(
            code::INCLUDE_NOT_FOUND,
            format!("there is no profile \"{name}\" to include"),
        )
        .at(include.at.clone())
        .label("not found")
        .help(help)
    }

    /// Merges the profile at `place` with what it includes.
    fn merged(
        &self,
        loader: &mut Loader,
        place: &Place,
        os: Os,
    ) -> Result<(Profile, Vec<PathBuf>), Vec<Diagnostic>> {
        let mut walk = Walk {
            library: self,
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
}

fn finish(
    mut loader: Loader,
    merge: impl FnOnce(&mut Loader) -> Result<(Profile, Vec<PathBuf>), Vec<Diagnostic>>,
) -> Result<Resolved, Refused> {
    match merge(&mut loader) {
        Ok((profile, files)) => Ok(Resolved {
            sha256: digest(&profile),
            warnings: lint(&profile),
            profile,
            files,
            sources: loader.sources,
        }),
        Err(diagnostics) => Err(Refused {
            diagnostics,
            sources: loader.sources,
        }),
    }
}

fn broken_file(path: &Path, first: &Diagnostic) -> Diagnostic {
    Diagnostic::note(
        code::BROKEN_FILE,
        format!("{} has errors, and may hold more profiles", path.display()),
    )
    .at(first.location.clone())
    .label(first.message.clone())
    .help(format!("see: netprof check {}", path.display()))
}

fn at_path(loader: &mut Loader, wanted: &str) -> Result<Place, Vec<Diagnostic>> {
    let whole = Path::new(wanted);
    // A `#` may be part of the file's own name.
    let (path, name) = match wanted.rsplit_once('#') {
        Some((path, name)) if !whole.exists() => (Path::new(path), Some(name)),
        _ => (whole, None),
    };
    let file = loader.file(path).map_err(|diagnostic| vec![diagnostic])?;
    let names = || file.profiles.iter().map(|written| written.name.as_str());
    if let Some(name) = name {
        let found = Name::new(name)
            .ok()
            .and_then(|name| named(path, &file, &name));
        return match found {
            Some(place) => Ok(place),
            None if file.is_broken() => Err(file.diagnostics.clone()),
            None => Err(vec![
                Diagnostic::error(
                    code::NOT_FOUND,
                    format!("{} has no profile \"{name}\"", path.display()),
                )
                .help(did_you_mean(name, names(), || {
                    format!("it has {}", list(names()))
                })),
            ]),
        };
    }
    match file.profiles.as_slice() {
        _ if file.is_broken() => Err(file.diagnostics.clone()),
        [_] => Ok(Place::new(path, &file, 0)),
        _ => Err(vec![
            Diagnostic::error(
                code::AMBIGUOUS,
                format!("{} has several profiles: {}", path.display(), list(names())),
            )
            .help(format!(
                "name one of them: {}#{}",
                path.display(),
                names().next().unwrap_or_default()
            )),
        ]),
    }
}

/// The only one of `places`, which are all profiles of that name in `folder`.
fn single(
    name: &Name,
    folder: &Path,
    places: Vec<Place>,
) -> Result<Option<Place>, Vec<Diagnostic>> {
    let mut places = places.into_iter();
    let first = places.next();
    if let (Some(first), Some(second)) = (&first, places.next()) {
        return Err(vec![
            Diagnostic::error(
                code::AMBIGUOUS,
                format!("\"{name}\" is declared twice in {}", folder.display()),
            )
            .at(second.written().at.clone())
            .label(format!("the other one is at {}", first.written().at))
            .help("give one of them another name, or name the file by its path"),
        ]);
    }
    Ok(first)
}

fn without_repetition(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    diagnostics
        .into_iter()
        .filter(|one| seen.insert((one.code.clone(), one.location.clone(), one.message.clone())))
        .collect()
}

fn digest(profile: &Profile) -> String {
    let canonical = serde_json::to_vec(profile).unwrap_or_default();
    Sha256::digest(canonical)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
