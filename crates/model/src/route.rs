//! Routes, as a kernel's forwarding table holds them.
//!
//! A route falls into three parts: the *key* that a kernel tells routes apart by,
//! the *spec* that can be written, and the *volatile* part (link state, lifetime)
//! that changes by itself. Only key and spec are ever compared.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Owner;
use crate::shared::Shared;

/// Who put a route or rule there, as rtnetlink(7) numbers it (`rtm_protocol`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Protocol(pub u8);

impl Protocol {
    /// Nothing was said.
    pub const UNSPEC: Self = Self(0);
    /// The kernel, when an address or link was set up.
    pub const KERNEL: Self = Self(2);
    /// `ip route add` without a protocol.
    pub const BOOT: Self = Self(3);
    /// Set up statically by an administrator or a service.
    pub const STATIC: Self = Self(4);
    /// A router advertisement.
    pub const RA: Self = Self(9);
    /// A DHCP client.
    pub const DHCP: Self = Self(16);
    /// netprof's own number; free in `linux/rtnetlink.h` and `rt_protos`.
    pub const NETPROF: Self = Self(110);
}

/// The flags of a route of macOS (`RTF_*`; xnu, `bsd/net/route.h`), and which of them
/// [`RouteSpec::flags`] holds.
///
/// A flag stands there if a writer says it, if the kernel leaves it as it was said, and
/// if no other field says it. The others are told by the fields, or by nothing:
///
/// | flag | where it is told |
/// |--|--|
/// | `GATEWAY` | the hop has a `via` |
/// | `HOST` | an attribute ([`RouteSpec::opaque`]), under a number that the planner knows |
/// | `REJECT`, `BLACKHOLE` | the kind |
/// | `IFSCOPE` | the key |
/// | `PROTO1` | the protocol is netprof's |
/// | `MULTICAST`, `BROADCAST`, `LOCAL`, `PRCLONING` | the kernel, when a route is added (`in_addroute` in `bsd/netinet/in_rmx.c`) |
/// | `PROTO3` | the kernel, which marks what it lets expire by it and clears it at the next look-up (`RTPRF_OURS`, `in_validate`) |
/// | `LLINFO` | the kernel, for what it keeps a hardware address of, its own ones among them |
/// | `UP`, `DONE`, `DYNAMIC`, `MODIFIED`, `IFREF`, `ROUTER`, `GLOBAL`, `PROXY` | the kernel |
///
/// A route to a single address is a network's, with a netmask, unless that attribute
/// stands there: so configd writes the way to a router or to an own address
/// (`192.168.1.1/32 link#14 UCS` in netstat(1)), and netprof its own. The kernel keeps a
/// host's and a network's to one address apart, which [`RouteKey`] does
/// not: they are two routes with one key.
///
/// Entries that the kernel cloned for one destination (`WASCLONED`) are no routes of a
/// snapshot. They inherit their parent's flags, `PROTO1` among them
/// (`rtrequest_common_locked` in `bsd/net/route.c`), and come and go by themselves.
pub mod rtf {
    /// The destination is behind the gateway.
    pub const GATEWAY: u32 = 0x2;
    /// It is for one host.
    pub const HOST: u32 = 0x4;
    /// Senders are told that it is unreachable.
    pub const REJECT: u32 = 0x8;
    /// Each destination gets an entry of its own when it is first used: how a neighbour
    /// is resolved.
    pub const CLONING: u32 = 0x100;
    /// A daemon is asked for an entry.
    pub const XRESOLVE: u32 = 0x200;
    /// Somebody has set it up: the kernel does not take it for its own route to the
    /// network of an address, which goes with that address (`rtinit_locked`).
    pub const STATIC: u32 = 0x800;
    /// Packets are dropped in silence.
    pub const BLACKHOLE: u32 = 0x1000;
    /// It does not keep its link from being idle.
    pub const NOIFREF: u32 = 0x2000;
    /// Nobody's in particular. On an entry of a neighbour it announces this host's own
    /// hardware address for it (`RTF_ANNOUNCE`), and entries inherit it: netprof never
    /// says it.
    pub const PROTO2: u32 = 0x4000;
    /// netprof's mark.
    pub const PROTO1: u32 = 0x8000;
    /// The kernel cloned it.
    pub const WASCLONED: u32 = 0x2_0000;
    /// It is for the sockets of one link.
    pub const IFSCOPE: u32 = 0x100_0000;

