//! Links whose DNS settings belong to a service: told through it, or told that it will
//! write them anew.

use crate::harness::{Bus, Lab, NetworkManager, Networkd, Office, Picture, Resolved, until};

const OFFICE: &str = r#"
profile "office" {
    link "corp" { match name="corp0"; }
    dns {
        scope "corp" {
            domains "corp.example"
            servers "10.99.0.1"
            link "corp"
        }
    }
}
"#;

const CORP: &str = "\
[Match]
Name=corp0
[Network]
Address=10.99.0.2/24
DNS=10.99.0.1
Domains=~.
LinkLocalAddressing=no
IPv6AcceptRA=no
";

fn start(lab: &Lab) -> (Bus, Resolved) {
    let bus = Bus::start(lab);
    let resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    lab.run("ip addr flush dev corp0");
    lab.write_profile("office", OFFICE);
    (bus, resolved)
}

/// Corp took every name, and `apply` takes all but its own from it.
fn assert_scoped(lab: &Lab, office: &Office) {
    lab.forget_names();
    assert!(lab.getent("nas.home.arpa").is_empty());
    let before = Picture::take(lab);
    lab.netprof("apply office").exits(0);
    lab.forget_names();
    office.corp_dns.forget();
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert!(!office.corp_dns.saw("nas.home.arpa"));
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    lab.netprof("plan office --exit-code").exits(0);
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_link_of_networkd_is_told_through_networkd(lab: &Lab) {
    let office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let mut networkd = Networkd::start(lab, &[("10-corp.network", CORP)]);
    networkd.until_configured(lab, "corp0");
    until("resolved was told by networkd", || {
        lab.resolved_link("corp0")["Domains"]
            .to_string()
            .contains("\".\"")
    });
    let planned = lab.netprof("plan office --json").exits(0).json();
    assert_eq!(planned["changes"][0]["manager"], "networkd", "{planned:#}");
    assert_scoped(lab, &office);
}

pub(crate) fn a_link_of_networkmanager_lasts_until_its_next_update(lab: &Lab) {
    let office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let manager = NetworkManager::start(lab);
    manager.connect(
        lab,
        "corp0",
        "ip4 10.99.0.2/24 ipv4.never-default yes ipv4.dns 10.99.0.1 ipv4.dns-search ~. ipv6.method disabled",
    );
    until("resolved was told by NetworkManager", || {
        lab.resolved_link("corp0")["Domains"]
            .to_string()
            .contains("\".\"")
    });
    let planned = lab.netprof("plan office").exits(0);
    assert!(
        planned
            .stdout
            .contains("until NetworkManager's next update"),
        "{}",
        planned.stdout
    );
    assert_scoped(lab, &office);
}
