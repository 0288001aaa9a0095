//! Files, complete, so that they can be put back as they were.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// A file.
    Regular {
        /// Its content.
        content: Content,
        /// Its permission bits, as chmod(2) takes them.
        mode: u32,
        /// The user that owns it.
        uid: u32,
        /// The group that owns it.
        gid: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: String,
    },
}

impl FileState {
    /// The text of a file that root wrote for everybody to read.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Regular {
            content: Content(text.into().into_bytes()),
            mode: 0o644,
            uid: 0,
            gid: 0,
        }
    }

    /// The same with `***` for each password in it: what others may read.
    #[must_use]
    pub fn redacted(&self) -> Cow<'_, Self> {
        let Self::Regular {
            content,
            mode,
            uid,
            gid,
        } = self
        else {
            return Cow::Borrowed(self);
        };
        match secret::redacted_bytes(&content.0) {
            Cow::Owned(shown) => Cow::Owned(Self::Regular {
                content: Content(shown),
                mode: *mode,
                uid: *uid,
                gid: *gid,
            }),
            Cow::Borrowed(_) => Cow::Borrowed(self),
        }
    }

    /// The content of a file; what is no UTF-8 is replaced.
    #[must_use]
    pub fn lossy(&self) -> String {
        match self {
            Self::Regular { content, .. } => String::from_utf8_lossy(&content.0).into_owned(),
            Self::Symlink { .. } => String::new(),
        }
    }
}

/// The bytes of a file: in JSON a string, or `{"hex": ...}` where they are no UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Content(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Bytes {
    hex: String,
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Bytes {
                hex: crate::plist::hexadecimal(&self.0),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyContent)
    }
}

struct AnyContent;

impl<'de> Visitor<'de> for AnyContent {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or bytes as {\"hex\": ...}")
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content(text.as_bytes().to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
        let Bytes { hex } = Bytes::deserialize(MapAccessDeserializer::new(map))?;
        crate::plist::bytes(&hex)
            .map(Content)
            .ok_or_else(|| A::Error::custom("content is no hexadecimal"))
    }
}

/// One file that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveFile {
    /// Where it is.
    pub path: String,
    /// What it is.
    pub state: FileState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_content_survives_json() {
        for bytes in [&b"nameserver 10.0.0.53\n"[..], b"", b"\xff\x00"] {
            let file = LiveFile {
                path: "/etc/resolver/corp.example.com".to_owned(),
                state: FileState::Regular {
                    content: Content(bytes.to_vec()),
                    mode: 0o644,
                    uid: 0,
                    gid: 0,
                },
            };
            let json = serde_json::to_string(&file).expect("it can be written");
            assert_eq!(
                serde_json::from_str::<LiveFile>(&json).expect("it can be read"),
                file
            );
        }
    }
}
