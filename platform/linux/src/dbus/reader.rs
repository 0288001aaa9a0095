//! Reads values out of a message, in either byte order.

use super::Malformed;
use super::marshal::{Take, Value, signature_of};

/// How deep structures and variants may lie in each other (D-Bus specification, 'Valid
/// Signatures' and 'Message Protocol': 64 of all kinds).
const DEEPEST: u8 = 64;

/// The longest array (D-Bus specification, 'Container types').
const LONGEST_ARRAY: usize = 1 << 26;

/// A place in a message. Alignment counts from where `bytes` begins, which is where a
/// message or its body begins: both lie on eight.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big: bool,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`; `big` for the byte order.
    #[must_use]
    pub fn new(bytes: &'a [u8], big: bool) -> Self {
        Self {
            bytes,
            at: 0,
            big,
            depth: 0,
        }
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Passes over the padding before something that is aligned so.
    ///
    /// # Errors
    ///
    /// The bytes end, or a byte of padding is not zero.
    #[inline(never)]
    pub fn align(&mut self, to: usize) -> Result<(), Malformed> {
        let padding = self.take(self.at.next_multiple_of(to) - self.at)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Malformed::Bytes("padding that is not zero"));
        }
        Ok(())
    }

    #[inline(never)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length);
        let taken = taken.ok_or(Malformed::Bytes("it ends in the middle of a value"))?;
        self.at += length;
        Ok(taken)
    }

    /// A number as its bytes, lowest first.
    pub(super) fn number<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Malformed> {
        self.align(SIZE)?;
        let mut number = [0; SIZE];
        number.copy_from_slice(self.take(SIZE)?);
        if self.big {
            number.reverse();
        }
        Ok(number)
    }

    /// A number of four bytes, as each length is.
    ///
    /// # Errors
    ///
    /// The bytes end.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.number().map(u32::from_le_bytes)
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).map_err(|_| Malformed::Bytes("a length beyond all memory"))
    }

    /// A text, as strings and object paths are.
    ///
    /// # Errors
    ///
    /// The bytes end, or are no text.
    #[inline(never)]
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.length()?;
        self.terminated(length)
    }

    /// The signature of a type.
    ///
    /// # Errors
    ///
    /// The bytes end, or are no text. Whether it is a signature shows when it is used.
    #[inline(never)]
    pub fn signature(&mut self) -> Result<&'a str, Malformed> {
        let [length] = self.number()?;
        self.terminated(usize::from(length))
    }

    fn terminated(&mut self, length: usize) -> Result<&'a str, Malformed> {
        let text = self.take(length)?;
        if self.take(1)? != [0] || text.contains(&0) {
            return Err(Malformed::Bytes(
                "a text whose end is not where it should be",
            ));
        }
        std::str::from_utf8(text).map_err(|_| Malformed::Bytes("a text that is not UTF-8"))
    }

    /// Where the array ends whose length comes next; then its first element, aligned so.
    ///
    /// # Errors
    ///
    /// It does not end within the bytes.
    #[inline(never)]
    pub fn array(&mut self, alignment: usize) -> Result<usize, Malformed> {
        let length = self.length()?;
        self.align(alignment)?;
        if length > LONGEST_ARRAY || length > self.bytes.len() - self.at {
            return Err(Malformed::Bytes("an array that does not end"));
        }
        Ok(self.at + length)
    }

    /// Whether there is another element before `end`.
    ///
    /// # Errors
    ///
    /// The last element went beyond it.
    pub fn more(&self, end: usize) -> Result<bool, Malformed> {
        if self.at > end {
            return Err(Malformed::Bytes(
                "an array ends in the middle of an element",
            ));
        }
        Ok(self.at < end)
    }

    fn descend(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Malformed::Bytes("values are nested too deeply"));
        }
        Ok(())
    }

    /// A variant: what it holds is read when it is asked for.
    ///
    /// # Errors
    ///
    /// The bytes end, or what is in it is no value.
    pub fn variant(&mut self) -> Result<Variant<'a>, Malformed> {
        let signature = self.signature()?;
        let mut value = *self;
        value.descend()?;
        let mut end = value;
        let rest = end.skip(signature.as_bytes())?;
        if !rest.is_empty() {
            return Err(Malformed::Bytes("a variant of several values"));
        }
        self.at = end.at;
        Ok(Variant { signature, value })
    }

    /// Passes over the value whose type `signature` begins with; what is left of the
    /// signature.
    fn skip<'s>(&mut self, signature: &'s [u8]) -> Result<&'s [u8], Malformed> {
        let (first, mut rest) = signature.split_first().ok_or(NO_TYPE)?;
        match first {
            b'y' => drop(self.take(1)?),
            b'n' | b'q' => drop(self.number::<2>()?),
            b'b' | b'i' | b'u' | b'h' => drop(self.number::<4>()?),
            b'x' | b't' | b'd' => drop(self.number::<8>()?),
            b's' | b'o' => drop(self.text()?),
            b'g' => drop(self.signature()?),
            b'v' => drop(self.variant()?),
            b'a' => {
                let element = complete(rest)?;
                self.at = self.array(alignment_of(rest))?;
                rest = element;
            }
            b'(' => {
                self.align(8)?;
                self.descend()?;
                while rest.first() != Some(&b')') {
                    rest = self.skip(rest)?;
                }
                self.depth -= 1;
                rest = rest.get(1..).unwrap_or_default();
            }
            _ => return Err(NO_TYPE),
        }
        Ok(rest)
    }
}

