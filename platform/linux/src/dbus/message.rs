//! Whole messages: calls that are sent, and whatever comes in.

use std::ops::Range;

use super::marshal::{Put, Take, Writer, signature_of};
use super::{Malformed, Reader};

/// The longest message that D-Bus allows (D-Bus specification, 'Message Format').
pub const PROTOCOL_LIMIT: usize = 1 << 27;

const VERSION: u8 = 1;
/// What every header begins with: order, kind, flags, version, the length of the body,
/// the serial, and the length of the fields.
const BEGINNING: usize = 16;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;

const NO_REPLY_EXPECTED: u8 = 1;
const NO_AUTO_START: u8 = 2;

const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SENDER: u8 = 7;
const SIGNATURE: u8 = 8;

/// Whether a text is the path of an object: `/`, or parts of letters, digits and `_`.
#[must_use]
pub fn is_object_path(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match text.strip_prefix('/') {
        None => false,
        Some("") => true,
        Some(rest) => rest.split('/').all(is_part),
    }
}

/// A call of a method. It starts no service, unless [`Call::starting`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    service: &'static str,
    bytes: Vec<u8>,
}

impl Call {
    /// A call with `arguments`, which are a tuple.
    ///
    /// # Errors
    ///
    /// Something that D-Bus cannot say.
    pub fn new<B: Put>(
        service: &'static str,
        path: &str,
        interface: &str,
        member: &str,
        arguments: &B,
    ) -> Result<Self, Malformed> {
        let mut body = Writer::default();
        arguments.put(&mut body);
        let structure = signature_of::<B>();
        Self::assemble(
            METHOD_CALL,
            service,
            path,
            interface,
            member,
            &structure,
            body,
        )
    }

    /// A signal to whoever listens. Nobody answers it: it is sent as a call is whose answer
    /// nobody waits for.
    ///
    /// # Errors
    ///
    /// Something that D-Bus cannot say.
    pub fn signal<B: Put>(
        path: &str,
        interface: &str,
        member: &str,
        arguments: &B,
    ) -> Result<Self, Malformed> {
        let mut body = Writer::default();
        arguments.put(&mut body);
        let structure = signature_of::<B>();
        Self::assemble(SIGNAL, "", path, interface, member, &structure, body)
    }

    /// What is the same for arguments of any type.
    #[inline(never)]
    fn assemble(
        kind: u8,
        service: &'static str,
        path: &str,
        interface: &str,
        member: &str,
        structure: &str,
        body: Writer,
    ) -> Result<Self, Malformed> {
        if !is_object_path(path) {
            return Err(Malformed::Bytes("an object path that is none"));
        }
        let body = body.finish()?;
        let signature = structure
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or(Malformed::Bytes("arguments that are no tuple"))?;

        let mut all = Writer::default();
        all.raw(&[b'l', kind, NO_AUTO_START, VERSION]);
        all.length(body.len());
        all.length(0);
        all.array(8, |all| {
            let fields = [
                (PATH, b'o', path),
                (DESTINATION, b's', service),
                (INTERFACE, b's', interface),
                (MEMBER, b's', member),
            ];
            // A signal is to nobody in particular.
            let said = fields.into_iter().filter(|(.., value)| !value.is_empty());
            for (code, kind, value) in said {
                all.align(8);
                all.raw(&[code, 1, kind, 0]);
                all.text(value);
            }
            if !signature.is_empty() {
                all.align(8);
                all.raw(&[SIGNATURE, 1, b'g', 0]);
                all.signature(signature);
            }
        });
        all.align(8);
        all.raw(&body);
        let bytes = all.finish()?;
        if bytes.len() > PROTOCOL_LIMIT {
            return Err(Malformed::Bytes("it is too long for D-Bus"));
        }
        Ok(Self { service, bytes })
    }

    /// The same, with nobody waiting for the answer.
    #[must_use]
    pub fn without_reply(mut self) -> Self {
        if let Some(flags) = self.bytes.get_mut(2) {
            *flags |= NO_REPLY_EXPECTED;
        }
        self
    }

    /// The same, starting the service where it does not run.
    #[must_use]
    pub fn starting(mut self) -> Self {
        if let Some(flags) = self.bytes.get_mut(2) {
            *flags &= !NO_AUTO_START;
        }
        self
    }

    /// Who is called.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The message, with a number that no other call on its connection has.
    #[must_use]
    pub fn bytes(mut self, serial: u32) -> Vec<u8> {
        if let Some(place) = self.bytes.get_mut(8..12) {
            place.copy_from_slice(&serial.to_le_bytes());
        }
        self.bytes
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call. Nobody has anything to ask of netprof.
    Call,
    /// The answer to the call with that serial.
    Reply(u32),
    /// The call with that serial was refused, or failed.
    Error(u32),
    /// Something that happened.
    Signal,
    /// A kind that later versions may have; it is to be passed over.
    Other,
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Vec<u8>,
    big: bool,
    kind: Kind,
    body: usize,
    interface: Range<usize>,
    member: Range<usize>,
    error_name: Range<usize>,
    sender: Range<usize>,
    signature: Range<usize>,
}

impl Message {
    /// How long the message is that begins with `start`, and its header alone; none where
    /// more of it must have come to tell.
    ///
    /// # Errors
    ///
    /// No message begins so.
    pub fn lengths(start: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
        let Some(start) = start.get(..BEGINNING) else {
            return Ok(None);
        };
        let mut reader = Reader::new(start, is_big(start)?);
        let _ = reader.u32()?;
        let body = reader.u32()?;
        let _ = reader.u32()?;
        let fields = reader.u32()?;
        let length = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let header = length(fields)
            .checked_add(BEGINNING)
            .and_then(|header| header.checked_next_multiple_of(8));
        let all = header.and_then(|header| header.checked_add(length(body)));
        match (all, header) {
            (Some(all), Some(header)) if all <= PROTOCOL_LIMIT => Ok(Some((all, header))),
            _ => Err(Malformed::Bytes("a message longer than D-Bus allows")),
        }
    }

