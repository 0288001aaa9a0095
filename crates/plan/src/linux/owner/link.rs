//! Who made a link.
//!
//! The surest witness is the process that holds a tunnel's device open. A name is the
//! weakest: anybody may call a link `docker0`. So a name counts only together with
//! something else that its program leaves: the program itself, its tables, its chains, its
//! addresses. Where nothing better could be looked at, a kind and a name that are a
//! program's custom together still count, and the trail says so.
//!
//! | link | and | whose, and where it is written |
//! |--|--|--|
//! | `tailscale*` tun | tailscaled runs, or an address of 100.64.0.0/10 or fd7a:115c:a1e0::/48 | tailscale, net/tsaddr/tsaddr.go |
//! | `wg0-mullvad`, formerly `wg-mullvad`, tun or wireguard | a route in its table, or mullvad-daemon runs | mullvadvpn-app, talpid-wireguard/src (`MULLVAD_INTERFACE_NAME`) |
//! | `CloudflareWARP` tun | a route in its table, or warp-svc runs | closed; as users show it |
//! | `cscotun*` tun | vpnagentd runs | closed; as users show it |
//! | `gpd*` tun | PanGPS runs | closed; as users show it |
//! | `zcctun*` tun | zstunnel or zsaservice runs | closed; as users show it |
//! | `ipsec*` tun | a route in table 220, or charon runs | strongswan, src/libcharon/plugins/kernel_libipsec/kernel_libipsec_plugin.c |
//! | `vnet*` tun | libvirtd or virtqemud runs | libvirt, src/util/virnetdev.h (`VIR_NET_GENERATED_VNET_PREFIX`) |
//! | wireguard, or a tun of wireguard-go's or boringtun's | a route in its table, or a file of wg-quick's | wireguard-tools, src/wg-quick/linux.bash |
//! | any bridge | `docker-bridges` has a chain for it, or Docker's own chains of iptables ask for it | moby, bridge/internal/nftabler/network.go, iptabler/network.go |
//! | any bridge | `lxd` or `incus` has a chain for it | lxd and incus, firewall/drivers/drivers_nftables_templates.go |
//! | `docker0`, `docker_gwbridge`, `br-` and 12 digits | dockerd runs, its chains, or 02:42 before its hardware address | moby, libnetwork/drivers/bridge; netutils/utils.go (`genMAC`; 28 and later draw all of it) |
//! | `podman*`, `cni-podman*` | netavark's chains | podman, libpod/network (`CNIDeviceName`) |
//! | `virbr*` | its chains, or 52:54:00 | libvirt, src/conf/network_conf.c (`virNetworkSetBridgeMacAddr`) |
//! | `lxdbr*`, `lxcbr*`, `incusbr*` | their chains, or 00:16:3e (`lxcbr0`) | lxc, config/init/common/lxc-net.in |

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::evidence::{ClueKind, Trail};
use netprof_model::link::{Address, Link};

use super::program::by_program;

/// A process that holds a tunnel's device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// What it calls itself. A process may call itself anything.
    pub name: String,
    /// The file of its program, where that may be seen.
    pub program: Option<String>,
}

impl Holder {
    /// Who it stands for: by its program, where that is known, else by its name.
    #[must_use]
    pub fn owner(&self) -> Owner {
        let Some(program) = &self.program else {
            return by_program(&self.name);
        };
        // Its openvpn, whatever it is called there.
        if program.starts_with("/opt/awsvpnclient/") {
            return Owner::AwsVpn;
        }
        let program = program.strip_suffix(" (deleted)").unwrap_or(program);
        by_program(program.rsplit('/').next().unwrap_or(program))
    }

    fn say(&self, trail: &mut impl Trail) {
        let program = self.program.as_deref().unwrap_or(&self.name);
        trail.clue(
            ClueKind::Process,
            format_args!("process {} ({program}) holds its device open", self.pid),
        );
    }
}

/// What was found beside the links.
#[derive(Clone, Copy, Debug)]
pub struct Clues<'a> {
    /// The processes that hold tunnels, by the name of the tunnel.
    pub holders: &'a HashMap<String, Holder>,
    /// The programs that run, with the number of a process of each.
    pub running: &'a HashMap<Owner, u32>,
    /// The links that routes go through in the table of some VPN.
    pub partners: &'a HashMap<String, (u32, Owner)>,
    /// The links that wg-quick has a file for.
    pub settings: &'a HashSet<String>,
    /// The addresses.
    pub addresses: &'a [Address],
    /// Who has chains in the firewall; none where that was not read.
    pub chains: Option<&'a HashSet<Owner>>,
    /// The links that an engine's own chains name.
    pub named: &'a HashMap<String, Owner>,
}

