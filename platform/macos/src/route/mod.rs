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
//! | make a change | [`Request::of_change`], each written and answered before the next |
//! | wait for something | `read`, [`Event::read`] |
//! | what has no message | [`ioctl`] |
//!
//! A route of macOS in the words of the model: table, metric and type of service are 0;
//! the key's `ifscope` is the link of `RTF_IFSCOPE`, which a link-local destination always
//! has. There is one hop, with the link's name, and with a gateway only where the kernel
//! sends to it (`RTF_GATEWAY`). The protocol is read from the flags: [`Protocol::NETPROF`]
//! is `RTF_PROTO1`, `STATIC` is `RTF_STATIC` without it, `KERNEL` is neither. A route that drops has its hop,
//! too: `lo0` by 127.0.0.1 or ::1, as route(8) writes it. All else that a writer said
//! stands in `flags` and, as far as it has no flag, in `opaque` ([`netprof_plan::macos::put_back`]).
//!
//! A link's number means nothing in a file, so names stand in its place; [`Names`] must be
//! of the same moment as the bytes, or [`Malformed::UnknownLink`] says so.
//!
//! [`Protocol::NETPROF`]: netprof_model::route::Protocol::NETPROF

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

pub use dump::{Routes, read_routes};
pub use error::{Malformed, Unwritable};
pub use iflist::{Links, driver, read_links, scope};
pub use names::Names;
pub use reply::{Event, Happened, Reply};
pub use request::Request;
