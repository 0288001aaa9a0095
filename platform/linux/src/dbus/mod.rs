//! The D-Bus wire format: what netprof says to the system bus, and what it hears.
//!
//! Reading borrows from the message and copies only what is kept. A message may come
//! from any program on the bus, so every length, alignment and string in it is checked;
//! what does not fit is [`Malformed`], never a panic. Layout: D-Bus specification,
//! 'Marshaling' and 'Message Format'.

mod marshal;
mod message;
mod reader;

pub use marshal::{Entry, ObjectPath, Put, Take, Value, Writer};
pub use message::{Call, Kind, Message, PROTOCOL_LIMIT, is_object_path};
pub use reader::{Reader, Variant};

/// Bytes that are no D-Bus message, or another one than was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They break a rule of the format.
    #[error("{0}")]
    Bytes(&'static str),
    /// They are of another type.
    #[error("it is of type '{got}', and should be '{wanted}'")]
    Type {
        /// What was asked for.
        wanted: String,
        /// What it is.
        got: String,
    },
}
