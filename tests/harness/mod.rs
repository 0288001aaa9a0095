//! Real kernel, real daemons, private namespaces: what end-to-end tests are
//! made of. `docs/testing.md` is the way in.

pub(crate) mod clients;
mod daemon;
mod dns_server;
mod engines;
mod ipsec;
#[path = "../cli/json_page.rs"]
mod json_page;
mod kernel;
mod lab;
mod link_managers;
mod machine;
mod namespace;
mod netprof;
mod observe;
mod openvpn;
mod peer;
mod picture;
mod poll;
mod reach;
mod resolved;
mod rivals;
mod root;
mod self_test;
mod stage_table;
mod stages;
mod suite;
mod topology;
mod tree;
mod trial;
mod two_sites;
mod walk;
mod wg_quick;
mod wireguard;

pub(crate) use daemon::{Bus, Daemon};
pub(crate) use dns_server::{DnsServer, Zone};
pub(crate) use engines::{Docker, PodmanContainer};
pub(crate) use ipsec::{Ipsec, IpsecSettings};
pub(crate) use lab::Lab;
pub(crate) use link_managers::{NetworkManager, Networkd};
pub(crate) use netprof::Ran;
pub(crate) use openvpn::{OpenVpn, Settings};
pub(crate) use peer::Peer;
pub(crate) use picture::Picture;
pub(crate) use poll::{until, until_sees};
pub(crate) use resolved::Resolved;
pub(crate) use rivals::{StrongSwan, Tailscale, Tun, WgQuick};
pub(crate) use stage_table::StageTable;
pub(crate) use stages::{Holdings, Seen};
pub(crate) use suite::main;
pub(crate) use topology::{Office, VpnSite, until_addressed};
pub(crate) use tree::Tree;
pub(crate) use trial::Test;
pub(crate) use two_sites::{Client, Second, TwoSites};
pub(crate) use walk::{Beside, FAR, Told, walk};
pub(crate) use wireguard::WireGuard;
