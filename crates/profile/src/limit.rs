//! Diagnostics that stay few.
//!
//! A file of a megabyte can hold forty thousand mistakes of one kind. Nobody reads
//! past the first, and the suggestion that goes with each costs a look at all the
//! names that there are.

use netprof_model::{Diagnostic, Location};

use crate::code;

/// How many errors are shown, of one file or of one profile.
pub(crate) const MAX_ERRORS: usize = 20;

/// Some errors, and how many more there are.
#[derive(Default)]
pub(crate) struct Errors {
    shown: Vec<Diagnostic>,
    more: usize,
}

impl Errors {
    /// Adds an error, which is not made where it would not be shown.
    pub(crate) fn add(&mut self, error: impl FnOnce() -> Diagnostic) {
        if self.shown.len() < MAX_ERRORS {
            self.shown.push(error());
        } else {
            self.more += 1;
        }
    }

    /// What was added, and a last one that says how many more there are.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        limited(self.shown, self.more)
    }
}

/// The first of `diagnostics`, and a last one that says how many more there are,
/// with `uncounted` that are not among them.
pub(crate) fn limited(mut diagnostics: Vec<Diagnostic>, uncounted: usize) -> Vec<Diagnostic> {
    let more = diagnostics.len().saturating_sub(MAX_ERRORS) + uncounted;
    diagnostics.truncate(MAX_ERRORS);
    if more > 0 {
        let at = diagnostics.last().and_then(|last| last.location.clone());
        let at = at.map(|at| Location { length: 0, ..at });
        let count = match more {
            1 => "one more error is not shown".to_owned(),
            more => format!("{more} more errors are not shown"),
        };
        diagnostics.push(
            Diagnostic::error(code::MORE_ERRORS, count)
                .at(at)
                .help("mend the first ones: the others may come of them"),
        );
    }
    diagnostics
}
