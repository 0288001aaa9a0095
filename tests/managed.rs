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

/// Something of each kind, on two links: names, rules, and routes through a link and
/// through none.
const BOTH: &str = r#"
profile "both" {
    link "lan" { match name="lan0"; }
    link "corp" { match name="corp0"; }
    dns { scope "corp" { domains "corp.example"; servers "10.99.0.1"; link "corp"; }; }
    routes {
        keep-lan "lan" { also "192.168.99.0/24"; }
        route "10.0.0.0/8" via="10.99.0.1" link="corp"
        route "172.20.0.0/16" via="192.168.77.1"
        unreachable "203.0.113.128/25"
    }
}
"#;

const LAN: &str = "\
[Match]
Name=lan0
[Network]
Address=192.168.77.2/24
Gateway=192.168.77.1
DNS=192.168.77.1
Domains=home.arpa
LinkLocalAddressing=no
IPv6AcceptRA=no
";

/// What a plan says of how long each thing that it makes lasts, by what it is.
fn lasting(lab: &Lab) -> Vec<(String, String)> {
    let planned = lab.netprof("plan both --json").exits(0).json();
    let changes = planned["changes"].as_array().unwrap().iter();
    let mut all: Vec<(String, String)> = changes
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
            (text("resource"), text("lasts"))
        })
        .collect();
    all.sort();
    all
}

/// What `status` says has drifted, and who it thinks did it.
fn drifted(lab: &Lab) -> Vec<(String, String)> {
    let ran = lab.netprof("status --exit-code --json");
    let status = ran.json();
    let resources = status["resources"].as_array().unwrap().iter();
    let mut all: Vec<(String, String)> = resources
        .filter(|one| one["standing"] == "changed")
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            (text("resource"), text("suspect"))
        })
        .collect();
    all.sort();
    ran.exits(if all.is_empty() { 0 } else { 5 });
    all
}

const DNS: &str = "dns link corp0";
const KEPT: &str = "rule4 110 to 192.168.77.0/24 lookup 254 suppress_prefixlength 23";
const ALSO: &str = "rule4 110 to 192.168.99.0/24 lookup 254 suppress_prefixlength 23";
const OF_CORP: &str = "route4 10.0.0.0/8 table 254 metric 0 tos 0";
const OF_LAN: [&str; 2] = [
    "route4 172.20.0.0/16 table 254 metric 0 tos 0",
    "route4 192.168.99.0/24 table 254 metric 0 tos 0",
];
const OF_NO_LINK: &str = "route4 203.0.113.128/25 table 254 metric 0 tos 0";

/// Each of `resources` with the same word, in the order in which they are compared.
fn each(resources: &[&str], word: &str) -> Vec<(String, String)> {
    let pairs = resources.iter();
    let mut pairs: Vec<_> = pairs
        .map(|one| ((*one).to_owned(), word.to_owned()))
        .collect();
    pairs.sort();
    pairs
}

/// The lines put together from parts, in the same order.
fn sorted(parts: &[Vec<(String, String)>]) -> Vec<(String, String)> {
    let mut all = parts.concat();
    all.sort();
    all
}

/// The next `apply` makes it so again, and then nothing is left to do.
fn mend(lab: &Lab) {
    lab.netprof("apply both").exits(0);
    assert_eq!(drifted(lab), []);
    lab.netprof("plan both --exit-code").exits(0);
}

fn takes_all_names(lab: &Lab) -> bool {
    let domains = lab.resolved_link("corp0")["Domains"].to_string();
    domains.contains("\".\"")
}

/// NetworkManager on both links, with nothing left to chance between two activations.
fn start_networkmanager(lab: &Lab) -> NetworkManager {
    lab.run("ip addr flush dev lan0");
    let manager = NetworkManager::start(lab);
    manager.connect(
        lab,
        "lan0",
        "ip4 192.168.77.2/24 gw4 192.168.77.1 ipv4.route-metric 100 ipv4.dns 192.168.77.1 ipv6.method disabled",
    );
    manager.connect(
        lab,
        "corp0",
        "ip4 10.99.0.2/24 ipv4.route-metric 101 ipv4.never-default yes ipv4.dns 10.99.0.1 ipv4.dns-search ~. ipv6.method disabled",
    );
    until("resolved was told by NetworkManager", || {
        takes_all_names(lab)
    });
    manager
}

