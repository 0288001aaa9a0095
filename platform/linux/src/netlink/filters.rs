//! What can undo a route, asked of the kernel: nft chains and IPsec policies.
//!
//! Both need CAP_NET_ADMIN even to be read, and a kernel may have neither. That is
//! no error: it is what the section of the snapshot then says.

use std::collections::HashSet;

use netprof_model::Section;
use netprof_model::snapshot::{BaseChain, XfrmPolicy};

use super::Error;
use super::numbers::{EINVAL, EPROTONOSUPPORT};
use super::socket::{NETLINK_NETFILTER, NETLINK_XFRM, Socket};
use super::{nftables, xfrm};

/// The nft chains that may drop packets.
#[must_use]
pub fn base_chains() -> Section<Vec<BaseChain>> {
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
        if chains.is_empty() {
            return Ok(Vec::new());
        }
        let dropping = socket.dump(
            "read the nft rules",
            nftables::dump_rules,
            HashSet::new,
            |tables, message| {
                tables.extend(nftables::decode_rule(message.kind, message.payload)?);
                Ok(())
            },
        )?;
        Ok(nftables::that_may_drop(chains, &dropping))
    }))
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
