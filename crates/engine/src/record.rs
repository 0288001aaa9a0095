//! The bytes of a journal: framing, and what of it can be trusted after a crash.
//!
//! One file per transaction. Every record starts on a multiple of 512 bytes, the
//! unit that disks write whole, so that writing a later record can never tear an
//! earlier one. The file gets its full size, zeros at its end, when it is made:
//! later records overwrite zeros, which changes no size and no block map, and
//! fdatasync(2) has nothing to write but one page.
//!
//! The checksum covers the number of the transaction and the place of the record
//! in its file, so that neither a renamed file nor a block that the file system
//! gave to another file before is taken for a record. `docs/journal.md` has the
//! layout byte by byte.

use std::io;

/// The newest version of the format that is known, and the one that is written. Version 1
/// says everything of each change.
pub const VERSION: u32 = 2;

/// The first bytes of every journal.
pub(crate) const MAGIC: [u8; 8] = *b"netprofj";

/// What a disk writes whole; every record starts on a multiple of it.
pub(crate) const SECTOR: usize = 512;

/// Files are made in multiples of this, the size of a page and of a block.
const PAGE: usize = 4096;

/// Zeros that a new journal has for its later records: as many sectors as a
/// transaction writes that is applied, fails, and is rolled back.
const RESERVE: usize = 4 * SECTOR;

/// The largest journal that is written or read, in bytes: several hundred thousand changes.
pub(crate) const LIMIT: usize = 64 << 20;

/// The largest payload of a record that is no intent, in bytes.
pub(crate) const STATE_LIMIT: usize = 16 << 10;

const HEADER: usize = 24;
const FRAME: usize = 16;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    Intent = 1,
    Applied = 2,
    Committed = 3,
    RollingBack = 4,
    RolledBack = 5,
    Incomplete = 6,
}

impl Tag {
    fn known(byte: u8) -> Option<Self> {
        [
            Self::Intent,
            Self::Applied,
            Self::Committed,
            Self::RollingBack,
            Self::RolledBack,
            Self::Incomplete,
        ]
        .into_iter()
        .find(|tag| *tag as u8 == byte)
    }
}

/// What a journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// Its intent never became whole, so nothing was changed on behalf of it.
    NeverBegun,
    /// It was begun.
    Begun {
        /// The payload of the intent.
        intent: &'a [u8],
        /// The last whole record after it.
        last: Option<(Tag, &'a [u8])>,
        /// Where the next record goes.
        next: Position,
    },
}

/// Where a record goes: its offset in the file, and its number within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) offset: usize,
    pub(crate) sequence: u32,
}

/// Why a journal cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A newer netprof wrote it.
    Newer(u32),
    /// It holds what no netprof leaves behind, crashed or not.
    Damaged(&'static str),
}

/// How much of a new journal is written at once.
const PIECE: usize = if cfg!(test) { 2 << 10 } else { 64 << 10 };

/// A new journal on its way to the disk: header, intent, zeros for what comes later.
///
/// The intent of ten thousand changes is as large as everything else that is known of
/// them, so it is written while it is made. What tells that it is whole, header and frame,
/// is written last; that is no promise of the order in which a disk takes it, and none is
/// needed: a record counts where its checksum fits.
pub(crate) struct Begin<W> {
    number: u64,
    write_at: W,
    /// What is not written yet. It starts at `written` in the file.
    piece: Vec<u8>,
    written: usize,
    length: usize,
    crc: crc32fast::Hasher,
}

impl<W: FnMut(&[u8], usize) -> io::Result<()>> Begin<W> {
    /// The journal of transaction `number`, which `write_at` writes at an offset.
    pub(crate) fn new(number: u64, write_at: W) -> Self {
        Self {
            number,
            write_at,
            // Room for the header and the frame.
            piece: vec![0; SECTOR + FRAME],
            written: 0,
            length: 0,
            crc: seed(number, 0, Tag::Intent as u8),
        }
    }

    /// Whether the intent is larger than a journal may be.
    pub(crate) fn is_too_large(&self) -> bool {
        align(SECTOR + FRAME + self.length + RESERVE, PAGE) > LIMIT
    }

    /// Takes what waits into the checksum: much at once, since that is how it is fast.
    fn sum_up(&mut self) {
        let head = (SECTOR + FRAME).saturating_sub(self.written);
        self.crc.update(&self.piece[head..]);
    }

    /// Writes the rest. Returns where the next record goes.
    pub(crate) fn finish(mut self) -> io::Result<Position> {
        let mut head = [0; SECTOR + FRAME];
        head[..HEADER].copy_from_slice(&header(self.number));
        self.sum_up();
        let crc = std::mem::take(&mut self.crc).finalize();
        head[SECTOR..].copy_from_slice(&frame(0, Tag::Intent, self.length, crc));
        let end = align(SECTOR + FRAME + self.length, SECTOR);
        let size = align(end + RESERVE, PAGE);
        self.piece.resize(size - self.written, 0);
        if self.written == 0 {
            self.piece[..head.len()].copy_from_slice(&head);
        }
        (self.write_at)(&self.piece, self.written)?;
        if self.written > 0 {
            (self.write_at)(&head, 0)?;
        }
        Ok(Position {
            offset: end,
            sequence: 1,
        })
    }
}

