//! Whether a profile's `when` holds on a machine.

use netprof_model::profile::{Profile, Spanned};
use netprof_model::{Name, Section, Snapshot};

use crate::links::{Links, Meant};

/// Whether a profile is meant for a machine as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fits {
    /// All of its `when` holds.
    Yes,
    /// Part of it does not: which.
    No(String),
    /// Part of it cannot be told from a snapshot: which.
    Unknown(String),
    /// It has no `when`, and is chosen by hand alone.
    ByHand,
}

/// Whether `profile` is meant for the machine of `snapshot`.
#[must_use]
pub fn fits(profile: &Profile, snapshot: &Snapshot) -> Fits {
    let Some(when) = &profile.when else {
        return Fits::ByHand;
    };
    // What is wrong with a link is said by a plan of the profile.
    let links = Links::find(profile, snapshot, &mut Vec::new());
    let is_there = |name: &&Spanned<Name>| matches!(links.meant(&name.value), Meant::Links(_));
    if let Some(missing) = when.links.iter().find(|name| !is_there(name)) {
        return Fits::No(format!("no link is {}", missing.value));
    }
    let addresses = snapshot.addresses.items();
    let outside = when.addresses.iter().find(|prefix| {
        !addresses
            .iter()
            .any(|one| prefix.value.contains(&one.local.addr()))
    });
    if let Some(prefix) = outside {
        return Fits::No(format!("no address lies in {}", prefix.value));
    }
    if !when.dns_suffixes.is_empty() {
        let Section::Seen(resolved) = &snapshot.resolved else {
            return Fits::Unknown("`dns-suffix`: the resolver was not read".to_owned());
        };
        let told: Vec<&str> = resolved
            .links
            .iter()
            .flat_map(|link| &link.dns.domains)
            .chain(&resolved.global.domains)
            .map(|domain| domain.name.as_str())
            .collect();
        if let Some(missing) = when
            .dns_suffixes
            .iter()
            .find(|one| !told.contains(&one.value.as_str()))
        {
            return Fits::No(format!("no resolver was told {}", missing.value));
        }
    }
    let unread = [
        ("ssid", when.ssids.is_empty()),
        ("gateway-mac", when.gateway_macs.is_empty()),
        ("reachable", when.reachable.is_empty()),
    ];
    match unread.into_iter().find(|(_, absent)| !absent) {
        Some((what, _)) => Fits::Unknown(format!("`{what}` is not looked at yet")),
        None => Fits::Yes,
    }
}
