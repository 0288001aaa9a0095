//! How it was found out whose something is.
//!
//! The kernel notes no author of a route, a rule or a link, so an owner is worked out
//! from what programs leave behind. Each such thing is a [`Clue`]. The code that weighs
//! clues tells them to a [`Trail`] on its way, so that what is shown is what decided, and
//! one that nobody asked for costs nothing: a machine may have a million routes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of thing told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClueKind {
    /// The protocol number of a route or rule: who signed it.
    Protocol,
    /// A process that holds a tunnel's device open, or that must run for the rest.
    Process,
    /// A service that says so on the bus.
    Bus,
    /// The number of a routing table.
    Table,
    /// The priority of a rule.
    Priority,
    /// A firewall mark.
    Mark,
    /// Another rule or route that only stands together with this one.
    Partner,
    /// The link that something goes through.
    Link,
    /// The kind of a link.
    Kind,
    /// The name of a link.
    Name,
    /// An address of a link, of hardware or of IP.
    Address,
    /// A table or chain of the firewall.
    Chain,
    /// A comment of a rule of the firewall.
    Comment,
    /// Where a symbolic link points to.
    Place,
    /// A comment within a file.
    Header,
    /// A file of settings.
    File,
    /// What a service of the operating system says of itself.
    Service,
}

/// One thing that told something of an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clue {
    /// What sort of thing.
    pub kind: ClueKind,
    /// What it says, as half a sentence.
    pub says: String,
}

impl Clue {
    /// A clue of `kind`.
    #[must_use]
    pub fn new(kind: ClueKind, says: impl Into<String>) -> Self {
        Self {
            kind,
            says: says.into(),
        }
    }
}

/// Where clues go while an owner is worked out: into a list, or nowhere.
pub trait Trail {
    /// Takes one clue. The words are put together only if somebody keeps them.
    fn clue(&mut self, kind: ClueKind, says: fmt::Arguments<'_>);
}

/// Nobody asked.
impl Trail for () {
    fn clue(&mut self, _: ClueKind, _: fmt::Arguments<'_>) {}
}

impl Trail for Vec<Clue> {
    fn clue(&mut self, kind: ClueKind, says: fmt::Arguments<'_>) {
        self.push(Clue::new(kind, says.to_string()));
    }
}
