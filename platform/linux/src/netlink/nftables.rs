//! nft base chains, and whether rules behind them drop.
//!
//! A route that is right is of no use where another owner's chain drops what it
//! carries. Only that is read here: chains with a hook, their policy, and whether
//! a rule of their table says `drop` or `reject`, be it nft's own or iptables-nft's.
//! Kernel: `net/netfilter/nf_tables_api.c`, `linux/netfilter/nf_tables.h`. All
//! numbers are in the network's byte order.

use std::collections::HashSet;

use netprof_model::snapshot::BaseChain;

use super::attribution;
use super::numbers::*;
use super::wire::{Attributes, Malformed, Requests, Unwritable};

/// The length of `struct nfgenmsg`.
const HEADER: usize = 4;

const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_LOOKUP_DREG: u16 = 3;
const NFTA_TARGET_NAME: u16 = 1;
const NFT_REG_VERDICT: u32 = 0;
const NF_DROP: u32 = 0;

/// Asks for the chains of all families.
pub fn dump_chains(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    dump(NFT_MSG_GETCHAIN, requests, sequence)
}

/// Asks for the rules of all families.
pub fn dump_rules(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    dump(NFT_MSG_GETRULE, requests, sequence)
}

fn dump(kind: u16, requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    requests.add(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
        body.header(&[0; HEADER]);
        Ok(())
    })
}

/// A table: its family's number and its name.
pub type Table = (u8, String);

/// Reads one chain; none for one that no hook calls.
pub fn decode_chain(kind: u16, payload: &[u8]) -> Result<Option<(Table, BaseChain)>, Malformed> {
    if kind != NFT_MSG_NEWCHAIN {
        return Ok(None);
    }
    let attributes = Attributes::behind(payload, HEADER)?;
    let family = payload.first().copied().unwrap_or_default();
    let (mut table, mut chain) = (String::new(), String::new());
    let mut number = None;
    let mut priority = 0;
    let mut policy_drops = false;
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_CHAIN_TABLE => table = attribute.text(),
            NFTA_CHAIN_NAME => chain = attribute.text(),
            NFTA_CHAIN_POLICY => policy_drops = attribute.be32()? == NF_DROP,
            NFTA_CHAIN_HOOK => {
                for attribute in attribute.nested() {
                    let attribute = attribute?;
                    match attribute.number() {
                        NFTA_HOOK_HOOKNUM => number = Some(attribute.be32()?),
                        NFTA_HOOK_PRIORITY => priority = attribute.be32()?.cast_signed(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let Some(hook) = number.and_then(|number| hook(family, number)) else {
        return Ok(None);
    };
    let owner = attribution::of_nft(&table, &chain);
    Ok(Some((
        (family, table.clone()),
        BaseChain {
            family: family_name(family),
            table,
            chain,
            hook: hook.to_owned(),
            priority,
            policy_drops,
            rules_drop: false,
            owner,
        },
    )))
}

/// Reads one rule: its table, if the rule drops or rejects.
///
/// A look-up in a verdict map counts as dropping: what it decides stands in the
/// map's elements, and to say 'may drop' once too often is the safe side.
pub fn decode_rule(kind: u16, payload: &[u8]) -> Result<Option<Table>, Malformed> {
    if kind != NFT_MSG_NEWRULE {
        return Ok(None);
    }
    let attributes = Attributes::behind(payload, HEADER)?;
    let family = payload.first().copied().unwrap_or_default();
    let mut table = String::new();
    let mut drops = false;
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_RULE_TABLE => table = attribute.text(),
            NFTA_RULE_EXPRESSIONS => {
                for expression in attribute.nested() {
                    drops |= expression_drops(expression?.nested())?;
                }
            }
            _ => {}
        }
    }
    Ok(drops.then_some((family, table)))
}

fn expression_drops(expression: Attributes<'_>) -> Result<bool, Malformed> {
    let Some(name) = expression.clone().find(NFTA_EXPR_NAME)? else {
        return Ok(false);
    };
    let name = name.text();
    if name == "reject" {
        return Ok(true);
    }
    let Some(data) = expression.find(NFTA_EXPR_DATA)? else {
        return Ok(false);
    };
    let data = data.nested();
    Ok(match name.as_str() {
        "immediate" => {
            let Some(data) = data.find(NFTA_IMMEDIATE_DATA)? else {
                return Ok(false);
            };
            let Some(verdict) = data.nested().find(NFTA_DATA_VERDICT)? else {
                return Ok(false);
            };
            match verdict.nested().find(NFTA_VERDICT_CODE)? {
                Some(code) => code.be32()? == NF_DROP,
                None => false,
            }
        }
        "lookup" => match data.find(NFTA_LOOKUP_DREG)? {
            Some(register) => register.be32()? == NFT_REG_VERDICT,
            None => false,
        },
        // iptables-nft keeps the targets of xtables as they are.
        "target" => match data.find(NFTA_TARGET_NAME)? {
            Some(target) => matches!(target.text().as_str(), "REJECT" | "DROP"),
            None => false,
        },
        _ => false,
    })
}

/// The chains that may drop, sorted by table and priority.
#[must_use]
pub fn that_may_drop(chains: Vec<(Table, BaseChain)>, dropping: &HashSet<Table>) -> Vec<BaseChain> {
    let mut chains: Vec<BaseChain> = chains
        .into_iter()
        .map(|(table, chain)| BaseChain {
            rules_drop: dropping.contains(&table),
            ..chain
        })
        .filter(|chain| chain.policy_drops || chain.rules_drop)
        .collect();
    chains.sort_by(|a, b| {
        (&a.family, &a.table, a.priority, &a.chain)
            .cmp(&(&b.family, &b.table, b.priority, &b.chain))
    });
    chains
}

/// NFPROTO_*, `linux/netfilter.h`.
fn family_name(family: u8) -> String {
    match family {
        1 => "inet".to_owned(),
        2 => "ip".to_owned(),
        3 => "arp".to_owned(),
        5 => "netdev".to_owned(),
        7 => "bridge".to_owned(),
        10 => "ip6".to_owned(),
        other => other.to_string(),
    }
}

/// NF_INET_*, which bridge shares, and NF_ARP_*. The hooks of a single device
/// (netdev, and ingress of inet) are none of a path that a route decides.
fn hook(family: u8, number: u32) -> Option<&'static str> {
    Some(match (family, number) {
        (3, 0) => "input",
        (3, 1) => "output",
        (3, 2) => "forward",
        (1 | 2 | 7 | 10, 0) => "prerouting",
        (1 | 2 | 7 | 10, 1) => "input",
        (1 | 2 | 7 | 10, 2) => "forward",
        (1 | 2 | 7 | 10, 3) => "output",
        (1 | 2 | 7 | 10, 4) => "postrouting",
        _ => return None,
    })
}
