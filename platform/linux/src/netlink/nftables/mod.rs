//! nft: the chains that may drop packets, and their rules as plain data.
//!
//! A route that is right is of no use where another owner's chain drops what it
//! carries. So chains with a hook are read, and of those that may drop packets of this
//! host all rules that they lead to, with the sets that these look into; and those that
//! write a mark, which the others may ask for. A rule is a
//! small program for a machine of registers ([`rule`]); it is run here with names for
//! values, so that what comes out are conditions. Kernel:
//! `net/netfilter/nf_tables_api.c`, `linux/netfilter/nf_tables.h`. All numbers are in
//! the network's byte order, but for what stands in registers.

mod comparison;
mod expression;
mod machine;
mod rule;
mod set;
mod xtables;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use netprof_model::Owner;
use netprof_model::firewall::{BaseChain, FirewallRule, Rules, Test};
use netprof_plan::linux::owner::of_chain;

use super::numbers::*;
use super::wire::{Attributes, Malformed, Requests, Unwritable};

pub use rule::{RawRule, decode as decode_rule};
pub use set::{Set, SetName, decode as decode_set};

/// The length of `struct nfgenmsg`.
const HEADER: usize = 4;

const NFTA_GEN_ID: u16 = 1;
const NFTA_TABLE_NAME: u16 = 1;
const NFTA_TABLE_FLAGS: u16 = 2;
const NFT_TABLE_F_DORMANT: u32 = 1;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NF_DROP: u32 = 0;

/// The most rules that a chain may lead to and still be kept: a file of millions of
/// lines helps nobody.
const MOST_RULES: usize = 20_000;

/// The most keys of sets that all rules together keep: each keeps those of the sets that it
/// looks into.
const MOST_SPANS: usize = 4 * 65_536;

/// Asks for the number of the ruleset, which is another one after each change.
pub fn get_generation(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    requests.add(NFT_MSG_GETGEN, NLM_F_REQUEST, sequence, |body| {
        body.header(&[0; HEADER]);
        Ok(())
    })
}

/// Reads the number of the ruleset.
pub fn decode_generation(kind: u16, payload: &[u8]) -> Result<Option<u32>, Malformed> {
    if kind != NFT_MSG_NEWGEN {
        return Ok(None);
    }
    let number = Attributes::behind(payload, HEADER)?.find(NFTA_GEN_ID)?;
    number.map(|number| number.be32()).transpose()
}

/// Asks for the tables of all families.
pub fn dump_tables(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    dump(NFT_MSG_GETTABLE, requests, sequence)
}

/// Reads one table; none where its chains are at their hooks.
pub fn decode_dormant(kind: u16, payload: &[u8]) -> Result<Option<Table>, Malformed> {
    if kind != NFT_MSG_NEWTABLE {
        return Ok(None);
    }
    let family = payload.first().copied().unwrap_or_default();
    let (mut name, mut flags) = (String::new(), 0);
    for attribute in Attributes::behind(payload, HEADER)? {
        let attribute = attribute?;
        match attribute.number() {
            NFTA_TABLE_NAME => name = attribute.text(),
            NFTA_TABLE_FLAGS => flags = attribute.be32()?,
            _ => {}
        }
    }
    Ok((flags & NFT_TABLE_F_DORMANT != 0).then_some((family, name)))
}

/// Asks for the chains of all families.
pub fn dump_chains(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    dump(NFT_MSG_GETCHAIN, requests, sequence)
}

/// Asks for the rules of all families.
pub fn dump_rules(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    dump(NFT_MSG_GETRULE, requests, sequence)
}

/// Asks for the sets of all families, without what is in them.
pub fn dump_sets(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    dump(NFT_MSG_GETSET, requests, sequence)
}

/// Asks for what is in a set.
pub fn dump_elements(
    requests: &mut Requests,
    sequence: u32,
    set: &SetName,
) -> Result<(), Unwritable> {
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    requests.add(NFT_MSG_GETSETELEM, flags, sequence, |body| {
        let (family, table) = &set.table;
        body.header(&[*family, 0, 0, 0]);
        body.text(set::NFTA_SET_ELEM_LIST_TABLE, table)?;
        body.text(set::NFTA_SET_ELEM_LIST_SET, &set.name)
    })
}

fn dump(kind: u16, requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    requests.add(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
        body.header(&[0; HEADER]);
        Ok(())
    })
}

/// A table: its family's number and its name.
pub type Table = (u8, String);

/// A chain as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its table.
    pub table: Table,
    /// Its name.
    pub name: String,
    /// What it is where a hook calls it.
    pub base: Option<BaseChain>,
}

/// Reads one chain.
pub fn decode_chain(kind: u16, payload: &[u8]) -> Result<Option<Chain>, Malformed> {
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
    let base = number
        .and_then(|number| hook(family, number))
        .map(|hook| BaseChain {
            family: family_name(family),
            table: table.clone(),
            chain: chain.clone(),
            hook: hook.to_owned(),
            priority,
            policy_drops,
            rules_drop: false,
            rules: None,
            owner: Owner::Unknown,
            evidence: Vec::new(),
        });
    Ok(Some(Chain {
        table: (family, table),
        name: chain,
        base,
    }))
}

