//! The planner: what must change so that what is becomes what was declared.
//!
//! Everything here is a pure function of plain data: no clock, no files, no system
//! calls. A plan is so specific that nothing is left to choose while it is carried
//! out, which is what lets it be tested from files, on any machine, for any other.

mod after;
mod need;

pub use after::after;
pub use need::Need;
