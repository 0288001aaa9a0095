//! Profiles by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use netprof_model::profile::{Profile, Spanned};
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Name};
use sha2::{Digest, Sha256};

use crate::code;
use crate::lint::lint;
use crate::load::{Found, Listing, Loader, Place, named};
use crate::source::{Source, Sources};
use crate::suggest::{did_you_mean, list};
use crate::walk::{folder_of, merged};

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
            merged(self, loader, &place, os)
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
            Ok(place) => finish(loader, |loader| merged(self, loader, &place, os)),
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
                match merged(self, &mut loader, place, os) {
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

    pub(crate) fn include_not_found(
        &self,
        path: &Path,
        from: &Name,
        include: &Spanned<Name>,
    ) -> Diagnostic {
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

fn digest(profile: &Profile) -> String {
    let canonical = serde_json::to_vec(profile).unwrap_or_default();
    Sha256::digest(canonical)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
