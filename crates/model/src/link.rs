//! Links and their addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Owner;
use crate::evidence::Clue;

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The kernel's number for it, from 1.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The kind of a virtual link (`tun`, `wireguard`, `bridge`, `veth`, ...), as
    /// the kernel names it (IFLA_INFO_KIND); none for hardware and for lo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The index of the bridge, bond or team that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<u32>,
    /// The index of the link that a vlan, macvlan and the like lies over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<u32>,
    /// Whether it is administratively up (IFF_UP).
    pub up: bool,
    /// Whether it can carry packets now (IFF_LOWER_UP).
    pub carrier: bool,
    /// Whether it is a loopback link (IFF_LOOPBACK).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub loopback: bool,
    /// The largest packet in bytes.
    pub mtu: u32,
    /// The least that `mtu` can be set to, where the device says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_mtu: Option<u32>,
    /// The most that `mtu` can be set to, where the device says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_mtu: Option<u32>,
    /// Whether it may have IPv6 (`disable_ipv6`); none where the kernel has no settings of
    /// IPv6 for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<bool>,
    /// The hardware address, as `aa:bb:cc:dd:ee:ff`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub owner: Owner,
    /// How that was found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Clue>,
    /// Which service manages its settings, if one says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<LinkManager>,
}

impl Link {
    /// Hardware that is up and carries packets, and of which nothing more is known.
    #[must_use]
    pub fn new(index: u32, name: impl Into<String>) -> Self {
        Self {
            index,
            name: name.into(),
            kind: None,
            master: None,
            lower: None,
            up: true,
            carrier: true,
            loopback: false,
            mtu: 1500,
            min_mtu: None,
            max_mtu: None,
            ipv6: None,
            mac: None,
            owner: Owner::Unknown,
            evidence: Vec::new(),
            manager: None,
        }
    }

    /// The identity of the link, within one boot and one network namespace.
    #[must_use]
    pub fn id(&self) -> LinkId {
        LinkId {
            index: self.index,
            name: self.name.clone(),
        }
    }
}

/// A service that sets up links by its own configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkManager {
    /// systemd-networkd: resolved takes such a link's DNS settings from it alone.
    #[serde(rename = "networkd")]
    Networkd,
    /// NetworkManager: writes resolved's link settings anew at its next update.
    #[serde(rename = "NetworkManager")]
    NetworkManager,
}

impl From<LinkManager> for Owner {
    fn from(manager: LinkManager) -> Self {
        match manager {
            LinkManager::Networkd => Self::Networkd,
            LinkManager::NetworkManager => Self::NetworkManager,
        }
    }
}

/// Which link, within one boot and one network namespace: a link that was made
/// anew has another index, and is another link though it has the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkId {
    /// The kernel's number.
    pub index: u32,
    /// The name.
    pub name: String,
}

/// One address of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The link's name.
    pub dev: String,
    /// The address and the length of its prefix.
    pub local: IpNet,
    /// The other end of a point-to-point link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// The scope, as `rtnetlink(7)` numbers it: 0 universe, 253 link, 254 host.
    #[serde(default)]
    pub scope: u8,
    /// Whether it has a lifetime (DHCP, router advertisements).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dynamic: bool,
    /// Whether it is a further address of the same prefix, or a temporary one of
    /// IPv6: not the one that a connected route has as its source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secondary: bool,
}
