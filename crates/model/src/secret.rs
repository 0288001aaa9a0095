//! Passwords, which nothing repeats that others can read.
//!
//! The only ones that netprof has to do with stand in the URLs of proxies
//! (`scheme://user:password@host`, RFC 3986 section 3.2.1), and those stand in text of any
//! sort: a file for a shell, a member of a JSON file, a variable.

use std::borrow::Cow;

use crate::plist::{Dictionary, Value};

/// What stands for a password.
const HIDDEN: &str = "***";

/// `text` with `***` for the password of each URL in it.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, password, after)) = next(rest) {
        shown.push_str(before);
        shown.push_str(if password.is_empty() { "" } else { HIDDEN });
        rest = after;
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// The first URL of `text` with a password: what stands before that, it, and what stands
/// behind.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        // What cannot stand in the authority of a URL ends it, so that nothing is hidden
        // that is none. A password with one of these is written with `%`.
        let ends = |c: char| matches!(c, '/' | '?' | '#' | '"' | '\\') || c.is_whitespace();
        let end = text[start..].find(ends).map_or(text.len(), |at| start + at);
        if let Some((user, _host)) = text[start..end].rsplit_once('@')
            && let Some((name, password)) = user.split_once(':')
        {
            let at = start + name.len() + 1;
            return Some((&text[..at], password, &text[at + password.len()..]));
        }
        from = start;
    }
    None
}

/// `all` with `***` for each password in it.
#[must_use]
pub fn redacted_dictionary(all: &Dictionary) -> Dictionary {
    all.iter()
        .map(|(key, value)| (key.clone(), redacted_value(value)))
        .collect()
}

/// Whether a password was left out of `text`.
#[must_use]
pub fn is_redacted(text: &str) -> bool {
    text.contains(":***@")
}

pub(crate) fn is_redacted_value(value: &Value) -> bool {
    match value {
        Value::String(text) => is_redacted(text),
        Value::Array(all) => all.iter().any(is_redacted_value),
        Value::Dictionary(all) => all.values().any(is_redacted_value),
        Value::Boolean(_)
        | Value::Integer(_)
        | Value::Real(_)
        | Value::Data(_)
        | Value::Date(_) => false,
    }
}

fn redacted_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted(text).into_owned()),
        Value::Array(all) => Value::Array(all.iter().map(redacted_value).collect()),
        Value::Dictionary(all) => Value::Dictionary(redacted_dictionary(all)),
        Value::Boolean(_)
        | Value::Integer(_)
        | Value::Real(_)
        | Value::Data(_)
        | Value::Date(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_shows_nowhere() {
        for (text, shown) in [
            (
                "http://me:s3cret@proxy:3128/x",
                "http://me:***@proxy:3128/x",
            ),
            (
                "a=\"http://me:s3cret@proxy\"\nb=\"socks5://you:p%40ss@[::1]:1080\"\n",
                "a=\"http://me:***@proxy\"\nb=\"socks5://you:***@[::1]:1080\"\n",
            ),
            ("http://me:p@ss:w@rd@proxy/", "http://me:***@proxy/"),
            (
                "{\"httpProxy\":\"http://:x@p\"}",
                "{\"httpProxy\":\"http://:***@p\"}",
            ),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn what_has_no_password_stays_as_it_is() {
        for text in [
            "",
            "http://proxy:3128",
            "http://me@proxy:3128",
            "http://me:@proxy",
            "see http://a/b:c@d and mailto:x@y",
            "://",
            "://:",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn what_is_hidden_stays_hidden() {
        let once = redacted("http://a:b@c http://d:e@f").into_owned();
        assert_eq!(redacted(&once), once);
    }
}
