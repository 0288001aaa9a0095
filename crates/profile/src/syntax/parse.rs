//! Nodes, entries and the space between them.
//!
//! A fault ends the node that it is in; reading goes on with the next one, so that
//! one pass finds all of them.

use std::borrow::Cow;

use super::cursor::{Cursor, FORBIDDEN, WORD, is_identifier, is_newline};
use super::number::number;
use super::quoted;
use super::tree::{Entry, Span, Tree, Value, Word};
use crate::code;
use crate::suggest::Shown;

/// How deep blocks, and comments, may lie in each other. Profiles need five.
pub(crate) const MAX_DEPTH: usize = 64;

/// Something in a text that is no KDL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(super) fn new(
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self {
            code,
            span,
            message: message.into(),
            label: label.into(),
            help: None,
        })
    }

    pub(super) fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }

    pub(super) fn moved_to(mut self: Box<Self>, span: Span) -> Box<Self> {
        self.span = span;
        self
    }
}

/// How many faults are kept: noise has one on each line.
const MAX_FAULTS: usize = 100;

/// What was read from a text.
#[derive(Debug, Default)]
pub(crate) struct Parsed<'t> {
    /// The nodes that have no fault.
    pub(crate) tree: Tree<'t>,
    /// The first faults.
    pub(crate) faults: Vec<Fault>,
    /// How many more there are.
    pub(crate) more: usize,
}

/// Reads `text`: the nodes that can be read, and every fault.
pub(crate) fn parse(text: &str) -> Parsed<'_> {
    let mut parser = Parser {
        cursor: Cursor::new(text),
        tree: Tree::default(),
        faults: Vec::new(),
        more: 0,
        depth: 0,
        cut_short: false,
        askew: None,
    };
    parser.cursor.eat('\u{feff}');
    let start = parser.cursor.at;
    parser.cursor.skip_while(!FORBIDDEN);
    if let Some(c) = parser.cursor.peek() {
        let fault = Fault::new(
            code::FORBIDDEN_CHARACTER,
            parser.cursor.here(),
            format!(
                "the character U+{:04X} cannot stand in a profile",
                u32::from(c)
            ),
            "this character",
        )
        .help("remove it; inside of quotes it can be written as an escape");
        return Parsed {
            faults: vec![*fault],
            ..Parsed::default()
        };
    }
    parser.cursor.at = start;
    loop {
        parser.nodes();
        if parser.cursor.at_end() {
            return Parsed {
                tree: parser.tree,
                faults: parser.faults,
                more: parser.more,
            };
        }
        let span = parser.cursor.here();
        parser.cursor.bump();
        let fault = Fault::new(
            code::SYNTAX,
            span,
            "a block ends that never began",
            "closes nothing",
        );
        parser.note(*fault.help("remove the brace"));
    }
}

pub(super) struct Parser<'t> {
    pub(super) cursor: Cursor<'t>,
    tree: Tree<'t>,
    faults: Vec<Fault>,
    /// How many faults were found after [`MAX_FAULTS`] of them.
    more: usize,
    depth: usize,
    /// Whether a fault took the rest of the text with it, closing braces and all.
    pub(super) cut_short: bool,
    /// The first block whose closing brace stands further left than the line that
    /// opened it: where a block has no end, it is probably this one.
    askew: Option<(usize, Span)>,
}

/// What comes next in a block.
enum Next {
    Node,
    /// A node that is commented out.
    Nothing,
    /// The end of the block, or of the text.
    End,
}

/// A fault is rare and large, so it is passed on as an address.
pub(super) type Read<T> = Result<T, Box<Fault>>;

