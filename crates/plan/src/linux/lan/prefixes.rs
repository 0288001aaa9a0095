//! Which networks a LAN consists of, and which of them may be kept.
//!
//! A network hands out its own prefix, and a hostile one can hand out anything: a LAN
//! that calls itself 0.0.0.0/1, or the public addresses of a bank, would take that
//! traffic out of the tunnel (CVE-2023-36672). So only private prefixes of a sensible
//! size are kept unless the profile says otherwise.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::KeepLan;
use netprof_model::route::RouteKind;
use netprof_model::{Diagnostic, Owner};

use crate::draft::Draft;
use crate::linux::{Ground, MAIN};

/// The widest IPv4 network that is kept.
const WIDEST_V4: u8 = 16;
/// The widest IPv6 network that is kept.
const WIDEST_V6: u8 = 48;
/// Links may lie over links; a chain longer than this is a circle.
const DEEPEST: usize = 8;

/// One network that a kept link is in.
#[derive(Debug)]
pub(crate) struct Lan<'a> {
    /// The link.
    pub(crate) link: &'a Link,
    /// The network.
    pub(crate) prefix: IpNet,
    /// This host's address in it.
    pub(crate) address: IpAddr,
}

/// The networks of `kept` that are to be kept; what is refused or left out is said.
pub(super) fn of<'a>(
    ground: &Ground<'a>,
    node: &KeepLan,
    kept: &[&'a Link],
    reason: &Reason,
    draft: &mut Draft,
) -> Vec<Lan<'a>> {
    let mut lans: Vec<Lan> = Vec::new();
    for link in kept {
        let found = networks(ground, link);
        for (prefix, address) in &found {
            let subject = format!("keep-lan {prefix}");
            match judge(prefix, node.allow_public) {
                Verdict::Keep => lans.push(Lan {
                    link,
                    prefix: *prefix,
                    address: *address,
                }),
                Verdict::LeaveOut(why) => draft.row(Standing::Omitted, subject, why, reason),
                Verdict::Refuse(why) => {
                    let error = Diagnostic::error("plan::public-lan", format!("the LAN of {} is {prefix}: {why}", link.name))
                        .label("this would keep it")
                        .help("a hostile network can hand out any prefix; if this one is right, say `allow-public=#true`");
                    draft.refuse(subject, reason, error, &node.at);
                }
            }
        }
        // Without a name, every port is meant, also those that nothing is plugged into.
        if found.is_empty() && !node.links.is_empty() {
            let detail = format!("waits for an address on {}", link.name);
            draft.row(Standing::Waiting, "keep-lan", detail, reason);
        }
    }
    if lans.is_empty() && node.links.is_empty() {
        let detail = "waits for a LAN: no physical link has an address to keep";
        draft.row(Standing::Waiting, "keep-lan", detail, reason);
    }
    lans
}

/// The networks that `link` is in, each with this host's address in it: those of its
/// addresses, and those that a router advertised beside a single address of DHCPv6.
fn networks(ground: &Ground, link: &Link) -> Vec<(IpNet, IpAddr)> {
    let own = || {
        let addresses = ground.base.addresses.items().iter();
        addresses.filter(|one| one.dev == link.name)
    };
    let connected = ground.base.routes.items().iter().filter(|route| {
        route.key.table == MAIN
            && route.spec.kind == RouteKind::Unicast
            && matches!(route.owner, Owner::Kernel | Owner::Ra)
            && route.gateway().is_none()
            && route.goes_through(&link.name)
    });
    let mut found: Vec<(IpNet, IpAddr)> = Vec::new();
    let prefixes = own()
        .map(|one| one.local.trunc())
        .chain(connected.map(|route| route.key.dst));
    for prefix in prefixes {
        let is_network = prefix.prefix_len() < prefix.max_prefix_len() && !is_link_local(&prefix);
        // Of several addresses, the one that packets usually come from.
        let address = own()
            .filter(|one| prefix.contains(&one.local.addr()))
            .min_by_key(|one| one.secondary);
        if let Some(address) = address
            && is_network
            && !found.iter().any(|(known, _)| *known == prefix)
        {
            found.push((prefix, address.local.addr()));
        }
    }
    found
}

enum Verdict {
    Keep,
    LeaveOut(String),
    Refuse(&'static str),
}

fn judge(prefix: &IpNet, allow_public: bool) -> Verdict {
    if prefix.prefix_len() == 0 {
        return Verdict::Refuse("that is every address there is");
    }
    if allow_public {
        return Verdict::Keep;
    }
    match prefix {
        IpNet::V4(net) if !is_private(net) => Verdict::Refuse("these are public addresses"),
        IpNet::V4(net) if net.prefix_len() < WIDEST_V4 => {
            Verdict::Refuse("that is wider than a LAN is")
        }
        IpNet::V6(net) if !is_unique_local(net) => Verdict::LeaveOut(format!(
            "public addresses: left to the VPN; `allow-public=#true` keeps {net}"
        )),
        IpNet::V6(net) if net.prefix_len() < WIDEST_V6 => {
            Verdict::Refuse("that is wider than a LAN is")
        }
        _ => Verdict::Keep,
    }
}

/// RFC 1918.
fn is_private(net: &Ipv4Net) -> bool {
    [
        Ipv4Net::new_assert([10, 0, 0, 0].into(), 8),
        Ipv4Net::new_assert([172, 16, 0, 0].into(), 12),
        Ipv4Net::new_assert([192, 168, 0, 0].into(), 16),
    ]
    .iter()
    .any(|private| private.contains(net))
}

/// RFC 4193.
fn is_unique_local(net: &Ipv6Net) -> bool {
    Ipv6Net::new_assert([0xfc00, 0, 0, 0, 0, 0, 0, 0].into(), 7).contains(net)
}

/// Link-local prefixes need no rule: they are looked up with a link.
fn is_link_local(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.addr().is_link_local(),
        IpNet::V6(net) => net.addr().is_unicast_link_local(),
    }
}

/// Whether `link` is hardware, or a bridge, bond, team or vlan over hardware.
pub(super) fn is_physical(link: &Link, all: &[Link]) -> bool {
    physical(link, all, DEEPEST)
}

fn physical(link: &Link, all: &[Link], depth: usize) -> bool {
    if link.loopback || depth == 0 {
        return false;
    }
    match link.kind.as_deref() {
        None => true,
        Some("bridge" | "bond" | "team") => all
            .iter()
            .any(|port| port.master == Some(link.index) && physical(port, all, depth - 1)),
        Some("vlan") => all
            .iter()
            .any(|under| link.lower == Some(under.index) && physical(under, all, depth - 1)),
        Some(_) => false,
    }
}
