//! What a command has to say, before it is printed one way or the other.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, Write};

use netprof_model::Diagnostic;
use netprof_model::shell::is_hidden;
use netprof_profile::Sources;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::render::{diagnostics, json as render};

/// What a command has to say.
pub struct Answer {
    /// How it ended.
    pub exit: Exit,
    /// For a person, on stdout.
    pub text: String,
    /// For a script: what joins the object that `--json` prints.
    pub body: Value,
    /// For a person on stderr, for a script in the object.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that the diagnostics point into.
    pub sources: Sources,
}

impl Answer {
    /// A command that did what it was asked to.
    pub fn done(text: impl Into<String>, body: Value) -> Self {
        Self {
            exit: Exit::Done,
            text: text.into(),
            body,
            diagnostics: Vec::new(),
            sources: Sources::default(),
        }
    }

    /// A command that was refused and changed nothing.
    pub fn refused(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            exit: Exit::Refused,
            diagnostics,
            ..Self::done("", json!({}))
        }
    }

    /// The same, with diagnostics and the files that they point into.
    pub fn with(mut self, diagnostics: Vec<Diagnostic>, sources: Sources) -> Self {
        self.diagnostics = diagnostics;
        self.sources = sources;
        self
    }

    /// Prints it: data on stdout, all else on stderr.
    pub fn print(&self, command: &str, as_json: bool, colour: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if as_json {
            let object = render::object(command, self.body.clone(), &self.diagnostics);
            serde_json::to_writer_pretty(&mut out, &object)?;
            writeln!(out)?;
            return out.flush();
        }
        out.write_all(printable(&self.text).as_bytes())?;
        out.flush()?;
        let said = diagnostics::render(&self.diagnostics, &self.sources, colour);
        // Where this cannot be said, nothing can: the exit status has to do.
        let _ = io::stderr().lock().write_all(said.as_bytes());
        Ok(())
    }
}

/// `text` with a mark in the place of each character that would steer a terminal, or turn
/// what stands beside it: a file or the name of a link may hold any. All bytes keep their place, which
/// diagnostics count on.
pub fn printable(text: &str) -> Cow<'_, str> {
    let steers = |c: char| is_hidden(c) && c != '\n' && c != '\t';
    if is_plain(text.as_bytes()) || !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match (steers(c), c.len_utf8()) {
            (false, _) => shown.push(c),
            (true, 1) => shown.push('?'),
            (true, 2) => shown.push('\u{bf}'),
            (true, 3) => shown.push(char::REPLACEMENT_CHARACTER),
            (true, _) => shown.push_str("\u{bf}\u{bf}"),
        }
    }
    Cow::Owned(shown)
}

/// Whether it is all of ASCII, and nothing of it steers a terminal: as a rule, and a plan of
/// ten thousand changes is a megabyte, so eight bytes are looked at in one step.
fn is_plain(bytes: &[u8]) -> bool {
    const EACH: u64 = u64::MAX / 0xff;
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
    let (eights, rest) = bytes.as_chunks::<8>();
    let eights_are = eights.iter().all(|eight| {
        let word = u64::from_ne_bytes(*eight);
        // The upper bit of each byte that is below a blank, or above a tilde.
        let below = word.wrapping_sub(EACH * 0x20) & !word;
        let above = word.wrapping_add(EACH) | word;
        (below | above) & (EACH * 0x80) == 0 || eight.iter().all(is_plain)
    });
    eights_are && rest.iter().all(is_plain)
}

/// An error with everything that it came from, as one diagnostic.
pub fn failure(code: &str, error: &dyn Error) -> Diagnostic {
    Diagnostic::error(code, chain(error))
}

/// The words of an error and of all its sources.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        text.push_str(": ");
        text.push_str(&next.to_string());
        source = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{is_plain, printable};

    #[test]
    fn what_steers_a_terminal_is_marked_and_nothing_moves() {
        let text = "a\u{1b}[31m\tb\r\u{9b}\u{7f}\n\u{20ac}\u{202e}\u{e0041}";
        let shown = printable(text);
        assert_eq!(shown, "a?[31m\tb?\u{bf}?\n\u{20ac}\u{fffd}\u{bf}\u{bf}");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn each_byte_counts_wherever_it_stands() {
        for byte in 0..=0x7f_u8 {
            let steers = byte.is_ascii_control() && byte != b'\n' && byte != b'\t';
            for at in 0..20 {
                let mut text = [b'a'; 20];
                text[at] = byte;
                assert_eq!(is_plain(&text), !steers, "{byte:#x} at {at}");
            }
        }
        assert!(!is_plain("aaa\u{20ac}aaaaaaaa".as_bytes()));
    }
}
