//! Texts and their trees.

use super::{Value, parse};
use crate::code;

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Text(text) => Value::Text(text.to_string().into()),
        Value::Integer(number) => Value::Integer(*number),
        Value::OtherNumber => Value::OtherNumber,
        Value::Bool(flag) => Value::Bool(*flag),
        Value::Null => Value::Null,
    }
}

fn values(text: &str) -> Vec<Value<'static>> {
    let parsed = parse(text);
    assert_eq!(parsed.faults, [], "{text}");
    let node = parsed.tree.nodes().next().expect("one node");
    let entries = node.entries().iter();
    entries.map(|entry| owned(&entry.value)).collect()
}

fn text(text: &str) -> String {
    match values(&format!("a {text}")).as_slice() {
        [Value::Text(value)] => value.clone().into_owned(),
        other => panic!("{text}: {other:?}"),
    }
}

/// The codes of the faults of a text.
fn faults(text: &str) -> Vec<&'static str> {
    parse(text).faults.iter().map(|fault| fault.code).collect()
}

#[test]
fn strings_are_read_in_all_their_forms() {
    assert_eq!(text("\"b c\""), "b c");
    assert_eq!(text(r#""\"\\\n\t\u{e4}""#), "\"\\\n\t\u{e4}");
    assert_eq!(text("\"b \\\n   c\""), "b c");
    assert_eq!(text("#\"b\\\"c\"#"), "b\\\"c");
    assert_eq!(text("##\"b\"#c\"##"), "b\"#c");
    assert_eq!(
        text("\"\"\"\n    b\n      c\n\n    d\n    \"\"\""),
        "b\n  c\n\nd"
    );
    assert_eq!(text("#\"\"\"\n b \"c\" \\n\n \"\"\"#"), "b \"c\" \\n");
    assert_eq!(text("\"\"\"\n\"\"\""), "");
    assert_eq!(text("b-c.d:e*"), "b-c.d:e*");
    assert_eq!(text("\"\""), "");
}

#[test]
fn numbers_and_keywords_are_read() {
    assert_eq!(
        values("a 1 -2 0x1F 0b1_0 0o17 1_000 #true #false #null"),
        [
            Value::Integer(1),
            Value::Integer(-2),
            Value::Integer(31),
            Value::Integer(2),
            Value::Integer(15),
            Value::Integer(1000),
            Value::Bool(true),
            Value::Bool(false),
            Value::Null
        ]
    );
    assert_eq!(values("a 1.5 2e3 #inf"), vec![Value::OtherNumber; 3]);
}

#[test]
fn comments_and_what_they_take_out_leave_nothing() {
    let text = "// x\n/* y /* z */ */ a /-1 /-k=2 /* c */ 3 \\ // more\n 4 /-{ b 1; } { c; /- d { e; }\n}\n/- f 1 {\n g }\n/-\nh";
    let parsed = parse(text);
    assert_eq!(parsed.faults, []);
    assert_eq!(parsed.tree.nodes().count(), 1);
    let a = parsed.tree.nodes().next().expect("a node");
    assert_eq!(a.entries().len(), 2);
    assert!(a.block.is_some());
    let names: Vec<&str> = a.children().map(super::Node::name).collect();
    assert_eq!(names, ["c"]);
}

#[test]
fn every_part_keeps_its_place() {
    let text = "a b c=\"d\" {\n  e 1\n}";
    let parsed = parse(text);
    let of = |span: super::Span| &text[span.start as usize..span.end as usize];
    let a = parsed.tree.nodes().next().expect("a node");
    assert_eq!(of(a.name.span), "a");
    assert_eq!(of(a.head), "a b c=\"d\"");
    assert_eq!(of(a.entries()[1].span), "\"d\"");
    assert_eq!(of(a.entries()[1].key.as_ref().expect("a key").span), "c");
    assert_eq!(of(a.block.expect("a block")), "{\n  e 1\n}");
    assert_eq!(of(a.children().next().expect("a child").head), "e 1");
}

#[test]
fn one_fault_does_not_hide_the_next() {
    assert_eq!(
        faults("a true\nb 10.0.0.0/8\nc \"x\nd 1"),
        [code::SYNTAX, code::SYNTAX, code::UNCLOSED]
    );
    assert_eq!(parse("a true\nb 1").tree.nodes().count(), 1);
    assert_eq!(faults("a { b true; c; }\nd"), [code::SYNTAX]);
}

#[test]
fn a_missing_brace_is_reported_once() {
    assert_eq!(faults("a { b { c {"), [code::UNCLOSED]);
    assert_eq!(faults("a }"), [code::SYNTAX]);
}

#[test]
fn a_brace_within_what_has_no_end_is_not_missed() {
    for open in ["\"\"\"\n", "##\"\"\"\n", "/*"] {
        let text = format!("a {{ b {{ c {open} d; }} }}\n");
        assert_eq!(faults(&text), [code::UNCLOSED], "{text}");
    }
    // It ends with its line, and so does what it hides.
    assert_eq!(faults("a { b { c \"d; } }\n } }\n"), [code::UNCLOSED]);
    assert_eq!(
        faults("a { b { c \"d; } }\n }\n"),
        [code::UNCLOSED, code::UNCLOSED]
    );
}

#[test]
fn depth_is_bounded_before_it_can_hurt() {
    let nested = |depth: usize| "a { ".repeat(depth) + &"}".repeat(depth);
    assert_eq!(faults(&nested(64)), [] as [&str; 0]);
    assert_eq!(faults(&nested(65)), [code::TOO_DEEP]);
    assert_eq!(faults(&nested(100_000)), [code::TOO_DEEP]);
    assert_eq!(faults(&"/- a { ".repeat(100_000)), [code::TOO_DEEP]);
    assert_eq!(faults(&"a /- { ".repeat(100_000)), [code::TOO_DEEP]);
    let comments = |depth: usize| "/*".repeat(depth) + &"*/".repeat(depth);
    assert_eq!(faults(&comments(64)), [] as [&str; 0]);
    assert_eq!(faults(&comments(100_000)), [code::TOO_DEEP]);
}

#[test]
fn a_brace_in_a_string_or_comment_is_no_block() {
    let text = "a \"{{{\" #\"{\"# /* {{{ */ // {{{\n".repeat(100);
    assert_eq!(faults(&text), [] as [&str; 0]);
}

#[test]
fn what_is_commented_out_follows_the_grammar() {
    let trees = |text: &str| parse(text).tree.nodes().count();
    assert_eq!(faults("/-a;b"), [] as [&str; 0]);
    assert_eq!(trees("/-a;b"), 1);
    assert_eq!(
        faults("a /-b /-c=1 /-{ d; } { e; } /-{ f; }"),
        [] as [&str; 0]
    );
    for wrong in ["a/-b", "a /-", "/-", "/- /- a", "a /- /-b", "a { b; } /-c"] {
        assert_eq!(faults(wrong), [code::SYNTAX], "{wrong}");
    }
}
