//! The profile language: KDL text to a resolved profile.
//!
//! A text goes through four steps, each of which knows nothing of the next.
//! `syntax` makes a tree of any text, and never more than a bounded number of
//! calls deep; `read` takes nodes apart, strictly, with the values of `value`;
//! `merge` makes one profile of several; `check`, `lint` and `pac` look at the result.
//! Errors gather: one run shows all of them, of all files.
//!
//! [`Library`] finds profiles in folders and is what callers use; [`show`] writes a
//! profile back.

mod assemble;
mod check;
pub mod code;
mod digest;
mod form;
mod library;
mod limit;
mod lint;
mod load;
mod merge;
mod pac;
mod piece;
mod read;
mod show;
mod source;
mod suggest;
mod syntax;
mod value;
mod walk;

pub use library::{Checked, Library, Refused, Resolved};
pub use load::{Found, Listing};
pub use show::show;
pub use source::{Excerpt, MAX_SIZE, Sources};
