//! The order in which changes are made.
//!
//! First what others rest on: addresses and links, then the tables that rules will
//! name, then the rules, so that no rule ever leads into a table that is not filled
//! yet; then main routes, then the resolver. What is taken away goes after what is
//! added, and in reverse, so that there is no moment with neither the old nor the
//! new.
//!
//! Of routes, the longer prefix comes first, so that what is an exception from a wider
//! route never follows that one for a moment. Only what a gateway rests on comes before
//! it, however short.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::plan::Change;
use netprof_model::{Resource, State};

/// Sorts `changes` into the order in which they are made.
pub(crate) fn sort(changes: &mut Vec<Change>) {
    let all = std::mem::take(changes).into_iter();
    let (gone, made): (Vec<Change>, Vec<Change>) = all.partition(|change| change.after.is_none());
    changes.extend(laid(made));
    changes.extend(laid(gone).into_iter().rev());
}

/// `changes` in the order in which they would be made, were all of them made.
fn laid(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by(|a, b| place(a).cmp(&place(b)));
    let mut grounds: HashMap<(u8, IpNet), usize> = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        if let Resource::Route(key) = &change.resource
            && gateways(change).next().is_none()
        {
            grounds.insert((rank(&change.resource), key.dst), at);
        }
    }
    let rests: Vec<Vec<usize>> = changes
        .iter()
        .map(|change| {
            let rank = rank(&change.resource);
            let rests = gateways(change).filter_map(|via| {
                let mut wider = supernets(via);
                wider.find_map(|net| grounds.get(&(rank, net)).copied())
            });
            rests.collect()
        })
        .collect();
    let mut left: Vec<Option<Change>> = changes.into_iter().map(Some).collect();
    let mut laid = Vec::with_capacity(left.len());
    for (at, rests) in rests.into_iter().enumerate() {
        for one in rests.into_iter().chain([at]) {
            laid.extend(left[one].take());
        }
    }
    laid
}

fn place(change: &Change) -> (u8, Reverse<u8>, &Resource) {
    let length = match &change.resource {
        Resource::Route(key) => key.dst.prefix_len(),
        _ => 0,
    };
    (rank(&change.resource), Reverse(length), &change.resource)
}

fn rank(resource: &Resource) -> u8 {
    match resource {
        // Before the link goes up: the kernel gives a loopback link that goes up
        // without an address one of its own accord (devinet.c, inetdev_event).
        Resource::Address { .. } => 0,
        Resource::LinkUp { .. } | Resource::Mtu { .. } => 1,
        Resource::Route(key) if !key.is_plain() => 2,
        Resource::Rule(_) => 3,
        Resource::Route(_) => 4,
        Resource::DnsLink { .. } => 5,
        Resource::DnsDelegate { .. } | Resource::Store { .. } => 6,
        Resource::File { .. } => 7,
        Resource::Proxies { .. } => 8,
    }
}

/// The gateways of a route, before and after.
fn gateways(change: &Change) -> impl Iterator<Item = IpAddr> {
    let sides = [&change.after, &change.before].into_iter().flatten();
    let routes = sides.filter_map(|state| match state {
        State::Route(spec) => Some(spec),
        _ => None,
    });
    routes.flat_map(|spec| spec.hops.iter().filter_map(|hop| hop.via))
}

/// The networks that `address` is in, the narrowest first.
fn supernets(address: IpAddr) -> impl Iterator<Item = IpNet> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (0..=longest)
        .rev()
        .filter_map(move |length| IpNet::new(address, length).ok())
        .map(|net| net.trunc())
}
