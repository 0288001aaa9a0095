//! Requests: what is written to the routing socket.
//!
//! One `write` is one message, and the kernel says at once whether it did it: `write`
//! itself fails, and the same message comes back with `rtm_errno` ([`super::Reply`]). The
//! process is filled in by the kernel. Only `RTM_GET` needs no root.
//!
//! # What a caller must know
//!
//! **Adding** refuses a key that is taken (EEXIST), but for a clone, which is replaced. It
//! fails with ENETUNREACH where the kernel finds no link for the gateway; for a scoped
//! route the gateway must be on that link. The link of a route with a gateway is said
//! beside it (`RTA_IFP`), and taken over after the kernel has found one of its own
//! (`rt_setif`); if the link has no address of the family, the kernel's own finding
//! stays, in silence. So an added route is read back. A route whose gateway is a link
//! needs an address of the family on that link (ENETUNREACH), and no gateway may be
//! reached by the route itself (EADDRINUSE).
//!
//! **Deleting** never looks at the gateway: destination, netmask and scope are the key
//! (`rnh_deladdr`), so a route that somebody else has put there meanwhile would go. A
//! host's has no netmask, and where there is none, such a delete takes the longest
//! network's that begins at the address (`rn_delete` in `bsd/net/radix.c` takes the first
//! of a chain). It is read before, from the dump, and compared by key and spec. What was
//! taken away stands in the answer, whole (`route_output`, label `report`): a caller
//! compares once more, and can put back what was not meant. ESRCH says that it was gone
//! already.
//!
//! **Reading one route** cannot be done here. `RTM_GET` with a netmask is a look-up all the
//! same (`rt_lookup_common`): for an unscoped key the answer may be the scoped route of
//! the same destination on the same link, and where there is no such route, the unscoped
//! *default* route instead of ESRCH. What is there is read from the dump
//! ([`super::read_routes`]).
//!
//! **Changing** (`RTM_CHANGE`) finds its route in that same way. Aimed at a route that has
//! just gone, it changes the default route. netprof never sends it: a change is a delete
//! and an add, each of which can only meet its own key.
//!
//! Kernel: xnu, `bsd/net/rtsock.c` (`route_output`), `bsd/net/route.c`
//! (`rtrequest_common_locked`, `rt_lookup_common`, `ifa_ifwithroute_common_locked`).

use std::net::IpAddr;

use netprof_model::plan::RouteProbe;
use netprof_model::route::{Hop, Protocol, RouteKey, RouteKind, RouteSpec, rtf};
use netprof_plan::macos::put_back::{self, attribute};

use super::decode::protocol;
use super::error::Unwritable;
use super::message::{LOCKS, ROUTE_HEADER};
use super::names::Names;
use super::numbers::*;
use super::sockaddr::{Zone, Zoned, has_zone, push_ip, push_link, push_netmask};

/// `rtm_inits`: which metrics are set.
const INITS: usize = 32;

/// One message, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    bytes: Vec<u8>,
    sequence: u32,
}

/// A message while it is put together.
struct Draft {
    kind: u8,
    flags: u32,
    /// `rtm_index`.
    index: u16,
    /// `RTA_*` of what stands in `sockaddrs`.
    bits: u32,
    sockaddrs: Vec<u8>,
    /// The metrics that are set and locked: number of the bit of `RTV_*`, and value.
    metrics: Vec<(usize, u32)>,
}

