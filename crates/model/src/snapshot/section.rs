//! Reading sections.
//!
//! For an enum with its tag beside its content serde compiles the reading of the content
//! twice: from the file, and from a tree, in which it keeps a content that comes before its
//! tag. A snapshot has fifteen sections of as many types. Here a content that comes first is
//! told by its form: why something could not be read is a text, and no section is one.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Section;

/// The fields of a section.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Is,
    Value,
    #[serde(other)]
    Other,
}

/// Its tag.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Seen,
    Absent,
    Unreadable,
    Unread,
}

/// Its content.
enum Content<T> {
    Seen(T),
    Why(String),
    Nothing,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Content<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByForm(PhantomData))
    }
}

struct ByForm<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByForm<T> {
    type Value = Content<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what a section holds")
    }

    fn visit_str<E: Error>(self, why: &str) -> Result<Content<T>, E> {
        Ok(Content::Why(why.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Content<T>, E> {
        Ok(Content::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Content<T>, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(list)).map(Content::Seen)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Content<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Content::Seen)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = Section<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section of a snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Section<T>, A::Error> {
        let mut standing = None;
        let mut content: Option<Content<T>> = None;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Is if standing.is_some() => return Err(A::Error::duplicate_field("is")),
                Field::Is => standing = Some(map.next_value()?),
                Field::Value if content.is_some() => {
                    return Err(A::Error::duplicate_field("value"));
                }
                Field::Value => content = Some(map.next_value()?),
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let standing = standing.ok_or_else(|| A::Error::missing_field("is"))?;
        match (standing, content) {
            (Standing::Seen, Some(Content::Seen(value))) => Ok(Section::Seen(value)),
            (Standing::Unreadable, Some(Content::Why(why))) => Ok(Section::Unreadable(why)),
            (Standing::Absent, None | Some(Content::Nothing)) => Ok(Section::Absent),
            (Standing::Unread, None | Some(Content::Nothing)) => Ok(Section::Unread),
            (Standing::Seen | Standing::Unreadable, None) => Err(A::Error::missing_field("value")),
            (Standing::Seen, Some(_)) => Err(A::Error::custom("`value` is not what was seen")),
            (Standing::Unreadable, Some(_)) => Err(A::Error::custom("`value` does not say why")),
            (Standing::Absent | Standing::Unread, Some(_)) => {
                Err(A::Error::custom("`value` of what was not seen"))
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Nsswitch, Section};

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<Section<T>, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn sections_are_read_in_whatever_order_their_fields_are() {
        for text in [
            r#"{"is":"seen","value":[1,2]}"#,
            r#"{"value":[1,2],"is":"seen"}"#,
            r#"{"more":{"is":1},"value":[1,2],"is":"seen"}"#,
        ] {
            assert_eq!(read(text), Ok(Section::Seen(vec![1, 2])), "{text}");
        }
        let nsswitch = Nsswitch {
            hosts: vec!["files".to_owned()],
            resolve_library: true,
        };
        let inner = serde_json::to_string(&nsswitch).unwrap();
        for text in [
            format!(r#"{{"is":"seen","value":{inner}}}"#),
            format!(r#"{{"value":{inner},"is":"seen"}}"#),
        ] {
            assert_eq!(read(&text), Ok(Section::Seen(nsswitch.clone())), "{text}");
        }
        for text in [
            r#"{"is":"unreadable","value":"why"}"#,
            r#"{"value":"why","is":"unreadable"}"#,
        ] {
            let why = Section::<Vec<u8>>::Unreadable("why".to_owned());
            assert_eq!(read(text), Ok(why), "{text}");
        }
    }

    #[test]
    fn sections_are_read_as_they_are_written() {
        for section in [
            Section::Seen(vec![1_u8]),
            Section::Absent,
            Section::Unreadable("no \"rights\"\n".to_owned()),
            Section::Unread,
        ] {
            let text = serde_json::to_string(&section).unwrap();
            assert_eq!(read(&text), Ok(section), "{text}");
        }
    }

    #[test]
    fn what_is_no_section_is_refused() {
        for text in [
            "{}",
            "[]",
            "5",
            r#"{"value":[1]}"#,
            r#"{"is":"seen"}"#,
            r#"{"is":"unreadable"}"#,
            r#"{"is":"gone"}"#,
            r#"{"is":"seen","value":"why"}"#,
            r#"{"is":"seen","value":{}}"#,
            r#"{"is":"seen","value":["1"]}"#,
            r#"{"is":"unreadable","value":[1]}"#,
            r#"{"is":"absent","value":[1]}"#,
            r#"{"is":"absent","is":"absent"}"#,
            r#"{"is":"seen","value":[1],"value":[1]}"#,
        ] {
            assert!(read::<Vec<u8>>(text).is_err(), "{text}");
        }
    }
}
