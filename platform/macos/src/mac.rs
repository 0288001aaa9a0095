//! What a Mac is asked for, as calls that take and give plain bytes.
//!
//! Everything that decides anything stands on this side of it and is tested on every
//! operating system, with a Mac in memory in its place; `sys` is the other side, as few
//! lines as the calls themselves need, and nothing in it looks into what it carries.

use std::io;
use std::time::Duration;

use netprof_model::configd::ResolverList;

/// A Mac: its kernel and its configd.
pub trait Mac: Kernel + Configd {}

impl<M: Kernel + Configd> Mac for M {}

/// The calls of the kernel that netprof needs.
pub trait Kernel {
    /// sysctl(3) of these numbers: all of its bytes.
    ///
    /// # Errors
    ///
    /// The kernel's, as all of this trait that say no more.
    fn sysctl(&mut self, mib: &[i32]) -> io::Result<Vec<u8>>;

    /// sysctlbyname(3).
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn sysctl_named(&mut self, name: &str) -> io::Result<Vec<u8>>;

    /// Opens a routing socket, in place of an earlier one and of what was left unread
    /// there: everybody's messages come to every such socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn route_open(&mut self) -> io::Result<()>;

    /// Writes one message to the routing socket.
    ///
    /// # Errors
    ///
    /// The kernel's answer to the message, which write(2) returns (`route_output` in
    /// bsd/net/rtsock.c), or the socket's.
    fn route_write(&mut self, message: &[u8]) -> io::Result<()>;

    /// Reads one message from the routing socket, and waits for none.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where there is none.
    fn route_read(&mut self) -> io::Result<Vec<u8>>;

    /// ioctl(2) on a datagram socket of a family.
    ///
    /// # Errors
    ///
    /// The kernel's; `InvalidInput` for what is not [`crate::route::ioctl::is_contained`].
    fn ioctl(&mut self, family: Family, request: u32, argument: &mut [u8]) -> io::Result<()>;

    /// The identifiers of the network agents of a link, one behind the other
    /// (SIOCGIFAGENTIDS).
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn agents(&mut self, link: &str) -> io::Result<Vec<u8>>;

    /// The descriptors of a process, as `struct proc_fdinfo`s (PROC_PIDLISTFDS).
    ///
    /// # Errors
    ///
    /// The kernel's; only root may look at the processes of others.
    fn descriptors(&mut self, pid: i32) -> io::Result<Vec<u8>>;

    /// A descriptor that is a socket, as `struct socket_fdinfo` (PROC_PIDFDSOCKETINFO).
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn socket(&mut self, pid: i32, descriptor: i32) -> io::Result<Vec<u8>>;
}

/// The calls of configd and of the preferences that netprof needs.
pub trait Configd {
    /// What the dynamic store has under the keys that fit one of `patterns`, of one
    /// moment: a property list, a dictionary.
    ///
    /// # Errors
    ///
    /// configd's.
    fn store(&mut self, patterns: &[&str]) -> Result<Vec<u8>, Status>;

    /// Sets a key of the dynamic store to a property list.
    ///
    /// # Errors
    ///
    /// configd's.
    fn store_set(&mut self, key: &str, value: &[u8]) -> Result<(), Status>;

    /// Removes a key of the dynamic store.
    ///
    /// # Errors
    ///
    /// configd's.
    fn store_remove(&mut self, key: &str) -> Result<(), Status>;

    /// The resolvers that configd publishes; none where it publishes no configuration.
    ///
    /// # Errors
    ///
    /// That this macOS has no such function, or that what it returned makes no sense.
    fn resolvers(&mut self) -> io::Result<Option<ResolverList>>;

    /// From here on [`Configd::hear`] hears of new resolvers.
    ///
    /// # Errors
    ///
    /// notify(3)'s.
    fn listen(&mut self) -> io::Result<()>;

    /// Waits until new resolvers were published since it was last asked, or since
    /// [`Configd::listen`]. Whether they were.
    ///
    /// # Errors
    ///
    /// The kernel's; `Interrupted` by a signal.
    fn hear(&mut self, limit: Duration) -> io::Result<bool>;

    /// Edits one dictionary of the preferences of the network: takes their lock, shows
    /// `edit` what stands at `path`, and makes, commits and applies what it says.
    ///
    /// # Errors
    ///
    /// How far it came, and why no further.
    fn edit_preferences(
        &mut self,
        path: &str,
        edit: &mut dyn FnMut(Found<'_>) -> Edit,
    ) -> Result<(), Unedited>;

    /// Lets some time go by, before something is tried again that was busy.
    fn pause(&mut self, time: Duration);
}

/// Whose addresses a request is about: it is refused on a socket of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4, and what is of no family.
    V4,
    /// IPv6.
    V6,
}

/// What stands at a path of the preferences: a property list, or nothing.
pub type Found<'a> = Option<&'a [u8]>;

/// What becomes of a dictionary of the preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It stays, and nothing is written.
    Leave,
    /// It stays, and configd is told of the preferences once more: whoever wrote them may
    /// have ended before it did.
    Tell,
    /// This property list takes its place.
    Set(Vec<u8>),
    /// It goes.
    Remove,
}

/// How far an edit of the preferences came. What is written and what configd goes by are
/// two things: SCPreferencesCommitChanges writes the file, SCPreferencesApplyChanges has it
/// read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unedited {
    /// Nothing was written: the lock was not to be had. [`Status::BUSY`] and
    /// [`Status::STALE`] pass.
    #[error("the preferences cannot be locked: {0}")]
    Lock(Status),
    /// Nothing was written: it cannot be read or changed.
    #[error("the preferences cannot be changed: {0}")]
    Change(Status),
    /// Perhaps it was written.
    #[error("the preferences cannot be committed: {0}")]
    Commit(Status),
    /// It was written, and configd was not told.
    #[error("configd cannot be told of the preferences: {0}")]
    Apply(Status),
}

/// What the SystemConfiguration framework says instead of 'done' (`SCError`, `SCErrorString`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words} ({code})")]
pub struct Status {
    /// Its number, of `SystemConfiguration.h`.
    pub code: i32,
    /// Its words.
    pub words: String,
}

impl Status {
    /// kSCStatusNoKey: there is no such key.
    pub const NO_KEY: i32 = 1004;
    /// kSCStatusPrefsBusy: somebody else has the lock of the preferences.
    pub const BUSY: i32 = 3002;
    /// kSCStatusStale: the preferences were written since they were opened.
    pub const STALE: i32 = 3005;

    /// That something else went wrong than what the framework has a number for.
    #[must_use]
    pub fn other(words: impl Into<String>) -> Self {
        Self {
            code: 1001, // kSCStatusFailed
            words: words.into(),
        }
    }
}
