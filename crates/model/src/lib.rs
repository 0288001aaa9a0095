//! The words of netprof as plain data.
//!
//! Everything that crosses a border between two crates is declared here: what a
//! person declares ([`profile`]), what is ([`snapshot`]), what netprof holds
//! ([`held`]), one addressable piece of state ([`resource`]) and what is to be
//! done about it ([`plan`]). Nothing here does input or output, reads a clock or
//! knows an operating system's calls, so every crate may depend on it and
//! everything in it can be written to a file and read back on another machine.

pub mod block;
pub mod configd;
pub mod diagnostic;
pub mod digits;
pub mod dns;
pub mod engine;
pub mod evidence;
pub mod file;
pub mod finger;
pub mod firewall;
pub mod held;
pub mod json_object;
pub mod link;
pub mod name;
pub mod nft_table;
pub mod owner;
pub mod plan;
pub mod plist;
pub mod positions;
pub mod profile;
pub mod resource;
pub mod route;
pub mod rule;
pub mod secret;
pub mod seeded;
pub mod settings;
pub mod shared;
pub mod shell;
pub mod snapshot;
pub mod space;
pub mod user;

pub use diagnostic::{Diagnostic, Location, Severity};
pub use name::Name;
pub use owner::Owner;
pub use resource::{Resource, State};
pub use snapshot::{Section, Snapshot};
