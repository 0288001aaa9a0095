//! `mtu` on Linux: what the kernel changes along with the size of a link.
//!
//! A release sets the link back, and nothing that the kernel changed elsewhere. So where
//! that does not come back by itself, the size is refused:
//!
//! - A vlan or macvlan is never larger than the link that it lies over: it is made smaller
//!   with that one, and not larger again (`vlan_device_event` in net/8021q/vlan.c,
//!   `macvlan_device_event` in drivers/net/macvlan.c).
//! - An ipvlan is given every new size of the link that it lies over, whatever it had
//!   (`ipvlan_device_event` in drivers/net/ipvlan/ipvlan_main.c).
//! - A bridge that was given a size notes that for good, and no longer follows its ports
//!   (`br_change_mtu` in net/bridge/br_device.c).
//! - Below 1280 bytes a link has no IPv6 (`addrconf_notify` in net/ipv6/addrconf.c): its
//!   addresses go, and its settings too, also the one that keeps IPv6 off. What comes back
//!   are the defaults.
//!
//! What comes back and matters meanwhile is said: a bridge takes the size of its smallest
//! port, and drops what is too large for a port without telling anybody
//! (`br_mtu_auto_adjust` in net/bridge/br_if.c, `br_dev_queue_push_xmit` in br_forward.c).

use netprof_model::link::Link;
use netprof_model::profile::Profile;
use netprof_model::{Diagnostic, Resource, Snapshot, State};

use super::Ground;
use crate::draft::Draft;
use crate::mtu::{self, IPV6};

/// Wants the sizes that the profile says, and says what the kernel makes of them.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let Ground { profile, base, .. } = ground;
    let refusal = |link: &Link, bytes| {
        stacked(base, link, bytes)
            .or_else(|| of_ipvlan(base, link, bytes))
            .or_else(|| of_bridge(link, bytes))
            .or_else(|| ipv6_off(link, bytes))
    };
    mtu::desire(profile, base, &ground.links, refusal, draft);
    say_side_effects(profile, ground, draft);
}

/// Whether links of that kind keep to the size of the one that they lie over.
fn keeps_below(kind: Option<&str>) -> bool {
    matches!(kind, Some("vlan" | "macvlan" | "macvtap"))
}

/// Why a link that lies over another, or under one, cannot have packets of `bytes`.
fn stacked(base: &Snapshot, link: &Link, bytes: u32) -> Option<Diagnostic> {
    let name = &link.name;
    let mut all = base.links.items().iter();
    let above = all.find(|one| {
        one.lower == Some(link.index) && keeps_below(one.kind.as_deref()) && one.mtu > bytes
    });
    if let Some(above) = above {
        let message = format!(
            "{} lies over {name}: the kernel would make its packets smaller too, from {} to {bytes} bytes, and not larger again",
            above.name, above.mtu
        );
        let error = Diagnostic::error("plan::mtu-of-others", message)
            .label("this would change another link for good")
            .help(format!(
                "declare a link for {} and set its `mtu`, not that of {name}",
                above.name
            ));
        return Some(error);
    }
    let mut all = base.links.items().iter();
    let below = all.find(|one| {
        link.lower == Some(one.index) && keeps_below(link.kind.as_deref()) && one.mtu < bytes
    })?;
    let message = format!(
        "{name} lies over {}, which takes packets of {} bytes: it cannot take {bytes}",
        below.name, below.mtu
    );
    let error = Diagnostic::error("plan::mtu-of-others", message)
        .label("larger than the link below")
        .help(format!("say {} or less", below.mtu));
    Some(error)
}

