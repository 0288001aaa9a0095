//! GVariant's bytes: the values that dconf keeps, and the changes that its service takes.
//!
//! The settings of proxies are texts, numbers, booleans and lists of texts, so these four
//! are understood. dconf itself lets anybody write a value of any type under any key;
//! what is another, or is not in the one form that GLib writes ('normal form'), is kept
//! as its bytes ([`Value::Data`]), to be put back as it was.
//!
//! Layout: the GVariant specification, 'Serialisation Format'. Everything is aligned from
//! the beginning of the variant, and a database keeps each at a multiple of eight.

use std::collections::BTreeMap;

use netprof_model::plist::Value;

/// Where a variant may begin, since the value in it may be of any type.
const ALIGNMENT: usize = 8;

/// The value that a variant holds: its bytes, a zero and its type. `big` for the byte
/// order of numbers; framing offsets are always little-endian.
#[must_use]
pub fn value(variant: &[u8], big: bool) -> Value {
    let known = variant.iter().rposition(|byte| *byte == 0).and_then(|at| {
        let (bytes, kind) = variant.split_at(at);
        match kind.get(1..)? {
            b"s" => text(bytes).map(Value::String),
            b"as" => texts(bytes).map(Value::Array),
            b"i" => {
                let bytes = bytes.try_into().ok()?;
                let number = if big {
                    i32::from_be_bytes(bytes)
                } else {
                    i32::from_le_bytes(bytes)
                };
                Some(Value::Integer(number.into()))
            }
            b"b" => match bytes {
                [0] => Some(Value::Boolean(false)),
                [1] => Some(Value::Boolean(true)),
                _ => None,
            },
            _ => None,
        }
    });
    known.unwrap_or_else(|| Value::Data(variant.to_vec()))
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = bytes.strip_suffix(b"\0")?;
    let text = std::str::from_utf8(text).ok()?;
    (!text.contains('\0')).then(|| text.to_owned())
}

/// A list of texts: these one after another, and then where each of them ends.
fn texts(bytes: &[u8]) -> Option<Vec<Value>> {
    let size = offset_size(bytes.len());
    let offset = |at: &[u8]| {
        let mut number = [0; size_of::<u64>()];
        number.get_mut(..at.len())?.copy_from_slice(at);
        usize::try_from(u64::from_le_bytes(number)).ok()
    };
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    // The last text ends where the offsets begin.
    let texts_end = offset(bytes.get(bytes.len().checked_sub(size)?..)?)?;
    let offsets = bytes.get(texts_end..)?;
    if offsets.len() % size != 0 {
        return None;
    }
    let mut list = Vec::new();
    let mut start = 0;
    for at in offsets.chunks(size) {
        let end = offset(at)?;
        list.push(Value::String(text(bytes.get(start..end)?)?));
        start = end;
    }
    // Another way to write the same would not be put back byte for byte.
    (encoded_texts(&list)? == bytes).then_some(list)
}

