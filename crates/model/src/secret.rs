//! Passwords, which nothing repeats that others can read.
//!
//! The only ones that netprof has to do with stand in the URLs of proxies
//! (`scheme://user:password@host`, RFC 3986 section 3.2.1), and those stand in text of any
//! sort: a file for a shell, a member of a JSON file, a variable. Many a URL there is none
//! by the letter: curl takes one without its scheme, and a person forgets to escape what
//! stands in a password. So a password is all from the first `:` of who logs in to the last
//! `@` of the word. Rather is a host hidden than half a password shown.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

use crate::plist::{Dictionary, Value};

/// What stands for a password.
pub const HIDDEN: &str = "***";

/// Where the password stands in `word`, which is a URL or has one in it.
#[must_use]
pub fn password(word: &str) -> Option<Range<usize>> {
    let (before, _host) = word.rsplit_once('@')?;
    let (first, mut rest) = before.split_once(':')?;
    let mut name = first;
    if let Some(authority) = rest.strip_prefix("//") {
        (name, rest) = authority.split_once(':')?;
        if name.contains(['/', '?', '#']) {
            return None; // It is the path that holds both.
        }
    } else if name.ends_with("mailto") || before.parse::<IpAddr>().is_ok() {
        return None;
    }
    let end = before.len();
    (!rest.is_empty()).then_some(end - rest.len()..end)
}

/// `text` with `***` for the password of each URL in it. Where it is JSON, that of its
/// strings counts, not how they are escaped.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let shown = match json(text) {
        Some(mut json) => redact_json(&mut json).then(|| json.to_string()),
        None => redacted_words(text),
    };
    shown.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn json(text: &str) -> Option<serde_json::Value> {
    // As a rule there is nothing to decode.
    let may_hold = text.starts_with(['{', '[', '"']) && text.contains(['@', '\\']);
    may_hold.then(|| serde_json::from_str(text).ok())?
}

