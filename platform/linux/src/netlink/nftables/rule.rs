//! A rule: expressions that load values into registers and compare them, as conditions.
//!
//! The kernel runs a rule from left to right, and the first comparison that fails ends it
//! (`nft_do_chain`). So the comparisons are conditions that must all hold, and what is
//! written in between is written if those before it held. Registers are kept here with the
//! name of what was loaded instead of its value.

use std::cell::Cell;
use std::collections::HashMap;

use netprof_model::firewall::{self, Condition, FirewallRule, Sets as Writes, Test};

use super::super::numbers::NFT_MSG_NEWRULE;
use super::super::wire::{Attributes, Malformed};
use super::comparison::{Field, IPV4, IPV6, Register, compared, decided, holds, native, swap};
use super::expression::*;
use super::set::{SetName, before, behind};
use super::{HEADER, Sets, Table, xtables};

const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_USERDATA: u16 = 7;
/// NFTNL_UDATA_RULE_COMMENT: nft's own, the kernel keeps it as bytes.
const COMMENT: u8 = 0;
/// NFTA_META_SREG, NFTA_CT_SREG, and the keys of marks (NFT_META_MARK, NFT_CT_MARK).
const NFTA_META_SREG: u16 = 3;
const NFTA_CT_SREG: u16 = 4;
const META_MARK: u32 = 3;
const CT_MARK: u32 = 3;
/// The length of a link's name with its zero (IFNAMSIZ).
const NAME: usize = 16;

/// As many keys of a set take the room of one rule.
const RULE_OF_MAP: usize = 8;

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

    fn set(&self, name: &str) -> SetName {
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

struct Machine<'a> {
    rule: &'a RawRule,
    sets: &'a Sets,
    room: &'a Cell<usize>,
    registers: HashMap<u32, Register>,
    /// 4 or 6, where the table or a condition says so.
    family: Option<u8>,
    when: Vec<Condition>,
    writes: Vec<Writes>,
    done: Vec<FirewallRule>,
    ended: bool,
}

/// The words that a register number stands for: four registers of 16 bytes share their
/// place with sixteen of 4 (`enum nft_registers`).
fn word(register: u32) -> u32 {
    match register {
        1..=4 => (register - 1) * 4,
        more => more.saturating_sub(8),
    }
}

impl<'a> Machine<'a> {
    fn new(rule: &'a RawRule, sets: &'a Sets, room: &'a Cell<usize>) -> Self {
        Self {
            rule,
            sets,
            room,
            registers: HashMap::new(),
            family: match rule.table.0 {
                IPV4 => Some(4),
                IPV6 => Some(6),
                _ => None,
            },
            when: Vec::new(),
            writes: Vec::new(),
            done: Vec::new(),
            ended: false,
        }
    }

    fn finish(mut self) -> Vec<FirewallRule> {
        if !self.ended && !self.writes.is_empty() {
            self.verdict(firewall::Verdict::Continue);
        }
        self.done
    }

    fn verdict(&mut self, verdict: firewall::Verdict) {
        self.done.push(FirewallRule {
            handle: self.rule.handle,
            when: self.when.clone(),
            sets: std::mem::take(&mut self.writes),
            verdict,
            comment: self.rule.comment.clone(),
        });
    }

    fn end(&mut self, verdict: firewall::Verdict) {
        self.verdict(verdict);
        self.ended = true;
    }

    fn condition(&mut self, condition: Condition) {
        // What is written before a condition is written also if that does not hold.
        if !self.writes.is_empty() {
            self.verdict(firewall::Verdict::Continue);
        }
        if let (false, Test::Family(family)) = (condition.not, &condition.test) {
            self.family = Some(*family);
        }
        self.when.push(condition);
    }

    fn unknown(&mut self, what: &str) {
        self.condition(holds(Test::Unknown(what.to_owned())));
    }

    fn load(&mut self, register: Option<u32>, field: Field, length: usize) {
        let Some(register) = register else { return };
        self.registers.insert(
            word(register),
            Register {
                field,
                length,
                mask: None,
                flipped: false,
                swapped: false,
            },
        );
    }

