//! Strings in quotes: plain, raw, of one line and of several.

use std::borrow::Cow;

use super::Span;
use super::cursor::{BACKSLASH, Classes, Cursor, NEWLINE, QUOTE, SPACE, is_newline, is_space};
use super::parse::{Fault, Read};
use crate::code;

/// Reads a string that starts with `"`.
pub(super) fn string<'t>(cursor: &mut Cursor<'t>) -> Read<Cow<'t, str>> {
    let start = cursor.at;
    if cursor.eat_all("\"\"\"") {
        return several_lines(cursor, start, 0).map(Cow::Owned);
    }
    cursor.eat('"');
    const PLAIN: Classes = !(NEWLINE | QUOTE | BACKSLASH);
    let mut text = Cow::Borrowed(cursor.eat_while(PLAIN));
    loop {
        if cursor.eat('"') {
            return Ok(text);
        }
        if !cursor.looking_at('\\') {
            return Err(unclosed(cursor, start, 0));
        }
        let text = text.to_mut();
        escape(cursor, text)?;
        text.push_str(cursor.eat_while(PLAIN));
    }
}

/// Reads a string that starts with `#"`, `##"` and so on.
pub(super) fn raw_string<'t>(cursor: &mut Cursor<'t>) -> Read<Cow<'t, str>> {
    let start = cursor.at;
    let hashes = cursor.eat_chars(|c| c == '#').len();
    if cursor.eat_all("\"\"\"") {
        return several_lines(cursor, start, hashes).map(Cow::Owned);
    }
    cursor.eat('"');
    let body = cursor.at;
    loop {
        cursor.skip_while(!(NEWLINE | QUOTE));
        let end = cursor.at;
        if !cursor.eat('"') {
            return Err(unclosed(cursor, start, hashes));
        }
        if eat_hashes(cursor, hashes) {
            return Ok(cursor.text[body..end].into());
        }
    }
}

fn eat_hashes(cursor: &mut Cursor<'_>, hashes: usize) -> bool {
    let there = cursor.rest().bytes().take(hashes).all(|byte| byte == b'#')
        && cursor.rest().len() >= hashes;
    if there {
        cursor.at += hashes;
    }
    there
}

fn unclosed(cursor: &Cursor<'_>, start: usize, hashes: usize) -> Box<Fault> {
    let mut end = format!("\"{}", "#".repeat(hashes.min(3)));
    if hashes > 3 {
        end.push_str("...");
    }
    Fault::new(
        code::UNCLOSED,
        Span::new(start, (start + hashes + 1).min(cursor.text.len())),
        "a string has no end on its line",
        "starts here",
    )
    .help(format!("close it with `{end}` on the same line"))
}

/// Reads one escape; the cursor is at its backslash.
fn escape(cursor: &mut Cursor<'_>, text: &mut String) -> Read<()> {
    let start = cursor.at;
    cursor.bump();
    let plain = match cursor.peek() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('s') => ' ',
        Some(c @ ('\\' | '"')) => c,
        Some('u') => return unicode(cursor, start, text),
        Some(c) if is_space(c) || is_newline(c) => {
            cursor.skip_while(SPACE | NEWLINE);
            return Ok(());
        }
        _ => {
            cursor.bump();
            return Err(Fault::new(
                code::SYNTAX,
                cursor.since(start),
                "an escape that KDL does not have",
                "not an escape",
            )
            .help("write `\\\\` for a backslash"));
        }
    };
    cursor.bump();
    text.push(plain);
    Ok(())
}

fn unicode(cursor: &mut Cursor<'_>, start: usize, text: &mut String) -> Read<()> {
    cursor.bump();
    let character = if cursor.eat('{') {
        let digits = cursor.eat_chars(|c| c.is_ascii_hexdigit());
        let value = (1..=6)
            .contains(&digits.len())
            .then(|| u32::from_str_radix(digits, 16).ok())
            .flatten();
        if cursor.eat('}') {
            value.and_then(char::from_u32)
        } else {
            None
        }
    } else {
        None
    };
    let Some(character) = character else {
        return Err(Fault::new(
            code::SYNTAX,
            cursor.since(start),
            "an escape that names no character",
            "not a character",
        )
        .help("write it as `\\u{e4}`: one to six hexadecimal digits"));
    };
    text.push(character);
    Ok(())
}

