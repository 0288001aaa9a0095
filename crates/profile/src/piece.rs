//! A profile as it is written, before includes are merged.
//!
//! It is a list of pieces, each with a key: two pieces of one key say something
//! about the same thing, so only one of them can hold.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::block::Block;
use netprof_model::profile::{
    ClampMss, Docker, Export, KeepLan, LinkDecl, Mtu, Podman, ProxyUrl, RouteDecl, Scope, Spanned,
    When,
};
use netprof_model::snapshot::Os;
use netprof_model::{Location, Name};

use crate::digest::digest;

/// One profile of a file.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) name: Name,
    pub(crate) description: Option<String>,
    pub(crate) when: Option<When>,
    pub(crate) body: Body,
    pub(crate) os: Vec<(Os, Body)>,
    pub(crate) at: Location,
}

impl Written {
    /// The bodies that hold on `os`: the profile's own, then its blocks for it.
    pub(crate) fn bodies(&self, os: Os) -> impl Iterator<Item = &Body> {
        let blocks = self.os.iter().filter(move |(of, _)| *of == os);
        std::iter::once(&self.body).chain(blocks.map(|(_, body)| body))
    }
}

/// What stands in a profile, or in an `os` block of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) includes: Vec<Spanned<Name>>,
    pub(crate) removals: Vec<Removal>,
    pub(crate) pieces: Vec<Piece>,
    /// The links that it declares or means to: also those with an error.
    pub(crate) links: Vec<Name>,
}

/// Something that an include brought, and that is not wanted.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) what: Wanted,
    pub(crate) at: Location,
}

/// Which pieces a removal means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    /// The piece of this key.
    One(Key),
    /// The routes to this prefix, whatever their metric.
    Routes(IpNet),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(key) => key.fmt(f),
            Self::Routes(prefix) => write!(f, "route \"{prefix}\""),
        }
    }
}

/// One thing that a profile says. Where there are many, nearly all of them are routes:
/// what is larger than a route has a place of its own.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Link(Box<LinkDecl>),
    Scope(Box<Scope>),
    KeepLocalhost(Location),
    KeepLan(KeepLan),
    Route(RouteDecl),
    KeepLocal(Location),
    Docker(Docker),
    Podman(Podman),
    Proxy(ProxyKind, Spanned<ProxyUrl>),
    Bypass(Vec<Spanned<String>>, Location),
    Export(Vec<Spanned<Export>>, Location),
    Mtu(Mtu),
    ClampMss(ClampMss),
}

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ProxyKind {
    Http,
    Https,
    Socks,
    Pac,
}

impl ProxyKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks => "socks",
            Self::Pac => "pac",
        }
    }
}

/// What a piece is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Link(Name),
    Scope(Name),
    KeepLocalhost,
    KeepLan,
    /// A prefix and a metric, as the kernel tells routes apart.
    Route(Block, u32),
    KeepLocal,
    Docker,
    Podman,
    Proxy(ProxyKind),
    Bypass,
    Export,
    Mtu(Name),
    ClampMss(Name),
}

impl Key {
    /// The key of a route. A route without a metric has the kernel's: 0, and 1024
    /// for IPv6, where 0 means that, too (net/ipv6/route.c, `IP6_RT_PRIO_USER`).
    pub(crate) fn route(prefix: IpNet, metric: Option<u32>) -> Self {
        Self::Route(prefix.into(), effective_metric(prefix, metric))
    }

    /// The key that stands for all routes to a prefix, before the others of them.
    pub(crate) fn any_route(prefix: IpNet) -> Self {
        Self::Route(prefix.into(), 0)
    }

    /// Whether both are the same, or routes to one prefix.
    pub(crate) fn is_near(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Route(to, _), Self::Route(other, _)) => to == other,
            _ => self == other,
        }
    }
}