    fn register(&self, register: Option<u32>) -> Register {
        let found = register.and_then(|register| self.registers.get(&word(register)));
        found.cloned().unwrap_or(Register {
            field: Field::Other("a value of its own".to_owned()),
            length: 0,
            mask: None,
            flipped: false,
            swapped: false,
        })
    }

    fn run(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        match one.name.as_str() {
            "payload" => self.payload(one)?,
            "meta" => self.meta(one)?,
            "ct" => self.connection(one)?,
            "fib" => self.fib(one)?,
            "bitwise" => self.bitwise(one)?,
            "byteorder" => self.byteorder(one)?,
            "cmp" => self.compare(one)?,
            "range" => self.range(one)?,
            "lookup" => self.look_up(one)?,
            "immediate" => self.immediate(one)?,
            "reject" => self.end(firewall::Verdict::Reject),
            "queue" => self.end(firewall::Verdict::Unknown(
                "a program that is asked about each packet".to_owned(),
            )),
            // They end the chain for a packet, which goes on changed.
            "masq" | "nat" | "redir" => self.end(firewall::Verdict::Accept),
            "notrack" => self.writes.push(Writes::Untracked),
            "counter" | "log" | "last" | "dup" | "flow_offload" => {}
            // What it does for each element, a rate say, may end the rule, and so does a set
            // that is full.
            "dynset" => self.condition(holds(Test::Selects("what a set notes".to_owned()))),
            "objref" => self.object(one)?,
            "limit" => {
                const INVERTED: u32 = 1;
                let over = one.number(5)?.unwrap_or_default() & INVERTED != 0;
                self.condition(holds(match over {
                    true => Test::Selects("a rate".to_owned()),
                    false => Test::Rate,
                }));
            }
            "quota" => self.condition(holds(Test::Selects("an amount".to_owned()))),
            "connlimit" => {
                self.condition(holds(Test::Selects("a number of connections".to_owned())));
            }
            "match" => {
                if let Some(condition) = xtables::condition(one)? {
                    self.condition(condition);
                }
            }
            "target" => match xtables::target(one)? {
                xtables::Target::Nothing => {}
                xtables::Target::Writes(writes) => self.writes.push(writes),
                xtables::Target::Verdict(verdict) => self.end(verdict),
            },
            // They only load something: what it is compared with is then not told.
            "numgen" => self.load(one.number(1)?, Field::Selector("chance"), 4),
            // Their first number is a source.
            "hash" => self.load(one.number(2)?, Field::Selector("chance"), 4),
            "tunnel" => {
                let what = Field::Other("`tunnel` of nft".to_owned());
                self.load(one.number(2)?, what, 4);
            }
            // What it loads from a packet inside this one stands in its own expression.
            "inner" => {
                self.registers.clear();
                self.unknown("`inner` of nft");
            }
            "socket" => self.load(one.number(2)?, Field::Selector("its socket"), 4),
            "exthdr" | "rt" | "osf" | "xfrm" => {
                let what = Field::Other(format!("`{}` of nft", one.name));
                self.load(one.number(1)?, what, 4);
            }
            other => {
                let what = format!("`{other}` of nft");
                self.end(firewall::Verdict::Unknown(what));
            }
        }
        Ok(())
    }

    /// NFTA_OBJREF_*: an object of the table, by its kind, or one that a map names.
    fn object(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        const KIND: u16 = 1;
        let what = match one.number(KIND)? {
            // A counter, a helper, what a tunnel is told, a timeout, a label: they end nothing.
            Some(1 | 3 | 6 | 7 | 8) => return Ok(()),
            Some(2) => "an amount",
            Some(4) => "a rate",
            Some(5) => "a number of connections",
            _ => "an object of nft",
        };
        self.condition(holds(Test::Selects(what.to_owned())));
        Ok(())
    }