/// Whether a process holds such a link's device open.
#[must_use]
pub fn is_held(link: &Link) -> bool {
    // Taps, too: the kernel calls both kinds so.
    link.kind.as_deref() == Some("tun")
}

/// Whose program, where it runs, tells that such a link is its own.
#[must_use]
pub fn told_by(link: &Link) -> Option<Owner> {
    match link.kind.as_deref() {
        Some("tun") => tunnel(&link.name),
        Some("wireguard") => tunnel(&link.name).filter(|owner| *owner == Owner::Mullvad),
        Some("bridge") => engine(&link.name),
        _ => None,
    }
}

/// Who made `link`.
pub fn of_link(link: &Link, clues: &Clues<'_>, trail: &mut impl Trail) -> Owner {
    if link.loopback {
        trail.clue(
            ClueKind::Kind,
            format_args!("{} is a loopback link", link.name),
        );
        return Owner::Kernel;
    }
    let holder = clues.holders.get(&link.name);
    let held_by = holder.map_or(Owner::Unknown, Holder::owner);
    if let Some(holder) = holder
        && held_by != Owner::Unknown
    {
        holder.say(trail);
        if held_by != Owner::Wireguard {
            return held_by;
        }
    }
    let kind = link.kind.as_deref().unwrap_or_default();
    match kind {
        "wireguard" => {
            trail.clue(
                ClueKind::Kind,
                format_args!("{} is a WireGuard link", link.name),
            );
            of_wireguard(link, clues, trail)
        }
        _ if held_by == Owner::Wireguard => of_wireguard(link, clues, trail),
        "tun" => by_partner(link, clues, trail)
            .or_else(|| of_tunnel(link, clues, trail))
            .unwrap_or_default(),
        "bridge" => of_bridge(link, clues, trail),
        _ => Owner::Unknown,
    }
}

fn by_partner(link: &Link, clues: &Clues<'_>, trail: &mut impl Trail) -> Option<Owner> {
    let (table, owner) = clues.partners.get(&link.name)?;
    trail.clue(
        ClueKind::Partner,
        format_args!(
            "a route goes through {} in table {table}, which is {owner}'s",
            link.name
        ),
    );
    Some(*owner)
}

fn by_running(
    link: &Link,
    owner: Owner,
    clues: &Clues<'_>,
    trail: &mut impl Trail,
) -> Option<Owner> {
    let pid = clues.running.get(&owner)?;
    trail.clue(
        ClueKind::Name,
        format_args!("{owner} calls its links as {} is called", link.name),
    );
    trail.clue(
        ClueKind::Process,
        format_args!("{owner} runs as process {pid}"),
    );
    Some(owner)
}

/// Whose a WireGuard link is: WireGuard itself says nothing.
fn of_wireguard(link: &Link, clues: &Clues<'_>, trail: &mut impl Trail) -> Owner {
    if let Some(owner) = by_partner(link, clues, trail) {
        return owner;
    }
    if matches!(link.name.as_str(), "wg0-mullvad" | "wg-mullvad")
        && let Some(owner) = by_running(link, Owner::Mullvad, clues, trail)
    {
        return owner;
    }
    if let Some(manager) = link.manager {
        let owner = Owner::from(manager);
        trail.clue(
            ClueKind::Bus,
            format_args!("{owner} says that it manages {}", link.name),
        );
        return owner;
    }
    if clues.settings.contains(&link.name) {
        trail.clue(
            ClueKind::File,
            format_args!(
                "/etc/wireguard/{}.conf has settings for wg-quick alone",
                link.name
            ),
        );
        return Owner::WgQuick;
    }
    Owner::Wireguard
}

