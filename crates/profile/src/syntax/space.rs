//! White space and comments, within a line and over several.

use super::Span;
use super::cursor::{NEWLINE, SPACE, is_newline, is_space};
use super::parse::{Fault, MAX_DEPTH, Parser, Read};
use crate::code;

impl Parser<'_> {
    /// Takes space, comments and newlines.
    pub(super) fn line_space(&mut self) -> Read<()> {
        loop {
            self.node_space()?;
            match self.cursor.peek() {
                Some('/') if self.cursor.looking_at_all("//") => {
                    self.cursor.skip_while(!NEWLINE);
                }
                Some(c) if is_newline(c) => self.cursor.at += c.len_utf8(),
                _ => return Ok(()),
            }
        }
    }

    /// Takes space and comments within a line.
    pub(super) fn node_space(&mut self) -> Read<()> {
        loop {
            match self.cursor.peek() {
                Some(c) if is_space(c) => self.cursor.skip_while(SPACE),
                Some('/') if self.cursor.looking_at_all("/*") => self.block_comment()?,
                Some('\\') => self.continued_line()?,
                _ => return Ok(()),
            }
        }
    }

    /// Takes a backslash, and the rest of its line with the newline.
    fn continued_line(&mut self) -> Read<()> {
        let span = self.cursor.here();
        self.cursor.bump();
        loop {
            self.cursor.skip_while(SPACE);
            if self.cursor.looking_at_all("/*") {
                self.block_comment()?;
                continue;
            }
            if self.cursor.eat_all("//") {
                self.cursor.skip_while(!NEWLINE);
            }
            if self.cursor.eat_newline() || self.cursor.at_end() {
                return Ok(());
            }
            return Err(Fault::new(
                code::SYNTAX,
                span,
                "a backslash continues a line, and must be its end",
                "not at the end of the line",
            )
            .help("text with a backslash needs quotes"));
        }
    }

    fn block_comment(&mut self) -> Read<()> {
        let start = self.cursor.at;
        let mut depth = 0_usize;
        loop {
            let rest = self.cursor.rest();
            let Some(at) = rest.find("/*").into_iter().chain(rest.find("*/")).min() else {
                self.cursor.at = self.cursor.text.len();
                self.cut_short = true;
                return Err(Fault::new(
                    code::UNCLOSED,
                    Span::new(start, start + 2),
                    "a comment has no end",
                    "starts here",
                )
                .help("close it with `*/`"));
            };
            self.cursor.at += at;
            if self.cursor.looking_at_all("/*") {
                depth += 1;
                if depth > MAX_DEPTH {
                    let open = self.cursor.at;
                    self.cursor.at = self.cursor.text.len();
                    self.cut_short = true;
                    return Err(Fault::new(
                        code::TOO_DEEP,
                        Span::new(open, open + 2),
                        format!("comments lie in each other more than {MAX_DEPTH} deep"),
                        "one too many",
                    )
                    .help("start comments with //, which do not nest"));
                }
            } else {
                depth -= 1;
            }
            self.cursor.at += 2;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
