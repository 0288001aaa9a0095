//! A rule: expressions that load values into registers and compare them, as conditions.
//!
//! The kernel runs a rule from left to right, and the first comparison that fails ends it
//! (`nft_do_chain`). So the comparisons are conditions that must all hold, and what is
//! written in between is written if those before it held ([`Machine`]).

use std::cell::Cell;

use netprof_model::firewall::FirewallRule;

use super::super::numbers::NFT_MSG_NEWRULE;
use super::super::wire::{Attributes, Malformed};
use super::expression::*;
use super::machine::Machine;
use super::set::SetName;
use super::{HEADER, Sets, Table, xtables};

const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_USERDATA: u16 = 7;
/// NFTNL_UDATA_RULE_COMMENT: nft's own, the kernel keeps it as bytes.
const COMMENT: u8 = 0;

/// A rule as it was read: its expressions are run once the sets are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRule {
    /// Its table.
    pub table: Table,
    /// Its chain.
    pub chain: String,
    /// The kernel's number for it.
    pub handle: u64,
    /// What somebody noted.
    pub comment: Option<String>,
    /// The sets that it looks into.
    pub sets: Vec<String>,
    /// Whether it drops or rejects by itself.
    drops: bool,
    /// Whether it writes what other rules ask for.
    writes: bool,
    /// The chains that it calls by itself.
    calls: Vec<String>,
    expressions: Vec<u8>,
}

/// Reads one rule.
pub fn decode(kind: u16, payload: &[u8]) -> Result<Option<RawRule>, Malformed> {
    if kind != NFT_MSG_NEWRULE {
        return Ok(None);
    }
    let family = payload.first().copied().unwrap_or_default();
    let mut rule = RawRule {
        table: (family, String::new()),
        chain: String::new(),
        handle: 0,
        comment: None,
        sets: Vec::new(),
        drops: false,
        writes: false,
        calls: Vec::new(),
        expressions: Vec::new(),
    };
    for attribute in Attributes::behind(payload, HEADER)? {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_RULE_TABLE => rule.table.1 = attribute.text(),
            NFTA_RULE_CHAIN => rule.chain = attribute.text(),
            NFTA_RULE_HANDLE => {
                let bytes = attribute.value.try_into();
                rule.handle = bytes.map(u64::from_be_bytes).unwrap_or_default();
            }
            NFTA_RULE_EXPRESSIONS => rule.expressions = attribute.value.to_vec(),
            NFTA_RULE_USERDATA => rule.comment = comment(attribute.value),
            _ => {}
        }
    }
    rule.look()?;
    Ok(Some(rule))
}

/// The comment in what nft keeps with a rule: a byte for what it is, one for its length,
/// and so on.
fn comment(mut bytes: &[u8]) -> Option<String> {
    while let [what, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *what == COMMENT {
            let end = value.iter().position(|byte| *byte == 0);
            let text = &value[..end.unwrap_or(value.len())];
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        bytes = &rest[usize::from(*length)..];
    }
    None
}

impl RawRule {
    fn all(&self) -> impl Iterator<Item = Result<Expression<'_>, Malformed>> {
        Attributes::new(&self.expressions).map(|one| Expression::of(one?.nested()))
    }

    /// Looks through it for what it drops, writes, calls and needs.
    fn look(&mut self) -> Result<(), Malformed> {
        let mut writes = false;
        let (mut drops, mut calls, mut sets) = (false, Vec::new(), Vec::new());
        let mut comment = None;
        for expression in self.all() {
            let expression = expression?;
            match expression.name.as_str() {
                "reject" => drops = true,
                "immediate" => match expression.verdict()? {
                    Some(Verdict::Drop) => drops = true,
                    Some(Verdict::Jump(chain) | Verdict::Goto(chain)) => calls.push(chain),
                    // Whoever is asked about a packet may drop it.
                    Some(Verdict::Queue) => drops = true,
                    _ => {}
                },
                "queue" => drops = true,
                "lookup" => {
                    let set = expression.get(NFTA_LOOKUP_SET)?;
                    sets.extend(set.map(|set| set.text()));
                }
                // iptables-nft keeps the targets of xtables as they are.
                "target" => {
                    let target = expression.get(NFTA_TARGET_NAME)?;
                    let name = target.map(|target| target.text()).unwrap_or_default();
                    drops |= matches!(name.as_str(), "REJECT" | "DROP" | "NFQUEUE");
                    let target = xtables::target(&expression)?;
                    writes |= matches!(target, xtables::Target::Writes(_));
                }
                "notrack" => writes = true,
                "meta" => {
                    let to = expression
                        .number(NFTA_META_SREG)?
                        .and(expression.number(2)?);
                    writes |= to == Some(META_MARK);
                }
                "ct" => {
                    let to = expression.number(NFTA_CT_SREG)?.and(expression.number(2)?);
                    writes |= to == Some(CT_MARK);
                }
                "match" => comment = comment.or(xtables::comment(&expression)?),
                _ => {}
            }
        }
        (self.drops, self.calls, self.sets) = (drops, calls, sets);
        self.writes = writes;
        self.comment = self.comment.take().or(comment);
        Ok(())
    }

    fn maps<'a>(&'a self, sets: &'a Sets) -> impl Iterator<Item = &'a Verdict> {
        self.sets
            .iter()
            .filter_map(|name| sets.get(&self.set(name)))
            .flat_map(|set| set.verdicts())
    }

    pub(super) fn set(&self, name: &str) -> SetName {
        SetName {
            table: self.table.clone(),
            name: name.to_owned(),
        }
    }

    /// Whether it may drop, by itself or by a verdict map.
    pub(super) fn drops(&self, sets: &Sets) -> bool {
        self.drops || self.maps(sets).any(|verdict| *verdict == Verdict::Drop)
    }

    /// Whether it writes a mark, or that a connection is not tracked.
    pub(super) fn writes(&self) -> bool {
        self.writes
    }

    /// The chains that it calls, by itself or by a verdict map.
    pub(super) fn calls<'a>(&'a self, sets: &'a Sets) -> impl Iterator<Item = &'a str> {
        let mapped = self.maps(sets).filter_map(|verdict| match verdict {
            Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain.as_str()),
            _ => None,
        });
        self.calls.iter().map(String::as_str).chain(mapped)
    }

    /// It as conditions and what becomes of the packet; more than one rule where it looks
    /// into a verdict map. What it keeps of sets takes from `room`; where that is too little,
    /// what a set decides is not told.
    #[must_use]
    pub fn decode(&self, sets: &Sets, room: &Cell<usize>) -> Vec<FirewallRule> {
        let mut machine = Machine::new(self, sets, room);
        for expression in self.all() {
            let run = expression.and_then(|expression| machine.run(&expression));
            if run.is_err() {
                machine.unknown("what the kernel says of it");
                break;
            }
        }
        machine.finish()
    }
}