const NO_TYPE: Malformed = Malformed::Bytes("a signature that is none");

/// What follows the complete type that `signature` begins with. A signature has 255
/// bytes at most, which bounds how deep this goes.
fn complete(signature: &[u8]) -> Result<&[u8], Malformed> {
    let (first, mut rest) = signature.split_first().ok_or(NO_TYPE)?;
    let end = match first {
        b'y' | b'b' | b'n' | b'q' | b'i' | b'u' | b'x' | b't' | b'd' | b's' | b'o' | b'g'
        | b'v' | b'h' => return Ok(rest),
        b'a' => return complete(rest),
        b'(' => b')',
        b'{' => b'}',
        _ => return Err(NO_TYPE),
    };
    loop {
        rest = complete(rest)?;
        if rest.first() == Some(&end) {
            return Ok(rest.get(1..).unwrap_or_default());
        }
    }
}

fn alignment_of(signature: &[u8]) -> usize {
    match signature.first() {
        Some(b'n' | b'q') => 2,
        Some(b'b' | b'i' | b'u' | b'h' | b's' | b'o' | b'a') => 4,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        _ => 1,
    }
}

/// A value that says its type.
#[derive(Clone, Copy, Debug)]
pub struct Variant<'a> {
    signature: &'a str,
    value: Reader<'a>,
}

impl<'a> Variant<'a> {
    /// The value.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn get<T: Take<'a>>(&self) -> Result<T, Malformed> {
        let wanted = signature_of::<T>();
        if wanted != self.signature {
            return Err(Malformed::Type {
                wanted,
                got: self.signature.to_owned(),
            });
        }
        T::take(&mut self.value.clone())
    }

    /// The signature that is the value.
    pub(super) fn signature_in_it(&self) -> Result<&'a str, Malformed> {
        if self.signature != "g" {
            return Err(Malformed::Type {
                wanted: "g".to_owned(),
                got: self.signature.to_owned(),
            });
        }
        self.value.clone().signature()
    }
}

impl Value for Variant<'_> {
    const ALIGNMENT: usize = 1;

    fn signature(to: &mut String) {
        to.push('v');
    }
}

impl<'a> Take<'a> for Variant<'a> {
    fn take(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        from.variant()
    }
}
