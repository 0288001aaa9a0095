//! Routes: RTM_NEWROUTE to [`Route`] and back, so that what is written back is
//! what was read.
//!
//! Reading goes in two steps. [`RouteView`] is one walk over the message and
//! borrows everything, so that a dump can be counted or sieved at the kernel's own
//! pace; [`RouteView::to_route`] builds the model's words, for the routes that are
//! kept; [`RouteReader`] builds what thousands of them hold alike once. What the
//! kernel says and nobody can write is dropped while reading: link state
//! (RTNH_F_DEAD, RTNH_F_LINKDOWN, offload flags), cache counters, and what is only
//! the default said aloud. All other attributes are kept as they are.
//!
//! Kernel: `net/ipv4/fib_semantics.c` (`fib_dump_info`), `net/ipv6/route.c`
//! (`rt6_fill_node`).
//!
//! [`Route`]: netprof_model::route::Route

mod decode;
mod encode;
mod reader;

pub(super) use decode::gateway;
pub use decode::{RouteView, UnknownLink};
pub use encode::{again, encode, is_alike};
pub use reader::RouteReader;

use super::numbers::*;
use super::wire::{Requests, Unwritable};

/// The length of `struct rtmsg`.
const HEADER: usize = 12;

/// An attribute number that the kernel does not use (RTA_UNSPEC): under it stand
/// flags and a type of the header that netprof does not know, so that they are not
/// lost. Four bytes of flags and one of the type, 0 for one that is known.
pub const HEADER_RESIDUE: u16 = 0;

/// Which routes to dump. The kernel sieves only with NETLINK_GET_STRICT_CHK; see
/// [`RouteView::passes`] for where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteFilter {
    /// Only this table.
    pub table: Option<u32>,
    /// Only this protocol.
    pub protocol: Option<u8>,
}

impl RouteFilter {
    /// All routes of one table.
    #[must_use]
    pub fn of_table(table: u32) -> Self {
        Self {
            table: Some(table),
            protocol: None,
        }
    }
}

/// Asks for the routes of both families.
pub fn dump(requests: &mut Requests, sequence: u32, filter: RouteFilter) -> Result<(), Unwritable> {
    requests.add(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
        let mut header = [0; HEADER];
        header[0] = AF_UNSPEC;
        header[5] = filter.protocol.unwrap_or(0);
        body.header(&header);
        filter
            .table
            .map_or(Ok(()), |table| body.u32(RTA_TABLE, table))
    })
}