/// Whose custom it is to call a tunnel so.
fn tunnel(name: &str) -> Option<Owner> {
    const TUNNELS: &[(&str, Owner)] = &[
        ("tailscale", Owner::Tailscale),
        ("cscotun", Owner::Anyconnect),
        ("gpd", Owner::Globalprotect),
        ("zcctun", Owner::Zscaler),
        ("ipsec", Owner::Strongswan),
        ("vnet", Owner::Libvirt),
    ];
    match name {
        "CloudflareWARP" => Some(Owner::Warp),
        "wg0-mullvad" | "wg-mullvad" => Some(Owner::Mullvad),
        _ => TUNNELS
            .iter()
            .find(|(start, _)| is_numbered(name, start, |c| c.is_ascii_digit(), None))
            .map(|(_, owner)| *owner),
    }
}

/// Whose a tunnel is whose process is not known.
fn of_tunnel(link: &Link, clues: &Clues<'_>, trail: &mut impl Trail) -> Option<Owner> {
    let name = link.name.as_str();
    let owner = tunnel(name)?;
    if owner == Owner::Tailscale
        && let Some(address) = tailscale_address(link, clues.addresses)
    {
        trail.clue(
            ClueKind::Name,
            format_args!("tailscale calls its links as {name} is called"),
        );
        trail.clue(
            ClueKind::Address,
            format_args!("{address} is one that Tailscale gives"),
        );
        return Some(owner);
    }
    by_running(link, owner, clues, trail)
}

/// An address of `link` in the networks that Tailscale gives addresses of
/// (net/tsaddr/tsaddr.go).
fn tailscale_address(link: &Link, addresses: &[Address]) -> Option<IpAddr> {
    let nets: [IpNet; 2] = [
        "100.64.0.0/10".parse().ok()?,
        "fd7a:115c:a1e0::/48".parse().ok()?,
    ];
    let mut own = addresses
        .iter()
        .filter(|address| address.dev == link.name)
        .map(|address| address.local.addr());
    own.find(|address| nets.iter().any(|net| net.contains(address)))
}

/// Whose a bridge is.
fn of_bridge(link: &Link, clues: &Clues<'_>, trail: &mut impl Trail) -> Owner {
    let name = link.name.as_str();
    if let Some(owner) = clues.named.get(name) {
        trail.clue(
            ClueKind::Chain,
            format_args!("{owner}'s own chains in the firewall name {name}"),
        );
        return *owner;
    }
    let Some(owner) = engine(name) else {
        return Owner::Unknown;
    };
    if let Some(owner) = by_running(link, owner, clues, trail) {
        return owner;
    }
    let custom = |trail: &mut _| {
        Trail::clue(
            trail,
            ClueKind::Name,
            format_args!("{owner} calls its bridges as {name} is called"),
        );
    };
    let mac = link.mac.as_deref().unwrap_or_default();
    if let Some(start) = hardware(owner, name)
        && mac.starts_with(start)
    {
        custom(trail);
        trail.clue(
            ClueKind::Address,
            format_args!("{owner} lets hardware addresses begin with {start}, as {mac} does"),
        );
        return owner;
    }
    match clues.chains {
        Some(chains) if chains.contains(&owner) => {
            custom(trail);
            trail.clue(
                ClueKind::Chain,
                format_args!("{owner} has chains in the firewall"),
            );
            owner
        }
        // Called so by somebody else: the engine has left nothing else here.
        Some(_) => Owner::Unknown,
        None => {
            custom(trail);
            owner
        }
    }
}

/// The engine that calls its bridges so.
fn engine(name: &str) -> Option<Owner> {
    const BRIDGES: &[(&str, Owner)] = &[
        ("podman", Owner::Podman),
        ("cni-podman", Owner::Podman),
        ("virbr", Owner::Libvirt),
        ("lxdbr", Owner::Lxd),
        ("lxcbr", Owner::Lxd),
        ("incusbr", Owner::Lxd),
    ];
    // Docker calls its networks by the first 12 digits of their id.
    let by_id = is_numbered(name, "br-", |c| c.is_ascii_hexdigit(), Some(12));
    if by_id || name == "docker0" || name == "docker_gwbridge" {
        return Some(Owner::Docker);
    }
    BRIDGES
        .iter()
        .find(|(start, _)| is_numbered(name, start, |c| c.is_ascii_digit(), None))
        .map(|(_, owner)| *owner)
}