/// Why an ipvlan over `link` would not get its size back.
fn of_ipvlan(base: &Snapshot, link: &Link, bytes: u32) -> Option<Diagnostic> {
    let mut all = base.links.items().iter();
    let above = all.find(|one| {
        one.lower == Some(link.index)
            && matches!(one.kind.as_deref(), Some("ipvlan" | "ipvtap"))
            && one.mtu != link.mtu
    });
    let above = above.filter(|_| link.mtu != bytes)?;
    let message = format!(
        "{} lies over {} and has a size of its own, {} bytes: the kernel would give it each new size of {}",
        above.name, link.name, above.mtu, link.name
    );
    let error = Diagnostic::error("plan::mtu-of-others", message)
        .label("this would change another link for good")
        .help(format!(
            "declare a link for {} and set its `mtu`, not that of {}",
            above.name, link.name
        ));
    Some(error)
}

/// Why a bridge cannot be given a size: it would be its own from then on.
fn of_bridge(link: &Link, bytes: u32) -> Option<Diagnostic> {
    let is_bridge = link.kind.as_deref() == Some("bridge");
    (is_bridge && link.mtu != bytes).then(|| {
        let message = format!(
            "{} is a bridge: once it was given a size, it no longer follows its ports, and a release cannot take that back",
            link.name
        );
        Diagnostic::error("plan::mtu-of-bridge", message)
            .label("this would hold for good")
            .help("set the `mtu` of its ports: it takes the size of the smallest")
    })
}

/// Why the kernel would forget that `link` is to have no IPv6.
fn ipv6_off(link: &Link, bytes: u32) -> Option<Diagnostic> {
    (bytes < IPV6 && link.ipv6 == Some(false)).then(|| {
        let message = format!(
            "IPv6 is switched off on {}, and the kernel would forget that below {IPV6} bytes: a release would leave it on",
            link.name
        );
        Diagnostic::error("plan::mtu-forgets", message)
            .label("this is too small for the link")
            .help(format!("say {IPV6} or more; it takes {} now", link.mtu))
    })
}

/// Says of each size that is wanted what else it changes for as long as it holds.
fn say_side_effects(profile: &Profile, ground: &Ground, draft: &mut Draft) {
    for decl in &profile.mtu {
        for link in ground.links.of(&decl.link.value) {
            let dev = link.name.clone();
            let wanted = draft.wants(&Resource::Mtu { dev });
            let is_new = wanted.is_some_and(|one| one.state != State::Mtu { mtu: link.mtu });
            if !is_new {
                continue;
            }
            let all = [
                ends_ipv6(link, decl.bytes),
                starts_ipv6(link, decl.bytes),
                of_port(ground.base, link, decl.bytes),
            ];
            let said = all.into_iter().flatten();
            draft
                .diagnostics
                .extend(said.map(|one| one.at(decl.at.clone())));
        }
    }
}

fn ends_ipv6(link: &Link, bytes: u32) -> Option<Diagnostic> {
    (bytes < IPV6 && link.ipv6 == Some(true)).then(|| {
        Diagnostic::warning(
            "plan::mtu-ends-ipv6",
            format!("{} can have no IPv6 below {IPV6} bytes", link.name),
        )
        .help("once it is larger again, its settings of IPv6 are the defaults")
    })
}

fn starts_ipv6(link: &Link, bytes: u32) -> Option<Diagnostic> {
    (link.mtu < IPV6 && bytes >= IPV6 && link.ipv6.is_none()).then(|| {
        let message = format!(
            "{} has no IPv6, being smaller than {IPV6} bytes: with {bytes} the kernel sets it up",
            link.name
        );
        Diagnostic::warning("plan::mtu-starts-ipv6", message)
            .help("it takes addresses and routes that a router announces there")
    })
}

fn of_port(base: &Snapshot, link: &Link, bytes: u32) -> Option<Diagnostic> {
    let mut all = base.links.items().iter();
    let bridge = all.find(|one| {
        link.master == Some(one.index) && one.kind.as_deref() == Some("bridge") && one.mtu > bytes
    })?;
    let message = format!(
        "{} is a port of {}, which drops what is larger than {bytes} bytes there and tells nobody",
        link.name, bridge.name
    );
    let warning = Diagnostic::warning("plan::mtu-of-port", message).help(format!(
        "{} takes the size of its smallest port; others on it must be told theirs, too",
        bridge.name
    ));
    Some(warning)
}
