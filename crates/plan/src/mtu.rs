//! `mtu`: the largest packet of a link.
//!
//! The language has the limits of a packet already. Here a size is refused where it is
//! surely wrong for the link, or could not be taken back; what a driver takes beyond the
//! limits that it tells, it says itself, and then nothing has been changed.

use std::net::IpAddr;

use netprof_model::link::Link;
use netprof_model::plan::Reason;
use netprof_model::profile::{Mtu, Profile};
use netprof_model::{Diagnostic, Resource, Snapshot, State};

use crate::draft::{Draft, Wanted};
use crate::links::Links;

/// Every link of IPv6 takes a packet of this size (RFC 8200, 5).
pub(crate) const IPV6: u32 = 1280;

/// Wants each link that the profile names to take packets of the size that it says, unless
/// `refusal` knows why this system cannot make that so, or take it back.
pub(crate) fn desire(
    profile: &Profile,
    base: &Snapshot,
    links: &Links,
    refusal: impl Fn(&Link, u32) -> Option<Diagnostic>,
    draft: &mut Draft,
) {
    for decl in &profile.mtu {
        let subject = format!("mtu {} {}", decl.link.value, decl.bytes);
        let reason = Reason::line(&decl.at, "mtu");
        match links.or_row(&decl.link, &subject, &reason) {
            Err(row) => draft.rows.push(*row),
            Ok(links) => {
                for link in links {
                    let refused = limits(base, link, decl.bytes).or_else(|| {
                        let changes = link.mtu != decl.bytes;
                        changes.then(|| refusal(link, decl.bytes)).flatten()
                    });
                    want(decl, link, refused, &reason, draft);
                }
            }
        }
    }
}

fn want(decl: &Mtu, link: &Link, refused: Option<Diagnostic>, reason: &Reason, draft: &mut Draft) {
    let dev = link.name.clone();
    let resource = Resource::Mtu { dev };
    if let Some(error) = refused {
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

/// Why `link` cannot have packets of `bytes` at all: its device or its addresses.
fn limits(base: &Snapshot, link: &Link, bytes: u32) -> Option<Diagnostic> {
    let name = &link.name;
    let (least, most) = (link.min_mtu.unwrap_or(0), link.max_mtu.unwrap_or(u32::MAX));
    if !(least..=most).contains(&bytes) {
        let range = match (link.min_mtu, link.max_mtu) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("from {least}"),
            (None, _) => format!("up to {most}"),
        };
        let message = format!("{name} takes packets {range} bytes, says its device: not {bytes}");
        let error = Diagnostic::error("plan::mtu-of-device", message)
            .label("the device does not take this")
            .help(format!("say a number {range}; it is {} now", link.mtu));
        return Some(error);
    }
    let mut addresses = base.addresses.items().iter();
    let has_v6 =
        addresses.any(|one| one.dev == link.name && matches!(one.local.addr(), IpAddr::V6(_)));
    (bytes < IPV6 && has_v6).then(|| {
        let message = format!(
            "{name} has IPv6 addresses, and IPv6 needs packets of {IPV6} bytes: {bytes} are too few"
        );
        Diagnostic::error("plan::mtu-too-small", message)
            .label("this is too small for the link")
            .help(format!("say {IPV6} or more; it takes {} now", link.mtu))
    })
}
