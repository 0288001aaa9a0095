//! Pieces of profiles, for those that are drawn.

use std::sync::Arc;

use netprof_model::dns::DnsServer;
use netprof_model::plan::ProfileRef;
use netprof_model::profile::{
    Also, ClampMss, KeepLan, LinkDecl, LinkMatch, Mtu, Profile, Proxy, RouteDecl, RouteTarget,
    Scope, Servers, Spanned,
};
use netprof_model::{Location, Name};

pub(crate) fn at() -> Location {
    let file: Arc<str> = "generated.kdl".into();
    Location::of(&file, "", 0, 0)
}

pub(crate) fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, at: at() }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn reference(profile: &Profile) -> ProfileRef {
    ProfileRef {
        name: profile.name.to_string(),
        file: "generated.kdl".to_owned(),
        sha256: String::new(),
    }
}

/// A scope that is asked through `link`, and searched by its first domain.
pub(crate) fn scope(scope: &str, link: Option<&str>, domains: &[&str], server: &str) -> Scope {
    let domain = |one: &&str| spanned((*one).to_owned());
    let (address, port) = match server.parse::<std::net::SocketAddr>() {
        Ok(both) => (both.ip(), Some(both.port())),
        Err(_) => (server.parse().unwrap(), None),
    };
    Scope {
        name: name(scope),
        domains: domains.iter().map(domain).collect(),
        search: domains.iter().take(1).map(domain).collect(),
        servers: Servers::Listed(vec![spanned(DnsServer {
            port,
            ..DnsServer::at(address)
        })]),
        link: link.map(|link| spanned(name(link))),
        default_route: false,
        durable: false,
        at: at(),
    }
}

pub(crate) fn route(
    prefix: &str,
    via: Option<&str>,
    link: Option<&str>,
    metric: Option<u32>,
) -> RouteDecl {
    RouteDecl {
        prefix: prefix.parse().unwrap(),
        target: match (via, link) {
            (None, None) => RouteTarget::Unreachable,
            (via, link) => RouteTarget::Through {
                via: via.map(|via| via.parse().unwrap()),
                link: link.map(|link| spanned(name(link))),
            },
        },
        metric,
        src: None,
        replace: false,
        at: at(),
    }
}

pub(crate) fn mtu(link: &str, bytes: u32) -> Mtu {
    Mtu {
        link: spanned(name(link)),
        bytes,
        at: at(),
    }
}

/// Nothing, told to nobody.
pub(crate) fn proxy() -> Proxy {
    Proxy {
        http: None,
        https: None,
        socks: None,
        pac: None,
        bypass: Vec::new(),
        export: Vec::new(),
        at: at(),
    }
}

pub(crate) fn clamp_mss(link: &str) -> ClampMss {
    ClampMss {
        link: spanned(name(link)),
        at: at(),
    }
}

/// Keeps the link `lan`, or every link; and networks behind it.
pub(crate) fn keep_lan(named: bool, also: &[&str], via: Option<&str>) -> KeepLan {
    KeepLan {
        links: if named {
            vec![spanned(name("lan"))]
        } else {
            Vec::new()
        },
        allow_public: false,
        also: also
            .iter()
            .map(|prefix| Also {
                prefix: prefix.parse().unwrap(),
                via: via.map(|via| via.parse().unwrap()),
                at: at(),
            })
            .collect(),
        at: at(),
    }
}

pub(crate) fn link(link: &str, pattern: &str) -> LinkDecl {
    LinkDecl {
        name: name(link),
        optional: true,
        many: false,
        matching: LinkMatch {
            name: Some(pattern.to_owned()),
            ..LinkMatch::default()
        },
        at: at(),
    }
}
