use std::io::Cursor;

use netprof_model::plist::Dictionary;
use proptest::prelude::*;

use super::*;

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<!-- what CoreFoundation writes, and a little more -->
<dict>
	<key>Array</key>
	<array>
		<string/>
		<string>a &lt;b&gt; &amp; &#65;&#x42;<![CDATA[<c>]]></string>
		<array/>
	</array>
	<key>Data</key>
	<data>
	AP8=
	</data>
	<key>Date</key>
	<date>2026-11-20T09:00:00Z</date>
	<key>False</key>
	<false/>
	<key>Integer</key>
	<integer>-12</integer>
	<key>Real</key>
	<real>0.5</real>
	<key>True</key>
	<true></true>
</dict>
</plist>
"#;

fn dictionary(all: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let all = all.into_iter().map(|(key, value)| (key.to_owned(), value));
    Value::Dictionary(all.collect())
}

fn everything() -> Value {
    let items = vec![
        Value::String(String::new()),
        Value::String("a <b> & AB<c>".to_owned()),
        Value::Array(Vec::new()),
    ];
    dictionary([
        ("Array", Value::Array(items)),
        ("Data", Value::Data(vec![0, 255])),
        ("Date", Value::Date("2026-11-20T09:00:00Z".to_owned())),
        ("False", Value::Boolean(false)),
        ("Integer", Value::Integer(-12)),
        ("Real", Value::Real("0.5".to_owned())),
        ("True", Value::Boolean(true)),
    ])
}

#[test]
fn every_element_is_read() {
    assert_eq!(parse(XML.as_bytes()), Ok(everything()));
}

/// A binary property list by hand: `objects` in order, the first the outermost.
fn binary(objects: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        bytes.extend(*object);
    }
    let table = bytes.len() as u64;
    bytes.extend(offsets);
    bytes.extend([0, 0, 0, 0, 0, 0, 4, 4]);
    bytes.extend((objects.len() as u64).to_be_bytes());
    bytes.extend(0_u64.to_be_bytes());
    bytes.extend(table.to_be_bytes());
    bytes
}

