//! Which program stands for which owner.

use netprof_model::Owner;

/// The owner that the name of a program's file, or of a process, stands for. A process's
/// name is the first 15 bytes of it (`TASK_COMM_LEN` in the kernel).
///
/// The names are those of the programs' own packages: OpenVPN 3 (`openvpn3-service-*`),
/// charon and its wrappers (strongswan), `pluto` (libreswan), `acvc-openvpn` below
/// `/opt/awsvpnclient` (AWS Client VPN), `vpnagentd` below `/opt/cisco`, `PanGPS` below
/// `/opt/paloaltonetworks`, `zstunnel` and `zsaservice` below `/opt/zscaler`, `warp-svc`,
/// `mullvad-daemon`.
#[must_use]
pub fn by_program(name: &str) -> Owner {
    // A `*` at the end stands for anything.
    const PROGRAMS: &[(&str, Owner)] = &[
        ("openvpn", Owner::Openvpn),
        ("openvpn3*", Owner::Openvpn3),
        ("acvc-openvpn", Owner::AwsVpn),
        ("openconnect", Owner::Openconnect),
        ("vpnc", Owner::Openconnect),
        ("tailscaled", Owner::Tailscale),
        // Started by wg-quick, and by others as well: see the link's other clues.
        ("wireguard-go", Owner::Wireguard),
        ("boringtun*", Owner::Wireguard),
        ("charon*", Owner::Strongswan),
        ("pluto", Owner::Libreswan),
        ("vpnagentd", Owner::Anyconnect),
        ("PanGPS", Owner::Globalprotect),
        ("zstunnel", Owner::Zscaler),
        ("zsaservice", Owner::Zscaler),
        ("warp-svc", Owner::Warp),
        ("mullvad-daemon", Owner::Mullvad),
        ("NetworkManager", Owner::NetworkManager),
        ("nm-openvpn*", Owner::NetworkManager),
        ("systemd-network*", Owner::Networkd),
        ("dockerd", Owner::Docker),
        ("qemu-*", Owner::Libvirt),
        ("libvirtd", Owner::Libvirt),
        ("virtnetworkd", Owner::Libvirt),
        ("slirp4netns", Owner::Podman),
        ("pasta*", Owner::Podman),
        ("pppd", Owner::Pppd),
    ];
    // Nix wraps programs, and calls the program itself `.NAME-wrapped`.
    let name = match name.strip_prefix('.') {
        Some(wrapped) => wrapped.split("-wrap").next().unwrap_or(wrapped),
        None => name,
    };
    let fits = |program: &str| match program.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == program,
    };
    PROGRAMS
        .iter()
        .find(|(program, _)| fits(program))
        .map_or(Owner::Unknown, |(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_names() {
        for (name, owner) in [
            ("openvpn", Owner::Openvpn),
            ("openvpn3-servic", Owner::Openvpn3),
            ("acvc-openvpn", Owner::AwsVpn),
            ("boringtun-cli", Owner::Wireguard),
            ("charon-systemd", Owner::Strongswan),
            ("systemd-network", Owner::Networkd),
            ("qemu-system-x86", Owner::Libvirt),
            (".openvpn-wrappe", Owner::Openvpn),
            ("my-openvpn", Owner::Unknown),
            ("openvpn-exporte", Owner::Unknown),
            ("bash", Owner::Unknown),
            ("", Owner::Unknown),
        ] {
            assert_eq!(by_program(name), owner, "{name}");
        }
    }
}
