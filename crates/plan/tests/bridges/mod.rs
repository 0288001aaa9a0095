//! The law of containers: whoever keeps them reaches them. Engines have no bridges on a Mac.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Snapshot;
use netprof_model::profile::{Containers, Docker, Podman, Pool, Profile};
use proptest::prelude::*;

use crate::carried_out::carried_out;
use crate::law::words::{at, spanned};
use crate::law::{Kernel, Verdict, made};

/// Keeps the networks of containers, with these pools of Docker's and of Podman's.
pub(crate) fn containers(docker: &[&str], podman: &[&str]) -> Containers {
    let pools = |all: &[&str]| -> Vec<Pool> {
        let pool = |one: &&str| Pool {
            prefix: one.parse().unwrap(),
            size: 24,
            at: at(),
        };
        all.iter().map(pool).collect()
    };
    let (docker, podman) = (pools(docker), pools(podman));
    Containers {
        keep_local: Some(spanned(())),
        docker: (!docker.is_empty()).then(|| Docker {
            bridge: None,
            pools: docker,
            at: at(),
        }),
        podman: (!podman.is_empty()).then(|| Podman {
            subnet: None,
            pools: podman,
            at: at(),
        }),
    }
}

/// Those of every engine's network, but for this host's own and for what the LAN has.
pub(crate) fn every_address_of_containers_stays_on_their_bridge(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    if profile.containers.keep_local.is_none() {
        return Ok(());
    }
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    let kernel = Kernel::of(&done);
    let addresses = machine.addresses.items();
    let bridges = addresses
        .iter()
        .filter_map(|one| Some((one, machine.link(&one.dev)?)))
        .filter(|(_, link)| link.owner.is_engine());
    for (address, bridge) in bridges {
        let network = address.local.trunc();
        let all = network.hosts().step_by(61).take(2_000);
        let last = match network {
            IpNet::V4(net) => Some(IpAddr::V4((u32::from(net.broadcast()) - 1).into())),
            IpNet::V6(_) => None,
        };
        for to in all
            .chain(last)
            .filter(|to| *to != address.local.addr() && *to != network.network())
        {
            let route = kernel.route(to);
            prop_assert!(
                route.is_some_and(|route| route.goes_through(&bridge.name)),
                "{to} goes by {route:?}"
            );
        }
    }
    Ok(())
}