    /// The message that `bytes` are. The body may be missing, or be a part: it shows when
    /// it is read.
    ///
    /// # Errors
    ///
    /// They are none.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let big = is_big(&bytes)?;
        let Some((_, header)) = Self::lengths(&bytes)? else {
            return Err(Malformed::Bytes("it ends in its header"));
        };
        let head = bytes.get(..header);
        let head = head.ok_or(Malformed::Bytes("it ends in its header"))?;
        let kind = head.get(1).copied().unwrap_or_default();
        let mut reader = Reader::new(head, big);
        let _ = reader.u32()?;
        let _ = reader.u32()?;
        if reader.u32()? == 0 {
            return Err(Malformed::Bytes("a message without a serial"));
        }

        let nothing = 0..0;
        let mut interface = nothing.clone();
        let mut member = nothing.clone();
        let mut error_name = nothing.clone();
        let mut sender = nothing.clone();
        let mut signature = nothing;
        let mut answers = 0;
        let end = reader.array(8)?;
        while reader.more(end)? {
            reader.align(8)?;
            let code: u8 = Take::take(&mut reader)?;
            let value = reader.variant()?;
            let until = reader.position() - 1;
            let text = |place: &mut Range<usize>| -> Result<(), Malformed> {
                let length = value.get::<&str>()?.len();
                *place = until - length..until;
                Ok(())
            };
            match code {
                INTERFACE => text(&mut interface)?,
                MEMBER => text(&mut member)?,
                ERROR_NAME => text(&mut error_name)?,
                SENDER => text(&mut sender)?,
                REPLY_SERIAL => answers = value.get()?,
                SIGNATURE => {
                    let length = value.signature_in_it()?.len();
                    signature = until - length..until;
                }
                0 => return Err(Malformed::Bytes("a header field without a code")),
                _ => {}
            }
        }
        reader.align(8)?;
        let kind = match (kind, answers) {
            (0, _) => return Err(Malformed::Bytes("a message of no kind")),
            (METHOD_RETURN | ERROR, 0) => {
                return Err(Malformed::Bytes("an answer that does not say to what"));
            }
            (METHOD_RETURN, serial) => Kind::Reply(serial),
            (ERROR, _) if error_name.is_empty() => {
                return Err(Malformed::Bytes("an error without a name"));
            }
            (ERROR, serial) => Kind::Error(serial),
            (SIGNAL, _) => Kind::Signal,
            (METHOD_CALL, _) => Kind::Call,
            _ => Kind::Other,
        };
        Ok(Self {
            big,
            kind,
            body: header,
            interface,
            member,
            error_name,
            sender,
            signature,
            bytes,
        })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    fn text(&self, place: &Range<usize>) -> &str {
        let text = self.bytes.get(place.clone()).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// The interface of a call or a signal.
    #[must_use]
    pub fn interface(&self) -> &str {
        self.text(&self.interface)
    }

    /// The name of the method or the signal.
    #[must_use]
    pub fn member(&self) -> &str {
        self.text(&self.member)
    }

    /// The name of an error.
    #[must_use]
    pub fn error_name(&self) -> &str {
        self.text(&self.error_name)
    }

    /// Who sent it, as the bus says.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.text(&self.sender)
    }

    /// The types of what it says.
    #[must_use]
    pub fn signature(&self) -> &str {
        self.text(&self.signature)
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(self.bytes.get(self.body..).unwrap_or_default(), self.big)
    }

    /// What it says, as a tuple.
    ///
    /// # Errors
    ///
    /// It says something else.
    pub fn body<'a, T: Take<'a>>(&'a self) -> Result<T, Malformed> {
        let wanted = signature_of::<T>();
        let got = self.signature();
        if wanted
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            != Some(got)
        {
            let got = format!("({got})");
            return Err(Malformed::Type { wanted, got });
        }
        let mut reader = self.reader();
        let value = T::take(&mut reader)?;
        if !reader.is_at_end() {
            return Err(Malformed::Bytes("it says more than its signature"));
        }
        Ok(value)
    }

    /// The words of an error: its first argument, where that is a text.
    #[must_use]
    pub fn words(&self) -> &str {
        if !self.signature().starts_with('s') {
            return "";
        }
        self.reader().text().unwrap_or_default()
    }
}

fn is_big(start: &[u8]) -> Result<bool, Malformed> {
    if start.get(3).is_some_and(|version| *version != VERSION) {
        return Err(Malformed::Bytes("a message of another version of D-Bus"));
    }
    match start.first() {
        Some(b'l') => Ok(false),
        Some(b'B') => Ok(true),
        _ => Err(Malformed::Bytes("a message in no byte order")),
    }
}
