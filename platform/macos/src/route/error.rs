//! What cannot be read, and what cannot be written.

/// Bytes that are not what xnu's headers say they are, or that mean nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something does not fit into the bytes around it.
    #[error("a malformed {0} from the kernel")]
    Form(&'static str),
    /// A message of a version of the format that netprof does not know.
    #[error("a message of version {0} from the kernel, where 5 was expected")]
    Version(u8),
    /// A netmask with holes: legal, and no prefix.
    #[error("a route with a netmask that is no prefix")]
    Netmask,
    /// A link that has no name here: it came or went after the links were read. Reading
    /// both anew helps.
    #[error("link {0} is not among the links that were read")]
    UnknownLink(u32),
}

/// A change or a question that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A link that is named is not there.
    #[error("there is no link {0}")]
    NoLink(String),
    /// A link's number is larger than the routing socket can say.
    #[error("link {0} has a number that the routing socket cannot say")]
    LinkNumber(String),
    /// Something that a route of macOS does not have.
    #[error("a route of macOS has no {0}")]
    Foreign(&'static str),
    /// A route that leads nowhere.
    #[error("the route does not say exactly one link that it goes through")]
    NoWay,
    /// An address of the other family.
    #[error("the {0} is of the other family")]
    OtherFamily(&'static str),
    /// A flag that another field says, or that only the kernel sets.
    #[error("flags {0:#x} cannot be written")]
    Flags(u32),
    /// Something that was read and cannot be written.
    #[error("attribute {0:#x} cannot be written")]
    Attribute(u16),
    /// A link-local destination without a link, or with another than the route's.
    #[error("a link-local address needs a link")]
    NoZone,
    /// A name that does not fit into the 15 bytes that the kernel has for it.
    #[error("{0} is no name of a link")]
    Name(String),
}
