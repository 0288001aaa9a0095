//! A profile out of the pieces that hold.

use netprof_model::Location;
use netprof_model::profile::{Containers, LinkDecl, Profile, Proxy, Routes, Scope, Spanned};

use crate::piece::{Piece, ProxyKind, Written};

/// The profile that says what `pieces` say, in their order.
pub(crate) fn assemble<'w>(
    root: &Written,
    pieces: impl ExactSizeIterator<Item = &'w Piece>,
) -> Profile {
    let mut profile = Profile {
        name: root.name.clone(),
        description: root.description.clone(),
        links: Vec::new(),
        scopes: Vec::new(),
        routes: Routes::default(),
        containers: Containers::default(),
        proxy: None,
        mtu: Vec::new(),
        clamp_mss: Vec::new(),
        when: root.when.clone(),
        at: root.at.clone(),
    };
    // Where there are many pieces, nearly all of them are routes.
    profile.routes.routes.reserve_exact(pieces.len());
    let flag = |at: &Location| {
        Some(Spanned {
            value: (),
            at: at.clone(),
        })
    };
    for piece in pieces {
        match piece {
            Piece::Link(link) => profile.links.push(LinkDecl::clone(link)),
            Piece::Scope(scope) => profile.scopes.push(Scope::clone(scope)),
            Piece::KeepLocalhost(at) => profile.routes.keep_localhost = flag(at),
            Piece::KeepLan(keep) => profile.routes.keep_lan = Some(keep.clone()),
            Piece::Route(route) => profile.routes.routes.push(route.clone()),
            Piece::KeepLocal(at) => profile.containers.keep_local = flag(at),
            Piece::Docker(docker) => profile.containers.docker = Some(docker.clone()),
            Piece::Podman(podman) => profile.containers.podman = Some(podman.clone()),
            Piece::Proxy(kind, url) => {
                let proxy = proxy_of(&mut profile, &url.at);
                *match kind {
                    ProxyKind::Http => &mut proxy.http,
                    ProxyKind::Https => &mut proxy.https,
                    ProxyKind::Socks => &mut proxy.socks,
                    ProxyKind::Pac => &mut proxy.pac,
                } = Some(url.clone());
            }
            Piece::Bypass(hosts, at) => proxy_of(&mut profile, at).bypass = hosts.clone(),
            Piece::Export(places, at) => proxy_of(&mut profile, at).export = places.clone(),
            Piece::Mtu(mtu) => profile.mtu.push(mtu.clone()),
            Piece::ClampMss(clamp) => profile.clamp_mss.push(clamp.clone()),
        }
    }
    profile
}

fn proxy_of<'p>(profile: &'p mut Profile, at: &Location) -> &'p mut Proxy {
    profile.proxy.get_or_insert_with(|| Proxy {
        http: None,
        https: None,
        socks: None,
        pac: None,
        bypass: Vec::new(),
        export: Vec::new(),
        at: at.clone(),
    })
}
