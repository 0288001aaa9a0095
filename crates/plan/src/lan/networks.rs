//! Which networks a LAN consists of, and which of them may be kept.
//!
//! A network hands out its own prefix, and a hostile one can hand out anything: a LAN
//! that calls itself 0.0.0.0/1, or the public addresses of a bank, would take that
//! traffic out of the tunnel (CVE-2023-36672). So only private prefixes of a sensible
//! size are kept unless the profile says otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};

use ipnet::{IpNet, Ipv4Net};
use netprof_model::Diagnostic;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::KeepLan;
use netprof_model::space::is_private;

use crate::draft::Draft;

/// The widest IPv4 network that is kept.
const WIDEST_V4: u8 = 16;
/// The widest IPv6 network that is kept.
const WIDEST_V6: u8 = 48;

/// Of the networks that kept links are in, those that are to be kept; what is refused or
/// left out is said. Each network comes with the links that are in it, or more.
pub(crate) fn keepable<'a, L>(
    networks: BTreeMap<IpNet, Vec<L>>,
    link: impl Fn(&L) -> &'a Link,
    node: &KeepLan,
    reason: &Reason,
    draft: &mut Draft,
) -> Vec<(IpNet, Vec<L>)> {
    let mut kept = Vec::new();
    for (prefix, members) in networks {
        let Some(first) = members.first() else {
            continue;
        };
        let subject = format!("keep-lan {prefix}");
        match judge(&prefix, node.allow_public) {
            Verdict::Keep => kept.push((prefix, members)),
            Verdict::LeaveOut(why) => draft.row(Standing::Omitted, subject, why, reason),
            Verdict::Refuse(why) => {
                let name = &link(first).name;
                let message = format!("the LAN of {name} is {prefix}: {why}");
                let error = Diagnostic::error("plan::public-lan", message)
                    .label("this would keep it")
                    .help("a hostile network can hand out any prefix; if this one is right, say `allow-public=#true`");
                draft.refuse(subject, reason, error, &node.at);
            }
        }
    }
    kept
}

/// Says which of the kept links are in no network; `connected` are those that are.
pub(crate) fn waiting(
    kept: &[&Link],
    connected: &HashSet<&str>,
    node: &KeepLan,
    reason: &Reason,
    draft: &mut Draft,
) {
    if node.links.is_empty() {
        // Without a name, every port is meant, also those that nothing is plugged into.
        if connected.is_empty() {
            let detail = format!("waits for a LAN: no physical link ({PHYSICAL}) is in a network");
            draft.row(Standing::Waiting, "keep-lan", detail, reason);
        }
        return;
    }
    for link in kept {
        // Of several ports, those that nothing is plugged into are missed by nobody.
        let is_missed = link.carrier || connected.is_empty();
        if is_missed && !connected.contains(link.name.as_str()) {
            let detail = format!("waits for {} to be in a network", link.name);
            draft.row(Standing::Waiting, "keep-lan", detail, reason);
        }
    }
}

/// Whether a profile that says so much of public addresses may keep `network`.
pub(crate) fn may_be_kept(network: &IpNet, allow_public: bool) -> bool {
    matches!(judge(network, allow_public), Verdict::Keep)
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
        IpNet::V4(net) if is_shared(net) => {
            Verdict::Refuse("these are a provider's addresses (RFC 6598)")
        }
        IpNet::V4(_) if !is_private(prefix) => Verdict::Refuse("these are public addresses"),
        IpNet::V4(net) if net.prefix_len() < WIDEST_V4 => {
            Verdict::Refuse("that is wider than a LAN is")
        }
        IpNet::V6(net) if !is_private(prefix) => Verdict::LeaveOut(format!(
            "public addresses: left to the VPN; `allow-public=#true` keeps {net}"
        )),
        IpNet::V6(net) if net.prefix_len() < WIDEST_V6 => {
            Verdict::Refuse("that is wider than a LAN is")
        }
        _ => Verdict::Keep,
    }
}

/// RFC 6598.
fn is_shared(net: &Ipv4Net) -> bool {
    Ipv4Net::new_assert([100, 64, 0, 0].into(), 10).contains(net)
}

/// Link-local prefixes need no rule: they are looked up with a link.
pub(crate) fn is_link_local(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.addr().is_link_local(),
        IpNet::V6(net) => net.addr().is_unicast_link_local() || net.addr().is_multicast(),
    }
}

/// What a physical link is, for a person.
pub(crate) const PHYSICAL: &str =
    "Ethernet, Wi-Fi, or a bridge, bond, team or vlan over one of those";

/// The links that are up and are hardware, or a bridge, bond, team or vlan over
/// hardware. A port of one of those has no network of its own.
pub(crate) fn physical(all: &[Link]) -> Vec<&Link> {
    let by_index: HashMap<u32, &Link> = all.iter().map(|link| (link.index, link)).collect();
    let mut ports: HashMap<u32, Vec<&Link>> = HashMap::new();
    for link in all {
        if let Some(master) = link.master {
            ports.entry(master).or_default().push(link);
        }
    }
    let lies_over = |link: &Link| -> Vec<&Link> {
        match link.kind.as_deref() {
            Some("bridge" | "bond" | "team") => ports.get(&link.index).cloned().unwrap_or_default(),
            Some("vlan") => {
                let under = link.lower.and_then(|index| by_index.get(&index).copied());
                under.into_iter().collect()
            }
            _ => Vec::new(),
        }
    };
    let is_physical = |link: &Link| {
        // Links may lie over each other in a circle in a file that somebody made up:
        // each is looked at once.
        let mut seen = HashSet::from([link.index]);
        let mut to_see: Vec<&Link> = lies_over(link);
        if link.kind.is_none() {
            return !link.loopback;
        }
        while let Some(under) = to_see.pop() {
            if under.kind.is_none() && !under.loopback {
                return true;
            }
            if seen.insert(under.index) {
                to_see.extend(lies_over(under));
            }
        }
        false
    };
    all.iter()
        .filter(|link| link.up && is_physical(link))
        .collect()
}
