//! KDL 2 text as a tree.
//!
//! The `kdl` crate reads valid text well, but it cannot be given arbitrary text:
//! it recurses once per fault that it recovers from, so that a few kilobytes of
//! `}`, of `;` or of open quotes overflow the stack and abort the process, and
//! commented-out blocks within each other (`a /- { a /- { ...`) cost four times as
//! much per level. A program that runs as root must not die of a file. A guard in
//! front would have to tell every invalid text from a valid one, and that is a
//! parser. So this is one: linear in the length of the text, of bounded depth,
//! every fault with a narrow place and a hint in the words of profiles. The `kdl`
//! crate is the oracle that it is tested against.
//!
//! What profiles have no use for (values of fractions) is kept as little as
//! possible; what they do use is read as the specification has it
//! (<https://kdl.dev/spec>).

mod cursor;
mod number;
mod parse;
mod quoted;
mod space;
mod tree;

pub(crate) use cursor::is_forbidden;
pub(crate) use parse::parse;
pub(crate) use tree::{Entry, Node, Nodes, Span, Tree, Value};

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod places;
#[cfg(test)]
mod tests;
