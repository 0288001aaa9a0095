//! `docs/json.md` in itself: its examples, its types, and that nothing passes it by.

use netprof_model::Owner;
use serde_json::Value;

use crate::json_page::{PAGE, SHAPES, complaints, is_documented, linked, look};

/// The blocks of JSON of the page, each with the heading that it stands below.
fn examples() -> Vec<(String, Value)> {
    let mut heading = "";
    let mut found = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("##") {
            heading = line.trim_start_matches(['#', ' ']);
        }
        if line == "```json" {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let value = serde_json::from_str(&text.join("\n"));
            found.push((heading.to_owned(), value.expect("it is JSON")));
        }
    }
    found
}

#[test]
fn every_example_of_the_page_is_as_it_says() {
    let examples = examples();
    assert!(examples.len() > 6);
    for (heading, value) in examples {
        if value["command"].is_string() {
            is_documented(&value);
            continue;
        }
        let mut wrong = Vec::new();
        let kind = format!("[it](#{heading})");
        look(&SHAPES, &kind, &value, &heading, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn the_page_names_every_owner() {
    let (_, list) = PAGE.split_once("\n## owners\n").unwrap();
    for owner in Owner::ALL {
        assert!(list.contains(&format!("`{owner}`")), "{owner}");
    }
}

#[test]
fn every_type_of_the_page_is_one() {
    for (shape, fields) in SHAPES.iter() {
        for (name, kind) in fields {
            let kind = kind.trim_start_matches("section of ");
            for one in kind
                .split(" or ")
                .map(|one| one.trim_start_matches("list of "))
            {
                let is_plain = matches!(
                    one,
                    "string" | "number" | "boolean" | "null" | "object" | "dictionary" | "absent"
                );
                let leads_on = linked(one).is_some_and(|to| SHAPES.contains_key(to));
                assert!(is_plain || leads_on, "{shape}.{name}: {one}");
            }
        }
    }
}

#[test]
fn what_is_not_on_the_page_is_complained_of() {
    let good = &examples()[2].1;
    assert_eq!(complaints(&SHAPES, good), [""; 0]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut one = good.clone();
        change(&mut one);
        complaints(&SHAPES, &one)
    };
    let added = with(&|one| one["profiles"][0]["colour"] = "red".into());
    assert_eq!(added, ["list.profiles[0].colour is not there"]);
    let other = with(&|one| one["active"] = 1.into());
    assert_eq!(other.len(), 1);
    let gone = with(&|one| {
        one.as_object_mut().unwrap().remove("profiles");
    });
    assert_eq!(gone, ["list.profiles is not printed"]);
}
