//! What the Docker daemon answers: as much of it as is about addresses.
//!
//! The shapes are those of the Engine API (api/swagger.yaml of moby): `SystemInfo`,
//! `Network` and `ContainerSummary`. That `SystemInfo` tells of pools is new with version
//! 1.41, which is Docker 20.10; an older daemon does not say what it goes by.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::engine::{EngineNetworks, EnginePool};
use serde::Deserialize;

/// The first version whose daemons tell of their pools.
const TELLS_POOLS: (u32, u32) = (1, 41);

/// Of `GET /info`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    default_address_pools: Option<Vec<Pool>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pool {
    base: IpNet,
    size: u8,
}

/// Of `GET /networks/bridge`.
#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPAM")]
    ipam: Ipam,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    #[serde(default)]
    config: Option<Vec<Subnet>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Subnet {
    subnet: IpNet,
    #[serde(default)]
    gateway: Option<IpAddr>,
}

/// Of `GET /containers/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    names: Vec<String>,
}

/// What a daemon goes by, from its answers about itself and about its default bridge;
/// none where it has no such bridge.
///
/// # Errors
///
/// It says something else than its interface promises, or is too old to say it.
pub fn networks(
    version: Option<(u32, u32)>,
    info: &[u8],
    bridge: Option<&[u8]>,
) -> Result<EngineNetworks, String> {
    if version < Some(TELLS_POOLS) {
        return Err("this Docker does not tell where it cuts its networks from".to_owned());
    }
    let info: Info = parse(info)?;
    let pools = info.default_address_pools.unwrap_or_default();
    Ok(EngineNetworks {
        bridge: bridge.map(bridge_address).transpose()?.flatten(),
        pools: pools
            .into_iter()
            .map(|Pool { base, size }| EnginePool { base, size })
            .collect(),
    })
}

/// The address of the default bridge: its gateway, with the length of its subnet. A second
/// subnet is that of IPv6.
fn bridge_address(bytes: &[u8]) -> Result<Option<IpNet>, String> {
    let network: Network = parse(bytes)?;
    let subnets = network.ipam.config.unwrap_or_default();
    let first = subnets.iter().find(|one| one.subnet.addr().is_ipv4());
    Ok(first.and_then(|one| IpNet::new(one.gateway?, one.subnet.prefix_len()).ok()))
}

/// The names of the containers that run, in order.
///
/// # Errors
///
/// It says something else than its interface promises.
pub fn containers(bytes: &[u8]) -> Result<Vec<String>, String> {
    let all: Vec<Container> = parse(bytes)?;
    let names = all
        .into_iter()
        .filter_map(|one| one.names.into_iter().next());
    let mut names: Vec<String> = names
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn parse<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("Docker says what is unknown: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &[u8] = br#"{"ID":"x","DefaultAddressPools":[
        {"Base":"10.201.0.0/16","Size":24},{"Base":"fd00:1::/48","Size":64}],"Warnings":null}"#;
    const BRIDGE: &[u8] = br#"{"Name":"bridge","IPAM":{"Driver":"default","Options":null,"Config":[
        {"Subnet":"fd00::/64","Gateway":"fd00::1"},{"Subnet":"172.30.0.0/24","Gateway":"172.30.0.1"}]}}"#;

    #[test]
    fn what_a_daemon_goes_by_is_read() {
        let read = networks(Some((1, 41)), INFO, Some(BRIDGE)).unwrap();
        assert_eq!(read.bridge.unwrap().to_string(), "172.30.0.1/24");
        let pools: Vec<String> = read
            .pools
            .iter()
            .map(|one| format!("{} {}", one.base, one.size))
            .collect();
        assert_eq!(pools, ["10.201.0.0/16 24", "fd00:1::/48 64"]);
    }

    #[test]
    fn what_was_not_configured_is_none() {
        let empty = br#"{"IPAM":{"Config":null}}"#;
        for bridge in [
            None,
            Some(&empty[..]),
            Some(br#"{"IPAM":{"Config":[{"Subnet":"10.0.0.0/8"}]}}"#),
        ] {
            let read = networks(Some((1, 52)), b"{}", bridge).unwrap();
            assert_eq!(read, EngineNetworks::default());
        }
    }

    #[test]
    fn an_old_daemon_and_one_that_talks_nonsense_are_not_known() {
        for version in [None, Some((1, 40)), Some((0, 99))] {
            assert!(
                networks(version, INFO, None)
                    .unwrap_err()
                    .contains("does not tell")
            );
        }
        assert!(networks(Some((2, 0)), b"1", None).is_err());
        assert!(networks(Some((1, 41)), INFO, Some(b"{}")).is_err());
        assert!(containers(b"{}").is_err());
    }

    #[test]
    fn containers_go_by_their_first_names() {
        let all = br#"[{"Names":["/web","/link/web"]},{"Names":[]},{"Names":["/db"]}]"#;
        assert_eq!(containers(all).unwrap(), ["db", "web"]);
    }
}
