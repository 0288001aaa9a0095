//! Files, and the places in them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use netprof_model::{Diagnostic, Location};

use crate::code;
use crate::syntax::Span;

mod cover;

/// The largest file that is read, in bytes. The largest profile that somebody
/// could want has a few thousand routes, which is a tenth of it.
pub const MAX_SIZE: usize = 1 << 20;

/// The text of a file, and what it was called.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// Where each line starts. A place is looked up here and in `characters`, not
    /// counted from the start of the text or line: a hundred thousand values on one
    /// line have a place each.
    lines: Vec<usize>,
    /// The line that was looked up last: the next one is near, as a rule.
    near: Cell<usize>,
    /// How many characters stand before each [`STEP`]th byte; of ASCII there is
    /// nothing to know.
    characters: Vec<usize>,
}

const STEP: usize = 64;

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            name: name.into(),
            text: text.into(),
            lines: std::iter::once(0).chain(starts).collect(),
            near: Cell::new(0),
            characters: if text.is_ascii() {
                Vec::new()
            } else {
                let chunks = text.as_bytes().chunks(STEP);
                chunks
                    .scan(0, |before, chunk| {
                        let here = *before;
                        *before += characters(chunk);
                        Some(here)
                    })
                    .collect()
            },
        }
    }

    /// The number, from 1, of the line that the byte at `offset` is on.
    fn line(&self, offset: usize) -> usize {
        const NEAR: usize = 8;
        let from = self.near.get();
        let starts = |from: usize| self.lines.get(from..).unwrap_or_default();
        let passed = |start: &usize| *start <= offset;
        let ahead = starts(from)
            .iter()
            .take(NEAR)
            .take_while(|start| passed(start));
        let line = match ahead.count() {
            0 => self.lines.partition_point(passed),
            NEAR => from + starts(from).partition_point(passed),
            few => from + few,
        };
        self.near.set(line.saturating_sub(1));
        line
    }

    /// How many characters stand before the byte at `offset`.
    fn characters_before(&self, offset: usize) -> usize {
        if self.characters.is_empty() {
            return offset;
        }
        let step = offset / STEP;
        let Some(known) = self.characters.get(step) else {
            return characters(self.text.as_bytes());
        };
        let rest = self.text.as_bytes().get(step * STEP..offset);
        known + rest.map_or(0, characters)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(crate) fn location(&self, span: Span) -> Location {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let start = span.start as usize;
        let line = self.line(start);
        let line_start = self.lines.get(line.saturating_sub(1)).map_or(0, |at| *at);
        let before = self.characters_before(start) - self.characters_before(line_start);
        Location {
            file: Arc::clone(&self.name),
            line: small(line),
            column: small(before + 1),
            length: span.end.saturating_sub(span.start),
            offset: span.start,
        }
    }
}

/// How many characters start in `bytes` of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// The texts of all files that were read, so that diagnostics can be shown.
///
/// A diagnostic is shown with its line, so passwords are covered by stars ([`cover`]).
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: BTreeMap<Arc<str>, Arc<str>>,
}

/// The lines that a diagnostic is shown with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The lines; where they are long, what is near the marked stretch.
    pub text: String,
    /// The line that `text` starts on, from 1.
    pub line: u32,
    /// Where the marked stretch starts in `text`, in bytes.
    pub offset: usize,
    /// How many bytes of it are in `text`.
    pub length: usize,
}

/// The longest excerpt that is not cut.
const LONGEST: usize = 300;
/// How much is left of a cut one, and how much of that stands before the marked
/// stretch.
const WIDTH: usize = 140;
const BEFORE: usize = 60;
/// Stands where a line was cut.
const CUT: &str = "...";

