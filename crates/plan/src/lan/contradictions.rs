//! What else in the profile contradicts keeping a prefix.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::{Profile, RouteDecl, RouteTarget, Servers};

use crate::draft::Draft;
use crate::links::{Links, Meant};

/// A prefix that is to be kept.
pub(crate) struct Kept<'a, 'b> {
    pub(crate) subject: &'b str,
    pub(crate) prefix: IpNet,
    /// The links that it may be reached through.
    pub(crate) links: &'b [&'a Link],
    pub(crate) reason: &'b Reason,
    pub(crate) help: Help,
}

/// What helps against a contradiction: of a server, and of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Help {
    server: &'static str,
    route: &'static str,
}

/// Where the network of a LAN is kept.
pub(crate) const LAN: Help = Help {
    server: "the two networks overlap: one of them must be renumbered, or left out of `keep-lan`",
    route: "make the route wider than the LAN (the kept prefix then wins inside it), or leave the LAN out",
};

/// Where that of containers is.
pub(crate) const CONTAINERS: Help = Help {
    server: "the two networks overlap: give the containers another one, or leave `keep-local` out",
    route: "make the route wider than the network (the kept prefix then wins inside it), or give the containers another one",
};

/// Whether nothing else in `profile` contradicts keeping it; else it is refused, with both
/// sides named. `has_own_way` tells whether a longer route of this host's own keeps its
/// way to an address, and `way_out` the link that a declared route leaves through.
pub(crate) fn check<'a>(
    (profile, links): (&Profile, &Links<'a>),
    one: &Kept<'a, '_>,
    has_own_way: impl Fn(IpAddr) -> bool,
    way_out: impl Fn(&RouteDecl) -> Option<&'a Link>,
    draft: &mut Draft,
) -> bool {
    let before = draft.diagnostics.len();
    let dev = one.links.first().map_or("", |link| link.name.as_str());
    let Kept {
        subject,
        prefix,
        reason,
        ..
    } = *one;
    let is_home = |name: &str| one.links.iter().any(|link| link.name == name);
    for scope in &profile.scopes {
        let (Servers::Listed(servers), Some(link)) = (&scope.servers, &scope.link) else {
            continue;
        };
        // A link that is not there contradicts nothing.
        let Meant::Links(through) = links.meant(&link.value) else {
            continue;
        };
        if through.iter().all(|link| is_home(&link.name)) {
            continue;
        }
        for server in servers.iter().filter(|server| {
            let address = server.value.address;
            prefix.contains(&address) && !has_own_way(address)
        }) {
            let error = Diagnostic::error(
                "plan::kept-server",
                format!(
                    "{subject} on {dev} would cut off {}, a server of scope {} on link {}",
                    server.value, scope.name, link.value
                ),
            )
            .label("this server lies in a kept network")
            .help(one.help.server);
            draft.refuse(subject, reason, error, &server.at);
        }
    }
    let routes = profile.routes.routes.iter();
    for route in routes.filter(|route| prefix.contains(&route.prefix)) {
        let elsewhere = match route.target {
            RouteTarget::Unreachable => true,
            RouteTarget::Through { .. } => way_out(route).is_some_and(|link| !is_home(&link.name)),
        };
        if elsewhere {
            let error = Diagnostic::error(
                "plan::kept-route",
                format!(
                    "{subject} on {dev} and `route {}` contradict each other",
                    route.prefix
                ),
            )
            .label("this lies in a kept network")
            .help(one.help.route);
            draft.refuse(subject, reason, error, &route.at);
        }
    }
    draft.diagnostics.len() == before
}
