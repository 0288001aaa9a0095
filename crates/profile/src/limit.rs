//! Diagnostics that stay few.
//!
//! A file of a megabyte can hold forty thousand mistakes of one kind. Nobody reads
//! past the first, and the suggestion that goes with each costs a look at all the
//! names that there are. So of each file the first are made, and the rest counted.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use netprof_model::{Diagnostic, Location};

use crate::code;

/// How many errors are shown of one file; and how many warnings.
pub(crate) const MAX_SHOWN: usize = 20;

/// How many profiles a file may declare. Each is checked with all that it includes,
/// so that the work grows with the square of their number.
pub(crate) const MAX_PROFILES: usize = 1_000;

/// How much one check merges: declarations and includes, counted for each profile
/// that they come to. A hundred profiles may include a base of two thousand routes.
pub(crate) const MAX_MERGED: usize = 500_000;

/// What was found in profiles, each thing once.
#[derive(Default)]
pub(crate) struct Findings {
    shown: Vec<Diagnostic>,
    /// What was said of whole files, with their own limits, before.
    of_files: Vec<Diagnostic>,
    /// By file, the errors apart from the warnings.
    counts: BTreeMap<(Arc<str>, bool), Count>,
    /// Hashes, because what is counted only must not cost memory.
    seen: HashSet<u64>,
    errors: usize,
}

#[derive(Default)]
struct Count {
    shown: usize,
    more: usize,
    last: Option<Location>,
}

impl Findings {
    /// Adds an error, which is not made where it would not be shown. What has the
    /// same code, place and `subject` is the same.
    pub(crate) fn error(
        &mut self,
        code: &str,
        at: &Location,
        subject: &str,
        make: impl FnOnce() -> Diagnostic,
    ) {
        self.errors += 1;
        self.add((code, at, subject), true, make);
    }

    /// The same of a warning, or a note.
    pub(crate) fn warning(
        &mut self,
        code: &str,
        at: &Location,
        subject: &str,
        make: impl FnOnce() -> Diagnostic,
    ) {
        self.add((code, at, subject), false, make);
    }

    fn add(
        &mut self,
        key: (&str, &Location, &str),
        is_error: bool,
        make: impl FnOnce() -> Diagnostic,
    ) {
        if !self.seen.insert(hash(&key)) {
            return;
        }
        let file = Arc::clone(&key.1.file);
        let count = self.counts.entry((file, is_error)).or_default();
        if count.shown == MAX_SHOWN {
            count.more += 1;
            return;
        }
        let diagnostic = make();
        count.shown += 1;
        count.last.clone_from(&diagnostic.location);
        self.shown.push(diagnostic);
    }

    /// Adds what is wrong with a file, or a folder.
    pub(crate) fn file<'d>(&mut self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        for one in diagnostics {
            self.errors += usize::from(one.is_error());
            if self
                .seen
                .insert(hash(&(&one.code, &one.location, &one.message)))
            {
                self.of_files.push(one.clone());
            }
        }
    }

    /// Counts an error that was added already.
    pub(crate) fn count_error(&mut self) {
        self.errors += 1;
    }

    /// How many errors were added so far; one that was added twice counts twice.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// What was added, and for each file how many more there are.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.shown;
        for ((_, is_error), count) in self.counts {
            if count.more > 0 {
                diagnostics.push(more(count.more, is_error, count.last));
            }
        }
        diagnostics.extend(self.of_files);
        // In the order of their lines, wherever each was found.
        let place = |one: &Diagnostic| {
            let at = one.location.as_ref()?;
            Some((Arc::clone(&at.file), at.offset))
        };
        diagnostics.sort_by_cached_key(place);
        diagnostics
    }
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The first of the errors of a file, and a last one that says how many more there
/// are, with `uncounted` that are not among them.
pub(crate) fn limited(mut diagnostics: Vec<Diagnostic>, uncounted: usize) -> Vec<Diagnostic> {
    let hidden = diagnostics.len().saturating_sub(MAX_SHOWN) + uncounted;
    diagnostics.truncate(MAX_SHOWN);
    if hidden > 0 {
        let last = diagnostics.last().and_then(|last| last.location.clone());
        diagnostics.push(more(hidden, true, last));
    }
    diagnostics
}

fn more(count: usize, is_error: bool, last: Option<Location>) -> Diagnostic {
    let word = if is_error { "error" } else { "warning" };
    let text = match count {
        1 => format!("one more {word} is not shown"),
        many => format!("{many} more {word}s are not shown"),
    };
    let at = last.map(|at| Location { length: 0, ..at });
    if is_error {
        Diagnostic::error(code::MORE_ERRORS, text)
            .at(at)
            .help("mend the first ones: the others may come of them")
    } else {
        Diagnostic::warning(code::MORE_WARNINGS, text)
            .at(at)
            .help("see to the first ones, then check again")
    }
}
