use proptest::prelude::*;

use super::*;

const SERVICE: &str = "\
<dictionary> {
  AdditionalRoutes : <array> {
    0 : <dictionary> {
      DestinationAddress : 169.254.0.0
      SubnetMask : 255.255.0.0
    }
  }
  Empty : <dictionary> {
  }
  Mark : <data> 0x00ff
  None : <data> 0x
  OverridePrimary : 1
  SupplementalMatchDomains : <array> {
    0 : 
    1 : corp.example.com
  }
  Up : TRUE
}
";

#[test]
fn every_sort_of_value_is_read_and_printed_the_same() {
    let value = parse(SERVICE).expect("it is whole");
    let all = value.as_dictionary().expect("a dictionary");
    assert_eq!(all["Up"], Value::Boolean(true));
    assert_eq!(all["Mark"], Value::Data(vec![0, 255]));
    assert_eq!(all["None"], Value::Data(Vec::new()));
    assert_eq!(all["Empty"], Value::Dictionary(Dictionary::new()));
    assert_eq!(all["OverridePrimary"], Value::String("1".to_owned()));
    assert_eq!(
        all["SupplementalMatchDomains"],
        Value::strings(["", "corp.example.com"])
    );
    assert_eq!(print(&value), SERVICE);
}

#[test]
fn other_indentation_and_none_are_read_the_same() {
    let value = parse(SERVICE).expect("it is whole");
    let wide = SERVICE.replace("  ", "    ");
    assert_eq!(parse(&wide), Ok(value.clone()));
    let lost: String = SERVICE
        .lines()
        .map(|line| format!(" {}\n", line.trim()))
        .collect();
    assert_eq!(parse(&lost), Ok(value));
}

#[test]
fn a_dialogue_gives_each_value_the_key_that_was_asked_for() {
    let (shown, left_out) = dialogue(
        "# on Monday\n> show State:/Network/Global/IPv4\n<dictionary> {\n  Router : 10.0.0.1\n}\n \
         > get State:/Network/Global/DNS\n > d.show\n <dictionary> {\n }\n",
    );
    assert_eq!(left_out, []);
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0].0.as_deref(), Some("State:/Network/Global/IPv4"));
    assert_eq!(shown[1].0.as_deref(), Some("State:/Network/Global/DNS"));
    assert_eq!(shown[1].1, Value::Dictionary(Dictionary::new()));
}

#[test]
fn a_dialogue_says_what_it_leaves_out() {
    let (shown, left_out) = dialogue(
        "> show A\n  No such key\n> show B\n<dictionary> {\n  X : 1\n> show C\n<dictionary> {\n  Y : \
         2\n}\n<array> {\n",
    );
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].0.as_deref(), Some("C"));
    let told: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 2: expected `<dictionary> {`, found `No such key`",
            "line 6: expected a closing brace, found ``",
            "line 11: expected a closing brace, found ``",
        ]
    );
}

#[test]
fn what_is_not_the_tools_is_named_with_its_line() {
    for (text, told) in [
        ("", "line 1: expected a closing brace, found ``"),
        (
            "No such key\n",
            "line 1: expected `<dictionary> {`, found `No such key`",
        ),
        (
            "<dictionary> {\n",
            "line 2: expected a closing brace, found ``",
        ),
        (
            "<dictionary> {\n}\n}\n",
            "line 3: expected the end, found `}`",
        ),
        (
            "<dictionary> {\n  A : 1\n  A : 2\n}\n",
            "line 3: expected each key once, found `A : 2`",
        ),
        (
            "<array> {\n  1 : a\n}\n",
            "line 2: expected the next number of an array, found `1 : a`",
        ),
        (
            "<dictionary> {\n  A : function a()\n  {\n}\n",
            "line 3: expected a key, a colon and a value, found `{`",
        ),
        (
            "<dictionary> {\n  A : <data> 0x0g\n}\n",
            "line 2: expected bytes in hexadecimal, found `A : <data> 0x0g`",
        ),
    ] {
        assert_eq!(parse(text).expect_err(text).to_string(), told);
    }
}

#[test]
fn deep_nesting_is_refused_and_overflows_nothing() {
    let deep = |depth: usize| {
        let opened = "0 : <array> {\n".repeat(depth - 1);
        format!("<array> {{\n{opened}{}", "}\n".repeat(depth))
    };
    assert!(parse(&deep(DEPTH)).is_ok());
    let error = parse(&deep(DEPTH + 1)).expect_err("it is too deep");
    assert_eq!(error.line, DEPTH + 1);
    assert!(parse(&deep(1_000_000)).is_err());
}

#[test]
fn a_large_output_takes_time_by_its_length() {
    let mut text = String::from("<array> {\n");
    for place in 0..200_000 {
        text.push_str(&format!("  {place} : x\n"));
    }
    text.push_str("}\n");
    let value = parse(&text).expect("it is whole");
    assert_eq!(value.items().len(), 200_000);
    assert_eq!(print(&value), text);
}

/// Values that the writing can hold: text of one line, and nothing that looks like
/// another sort of value.
fn value() -> impl Strategy<Value = Value> {
    let text = "[a-z0-9.:/ =_-]{0,12}".prop_filter("a colon between spaces is a member", |text| {
        !text.contains(" : ")
    });
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        text.prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::Data),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[A-Za-z_]{1,8}", inner, 0..4).prop_map(Value::Dictionary),
        ]
    })
    .prop_filter("a value alone is never printed", |value| {
        matches!(value, Value::Array(_) | Value::Dictionary(_))
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(value in value()) {
        prop_assert_eq!(parse(&print(&value)), Ok(value.clone()));
        let (shown, left_out) = dialogue(&print(&value));
        prop_assert_eq!(shown, vec![(None, value)]);
        prop_assert_eq!(left_out, vec![]);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\PC|\n| : |<array> \\{\n|<dictionary> \\{\n|\\}\n|> show )*") {
        let _ = parse(&text);
        let _ = dialogue(&text);
    }
}