/// Whether a packet that this host sends, or an answer to it, comes past `hook`.
fn is_of_host(hook: &str) -> bool {
    matches!(hook, "output" | "postrouting" | "prerouting" | "input")
}

/// The chains and rules of a machine, before sets are known.
#[derive(Debug, Default)]
pub struct Ruleset {
    chains: Vec<Chain>,
    /// The tables whose chains are at no hook for now.
    dormant: HashSet<Table>,
    names: HashMap<Table, HashSet<String>>,
    rules: HashMap<Table, HashMap<String, Vec<RawRule>>>,
}

impl Ruleset {
    /// Lays them out. Rules are in the order of their chains already.
    #[must_use]
    pub fn new(dormant: HashSet<Table>, chains: Vec<Chain>, rules: Vec<RawRule>) -> Self {
        let mut laid: HashMap<Table, HashMap<String, Vec<RawRule>>> = HashMap::new();
        for rule in rules {
            let chains = laid.entry(rule.table.clone()).or_default();
            chains.entry(rule.chain.clone()).or_default().push(rule);
        }
        let mut names: HashMap<Table, HashSet<String>> = HashMap::new();
        for chain in &chains {
            let of_table = names.entry(chain.table.clone()).or_default();
            of_table.insert(chain.name.clone());
        }
        Self {
            chains,
            dormant,
            names,
            rules: laid,
        }
    }

    /// Who has chains here.
    #[must_use]
    pub fn owners(&self) -> HashSet<Owner> {
        let name = |chain: &Chain| of_chain(&chain.table.1, &chain.name, None, &mut ());
        self.chains.iter().filter_map(name).collect()
    }

    /// The links that an engine's own chains name. Docker has chains for each network's
    /// bridge in nft (moby, libnetwork/drivers/bridge/internal/nftabler/network.go), or asks
    /// for it in those that it fills alone (iptabler/network.go; `DOCKER-USER` is for
    /// others); LXD and Incus have chains for each (drivers_nftables_templates.go).
    #[must_use]
    pub fn named(&self) -> HashMap<String, Owner> {
        let mut named = HashMap::new();
        for Chain { table, name, .. } in &self.chains {
            let (starts, owner): (&[&str], Owner) = match table.1.as_str() {
                "docker-bridges" => (
                    &["filter-forward-in__", "filter-forward-out__"],
                    Owner::Docker,
                ),
                "lxd" | "incus" => (&["fwd.", "pstrt.", "in.", "out."], Owner::Lxd),
                _ if DOCKERS_ALONE.contains(&name.as_str()) => {
                    let rules = self.of(table, name).iter();
                    for rule in
                        rules.flat_map(|rule| rule.decode(&Sets::new(), &Cell::new(MOST_SPANS)))
                    {
                        named.extend(links(&rule).map(|link| (link.clone(), Owner::Docker)));
                    }
                    continue;
                }
                _ => continue,
            };
            let link = starts.iter().find_map(|start| name.strip_prefix(start));
            named.extend(link.map(|link| (link.to_owned(), owner)));
        }
        named
    }

    fn of(&self, table: &Table, chain: &str) -> &[RawRule] {
        let chains = self.rules.get(table);
        chains
            .and_then(|chains| chains.get(chain))
            .map_or(&[], Vec::as_slice)
    }

    /// The chains that `chain` leads to, itself first.
    fn reached<'a>(&'a self, chain: &'a Chain, sets: &Sets) -> Vec<&'a str> {
        let mut all = vec![chain.name.as_str()];
        let mut seen: BTreeSet<&str> = BTreeSet::from([chain.name.as_str()]);
        let Some(names) = self.names.get(&chain.table) else {
            return all;
        };
        let mut at = 0;
        while let Some(name) = all.get(at).copied() {
            at += 1;
            for rule in self.of(&chain.table, name) {
                for called in rule.calls(sets) {
                    if let Some(own) = names.get(called)
                        && seen.insert(own)
                    {
                        all.push(own);
                    }
                }
            }
        }
        all
    }

    /// Whether any rule looks into a set.
    #[must_use]
    pub fn look_into_sets(&self) -> bool {
        let mut all = self.rules.values().flat_map(HashMap::values).flatten();
        all.any(|rule| !rule.sets.is_empty())
    }

    /// The sets of `headers` that rules look into which a packet of this host comes to, as
    /// far as is known from those in `read`, and that are not among these; of rules that
    /// others come to only verdict maps, which say whether they drop.
    #[must_use]
    pub fn wanted(&self, headers: &Sets, read: &Sets) -> BTreeSet<SetName> {
        let mut wanted = BTreeSet::new();
        for chain in &self.chains {
            let Some(base) = self.base(chain) else {
                continue;
            };
            let reached = self.reached(chain, read);
            let rules = reached.iter().flat_map(|name| self.of(&chain.table, name));
            for name in rules.flat_map(|rule| &rule.sets) {
                let name = SetName {
                    table: chain.table.clone(),
                    name: name.clone(),
                };
                let header = headers.get(&name);
                let decides = header.is_some_and(|set| set.verdicts || is_of_host(&base.hook));
                if decides && !read.contains_key(&name) {
                    wanted.insert(name);
                }
            }
        }
        wanted
    }

