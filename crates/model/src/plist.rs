//! Property lists: the values that macOS keeps its configuration in.
//!
//! In JSON a value is what one expects of it. The three sorts that JSON does not have
//! are objects with one key that no dictionary of macOS's network configuration uses:
//! `{"<data>": "00ff"}`, `{"<date>": "2001-01-01T00:00:00Z"}` and `{"<real>": "0.5"}`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dictionary. Its order means nothing; here it is that of the keys.
pub type Dictionary = BTreeMap<String, Value>;

/// One value of a property list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// A boolean, which macOS tells from a number.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, as the shortest decimal that stands for it.
    Real(String),
    /// A string.
    String(String),
    /// Bytes.
    Data(Vec<u8>),
    /// A moment, as RFC 3339 writes it.
    Date(String),
    /// A list.
    Array(Vec<Self>),
    /// Names and their values.
    Dictionary(Dictionary),
}

impl Value {
    /// A list of strings.
    #[must_use]
    pub fn strings<T: Into<String>>(all: impl IntoIterator<Item = T>) -> Self {
        Self::Array(
            all.into_iter()
                .map(|one| Self::String(one.into()))
                .collect(),
        )
    }

    /// The string that it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number that it is.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is true, or a number other than 0: macOS writes both.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Boolean(true)) || self.as_integer().is_some_and(|number| number != 0)
    }

    /// The dictionary that it is.
    #[must_use]
    pub fn as_dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        }
    }

    /// The list that it is; empty if it is none.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The strings of the list that it is.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::as_str)
    }
}

const DATA: &str = "<data>";
const DATE: &str = "<date>";
const REAL: &str = "<real>";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let odd = |key: &str, text: &str, serializer: S| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(key, text)?;
            map.end()
        };
        match self {
            Self::Boolean(is) => serializer.serialize_bool(*is),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Dictionary(all) => all.serialize(serializer),
            Self::Real(text) => odd(REAL, text, serializer),
            Self::Date(text) => odd(DATE, text, serializer),
            Self::Data(bytes) => odd(DATA, &hexadecimal(bytes), serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Takes a value as JSON has it.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, a whole number, a string, a list or a dictionary")
    }

    fn visit_bool<E>(self, is: bool) -> Result<Value, E> {
        Ok(Value::Boolean(is))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number)
            .map(Value::Integer)
            .map_err(|_| E::custom("the number is beyond 64 bits"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = all.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut dictionary = Dictionary::new();
        while let Some((key, value)) = all.next_entry()? {
            dictionary.insert(key, value);
        }
        odd(&dictionary).unwrap_or(Ok(Value::Dictionary(dictionary)))
    }
}

/// The value of a sort that JSON does not have, if `all` stands for one.
fn odd<E: Error>(all: &Dictionary) -> Option<Result<Value, E>> {
    let mut entries = all.iter();
    let (Some((key, Value::String(text))), None) = (entries.next(), entries.next()) else {
        return None;
    };
    match key.as_str() {
        REAL => Some(Ok(Value::Real(text.clone()))),
        DATE => Some(Ok(Value::Date(text.clone()))),
        DATA => Some(
            bytes(text)
                .map(Value::Data)
                .ok_or_else(|| E::custom("data is no hexadecimal")),
        ),
        _ => None,
    }
}

/// `bytes` in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What `text` says in hexadecimal.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let [high, low] = pair else { return None };
            let digit = |c: &u8| char::from(*c).to_digit(16);
            u8::try_from(digit(high)? << 4 | digit(low)?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_of_value_survives_json() {
        let all = Value::Dictionary(Dictionary::from([
            ("boolean".to_owned(), Value::Boolean(true)),
            ("integer".to_owned(), Value::Integer(-1)),
            ("real".to_owned(), Value::Real("0.5".to_owned())),
            ("string".to_owned(), Value::String(String::new())),
            ("data".to_owned(), Value::Data(vec![0, 255])),
            (
                "date".to_owned(),
                Value::Date("2001-01-01T00:00:00Z".to_owned()),
            ),
            ("array".to_owned(), Value::strings(["a", ""])),
            (
                "dictionary".to_owned(),
                Value::Dictionary(Dictionary::new()),
            ),
        ]));
        let json = serde_json::to_string(&all).expect("it can be written");
        assert_eq!(
            serde_json::from_str::<Value>(&json).expect("it can be read"),
            all
        );
        assert!(json.contains(r#""data":{"<data>":"00ff"}"#), "{json}");
        assert!(json.contains(r#""boolean":true,"data""#), "{json}");
    }

    #[test]
    fn what_is_no_hexadecimal_is_refused() {
        assert!(serde_json::from_str::<Value>(r#"{"<data>":"0"}"#).is_err());
        assert!(serde_json::from_str::<Value>(r#"{"<data>":"0g"}"#).is_err());
    }
}