#[test]
fn every_marker_is_read() {
    for (object, value) in [
        (&[0x08][..], Value::Boolean(false)),
        (&[0x09], Value::Boolean(true)),
        (&[0x10, 0xff], Value::Integer(255)),
        (&[0x11, 0x01, 0x00], Value::Integer(256)),
        (&[0x12, 0xff, 0xff, 0xff, 0xff], Value::Integer(0xffff_ffff)),
        (
            &[0x13, 255, 255, 255, 255, 255, 255, 255, 254],
            Value::Integer(-2),
        ),
        (
            &[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            Value::Integer(7),
        ),
        (&[0x22, 0x3f, 0, 0, 0], Value::Real("0.5".to_owned())),
        (
            &[0x23, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0],
            Value::Real("0.5".to_owned()),
        ),
        (
            &[0x33, 0, 0, 0, 0, 0, 0, 0, 0],
            Value::Date("2001-01-01T00:00:00Z".to_owned()),
        ),
        (&[0x42, 1, 2], Value::Data(vec![1, 2])),
        (b"\x53abc", Value::String("abc".to_owned())),
        (b"\x5f\x10\x03abc", Value::String("abc".to_owned())),
        (
            &[0x62, 0xd8, 0x3d, 0xde, 0x00],
            Value::String("\u{1f600}".to_owned()),
        ),
        (&[0xa0], Value::Array(Vec::new())),
        (&[0xd0], Value::Dictionary(Dictionary::new())),
    ] {
        assert_eq!(parse(&binary(&[object])), Ok(value));
    }
}

#[test]
fn what_netprof_has_no_value_for_is_refused_by_name() {
    for (object, what) in [
        (&[0x00][..], "null"),
        (&[0x80, 1], "a UID"),
        (&[0xc0], "a set"),
        (
            &[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
            "an integer of more than 64 bits",
        ),
        (&[0x33, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], "a date of no year"),
    ] {
        assert_eq!(parse(&binary(&[object])), Err(Error::Unsupported(what)));
    }
    let xml = b"<plist><integer>9223372036854775808</integer></plist>";
    assert_eq!(
        parse(xml),
        Err(Error::Unsupported("an integer of more than 64 bits"))
    );
}

#[test]
fn what_is_broken_is_named_with_its_place() {
    for (objects, told) in [
        (
            vec![&b"\xa1\0\0\0\x05"[..]],
            "byte 13 of the binary property list: expected an object of each number that is \
             referred to",
        ),
        (
            vec![b"\x58abc"],
            "byte 9 of the binary property list: expected an object that ends before the table",
        ),
        (
            vec![b"\x70"],
            "byte 8 of the binary property list: expected the marker of an object",
        ),
        (
            vec![b"\xd1\0\0\0\x01\0\0\0\x01", b"\x09"],
            "byte 17 of the binary property list: expected a string for a key",
        ),
        (
            vec![b"\x51\xff"],
            "byte 8 of the binary property list: expected ASCII",
        ),
        (
            vec![b"\x61\xd8\x00"],
            "byte 8 of the binary property list: expected UTF-16",
        ),
        (
            vec![
                b"\xd2\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\x02",
                b"\x51k",
                b"\x09",
            ],
            "the property list has the key `k` twice in one dictionary",
        ),
    ] {
        let error = parse(&binary(&objects)).expect_err(told);
        assert_eq!(error.to_string(), told);
    }
    for (xml, told) in [
        (
            "",
            "line 1 of the property list: expected an element of a property list",
        ),
        ("<true/>", "line 1 of the property list: expected `<plist>`"),
        (
            "<plist>\n<true/>\n<true/>\n</plist>",
            "line 3 of the property list: expected `</plist>`",
        ),
        (
            "<plist><true/></plist>\n<x/>",
            "line 2 of the property list: expected the end",
        ),
        (
            "<plist>\n<uid/></plist>",
            "line 2 of the property list: expected an element of a property list",
        ),
        (
            "<plist><dict><string>k</string><true/></dict></plist>",
            "line 1 of the property list: expected `<key>` or `</dict>`",
        ),
        (
            "<plist><array><key>k</key></array></plist>",
            "line 1 of the property list: expected an element of a property list",
        ),
        (
            "<plist><string>&nothing;</string></plist>",
            "line 1 of the property list: expected an entity of XML",
        ),
        (
            "<plist><string>&#0;</string></plist>",
            "line 1 of the property list: expected an entity of XML",
        ),
        (
            "<plist><integer>1.5</integer></plist>",
            "line 1 of the property list: expected an integer",
        ),
        (
            "<plist><data>AP8</data></plist>",
            "line 1 of the property list: expected a value of its element's sort",
        ),
        (
            "<plist><date>yesterday</date></plist>",
            "line 1 of the property list: expected a value of its element's sort",
        ),
        (
            "<plist><string a='b'>x</string></plist>",
            "line 1 of the property list: expected an element without attributes",
        ),
        (
            "<plist><string>x</key></plist>",
            "line 1 of the property list: expected the end of an element",
        ),
        (
            "<!DOCTYPE plist [ <!ENTITY a 'b'> ]><plist/>",
            "line 1 of the property list: expected a document type without a subset",
        ),
        (
            "<?xml version='1.0' encoding='ISO-8859-1'?><plist/>",
            "line 1 of the property list: expected UTF-8",
        ),
        (
            "<plist><dict><key>k</key><true/><key>k</key><true/></dict></plist>",
            "the property list has the key `k` twice in one dictionary",
        ),
    ] {
        let error = parse(xml.as_bytes()).expect_err(told);
        assert_eq!(error.to_string(), told, "{xml}");
    }
    assert_eq!(
        parse(b"<plist>\n<string>\xff</string></plist>"),
        Err(Error::Xml {
            line: 2,
            expected: "UTF-8"
        })
    );
}

#[test]
fn no_object_begins_within_the_magic() {
    // Its `b` would pass for the marker of a string.
    let mut bytes = binary(&[b"\x09"]);
    bytes[9..13].fill(0);
    assert_eq!(
        parse(&bytes),
        Err(Error::Binary {
            at: 9,
            expected: "an object of each number that is referred to"
        })
    );
}

#[test]
fn base64_is_read_in_its_one_form_alone() {
    let read = |text: &str| parse(format!("<plist><data>{text}</data></plist>").as_bytes());
    for (text, bytes) in [
        ("", &[][..]),
        ("AA==", &[0]),
        ("AP8=", &[0, 255]),
        (" A\nP\t8 A ", &[0, 255, 0]),
        ("+/+/", &[0xfb, 0xff, 0xbf]),
    ] {
        assert_eq!(read(text), Ok(Value::Data(bytes.to_vec())));
    }
    // Too few or too many characters, padding within, bits that mean nothing.
    for text in [
        "A", "AA", "AA=", "AAA", "AAA==", "AA==AA==", "AB==", "AP9=", "A-A=",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn deep_nesting_is_refused_and_overflows_nothing() {
    let xml = |depth: usize| {
        let (open, close) = ("<array>".repeat(depth), "</array>".repeat(depth));
        format!("<plist>{open}{close}</plist>").into_bytes()
    };
    let chain = |depth: usize| {
        let mut objects: Vec<Vec<u8>> = (1..depth)
            .map(|next| [&[0xa1][..], &u32::try_from(next).unwrap().to_be_bytes()].concat())
            .collect();
        objects.push(vec![0xa0]);
        binary(&objects.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    assert!(parse(&xml(DEPTH)).is_ok());
    assert_eq!(parse(&xml(DEPTH + 1)), Err(Error::TooDeep));
    assert_eq!(parse(&xml(500_000)), Err(Error::TooDeep));
    assert!(parse(&chain(DEPTH)).is_ok());
    assert_eq!(parse(&chain(DEPTH + 1)), Err(Error::TooDeep));
    assert_eq!(parse(&chain(500_000)), Err(Error::TooDeep));
    let mut value = Value::Boolean(true);
    for _ in 0..DEPTH {
        value = Value::Array(vec![value]);
    }
    assert_eq!(to_binary(&value), Err(Error::TooDeep));
    assert_eq!(to_xml(&value), Err(Error::TooDeep));
}

#[test]
fn an_array_in_itself_is_refused() {
    assert_eq!(parse(&binary(&[b"\xa1\0\0\0\0"])), Err(Error::TooDeep));
    assert_eq!(
        parse(&binary(&[b"\xd1\0\0\0\x01\0\0\0\0", b"\x51k"])),
        Err(Error::TooDeep)
    );
}

#[test]
fn few_bytes_that_are_a_billion_values_are_refused() {
    let mut objects: Vec<Vec<u8>> = (1_u32..31)
        .map(|next| [&[0xa2][..], &next.to_be_bytes(), &next.to_be_bytes()].concat())
        .collect();
    objects.push(vec![0x09]);
    let objects: Vec<&[u8]> = objects.iter().map(Vec::as_slice).collect();
    assert_eq!(parse(&binary(&objects)), Err(Error::TooMany));
}

#[test]
fn one_long_string_that_is_referred_to_often_is_refused() {
    let text = [&[0x5f, 0x12, 0, 0x10, 0, 0][..], &[b'x'; 1 << 20]].concat();
    let members = [0, 0, 0, 1].repeat(64);
    let array = [&[0xaf, 0x10, 64][..], &members].concat();
    assert_eq!(parse(&binary(&[&array, &text])), Err(Error::TooLong));
}

#[test]
fn more_bytes_than_may_be_are_not_looked_at() {
    assert_eq!(parse(&vec![b' '; LENGTH + 1]), Err(Error::TooLong));
}

#[test]
fn a_large_list_takes_time_by_its_length() {
    let value = Value::strings((0..200_000).map(|number| format!("<{number}>")));
    for bytes in [
        to_binary(&value).expect("it can be written"),
        to_xml(&value).expect("it can be written").into_bytes(),
    ] {
        assert_eq!(parse(&bytes).as_ref(), Ok(&value));
    }
}

#[test]
fn what_a_format_cannot_hold_is_not_written() {
    let unwritable = |value: &Value| {
        assert!(matches!(to_binary(value), Err(Error::Unwritable { .. })));
        assert!(matches!(to_xml(value), Err(Error::Unwritable { .. })));
    };
    unwritable(&Value::Real("a half".to_owned()));
    unwritable(&Value::Date("2026-11-20".to_owned()));
    let odd = Value::String("\0".to_owned());
    assert!(matches!(to_xml(&odd), Err(Error::Unwritable { .. })));
    let bytes = to_binary(&odd).expect("the binary format has every character");
    assert_eq!(parse(&bytes), Ok(odd));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~\t\n\r]{0,20}", "\\PC{0,20}", "x{14,17}", "é{254,257}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<i16>().prop_map(|small| Value::Integer(small.into())),
        any::<f64>().prop_map(real),
        text().prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Data),
        (-63_000_000_000_i64..252_000_000_000).prop_map(|seconds| {
            #[allow(clippy::cast_precision_loss)]
            let moment = date::Moment::from_seconds(seconds as f64).unwrap();
            Value::Date(moment.print())
        }),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..6).prop_map(Value::Dictionary),
        ]
    })
}