    /// What a chain is that a hook calls now.
    fn base<'a>(&self, chain: &'a Chain) -> Option<&'a BaseChain> {
        let base = chain.base.as_ref();
        base.filter(|_| !self.dormant.contains(&chain.table))
    }

    /// The chains that may drop, or that write what those ask for, sorted by table and
    /// priority.
    #[must_use]
    pub fn that_may_drop(&self, sets: &Sets) -> Vec<BaseChain> {
        let room = Cell::new(MOST_SPANS);
        let mut found: Vec<BaseChain> = self
            .chains
            .iter()
            .filter_map(|chain| self.judged(chain, sets, &room))
            .collect();
        found.sort_by(|a, b| {
            (&a.family, &a.table, a.priority, &a.chain)
                .cmp(&(&b.family, &b.table, b.priority, &b.chain))
        });
        found
    }

    fn judged(&self, chain: &Chain, sets: &Sets, room: &Cell<usize>) -> Option<BaseChain> {
        let base = self.base(chain)?.clone();
        let reached = self.reached(chain, sets);
        let of = |name: &&str| self.of(&chain.table, name);
        let rules_drop = reached.iter().flat_map(of).any(|rule| rule.drops(sets));
        let drops = rules_drop || base.policy_drops;
        let writes = || reached.iter().flat_map(of).any(RawRule::writes);
        let matters = drops || (is_of_host(&base.hook) && writes());
        if !matters {
            return None;
        }
        let comments = reached.iter().flat_map(of);
        let mut comments = comments.filter_map(|rule| rule.comment.as_deref());
        let comment = comments.find(|comment| comment.starts_with("wg-quick(8) rule for "));
        let mut evidence = Vec::new();
        let table = &chain.table.1;
        let owner = of_chain(table, &chain.name, None, &mut evidence)
            .or_else(|| {
                // Many share a chain of iptables: what drops there is whose chain it is in.
                let drops = |name: &str| {
                    let rules = self.of(&chain.table, name).iter();
                    rules.into_iter().any(|rule| rule.drops(sets))
                };
                let mut called = reached.iter().skip(1);
                called.find_map(|name| {
                    let owner = of_chain(table, name, None, &mut ())?;
                    let is_its = drops(name) || base.policy_drops && sets_policy(owner);
                    is_its.then(|| of_chain(table, name, None, &mut evidence))?
                })
            })
            .or_else(|| of_chain(table, &chain.name, comment, &mut evidence));
        let many = reached.iter().map(|name| of(name).len()).sum::<usize>() > MOST_RULES;
        let rules = (is_of_host(&base.hook) && !many).then(|| Rules {
            own: self.decoded(&chain.table, &chain.name, sets, room),
            called: reached
                .iter()
                .skip(1)
                .map(|name| {
                    (
                        (*name).to_owned(),
                        self.decoded(&chain.table, name, sets, room),
                    )
                })
                .collect::<BTreeMap<_, _>>(),
        });
        Some(BaseChain {
            rules_drop,
            rules,
            owner: owner.unwrap_or_default(),
            evidence,
            ..base
        })
    }

    fn decoded(
        &self,
        table: &Table,
        chain: &str,
        sets: &Sets,
        room: &Cell<usize>,
    ) -> Vec<FirewallRule> {
        let rules = self.of(table, chain).iter();
        rules.flat_map(|rule| rule.decode(sets, room)).collect()
    }
}

/// The chains of iptables whose rules Docker writes for its bridges, and nobody else any.
const DOCKERS_ALONE: [&str; 4] = [
    "DOCKER-BRIDGE",
    "DOCKER-CT",
    "DOCKER-ISOLATION-STAGE-1",
    "DOCKER-ISOLATION-STAGE-2",
];

/// Whether an owner has chains that it shares drop what no rule takes: ufw, by
/// `DEFAULT_INPUT_POLICY` and its like, and Docker in `FORWARD` (moby, iptabler.go:
/// `FilterForwardDrop`).
fn sets_policy(owner: Owner) -> bool {
    matches!(owner, Owner::Ufw | Owner::Docker)
}

/// The links that a rule asks for.
fn links(rule: &FirewallRule) -> impl Iterator<Item = &String> {
    let names = rule
        .when
        .iter()
        .flat_map(|condition| match &condition.test {
            Test::In(links) | Test::Out(links) => links.as_slice(),
            _ => &[],
        });
    names.filter(|link| !link.ends_with('*'))
}

/// The sets of a machine, as far as they were read.
pub type Sets = HashMap<SetName, Set>;

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
