//! Includes, `os` blocks and `remove`; and how a name becomes a file.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use netprof_model::profile::{Profile, RouteTarget};
use netprof_model::snapshot::Os;
use netprof_profile::{Library, Refused, Resolved, code};

fn resolve(text: &str) -> Result<Resolved, Refused> {
    Library::default().resolve_text("x.kdl#p", text, Os::Linux)
}

fn profile(text: &str) -> Profile {
    match resolve(text) {
        Ok(resolved) => resolved.profile,
        Err(refused) => panic!("{:#?}", refused.diagnostics),
    }
}

fn codes(text: &str) -> Vec<String> {
    let refused = resolve(text).expect_err("it has errors");
    refused
        .diagnostics
        .into_iter()
        .map(|one| one.code)
        .collect()
}

/// The routes of a profile, each as its prefix and its gateway.
fn routes(profile: &Profile) -> Vec<String> {
    let via = |target: &RouteTarget| match target {
        RouteTarget::Through { via: Some(via), .. } => via.to_string(),
        RouteTarget::Through { via: None, .. } => "link".to_owned(),
        RouteTarget::Unreachable => "nowhere".to_owned(),
    };
    let routes = profile.routes.routes.iter();
    routes
        .map(|route| format!("{} {}", route.prefix, via(&route.target)))
        .collect()
}

fn scopes(profile: &Profile) -> Vec<&str> {
    profile
        .scopes
        .iter()
        .map(|scope| scope.name.as_str())
        .collect()
}

#[test]
fn an_own_node_replaces_the_included_one_whole() {
    let profile = profile(
        r#"
        profile "p" {
            include "base"
            dns { scope "corp" { domains "corp.example"; servers "10.0.0.2"; }; }
            routes { route "10.0.0.0/8" via="192.168.0.2"; }
        }
        profile "base" {
            dns { scope "corp" { domains "corp.example" "example.net"; search "example.net"; servers "10.0.0.1"; }; }
            routes {
                keep-localhost
                route "10.0.0.0/8" via="192.168.0.1" src="192.168.0.9"
                route "10.0.0.0/8" via="192.168.0.3" metric=7
            }
        }
        "#,
    );
    assert_eq!(
        routes(&profile),
        ["10.0.0.0/8 192.168.0.2", "10.0.0.0/8 192.168.0.3"]
    );
    assert_eq!(profile.routes.routes[0].src, None);
    assert_eq!(profile.scopes[0].domains.len(), 1);
    assert!(profile.scopes[0].search.is_empty());
    assert!(profile.routes.keep_localhost.is_some(), "flags add up");
}

#[test]
fn a_diamond_counts_once() {
    let profile = profile(
        r#"
        profile "p" { include "left" "right"; }
        profile "left" { include "base"; routes { unreachable "10.1.0.0/16"; }; }
        profile "right" { include "base"; routes { unreachable "10.2.0.0/16"; }; }
        profile "base" { routes { keep-localhost; unreachable "10.0.0.0/16"; }; }
        "#,
    );
    assert_eq!(
        routes(&profile),
        [
            "10.0.0.0/16 nowhere",
            "10.1.0.0/16 nowhere",
            "10.2.0.0/16 nowhere"
        ]
    );
}

#[test]
fn one_arm_of_a_diamond_may_replace_what_both_include() {
    for order in ["\"left\" \"right\"", "\"right\" \"left\""] {
        let profile = profile(&format!(
            r#"
            profile "p" {{ include {order}; }}
            profile "left" {{ include "base"; routes {{ route "10.0.0.0/8" via="192.168.0.2"; }}; }}
            profile "right" {{ include "base"; }}
            profile "base" {{ routes {{ route "10.0.0.0/8" via="192.168.0.1"; }}; }}
            "#
        ));
        assert_eq!(routes(&profile), ["10.0.0.0/8 192.168.0.2"], "{order}");
    }
}

const DISAGREE: &str = r#"
    profile "one" { routes { route "10.0.0.0/8" via="192.168.0.1"; }; }
    profile "two" { routes { route "10.0.0.0/8" via="192.168.0.2"; }; }
"#;

