//! `docs/json.md` against what is printed: every object that a test looks at is held to
//! the page, so that a field which is added without a word there fails.
//!
//! The page is its own schema. A heading names a shape, or several with a dot between
//! them; each table below it lists fields and their types, and a type that is a link leads
//! to another heading. `All of [plan](#plan)` takes that shape's fields along.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

pub(crate) const PAGE: &str = include_str!("../../docs/json.md");

pub(crate) static SHAPES: LazyLock<Shapes> = LazyLock::new(|| read(PAGE));

/// The fields of each shape, with their types.
pub(crate) type Shapes = BTreeMap<String, BTreeMap<String, String>>;

/// Panics where `object`, which a command printed, is not as the page has it.
#[track_caller]
pub(crate) fn is_documented(object: &Value) {
    let wrong = complaints(&SHAPES, object);
    assert!(
        wrong.is_empty(),
        "docs/json.md: {}\n{object:#}",
        wrong.join("; ")
    );
}

pub(crate) fn complaints(shapes: &Shapes, object: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(command) = object["command"].as_str() else {
        // `snapshot` prints JSON also where nobody asks for it: the machine alone.
        look(shapes, "[machine](#machine)", object, "machine", &mut wrong);
        return wrong;
    };
    let Some(own) = shapes.get(command) else {
        return vec![format!("there is no command {command}")];
    };
    let mut fields = shapes["every object"].clone();
    fields.extend(own.clone());
    match object.as_object() {
        Some(found) => compare(shapes, &fields, found, command, &mut wrong),
        None => wrong.push("it is no object".to_owned()),
    }
    wrong
}

fn compare(
    shapes: &Shapes,
    fields: &BTreeMap<String, String>,
    found: &Map<String, Value>,
    path: &str,
    wrong: &mut Vec<String>,
) {
    for (name, value) in found {
        match fields.get(name) {
            Some(kind) => look(shapes, kind, value, &format!("{path}.{name}"), wrong),
            None => wrong.push(format!("{path}.{name} is not there")),
        }
    }
    for (name, kind) in fields {
        if !found.contains_key(name) && !kind.ends_with(" or absent") {
            wrong.push(format!("{path}.{name} is not printed"));
        }
    }
}

/// Whether `value` is of one of the types that `kind` names.
pub(crate) fn look(
    shapes: &Shapes,
    kind: &str,
    value: &Value,
    path: &str,
    wrong: &mut Vec<String>,
) {
    if let Some(inner) = kind.strip_prefix("section of ") {
        match (value["is"].as_str(), value.get("value")) {
            (Some("seen"), Some(value)) => look(shapes, inner, value, path, wrong),
            (Some("unreadable"), Some(Value::String(_))) => {}
            (Some("absent" | "unread"), None) => {}
            _ => wrong.push(format!("{path} is no section")),
        }
        return;
    }
    for one in kind.split(" or ") {
        match (one, value) {
            ("null", Value::Null)
            | ("string", Value::String(_))
            | ("number", Value::Number(_))
            | ("boolean", Value::Bool(_))
            | ("object" | "map", Value::Object(_)) => return,
            ("dictionary", Value::Object(all)) if all.keys().all(|key| is_of_a_mac(key)) => return,
            (one, Value::Array(items)) if one.starts_with("list of ") => {
                let inner = one.trim_start_matches("list of ");
                for (number, item) in items.iter().enumerate() {
                    look(shapes, inner, item, &format!("{path}[{number}]"), wrong);
                }
                return;
            }
            (one, Value::Object(all)) => {
                if let Some(fields) = linked(one).and_then(|name| shapes.get(name)) {
                    return compare(shapes, fields, all, path, wrong);
                }
            }
            _ => {}
        }
    }
    wrong.push(format!("{path} is not `{kind}`: {value}"));
}

fn is_of_a_mac(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The heading that `[word](#heading)` leads to.
pub(crate) fn linked(word: &str) -> Option<&str> {
    word.strip_suffix(')')?
        .rsplit_once("](#")
        .map(|(_, heading)| heading)
}

fn read(page: &str) -> Shapes {
    let mut shapes = Shapes::new();
    let mut names: Vec<String> = Vec::new();
    for line in page.lines() {
        if line.starts_with("##") {
            let heading = line.trim_start_matches(['#', ' ']);
            names = heading.split(" · ").map(str::to_owned).collect();
        }
        let mut fields = BTreeMap::new();
        if let Some(rest) = line.strip_prefix("All of ") {
            let other = linked(rest.split(',').next().unwrap_or_default());
            fields.clone_from(&shapes[other.expect("it names a shape")]);
        } else if let Some(row) = line.strip_prefix("| `") {
            let (name, rest) = row.split_once("` | ").expect("a field has a type");
            let kind = rest.split(" |").next().unwrap_or_default();
            fields.insert(name.to_owned(), kind.to_owned());
        }
        for name in &names {
            let known = shapes.entry(name.clone()).or_default();
            known.extend(fields.clone());
        }
    }
    shapes
}
