//! The binary format, `bplist00`.
//!
//! A table of objects, each a marker byte and its content; arrays and dictionaries refer
//! to their members by number; 32 bytes at the end say where the table is and how wide
//! its numbers are. CoreFoundation, `CFBinaryPList.c`, is its description.

use netprof_model::plist::{Dictionary, Value};

use super::date::Moment;
use super::{Budget, Error, number, real};

pub(super) const MAGIC: &[u8] = b"bplist00";
const TRAILER: usize = 32;

pub(super) fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let broken = |at, expected| Error::Binary { at, expected };
    let end = bytes
        .len()
        .checked_sub(TRAILER)
        .filter(|end| *end >= MAGIC.len())
        .ok_or(broken(bytes.len(), "a trailer of 32 bytes"))?;
    let reader = Objects { bytes, end };
    let (offset_width, number_width) = (bytes[end + 6], bytes[end + 7]);
    let widths = 1..=8;
    if !widths.contains(&offset_width) || !widths.contains(&number_width) {
        return Err(broken(end + 6, "widths of 1 to 8 bytes"));
    }
    let count = reader.trailing(end + 8)?;
    let top = reader.trailing(end + 16)?;
    let table = reader.trailing(end + 24)?;
    let width = usize::from(offset_width);
    let size = count.checked_mul(width);
    let fits = size.and_then(|size| table.checked_add(size));
    if fits.is_none_or(|table_end| table_end > end) {
        return Err(broken(end + 8, "a table of objects before the trailer"));
    }
    let mut reader = Reader {
        objects: Objects { bytes, end: table },
        offsets: &bytes[table..table + count * width],
        offset_width: width,
        number_width: usize::from(number_width),
        budget: Budget::new(),
    };
    reader.value(top, 1)
}

/// The bytes that objects may lie in.
#[derive(Clone, Copy)]
struct Objects<'a> {
    bytes: &'a [u8],
    end: usize,
}

impl<'a> Objects<'a> {
    fn take(&self, at: usize, length: usize) -> Result<&'a [u8], Error> {
        let to = at.checked_add(length).filter(|to| *to <= self.end);
        to.and_then(|to| self.bytes.get(at..to))
            .ok_or(Error::Binary {
                at,
                expected: "an object that ends before the table",
            })
    }

    fn trailing(&self, at: usize) -> Result<usize, Error> {
        let bytes = self.bytes.get(at..at + 8).unwrap_or_default();
        usize::try_from(wide(bytes)).map_err(|_| Error::Binary {
            at,
            expected: "a number that fits",
        })
    }
}

