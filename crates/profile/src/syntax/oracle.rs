//! The `kdl` crate as an oracle: what it reads, and what it refuses, on texts that
//! are small enough for it.

use kdl::{KdlDocument, KdlNode, KdlValue};
use proptest::prelude::*;

use super::{Nodes, Value, parse};

/// The part of a tree that both parsers have, as text.
fn ours(nodes: Nodes<'_>) -> String {
    let mut text = String::new();
    for node in nodes {
        text.push_str(&format!("{:?}", node.name()));
        let mut entries: Vec<String> = Vec::new();
        for entry in node.entries() {
            let value = match &entry.value {
                Value::Text(text) => format!("{text:?}"),
                Value::Integer(number) => number.to_string(),
                Value::OtherNumber => "other".to_owned(),
                Value::Bool(flag) => flag.to_string(),
                Value::Null => "null".to_owned(),
            };
            let key = entry.key.as_ref().map(|key| &*key.text);
            entries.push(format!(" {key:?}={value}"));
        }
        text.push_str(&entries.concat());
        if node.block.is_some() {
            text.push_str(&format!("{{{}}}", ours(node.children())));
        }
        text.push(';');
    }
    text
}

fn theirs(nodes: &[KdlNode]) -> String {
    let mut text = String::new();
    for node in nodes {
        text.push_str(&format!("{:?}", node.name().value()));
        for entry in node.entries() {
            let value = match entry.value() {
                KdlValue::String(text) => format!("{text:?}"),
                KdlValue::Integer(number) => number.to_string(),
                KdlValue::Float(_) => "other".to_owned(),
                KdlValue::Bool(flag) => flag.to_string(),
                KdlValue::Null => "null".to_owned(),
            };
            let key = entry.name().map(kdl::KdlIdentifier::value);
            text.push_str(&format!(" {key:?}={value}"));
        }
        if let Some(children) = node.children() {
            text.push_str(&format!("{{{}}}", theirs(children.nodes())));
        }
        text.push(';');
    }
    text
}

/// What the oracle reads; it gets a stack that its recovery does not overflow.
pub(super) fn oracle(text: &str) -> Option<String> {
    let text = text.to_owned();
    std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || {
            let document: Result<KdlDocument, _> = KdlDocument::parse_v2(&text);
            document.ok().map(|document| theirs(document.nodes()))
        })
        .expect("a thread")
        .join()
        .expect("the oracle answers")
}

pub(super) fn read(text: &str) -> Option<String> {
    let parsed = parse(text);
    parsed.faults.is_empty().then(|| ours(parsed.tree.nodes()))
}

/// Pieces of KDL, of which any row is a text that may be right or wrong.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "route",
        "keep-lan",
        "-",
        "+x",
        "\"c\"",
        "\"d e\"",
        "\"\\n\\\"\\\\\"",
        "\"{\"",
        "#\"r\\\"#",
        "##\"s\"#\"##",
        "1",
        "-2",
        "0x1f",
        "0b101",
        "0o17",
        "1_000",
        "1.5",
        "2e9",
        "#true",
        "#false",
        "#null",
        "#inf",
        " ",
        " ",
        " ",
        " ",
        "  ",
        "\t",
        "\n",
        "\n",
        ";",
        ";",
        "{",
        "}",
        " {\n",
        "\n}\n",
        "=",
        "k=",
        " k=\"v\"",
        " n=5",
        "(",
        ")",
        "(t)",
        "// c\n",
        "/* c */",
        "/* /* n */ */",
        "\\\n",
        " \\ // c\n",
        "\"\"\"\n  x\n   y\n  \"\"\"",
        "\"\"\"\n\"\"\"",
        "#\"\"\"\n  \"q\"\n  \"\"\"#",
        "\u{e4}",
        "\r\n",
        "\u{a0}",
        "[",
        ",",
        ".",
        ".a",
        "true",
        "\"\\u{e4}\"",
        "\"x\\  \ny\"",
    ])
}

fn name(pattern: &'static str) -> impl Strategy<Value = String> {
    pattern.prop_filter("a keyword is no name", |name| {
        !matches!(name.as_str(), "true" | "false" | "null" | "inf" | "nan")
    })
}

pub(super) fn well_formed() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "x",
        "\"y z\"",
        "12",
        "#true",
        "#\"raw\"#",
        "\"a\\tb\"",
        "-1",
        "1.5",
        "\"\"\"\n t\n u\n \"\"\"",
    ]);
    let entry = (prop::option::of(name("[a-z]{1,3}")), value, any::<bool>()).prop_map(
        |(key, value, off)| {
            let off = if off { "" } else { "/-" };
            match key {
                Some(key) => format!(" {off}{key}={value}"),
                None => format!(" {off}{value}"),
            }
        },
    );
    let head = (name("[a-z][a-z-]{0,6}"), prop::collection::vec(entry, 0..4))
        .prop_map(|(name, entries)| format!("{name}{}", entries.concat()));
    let node = head.prop_map(|head| format!("{head}\n"));
    node.prop_recursive(4, 24, 4, |inner| {
        (
            name("[a-z]{1,5}"),
            prop::collection::vec(inner, 0..4),
            prop::sample::select(vec!["", "/-", "// c\n", "/* c */ "]),
            prop::sample::select(vec!["\n", ";", " // c\n", " /* c */;"]),
        )
            .prop_map(|(name, inner, before, after)| {
                // The oracle wants a newline after a node that is commented out.
                let after = if before == "/-" { "\n" } else { after };
                format!("{before}{name} {{ {} }}{after}", inner.concat())
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn well_formed_text_is_read_as_the_oracle_reads_it(text in well_formed()) {
        let expected = oracle(&text);
        prop_assert!(expected.is_some(), "{text}");
        prop_assert_eq!(read(&text), expected, "{}", text);
    }

    // What is commented out is left to the test above: the oracle refuses `/-a;` and
    // takes `a /- /-b`, against the grammar and the tests of the language.
    #[test]
    fn pieces_in_any_order_are_read_or_refused_as_the_oracle_does(
        pieces in prop::collection::vec(piece(), 0..12)
    ) {
        let text = pieces.concat();
        prop_assert_eq!(read(&text), oracle(&text), "{}", text);
    }
}
