//! A scope whose link has gone.

use std::net::IpAddr;

use netprof_model::held::HeldResource;
use netprof_model::plist::Value;
use netprof_model::resource::{STORE_LINK, STORE_MARK};
use netprof_model::{Resource, Snapshot, State};

use super::servers::Way;
use crate::macos::phantom::is_phantom;

/// Why a scope's service is there for nothing, if so: it names a link, and that link has
/// gone, or leads to its servers no more.
pub(in crate::macos) fn stale(held: &HeldResource, snapshot: &Snapshot) -> Option<String> {
    let (Resource::Store { .. }, Some(State::Store(all))) = (&held.resource, &held.committed)
    else {
        return None;
    };
    let text = |key| all.get(key).and_then(Value::as_str);
    let (dev, scope) = (text(STORE_LINK)?, text(STORE_MARK)?);
    let left = format!("names of scope {scope} still go to its servers");
    match snapshot.link(dev) {
        None => return Some(format!("{dev} has gone: {left}")),
        Some(link) if !link.up => return Some(format!("{dev} is down: {left}")),
        Some(link) if is_phantom(link, snapshot) => {
            return Some(format!("{dev} leads nowhere any more: {left}"));
        }
        Some(_) => {}
    }
    let servers = all.get("ServerAddresses")?;
    let way = Way::new(snapshot)?;
    let mut addresses = servers
        .words()
        .filter_map(|word| word.parse::<IpAddr>().ok());
    let lost = addresses.find(|to| !to.is_loopback() && !way.leads(*to, dev))?;
    Some(format!(
        "packets to the server {lost} no longer leave through {dev}"
    ))
}
