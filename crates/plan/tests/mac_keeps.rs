//! What is kept on a Mac is kept: laws over tables that VPNs, meshes and virtual machines
//! have been seen to make, and over some that nobody has.
//!
//! - Every address of a kept network leaves through it, but for networks of this host
//!   within it and for this host itself.
//! - A plan is refused only for a route that nothing can win over.
//! - What netprof adds captures nothing outside of what is kept.
//! - A plan that was carried out leaves nothing to plan.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried_out;
mod mac;
mod planned;
#[path = "law/xnu.rs"]
mod xnu;

use std::net::{IpAddr, Ipv4Addr};

use carried_out::carried_out;
use mac::{items, mac};
use netprof_model::Snapshot;
use netprof_model::route::{Route, RouteKind};
use planned::{described, made};
use proptest::prelude::*;
use proptest::sample::subsequence;

const LINKS: &str = "
en0:
    inet 192.168.7.20/24
en7:
    inet 192.168.7.200/28
utun3: owner anyconnect
    inet 10.8.0.2/32 --> 10.8.0.2
vmenet0:
bridge100:
    inet 192.168.7.65/28
Internet:
127                127.0.0.1          UCS       lo0
";

/// Routes that there may be, each through a link of the above.
const ROWS: [&str; 34] = [
    "default 192.168.7.1 UGScg en0",
    "default link#18 UCSg utun3",
    "default 192.168.7.1 UGScIg en0",
    "default link#18 UCSIg utun3",
    "0/1 10.8.0.1 UGSc utun3",
    "128.0/1 10.8.0.1 UGSc utun3",
    "192.168.0.0/16 link#18 UCS utun3",
    "192.168.7 link#11 UCS en0",
    "192.168.7 link#11 UCSI en0",
    "192.168.7 link#18 UCS utun3",
    "192.168.7 link#18 UCSI utun3",
    "192.168.7.0/25 link#18 UCS utun3",
    "192.168.7.0/26 link#18 UCS utun3",
    "192.168.7.128/25 link#18 UCS utun3",
    "192.168.7.128/26 link#11 UCS en0",
    "192.168.7.192/26 10.8.0.1 UGSc utun3",
    "192.168.7.100/30 link#18 UCS utun3",
    "192.168.7.254/31 link#18 UCS utun3",
    "192.168.7.9/32 link#18 UCS utun3",
    "192.168.7.20/32 link#11 UCS en0",
    "192.168.7.1/32 link#11 UCS en0",
    "192.168.7.1/32 link#11 UCSI en0",
    "192.168.7.64/28 link#20 UC bridge100",
    "192.168.7.72/29 link#18 UCS utun3",
    "192.168.7.192/28 link#14 UCS en7",
    "192.168.7.192/28 link#14 UCSI en7",
    "192.168.7.200/29 link#18 UCS utun3",
    "192.168.50 192.168.7.1 UGSc en0",
    "192.168.50 link#18 UCS utun3",
    "192.168.50.128/25 link#18 UCS utun3",
    "192.168.50.64/26 192.168.7.2 UGSc en0",
    "192.168.50.64/27 link#18 UCS utun3",
    "192.168.50 192.168.7.3 UGSI en0",
    "10.20/16 127.0.0.1 UGRS lo0",
];

/// A Mac with some of the rows, each key once.
fn machine() -> impl Strategy<Value = Snapshot> {
    subsequence(&ROWS[..], 0..=ROWS.len())
        .prop_shuffle()
        .prop_map(|rows| {
            let mut snapshot = mac(&format!("{LINKS}{}", rows.join("\n")));
            let routes = items(&mut snapshot.routes);
            routes.sort_by(|a, b| a.key.cmp(&b.key));
            routes.dedup_by(|a, b| a.key == b.key);
            snapshot
        })
}

const PROFILE: &str = r#"
    link "lan" { match name="en0"; }
    routes { keep-lan "lan" { also "192.168.50.0/24" via="192.168.7.254"; }; }
"#;

/// Whether nothing for every socket wins over it: a route to a single address, and one
/// for the sockets of the kept link alone, to another gateway.
fn wins_over_all(route: &Route) -> bool {
    let key = route.key.to_string();
    key == "route4 192.168.7.9/32" || key == "route4 192.168.50.0/24 ifscope en0"
}

/// A Mac without such routes.
fn winnable() -> impl Strategy<Value = Snapshot> {
    machine().prop_map(|mut snapshot| {
        items(&mut snapshot.routes).retain(|route| !wins_over_all(route));
        snapshot
    })
}

/// The route that carries packets to `to`, if one does: not by the planner's own look-up.
fn found(snapshot: &Snapshot, to: Ipv4Addr) -> Option<&Route> {
    let found = xnu::look_up(snapshot, IpAddr::V4(to), None);
    found.filter(|route| route.spec.kind == RouteKind::Unicast)
}

/// Whether a packet to `to` may leave by `found` and still be kept.
fn is_kept(snapshot: &Snapshot, to: Ipv4Addr, found: Option<&Route>) -> bool {
    let own = snapshot.addresses.items().iter();
    if own.clone().any(|one| one.local.addr() == IpAddr::V4(to)) {
        return true;
    }
    // Networks of this host that lie within the kept one keep their way, with all that
    // is within them.
    let within = snapshot.routes.items().iter().filter(|route| {
        ["en7", "bridge100"]
            .iter()
            .any(|dev| route.goes_through(dev))
            && route.key.ifscope.is_none()
            && route.key.dst.contains(&IpAddr::V4(to))
    });
    within.count() > 0 || found.is_some_and(|route| route.goes_through("en0"))
}

fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    (1..=254).flat_map(|last| [[192, 168, 7, last], [192, 168, 50, last]].map(Ipv4Addr::from))
}

proptest! {
    #[test]
    fn every_address_of_a_kept_network_stays_on_it(snapshot in machine()) {
        let plan = made(PROFILE, &snapshot);
        let lost = snapshot.routes.items().iter().any(wins_over_all);
        prop_assert_eq!(plan.is_refused(), lost, "{}", described(&plan));
        if lost {
            return Ok(());
        }
        let done = carried_out(&snapshot, &plan);
        for to in addresses() {
            let found = found(&done, to);
            prop_assert!(is_kept(&snapshot, to, found), "{to}: {found:?}\n{}", described(&plan));
        }
    }

    #[test]
    fn what_is_not_kept_goes_where_it_went(snapshot in winnable(), to in any::<u32>()) {
        let to = Ipv4Addr::from(to);
        prop_assume!(!matches!(to.octets(), [192, 168, 7 | 50, _]));
        let plan = made(PROFILE, &snapshot);
        let done = carried_out(&snapshot, &plan);
        prop_assert_eq!(found(&snapshot, to), found(&done, to));
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_plan(snapshot in winnable()) {
        let plan = made(PROFILE, &snapshot);
        let again = made(PROFILE, &carried_out(&snapshot, &plan));
        prop_assert!(again.changes.is_empty(), "{}", described(&again));
        prop_assert!(!again.is_refused(), "{}", described(&again));
    }
}
