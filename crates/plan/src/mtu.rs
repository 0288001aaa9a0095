//! `mtu`: the largest packet of a link.
//!
//! The language has the limits of a packet already. Here a size is refused only where it
//! is surely wrong for the link; what a driver takes, it says itself, and then nothing
//! has been changed.

use std::net::IpAddr;

use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::{Mtu, Profile};
use netprof_model::{Diagnostic, Resource, Snapshot, State};

use crate::draft::{Draft, Wanted};
use crate::links::Links;

/// Every link of IPv6 takes a packet of this size (RFC 8200, 5).
const IPV6: u32 = 1280;

/// Wants each link that the profile names to take packets of the size that it says.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, links: &Links, draft: &mut Draft) {
    for decl in &profile.mtu {
        let subject = format!("mtu {} {}", decl.link.value, decl.bytes);
        let reason = Reason::line(&decl.at, "mtu");
        match links.or_row(&decl.link, &subject, &reason) {
            Err(row) => draft.rows.push(*row),
            Ok(links) => {
                for link in links {
                    want(decl, base, link, &reason, draft);
                }
            }
        }
    }
}

fn want(decl: &Mtu, base: &Snapshot, link: &Link, reason: &Reason, draft: &mut Draft) {
    let dev = link.name.clone();
    let resource = Resource::Mtu { dev };
    let mut addresses = base.addresses.items().iter();
    let has_v6 =
        addresses.any(|one| one.dev == link.name && matches!(one.local.addr(), IpAddr::V6(_)));
    if decl.bytes < IPV6 && has_v6 {
        let message = format!(
            "{} has IPv6 addresses, and IPv6 needs packets of {IPV6} bytes: {} are too few",
            link.name, decl.bytes
        );
        let error = Diagnostic::error("plan::mtu-too-small", message)
            .label("this is too small for the link")
            .help(format!("say {IPV6} or more; it takes {} now", link.mtu));
        return draft.refuse(resource.to_string(), reason, error, &decl.at);
    }
    draft.want(Wanted {
        // Whoever set the link up gave it a size: the profile knows better.
        replace: true,
        ..Wanted::new(
            resource,
            State::Mtu { mtu: decl.bytes },
            Some(link),
            vec![reason.clone()],
        )
    });
}
