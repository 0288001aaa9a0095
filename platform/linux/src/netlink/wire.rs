//! The outer form of netlink: messages in a datagram, attributes in a message.
//!
//! Reading borrows from the receive buffer and copies nothing, so that a dump of a
//! million routes costs little more than the kernel's own work. All lengths come
//! from outside and are checked; what does not fit is [`Malformed`], never a panic
//! and never passed over in silence. Layout: netlink(7), `linux/netlink.h`.

use super::numbers::{NLA_F_NESTED, NLA_TYPE_MASK};

const MESSAGE_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;

/// Netlink aligns messages and attributes to four bytes.
const fn aligned(length: usize) -> usize {
    (length + 3) & !3
}

/// Bytes that are not what the kernel's headers say they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed {0} from the kernel")]
pub struct Malformed(pub &'static str);

/// A message that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A link that is named is not there.
    #[error("there is no link {0}")]
    NoLink(String),
    /// The link of that name is another one than the one that was meant.
    #[error("link {0} was made anew since")]
    OtherLink(String),
    /// An attribute's hexadecimal payload is none.
    #[error("attribute {0} holds no hexadecimal number")]
    NotHexadecimal(u16),
    /// An attribute is longer than netlink can say.
    #[error("attribute {0} is too long")]
    TooLong(u16),
    /// A weight that netlink cannot say.
    #[error("weight {0} is not between 1 and 256")]
    Weight(u16),
    /// Addresses of both families where one is needed.
    #[error("{0} is of the other family")]
    OtherFamily(&'static str),
    /// A change whose sides do not belong to its resource.
    #[error("the change's sides do not belong to its resource")]
    OtherState,
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is (`nlmsg_type`).
    pub kind: u16,
    /// Its flags (`nlmsg_flags`).
    pub flags: u16,
    /// The number of the request that it answers.
    pub sequence: u32,
    /// All that follows the header.
    pub payload: &'a [u8],
}

/// The messages of one datagram.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages in `datagram`.
    #[must_use]
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let length = u32_at(rest, 0).map_or(0, |n| n as usize);
        if length < MESSAGE_HEADER || length > rest.len() {
            return Some(Err(Malformed("message")));
        }
        self.rest = rest.get(aligned(length)..).unwrap_or_default();
        Some(Ok(Message {
            kind: u16_at(rest, 4).unwrap_or_default(),
            flags: u16_at(rest, 6).unwrap_or_default(),
            sequence: u32_at(rest, 8).unwrap_or_default(),
            payload: &rest[MESSAGE_HEADER..length],
        }))
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its number as it was sent, with the flags for nesting and byte order.
    pub kind: u16,
    /// Its payload.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Its number without flags.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.kind & NLA_TYPE_MASK
    }

    /// The payload as one byte.
    pub fn u8(&self) -> Result<u8, Malformed> {
        self.value.first().copied().ok_or(Malformed("attribute"))
    }

    /// The payload as a number in the machine's byte order.
    pub fn u16(&self) -> Result<u16, Malformed> {
        u16_at(self.value, 0).ok_or(Malformed("attribute"))
    }

    /// The payload as a number in the machine's byte order.
    pub fn u32(&self) -> Result<u32, Malformed> {
        u32_at(self.value, 0).ok_or(Malformed("attribute"))
    }

    /// The payload as a number in the network's byte order.
    pub fn be32(&self) -> Result<u32, Malformed> {
        self.u32().map(u32::from_be)
    }

    /// The payload as text that ends at its first zero.
    #[must_use]
    pub fn text(&self) -> String {
        let end = self.value.iter().position(|byte| *byte == 0);
        String::from_utf8_lossy(&self.value[..end.unwrap_or(self.value.len())]).into_owned()
    }

    /// The attributes inside it.
    #[must_use]
    pub fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.value)
    }
}

/// The attributes of a message, or inside an attribute.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The attributes in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The attributes of a message behind a fixed header of `header` bytes.
    pub fn behind(payload: &'a [u8], header: usize) -> Result<Self, Malformed> {
        match payload.get(aligned(header)..) {
            Some(rest) => Ok(Self { rest }),
            None if payload.len() >= header => Ok(Self { rest: &[] }),
            None => Err(Malformed("header")),
        }
    }

    /// The first attribute of that number.
    pub fn find(mut self, number: u16) -> Result<Option<Attribute<'a>>, Malformed> {
        self.find_map(|attribute| match attribute {
            Ok(attribute) if attribute.number() == number => Some(Ok(attribute)),
            Ok(_) => None,
            Err(malformed) => Some(Err(malformed)),
        })
        .transpose()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let length = usize::from(u16_at(rest, 0).unwrap_or_default());
        if length < ATTRIBUTE_HEADER || length > rest.len() {
            return Some(Err(Malformed("attribute")));
        }
        self.rest = rest.get(aligned(length)..).unwrap_or_default();
        Some(Ok(Attribute {
            kind: u16_at(rest, 2).unwrap_or_default(),
            value: &rest[ATTRIBUTE_HEADER..length],
        }))
    }
}

/// Two bytes at `at`, in the machine's byte order.
#[inline]
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    two.try_into().ok().map(u16::from_ne_bytes)
}

/// Four bytes at `at`, in the machine's byte order.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    four.try_into().ok().map(u32::from_ne_bytes)
}

/// Requests, one behind the other, as they are handed to one `send`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    bytes: Vec<u8>,
    last: usize,
}

/// Where messages ended at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    bytes: usize,
    last: usize,
}

