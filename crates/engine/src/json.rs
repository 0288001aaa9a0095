//! JSON, as far as it is written and read by hand.
//!
//! A journal may hold ten thousand changes that differ in a route and a place in a file. For
//! each of them serde would take some thousand instructions to write it and as many to read
//! it, which is more than the kernel takes to make it. So those rows, and nothing else, are
//! put together and taken apart here, in the order of fields in which serde has them; a row
//! that is anything else than expected is left to serde.

use std::io::{self, Write};

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    /// The disk does not take it.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// JSON has no words for it.
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
}

/// Whether something was written.
pub(crate) type Written = Result<(), Unwritten>;

/// Reads JSON as a text, which the command line reads, too: so there is one reader of each
/// type. And whether it is UTF-8 is looked at once, and not for each of its strings.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(text(bytes)?)
}

/// `bytes` as the text that they are.
pub(crate) fn text(bytes: &[u8]) -> serde_json::Result<&str> {
    str::from_utf8(bytes).map_err(serde_json::Error::custom)
}

/// Writes one value.
pub(crate) fn value(to: &mut dyn Write, value: &(impl Serialize + ?Sized)) -> Written {
    Ok(to.write_all(&serde_json::to_vec(value)?)?)
}

/// An object that is written field by field.
pub(crate) struct Object<'a> {
    to: &'a mut dyn Write,
    /// What stands before the next name.
    before: &'static str,
}

impl<'a> Object<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Self {
        Self { to, before: "{" }
    }

    /// Writes a name, behind which its value goes.
    pub(crate) fn name(&mut self, name: &'static str) -> io::Result<&mut dyn Write> {
        write!(self.to, "{}\"{name}\":", self.before)?;
        self.before = ",";
        Ok(self.to)
    }

    pub(crate) fn field(&mut self, name: &'static str, of: &(impl Serialize + ?Sized)) -> Written {
        value(self.name(name)?, of)
    }

    /// Writes a list, unless there is nothing in it.
    pub(crate) fn list(&mut self, name: &'static str, all: &[impl Serialize]) -> Written {
        match all {
            [] => Ok(()),
            all => self.field(name, all),
        }
    }

    pub(crate) fn end(self) -> Written {
        Ok(self.to.write_all(b"}")?)
    }
}

/// Writes a list, of which `row` puts each row behind what is there.
pub(crate) fn rows<T>(
    to: &mut dyn Write,
    all: &[T],
    row: impl Fn(&mut String, &T) -> serde_json::Result<()>,
) -> Written {
    let mut text = String::from("[");
    for one in all {
        row(&mut text, one)?;
        to.write_all(text.as_bytes())?;
        text.clear();
        text.push(',');
    }
    Ok(to.write_all(if all.is_empty() { b"[]" } else { b"]" })?)
}

/// Reads `text` with the rows of its runs by hand, as far as `by_hand` can. `read` reads all
/// else by serde: it is given a text in which nothing but their brackets is left of those
/// lists, and the rows of each.
pub(crate) fn read_runs<T, R>(
    text: &str,
    by_hand: fn(&mut Text<'_>) -> Option<T>,
    read: impl Fn(&str, &mut dyn Iterator<Item = Vec<T>>) -> serde_json::Result<R>,
) -> serde_json::Result<R> {
    let (short, mut cut) = cut(text, by_hand);
    let all = read(&short, &mut cut)?;
    match cut.next() {
        None => Ok(all),
        // There is something that looks like a run and is none.
        Some(_) => read(text, &mut std::iter::empty()),
    }
}

/// What stands before the rows of a run. It stands within no text: a quotation mark there
/// has a backslash before it.
const EACH: &str = r#","each":["#;

/// `text` without the rows that `by_hand` can read, and the rows of each list that is empty
/// now.
pub(crate) fn cut<T>(
    text: &str,
    by_hand: fn(&mut Text<'_>) -> Option<T>,
) -> (String, impl Iterator<Item = Vec<T>>) {
    let (mut short, mut cut) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find(EACH) {
        let (before, list) = rest.split_at(at + EACH.len());
        short.push_str(before);
        rest = list;
        if let Some((rows, behind)) = list_by_hand(list, by_hand) {
            cut.push(rows);
            rest = behind;
        }
    }
    short.push_str(rest);
    (short, cut.into_iter())
}

/// The rows that `list` begins with, and its end.
fn list_by_hand<T>(list: &str, by_hand: fn(&mut Text<'_>) -> Option<T>) -> Option<(Vec<T>, &str)> {
    let mut text = Text(list.as_bytes());
    let mut rows = Vec::new();
    loop {
        rows.push(by_hand(&mut text)?);
        match text.0.first()? {
            b',' => text.0 = &text.0[1..],
            b']' => return Some((rows, &list[list.len() - text.0.len()..])),
            _ => return None,
        }
    }
}

/// What is left of a text.
pub(crate) struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// Passes by what must stand there.
    #[inline]
    pub(crate) fn expect(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word.as_bytes())?;
        Some(())
    }

    /// A number of nothing but digits. JSON has none that begins with a zero.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u32> {
        let mut number = 0_u32;
        let mut digits = 0;
        while let Some((digit @ b'0'..=b'9', rest)) = self.0.split_first() {
            // A zero, and more behind it.
            if digits == 1 && number == 0 {
                return None;
            }
            number = number.checked_mul(10)?.checked_add((digit - b'0').into())?;
            digits += 1;
            self.0 = rest;
        }
        (digits > 0).then_some(number)
    }
}
