//! The macOS backend: what talks to the kernel and to configd.
//!
//! What the kernel and configd *mean* is plain Rust in `crates/plan`; here is only how
//! they are read and written. Formats are parsed from bytes and text and are compiled and
//! tested on every operating system; the calls that bring those bytes are in `sys`, which
//! is compiled on macOS alone and kept as small as it can be ([`mac::Mac`] is the line
//! between the two).

pub mod backend;
pub mod dnsinfo;
pub mod files;
pub mod holder;
pub mod kernel;
pub mod link;
pub mod mac;
pub mod owner;
pub mod plist;
pub mod preferences;
pub mod program;
pub mod route;
mod settings;
pub mod settle;
pub mod store;
pub mod text;

#[cfg(test)]
mod fake;
#[cfg(target_os = "macos")]
mod sys;

pub use backend::Macos;

/// The Mac that this runs on.
#[cfg(target_os = "macos")]
pub type System = Macos<sys::Here>;