impl Request {
    /// Adds a route.
    ///
    /// # Errors
    ///
    /// [`Unwritable`] where it says something that a route of macOS cannot have.
    pub fn add(
        key: &RouteKey,
        spec: &RouteSpec,
        names: &Names,
        sequence: u32,
    ) -> Result<Self, Unwritable> {
        let mut draft = Draft::of_route(RTM_ADD, key, spec, names)?;
        draft.flags |= RTF_UP | own_flags(spec)?;
        let [hop] = spec.hops.as_slice() else {
            return Err(Unwritable::NoWay);
        };
        let index = link_of(hop, names)?;
        match hop.via {
            Some(via) if via.is_ipv4() != key.dst.addr().is_ipv4() => {
                return Err(Unwritable::OtherFamily("gateway"));
            }
            Some(via) => {
                draft.flags |= rtf::GATEWAY;
                draft.push_gateway(via, index);
            }
            None => {
                draft.bits |= RTA_GATEWAY;
                push_link(&mut draft.sockaddrs, index);
            }
        }
        draft.push_netmask(key, spec);
        // A gateway that is a link names it already. To name it twice would give the route
        // the link's hardware address for a source (`rt_setif`).
        if hop.via.is_some() {
            draft.push_link(index);
        }
        for one in &spec.opaque {
            put_back::writable(one).map_err(|_| Unwritable::Attribute(one.kind))?;
            if one.kind <= attribute::LAST_METRIC
                && let Some(value) = put_back::number(&one.value)
            {
                let place = one.kind.trailing_zeros() as usize;
                draft.metrics.push((place, value));
            }
        }
        Ok(draft.finish(sequence))
    }

    /// Deletes the route with `key`. `spec` is what it is now: it tells a route to a host
    /// from one with a netmask of the same destination.
    ///
    /// # Errors
    ///
    /// [`Unwritable`] where the key is none that macOS has.
    pub fn delete(
        key: &RouteKey,
        spec: &RouteSpec,
        names: &Names,
        sequence: u32,
    ) -> Result<Self, Unwritable> {
        let mut draft = Draft::of_route(RTM_DELETE, key, spec, names)?;
        draft.push_netmask(key, spec);
        Ok(draft.finish(sequence))
    }

    /// Asks for the way to an address, as a socket would go that is bound to the link of
    /// the probe, or to none. Link and source are asked for (`RTA_IFP`; the kernel gives
    /// `RTA_IFA` with it).
    ///
    /// # Errors
    ///
    /// [`Unwritable`] where the link is not there, or a link-local address has none.
    pub fn look_up(probe: &RouteProbe, names: &Names, sequence: u32) -> Result<Self, Unwritable> {
        let mut draft = Draft::new(RTM_GET);
        if let Some(dev) = &probe.oif {
            draft.index = names.index(dev)?;
            draft.flags |= rtf::IFSCOPE;
        }
        draft.flags |= RTF_UP | rtf::HOST;
        draft.push_destination(probe.to)?;
        draft.push_link(0);
        Ok(draft.finish(sequence))
    }

    /// The bytes, for one `write`.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its number (`rtm_seq`), by which its answer is known.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.sequence
    }
}

impl Draft {
    fn new(kind: u8) -> Self {
        Self {
            kind,
            flags: 0,
            index: 0,
            bits: 0,
            sockaddrs: Vec::new(),
            metrics: Vec::new(),
        }
    }

    /// A message about the route with `key`, up to its destination.
    fn of_route(
        kind: u8,
        key: &RouteKey,
        spec: &RouteSpec,
        names: &Names,
    ) -> Result<Self, Unwritable> {
        let strange = [
            (key.table != 0, "table"),
            (key.metric != 0, "metric"),
            (key.tos != 0, "type of service"),
        ];
        if let Some((_, what)) = strange.iter().find(|(is, _)| *is) {
            return Err(Unwritable::Foreign(what));
        }
        let mut draft = Self::new(kind);
        if let Some(dev) = &key.ifscope {
            draft.index = names.index(dev)?;
            draft.flags |= rtf::IFSCOPE;
        }
        if put_back::is_host(spec) {
            if key.dst.prefix_len() != key.dst.max_prefix_len() {
                return Err(Unwritable::Attribute(attribute::NETMASK));
            }
            draft.flags |= rtf::HOST;
        }
        draft.push_destination(key.dst.addr())?;
        Ok(draft)
    }

