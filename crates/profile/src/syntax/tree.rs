//! The tree that a text is read into; every part keeps its place.
//!
//! It is two lists, of nodes and of entries, whose words are lent from the text: a profile
//! of ten thousand lines is not ten thousand small pieces of memory.

use std::borrow::Cow;
use std::ops::{Deref, Range};

/// A stretch of a text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first byte.
    pub(crate) start: u32,
    /// The byte after the last.
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start: small(start),
            end: small(end),
        }
    }

    /// Its first byte alone.
    pub(crate) fn first(self) -> Self {
        Self {
            end: self.start.saturating_add(1),
            ..self
        }
    }
}

/// A file has at most a megabyte, so that all numbers here fit.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A string that stands as a name, a key or a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word<'t> {
    pub(crate) text: Cow<'t, str>,
    pub(crate) span: Span,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'t> {
    Text(Cow<'t, str>),
    Integer(i128),
    /// A fraction, an infinity, or more digits than fit: no node takes any of them.
    OtherNumber,
    Bool(bool),
    Null,
}

impl Value<'_> {
    /// What it is, as it is named to people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::OtherNumber => "a fraction, or a number that is too large",
            Self::Bool(_) => "a boolean",
            Self::Null => "#null",
        }
    }
}

/// An argument or a property of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'t> {
    /// The key, where it is a property.
    pub(crate) key: Option<Word<'t>>,
    /// Where a type is written, if one is.
    pub(crate) ty: Option<Span>,
    pub(crate) value: Value<'t>,
    /// Where the value is.
    pub(crate) span: Span,
}

/// The nodes of a text.
#[derive(Debug, Default)]
pub(crate) struct Tree<'t> {
    /// Each node stands before those in its block, and these before the next node.
    heads: Vec<Head<'t>>,
    /// Those of each node stand together.
    entries: Vec<Entry<'t>>,
}

/// What is written of a node before its block, and where the rest of it is.
#[derive(Debug)]
pub(crate) struct Head<'t> {
    /// Where a type is written, if one is.
    pub(crate) ty: Option<Span>,
    pub(crate) name: Word<'t>,
    /// Where the node's name and entries are, without its children.
    pub(crate) head: Span,
    /// Where the braces around its children are.
    pub(crate) block: Option<Span>,
    entries: Range<u32>,
    children: Range<u32>,
}

/// How much of a tree there was at some time.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    heads: usize,
    entries: usize,
}

impl<'t> Tree<'t> {
    /// The nodes that lie in no block.
    pub(crate) fn nodes(&self) -> Nodes<'_> {
        self.within(0..small(self.heads.len()))
    }

    fn within(&self, numbers: Range<u32>) -> Nodes<'_> {
        Nodes {
            tree: self,
            numbers,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            heads: self.heads.len(),
            entries: self.entries.len(),
        }
    }

    /// Takes out what was added since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.heads.truncate(mark.heads);
        self.entries.truncate(mark.entries);
    }

    /// Adds a node that has a name; what it has besides is added to [`Tree::open`].
    pub(super) fn add(&mut self, ty: Option<Span>, name: Word<'t>) -> Opened {
        let entries = small(self.entries.len());
        let number = self.heads.len();
        let children = small(number + 1);
        self.heads.push(Head {
            ty,
            head: name.span,
            name,
            block: None,
            entries: entries..entries,
            children: children..children,
        });
        Opened(number)
    }

    /// Adds an entry to the node, which has no block yet, and ends with it at `end`.
    pub(super) fn add_entry(&mut self, to: &Opened, entry: Entry<'t>, head: Span) {
        self.entries.push(entry);
        let end = small(self.entries.len());
        if let Some(node) = self.heads.get_mut(to.0) {
            node.entries.end = end;
            node.head = head;
        }
    }

    /// Makes what was added since the node its children.
    pub(super) fn add_block(&mut self, to: &Opened, block: Span) {
        let end = small(self.heads.len());
        if let Some(node) = self.heads.get_mut(to.0) {
            node.children.end = end;
            node.block = Some(block);
        }
    }
}

/// A node that may not be whole yet.
pub(super) struct Opened(usize);

/// The nodes of a text or of a block, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Nodes<'n> {
    tree: &'n Tree<'n>,
    numbers: Range<u32>,
}

impl Nodes<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

impl<'n> Iterator for Nodes<'n> {
    type Item = Node<'n>;

    fn next(&mut self) -> Option<Node<'n>> {
        if self.is_empty() {
            return None;
        }
        let head = self.tree.heads.get(self.numbers.start as usize)?;
        self.numbers.start = head.children.end;
        Some(Node {
            tree: self.tree,
            head,
        })
    }
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'n> {
    tree: &'n Tree<'n>,
    head: &'n Head<'n>,
}

impl<'n> Node<'n> {
    pub(crate) fn name(self) -> &'n str {
        &self.head.name.text
    }

    pub(crate) fn entries(self) -> &'n [Entry<'n>] {
        let Range { start, end } = self.head.entries;
        let entries = self.tree.entries.get(start as usize..end as usize);
        entries.unwrap_or_default()
    }

    pub(crate) fn children(self) -> Nodes<'n> {
        self.tree.within(self.head.children.clone())
    }
}

impl<'n> Deref for Node<'n> {
    type Target = Head<'n>;

    fn deref(&self) -> &Head<'n> {
        self.head
    }
}
