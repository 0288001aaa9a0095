//! Scopes of names, and what else resolved has been told.

use insta::assert_snapshot;
use netprof_model::Section;
use netprof_model::snapshot::DnsGlobal;

use crate::{LINKS, OFFICE, OPENVPN, laptop, planned};

#[test]
fn servers_that_resolved_would_not_ask_are_refused() {
    let scope = |name: &str, server: &str| {
        format!(
            "scope \"{name}\" {{ domains \"{name}.example\"; servers \"{server}\"; link \"vpn\"; }}\n"
        )
    };
    let many: Vec<String> = (0..257)
        .map(|n| format!("10.1.{}.{}", n / 250, n % 250))
        .collect();
    let scopes = [
        scope("stub", "127.0.0.53"),
        scope("tls", "10.0.0.1:853"),
        scope("many", &many.join("\" \"")),
    ]
    .concat();
    assert_snapshot!(planned(
        &format!("{LINKS} dns {{ {scopes} }}"),
        &laptop(OPENVPN)
    ));
}

#[test]
fn names_are_searched_in_the_order_of_the_profile() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"a.example\" \"b.example\" \"c.example\"; search \"b.example\" \"a.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

const ALONE: &str = r#"
    link "lan" { match name="wl*"; }
    dns {
        scope "home" {
            domains "home.arpa"
            servers "192.168.7.1"
            link "lan"
            default-route #true
        }
    }
"#;

#[test]
fn a_default_route_clears_what_takes_every_name_and_no_more() {
    let more = format!(
        "{OPENVPN} link third0\n addr third0 10.30.0.1/24\n dns third0 10.30.0.53 third.example default\n dns global 9.9.9.9"
    );
    assert_snapshot!(planned(ALONE, &laptop(&more)));
}

#[test]
fn a_global_configuration_that_takes_every_name_is_named() {
    let mut machine = laptop("");
    if let Section::Seen(resolved) = &mut machine.resolved {
        resolved.global = DnsGlobal {
            servers: vec![netprof_model::dns::DnsServer::at(
                "9.9.9.9".parse().unwrap(),
            )],
            domains: vec![netprof_model::dns::DnsDomain::route(".")],
            fallback: Vec::new(),
        };
    }
    assert_snapshot!(planned(ALONE, &machine));
}

#[test]
fn a_domain_that_another_link_claims_is_named() {
    let more = format!(
        "{OPENVPN} link third0 networkmanager\n addr third0 10.30.0.1/24\n dns third0 10.30.0.53 corp.example.com"
    );
    assert_snapshot!(planned(&format!("{LINKS}{OFFICE}"), &laptop(&more)));
}

#[test]
fn a_server_that_no_route_reaches_is_warned_of() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example\"; servers \"172.16.0.53\"; link \"vpn\"; }}; }}"
    );
    let vpn = "link tun0 kind tun owner openvpn\n addr tun0 10.8.0.2/24\n dns tun0 10.0.0.53 ~.";
    assert_snapshot!(planned(&profile, &laptop(vpn)));
}

#[test]
fn a_link_that_only_searches_is_told_not_to_take_the_rest() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example\"; search \"corp.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}

#[test]
fn names_that_nobody_is_left_for_are_warned_of() {
    let mut alone = laptop(OPENVPN);
    if let Section::Seen(resolved) = &mut alone.resolved {
        resolved.links.retain(|link| link.id.name == "tun0");
    }
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}; }}"
    );
    assert_snapshot!(planned(&profile, &alone));
}

#[test]
fn other_servers_on_one_link_need_a_delegate() {
    let profile = format!(
        "{LINKS} dns {{
            scope \"corp\" {{ domains \"corp.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}
            scope \"lab\" {{ domains \"lab.example\"; servers \"10.8.0.2\"; link \"vpn\"; }}
            scope \"dev\" {{ domains \"dev.example\"; servers \"10.8.0.1\"; link \"vpn\"; }}
        }}"
    );
    let mut machine = laptop(OPENVPN);
    let without = planned(&profile, &machine);
    if let Section::Seen(resolved) = &mut machine.resolved {
        resolved.delegates = Some(Vec::new());
    }
    assert_snapshot!(format!(
        "--- 252\n{without}--- 258\n{}",
        planned(&profile, &machine)
    ));
}

#[test]
fn a_longer_domain_on_another_link_is_told() {
    let more = format!(
        "{OPENVPN} link dock0\n addr dock0 10.40.0.2/24\n dns dock0 10.40.0.1 git.corp.example.com"
    );
    let says = |profile: &str| {
        let text = planned(&format!("{LINKS}{profile}"), &laptop(&more));
        text.contains("scope corp: names under git.corp.example.com go to link dock0")
    };
    assert!(says(OFFICE));
    // Where the profile means it so, there is nothing to say.
    let both = OFFICE.replacen(
        "dns {",
        r#"link "dock" { match name="dock0"; }
        dns { scope "git" { domains "git.corp.example.com"; servers "10.40.0.1"; link "dock"; }"#,
        1,
    );
    assert!(!says(&both), "{both}");
}

#[test]
fn a_scope_that_is_to_outlive_the_boot_is_refused() {
    let profile = format!(
        "{LINKS} dns {{ scope \"corp\" {{ domains \"corp.example.com\"; servers \"10.8.0.1\"; link \"vpn\"; durable #true; }}; }}"
    );
    assert_snapshot!(planned(&profile, &laptop(OPENVPN)));
}