    /// NFTA_PAYLOAD_*: the headers.
    fn payload(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        const LINK: u32 = 0;
        const NETWORK: u32 = 1;
        const TRANSPORT: u32 = 2;
        let register = one.number(1)?;
        let base = one.number(2)?.unwrap_or_default();
        let offset = one.number(3)?.unwrap_or_default();
        let length = one.number(4)?.unwrap_or_default() as usize;
        if register.is_none() {
            // It writes into the packet.
            return Ok(());
        }
        // Where they stand: struct iphdr, struct ipv6hdr. A prefix loads less.
        let field = match (base, self.family, offset, length) {
            (NETWORK, Some(4) | None, 12, 1..=4) => Field::Source,
            (NETWORK, Some(4), 16, 1..=4) | (NETWORK, None, 16, 1..=4) => Field::Destination,
            (NETWORK, Some(4), 9, 1) | (NETWORK, Some(6), 6, 1) => Field::Protocol,
            (NETWORK, Some(4), 8, 1) | (NETWORK, Some(6), 7, 1) => Field::HopLimit,
            (NETWORK, Some(6) | None, 8, 1..=16) => Field::Source,
            (NETWORK, Some(6) | None, 24, 1..=16) => Field::Destination,
            (NETWORK, ..) => Field::Selector("its header"),
            // Type and code of ICMP; of other protocols a port.
            (TRANSPORT, _, 0, 1) => Field::Icmp(8),
            (TRANSPORT, _, 1, 1) | (TRANSPORT, _, 0, 2) => Field::Icmp(0),
            (LINK, ..) => Field::Other("an address of hardware".to_owned()),
            _ => Field::Selector("a port"),
        };
        if self.family.is_none() && matches!(field, Field::Source | Field::Destination) {
            // Only one family has an address there.
            self.family = Some(if matches!(offset, 12 | 16) { 4 } else { 6 });
        }
        self.load(register, field, length);
        Ok(())
    }

    /// NFTA_META_*, `enum nft_meta_keys`.
    fn meta(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        let key = one.number(2)?.unwrap_or(u32::MAX);
        if let Some(source) = one.number(NFTA_META_SREG)? {
            if key == META_MARK {
                let from = self.register(Some(source));
                self.writes.push(match (&from.field, &from.mask) {
                    (Field::Constant(bytes), None) => Writes::Mark(native(bytes)),
                    (Field::ConnectionMark, None) => Writes::MarkFromConnection,
                    _ => Writes::Mark(None),
                });
            }
            return Ok(());
        }
        let (field, length) = match key {
            1 => (Field::EtherType, 2),
            3 => (Field::Mark, 4),
            4 => (Field::InIndex, 4),
            5 => (Field::OutIndex, 4),
            6 => (Field::InName, NAME),
            7 => (Field::OutName, NAME),
            8 | 9 => (Field::Other("the kind of a link".to_owned()), 2),
            10 | 11 => (Field::Selector("who sends it"), 4),
            15 => (Field::Family, 1),
            16 => (Field::Protocol, 1),
            0 => (Field::Selector("its length"), 4),
            19 => (Field::Selector("how it was sent"), 1),
            23 => (Field::Selector("a group of processes"), 4),
            24 => (Field::Selector("chance"), 4),
            _ => (Field::Other(format!("key {key} of `meta`")), 4),
        };
        self.load(one.number(1)?, field, length);
        Ok(())
    }

    /// NFTA_CT_*, `enum nft_ct_keys`.
    fn connection(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        let key = one.number(2)?.unwrap_or(u32::MAX);
        if let Some(source) = one.number(NFTA_CT_SREG)? {
            if key == CT_MARK {
                let from = self.register(Some(source));
                self.writes.push(match (&from.field, &from.mask) {
                    (Field::Constant(bytes), None) => Writes::ConnectionMark(native(bytes)),
                    (Field::Mark, None) => Writes::ConnectionMarkFromPacket,
                    _ => Writes::ConnectionMark(None),
                });
            }
            return Ok(());
        }
        let (field, length) = match key {
            0 => (Field::State, 4),
            3 => (Field::ConnectionMark, 4),
            _ => (Field::Other(format!("key {key} of `ct`")), 4),
        };
        self.load(one.number(1)?, field, length);
        Ok(())
    }

