//! The tree that a text is read into; every part keeps its place.

/// A stretch of a text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A string that stands as a name, a key or a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Integer(i128),
    /// A fraction, an infinity, or more digits than fit: no node takes any of them.
    OtherNumber,
    Bool(bool),
    Null,
}

impl Value {
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
pub(crate) struct Entry {
    /// The key, where it is a property.
    pub(crate) key: Option<Word>,
    /// Where a type is written, if one is.
    pub(crate) ty: Option<Span>,
    pub(crate) value: Value,
    /// Where the value is.
    pub(crate) span: Span,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where a type is written, if one is.
    pub(crate) ty: Option<Span>,
    pub(crate) name: Word,
    pub(crate) entries: Vec<Entry>,
    pub(crate) children: Option<Vec<Node>>,
    /// Where the node's name and entries are, without its children.
    pub(crate) head: Span,
    /// Where the braces around its children are.
    pub(crate) block: Option<Span>,
}
