//! What netprof has to say about a line of a profile, or about the machine.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::owner::Owner;

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what was meant. Does not change an exit code by itself.
    Warning,
    /// Refused: what it stands on is not carried out.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A stretch of a file that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The file, as it was named to netprof.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The length in bytes.
    pub length: u32,
    /// Where it starts in the file, in bytes from 0.
    pub offset: u32,
}

impl Location {
    /// The location of `length` bytes at `offset` of `text`, the content of `file`.
    ///
    /// An offset past the end or within a character is moved back to the next
    /// place that exists, so that a diagnostic can always be shown.
    #[must_use]
    pub fn of(file: &Arc<str>, text: &str, offset: usize, length: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            file: Arc::clone(file),
            line: small(before.matches('\n').count() + 1),
            column: small(before[line_start..].chars().count() + 1),
            length: small(length.min(text.len() - offset)),
            offset: small(offset),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that netprof has to say, where, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable code such as `profile::unknown-node`, for scripts and for search.
    pub code: String,
    /// What is so, in one sentence without a full stop at its end.
    pub message: String,
    /// The stretch of a profile that it is about.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// A few words that stand at the marked stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Whose that is which is in the way, where it is one owner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl Diagnostic {
    fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            message: message.into(),
            location: None,
            label: None,
            help: None,
            owner: None,
        }
    }

    /// An error: what it stands on is refused.
    #[must_use]
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A note.
    #[must_use]
    pub fn note(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// The same, about this stretch of a file.
    #[must_use]
    pub fn at(mut self, location: impl Into<Option<Location>>) -> Self {
        self.location = location.into();
        self
    }

    /// The same, with words at the marked stretch.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same, with what would help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, about something of this owner's. Nobody is named where it cannot be told.
    #[must_use]
    pub fn whose(mut self, owner: Owner) -> Self {
        self.owner = (owner != Owner::Unknown).then_some(owner);
        self
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether any of `diagnostics` is an error.
#[must_use]
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_counts_lines_from_one_and_columns_in_characters() {
        let file: Arc<str> = "x.kdl".into();
        let text = "a\n\u{e4}\u{e4} b";
        let at = Location::of(&file, text, text.len() - 1, 1);
        assert_eq!((at.line, at.column, at.length), (2, 4, 1));
    }

    #[test]
    fn a_location_outside_its_text_is_moved_to_a_place_that_exists() {
        let file: Arc<str> = "x.kdl".into();
        let at = Location::of(&file, "\u{e4}", 1, 90);
        assert_eq!((at.line, at.column, at.offset, at.length), (1, 1, 0, 2));
        let at = Location::of(&file, "ab", 90, 90);
        assert_eq!((at.offset, at.length), (2, 0));
    }
}