impl Sources {
    /// The lines that `at` is on. A line may be as long as a file, and nobody wants
    /// to see a megabyte of it.
    #[must_use]
    pub fn excerpt(&self, at: &Location) -> Option<Excerpt> {
        let text = self.text(&at.file)?;
        let near = |offset: usize| {
            let mut offset = offset.min(text.len());
            while !text.is_char_boundary(offset) {
                offset -= 1;
            }
            offset
        };
        let start = near(at.offset as usize);
        let end = near(start + at.length as usize);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let lines_end = text[end..].find('\n').map_or(text.len(), |next| end + next);
        if lines_end - line_start <= LONGEST {
            return Some(Excerpt {
                text: text[line_start..lines_end].to_owned(),
                line: at.line,
                offset: start - line_start,
                length: end - start,
            });
        }
        let from = line_start.max(near(start.saturating_sub(BEFORE)));
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |next| start + next);
        let to = line_end.min(near(from + WIDTH));
        let before = if from > line_start { CUT } else { "" };
        let after = if to < line_end { CUT } else { "" };
        Some(Excerpt {
            text: format!("{before}{}{after}", &text[from..to]),
            line: at.line,
            offset: before.len() + start - from,
            length: end.min(to) - start,
        })
    }

    /// The text of the file of that name, as it stands in a [`Location`].
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&Arc<str>> {
        self.texts.get(file)
    }

    /// Every file, by name.
    pub fn files(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.texts.iter()
    }

    /// Takes in the files of `other`, too.
    pub fn merge(&mut self, other: Self) {
        self.texts.extend(other.texts);
    }

    pub(crate) fn add(&mut self, source: &Source) {
        let text = match cover::covered(source.text()) {
            Some(covered) => covered.into(),
            None => Arc::clone(source.text()),
        };
        self.texts.insert(Arc::clone(source.name()), text);
    }
}

/// Reads the file at `path`.
///
/// What it is gets asked before it is opened: opening a FIFO waits for somebody to
/// write into it, and reading a device may have effects.
pub(crate) fn read(path: &Path) -> Result<Source, Diagnostic> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Diagnostic::error(
            code::UNREADABLE,
            format!("{shown} cannot be read: {}", reason(&error)),
        )
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "no regular file"
        };
        return Err(
            Diagnostic::error(code::NOT_A_FILE, format!("{shown} is {what}"))
                .help("name a file that ends in `.kdl`"),
        );
    }
    let too_large = || {
        Diagnostic::error(
            code::TOO_LARGE,
            format!("{shown} is larger than {} KiB", MAX_SIZE >> 10),
        )
        .help("a profile is a few kilobytes: is this the right file?")
    };
    if metadata.len() > MAX_SIZE as u64 {
        return Err(too_large());
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(MAX_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > MAX_SIZE {
        return Err(too_large());
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Source::new(&shown.to_string(), text)),
        Err(error) => {
            let line = bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            Err(Diagnostic::error(
                code::NOT_UTF8,
                format!("{shown} is not UTF-8: line {line} has a byte that is no text"),
            )
            .help("save the file as UTF-8"))
        }
    }
}

/// The reason alone, without the number that the standard library appends.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_whole_lines_unless_they_are_long() {
        let long = format!("\n{}\u{20ac}rout{}\nend", "x".repeat(200), "y".repeat(200));
        let (text, mut sources) = (format!("one two\nthree{long}"), Sources::default());
        let source = Source::new("x.kdl", &text);
        sources.add(&source);
        let excerpt = |start, end| {
            let at = source.location(Span::new(start, end));
            sources.excerpt(&at).unwrap()
        };
        let whole = excerpt(4, 10);
        assert_eq!((whole.text.as_str(), whole.line), ("one two\nthree", 1));
        assert_eq!((whole.offset, whole.length), (4, 6));

        let start = text.find("rout").unwrap();
        let cut = excerpt(start, start + 4);
        assert!(
            cut.text.starts_with("...x") && cut.text.ends_with("y..."),
            "{cut:?}"
        );
        assert_eq!(
            (&cut.text[cut.offset..][..cut.length], cut.line),
            ("rout", 3)
        );
        // To the end of the cut line, where the stretch goes on.
        let cut = excerpt(start, text.len());
        assert_eq!(cut.offset + cut.length + CUT.len(), cut.text.len());
        assert!(cut.text.len() < LONGEST);
    }

    #[test]
    fn a_place_is_found_as_the_model_finds_it() {
        let text = format!("a\n\u{e4}b c\n\nd{}\n", "\u{20ac}x ".repeat(99));
        let text = text.as_str();
        let source = Source::new("x.kdl", text);
        for (start, _) in text.char_indices() {
            let expected = Location::of(source.name(), text, start, 1);
            assert_eq!(source.location(Span::new(start, start + 1)), expected);
        }
    }
}
