//! Finding and reading profile files, each once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netprof_model::{Diagnostic, Name};

use crate::code;
use crate::piece::Written;
use crate::read::File;
use crate::source::{self, Source, Sources};

/// One profile that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The file that it stands in.
    pub file: PathBuf,
    /// Whether an earlier folder has a profile of this name, which is the one that
    /// the name means.
    pub shadowed: bool,
    /// Whether two files of its folder have the name, so that it means neither.
    pub ambiguous: bool,
    /// Whether its file has errors.
    pub broken: bool,
}

/// All profiles of the search path, by folder, then by file.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The profiles.
    pub profiles: Vec<Found>,
    /// What is wrong with the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that were read.
    pub sources: Sources,
}

/// The profiles of a folder, by name.
type Index = BTreeMap<Name, Vec<Place>>;

/// Reads files, and keeps what was read.
#[derive(Default)]
pub(crate) struct Loader {
    files: BTreeMap<PathBuf, Result<Rc<File>, Diagnostic>>,
    folders: BTreeMap<PathBuf, Result<Rc<[PathBuf]>, Diagnostic>>,
    indexes: BTreeMap<PathBuf, Index>,
    pub(crate) sources: Sources,
}

/// Where in a file a profile is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) path: Rc<Path>,
    pub(crate) file: Rc<File>,
    index: usize,
}

/// What tells two profiles apart: the file, however it was named, and the number
/// in it. Files that were read stay where they are.
pub(crate) type Identity = (*const File, usize);

impl Place {
    pub(crate) fn new(path: &Path, file: &Rc<File>, index: usize) -> Self {
        Self {
            path: path.into(),
            file: Rc::clone(file),
            index,
        }
    }

    pub(crate) fn written(&self) -> &Written {
        &self.file.profiles[self.index]
    }

    pub(crate) fn identity(&self) -> Identity {
        (Rc::as_ptr(&self.file), self.index)
    }
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

impl Loader {
    /// The file at `path`, read at most once.
    pub(crate) fn file(&mut self, path: &Path) -> Result<Rc<File>, Diagnostic> {
        let key = canonical(path);
        if let Some(known) = self.files.get(&key) {
            return known.clone();
        }
        let read = source::read(path).map(|source| self.parse(source));
        self.files.insert(key, read.clone());
        read
    }

    /// Takes `source` for the file at `path`.
    pub(crate) fn insert(&mut self, path: &Path, source: Source) {
        let file = self.parse(source);
        self.files.insert(canonical(path), Ok(file));
    }

    fn parse(&mut self, source: Source) -> Rc<File> {
        self.sources.add(&source);
        Rc::new(File::parse(&source))
    }

    /// The profile files of `folder`, sorted by name; none where it is not there.
    pub(crate) fn folder(&mut self, folder: &Path) -> Result<Rc<[PathBuf]>, Diagnostic> {
        if let Some(known) = self.folders.get(folder) {
            return known.clone();
        }
        let read = entries(folder).map(Rc::from);
        self.folders.insert(folder.to_owned(), read.clone());
        read
    }

    /// The profiles of that name in `folder`, in files that can be read.
    pub(crate) fn named_in(&mut self, folder: &Path, name: &Name) -> Vec<Place> {
        self.index(folder).get(name).cloned().unwrap_or_default()
    }

    /// The names of the profiles in `folder`, in files that can be read.
    pub(crate) fn names_in(&mut self, folder: &Path) -> impl Iterator<Item = &Name> {
        self.index(folder).keys()
    }

    fn index(&mut self, folder: &Path) -> &Index {
        if !self.indexes.contains_key(folder) {
            let index = self.read_index(folder);
            self.indexes.insert(folder.to_owned(), index);
        }
        &self.indexes[folder]
    }

    fn read_index(&mut self, folder: &Path) -> Index {
        let mut index = Index::new();
        let paths = self.folder(folder);
        for path in paths.iter().flat_map(|paths| paths.iter()) {
            let Ok(file) = self.file(path) else { continue };
            for (number, written) in file.profiles.iter().enumerate() {
                let places = index.entry(written.name.clone()).or_default();
                places.push(Place::new(path, &file, number));
            }
        }
        index
    }
}

/// The profile of that name in `file`.
pub(crate) fn named(path: &Path, file: &Rc<File>, name: &Name) -> Option<Place> {
    let index = file.by_name.get(name)?;
    Some(Place::new(path, file, *index))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let unreadable = |error: std::io::Error| {
        Diagnostic::warning(
            code::UNREADABLE,
            format!(
                "{} cannot be read: {}",
                folder.display(),
                source::reason(&error)
            ),
        )
    };
    let read = match std::fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut paths = Vec::new();
    for entry in read {
        let path = entry.map_err(unreadable)?.path();
        let is_profile = path.extension().is_some_and(|extension| extension == "kdl");
        // Editors keep locks and copies under names that start with a dot.
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_profile && !is_hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
