//! Members of a JSON object that somebody else wrote, changed where they stand.
//!
//! A configuration file is edited by people: its order, its indentation and its line ends
//! are theirs. A parser and a printer would lose them, so nothing is printed here. A text
//! is read for where its members are, and an edit replaces, puts in or cuts out a stretch
//! of it; every other byte stays.
//!
//! What is put in is cut out again without a trace: a member that was absent stands behind
//! the last one, from the end of whose value on everything is its own. Into an empty object
//! it goes with the object's own white space on both sides, and the white space behind it
//! is what it leaves.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text of an object without members, to start a file with: whatever is put into it
/// has a line of its own.
pub const EMPTY: &str = "{\n}\n";

/// A JSON text that is one object, and where its members are.
#[derive(Clone, Debug)]
pub struct JsonObject<'a> {
    text: &'a str,
    /// In the order of the text; no name twice.
    members: Vec<Member>,
    /// Where its brace opens, and where the brace closes.
    braces: Range<usize>,
}

/// A member of an object.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    /// Where its name is in the text, with the quotation marks.
    key: Range<usize>,
    /// Where its value is.
    value: Range<usize>,
}

/// Why a text is no JSON object that can be edited, and where that shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct NotAnObject {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub why: String,
}

/// `text` with each of these members set to a JSON text, or removed.
///
/// # Errors
///
/// If `text` is no object that can be edited, or would be none then.
pub fn edited<'m>(
    text: &str,
    members: impl IntoIterator<Item = (&'m str, Option<&'m str>)>,
) -> Result<String, NotAnObject> {
    let mut text = text.to_owned();
    for (name, value) in members {
        let object = JsonObject::parse(text.as_bytes())?;
        text = match value {
            Some(value) => object.with(name, value),
            None => object.without(name),
        };
    }
    JsonObject::parse(text.as_bytes())?;
    Ok(text)
}

/// Whether two JSON texts are the same value, however they are written.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || read(one).is_some_and(|one| Some(one) == read(other))
}

impl<'a> JsonObject<'a> {
    /// The object that `bytes` are, in UTF-8, with or without a byte order mark.
    ///
    /// # Errors
    ///
    /// If they are anything else. A name that is there twice is refused, too: which of
    /// the two counts differs from reader to reader (RFC 8259, section 4).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotAnObject> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = &bytes[..error.valid_up_to()];
            NotAnObject::at(&String::from_utf8_lossy(valid), "these bytes are no UTF-8")
        })?;
        let json = text.strip_prefix('\u{feff}').unwrap_or(text);
        let start = text.len() - json.len();
        let refused = |error: &serde_json::Error| NotAnObject::of(json, error);
        let mut reader = serde_json::Deserializer::from_str(json);
        let values = (&mut reader)
            .deserialize_map(Values)
            .map_err(|error| refused(&error))?;
        reader.end().map_err(|error| refused(&error))?;

        let open = start + leading_space(json);
        let mut object = Self {
            text,
            members: Vec::with_capacity(values.len()),
            braces: open..open,
        };
        let mut names = HashSet::new();
        for (name, value) in values {
            // Behind the brace or the value before: a comma perhaps, and then the name.
            let gap = object.end_of_last();
            let key = gap + text[gap..].find('"').unwrap_or_default();
            // A raw value is a slice of the text itself.
            let value_start = value.get().as_ptr().addr() - text.as_ptr().addr();
            let colon = text[key..value_start].rfind(':').unwrap_or_default();
            let key = key..key + text[key..key + colon].trim_end().len();
            if !names.insert(name.clone()) {
                let why = format!("\"{name}\" is here for the second time");
                return Err(NotAnObject::at(&text[..key.start], why));
            }
            let value = value_start..value_start + value.get().len();
            object.members.push(Member { name, key, value });
        }
        let last = object.end_of_last();
        object.braces.end = last + leading_space(&text[last..]);
        Ok(object)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The names of its members, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The text of a member's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(&self.text[member.value.clone()])
    }

    /// Where a member is: line and column of its name, each from 1.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<(usize, usize)> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(position(&self.text[..member.key.start]))
    }

    /// Its text with this member: the value replaced where there is one, else a member
    /// behind the last, which is written as that one is. `value` is a JSON text.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> String {
        if let Some(member) = self.members.iter().find(|member| member.name == name) {
            return self.replaced(member.value.clone(), value);
        }
        let name = serde_json::Value::from(name);
        let Some((last, before)) = self.members.split_last() else {
            let space = self.between(self.braces.start + 1..self.braces.end);
            let indent = if space.contains('\n') { "  " } else { "" };
            let member = format!("{space}{indent}{name}: {value}{space}");
            return self.replaced(self.braces.start + 1..self.braces.end, &member);
        };
        let colon = self.between(last.key.end..last.value.start);
        let comma = match before.last() {
            Some(before) => self.between(before.value.end..last.key.start).to_owned(),
            None => match self.between(self.braces.start + 1..last.key.start) {
                // One member alone does not show whether a space follows a comma.
                "" if colon.ends_with(' ') => ", ".to_owned(),
                space => format!(",{space}"),
            },
        };
        let end = last.value.end;
        self.replaced(end..end, &format!("{comma}{name}{colon}{value}"))
    }

    /// Its text without this member.
    #[must_use]
    pub fn without(&self, name: &str) -> String {
        let Some(at) = self.members.iter().position(|member| member.name == name) else {
            return self.text.to_owned();
        };
        let member = &self.members[at];
        let stretch = if at > 0 {
            self.members[at - 1].value.end..member.value.end
        } else if let Some(next) = self.members.get(1) {
            member.key.start..next.key.start
        } else {
            self.braces.start + 1..member.value.end
        };
        self.replaced(stretch, "")
    }

    fn between(&self, stretch: Range<usize>) -> &'a str {
        &self.text[stretch]
    }

    /// Where the last member ends, or the brace that opens.
    fn end_of_last(&self) -> usize {
        let last = self.members.last();
        last.map_or(self.braces.start + 1, |last| last.value.end)
    }

    fn replaced(&self, stretch: Range<usize>, with: &str) -> String {
        let (before, behind) = (&self.text[..stretch.start], &self.text[stretch.end..]);
        [before, with, behind].concat()
    }
}

/// Names and the texts of their values, in order.
struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = map.next_entry()? {
            all.push(entry);
        }
        Ok(all)
    }
}

impl NotAnObject {
    /// What is wrong behind `before`.
    fn at(before: &str, why: impl Into<String>) -> Self {
        let (line, column) = position(before);
        Self {
            line,
            column,
            why: why.into(),
        }
    }

    /// What `error` says of `json`. Its columns are bytes, and its place is in its text.
    fn of(json: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = json.split('\n').nth(line.max(1) - 1).unwrap_or_default();
        let bytes = text.as_bytes();
        let before = &bytes[..column.max(1).min(bytes.len() + 1) - 1];
        let said = error.to_string();
        let place = format!(" at line {line} column {column}");
        Self {
            line: line.max(1),
            column: String::from_utf8_lossy(before).chars().count() + 1,
            why: said.strip_suffix(&place).unwrap_or(&said).to_owned(),
        }
    }
}

/// The line and the column of what follows `before`.
fn position(before: &str) -> (usize, usize) {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let column = line.trim_start_matches('\u{feff}').chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// How much white space `text` begins with, as JSON knows it.
fn leading_space(text: &str) -> usize {
    let rest = text.trim_start_matches([' ', '\t', '\n', '\r']);
    text.len() - rest.len()
}

#[cfg(test)]
mod tests;
