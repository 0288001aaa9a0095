//! `scutil`'s `show` and `--proxy`: a dictionary, as configd writes it down.
//!
//! The writing is `_SCCopyDescription` of configd, `SystemConfiguration.fproj/SCD.c`:
//! members two spaces further in, keys sorted, `TRUE` and `FALSE`, `<data> 0x00ff`; an
//! empty string leaves the space behind its colon. [`print()`] makes the same bytes.
//!
//! The writing loses what it does not mark, so reading makes up for nothing: a number
//! looks like its digits and becomes a string (`schema::typed` knows better by the key),
//! a date and a real number too; a string `TRUE` becomes a boolean. A string with a line
//! break in it, as a proxy script of several lines, is refused where its second line
//! stands.
//!
//! Only the braces tell what is inside what. So the depth of the indentation does not
//! matter, and it may even be lost.

use std::fmt::Write as _;

use netprof_model::plist::{Dictionary, Value};

use super::{Unexpected, is_remark, numbered};

/// How deep dictionaries may be nested. configd's own go three deep.
pub const DEPTH: usize = 64;

const DICTIONARY: &str = "<dictionary> {";
const ARRAY: &str = "<array> {";
const DATA: &str = "<data> 0x";

/// The one value that `text` shows.
///
/// # Errors
///
/// [`Unexpected`]: the first line that is not as the tool prints it.
pub fn parse(text: &str) -> Result<Value, Unexpected> {
    let mut reader = Reader::default();
    let mut last = 0;
    for (number, line) in numbered(text) {
        last = number;
        if reader.done.is_some() {
            if line.trim().is_empty() {
                continue;
            }
            return Err(Unexpected::new(number, "the end", line));
        }
        reader.line(number, line)?;
    }
    reader
        .done
        .ok_or_else(|| Unexpected::new(last + 1, "a closing brace", ""))
}

/// Everything that a dialogue with scutil shows, each value under the key that was asked
/// for before it (`show KEY`, `get KEY`), and the lines that were left out. A value that
/// was not asked for has no key. Lines with a prompt and remarks are passed over, and so
/// are empty lines.
#[must_use]
pub fn dialogue(text: &str) -> (Vec<(Option<String>, Value)>, Vec<Unexpected>) {
    let mut shown = Vec::new();
    let mut left_out = Vec::new();
    let mut key = None;
    let mut reader = Reader::default();
    for (number, line) in numbered(text) {
        if is_remark(line) {
            if let Some(unfinished) = reader.abandon(number) {
                left_out.push(unfinished);
            }
            key = asked(line).or(key);
            continue;
        }
        if let Err(unexpected) = reader.line(number, line) {
            left_out.push(unexpected);
            reader = Reader::default();
            key = None;
        } else if let Some(value) = reader.done.take() {
            shown.push((key.take(), value));
        }
    }
    let end = text.lines().count() + 1;
    left_out.extend(reader.abandon(end));
    (shown, left_out)
}

/// The key that a line of a dialogue asks for.
fn asked(line: &str) -> Option<String> {
    let mut words = line.trim_start().strip_prefix('>')?.split_whitespace();
    let command = words.next()?;
    let key = words.next()?;
    matches!(command, "show" | "get").then(|| key.to_owned())
}

enum Open {
    Dictionary(Dictionary),
    Array(Vec<Value>),
}

#[derive(Default)]
struct Reader {
    /// What is open, outermost first, each with its key in the one around it.
    open: Vec<(String, Open)>,
    done: Option<Value>,
}

