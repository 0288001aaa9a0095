//! Property lists, from their bytes and to them.
//!
//! The dictionaries of configd are CFPropertyList objects. CoreFoundation turns those
//! into bytes and back (CFPropertyListCreateData, CFPropertyListCreateWithData), so a
//! single call is unsafe, and all that is to be understood is understood here, on bytes,
//! and tested anywhere. Both formats are read: the binary one, which netprof asks for,
//! and XML, which people paste.
//!
//! Bytes may come from anybody who can write a file or a key. So what is read is bounded
//! before it is built: how long ([`LENGTH`]), how many values ([`VALUES`]), how deep
//! ([`DEPTH`]). The binary format needs all three. An array there refers to its members
//! by number, so one may be its own member, and thirty arrays with twice the next one in
//! each are a billion values in half a kilobyte.
//!
//! The reader is ours and not that of the `plist` crate, because the crate has no such
//! bounds in its stable interface, overflows the stack on deep nesting, builds the
//! billion values, and reads XML too kindly: it leaves out CDATA and unknown entities in
//! silence and takes any element for a key. It is the oracle that this one is tested
//! against.
//!
//! What netprof has no value for is refused by name: integers beyond 64 bits with a sign,
//! the UIDs of keyed archives, sets, null. No dictionary of the network holds them.

mod binary;
mod date;
mod xml;

use netprof_model::plist::Value;

/// How many bytes are read at most. The dynamic store of a Mac is less than 1 MiB.
pub const LENGTH: usize = 16 << 20;
/// How many values are built at most, the keys of dictionaries among them.
pub const VALUES: usize = 1 << 18;
/// How deep values may lie in one another.
pub const DEPTH: usize = 64;

/// Why bytes are no property list, or a value none that can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are too many bytes.
    #[error("the property list is longer than {LENGTH} bytes")]
    TooLong,
    /// There are too many values.
    #[error("the property list has more than {VALUES} values")]
    TooMany,
    /// Values are nested too deeply.
    #[error("the property list is nested more than {DEPTH} deep")]
    TooDeep,
    /// A dictionary has a key twice: which of the two counts is anybody's guess.
    #[error("the property list has the key `{0}` twice in one dictionary")]
    Twice(String),
    /// It holds what netprof has no value for.
    #[error("the property list holds {0}, which no dictionary of the network has")]
    Unsupported(&'static str),
    /// The binary format is broken.
    #[error("byte {at} of the binary property list: expected {expected}")]
    Binary {
        /// Where, from 0.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The XML is broken.
    #[error("line {line} of the property list: expected {expected}")]
    Xml {
        /// Which line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A value cannot be written.
    #[error("`{text}` cannot be written to a property list: {reason}")]
    Unwritable {
        /// The value.
        text: String,
        /// Why not.
        reason: &'static str,
    },
}

/// The value that `bytes` are, in either format.
///
/// # Errors
///
/// [`Error`]: why they are none.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.len() > LENGTH {
        return Err(Error::TooLong);
    }
    if bytes.starts_with(binary::MAGIC) {
        binary::parse(bytes)
    } else {
        xml::parse(bytes)
    }
}

/// `value` in the binary format.
///
/// # Errors
///
/// [`Error`]: what of it cannot be written.
pub fn to_binary(value: &Value) -> Result<Vec<u8>, Error> {
    check(value, &mut Budget::new(), 1)?;
    binary::write(value)
}

/// `value` as XML.
///
/// # Errors
///
/// [`Error`]: what of it cannot be written; XML has no control characters.
pub fn to_xml(value: &Value) -> Result<String, Error> {
    check(value, &mut Budget::new(), 1)?;
    xml::write(value)
}

/// What may still be built.
struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    fn new() -> Self {
        Self {
            values: VALUES,
            bytes: LENGTH,
        }
    }

    /// One more value, at this depth, from 1.
    fn value(&mut self, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(Error::TooDeep);
        }
        self.values = self.values.checked_sub(1).ok_or(Error::TooMany)?;
        Ok(())
    }

    /// The bytes of a string or of data: the same ones may be referred to many times.
    fn bytes(&mut self, count: usize) -> Result<(), Error> {
        self.bytes = self.bytes.checked_sub(count).ok_or(Error::TooLong)?;
        Ok(())
    }
}

/// Whether what is written can be read back within the bounds.
fn check(value: &Value, budget: &mut Budget, depth: usize) -> Result<(), Error> {
    budget.value(depth)?;
    match value {
        Value::String(text) => budget.bytes(text.len()),
        Value::Data(bytes) => budget.bytes(bytes.len()),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check(item, budget, depth + 1)),
        Value::Dictionary(all) => all.iter().try_for_each(|(key, value)| {
            budget.value(depth + 1)?;
            budget.bytes(key.len())?;
            check(value, budget, depth + 1)
        }),
        _ => Ok(()),
    }
}

/// A real number as the shortest decimal that stands for it.
fn real(number: f64) -> Value {
    Value::Real(format!("{number:?}"))
}

/// The number that a [`Value::Real`] stands for.
fn number(text: &str) -> Result<f64, Error> {
    text.parse().map_err(|_| Error::Unwritable {
        text: text.to_owned(),
        reason: "it is no real number",
    })
}

#[cfg(test)]
mod tests;
