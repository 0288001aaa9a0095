//! Any character at any place, as the oracle has it: what a reader of bytes could take
//! for something else.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::oracle::{oracle, read, well_formed};
use super::{Span, parse};
use crate::code::FORBIDDEN_CHARACTER;

/// What can stand before a character, and after it: each sign that KDL has, with
/// something on its other side; set apart by `|`, which means nothing.
const BEFORE: &str = concat!(
    r#"|a|a |a "|a "b|a "\|a "\u{|a #"|a #"b|a #|a b=|a b|a (|a (t|a (t)|a {|a { b; }|a;|a; b|"#,
    r#"// |a // |a /* |a /* b *|a /|a \|a \ |a 1|a -|a """|a "b"|a #true|"#,
    "a\r|a\n|a {\n|a \"\"\"\n|a \"\"\"\n b\n |a #\"\"\"\n ",
);
const AFTER: &str = concat!(
    r##"|a| a|"|b"|}"|"#|b"#|c|=c| = c|)b| )b|t)b|}| }|;| */|*/ c|/ c|1|"""|"""#|{ c; }| { c; }|"##,
    "\n}|\nb|\n|\\\n c|\n\"\"\"|\n \"\"\"|\r\nb|\rb",
);

/// Newlines, spaces, and characters beside them and beside what KDL forbids; of each
/// length in UTF-8.
const SPECIAL: &str = concat!(
    "\n|\r|\r\n|\u{85}|\u{b}|\u{c}|\u{2028}|\u{2029}|\t| |\u{a0}|\u{1680}|\u{2000}|\u{200a}|",
    "\u{202f}|\u{205f}|\u{3000}|\u{80}|\u{84}|\u{86}|\u{9f}|\u{a1}|\u{ad}|\u{180e}|\u{1fff}|",
    "\u{200b}|\u{200d}|\u{2010}|\u{2027}|\u{2065}|\u{206a}|\u{2fff}|\u{3001}|\u{fefe}|\u{fffd}|",
    "\u{e4}|\u{20ac}|\u{1f600}|\u{10ffff}",
);

/// The first and last of each range of what KDL forbids.
const FORBIDDEN: &str =
    "\0|\u{8}|\u{e}|\u{1f}|\u{7f}|\u{200e}|\u{200f}|\u{202a}|\u{202e}|\u{2066}|\u{2069}|\u{feff}";

fn one_of(all: &'static str) -> impl Strategy<Value = &'static str> {
    select(all.split('|').collect::<Vec<_>>())
}

/// A place in a text: what stands before it, and after it.
fn place() -> impl Strategy<Value = (String, String)> {
    let signs = (one_of(BEFORE), one_of(AFTER));
    let signs = signs.prop_map(|(before, after)| (before.to_owned(), after.to_owned()));
    let within = (well_formed(), any::<Index>(), select(vec!["\n", "\r\n"]));
    let within = within.prop_map(|(text, at, newline)| {
        // The oracle is no help with what is commented out.
        let text = text.replace("/-", "").replace('\n', newline);
        let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let (before, after) = text.split_at(*at.get(&places.collect::<Vec<_>>()));
        (before.to_owned(), after.to_owned())
    });
    prop_oneof![2 => signs, 1 => within]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_character_at_any_place_is_read_or_refused_as_the_oracle_does(
        mark in one_of(SPECIAL), (before, after) in place()
    ) {
        let text = before + mark + &after;
        prop_assert_eq!(read(&text), oracle(&text), "{:?}", text);
    }

    // The oracle takes them in comments, against the grammar.
    #[test]
    fn what_kdl_forbids_is_found_at_any_place(
        mark in one_of(FORBIDDEN), (before, after) in place()
    ) {
        let text = before + mark + &after;
        // A byte order mark is none of them where the text starts.
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let at = text[start..].find(mark).map(|at| start + at);
        let expected = at.map(|at| Span::new(at, at + mark.len()));
        let faults = parse(&text).faults;
        let mut found = faults.iter().filter(|fault| fault.code == FORBIDDEN_CHARACTER);
        prop_assert_eq!(found.next().map(|fault| fault.span), expected, "{:?}", text);
        prop_assert!(expected.is_none() || faults.len() == 1, "{:?}", text);
    }
}
