//! The codes of all diagnostics of this crate.
//!
//! They are stable: scripts and searches rest on them. One list, so that a test
//! can ask that each of them is pinned by a file under `tests/errors`.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
        /// Every code there is.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

codes! {
    /// The text is no KDL 2.
    SYNTAX = "profile::syntax";
    /// A block, a string or a comment has no end.
    UNCLOSED = "profile::unclosed";
    /// A file declares more profiles, or a check comes to more, than is looked at.
    TOO_MANY = "profile::too-many";
    /// Blocks or comments lie in each other too deep.
    TOO_DEEP = "profile::too-deep";
    /// A character that KDL allows nowhere, such as NUL.
    FORBIDDEN_CHARACTER = "profile::forbidden-character";
    /// A file cannot be read.
    UNREADABLE = "profile::unreadable";
    /// A path leads to something that is no regular file.
    NOT_A_FILE = "profile::not-a-file";
    /// A file is too large to be a profile.
    TOO_LARGE = "profile::too-large";
    /// A file is not UTF-8.
    NOT_UTF8 = "profile::not-utf8";
    /// A file has more errors than are shown.
    MORE_ERRORS = "profile::more-errors";
    /// A node that is not known here.
    UNKNOWN_NODE = "profile::unknown-node";
    /// A property that is not known here.
    UNKNOWN_PROPERTY = "profile::unknown-property";
    /// An argument too many.
    EXTRA_ARGUMENT = "profile::extra-argument";
    /// An argument is missing.
    MISSING_ARGUMENT = "profile::missing-argument";
    /// A property is missing.
    MISSING_PROPERTY = "profile::missing-property";
    /// A child node is missing.
    MISSING_NODE = "profile::missing-node";
    /// A node that takes no children has some.
    NO_CHILDREN = "profile::no-children";
    /// A node stands more often than it may.
    REPEATED_NODE = "profile::repeated-node";
    /// A property or an argument is given twice.
    REPEATED_VALUE = "profile::repeated-value";
    /// Two nodes declare the same thing, or remove it.
    DUPLICATE = "profile::duplicate";
    /// A type annotation, which means nothing here.
    TYPE_ANNOTATION = "profile::type-annotation";
    /// A value of another type.
    WRONG_TYPE = "profile::wrong-type";
    /// A word that is none of those that can stand there.
    UNKNOWN_WORD = "profile::unknown-word";
    /// Text that cannot be a name.
    BAD_NAME = "profile::bad-name";
    /// Text that is no address.
    BAD_ADDRESS = "profile::bad-address";
    /// Text that is no prefix.
    BAD_PREFIX = "profile::bad-prefix";
    /// A prefix with bits set after its length.
    HOST_BITS = "profile::host-bits";
    /// IPv4 and IPv6 in one thing.
    MIXED_FAMILIES = "profile::mixed-families";
    /// A number outside its range.
    OUT_OF_RANGE = "profile::out-of-range";
    /// Text that is no domain.
    BAD_DOMAIN = "profile::bad-domain";
    /// Text that is no DNS server.
    BAD_SERVER = "profile::bad-server";
    /// Text that is no URL of a proxy.
    BAD_URL = "profile::bad-url";
    /// Text that is no hardware address.
    BAD_MAC = "profile::bad-mac";
    /// Text that is no host and port.
    BAD_HOST = "profile::bad-host";
    /// A pattern that no link name can fit.
    BAD_PATTERN = "profile::bad-pattern";
    /// Text that is empty or holds control characters.
    BAD_TEXT = "profile::bad-text";
    /// A route that leads nowhere.
    NO_TARGET = "profile::no-target";
    /// A `search` domain outside the scope's domains.
    SEARCH_OUTSIDE = "profile::search-outside";
    /// A scope that no name goes to.
    EMPTY_SCOPE = "profile::empty-scope";
    /// Two things that exclude each other.
    CONTRADICTION = "profile::contradiction";
    /// A file without a profile.
    NO_PROFILE = "profile::no-profile";
    /// A link that is not declared.
    UNDECLARED_LINK = "profile::undeclared-link";
    /// A domain in two scopes.
    SHARED_DOMAIN = "profile::shared-domain";
    /// Two scopes that take every name.
    TWO_DEFAULTS = "profile::two-defaults";
    /// Addresses that are given to two container engines.
    SHARED_ADDRESSES = "profile::shared-addresses";
    /// An include that is not found.
    INCLUDE_NOT_FOUND = "profile::include-not-found";
    /// A profile that includes itself.
    INCLUDE_CIRCLE = "profile::include-circle";
    /// An include that has errors.
    INCLUDE_BROKEN = "profile::include-broken";
    /// Two includes that say different things.
    CONFLICT = "profile::conflict";
    /// Nothing was included that could be removed.
    NOTHING_TO_REMOVE = "profile::nothing-to-remove";
    /// No profile of that name.
    NOT_FOUND = "profile::not-found";
    /// A name that two files of one folder have.
    AMBIGUOUS = "profile::ambiguous";
    /// A file that was passed over because it has errors.
    BROKEN_FILE = "profile::broken-file";
    /// A file that is to choose proxies, and does not.
    NOT_PAC = "profile::not-pac";
    /// There are more warnings than are shown.
    MORE_WARNINGS = "lint::more-warnings";
    /// A link that nothing uses.
    UNUSED_LINK = "lint::unused-link";
    /// A scope under another scope's domain.
    NESTED_SCOPES = "lint::nested-scopes";
    /// A route inside a wider one that leads to the same place.
    REDUNDANT_ROUTE = "lint::redundant-route";
    /// A route that another of the same prefix always beats.
    BEATEN_ROUTE = "lint::beaten-route";
    /// A DNS server that the profile makes unreachable.
    UNREACHABLE_SERVER = "lint::unreachable-server";
    /// A gateway that the profile makes unreachable.
    UNREACHABLE_GATEWAY = "lint::unreachable-gateway";
    /// A kept prefix that a route of the profile leads elsewhere.
    KEPT_AND_ROUTED = "lint::kept-and-routed";
    /// Container subnets that overlap.
    OVERLAPPING_POOLS = "lint::overlapping-pools";
    /// Addresses of containers that the profile says are elsewhere.
    ELSEWHERE = "lint::elsewhere";
    /// This machine itself, reached through the proxy.
    PROXIED_LOCALHOST = "lint::proxied-localhost";
    /// Names of a scope, reached through the proxy.
    PROXIED_SCOPE = "lint::proxied-scope";
    /// Containers, reached through the proxy.
    PROXIED_CONTAINERS = "lint::proxied-containers";
    /// A prefix in `bypass`, which some programs do not understand.
    BYPASS_PREFIX = "lint::bypass-prefix";
    /// A file that is to choose proxies, and cannot be read here.
    PAC_UNREADABLE = "lint::pac-unreadable";
}
