//! Whether a route that was read can be written back exactly as it was.
//!
//! A change takes a route away only if it can be put back, and not everything that the
//! kernel shows can be written. The routing socket has no attributes; what of a route has
//! no field of its own in the model stands in [`RouteSpec::opaque`] under the numbers of
//! [`attribute`], so that two routes that differ in it are never taken for equal. The
//! backend's codec writes the numbers that are allowed here and refuses the others.
//!
//! The source address that the kernel chose for a route is no part of it: the routing
//! socket takes one (`RTA_IFA`), but shows no difference between one that was asked for
//! and one that was chosen, so a route comes back with the kernel's choice.
//!
//! Kernel: xnu, `bsd/net/route.c`, `bsd/net/rtsock.c`, `bsd/netinet6/nd6_rtr.c`.

use netprof_model::route::{OpaqueAttribute, Protocol, Route, RouteSpec};

/// The numbers of [`OpaqueAttribute::kind`] on macOS, where they are netprof's own.
pub mod attribute {
    /// Up to here, the bit of `RTV_*` of a metric that is locked; its value is four bytes,
    /// the least first. Unlocked ones are the kernel's own (it follows the link's MTU).
    pub const LAST_METRIC: u16 = 0x80;
    /// `RTV_MTU`.
    pub const MTU: u16 = 0x01;
    /// `RTV_EXPIRE`, which is a lifetime and no metric: never used.
    pub const EXPIRE: u16 = 0x04;
    /// A gateway that no hop says: its socket address, as the kernel shows it. An address
    /// without `RTF_GATEWAY` is how the kernel gives a point-to-point link or `lo0` a
    /// route: by one of the link's own addresses, or that of its other end.
    pub const GATEWAY: u16 = 0x102;
    /// A route to a single address that has no netmask: [`BY_HOST`], or another value
    /// where not even that flag says what it is.
    pub const NETMASK: u16 = 0x104;
    /// By `RTF_HOST` ([`super::is_host`]).
    pub const BY_HOST: &str = "01";
    /// A mask for routes that are cloned from it: its socket address.
    pub const GENMASK: u16 = 0x108;
    /// Flags (`RTF_*`) that the kernel alone sets, and that are no passing state; four
    /// bytes, the least first.
    pub const FLAGS: u16 = 0x200;
}

/// `RTF_DYNAMIC`, `RTF_MODIFIED`.
const REDIRECTED: u32 = 0x30;
/// `RTF_LOCAL`.
const LOCAL: u32 = 0x20_0000;
/// Why a route cannot be put back as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExact {
    /// It has a lifetime: written back it would stay for ever.
    #[error("it goes by itself after a while, and would come back for good")]
    Expires,
    /// It does not say which link it goes through.
    #[error("it does not say which link it goes through")]
    NoLink,
    /// A redirect made it, or changed it.
    #[error("a router's redirect made it or changed it, and it would come back without that mark")]
    Redirected,
    /// It leads to an address of this host.
    #[error("it belongs to an address of this host")]
    OwnAddress,
    /// The kernel made it with an address of a link.
    #[error("it names its link by an address, as the kernel does for an address of that link")]
    ByAddress,
    /// The kernel's list of IPv6 routers holds it.
    #[error("it was learned from a router, and would come back as one that was not")]
    Learned,
    /// It has flags that netprof does not know how to write.
    #[error("it has flags ({0:#x}) that netprof cannot write")]
    Flags(u32),
    /// It says something that netprof does not know how to write.
    #[error("it has an attribute (number {0:#x}) that netprof cannot write")]
    Attribute(u16),
}