/// Up to eight bytes as one number, the highest first.
fn wide(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

struct Reader<'a> {
    objects: Objects<'a>,
    offsets: &'a [u8],
    offset_width: usize,
    number_width: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    /// The object of that number. Depth is bounded by the budget, and with it the stack;
    /// an object that holds itself is merely too deep.
    fn value(&mut self, number: usize, depth: usize) -> Result<Value, Error> {
        self.budget.value(depth)?;
        let at = self.offset(number)?;
        let marker = self.objects.take(at, 1)?[0];
        let (sort, low) = (marker >> 4, marker & 0xf);
        let start = at + 1;
        Ok(match (sort, low) {
            (0x0, 0x8) => Value::Boolean(false),
            (0x0, 0x9) => Value::Boolean(true),
            (0x0, 0x0) => return Err(Error::Unsupported("null")),
            (0x1, 0..=4) => Value::Integer(self.integer(start, 1 << low)?),
            (0x2, 2) => {
                let bits = wide(self.objects.take(start, 4)?);
                let bits = u32::try_from(bits).unwrap_or_default();
                real(f32::from_bits(bits).into())
            }
            (0x2, 3) => real(f64::from_bits(wide(self.objects.take(start, 8)?))),
            (0x3, 3) => {
                let seconds = f64::from_bits(wide(self.objects.take(start, 8)?));
                let moment = Moment::from_seconds(seconds);
                let moment = moment.ok_or(Error::Unsupported("a date of no year"))?;
                Value::Date(moment.print())
            }
            (0x4, low) => {
                let (start, length) = self.length(start, low)?;
                let bytes = self.objects.take(start, length)?;
                self.budget.bytes(length)?;
                Value::Data(bytes.to_vec())
            }
            (0x5 | 0x6, _) => Value::String(self.text(at)?),
            (0x8, _) => return Err(Error::Unsupported("a UID")),
            (0xa, low) => {
                let (start, count) = self.length(start, low)?;
                let numbers = self.numbers(start, count)?;
                let items = numbers.chunks(self.number_width).map(wide);
                let items = items.map(|number| self.member(number, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            (0xb | 0xc, _) => return Err(Error::Unsupported("a set")),
            (0xd, low) => {
                let (start, count) = self.length(start, low)?;
                let keys = self.numbers(start, count)?;
                let values = self.numbers(start + keys.len(), count)?;
                let mut all = Dictionary::new();
                let pairs = keys
                    .chunks(self.number_width)
                    .zip(values.chunks(self.number_width));
                for (key, value) in pairs {
                    self.budget.value(depth + 1)?;
                    let key = usize::try_from(wide(key)).unwrap_or(usize::MAX);
                    let key = self.text(self.offset(key)?)?;
                    let value = self.member(wide(value), depth + 1)?;
                    if all.contains_key(&key) {
                        return Err(Error::Twice(key));
                    }
                    all.insert(key, value);
                }
                Value::Dictionary(all)
            }
            _ => {
                return Err(Error::Binary {
                    at,
                    expected: "the marker of an object",
                });
            }
        })
    }

    fn member(&mut self, number: u64, depth: usize) -> Result<Value, Error> {
        self.value(usize::try_from(number).unwrap_or(usize::MAX), depth)
    }

    /// Where the object of that number begins.
    fn offset(&self, number: usize) -> Result<usize, Error> {
        let place = number.checked_mul(self.offset_width);
        let bytes = place.and_then(|place| {
            let end = place.checked_add(self.offset_width)?;
            self.offsets.get(place..end)
        });
        let at = bytes.map(wide).and_then(|at| usize::try_from(at).ok());
        at.filter(|at| *at >= MAGIC.len()).ok_or(Error::Binary {
            at: self.objects.end,
            expected: "an object of each number that is referred to",
        })
    }

    /// An integer of so many bytes: up to four have no sign, eight and sixteen have one.
    fn integer(&self, at: usize, width: usize) -> Result<i64, Error> {
        let bytes = self.objects.take(at, width)?;
        match width {
            8 => Ok(wide(bytes).cast_signed()),
            16 => {
                let (high, low) = bytes.split_at(8);
                let both = u128::from(wide(high)) << 64 | u128::from(wide(low));
                i64::try_from(both.cast_signed())
                    .map_err(|_| Error::Unsupported("an integer of more than 64 bits"))
            }
            _ => Ok(wide(bytes).cast_signed()),
        }
    }

    /// The length that follows a marker, and where the content begins.
    fn length(&self, at: usize, low: u8) -> Result<(usize, usize), Error> {
        if low < 0xf {
            return Ok((at, usize::from(low)));
        }
        let expected = "a length";
        let marker = self.objects.take(at, 1)?[0];
        let width = match marker {
            0x10..=0x13 => 1 << (marker & 0xf),
            _ => return Err(Error::Binary { at, expected }),
        };
        let length = self.integer(at + 1, width)?;
        let length = usize::try_from(length).map_err(|_| Error::Binary { at, expected })?;
        Ok((at + 1 + width, length))
    }

    /// The bytes of so many numbers of objects.
    fn numbers(&self, at: usize, count: usize) -> Result<&'a [u8], Error> {
        self.objects
            .take(at, count.saturating_mul(self.number_width))
    }

    /// The string that begins at that byte; a key may be nothing else.
    fn text(&mut self, at: usize) -> Result<String, Error> {
        let marker = self.objects.take(at, 1)?[0];
        let broken = |expected| Error::Binary { at, expected };
        let (start, length) = match marker >> 4 {
            0x5 | 0x6 => self.length(at + 1, marker & 0xf)?,
            _ => return Err(broken("a string for a key")),
        };
        if marker >> 4 == 0x5 {
            let bytes = self.objects.take(start, length)?;
            self.budget.bytes(length)?;
            if !bytes.is_ascii() {
                return Err(broken("ASCII"));
            }
            return Ok(bytes.iter().map(|byte| char::from(*byte)).collect());
        }
        let length = length.saturating_mul(2);
        let bytes = self.objects.take(start, length)?;
        self.budget.bytes(length)?;
        let units = bytes.chunks(2).filter_map(|pair| match pair {
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        });
        char::decode_utf16(units)
            .collect::<Result<_, _>>()
            .map_err(|_| broken("UTF-16"))
    }
}

/// What is written under one number.
enum Object<'a> {
    Value(&'a Value),
    Key(&'a str),
    /// The numbers of the members.
    Array(Vec<usize>),
    /// Those of the keys, then those of the values.
    Dictionary(Vec<usize>),
}

pub(super) fn write(value: &Value) -> Result<Vec<u8>, Error> {
    let objects = numbered(value);
    let number_width = width(objects.len());
    let mut bytes = MAGIC.to_vec();
    let mut offsets = Vec::with_capacity(objects.len());
    for object in &objects {
        offsets.push(bytes.len());
        match object {
            Object::Value(value) => write_scalar(&mut bytes, value)?,
            Object::Key(text) => write_text(&mut bytes, text),
            Object::Array(members) => {
                marker(&mut bytes, 0xa0, members.len());
                for member in members {
                    narrow(&mut bytes, *member, number_width);
                }
            }
            Object::Dictionary(members) => {
                marker(&mut bytes, 0xd0, members.len() / 2);
                for member in members {
                    narrow(&mut bytes, *member, number_width);
                }
            }
        }
    }
    let table = bytes.len();
    let offset_width = width(table);
    for offset in &offsets {
        narrow(&mut bytes, *offset, offset_width);
    }
    bytes.extend([0; 6]);
    narrow(&mut bytes, offset_width, 1);
    narrow(&mut bytes, number_width, 1);
    for number in [offsets.len(), 0, table] {
        narrow(&mut bytes, number, 8);
    }
    Ok(bytes)
}

/// Every object of `value`, itself first, each with the numbers of its members.
fn numbered(value: &Value) -> Vec<Object<'_>> {
    let mut objects = vec![Object::Value(value)];
    let mut next = 0;
    while next < objects.len() {
        let first = objects.len();
        let Object::Value(value) = &objects[next] else {
            next += 1;
            continue;
        };
        match *value {
            Value::Array(items) => {
                objects.extend(items.iter().map(Object::Value));
                objects[next] = Object::Array((first..first + items.len()).collect());
            }
            Value::Dictionary(all) => {
                objects.extend(all.keys().map(|key| Object::Key(key)));
                objects.extend(all.values().map(Object::Value));
                objects[next] = Object::Dictionary((first..first + 2 * all.len()).collect());
            }
            _ => {}
        }
        next += 1;
    }
    objects
}

fn write_scalar(bytes: &mut Vec<u8>, value: &Value) -> Result<(), Error> {
    match value {
        Value::Boolean(false) => bytes.push(0x08),
        Value::Boolean(true) => bytes.push(0x09),
        Value::Integer(number) => match u32::try_from(*number) {
            Ok(small) => write_length(bytes, small),
            Err(_) => {
                bytes.push(0x13);
                bytes.extend(number.to_be_bytes());
            }
        },
        Value::Real(text) => {
            bytes.push(0x23);
            bytes.extend(number(text)?.to_be_bytes());
        }
        Value::Date(text) => {
            let moment = Moment::parse(text).ok_or_else(|| Error::Unwritable {
                text: text.clone(),
                reason: "it is no date in UTC",
            })?;
            bytes.push(0x33);
            bytes.extend(moment.to_seconds().to_be_bytes());
        }
        Value::Data(data) => {
            marker(bytes, 0x40, data.len());
            bytes.extend(data);
        }
        Value::String(text) => write_text(bytes, text),
        // Both are objects of their own.
        Value::Array(_) | Value::Dictionary(_) => {}
    }
    Ok(())
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    if text.is_ascii() {
        marker(bytes, 0x50, text.len());
        bytes.extend(text.as_bytes());
    } else {
        marker(bytes, 0x60, text.encode_utf16().count());
        bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    }
}

/// A marker with a length. What is too long for a length was refused before.
fn marker(bytes: &mut Vec<u8>, sort: u8, length: usize) {
    match u8::try_from(length) {
        Ok(low @ 0..0xf) => bytes.push(sort | low),
        _ => {
            bytes.push(sort | 0xf);
            write_length(bytes, u32::try_from(length).unwrap_or(u32::MAX));
        }
    }
}

/// An integer without a sign, as narrow as it goes.
fn write_length(bytes: &mut Vec<u8>, number: u32) {
    let wide = number.to_be_bytes();
    let (marker, skipped) = match number {
        0..=0xff => (0x10, 3),
        0x100..=0xffff => (0x11, 2),
        _ => (0x12, 0),
    };
    bytes.push(marker);
    bytes.extend(&wide[skipped..]);
}

/// How many bytes a number takes: one, two, four or eight.
fn width(number: usize) -> usize {
    match number {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn narrow(bytes: &mut Vec<u8>, number: usize, width: usize) {
    let wide = (number as u64).to_be_bytes();
    bytes.extend(&wide[8 - width..]);
}