impl<'t> Parser<'t> {
    fn note(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// Reads nodes up to the end of the text, or to a closing brace.
    fn nodes(&mut self) {
        loop {
            let before = self.tree.mark();
            match self.node_or_end() {
                Ok(Next::End) => return,
                Ok(Next::Node) => {}
                Ok(Next::Nothing) => self.tree.back_to(before),
                Err(fault) => {
                    self.tree.back_to(before);
                    self.note(*fault);
                    self.skip_node();
                }
            }
        }
    }

    fn node_or_end(&mut self) -> Read<Next> {
        self.line_space()?;
        if self.cursor.at_end() || self.cursor.looking_at('}') {
            return Ok(Next::End);
        }
        let kept = !self.cursor.eat_all("/-");
        if !kept {
            self.line_space()?;
        }
        self.node()?;
        self.terminator()?;
        Ok(if kept { Next::Node } else { Next::Nothing })
    }

    fn node(&mut self) -> Read<()> {
        let ty = self.ty()?;
        let start = self.cursor.at;
        if self.cursor.looking_at('{') {
            let span = self.cursor.here();
            return Err(Fault::new(
                code::SYNTAX,
                span,
                "a block has no node that it belongs to",
                "a name must stand before this",
            )
            .help("put the brace on the same line as its node"));
        }
        let name = self.word("a node")?;
        let node = self.tree.add(ty, name);
        let (mut blocks, mut has_block) = (0, false);
        let mut end = self.cursor.at;
        loop {
            self.node_space()?;
            let spaced = self.cursor.at > end;
            let kept = !self.cursor.eat_all("/-");
            if !kept {
                self.line_space()?;
            }
            match self.cursor.peek() {
                Some('{') => {
                    let open = self.cursor.at;
                    let before = self.tree.mark();
                    self.children()?;
                    blocks += 1;
                    if !kept {
                        self.tree.back_to(before);
                        continue;
                    }
                    if has_block {
                        return Err(Fault::new(
                            code::SYNTAX,
                            Span::new(open, open + 1),
                            "a node has two blocks",
                            "the second block",
                        )
                        .help("write one block"));
                    }
                    has_block = true;
                    self.tree.add_block(&node, self.cursor.since(open));
                }
                next if !kept
                    || next.is_some_and(|c| !(is_newline(c) || matches!(c, ';' | '}' | '/'))) =>
                {
                    if blocks > 0 {
                        return Err(self.unexpected("a node ends after its block"));
                    }
                    if !spaced {
                        return Err(self
                            .unexpected("values are set apart by spaces")
                            .help("write a space before it"));
                    }
                    let entry = self.entry()?;
                    end = entry.span.end as usize;
                    if kept {
                        self.tree.add_entry(&node, entry, Span::new(start, end));
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn children(&mut self) -> Read<()> {
        let open = self.cursor.here();
        if self.depth == MAX_DEPTH {
            self.cut_short = true;
            self.cursor.at = self.cursor.text.len();
            return Err(Fault::new(
                code::TOO_DEEP,
                open,
                format!("blocks lie in each other more than {MAX_DEPTH} deep"),
                "one too many",
            )
            .help("a profile needs no more than five"));
        }
        self.cursor.bump();
        self.depth += 1;
        self.nodes();
        self.depth -= 1;
        if self.cursor.looking_at('}') {
            let indents = self
                .indent(self.cursor.at)
                .zip(self.indent(open.start as usize));
            if self.askew.is_none() && indents.is_some_and(|(close, open)| close < open) {
                self.askew = Some((self.cursor.at, open));
            }
            self.cursor.bump();
            return Ok(());
        }
        // Who misses the inner brace knows about the outer ones.
        if self.cut_short {
            return Ok(());
        }
        self.cut_short = true;
        let (open, help) = match self.askew {
            Some((close, inner)) if inner.start > open.start => {
                let line = self.cursor.text[..close].matches('\n').count() + 1;
                let help = format!("close it before line {line}, whose `}}` stands further left");
                (inner, help)
            }
            _ => (open, "close it with `}`".to_owned()),
        };
        let fault = Fault::new(code::UNCLOSED, open, "a block has no end", "opened here");
        Err(fault.help(help))
    }

    /// How many bytes of white space the line of `at` starts with, unless `at` is far
    /// from the start of its line.
    fn indent(&self, at: usize) -> Option<usize> {
        const FAR: usize = 256;
        let from = at.saturating_sub(FAR);
        let before = self.cursor.text.as_bytes().get(from..at)?;
        let line = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => before.get(newline + 1..)?,
            None if from == 0 => before,
            None => return None,
        };
        Some(
            line.iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t'))
                .count(),
        )
    }

    /// Reads an entry, and the space after it.
    fn entry(&mut self) -> Read<Entry<'t>> {
        let ty = self.ty()?;
        let start = self.cursor.at;
        let value = self.value()?;
        let span = self.cursor.since(start);
        self.node_space()?;
        if !self.cursor.looking_at('=') {
            return Ok(Entry {
                key: None,
                ty,
                value,
                span,
            });
        }
        let equals = self.cursor.here();
        self.cursor.bump();
        let (Value::Text(text), None) = (value, ty) else {
            return Err(Fault::new(
                code::SYNTAX,
                span,
                "the key of a property is a word",
                "not a word",
            )
            .help("write the property as key=value"));
        };
        self.node_space()?;
        if self.cursor.at_end()
            || self
                .cursor
                .peek()
                .is_some_and(|c| is_newline(c) || c == ';')
        {
            return Err(Fault::new(
                code::SYNTAX,
                equals,
                format!("`{}` has no value", Shown(&text)),
                "a value must follow",
            )
            .help(format!("write `{}=...`", Shown(&text))));
        }
        let ty = self.ty()?;
        let value_start = self.cursor.at;
        let value = self.value()?;
        let value_span = self.cursor.since(value_start);
        Ok(Entry {
            key: Some(Word { text, span }),
            ty,
            value,
            span: value_span,
        })
    }

    /// Reads a type and the space after it, where one is written.
    fn ty(&mut self) -> Read<Option<Span>> {
        let start = self.cursor.at;
        if !self.cursor.eat('(') {
            return Ok(None);
        }
        self.node_space()?;
        self.word("a type")?;
        self.node_space()?;
        if !self.cursor.eat(')') {
            return Err(Fault::new(
                code::UNCLOSED,
                Span::new(start, start + 1),
                "a type has no end",
                "opened here",
            )
            .help("profiles have no types: remove it"));
        }
        let ty = self.cursor.since(start);
        self.node_space()?;
        Ok(Some(ty))
    }

    /// Reads a string that stands as a name.
    fn word(&mut self, what: &str) -> Read<Word<'t>> {
        let start = self.cursor.at;
        match self.value()? {
            Value::Text(text) => Ok(Word {
                text,
                span: self.cursor.since(start),
            }),
            _ => Err(Fault::new(
                code::SYNTAX,
                self.cursor.since(start),
                format!("{what} has a word for its name"),
                "not a word",
            )
            .help("put it in quotes if it is meant as a word")),
        }
    }

    fn value(&mut self) -> Read<Value<'t>> {
        match self.cursor.peek() {
            Some('"') => self.quoted(quoted::string),
            Some('#') => {
                let rest = self.cursor.rest().trim_start_matches('#');
                if rest.starts_with('"') {
                    self.quoted(quoted::raw_string)
                } else {
                    self.keyword()
                }
            }
            Some(c) if is_identifier(c) => self.bare(),
            _ => Err(self.unexpected("a value was expected")),
        }
    }

    fn quoted(&mut self, string: fn(&mut Cursor<'t>) -> Read<Cow<'t, str>>) -> Read<Value<'t>> {
        let read = string(&mut self.cursor);
        if let Err(fault) = &read {
            // Braces after what has no end are text.
            self.cut_short |= fault.code == code::UNCLOSED && self.cursor.at_end();
        }
        read.map(Value::Text)
    }

    fn keyword(&mut self) -> Read<Value<'t>> {
        let start = self.cursor.at;
        self.cursor.bump();
        let word = self.cursor.eat_while(WORD);
        match word {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            "inf" | "-inf" | "nan" => Ok(Value::OtherNumber),
            _ => Err(Fault::new(
                code::SYNTAX,
                self.cursor.since(start),
                "a keyword that KDL does not have",
                "not a keyword",
            )
            .help("the keywords are #true, #false and #null; a comment starts with //")),
        }
    }

    /// Reads a word or a number without quotes.
    fn bare(&mut self) -> Read<Value<'t>> {
        let start = self.cursor.at;
        let word = self.cursor.eat_while(WORD);
        let unsigned = match word.as_bytes() {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            unsigned => unsigned,
        };
        let is_number = matches!(unsigned, [b'0'..=b'9', ..]);
        let slash = self.cursor.looking_at('/')
            && !["//", "/*", "/-"]
                .iter()
                .any(|comment| self.cursor.looking_at_all(comment));
        if is_number && let Some(value) = number(word) {
            if !slash {
                return Ok(value);
            }
        } else if !is_number && !matches!(unsigned, [b'.', b'0'..=b'9', ..]) {
            // A dot before a digit is text that looks like a number, which KDL refuses.
            return match word {
                "true" | "false" | "null" | "inf" | "-inf" | "nan" => Err(Fault::new(
                    code::SYNTAX,
                    self.cursor.since(start),
                    format!("`{word}` cannot stand without a `#`"),
                    "a keyword without its sign",
                )
                .help(format!("write `#{word}`, or \"{word}\" for text"))),
                _ if slash => {
                    self.cursor.eat_chars(|c| is_identifier(c) || c == '/');
                    Err(self.needs_quotes(start))
                }
                _ => Ok(Value::Text(word.into())),
            };
        }
        self.cursor.eat_chars(|c| is_identifier(c) || c == '/');
        Err(self.needs_quotes(start))
    }

