//! The macOS backend: what talks to the kernel and to configd.
//!
//! What the kernel and configd *mean* is plain Rust in `crates/plan`; here is only how
//! they are read and written. Formats are parsed from bytes and text and are compiled and
//! tested on every operating system; the calls that bring those bytes are in `sys`, which
//! is compiled on macOS alone and kept as small as it can be.

pub mod dnsinfo;
pub mod files;
pub mod holder;
pub mod mac;
pub mod owner;
pub mod plist;
pub mod program;
pub mod route;
pub mod settle;
pub mod text;