#[test]
fn includes_that_disagree_need_a_decision() {
    let with =
        |own: &str| format!("profile \"p\" {{ include \"one\" \"two\"; {own} }}\n{DISAGREE}");
    assert_eq!(codes(&with("")), [code::CONFLICT]);
    let own = with("routes { route \"10.0.0.0/8\" via=\"192.168.0.3\"; };");
    assert_eq!(routes(&profile(&own)), ["10.0.0.0/8 192.168.0.3"]);
    assert_eq!(
        routes(&profile(&with("remove route \"10.0.0.0/8\";"))),
        [] as [&str; 0]
    );
    assert_eq!(
        routes(&profile(&with(
            "remove { route \"10.0.0.0/8\" metric=0; };"
        ))),
        [] as [&str; 0]
    );
    let os = with("os \"linux\" { routes { unreachable \"10.0.0.0/8\"; }; };");
    assert_eq!(routes(&profile(&os)), ["10.0.0.0/8 nowhere"]);
    assert_eq!(
        codes(&with("os \"macos\" { remove route \"10.0.0.0/8\"; };")),
        [code::CONFLICT]
    );
}

#[test]
fn whoever_includes_both_decides_for_all_that_include_them() {
    let text = format!(
        "profile \"p\" {{ include \"middle\"; }}
        profile \"middle\" {{ include \"one\" \"two\"; routes {{ unreachable \"10.0.0.0/8\"; }}; }}\n{DISAGREE}"
    );
    assert_eq!(routes(&profile(&text)), ["10.0.0.0/8 nowhere"]);
}

#[test]
fn nobody_decides_for_a_profile_that_they_do_not_include() {
    let text = format!(
        "profile \"p\" {{ include \"middle\" \"two\"; }}
        profile \"middle\" {{ include \"one\"; routes {{ unreachable \"10.0.0.0/8\"; }}; }}\n{DISAGREE}"
    );
    assert_eq!(codes(&text), [code::CONFLICT]);
}

#[test]
fn includes_that_agree_are_no_conflict() {
    let profile = profile(
        r#"
        profile "p" { include "one" "two"; }
        profile "one" { link "vpn" { match name="tun*"; }; routes { keep-localhost; route "10.0.0.0/8" link="vpn"; }; }
        profile "two" { routes { keep-localhost; route "10.0.0.0/8" link="vpn"; }; link "vpn" { match name="tun*"; }; }
        "#,
    );
    assert_eq!(routes(&profile), ["10.0.0.0/8 link"]);
}

#[test]
fn two_passwords_are_two_things_to_say() {
    let text = r#"
        profile "p" { include "one" "two"; }
        profile "one" { proxy { http "http://me:a@proxy.example:1"; }; }
        profile "two" { proxy { http "http://me:b@proxy.example:1"; }; }
    "#;
    assert_eq!(codes(text), [code::CONFLICT]);
}

#[test]
fn what_was_included_can_be_removed() {
    let profile = profile(
        r#"
        profile "p" {
            include "base"
            remove scope "lab"
            remove route "10.0.0.0/8"
            remove keep-localhost
            remove {
                link "old"
                keep-lan
                mtu "vpn"
                http
            }
        }
        profile "base" {
            link "vpn" { match name="tun*"; }
            link "old" { match name="ppp*"; }
            dns {
                scope "corp" { domains "corp.example"; servers "10.0.0.1"; }
                scope "lab" { domains "lab.example"; servers "10.0.0.1"; }
            }
            routes {
                keep-localhost
                keep-lan
                route "10.0.0.0/8" link="vpn"
                route "10.0.0.0/8" link="old" metric=9
                unreachable "172.16.0.0/12"
            }
            mtu "vpn" 1400
            proxy { http "http://proxy.example:3128"; bypass "localhost"; }
        }
        "#,
    );
    assert_eq!(scopes(&profile), ["corp"]);
    assert_eq!(routes(&profile), ["172.16.0.0/12 nowhere"]);
    assert_eq!(profile.links.len(), 1);
    assert_eq!(profile.routes.keep_localhost, None);
    assert_eq!(profile.routes.keep_lan, None);
    assert!(profile.mtu.is_empty());
    let proxy = profile.proxy.expect("something of it is left");
    assert_eq!((proxy.http, proxy.bypass.len()), (None, 1));
}