/// Whether `route` comes back as it is once it was taken away.
///
/// # Errors
///
/// What would be different.
pub fn can_put_back(route: &Route) -> Result<(), NotExact> {
    let spec = &route.spec;
    if route.live.expires.is_some() {
        return Err(NotExact::Expires);
    }
    for one in &spec.opaque {
        writable(one)?;
    }
    if route.devices().next().is_none() {
        return Err(NotExact::NoLink);
    }
    // Whoever writes a route says RTF_STATIC, as route(8) and configd do; the routers of
    // router advertisements are the kernel's own (`defrouter_addreq`).
    let unsigned = spec.protocol == Protocol::KERNEL;
    if unsigned && route.key.dst.addr().is_ipv6() && route.gateway().is_some() {
        return Err(NotExact::Learned);
    }
    Ok(())
}

/// Whether an attribute can be written.
///
/// # Errors
///
/// Why it cannot.
pub fn writable(one: &OpaqueAttribute) -> Result<(), NotExact> {
    let kind = one.kind;
    match kind {
        attribute::FLAGS => {
            let Some(flags) = number(&one.value) else {
                return Err(NotExact::Attribute(kind));
            };
            Err(match flags {
                flags if flags & REDIRECTED != 0 => NotExact::Redirected,
                flags if flags & LOCAL != 0 => NotExact::OwnAddress,
                flags => NotExact::Flags(flags),
            })
        }
        attribute::NETMASK => match one.value.as_str() {
            attribute::BY_HOST => Ok(()),
            _ => Err(NotExact::Attribute(kind)),
        },
        attribute::GATEWAY => Err(NotExact::ByAddress),
        attribute::EXPIRE => Err(NotExact::Attribute(kind)),
        metric if metric.is_power_of_two() && metric <= attribute::LAST_METRIC => {
            let known = number(&one.value).is_some();
            known.then_some(()).ok_or(NotExact::Attribute(kind))
        }
        _ => Err(NotExact::Attribute(kind)),
    }
}

/// Whether a route to a single address is a host's, by `RTF_HOST`, and has no netmask.
/// One that does not say so is a network's, of one address.
///
/// The difference is more than form. For a network's the kernel takes away what it has
/// cloned of wider routes for that address (`rt_fixchange`, called for what is added with
/// a netmask). For a host's it does not, and a clone, which is scoped to its link, is
/// preferred to an unscoped route through the same link (`rt_lookup_common`): packets go
/// on by the old gateway until the clone is gone. So netprof writes its own by a netmask,
/// as configd does.
///
/// The kernel keeps both for one address, and finds the host's first (`rn_match_args` in
/// `bsd/net/radix.c`). They share a [`RouteKey`](netprof_model::route::RouteKey): a
/// snapshot has two routes then, and a change says by its sides which of them it is of.
#[must_use]
pub fn is_host(spec: &RouteSpec) -> bool {
    let mut said = spec.opaque.iter();
    said.any(|one| one.kind == attribute::NETMASK && one.value == attribute::BY_HOST)
}

/// The four bytes of hexadecimal `text`, the least first, as one number.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(text, 16).ok().map(u32::swap_bytes)
}

/// `number` as [`number`] reads it.
#[must_use]
pub fn of_number(number: u32) -> String {
    format!("{:08x}", number.swap_bytes())
}

#[cfg(test)]
mod tests {
    use netprof_model::Owner;
    use netprof_model::route::{Hop, RouteKey, RouteLive, rtf};

    use super::*;

    fn route(dst: &str, via: Option<&str>) -> Route {
        Route {
            key: RouteKey::unscoped(dst.parse().unwrap()),
            spec: RouteSpec {
                hops: vec![Hop::through("en0", via.map(|via| via.parse().unwrap()))],
                protocol: Protocol::STATIC,
                flags: rtf::STATIC,
                ..RouteSpec::default()
            }
            .into(),
            live: RouteLive::default(),
            owner: Owner::Unknown,
        }
    }

    fn with(kind: u16, value: &str) -> Route {
        let mut route = route("10.0.0.0/8", Some("192.168.1.1"));
        route.spec.opaque = vec![OpaqueAttribute {
            kind,
            value: value.to_owned(),
        }];
        route
    }

