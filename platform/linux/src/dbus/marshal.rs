//! The types that are said and heard, and how each is written and read.

use super::message::is_object_path;
use super::{Malformed, Reader};

/// A type of D-Bus.
pub trait Value {
    /// Where it begins: at a multiple of this.
    const ALIGNMENT: usize;

    /// Adds its signature.
    fn signature(to: &mut String);
}

/// What can be written.
pub trait Put: Value {
    /// Writes it.
    fn put(&self, to: &mut Writer);
}

/// What can be read; it may borrow from the message.
pub trait Take<'a>: Value + Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// The bytes are no such value.
    fn take(from: &mut Reader<'a>) -> Result<Self, Malformed>;
}

/// The signature of a type.
pub(super) fn signature_of<T: Value + ?Sized>() -> String {
    let mut signature = String::new();
    T::signature(&mut signature);
    signature
}

/// Writes values, lowest byte first. A few dozen values are written and read for a
/// command, by code for each of their types: what these have alike is not repeated there.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    unwritable: Option<&'static str>,
}

impl Writer {
    /// What was written.
    ///
    /// # Errors
    ///
    /// Something that D-Bus cannot say was to be written.
    pub fn finish(self) -> Result<Vec<u8>, Malformed> {
        match self.unwritable {
            None => Ok(self.bytes),
            Some(why) => Err(Malformed::Bytes(why)),
        }
    }

    #[inline(never)]
    pub(super) fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    #[inline(never)]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn length(&mut self, length: usize) {
        match u32::try_from(length) {
            Ok(length) => length.put(self),
            Err(_) => self.unwritable = Some("it is too long for D-Bus"),
        }
    }

    #[inline(never)]
    pub(super) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.terminated(text);
    }

    #[inline(never)]
    pub(super) fn signature(&mut self, signature: &str) {
        match u8::try_from(signature.len()) {
            Ok(length) => self.raw(&[length]),
            Err(_) => self.unwritable = Some("a signature is too long for D-Bus"),
        }
        self.terminated(signature);
    }

    fn terminated(&mut self, text: &str) {
        // The bus closes the connection of who sends one, and all other calls with it.
        if text.contains('\0') {
            self.unwritable = Some("a text holds a zero byte, which D-Bus cannot carry");
        }
        self.raw(text.as_bytes());
        self.raw(&[0]);
    }

    /// An array, whose length is known only afterwards.
    pub(super) fn array(&mut self, alignment: usize, elements: impl FnOnce(&mut Self)) {
        self.length(0);
        let length_at = self.bytes.len() - 4;
        self.align(alignment);
        let start = self.bytes.len();
        elements(self);
        let length = self.bytes.len() - start;
        match (
            u32::try_from(length),
            self.bytes.get_mut(length_at..length_at + 4),
        ) {
            (Ok(length), Some(place)) => place.copy_from_slice(&length.to_le_bytes()),
            _ => self.unwritable = Some("an array is too long for D-Bus"),
        }
    }
}

macro_rules! number {
    ($($type:ty => $code:literal),*) => {$(
        impl Value for $type {
            const ALIGNMENT: usize = size_of::<$type>();

            fn signature(to: &mut String) {
                to.push($code);
            }
        }

        impl Put for $type {
            fn put(&self, to: &mut Writer) {
                to.align(Self::ALIGNMENT);
                to.raw(&self.to_le_bytes());
            }
        }

        impl Take<'_> for $type {
            fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.number().map(Self::from_le_bytes)
            }
        }
    )*};
}

number!(u8 => 'y', u16 => 'q', i32 => 'i', u32 => 'u', u64 => 't');

impl Value for bool {
    const ALIGNMENT: usize = 4;

    fn signature(to: &mut String) {
        to.push('b');
    }
}

impl Put for bool {
    fn put(&self, to: &mut Writer) {
        u32::from(*self).put(to);
    }
}

impl Take<'_> for bool {
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Bytes("a boolean that is neither true nor false")),
        }
    }
}