/// What the hardware addresses of an engine's bridges begin with. Docker drew the last four
/// bytes alone before 28, and draws all six since.
fn hardware(owner: Owner, name: &str) -> Option<&'static str> {
    match owner {
        Owner::Docker => Some("02:42:"),
        Owner::Libvirt => Some("52:54:00:"),
        Owner::Lxd if name == "lxcbr0" => Some("00:16:3e:"),
        _ => None,
    }
}

/// Whether `name` is `start` with nothing but such digits behind it.
fn is_numbered(name: &str, start: &str, is: fn(char) -> bool, length: Option<usize>) -> bool {
    name.strip_prefix(start).is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(is) && length.is_none_or(|length| rest.len() == length)
    })
}

#[cfg(test)]
mod tests {
    use netprof_model::evidence::Clue;

    use super::*;

    /// What there is beside one link.
    #[derive(Default)]
    struct Found {
        holders: HashMap<String, Holder>,
        running: HashMap<Owner, u32>,
        partners: HashMap<String, (u32, Owner)>,
        settings: HashSet<String>,
        addresses: Vec<Address>,
        chains: Option<HashSet<Owner>>,
        named: HashMap<String, Owner>,
    }

    impl Found {
        fn held(dev: &str, name: &str, program: Option<&str>) -> Self {
            let holder = Holder {
                pid: 7,
                name: name.to_owned(),
                program: program.map(str::to_owned),
            };
            Self {
                holders: HashMap::from([(dev.to_owned(), holder)]),
                ..Self::default()
            }
        }

        fn running(owner: Owner) -> Self {
            Self {
                running: HashMap::from([(owner, 7)]),
                ..Self::default()
            }
        }

        fn partner(dev: &str, table: u32, owner: Owner) -> Self {
            Self {
                partners: HashMap::from([(dev.to_owned(), (table, owner))]),
                ..Self::default()
            }
        }

        fn chains(owners: &[Owner]) -> Self {
            Self {
                chains: Some(owners.iter().copied().collect()),
                ..Self::default()
            }
        }

        /// The owner of a link, which has evidence exactly if it is known.
        fn owner(&self, name: &str, kind: &str) -> Owner {
            self.owner_of(&Link {
                kind: (!kind.is_empty()).then(|| kind.to_owned()),
                loopback: name == "lo",
                ..Link::new(2, name)
            })
        }

        fn owner_of(&self, link: &Link) -> Owner {
            let clues = Clues {
                holders: &self.holders,
                running: &self.running,
                partners: &self.partners,
                settings: &self.settings,
                addresses: &self.addresses,
                chains: self.chains.as_ref(),
                named: &self.named,
            };
            let mut trail: Vec<Clue> = Vec::new();
            let owner = of_link(link, &clues, &mut trail);
            assert_eq!(
                trail.is_empty(),
                owner == Owner::Unknown,
                "{link:?} {trail:?}"
            );
            owner
        }
    }

    #[test]
    fn a_tunnel_is_whose_program_holds_it() {
        for (name, program, owner) in [
            ("openvpn", Some("/usr/sbin/openvpn"), Owner::Openvpn),
            ("openvpn", None, Owner::Openvpn),
            (
                "openvpn3-servic",
                Some("/usr/libexec/openvpn3-linux/openvpn3-service-client"),
                Owner::Openvpn3,
            ),
            (
                "acvc-openvpn",
                Some("/opt/awsvpnclient/Service/Resources/openvpn/acvc-openvpn"),
                Owner::AwsVpn,
            ),
            (
                "openvpn",
                Some("/opt/awsvpnclient/Service/Resources/openvpn/openvpn"),
                Owner::AwsVpn,
            ),
            (
                "vpnagentd",
                Some("/opt/cisco/secureclient/bin/vpnagentd"),
                Owner::Anyconnect,
            ),
            ("PanGPS", None, Owner::Globalprotect),
            (
                "zstunnel",
                Some("/opt/zscaler/bin/zstunnel"),
                Owner::Zscaler,
            ),
            ("warp-svc", Some("/bin/warp-svc"), Owner::Warp),
            ("mullvad-daemon", None, Owner::Mullvad),
            (
                "tailscaled",
                Some("/usr/sbin/tailscaled (deleted)"),
                Owner::Tailscale,
            ),
            ("charon-systemd", None, Owner::Strongswan),
            (
                "openconnect",
                Some("/usr/sbin/openconnect"),
                Owner::Openconnect,
            ),
            // A name that a process gave itself is not believed over its program.
            ("openvpn", Some("/usr/bin/python3.11"), Owner::Unknown),
            ("mytunnel", None, Owner::Unknown),
        ] {
            assert_eq!(
                Found::held("tun0", name, program).owner("tun0", "tun"),
                owner,
                "{name} {program:?}"
            );
        }
    }

