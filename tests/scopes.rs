//! DNS scopes: each name at its server and at no other, and all of it taken back.

use serde_json::Value;

use crate::harness::{DnsServer, Lab, Office, Peer, Picture, Zone, until};

/// What only corp's server may be asked.
const NAMES_OF_CORP: [&str; 3] = [
    "corp.example",
    "99.10.in-addr.arpa",
    "9.9.0.0.0.0.d.f.ip6.arpa",
];

/// Corp's names on corp's link; the rest is left to whoever has it.
const OFFICE: &str = r#"
profile "office" {
    link "corp" { match name="corp0"; }
    dns {
        scope "corp" {
            domains "corp.example" "99.10.in-addr.arpa" "9.9.0.0.0.0.d.f.ip6.arpa"
            search "corp.example"
            servers "10.99.0.1"
            link "corp"
        }
    }
}
"#;

/// The same, and the LAN's server alone takes what nobody claims.
const ALONE: &str = r#"
profile "alone" {
    include "office"
    link "lan" { match name="lan0"; }
    dns {
        scope "lan" {
            domains "home.arpa"
            servers "192.168.77.1"
            link "lan"
            default-route #true
        }
    }
}
"#;

/// Asks for names of both sides in every way, and checks who was asked.
fn assert_split(lab: &Lab, office: &Office) {
    lab.forget_names();
    office.lan_dns.forget();
    office.corp_dns.forget();
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert_eq!(lab.getent("www.example.com"), ["203.0.113.80"]);
    assert_eq!(lab.dig("A", "git.corp.example"), ["10.99.5.5"]);
    assert_eq!(lab.dig("AAAA", "git.corp.example"), ["fd00:99:5::5"]);
    assert_eq!(lab.dig("AAAA", "nas.home.arpa"), ["fd00:77::50"]);
    assert_eq!(lab.dig_reverse("10.99.5.5"), ["git.corp.example."]);
    assert_eq!(lab.dig_reverse("fd00:99:5::5"), ["git.corp.example."]);
    assert_eq!(lab.dig_reverse("192.168.77.50"), ["nas.home.arpa."]);
    for name in office.corp_dns.names_seen() {
        assert!(
            NAMES_OF_CORP.iter().any(|own| name.ends_with(own)),
            "{name} was asked at corp"
        );
    }
    for name in office.lan_dns.names_seen() {
        assert!(
            !NAMES_OF_CORP.iter().any(|own| name.ends_with(own)),
            "{name} was asked at the LAN"
        );
    }
}

pub(crate) fn a_scope_takes_its_names_from_a_link_that_took_all(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.write_profile("office", OFFICE);
    // Corp has every name: the LAN's do not resolve, and corp sees them.
    assert!(lab.getent("nas.home.arpa").is_empty());
    assert!(office.corp_dns.saw("nas.home.arpa"));
    let before = Picture::take(lab);

    let planned = lab.netprof("plan office --json").exits(0).json();
    assert_eq!(planned["summary"]["change"], 1, "{planned:#}");
    assert_eq!(planned["changes"][0]["resource"], "dns link corp0");
    before.assert_same(&Picture::take(lab));

    let applied = lab.netprof("apply office --json").exits(0).json();
    assert_eq!(applied["outcome"], "committed", "{applied:#}");
    assert_split(lab, &office);

    let again = lab.netprof("apply office --json").exits(0).json();
    assert_eq!(again["outcome"], "unchanged", "{again:#}");
    assert_eq!(again["transaction"], Value::Null);
    lab.netprof("plan office --exit-code").exits(0);

    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    // Whether the link was ever told to be a default route shows only once its
    // domains change.
    lab.run("resolvectl domain corp0 ~corp.example");
    assert_eq!(lab.resolved_link("corp0")["DefaultRoute"], false);
    lab.run("resolvectl domain corp0 corp.example");
    assert_eq!(lab.resolved_link("corp0")["DefaultRoute"], true);
}

/// A server that resolved.conf names: it belongs to no link.
fn add_global(lab: &Lab) -> DnsServer {
    let peer = Peer::new(lab, "global");
    peer.cable("global0");
    peer.run("ip addr add 172.21.0.1/24 dev eth0");
    lab.run("ip addr add 172.21.0.2/24 dev global0");
    lab.write(
        "/etc/systemd/resolved.conf.d/global.conf",
        "[Resolve]\nDNS=172.21.0.1\n",
    );
    DnsServer::start(&peer, &Zone::new())
}

pub(crate) fn a_third_link_and_a_global_server_see_nothing(lab: &Lab) {
    let office = Office::new(lab);
    let (_third, third_dns) = office.add_third();
    let global_dns = add_global(lab);
    let _resolver = office.start_resolver();
    lab.run("resolvectl dns third0 172.20.0.1");
    lab.run("resolvectl default-route third0 yes");
    lab.write_profile("office", OFFICE);
    lab.write_profile("alone", ALONE);
    let before = Picture::take(lab);

    // Without `default-route`, all that nobody claims goes to several servers.
    lab.netprof("apply office").exits(0);
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    until("the third link is asked for the LAN's names", || {
        third_dns.saw("nas.home.arpa")
    });

    lab.netprof("apply alone").exits(0);
    third_dns.forget();
    global_dns.forget();
    assert_split(lab, &office);
    assert!(
        third_dns.names_seen().is_empty(),
        "{:?}",
        third_dns.names_seen()
    );
    assert!(
        global_dns.names_seen().is_empty(),
        "{:?}",
        global_dns.names_seen()
    );

    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_link_that_only_searches_does_not_take_the_rest(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.run("resolvectl domain corp0 ''");
    let before = Picture::take(lab);
    // With nothing but a search domain, resolved itself would make it a default
    // route, and half of all names would go to corp.
    lab.run("resolvectl domain corp0 corp.example");
    assert_eq!(lab.resolved_link("corp0")["DefaultRoute"], true);
    lab.run("resolvectl domain corp0 ''");

    lab.write_profile(
        "office",
        &OFFICE.replace(r#""99.10.in-addr.arpa" "9.9.0.0.0.0.d.f.ip6.arpa""#, ""),
    );
    lab.netprof("apply office").exits(0);
    assert_eq!(lab.resolved_link("corp0")["DefaultRoute"], false);
    office.corp_dns.forget();
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert!(
        office.corp_dns.names_seen().is_empty(),
        "{:?}",
        office.corp_dns.names_seen()
    );

    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    lab.run("resolvectl domain corp0 ~corp.example");
    assert_eq!(lab.resolved_link("corp0")["DefaultRoute"], false);
    lab.run("resolvectl domain corp0 ''");
    assert_eq!(lab.resolved_link("corp0")["DefaultRoute"], true);
}

pub(crate) fn a_scope_without_a_link_is_a_delegate(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.run("resolvectl revert corp0");
    lab.write_profile("office", &OFFICE.replace("link \"corp\"\n        }", "}"));
    assert!(lab.getent("git.corp.example").is_empty());
    let before = Picture::take(lab);

    lab.netprof("apply office").exits(0);
    assert_split(lab, &office);
    lab.netprof("plan office --exit-code").exits(0);
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    lab.forget_names();
    assert!(lab.getent("git.corp.example").is_empty());
}

pub(crate) fn an_old_resolved_has_no_place_for_a_scope_without_a_link(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    let before = Picture::take(lab);
    lab.write_profile("office", &OFFICE.replace("link \"corp\"\n        }", "}"));
    let refused = lab.netprof("apply office").exits(1);
    assert!(refused.stderr.contains("delegates"), "{}", refused.stderr);
    before.assert_same(&Picture::take(lab));
}
