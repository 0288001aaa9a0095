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

/// The newest version of the format that is known, and the one that is written.
pub const VERSION: u32 = 1;

/// The first bytes of every journal.
pub(crate) const MAGIC: [u8; 8] = *b"netprofj";

/// What a disk writes whole; every record starts on a multiple of it.
pub(crate) const SECTOR: usize = 512;

/// Files are made in multiples of this, the size of a page and of a block.
const PAGE: usize = 4096;

/// Zeros that a new journal has for its later records: as many sectors as a
/// transaction writes that is applied, fails, and is rolled back.
const RESERVE: usize = 4 * SECTOR;

/// The largest journal that is written or read, in bytes: some fifty thousand changes.
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

/// A whole new journal: header, intent, zeros for what comes later. Also where the
/// next record goes.
pub(crate) fn begin(number: u64, intent: &[u8]) -> (Vec<u8>, Position) {
    let end = align(SECTOR + FRAME + intent.len(), SECTOR);
    let mut bytes = Vec::with_capacity(align(end + RESERVE, PAGE));
    bytes.extend_from_slice(&header(number));
    bytes.resize(SECTOR, 0);
    bytes.extend_from_slice(&frame(number, 0, Tag::Intent, intent));
    bytes.extend_from_slice(intent);
    bytes.resize(align(end + RESERVE, PAGE), 0);
    let next = Position {
        offset: end,
        sequence: 1,
    };
    (bytes, next)
}

/// A later record, and where the one after it goes.
pub(crate) fn record(number: u64, at: Position, tag: Tag, payload: &[u8]) -> (Vec<u8>, Position) {
    let mut bytes = Vec::with_capacity(FRAME + payload.len());
    bytes.extend_from_slice(&frame(number, at.sequence, tag, payload));
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

fn frame(number: u64, sequence: u32, tag: Tag, payload: &[u8]) -> [u8; FRAME] {
    let mut bytes = [0; FRAME];
    // A payload is at most `LIMIT` bytes long, which the journal checks first.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    let crc = checksum(number, sequence, tag as u8, payload);
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
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[tag]);
    crc.update(&sequence.to_le_bytes());
    crc.update(&number.to_le_bytes());
    crc.update(payload);
    crc.finalize()
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn align(n: usize, to: usize) -> usize {
    n.div_ceil(to) * to
}
