//! Profiles, drawn from what a system's tests have to offer.

use netprof_model::profile::{Containers, LinkDecl, Mtu, Profile, Proxy, RouteDecl, Routes, Scope};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::Drawn;
use super::words::{self, at, keep_lan, name, spanned};

/// What the profiles of a system are drawn from.
#[derive(Clone)]
pub(crate) struct Palette {
    /// The links, which every profile names.
    pub(crate) links: Vec<LinkDecl>,
    /// The scopes: any of them.
    pub(crate) scopes: Vec<Scope>,
    /// The routes: any of them.
    pub(crate) routes: Vec<RouteDecl>,
    /// Networks behind the LAN that are kept: any of them.
    pub(crate) also: Vec<&'static str>,
    /// The gateway of those.
    pub(crate) via: Vec<Option<&'static str>>,
    /// The sizes of packets: any of them.
    pub(crate) mtu: Vec<Mtu>,
    /// The links whose connections are told a smaller segment: any of them.
    pub(crate) clamp_mss: Vec<&'static str>,
    /// The proxies: one or none of them.
    pub(crate) proxies: Vec<Proxy>,
    /// What it says of containers: one or none of these.
    pub(crate) containers: Vec<Containers>,
}

pub(crate) fn profiles(from: Palette) -> impl Strategy<Value = Drawn<Profile>> {
    let Palette {
        links,
        scopes,
        routes,
        also,
        via,
        mtu,
        clamp_mss,
        proxies,
        containers,
    } = from;
    let kept = (any::<bool>(), any_of(also), select(via))
        .prop_map(|(named, also, via)| keep_lan(named, &also, via));
    let routes = (any::<bool>(), proptest::option::of(kept), any_of(routes)).prop_map(
        |(localhost, keep_lan, routes)| Routes {
            keep_localhost: localhost.then(|| spanned(())),
            keep_lan,
            routes,
        },
    );
    let proxy = select(
        std::iter::once(None)
            .chain(proxies.into_iter().map(Some))
            .collect::<Vec<_>>(),
    );
    let containers = select(
        std::iter::once(Containers::default())
            .chain(containers)
            .collect::<Vec<_>>(),
    );
    let sizes = (any_of(mtu), any_of(clamp_mss));
    let all = (any_of(scopes), routes, sizes, proxy, containers);
    all.prop_map(move |(scopes, routes, sizes, proxy, containers)| {
        let (mtu, clamp_mss) = sizes;
        let profile = Profile {
            scopes,
            routes,
            containers,
            proxy,
            mtu,
            clamp_mss: clamp_mss.into_iter().map(words::clamp_mss).collect(),
            ..empty(links.clone())
        };
        let text = netprof_profile::show(&profile);
        Drawn::new(profile, text)
    })
}

/// A profile that names links and wants nothing.
pub(crate) fn empty(links: Vec<LinkDecl>) -> Profile {
    Profile {
        name: name("generated"),
        description: None,
        links,
        scopes: Vec::new(),
        routes: Routes::default(),
        containers: Containers::default(),
        proxy: None,
        mtu: Vec::new(),
        clamp_mss: Vec::new(),
        when: None,
        at: at(),
    }
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(all: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let most = all.len();
    subsequence(all, 0..=most)
}
