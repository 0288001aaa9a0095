//! A file without its passwords, so that any line of it can be shown.
//!
//! It is done to the text and not to what was read of it: what is shown is, as a rule, what
//! could not be read. So this knows of KDL only where a string starts and ends, and which
//! node its line is about.

use std::borrow::Cow;
use std::ops::Range;

use netprof_model::profile::ProxyUrl;
use netprof_model::secret;

use crate::syntax::Value;
use crate::value::{Read, http_url, pac_url, socks_url};

/// The nodes whose values may have a password.
const NODES: [&str; 5] = ["http", "https", "socks", "pac", "bypass"];

/// `text` with a star for each byte of a password, so that all others keep their places;
/// none where there is nothing to cover.
///
/// A value that no proxy is named by may be anything with a password in it, and is covered
/// whole.
pub(super) fn covered(text: &str) -> Option<String> {
    // A file may be a megabyte, and as a rule has neither.
    if !text.contains(['@', '\\']) {
        return None;
    }
    let mut shown = String::new();
    let mut copied = 0;
    let mut node = "";
    for word in words(text) {
        match word.text {
            "\n" | ";" | "{" | "}" => node = "",
            name if NODES.contains(&name) => node = name,
            _ => {}
        }
        if let Some(found) = hidden(&word, !node.is_empty()) {
            let start = word.start + found.start;
            shown.push_str(&text[copied..start]);
            shown.push_str(&"*".repeat(found.len()));
            copied = start + found.len();
        }
    }
    (copied > 0).then(|| shown + &text[copied..])
}

/// What of `word` is not shown.
fn hidden(word: &Word<'_>, is_of_proxy: bool) -> Option<Range<usize>> {
    let text = word.text;
    let is_escaped = word.has_escapes && text.contains("\\u");
    let may_hold = text.contains('@') || is_escaped && text.contains("40}");
    if !may_hold {
        return None;
    }
    let is_whole = is_escaped || is_of_proxy && !is_url(text);
    match is_whole {
        true => Some(0..text.len()),
        false => secret::password(text),
    }
}

fn is_url(text: &str) -> bool {
    let value = Value::Text(Cow::Borrowed(text));
    let kinds: [fn(&Value<'_>) -> Read<ProxyUrl>; 3] = [http_url, socks_url, pac_url];
    kinds.iter().any(|read| read(&value).is_ok())
}

/// A string without its quotes, a word without any, or one of the marks that end a node.
struct Word<'t> {
    text: &'t str,
    start: usize,
    has_escapes: bool,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let blank = |c: char| c.is_whitespace() && c != '\n';
        at += text[at..].len() - text[at..].trim_start_matches(blank).len();
        let rest = &text[at..];
        let quote = rest.trim_start_matches('#');
        let hashes = rest.len() - quote.len();
        let (skipped, length, behind) = match quote.strip_prefix('"') {
            Some(string) => {
                let (length, behind) = string_length(string, hashes);
                (hashes + 1, length, behind)
            }
            None => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '"' | ';' | '{' | '}');
                let first = rest.chars().next()?.len_utf8();
                (0, rest.find(ends).unwrap_or(rest.len()).max(first), 0)
            }
        };
        let start = at + skipped;
        at = start + length + behind;
        Some(Word {
            text: &text[start..start + length],
            start,
            has_escapes: skipped == 1,
        })
    })
}

/// How long the string is that `rest` begins with, and how long what closes it. One that is
/// not closed ends with its line.
fn string_length(rest: &str, hashes: usize) -> (usize, usize) {
    let mut from = 0;
    while let Some(found) = rest[from..].find(['"', '\\', '\n']) {
        let at = from + found;
        let behind = &rest[at + 1..];
        match rest.as_bytes()[at] {
            b'\n' => return (at, 0),
            b'\\' if hashes == 0 => {
                // Whatever it is that is escaped, unless that is the end of the line.
                let next = behind.chars().next().filter(|c| *c != '\n');
                from = at + 1 + next.map_or(0, char::len_utf8);
            }
            b'"' if behind.len() - behind.trim_start_matches('#').len() >= hashes => {
                return (at, 1 + hashes);
            }
            _ => from = at + 1,
        }
    }
    (rest.len(), 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_covered_and_nothing_moves() {
        for (text, shown) in [
            (
                "http \"http://me:s3cret@h:1/\" // http://h:1/x\nb",
                "http \"http://me:******@h:1/\" // http://h:1/x\nb",
            ),
            (
                "\"http://me:s\u{e4}/cret@h:1/\" \"http://a:b@c\"",
                "\"http://me:********@h:1/\" \"http://a:*@c\"",
            ),
            ("x \"me:s3cret@proxy:3128\"", "x \"me:******@proxy:3128\""),
            ("x me:s3cret@proxy", "x me:******@proxy"),
            (r#"x "http://me:pa\"ss@h" b"#, r#"x "http://me:******@h" b"#),
            (
                r##"x #"http://me:pa"ss@h"# b"##,
                r##"x #"http://me:*****@h"# b"##,
            ),
            (r#"x "me\u{3a}s3cret@h""#, r#"x "****************""#),
            (r#"x "me:s3cret\u{40}h""#, r#"x "****************""#),
            (
                "// don\"t \"http://me:s3cret@h\"",
                "// don\"t \"http://me:******@h\"",
            ),
        ] {
            assert_eq!(covered(text).unwrap(), shown);
            assert_eq!(shown.len(), text.len());
        }
    }

    #[test]
    fn what_names_no_proxy_is_covered_whole() {
        for (text, shown) in [
            ("http \"me:s3cret@proxy\"", "http \"***************\""),
            (
                "pac \"proxy@me:s3cret\"; x \"a@b\"",
                "pac \"***************\"; x \"a@b\"",
            ),
            (
                "bypass \"b\" \"s3 cret@h\" \"c\"",
                "bypass \"b\" \"*********\" \"c\"",
            ),
            ("http me@h\nssid \"a@b\"", "http ****\nssid \"a@b\""),
        ] {
            assert_eq!(covered(text).unwrap(), shown);
        }
    }

    #[test]
    fn what_has_no_password_is_not_looked_at_twice() {
        for text in [
            "route \"fd00::/8\" via=\"fd00::1\" // :",
            "http \"http://me@h:1\"",
            "ssid \"cafe@home\" // ask mailto:me@example.com",
            "\"\"\"\n  a\n  \"\"\"",
            "\"\\",
            "#\"",
        ] {
            assert_eq!(covered(text), None, "{text}");
        }
    }
}
