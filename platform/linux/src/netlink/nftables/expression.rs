//! The expressions of a rule: their names, numbers and data.

use super::super::wire::{Attribute, Attributes, Malformed};

pub(super) const NFTA_EXPR_NAME: u16 = 1;
pub(super) const NFTA_EXPR_DATA: u16 = 2;
pub(super) const NFTA_IMMEDIATE_DREG: u16 = 1;
pub(super) const NFTA_IMMEDIATE_DATA: u16 = 2;
pub(super) const NFTA_LOOKUP_SET: u16 = 1;
pub(super) const NFTA_LOOKUP_SREG: u16 = 2;
pub(super) const NFTA_LOOKUP_DREG: u16 = 3;
pub(super) const NFTA_LOOKUP_FLAGS: u16 = 5;
pub(super) const NFTA_TARGET_NAME: u16 = 1;
pub(super) const NFTA_META_SREG: u16 = 3;
pub(super) const NFTA_CT_SREG: u16 = 4;
/// The keys of marks (NFT_META_MARK, NFT_CT_MARK).
pub(super) const META_MARK: u32 = 3;
pub(super) const CT_MARK: u32 = 3;
pub(super) const NFT_REG_VERDICT: u32 = 0;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;

/// What stands in the register of verdicts: `enum nft_verdicts` and NF_*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop,
    Accept,
    Queue,
    Continue,
    Jump(String),
    Goto(String),
    Return,
    Other(i32),
}

/// One expression.
#[derive(Clone, Debug)]
pub(super) struct Expression<'a> {
    pub name: String,
    data: Option<Attributes<'a>>,
}

impl<'a> Expression<'a> {
    pub(super) fn of(attributes: Attributes<'a>) -> Result<Self, Malformed> {
        let mut name = String::new();
        let mut data = None;
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.number() {
                NFTA_EXPR_NAME => name = attribute.text(),
                NFTA_EXPR_DATA => data = Some(attribute.nested()),
                _ => {}
            }
        }
        Ok(Self { name, data })
    }

    /// Its attribute of that number.
    pub(super) fn get(&self, number: u16) -> Result<Option<Attribute<'a>>, Malformed> {
        match &self.data {
            Some(data) => data.clone().find(number),
            None => Ok(None),
        }
    }

    /// A number in the network's byte order.
    pub(super) fn number(&self, number: u16) -> Result<Option<u32>, Malformed> {
        self.get(number)?.map(|found| found.be32()).transpose()
    }

    /// A value that goes into a register.
    pub(super) fn value(&self, number: u16) -> Result<Vec<u8>, Malformed> {
        match self.get(number)? {
            Some(found) => value(found.nested()),
            None => Ok(Vec::new()),
        }
    }

    /// The verdict of an immediate expression.
    pub(super) fn verdict(&self) -> Result<Option<Verdict>, Malformed> {
        match self.get(NFTA_IMMEDIATE_DATA)? {
            Some(found) => verdict(found.nested()),
            None => Ok(None),
        }
    }
}

/// A value.
pub(super) fn value(data: Attributes<'_>) -> Result<Vec<u8>, Malformed> {
    let value = data.find(NFTA_DATA_VALUE)?;
    Ok(value.map_or_else(Vec::new, |value| value.value.to_vec()))
}

/// A verdict.
pub(super) fn verdict(data: Attributes<'_>) -> Result<Option<Verdict>, Malformed> {
    let Some(verdict) = data.find(NFTA_DATA_VERDICT)? else {
        return Ok(None);
    };
    let mut code = 0;
    let mut chain = String::new();
    for attribute in verdict.nested() {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_VERDICT_CODE => code = attribute.be32()?.cast_signed(),
            NFTA_VERDICT_CHAIN => chain = attribute.text(),
            _ => {}
        }
    }
    // The upper half of a queue's verdict is its number.
    Ok(Some(match code {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        -1 => Verdict::Continue,
        -3 => Verdict::Jump(chain),
        -4 => Verdict::Goto(chain),
        -5 => Verdict::Return,
        code if code & 0xff == 3 => Verdict::Queue,
        code => Verdict::Other(code),
    }))
}
