//! Settings in the words that a person reads.

use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::OTHERS;

/// All of them, on one line.
pub fn all(settings: &Dictionary) -> String {
    let words: Vec<String> = settings
        .iter()
        .filter(|(key, _)| *key != OTHERS)
        .map(|(key, value)| format!("{key}={}", word(value)))
        .collect();
    words.join(" ")
}

/// What becomes of them: a line for each that changes.
pub fn change(before: &Dictionary, after: &Dictionary) -> Vec<String> {
    let keys = after
        .keys()
        .chain(before.keys().filter(|key| !after.contains_key(*key)));
    let keys = keys.filter(|key| *key != OTHERS);
    let changed = keys.filter(|key| before.get(*key) != after.get(*key));
    let lines = changed.map(|key| match (before.get(key), after.get(key)) {
        (None, Some(is)) => format!("{key}={}", word(is)),
        (Some(was), None) => format!("without {key} (was {})", word(was)),
        (Some(was), Some(is)) => format!("{key}={} (was {})", word(is), word(was)),
        (None, None) => String::new(),
    });
    lines.collect()
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
