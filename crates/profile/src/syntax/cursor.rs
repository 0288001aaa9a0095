//! A place in a text, and the classes of characters that KDL tells apart.
//!
//! A profile is ASCII but for a few words: a byte is a character, and a table knows
//! its class. Only what is not ASCII is decoded.

use super::Span;

/// A place in a text that moves forward.
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<char> {
        let byte = *self.text.as_bytes().get(self.at)?;
        if byte.is_ascii() {
            return Some(char::from(byte));
        }
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    #[inline]
    pub(super) fn looking_at(&self, what: char) -> bool {
        self.peek() == Some(what)
    }

    #[inline]
    pub(super) fn looking_at_all(&self, what: &str) -> bool {
        // As a rule the first one tells.
        let (bytes, what) = (self.bytes(), what.as_bytes());
        bytes.first() == what.first() && bytes.starts_with(what)
    }

    #[inline]
    pub(super) fn eat(&mut self, what: char) -> bool {
        let there = self.looking_at(what);
        if there {
            self.at += what.len_utf8();
        }
        there
    }

    #[inline]
    pub(super) fn eat_all(&mut self, what: &str) -> bool {
        let there = self.looking_at_all(what);
        if there {
            self.at += what.len();
        }
        there
    }

    /// Takes characters of the wanted classes.
    pub(super) fn eat_while(&mut self, wanted: Classes) -> &'t str {
        let start = self.at;
        self.skip_while(wanted);
        &self.text[start..self.at]
    }

    pub(super) fn skip_while(&mut self, wanted: Classes) {
        loop {
            let known = |byte: &u8| CLASSES[usize::from(*byte)] & wanted & !WIDE != 0;
            let bytes = self.bytes();
            let end = bytes.iter().position(|byte| !known(byte));
            self.at += end.unwrap_or(bytes.len());
            match self.peek() {
                Some(c) if !c.is_ascii() && decide(c) & wanted != 0 => self.at += c.len_utf8(),
                _ => return,
            }
        }
    }

    /// Takes the wanted characters, of which there are few.
    pub(super) fn eat_chars(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let start = self.at;
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            self.at += c.len_utf8();
        }
        &self.text[start..self.at]
    }

    /// Takes one newline; CR LF is one.
    pub(super) fn eat_newline(&mut self) -> bool {
        if self.eat_all("\r\n") {
            return true;
        }
        match self.peek() {
            Some(c) if is_newline(c) => {
                self.at += c.len_utf8();
                true
            }
            _ => false,
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn since(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    /// The stretch of the next character.
    pub(super) fn here(&self) -> Span {
        let length = self.peek().map_or(0, char::len_utf8);
        Span::new(self.at, self.at + length)
    }
}

/// What characters are to KDL, of which each is one thing: a set of these.
pub(super) type Classes = u8;

pub(super) const SPACE: Classes = 1;
pub(super) const NEWLINE: Classes = 1 << 1;
/// Stands nowhere, not even in a comment: it would make a text look other than it is,
/// or is no text.
pub(super) const FORBIDDEN: Classes = 1 << 2;
pub(super) const QUOTE: Classes = 1 << 3;
pub(super) const BACKSLASH: Classes = 1 << 4;
/// Another one that ends a word.
const SIGN: Classes = 1 << 5;
/// Can stand in a word.
pub(super) const WORD: Classes = 1 << 6;
/// Of a byte: it is one of several of a character, which must be looked at.
const WIDE: Classes = 1 << 7;

/// The class of each byte.
static CLASSES: [Classes; 256] = {
    let mut classes = [WIDE; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = decide(byte as char);
        byte += 1_u8;
    }
    classes
};

const fn decide(c: char) -> Classes {
    match c {
        '\t'
        | ' '
        | '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}' => SPACE,
        '\n' | '\r' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}' => NEWLINE,
        '\0'..='\u{8}'
        | '\u{e}'..='\u{1f}'
        | '\u{7f}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => FORBIDDEN,
        '"' => QUOTE,
        '\\' => BACKSLASH,
        '/' | '(' | ')' | '{' | '}' | ';' | '[' | ']' | '#' | '=' => SIGN,
        _ => WORD,
    }
}

#[inline]
fn class(c: char) -> Classes {
    match u8::try_from(c) {
        Ok(byte) if byte.is_ascii() => CLASSES[usize::from(byte)],
        _ => decide(c),
    }
}

#[inline]
pub(super) fn is_newline(c: char) -> bool {
    class(c) == NEWLINE
}

#[inline]
pub(super) fn is_space(c: char) -> bool {
    class(c) == SPACE
}

/// Whether KDL allows the character nowhere.
pub(crate) fn is_forbidden(c: char) -> bool {
    class(c) == FORBIDDEN
}

#[inline]
pub(super) fn is_identifier(c: char) -> bool {
    class(c) == WORD
}