    /// NFTA_FIB_*.
    fn fib(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        const OIF: u32 = 1;
        const OIF_NAME: u32 = 2;
        const ADDRESS_TYPE: u32 = 3;
        const SOURCE: u32 = 1;
        let flags = one.number(3)?.unwrap_or_default();
        let source = flags & SOURCE != 0;
        let field = match one.number(2)? {
            Some(ADDRESS_TYPE) if source => Field::SourceType,
            Some(ADDRESS_TYPE) => Field::DestinationType,
            Some(OIF | OIF_NAME) if source => Field::RouteBack,
            _ => Field::Other("`fib` of nft".to_owned()),
        };
        self.load(one.number(1)?, field, 4);
        Ok(())
    }

    /// NFTA_BITWISE_*.
    fn bitwise(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        let mut register = self.register(one.number(1)?);
        let mask = one.value(4)?;
        let flip = one.value(5)?;
        let shifts = one.number(6)?.is_some_and(|operation| operation != 0);
        if let (false, Field::Constant(bytes)) = (shifts, &mut register.field)
            && (bytes.len(), bytes.len()) == (mask.len(), flip.len())
        {
            for ((byte, mask), flip) in bytes.iter_mut().zip(&mask).zip(&flip) {
                *byte = (*byte & mask) ^ flip;
            }
        } else if shifts || mask.is_empty() {
            register.field = Field::Other("`bitwise` of nft".to_owned());
        } else if mask.iter().all(|byte| *byte == 0) {
            register.field = Field::Constant(flip);
            register.mask = None;
        } else {
            register.flipped |= flip.iter().any(|byte| *byte != 0);
            register.mask = Some(match register.mask {
                Some(before) => before.iter().zip(&mask).map(|(a, b)| a & b).collect(),
                None => mask,
            });
        }
        if let Some(to) = one.number(2)? {
            self.registers.insert(word(to), register);
        }
        Ok(())
    }

    /// NFTA_BYTEORDER_*.
    fn byteorder(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        let mut register = self.register(one.number(1)?);
        let size = one.number(5)?.unwrap_or_default() as usize;
        match &mut register.field {
            Field::Constant(bytes) => swap(bytes, size),
            _ => register.swapped = !register.swapped,
        }
        // What was masked before stands in the other order now, and its mask too.
        if let Some(mask) = &mut register.mask {
            swap(mask, size);
        }
        if let Some(to) = one.number(2)? {
            self.registers.insert(word(to), register);
        }
        Ok(())
    }

    /// NFTA_CMP_*.
    fn compare(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        let register = self.register(one.number(1)?);
        let data = one.value(3)?;
        let least = vec![0; data.len()];
        let most = vec![0xff; data.len()];
        let (not, span) = match one.number(2)?.unwrap_or_default() {
            0 => (false, Some((data.clone(), data))),
            1 => (true, Some((data.clone(), data))),
            2 => (false, before(&data).map(|last| (least, last))),
            3 => (false, Some((least, data))),
            4 => (false, behind(&data).map(|first| (first, most))),
            _ => (false, Some((data, most))),
        };
        self.require(&register, span.as_slice(), not);
        Ok(())
    }

    /// That `register` is among `spans`, or is not. What is the same for all packets is
    /// decided here: it goes on, or ends.
    fn require(&mut self, register: &Register, spans: &[(Vec<u8>, Vec<u8>)], not: bool) {
        match decided(register, spans) {
            Some(among) if among != not => {}
            Some(_) => {
                if !self.writes.is_empty() {
                    self.verdict(firewall::Verdict::Continue);
                }
                self.ended = true;
            }
            None => {
                let condition = compared(register, spans, self.family, not);
                self.condition(condition);
            }
        }
    }