    #[test]
    fn what_a_person_or_configd_wrote_can_be_put_back() {
        for route in [
            route("0.0.0.0/0", Some("192.168.1.1")),
            route("192.168.1.0/24", None),
            route("fd00::/8", Some("fe80::1")),
            with(attribute::MTU, "78050000"),
            with(attribute::NETMASK, attribute::BY_HOST),
        ] {
            assert_eq!(can_put_back(&route), Ok(()), "{route:?}");
        }
    }

    #[test]
    fn what_goes_by_itself_is_refused_even_at_its_end() {
        let mut route = route("10.0.0.0/8", None);
        route.live.expires = Some(0);
        assert_eq!(can_put_back(&route), Err(NotExact::Expires));
    }

    #[test]
    fn what_says_no_link_cannot_be_aimed() {
        let mut route = route("10.0.0.0/8", None);
        route.spec.hops.clear();
        assert_eq!(can_put_back(&route), Err(NotExact::NoLink));
    }

    #[test]
    fn what_the_kernel_says_and_nobody_can_write_is_refused() {
        for (flags, why) in [
            (0x10, NotExact::Redirected),
            (0x20_0020, NotExact::Redirected),
            (LOCAL | 0x400, NotExact::OwnAddress),
            (0x400, NotExact::Flags(0x400)),
        ] {
            let route = with(attribute::FLAGS, &of_number(flags));
            assert_eq!(can_put_back(&route), Err(why), "{flags:#x}");
        }
        for (kind, why) in [
            (attribute::GATEWAY, NotExact::ByAddress),
            (attribute::NETMASK, NotExact::Attribute(0x104)),
            (attribute::GENMASK, NotExact::Attribute(0x108)),
            (attribute::EXPIRE, NotExact::Attribute(4)),
            (3, NotExact::Attribute(3)),
            (0x300, NotExact::Attribute(0x300)),
        ] {
            let route = with(kind, "00000000");
            assert_eq!(can_put_back(&route), Err(why), "{kind:#x}");
        }
        for value in ["", "0", "+0000004", "zzzzzzzz", "0400000000"] {
            let route = with(attribute::MTU, value);
            assert_eq!(can_put_back(&route), Err(NotExact::Attribute(1)), "{value}");
        }
    }

    #[test]
    fn an_ipv6_route_that_nobody_signed_was_learned_from_a_router() {
        let mut learned = route("::/0", Some("fe80::1"));
        learned.spec.protocol = Protocol::KERNEL;
        assert_eq!(can_put_back(&learned), Err(NotExact::Learned));
        learned.spec.protocol = Protocol::NETPROF;
        assert_eq!(can_put_back(&learned), Ok(()));
        let mut connected = route("fd00::/64", None);
        connected.spec.protocol = Protocol::KERNEL;
        assert_eq!(can_put_back(&connected), Ok(()));
    }

    #[test]
    fn a_single_address_is_a_networks_unless_it_says_that_it_is_a_hosts() {
        let host = |flags, opaque: &[(u16, &str)]| {
            let mut route = route("10.0.0.1/32", None);
            route.spec.flags = flags;
            route.spec.opaque = opaque
                .iter()
                .map(|(kind, value)| OpaqueAttribute {
                    kind: *kind,
                    value: (*value).to_owned(),
                })
                .collect();
            is_host(&route.spec)
        };
        assert!(!host(rtf::STATIC, &[]));
        assert!(!host(rtf::CLONING, &[]));
        assert!(!host(0, &[(attribute::MTU, attribute::BY_HOST)]));
        assert!(!host(0, &[(attribute::NETMASK, "00")]));
        let by_host = (attribute::NETMASK, attribute::BY_HOST);
        assert!(host(rtf::STATIC, &[by_host]));
        assert!(host(rtf::CLONING, &[(attribute::MTU, "78050000"), by_host]));
    }

    #[test]
    fn numbers_go_both_ways() {
        for n in [0, 1400, 0x0102_0304, u32::MAX] {
            assert_eq!(number(&of_number(n)), Some(n));
        }
        assert_eq!(of_number(0x0102_0304), "04030201");
    }
}
