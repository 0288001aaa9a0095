//! Real VPN clients.

use crate::harness::{Lab, Office, OpenVpn, Picture, Settings, Tun, VpnSite, WgQuick, until};

pub(crate) fn openvpn_carries_the_corporate_network(lab: &Lab) {
    let site = VpnSite::new(lab);
    site.server.serve_tcp("10.99.5.5:80");
    assert!(!lab.reaches("10.99.0.1"));
    let before = Picture::take(lab);
    let vpn = OpenVpn::connect(lab, &site, &Settings::split_tunnel());
    assert!(lab.reaches("10.99.0.1"));
    assert_eq!(lab.way_to("10.99.5.5").unwrap().link, "tun0");
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 10.8.0.2")
    );
    assert_eq!(
        lab.run("dig +short @10.99.0.1 git.corp.example"),
        "10.99.5.5\n"
    );
    assert!(site.corp_dns.saw("git.corp.example") && !site.lan_dns.saw("git.corp.example"));
    assert!(lab.reaches("192.168.77.1"));
    assert_eq!(
        before.differs_in(&Picture::take(lab)),
        [
            "addresses",
            "links",
            "routes, IPv4",
            "routes, IPv6",
            "sysctls"
        ]
    );

    vpn.disconnect();
    until("tun0 is gone", || {
        lab.way_to("10.99.5.5").unwrap().link == "lan0"
    });
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn openvpn_full_tunnel_takes_the_far_subnet(lab: &Lab) {
    let site = VpnSite::new(lab);
    let log = "/root/hook.log";
    lab.write(
        "/usr/local/bin/hook",
        format!("#!/bin/bash\necho \"$script_type $dev\" >>{log}\n"),
    );
    lab.run("chmod 755 /usr/local/bin/hook");
    let settings = Settings::full_tunnel()
        .push("route 192.168.88.0 255.255.255.128")
        .hook("/usr/local/bin/hook");
    site.lan.serve_tcp("192.168.88.1:80");
    let greeting = lab.greeting("192.168.88.1:80");
    assert_eq!(greeting.as_deref(), Some("lan 192.168.77.2"));
    let mut vpn = OpenVpn::connect(lab, &site, &settings);
    // Half of the subnet is a longer prefix than the route to all of it.
    assert_eq!(lab.way_to("192.168.88.1").unwrap().link, "tun0");
    assert_eq!(lab.way_to("203.0.113.80").unwrap().link, "tun0");
    assert_eq!(lab.way_to(VpnSite::SERVER).unwrap().link, "lan0");
    // The LAN itself is on the link.
    assert!(lab.reaches("192.168.77.50"));
    vpn.reconnect();
    assert!(lab.reaches("10.99.0.1"));
    vpn.disconnect();
    let calls = std::fs::read_to_string(log).unwrap();
    assert_eq!(calls.lines().next(), Some("up tun0"), "{calls}");
    assert_eq!(calls.lines().last(), Some("down tun0"), "{calls}");
}

/// The recorded claims are as good as the real program's, or this fails.
pub(crate) fn wg_quick_claims_what_its_stand_in_claims(lab: &Lab) {
    let _office = Office::new(lab);
    drop(Tun::open_device(lab));
    if !std::fs::exists("/usr/bin/wireguard-go").unwrap() {
        lab.not_run("the host tree has no wireguard-go");
    }
    let claims = || {
        let tables = ["-4", "-6"].map(|family| lab.ip(&format!("{family} route show table 51820")));
        (lab.rules(4), lab.rules(6), tables)
    };
    let key = lab.run("wg genkey");
    let peer = lab.feed("wg pubkey", &lab.run("wg genkey"));
    lab.write(
        "/etc/wireguard/wg0.conf",
        format!(
            "[Interface]\nPrivateKey = {key}Address = 10.7.0.2/32, fd00:7::2/128\n\
             [Peer]\nPublicKey = {peer}Endpoint = 192.168.77.50:51820\nAllowedIPs = 0.0.0.0/0, ::/0\n"
        ),
    );
    let before = Picture::take(lab);
    let mut up = lab.command("wg-quick up wg0");
    // A kernel that has WireGuard is used by wg-quick itself.
    up.env("WG_QUICK_USERSPACE_IMPLEMENTATION", "wireguard-go")
        .env("WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD", "1");
    let output = up.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let real = claims();
    lab.run("wg-quick down wg0");
    until("wg0 is gone", || !lab.succeeds("ip link show wg0"));
    // The one thing that it leaves behind.
    assert_eq!(before.differs_in(&Picture::take(lab)), ["sysctls"]);

    let _stand_in = WgQuick::up(lab);
    assert_eq!(real, claims());
}