/// The same value in the words of the `plist` crate.
fn oracle(value: &Value) -> plist::Value {
    match value {
        Value::Boolean(is) => (*is).into(),
        Value::Integer(number) => (*number).into(),
        Value::Real(text) => plist::Value::Real(text.parse().unwrap()),
        Value::String(text) => text.as_str().into(),
        Value::Data(bytes) => plist::Value::Data(bytes.clone()),
        Value::Date(text) => plist::Value::Date(plist::Date::from_xml_format(text).unwrap()),
        Value::Array(items) => plist::Value::Array(items.iter().map(oracle).collect()),
        Value::Dictionary(all) => plist::Value::Dictionary(
            all.iter()
                .map(|(key, value)| (key.clone(), oracle(value)))
                .collect(),
        ),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in value()) {
        prop_assert_eq!(parse(&to_binary(&value).unwrap()), Ok(value.clone()));
        prop_assert_eq!(parse(to_xml(&value).unwrap().as_bytes()), Ok(value));
    }

    #[test]
    fn another_reader_reads_what_is_written(value in value()) {
        // NaN is not equal to itself.
        let expected = format!("{:?}", oracle(&value));
        let binary = Cursor::new(to_binary(&value).unwrap());
        prop_assert_eq!(&format!("{:?}", plist::Value::from_reader(binary).unwrap()), &expected);
        let xml = Cursor::new(to_xml(&value).unwrap());
        prop_assert_eq!(&format!("{:?}", plist::Value::from_reader_xml(xml).unwrap()), &expected);
    }

    #[test]
    fn what_another_writer_writes_is_read(value in value()) {
        let theirs = oracle(&value);
        let mut bytes = Vec::new();
        theirs.to_writer_binary(&mut bytes).unwrap();
        prop_assert_eq!(parse(&bytes), Ok(value.clone()));
        bytes.clear();
        theirs.to_writer_xml(&mut bytes).unwrap();
        prop_assert_eq!(parse(&bytes), Ok(value));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "(\\PC|</?(plist|array|dict|key|string|data|integer)/?>|&|;|<!--|-->|<!\\[CDATA\\[)*",
    ) {
        let _ = parse(&bytes);
        let _ = parse(&[b"bplist00", bytes.as_slice()].concat());
        let _ = parse(text.as_bytes());
        let _ = parse(format!("<plist>{text}</plist>").as_bytes());
    }

    #[test]
    fn any_damage_is_read_or_refused(
        value in value(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        for mut bytes in [to_binary(&value).unwrap(), to_xml(&value).unwrap().into_bytes()] {
            for (place, byte) in &damage {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            let _ = parse(&bytes);
        }
    }
}