#[test]
fn a_removal_of_all_metrics_takes_what_was_there_before_it() {
    let profile = profile(
        r#"
        profile "p" { include "middle" "beside"; routes { route "10.0.0.0/8" via="10.0.0.5" metric=2; }; }
        profile "middle" {
            include "base"
            remove route "10.0.0.0/8"
            remove route "172.16.0.0/12" metric=2
            routes { route "10.0.0.0/8" via="10.0.0.3" metric=2; route "10.0.0.0/8" via="10.0.0.4" metric=3; }
        }
        profile "base" {
            routes {
                route "10.0.0.0/8" via="10.0.0.1"
                route "10.0.0.0/9" via="10.0.0.1"
                route "10.0.0.0/8" via="10.0.0.2" metric=2
                route "172.16.0.0/12" via="10.0.0.1"
                route "172.16.0.0/12" via="10.0.0.2" metric=2
            }
        }
        profile "beside" { routes { route "10.0.0.0/8" via="10.0.0.6" metric=7; }; }
        "#,
    );
    assert_eq!(
        routes(&profile),
        [
            "10.0.0.0/9 10.0.0.1",
            "172.16.0.0/12 10.0.0.1",
            // In the place of the middle's own, which came after its removal.
            "10.0.0.0/8 10.0.0.5",
            "10.0.0.0/8 10.0.0.4",
            "10.0.0.0/8 10.0.0.6",
        ]
    );
}

#[test]
fn both_arms_of_a_diamond_may_remove_the_same() {
    let profile = profile(
        r#"
        profile "p" { include "left" "right"; }
        profile "left" { include "base"; remove keep-localhost; }
        profile "right" { include "base"; remove keep-localhost; }
        profile "base" { routes { keep-localhost; }; }
        "#,
    );
    assert_eq!(profile.routes.keep_localhost, None);
}

#[test]
fn what_one_arm_of_a_diamond_removes_is_gone() {
    let profile = profile(
        r#"
        profile "p" { include "left" "right"; }
        profile "left" { include "base"; }
        profile "right" { include "base"; remove keep-localhost; }
        profile "base" { routes { keep-localhost; keep-lan; }; }
        "#,
    );
    assert_eq!(profile.routes.keep_localhost, None);
    assert!(profile.routes.keep_lan.is_some());
}

#[test]
fn a_thing_is_removed_once_in_one_profile() {
    let with = |removals: &str| {
        format!(
            "profile \"p\" {{ include \"base\"; {removals} }}
             profile \"base\" {{ routes {{
                 keep-lan
                 unreachable \"10.0.0.0/8\"
                 unreachable \"fd00::/8\"
             }}; }}"
        )
    };
    for twice in [
        "remove keep-lan; remove { keep-lan; };",
        "remove { route \"10.0.0.0/8\"; unreachable \"10.0.0.0/8\"; };",
        // Without a metric an IPv6 route has that of 1024, and 0 is none.
        "remove { route \"fd00::/8\" metric=0; route \"fd00::/8\" metric=1024; };",
        "os \"linux\" { remove keep-lan; }; os \"linux\" { remove keep-lan; };",
    ] {
        assert_eq!(codes(&with(twice)), [code::DUPLICATE], "{twice}");
    }
    for once in [
        "remove keep-lan; os \"linux\" { remove keep-lan; };",
        "os \"linux\" { remove keep-lan; }; os \"macos\" { remove keep-lan; };",
        "remove { route \"10.0.0.0/8\"; route \"10.0.0.0/8\" metric=0; };",
    ] {
        let left = profile(&with(once));
        assert!(routes(&left).len() + usize::from(left.routes.keep_lan.is_some()) == 2);
    }
    // Nobody knows whether these are one.
    let unread = "remove { route \"10.0.0.0/8\" metric=-1; route \"10.0.0.0/8\" metric=-2; };";
    let only = codes(&with(unread));
    assert!(!only.contains(&code::DUPLICATE.to_owned()), "{only:?}");
}

#[test]
fn a_removal_in_a_block_takes_the_profiles_own_nodes_as_well() {
    let text = r#"
        profile "p" {
            routes { keep-localhost; keep-lan; }
            os "macos" { remove keep-lan; }
        }
    "#;
    assert!(profile(text).routes.keep_lan.is_some());
    let mac = Library::default().resolve_text("x.kdl#p", text, Os::Macos);
    let mac = mac.expect("sound").profile;
    assert!(mac.routes.keep_lan.is_none() && mac.routes.keep_localhost.is_some());
}

