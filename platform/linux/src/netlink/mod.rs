//! netlink: how Linux shows and changes links, addresses, routes and rules, and
//! how it shows what can undo them, nft chains and IPsec policies.
//!
//! The codec is written by hand over borrowed bytes, and netlink-packet-route only
//! checks it in tests. Three reasons. A route must be put back exactly as it was
//! read, with attributes that nobody here has heard of: types that name every
//! attribute lose what they do not name. A dump of a million routes must cost little
//! more than the kernel's own work: a tree of owned attributes for each message costs
//! as much again and hundreds of megabytes, a walk over the receive buffer next to
//! nothing. And ten thousand changes go out in a few sends with one acknowledgement
//! each, which a request at a time cannot do.
//!
//! Everything but the conversation itself is plain Rust without a system call,
//! compiled and tested on every operating system.
//!
//! | module | holds |
//! |--|--|
//! | [`wire`] | messages and attributes as bytes |
//! | [`answer`] | the kernel's refusals, in its own words |
//! | [`link`], [`address`], [`route`], [`rule`] | one kind of object each, both ways |
//! | [`look_up`] | which way the kernel would send a packet |
//! | [`changes`] | a plan's changes as requests |
//! | [`nftables`], [`xfrm`] | what can undo a route |
//! | `clamp` | the table of nft that is netprof's own |
//! | `socket`, `kernel`, `batch`, `filters` | the conversation itself |

pub mod address;
pub mod answer;
pub mod changes;
mod error;
pub mod link;
pub mod look_up;
mod names;
pub mod nftables;
mod numbers;
pub mod route;
pub mod rule;
pub mod standing;
pub mod wire;
pub mod xfrm;

#[cfg(target_os = "linux")]
mod batch;
#[cfg(target_os = "linux")]
pub mod clamp;
#[cfg(target_os = "linux")]
pub mod filters;
#[cfg(target_os = "linux")]
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod socket;

pub use error::Error;
pub use names::LinkNames;

use numbers::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};

/// How something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// It must not be there yet.
    Add,
    /// It must be there, and what it holds is replaced at once.
    Replace,
    /// It may be there, and then what it holds is replaced.
    Put,
    /// It must be there, exactly so.
    Delete,
}

impl Write {
    fn flags(self) -> u16 {
        NLM_F_REQUEST
            | match self {
                Self::Add => NLM_F_CREATE | NLM_F_EXCL,
                Self::Replace => NLM_F_REPLACE,
                Self::Put => NLM_F_CREATE | NLM_F_REPLACE,
                Self::Delete => 0,
            }
    }

    fn message(self, new: u16, delete: u16) -> u16 {
        match self {
            Self::Delete => delete,
            _ => new,
        }
    }
}