impl Value for str {
    const ALIGNMENT: usize = 4;

    fn signature(to: &mut String) {
        to.push('s');
    }
}

impl Put for str {
    fn put(&self, to: &mut Writer) {
        to.text(self);
    }
}

impl<'a> Take<'a> for &'a str {
    fn take(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        from.text()
    }
}

impl Value for String {
    const ALIGNMENT: usize = 4;

    fn signature(to: &mut String) {
        str::signature(to);
    }
}

impl Put for String {
    fn put(&self, to: &mut Writer) {
        to.text(self);
    }
}

impl Take<'_> for String {
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.text().map(str::to_owned)
    }
}

/// The path of an object. It is one: a bus closes the connection of who names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPath(String);

impl ObjectPath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for ObjectPath {
    const ALIGNMENT: usize = 4;

    fn signature(to: &mut String) {
        to.push('o');
    }
}

impl Take<'_> for ObjectPath {
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let path = from.text()?;
        if !is_object_path(path) {
            return Err(Malformed::Bytes("an object path that is none"));
        }
        Ok(Self(path.to_owned()))
    }
}

impl<T: Value + ?Sized> Value for &T {
    const ALIGNMENT: usize = T::ALIGNMENT;

    fn signature(to: &mut String) {
        T::signature(to);
    }
}

impl<T: Put + ?Sized> Put for &T {
    fn put(&self, to: &mut Writer) {
        (**self).put(to);
    }
}

impl<T: Value> Value for Vec<T> {
    const ALIGNMENT: usize = 4;

    fn signature(to: &mut String) {
        to.push('a');
        T::signature(to);
    }
}

impl<T: Put> Put for Vec<T> {
    fn put(&self, to: &mut Writer) {
        to.array(T::ALIGNMENT, |to| {
            for element in self {
                element.put(to);
            }
        });
    }
}

impl<'a, T: Take<'a>> Take<'a> for Vec<T> {
    fn take(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        let end = from.array(T::ALIGNMENT)?;
        let mut all = Self::new();
        while from.more(end)? {
            all.push(T::take(from)?);
        }
        Ok(all)
    }
}

/// One entry of a dictionary, which is an array of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<K, V>(pub K, pub V);

impl<K: Value, V: Value> Value for Entry<K, V> {
    const ALIGNMENT: usize = 8;

    fn signature(to: &mut String) {
        to.push('{');
        K::signature(to);
        V::signature(to);
        to.push('}');
    }
}

impl<'a, K: Take<'a>, V: Take<'a>> Take<'a> for Entry<K, V> {
    fn take(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        from.align(8)?;
        Ok(Self(K::take(from)?, V::take(from)?))
    }
}

/// Nothing: the arguments of a call without any. No value is a structure of nothing.
impl Value for () {
    const ALIGNMENT: usize = 8;

    fn signature(to: &mut String) {
        to.push_str("()");
    }
}

impl Put for () {
    fn put(&self, _: &mut Writer) {}
}

macro_rules! structure {
    ($($name:ident),+) => {
        impl<$($name: Value),+> Value for ($($name,)+) {
            const ALIGNMENT: usize = 8;

            fn signature(to: &mut String) {
                to.push('(');
                $($name::signature(to);)+
                to.push(')');
            }
        }

        impl<$($name: Put),+> Put for ($($name,)+) {
            fn put(&self, to: &mut Writer) {
                #[allow(non_snake_case, reason = "a name for each type and its value")]
                let ($($name,)+) = self;
                to.align(8);
                $($name.put(to);)+
            }
        }

        impl<'a, $($name: Take<'a>),+> Take<'a> for ($($name,)+) {
            fn take(from: &mut Reader<'a>) -> Result<Self, Malformed> {
                from.align(8)?;
                Ok(($($name::take(from)?,)+))
            }
        }
    };
}

structure!(A);
structure!(A, B);
structure!(A, B, C);
structure!(A, B, C, D);
structure!(A, B, C, D, E);