    /// A link-local destination is of the link of the scope.
    fn push_destination(&mut self, ip: IpAddr) -> Result<(), Unwritable> {
        let local = matches!(ip, IpAddr::V6(ip) if has_zone(ip));
        if local && self.index == 0 {
            return Err(Unwritable::NoZone);
        }
        let zone = if local { self.index.into() } else { 0 };
        self.bits |= RTA_DST;
        push_ip(&mut self.sockaddrs, Zoned { ip, zone }, Zone::Scope);
        Ok(())
    }

    /// A link-local gateway is of the link of its hop.
    fn push_gateway(&mut self, ip: IpAddr, index: u16) {
        self.bits |= RTA_GATEWAY;
        let zone = index.into();
        push_ip(&mut self.sockaddrs, Zoned { ip, zone }, Zone::Embedded);
    }

    fn push_netmask(&mut self, key: &RouteKey, spec: &RouteSpec) {
        if !put_back::is_host(spec) {
            self.bits |= RTA_NETMASK;
            let v4 = key.dst.addr().is_ipv4();
            push_netmask(&mut self.sockaddrs, v4, key.dst.prefix_len());
        }
    }

    /// `RTA_IFP`.
    fn push_link(&mut self, index: u16) {
        self.bits |= RTA_IFP;
        push_link(&mut self.sockaddrs, index);
    }

    fn finish(self, sequence: u32) -> Request {
        let mut bytes = vec![0; ROUTE_HEADER];
        bytes.extend_from_slice(&self.sockaddrs);
        // 92 bytes of header, and at most 28 for each of four socket addresses.
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let mut put = |at: usize, value: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + value.len()) {
                place.copy_from_slice(value);
            }
        };
        put(0, &length.to_le_bytes());
        put(2, &[RTM_VERSION, self.kind]);
        put(4, &self.index.to_le_bytes());
        put(8, &self.flags.to_le_bytes());
        put(12, &self.bits.to_le_bytes());
        put(20, &sequence.to_le_bytes());
        let set = self.metrics.iter().fold(0u32, |set, (at, _)| set | 1 << at);
        put(INITS, &set.to_le_bytes());
        put(LOCKS, &set.to_le_bytes());
        for (place, value) in self.metrics {
            put(LOCKS + 4 + 4 * place, &value.to_le_bytes());
        }
        Request { bytes, sequence }
    }
}

/// The flags of a route that its spec says.
fn own_flags(spec: &RouteSpec) -> Result<u32, Unwritable> {
    let strange = [
        (spec.scope != 0, "scope of its own"),
        (spec.prefsrc.is_some(), "preferred source"),
        (spec.from.is_some(), "source prefix"),
        (spec.nexthop_id.is_some(), "nexthop object"),
    ];
    if let Some((_, what)) = strange.iter().find(|(is, _)| *is) {
        return Err(Unwritable::Foreign(what));
    }
    if spec.flags & !rtf::WRITABLE != 0 {
        return Err(Unwritable::Flags(spec.flags & !rtf::WRITABLE));
    }
    let kind = match spec.kind {
        RouteKind::Unicast => 0,
        RouteKind::Unreachable => rtf::REJECT,
        RouteKind::Blackhole => rtf::BLACKHOLE,
        other => return Err(Unwritable::Foreign(other.as_str())),
    };
    let mark = match spec.protocol {
        Protocol::NETPROF => rtf::PROTO1,
        // What no mark says must be what is read from the flags.
        other if other == protocol(spec.flags) => 0,
        _ => return Err(Unwritable::Foreign("protocol number but its flags")),
    };
    Ok(spec.flags | kind | mark)
}

/// The number of the link of a hop.
fn link_of(hop: &Hop, names: &Names) -> Result<u16, Unwritable> {
    if hop.onlink {
        return Err(Unwritable::Foreign("gateway that is on the link by decree"));
    }
    if hop.weight != 1 {
        return Err(Unwritable::Foreign("weight"));
    }
    names.index(hop.dev.as_deref().ok_or(Unwritable::NoWay)?)
}