#[test]
fn a_block_for_another_system_says_nothing() {
    let text = r#"
        profile "p" {
            include "base"
            routes { unreachable "10.1.0.0/16"; }
            os "macos" { routes { keep-localhost; }; include "mac"; remove route "10.1.0.0/16"; }
            os "linux" { routes { keep-lan; }; }
            os "linux" { dns { scope "a" { domains "a.example"; servers "10.0.0.1"; }; }; }
        }
        profile "base" { routes { unreachable "10.0.0.0/16"; }; }
        profile "mac" { routes { unreachable "10.2.0.0/16"; }; }
    "#;
    let linux = profile(text);
    assert_eq!(
        routes(&linux),
        ["10.0.0.0/16 nowhere", "10.1.0.0/16 nowhere"]
    );
    assert!(linux.routes.keep_lan.is_some() && linux.routes.keep_localhost.is_none());
    assert_eq!(scopes(&linux), ["a"]);
    let mac = Library::default()
        .resolve_text("x.kdl#p", text, Os::Macos)
        .expect("sound");
    assert_eq!(
        routes(&mac.profile),
        ["10.0.0.0/16 nowhere", "10.2.0.0/16 nowhere"]
    );
    assert!(mac.profile.routes.keep_localhost.is_some());
}

#[test]
fn blocks_of_one_system_are_one() {
    let text = r#"
        profile "p" {
            os "linux" { routes { unreachable "10.0.0.0/8"; }; }
            os "linux" { routes { unreachable "10.0.0.0/8"; }; }
        }
    "#;
    assert_eq!(codes(text), [code::REPEATED_NODE, code::DUPLICATE]);
}

#[test]
fn an_include_brings_neither_its_description_nor_its_conditions() {
    let profile = profile(
        r#"
        profile "p" { include "base"; }
        profile "base" { description "what base is for"; when { ssid "Home"; }; routes { keep-localhost; }; }
        "#,
    );
    assert_eq!(profile.description, None);
    assert_eq!(profile.when, None);
}

#[test]
fn an_include_may_use_a_link_that_its_includer_declares() {
    let profile = profile(
        r#"
        profile "p" { include "corp"; link "vpn" { match name="wg0"; }; }
        profile "corp" { routes { route "10.0.0.0/8" link="vpn"; }; }
        "#,
    );
    assert_eq!(routes(&profile), ["10.0.0.0/8 link"]);
}

#[test]
fn the_hash_is_of_what_is_said_and_not_of_where() {
    let hash = |text: &str| resolve(text).expect("sound").sha256;
    let one = hash("profile \"p\" { routes { keep-localhost; unreachable \"10.0.0.0/8\"; }; }");
    let two = hash(
        "// more\nprofile \"b\" { routes { keep-localhost; }; }
        profile \"p\" { include \"b\"; routes { unreachable \"10.0.0.0/8\"; }; }",
    );
    let three = hash("profile \"p\" { routes { keep-localhost; unreachable \"10.0.0.0/9\"; }; }");
    assert_eq!(one, two);
    assert_ne!(one, three);
}

#[test]
fn errors_of_all_files_show_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "p.kdl",
        "profile \"p\" {\n    include \"a\" \"b\" \"c\"\n    rout\n}\n",
    );
    write(
        folder.path(),
        "a.kdl",
        "profile \"a\" {\n    mtu \"x\"\n}\n",
    );
    write(
        folder.path(),
        "b.kdl",
        "profile \"b\" {\n    description true\n}\n",
    );
    let library = Library::new([folder.path().to_owned()]);
    let refused = library
        .resolve("p", Os::Linux)
        .expect_err("three files have errors");
    let codes: Vec<&str> = refused
        .diagnostics
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    for code in [
        code::UNKNOWN_NODE,
        code::MISSING_ARGUMENT,
        code::SYNTAX,
        code::INCLUDE_NOT_FOUND,
    ] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
    for one in &refused.diagnostics {
        let at = one.location.as_ref().expect("a place");
        assert!(refused.sources.text(&at.file).is_some(), "{at}");
    }
}

