//! What can undo a route, asked of the kernel: nft chains and IPsec policies.
//!
//! Both need CAP_NET_ADMIN even to be read, and a kernel may have neither. That is
//! no error: it is what the section of the snapshot then says.

use std::collections::{HashMap, HashSet};

use netprof_model::snapshot::{BaseChain, XfrmPolicy};
use netprof_model::{Owner, Section};

use super::Error;
use super::nftables::{Ruleset, Set, Sets};
use super::numbers::{EINVAL, EPROTONOSUPPORT};
use super::socket::{NETLINK_NETFILTER, NETLINK_XFRM, Socket};
use super::{nftables, xfrm};

/// What the firewall is, as far as it matters to a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firewall {
    /// The chains that may drop packets.
    pub chains: Vec<BaseChain>,
    /// Who has chains at all.
    pub owners: HashSet<Owner>,
    /// The links that an engine's own chains name.
    pub named: HashMap<String, Owner>,
}

/// The nft chains that may drop packets, with the rules that they lead to.
#[must_use]
pub fn firewall() -> Section<Firewall> {
    section(Socket::open(NETLINK_NETFILTER).and_then(|mut socket| {
        let chains = socket.dump(
            "read the nft chains",
            nftables::dump_chains,
            Vec::new,
            |chains, message| {
                chains.extend(nftables::decode_chain(message.kind, message.payload)?);
                Ok(())
            },
        )?;
        let is_base = |chain: &nftables::Chain| chain.base.is_some();
        if !chains.iter().any(is_base) {
            return Ok(Firewall::default());
        }
        let rules = socket.dump(
            "read the nft rules",
            nftables::dump_rules,
            Vec::new,
            |rules, message| {
                rules.extend(nftables::decode_rule(message.kind, message.payload)?);
                Ok(())
            },
        )?;
        let rules = Ruleset::new(chains, rules);
        let sets = sets(&mut socket, &rules)?;
        Ok(Firewall {
            chains: rules.that_may_drop(&sets),
            owners: rules.owners(),
            named: rules.named(),
        })
    }))
}

/// The sets that `rules` look into, with their elements.
fn sets(socket: &mut Socket, rules: &Ruleset) -> Result<Sets, Error> {
    let wanted = rules.sets();
    if wanted.is_empty() {
        return Ok(Sets::new());
    }
    let mut sets = socket.dump(
        "read the nft sets",
        nftables::dump_sets,
        Sets::new,
        |sets, message| {
            sets.extend(
                nftables::decode_set(message.kind, message.payload)?
                    .filter(|(name, _)| wanted.contains(name)),
            );
            Ok(())
        },
    )?;
    for (name, set) in &mut sets {
        let filled = socket.dump(
            "read an nft set",
            |requests, sequence| nftables::dump_elements(requests, sequence, name),
            || set.clone(),
            |filled: &mut Set, message| filled.extend(message.kind, message.payload),
        );
        match filled {
            Ok(filled) => *set = filled,
            // It went meanwhile: what it decides is not told.
            Err(Error::Refused { .. }) => set.forget(),
            Err(error) => return Err(error),
        }
    }
    Ok(sets)
}

/// The IPsec policies.
#[must_use]
pub fn xfrm_policies() -> Section<Vec<XfrmPolicy>> {
    section(Socket::open(NETLINK_XFRM).and_then(|mut socket| {
        socket.dump(
            "read the IPsec policies",
            xfrm::dump,
            Vec::new,
            |policies, message| {
                policies.extend(xfrm::decode(message.kind, message.payload)?);
                Ok(())
            },
        )
    }))
}

fn section<T>(read: Result<T, Error>) -> Section<T> {
    match read {
        Ok(value) => Section::Seen(value),
        // A kernel without it has no such netlink protocol; one without nf_tables
        // has nfnetlink and answers EINVAL to a subsystem that it does not know
        // (`nfnetlink_rcv_msg`).
        Err(Error::Open { source }) if source.raw_os_error() == Some(EPROTONOSUPPORT) => {
            Section::Absent
        }
        Err(Error::Refused { source, .. }) if source.errno == EINVAL => Section::Absent,
        Err(error) => Section::Unreadable(error.to_string()),
    }
}
