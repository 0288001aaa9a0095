//! Names that people choose: of profiles, links and scopes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
pub const MAX_LENGTH: usize = 63;

/// A name of a profile, a link or a scope: `[a-z0-9][a-z0-9._-]{0,62}`.
///
/// Names become parts of file names (`netprof-NAME.dns-delegate`), so the set is
/// the one that needs no quoting anywhere: no `/`, no leading dot, no upper case
/// that a case-folding file system would confuse.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name is empty")]
    Empty,
    /// More than [`MAX_LENGTH`] bytes.
    #[error("a name is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// The first character is not a lower-case letter or a digit.
    #[error("a name starts with a lower-case letter or a digit, not with `{0}`")]
    Start(char),
    /// A later character is not in the set.
    #[error("`{0}` cannot stand in a name: lower-case letters, digits, `.`, `_` and `-` can")]
    Character(char),
}

impl Name {
    /// Checks `text` and keeps it as a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] says which rule the text breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let mut characters = text.chars();
        match characters.next() {
            None => return Err(NameError::Empty),
            Some('a'..='z' | '0'..='9') => {}
            Some(other) => return Err(NameError::Start(other)),
        }
        if let Some(wrong) =
            characters.find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-'))
        {
            return Err(NameError::Character(wrong));
        }
        if text.len() > MAX_LENGTH {
            return Err(NameError::TooLong);
        }
        Ok(Self(text))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_documented_set() {
        for good in ["a", "0", "office", "a.b_c-d", &"x".repeat(63)] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", NameError::Empty),
            ("-a", NameError::Start('-')),
            ("../x", NameError::Start('.')),
            ("a/b", NameError::Character('/')),
            ("aB", NameError::Character('B')),
            (&"x".repeat(64), NameError::TooLong),
        ] {
            assert_eq!(Name::new(bad), Err(why), "{bad}");
        }
    }
}