#[test]
fn links_that_nobody_declares_show_beside_other_errors() {
    let folder = tempfile::tempdir().unwrap();
    let base = "profile \"base\" {\n    link \"lan\" { match name=\"wl*\"; }\n}\n";
    write(folder.path(), "base.kdl", base);
    let library = Library::new([folder.path().to_owned()]);
    let undeclared = |nodes: &str| {
        let text = format!("profile \"p\" {{\n{nodes}\n}}\n");
        let file = folder.path().join("p.kdl");
        std::fs::write(&file, text).unwrap();
        let wanted = file.display().to_string();
        let refused = library.resolve(&wanted, Os::Linux).expect_err(nodes);
        let of_links = |all: &[netprof_model::Diagnostic]| {
            let all = all.iter().filter(|one| one.code == code::UNDECLARED_LINK);
            all.map(|one| one.message.clone()).collect::<Vec<_>>()
        };
        let found = of_links(&refused.diagnostics);
        assert_eq!(of_links(&library.check(&wanted).diagnostics), found);
        assert!(refused.diagnostics.len() > found.len(), "{nodes}");
        found.len()
    };
    // Every place where a link is named.
    let all = "rout
        dns { scope \"s\" { domains \"a.example\"; servers \"10.0.0.1\"; link \"a\"; }; }
        routes { keep-lan \"b\"; route \"10.0.0.0/8\" link=\"c\"; }
        mtu \"d\" 1400
        clamp-mss \"e\"
        when { link \"f\"; }
        os \"linux\" { mtu \"g\" 1400; }";
    assert_eq!(undeclared(all), 7);
    // What an include declares is declared, and so is what is declared with a mistake.
    let lan = "routes { keep-lan \"lan\"; }";
    assert_eq!(undeclared(&format!("rout\n{lan}")), 1);
    assert_eq!(undeclared(&format!("include \"base\"\nrout\n{lan}")), 0);
    for declaration in [
        "link \"lan\" { mtch name=\"x\"; }",
        "lnik \"lan\"",
        "link \"lan\"",
    ] {
        assert_eq!(undeclared(&format!("{declaration}\n{lan}")), 0);
    }
    // It may be declared where nothing can be read.
    assert_eq!(undeclared(&format!("include \"nowhere\"\n{lan}")), 0);
    assert_eq!(undeclared(&format!("mtu \"x 1400\n{lan}")), 0);
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

fn named(name: &str, description: &str) -> String {
    format!("profile \"{name}\" {{\n    description \"{description}\"\n}}\n")
}

#[test]
fn the_first_folder_that_has_the_name_wins() {
    let root = tempfile::tempdir().unwrap();
    let (mine, system) = (root.path().join("mine"), root.path().join("system"));
    write(&mine, "any.kdl", &named("office", "mine"));
    write(&system, "office.kdl", &named("office", "system"));
    write(&system, "home.kdl", &named("home", "system"));
    write(&system, ".#home.kdl", &named("home", "an editor's copy"));
    write(&system, "notes.txt", "no profile");
    let library = Library::new([root.path().join("absent"), mine, system.clone()]);
    let description = |wanted: &str| {
        let resolved = library.resolve(wanted, Os::Linux).expect(wanted);
        resolved.profile.description.expect("each has one")
    };
    assert_eq!(description("office"), "mine");
    assert_eq!(description("home"), "system");
    assert_eq!(
        description(&system.join("office.kdl").display().to_string()),
        "system"
    );
    let listing = library.list();
    let listed: Vec<(&str, bool)> = listing
        .profiles
        .iter()
        .map(|found| (found.name.as_str(), found.shadowed))
        .collect();
    assert_eq!(
        listed,
        [("office", false), ("home", false), ("office", true)]
    );
    assert_eq!(listing.diagnostics, []);
}

#[test]
fn a_broken_file_blocks_only_itself() {
    let root = tempfile::tempdir().unwrap();
    let (mine, system) = (root.path().join("mine"), root.path().join("system"));
    write(&mine, "broken.kdl", "profile \"broken\" {\n    rout\n}\n");
    write(&mine, "torn.kdl", "profile \"to");
    write(&mine, "good.kdl", &named("good", "fine"));
    write(
        &system,
        "all.kdl",
        &(named("broken", "system") + &named("torn", "system")),
    );
    let library = Library::new([mine, system]);
    assert!(library.resolve("good", Os::Linux).is_ok());
    let code_of = |wanted: &str| {
        let refused = library.resolve(wanted, Os::Linux).expect_err(wanted);
        refused.diagnostics[0].code.clone()
    };
    // The broken profile is meant, not the one that it hides.
    assert_eq!(code_of("broken"), code::UNKNOWN_NODE);
    assert_eq!(code_of("torn"), code::UNCLOSED);
    let refused = library.resolve("absent", Os::Linux).expect_err("absent");
    let codes: Vec<&str> = refused
        .diagnostics
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(
        codes,
        [code::NOT_FOUND, code::BROKEN_FILE, code::BROKEN_FILE]
    );
}

#[test]
fn a_name_twice_in_one_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a.kdl", &named("office", "a"));
    write(root.path(), "b.kdl", &named("office", "b"));
    let library = Library::new([root.path().to_owned()]);
    let refused = library.resolve("office", Os::Linux).expect_err("twice");
    assert_eq!(refused.diagnostics[0].code, code::AMBIGUOUS);
    let text = format!("{:?}", refused.diagnostics[0]);
    assert!(text.contains("a.kdl") && text.contains("b.kdl"), "{text}");
    assert!(library.list().profiles.iter().all(|found| found.ambiguous));
    let path = root.path().join("b.kdl").display().to_string();
    assert!(library.resolve(&path, Os::Linux).is_ok());
}

#[test]
fn an_include_is_looked_for_close_by_first() {
    let root = tempfile::tempdir().unwrap();
    let (here, shelf) = (root.path().join("here"), root.path().join("shelf"));
    let with = |gateway: &str| {
        format!("profile \"base\" {{ routes {{ route \"10.0.0.0/8\" via=\"{gateway}\"; }}; }}\n")
    };
    write(&shelf, "base.kdl", &with("192.168.0.3"));
    write(&here, "p.kdl", "profile \"p\" { include \"base\"; }\n");
    let library = Library::new([shelf]);
    let path = here.join("p.kdl").display().to_string();
    let gateway = || routes(&library.resolve(&path, Os::Linux).expect("sound").profile);
    assert_eq!(gateway(), ["10.0.0.0/8 192.168.0.3"]);
    write(&here, "base.kdl", &with("192.168.0.2"));
    assert_eq!(gateway(), ["10.0.0.0/8 192.168.0.2"]);
    write(
        &here,
        "p.kdl",
        &("profile \"p\" { include \"base\"; }\n".to_owned() + &with("192.168.0.1")),
    );
    let refused = library
        .resolve(&path, Os::Linux)
        .expect_err("the file has two");
    assert_eq!(refused.diagnostics[0].code, code::AMBIGUOUS);
    let resolved = library
        .resolve(&format!("{path}#p"), Os::Linux)
        .expect("sound");
    assert_eq!(routes(&resolved.profile), ["10.0.0.0/8 192.168.0.1"]);
    assert_eq!(resolved.files.len(), 1);
}

#[test]
fn a_file_with_a_hash_in_its_name_can_be_named() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a#b.kdl", &named("p", "x"));
    let path = root.path().join("a#b.kdl").display().to_string();
    assert!(Library::default().resolve(&path, Os::Linux).is_ok());
    assert!(
        Library::default()
            .resolve(&format!("{path}#p"), Os::Linux)
            .is_ok()
    );
}

#[test]
fn a_circle_is_reported_once_and_whoever_leads_to_it_is_not_sound() {
    let folder = tempfile::tempdir().unwrap();
    let text = "profile \"to\" { include \"a\"; }
        profile \"a\" { include \"b\"; }
        profile \"b\" { include \"c\"; os \"macos\" { mtu \"x\" 1400; }; }
        profile \"c\" { include \"a\" \"beside\"; }
        profile \"beside\" { routes { keep-localhost; }; }
        profile \"itself\" { include \"itself\"; }";
    fs::write(folder.path().join("x.kdl"), text).unwrap();
    let library = Library::new([folder.path().to_owned()]);
    let path = folder.path().join("x.kdl").display().to_string();
    for checked in [library.check(&path), library.check_all()] {
        let said: Vec<&str> = checked
            .diagnostics
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        assert_eq!(
            said,
            [
                "profiles include each other in a circle: a -> b -> c -> a",
                "profiles include each other in a circle: itself -> itself",
            ]
        );
        let sound: Vec<&str> = checked.sound.iter().map(|name| name.as_str()).collect();
        assert_eq!(sound, ["beside"]);
    }
    for name in ["to", "a", "b", "c"] {
        let refused = library.resolve(name, Os::Macos).expect_err(name);
        assert_eq!(refused.diagnostics.len(), 1, "{name}");
        assert_eq!(refused.diagnostics[0].code, code::INCLUDE_CIRCLE);
    }
}

#[test]
fn the_same_mistake_on_two_systems_and_of_two_profiles_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.kdl");
    let text = "profile \"base\" { include \"nowhere\"; os \"macos\" { include \"mac\"; }; }
        profile \"p\" { include \"base\"; }
        profile \"q\" { include \"base\"; remove scope \"x\"; }";
    fs::write(&path, text).unwrap();
    let checked = Library::default().check(&path.display().to_string());
    let codes: Vec<&str> = checked
        .diagnostics
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, [code::INCLUDE_NOT_FOUND, code::INCLUDE_NOT_FOUND]);
    assert!(checked.sound.is_empty());
}
