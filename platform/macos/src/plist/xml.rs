//! The XML format, as `PropertyList-1.0.dtd` and CoreFoundation's `CFPropertyList.c`
//! have it.
//!
//! Only what a property list may be made of is read: its elements, character data with
//! the five entities of XML and numbered characters, CDATA, comments, one declaration
//! and one document type without a subset of its own. Everything else is refused where
//! it stands.

use netprof_model::plist::{Dictionary, Value};

use super::date::Moment;
use super::{Budget, Error, number, real};

pub(super) fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Error::Xml {
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            expected: "UTF-8",
        }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        at: 0,
        budget: Budget::new(),
    };
    reader.prologue()?;
    if reader.tag()? != Tag::Open("plist") {
        return Err(reader.broken("`<plist>`"));
    }
    let tag = reader.tag()?;
    let value = reader.value(tag, 1)?;
    match reader.tag()? {
        Tag::Close("plist") => reader.end(value),
        _ => Err(reader.broken("`</plist>`")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag<'a> {
    Open(&'a str),
    Close(&'a str),
    /// `<true/>`
    Empty(&'a str),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn broken(&self, expected: &'static str) -> Error {
        let before = self.text.get(..self.at).unwrap_or_default();
        Error::Xml {
            line: 1 + before.bytes().filter(|byte| *byte == b'\n').count(),
            expected,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes `head` if it stands here.
    fn take(&mut self, head: &str) -> bool {
        let stands = self.rest().starts_with(head);
        if stands {
            self.at += head.len();
        }
        stands
    }

    /// Takes what stands before `end`, and `end` itself.
    fn until(&mut self, end: &str, expected: &'static str) -> Result<&'a str, Error> {
        let rest = self.rest();
        let length = rest.find(end).ok_or_else(|| self.broken(expected))?;
        self.at += length + end.len();
        Ok(&rest[..length])
    }

    /// Passes over spaces and comments.
    fn blank(&mut self) -> Result<(), Error> {
        loop {
            let rest = self.rest();
            let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.at += spaces;
            if self.take("<!--") {
                self.until("-->", "the end of a comment")?;
            } else if spaces == 0 {
                return Ok(());
            }
        }
    }

    fn prologue(&mut self) -> Result<(), Error> {
        if self.take("<?xml") {
            let declaration = self.until("?>", "the end of the declaration")?;
            let lower = declaration.to_ascii_lowercase();
            if lower.contains("encoding") && !lower.contains("utf-8") {
                return Err(self.broken("UTF-8"));
            }
        }
        self.blank()?;
        if self.take("<!DOCTYPE") {
            let kind = self.until(">", "the end of the document type")?;
            // A subset could define entities without an end.
            if kind.contains('[') {
                return Err(self.broken("a document type without a subset"));
            }
        }
        Ok(())
    }

    fn end(&mut self, value: Value) -> Result<Value, Error> {
        self.blank()?;
        match self.rest() {
            "" => Ok(value),
            _ => Err(self.broken("the end")),
        }
    }

    fn tag(&mut self) -> Result<Tag<'a>, Error> {
        const EXPECTED: &str = "an element of a property list";
        self.blank()?;
        if !self.take("<") {
            return Err(self.broken(EXPECTED));
        }
        let closes = self.take("/");
        let inside = self.until(">", EXPECTED)?;
        let (inside, empty) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let mut words = inside.split([' ', '\t', '\r', '\n']);
        let name = words.next().unwrap_or_default();
        // Only the outermost element has an attribute, its version.
        let more = words.any(|word| !word.is_empty());
        if more && (name != "plist" || closes) {
            return Err(self.broken("an element without attributes"));
        }
        match (closes, empty) {
            (true, true) => Err(self.broken(EXPECTED)),
            (true, false) => Ok(Tag::Close(name)),
            (false, true) => Ok(Tag::Empty(name)),
            (false, false) => Ok(Tag::Open(name)),
        }
    }

    /// The value that `tag` begins. Depth is bounded by the budget, and with it the stack.
    fn value(&mut self, tag: Tag<'a>, depth: usize) -> Result<Value, Error> {
        self.budget.value(depth)?;
        let (name, empty) = match tag {
            Tag::Open(name) => (name, false),
            Tag::Empty(name) => (name, true),
            Tag::Close(_) => return Err(self.broken("a value")),
        };
        match name {
            "array" if empty => Ok(Value::Array(Vec::new())),
            "array" => self.array(depth),
            "dict" if empty => Ok(Value::Dictionary(Dictionary::new())),
            "dict" => self.dictionary(depth),
            _ => {
                let text = match empty {
                    true => String::new(),
                    false => self.content(name)?,
                };
                self.scalar(name, text)
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            match self.tag()? {
                Tag::Close("array") => return Ok(Value::Array(items)),
                tag => items.push(self.value(tag, depth + 1)?),
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, Error> {
        let mut all = Dictionary::new();
        loop {
            let key = match self.tag()? {
                Tag::Close("dict") => return Ok(Value::Dictionary(all)),
                Tag::Open("key") => self.content("key")?,
                Tag::Empty("key") => String::new(),
                _ => return Err(self.broken("`<key>` or `</dict>`")),
            };
            self.budget.value(depth + 1)?;
            let tag = self.tag()?;
            let value = self.value(tag, depth + 1)?;
            if all.contains_key(&key) {
                return Err(Error::Twice(key));
            }
            all.insert(key, value);
        }
    }

    /// Character data up to the end of the element `name`.
    fn content(&mut self, name: &str) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(['<', '&']);
            let plain = plain.ok_or_else(|| self.broken("the end of an element"))?;
            text.push_str(&rest[..plain]);
            self.at += plain;
            if self.take("&") {
                let entity = self.until(";", "the end of an entity")?;
                let character = character(entity);
                text.push(character.ok_or_else(|| self.broken("an entity of XML"))?);
            } else if self.take("<![CDATA[") {
                text.push_str(self.until("]]>", "the end of CDATA")?);
            } else if self.take("<!--") {
                self.until("-->", "the end of a comment")?;
            } else {
                return match self.tag()? {
                    Tag::Close(closed) if closed == name => Ok(text),
                    _ => Err(self.broken("the end of an element")),
                };
            }
        }
    }

    fn scalar(&self, name: &str, text: String) -> Result<Value, Error> {
        let trimmed = text.trim();
        let value = match name {
            "string" => Some(Value::String(text)),
            "true" if trimmed.is_empty() => Some(Value::Boolean(true)),
            "false" if trimmed.is_empty() => Some(Value::Boolean(false)),
            "integer" => return self.integer(trimmed),
            "real" => trimmed.parse().ok().map(real),
            "date" => Moment::parse(trimmed).map(|moment| Value::Date(moment.print())),
            "data" => base64(&text).map(Value::Data),
            _ => return Err(self.broken("an element of a property list")),
        };
        value.ok_or_else(|| self.broken("a value of its element's sort"))
    }

    fn integer(&self, text: &str) -> Result<Value, Error> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (digits, radix) = match digits.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (digits, 10),
        };
        let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        if !plain {
            return Err(self.broken("an integer"));
        }
        let number = u64::from_str_radix(digits, radix).ok().map(i128::from);
        let number = number.map(|number| if negative { -number } else { number });
        number
            .and_then(|number| i64::try_from(number).ok())
            .map(Value::Integer)
            .ok_or(Error::Unsupported("an integer of more than 64 bits"))
    }
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let plain = digits.chars().all(|digit| digit.is_digit(radix));
            let number = plain.then(|| u32::from_str_radix(digits, radix).ok())??;
            char::from_u32(number).filter(|character| !is_no_character(*character))
        }
    }
}

/// Whether XML 1.0 has no such character, not even by its number.
fn is_no_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => false,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, with white space anywhere.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0_u32;
    let (mut count, mut padding) = (0, 0);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(six);
        count += 1;
        if count == 4 {
            bytes.extend(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    // What is left over of three bytes: their bits, and zeros that mean nothing.
    match (count, padding) {
        (0, 0) => {}
        (2, 2) if bits & 0xf == 0 => bytes.extend(&(bits >> 4).to_be_bytes()[3..]),
        (3, 1) if bits & 0x3 == 0 => bytes.extend(&(bits >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    Some(bytes)
}

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .zip([16, 8, 0])
            .fold(0, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let six = ALPHABET[(bits >> shift & 0x3f) as usize];
            text.push(if place > three.len() {
                '='
            } else {
                char::from(six)
            });
        }
    }
    text
}

pub(super) fn write(value: &Value) -> Result<String, Error> {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD \
         PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist \
         version=\"1.0\">\n",
    );
    write_value(&mut text, value, 0)?;
    text.push_str("</plist>\n");
    Ok(text)
}

fn write_value(text: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    match value {
        Value::Boolean(true) => line(text, depth, "<true/>"),
        Value::Boolean(false) => line(text, depth, "<false/>"),
        Value::Integer(number) => element(text, depth, "integer", &number.to_string())?,
        Value::Real(plain) => {
            number(plain)?;
            element(text, depth, "real", plain)?;
        }
        Value::Date(plain) => {
            let moment = Moment::parse(plain).ok_or_else(|| Error::Unwritable {
                text: plain.clone(),
                reason: "it is no date in UTC",
            })?;
            element(text, depth, "date", &moment.print())?;
        }
        Value::Data(bytes) => element(text, depth, "data", &to_base64(bytes))?,
        Value::String(plain) => element(text, depth, "string", plain)?,
        Value::Array(items) => {
            line(text, depth, "<array>");
            for item in items {
                write_value(text, item, depth + 1)?;
            }
            line(text, depth, "</array>");
        }
        Value::Dictionary(all) => {
            line(text, depth, "<dict>");
            for (key, value) in all {
                element(text, depth + 1, "key", key)?;
                write_value(text, value, depth + 1)?;
            }
            line(text, depth, "</dict>");
        }
    }
    Ok(())
}

fn line(text: &mut String, depth: usize, plain: &str) {
    text.extend(std::iter::repeat_n('\t', depth));
    text.push_str(plain);
    text.push('\n');
}

fn element(text: &mut String, depth: usize, name: &str, plain: &str) -> Result<(), Error> {
    text.extend(std::iter::repeat_n('\t', depth));
    text.push_str(&format!("<{name}>"));
    for character in plain.chars() {
        match character {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            // Any other parser would read a plain one as a line's end.
            '\r' => text.push_str("&#13;"),
            none if is_no_character(none) => {
                return Err(Error::Unwritable {
                    text: plain.escape_debug().take(80).collect(),
                    reason: "XML has no such character; the binary format has",
                });
            }
            other => text.push(other),
        }
    }
    text.push_str(&format!("</{name}>\n"));
    Ok(())
}
