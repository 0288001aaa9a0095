//! JSON, as far as it is written and read by hand.
//!
//! A journal may hold ten thousand changes that differ in a route and a place in a file. For
//! each of them serde would take some thousand instructions to write it and as many to read
//! it, which is more than the kernel takes to make it. So those rows are written by hand,
//! as serde would write them, and read by hand where they stand as they are written. A list
//! with a row that is anything else is read by serde, as is all that is no such list.

use std::io::{self, Write};
use std::iter::Peekable;
use std::vec;

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::value::RawValue;

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

    /// Writes a list, element by element, unless there is nothing in it.
    pub(crate) fn list(&mut self, name: &'static str, all: &[impl Serialize]) -> Written {
        if all.is_empty() {
            return Ok(());
        }
        rows(self.name(name)?, all, |row, one| {
            row.push_str(&serde_json::to_string(one)?);
            Ok(())
        })
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
/// else by serde, and asks for the rows of each run that it comes to.
pub(crate) fn read_runs<T: DeserializeOwned, R>(
    text: &str,
    by_hand: fn(&mut Text<'_>) -> Option<T>,
    read: impl Fn(&mut Runs<'_, T>) -> serde_json::Result<R>,
) -> serde_json::Result<R> {
    let (short, cut) = cut(text, by_hand);
    let mut runs = Runs::new(&short, cut);
    match read(&mut runs) {
        Ok(all) if runs.cut.len() == 0 => Ok(all),
        // It is damaged, or something looks like a run and is none. What is wrong, and
        // where, only the whole text tells.
        _ => read(&mut Runs::new(text, Vec::new())),
    }
}

/// A text of which some lists were cut out.
pub(crate) struct Runs<'a, T> {
    /// It has nothing but their brackets left of those lists.
    pub(crate) text: &'a str,
    /// Where each of them was, in their order.
    cut: Peekable<vec::IntoIter<(usize, Vec<T>)>>,
}

impl<'a, T: DeserializeOwned> Runs<'a, T> {
    fn new(text: &'a str, cut: Vec<(usize, Vec<T>)>) -> Self {
        let cut = cut.into_iter().peekable();
        Self { text, cut }
    }

    /// The rows of a run, of which `each` is what the text has. Those that were cut out belong
    /// where they stood, and nowhere else: a file may hold empty lists of its own.
    pub(crate) fn rows(&mut self, each: &'a RawValue) -> serde_json::Result<Vec<T>> {
        let at = each.get().as_ptr().addr() - self.text.as_ptr().addr();
        let rows = match self.cut.next_if(|(place, _)| *place == at) {
            Some((_, rows)) => rows,
            None => serde_json::from_str(each.get()).map_err(|error| {
                let words = format_args!("in the list at byte {at}: {error}");
                serde_json::Error::custom(words)
            })?,
        };
        if rows.is_empty() {
            return Err(serde_json::Error::custom("a run has no rows"));
        }
        Ok(rows)
    }
}

/// What stands before the rows of a run. It stands within no text: a quotation mark there
/// has a backslash before it.
const EACH: &str = r#","each":["#;

/// `text` without the rows that `by_hand` can read, and those rows by the place of their
/// list in what is left.
pub(crate) fn cut<T>(
    text: &str,
    by_hand: fn(&mut Text<'_>) -> Option<T>,
) -> (String, Vec<(usize, Vec<T>)>) {
    let (mut short, mut cut) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find(EACH) {
        let (before, list) = rest.split_at(at + EACH.len());
        short.push_str(before);
        rest = list;
        if let Some((rows, behind)) = list_by_hand(list, by_hand) {
            // The bracket is the last that was put there.
            cut.push((short.len() - 1, rows));
            rest = behind;
        }
    }
    short.push_str(rest);
    (short, cut)
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
