//! What else in the profile contradicts keeping a prefix.

use netprof_model::Diagnostic;
use netprof_model::profile::{RouteTarget, Servers};

use super::{Home, Kept};
use crate::draft::Draft;
use crate::links::Meant;
use crate::linux::{MAIN, routes};

/// Whether nothing else in the profile contradicts keeping `one`; else it is refused,
/// with both sides named.
pub(super) fn check(home: &Home, one: &Kept, draft: &mut Draft) -> bool {
    let before = draft.diagnostics.len();
    let dev = one.link().map_or("", |link| link.name.as_str());
    let Kept {
        subject,
        prefix,
        reason,
        ..
    } = one;
    let is_home = |name: &str| one.links.iter().any(|link| link.name == name);
    for scope in &home.ground.profile.scopes {
        let (Servers::Listed(servers), Some(link)) = (&scope.servers, &scope.link) else {
            continue;
        };
        // A link that is not there contradicts nothing.
        let Meant::Links(links) = home.ground.links.meant(&link.value) else {
            continue;
        };
        if links.iter().all(|link| is_home(&link.name)) {
            continue;
        }
        // A longer route of this host's own keeps its way, and the server with it.
        let has_own_way = |address| {
            let route = home.ground.fib.in_table(MAIN, address, None);
            route.is_some_and(|route| {
                route.key.dst.prefix_len() > prefix.prefix_len()
                    && home.keeps_its_way(route, *prefix)
            })
        };
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
            .help("the two networks overlap: one of them must be renumbered, or left out of `keep-lan`");
            draft.refuse(subject, reason, error, &server.at);
        }
    }
    for route in &home.ground.profile.routes.routes {
        let elsewhere = match route.target {
            RouteTarget::Unreachable => true,
            RouteTarget::Through { .. } => {
                routes::way_out(home.ground, route).is_some_and(|link| !is_home(&link.name))
            }
        };
        if elsewhere && prefix.contains(&route.prefix) {
            let error = Diagnostic::error(
                "plan::kept-route",
                format!("{subject} on {dev} and `route {}` contradict each other", route.prefix),
            )
            .label("this lies in a kept network")
            .help("make the route wider than the LAN (the kept prefix then wins inside it), or leave the LAN out");
            draft.refuse(subject, reason, error, &route.at);
        }
    }
    draft.diagnostics.len() == before
}