impl Reader {
    /// Forgets what is not closed, and says so.
    fn abandon(&mut self, number: usize) -> Option<Unexpected> {
        let unfinished = !self.open.is_empty();
        self.open.clear();
        unfinished.then(|| Unexpected::new(number, "a closing brace", ""))
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), Unexpected> {
        let refuse = |expected| Unexpected::new(number, expected, line);
        // What is behind the colon is kept as it is, spaces and all.
        let text = line.trim_start();
        if self.open.is_empty() {
            return match text.trim_end() {
                "" => Ok(()),
                DICTIONARY => self.begin("", Open::Dictionary(Dictionary::new())),
                ARRAY => self.begin("", Open::Array(Vec::new())),
                _ => Err("`<dictionary> {`"),
            }
            .map_err(refuse);
        }
        if text.trim_end() == "}" {
            if let Some((key, closed)) = self.open.pop() {
                self.place(key, closed.into());
            }
            return Ok(());
        }
        let (key, value) = member(text).ok_or_else(|| refuse("a key, a colon and a value"))?;
        match self.open.last() {
            Some((_, Open::Dictionary(all))) if all.contains_key(key) => {
                return Err(refuse("each key once"));
            }
            Some((_, Open::Array(items))) if key != items.len().to_string() => {
                return Err(refuse("the next number of an array"));
            }
            _ => {}
        }
        match value.trim_end() {
            DICTIONARY => self.begin(key, Open::Dictionary(Dictionary::new())),
            ARRAY => self.begin(key, Open::Array(Vec::new())),
            _ => {
                let value = scalar(value).map_err(refuse)?;
                self.place(key.to_owned(), value);
                Ok(())
            }
        }
        .map_err(refuse)
    }

    fn begin(&mut self, key: &str, open: Open) -> Result<(), &'static str> {
        if self.open.len() >= DEPTH {
            return Err("no more than 64 braces in one another");
        }
        self.open.push((key.to_owned(), open));
        Ok(())
    }

    fn place(&mut self, key: String, value: Value) {
        match self.open.last_mut() {
            None => self.done = Some(value),
            Some((_, Open::Dictionary(all))) => {
                all.insert(key, value);
            }
            Some((_, Open::Array(items))) => items.push(value),
        }
    }
}

impl From<Open> for Value {
    fn from(open: Open) -> Self {
        match open {
            Open::Dictionary(all) => Self::Dictionary(all),
            Open::Array(items) => Self::Array(items),
        }
    }
}

/// A member's key and value. The space behind the colon is often lost where nothing
/// follows it.
fn member(text: &str) -> Option<(&str, &str)> {
    text.split_once(" : ")
        .or_else(|| text.strip_suffix(" :").map(|key| (key, "")))
}

fn scalar(text: &str) -> Result<Value, &'static str> {
    if let Some(digits) = text.strip_prefix(DATA) {
        return bytes(digits).map(Value::Data).ok_or("bytes in hexadecimal");
    }
    Ok(match text {
        "TRUE" => Value::Boolean(true),
        "FALSE" => Value::Boolean(false),
        text => Value::String(text.to_owned()),
    })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// What scutil prints for `value`.
///
/// A date is printed as it is kept: scutil prints it in the local time of the machine,
/// without saying in which.
#[must_use]
pub fn print(value: &Value) -> String {
    let mut text = String::new();
    print_at(&mut text, value, 0);
    text.push('\n');
    text
}

fn print_at(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Boolean(true) => text.push_str("TRUE"),
        Value::Boolean(false) => text.push_str("FALSE"),
        Value::Integer(number) => {
            let _ = write!(text, "{number}");
        }
        Value::Real(plain) | Value::String(plain) | Value::Date(plain) => text.push_str(plain),
        Value::Data(bytes) => {
            text.push_str(DATA);
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
        }
        Value::Array(items) => {
            text.push_str(ARRAY);
            for (place, item) in items.iter().enumerate() {
                print_member(text, &place.to_string(), item, depth + 1);
            }
            close(text, depth);
        }
        Value::Dictionary(all) => {
            text.push_str(DICTIONARY);
            for (key, value) in all {
                print_member(text, key, value, depth + 1);
            }
            close(text, depth);
        }
    }
}

fn print_member(text: &mut String, key: &str, value: &Value, depth: usize) {
    let _ = write!(text, "\n{:indent$}{key} : ", "", indent = depth * 2);
    print_at(text, value, depth);
}

fn close(text: &mut String, depth: usize) {
    let _ = write!(text, "\n{:indent$}}}", "", indent = depth * 2);
}

#[cfg(test)]
mod tests;