    fn needs_quotes(&self, start: usize) -> Box<Fault> {
        let word = Shown(&self.cursor.text[start..self.cursor.at]);
        Fault::new(
            code::SYNTAX,
            self.cursor.since(start),
            format!("`{word}` is neither a word nor a number"),
            "needs quotes",
        )
        .help(format!("write \"{word}\""))
    }

    /// Takes what ends a node, after the space behind it.
    fn terminator(&mut self) -> Read<()> {
        if self.cursor.at_end() || self.cursor.looking_at('}') || self.cursor.eat(';') {
            return Ok(());
        }
        if self.cursor.looking_at_all("//") || self.cursor.peek().is_some_and(is_newline) {
            return self.line_space();
        }
        Err(self.unexpected("a node ends with its line, or with `;`"))
    }

    fn unexpected(&self, message: &str) -> Box<Fault> {
        let label = match self.cursor.peek() {
            None => "the text ends here".to_owned(),
            Some(c) if is_newline(c) => "the line ends here".to_owned(),
            Some(c) => format!("did not expect `{c}`"),
        };
        let fault = Fault::new(code::SYNTAX, self.cursor.here(), message, label);
        match self.cursor.peek() {
            Some('/') => fault.help("a comment starts with //, text with a slash needs quotes"),
            Some('[' | ']') => fault.help("KDL has no lists: write the values one after another"),
            Some('{') => fault.help("a block stands after all values of its node"),
            Some('=') => fault.help("write key=value, without a space before it"),
            Some(',') => fault.help("values are set apart by spaces alone"),
            _ => fault.help("write each node as NAME VALUE... key=VALUE { ... }"),
        }
    }

    /// Skips what is left of a node that has a fault, with the blocks in it.
    fn skip_node(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.cursor.peek() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => return,
                '}' => depth -= 1,
                ';' if depth == 0 => {}
                '"' => {
                    // A string whose end is on this line; braces in it are text.
                    let rest = &self.cursor.rest()[1..];
                    let end = rest.find(|c| c == '"' || is_newline(c));
                    if let Some(end) = end.filter(|end| rest[*end..].starts_with('"')) {
                        self.cursor.at += end + 1;
                    }
                }
                _ => {}
            }
            self.cursor.bump();
            if depth == 0 && (c == ';' || is_newline(c)) {
                return;
            }
        }
    }
}