/// Whether there was a password in any string of `json`.
fn redact_json(json: &mut serde_json::Value) -> bool {
    use serde_json::Value;
    match json {
        Value::String(text) => match redacted(text) {
            Cow::Owned(shown) => {
                *text = shown;
                true
            }
            Cow::Borrowed(_) => false,
        },
        Value::Array(all) => all
            .iter_mut()
            .fold(false, |any, one| redact_json(one) | any),
        Value::Object(all) => {
            let mut any = false;
            for (mut name, mut value) in std::mem::take(all) {
                any |= redact_json(&mut value);
                if let Cow::Owned(shown) = redacted(&name) {
                    (name, any) = (shown, true);
                }
                all.insert(name, value);
            }
            any
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// None where no word has a password that shows.
fn redacted_words(text: &str) -> Option<String> {
    let mut shown = String::new();
    let (mut from, mut copied) = (0, 0);
    for word in text.split_inclusive(char::is_whitespace) {
        if let Some(found) = password(word)
            && &word[found.clone()] != HIDDEN
        {
            shown.push_str(&text[copied..from + found.start]);
            shown.push_str(HIDDEN);
            copied = from + found.end;
        }
        from += word.len();
    }
    (copied > 0).then(|| shown + &text[copied..])
}

/// The bytes of a file as [`redacted`] shows its text. Where they are no text that can be
/// read, an `@` among them hides all.
#[must_use]
pub fn redacted_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(bytes).map(redacted) {
        Ok(Cow::Borrowed(_)) => Cow::Borrowed(bytes),
        Ok(Cow::Owned(shown)) => Cow::Owned(shown.into_bytes()),
        Err(_) => hidden_bytes(bytes),
    }
}

fn hidden_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes.contains(&b'@') {
        true => Cow::Owned(HIDDEN.as_bytes().to_vec()),
        false => Cow::Borrowed(bytes),
    }
}

/// `all` with `***` for each password in it.
#[must_use]
pub fn redacted_dictionary(all: &Dictionary) -> Dictionary {
    all.iter()
        .map(|(key, value)| (key.clone(), redacted_value(value)))
        .collect()
}

/// Whether a password of `text` is [`HIDDEN`], or all of it. A person may have written that.
#[must_use]
pub(crate) fn is_redacted(text: &str) -> bool {
    text == HIDDEN || text.contains(":***@")
}

pub(crate) fn is_redacted_value(value: &Value) -> bool {
    match value {
        Value::String(text) => is_redacted(text),
        Value::Data(bytes) => bytes == HIDDEN.as_bytes(),
        Value::Array(all) => all.iter().any(is_redacted_value),
        Value::Dictionary(all) => all.values().any(is_redacted_value),
        Value::Boolean(_) | Value::Integer(_) | Value::Real(_) | Value::Date(_) => false,
    }
}

fn redacted_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted(text).into_owned()),
        Value::Data(bytes) => Value::Data(hidden_bytes(bytes).into_owned()),
        Value::Array(all) => Value::Array(all.iter().map(redacted_value).collect()),
        Value::Dictionary(all) => Value::Dictionary(redacted_dictionary(all)),
        Value::Boolean(_) | Value::Integer(_) | Value::Real(_) | Value::Date(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::configd::{NetworkService, Preferences, Store};
    use crate::file::{FileState, LiveFile};
    use crate::held::{Held, HeldResource};
    use crate::resource::{Lasts, Place};
    use crate::settings::{LiveSettings, Settings};
    use crate::snapshot::{Os, Section, Snapshot};
    use crate::{Resource, State};

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
            (
                r#"{"a":"http://me:pa\u0026ss@p","b":["http://you:w\u0040rd\"s@q"]}"#,
                r#"{"a":"http://me:***@p","b":["http://you:***@q"]}"#,
            ),
            (r#""http:\/\/me:s3cret@p""#, r#""http://me:***@p""#),
            (r#""http://me:s3cret\u0040p""#, r#""http://me:***@p""#),
            (r#"{"http://a:b@c":1}"#, r#"{"http://a:***@c":1}"#),
            ("me:s3cret@proxy:3128", "me:***@proxy:3128"),
            ("http_proxy=me:s3cret@proxy", "http_proxy=me:***@proxy"),
            ("me:s3://cret@proxy", "me:***@proxy"),
            ("http://me:pa/ss#w\"rd?@proxy", "http://me:***@proxy"),
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
            "# written by admin@example.com: ask <mailto:admin@example.com>",
            "git@example.com:some/where",
            "fe80::1@853",
            "{ \"email\": \"me@example.com\", \"n\": 1.50 }",
            "://",
            "://:",
        ] {
            assert!(matches!(redacted(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_hidden_where_a_password_may_be_in_them() {
        assert_eq!(*redacted_bytes(b"http://a:b@c \xff"), *b"***");
        assert_eq!(*redacted_bytes(b"no mark \xff"), *b"no mark \xff");
        assert_eq!(*redacted_bytes(b"http://a:b@c"), *b"http://a:***@c");
        let data = Value::Array(vec![Value::Data(b"a:b@c".to_vec())]);
        let shown = Value::Array(vec![Value::Data(b"***".to_vec())]);
        assert_eq!(redacted_value(&data), shown);
    }

    #[test]
    fn a_snapshot_shows_none_in_any_section() {
        const URL: &str = "http://me:s3cret@wpad.example/proxy.pac";
        let all = Dictionary::from([(
            "ProxyAutoConfigURLString".to_owned(),
            Value::String(URL.to_owned()),
        )]);
        let held = |state: State| HeldResource {
            resource: Resource::Proxies {
                service: "A".to_owned(),
            },
            original: None,
            committed: Some(state),
            transaction: 1,
            place: Place::default(),
            lasts: Lasts::Durable,
            of_network: false,
            left_out: false,
        };
        let service = NetworkService {
            proxies: Some(all.clone()),
            ..NetworkService::default()
        };
        let user = "me".to_owned();
        let snapshot = Snapshot {
            store: Section::Seen(Store(
                [("k".to_owned(), Value::Dictionary(all.clone()))].into(),
            )),
            preferences: Section::Seen(Preferences {
                services: vec![service],
                ..Preferences::default()
            }),
            files: Section::Seen(vec![LiveFile {
                path: "/f".to_owned(),
                state: FileState::text(URL),
            }]),
            settings: Section::Seen(vec![LiveSettings::new(
                Settings::Environment { user },
                Section::Seen(all.clone()),
            )]),
            held: Section::Seen(Held {
                resources: [
                    State::Proxies(all.clone()),
                    State::Store(all.clone()),
                    State::Settings(all),
                    State::File(FileState::text(URL)),
                ]
                .map(held)
                .into(),
                ..Held::default()
            }),
            ..Snapshot::empty(Os::Macos)
        };
        let text = |of: &Snapshot| serde_json::to_string(of).expect("it can be written");
        let shown = snapshot.clone().redacted();
        assert_eq!(text(&snapshot).matches("s3cret").count(), 8);
        assert_eq!(text(&shown).matches("http://me:***@wpad").count(), 8);
        assert!(!text(&shown).contains("s3cret"));
        let held = shown.held().expect("it was seen");
        assert!(held.resources.iter().all(|one| one.left_out));
        assert_eq!(shown.clone().redacted(), shown);
    }

    /// Serialised as Go's encoding/json does, or with more escapes than it needs.
    fn escaped(text: &str, all: bool) -> String {
        let escaped = |c: char| match c {
            c if all || matches!(c, '<' | '>' | '&' | '"' | '\\') => {
                format!("\\u{:04x}", u32::from(c))
            }
            c => c.to_string(),
        };
        format!("\"{}\"", text.chars().map(escaped).collect::<String>())
    }

    proptest! {
        #[test]
        fn no_password_shows_wherever_it_stands(
            scheme in prop::sample::select(vec!["http://", "socks5h://", ""]),
            before in prop::sample::select(vec!["", "http_proxy=", "export a=\"", "# b\n"]),
            password in "[!-~]{0,9}",
            all: bool,
        ) {
            // What is shown has neither of these letters, so that none can be there by chance.
            let url = format!("{scheme}me:Q{password}Q@proxy.example:3128/x");
            let text = format!("{before}{url}\n");
            let shown = redacted(&text);
            prop_assert_eq!(&*shown, format!("{before}{scheme}me:***@proxy.example:3128/x\n"));
            prop_assert!(matches!(redacted(&shown), Cow::Borrowed(_)));

            let json = format!("{{\"httpProxy\": [{}]}}", escaped(&url, all));
            let shown = redacted(&json);
            prop_assert_eq!(
                &*shown,
                format!("{{\"httpProxy\":[\"{scheme}me:***@proxy.example:3128/x\"]}}")
            );
            prop_assert!(matches!(redacted(&shown), Cow::Borrowed(_)));
        }
    }
}
