//! Subnets that collide with nothing known.

use ipnet::IpNet;
use netprof_model::profile::{RouteTarget, Servers};
use netprof_model::space;

use super::Ground;
use super::tract::Tract;

/// All addresses that somebody has, or that were proposed already.
pub(super) struct Taken {
    all: Vec<IpNet>,
}

impl Taken {
    /// What profile and machine tell of, with the `tracts` of containers.
    pub(super) fn of(ground: &Ground, tracts: &[Tract]) -> Self {
        let (profile, base) = (ground.profile, ground.base);
        let routes = base.routes.items().iter().map(|route| route.key.dst);
        let addresses = base.addresses.items().iter().map(|one| one.local.trunc());
        let servers = profile
            .scopes
            .iter()
            .flat_map(|scope| match &scope.servers {
                Servers::Listed(servers) => servers.as_slice(),
                _ => &[],
            });
        let servers = servers.map(|server| IpNet::from(server.value.address));
        let declared = profile.routes.routes.iter().flat_map(|route| {
            let via = match route.target {
                RouteTarget::Through { via, .. } => via.map(IpNet::from),
                RouteTarget::Unreachable => None,
            };
            [Some(route.prefix), via].into_iter().flatten()
        });
        let also = profile.routes.keep_lan.iter().flat_map(|lan| &lan.also);
        let all = routes
            .chain(addresses)
            .chain(tracts.iter().map(|tract| tract.prefix))
            .chain(servers)
            .chain(declared)
            .chain(also.map(|also| also.prefix));
        let matters = |net: &IpNet| {
            let mut private = space::PRIVATE.iter();
            !space::is_way_out(net) && private.any(|private| space::overlap(private, net))
        };
        let mut all: Vec<IpNet> = all.filter(matters).collect();
        // Sorted, what lies in one follows it.
        all.sort_unstable();
        all.dedup_by(|one, wide| wide.contains(&*one));
        Self { all }
    }

    /// One that is as large as `prefix`, and that will not be proposed again.
    pub(super) fn propose(&mut self, prefix: IpNet) -> Option<IpNet> {
        let free = space::free(prefix, self.all.iter().copied())?;
        self.all.push(free);
        Some(free)
    }
}
