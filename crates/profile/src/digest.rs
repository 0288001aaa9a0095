//! The SHA-256 of what a profile says, wherever that is written.
//!
//! It is the hash of the profile's compact JSON, byte for byte as `serde_json` writes it.
//! Of ten thousand routes that is a megabyte, so it is hashed while it is written and
//! never kept. A profile is made of structs, lists, texts and whole numbers, and the
//! names of its fields need no escape: a quarter of the steps of a writer of any JSON.

use std::fmt::{Error, Write};

use serde::ser::{
    Impossible, Serialize, SerializeSeq, SerializeStruct, SerializeStructVariant, Serializer,
};
use sha2::{Digest, Sha256};

/// The hash of what `said` is serialised to, in hexadecimal.
pub(crate) fn digest(said: &impl Serialize) -> String {
    let mut canonical = Canonical::default();
    let written = said.serialize(&mut canonical);
    // A hash of some of it would be taken for that of all.
    assert!(written.is_ok(), "a profile holds what this can write");
    canonical.hash_written();
    let mut text = String::with_capacity(64);
    for byte in canonical.hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// How much is written before it is hashed.
const PORTION: usize = 4096;

#[derive(Default)]
struct Canonical {
    text: String,
    hash: Sha256,
}

impl Canonical {
    fn hash_written(&mut self) {
        self.hash.update(&self.text);
        self.text.clear();
    }

    /// Begins a list or a struct, whose first member stands after `before`.
    fn open(&mut self, start: char, before: &'static str, end: &'static str) -> Members<'_> {
        if self.text.len() >= PORTION {
            self.hash_written();
        }
        self.text.push(start);
        Members {
            canonical: self,
            before,
            end,
        }
    }

    /// Begins the content of a variant that has some.
    fn variant(&mut self, name: &str) {
        self.text.push_str("{\"");
        self.text.push_str(name);
        self.text.push_str("\":");
    }
}

type Written = Result<(), Error>;

/// The members of a list or a struct.
struct Members<'c> {
    canonical: &'c mut Canonical,
    /// What stands before the next one.
    before: &'static str,
    end: &'static str,
}

impl Members<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Written {
        let text = &mut self.canonical.text;
        text.push_str(self.before);
        text.push_str(name);
        text.push_str("\":");
        self.before = ",\"";
        value.serialize(&mut *self.canonical)
    }

    fn close(self) -> Written {
        self.canonical.text.push_str(self.end);
        Ok(())
    }
}

impl SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.canonical.text.push_str(self.before);
        self.before = ",";
        value.serialize(&mut *self.canonical)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.field(name, value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeStructVariant for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.field(name, value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

/// What no profile holds.
type Never = Impossible<(), Error>;

impl<'c> Serializer for &'c mut Canonical {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'c>;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Members<'c>;
    type SerializeStructVariant = Members<'c>;

    fn serialize_bool(self, flag: bool) -> Written {
        self.text.push_str(if flag { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Written {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> Written {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> Written {
        self.serialize_i64(number.into())
    }

    fn serialize_i64(self, number: i64) -> Written {
        write!(self.text, "{number}")
    }

    fn serialize_u8(self, number: u8) -> Written {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Written {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Written {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Written {
        write!(self.text, "{number}")
    }

    fn serialize_f32(self, _: f32) -> Written {
        Err(Error)
    }

    fn serialize_f64(self, _: f64) -> Written {
        Err(Error)
    }

    fn serialize_char(self, c: char) -> Written {
        self.serialize_str(c.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Written {
        // RFC 8259, section 7: all else stands for itself.
        if text
            .bytes()
            .all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\'))
        {
            self.text.push('"');
            self.text.push_str(text);
            self.text.push('"');
        } else {
            let escaped = serde_json::to_string(text).map_err(|_| Error)?;
            self.text.push_str(&escaped);
        }
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Written {
        Err(Error)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Written {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Written {
        self.variant(name);
        value.serialize(&mut *self)?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'c>, Error> {
        Ok(self.open('[', "", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, Error> {
        Err(Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, Error> {
        Err(Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, Error> {
        Err(Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, Error> {
        Err(Error)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'c>, Error> {
        Ok(self.open('{', "\"", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Members<'c>, Error> {
        self.variant(name);
        Ok(self.open('{', "\"", "}}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn by_others(said: &impl Serialize) -> String {
        let hash = Sha256::digest(serde_json::to_vec(said).expect("JSON"));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn it_is_the_hash_of_what_serde_json_writes() {
        let texts = ["", "a", "\"\\\n\u{e4}\u{7f}\u{1}"];
        let long = vec![texts; 1_000].concat();
        assert_eq!(digest(&long), by_others(&long));
        let numbers = vec![Some(i64::MIN), None, Some(i64::MAX)];
        assert_eq!(digest(&numbers), by_others(&numbers));
    }

    #[test]
    #[should_panic(expected = "what this can write")]
    fn what_it_cannot_write_is_never_left_out_in_silence() {
        digest(&vec![BTreeMap::from([("a", 1)])]);
    }
}
