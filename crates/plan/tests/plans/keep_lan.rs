//! What is kept of the LAN, and of which links.

use insta::assert_snapshot;
use netprof_model::Owner;

use crate::machine::{self, machine};
use crate::{KEEP_LAN, LINKS, OPENVPN, laptop, planned};

#[test]
fn a_route_inside_the_lan_needs_a_copy() {
    let vpn = format!(
        "{OPENVPN} route 192.168.7.128/25 via 10.8.0.1 dev tun0 owner openvpn\n route 192.168.7.77/32 via 192.168.7.2 dev wlan0"
    );
    assert_snapshot!(planned(KEEP_LAN, &laptop(&vpn)));
}

#[test]
fn keep_lan_without_a_name_means_physical_links() {
    let more = "
        link enp1s0 master 7
        link team0 kind team
        link vlan5 kind vlan
        link bond0 kind bond index 7
        addr bond0 10.20.0.5/24
        link veth0 kind veth
        addr veth0 10.30.0.1/24
        link virbr0 kind bridge owner libvirt
        addr virbr0 192.168.122.1/24
    ";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

#[test]
fn a_network_of_a_router_advertisement_counts_beside_a_single_address() {
    let more = "
        addr wlan0 fd00:7::20/128
        route fd00:7::/64 dev wlan0 proto 9 metric 600 owner ra
        link tailscale0 kind tun owner tailscale
        addr tailscale0 100.101.102.103/32
        rule6 5270 lookup 52 owner tailscale
        route default6 dev tailscale0 table 52 owner tailscale
    ";
    let laptop = "link wlan0\n addr wlan0 192.168.7.20/24\n";
    assert_snapshot!(planned(KEEP_LAN, &machine(&format!("{laptop}{more}"))));
}

#[test]
fn two_links_in_one_lan_are_kept_as_one() {
    let dock = "
        link eth0
        addr eth0 192.168.7.30/24
        route default via 192.168.7.1 dev eth0 metric 100
    ";
    let profile = "routes { keep-lan { also \"192.168.50.0/24\"; also \"192.168.60.0/24\" via=\"192.168.7.9\"; }; }";
    let mut machine = laptop(dock);
    for route in machine::items(&mut machine.routes) {
        if route.key.dst.to_string() == "192.168.7.0/24" && route.key.table == 254 {
            route.key.metric = if route.goes_through("eth0") { 100 } else { 600 };
        }
    }
    assert_snapshot!(planned(profile, &machine));
}

#[test]
fn a_network_behind_an_ipv6_router_gets_no_source_of_its_own() {
    let more = "addr wlan0 fe80::20/64\n route default6 via fe80::1 dev wlan0 proto 9 owner ra";
    assert_snapshot!(planned(
        "routes { keep-lan { also \"fd99::/64\"; }; }",
        &laptop(more)
    ));
}

#[test]
fn a_network_that_a_client_set_up_by_itself_is_kept() {
    // As dhcpcd has it: the address without a route, and the route by itself.
    let more = format!(
        "link wlan0
        addr wlan0 192.168.7.20/24
        {OPENVPN}
        route 192.168.7.0/25 via 10.8.0.1 dev tun0 owner openvpn"
    );
    let mut machine = machine(&more);
    for route in machine::items(&mut machine.routes) {
        if route.key.dst.to_string() == "192.168.7.0/24" && route.key.table == 254 {
            route.spec.protocol = netprof_model::route::Protocol::DHCP;
            route.owner = Owner::Dhcp;
            route.key.metric = 3002;
        }
    }
    assert_snapshot!(planned(KEEP_LAN, &machine));
}

#[test]
fn a_better_way_within_a_wide_lan_is_taken() {
    let wide = "
        link wlan0
        addr wlan0 192.168.7.20/16
        route 192.168.50.0/24 via 192.168.7.1 dev wlan0
    ";
    let profile = "routes { keep-lan { also \"192.168.50.0/24\" via=\"192.168.7.254\"; }; }";
    let vpn = format!("{wide}{OPENVPN} route 192.168.99.0/24 via 10.8.0.1 dev tun0 owner openvpn");
    assert_snapshot!(format!(
        "--- alone\n{}--- beside a VPN\n{}",
        planned(profile, &machine(wide)),
        planned(profile, &machine(&vpn))
    ));
}

#[test]
fn other_networks_of_this_host_within_a_kept_one_keep_their_way() {
    let more = format!(
        "{OPENVPN}
        link eth0
        addr eth0 192.168.90.5/24
        link br-lab kind bridge
        addr br-lab 192.168.91.1/24
        route 192.168.92.0/24 via 10.8.0.1 dev tun0 owner openvpn"
    );
    let profile = format!("{LINKS} routes {{ keep-lan \"lan\" {{ also \"192.168.0.0/16\"; }}; }}");
    assert_snapshot!(planned(&profile, &laptop(&more)));
}

#[test]
fn an_address_without_a_connected_route_makes_no_network() {
    let alone = "link wlan0\n addr wlan0 192.168.7.20/32\n link eth0\n addr eth0 10.77.0.1/32\n route 10.99.0.0/24 dev eth0 proto 2 src 10.77.0.1";
    let profile = "link \"w\" { match name=\"wlan0\"; }\n link \"e\" { match name=\"eth0\"; }\n routes { keep-lan \"w\" \"e\"; }";
    assert_snapshot!(planned(profile, &machine(alone)));
}

#[test]
fn a_network_of_two_addresses_is_asked_for_too() {
    let pair = "link eth0\n addr eth0 10.30.0.0/31\n rule 100 lookup 77\n route default dev eth9 table 77\n link eth9";
    assert_snapshot!(planned(KEEP_LAN, &machine(pair)));
}

#[test]
fn what_is_kept_within_a_copied_network_is_copied_too() {
    let profile = "routes { keep-lan { also \"192.168.7.64/26\" via=\"192.168.7.9\"; }; }";
    let vpn = format!("{OPENVPN} route 192.168.7.128/25 via 10.8.0.1 dev tun0 owner openvpn");
    assert_snapshot!(planned(profile, &laptop(&vpn)));
}

#[test]
fn a_public_or_too_wide_lan_is_refused() {
    let more = "
        link eth0
        addr eth0 198.51.100.7/24
        addr eth0 2001:db8:7::7/64
        link eth1
        addr eth1 10.0.0.9/8
    ";
    assert_snapshot!(planned(KEEP_LAN, &laptop(more)));
}

#[test]
fn a_kept_network_with_a_server_or_route_of_another_link_is_refused() {
    let profile = format!(
        r#"{LINKS}
        dns {{ scope "corp" {{ domains "corp.example"; servers "192.168.7.53"; link "vpn"; }}; }}
        routes {{
            keep-lan "lan"
            route "192.168.7.64/26" link="vpn"
            route "192.168.0.0/16" link="vpn"
        }}"#
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn several_kept_links_and_no_gateway_named_is_refused() {
    let more =
        "link eth0\n addr eth0 10.20.0.5/24\n route default via 10.20.0.1 dev eth0 metric 100";
    let profile = "routes { keep-lan { also \"192.168.50.0/24\"; also \"192.168.51.0/24\" via=\"10.20.0.9\"; also \"192.168.52.0/24\" via=\"10.99.0.1\"; }; }";
    assert_snapshot!(planned(profile, &laptop(more)));
}

#[test]
fn localhost_is_mended() {
    let mut machine = laptop("");
    machine::items(&mut machine.rules).retain(|rule| rule.key.priority != 0);
    machine::items(&mut machine.addresses).retain(|one| one.dev != "lo");
    for link in machine::items(&mut machine.links) {
        link.up = link.name != "lo";
    }
    assert_snapshot!(planned("routes { keep-localhost; }", &machine));
}
