//! Sets and verdict maps: what a rule looks into.

use super::super::numbers::*;
use super::super::wire::{Attributes, Malformed};
use super::expression::{self, Verdict};
use super::{HEADER, Table};

const NFTA_SET_TABLE: u16 = 1;
const NFTA_SET_NAME: u16 = 2;
const NFTA_SET_FLAGS: u16 = 3;
const NFTA_SET_KEY_LEN: u16 = 5;
const NFTA_SET_DATA_TYPE: u16 = 6;
const NFT_DATA_VERDICT: u32 = 0xffff_ff00;
const NFT_SET_INTERVAL: u32 = 0x4;
const NFT_SET_CONCAT: u32 = 0x80;
pub(super) const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
pub(super) const NFTA_SET_ELEM_LIST_SET: u16 = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_DATA: u16 = 2;
const NFTA_SET_ELEM_FLAGS: u16 = 3;
const NFTA_SET_ELEM_KEY_END: u16 = 10;
const NFT_SET_ELEM_INTERVAL_END: u32 = 1;
const NFT_SET_ELEM_CATCHALL: u32 = 2;

/// The most elements that are kept: a list of all addresses of a country is not worth
/// its memory, and what it decides is then not told.
const MOST_ELEMENTS: usize = 65_536;

/// A set, by its table and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetName {
    /// Its table.
    pub table: Table,
    /// Its name.
    pub name: String,
}

/// What is in a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    interval: bool,
    /// Whether its keys are several fields, or its elements could not be read.
    opaque: bool,
    /// How long a key is, in bytes.
    pub(super) key: usize,
    /// Whether verdicts stand beside its keys.
    pub(super) verdicts: bool,
    elements: Vec<Element>,
    entries: Option<Entries>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Element {
    key: Vec<u8>,
    /// The last key, where an element has both.
    last: Option<Vec<u8>>,
    end: bool,
    catchall: bool,
    verdict: Option<Verdict>,
}

/// What is in a set, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    /// Keys from one to another.
    pub(super) spans: Vec<(Vec<u8>, Vec<u8>)>,
    /// What a verdict map says of each; as many.
    pub(super) verdicts: Vec<Option<Verdict>>,
    /// What it says of all that are not named.
    pub(super) others: Option<Verdict>,
}

/// Reads what a set is like, without its elements.
pub fn decode(kind: u16, payload: &[u8]) -> Result<Option<(SetName, Set)>, Malformed> {
    if kind != NFT_MSG_NEWSET {
        return Ok(None);
    }
    let family = payload.first().copied().unwrap_or_default();
    let (mut table, mut name) = (String::new(), String::new());
    let mut set = Set::default();
    for attribute in Attributes::behind(payload, HEADER)? {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_SET_TABLE => table = attribute.text(),
            NFTA_SET_NAME => name = attribute.text(),
            NFTA_SET_DATA_TYPE => set.verdicts = attribute.be32()? == NFT_DATA_VERDICT,
            NFTA_SET_KEY_LEN => set.key = attribute.be32()? as usize,
            NFTA_SET_FLAGS => {
                let flags = attribute.be32()?;
                set.interval = flags & NFT_SET_INTERVAL != 0;
                set.opaque = flags & NFT_SET_CONCAT != 0;
            }
            _ => {}
        }
    }
    let table = (family, table);
    Ok(Some((SetName { table, name }, set)))
}

impl Set {
    /// Whether it has more elements than are kept.
    fn is_full(&self) -> bool {
        self.elements.len() > MOST_ELEMENTS
    }

    /// Its elements could not be read.
    pub fn forget(&mut self) {
        self.opaque = true;
    }

    /// Takes in the elements of one message.
    pub fn extend(&mut self, kind: u16, payload: &[u8]) -> Result<(), Malformed> {
        if kind != NFT_MSG_NEWSETELEM || self.is_full() {
            return Ok(());
        }
        let attributes = Attributes::behind(payload, HEADER)?;
        let Some(list) = attributes.find(NFTA_SET_ELEM_LIST_ELEMENTS)? else {
            return Ok(());
        };
        for element in list.nested() {
            let mut read = Element {
                key: Vec::new(),
                last: None,
                end: false,
                catchall: false,
                verdict: None,
            };
            for attribute in element?.nested() {
                let attribute = attribute?;
                match attribute.number() {
                    NFTA_SET_ELEM_KEY => read.key = expression::value(attribute.nested())?,
                    NFTA_SET_ELEM_KEY_END => {
                        read.last = Some(expression::value(attribute.nested())?);
                    }
                    NFTA_SET_ELEM_DATA => {
                        read.verdict = expression::verdict(attribute.nested())?;
                    }
                    NFTA_SET_ELEM_FLAGS => {
                        let flags = attribute.be32()?;
                        read.end = flags & NFT_SET_ELEM_INTERVAL_END != 0;
                        read.catchall = flags & NFT_SET_ELEM_CATCHALL != 0;
                    }
                    _ => {}
                }
            }
            self.elements.push(read);
        }
        Ok(())
    }

    /// How many elements it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Puts what was read in order, once for all rules that look into it.
    pub fn settle(&mut self) {
        self.entries = self.sorted();
        // Of the elements only verdicts are asked for from now on.
        self.elements.retain(|element| element.verdict.is_some());
        self.elements.shrink_to_fit();
    }

    /// Its elements as keys from one to another; none where that is not known: it has too
    /// many, or keys of several fields, or was not read.
    pub(super) fn entries(&self) -> Option<&Entries> {
        self.entries.as_ref()
    }

    fn sorted(&mut self) -> Option<Entries> {
        if self.is_full() || self.opaque {
            return None;
        }
        // An interval ends where the next one may begin.
        self.elements
            .sort_by(|a, b| (&a.key, !a.end).cmp(&(&b.key, !b.end)));
        let mut entries = Entries::default();
        for (at, element) in self.elements.iter().enumerate() {
            if element.end {
                continue;
            }
            if element.catchall {
                entries.others.clone_from(&element.verdict);
                continue;
            }
            let first = element.key.clone();
            let last = match &element.last {
                Some(last) => last.clone(),
                None if self.interval => match self.elements.get(at + 1) {
                    Some(next) => before(&next.key)?,
                    None => vec![0xff; first.len()],
                },
                None => first.clone(),
            };
            entries.spans.push((first, last));
            entries.verdicts.push(element.verdict.clone());
        }
        Some(entries)
    }

    /// What its verdict map says.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.elements
            .iter()
            .filter_map(|element| element.verdict.as_ref())
    }
}

/// The number before `key`, of the same length.
pub(super) fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (less, borrowed) = byte.overflowing_sub(1);
        *byte = less;
        if !borrowed {
            return Some(key);
        }
    }
    None
}

/// The number behind `key`, of the same length.
pub(super) fn behind(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (more, carried) = byte.overflowing_add(1);
        *byte = more;
        if !carried {
            return Some(key);
        }
    }
    None
}
