//! The messages of the routing socket, and what they say of routes, links and addresses.
//!
//! Nothing here makes a system call. Bytes come in from `sysctl` and from the socket,
//! bytes go out to `write` and `ioctl`; who makes those calls uses this:
//!
//! | to | do |
//! |--|--|
//! | see links and addresses | `sysctl` `NET_RT_IFLIST2`, [`read_links`]; its [`Links::names`] is what all else needs |
//! | see routes | `sysctl` `NET_RT_DUMP`, [`read_routes`] |
//! | ask for a way | [`Request::look_up`], `write`, `read` until [`Reply::read`] says some, [`Reply::answer`] |
//! | make a change | see the routes and compare, then [`Request::delete`] and [`Request::add`], each one written and answered before the next, then see the routes again |
//! | what has no message | [`ioctl`] |
//!
//! A link's number means nothing in a file, so names stand in its place. [`Names`] must be
//! of the same moment as the bytes; where it is not, [`Malformed::UnknownLink`] says so
//! ([`Routes::unread`]), and both are read again.
//!
//! A route of macOS in the words of the model:
//!
//! - Table, metric and type of service are 0. The key's `ifscope` is the link of
//!   `RTF_IFSCOPE`, which a link-local destination always has.
//! - There is one hop, with the link's name, and with a gateway where the kernel sends to
//!   one (`RTF_GATEWAY`). What drops has one, too: route(8) says `lo0` and 127.0.0.1.
//! - The protocol is read from the flags: [`Protocol::NETPROF`] is `RTF_PROTO1`, `STATIC`
//!   is `RTF_STATIC` without it, `KERNEL` is neither.
//! - To a single address there may be two with one key: a host's, which an attribute
//!   says, and a network's. A change says by its sides of which it is
//!   ([`netprof_plan::macos::put_back::is_host`]).
//! - All else that a writer said stands in `flags` ([`rtf::WRITABLE`]) and, where it has
//!   no flag, in `opaque` ([`netprof_plan::macos::put_back::attribute`]).
//!
//! [`Protocol::NETPROF`]: netprof_model::route::Protocol::NETPROF
//! [`rtf::WRITABLE`]: netprof_model::route::rtf::WRITABLE

mod decode;
mod dump;
mod error;
mod iflist;
pub mod ioctl;
pub mod message;
mod names;
pub mod numbers;
mod reply;
mod request;
pub mod sockaddr;

pub(crate) use decode::{by, kind, protocol};
pub use dump::{Routes, read_routes};
pub use error::{Malformed, Unwritable};
pub(crate) use iflist::mac;
pub use iflist::{Links, driver, read_links, scope};
pub use names::Names;
pub use reply::Reply;
pub use request::Request;