/// Reads the rest of a string in `"""`; `hashes` is 0 where it has escapes.
fn several_lines(cursor: &mut Cursor<'_>, start: usize, hashes: usize) -> Read<String> {
    let opening = cursor.since(start);
    if !cursor.eat_newline() {
        return Err(Fault::new(
            code::SYNTAX,
            opening,
            "a string in triple quotes starts on the next line",
            "a newline must follow",
        )
        .help("write text of one line in plain quotes: \"...\""));
    }
    let body = cursor.at;
    let end = loop {
        if cursor.looking_at_all("\"\"\"") {
            let end = cursor.at;
            cursor.at += 3;
            if eat_hashes(cursor, hashes) {
                break end;
            }
            cursor.at = end + 1;
        } else if hashes == 0 && (cursor.looking_at_all("\\\"") || cursor.looking_at_all("\\\\")) {
            cursor.at += 2;
        } else if cursor.bump().is_none() {
            return Err(Fault::new(
                code::UNCLOSED,
                opening,
                "a string of several lines has no end",
                "starts here",
            )
            .help("close it with `\"\"\"` on a line of its own"));
        }
    };
    let lines = dedent(
        &cursor.text[body..end],
        opening,
        cursor.text,
        body,
        hashes == 0,
    )?;
    if hashes > 0 {
        return Ok(lines);
    }
    let mut inner = Cursor::new(&lines);
    let mut text = String::with_capacity(lines.len());
    while let Some(c) = inner.peek() {
        if c == '\\' {
            // The place within the dedented text is of no use to a reader.
            escape(&mut inner, &mut text).map_err(|fault| fault.moved_to(opening))?;
        } else {
            inner.bump();
            text.push(c);
        }
    }
    Ok(text)
}

/// The lines of `body` without the white space that its last line consists of.
fn dedent(body: &str, opening: Span, text: &str, offset: usize, escapes: bool) -> Read<String> {
    let joined;
    let body = if escapes {
        joined = join_escaped_lines(body);
        joined.as_str()
    } else {
        body
    };
    let mut lines = Vec::new();
    let mut cursor = Cursor::new(body);
    loop {
        let start = cursor.at;
        cursor.skip_while(!NEWLINE);
        lines.push(start..cursor.at);
        if !cursor.eat_newline() {
            break;
        }
    }
    let prefix = lines.pop().map_or("", |last| &body[last]);
    if !prefix.chars().all(is_space) {
        return Err(Fault::new(
            code::SYNTAX,
            opening,
            "a string of several lines ends on a line of its own",
            "starts here",
        )
        .help("move the closing `\"\"\"` to the next line"));
    }
    let mut result = String::with_capacity(body.len());
    for (number, range) in lines.into_iter().enumerate() {
        if number > 0 {
            result.push('\n');
        }
        let line = &body[range.clone()];
        if line.chars().all(is_space) {
            continue;
        }
        let Some(rest) = line.strip_prefix(prefix) else {
            let span = if escapes {
                opening
            } else {
                let start = (offset + range.start).min(text.len());
                Span::new(start, (start + line.len()).min(text.len()))
            };
            return Err(Fault::new(
                code::SYNTAX,
                span,
                "a line is indented less than the closing quotes",
                "not indented like the closing quotes",
            )
            .help("indent every line at least like the closing `\"\"\"`"));
        };
        result.push_str(rest);
    }
    Ok(result)
}

/// Takes out escaped white space, which goes before lines are told apart.
fn join_escaped_lines(body: &str) -> String {
    let mut result = String::with_capacity(body.len());
    let mut cursor = Cursor::new(body);
    while let Some(c) = cursor.bump() {
        match (c, cursor.peek()) {
            ('\\', Some(next)) if is_space(next) || is_newline(next) => {
                cursor.skip_while(SPACE | NEWLINE);
            }
            ('\\', Some(next)) => {
                cursor.bump();
                result.push(c);
                result.push(next);
            }
            _ => result.push(c),
        }
    }
    result
}