impl<W: FnMut(&[u8], usize) -> io::Result<()>> io::Write for Begin<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len();
        if self.is_too_large() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.sum_up();
            (self.write_at)(&self.piece, self.written)?;
            self.written += self.piece.len();
            self.piece.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A later record, and where the one after it goes.
pub(crate) fn record(number: u64, at: Position, tag: Tag, payload: &[u8]) -> (Vec<u8>, Position) {
    let mut bytes = Vec::with_capacity(FRAME + payload.len());
    let crc = checksum(number, at.sequence, tag as u8, payload);
    bytes.extend_from_slice(&frame(at.sequence, tag, payload.len(), crc));
    bytes.extend_from_slice(payload);
    let next = Position {
        offset: align(at.offset + bytes.len(), SECTOR),
        sequence: at.sequence.saturating_add(1),
    };
    (bytes, next)
}

/// Reads the journal of transaction `number`.
pub(crate) fn read(number: u64, bytes: &[u8]) -> Result<Content<'_>, Fault> {
    let header = read_header(number, bytes)?;
    let intent = frame_at(number, bytes, SECTOR).filter(|found| {
        header == Header::Whole && found.tag == Tag::Intent as u8 && found.sequence == 0
    });
    let Some(intent) = intent else {
        // A crash while the file was first written leaves any of its sectors
        // unwritten, but never a record after the intent: those come later.
        return match states(number, bytes, SECTOR, 0).next() {
            None => Ok(Content::NeverBegun),
            Some(_) => Err(Fault::Damaged("its intent is gone, and it was acted on")),
        };
    };
    let mut next = Position {
        offset: align(intent.end, SECTOR),
        sequence: 1,
    };
    let mut last = None;
    for found in states(number, bytes, next.offset, 0) {
        let Some(tag) = Tag::known(found.tag) else {
            return Err(Fault::Damaged("it holds a record of an unknown kind"));
        };
        next = Position {
            offset: align(found.end, SECTOR),
            sequence: found.sequence.saturating_add(1),
        };
        last = Some((tag, found.payload));
    }
    Ok(Content::Begun {
        intent: intent.payload,
        last,
        next,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Whole,
    Torn,
}

fn header(number: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..20].copy_from_slice(&number.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..20]);
    bytes[20..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn read_header(number: u64, bytes: &[u8]) -> Result<Header, Fault> {
    let (Some(head), Some(version), Some(crc)) =
        (bytes.get(..20), u32_at(bytes, 8), u32_at(bytes, 20))
    else {
        return Ok(Header::Torn);
    };
    if head[..8] != MAGIC || crc32fast::hash(head) != crc {
        return Ok(Header::Torn);
    }
    if version > VERSION {
        return Err(Fault::Newer(version));
    }
    if head[12..20] != number.to_le_bytes() {
        return Err(Fault::Damaged("it is the journal of another transaction"));
    }
    Ok(Header::Whole)
}

/// A whole record, as it was found.
struct Found<'a> {
    tag: u8,
    sequence: u32,
    payload: &'a [u8],
    end: usize,
}

/// The whole records from `offset` on that come after the record `sequence`.
///
/// A record that is not whole is passed over and does not end the list: one that
/// was torn by a crash has nothing but zeros behind it, and where a bad sector took
/// one away the later ones still tell how the transaction ended.
fn states(
    number: u64,
    bytes: &[u8],
    offset: usize,
    sequence: u32,
) -> impl Iterator<Item = Found<'_>> {
    let mut offset = offset;
    let mut sequence = sequence;
    std::iter::from_fn(move || {
        while offset < bytes.len() {
            match frame_at(number, bytes, offset) {
                Some(found)
                    if found.sequence > sequence
                        && found.tag != Tag::Intent as u8
                        && found.payload.len() <= STATE_LIMIT =>
                {
                    offset = align(found.end, SECTOR);
                    sequence = found.sequence;
                    return Some(found);
                }
                _ => offset += SECTOR,
            }
        }
        None
    })
}

fn frame(sequence: u32, tag: Tag, length: usize, crc: u32) -> [u8; FRAME] {
    let mut bytes = [0; FRAME];
    // A payload is at most `LIMIT` bytes long, which is looked at while it is written.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_le_bytes());
    bytes[12] = tag as u8;
    bytes
}

fn frame_at(number: u64, bytes: &[u8], offset: usize) -> Option<Found<'_>> {
    let length = usize::try_from(u32_at(bytes, offset)?).ok()?;
    let crc = u32_at(bytes, offset + 4)?;
    let sequence = u32_at(bytes, offset + 8)?;
    let tag = *bytes.get(offset + 12)?;
    if tag == 0 || (tag != Tag::Intent as u8 && length > STATE_LIMIT) {
        return None;
    }
    let start = offset + FRAME;
    let end = start.checked_add(length)?;
    let payload = bytes.get(start..end)?;
    (checksum(number, sequence, tag, payload) == crc).then_some(Found {
        tag,
        sequence,
        payload,
        end,
    })
}

fn checksum(number: u64, sequence: u32, tag: u8, payload: &[u8]) -> u32 {
    let mut crc = seed(number, sequence, tag);
    crc.update(payload);
    crc.finalize()
}

/// The checksum of all that stands before the payload.
fn seed(number: u64, sequence: u32, tag: u8) -> crc32fast::Hasher {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[tag]);
    crc.update(&sequence.to_le_bytes());
    crc.update(&number.to_le_bytes());
    crc
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn align(n: usize, to: usize) -> usize {
    n.div_ceil(to) * to
}
