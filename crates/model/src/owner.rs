//! Who put a piece of state where it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who put a resource where it is, as far as it can be told.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// netprof itself.
    Netprof,
    /// The kernel, by itself.
    Kernel,
    /// A DHCP client.
    Dhcp,
    /// An IPv6 router advertisement.
    Ra,
    /// NetworkManager.
    #[serde(rename = "NetworkManager")]
    NetworkManager,
    /// systemd-networkd.
    Networkd,
    /// systemd-resolved.
    Resolved,
    /// Tailscale.
    Tailscale,
    /// wg-quick.
    WgQuick,
    /// OpenVPN.
    Openvpn,
    /// OpenVPN 3.
    Openvpn3,
    /// AWS Client VPN, with an openvpn of its own.
    AwsVpn,
    /// openconnect, with vpnc-script.
    Openconnect,
    /// strongSwan.
    Strongswan,
    /// libreswan.
    Libreswan,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// libvirt.
    Libvirt,
    /// LXC or LXD.
    Lxd,
    /// firewalld.
    Firewalld,
    /// ufw.
    Ufw,
    /// resolvconf or openresolv.
    Resolvconf,
    /// configd, the configuration daemon of macOS.
    Configd,
    /// A service of macOS itself that keeps a tunnel: AirDrop, Handoff, iCloud.
    Apple,
    /// A VPN app of macOS that can be told no further (NetworkExtension).
    NetworkExtension,
    /// The WireGuard app, or a daemon of WireGuard without wg-quick.
    Wireguard,
    /// Cisco Secure Client, formerly AnyConnect.
    Anyconnect,
    /// Palo Alto GlobalProtect.
    Globalprotect,
    /// Zscaler Client Connector.
    Zscaler,
    /// Cloudflare WARP.
    Warp,
    /// Mullvad VPN.
    Mullvad,
    /// pppd, for L2TP and PPTP among others.
    Pppd,
    /// A person, by hand or by a boot script.
    User,
    /// It cannot be told.
    #[default]
    Unknown,
}

impl Owner {
    /// The name as it stands in plans and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Netprof => "netprof",
            Self::Kernel => "kernel",
            Self::Dhcp => "dhcp",
            Self::Ra => "ra",
            Self::NetworkManager => "NetworkManager",
            Self::Networkd => "networkd",
            Self::Resolved => "resolved",
            Self::Tailscale => "tailscale",
            Self::WgQuick => "wg-quick",
            Self::Openvpn => "openvpn",
            Self::Openvpn3 => "openvpn3",
            Self::AwsVpn => "aws-vpn",
            Self::Openconnect => "openconnect",
            Self::Strongswan => "strongswan",
            Self::Libreswan => "libreswan",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Libvirt => "libvirt",
            Self::Lxd => "lxd",
            Self::Firewalld => "firewalld",
            Self::Ufw => "ufw",
            Self::Resolvconf => "resolvconf",
            Self::Configd => "configd",
            Self::Apple => "apple",
            Self::NetworkExtension => "network-extension",
            Self::Wireguard => "wireguard",
            Self::Anyconnect => "anyconnect",
            Self::Globalprotect => "globalprotect",
            Self::Zscaler => "zscaler",
            Self::Warp => "warp",
            Self::Mullvad => "mullvad",
            Self::Pppd => "pppd",
            Self::User => "user",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it brings up VPN links, and will set them up again when it reconnects.
    #[must_use]
    pub fn is_vpn(self) -> bool {
        matches!(
            self,
            Self::Tailscale
                | Self::WgQuick
                | Self::Openvpn
                | Self::Openvpn3
                | Self::AwsVpn
                | Self::Openconnect
                | Self::Strongswan
                | Self::Libreswan
                | Self::NetworkExtension
                | Self::Wireguard
                | Self::Anyconnect
                | Self::Globalprotect
                | Self::Zscaler
                | Self::Warp
                | Self::Mullvad
                | Self::Pppd
        )
    }

    /// Whether it is an app that macOS runs as a network extension: what such an app takes
    /// from packets and names, neither routes nor resolvers show.
    #[must_use]
    pub fn is_vpn_app(self) -> bool {
        matches!(
            self,
            Self::NetworkExtension
                | Self::Wireguard
                | Self::Tailscale
                | Self::Anyconnect
                | Self::Globalprotect
                | Self::Zscaler
                | Self::Warp
        )
    }

    /// Whether it is a container or machine engine with bridges of its own.
    #[must_use]
    pub fn is_engine(self) -> bool {
        matches!(
            self,
            Self::Docker | Self::Podman | Self::Libvirt | Self::Lxd
        )
    }

    /// The owner in a sentence: the name, where it has one.
    #[must_use]
    pub fn who(self) -> &'static str {
        match self {
            Self::Kernel => "the kernel",
            Self::Dhcp => "a DHCP client",
            Self::Ra => "a router advertisement",
            Self::Apple => "macOS",
            Self::NetworkExtension => "a VPN app",
            Self::User => "the user",
            Self::Unknown => "somebody else",
            named => named.as_str(),
        }
    }

    /// Every owner there is.
    pub const ALL: [Self; 34] = [
        Self::Netprof,
        Self::Kernel,
        Self::Dhcp,
        Self::Ra,
        Self::NetworkManager,
        Self::Networkd,
        Self::Resolved,
        Self::Tailscale,
        Self::WgQuick,
        Self::Openvpn,
        Self::Openvpn3,
        Self::AwsVpn,
        Self::Openconnect,
        Self::Strongswan,
        Self::Libreswan,
        Self::Docker,
        Self::Podman,
        Self::Libvirt,
        Self::Lxd,
        Self::Firewalld,
        Self::Ufw,
        Self::Resolvconf,
        Self::Configd,
        Self::Apple,
        Self::NetworkExtension,
        Self::Wireguard,
        Self::Anyconnect,
        Self::Globalprotect,
        Self::Zscaler,
        Self::Warp,
        Self::Mullvad,
        Self::Pppd,
        Self::User,
        Self::Unknown,
    ];

    /// The owner of that name, in any case of letters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|owner| owner.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vpn_app_is_a_vpn_and_not_every_vpn_is_an_app() {
        let apps = Owner::ALL.into_iter().filter(|one| one.is_vpn_app());
        assert!(apps.clone().all(Owner::is_vpn));
        assert!(apps.count() < Owner::ALL.into_iter().filter(|one| one.is_vpn()).count());
    }

    #[test]
    fn who_has_a_name_is_called_by_it_and_nobody_else() {
        let of_name = |owner: &Owner| owner.who() == owner.as_str();
        let mut nameless = Owner::ALL.into_iter().filter(|owner| !of_name(owner));
        assert!(nameless.all(|owner| owner.who().contains(' ') || owner == Owner::Apple));
        let mut said: Vec<&str> = Owner::ALL.map(Owner::who).to_vec();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), Owner::ALL.len());
    }

    #[test]
    fn every_owner_is_found_by_the_name_that_json_gives_it() {
        for owner in Owner::ALL {
            let json = serde_json::to_string(&owner).expect("an owner is a string");
            assert_eq!(json, format!("\"{owner}\""));
            assert_eq!(Owner::named(owner.as_str()), Some(owner));
        }
    }
}
