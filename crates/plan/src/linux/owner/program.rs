//! Which program stands for which owner.

use netprof_model::Owner;

/// The owner that the name of a program's file, or of a process, stands for. A process's
/// name is the first 15 bytes of it (`TASK_COMM_LEN` in the kernel).
///
/// Where they are from: openvpn3-linux, docs/man (`openvpn3-service-*`); strongswan,
/// src/charon, -systemd, -nm, -cmd; libreswan, programs/pluto; libvirt, docs/daemons.rst.
/// Of closed programs, as their packages lay them out: `acvc-openvpn` below
/// `/opt/awsvpnclient` (AWS Client VPN), `vpnagentd` below `/opt/cisco`, `PanGPS` below
/// `/opt/paloaltonetworks`, `zstunnel` and `zsaservice` (which are services of these names),
/// `warp-svc`.
///
/// Not here, since they hold taps for others as well: qemu (by hand, Lima, GNOME Boxes),
/// slirp4netns and pasta (rootless Docker, nerdctl, bubblewrap).
#[must_use]
pub fn by_program(name: &str) -> Owner {
    // A `*` at the end stands for anything.
    const PROGRAMS: &[(&str, Owner)] = &[
        ("openvpn", Owner::Openvpn),
        ("openvpn3-servic*", Owner::Openvpn3),
        ("acvc-openvpn", Owner::AwsVpn),
        ("openconnect", Owner::Openconnect),
        ("tailscaled", Owner::Tailscale),
        // Started by wg-quick, and by others as well: see the link's other clues.
        ("wireguard-go", Owner::Wireguard),
        ("boringtun", Owner::Wireguard),
        ("boringtun-cli", Owner::Wireguard),
        ("charon", Owner::Strongswan),
        ("charon-*", Owner::Strongswan),
        ("pluto", Owner::Libreswan),
        ("vpnagentd", Owner::Anyconnect),
        ("PanGPS", Owner::Globalprotect),
        ("zstunnel", Owner::Zscaler),
        ("zsaservice", Owner::Zscaler),
        ("warp-svc", Owner::Warp),
        ("mullvad-daemon", Owner::Mullvad),
        ("NetworkManager", Owner::NetworkManager),
        ("systemd-network", Owner::Networkd),
        ("systemd-networkd", Owner::Networkd),
        ("dockerd", Owner::Docker),
        ("libvirtd", Owner::Libvirt),
        ("virtqemud", Owner::Libvirt),
        ("virtnetworkd", Owner::Libvirt),
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
            ("virtqemud", Owner::Libvirt),
            (".openvpn-wrappe", Owner::Openvpn),
            ("my-openvpn", Owner::Unknown),
            // These serve many masters.
            ("qemu-system-x86", Owner::Unknown),
            ("slirp4netns", Owner::Unknown),
            ("pasta.avx2", Owner::Unknown),
            ("vpnc", Owner::Unknown),
            ("charond", Owner::Unknown),
            ("systemd-network-generator", Owner::Unknown),
            ("openvpn-exporte", Owner::Unknown),
            ("bash", Owner::Unknown),
            ("", Owner::Unknown),
        ] {
            assert_eq!(by_program(name), owner, "{name}");
        }
    }
}
