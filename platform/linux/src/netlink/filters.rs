//! What can undo a route, asked of the kernel: nft chains and IPsec policies.
//!
//! Both need CAP_NET_ADMIN even to be read, and a kernel may have neither. That is
//! no error: it is what the section of the snapshot then says.

use std::collections::{HashMap, HashSet};

use netprof_model::snapshot::{BaseChain, XfrmPolicy};
use netprof_model::{Owner, Section};

use super::Error;
use super::nftables::{Ruleset, Set, SetName, Sets};
use super::numbers::{EINVAL, EPROTONOSUPPORT};
use super::socket::{ATTEMPTS, NETLINK_NETFILTER, NETLINK_XFRM, Socket, pause_before};
use super::wire::{Malformed, Message, Requests, Unwritable};
use super::{nftables, xfrm};

/// The most elements of all sets together that are kept.
const MOST_ELEMENTS: usize = 4 * 65_536;

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
        // What was read before a change does not belong to what is read after it.
        for attempt in 0..ATTEMPTS {
            pause_before(attempt);
            let Some(before) = generation(&mut socket)? else {
                return Ok(None);
            };
            let read = ruleset(&mut socket);
            if generation(&mut socket)? == Some(before) {
                return read.map(Some);
            }
        }
        Err(Error::Unsteady {
            operation: "read the nft ruleset",
        })
    }))
}

/// The number of the ruleset; none where the kernel has no nf_tables: nfnetlink answers
/// EINVAL to a subsystem that it does not know (`nfnetlink_rcv_msg`). Of what is asked of
/// nf_tables itself, EINVAL says something else.
pub(super) fn generation(socket: &mut Socket) -> Result<Option<u32>, Error> {
    let decode = |message: &Message<'_>| nftables::decode_generation(message.kind, message.payload);
    match socket.ask("read the nft ruleset", nftables::get_generation, decode) {
        Ok(number) => Ok(Some(number)),
        Err(Error::Refused { source, .. }) if source.errno == EINVAL => Ok(None),
        Err(error) => Err(error),
    }
}

/// The ruleset, in several dumps.
fn ruleset(socket: &mut Socket) -> Result<Firewall, Error> {
    let chains: Vec<_> = gathered(
        socket,
        "read the nft chains",
        nftables::dump_chains,
        nftables::decode_chain,
    )?;
    let is_base = |chain: &nftables::Chain| chain.base.is_some();
    if !chains.iter().any(is_base) {
        return Ok(Firewall::default());
    }
    let dormant: HashSet<_> = gathered(
        socket,
        "read the nft tables",
        nftables::dump_tables,
        nftables::decode_dormant,
    )?;
    let rules: Vec<_> = gathered(
        socket,
        "read the nft rules",
        nftables::dump_rules,
        nftables::decode_rule,
    )?;
    let rules = Ruleset::new(dormant, chains, rules);
    let sets = sets(socket, &rules)?;
    Ok(Firewall {
        chains: rules.that_may_drop(&sets),
        owners: rules.owners(),
        named: rules.named(),
    })
}

/// One dump: what `decode` makes of its messages.
fn gathered<C: Default + Extend<T>, T>(
    socket: &mut Socket,
    operation: &'static str,
    request: impl Fn(&mut Requests, u32) -> Result<(), Unwritable>,
    decode: impl Fn(u16, &[u8]) -> Result<Option<T>, Malformed>,
) -> Result<C, Error> {
    socket.dump(operation, request, C::default, |all: &mut C, message| {
        all.extend(decode(message.kind, message.payload)?);
        Ok(())
    })
}

/// The sets that `rules` look into, with their elements. A verdict map may lead to further
/// rules, and these to further sets.
fn sets(socket: &mut Socket, rules: &Ruleset) -> Result<Sets, Error> {
    let mut read = Sets::new();
    if !rules.look_into_sets() {
        return Ok(read);
    }
    let headers: Sets = gathered(
        socket,
        "read the nft sets",
        nftables::dump_sets,
        nftables::decode_set,
    )?;
    let mut room = MOST_ELEMENTS;
    loop {
        let wanted = rules.wanted(&headers, &read);
        if wanted.is_empty() {
            return Ok(read);
        }
        for name in wanted {
            let set = filled(socket, &name, headers.get(&name), &mut room)?;
            read.insert(name, set);
        }
    }
}

/// One set with its elements, which take from `room`.
fn filled(
    socket: &mut Socket,
    name: &SetName,
    header: Option<&Set>,
    room: &mut usize,
) -> Result<Set, Error> {
    let read = socket.dump(
        "read an nft set",
        |requests, sequence| nftables::dump_elements(requests, sequence, name),
        || header.cloned().unwrap_or_default(),
        |filled: &mut Set, message| filled.extend(message.kind, message.payload),
    );
    let mut set = match read {
        Ok(filled) => filled,
        // It went meanwhile: what it decides is not told.
        Err(Error::Refused { .. }) => {
            let mut set = Set::default();
            set.forget();
            set
        }
        Err(error) => return Err(error),
    };
    match room.checked_sub(set.len()) {
        Some(left) => *room = left,
        None => set.forget(),
    }
    set.settle();
    Ok(set)
}

/// The IPsec policies.
#[must_use]
pub fn xfrm_policies() -> Section<Vec<XfrmPolicy>> {
    section(Socket::open(NETLINK_XFRM).and_then(|mut socket| {
        gathered(
            &mut socket,
            "read the IPsec policies",
            xfrm::dump,
            xfrm::decode,
        )
        .map(Some)
    }))
}

/// What was read, if it is there at all. A kernel without it has no such netlink protocol.
fn section<T>(read: Result<Option<T>, Error>) -> Section<T> {
    match read {
        Ok(Some(value)) => Section::Seen(value),
        Ok(None) => Section::Absent,
        Err(Error::Open { source }) if source.raw_os_error() == Some(EPROTONOSUPPORT) => {
            Section::Absent
        }
        Err(error) => Section::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::answer::KernelError;

    #[test]
    fn what_a_dump_is_refused_with_does_not_say_that_there_is_nothing() {
        for errno in [1, EINVAL] {
            let source = KernelError { errno, says: None };
            let operation = "read the nft rules";
            let read: Section<()> = section(Err(Error::Refused { operation, source }));
            assert!(matches!(read, Section::Unreadable(why) if why.contains(operation)));
        }
        let source = std::io::Error::from_raw_os_error(EPROTONOSUPPORT);
        assert_eq!(section::<()>(Err(Error::Open { source })), Section::Absent);
    }
}
