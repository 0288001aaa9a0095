//! The main job: a real VPN client that claims everything, and a profile that takes
//! back what is the LAN's.

use crate::harness::{Bus, Lab, OpenVpn, Picture, Resolved, Settings, VpnSite, until};

const OFFICE: &str = r#"
profile "office" {
    link "vpn" { match name="tun*" address="10.8.0.0/16"; }
    link "lan" { match name="lan0"; }
    dns {
        scope "corp" {
            domains "corp.example" "10.in-addr.arpa"
            search "corp.example"
            servers "10.99.0.1"
            link "vpn"
        }
    }
    routes {
        keep-localhost
        keep-lan "lan" { also "192.168.88.0/24"; }
        route "10.0.0.0/8" link="vpn"
    }
}
"#;

/// As a client's up script does it that knows resolved: all names through the tunnel.
const TAKE_ALL_NAMES: &str = "#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ \"$script_type\" = up ] || exit 0
resolvectl dns \"$dev\" 10.99.0.1
resolvectl domain \"$dev\" ~.
";

/// Routes that lie inside the LAN, and over the network behind it.
fn greedy() -> Settings {
    Settings::full_tunnel()
        .push("route 192.168.77.0 255.255.255.128")
        .push("route 192.168.88.0 255.255.255.128")
        .hook("/usr/local/bin/take-all-names")
}

pub(crate) fn openvpn_keeps_the_tunnel_and_the_lan_its_own(lab: &Lab) {
    let site = VpnSite::new(lab);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    lab.write("/usr/local/bin/take-all-names", TAKE_ALL_NAMES);
    lab.run("chmod 755 /usr/local/bin/take-all-names");
    site.server.serve_tcp("10.99.5.5:80");
    lab.write_profile("office", OFFICE);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));

    let vpn = OpenVpn::connect(lab, &site, &greedy());
    let claimed = Picture::take(lab);
    // The LAN host, its other subnet and its names are gone.
    assert!(!lab.reaches("192.168.77.50"));
    assert!(!lab.reaches("192.168.88.1"));
    lab.forget_names();
    assert!(lab.getent("nas.home.arpa").is_empty());
    assert!(site.corp_dns.saw("nas.home.arpa"));

    let planned = lab.netprof("plan office").exits(0);
    assert!(planned.stdout.contains("openvpn"), "{}", planned.stdout);
    lab.netprof("apply office").exits(0);
    assert!(lab.reaches("192.168.77.50") && lab.reaches("192.168.88.1"));
    assert!(lab.reaches("127.0.0.1") && lab.reaches("::1"));
    // Traffic to elsewhere still takes the tunnel, corp's own, too.
    assert_eq!(lab.way_to("203.0.113.80").unwrap().link, "tun0");
    assert_eq!(
        lab.greeting("10.99.5.5:80").as_deref(),
        Some("vpn 10.8.0.2")
    );
    site.lan_dns.forget();
    site.corp_dns.forget();
    lab.forget_names();
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    assert_eq!(lab.dig_reverse("10.99.5.5"), ["git.corp.example."]);
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert_eq!(lab.getent("www.example.com"), ["203.0.113.80"]);
    assert!(!site.corp_dns.saw("nas.home.arpa") && !site.corp_dns.saw("www.example.com"));
    assert!(!site.lan_dns.saw("git.corp.example") && !site.lan_dns.saw("5.5.99.10.in-addr.arpa"));
    lab.netprof("plan office --exit-code").exits(0);

    lab.netprof("release").exits(0);
    claimed.assert_same(&Picture::take(lab));
    vpn.disconnect();
}

pub(crate) fn what_openvpn_sets_anew_is_mended_by_the_next_apply(lab: &Lab) {
    let site = VpnSite::new(lab);
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    lab.write("/usr/local/bin/take-all-names", TAKE_ALL_NAMES);
    lab.run("chmod 755 /usr/local/bin/take-all-names");
    lab.write_profile("office", OFFICE);
    let before = Picture::take(lab);
    let mut vpn = OpenVpn::connect(lab, &site, &greedy());
    lab.netprof("apply office").exits(0);
    vpn.reconnect();
    // The link was made anew: what was held on the old one is gone with it, which is
    // nobody's fault, and the new one takes all names again.
    lab.forget_names();
    assert!(lab.getent("nas.home.arpa").is_empty());
    let status = lab.netprof("status --exit-code").exits(0);
    assert!(
        status.stdout.contains("gone with its link"),
        "{}",
        status.stdout
    );
    lab.netprof("plan office --exit-code").exits(5);
    lab.netprof("apply office").exits(0);
    // Somebody who changes the same link is drift, though.
    lab.run("resolvectl domain tun0 ~.");
    let status = lab.netprof("status --exit-code").exits(5);
    assert!(status.stdout.contains("dns link tun0"), "{}", status.stdout);
    lab.netprof("apply office").exits(0);
    lab.forget_names();
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert!(lab.reaches("192.168.77.50"));

    vpn.disconnect();
    until("the tunnel is gone", || {
        lab.output("ip link show tun0").status.code() != Some(0)
    });
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}
