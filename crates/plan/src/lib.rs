//! The planner: what must change so that what is becomes what was declared.
//!
//! Everything here is a pure function of plain data: no clock, no files, no system
//! calls. A plan is so specific that nothing is left to choose while it is carried
//! out, which is what lets it be tested from files, on any machine, for any other.
//!
//! A plan is made in three steps. First the snapshot is taken back to what it would
//! be without netprof ([`mod@base`]), so that netprof's own routes and rules never
//! argue for themselves. On that, the modules of the operating system write down what
//! must hold ([`linux`], [`macos`]). Then what must hold is compared with what is live and held
//! ([`mod@diff`]), and the result is looked at once more as it will be: whatever would
//! still win over it is found here, and not by the user.

mod after;
mod base;
mod claim;
mod containers;
mod declared;
mod diff;
mod draft;
mod drift;
mod footing;
mod ground;
mod holdings;
mod lan;
mod links;
pub mod linux;
pub mod macos;
mod mtu;
mod need;
mod order;
mod os;
mod planning;
mod prefixes;
pub mod proxy;
mod sieve;
mod tables;
mod when;

pub use after::after;
pub use drift::{Bearing, Drift, drift};
pub use need::{Need, Routes, need};
pub use os::above;
pub use planning::plan;
pub use sieve::{Question, Sieve};
pub use when::{Fits, fits};
