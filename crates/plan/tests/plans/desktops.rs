//! What GNOME and KDE are told of proxies.

use insta::assert_snapshot;
use netprof_model::{Section, Snapshot};
use netprof_plan::plan;

use crate::carried_out::carried_out;
use crate::machine::machine;
use crate::planned::{described, made};
use crate::{applied, planned};

const LINK: &str = "link wlan0\naddr wlan0 192.168.7.20/24\nuser me\n";

fn desk(text: &str) -> Snapshot {
    machine(&format!("{LINK}{text}"))
}

const BOTH: &str = "
    gnome mode=none http/host=old.example http/port=8080 http/use-authentication=true https/host=old.example
    kde ProxyType=0 httpProxy=http://old.example_8080 ReversedException=true (others)=true
";

const PROXY: &str = r#"
    proxy {
        http "http://me:s3cret@proxy.corp.example:3128"
        socks "socks5://[fd00::9]"
        bypass "localhost" "*.corp.example" "10.0.0.0/8" "192.0.2.7/32"
        export "desktop"
    }
"#;

#[test]
fn both_desktops_are_told_in_their_own_words() {
    assert_snapshot!(planned(PROXY, &desk(BOTH)));
}

#[test]
fn what_was_told_is_told_once_and_all_of_it_is_taken_back() {
    let before = desk(BOTH);
    let done = applied(PROXY, &before);
    assert_eq!(made(PROXY, &done).changes, []);
    let released = carried_out(&done, &plan(None, &done));
    assert_eq!(released.settings, before.settings);

    // What nobody can be told now stays held, and the other is taken back.
    let mut away = done;
    if let Section::Seen(all) = &mut away.settings {
        all[0].unreachable = Some("me has no session".to_owned());
    }
    assert_eq!(made(PROXY, &away).changes, []);
    assert_snapshot!(described(&plan(None, &away)));
    let held = carried_out(&away, &plan(None, &away));
    assert_eq!(held.held().unwrap().resources.len(), 1);
}

#[test]
fn kde_gets_a_file_where_it_has_none() {
    assert_snapshot!(planned(PROXY, &desk("kde")));
}

#[test]
fn a_pac_file_is_asked_alone() {
    let profile = r#"
        proxy {
            http "http://proxy.corp.example:3128"
            pac "http://wpad.corp.example/proxy.pac"
            bypass "localhost"
            export "desktop"
        }
    "#;
    let both = "gnome mode=manual http/host=old.example\nkde ProxyType=1";
    assert_snapshot!(planned(profile, &desk(both)));
}

#[test]
fn exceptions_alone_switch_nothing_on() {
    let profile = r#"proxy { bypass "*.corp.example"; export "desktop"; }"#;
    let both = "gnome mode=manual http/host=old.example\nkde ProxyType=1 ReversedException=true";
    assert_snapshot!(planned(profile, &desk(both)));
    // There they would be the name of a variable.
    assert_eq!(made(profile, &desk("kde ProxyType=4")).changes, []);
}

#[test]
fn a_password_that_is_for_this_proxy_stays() {
    let profile = r#"proxy { http "http://proxy.corp.example:3128"; export "desktop"; }"#;
    let same = "gnome http/host=proxy.corp.example http/port=3128 http/use-authentication=true";
    assert_snapshot!(planned(profile, &desk(same)));
}

#[test]
fn where_there_is_no_desktop_that_is_said() {
    assert_snapshot!(planned(PROXY, &desk("")));
}

#[test]
fn what_was_not_looked_for_is_not_known() {
    assert_snapshot!(planned(PROXY, &machine("link wlan0")));
}

#[test]
fn settings_that_were_not_read_are_not_known() {
    let unread = Snapshot {
        settings: Section::Unread,
        ..desk("gnome mode=none")
    };
    assert_snapshot!(planned(PROXY, &unread));
}

#[test]
fn without_a_session_it_waits() {
    assert_snapshot!(planned(PROXY, &desk("gnome mode=none unreachable")));
}

#[test]
fn a_key_that_is_locked_is_refused_only_where_it_would_change() {
    let locked = "gnome mode=none locked=mode\nkde ProxyType=1 locked=ProxyType";
    assert_snapshot!(planned(PROXY, &desk(locked)));
}

#[test]
fn what_a_desktop_cannot_be_told_is_refused() {
    for (name, profile) in [
        (
            "tls",
            r#"proxy { https "https://me:s3cret@proxy.example"; export "desktop"; }"#,
        ),
        (
            "pac",
            r#"proxy { pac "http://me:s3cret@wpad.example/x"; export "desktop"; }"#,
        ),
        (
            "socks4",
            r#"proxy { socks "socks4://proxy.example"; export "desktop"; }"#,
        ),
        ("nothing", r#"proxy { export "desktop"; }"#),
    ] {
        let said = planned(profile, &desk("gnome mode=none\nkde ProxyType=0"));
        assert!(!said.contains("s3cret"), "{said}");
        assert_snapshot!(name, said);
    }
}