    /// NFTA_RANGE_*.
    fn range(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        let register = self.register(one.number(1)?);
        let not = one.number(2)?.is_some_and(|operation| operation == 1);
        let span = (one.value(3)?, one.value(4)?);
        self.require(&register, &[span], not);
        Ok(())
    }

    fn look_up(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        const INVERTED: u32 = 1;
        let register = self.register(one.number(NFTA_LOOKUP_SREG)?);
        let name = one.get(NFTA_LOOKUP_SET)?.map(|set| set.text());
        let name = name.unwrap_or_default();
        let not = one.number(NFTA_LOOKUP_FLAGS)?.unwrap_or_default() & INVERTED != 0;
        let mapped = one.number(NFTA_LOOKUP_DREG)?;
        let set = self.sets.get(&self.rule.set(&name));
        let known = set.filter(|set| set.key == register.length);
        let entries = known.and_then(|set| set.entries()).filter(|entries| {
            // Each rule keeps what it compares, and a rule is made of each verdict.
            let weight = if mapped.is_some() { RULE_OF_MAP } else { 1 };
            let left = self.room.get().checked_sub(entries.spans.len() * weight);
            self.room.set(left.unwrap_or(self.room.get()));
            left.is_some()
        });
        let verdicts = mapped == Some(NFT_REG_VERDICT);
        let Some(entries) = entries else {
            if let Field::Selector(what) = register.field {
                // What is in it does not matter.
                let test = Test::Selects(what.to_owned());
                if !verdicts && mapped.is_none() {
                    self.condition(Condition { not, test });
                    return Ok(());
                }
            }
            self.unknown(&format!("set {name}"));
            if verdicts {
                self.end(firewall::Verdict::Unknown(format!("map {name}")));
            }
            return Ok(());
        };
        if !verdicts {
            if let Some(to) = mapped {
                self.load(Some(to), Field::Other(format!("map {name}")), 0);
                return Ok(());
            }
            self.require(&register, &entries.spans, not);
            return Ok(());
        }
        // Of a verdict map's keys no two fit one packet, and what holds for the others is
        // not tried behind a key that fits.
        let when = self.when.clone();
        for (span, verdict) in entries.spans.iter().zip(&entries.verdicts) {
            let Some(verdict) = verdict else { continue };
            let span = std::slice::from_ref(span);
            let condition = compared(&register, span, self.family, false);
            self.condition(condition);
            self.verdict(verdict_of(verdict));
            self.when.clone_from(&when);
        }
        if let Some(verdict) = &entries.others {
            if !entries.spans.is_empty() {
                let condition = compared(&register, &entries.spans, self.family, true);
                self.condition(condition);
            }
            self.verdict(verdict_of(verdict));
            self.when.clone_from(&when);
        }
        Ok(())
    }

    fn immediate(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
        if let Some(verdict) = one.verdict()? {
            if verdict != Verdict::Continue {
                self.end(verdict_of(&verdict));
            }
            return Ok(());
        }
        let value = match one.get(NFTA_IMMEDIATE_DATA)? {
            Some(data) => value(data.nested())?,
            None => Vec::new(),
        };
        let length = value.len();
        self.load(
            one.number(NFTA_IMMEDIATE_DREG)?,
            Field::Constant(value),
            length,
        );
        Ok(())
    }
}

fn verdict_of(verdict: &Verdict) -> firewall::Verdict {
    match verdict {
        Verdict::Drop => firewall::Verdict::Drop,
        Verdict::Accept => firewall::Verdict::Accept,
        Verdict::Continue => firewall::Verdict::Continue,
        Verdict::Return => firewall::Verdict::Return,
        Verdict::Jump(chain) => firewall::Verdict::Jump(chain.clone()),
        Verdict::Goto(chain) => firewall::Verdict::Goto(chain.clone()),
        Verdict::Queue => {
            firewall::Verdict::Unknown("a program that is asked about each packet".to_owned())
        }
        Verdict::Other(code) => firewall::Verdict::Unknown(format!("verdict {code}")),
    }
}
