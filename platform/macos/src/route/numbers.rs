//! The numbers of the routing socket, by the names of xnu's headers.
//!
//! They are written down here, and not taken from a C library, because the formats are
//! read and tested on systems that have no such headers.

use netprof_model::route::rtf;

/// Families (`bsd/sys/socket.h`).
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_LINK: u8 = 18;
pub(super) const AF_INET6: u8 = 30;

/// `RTM_VERSION` (`bsd/net/route.h`).
pub(super) const RTM_VERSION: u8 = 5;

/// Kinds of messages (`bsd/net/route.h`).
pub const RTM_ADD: u8 = 1;
/// A route was or is to be removed.
pub const RTM_DELETE: u8 = 2;
/// A look-up, its answer, and one route of `NET_RT_DUMP`.
pub const RTM_GET: u8 = 4;
/// An address was added to a link.
pub const RTM_NEWADDR: u8 = 12;
/// A link changed.
pub const RTM_IFINFO: u8 = 14;
/// A link of `NET_RT_IFLIST2`.
pub const RTM_IFINFO2: u8 = 18;

/// Which socket addresses follow, in the order of the bits (`bsd/net/route.h`).
pub(super) const RTA_DST: u32 = 1;
pub(super) const RTA_GATEWAY: u32 = 2;
pub(super) const RTA_NETMASK: u32 = 4;
pub(super) const RTA_GENMASK: u32 = 8;
pub(super) const RTA_IFP: u32 = 0x10;
pub(super) const RTA_IFA: u32 = 0x20;
pub(super) const RTA_BRD: u32 = 0x80;

/// Flags of routes (`bsd/net/route.h`), beside those that the model names.
pub(crate) const RTF_UP: u32 = 0x1;
pub(crate) const RTF_DYNAMIC: u32 = 0x10;
pub(crate) const RTF_MODIFIED: u32 = 0x20;
pub(crate) const RTF_DONE: u32 = 0x40;
pub(crate) const RTF_LLINFO: u32 = 0x400;
pub(crate) const RTF_PRCLONING: u32 = 0x1_0000;
pub(crate) const RTF_PROTO3: u32 = 0x4_0000;
pub(crate) const RTF_BROADCAST: u32 = 0x40_0000;
pub(crate) const RTF_MULTICAST: u32 = 0x80_0000;
pub(crate) const RTF_CONDEMNED: u32 = 0x200_0000;
pub(crate) const RTF_IFREF: u32 = 0x400_0000;
pub(crate) const RTF_PROXY: u32 = 0x800_0000;
pub(crate) const RTF_ROUTER: u32 = 0x1000_0000;
pub(crate) const RTF_GLOBAL: u32 = 0x4000_0000;

/// Flags that a field of the model says.
pub(super) const SAID: u32 = rtf::WRITABLE
    | rtf::GATEWAY
    | rtf::HOST
    | rtf::REJECT
    | rtf::BLACKHOLE
    | rtf::PROTO1
    | rtf::IFSCOPE;

/// Flags that say how a route does at the moment, or that the kernel sets anew by itself
/// on the same route: `PRCLONING`, `MULTICAST` and `BROADCAST` by the destination
/// (`in_addroute`, `bsd/netinet/in_rmx.c`), `GLOBAL` on every default route
/// (`rtrequest_common_locked`, `bsd/net/route.c`), `ROUTER` on the way to a router,
/// `PROTO3` on what nobody uses.
pub(super) const VOLATILE: u32 = RTF_UP
    | RTF_DONE
    | RTF_PRCLONING
    | rtf::WASCLONED
    | RTF_PROTO3
    | RTF_BROADCAST
    | RTF_MULTICAST
    | RTF_IFREF
    | RTF_CONDEMNED
    | RTF_ROUTER
    | RTF_GLOBAL;

/// Flags of links (`bsd/net/if.h`).
pub(crate) const IFF_UP: u32 = 1;
pub(crate) const IFF_LOOPBACK: u32 = 8;
pub(crate) const IFF_POINTOPOINT: u32 = 0x10;
pub(crate) const IFF_RUNNING: u32 = 0x40;

/// Errors (`bsd/sys/errno.h`).
pub(crate) const ESRCH: i32 = 3;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENETUNREACH: i32 = 51;
pub(crate) const EHOSTUNREACH: i32 = 65;