impl Requests {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes all messages out, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.last = 0;
    }

    /// What is there now, for [`Requests::cut`].
    #[must_use]
    pub fn end(&self) -> End {
        End {
            bytes: self.bytes.len(),
            last: self.last,
        }
    }

    /// Takes out the messages that were added since.
    pub fn cut(&mut self, end: End) {
        self.bytes.truncate(end.bytes);
        self.last = end.last;
    }

    /// Adds a message. What `write` refuses to write leaves no trace.
    pub fn add(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&flags.to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        let mut body = Body {
            bytes: &mut self.bytes,
        };
        if let Err(why) = write(&mut body) {
            self.bytes.truncate(start);
            return Err(why);
        }
        let length = self.bytes.len() - start;
        let Ok(says) = u32::try_from(length) else {
            self.bytes.truncate(start);
            return Err(Unwritable::TooLong(0));
        };
        self.bytes[start..start + 4].copy_from_slice(&says.to_ne_bytes());
        self.bytes.resize(start + aligned(length), 0);
        self.last = start;
        Ok(())
    }

    /// Adds the last message once more, with another sequence number, and with what `write`
    /// changes of its body. None if there is none.
    pub fn add_again(&mut self, sequence: u32, write: impl FnOnce(&mut [u8])) -> Option<()> {
        let start = self.bytes.len();
        if self.last == start {
            return None;
        }
        self.bytes.extend_from_within(self.last..);
        let message = &mut self.bytes[start..];
        message[8..12].copy_from_slice(&sequence.to_ne_bytes());
        write(&mut message[MESSAGE_HEADER..]);
        self.last = start;
        Some(())
    }

    /// Adds `flags` to those of the last message.
    pub fn flag_last(&mut self, flags: u16) {
        if let Some(now) = u16_at(&self.bytes, self.last + 6) {
            self.bytes[self.last + 6..self.last + 8].copy_from_slice(&(now | flags).to_ne_bytes());
        }
    }
}

/// A message's body while it is written.
#[derive(Debug)]
pub struct Body<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Body<'a> {
    /// What lies inside an attribute, by itself.
    #[cfg(target_os = "linux")]
    pub(super) fn in_attribute(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }
}

impl Body<'_> {
    /// Adds the fixed header. Its length must be a multiple of four.
    pub fn header(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let end = aligned(self.bytes.len());
        self.bytes.resize(end, 0);
    }

    /// Adds bytes as they are, inside an attribute.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds an attribute.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> Result<(), Unwritable> {
        self.nest_raw(kind, |body| {
            body.bytes.extend_from_slice(value);
            Ok(())
        })
    }

    /// Adds a number in the machine's byte order.
    pub fn u32(&mut self, kind: u16, value: u32) -> Result<(), Unwritable> {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Adds text with a zero at its end.
    pub fn text(&mut self, kind: u16, value: &str) -> Result<(), Unwritable> {
        self.nest_raw(kind, |body| {
            body.bytes.extend_from_slice(value.as_bytes());
            body.bytes.push(0);
            Ok(())
        })
    }

    /// Adds an attribute that holds attributes.
    pub fn nest(
        &mut self,
        kind: u16,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        self.nest_raw(kind | NLA_F_NESTED, write)
    }

    /// Adds an attribute whose payload `write` adds.
    pub fn nest_raw(
        &mut self,
        kind: u16,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        write(&mut Body { bytes: self.bytes })?;
        let length = self.bytes.len() - start;
        let says = u16::try_from(length).map_err(|_| Unwritable::TooLong(kind))?;
        self.bytes[start..start + 2].copy_from_slice(&says.to_ne_bytes());
        self.bytes.resize(start + aligned(length), 0);
        Ok(())
    }

    /// Where the next byte goes, for a length that is known only later.
    pub(super) fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Writes a length of two bytes that was left open.
    pub(super) fn put_length(&mut self, at: usize, kind: u16) -> Result<(), Unwritable> {
        let length = self.bytes.len() - at;
        let says = u16::try_from(length).map_err(|_| Unwritable::TooLong(kind))?;
        self.bytes[at..at + 2].copy_from_slice(&says.to_ne_bytes());
        Ok(())
    }
}

/// `bytes` in hexadecimal, as [`netprof_model::route::OpaqueAttribute`] keeps them.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of hexadecimal `text`.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    fn digit(byte: u8) -> Option<u8> {
        char::from(byte)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_lie_are_malformed_and_end_the_walk() {
        for bytes in [&[0u8, 0, 1, 0][..], &[3, 0, 1, 0], &[9, 0, 1, 0, 7], &[4]] {
            let mut walk = Attributes::new(bytes);
            assert_eq!(walk.next(), Some(Err(Malformed("attribute"))), "{bytes:?}");
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn an_odd_length_is_padded_and_the_next_attribute_is_found() {
        let mut requests = Requests::default();
        requests
            .add(1, 2, 3, |body| {
                body.attribute(7, &[1, 2, 3])?;
                body.u32(8, 9)
            })
            .unwrap();
        let message = Messages::new(requests.bytes()).next().unwrap().unwrap();
        assert_eq!((message.kind, message.flags, message.sequence), (1, 2, 3));
        let all: Vec<_> = Attributes::new(message.payload)
            .map(Result::unwrap)
            .collect();
        assert_eq!(all[0].value, [1, 2, 3]);
        assert_eq!(all[1].u32(), Ok(9));
    }

    #[test]
    fn an_attribute_that_is_too_long_leaves_no_trace() {
        let mut requests = Requests::default();
        let long = vec![0; 70_000];
        let added = requests.add(1, 0, 1, |body| body.attribute(5, &long));
        assert_eq!(added, Err(Unwritable::TooLong(5)));
        assert!(requests.bytes().is_empty());
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        assert_eq!(to_hex(&[0, 0xab, 0x10]), "00ab10");
        assert_eq!(from_hex("00ab10"), Some(vec![0, 0xab, 0x10]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("+1"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