/// How many bytes an offset takes within a container of that length.
fn offset_size(length: usize) -> usize {
    match length {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// Adds `offsets` to what they lie in, in the fewest bytes that can say them.
fn frame(mut body: Vec<u8>, offsets: &[usize]) -> Vec<u8> {
    let sizes = [1, 2, 4, 8].into_iter();
    let mut fitting = sizes.filter(|size| offset_size(body.len() + offsets.len() * size) <= *size);
    let size = fitting.next().unwrap_or(8);
    for offset in offsets {
        let bytes = (*offset as u64).to_le_bytes();
        body.extend(bytes.iter().take(size));
    }
    body
}

fn encoded_texts(list: &[Value]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut ends = Vec::new();
    for text in list {
        put_text(&mut body, text.as_str()?)?;
        ends.push(body.len());
    }
    Some(frame(body, &ends))
}

fn put_text(to: &mut Vec<u8>, text: &str) -> Option<()> {
    // Where a text ends is where its zero stands.
    (!text.contains('\0')).then(|| {
        to.extend(text.as_bytes());
        to.push(0);
    })
}

/// `value` as a variant, in the byte order of this machine; none where dconf has no such
/// value.
#[must_use]
pub fn variant(value: &Value) -> Option<Vec<u8>> {
    let (mut bytes, kind) = match value {
        Value::String(text) => {
            let mut bytes = Vec::new();
            put_text(&mut bytes, text)?;
            (bytes, "s")
        }
        Value::Integer(number) => (i32::try_from(*number).ok()?.to_ne_bytes().to_vec(), "i"),
        Value::Boolean(is) => (vec![u8::from(*is)], "b"),
        Value::Array(list) => (encoded_texts(list)?, "as"),
        Value::Data(variant) => return Some(variant.clone()),
        Value::Real(_) | Value::Date(_) | Value::Dictionary(_) => return None,
    };
    bytes.push(0);
    bytes.extend(kind.as_bytes());
    Some(bytes)
}

/// Changes as dconf's service takes them, of type `a{smv}`: paths, and for each of them a
/// value, or nothing for a key that shall not be set (dconf-changeset.c). None where one
/// of the values is none of dconf's.
#[must_use]
pub fn changes(changes: &BTreeMap<String, Option<Value>>) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let mut ends = Vec::new();
    for (path, value) in changes {
        let mut entry = Vec::new();
        put_text(&mut entry, path)?;
        let path_end = entry.len();
        align(&mut entry);
        if let Some(value) = value {
            entry.extend(variant(value)?);
            // What may be nothing and is something ends in a zero.
            entry.push(0);
        }
        align(&mut all);
        all.extend(frame(entry, &[path_end]));
        ends.push(all.len());
    }
    Some(frame(all, &ends))
}

fn align(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_written_as_the_specification_has_them() {
        // 'Examples' in the specification: a string, and arrays of strings.
        let text = |text: &str| Value::String(text.to_owned());
        assert_eq!(variant(&text("hello world")).unwrap(), b"hello world\0\0s");
        let list = Value::strings(["i", "can", "has", "strings?"]);
        assert_eq!(
            variant(&list).unwrap(),
            b"i\0can\0has\0strings?\0\x02\x06\x0a\x13\0as"
        );
        assert_eq!(variant(&Value::strings([""; 0])).unwrap(), b"\0as");
        assert_eq!(variant(&Value::Boolean(true)).unwrap(), b"\x01\0b");
    }

    #[test]
    fn a_change_of_two_keys_is_one_dictionary() {
        let all = BTreeMap::from([
            ("/a".to_owned(), None),
            ("/b".to_owned(), Some(Value::Boolean(true))),
        ]);
        // Each path, zeros up to eight, the value and a zero, where the path ends; and
        // behind both where each of them ends.
        let a = b"/a\0\0\0\0\0\0\x03\0\0\0\0\0\0\0";
        let b = b"/b\0\0\0\0\0\0\x01\0b\0\x03";
        assert_eq!(changes(&all).unwrap(), [&a[..], b, b"\x09\x1d"].concat());
        assert_eq!(changes(&BTreeMap::new()).unwrap(), b"");
    }

    #[test]
    fn what_is_no_value_of_a_proxy_is_kept_as_it_is() {
        for bytes in [
            &b""[..],
            b"\0",
            b"s",
            b"\0s",
            b"a\0b\0\0s",
            b"\xff\0\0s",
            b"\x02\0b",
            b"\0\0\0\0\0\0\0\0\0x",
            b"\0\0\0\0i",
            b"a\0\x01\0as",
            b"a\0\x02\x02\0as",
            b"a\0\xff\0as",
        ] {
            assert_eq!(
                value(bytes, false),
                Value::Data(bytes.to_vec()),
                "{bytes:?}"
            );
        }
        for value in [
            Value::Integer(1 << 31),
            Value::String("a\0b".to_owned()),
            Value::Array(vec![Value::Integer(1)]),
            Value::Real("0.5".to_owned()),
        ] {
            assert_eq!(variant(&value), None, "{value:?}");
        }
    }

    #[test]
    fn numbers_have_the_byte_order_of_their_file() {
        let big = value(b"\0\0\x0c\x38\0i", true);
        assert_eq!(big, Value::Integer(3128));
        assert_eq!(value(b"\x38\x0c\0\0\0i", false), big);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = || any::<String>().prop_map(|text| text.replace('\0', ""));
        prop_oneof![
            text().prop_map(Value::String),
            any::<i32>().prop_map(|number| Value::Integer(number.into())),
            any::<bool>().prop_map(Value::Boolean),
            prop::collection::vec(text(), 0..40).prop_map(Value::strings),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(written in any_value()) {
            let bytes = variant(&written).unwrap();
            prop_assert_eq!(value(&bytes, cfg!(target_endian = "big")), written);
        }

        #[test]
        fn what_is_read_is_written_byte_for_byte(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let read = value(&bytes, cfg!(target_endian = "big"));
            prop_assert_eq!(variant(&read).unwrap(), bytes);
        }

        #[test]
        fn any_bytes_of_a_list_are_written_as_they_were(mut bytes in prop::collection::vec(0u8..9, 0..40)) {
            bytes.extend(b"\0as");
            let read = value(&bytes, false);
            prop_assert_eq!(variant(&read).unwrap(), bytes);
        }
    }
}
