use proptest::prelude::*;

use super::*;

fn object(text: &str) -> JsonObject<'_> {
    JsonObject::parse(text.as_bytes()).expect("it is an object")
}

fn refused(bytes: &[u8]) -> String {
    let refused = JsonObject::parse(bytes).expect_err("it is no object");
    refused.to_string()
}

#[test]
fn a_member_is_put_in_as_its_neighbours_are_written() {
    for (before, after) in [
        ("{}", r#"{"b": 2}"#),
        ("{ }\n", "{ \"b\": 2 }\n"),
        (EMPTY, "{\n  \"b\": 2\n}\n"),
        ("{\r\n}\r\n", "{\r\n  \"b\": 2\r\n}\r\n"),
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#),
        (r#"{ "a" : 1 }"#, r#"{ "a" : 1, "b" : 2 }"#),
        ("{\n\t\"a\": 1\n}", "{\n\t\"a\": 1,\n\t\"b\": 2\n}"),
        (
            "{\n  \"a\": 1,\n\n  \"c\": {\"}\": \"\\\"{\"}\n}\n",
            "{\n  \"a\": 1,\n\n  \"c\": {\"}\": \"\\\"{\"},\n\n  \"b\": 2\n}\n",
        ),
        (
            "{ \"a\": 1\n, \"c\": 2\n}",
            "{ \"a\": 1\n, \"c\": 2\n, \"b\": 2\n}",
        ),
        ("\u{feff} {\"a\":[\n1]} ", "\u{feff} {\"a\":[\n1],\"b\":2} "),
    ] {
        assert_eq!(object(before).with("b", "2"), after);
        assert_eq!(object(after).without("b"), before);
    }
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    let text = "{\"a\" :\t[1,\r\n 2] , \"b\": \"}\"}";
    assert_eq!(object(text).get("a"), Some("[1,\r\n 2]"));
    assert_eq!(object(text).get("b"), Some("\"}\""));
    assert_eq!(object(text).get("c"), None);
    let changed = object(text).with("a", "null");
    assert_eq!(changed, "{\"a\" :\tnull , \"b\": \"}\"}");
}

#[test]
fn a_name_is_the_same_however_it_is_written() {
    let text = r#"{"b\u0069p": 1, "a:\"b": 2}"#;
    assert_eq!(object(text).get("bip"), Some("1"));
    assert_eq!(object(text).get("a:\"b"), Some("2"));
    assert_eq!(object("{}").with("a\"b", "1"), r#"{"a\"b": 1}"#);
}

#[test]
fn what_is_no_object_is_refused_where_that_shows() {
    for (text, said) in [
        (&b""[..], "line 1, column 1: EOF while parsing a value"),
        (
            b"[]",
            "line 1, column 1: invalid type: sequence, expected an object",
        ),
        (b"{\n  // no\n}", "line 2, column 3: key must be a string"),
        (b"{\"a\": 1,}", "line 1, column 9: trailing comma"),
        (
            "{\"\u{e4}\u{e4}\": 1 x".as_bytes(),
            "line 1, column 10: expected `,` or `}`",
        ),
        (b"{} {}", "line 1, column 4: trailing characters"),
        (b"{\"a\": \n", "line 2, column 1: EOF while parsing a value"),
        (
            b"{\n\"a\": \xff}",
            "line 2, column 6: these bytes are no UTF-8",
        ),
        (
            b"{\"a\": 1,\n \"\\u0061\": 2}",
            "line 2, column 2: \"a\" is here for the second time",
        ),
    ] {
        assert_eq!(refused(text), said, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_value_is_the_same_however_it_is_written() {
    assert!(is_same(
        "[{\"a\": 1, \"b\":2}]",
        "[ {\"b\":2,\r\n\"\\u0061\":1} ]"
    ));
    for (one, other) in [("1", "2"), ("\"1\"", "1"), ("[1,2]", "[2,1]"), ("x", "y")] {
        assert!(!is_same(one, other), "{one} {other}");
    }
}

#[test]
fn a_place_is_told_as_an_editor_counts() {
    let text = "\u{feff}{\"a\": 1,\r\n \"b\": 2}";
    assert_eq!(object(text).position("a"), Some((1, 2)));
    assert_eq!(object(text).position("b"), Some((2, 2)));
    assert_eq!(object(text).position("c"), None);
}

#[test]
fn what_would_be_no_object_is_refused() {
    assert!(edited("{}", [("a", Some("1,"))]).is_err());
    assert!(edited("nothing", []).is_err());
    let all = [("a", Some("1")), ("b", Some("{}")), ("a", None)];
    assert_eq!(edited(EMPTY, all), Ok("{\n  \"b\": {}\n}\n".to_owned()));
}

/// White space as people, editors and other systems leave it.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => Just(" ".to_owned()),
        2 => Just("\n  ".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => "[ \t\r\n]{0,4}",
    ]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#""\"{}[],:""#.to_owned()),
        Just(r#""\\""#.to_owned()),
        Just(r#""\ud83d\n""#.to_owned()),
        "[a-z\u{e4}{}:, ]{0,4}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let one = prop_oneof![Just("null".to_owned()), Just("-1.5e3".to_owned()), string(),];
    one.prop_recursive(3, 12, 3, |inner| {
        let items = prop::collection::vec((space(), inner.clone(), space()), 0..3);
        let list = items.prop_map(|items| {
            let items = items.iter().map(|(a, b, c)| format!("{a}{b}{c}"));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        });
        // Names within may well be there twice.
        let members = prop::collection::vec((space(), string(), space(), inner), 0..3);
        let nested = members.prop_map(|members| {
            let members = members.iter().map(|(a, b, c, d)| format!("{a}{b}{c}:{d}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        });
        prop_oneof![list, nested]
    })
}

prop_compose! {
    /// An object, of members `0`, `1` and so on.
    fn text()(
        bom in any::<bool>(),
        members in prop::collection::vec((space(), space(), space(), value(), space()), 0..5),
        (before, within, behind) in (space(), space(), space()),
    ) -> String {
        let mut all = Vec::new();
        for (at, (a, b, c, value, d)) in members.iter().enumerate() {
            all.push(format!("{a}\"{at}\"{b}:{c}{value}{d}"));
        }
        let inside = if all.is_empty() { within } else { all.join(",") };
        let bom = if bom { "\u{feff}" } else { "" };
        format!("{bom}{before}{{{inside}}}{behind}")
    }
}

/// The values of the members of `text`, as somebody else reads them.
fn read(text: &str) -> serde_json::Map<String, serde_json::Value> {
    let text = text.trim_start_matches('\u{feff}');
    // What is half a character is nothing that a value can hold.
    serde_json::from_str(&text.replace(r"\ud83d", "")).expect("it is an object")
}

proptest! {
    /// Putting in and taking out leaves every byte; so does the same of two, in any order.
    #[test]
    fn what_is_put_in_is_taken_out_without_a_trace(text in text(), a in value(), b in value()) {
        let one = object(&text).with("a", &a);
        prop_assert_eq!(object(&one).get("a"), Some(&*a));
        prop_assert_eq!(&object(&one).without("a"), &text);
        let two = object(&one).with("b", &b);
        prop_assert_eq!(&object(&two).without("b"), &one);
        let other = object(&two).without("a");
        prop_assert_eq!(&other, &object(&text).with("b", &b));
        prop_assert_eq!(&object(&other).without("b"), &text);
    }

    /// A value that is replaced comes back, and everything around it has stayed.
    #[test]
    fn what_is_replaced_is_put_back_byte_for_byte(text in text(), at in 0..5_u8, new in value()) {
        let name = at.to_string();
        let before = object(&text).get(&name).map(str::to_owned);
        let changed = object(&text).with(&name, &new);
        prop_assert_eq!(object(&changed).get(&name), Some(&*new));
        let back = edited(&changed, [(&*name, before.as_deref())]);
        prop_assert_eq!(back, Ok(text));
    }

    /// Any other reader finds one member more, or one less, and the others as they were.
    #[test]
    fn other_readers_find_the_same(text in text(), at in 0..5_u8, new in value()) {
        let mut members = read(&text);
        let name = at.to_string();
        let with = read(&object(&text).with(&name, &new));
        let new = read(&format!("{{\"new\":{new}}}"));
        members.insert(name.clone(), new["new"].clone());
        prop_assert_eq!(&with, &members);
        members.remove(&name);
        prop_assert_eq!(&read(&object(&text).without(&name)), &members);
    }

    /// Nothing makes it panic.
    #[test]
    fn any_bytes_are_an_object_or_are_refused(mut bytes in text().prop_map(String::into_bytes), at: prop::sample::Index, byte: u8) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(object) = JsonObject::parse(&bytes) {
            let one = object.with("a", "[]");
            prop_assert_eq!(JsonObject::parse(one.as_bytes()).map(|one| one.get("a").map(str::to_owned)), Ok(Some("[]".to_owned())));
        }
    }
}