    #[test]
    fn the_process_counts_before_the_name() {
        let held = Found {
            running: HashMap::from([(Owner::Tailscale, 9)]),
            ..Found::held("tailscale0", "openvpn", None)
        };
        assert_eq!(held.owner("tailscale0", "tun"), Owner::Openvpn);
    }

    #[test]
    fn a_tunnels_name_counts_together_with_its_program() {
        for (name, owner) in [
            ("tailscale0", Owner::Tailscale),
            ("cscotun0", Owner::Anyconnect),
            ("gpd0", Owner::Globalprotect),
            ("zcctun0", Owner::Zscaler),
            ("CloudflareWARP", Owner::Warp),
            ("wg0-mullvad", Owner::Mullvad),
            ("wg-mullvad", Owner::Mullvad),
            ("ipsec0", Owner::Strongswan),
            ("vnet3", Owner::Libvirt),
        ] {
            assert_eq!(Found::running(owner).owner(name, "tun"), owner, "{name}");
            assert_eq!(
                Found::default().owner(name, "tun"),
                Owner::Unknown,
                "{name}"
            );
            assert_eq!(Found::running(owner).owner("tun0", "tun"), Owner::Unknown);
            assert_eq!(Found::running(owner).owner(name, "veth"), Owner::Unknown);
        }
    }

    #[test]
    fn a_tunnel_is_whose_table_its_routes_are_in() {
        for (name, table, owner) in [
            ("ipsec0", 220, Owner::Strongswan),
            ("CloudflareWARP", 65_743, Owner::Warp),
            ("wg0", 51_820, Owner::WgQuick),
        ] {
            let found = Found::partner(name, table, owner);
            assert_eq!(found.owner(name, "tun"), owner);
            assert_eq!(found.owner("other0", "tun"), Owner::Unknown);
        }
    }

    #[test]
    fn a_tunnel_with_an_address_of_tailscales_is_tailscales() {
        let with = |address: &str| Found {
            addresses: vec![Address {
                dev: "tailscale0".to_owned(),
                local: address.parse().unwrap(),
                peer: None,
                scope: 0,
                dynamic: false,
                secondary: false,
            }],
            ..Found::default()
        };
        assert_eq!(
            with("100.101.1.2/32").owner("tailscale0", "tun"),
            Owner::Tailscale
        );
        assert_eq!(
            with("fd7a:115c:a1e0::1/128").owner("tailscale0", "tun"),
            Owner::Tailscale
        );
        assert_eq!(
            with("100.128.1.2/32").owner("tailscale0", "tun"),
            Owner::Unknown
        );
        // Others use 100.64.0.0/10 as well.
        assert_eq!(with("100.101.1.2/32").owner("tun0", "tun"), Owner::Unknown);
    }

    #[test]
    fn wireguard_is_wg_quicks_by_its_table_or_its_file() {
        assert_eq!(Found::default().owner("wg0", "wireguard"), Owner::Wireguard);
        assert_eq!(
            Found::held("wg0", "wireguard-go", None).owner("wg0", "tun"),
            Owner::Wireguard
        );
        let table = Found::partner("wg0", 51_820, Owner::WgQuick);
        assert_eq!(table.owner("wg0", "wireguard"), Owner::WgQuick);
        let file = Found {
            settings: HashSet::from(["wg0".to_owned()]),
            ..Found::held("wg0", "boringtun-cli", None)
        };
        assert_eq!(file.owner("wg0", "tun"), Owner::WgQuick);
        assert_eq!(file.owner("wg0", "wireguard"), Owner::WgQuick);
        assert_eq!(file.owner("wg1", "wireguard"), Owner::Wireguard);
        let mole = Found::partner("wg0-mullvad", 1_836_018_789, Owner::Mullvad);
        assert_eq!(mole.owner("wg0-mullvad", "wireguard"), Owner::Mullvad);
        assert_eq!(
            Found::default().owner("wg0-mullvad", "wireguard"),
            Owner::Wireguard
        );
        let managed = Link {
            kind: Some("wireguard".to_owned()),
            manager: Some(netprof_model::link::LinkManager::Networkd),
            ..Link::new(2, "wg0")
        };
        assert_eq!(file.owner_of(&managed), Owner::Networkd);
    }

