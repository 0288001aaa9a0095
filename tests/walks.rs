//! Other network software, walked through all stages of docs/clients.md: VPN clients,
//! managers of links, container engines.

use crate::harness::clients::{
    CableOfNetworkManager, CableOfNetworkd, DockerNetwork, OpenConnect, OpenVpn, PodmanNetwork,
    StrongSwan, Tailscale, Tunnel, WgQuick,
};
use crate::harness::{FAR, Lab, Told, walk};

pub(crate) fn openvpn_whose_script_takes_all_names(lab: &Lab) {
    walk(
        lab,
        "OpenVPN, full tunnel, names taken by an up script",
        &Told {
            names: &["~."],
            ..Told::DEFAULT
        },
        |site| OpenVpn::with_script(lab, site),
    );
}

pub(crate) fn openvpn_that_takes_all_names_by_itself(lab: &Lab) {
    walk(
        lab,
        "OpenVPN 2.7, full tunnel, names taken by itself",
        &Told {
            names: &["~."],
            ..Told::DEFAULT
        },
        |site| OpenVpn::without_script(lab, site),
    );
}

pub(crate) fn openconnect_with_a_full_tunnel(lab: &Lab) {
    walk(
        lab,
        "openconnect with vpnc-script, full tunnel",
        &Told {
            names: &["corp.example"],
            // It keeps its link, and what was set on it.
            reconnected: "holds",
            // vpnc-script deletes the route to 192.168.88.0/24, which was not its own.
            wants_when_disconnected: &[FAR],
            ..Told::DEFAULT
        },
        |site| OpenConnect::new(lab, site, Tunnel::Full),
    );
}

pub(crate) fn openconnect_with_a_split_tunnel(lab: &Lab) {
    walk(
        lab,
        "openconnect with vpnc-script, split tunnel",
        &Told {
            names: &["corp.example"],
            reconnected: "holds",
            wants_when_disconnected: &[FAR],
            ..Told::DEFAULT
        },
        |site| OpenConnect::new(lab, site, Tunnel::Split),
    );
}

pub(crate) fn wg_quick_with_all_traffic(lab: &Lab) {
    walk(
        lab,
        "wg-quick with wireguard-go, all traffic",
        &Told {
            names: &["corp.example", "~."],
            ..Told::DEFAULT
        },
        |site| WgQuick::new(lab, site),
    );
}

pub(crate) fn strongswan_with_all_traffic(lab: &Lab) {
    walk(
        lab,
        "strongSwan with kernel-libipsec, all traffic",
        &Told {
            names: &["~."],
            // Its link stays when the connection ends, and its script reverts it.
            reconnected: "changed",
            disconnected: "changed",
            ..Told::DEFAULT
        },
        |site| StrongSwan::with_libipsec(lab, site),
    );
}

pub(crate) fn wg_quick_over_the_kernels_wireguard(lab: &Lab) {
    walk(
        lab,
        "wg-quick with the kernel's WireGuard, all traffic",
        &Told {
            names: &["corp.example", "~."],
            ..Told::DEFAULT
        },
        |site| WgQuick::in_kernel(lab, site),
    );
}

/// What there is to keep is the LAN.
pub(crate) fn strongswan_with_policies_in_the_kernel(lab: &Lab) {
    walk(
        lab,
        "strongSwan with policies in the kernel, all traffic",
        &Told {
            plan: &[
                "to 192.168.77.0/24 lookup main",
                "to 192.168.88.0/24 lookup main",
            ],
            corp_names: "no: LAN's server",
            reconnected: "not held",
            disconnected: "not held",
            killed: "not held",
            ..Told::DEFAULT
        },
        |site| StrongSwan::with_policies(lab, site),
    );
}

pub(crate) fn tailscale_with_the_lans_subnet_and_an_exit_node(lab: &Lab) {
    walk(
        lab,
        "Tailscale's stand-in, a subnet equal to the LAN and an exit node",
        &Told {
            names: &["tail1234.ts.net", "~100.100.in-addr.arpa", "~."],
            ..Told::DEFAULT
        },
        |site| Tailscale::new(lab, site),
    );
}

pub(crate) fn networkmanager(lab: &Lab) {
    cable_of_networkmanager(lab, "NetworkManager of a stable release, a cable at work");
}

pub(crate) fn networkmanager_that_is_current(lab: &Lab) {
    cable_of_networkmanager(lab, "NetworkManager, current, a cable at work");
}

fn cable_of_networkmanager(lab: &Lab, title: &str) {
    walk(
        lab,
        title,
        &Told {
            names: &["~."],
            then: "; lasts until NetworkManager's next update",
            plan: &[
                "since NetworkManager has 192.168.88.0/24 through corp0 in main",
                "lasts until NetworkManager's next activation",
            ],
            said_again: "changed",
            reconnected: "changed",
            disconnected: "changed",
            killed: "holds",
            ..Told::DEFAULT
        },
        |site| CableOfNetworkManager::new(lab, site),
    );
}

pub(crate) fn networkd(lab: &Lab) {
    cable_of_networkd(lab, "networkd of a stable release, a cable at work");
}

pub(crate) fn networkd_that_is_current(lab: &Lab) {
    cable_of_networkd(lab, "networkd, current, a cable at work");
}

fn cable_of_networkd(lab: &Lab, title: &str) {
    walk(
        lab,
        title,
        &Told {
            names: &["~."],
            then: "; lasts until networkd's next restart",
            plan: &[
                "since networkd has 192.168.88.0/24 through corp0 in main",
                "lasts until networkd's next reconfigure",
                "ManageForeignRoutes=no",
            ],
            // It was told through networkd, which keeps it.
            reconnected: "holds",
            disconnected: "changed",
            killed: "holds",
            ..Told::DEFAULT
        },
        |site| CableOfNetworkd::new(lab, site),
    );
}

pub(crate) fn docker(lab: &Lab) {
    walk(
        lab,
        "Docker, a network that holds the one behind the LAN",
        &beside_containers(&["takes addresses of 192.168.80.0/20, the network of docker on dock0"]),
        |site| DockerNetwork::new(lab, site),
    );
}

pub(crate) fn podman(lab: &Lab) {
    walk(
        lab,
        "Podman, a network that holds the one behind the LAN",
        &beside_containers(&[
            "takes addresses of 192.168.80.0/20, the network of podman on podman1",
        ]),
        |site| PodmanNetwork::new(lab, site),
    );
}

/// Corp's cable is nothing to engines.
fn beside_containers(plan: &'static [&'static str]) -> Told {
    Told {
        plan,
        reconnected: "holds",
        disconnected: "holds",
        killed: "holds",
        ..Told::DEFAULT
    }
}
