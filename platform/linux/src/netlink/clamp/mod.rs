//! The table of nft that is netprof's own, for `clamp-mss`:
//!
//! ```text
//! table inet netprof {
//!     chain forward {
//!         type filter hook forward priority mangle; policy accept;
//!         iifname "tun0" tcp flags syn / syn,rst tcp option maxseg size set rt mtu comment "netprof"
//!     }
//!     chain postrouting {
//!         type filter hook postrouting priority mangle; policy accept;
//!         oifname "tun0" tcp flags syn / syn,rst tcp option maxseg size set rt mtu comment "netprof"
//!     }
//! }
//! ```
//!
//! Both ends of a connection say in their SYN how large a segment they take (RFC 9293,
//! 3.7.1), so it is changed in both directions of the link. What leaves through it passes
//! `postrouting`, whoever sent it, and so does what was routed anew on the way there. What
//! comes in through it and goes on passes `forward`. What comes in for this host needs
//! nothing: its own TCP sends no more than the route takes, whatever it was told
//! (`tcp_sync_mss`).
//!
//! `rt mtu` is the size of the smaller of two routes: of the packet, and back to its sender,
//! less 40 or 60 bytes (`get_tcpmss` in net/netfilter/nft_rt.c). Before a packet is routed
//! it says nothing, so the kernel takes it in `forward`, `output` and `postrouting` alone.
//! The way back is looked up by the address alone: a rule by a mark or a source has no part
//! in it. And `set` only lowers: what is as small already stays so
//! (`nft_exthdr_tcp_set_eval`).
//!
//! nft keeps no author. The comment is for a person who lists the ruleset; what tells that
//! the table is as netprof made it is that all of it is ([`read`]). It is written in one
//! batch, which the kernel carries out whole or not at all, and only on the ruleset that was
//! read before: a batch names the number of that one, and another one is refused
//! (`nfnetlink_rcv_batch`). No other table is named in any request.

mod numbers;
mod read;
mod write;

use netprof_engine::backend::Mode;
use netprof_model::Section;
use netprof_model::nft_table::NftTable;

use super::Error;
use super::answer::{self, KernelError};
use super::filters::generation;
use super::numbers::{EPROTONOSUPPORT, ERESTART, NLMSG_ERROR};
use super::socket::{ATTEMPTS, NETLINK_NETFILTER, Socket, pause_before};
use super::wire::Messages;

pub use write::{Batch, batch};

/// The name of the table.
const TABLE: &str = "netprof";
/// What is noted at each rule.
const COMMENT: &str = "netprof";
/// `NF_IP_PRI_MANGLE`: where packets are changed, behind connection tracking and before
/// filters.
const PRIORITY: i32 = -150;

/// Which of the two ways through a link a packet takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In through it, and on.
    In,
    /// Out through it.
    Out,
}

impl Way {
    const BOTH: [Self; 2] = [Self::In, Self::Out];

    /// The chain that the packet passes.
    fn chain(self) -> &'static str {
        match self {
            Self::In => "forward",
            Self::Out => "postrouting",
        }
    }
}

const READ: &str = "read the nft table inet netprof";
const WRITE: &str = "write the nft table inet netprof";

/// Why a kernel without nf_tables tells nothing of a table.
const NO_NF_TABLES: &str = "this kernel has no nf_tables";

/// What the table holds. Where the kernel cannot have one, that is why it is not read.
#[must_use]
pub fn table() -> Section<NftTable> {
    match Socket::open(NETLINK_NETFILTER).and_then(|mut socket| steady(&mut socket)) {
        Ok(Some((_, Some(table)))) => Section::Seen(table),
        Ok(Some((_, None))) => Section::Absent,
        Ok(None) => Section::Unreadable(NO_NF_TABLES.to_owned()),
        Err(Error::Open { source }) if source.raw_os_error() == Some(EPROTONOSUPPORT) => {
            Section::Unreadable(NO_NF_TABLES.to_owned())
        }
        Err(error) => Section::Unreadable(error.to_string()),
    }
}

/// Makes `after` of the table, where it is as `before` says.
///
/// # Errors
///
/// Why not, in words. Then the table is as it was.
pub fn put(before: Option<&NftTable>, after: Option<&NftTable>, mode: Mode) -> Result<(), String> {
    if after.is_some_and(|after| !after.others.is_empty()) {
        return Err("what others had in it cannot be written".to_owned());
    }
    let words = |error: Error| error.to_string();
    let mut socket = Socket::open(NETLINK_NETFILTER).map_err(words)?;
    for attempt in 0..ATTEMPTS {
        pause_before(attempt);
        let Some((generation, live)) = steady(&mut socket).map_err(words)? else {
            return Err(NO_NF_TABLES.to_owned());
        };
        let live = live.as_ref();
        if live == after && mode == Mode::Back {
            return Ok(());
        }
        if live != before {
            return Err(match live {
                Some(_) => "somebody has changed it since".to_owned(),
                None => "it is gone".to_owned(),
            });
        }
        match replace(&mut socket, generation, live.is_some(), after) {
            Ok(()) => return Ok(()),
            // Somebody has changed another table meanwhile, or this one.
            Err(Error::Refused { source, .. }) if source.errno == ERESTART => {}
            Err(error) => return Err(words(error)),
        }
    }
    Err(words(Error::Unsteady { operation: WRITE }))
}

/// The number of the ruleset and the table in it, if it is there; none where the kernel has
/// no nf_tables.
fn steady(socket: &mut Socket) -> Result<Option<(u32, Option<NftTable>)>, Error> {
    for attempt in 0..ATTEMPTS {
        pause_before(attempt);
        let Some(before) = generation(socket)? else {
            return Ok(None);
        };
        let read = read::table(socket);
        if generation(socket)? == Some(before) {
            return read.map(|table| Some((before, table)));
        }
    }
    Err(Error::Unsteady { operation: READ })
}

/// Takes the table away, if it is there, and makes the one that is wanted, in one batch on
/// the ruleset with that number.
fn replace(
    socket: &mut Socket,
    generation: u32,
    is_there: bool,
    after: Option<&NftTable>,
) -> Result<(), Error> {
    let next = || socket.next_sequence();
    let batch = batch(generation, is_there, after, next).map_err(|source| Error::Encode {
        operation: WRITE,
        source,
    })?;
    socket.refresh()?;
    socket.send(&batch.requests, WRITE)?;
    socket.give_up();
    match answer(socket, batch.first, batch.last)? {
        Ok(()) => {
            socket.finished();
            Ok(())
        }
        // What else was refused for the same reason need not be waited for.
        Err(source) => Err(Error::Refused {
            operation: WRITE,
            source,
        }),
    }
}

/// The first refusal of a batch with these numbers, or that all of it was carried out. What
/// concerns the whole is said to its beginning, and before what concerns its parts.
fn answer(socket: &mut Socket, first: u32, last: u32) -> Result<Result<(), KernelError>, Error> {
    let malformed = |source| Error::Decode {
        operation: WRITE,
        source,
    };
    loop {
        for message in Messages::new(socket.receive(WRITE)?) {
            let message = message.map_err(malformed)?;
            let is_ours = (first..=last).contains(&message.sequence);
            if message.kind != NLMSG_ERROR || !is_ours {
                continue;
            }
            let said = answer::decode(&message).map_err(malformed)?;
            if said.is_err() || message.sequence == last {
                return Ok(said);
            }
        }
    }
}