    /// The flags that [`RouteSpec::flags`](super::RouteSpec::flags) holds.
    pub const WRITABLE: u32 = CLONING | XRESOLVE | STATIC | NOIFREF | PROTO2;
}

/// What happens to a packet that a route matches.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// It is sent on.
    #[default]
    Unicast,
    /// It is delivered on this host.
    Local,
    /// It is a broadcast.
    Broadcast,
    /// It is an anycast.
    Anycast,
    /// It is a multicast.
    Multicast,
    /// It is dropped in silence.
    Blackhole,
    /// It is dropped with 'host unreachable'.
    Unreachable,
    /// It is dropped with 'administratively prohibited'.
    Prohibit,
    /// The look-up goes on with the next rule.
    Throw,
}

impl RouteKind {
    /// The name, as `ip route` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Local => "local",
            Self::Broadcast => "broadcast",
            Self::Anycast => "anycast",
            Self::Multicast => "multicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
        }
    }
}

/// What a kernel tells routes of one family apart by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteKey {
    /// The destination; no host bits.
    pub dst: IpNet,
    /// The table, from 1; main is 254 on Linux. 0 where there are no tables (macOS).
    pub table: u32,
    /// The metric: of two equal destinations the lower one wins. 0 where there are none.
    pub metric: u32,
    /// The type of service (IPv4 only).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tos: u8,
    /// The link whose sockets alone it is for (macOS, RTF_IFSCOPE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ifscope: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes by reference"
)]
fn is_zero<N: Default + PartialEq>(n: &N) -> bool {
    *n == N::default()
}

// A plan compares and looks up tens of thousands of these, and a few large numbers take a
// fraction of the time of many small ones.
impl RouteKey {
    /// All of it but the link, as numbers that sort as its fields do.
    #[inline]
    fn numbers(&self) -> (u8, u128, u128) {
        let (family, address) = match self.dst.addr() {
            IpAddr::V4(address) => (4, u128::from(u32::from(address))),
            IpAddr::V6(address) => (6, u128::from(address)),
        };
        let length = u128::from(self.dst.prefix_len()) << 72;
        let rank = u128::from((u64::from(self.table) << 32) | u64::from(self.metric)) << 8;
        (family, address, length | rank | u128::from(self.tos))
    }
}

impl Hash for RouteKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (family, address, rank) = self.numbers();
        state.write_u128(address);
        state.write_u128(rank | u128::from(family) << 80);
        if let Some(dev) = &self.ifscope {
            dev.hash(state);
        }
    }
}

impl Ord for RouteKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.numbers().cmp(&other.numbers());
        order.then_with(|| self.ifscope.cmp(&other.ifscope))
    }
}

impl PartialOrd for RouteKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl RouteKey {
    /// The table that routes are in unless somebody says otherwise (RT_TABLE_MAIN).
    pub const MAIN: u32 = 254;

    /// A route to `dst` for every socket, on a system without tables and metrics.
    #[must_use]
    pub fn unscoped(dst: IpNet) -> Self {
        Self {
            dst,
            table: 0,
            metric: 0,
            tos: 0,
            ifscope: None,
        }
    }

    /// Whether it is where routes are unless somebody says otherwise: in main, or, where
    /// there are no tables, for every socket.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.table, 0 | Self::MAIN) && self.ifscope.is_none()
    }

    /// Whether it is the default route of what [`Self::is_plain`].
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_plain() && self.dst.prefix_len() == 0
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.dst.addr().is_ipv4() { 4 } else { 6 };
        write!(f, "route{family} {}", self.dst)?;
        if self.table > 0 {
            let Self {
                table, metric, tos, ..
            } = self;
            write!(f, " table {table} metric {metric} tos {tos}")?;
        }
        match &self.ifscope {
            Some(dev) => write!(f, " ifscope {dev}"),
            None => Ok(()),
        }
    }
}