pub(crate) fn networkmanagers_reapply_leaves_what_is_netprofs(lab: &Lab) {
    let _office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let _manager = start_networkmanager(lab);
    lab.write_profile("both", BOTH);
    let before = Picture::take(lab);
    lab.netprof("apply both").exits(0);
    // A route of a person's goes, and ours do not.
    lab.run("ip route add 172.31.0.0/16 via 192.168.77.1");
    lab.run("nmcli device reapply lan0");
    lab.run("nmcli device reapply corp0");
    until("the other route is gone", || {
        !lab.run("ip route").contains("172.31.0.0")
    });
    assert_eq!(drifted(lab), []);

    // A change of the connection is what rewrites the names.
    lab.run("nmcli device modify corp0 ipv4.dns 10.99.0.9");
    until("NetworkManager has told resolved", || takes_all_names(lab));
    assert_eq!(drifted(lab), each(&[DNS], "NetworkManager"));
    mend(lab);
    lab.run("nmcli device modify corp0 ipv4.dns 10.99.0.1");
    until("NetworkManager has told resolved again", || {
        takes_all_names(lab)
    });
    mend(lab);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_connection_that_networkmanager_brings_up_anew_is_mended(lab: &Lab) {
    let _office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let _manager = start_networkmanager(lab);
    lab.write_profile("both", BOTH);
    let before = Picture::take(lab);
    let routes = [OF_CORP, OF_LAN[0], OF_LAN[1]];
    assert_eq!(
        lasting(lab),
        sorted(&[
            each(&[DNS], "until NetworkManager's next update"),
            each(&routes, "until NetworkManager's next activation"),
            each(&[KEPT, ALSO, OF_NO_LINK], "boot"),
        ])
    );
    lab.netprof("apply both").exits(0);
    for link in ["lan0", "corp0"] {
        lab.run(&format!("nmcli --wait 15 connection up {link}"));
    }
    until("NetworkManager has told resolved", || takes_all_names(lab));
    let gone = [OF_CORP, OF_LAN[0], OF_LAN[1], DNS];
    assert_eq!(drifted(lab), each(&gone, "NetworkManager"));
    let said = lab.netprof("status").exits(0).stdout;
    assert!(
        said.contains("it was to last until NetworkManager's next activation"),
        "{said}"
    );
    mend(lab);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

/// networkd on both links.
fn start_networkd(lab: &Lab) -> Networkd {
    lab.run("ip addr flush dev lan0");
    start_networkd_again(lab)
}

fn start_networkd_again(lab: &Lab) -> Networkd {
    let files = [("10-corp.network", CORP), ("11-lan.network", LAN)];
    let mut networkd = Networkd::start(lab, &files);
    for link in ["corp0", "lan0"] {
        networkd.until_configured(lab, link);
    }
    until("resolved was told by networkd", || takes_all_names(lab));
    networkd
}

/// Has networkd set up a link anew. An address that it did not make always goes then.
fn reconfigure(lab: &Lab, networkd: &mut Networkd, link: &str) {
    lab.run(&format!("ip addr add 198.18.77.77/32 dev {link}"));
    lab.run(&format!("networkctl reconfigure {link}"));
    until("networkd has deleted what it did not make", || {
        !lab.run(&format!("ip addr show dev {link}"))
            .contains("198.18.77.77")
    });
    networkd.until_configured(lab, link);
}

pub(crate) fn what_networkd_deletes_is_foretold_named_and_mended(lab: &Lab) {
    let _office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let mut networkd = start_networkd(lab);
    // What was set on the links before goes with the first time.
    for link in ["corp0", "lan0"] {
        reconfigure(lab, &mut networkd, link);
    }
    lab.write_profile("both", BOTH);
    let before = Picture::take(lab);
    let shared = [KEPT, ALSO, OF_NO_LINK];
    let on_links = [OF_CORP, OF_LAN[0], OF_LAN[1]];
    let foretold = sorted(&[
        each(&shared, "until networkd's next reconfigure"),
        each(&on_links, "until networkd's next reconfigure"),
        each(&[DNS], "until networkd's next restart"),
    ]);
    assert_eq!(lasting(lab), foretold);
    let planned = lab.netprof("plan both").exits(0);
    assert!(
        planned.stderr.contains("ManageForeignRoutes=no"),
        "{}",
        planned.stderr
    );
    lab.netprof("apply both").exits(0);

    // One link's routes go with it, and all that is on no link.
    for (link, own) in [("corp0", vec![OF_CORP]), ("lan0", OF_LAN.to_vec())] {
        reconfigure(lab, &mut networkd, link);
        let gone: Vec<&str> = own.into_iter().chain(shared).collect();
        until("all of it is gone", || drifted(lab).len() >= gone.len());
        assert_eq!(drifted(lab), each(&gone, "networkd"));
        let said = lab.netprof("status").exits(0).stdout;
        assert!(
            said.contains("it was to last until networkd's next reconfigure"),
            "{said}"
        );
        mend(lab);
    }
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn what_goes_when_networkd_ends_is_mended(lab: &Lab) {
    let _office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let mut networkd = start_networkd(lab);
    lab.write_profile("both", BOTH);
    let before = Picture::take(lab);
    lab.netprof("apply both").exits(0);
    networkd.daemon().stop();
    until("resolved has forgotten what networkd told it", || {
        let servers = lab.resolved_link("corp0")["DNS"].to_string();
        servers == "[]"
    });
    assert_eq!(drifted(lab), each(&[DNS], "networkd"));
    let said = lab.netprof("status").exits(0).stdout;
    assert!(
        said.contains("was to last until networkd's next restart"),
        "{said}"
    );

    // It is back, and what is left of ours depends on its version: 252 leaves routes and
    // rules, 262 deletes them.
    let _networkd = start_networkd_again(lab);
    let all = drifted(lab);
    assert!(
        all.contains(&(DNS.to_owned(), "networkd".to_owned())),
        "{all:?}"
    );
    assert!(
        all.iter().all(|(_, suspect)| suspect == "networkd"),
        "{all:?}"
    );
    mend(lab);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_networkd_that_leaves_foreign_things_deletes_nothing(lab: &Lab) {
    let _office = Office::new(lab);
    let (_bus, resolved) = start(lab);
    let on_links = [OF_CORP, OF_LAN[0], OF_LAN[1]];
    lab.write(
        "/etc/systemd/networkd.conf.d/netprof.conf",
        "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n",
    );
    let mut networkd = start_networkd(lab);
    for link in ["corp0", "lan0"] {
        reconfigure(lab, &mut networkd, link);
    }
    lab.write_profile("both", BOTH);
    let before = Picture::take(lab);
    assert_eq!(
        lasting(lab),
        sorted(&[
            each(&[DNS], "until networkd's next restart"),
            each(&on_links, "until networkd's next reconfigure"),
            each(&[KEPT, ALSO, OF_NO_LINK], "boot"),
        ])
    );
    let planned = lab.netprof("plan both").exits(0);
    assert!(
        !planned.stderr.contains("ManageForeign"),
        "{}",
        planned.stderr
    );
    lab.netprof("apply both").exits(0);
    for link in ["corp0", "lan0"] {
        reconfigure(lab, &mut networkd, link);
        // 252 takes the addresses of the link away, and the kernel the routes with them.
        let gone = drifted(lab);
        assert!(resolved.version() < 258 || gone.is_empty(), "{gone:?}");
        assert!(
            gone.iter().all(|(one, _)| on_links.contains(&one.as_str())),
            "{gone:?}"
        );
        mend(lab);
    }
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

/// What was told through networkd can be taken back through it only. Until it is there
/// again, nothing is changed by halves.
pub(crate) fn a_release_waits_for_a_networkd_that_was_killed(lab: &Lab) {
    let _office = Office::new(lab);
    let (_bus, _resolved) = start(lab);
    let mut networkd = start_networkd(lab);
    lab.write_profile("both", BOTH);
    let before = Picture::take(lab);
    lab.netprof("apply both").exits(0);
    networkd.daemon().kill();
    let applied = Picture::take(lab);
    assert_eq!(drifted(lab), []);
    let refused = lab.netprof("release").exits(3);
    let says = "systemd-networkd is not running";
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    applied.assert_same(&Picture::take(lab));

    let _networkd = start_networkd_again(lab);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}