    #[test]
    fn a_bridge_is_an_engines_if_the_engine_is_there_too() {
        for (name, owner) in [
            ("docker0", Owner::Docker),
            ("br-0123456789ab", Owner::Docker),
            ("podman1", Owner::Podman),
            ("virbr0", Owner::Libvirt),
            ("lxdbr0", Owner::Lxd),
        ] {
            assert_eq!(
                Found::chains(&[owner]).owner(name, "bridge"),
                owner,
                "{name}"
            );
            assert_eq!(Found::running(owner).owner(name, "bridge"), owner, "{name}");
            // Somebody made it by hand.
            assert_eq!(
                Found::chains(&[]).owner(name, "bridge"),
                Owner::Unknown,
                "{name}"
            );
            // The firewall was not looked at: there is no better witness.
            assert_eq!(Found::default().owner(name, "bridge"), owner, "{name}");
            assert_eq!(Found::chains(&[owner]).owner(name, "dummy"), Owner::Unknown);
        }
        assert_eq!(
            Found::chains(&[Owner::Docker]).owner("br-lan", "bridge"),
            Owner::Unknown
        );
        // What the engine has left behind when it was stopped.
        let left = Link {
            kind: Some("bridge".to_owned()),
            mac: Some("02:42:ac:11:00:01".to_owned()),
            ..Link::new(2, "docker0")
        };
        assert_eq!(Found::chains(&[]).owner_of(&left), Owner::Docker);
    }

    #[test]
    fn a_bridge_is_an_engines_whose_chains_name_it_whatever_its_name() {
        let found = Found {
            named: HashMap::from([("office".to_owned(), Owner::Docker)]),
            ..Found::chains(&[Owner::Docker])
        };
        assert_eq!(found.owner("office", "bridge"), Owner::Docker);
        assert_eq!(found.owner("home", "bridge"), Owner::Unknown);
        assert_eq!(found.owner("office", "dummy"), Owner::Unknown);
        // One that merely looks like one of its networks', where it has none.
        assert_eq!(
            Found::chains(&[]).owner("br-0123456789ab", "bridge"),
            Owner::Unknown
        );
        let container = Link {
            kind: Some("bridge".to_owned()),
            mac: Some("00:16:3e:00:00:00".to_owned()),
            ..Link::new(2, "lxcbr0")
        };
        assert_eq!(Found::chains(&[]).owner_of(&container), Owner::Lxd);
    }

    #[test]
    fn whose_program_is_looked_for_is_whose_program_tells() {
        let all = [
            Owner::Anyconnect,
            Owner::Docker,
            Owner::Globalprotect,
            Owner::Libvirt,
            Owner::Lxd,
            Owner::Mullvad,
            Owner::Podman,
            Owner::Strongswan,
            Owner::Tailscale,
            Owner::Warp,
            Owner::Zscaler,
        ];
        let names = "tailscale0 cscotun0 gpd0 zcctun0 CloudflareWARP wg0-mullvad ipsec0 vnet3 \
                     tun0 wg0 docker0 br-0123456789ab br-lan podman1 virbr0 lxdbr0 eth0";
        let mut told = 0;
        for kind in ["tun", "wireguard", "bridge", "veth"] {
            for name in names.split_whitespace() {
                let link = Link {
                    kind: Some(kind.to_owned()),
                    ..Link::new(2, name)
                };
                for owner in all {
                    let with = Found {
                        chains: Some(HashSet::new()),
                        ..Found::running(owner)
                    };
                    let tells = with.owner_of(&link) == owner;
                    assert_eq!(tells, told_by(&link) == Some(owner), "{kind} {name}");
                    told += u32::from(tells);
                }
            }
        }
        // Eight tunnels, WireGuard's own kind of one of them, and five bridges.
        assert_eq!(told, 14);
    }

    #[test]
    fn hardware_and_loopback() {
        assert_eq!(Found::default().owner("lo", ""), Owner::Kernel);
        assert_eq!(Found::default().owner("eth0", ""), Owner::Unknown);
    }
}
