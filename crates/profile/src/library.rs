//! Profiles by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netprof_model::profile::{Profile, Spanned};
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Name, shell};

use crate::code;
use crate::digest::digest;
use crate::limit::{Findings, MAX_MERGED};
use crate::lint::lint;
use crate::load::{Found, Listing, Loader, Place, named};
use crate::pac;
use crate::source::{Source, Sources};
use crate::suggest::{did_you_mean, list};
use crate::walk::{Graph, folder_of};

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
        let mut loader = Loader::default();
        let place = self.locate(&mut loader, wanted);
        finish(self, loader, place, os)
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
        let place = at_path(&mut loader, wanted);
        finish(self, loader, place, os)
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
        self.look_at(loader, &places, Findings::default())
    }

    /// Looks at every profile of the search path, on every operating system.
    #[must_use]
    pub fn check_all(&self) -> Checked {
        let mut loader = Loader::default();
        let mut places = Vec::new();
        let mut found = Findings::default();
        for folder in &self.folders {
            let paths = loader.folder(folder).unwrap_or_else(|diagnostic| {
                found.file([&diagnostic]);
                Rc::default()
            });
            for path in paths.iter() {
                match loader.file(path) {
                    Ok(file) => {
                        found.file(&file.diagnostics);
                        // As where the file alone is looked at.
                        if file.torn {
                            continue;
                        }
                        let all = 0..file.profiles.len();
                        places.extend(all.map(|index| Place::new(path, &file, index)));
                    }
                    Err(diagnostic) => found.file([&diagnostic]),
                }
            }
        }
        self.look_at(loader, &places, found)
    }

    fn look_at(&self, mut loader: Loader, places: &[Place], mut found: Findings) -> Checked {
        let mut checked = Checked::default();
        let mut graphs = [Os::Linux, Os::Macos].map(|os| (os, Graph::new(self, os)));
        let mut left = MAX_MERGED;
        // What cannot be merged takes nothing away from what can.
        let mut unsound = MAX_MERGED;
        for place in places {
            let before = found.errors();
            for (os, graph) in &mut graphs {
                let number = graph.explore(&mut loader, place, &mut found);
                if !graph.is_sound(number) {
                    // Its includes have an error, which was added when it was met.
                    found.count_error();
                    graph.undeclared(number, &mut unsound, &mut found);
                } else if let Some(rest) = affordable(graph.cost(number, left), left) {
                    left = rest;
                    if let Some((profile, _)) = graph.merged(number, &mut found) {
                        lint(&profile, &mut found);
                        pac::check(&profile, *os, &mut found);
                    }
                } else {
                    left = 0;
                    let at = &place.written().at;
                    found.error(code::TOO_MANY, at, "", || too_much(place));
                }
                if !graph.has_os(number) {
                    break;
                }
            }
            if found.errors() == before {
                checked.sound.push(place.written().name.clone());
            }
        }
        checked.diagnostics = found.into_diagnostics();
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
                Rc::default()
            });
            let start = listing.profiles.len();
            for path in paths.iter() {
                let file = match loader.file(path) {
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

    /// The file of the profile that `name` means, if it means one.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<PathBuf> {
        let found = self.search(&mut Loader::default(), name).ok().flatten();
        found.map(|place| place.path.to_path_buf())
    }

    /// Every profile that `wanted` may mean: one by name, all of a file.
    fn several(&self, loader: &mut Loader, wanted: &str) -> Result<Vec<Place>, Vec<Diagnostic>> {
        let path = Path::new(wanted);
        if !Self::is_path(wanted) || (wanted.contains('#') && !path.exists()) {
            return self.locate(loader, wanted).map(|place| vec![place]);
        }
        let file = loader.file(path).map_err(|diagnostic| vec![diagnostic])?;
        if file.torn || (file.is_broken() && file.profiles.is_empty()) {
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
    pub(crate) fn search(
        &self,
        loader: &mut Loader,
        name: &Name,
    ) -> Result<Option<Place>, Vec<Diagnostic>> {
        for folder in &self.folders {
            let places = loader.named_in(folder, name);
            if let Some(place) = single(name, folder, places)? {
                return Ok(Some(place));
            }
            // A file of that name in which the profile cannot even be recognised.
            let path = folder.join(format!("{name}.kdl"));
            if loader
                .folder(folder)
                .is_ok_and(|paths| paths.binary_search(&path).is_ok())
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
            let paths = loader.folder(folder);
            for path in paths.iter().flat_map(|paths| paths.iter()) {
                let first = match loader.file(path) {
                    Ok(file) => file.diagnostics.first().cloned(),
                    Err(diagnostic) => Some(diagnostic),
                };
                found.extend(first.map(|first| broken_file(path, &first)));
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

    pub(crate) fn include_not_found(
        &self,
        loader: &mut Loader,
        from: &Place,
        include: &Spanned<Name>,
    ) -> Diagnostic {
        let name = &include.value;
        let mut names: BTreeSet<Name> = from.file.by_name.keys().cloned().collect();
        for folder in std::iter::once(&folder_of(&from.path)).chain(&self.folders) {
            names.extend(loader.names_in(folder).cloned());
        }
        names.remove(&from.written().name);
        let names = names.iter().map(Name::as_str);
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
}

fn finish(
    library: &Library,
    mut loader: Loader,
    place: Result<Place, Vec<Diagnostic>>,
    os: Os,
) -> Result<Resolved, Refused> {
    let mut found = Findings::default();
    let merged = place.map(|place| {
        let mut graph = Graph::new(library, os);
        let number = graph.explore(&mut loader, &place, &mut found);
        if !graph.is_sound(number) {
            graph.undeclared(number, &mut { MAX_MERGED }, &mut found);
            return None;
        }
        let merged = graph.merged(number, &mut found);
        merged.filter(|(profile, _)| pac::check(profile, os, &mut found))
    });
    let diagnostics = match merged {
        Ok(Some((profile, files))) => {
            lint(&profile, &mut found);
            return Ok(Resolved {
                sha256: digest(&profile),
                warnings: found.into_diagnostics(),
                profile,
                files,
                sources: loader.sources,
            });
        }
        Ok(None) => found.into_diagnostics(),
        Err(diagnostics) => diagnostics,
    };
    Err(Refused {
        diagnostics,
        sources: loader.sources,
    })
}

/// What is left of what may be merged. The first profile is, however much it is:
/// else nobody could look at it.
fn affordable(cost: usize, left: usize) -> Option<usize> {
    match left {
        MAX_MERGED => Some(left.saturating_sub(cost)),
        left => left.checked_sub(cost),
    }
}

fn too_much(place: &Place) -> Diagnostic {
    let name = &place.written().name;
    Diagnostic::error(
        code::TOO_MANY,
        format!("\"{name}\" is not looked at: this check has come to more than {MAX_MERGED} declarations"),
    )
    .at(place.written().at.clone())
    .label("not looked at")
    .help(format!("check it alone: {}", check(&format!("{}#{name}", place.path.display()))))
}

fn broken_file(path: &Path, first: &Diagnostic) -> Diagnostic {
    Diagnostic::note(
        code::BROKEN_FILE,
        format!("{} has errors, and may hold more profiles", path.display()),
    )
    .at(first.location.clone())
    .label(first.message.clone())
    .help(format!("see: {}", check(&path.display().to_string())))
}

/// The command that looks at `what`, which a file of any name may be part of.
fn check(what: &str) -> String {
    shell::line(&["netprof", "check", &shell::operand(what)])
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
        _ if file.torn => Err(file.diagnostics.clone()),
        [_] => Ok(Place::new(path, &file, 0)),
        _ if file.is_broken() => Err(file.diagnostics.clone()),
        _ => {
            let first = names().next().unwrap_or_default();
            let one = format!("{}#{first}", path.display());
            let one = shell::line(&[&shell::operand(&one)]);
            let message = format!("{} has several profiles: {}", path.display(), list(names()));
            Err(vec![
                Diagnostic::error(code::AMBIGUOUS, message)
                    .help(format!("name one of them: {one}")),
            ])
        }
    }
}

/// The only one of `places`, which are all profiles of that name in `folder`.
pub(crate) fn single(
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

pub(crate) fn without_repetition(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    diagnostics
        .into_iter()
        .filter(|one| seen.insert((one.code.clone(), one.location.clone(), one.message.clone())))
        .collect()
}
