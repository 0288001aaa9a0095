//! The LAN stays reachable, whatever somebody else claims; and nothing stale is left
//! once the machine has moved to another one.

use crate::harness::{Lab, Office, Picture, StrongSwan, Tailscale, Tun, WgQuick};

const LAN: &str = r#"
profile "lan" {
    link "lan" { match name="lan0"; }
    routes {
        keep-lan "lan" { also "192.168.88.0/24"; }
    }
}
"#;

fn link_to(lab: &Lab, address: &str) -> String {
    lab.way_to(address)
        .unwrap_or_else(|error| panic!("{address}: {error}"))
        .link
}

/// A VPN link that takes what is routed into it and answers nothing.
fn vpn(lab: &Lab) -> Tun {
    let tun = Tun::new(lab, "tun0");
    lab.run_each(
        "ip addr add 10.8.0.2/24 dev tun0
         ip -6 addr add fd00:8::2/64 dev tun0
         ip link set tun0 up",
    );
    tun
}

/// That the LAN cannot be reached before, can after `apply`, from the LAN's own
/// address; that traffic to elsewhere keeps its way; that all of it is taken back.
fn assert_kept(lab: &Lab, lost: &[&str], elsewhere: &[(&str, &str)]) {
    lab.write_profile("lan", LAN);
    for address in lost {
        assert!(
            !lab.reaches(address),
            "{address} can be reached without netprof"
        );
    }
    for (address, link) in elsewhere {
        assert_eq!(&link_to(lab, address), link, "{address} before");
    }
    let before = Picture::take(lab);
    lab.netprof("apply lan").exits(0);
    for address in lost {
        assert!(lab.reaches(address), "{address} cannot be reached");
        let way = lab.way_to(address).unwrap();
        assert_eq!(way.link, "lan0");
        assert!(
            ["192.168.77.2", "fd00:77::2"].contains(&way.source.as_deref().unwrap()),
            "{way:?}"
        );
    }
    for (address, link) in elsewhere {
        assert_eq!(&link_to(lab, address), link, "{address} after");
    }
    lab.netprof("plan lan --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn the_lan_is_kept_against_routes_inside_it(lab: &Lab) {
    let _office = Office::new(lab);
    let _vpn = vpn(lab);
    lab.run_each(
        "ip route add 192.168.77.0/25 dev tun0
         ip route add 192.168.88.0/25 dev tun0
         ip route add 192.168.77.128/25 dev tun0
         ip -6 route add fd00:77::/65 dev tun0
         ip route add 198.51.100.0/24 dev tun0",
    );
    assert_kept(
        lab,
        &[
            "192.168.77.1",
            "192.168.77.50",
            "192.168.88.50",
            "fd00:77::1",
            "fd00:77::50",
        ],
        &[("198.51.100.7", "tun0"), ("203.0.113.80", "lan0")],
    );
}

pub(crate) fn the_lan_is_kept_against_an_equal_prefix_with_a_better_metric(lab: &Lab) {
    let _office = Office::new(lab);
    let _vpn = vpn(lab);
    // As NetworkManager has it: the connected route has a metric of its own.
    lab.run_each(
        "ip route del 192.168.77.0/24 dev lan0
         ip route add 192.168.77.0/24 dev lan0 proto kernel scope link src 192.168.77.2 metric 600
         ip route add 192.168.77.0/24 dev tun0 metric 50",
    );
    assert_kept(
        lab,
        &["192.168.77.1", "192.168.77.50"],
        &[("10.8.0.9", "tun0")],
    );
}

pub(crate) fn a_network_behind_the_lan_is_kept_against_a_better_default_route(lab: &Lab) {
    let _office = Office::new(lab);
    let _vpn = vpn(lab);
    lab.run_each(
        "ip route del 192.168.88.0/24
         ip route del default
         ip route add default via 192.168.77.1 metric 600
         ip route add default dev tun0 metric 50",
    );
    assert_kept(
        lab,
        &["192.168.88.50"],
        &[("203.0.113.80", "tun0"), ("192.168.77.1", "lan0")],
    );
}

pub(crate) fn the_lan_is_kept_against_wg_quick(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run("ip route del 192.168.88.0/24");
    let _wg = WgQuick::up(lab);
    assert_kept(
        lab,
        &["192.168.88.50"],
        &[("203.0.113.80", "wg0"), ("fd00:88::1", "wg0")],
    );
}

pub(crate) fn the_lan_is_kept_against_strongswan(lab: &Lab) {
    let _office = Office::new(lab);
    let _swan = StrongSwan::up(lab);
    lab.run("ip -6 route add default dev ipsec0 table 220");
    lab.run("ip -6 rule add pref 220 not fwmark 0x42 lookup 220");
    assert_kept(
        lab,
        &["192.168.77.1", "192.168.88.50", "fd00:77::50"],
        &[("203.0.113.80", "ipsec0")],
    );
}

pub(crate) fn the_lan_is_kept_against_a_tailscale_subnet(lab: &Lab) {
    let _office = Office::new(lab);
    let tailscale = Tailscale::up(lab);
    tailscale.accept_route(lab, "192.168.77.0/24");
    lab.run("ip -6 route add fd00:77::/64 dev tailscale0 table 52");
    assert_kept(
        lab,
        &["192.168.77.1", "192.168.77.50", "fd00:77::1"],
        &[("100.70.1.1", "tailscale0"), ("203.0.113.80", "lan0")],
    );
}

pub(crate) fn the_lan_is_kept_against_a_tailscale_exit_node(lab: &Lab) {
    let _office = Office::new(lab);
    let tailscale = Tailscale::up(lab);
    tailscale.use_exit_node(lab);
    assert_kept(
        lab,
        &["192.168.77.1", "192.168.88.50", "fd00:77::50"],
        &[
            ("203.0.113.80", "tailscale0"),
            ("2001:db8::1", "tailscale0"),
        ],
    );
}

/// The machine is carried to another LAN: other addresses on the same link. The new
/// one comes first, since a link that loses its last address loses all its routes, and
/// then nothing could be stale.
fn roam(lab: &Lab, office: &Office) {
    lab.run_each(
        "ip addr add 192.168.66.2/24 dev lan0
         ip addr del 192.168.77.2/24 dev lan0
         ip -6 addr del fd00:77::2/64 dev lan0
         ip route replace default via 192.168.66.1",
    );
    office.lan.run("ip addr add 192.168.66.1/24 dev eth0");
}

pub(crate) fn after_a_roam_a_rule_captures_nothing(lab: &Lab) {
    let office = Office::new(lab);
    let tailscale = Tailscale::up(lab);
    tailscale.accept_route(lab, "192.168.77.0/24");
    lab.write_profile("lan", &LAN.replace("{ also \"192.168.88.0/24\"; }", ""));
    lab.netprof("apply lan").exits(0);
    assert_eq!(link_to(lab, "192.168.77.50"), "lan0");

    roam(lab, &office);
    // At once, and without netprof: the connected route has gone, and with it what
    // the rule finds. The prefix is now somebody's whom Tailscale leads to.
    assert_eq!(link_to(lab, "192.168.77.50"), "tailscale0");
    assert_eq!(link_to(lab, "192.168.66.1"), "lan0");
    lab.netprof("apply lan").exits(0);
    let rules = lab.rules(4).to_string();
    assert!(
        rules.contains("192.168.66.0") && !rules.contains("192.168.77.0"),
        "{rules}"
    );
    lab.netprof("release").exits(0);
    assert!(!lab.rules(4).to_string().contains("192.168.66.0"));
}

pub(crate) fn after_a_roam_the_next_apply_takes_a_copy_away(lab: &Lab) {
    let office = Office::new(lab);
    let _vpn = vpn(lab);
    lab.run("ip route add 192.168.77.0/25 dev tun0");
    lab.write_profile("lan", &LAN.replace("{ also \"192.168.88.0/24\"; }", ""));
    lab.netprof("apply lan").exits(0);
    assert_eq!(link_to(lab, "192.168.77.50"), "lan0");
    assert_eq!(
        lab.way_to("192.168.77.50").unwrap().table.as_deref(),
        Some("28272")
    );

    roam(lab, &office);
    // The copy does not lapse: corp's half is still captured, and status says so.
    let status = lab.netprof("status --exit-code").exits(5);
    assert!(status.stdout.contains("stale"), "{}", status.stdout);
    lab.netprof("apply lan").exits(0);
    assert_eq!(link_to(lab, "192.168.77.50"), "tun0");
    assert_eq!(link_to(lab, "192.168.66.1"), "lan0");
    assert!(
        !lab.routes(4).to_string().contains("28272"),
        "{}",
        lab.routes(4)
    );
    lab.netprof("status --exit-code").exits(0);
}

pub(crate) fn a_public_lan_is_refused_unless_allowed(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run("ip addr add 198.51.100.2/24 dev lan0");
    lab.run("ip addr add 2001:db8:7::2/64 dev lan0");
    let tailscale = Tailscale::up(lab);
    tailscale.use_exit_node(lab);
    assert_eq!(link_to(lab, "198.51.100.7"), "tailscale0");
    let before = Picture::take(lab);
    lab.write_profile("lan", LAN);
    let refused = lab.netprof("apply lan").exits(1);
    assert!(
        refused.stderr.contains("198.51.100.0/24"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("allow-public=#true"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stdout.contains("2001:db8:7::/64"),
        "{}",
        refused.stdout
    );
    before.assert_same(&Picture::take(lab));

    lab.write_profile(
        "lan",
        &LAN.replace("keep-lan \"lan\"", "keep-lan \"lan\" allow-public=#true"),
    );
    lab.netprof("apply lan").exits(0);
    assert_eq!(link_to(lab, "198.51.100.7"), "lan0");
    assert_eq!(link_to(lab, "2001:db8:7::7"), "lan0");
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn after_a_roam_nothing_is_left_behind_an_ipv6_router(lab: &Lab) {
    let _office = Office::new(lab);
    let _vpn = vpn(lab);
    lab.run_each(
        "ip -6 route del default
         ip -6 route add default dev tun0 metric 50
         ip -6 route add fd00:77::/65 dev tun0",
    );
    assert!(!lab.reaches("fd00:88::1") && !lab.reaches("fd00:77::50"));
    lab.write_profile(
        "lan",
        &LAN.replace("192.168.88.0/24\"", "fd00:88::/64\" via=\"fd00:77::1\""),
    );
    lab.netprof("apply lan").exits(0);
    assert!(lab.reaches("fd00:88::1") && lab.reaches("fd00:77::50"));

    // The kernel keeps IPv6 routes whose source address has gone, and takes the source
    // out of them: what netprof made must still be known as its own.
    lab.run_each(
        "ip -6 addr add fd00:66::2/64 dev lan0 nodad
         ip -6 addr del fd00:77::2/64 dev lan0",
    );
    let status = lab.netprof("status --exit-code").exits(5);
    assert!(status.stdout.contains("stale"), "{}", status.stdout);
    lab.netprof("apply lan").exits(0);
    let left = lab.routes(6).to_string();
    assert!(
        !left.contains("fd00:88::") && !left.contains("28272"),
        "{left}"
    );
    assert_eq!(link_to(lab, "fd00:77::50"), "tun0");
    lab.netprof("release").exits(0);
    assert!(!lab.rules(6).to_string().contains("fd00:66::"));
}

pub(crate) fn two_links_in_one_lan_are_kept_as_one(lab: &Lab) {
    let office = Office::new(lab);
    // A dock: the same LAN by a second cable, and the better way to it.
    office.lan.run("ip link add lan-bridge type bridge");
    lab.run("ip link add dock0 type veth peer name dock netns lan");
    office.lan.run_each(
        "ip addr flush dev eth0
         ip link set eth0 master lan-bridge
         ip link set dock master lan-bridge
         ip link set dock up
         ip link set lan-bridge up
         ip addr add 192.168.77.1/24 dev lan-bridge
         ip addr add 192.168.77.50/24 dev lan-bridge",
    );
    lab.run_each(
        "ip link set dock0 up
         ip addr add 192.168.77.3/24 dev dock0 noprefixroute
         ip route add 192.168.77.0/24 dev dock0 proto kernel scope link src 192.168.77.3 metric 100
         ip route del 192.168.77.0/24 dev lan0
         ip route add 192.168.77.0/24 dev lan0 proto kernel scope link src 192.168.77.2 metric 600",
    );
    let tailscale = Tailscale::up(lab);
    tailscale.use_exit_node(lab);
    assert!(!lab.reaches("192.168.77.50"));
    lab.write_profile(
        "lan",
        "profile \"lan\" { link \"lan\" many=#true { match kind=\"veth\" address=\"192.168.77.0/24\"; }\n \
         routes { keep-lan \"lan\"; }; }",
    );
    let before = Picture::take(lab);
    lab.netprof("apply lan").exits(0);
    assert_eq!(link_to(lab, "192.168.77.50"), "dock0");
    assert!(lab.reaches("192.168.77.50"));
    lab.run("ip link set dock0 down");
    assert_eq!(link_to(lab, "192.168.77.50"), "lan0");
    lab.run("ip link set dock0 up");
    lab.netprof("release").exits(0);
    // Only the routes that went with the link are missing.
    let left = before.diff(&Picture::take(lab));
    assert!(
        !left.contains("28272") && !left.contains("\"110\""),
        "{left}"
    );
}