/// One way on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hop {
    /// The gateway; none where the destination is on the link itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The link's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// The weight among several hops, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u16,
    /// Whether the gateway is taken to be on the link, whatever the prefixes say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub onlink: bool,
}

fn one() -> u16 {
    1
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes by reference"
)]
fn is_one(n: &u16) -> bool {
    *n == 1
}

impl Hop {
    /// A hop through `dev`, to `via` where there is a gateway.
    #[must_use]
    pub fn through(dev: impl Into<String>, via: Option<IpAddr>) -> Self {
        Self {
            via,
            dev: Some(dev.into()),
            weight: 1,
            onlink: false,
        }
    }
}

/// An attribute that netprof does not interpret, kept so that it can be put back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpaqueAttribute {
    /// Its number in the kernel's header.
    pub kind: u16,
    /// Its payload, in hexadecimal.
    pub value: String,
}

/// All of a route that can be written, beside its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteSpec {
    /// What happens to a matching packet.
    #[serde(default)]
    pub kind: RouteKind,
    /// Who put it there.
    #[serde(default)]
    pub protocol: Protocol,
    /// The scope, as rtnetlink(7) numbers it.
    #[serde(default)]
    pub scope: u8,
    /// The preferred source address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefsrc: Option<IpAddr>,
    /// Only packets from this source (IPv6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// The ways on: none for a route that drops, several for multipath.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
    /// The nexthop object that it uses instead of hops of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nexthop_id: Option<u32>,
    /// What else a writer of it says by a flag (macOS): those of [`rtf::WRITABLE`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flags: u32,
    /// Everything else, unread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opaque: Vec<OpaqueAttribute>,
}

/// What of a route changes by itself and is never compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteLive {
    /// Some hop's link is down: the kernel does not use that hop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
    /// Some hop's link has no carrier.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linkdown: bool,
    /// Seconds until it goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u32>,
}

/// One live route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// What it is told apart by.
    #[serde(flatten)]
    pub key: RouteKey,
    /// What can be written; shared by all routes that lead the same way.
    #[serde(flatten)]
    pub spec: Shared<RouteSpec>,
    /// What changes by itself.
    #[serde(flatten)]
    pub live: RouteLive,
    /// Who put it there.
    #[serde(default)]
    pub owner: Owner,
}

impl Route {
    /// The names of the links that it goes through.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        self.spec.hops.iter().filter_map(|hop| hop.dev.as_deref())
    }

    /// Whether it goes through `dev`.
    #[must_use]
    pub fn goes_through(&self, dev: &str) -> bool {
        self.devices().any(|other| other == dev)
    }

    /// The gateway of a route with a single way on.
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        match self.spec.hops.as_slice() {
            [only] => only.via,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_by_one_field_after_the_other() {
        let mut all = Vec::new();
        for dst in [
            "10.0.0.0/8",
            "10.0.0.0/9",
            "192.0.2.0/24",
            "::/0",
            "a00::/8",
        ] {
            for (table, metric) in [(0, 0), (0, u32::MAX), (1, 0), (u32::MAX, 7)] {
                for tos in [0, 4] {
                    for ifscope in [None, Some("en0"), Some("en1")] {
                        all.push(RouteKey {
                            dst: dst.parse().expect("a prefix"),
                            table,
                            metric,
                            tos,
                            ifscope: ifscope.map(str::to_owned),
                        });
                    }
                }
            }
        }
        let fields =
            |key: &RouteKey| (key.dst, key.table, key.metric, key.tos, key.ifscope.clone());
        assert!(all.is_sorted_by_key(fields));
        for (at, one) in all.iter().enumerate() {
            for (beside, other) in all.iter().enumerate() {
                assert_eq!(one.cmp(other), at.cmp(&beside), "{one} {other}");
            }
        }
    }
}
