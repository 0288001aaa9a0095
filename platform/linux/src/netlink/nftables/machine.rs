//! What the expressions of a rule do, one after the other.
//!
//! Registers are kept here with the name of what was loaded instead of its value.

use std::cell::Cell;
use std::collections::HashMap;

use netprof_model::firewall::{self, Condition, FirewallRule, Sets as Writes, Test};

use super::super::wire::Malformed;
use super::comparison::{Field, IPV4, IPV6, Register, compared, decided, holds, native, swap};
use super::expression::*;
use super::rule::RawRule;
use super::set::{before, behind};
use super::{Sets, xtables};

/// The length of a link's name with its zero (IFNAMSIZ).
const NAME: usize = 16;

/// As many keys of a set take the room of one rule.
const RULE_OF_MAP: usize = 8;

/// A rule that is run.
pub(super) struct Machine<'a> {
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
    pub(super) fn new(rule: &'a RawRule, sets: &'a Sets, room: &'a Cell<usize>) -> Self {
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

    pub(super) fn finish(mut self) -> Vec<FirewallRule> {
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

    pub(super) fn unknown(&mut self, what: &str) {
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

    pub(super) fn run(&mut self, one: &Expression<'_>) -> Result<(), Malformed> {
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
