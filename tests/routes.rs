//! Single routes, through the command line and the kernel: each wins where it must
//! stand, with the source and metric that it names, or is refused.

use crate::harness::{Lab, Office, Picture, Tailscale, Tun, until_addressed};
use crate::put_back::{inside, profile};

pub(crate) fn a_taken_destination_is_refused_without_replace(lab: &Lab) {
    let _office = Office::new(lab);
    lab.run_each(
        "ip route add 198.18.0.0/15 via 192.168.77.1 metric 1024
         ip -6 route add unreachable fd00:5::/48 metric 1024",
    );
    for prefix in ["198.18.0.0/15", "fd00:5::/48"] {
        let same = profile(prefix).replace("replace=#true", "metric=1024");
        lab.write_profile("mine", &same);
        let before = Picture::take(lab);
        let refused = lab.netprof("apply mine").exits(1);
        let said = &refused.stderr;
        assert!(said.contains("replace=#true"), "{said}");
        before.assert_same(&Picture::take(lab));
        // Before it, with a better metric, it may stand.
        lab.write_profile("mine", &same.replace("metric=1024", "metric=7"));
        lab.netprof("apply mine").exits(0);
        lab.netprof("plan mine --exit-code").exits(0);
        lab.netprof("release").exits(0);
        before.assert_same(&Picture::take(lab));
    }
}

const MANY: &str = r#"
profile "many" {
    link "lan" { match name="lan0"; }
    link "corp" { match name="corp0"; }
    routes {
        route "198.18.0.0/15" via="192.168.77.1" src="10.99.0.2" metric=50
        route "198.51.100.0/24" link="corp" via="10.99.0.1"
        route "fd00:5::/48" via="fd00:99::1" src="fd00:77::2" metric=50
        unreachable "203.0.113.128/25"
        unreachable "fd00:dead::/32"
    }
}
"#;

pub(crate) fn sources_metrics_and_unreachable_hold_and_come_off(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("many", MANY);
    let before = Picture::take(lab);
    lab.netprof("apply many").exits(0);
    let way = lab.way_to("198.18.0.1").unwrap();
    assert_eq!(way.source.as_deref(), Some("10.99.0.2"));
    assert_eq!(way.gateway.as_deref(), Some("192.168.77.1"));
    assert_eq!(lab.way_to("198.51.100.1").unwrap().link, "corp0");
    let way = lab.way_to("fd00:5::1").unwrap();
    assert_eq!(way.source.as_deref(), Some("fd00:77::2"));
    assert_eq!(way.link, "corp0");
    for nowhere in ["203.0.113.129", "fd00:dead::1"] {
        assert!(lab.way_to(nowhere).is_err(), "{nowhere}");
    }
    lab.netprof("plan many --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn routes_that_packets_would_not_take_go_where_they_do(lab: &Lab) {
    let _office = Office::new(lab);
    let tailscale = Tailscale::up(lab);
    tailscale.use_exit_node(lab);
    let before = Picture::take(lab);
    lab.write_profile(
        "mine",
        "profile \"mine\" { link \"lan\" { match name=\"lan0\"; }\n routes {
             route \"198.18.0.0/15\" via=\"192.168.77.1\" link=\"lan\"
             route \"fd00:5::/48\" via=\"fd00:77::1\" link=\"lan\"
             unreachable \"203.0.113.128/25\"\n }; }",
    );
    lab.netprof("apply mine").exits(0);
    for (to, via) in [("198.18.0.1", "192.168.77.1"), ("fd00:5::1", "fd00:77::1")] {
        let way = lab.way_to(to).unwrap();
        assert_eq!(way.gateway.as_deref(), Some(via));
        assert_eq!(
            (way.link.as_str(), way.table.as_deref()),
            ("lan0", Some("28272"))
        );
    }
    assert!(lab.way_to("203.0.113.129").is_err());
    for family in [4, 6] {
        let rules = lab.rules(family).to_string();
        assert!(rules.contains("\"priority\":119"), "{rules}");
    }
    // All that nobody declared is the exit node's, as before.
    assert_eq!(lab.way_to("9.9.9.9").unwrap().link, "tailscale0");
    lab.netprof("plan mine --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_gateway_is_where_its_network_is(lab: &Lab) {
    let _office = Office::new(lab);
    let tailscale = Tailscale::up(lab);
    tailscale.use_exit_node(lab);
    let before = Picture::take(lab);
    // The exit node takes packets to the gateway itself. It is a neighbour all the same.
    assert_eq!(lab.way_to("192.168.77.50").unwrap().link, "tailscale0");
    for prefix in ["198.18.0.0/15", "fd00:5::/48"] {
        lab.write_profile("mine", &profile(prefix));
        lab.netprof("apply mine").exits(0);
        let way = lab.way_to(inside(prefix)).unwrap();
        assert_eq!(way.link, "lan0");
        assert!(way.gateway.is_some_and(|via| via.ends_with("50")));
        lab.netprof("plan mine --exit-code").exits(0);
    }
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_gateway_may_be_reached_by_a_declared_route(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile(
        "mine",
        "profile \"mine\" { link \"lan\" { match name=\"lan0\"; }\n routes {
             route \"198.18.0.0/15\" via=\"172.31.5.1\"
             route \"172.31.5.1/32\" link=\"lan\"\n }; }",
    );
    let before = Picture::take(lab);
    lab.netprof("apply mine").exits(0);
    let way = lab.way_to("198.18.7.7").unwrap();
    assert_eq!(way.gateway.as_deref(), Some("172.31.5.1"));
    lab.netprof("plan mine --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn longer_prefixes_of_main_win_beside_netprofs_table(lab: &Lab) {
    let _office = Office::new(lab);
    let _tun = Tun::new(lab, "tun0");
    let tailscale = Tailscale::up(lab);
    tailscale.use_exit_node(lab);
    lab.run_each(
        "ip addr add 10.8.0.2/24 dev tun0
         ip link set tun0 up
         ip link add podman0 type veth peer name inside
         ip addr add 10.88.0.1/16 dev podman0
         ip link set inside up
         ip link set podman0 up
         ip route add 10.77.0.9 via 192.168.77.1 dev lan0",
    );
    until_addressed(lab, "podman0");
    until_addressed(lab, "inside");
    lab.write_profile(
        "mine",
        "profile \"mine\" { link \"vpn\" { match name=\"tun0\"; }\n routes {
             route \"10.0.0.0/8\" link=\"vpn\"\n }; }",
    );
    let link = |address: &str| lab.way_to(address).unwrap().link;
    // The exit node takes all of it, containers, too.
    assert_eq!(link("10.1.1.1"), "tailscale0");
    assert_eq!(link("10.88.0.7"), "tailscale0");
    let before = Picture::take(lab);
    lab.netprof("apply mine").exits(0);
    assert_eq!(link("10.1.1.1"), "tun0");
    assert_eq!(link("10.88.0.7"), "podman0");
    assert_eq!(link("10.77.0.9"), "lan0");
    assert_eq!(link("203.0.113.80"), "tailscale0");
    lab.netprof("plan mine --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}