/// The metric that the kernel gives a route.
pub(crate) fn effective_metric(prefix: IpNet, metric: Option<u32>) -> u32 {
    match (prefix.addr(), metric.unwrap_or(0)) {
        (IpAddr::V6(_), 0) => 1024,
        (_, metric) => metric,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(name) => write!(f, "link \"{name}\""),
            Self::Scope(name) => write!(f, "scope \"{name}\""),
            Self::KeepLocalhost => f.write_str("keep-localhost"),
            Self::KeepLan => f.write_str("keep-lan"),
            Self::Route(to, metric) => {
                let prefix = IpNet::from(*to);
                write!(f, "route \"{prefix}\"")?;
                if *metric == effective_metric(prefix, None) {
                    return Ok(());
                }
                write!(f, " metric={metric}")
            }
            Self::KeepLocal => f.write_str("keep-local"),
            Self::Docker => f.write_str("docker"),
            Self::Podman => f.write_str("podman"),
            Self::Proxy(kind) => f.write_str(kind.as_str()),
            Self::Bypass => f.write_str("bypass"),
            Self::Export => f.write_str("export"),
            Self::Mtu(link) => write!(f, "mtu \"{link}\""),
            Self::ClampMss(link) => write!(f, "clamp-mss \"{link}\""),
        }
    }
}

impl Piece {
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Link(link) => Key::Link(link.name.clone()),
            Self::Scope(scope) => Key::Scope(scope.name.clone()),
            Self::KeepLocalhost(_) => Key::KeepLocalhost,
            Self::KeepLan(_) => Key::KeepLan,
            Self::Route(route) => Key::route(route.prefix, route.metric),
            Self::KeepLocal(_) => Key::KeepLocal,
            Self::Docker(_) => Key::Docker,
            Self::Podman(_) => Key::Podman,
            Self::Proxy(kind, _) => Key::Proxy(*kind),
            Self::Bypass(..) => Key::Bypass,
            Self::Export(..) => Key::Export,
            Self::Mtu(mtu) => Key::Mtu(mtu.link.value.clone()),
            Self::ClampMss(clamp) => Key::ClampMss(clamp.link.value.clone()),
        }
    }

    /// The links that it uses.
    pub(crate) fn uses(&self) -> &[Spanned<Name>] {
        match self {
            Self::Scope(scope) => scope.link.as_slice(),
            Self::KeepLan(keep) => &keep.links,
            Self::Route(route) => route.target.link().map_or(&[], std::slice::from_ref),
            Self::Mtu(mtu) => std::slice::from_ref(&mtu.link),
            Self::ClampMss(clamp) => std::slice::from_ref(&clamp.link),
            _ => &[],
        }
    }

    pub(crate) fn at(&self) -> &Location {
        match self {
            Self::Link(link) => &link.at,
            Self::Scope(scope) => &scope.at,
            Self::KeepLan(keep) => &keep.at,
            Self::Route(route) => &route.at,
            Self::Docker(docker) => &docker.at,
            Self::Podman(podman) => &podman.at,
            Self::Proxy(_, url) => &url.at,
            Self::Mtu(mtu) => &mtu.at,
            Self::ClampMss(clamp) => &clamp.at,
            Self::KeepLocalhost(at)
            | Self::KeepLocal(at)
            | Self::Bypass(_, at)
            | Self::Export(_, at) => at,
        }
    }

    /// What it says, wherever it is written: of two pieces of one key that say the same
    /// this is equal.
    pub(crate) fn said(&self) -> Cow<'_, str> {
        // The serialised form, which is hashed, leaves places out.
        Cow::Owned(match self {
            // Their key says it all.
            Self::KeepLocalhost(_) | Self::KeepLocal(_) | Self::ClampMss(_) => String::new(),
            Self::Link(link) => digest(link),
            Self::Scope(scope) => digest(scope),
            Self::KeepLan(keep) => digest(keep),
            Self::Route(route) => digest(route),
            Self::Docker(docker) => digest(docker),
            Self::Podman(podman) => digest(podman),
            // The serialised form leaves passwords out, too.
            Self::Proxy(_, url) => return Cow::Borrowed(url.value.secret()),
            Self::Bypass(hosts, _) => digest(hosts),
            Self::Export(places, _) => digest(places),
            Self::Mtu(mtu) => digest(mtu),
        })
    }
}
