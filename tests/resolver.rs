//! systemd-resolved, as netprof's scopes rest on it.

use nix::sys::signal::Signal;

use crate::harness::{Lab, Office, until, until_sees};

const SCOPES: &str = "
    resolvectl domain corp0 ~corp.example ~99.10.in-addr.arpa
    resolvectl default-route corp0 no
    resolvectl domain lan0 ~.";

pub(crate) fn corp_with_all_names_sees_the_names_of_the_lan(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    // This is the leak, and the breakage, that scopes are for.
    assert!(lab.getent("nas.home.arpa").is_empty());
    assert_eq!(
        office.corp_dns.names_seen(),
        ["git.corp.example", "nas.home.arpa"]
    );
    assert!(office.lan_dns.names_seen().is_empty());
}

pub(crate) fn scoped_names_go_to_their_server_only(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    let (_third, third_dns) = office.add_third();
    lab.run_each(SCOPES);
    lab.run("resolvectl dns third0 172.20.0.1");
    lab.run("resolvectl domain third0 ~third.example");
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    assert_eq!(
        lab.getent("nas.home.arpa"),
        ["192.168.77.50", "fd00:77::50"]
    );
    assert_eq!(lab.getent("db.third.example"), ["172.20.0.9"]);
    assert_eq!(office.corp_dns.names_seen(), ["git.corp.example"]);
    assert_eq!(office.lan_dns.names_seen(), ["nas.home.arpa"]);
    assert_eq!(third_dns.names_seen(), ["db.third.example"]);

    let link = lab.resolved_link("corp0");
    assert_eq!(link["DefaultRoute"], false, "{link:#}");
    assert_eq!(link["Domains"][0][0], "corp.example", "{link:#}");
}

pub(crate) fn addresses_and_names_are_answered_both_ways(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    lab.run_each(SCOPES);
    assert_eq!(lab.dig("A", "git.corp.example"), ["10.99.5.5"]);
    assert_eq!(lab.dig("AAAA", "git.corp.example"), ["fd00:99:5::5"]);
    assert_eq!(lab.dig_reverse("10.99.5.5"), ["git.corp.example."]);
    assert_eq!(lab.dig_reverse("192.168.77.50"), ["nas.home.arpa."]);
    assert!(office.corp_dns.saw("5.5.99.10.in-addr.arpa"));
    assert!(!office.lan_dns.saw("5.5.99.10.in-addr.arpa"));

    // What is remembered is not asked again.
    office.corp_dns.forget();
    assert_eq!(lab.dig("A", "git.corp.example"), ["10.99.5.5"]);
    assert!(office.corp_dns.queries().is_empty());
    lab.forget_names();
    assert_eq!(lab.dig("A", "git.corp.example"), ["10.99.5.5"]);
    assert_eq!(office.corp_dns.queries()[0].kind, "A");
}

/// It keeps them in /run/systemd/resolve/netif: a restart takes nothing back.
pub(crate) fn restart_keeps_what_links_were_told(lab: &Lab) {
    let office = Office::new(lab);
    let mut resolver = office.start_resolver();
    let before = lab.resolved();
    resolver.resolved.restart(lab);
    until_sees("it has read its files", &before["links"], || {
        lab.resolved()["links"].clone()
    });
}

pub(crate) fn old_resolved_dies_of_a_reload(lab: &Lab) {
    let office = Office::new(lab);
    let mut resolver = office.start_resolver();
    let version = resolver.resolved.version();
    if version >= 257 {
        lab.not_run(&format!(
            "the host tree has systemd-resolved {version}, which reloads"
        ));
    }
    let daemon = resolver.resolved.daemon();
    daemon.signal(Signal::SIGHUP);
    until("it has died", || !daemon.is_running());
}

pub(crate) fn a_delegate_answers_its_domain(lab: &Lab) {
    let office = Office::new(lab);
    let mut resolver = office.start_resolver();
    let version = resolver.resolved.version();
    if version < 258 {
        lab.not_run(&format!(
            "the newer tree has systemd-resolved {version}, delegates came with 258"
        ));
    }
    lab.run("resolvectl revert corp0");
    lab.run("resolvectl domain lan0 ~.");
    assert!(lab.getent("git.corp.example").is_empty());

    lab.write(
        "/run/systemd/dns-delegate.d/corp.dns-delegate",
        "[Delegate]\nDNS=10.99.0.1\nDomains=corp.example\nDefaultRoute=no\n",
    );
    resolver.resolved.reload(lab);
    office.lan_dns.forget();
    assert_eq!(
        lab.getent("git.corp.example"),
        ["10.99.5.5", "fd00:99:5::5"]
    );
    assert!(!office.lan_dns.saw("git.corp.example"));
    assert!(office.corp_dns.saw("git.corp.example"));
    let delegates = &lab.resolved()["delegates"];
    assert!(delegates.get("corp").is_some(), "{delegates:#}");
}
