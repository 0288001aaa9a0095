//! The table as it is, and what in it is not netprof's.
//!
//! The kernel says a rule in its own way: it also says what a request left out. So a rule is
//! netprof's where it says the same, expression by expression, and whatever it says beyond
//! that is zero, which is what leaving it out means.

use std::collections::{BTreeMap, BTreeSet};

use netprof_model::nft_table::NftTable;

use super::super::Error;
use super::super::numbers::*;
use super::super::socket::Socket;
use super::super::wire::{Attribute, Attributes, Body, Malformed, Message, Requests, Unwritable};
use super::numbers::*;
use super::{PRIORITY, READ, TABLE, Way, write};

/// What the table holds, if it is there.
pub(super) fn table(socket: &mut Socket) -> Result<Option<NftTable>, Error> {
    let Some(header) = one(
        socket,
        NFT_MSG_GETTABLE,
        &[(NFTA_TABLE_NAME, TABLE)],
        Header::of,
    )?
    else {
        return Ok(None);
    };
    let mut chains = Vec::new();
    for way in Way::BOTH {
        let name = [(NFTA_CHAIN_TABLE, TABLE), (NFTA_CHAIN_NAME, way.chain())];
        chains.push(one(socket, NFT_MSG_GETCHAIN, &name, |kind, payload| {
            is_as_made(way, kind, payload)
        })?);
    }
    let rules = socket.dump(
        READ,
        |requests, sequence| {
            let flags = NLM_F_REQUEST | NLM_F_DUMP;
            requests.add(NFT_MSG_GETRULE, flags, sequence, |body| {
                body.header(&INET);
                body.text(NFTA_RULE_TABLE, TABLE)
            })
        },
        Vec::new,
        |rules: &mut Vec<Rule>, message| {
            rules.extend(Rule::of(message.kind, message.payload)?);
            Ok(())
        },
    )?;
    Ok(Some(judged(&header, &chains, &rules)))
}

/// The one answer to a request for what has these names; none where it is not there.
fn one<T>(
    socket: &mut Socket,
    kind: u16,
    names: &[(u16, &str)],
    decode: impl Fn(u16, &[u8]) -> Result<Option<T>, Malformed>,
) -> Result<Option<T>, Error> {
    let request = |requests: &mut Requests, sequence| -> Result<(), Unwritable> {
        requests.add(kind, NLM_F_REQUEST, sequence, |body| {
            body.header(&INET);
            names
                .iter()
                .try_for_each(|(kind, name)| body.text(*kind, name))
        })
    };
    match socket.ask(READ, request, |message: &Message<'_>| {
        decode(message.kind, message.payload)
    }) {
        Ok(found) => Ok(Some(found)),
        Err(Error::Refused { source, .. }) if source.errno == ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a table says of itself.
#[derive(Debug)]
struct Header {
    flags: u32,
    /// So many chains, sets and objects are in it.
    uses: u32,
    /// Whether somebody noted something.
    is_noted: bool,
}

impl Header {
    fn of(kind: u16, payload: &[u8]) -> Result<Option<Self>, Malformed> {
        if kind != NFT_MSG_NEWTABLE {
            return Ok(None);
        }
        let mut header = Self {
            flags: 0,
            uses: 0,
            is_noted: false,
        };
        for attribute in Attributes::behind(payload, HEADER)? {
            let attribute = attribute?;
            match attribute.number() {
                NFTA_TABLE_FLAGS => header.flags = attribute.be32()?,
                NFTA_TABLE_USE => header.uses = attribute.be32()?,
                NFTA_TABLE_USERDATA => header.is_noted = true,
                _ => {}
            }
        }
        Ok(Some(header))
    }
}

/// Whether a chain is where netprof has put it, and lets pass what no rule decides.
fn is_as_made(way: Way, kind: u16, payload: &[u8]) -> Result<Option<bool>, Malformed> {
    if kind != NFT_MSG_NEWCHAIN {
        return Ok(None);
    }
    let (mut hook, mut priority, mut policy) = (None, None, None);
    let (mut is_filter, mut is_noted) = (false, false);
    for attribute in Attributes::behind(payload, HEADER)? {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_CHAIN_HOOK => {
                let found = |kind| attribute.nested().find(kind);
                let number = |one: Option<Attribute<'_>>| one.map(|one| one.be32()).transpose();
                hook = number(found(NFTA_HOOK_HOOKNUM)?)?;
                priority = number(found(NFTA_HOOK_PRIORITY)?)?;
            }
            NFTA_CHAIN_POLICY => policy = Some(attribute.be32()?),
            NFTA_CHAIN_TYPE => is_filter = attribute.text() == "filter",
            NFTA_CHAIN_USERDATA => is_noted = true,
            _ => {}
        }
    }
    let place = (hook, priority) == (Some(way.hook()), Some(PRIORITY.cast_unsigned()));
    Ok(Some(
        place && policy == Some(NF_ACCEPT) && is_filter && !is_noted,
    ))
}

