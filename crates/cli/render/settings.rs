//! Settings in the words that a person reads, without their passwords.

use netprof_model::plist::{Dictionary, Value};
use netprof_model::secret;
use netprof_model::settings::{MANAGER, OTHERS};

use super::words::ANOTHER_PASSWORD;

/// All of them, on one line.
pub fn all(settings: &Dictionary) -> String {
    let words: Vec<String> = secret::redacted_dictionary(settings)
        .iter()
        .filter(|(key, _)| is_setting(key))
        .map(|(key, value)| format!("{key}={}", word(value)))
        .collect();
    words.join(" ")
}

/// What becomes of them: a line for each that changes.
pub fn change(before: &Dictionary, after: &Dictionary) -> Vec<String> {
    let [shown_before, shown_after] = [before, after].map(secret::redacted_dictionary);
    let keys = after
        .keys()
        .chain(before.keys().filter(|key| !after.contains_key(*key)));
    let keys = keys.filter(|key| is_setting(key));
    let changed = keys.filter(|key| before.get(*key) != after.get(*key));
    let lines = changed.map(|key| match (shown_before.get(key), shown_after.get(key)) {
        (None, Some(is)) => format!("{key}={}", word(is)),
        (Some(was), None) => format!("without {key} (was {})", word(was)),
        (Some(was), Some(is)) if was == is => format!("{key}={} {ANOTHER_PASSWORD}", word(is)),
        (Some(was), Some(is)) => format!("{key}={} (was {})", word(is), word(was)),
        (None, None) => String::new(),
    });
    lines.collect()
}

/// Whether it is one, and does not say something of where they are kept.
fn is_setting(key: &str) -> bool {
    ![OTHERS, MANAGER].contains(&key)
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Boolean(is) => is.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Array(all) => all.iter().map(word).collect::<Vec<_>>().join(","),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Dictionary {
        let variables = [("http_proxy", url), ("no_proxy", "localhost")];
        let value = |text: &str| Value::String(text.to_owned());
        variables
            .map(|(name, text)| (name.to_owned(), value(text)))
            .into()
    }

    #[test]
    fn another_password_is_said_and_not_shown() {
        let [one, other, none] = [
            "http://me:s3cret@proxy:1",
            "http://me:0ther@proxy:1",
            "http://proxy:1",
        ]
        .map(settings);
        for (before, after, said) in [
            (
                &one,
                &other,
                "http_proxy=http://me:***@proxy:1 (another password)",
            ),
            (
                &none,
                &one,
                "http_proxy=http://me:***@proxy:1 (was http://proxy:1)",
            ),
        ] {
            assert_eq!(change(before, after), [said]);
        }
        assert!(change(&one, &one).is_empty());
        assert_eq!(
            all(&one),
            "http_proxy=http://me:***@proxy:1 no_proxy=localhost"
        );
    }
}
