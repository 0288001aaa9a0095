//! Which tunnels of a Mac lead nowhere, and which routes were left behind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mac;
mod wifi;

use mac::items;
use netprof_model::{Owner, Section, Snapshot};
use netprof_plan::macos::phantom::{phantoms, stale_routes};
use wifi::wifi;

/// What a daemon of macOS keeps: a link-local address, and a default route for its own
/// sockets.
const IDLE: &str = "
    utun2: mtu 1380
        inet6 fe80::b2/64
    Internet6:
    default            fe80::%utun2       UGcIg     utun2
    fe80::%utun2/64    fe80::b2%utun2     UcI       utun2
    fe80::b2%utun2     link#21            UHLI      lo0
    ff00::/8           fe80::b2%utun2     UmCI      utun2
    Internet:
";

fn names(snapshot: &Snapshot) -> Vec<&str> {
    let all = phantoms(snapshot).into_iter();
    all.map(|link| link.name.as_str()).collect()
}

#[test]
fn a_tunnel_that_a_daemon_of_macos_keeps_is_a_phantom() {
    let mut machine = wifi(IDLE);
    assert_eq!(names(&machine), ["utun2"]);
    for link in items(&mut machine.links) {
        link.owner = Owner::Apple;
    }
    assert_eq!(names(&machine), ["utun2"]);
}

#[test]
fn a_tunnel_of_which_one_thing_says_otherwise_is_none() {
    for more in [
        "utun2: owner network-extension\n inet6 fe80::b2/64",
        "utun2:\n inet 10.8.0.2/32 --> 10.8.0.1",
        "utun2:\n inet6 fd7a:115c:a1e0::1/48",
        "utun2:\n 10.99/16 link#21 UCS utun2",
        "utun2:\n Internet6:\n fd00:9::/48 link#21 UCS utun2",
        "utun2:\n Internet6:\n default fe80::%utun2 UGcg utun2",
        "utun2:\n service corp utun2",
        "ipsec0:\n inet6 fe80::b2/64",
    ] {
        assert_eq!(names(&wifi(more)), [""; 0], "{more}");
    }
}

#[test]
fn of_a_machine_that_was_not_read_nothing_is_called_idle() {
    let why = "sysctl failed".to_owned();
    let mut machine = wifi(IDLE);
    machine.routes = Section::Unreadable(why.clone());
    assert_eq!(names(&machine), [""; 0]);
    // A service may be all that tells a tunnel from an idle one.
    for store in [Section::Unread, Section::Unreadable(why)] {
        let mut machine = wifi(IDLE);
        machine.store = store;
        assert_eq!(names(&machine), [""; 0]);
    }
}

#[test]
fn routes_through_a_link_that_is_down_or_gone_are_left_behind() {
    let text = format!(
        "{IDLE}
        en7: down
        Internet:
        10.20/16           link#14            UCS       en7
        10.99/16           10.8.0.1           UGSc      utun9
        192.168.90         192.168.7.2        UGSc      en0
        Internet6:
        fe80::%en7/64      link#14            UCI       en7"
    );
    let machine = wifi(&text);
    let left: Vec<String> = stale_routes(&machine)
        .iter()
        .map(|route| route.key.to_string())
        .collect();
    assert_eq!(left, ["route4 10.20.0.0/16", "route4 10.99.0.0/16"]);
}