/// One rule of the table.
#[derive(Debug)]
struct Rule {
    chain: String,
    handle: u64,
    note: Vec<u8>,
    expressions: Vec<u8>,
}

impl Rule {
    fn of(kind: u16, payload: &[u8]) -> Result<Option<Self>, Malformed> {
        if kind != NFT_MSG_NEWRULE {
            return Ok(None);
        }
        let mut table = String::new();
        let mut rule = Self {
            chain: String::new(),
            handle: 0,
            note: Vec::new(),
            expressions: Vec::new(),
        };
        for attribute in Attributes::behind(payload, HEADER)? {
            let attribute = attribute?;
            match attribute.number() {
                NFTA_RULE_TABLE => table = attribute.text(),
                NFTA_RULE_CHAIN => rule.chain = attribute.text(),
                NFTA_RULE_HANDLE => {
                    let bytes = attribute.value.try_into();
                    rule.handle = bytes.map(u64::from_be_bytes).unwrap_or_default();
                }
                NFTA_RULE_EXPRESSIONS => rule.expressions = attribute.value.to_vec(),
                NFTA_RULE_USERDATA => rule.note = attribute.value.to_vec(),
                _ => {}
            }
        }
        // A kernel that does not know the filter tells of all of the family.
        let is_inet = payload.first() == Some(&INET[0]);
        Ok((is_inet && table == TABLE).then_some(rule))
    }

    /// The way and the link that it is for, where it is one of netprof's.
    fn clamps(&self) -> Option<(Way, String)> {
        let way = Way::BOTH
            .into_iter()
            .find(|way| way.chain() == self.chain)?;
        let said = said(&self.expressions).ok()?;
        let name = said.get(1)?.1.get(&NFTA_CMP_DATA)?;
        let name = Attributes::new(name).find(NFTA_DATA_VALUE).ok()??.text();
        let mut made = Vec::new();
        write::expressions(&mut Body::in_attribute(&mut made), way, &name).ok()?;
        let is_ours = said == self::said(&made).ok()? && self.note == write::comment();
        is_ours.then_some((way, name))
    }
}

/// What each expression says: its name, and what of it is not zero.
type Said = Vec<(String, BTreeMap<u16, Vec<u8>>)>;

fn said(expressions: &[u8]) -> Result<Said, Malformed> {
    let parts = |data: Attribute<'_>| {
        let all = data.nested().map(|one| {
            let one = one?;
            Ok((one.number(), one.value.to_vec()))
        });
        let all: Result<BTreeMap<u16, Vec<u8>>, Malformed> = all.collect();
        all.map(|mut all| {
            all.retain(|_, value| value.iter().any(|byte| *byte != 0));
            all
        })
    };
    Attributes::new(expressions)
        .map(|one| {
            let one = one?.nested();
            let name = one.clone().find(NFTA_EXPR_NAME)?;
            let data = one.find(NFTA_EXPR_DATA)?.map(parts).transpose()?;
            Ok((
                name.map(|name| name.text()).unwrap_or_default(),
                data.unwrap_or_default(),
            ))
        })
        .collect()
}

/// The table in netprof's words: the links that it is for, and what else there is.
fn judged(header: &Header, chains: &[Option<bool>], rules: &[Rule]) -> NftTable {
    let mut others = Vec::new();
    if header.flags != 0 {
        others.push(format!("the table has flags {}", header.flags));
    }
    if header.is_noted {
        others.push("the table has a comment".to_owned());
    }
    for (way, chain) in Way::BOTH.into_iter().zip(chains) {
        match chain {
            Some(true) => {}
            Some(false) => others.push(format!("chain {} is another one", way.chain())),
            None => others.push(format!("chain {} is not there", way.chain())),
        }
    }
    let own = chains.iter().flatten().count();
    if header.uses as usize > own {
        let more = header.uses as usize - own;
        others.push(format!("further chains, sets or objects: {more}"));
    }
    let mut links = Way::BOTH.map(|_| BTreeSet::new());
    for rule in rules {
        let is_new = rule.clamps().is_some_and(|(way, link)| {
            let [into, out] = &mut links;
            match way {
                Way::In => into.insert(link),
                Way::Out => out.insert(link),
            }
        });
        if !is_new {
            others.push(format!("rule {} of chain {}", rule.handle, rule.chain));
        }
    }
    let [into, out] = &links;
    for (way, lacks, has) in [(Way::In, into, out), (Way::Out, out, into)] {
        let missing = has.difference(lacks);
        others.extend(missing.map(|link| format!("no rule for {link} in chain {}", way.chain())));
    }
    NftTable {
        clamped: into.intersection(out).cloned().collect(),
        others,
    }
}
