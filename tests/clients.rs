//! Real VPN clients in the cases that a walk (tests/walks.rs) does not come by.

use crate::harness::clients::{Client, OpenConnect, Tailscale, Tunnel, WgQuick};
use crate::harness::{Beside, FAR, Lab, Picture, Seen};

/// The kernel puts rules that have no priority before all others but the first, so that
/// after a reconnect wg-quick's come before netprof's, and its half of the LAN in main
/// is found first.
pub(crate) fn wg_quick_that_comes_before_what_keeps_the_lan(lab: &Lab) {
    let beside = Beside::new(lab);
    let allowed = "0.0.0.0/0, ::/0, 192.168.77.0/25, 192.168.88.0/25";
    let mut client = WgQuick::allowing(lab, &beside.site, allowed);
    lab.write_profile("office", &client.profile(""));
    client.connect();
    assert_ne!(beside.look().lan, "yes");
    let applied = beside.apply();
    assert_eq!(applied.kept(), Seen::KEPT);
    for _ in 0..2 {
        client.reconnect();
        assert_ne!(beside.look().lan, "yes");
        let text = lab.netprof("plan office").exits(0).stdout;
        let why = "of wg-quick, which looks into main first";
        assert!(text.contains(why), "{text}");
        assert_eq!(beside.apply(), applied);
    }
    // Without them the usual place is right again.
    client.disconnect();
    assert_eq!(beside.apply().kept(), Seen::KEPT);
    let rules = lab.rules(4).to_string();
    assert_eq!(rules.matches("\"priority\":110,").count(), 2, "{rules}");
    lab.netprof("release").exits(0);
    assert_eq!(beside.look().kept(), Seen::KEPT);
}

/// vpnc-script deletes the routes to what its server excludes when it disconnects, also
/// one that was there before it, and one of netprof's.
pub(crate) fn openconnect_that_deletes_a_route_of_the_persons(lab: &Lab) {
    const ROUTER: &str = "192.168.77.254";
    let beside = Beside::new(lab);
    beside
        .site
        .lan
        .run(&format!("ip addr add {ROUTER}/24 dev eth0"));
    lab.run(&format!("ip route replace 192.168.88.0/24 via {ROUTER}"));
    let router = || lab.way_to("192.168.88.1").expect("there is a way").gateway;
    let right = Some(ROUTER.to_owned());
    let mut client = OpenConnect::new(lab, &beside.site, Tunnel::Split);
    lab.write_profile("office", &client.profile(&format!(" via=\"{ROUTER}\"")));
    let before = Picture::take(lab);

    client.connect();
    beside.apply();
    assert_eq!(router(), right);
    client.disconnect();
    // Its own route is gone, and packets go to another router.
    assert_ne!(router(), right);
    let status = lab.netprof("status").exits(0).stdout;
    let says = "\n  + route 192.168.88.0/24  via 192.168.77.254 dev lan0";
    assert!(status.contains(says), "{status}");
    assert_eq!(beside.would_add(), [FAR]);
    beside.apply();
    assert_eq!(router(), right);

    // Now the route is netprof's, which does not help it: that is drift.
    client.connect();
    beside.apply();
    client.disconnect();
    assert_ne!(router(), right);
    let status = lab.netprof("status --exit-code").exits(5).stdout;
    let says = "is gone: somebody deleted it";
    assert!(status.contains(says), "{status}");
    beside.apply();
    assert_eq!(router(), right);

    // What vpnc-script took away before netprof was there to see it stays away.
    lab.netprof("release").exits(0);
    assert_ne!(router(), right);
    assert_eq!(before.differs_in(&Picture::take(lab)), ["routes, IPv4"]);
    lab.run(&format!("ip route add 192.168.88.0/24 via {ROUTER}"));
    before.assert_same(&Picture::take(lab));
}

/// Its resolv.conf passes by whatever resolved is told: everything that netprof made is
/// as it was, and no program sees it.
pub(crate) fn tailscale_that_takes_over_resolv_conf(lab: &Lab) {
    let beside = Beside::new(lab);
    let mut client = Tailscale::new(lab, &beside.site);
    lab.write_profile("office", &client.profile(""));
    client.connect();
    let applied = beside.apply();
    assert_eq!(applied.kept(), Seen::KEPT);

    client.take_resolv_conf();
    let taken = beside.look();
    assert_eq!(taken.other_names, "corp's server");
    let refused = lab.netprof("apply office").exits(1);
    let says = "/etc/resolv.conf of tailscale names 100.100.100.100";
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    assert_eq!(beside.look(), taken);
    let status = lab.netprof("status").exits(0);
    assert!(
        status.stdout.contains("cannot be applied anew"),
        "{}",
        status.stdout
    );
    assert!(status.stderr.contains(says), "{}", status.stderr);

    client.give_back_resolv_conf();
    assert_eq!(beside.apply(), applied);
    lab.netprof("release").exits(0);
    client.disconnect();
}
